/** What is known about a stretch of one stream: playable segments and why the rest is absent. Pure. */
import type { ApiStream } from "../api/types";
import type { FailureInfo, GrantedSegment, SegmentPlan, TrackPlan } from "../keys/messages";

export type AbsentKind = "gap" | "pending" | "deleted" | "missing" | "not-permitted" | "damaged" | "unrecorded";

/** Time without playable footage. `reason`: gap reason of SPEC 1.4. `failure`: what was wrong with a damaged segment. */
export interface Absent {
  readonly fromUs: number;
  readonly toUs: number;
  readonly kind: AbsentKind;
  readonly reason: number | null;
  readonly failure: FailureInfo | null;
}

/** Where feeding starts. */
export interface Entry {
  readonly segment: SegmentPlan;
  readonly fragment: number;
}

/** Seconds of a track's decode time. */
export function seconds(track: TrackPlan, decodeTime: number): number {
  return decodeTime / track.timescale;
}

/** End of a segment's video on the run's clock, seconds. */
export function videoEnd(segment: SegmentPlan): number {
  const last = segment.video.fragments.at(-1);
  return last ? seconds(segment.video, last.decodeTime + last.duration) : videoStart(segment);
}

export function videoStart(segment: SegmentPlan): number {
  return seconds(segment.video, segment.video.decodeTime);
}

/** Wall clock of time `t` (seconds on the run's clock) in a segment. */
export function wallOf(segment: SegmentPlan, t: number): number {
  return segment.startUs + Math.round((t - videoStart(segment)) * 1e6);
}

/** Time on the run's clock (seconds) of a wall clock instant in a segment. */
export function runTimeOf(segment: SegmentPlan, us: number): number {
  return videoStart(segment) + (us - segment.startUs) / 1e6;
}

export class Plan {
  private segments: SegmentPlan[] = [];
  private absents: Absent[] = [];
  /** The stretch that was asked about and answered, UTC µs. */
  fromUs: number;
  toUs: number;

  constructor(fromUs: number) {
    this.fromUs = fromUs;
    this.toUs = fromUs;
  }

  get all(): readonly SegmentPlan[] {
    return this.segments;
  }

  /** Whether `us` lies in the stretch that was answered. */
  covers(us: number): boolean {
    return us >= this.fromUs && us < this.toUs;
  }

  /** Takes in one answer: what the portal said of [.., answeredTo), and what the key worker made of its stored segments. */
  merge(stream: ApiStream, granted: readonly GrantedSegment[], answeredToUs: number): void {
    const byId = new Map(this.segments.map((segment) => [segment.id, segment]));
    const absents = new Map(this.absents.map((absent) => [`${absent.kind}/${absent.fromUs}`, absent]));
    const add = (absent: Absent): void => void absents.set(`${absent.kind}/${absent.fromUs}`, absent);
    const bounds = new Map(stream.segments.map((segment) => [segment.id, segment]));
    for (const item of granted) {
      if ("plan" in item) {
        byId.set(item.plan.id, item.plan);
        absents.delete(`pending/${item.plan.startUs}`);
        continue;
      }
      const at = bounds.get(item.id);
      if (at) add({ fromUs: at.start_us, toUs: at.end_us, kind: "damaged", reason: null, failure: item.failure });
    }
    for (const segment of stream.segments) {
      if (segment.state === "stored") continue;
      add({ fromUs: segment.start_us, toUs: segment.end_us, kind: segment.state, reason: null, failure: null });
      byId.delete(segment.id);
    }
    for (const gap of stream.gaps) {
      add({ fromUs: gap.from_us, toUs: gap.to_us, kind: "gap", reason: gap.reason, failure: null });
    }
    for (const { from_us: fromUs, to_us: toUs } of stream.not_permitted) {
      add({ fromUs, toUs, kind: "not-permitted", reason: null, failure: null });
      this.takeAway(byId, granted, fromUs, toUs);
    }
    this.segments = [...byId.values()].sort((a, b) => a.startUs - b.startUs);
    this.absents = [...absents.values()].sort((a, b) => a.fromUs - b.fromUs);
    this.toUs = Math.max(this.toUs, answeredToUs);
  }

