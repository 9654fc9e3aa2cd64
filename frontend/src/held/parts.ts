/** What the pages of keys have in common: cards, facts, rows, fingerprints. */
import { h, sprite } from "../dom";
import { fromBase64Url, hex, sha256 } from "../sealing/bytes";

export function card(title: string, ...content: (Node | null)[]): HTMLElement {
  const body = h("div", { class: "body form" }, h("h2", {}, title), ...content);
  return h("section", { class: "card" }, body);
}

export function words(text: string, classes = ""): HTMLElement {
  return h("p", classes ? { class: classes } : {}, text);
}

export function notice(tone: "info" | "warn" | "bad" | "ok", text: string): HTMLElement {
  return h("p", { class: tone === "info" ? "notice" : `notice ${tone}` }, sprite(tone === "bad" ? "warn" : tone), h("span", {}, text));
}

export function state(tone: "ok" | "warn" | "info", icon: string, label: string): HTMLElement {
  return h("span", { class: `state ${tone}` }, sprite(icon), h("span", {}, label));
}

export function list(...items: readonly (string | Node)[]): HTMLElement {
  return h("ul", { class: "points" }, ...items.map((item) => h("li", {}, item)));
}

/** One row of a list: who or what, how it stands, what can be done. */
export function row(who: readonly (string | Node)[], what: readonly Node[], acts: readonly Node[]): HTMLElement {
  const [name, ...more] = who;
  return h(
    "li",
    { class: "row" },
    h("div", { class: "who" }, h("strong", { dir: "auto" }, name ?? ""), ...more),
    h("div", { class: "what" }, ...what),
    h("div", { class: "acts" }, ...acts),
  );
}

export function rows(...items: readonly Node[]): HTMLElement {
  return h("ul", { class: "rows keys-rows" }, ...items);
}

export function button(label: string, act: () => void | Promise<void>, tone: "" | "primary" | "danger" = ""): HTMLButtonElement {
  const element = h("button", { type: "button", class: `button ${tone}` }, label);
  element.addEventListener("click", () => {
    if (element.getAttribute("aria-disabled") === "true") return;
    element.setAttribute("aria-disabled", "true");
    void Promise.resolve(act()).finally(() => element.removeAttribute("aria-disabled"));
  });
  return element;
}

/** SHA-256 of a public key, 64 hex digits in groups of four, as people read them to each other. */
export async function fingerprintWords(publicKey: string): Promise<string> {
  return groups(hex(await sha256(fromBase64Url(publicKey))));
}

export function groups(digits: string): string {
  return (digits.match(/.{1,4}/g) ?? []).join(" ");
}

export function fingerprint(text: string): HTMLElement {
  return h("p", { class: "key-print num" }, text);
}
