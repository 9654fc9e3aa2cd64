/** Feeds one seek's worth of footage to Media Source: video and audio side by side, in order, as far ahead as is wanted. */
import { FLAC_MIME, flacInit, flacSilence } from "../media/flac";
import type { KeyWorker } from "../keys/client";
import { WorkerFailure } from "../keys/failure";
import type { FailureInfo, SegmentPlan, TrackPlan } from "../keys/messages";
import type { Footage } from "./footage";
import type { Range } from "./jump";
import { keyFramesOf, type KeyFrame } from "./key-frames";
import { canPlay } from "./media-source";
import { seconds, videoEnd, videoStart, wallOf, type Entry, type Plan } from "./plan";
import { isRefusal, Reads } from "./reads";
import { BufferFull, type TrackSink } from "./sink";
import type { TimeMap } from "./time-map";

const AHEAD_S = 20;
const CHUNK_BYTES = 1_500_000;
const CHUNK_FRAGMENTS = 8;
/** Audio shorter of this is left to Media Source to bridge. */
const SILENCE_FROM_S = 0.03;
const SILENCE_RATE = 8000;
/** Browsers do not arrive at a picture with less sound than this ahead, so before a hole silence goes on past the last one. */
const PAST_END_S = 0.5;
const SILENCE_CHUNK_S = 10;
/** Key frames asked for at once: each lies elsewhere in its part, so one after the other would wait for the network each time. */
const KEY_FRAMES_AT_ONCE = 6;

export interface FeedTarget {
  readonly video: TrackSink;
  readonly audio: TrackSink | null;
  readonly map: TimeMap;
  /** Media Source time playback stands at. */
  position(): number;
  rate(): number;
  /** Resolves a little later, when it is worth looking again. */
  tick(signal: AbortSignal): Promise<void>;
  /** Gives up what was played; resolves when there may be room. */
  makeRoom(): Promise<void>;
  /** From here on nothing can be shown: altered, or refused. The feed ends. */
  refused(atUs: number, failure: FailureInfo): void;
  /** The portal refused, or something went wrong that is no matter of one instant. The feed ends. */
  failed(error: unknown): void;
  /** The newest stored second was reached (true), or there is more again (false). */
  atEnd(value: boolean): void;
  /** Playback goes on waiting for this, and why; null: no longer. */
  waitingFor(failure: FailureInfo | null): void;
  /** When the samples of fragments from `from` on are shown (Calls.read). */
  sampled(segment: SegmentPlan, from: number, times: readonly (readonly number[])[]): void;
  /** From Media Source time `at` on, the key frame of `wallUs` is shown. */
  keyShown(at: number, wallUs: number): void;
}

/** What is fed in one go: items [from, to) of a list, and where each stands on the run's clock, seconds. */
interface Batch {
  readonly segment: SegmentPlan;
  /** What its track was given so far. */
  readonly fed: readonly [number, number];
  append(from: number, to: number): Promise<void>;
  time(item: number): number;
}

/** Ends a feed whose failure has been told already. */
class FeedOver extends Error {
  override readonly name = "FeedOver";
}

export class Feed {
  private readonly aborter = new AbortController();
  private readonly fedVideo: [number, number];
  private readonly fedAudio: [number, number];
  private readonly reads: Reads;
  private failed = false;
  private running = 0;
  /** Where this feed ends for good, told once the other track has come as far: up to there both are shown. */
  private ending: { readonly atUs: number; readonly failure: FailureInfo; readonly upTo: number } | null = null;

  constructor(
    private readonly footage: Footage,
    keys: KeyWorker,
    private readonly target: FeedTarget,
    private readonly entry: Entry,
    /** The instant to be shown first; fragments up to it come in one go. */
    private readonly firstUs: number,
    /** Key frames alone, each shown until the next, and no sound. */
    private readonly keysOnly = false,
  ) {
    this.reads = new Reads(footage, keys, this.aborter.signal, {
      pause: (ms) => this.pause(ms),
      throwIfStopped: () => this.throwIfStopped(),
      waitingFor: (failure) => target.waitingFor(failure),
    });
    const first = entry.segment.video.fragments[entry.fragment];
    const start = seconds(entry.segment.video, first?.decodeTime ?? entry.segment.video.decodeTime);
    const media = start + target.map.offset(entry.segment);
    this.fedVideo = [media, media];
    this.fedAudio = [media, media];
  }

  /** What was fed without leaving anything out, Media Source seconds. */
  get fed(): Range {
    if (!this.target.audio) return this.fedVideo;
    return [Math.max(this.fedVideo[0], this.fedAudio[0]), Math.min(this.fedVideo[1], this.fedAudio[1])];
  }

