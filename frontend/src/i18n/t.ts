/**
 * What people read, in the language of the page (`<html lang>`). The English text is the key; where the catalogue lacks one, it is
 * what is shown. No worker loads this module: workers send codes and English, and the page finds the words.
 *
 * The catalogue is a file of its own and comes before any module that holds texts is evaluated; English pages fetch none.
 */
type Form = string | { readonly one: string; readonly other: string };
type Catalogue = Readonly<Record<string, Form>>;

/** Names of the placeholders in a text: "Enlarge {name}" has `name`. */
type Names<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}` ? Name | Names<Rest> : never;
type Values<Name extends string> = Readonly<Record<Name, string | number>>;
type Needed<Name extends string> = [Name] extends [never] ? [] : [values: Values<Name>];

const wanted = globalThis.document?.documentElement.lang ?? "";

/** The page's language, where its words are known. */
export const language: "de" | "en" = /^de\b/i.test(wanted) ? "de" : "en";

/** For `Intl`: the page's language as this browser's person writes it ("de-CH"), else by itself. */
export const locale = globalThis.navigator?.languages?.find((name) => name.split("-")[0] === language) ?? language;

const catalogue: Catalogue = language === "de" ? await german() : {};
const plural = new Intl.PluralRules(language);
const decimalSign = new Intl.NumberFormat(language).formatToParts(0.5).find(({ type }) => type === "decimal")?.value ?? ".";

async function german(): Promise<Catalogue> {
  try {
    return (await import("./de.json")).default;
  } catch (error) {
    // The page without a connection may not have it: English words serve better than none.
    console.warn("the German texts could not be loaded:", error);
    return {};
  }
}

/** A text, its placeholders filled. */
export function t<Text extends string>(text: Text, ...[values]: Needed<Names<Text>>): string {
  const form = catalogue[text];
  return filled(typeof form === "string" ? form : text, values);
}

/** A text that means several things in other languages; `context` tells the translator which. */
export function tIn(context: string, text: string): string {
  const form = catalogue[`${text} [${context}]`];
  return typeof form === "string" ? form : text;
}

/** A counted text: `{count}` in it is the count. The first form is the key. */
export function tn<One extends string, Other extends string>(
  count: number,
  one: One,
  other: Other,
  ...[values]: Needed<Exclude<Names<One> | Names<Other>, "count">>
): string {
  const form = catalogue[one];
  const forms = typeof form === "object" ? form : { one, other };
  return filled(plural.select(count) === "one" ? forms.one : forms.other, { ...values, count });
}

function filled(text: string, values: Values<string> | undefined): string {
  return values ? text.replace(/\{(\w+)\}/g, (whole, name: string) => String(values[name] ?? whole)) : text;
}

/** "2.5", "2,5": a number with so many digits after the sign, else with those it has. */
export function decimal(value: number, digits?: number): string {
  return (digits === undefined ? String(value) : value.toFixed(digits)).replace(".", decimalSign);
}
