/** Playback of one camera: seeks by wall clock, feeds Media Source, jumps gaps, stops at what was altered. No controls here. */
import { ApiError } from "../api/client";
import { t } from "../i18n/t";
import { WorkerFailure } from "../keys/failure";
import { inWords } from "../keys/in-words";
import type { FailureInfo, SegmentPlan } from "../keys/messages";
import { FLAC_MIME } from "../media/flac";
import type { StreamName } from "../sealing/registry";
import { Emitter } from "./emitter";
import { Feed, type FeedTarget } from "./feed";
import { Footage, type FootageOptions } from "./footage";
import { Frames, neighbour, type Frame } from "./frames";
import { aheadOf, atEnd, jumpTarget, type Range } from "./jump";
import { attachMediaSource, canPlay, codecName } from "./media-source";
import { seconds, wallOf, type Absent, type Plan } from "./plan";
import { isRefusal, Reads } from "./reads";
import { TrackSink } from "./sink";
import { TimeMap } from "./time-map";
import { TrustAlarm } from "./trust";

export type Phase = "idle" | "loading" | "playing" | "paused" | "waiting" | "end" | "stopped";
/** `opened`: decrypted and fitting its record; `verified`: and the pinned root vouches for the signer. */
export type TrustState = "none" | "opened" | "verified" | "altered" | "alarm";

export interface Stop {
  /** `unreachable`: the portal did not answer; it may again. */
  readonly kind: "altered" | "codec" | "denied" | "signed-out" | "alarm" | "decode" | "unreachable" | "failed";
  /** UTC µs of the first instant that cannot be shown; null where no instant is meant. */
  readonly atUs: number | null;
  readonly message: string;
  readonly alarm?: TrustAlarm;
}

export interface PlayerState {
  readonly phase: Phase;
  /** Whether it plays, or would as soon as there is footage. */
  readonly playing: boolean;
  readonly trust: TrustState;
  /** Whether the picture came off the disk of a box that was replaced. */
  readonly adopted: boolean;
  readonly stream: StreamName;
  readonly stop: Stop | null;
  /** Network or store away: tried again by itself. */
  readonly waiting: FailureInfo | null;
  /** Too fast for every picture: key frames alone, without sound. */
  readonly keyFramesOnly: boolean;
}

export interface PlayerEvents {
  state: PlayerState;
  /** Wall clock of the picture, UTC µs. */
  time: number;
  /** Playback passed over time without footage; `why` in order of time, never empty. */
  skipped: { readonly fromUs: number; readonly toUs: number; readonly why: readonly Absent[] };
  /** The codec of a stream is not playable here; `fallback`: the stream shown instead. */
  codec: { readonly stream: StreamName; readonly codec: string; readonly fallback: StreamName | null };
}

const TICK_MS = 100;
/** A seek that takes longer is to a picture the decoder keeps back: it reorders, and nothing follows before a hole. */
const ARRIVED_AFTER_TICKS = 10;
const KEPT_BACK_S = 0.3;
const KEEP_BEHIND_S = 30;
const EVICT_EVERY_TICKS = 50;
const LOOK_EVERY_TICKS = 60;
const EPOCH_BEFORE_US = 86_400_000_000;
const DURATION_S = 30 * 86_400;
/** Faster than this, key frames alone are fetched and shown. */
const EVERY_PICTURE_UP_TO = 2;
/** Land a hair inside a picture's time, for its begin as a double may lie in the one before. */
const INSIDE_S = 0.001;
/** How far back a picture is looked for before what is known. */
const STEP_BACK_US = 60_000_000;
/** A break of the picture shorter than this is not called a gap. */
const GAP_FROM_US = 500_000;

interface Stage {
  readonly source: MediaSource;
  readonly video: TrackSink;
  readonly audio: TrackSink | null;
  readonly map: TimeMap;
}

