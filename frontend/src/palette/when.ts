/**
 * Times in plain words: "14:03", "yesterday 14:03", "mon 9:15", "5 min ago", "22 nov 2:30 pm", "2026-11-22T14:03:10Z".
 * Pure: clock, zone and language are the caller's. Day and month names count in English and in the given language; in German so
 * do "gestern um 14 Uhr", "vor 5 Min.", "letzten Montag".
 */
import { local, zoneOffsetUs } from "../times";

const S = 1_000_000;
const DAY_US = 86_400 * S;

export interface When {
  readonly day: Day;
  /** Seconds since midnight; null: the day as a whole, from its first second. */
  readonly clockS: number | null;
}

type Day =
  | { readonly kind: "nearest" } // no day said: the last time the clock showed this
  | { readonly kind: "back"; readonly days: number }
  | { readonly kind: "weekday"; readonly weekday: number } // 0 is Sunday; the last one, today included
  | { readonly kind: "date"; readonly year: number | null; readonly month: number; readonly day: number }
  | { readonly kind: "ago"; readonly us: number }
  | { readonly kind: "instant"; readonly us: number };

export interface Instant {
  readonly us: number;
  /** On days the clocks change: `skipped`, this time did not exist and the same span after midnight stands in for it;
   * `first` and `second`, it came twice. */
  readonly note: "skipped" | "first" | "second" | null;
  readonly future: boolean;
}

/** A query as words to search by and, at its end or its beginning, a time. */
export interface Split {
  readonly words: string;
  readonly when: When;
}

export function splitWhen(query: string, language = "en"): Split | null {
  const tokens = query.trim().split(/\s+/).filter(Boolean);
  const leading = isGerman(language) ? /\s+(at|um|am|von|vom)$/i : /\s+(at|um|am)$/i;
  for (let from = 0; from < tokens.length; from++) {
    const when = parseWhen(tokens.slice(from).join(" "), language);
    if (when) return { words: tokens.slice(0, from).join(" ").replace(leading, ""), when };
  }
  for (let to = tokens.length - 1; to > 0; to--) {
    const when = parseWhen(tokens.slice(0, to).join(" "), language);
    if (when) return { words: tokens.slice(to).join(" "), when };
  }
  return null;
}

const CLOCK = String.raw`(?:(\d{1,2})[:h](\d{2})(?::(\d{2}))?\s?(am|pm)?|(\d{1,2})\s?(am|pm)|(noon|midnight))`;
const CLOCK_LAST = new RegExp(`^(?:(.*?)\\s+)?(?:at\\s+)?${CLOCK}$`);
const CLOCK_FIRST = new RegExp(`^${CLOCK}\\s+(?:on\\s+)?(.+)$`);

/** The whole text as a time, or null. */
export function parseWhen(text: string, language = "en"): When | null {
  const folded = fold(text).replaceAll(",", " ").replace(/\s+/g, " ").trim();
  const plain = isGerman(language) ? fromGerman(folded) : folded;
  return iso(plain) ?? ago(plain) ?? clockAndDay(plain, names(language));
}

function isGerman(language: string): boolean {
  return /^de\b/i.test(language);
}

/** German words of a time as the English ones; names of days and months stay. In order: each takes what the ones before it left. */
const GERMAN: readonly (readonly [words: RegExp, english: string])[] = [
  [/^vor (\d{1,4}) ?(?:s|sek|sekunden?)\.?$/, "$1 s ago"],
  [/^vor (\d{1,4}) ?(?:m|min|minuten?)\.?$/, "$1 min ago"],
  [/^vor (\d{1,4}) ?(?:h|std|stunden?)\.?$/, "$1 h ago"],
  [/\bvor (\d{1,3}) tag(?:en)?\b/, "$1 days ago"],
  [/\b(\d{1,2})[:.](\d{2}) ?uhr\b/, "$1:$2"],
  [/\b(\d{1,2}) ?uhr (\d{2})(?![.\d])/, "$1:$2"],
  [/\b(\d{1,2}) ?uhr\b/, "$1:00"],
  [/\bmittags?\b/, "noon"],
  [/\bmitternachts?\b/, "midnight"],
  [/\bum (?=\d|noon|midnight)/, "at "],
  [/\bam (?=[\p{L}\d])/u, ""],
  [/\b(?:letzte[nrs]?|vergangene[nrs]?|vorige[nrs]?) (?=\p{L})/u, "last "],
];

function fromGerman(text: string): string {
  return GERMAN.reduce((plain, [words, english]) => plain.replace(words, english), text);
}

function iso(text: string): When | null {
  const found = /^(\d{4})-(\d{2})-(\d{2})(?:[t ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.\d{1,6})?)?\s?(z|[+-]\d{2}:?\d{2})?)?$/.exec(text);
  if (!found) return null;
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map((part) => Number(part ?? 0)) as Six;
  if (!exists(year, month, day)) return null;
  const clockS = found[4] === undefined ? null : clock(hour, minute, second);
  if (found[4] !== undefined && clockS === null) return null;
  const zone = found[7];
  if (zone === undefined) return { day: { kind: "date", year, month, day }, clockS };
  const us = Date.UTC(year, month - 1, day) * 1000 + (clockS ?? 0) * S - offset(zone);
  return { day: { kind: "instant", us }, clockS: null };
}