  get over(): boolean {
    return this.failed || this.aborter.signal.aborted;
  }

  start(): void {
    const { audio } = this.target;
    const loops = this.keysOnly ? [() => this.keyFrames()] : [() => this.video()];
    if (audio && !this.keysOnly) loops.push(() => this.audio(audio));
    this.running = loops.length;
    for (const loop of loops) void this.guard(loop);
  }

  stop(): void {
    this.aborter.abort();
  }

  private get signal(): AbortSignal {
    return this.aborter.signal;
  }

  private get plan(): Plan {
    return this.footage.plan as Plan;
  }

  /** Runs a loop; an end by `stop` or a failure already told is no error. */
  private async guard(loop: () => Promise<void>): Promise<void> {
    try {
      await loop();
    } catch (error) {
      if (this.over || error instanceof FeedOver) return;
      if (error instanceof WorkerFailure) return this.refuse(this.target.map.wallUs(this.fedVideo[1]), error.info, this.fedVideo);
      this.failed = true;
      this.target.failed(error);
    } finally {
      this.running--;
      this.tellEnding();
    }
  }

  /** Ends the feed at `atUs`; `fed` is what the track that was refused had been given. */
  private refuse(atUs: number, failure: FailureInfo, fed: readonly [number, number]): void {
    if (!this.over && (!this.ending || atUs < this.ending.atUs)) this.ending = { atUs, failure, upTo: fed[1] };
  }

  private tellEnding(): void {
    if (this.over || !this.ending || this.running > 0) return;
    this.failed = true;
    this.target.refused(this.ending.atUs, this.ending.failure);
  }

  private async video(): Promise<void> {
    let segment: SegmentPlan | null = this.entry.segment;
    let fragment = this.entry.fragment;
    let first = true;
    while (segment) {
      this.target.map.place(segment);
      const { fragments } = segment.video;
      while (fragment < fragments.length) {
        await this.room(this.fedVideo);
        const end = chunkEnd(segment.video, fragment, first ? this.firstEnd(segment) : null);
        const batch = this.fragments(this.target.video, segment, segment.video, this.fedVideo);
        const went = await this.give(batch, fragment, end);
        if (went === "missing") break;
        fragment = end;
        first = false;
      }
      segment = await this.following(segment);
      fragment = 0;
    }
  }

  private async keyFrames(): Promise<void> {
    let segment: SegmentPlan | null = this.entry.segment;
    let from = this.entry.fragment;
    let carried: KeyFrame | null = null;
    let most = 1;
    while (segment) {
      this.target.map.place(segment);
      const frames: KeyFrame[] = keyFramesOf(segment, from, carried, this.target.rate());
      for (let at = 0; at < frames.length; at += most) {
        await this.room(this.fedVideo);
        if (at > 0) most = KEY_FRAMES_AT_ONCE;
        const some = frames.slice(at, at + most);
        if ((await this.give(this.keyBatch(segment, some), 0, some.length)) === "missing") break;
      }
      carried = frames.at(-1) ?? carried;
      segment = await this.following(segment);
      from = 0;
      most = KEY_FRAMES_AT_ONCE;
    }
  }

  /** Key frames to be shown in the time of `segment`; all of them, or the carried one alone, are of one segment. */
  private keyBatch(segment: SegmentPlan, frames: readonly KeyFrame[]): Batch {
    const offset = this.target.map.offset(segment);
    const append = async (from: number, to: number): Promise<void> => {
      for (const group of bySource(frames.slice(from, to))) {
        const { source } = group[0] as KeyFrame;
        const track = source.video;
        const { bytes, times } = await this.reads.keyFrames(source, track, group);
        const init = (): Promise<ArrayBuffer> => this.reads.init(source, track);
        const media = { mime: track.mime, initId: track.initHash, init, offset };
        await this.appended(() => this.target.video.append(media, bytes));
        for (const [i, frame] of group.entries()) {
          const time = seconds(track, times[i] ?? frame.at);
          this.target.keyShown(seconds(track, frame.at) + offset, wallOf(source, time));
        }
        const last = group.at(-1) as KeyFrame;
        const [begin, end] = [seconds(track, (group[0] as KeyFrame).at), seconds(track, last.at + last.duration)];
        if (this.target.audio) await this.silence(this.target.audio, segment, begin, end);
        this.fedVideo[1] = end + offset;
      }
    };
    return { segment, append, fed: this.fedVideo, time: (item) => seconds(segment.video, frames[item]?.at ?? segment.video.decodeTime) };
  }

  /** The first chunk reaches the fragment that holds the wanted instant. */
  private firstEnd(segment: SegmentPlan): number {
    const time = (this.firstUs - segment.startUs) / 1e6 + videoStart(segment);
    const holds = segment.video.fragments.findIndex((f) => seconds(segment.video, f.decodeTime + f.duration) > time);
    return holds < 0 ? segment.video.fragments.length : holds + 1;
  }

