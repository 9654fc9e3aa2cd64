/** Which key frames are shown when playback is faster than every picture could be shown. Pure. */
import type { SegmentPlan } from "../keys/messages";

/** More pictures a second than this are neither fetched nor shown. */
const PICTURES_PER_SECOND = 8;

/** One key frame and when it stands on screen: from `at` for `duration`, in the timescale of `source`'s video. */
export interface KeyFrame {
  readonly source: SegmentPlan;
  readonly fragment: number;
  readonly at: number;
  readonly duration: number;
}

/**
 * What to show in the time of `segment` from fragment `from` on, without a hole: each key frame until the next. `carried`: the key
 * frame shown before; it stands on where the segment begins without one of its own.
 */
export function keyFramesOf(segment: SegmentPlan, from: number, carried: KeyFrame | null, rate: number): KeyFrame[] {
  const { fragments, timescale } = segment.video;
  const last = fragments.at(-1);
  if (!last) return [];
  const least = (rate / PICTURES_PER_SECOND) * timescale;
  const starts: { source: SegmentPlan; fragment: number; at: number }[] = [];
  const begin = fragments[from]?.decodeTime ?? 0;
  if (carried && !fragments[from]?.sync) starts.push({ source: carried.source, fragment: carried.fragment, at: begin });
  for (const [fragment, row] of fragments.entries()) {
    if (fragment < from || !row.sync) continue;
    const before = starts.at(-1);
    if (before && row.decodeTime - before.at < least) continue;
    starts.push({ source: segment, fragment, at: row.decodeTime });
  }
  const end = last.decodeTime + last.duration;
  return starts.map((start, i) => ({ ...start, duration: (starts[i + 1]?.at ?? end) - start.at }));
}