export class Player extends Emitter<PlayerEvents> {
  private footage: Footage;
  private stage: Stage | null = null;
  private feed: Feed | null = null;
  private turn = new AbortController();
  private targetUs: number | null = null;
  private wanted = false;
  private refused: { atUs: number; failure: FailureInfo } | null = null;
  private phase: Phase = "idle";
  private stopped: Stop | null = null;
  private waiting: FailureInfo | null = null;
  private atEnd = false;
  private timer = 0;
  private ticks = 0;
  private ticking: (() => void)[] = [];
  private told = "";
  private readonly frames = new Frames();
  private stepping: Promise<void> = Promise.resolve();
  private seekingTicks = 0;
  private keysOnly = false;
  /** Which key frame stands from which Media Source time on; empty while every picture is shown. */
  private keysShown: { readonly at: number; readonly wallUs: number }[] = [];

  constructor(
    readonly video: HTMLVideoElement,
    private readonly options: Omit<FootageOptions, "stream"> & { readonly streams: readonly StreamName[] },
  ) {
    super();
    this.footage = new Footage(options, options.streams[0] ?? "main");
  }

  get state(): PlayerState {
    return {
      phase: this.phase,
      playing: this.wanted,
      trust: this.trust(),
      adopted: this.stage?.map.at(this.video.currentTime)?.segment.adopted ?? false,
      stream: this.footage.stream,
      stop: this.stopped,
      waiting: this.waiting,
      keyFramesOnly: this.keysOnly,
    };
  }

  /** Wall clock of the picture, or of the one sought; null before the first seek. */
  currentWallUs(): number | null {
    return this.targetUs ?? this.wallUsAt(this.video.currentTime);
  }

  /** Where playback itself is, UTC µs, between key frames too; null while it is on its way somewhere, or without footage. */
  arrivedWallUs(): number | null {
    if (!this.stage || this.targetUs !== null || this.video.seeking) return null;
    return this.stage.map.wallUs(this.video.currentTime);
  }

  /** Plays a little faster or slower than the speed chosen, to keep step with others; 1: as chosen. */
  nudge(factor: number): void {
    const rate = this.video.defaultPlaybackRate * factor;
    if (Math.abs(this.video.playbackRate - rate) > 0.001) this.video.playbackRate = rate;
  }

  /** Wall clock of the picture that stands at Media Source time `time`; null without one. */
  wallUsAt(time: number): number | null {
    if (!this.stage) return null;
    const key = this.keysShown.findLast((item) => item.at <= time + INSIDE_S);
    return key ? key.wallUs : this.stage.map.wallUs(time);
  }

  /** Shows the instant `us` (UTC µs), or the next footage after it; goes on playing if it was. */
  async seek(us: number): Promise<void> {
    const turn = this.begin(us);
    try {
      if (!this.seekInside(us)) await this.seekAnew(us, turn.signal);
    } catch (error) {
      if (!turn.signal.aborted) this.fail(error, us);
    }
  }

  async play(): Promise<void> {
    this.wanted = true;
    if (this.stopped?.kind === "altered") return;
    await this.resume();
  }

  /** Stops at the very picture the time says: a busy browser may be showing an earlier one. */
  pause(): void {
    const moving = !this.video.paused && !this.video.seeking;
    this.wanted = false;
    this.video.pause();
    if (moving && aheadOf(this.ranges(), this.video.currentTime) > 0) this.video.currentTime += 0;
    this.update();
  }

  /** Whether it plays, or would as soon as there is footage. */
  get playing(): boolean {
    return this.wanted;
  }

  /** Above 2× key frames alone are fetched and shown; time goes on as fast as asked. */
  setRate(rate: number): void {
    const us = this.currentWallUs();
    this.video.defaultPlaybackRate = rate;
    this.video.playbackRate = rate;
    if (this.keysOnly === rate > EVERY_PICTURE_UP_TO) return;
    this.keysOnly = !this.keysOnly;
    if (us !== null && this.stage && this.feed) void this.feedAnew(us);
    else this.update();
  }