  /** The segment to go on with; waits for the portal where it is not known yet. Ends the feed at damaged footage. */
  private async following(segment: SegmentPlan): Promise<SegmentPlan | null> {
    let ended = false;
    for (;;) {
      const next = this.plan.after(segment);
      const damaged = this.plan.damagedBetween(segment.startUs, next?.startUs ?? Infinity);
      if (damaged?.failure) {
        this.refuse(damaged.fromUs, damaged.failure, this.fedVideo);
        throw new FeedOver();
      }
      if (next) {
        if (ended) this.target.atEnd(false);
        return next;
      }
      await this.room(this.fedVideo);
      if (await this.reads.patiently(() => this.footage.extend(this.signal))) continue;
      if (!ended) this.target.atEnd(true);
      ended = true;
      await this.pause(4000);
    }
  }

  private async audio(sink: TrackSink): Promise<void> {
    let segment: SegmentPlan = this.entry.segment;
    let at = this.fedAudio[0] - this.target.map.offset(segment);
    for (;;) {
      at = await this.audioOf(sink, segment, at);
      const next = await this.nextKnown(segment);
      if (!next) return this.silenceToEnd(sink, segment, at);
      const joins = next.run === segment.run && hasAudio(next) && hasAudio(segment);
      const end = videoEnd(segment);
      if (!joins && end - at > SILENCE_FROM_S) at = await this.silence(sink, segment, at, end);
      const hole = next.run === segment.run ? videoStart(next) - end : (next.startUs - segment.startUs) / 1e6 - (end - videoStart(segment));
      if (hole > SILENCE_FROM_S) await this.silence(sink, segment, at, at + Math.min(hole, PAST_END_S));
      if (next.run !== segment.run || hole > SILENCE_FROM_S) at = videoStart(next);
      segment = next;
    }
  }

  /** Waits until the video loop knows what follows; null: the feed ends here. */
  private async nextKnown(segment: SegmentPlan): Promise<SegmentPlan | null> {
    for (;;) {
      const next = this.plan.after(segment);
      if (next || this.ending) return next;
      await this.wait();
    }
  }

  /** The last pictures before the end are shown even where their sound ended, or never was. */
  private async silenceToEnd(sink: TrackSink, segment: SegmentPlan, at: number): Promise<void> {
    const upTo = (this.ending?.upTo ?? 0) - this.target.map.offset(segment);
    const end = Math.min(videoEnd(segment), upTo);
    if (end - at > SILENCE_FROM_S) await this.silence(sink, segment, at, end);
  }

  /** One segment's audio from run time `at` on, holes filled; returns up to where it went. */
  private async audioOf(sink: TrackSink, segment: SegmentPlan, from: number): Promise<number> {
    const track = segment.audio;
    let at = from;
    if (!track || !canPlay(track.mime)) return at;
    let fragment = track.fragments.findIndex((item) => seconds(track, item.decodeTime + item.duration) > at);
    while (fragment >= 0 && fragment < track.fragments.length) {
      await this.room(this.fedAudio);
      const row = track.fragments[fragment] as (typeof track.fragments)[number];
      const start = seconds(track, row.decodeTime);
      if (start - at > SILENCE_FROM_S) at = await this.silence(sink, segment, at, start);
      const end = contiguousEnd(track, fragment, chunkEnd(track, fragment, null));
      const batch = this.fragments(sink, segment, track, this.fedAudio);
      if ((await this.give(batch, fragment, end)) === "missing") return at;
      const last = track.fragments[end - 1] as (typeof track.fragments)[number];
      at = seconds(track, last.decodeTime + last.duration);
      fragment = end;
    }
    return at;
  }

  /** Silence for run times [from, to): audio that stops would stop the picture too. */
  private async silence(sink: TrackSink, segment: SegmentPlan, from: number, to: number): Promise<number> {
    const offset = this.target.map.offset(segment);
    const media = { mime: FLAC_MIME, initId: "silence", init: async () => flacInit(SILENCE_RATE, 1).buffer, offset };
    for (let at = from; at < to; ) {
      const end = Math.min(to, at + SILENCE_CHUNK_S);
      const start = Math.round(at * SILENCE_RATE);
      const bytes = flacSilence(start, Math.max(1, Math.round(end * SILENCE_RATE) - start), 1).buffer;
      await this.room(this.fedAudio);
      await this.appended(() => sink.append(media, bytes));
      this.fedAudio[1] = end + offset;
      at = end;
    }
    return to;
  }

