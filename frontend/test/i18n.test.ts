/** The texts of the front end: every one is found, translated and filled; nothing is shown that went past the catalogue. */
import { readFileSync, readdirSync } from "node:fs";
import { relative, resolve } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { allMessages, catalogueFile, LANGUAGES, messageOf, placeholders, renewed, sourceFiles, textOf, treeOf, walk, type Node } from "../messages.mjs";

const SRC = resolve(import.meta.dirname, "../src");

describe.each(LANGUAGES)("the catalogue %s", (language) => {
  const messages = allMessages();
  const catalogue = JSON.parse(readFileSync(catalogueFile(language), "utf8")) as Record<string, unknown>;

  it("holds exactly the texts of the code, sorted (node messages.mjs)", () => {
    expect(messages.size).toBeGreaterThan(400);
    expect(Object.keys(catalogue)).toEqual(Object.keys(renewed(messages, {})));
  });

  it.each([...messages.values()].map((message) => [message.key, message] as const))("translates %s", (key, { english }) => {
    const form = catalogue[key];
    const forms = typeof english === "string" ? { text: [english, form] } : formsOf(english, form);
    for (const [text, translated] of Object.values(forms)) {
      expect(translated).toMatch(/\S/);
      expect(placeholders(String(translated))).toEqual(placeholders(String(text)));
      // A text that ends a sentence goes on ending one; an abbreviation ends none.
      expect(/\.$/.test(String(translated))).toBe(String(text).endsWith("."));
    }
  });
});

function formsOf(english: { one: string; other: string }, form: unknown): Record<string, [string, unknown]> {
  const { one, other } = form as { one: string; other: string };
  return { one: [english.one, one], other: [english.other, other] };
}