  /** Shows another stream from the same instant on. */
  async setStream(stream: StreamName): Promise<void> {
    const us = this.currentWallUs();
    if (stream === this.footage.stream) return;
    this.changeStream(stream);
    if (us !== null) await this.seek(us);
  }

  /** One picture forward or back by the samples' own times, paused; over the edges of segments, too. */
  step(direction: 1 | -1): Promise<void> {
    this.pause();
    this.stepping = this.stepping.then(() => this.stepNow(direction));
    return this.stepping;
  }

  private async stepNow(direction: 1 | -1): Promise<void> {
    const { signal } = this.turn;
    const { stage } = this;
    const placed = stage?.map.at(this.video.currentTime);
    if (!stage || !placed || this.stopped) return;
    const { segment } = placed;
    try {
      const now = this.video.currentTime;
      const target = (await this.pictureFrom(stage, segment, now, direction)) ?? (await this.farther(stage, segment, now, direction));
      if (target && !signal.aborted) await this.showPicture(stage, target);
    } catch (error) {
      if (!signal.aborted) this.fail(error, segment.startUs);
    }
  }

  private async pictureFrom(stage: Stage, segment: SegmentPlan, now: number, direction: 1 | -1): Promise<Frame | null> {
    const time = now - stage.map.offset(segment);
    const plan = this.footage.plan as Plan;
    let near: Frame[];
    let known: number;
    // Once more where a segment turned out to be missing.
    do {
      known = plan.all.length;
      near = await this.frames.near(plan, segment, time, (of, from, to) => this.readTimes(of, from, to));
    } while (plan.all.length < known && !this.stopped);
    if (this.stopped) return null;
    return neighbour(near.map((frame) => ({ ...frame, at: frame.time + stage.map.offset(frame.segment) })), now, direction);
  }

  /** None where the object is gone: it is passed over. What was altered ends playback there. */
  private async readTimes(segment: SegmentPlan, from: number, to: number): Promise<readonly (readonly number[])[]> {
    try {
      return await this.reads().times(segment, segment.video, from, to);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (error.info.code === "missing-object") this.footage.plan?.drop(segment, "missing", error.info);
      else this.fail(error, wallOf(segment, seconds(segment.video, segment.video.fragments[from]?.decodeTime ?? 0)));
      return [];
    }
  }

  /** The picture beyond what the plan speaks of so far. */
  private async farther(stage: Stage, segment: SegmentPlan, now: number, direction: 1 | -1): Promise<Frame | null> {
    const { signal } = this.turn;
    if (this.stopped) return null;
    if (direction < 0) await this.footage.ensure(segment.startUs - STEP_BACK_US, signal);
    else if (!(await this.footage.extend(signal))) return null;
    return this.pictureFrom(stage, segment, now, direction);
  }

  private async showPicture(stage: Stage, frame: Frame): Promise<void> {
    const fromUs = stage.map.wallUs(this.video.currentTime);
    const at = frame.time + stage.map.offset(frame.segment) + INSIDE_S;
    const wallUs = wallOf(frame.segment, frame.time);
    if (wallUs - fromUs >= GAP_FROM_US && this.footage.plan?.at(fromUs)?.run !== frame.segment.run) this.tellSkipped(fromUs, wallUs);
    if (aheadOf(this.ranges(), at) > 0 && !this.keysOnly) this.video.currentTime = at;
    else await this.seek(wallUs + Math.round(INSIDE_S * 1e6));
  }

  private reads(): Reads {
    const { signal } = this.turn;
    return new Reads(this.footage, this.options.keys, signal, {
      pause: () => this.nextTick(signal),
      throwIfStopped: () => signal.throwIfAborted(),
      waitingFor: (failure) => {
        this.waiting = failure;
        this.update();
      },
    });
  }