  /** Feeds items [from, to). A refusal ends the feed at the first item it concerns. */
  private async give(batch: Batch, from: number, to: number): Promise<"given" | "missing"> {
    try {
      await batch.append(from, to);
    } catch (error) {
      // Its grant ended and is not given again: the hours of this person have passed over it.
      const taken = error instanceof WorkerFailure && error.info.kind === "expired" && this.plan.get(batch.segment.id) === null;
      if (taken) return "missing";
      if (!isRefusal(error)) throw error;
      if (error.info.code === "missing-object") {
        this.plan.drop(batch.segment, "missing", error.info);
        return "missing";
      }
      await this.giveUpTo(batch, from, to, error.info);
    }
    return "given";
  }

  /** Everything before the refused item is still shown; then the feed ends there. */
  private async giveUpTo(batch: Batch, from: number, to: number, failure: FailureInfo): Promise<never> {
    let at = from;
    let last = failure;
    try {
      for (; to - from > 1 && at < to; at++) await batch.append(at, at + 1);
    } catch (error) {
      if (!(error instanceof WorkerFailure)) throw error;
      last = error.info;
    }
    this.refuse(wallOf(batch.segment, batch.time(Math.min(at, to - 1))), last, batch.fed);
    throw new FeedOver();
  }

  /** A track's fragments as they are stored. */
  private fragments(sink: TrackSink, segment: SegmentPlan, track: TrackPlan, fed: [number, number]): Batch {
    const row = (item: number): (typeof track.fragments)[number] => track.fragments[item] as (typeof track.fragments)[number];
    const append = async (from: number, to: number): Promise<void> => {
      const opened = await this.reads.fragments(segment, track, from, to);
      if (opened.times.length > 0) this.target.sampled(segment, from, opened.times);
      const offset = this.target.map.offset(segment);
      const init = (): Promise<ArrayBuffer> => this.reads.init(segment, track);
      await this.appended(() => sink.append({ mime: track.mime, initId: track.initHash, init, offset }, opened.bytes));
      const last = row(to - 1);
      fed[1] = seconds(track, last.decodeTime + last.duration) + offset;
    };
    return { segment, append, fed, time: (item) => seconds(track, row(item).decodeTime) };
  }

  private async appended(append: () => Promise<void>): Promise<void> {
    for (;;) {
      this.throwIfStopped();
      try {
        return await append();
      } catch (error) {
        if (!(error instanceof BufferFull)) throw error;
        await this.target.makeRoom();
        await this.wait();
      }
    }
  }

  /** Resolves when more is wanted: no further ahead than some seconds of playing, nor than where the feed ends. */
  private async room(fed: readonly [number, number]): Promise<void> {
    for (;;) {
      this.throwIfStopped();
      if (this.ending && fed[1] >= this.ending.upTo) throw new FeedOver();
      if (fed[1] - this.target.position() <= AHEAD_S * Math.max(1, this.target.rate())) return;
      await this.wait();
    }
  }

  private async wait(): Promise<void> {
    await this.target.tick(this.signal);
    this.throwIfStopped();
  }

  private async pause(ms: number): Promise<void> {
    const until = performance.now() + ms;
    while (performance.now() < until) await this.wait();
  }

  private throwIfStopped(): void {
    if (this.over) throw new FeedOver();
  }
}

function hasAudio(segment: SegmentPlan): boolean {
  return segment.audio !== null && canPlay(segment.audio.mime);
}

/** Neighbours of one source, in order. */
function bySource(frames: readonly KeyFrame[]): KeyFrame[][] {
  const out: KeyFrame[][] = [];
  for (const frame of frames) {
    const last = out.at(-1);
    if (last && last[0]?.source.id === frame.source.id) last.push(frame);
    else out.push([frame]);
  }
  return out;
}

/** End (exclusive) of the next chunk: some fragments, not too many bytes; at least up to `least`. */
function chunkEnd(track: TrackPlan, from: number, least: number | null): number {
  if (least !== null && least > from) return least;
  let bytes = 0;
  let end = from;
  while (end < track.fragments.length && end - from < CHUNK_FRAGMENTS && (end === from || bytes < CHUNK_BYTES)) {
    bytes += track.fragments[end]?.length ?? 0;
    end++;
  }
  return end;
}

/** Shortens a chunk so that no hole lies inside it. */
function contiguousEnd(track: TrackPlan, from: number, to: number): number {
  for (let i = from + 1; i < to; i++) {
    const before = track.fragments[i - 1] as (typeof track.fragments)[number];
    const row = track.fragments[i] as (typeof track.fragments)[number];
    if (seconds(track, row.decodeTime - before.decodeTime - before.duration) > SILENCE_FROM_S) return i;
  }
  return to;
}
