/** Deciding over holes in what Media Source holds: 30 ms it bridges itself, 0.15 s stalls it for good. Pure. */
export type Range = readonly [start: number, end: number];

/** Nearer than this to a range's end, playback is about to stall; a stalled one may stand a picture or two before it. */
const NEAR_END_S = 0.08;
const STALLED_NEAR_END_S = 1;
/** Land a hair inside the range: its start as a double may lie outside it. */
const INSIDE_S = 0.002;

export function rangeAt(ranges: readonly Range[], time: number): Range | null {
  return ranges.find(([start, end]) => start <= time + INSIDE_S && time < end) ?? null;
}

/**
 * Where playback at `time` must jump to, or null to stay. `fed`: what was given to Media Source in one go since the last seek,
 * so a hole inside it will not be filled any more. `stalled`: the element says it has no picture to go on with.
 */
export function jumpTarget(time: number, ranges: readonly Range[], fed: Range, stalled: boolean): number | null {
  const here = rangeAt(ranges, time);
  if (here && !atEnd(here[1] - time, stalled)) return null;
  const edge = here ? here[1] : time;
  if (edge < fed[0] - 1) return null;
  const next = ranges.find(([start]) => start > edge + 0.0001);
  if (!next || next[0] >= fed[1]) return null;
  return next[0] + INSIDE_S;
}

/** Whether playback with `left` seconds of picture ahead will not get further by itself. */
export function atEnd(left: number, stalled: boolean): boolean {
  return left <= (stalled ? STALLED_NEAR_END_S : NEAR_END_S);
}

/** Seconds held ahead of `time` without a hole Media Source would stall at. */
export function aheadOf(ranges: readonly Range[], time: number): number {
  const here = rangeAt(ranges, time);
  return here ? here[1] - time : 0;
}
