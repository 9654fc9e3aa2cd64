/** Wall clock ↔ Media Source time. One offset per run, so that segments join without a seam. Pure. */
import type { SegmentPlan } from "../keys/messages";
import { videoEnd, videoStart } from "./plan";

export interface Placed {
  readonly segment: SegmentPlan;
  /** Media Source time, seconds. */
  readonly start: number;
  readonly end: number;
}

export class TimeMap {
  private readonly offsets = new Map<string, number>();
  private placed: Placed[] = [];

  /** `epochUs`: the wall clock at Media Source time 0. */
  constructor(readonly epochUs: number) {}

  /** What is added to a run's decode time (seconds) to give Media Source time: `timestampOffset`. */
  offset(segment: SegmentPlan): number {
    const known = this.offsets.get(segment.run);
    if (known !== undefined) return known;
    const offset = (segment.startUs - this.epochUs) / 1e6 - videoStart(segment);
    this.offsets.set(segment.run, offset);
    return offset;
  }

  place(segment: SegmentPlan): Placed {
    const known = this.placed.find((item) => item.segment.id === segment.id);
    const offset = this.offset(segment);
    const placed = { segment, start: videoStart(segment) + offset, end: videoEnd(segment) + offset };
    if (known) this.placed = this.placed.filter((item) => item !== known);
    this.placed.push(placed);
    this.placed.sort((a, b) => a.start - b.start);
    return placed;
  }

  /** Media Source time of a wall clock instant in `segment`. */
  mediaTime(segment: SegmentPlan, us: number): number {
    return videoStart(segment) + this.offset(segment) + (us - segment.startUs) / 1e6;
  }

  /** The placed segment at a Media Source time, else the nearest one before it, else null. */
  at(time: number): Placed | null {
    return this.placed.findLast((item) => item.start <= time + 0.001) ?? null;
  }

  /** Wall clock at a Media Source time. */
  wallUs(time: number): number {
    const placed = this.at(time) ?? this.placed[0];
    if (!placed) return this.epochUs + Math.round(time * 1e6);
    return placed.segment.startUs + Math.round((time - placed.start) * 1e6);
  }

  forget(ids: readonly string[]): void {
    const gone = new Set(ids);
    this.placed = this.placed.filter((item) => !gone.has(item.segment.id));
  }
}