  /** What was granted before and is not permitted any more: hours back move with the clock. */
  private takeAway(known: Map<string, SegmentPlan>, granted: readonly GrantedSegment[], fromUs: number, toUs: number): void {
    const now = new Set(granted.map((item) => ("plan" in item ? item.plan.id : item.id)));
    for (const { id, startUs, endUs } of [...known.values()]) {
      if (startUs < toUs && endUs > fromUs && !now.has(id)) known.delete(id);
    }
  }

  /** Marks a segment whose object turned out to be missing, so that it is passed over. */
  drop(segment: SegmentPlan, kind: AbsentKind, failure: FailureInfo): void {
    this.segments = this.segments.filter((item) => item.id !== segment.id);
    this.absents.push({ fromUs: segment.startUs, toUs: segment.endUs, kind, reason: null, failure });
  }

  /** Forgets segments that end before `us`; returns their ids. */
  forgetBefore(us: number): string[] {
    const old = this.segments.filter((segment) => segment.endUs < us);
    const needed = new Set(this.segments.filter((segment) => segment.endUs >= us).map((s) => s.continuationOf));
    const gone = old.filter((segment) => !needed.has(segment.id));
    const ids = new Set(gone.map((segment) => segment.id));
    this.segments = this.segments.filter((segment) => !ids.has(segment.id));
    this.fromUs = Math.max(this.fromUs, us);
    return [...ids];
  }

  /** The segment that holds `us`. */
  at(us: number): SegmentPlan | null {
    return this.segments.findLast((segment) => segment.startUs <= us && us < segment.endUs) ?? null;
  }

  /** The segment before `segment`. */
  before(segment: SegmentPlan): SegmentPlan | null {
    return this.segments.findLast((item) => item.startUs < segment.startUs) ?? null;
  }

  /** The next segment that starts at or after `us`. */
  firstFrom(us: number): SegmentPlan | null {
    return this.segments.find((segment) => segment.startUs >= us) ?? null;
  }

  after(segment: SegmentPlan): SegmentPlan | null {
    return this.segments.find((item) => item.startUs > segment.startUs) ?? null;
  }

  get(id: string): SegmentPlan | null {
    return this.segments.find((segment) => segment.id === id) ?? null;
  }

  /** Why there is nothing at `us`. */
  absentAt(us: number): Absent {
    const said = this.absents.find((absent) => absent.fromUs <= us && us < absent.toUs);
    if (said) return said;
    const before = this.segments.findLast((segment) => segment.endUs <= us);
    const next = this.firstFrom(us);
    return {
      fromUs: before?.endUs ?? this.fromUs,
      toUs: next?.startUs ?? this.toUs,
      kind: "unrecorded",
      reason: null,
      failure: null,
    };
  }

  /** The first damaged segment that starts in [fromUs, toUs). */
  damagedBetween(fromUs: number, toUs: number): Absent | null {
    return this.absents.find((absent) => absent.kind === "damaged" && absent.fromUs >= fromUs && absent.fromUs < toUs) ?? null;
  }

  /** Why there is nothing between two instants, in order of time. */
  absentsBetween(fromUs: number, toUs: number): Absent[] {
    const among = this.absents.filter((absent) => absent.fromUs < toUs && absent.toUs > fromUs);
    return among.sort((a, b) => a.fromUs - b.fromUs);
  }

  /** From which fragment decoding must start to show `us`: the last sync sample at or before it, in an earlier segment if need be. */
  entry(segment: SegmentPlan, us: number): Entry {
    let current: SegmentPlan | null = segment;
    let time = runTimeOf(segment, us) * segment.video.timescale;
    for (let hops = 0; current && hops < 32; hops++) {
      const fragment = current.video.fragments.findLastIndex((item) => item.sync && item.decodeTime <= time + 1);
      if (fragment >= 0) return { segment: current, fragment };
      current = current.continuationOf ? this.get(current.continuationOf) : null;
      time = Infinity;
    }
    const first = segment.video.fragments.findIndex((item) => item.sync);
    return { segment, fragment: Math.max(0, first) };
  }
}
