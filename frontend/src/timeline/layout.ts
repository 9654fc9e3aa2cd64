/** Geometry of the timeline: instants to pixels, zoom and pan, ticks, and what lies under a point. Pure. */
import type { RunState, TimelineRun } from "../api/types";
import { BY_PLAN } from "../words";
import { clockMinute, clockTime, day, zoneName, zoneOffsetUs } from "../times";

export interface View {
  readonly fromUs: number;
  readonly toUs: number;
  /** CSS pixels. */
  readonly width: number;
}

export const NARROWEST_US = 60_000_000;
export const WIDEST_US = 31 * 86_400_000_000;
/** Fingers nearer than this are as one: no zoom out of a hair's breadth. */
const FINGERS_PX = 12;

export function xOf(view: View, us: number): number {
  return ((us - view.fromUs) / (view.toUs - view.fromUs)) * view.width;
}

export function usAt(view: View, x: number): number {
  return Math.round(view.fromUs + (x / view.width) * (view.toUs - view.fromUs));
}

/** Zooms by `factor` (above 1: out) so that the instant under `x` stays there; keeps between a minute and a month. */
export function zoomed(view: View, x: number, factor: number): View {
  const span = view.toUs - view.fromUs;
  const wanted = Math.min(WIDEST_US, Math.max(NARROWEST_US, span * factor));
  const at = usAt(view, x);
  const fromUs = Math.round(at - (at - view.fromUs) * (wanted / span));
  return { ...view, fromUs, toUs: fromUs + Math.round(wanted) };
}

/** Moves the content by `dx` pixels; never further than `latestUs` at the middle. */
export function panned(view: View, dx: number, latestUs: number): View {
  const span = view.toUs - view.fromUs;
  const moved = Math.round((-dx / view.width) * span);
  const fromUs = Math.min(view.fromUs + moved, Math.round(latestUs - span / 2));
  return { ...view, fromUs, toUs: fromUs + span };
}

/** Two fingers went from (a0, b0) to (a1, b1): the instants under them stay there, as far as a minute and a month allow. */
export function pinched(view: View, before: readonly [number, number], now: readonly [number, number], latestUs: number): View {
  const apart = (pair: readonly [number, number]): number => Math.max(FINGERS_PX, Math.abs(pair[0] - pair[1]));
  const middle = (pair: readonly [number, number]): number => (pair[0] + pair[1]) / 2;
  const wider = zoomed(view, middle(before), apart(before) / apart(now));
  return panned(wider, middle(now) - middle(before), latestUs);
}

/** The view moved so that `us` lies at `share` (0…1) of its width. */
export function centred(view: View, us: number, share: number): View {
  const span = view.toUs - view.fromUs;
  const fromUs = Math.round(us - span * share);
  return { ...view, fromUs, toUs: fromUs + span };
}

/** `altered`: playback found it there; the records cannot know. `by-plan`: a gap the recording plan wanted. */
export type BarState = RunState | "altered" | "by-plan";

export interface Bar {
  readonly x: number;
  readonly width: number;
  readonly state: BarState;
}

export const MARK_PX = 8;

/** A mark at each of these instants that is in view. */
export function marks(instants: readonly number[], view: View): Bar[] {
  const inside = instants.filter((us) => us >= view.fromUs && us <= view.toUs);
  return inside.map((us) => ({ x: xOf(view, us) - MARK_PX / 2, width: MARK_PX, state: "altered" }));
}

const LEAST_PX = 1.5;

/** What goes before what where both cannot be shown: what is amiss, then what was recorded, then what nobody wanted recorded. */
function weight(state: BarState): number {
  return state === "by-plan" ? 0 : state === "recorded" ? 1 : 2;
}

/**
 * What to paint, left to right. A run too short to be seen is still shown, neighbours that look alike are one bar, and where
 * many short ones fall together what is not recorded goes before what is: never more bars than there is room to tell apart.
 * `runs` in order of time.
 */
