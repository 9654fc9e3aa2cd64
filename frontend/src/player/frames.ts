/** When each picture is really shown, out of the samples' own times: for stepping from one to the next. */
import type { SegmentPlan } from "../keys/messages";
import { seconds, type Plan } from "./plan";

/** Fragments looked at on either side: B-frames are shown in another fragment's time, and a fragment may hold one picture. */
const REACH = 2;

export interface Frame {
  readonly segment: SegmentPlan;
  /** On the run's clock, seconds. */
  readonly time: number;
}

/** Gives the times of fragments [from, to) of a segment's video, in its timescale. */
type ReadTimes = (segment: SegmentPlan, from: number, to: number) => Promise<readonly (readonly number[])[]>;
type Place = readonly [segment: SegmentPlan, fragment: number];

export class Frames {
  private readonly known = new Map<string, Map<number, readonly number[]>>();

  /** Takes in what a read of fragments from `from` on gave; `times` in the track's timescale. */
  note(segment: SegmentPlan, from: number, times: readonly (readonly number[])[]): void {
    const known = this.known.get(segment.id) ?? new Map<number, readonly number[]>();
    this.known.set(segment.id, known);
    for (const [i, list] of times.entries()) known.set(from + i, list);
  }

  forget(ids: readonly string[]): void {
    for (const id of ids) this.known.delete(id);
  }

  /** The pictures around run time `time` (seconds) of `segment`, those of neighbouring segments included, segment by segment. */
  async near(plan: Plan, segment: SegmentPlan, time: number, read: ReadTimes): Promise<Frame[]> {
    const places = placesNear(plan, segment, time);
    const lists = await Promise.all(places.map((place) => this.timesOf(place, read)));
    return places.flatMap(([of], i) => (lists[i] ?? []).map((value) => ({ segment: of, time: seconds(of.video, value) })));
  }

  private async timesOf([segment, fragment]: Place, read: ReadTimes): Promise<readonly number[]> {
    const known = this.known.get(segment.id)?.get(fragment);
    if (known) return known;
    const times = await read(segment, fragment, fragment + 1);
    this.note(segment, fragment, times);
    return times[0] ?? [];
  }
}

function placesNear(plan: Plan, segment: SegmentPlan, time: number): Place[] {
  const { fragments } = segment.video;
  const here = Math.max(0, fragments.findLastIndex((row) => seconds(segment.video, row.decodeTime) <= time));
  const before = here < REACH ? plan.before(segment) : null;
  const after = here + REACH >= fragments.length ? plan.after(segment) : null;
  const all: Place[] = [];
  for (const of of [before, segment, after]) {
    for (let fragment = 0; of && fragment < of.video.fragments.length; fragment++) all.push([of, fragment]);
  }
  const at = all.findIndex(([of, fragment]) => of.id === segment.id && fragment === here);
  return all.slice(Math.max(0, at - REACH), at + REACH + 1);
}

/** The picture before (−1) or after (1) the one shown at Media Source time `now`; `frames` with their Media Source times. Pure. */
export function neighbour<F extends { readonly at: number }>(frames: readonly F[], now: number, direction: 1 | -1): F | null {
  const sorted = [...frames].sort((a, b) => a.at - b.at);
  const shown = sorted.findLastIndex((frame) => frame.at <= now + SAME_PICTURE_S);
  return sorted[shown + direction] ?? null;
}

/** Times nearer to each other than this mean the same picture. */
const SAME_PICTURE_S = 0.0005;
