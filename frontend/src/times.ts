/** Wall clock times as people read them, in the site's zone. */
import { locale } from "./i18n/t";
const formats = new Map<string, Intl.DateTimeFormat>();

function format(zone: string, name: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const key = `${zone}/${name}`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat(locale, { timeZone: zone, ...options });
    formats.set(key, made);
  }
  return made;
}

/** The zone if the browser knows it, else UTC. */
export function knownZone(zone: string | undefined): string {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: zone || "UTC" }).resolvedOptions().timeZone;
  } catch {
    return "UTC";
  }
}

interface Local {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** The civil time of an instant in a zone. */
export function local(us: number, zone: string): Local {
  const formatter = partsFormat(zone);
  const out: Record<string, number> = {};
  for (const { type, value } of formatter.formatToParts(new Date(us / 1000))) out[type] = Number(value);
  return out as unknown as Local;
}

function partsFormat(zone: string): Intl.DateTimeFormat {
  const key = `${zone}/parts`;
  let made = formats.get(key);
  if (!made) {
    made = new Intl.DateTimeFormat("en-u-ca-gregory-nu-latn", {
      timeZone: zone,
      hourCycle: "h23",
      year: "numeric",
      month: "numeric",
      day: "numeric",
      hour: "numeric",
      minute: "numeric",
      second: "numeric",
    });
    formats.set(key, made);
  }
  return made;
}

/** Clocks change at a quarter of an hour at the finest. */
const QUARTER_US = 900e6;
const OFFSETS_KEPT = 4096;
const offsets = new Map<string, Map<number, number>>();

/** How far local time is ahead of UTC at an instant, µs. Remembered: a timeline asks for every tick of every frame. */
export function zoneOffsetUs(us: number, zone: string): number {
  const quarter = Math.floor(us / QUARTER_US);
  let known = offsets.get(zone);
  if (!known || known.size > OFFSETS_KEPT) offsets.set(zone, (known = new Map()));
  const found = known.get(quarter);
  if (found !== undefined) return found;
  const offset = offsetAt(quarter * QUARTER_US, zone);
  known.set(quarter, offset);
  return offset;
}

function offsetAt(us: number, zone: string): number {
  const t = local(us, zone);
  const asUtc = Date.UTC(t.year, t.month - 1, t.day, t.hour, t.minute, t.second);
  return asUtc * 1000 - Math.floor(us / 1e6) * 1e6;
}

/** The instant of a civil time "YYYY-MM-DDTHH:MM[:SS]" in a zone; null where it is no such time. */
export function instantOf(text: string, zone: string): number | null {
  const asUtc = Date.parse(`${text}Z`);
  if (Number.isNaN(asUtc)) return null;
  const guess = asUtc * 1000 - zoneOffsetUs(asUtc * 1000, zone);
  return asUtc * 1000 - zoneOffsetUs(guess, zone);
}

/** "2026-11-22T14:03:10" in the zone: the value of a datetime-local field. */
export function fieldValue(us: number, zone: string): string {
  return new Date((Math.floor(us / 1e6) * 1e6 + zoneOffsetUs(us, zone)) / 1000).toISOString().slice(0, 19);
}

const two = (n: number): string => String(n).padStart(2, "0");

/** "14:03:10". */
export function clockTime(us: number, zone: string): string {
  const t = local(us, zone);
  return `${two(t.hour)}:${two(t.minute)}:${two(t.second)}`;
}

/** "14:03". */
export function clockMinute(us: number, zone: string): string {
  const t = local(us, zone);
  return `${two(t.hour)}:${two(t.minute)}`;
}

/** "Sun 22 Nov". */
export function day(us: number, zone: string): string {
  return format(zone, "day", { weekday: "short", day: "numeric", month: "short" }).format(new Date(us / 1000));
}

/** "CET", "GMT+1": the zone's short name at that instant. */
export function zoneName(us: number, zone: string): string {
  const parts = format(zone, "zone", { timeZoneName: "short" }).formatToParts(new Date(us / 1000));
  return parts.find((part) => part.type === "timeZoneName")?.value ?? zone;
}

/** The zone this device is set to. */
export function deviceZone(): string {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

const AGO_STEPS: readonly (readonly [limitS: number, unit: Intl.RelativeTimeFormatUnit, unitS: number])[] = [
  [60, "second", 1],
  [3600, "minute", 60],
  [86400, "hour", 3600],
  [Infinity, "day", 86400],
];

/** "3 min. ago". */
export function ago(ms: number, nowMs: number, language = "en"): string {
  const seconds = (ms - nowMs) / 1000;
  const [, unit, unitS] = AGO_STEPS.find(([limit]) => Math.abs(seconds) < limit) ?? AGO_STEPS[3]!;
  return new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" }).format(Math.round(seconds / unitS), unit);
}

/** "3 min. ago · 14:03:10 CET"; with the date unless it is today's in the zone. */
export function agoAndExactly(ms: number, nowMs: number, zone: string, language = "en"): string {
  const us = ms * 1000;
  const known = knownZone(zone);
  const date = fieldValue(us, known).slice(0, 10);
  const today = fieldValue(nowMs * 1000, known).slice(0, 10);
  const exact = `${date === today ? "" : `${date} `}${clockTime(us, known)} ${zoneName(us, known)}`;
  return `${ago(ms, nowMs, language)} · ${exact}`;
}
