/**
 * The texts of the front end for translators: `node messages.mjs` finds every `t()`, `tIn()` and `tn()` in `src/`, brings the
 * catalogues up to date (sorted, nothing obsolete, "" for what is new), prints how many texts are not translated, and fails then.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseAst } from "vite";

const ROOT = import.meta.dirname;
export const LANGUAGES = ["de"];

/** @typedef {string | { one: string, other: string }} Form */
/** @typedef {{ name: "t" | "tIn" | "tn", key: string, english: Form }} Message */

export function catalogueFile(language) {
  return resolve(ROOT, "src/i18n", `${language}.json`);
}

export function sourceFiles() {
  const names = readdirSync(resolve(ROOT, "src"), { recursive: true });
  return names.filter((name) => name.endsWith(".ts") && !name.endsWith(".d.ts")).sort().map((name) => resolve(ROOT, "src", name));
}

/** The syntax tree (ESTree with TypeScript) of a file. */
export function treeOf(file) {
  return parseAst(readFileSync(file, "utf8"), { lang: "ts" }, file);
}

/** Calls `visit` with every node and the nodes it stands in, outermost first. */
export function walk(node, visit, parents = []) {
  if (visit(node, parents) === false) return;
  for (const value of Object.values(node)) {
    for (const child of Array.isArray(value) ? value : [value]) {
      if (child && typeof child.type === "string") walk(child, visit, [...parents, node]);
    }
  }
}

/** The text of a string that is written out; null for one that is made. */
export function textOf(node) {
  if (node?.type === "Literal" && typeof node.value === "string") return node.value;
  if (node?.type === "TemplateLiteral" && node.expressions.length === 0) return node.quasis[0].value.cooked;
  return null;
}

/** The message of a call, or null for another call. Raises where a text is not written out: nobody could find it. */
export function messageOf(node, file) {
  const name = node.type === "CallExpression" && node.callee.type === "Identifier" ? node.callee.name : "";
  const count = { t: 1, tIn: 2, tn: 3 }[name];
  if (count === undefined) return null;
  const texts = node.arguments.slice(name === "tn" ? 1 : 0, count).map(textOf);
  if (texts.includes(null) || texts.length === 0) {
    throw new Error(`${relative(ROOT, file)}: ${name}() takes texts as they stand, not made ones (at character ${node.start})`);
  }
  if (name === "tIn") return { name, key: `${texts[1]} [${texts[0]}]`, english: texts[1] };
  if (name === "tn") return { name, key: texts[0], english: { one: texts[0], other: texts[1] } };
  return { name, key: texts[0], english: texts[0] };
}

/** Every message of the front end by its key. Raises where one key would need two kinds of translation. */
export function allMessages() {
  /** @type {Map<string, Message>} */
  const found = new Map();
  for (const file of sourceFiles()) {
    walk(treeOf(file), (node) => {
      const message = messageOf(node, file);
      if (!message) return;
      const before = found.get(message.key);
      if (before && JSON.stringify(before.english) !== JSON.stringify(message.english)) {
        throw new Error(`${relative(ROOT, file)}: "${message.key}" stands for two different texts: give one of them a context (tIn)`);
      }
      found.set(message.key, message);
    });
  }
  return found;
}

/** Placeholders of a text, sorted. */
export function placeholders(text) {
  return [...new Set(text.match(/\{\w+\}/g))].sort();
}

function untranslated(form) {
  return typeof form === "string" ? form === "" : form.one === "" || form.other === "";
}

/** The catalogue for these messages, with what the old one knew. */
export function renewed(messages, old) {
  const keys = [...messages.keys()].sort((a, b) => (a < b ? -1 : 1));
  return Object.fromEntries(
    keys.map((key) => {
      const counted = messages.get(key).name === "tn";
      const known = old[key];
      const fits = known !== undefined && (typeof known === "object") === counted;
      return [key, fits ? known : counted ? { one: "", other: "" } : ""];
    }),
  );
}

function main() {
  const messages = allMessages();
  let missing = 0;
  for (const language of LANGUAGES) {
    const file = catalogueFile(language);
    const catalogue = renewed(messages, JSON.parse(readFileSync(file, "utf8")));
    writeFileSync(file, `${JSON.stringify(catalogue, null, 2)}\n`);
    const open = Object.values(catalogue).filter(untranslated).length;
    missing += open;
    console.log(`front end, ${language}: ${messages.size} texts, ${open} not translated (${relative(process.cwd(), file)})`);
  }
  process.exitCode = missing > 0 ? 1 : 0;
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) main();
