/** Which key frame of a segment is the picture that was wished. Pure. */
import type { SegmentPlan } from "../keys/messages";

export interface Choice {
  /** Number of the fragment in the video's table. */
  readonly fragment: number;
  /** Wall clock of its first sample, UTC µs. */
  readonly us: number;
}

/** The last key frame at or before `us` (null: the last of all), else the first; null where the segment has none. */
export function chooseFrame(plan: SegmentPlan, us: number | null): Choice | null {
  const { fragments, timescale, decodeTime } = plan.video;
  let chosen: Choice | null = null;
  for (const [fragment, row] of fragments.entries()) {
    if (!row.sync) continue;
    const at = plan.startUs + Math.round(((row.decodeTime - decodeTime) / timescale) * 1e6);
    if (chosen && us !== null && at > us) break;
    chosen = { fragment, us: at };
  }
  return chosen;
}