  /** Ends playback and gives up everything that was buffered; a later seek begins anew. */
  close(): void {
    this.turn.abort();
    this.wanted = false;
    this.tearDown();
    this.targetUs = null;
    this.phase = "idle";
    this.update();
  }

  private begin(us: number): AbortController {
    this.turn.abort();
    this.turn = new AbortController();
    this.targetUs = us;
    this.stopped = null;
    this.waiting = null;
    this.atEnd = false;
    this.phase = "loading";
    this.update();
    this.emit("time", us);
    return this.turn;
  }

  /** A seek to what Media Source holds already, or is about to. */
  private seekInside(us: number): boolean {
    const { stage, feed } = this;
    const segment = this.footage.plan?.at(us);
    if (!stage || !feed || !segment || this.video.error || (feed.over && !this.refused)) return false;
    const time = stage.map.mediaTime(segment, us);
    if (time < feed.fed[0] || time >= feed.fed[1] - 0.05 || aheadOf(this.ranges(), time) <= 0.05) return false;
    this.video.currentTime = time;
    void this.settle(this.turn.signal);
    return true;
  }

  private async seekAnew(us: number, signal: AbortSignal): Promise<void> {
    this.feed?.stop();
    this.feed = null;
    this.refused = null;
    const found = await this.find(us, signal);
    signal.throwIfAborted();
    if (!found) return;
    const { plan, segment, atUs } = found;
    if (!this.playable(segment)) return this.fallBack(segment, atUs, signal);
    const stage = await this.ensureStage(segment, atUs, signal);
    signal.throwIfAborted();
    stage.map.place(segment);
    this.targetUs = atUs;
    this.video.currentTime = stage.map.mediaTime(segment, atUs);
    this.keysShown = [];
    this.feed = new Feed(this.footage, this.options.keys, this.feedTarget(stage), plan.entry(segment, atUs), atUs, this.keysOnly);
    this.feed.start();
    await this.settle(signal);
  }

  /** Gives up what is held and feeds it in the other manner: every picture, or key frames alone. */
  private async feedAnew(us: number): Promise<void> {
    const { signal } = this.begin(us);
    this.feed?.stop();
    this.feed = null;
    try {
      await Promise.all([this.stage?.video, this.stage?.audio].map((sink) => sink?.remove(0, Infinity)));
      signal.throwIfAborted();
      await this.seekAnew(us, signal);
    } catch (error) {
      if (!signal.aborted) this.fail(error, us);
    }
  }

  /** The footage at `us` or the next after it; null where there is none (told by state). */
  private async find(us: number, signal: AbortSignal): Promise<{ plan: Plan; segment: SegmentPlan; atUs: number } | null> {
    const plan = await this.footage.ensure(us, signal);
    const here = plan.at(us);
    if (here) return { plan, segment: here, atUs: us };
    const absent = plan.absentAt(us);
    if (absent.kind === "damaged" && absent.failure) {
      this.halt(keysLack(absent.failure, absent.fromUs) ?? { kind: "altered", atUs: absent.fromUs, message: alteredMessage(absent.failure) });
      return null;
    }
    const next = plan.firstFrom(us);
    if (next) {
      this.tellSkipped(us, next.startUs);
      return { plan, segment: next, atUs: next.startUs };
    }
    return this.findLater(us, absent, signal);
  }

