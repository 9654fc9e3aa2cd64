/** What a chosen stretch of time holds: the unbroken parts, each of which becomes a file, and what lies between them. Pure. */
import type { RunState, TimelineRun } from "../api/types";

export interface Span {
  readonly fromUs: number;
  readonly toUs: number;
}

export interface Hole extends Span {
  /** null: nothing recorded, and nobody says why. */
  readonly state: Exclude<RunState, "recorded"> | null;
  readonly reason: number | null;
}

export interface Stretches {
  readonly recorded: readonly Span[];
  readonly holes: readonly Hole[];
}

/** A break shorter than this stays within one file, as playback does not call it a gap either. */
export const BREAK_FROM_US = 500_000;

export function stretchesOf(runs: readonly TimelineRun[], fromUs: number, toUs: number): Stretches {
  const recorded: Span[] = [];
  const holes: Hole[] = [];
  let at = fromUs;
  for (const [begin, end, state, reason] of runs) {
    const span = { fromUs: Math.max(fromUs, begin), toUs: Math.min(toUs, end) };
    if (span.toUs <= span.fromUs) continue;
    if (span.fromUs - at >= BREAK_FROM_US) holes.push({ fromUs: at, toUs: span.fromUs, state: null, reason: null });
    if (state !== "recorded") holes.push({ ...span, state, reason });
    else addRecorded(recorded, span);
    at = Math.max(at, span.toUs);
  }
  if (toUs - at >= BREAK_FROM_US) holes.push({ fromUs: at, toUs, state: null, reason: null });
  return { recorded, holes };
}

function addRecorded(recorded: Span[], span: Span): void {
  const last = recorded.at(-1);
  if (last && span.fromUs - last.toUs < BREAK_FROM_US) recorded[recorded.length - 1] = { ...last, toUs: span.toUs };
  else recorded.push(span);
}