describe("what is shown went through the catalogue", () => {
  /** Workers know no language: what they say is put into words by the page (`keys/in-words.ts`, `liveDetail`). */
  const WORKERS = /^(sealing|media|keys\/(room|store-fetch|failure)|live\/(link|receiver)|held\/(acts|holdings|kit|own-key|store|worker)|stills\/(decoder|key-frame)|sw\/worker)/;
  /** Names for machines that are called as sentences are not: events, selectors, media queries, styles, keys of storage. */
  const MACHINES = new Set(["addEventListener", "closest", "querySelector", "querySelectorAll", "matches", "matchMedia", "may", "get", "startsWith", "sprite", "info", "warn", "DOMException"]);
  const SENTENCE = /\p{L}{2,} \p{L}|^\p{Lu}\p{Ll}+[ .…]?$|\p{Ll}{3,}\.$/u;

  /** Read by programs, or no words of any language. */
  const ALLOWED: Readonly<Record<string, readonly string[]>> = {
    "address-test/words.ts": ["Opus"], // the name of a codec, as H.264
    "pages/estate.ts": ["the portal answered "], // kept in `data-stale`, for whoever looks into the page
    "palette/when.ts": ["$1 min ago", "$1 days ago"], // one grammar for all languages
    "palette/words.ts": ["Esc"], // engraved on the key
    "player/media-source.ts": ["Opus"],
    "player/snapshot.ts": ["Title", "Creation Time", "Local Time", "Source", "Comment"], // keywords of PNG
  };

  const files = sourceFiles().filter((file) => !WORKERS.test(relative(SRC, file)));
  it.each(files.map((file) => relative(SRC, file)))("%s", (name) => {
    const file = resolve(SRC, name);
    const loose: string[] = [];
    walk(treeOf(file), (node, parents) => {
      if (messageOf(node, file) || node.type.startsWith("Import") || node.type === "TSLiteralType") return false;
      const text = node.type === "TemplateElement" ? node.value.cooked : textOf(node);
      if (typeof text === "string" && SENTENCE.test(text) && !forMachines(parents)) loose.push(text);
      return true;
    });
    expect(loose.filter((text) => !ALLOWED[name]?.includes(text))).toEqual([]);
  });

  it("no style sheet says anything itself", () => {
    const sheets = readdirSync(resolve(SRC, "styles")).map((name) => readFileSync(resolve(SRC, "styles", name), "utf8"));
    expect(sheets.join("\n").match(/content:\s*["'][^"']*\p{L}.*/gu) ?? []).toEqual([]);
  });

  function forMachines(parents: readonly Node[]): boolean {
    const parent = parents.at(-1) as Node;
    const call = parents.findLast((node) => node.type === "CallExpression" || node.type === "NewExpression");
    const callee = call?.callee?.name ?? call?.callee?.property?.name ?? "";
    const isKey = parent.type === "Property" && (parent.key?.name === "class" || parent.key?.type === "Literal");
    // Thrown to be caught: which error it is (`name`), and comparisons with what the browser calls things.
    return isKey || ["PropertyDefinition", "BinaryExpression", "MemberExpression"].includes(parent.type) || MACHINES.has(callee);
  }
});

describe("a German page", () => {
  beforeEach(() => {
    vi.resetModules();
    vi.stubGlobal("document", { documentElement: { lang: "de" } });
    vi.stubGlobal("navigator", { languages: ["en-US", "de-DE"] });
  });
  afterEach(() => {
    vi.unstubAllGlobals();
    vi.resetModules();
  });

  it("fills texts, counts and numbers in German", async () => {
    const { decimal, language, locale, t, tIn, tn } = await import("../src/i18n/t");
    expect([language, locale]).toEqual(["de", "de-DE"]);
    expect(t("Enlarge {name}", { name: "$& {name}" })).toBe("$& {name} vergrößern");
    expect(tn(1, "{count} camera", "{count} cameras")).toBe("1 Kamera");
    expect(tn(0, "{count} camera", "{count} cameras")).toBe("0 Kameras");
    expect(tIn("camera state", "Recording")).not.toBe(tIn("what is shown", "Recording"));
    expect([decimal(1.25, 1), decimal(0.5), decimal(2)]).toEqual(["1,3", "0,5", "2"]);
  });

  it("says durations, sizes, ages and days in German", async () => {
    const { duration, size, runWords } = await import("../src/words");
    const { ago } = await import("../src/wall/words");
    const { day, zoneName } = await import("../src/times");
    expect([duration(12e6), duration(200e6), duration(7500e6), duration(3 * 86400e6)]).toEqual(["12 s", "3 min 20 s", "2 h 5 min", "3 Tage"]);
    expect([size(840), size(12_300_000)]).toEqual(["840 Byte", "12,3 MB"]);
    expect([ago(0), ago(12e6), ago(300e6), ago(2 * 86400e6)]).toEqual(["gerade eben", "vor 12 s", "vor 5 min", "vor 2 Tagen"]);
    expect(runWords("gap", 1)).toBe("Nicht aufgenommen: die Kamera war nicht erreichbar");
    const us = Date.UTC(2026, 10, 22, 13) * 1000;
    expect([day(us, "Europe/Berlin"), zoneName(us, "Europe/Berlin")]).toEqual(["So., 22. Nov.", "MEZ"]);
  });

  it("puts the worker's failures into German, by their kind and name", async () => {
    const { inWords } = await import("../src/keys/in-words");
    const sealing = { kind: "sealing", code: "leaf-tampered", message: "leaf-tampered: sealed bytes of leaf 3 are not the signed ones" } as const;
    expect(inWords(sealing).message).toBe("die versiegelten Bytes sind nicht die signierten (leaf-tampered)");
    expect(inWords({ kind: "http", code: "503", message: "the object store answered 503" }).message).toBe("der Objektspeicher hat mit 503 geantwortet");
    expect(inWords(inWords(sealing))).toEqual(inWords(sealing));
  });
});

describe("an English page", () => {
  it("says what stands in the code, and keeps the worker's own words", async () => {
    const { decimal, language, t, tn } = await import("../src/i18n/t");
    const { inWords } = await import("../src/keys/in-words");
    expect(language).toBe("en");
    expect(t("Enlarge {name}", { name: "Gate 2" })).toBe("Enlarge Gate 2");
    expect([tn(1, "Saved.", "{count} files saved."), tn(3, "Saved.", "{count} files saved.")]).toEqual(["Saved.", "3 files saved."]);
    expect(decimal(1.25, 1)).toBe("1.3");
    const failure = { kind: "sealing", code: "truncated", message: "truncated: the store gave fewer bytes than the record says" } as const;
    expect(inWords(failure)).toBe(failure);
  });
});