export function bars(runs: readonly TimelineRun[], view: View): Bar[] {
  const out: { x: number; width: number; state: BarState }[] = [];
  for (let i = firstEndingAfter(runs, view.fromUs); i < runs.length; i++) {
    const [fromUs, toUs, told, reason] = runs[i] as TimelineRun;
    if (fromUs >= view.toUs) break;
    if (toUs <= view.fromUs) continue;
    const state = told === "gap" && reason === BY_PLAN ? "by-plan" : told;
    let x = Math.max(0, xOf(view, fromUs));
    const exact = Math.min(view.width, xOf(view, toUs));
    let end = Math.min(view.width, Math.max(exact, x + LEAST_PX));
    const last = out.at(-1);
    const edge = last ? last.x + last.width : 0;
    if (last && last.state === state && x - edge < 0.5) {
      last.width = Math.max(last.width, end - last.x);
      continue;
    }
    if (last && x < edge && weight(state) <= weight(last.state)) {
      // What stands there already is not painted over; of this one is shown what reaches beyond.
      if (exact <= edge) continue;
      [x, end] = [edge, exact];
    }
    out.push({ x, width: end - x, state });
  }
  return out;
}

/** Runs do not overlap, so their ends are in order too. */
function firstEndingAfter(runs: readonly TimelineRun[], us: number): number {
  let [low, high] = [0, runs.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((runs[middle] as TimelineRun)[1] <= us) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The run at an instant; short ones are caught within `slackUs`. */
export function runAt(runs: readonly TimelineRun[], us: number, slackUs: number): TimelineRun | null {
  const hits: TimelineRun[] = [];
  for (let i = firstEndingAfter(runs, us - slackUs); i < runs.length; i++) {
    const run = runs[i] as TimelineRun;
    if (run[0] - slackUs > us) break;
    hits.push(run);
  }
  const inside = hits.filter(([from, to]) => from <= us && us < to);
  const list = inside.length > 0 ? inside : hits;
  return list.sort((a, b) => a[1] - a[0] - (b[1] - b[0]))[0] ?? null;
}

export interface Tick {
  readonly x: number;
  readonly label: string;
  /** Midnight: drawn stronger, labelled with the day. */
  readonly major: boolean;
}

const SECOND = 1_000_000;
const STEPS = [1, 5, 10, 15, 30, 60, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400, 2 * 86400, 7 * 86400].map(
  (s) => s * SECOND,
);
const HOUR = 3600 * SECOND;
const DAY = 24 * HOUR;

/** The first instant at or after `us` whose local time is a multiple of `step`, whatever the clocks do meanwhile. */
function aligned(us: number, step: number, zone: string): number {
  const upTo = (offset: number): number => Math.ceil((us + offset) / step) * step - offset;
  const offset = zoneOffsetUs(us, zone);
  const first = upTo(offset);
  const later = zoneOffsetUs(first, zone);
  if (later === offset) return first;
  const round = (at: number): boolean => (at + zoneOffsetUs(at, zone)) % step === 0;
  const changed = upTo(later);
  return Math.min(...[first, changed, changed + step].filter(round));
}

/**
 * Ticks on round local times, at least `gapPx` apart. An hour that comes twice stands there twice, and the first time after a
 * change of clocks says its zone.
 */
export function ticks(view: View, zone: string, gapPx = 84): Tick[] {
  const span = view.toUs - view.fromUs;
  const step = STEPS.find((candidate) => (candidate / span) * view.width >= gapPx) ?? (STEPS.at(-1) as number);
  const out: Tick[] = [];
  let offset = zoneOffsetUs(view.fromUs, zone);
  for (let us = aligned(view.fromUs, step, zone); us <= view.toUs; us = aligned(us + Math.max(step / 2, SECOND), step, zone)) {
    if (us < view.fromUs || (out.length > 0 && xOf(view, us) <= (out.at(-1) as Tick).x)) continue;
    const here = zoneOffsetUs(us, zone);
    const major = (us + here) % DAY === 0;
    const time = major ? day(us, zone) : step < 60 * SECOND ? clockTime(us, zone) : clockMinute(us, zone);
    const label = here === offset ? time : `${time} ${zoneName(us, zone)}`;
    offset = here;
    out.push({ x: xOf(view, us), label, major });
  }
  return out;
}

/** How fine the portal need answer: about a pixel, in whole seconds. */
export function resolutionS(view: View): number {
  return Math.max(1, Math.floor((view.toUs - view.fromUs) / Math.max(1, view.width) / SECOND));
}