type Six = [number, number, number, number, number, number];

function offset(zone: string): number {
  if (zone === "z") return 0;
  const digits = zone.replace(":", "");
  const minutes = Number(digits.slice(1, 3)) * 60 + Number(digits.slice(3, 5));
  return (digits.startsWith("-") ? -1 : 1) * minutes * 60 * S;
}

const UNITS: readonly (readonly [pattern: RegExp, s: number])[] = [
  [/^(s|secs?|seconds?)$/, 1],
  [/^(m|mins?|minutes?)$/, 60],
  [/^(h|hrs?|hours?)$/, 3600],
];

function ago(text: string): When | null {
  const found = /^(\d{1,4}) ?([a-z]+) ago$/.exec(text);
  const unit = found && UNITS.find(([pattern]) => pattern.test(found[2]!));
  return unit ? { day: { kind: "ago", us: Number(found[1]) * unit[1] * S }, clockS: null } : null;
}

function clockAndDay(text: string, known: Names): When | null {
  const last = CLOCK_LAST.exec(text);
  if (last) return together(last.slice(2, 9), last[1], known);
  const first = CLOCK_FIRST.exec(text);
  if (first) return together(first.slice(1, 8), first[8], known);
  const day = dayOf(text, known);
  return day && { day, clockS: null };
}

function together(parts: readonly (string | undefined)[], dayText: string | undefined, known: Names): When | null {
  const clockS = clockOf(parts);
  const day: Day | null = dayText ? dayOf(dayText, known) : { kind: "nearest" };
  return clockS === null || day === null ? null : { day, clockS };
}

/** `parts`: hour, minute, second, half; hour, half; a word (see CLOCK). */
function clockOf(parts: readonly (string | undefined)[]): number | null {
  const [hour, minute, second, half, bareHour, bareHalf, word] = parts;
  if (word) return word === "noon" ? 12 * 3600 : 0;
  const shown = Number(hour ?? bareHour);
  const afternoon = half ?? bareHalf;
  if (afternoon && (shown < 1 || shown > 12)) return null;
  return clock(afternoon ? (shown % 12) + (afternoon === "pm" ? 12 : 0) : shown, Number(minute ?? 0), Number(second ?? 0));
}

function clock(hour: number, minute: number, second: number): number | null {
  return hour < 24 && minute < 60 && second < 60 ? hour * 3600 + minute * 60 + second : null;
}

function dayOf(text: string, known: Names): Day | null {
  const word = text.replace(/\.$/, "");
  const back = known.back.get(word);
  if (back !== undefined) return { kind: "back", days: back };
  const weekday = known.weekday(word.replace(/^last /, ""));
  if (weekday !== null) return { kind: "weekday", weekday };
  const days = /^(\d{1,3}) days? ago$/.exec(word);
  if (days) return { kind: "back", days: Number(days[1]) };
  const full = /^(\d{4})-(\d{2})-(\d{2})$/.exec(word);
  if (full) return date(Number(full[1]), Number(full[2]), Number(full[3]));
  const dotted = /^(\d{1,2})\.(\d{1,2})(?:\.(\d{4})?)?$/.exec(text);
  if (dotted) return date(dotted[3] ? Number(dotted[3]) : null, Number(dotted[2]), Number(dotted[1]));
  const dayFirst = /^(\d{1,2})\.? (\p{L}+)\.?(?: (\d{4}))?$/u.exec(word);
  if (dayFirst) return date(dayFirst[3] ? Number(dayFirst[3]) : null, known.month(dayFirst[2]!), Number(dayFirst[1]));
  const monthFirst = /^(\p{L}+)\.? (\d{1,2})(?: (\d{4}))?$/u.exec(word);
  if (monthFirst) return date(monthFirst[3] ? Number(monthFirst[3]) : null, known.month(monthFirst[1]!), Number(monthFirst[2]));
  return null;
}

function date(year: number | null, month: number | null, day: number): Day | null {
  // 2024 was a leap year: without a year, 29 February counts.
  return month !== null && exists(year ?? 2024, month, day) ? { kind: "date", year, month, day } : null;
}

function exists(year: number, month: number, day: number): boolean {
  const made = new Date(Date.UTC(year, month - 1, day));
  return made.getUTCMonth() === month - 1 && made.getUTCDate() === day;
}

// ---- names of days and months ----

interface Names {
  readonly back: ReadonlyMap<string, number>;
  weekday(word: string): number | null;
  month(word: string): number | null;
}

const SHORTEST = 3;
const known = new Map<string, Names>();