  private async findLater(us: number, absent: Absent, signal: AbortSignal): ReturnType<Player["find"]> {
    const from = (this.footage.plan as Plan).toUs;
    const later = await this.footage.nextRecorded(from, signal);
    if (!later) {
      if (absent.kind !== "unrecorded") this.emit("skipped", { fromUs: us, toUs: Math.max(us, absent.toUs), why: [absent] });
      this.atEnd = true;
      this.ticks = 1;
      this.targetUs = us;
      this.phase = "end";
      this.startTicking();
      this.update();
      return null;
    }
    this.emit("skipped", { fromUs: us, toUs: later.fromUs, why: [later.why ?? absent] });
    this.footage.plan = null;
    const plan = await this.footage.ensure(later.fromUs, signal);
    const segment = plan.at(later.fromUs) ?? plan.firstFrom(later.fromUs);
    const held = plan.absentAt(later.fromUs);
    // What is there reaches over an edge of the hours, and is withheld whole: on with what follows.
    if (!segment && held.kind === "not-permitted" && plan.toUs > from) return this.findLater(us, held, signal);
    if (!segment) throw new ApiError(200, "bad-reply", t("The timeline shows footage that playback does not find. Try again."));
    return { plan, segment, atUs: Math.max(later.fromUs, segment.startUs) };
  }

  private playable(segment: SegmentPlan): boolean {
    return canPlay(segment.video.mime);
  }

  /** Another stream for a codec this browser lacks; says which. */
  private async fallBack(segment: SegmentPlan, us: number, signal: AbortSignal): Promise<void> {
    const { stream } = this.footage;
    const codec = codecName(segment.video.codec);
    const fallback = stream === "main" && this.options.streams.includes("sub") ? "sub" : null;
    this.emit("codec", { stream, codec, fallback });
    if (!fallback) {
      const message = t("This browser cannot play {codec}. Use one that can, or set the camera to H.264.", { codec });
      this.halt({ kind: "codec", atUs: null, message });
      return;
    }
    this.changeStream(fallback);
    await this.seekAnew(us, signal);
  }

  private changeStream(stream: StreamName): void {
    this.tearDown();
    this.footage = new Footage(this.options, stream);
  }

  private async ensureStage(segment: SegmentPlan, us: number, signal: AbortSignal): Promise<Stage> {
    const { stage } = this;
    const time = stage ? (us - stage.map.epochUs) / 1e6 : -1;
    if (stage && !this.video.error && stage.source.readyState === "open" && time > 60 && time < DURATION_S - 86_400) {
      return stage;
    }
    this.tearDown();
    const source = await attachMediaSource(this.video, signal);
    const video = new TrackSink(source.addSourceBuffer(segment.video.mime), segment.video.mime);
    let audio: TrackSink | null = null;
    if (this.options.audio) {
      const mime = segment.audio && canPlay(segment.audio.mime) ? segment.audio.mime : FLAC_MIME;
      audio = canPlay(mime) ? new TrackSink(source.addSourceBuffer(mime), mime) : null;
    }
    source.duration = DURATION_S;
    this.stage = { source, video, audio, map: new TimeMap(us - EPOCH_BEFORE_US) };
    this.video.playbackRate = this.video.defaultPlaybackRate;
    this.startTicking();
    return this.stage;
  }

  /** Waits for the first picture of a seek, then plays on if that is wanted. */
  private async settle(signal: AbortSignal): Promise<void> {
    while (this.video.seeking || this.video.readyState < HTMLMediaElement.HAVE_CURRENT_DATA) {
      if (signal.aborted || this.stopped) return;
      await this.nextTick(signal);
    }
    if (signal.aborted) return;
    this.targetUs = null;
    this.phase = "paused";
    await this.resume();
  }

  private async resume(): Promise<void> {
    if (this.wanted && this.stage && this.targetUs === null && !this.stopped) {
      try {
        await this.video.play();
      } catch (error) {
        // Refused by the browser until a person acts, or overtaken by a pause or seek.
        if (error instanceof DOMException && error.name === "NotAllowedError") this.wanted = false;
        else if (!(error instanceof DOMException && error.name === "AbortError")) throw error;
      }
    }
    this.update();
  }