function names(language: string): Names {
  let made = known.get(language);
  if (!made) {
    const languages = [...new Set(["en", language])];
    const weekdays = languages.flatMap((name) => listed(name, { weekday: "long" }, 7, (i) => Date.UTC(2026, 10, 22 + i)));
    const shortDays = languages.flatMap((name) => listed(name, { weekday: "short" }, 7, (i) => Date.UTC(2026, 10, 22 + i)));
    const months = languages.flatMap((name) => listed(name, { month: "long" }, 12, (i) => Date.UTC(2026, i, 15)));
    const back = new Map<string, number>();
    for (const name of languages) {
      const format = new Intl.RelativeTimeFormat(name, { numeric: "auto" });
      back.set(fold(format.format(0, "day")), 0).set(fold(format.format(-1, "day")), 1);
      // Some languages have a word for the day before yesterday ("vorgestern"); others count.
      const before = fold(format.format(-2, "day"));
      if (!/\d/.test(before)) back.set(before, 2);
    }
    made = {
      back,
      weekday: (word) => shortDays.find(([name]) => name === word)?.[1] ?? beginning(weekdays, word),
      month: (word) => beginning(months, word),
    };
    known.set(language, made);
  }
  return made;
}

type Named = readonly [name: string, number: number];

/** Names in a language with their numbers: weekdays from 0 (22 November 2026 is a Sunday), months from 1. */
function listed(language: string, options: Intl.DateTimeFormatOptions, count: number, at: (i: number) => number): Named[] {
  const format = new Intl.DateTimeFormat(language, { ...options, timeZone: "UTC" });
  return Array.from({ length: count }, (_, i) => [fold(format.format(at(i))).replace(/\.$/, ""), count === 12 ? i + 1 : i]);
}

/** The one that begins with the word: three letters at least, so that "mon" is a day and "ma" is nothing yet. */
function beginning(all: readonly Named[], word: string): number | null {
  if (word.length < SHORTEST) return null;
  return all.find(([name]) => name.startsWith(word))?.[1] ?? null;
}

/** Lower case without accents. */
export function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}

// ---- from words to instants ----

/**
 * The instants a time means in a zone, earliest first: one, or two on the night the clocks go back. Where no day or no
 * year is said, the last such time before `nowUs` is meant.
 */
export function resolveWhen(when: When, nowUs: number, zone: string): readonly Instant[] {
  const day = when.day;
  switch (day.kind) {
    case "instant":
      return [marked(day.us, null, nowUs)];
    case "ago":
      return [marked(Math.floor((nowUs - day.us) / S) * S, null, nowUs)];
    case "back":
      return at(today(nowUs, zone) - day.days * DAY_US, when, nowUs, zone);
    case "nearest":
      return lastOf([0, 1], (days) => today(nowUs, zone) - days * DAY_US, when, nowUs, zone);
    case "weekday": {
      const since = (new Date(today(nowUs, zone) / 1000).getUTCDay() - day.weekday + 7) % 7;
      return lastOf([since, since + 7], (days) => today(nowUs, zone) - days * DAY_US, when, nowUs, zone);
    }
    case "date": {
      const civil = (year: number): number => Date.UTC(year, day.month - 1, day.day) * 1000;
      if (day.year !== null) return at(civil(day.year), when, nowUs, zone);
      const year = local(nowUs, zone).year;
      const years = [0, 1, 2, 3, 4, 5, 6, 7, 8].filter((back) => exists(year - back, day.month, day.day));
      return lastOf(years, (back) => civil(year - back), when, nowUs, zone);
    }
  }
}

/** Midnight of today in the zone, as if it were UTC. */
function today(nowUs: number, zone: string): number {
  const t = local(nowUs, zone);
  return Date.UTC(t.year, t.month - 1, t.day) * 1000;
}

/** The first of several days back on which the time is not still to come; the last resort is the furthest one. */
function lastOf(
  steps: readonly number[],
  civil: (step: number) => number,
  when: When,
  nowUs: number,
  zone: string,
): readonly Instant[] {
  let found: readonly Instant[] = [];
  for (const step of steps) {
    found = at(civil(step), when, nowUs, zone);
    const past = found.filter((item) => !item.future);
    if (past.length) return past;
  }
  return found;
}

/** The instants at which clocks in the zone show a civil day (its midnight as if UTC) and time. */
function at(civilUs: number, when: When, nowUs: number, zone: string): readonly Instant[] {
  const shown = civilUs + (when.clockS ?? 0) * S;
  const before = zoneOffsetUs(shown - DAY_US, zone);
  const after = zoneOffsetUs(shown + DAY_US, zone);
  const hits = [...new Set([shown - before, shown - after])]
    .filter((us) => us + zoneOffsetUs(us, zone) === shown)
    .sort((a, b) => a - b);
  if (hits.length === 0) return [marked(shown - before, "skipped", nowUs)];
  return hits.map((us, i) => marked(us, hits.length === 1 ? null : i === 0 ? "first" : "second", nowUs));
}

function marked(us: number, note: Instant["note"], nowUs: number): Instant {
  return { us, note, future: us > nowUs };
}