  private feedTarget(stage: Stage): FeedTarget {
    return {
      video: stage.video,
      audio: stage.audio,
      map: stage.map,
      position: () => this.video.currentTime,
      rate: () => this.video.playbackRate,
      tick: (stop) => this.nextTick(stop),
      makeRoom: () => this.evict(5),
      refused: (atUs, failure) => {
        this.refused = { atUs, failure };
      },
      failed: (error) => this.fail(error, this.currentWallUs() ?? 0),
      atEnd: (value) => {
        this.atEnd = value;
      },
      waitingFor: (failure) => {
        this.waiting = failure;
        this.update();
      },
      sampled: (segment, from, times) => this.frames.note(segment, from, times),
      keyShown: (at, wallUs) => this.keysShown.push({ at, wallUs }),
    };
  }

  private ranges(): Range[] {
    const out: Range[] = [];
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i++) out.push([buffered.start(i), buffered.end(i)]);
    return out;
  }

  private startTicking(): void {
    if (this.timer === 0) this.timer = window.setInterval(() => this.tick(), TICK_MS);
  }

  private nextTick(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.ticking.push(resolve);
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  private tick(): void {
    const { stage } = this;
    if (stage) {
      if (this.video.error) this.decodeFailed();
      else this.watch(stage);
      if (++this.ticks % EVICT_EVERY_TICKS === 0) void this.evict(KEEP_BEHIND_S);
      const us = this.currentWallUs();
      if (us !== null) this.emit("time", us);
    }
    // Nothing recorded after the wanted instant yet: look again now and then.
    if (this.phase === "end" && !this.feed && this.targetUs !== null && this.ticks++ % LOOK_EVERY_TICKS === 0) {
      void this.seek(this.targetUs);
    }
    this.update();
    const waiting = this.ticking;
    this.ticking = [];
    for (const resolve of waiting) resolve();
  }

  /** Over a hole, or to a stop: what Media Source does not do by itself. */
  private watch(stage: Stage): void {
    const { feed } = this;
    const time = this.video.currentTime;
    const ranges = this.ranges();
    const left = aheadOf(ranges, time);
    // A seek to what is held will end by itself, however little lies after it; but a decoder may keep its last pictures back.
    this.seekingTicks = this.video.seeking && left > 0 ? this.seekingTicks + 1 : 0;
    const arriving = this.seekingTicks > 0 && this.seekingTicks < ARRIVED_AFTER_TICKS;
    if (this.seekingTicks >= ARRIVED_AFTER_TICKS && !this.wanted && this.isKeptBack(time, ranges)) {
      this.seekingTicks = 0;
      this.video.currentTime = time - KEPT_BACK_S;
      return;
    }
    const stalled = !arriving && this.video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA;
    if (feed && !arriving && (this.wanted || this.video.seeking)) {
      const jump = jumpTarget(time, ranges, feed.fed, stalled);
      if (jump !== null) return this.jump(stage, time, jump);
    }
    if (this.refused && atEnd(left, stalled)) {
      const { atUs, failure } = this.refused;
      this.halt(stopFor(failure, atUs));
      return;
    }
    if (this.targetUs !== null || this.stopped) return;
    if (!this.wanted) this.phase = "paused";
    else if (left > 0.05 && !this.video.paused) this.phase = "playing";
    else this.phase = this.atEnd ? "end" : "waiting";
  }

  /** Whether `time` is of the last pictures before a hole or the newest second, and there are others before them. */
  private isKeptBack(time: number, ranges: readonly Range[]): boolean {
    const left = aheadOf(ranges, time);
    const nothingMore = this.atEnd || (this.feed !== null && this.feed.fed[1] > time + left + 0.05);
    return nothingMore && left < KEPT_BACK_S && aheadOf(ranges, time - KEPT_BACK_S) > 0;
  }

  private jump(stage: Stage, from: number, to: number): void {
    const fromUs = stage.map.wallUs(from);
    const toUs = stage.map.wallUs(to);
    this.video.currentTime = to;
    if (toUs - fromUs >= GAP_FROM_US) this.tellSkipped(fromUs, toUs);
  }

  private tellSkipped(fromUs: number, toUs: number): void {
    const said = this.footage.plan?.absentsBetween(fromUs, toUs) ?? [];
    const unsaid: Absent = { fromUs, toUs, kind: "unrecorded", reason: null, failure: null };
    this.emit("skipped", { fromUs, toUs, why: said.length > 0 ? said : [unsaid] });
  }

  private decodeFailed(): void {
    const message = this.video.error?.message || t("no reason given");
    this.halt({ kind: "decode", atUs: this.currentWallUs(), message: t("The browser could not decode the picture ({message}).", { message }) });
  }

  /** Gives up what was played more than `keep` seconds ago, keys included. */
  private async evict(keep: number): Promise<void> {
    const { stage } = this;
    if (!stage) return;
    const until = this.video.currentTime - keep;
    const ids = await this.footage.forgetBefore(stage.map.wallUs(until));
    stage.map.forget(ids);
    this.frames.forget(ids);
    const first = this.keysShown.findLastIndex((item) => item.at <= until);
    if (first > 0) this.keysShown.splice(0, first);
    await Promise.all([stage.video, stage.audio].map((sink) => sink?.remove(0, until)));
  }

  private halt(stop: Stop): void {
    this.stopped = stop;
    this.phase = "stopped";
    this.video.pause();
    this.feed?.stop();
    this.update();
  }

  private fail(error: unknown, us: number): void {
    if (error instanceof TrustAlarm) {
      this.halt({ kind: "alarm", atUs: null, message: error.message, alarm: error });
    } else if (error instanceof ApiError) {
      this.halt({ kind: refusedKind(error.status), atUs: null, message: error.message });
    } else if (error instanceof WorkerFailure) {
      this.halt(stopFor(error.info, us));
    } else {
      this.halt({ kind: "failed", atUs: null, message: error instanceof Error ? error.message : String(error) });
    }
  }

  private trust(): TrustState {
    if (this.stopped?.kind === "altered") return "altered";
    if (this.stopped?.kind === "alarm") return "alarm";
    const placed = this.stage?.map.at(this.video.currentTime);
    if (!placed || this.phase === "loading") return "none";
    return placed.segment.verified ? "verified" : "opened";
  }

  /** Tells the state when it changed. */
  private update(): void {
    const { state } = this;
    const now = JSON.stringify({ ...state, stop: state.stop?.message });
    if (now === this.told) return;
    this.told = now;
    this.emit("state", state);
  }

  private tearDown(): void {
    this.feed?.stop();
    this.feed = null;
    this.refused = null;
    if (!this.stage) return;
    this.stage = null;
    this.keysShown = [];
    this.video.removeAttribute("src");
    this.video.load();
  }
}

function alteredMessage(failure: FailureInfo): string {
  return t("What is stored here is not what was recorded and signed ({code}).", { code: failure.code });
}

function refusedKind(status: number): Stop["kind"] {
  if (status === 401) return "signed-out";
  if (status === 403 || status === 404) return "denied";
  // None at all, or that of a front whose portal is away.
  return status === 0 || (status >= 502 && status <= 504) ? "unreachable" : "failed";
}

/** The person's own keys do not open this: nothing is wrong with what is stored. */
function keysLack(failure: FailureInfo, atUs: number): Stop | null {
  const lack = failure.kind === "locked" || failure.kind === "unshared";
  return lack ? { kind: "denied", atUs, message: inWords(failure).message } : null;
}

function stopFor(failure: FailureInfo, atUs: number): Stop {
  const lack = keysLack(failure, atUs);
  if (lack) return lack;
  if (failure.kind !== "sealing" && failure.kind !== "media") return { kind: "failed", atUs, message: inWords(failure).message };
  if (failure.code === "missing-key") return { kind: "denied", atUs, message: t("You may not open this footage.") };
  return { kind: "altered", atUs, message: alteredMessage(failure) };
}
