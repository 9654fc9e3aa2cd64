/** One live view: connects, plays at the live edge, says how late the picture is, and comes back by itself. */
import { ApiError, type Api } from "../api/client";
import { t } from "../i18n/t";
import type { KeyWorker } from "../keys/client";
import type { LiveEvent } from "../keys/messages";
import { FLAC_MIME } from "../media/flac";
import { Emitter } from "../player/emitter";
import { rangeAt, type Range } from "../player/jump";
import { attachMediaSource, canPlay, codecName } from "../player/media-source";
import { BufferFull, TrackSink } from "../player/sink";
import { TrustAlarm, type TrustKeeper } from "../player/trust";
import { AUDIO, STREAM_NUMBER, type StreamName } from "../sealing/registry";
import { liveDetail } from "../words";

export type LivePhase = "idle" | "connecting" | "starting" | "playing" | "stalled" | "offline" | "stopped";

export interface LiveState {
  readonly phase: LivePhase;
  readonly trust: "none" | "opened" | "verified" | "altered" | "alarm";
  /** The hub's word for why there is no picture, or null. */
  readonly word: string | null;
  readonly message: string | null;
  readonly alarm: TrustAlarm | null;
  /** How late the picture is, ms; null without a picture. */
  readonly delayMs: number | null;
  /** When the picture stopped moving, ms of `performance.now()`; null while it moves. */
  readonly stalledSinceMs: number | null;
}

export interface LiveViewEvents {
  state: LiveState;
  /** Wall clock of the picture, UTC µs. */
  time: number;
  /** The codec is not playable here. */
  codec: { readonly stream: StreamName; readonly codec: string };
}

const TICK_MS = 100;
const STALL_MS = 1800;
const START_S = 10;
/** Seconds behind the newest fragment one aims at, and how much more of it is hurried through or jumped. */
const EDGE = { aim: 0.25, aimMost: 1, hurry: 0.25, rush: 0.7, jump: 1.3 };
/** Running dry widens the distance aimed at by this much; each tick without narrows it again. */
const WIDEN_S = 0.15;
const NARROW_S = 0.002;
const KEEP_S = 15;
const BACK_OFF_MS = [500, 1000, 2000, 4000, 8000, 15000];
const FINAL_WORDS = new Set(["withdrawn", "refused", "outside-hours"]);
/** After these not even the last picture stays. */
const TAKEN_WORDS = new Set(["withdrawn", "outside-hours"]);
/** Close codes of the hub after which coming back makes no sense: signed out, access withdrawn. */
const FINAL_CODES = new Set([4401, 4403]);

/** Whether the picture was taken from the person, so that the last one may not stay either. */
export function isTaken(state: Pick<LiveState, "word">): boolean {
  return state.word !== null && TAKEN_WORDS.has(state.word);
}

type Init = Extract<LiveEvent, { type: "init" }>;
type Fragment = Extract<LiveEvent, { type: "fragment" }>;

interface Stage {
  readonly publish: string;
  readonly source: MediaSource;
  readonly video: TrackSink;
  readonly audio: TrackSink | null;
  /** Added to decode times; null until the first fragment says where it begins. */
  offset: number | null;
  end: number;
  audioEnd: number;
}

export class LiveView extends Emitter<LiveViewEvents> {
  private readonly inits = new Map<number, Init>();
  private stage: Stage | null = null;
  private work: Promise<void> = Promise.resolve();
  private captures: { at: number; us: number }[] = [];
  private turn = new AbortController();
  private timer = 0;
  private attempt = 0;
  private lastMoved = 0;
  private lastTime = -1;
  private ticks = 0;
  private aim = EDGE.aim;
  private told = "";
  private current: Omit<LiveState, "delayMs" | "stalledSinceMs"> = {
    phase: "idle",
    trust: "none",
    word: null,
    message: null,
    alarm: null,
  };

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly api: Api,
    private readonly keys: KeyWorker,
    private readonly trust: TrustKeeper,
    private readonly camera: string,
    private readonly nowMs: () => number = () => performance.now(),
  ) {
    super();
  }

  stream: StreamName = "main";

  get state(): LiveState {
    const stalled = this.current.phase === "stalled" || this.current.phase === "offline";
    return { ...this.current, delayMs: this.delayMs(), stalledSinceMs: stalled ? this.lastMoved : null };
  }

  /** Wall clock of the picture shown, UTC µs. */
  currentWallUs(): number | null {
    return this.wallUsAt(this.video.currentTime);
  }

  /** Wall clock of the picture at Media Source time `time`, UTC µs. */
  wallUsAt(time: number): number | null {
    const capture = this.captures.findLast((item) => item.at <= time + 0.01) ?? this.captures[0];
    return capture && this.stage ? capture.us + Math.round((time - capture.at) * 1e6) : null;
  }

  start(stream: StreamName): void {
    this.stop();
    this.stream = stream;
    this.turn = new AbortController();
    this.keys.onlive = (event) => this.receive(event);
    this.timer = window.setInterval(() => this.tick(), TICK_MS);
    this.attempt = 0;
    void this.connect(this.turn.signal);
  }

  stop(): void {
    this.turn.abort();
    clearInterval(this.timer);
    this.keys.onlive = () => undefined;
    if (this.current.phase !== "idle") void this.keys.call("liveClose", null).catch(() => undefined);
    this.tearDown();
    this.set({ phase: "idle", trust: "none", word: null, message: null, alarm: null });
  }

  private async connect(signal: AbortSignal): Promise<void> {
    this.set({ phase: this.current.phase === "offline" ? "offline" : "connecting" });
    try {
      const public_ = await this.keys.call("hpke", null);
      const [reply] = await Promise.all([
        this.api.live({ camera: this.camera, stream: this.stream, hpke_public: public_ }, signal),
        this.vouch(() => this.trust.refresh().then(() => undefined)),
      ]);
      await this.vouch(() => this.trust.check(reply.root_fingerprint));
      if (signal.aborted) return;
      await this.keys.call("liveOpen", { reply, camera: this.camera, stream: STREAM_NUMBER[this.stream] });
    } catch (error) {
      if (!signal.aborted) this.failed(error);
    }
  }

  /** Statements that cannot be had leave the picture `opened`; a wrong root is thrown on. */
  private async vouch(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  private failed(error: unknown): void {
    if (error instanceof TrustAlarm) {
      this.halt({ trust: "alarm", message: error.message, alarm: error });
    } else if (error instanceof ApiError && [401, 403, 404].includes(error.status)) {
      this.halt({ message: error.message });
    } else {
      const message = error instanceof Error ? error.message : String(error);
      this.set({ phase: "offline", message });
      this.again();
    }
  }

  private halt(change: Partial<LiveState>): void {
    const { signal } = this.turn;
    this.set({ ...change, phase: "stopped" });
    if (!signal.aborted) this.turn.abort();
    void this.keys.call("liveClose", null).catch(() => undefined);
    this.video.pause();
  }

  /** Comes back after a while, longer each time, not all viewers at once. */
  private again(): void {
    const { signal } = this.turn;
    const base = BACK_OFF_MS[Math.min(this.attempt++, BACK_OFF_MS.length - 1)] as number;
    setTimeout(() => void (signal.aborted || this.connect(signal)), base * (0.75 + Math.random() / 2));
  }

  private receive(event: LiveEvent): void {
    if (this.turn.signal.aborted) return;
    switch (event.type) {
      case "open":
        this.set({ phase: "starting", message: null });
        return;
      case "status":
        return this.status(event.word, event.detail);
      case "trust":
        return this.set({ trust: event.state });
      case "failure":
        return this.halt({ trust: "altered", message: event.failure.message });
      case "closed":
        if (FINAL_CODES.has(event.code)) this.halt({ word: "withdrawn", message: liveDetail(event.reason) || null });
        if (this.current.phase !== "stopped") {
          this.set({ phase: "offline" });
          this.again();
        }
        return;
      case "init":
        this.inits.set(event.rendition, event);
        if (this.stage) void this.enqueue(() => this.initChanged(event));
        return;
      case "fragment":
        void this.enqueue(() => this.take(event));
    }
  }

  private status(word: string, said: string): void {
    const detail = liveDetail(said);
    if (FINAL_WORDS.has(word)) {
      this.halt({ word, message: detail || null });
      if (isTaken(this.current)) this.tearDown();
      return;
    }
    if (word === "starting" || word === "skipped") return this.set({ word, message: detail || null });
    this.set({ phase: "offline", word, message: detail || null });
  }

  private enqueue(step: () => Promise<void>): Promise<void> {
    const { signal } = this.turn;
    this.work = this.work.then(async () => {
      if (signal.aborted) return;
      try {
        await step();
      } catch (error) {
        if (!signal.aborted) this.mediaFailed(error);
      }
    });
    return this.work;
  }

  private mediaFailed(error: unknown): void {
    if (error instanceof BufferFull) return void this.evict(3);
    // A decoder that gave up starts anew with the next key frame.
    this.tearDown();
    this.set({ phase: "starting", message: error instanceof Error ? error.message : String(error) });
  }

  private isVideo(rendition: number): boolean {
    return rendition === STREAM_NUMBER[this.stream];
  }

  private async take(fragment: Fragment): Promise<void> {
    if (this.isVideo(fragment.rendition)) await this.takeVideo(fragment);
    else await this.takeAudio(fragment);
  }

  private async takeVideo(fragment: Fragment): Promise<void> {
    const init = this.inits.get(fragment.rendition);
    if (!init) return;
    if (this.stage && this.stage.publish !== fragment.publish) this.tearDown();
    if (this.stage?.audio && this.stage.end - this.stage.audioEnd > 1.5) {
      // Sound that stops would stop the picture: go on without it until the agent announces it again.
      this.inits.delete(AUDIO);
      this.tearDown();
    }
    if (!this.stage && !fragment.sync) return;
    const stage = this.stage ?? (await this.build(init));
    if (!stage) return;
    const time = fragment.earliest / init.timescale;
    if (stage.offset === null || Math.abs(time + stage.offset - stage.end) > 30) {
      stage.offset = (stage.offset === null ? START_S : stage.end + 0.001) - time;
    }
    const { offset } = stage;
    await stage.video.append(mediaOf(init, offset), fragment.bytes);
    const at = time + offset;
    stage.end = Math.max(stage.end, at + fragment.duration / init.timescale);
    this.captures.push({ at, us: fragment.captureUs });
    if (this.captures.length > 400) this.captures.splice(0, 200);
    this.attempt = 0;
    if (this.current.word === "starting" || this.current.word === "skipped") this.set({ word: null });
  }

  private async takeAudio(fragment: Fragment): Promise<void> {
    const { stage } = this;
    const init = this.inits.get(fragment.rendition);
    if (!stage?.audio || !init || stage.offset === null || stage.publish !== fragment.publish) return;
    await stage.audio.append(mediaOf(init, stage.offset), fragment.bytes);
    stage.audioEnd = (fragment.decodeTime + fragment.duration) / init.timescale + stage.offset;
  }

  /** New parameters of a track: the sink takes the new init by itself, but sound that was not there needs a new stage. */
  private async initChanged(init: Init): Promise<void> {
    if (init.rendition === AUDIO && this.stage && !this.stage.audio && canPlay(init.mime)) this.tearDown();
    else if (this.isVideo(init.rendition) && !canPlay(init.mime)) this.codecMissing(init);
  }

  private codecMissing(init: Init): void {
    const codec = codecName(init.codec);
    this.halt({ message: t("This browser cannot play {codec}.", { codec }) });
    this.emit("codec", { stream: this.stream, codec });
  }

  private async build(init: Init): Promise<Stage | null> {
    if (!canPlay(init.mime)) {
      this.codecMissing(init);
      return null;
    }
    this.tearDown(true);
    const { signal } = this.turn;
    const source = await attachMediaSource(this.video, signal);
    const video = new TrackSink(source.addSourceBuffer(init.mime), init.mime);
    const sound = this.inits.get(AUDIO);
    const mime = sound && sound.publish === init.publish ? sound.mime : null;
    const audio = mime && canPlay(mime) ? new TrackSink(source.addSourceBuffer(mime || FLAC_MIME), mime) : null;
    this.stage = { publish: init.publish, source, video, audio, offset: null, end: START_S, audioEnd: START_S };
    this.lastMoved = this.nowMs();
    return this.stage;
  }

  private ranges(): Range[] {
    const out: Range[] = [];
    const { buffered } = this.video;
    for (let i = 0; i < buffered.length; i++) out.push([buffered.start(i), buffered.end(i)]);
    return out;
  }

  private tick(): void {
    if (this.stage && !this.turn.signal.aborted) {
      this.chase();
      this.watch();
      if (++this.ticks % 50 === 0) void this.evict(KEEP_S);
    }
    const us = this.currentWallUs();
    if (us !== null) this.emit("time", us);
    this.tell();
  }

  /** Stays at the live edge: a little faster when behind, a jump when far behind or before a hole. */
  private chase(): void {
    const { video } = this;
    const ranges = this.ranges();
    const last = ranges.at(-1);
    if (!last || video.seeking) return;
    const behind = last[1] - video.currentTime;
    const outside = rangeAt(ranges, video.currentTime) !== last && behind > 0.01;
    const spare = behind - this.aim;
    if (outside || spare > EDGE.jump) {
      video.currentTime = Math.max(last[0] + 0.01, last[1] - this.aim);
    } else {
      const dry = video.readyState < HTMLMediaElement.HAVE_FUTURE_DATA && this.current.phase === "playing";
      this.aim = dry ? Math.min(EDGE.aimMost, this.aim + WIDEN_S) : Math.max(EDGE.aim, this.aim - NARROW_S);
      video.playbackRate = spare > EDGE.rush ? 1.25 : spare > EDGE.hurry ? 1.1 : 1;
    }
    // Refused while hidden or overtaken by a seek: the next tick tries again.
    if (video.paused && !document.hidden) void video.play().catch(() => undefined);
  }

  private watch(): void {
    const time = this.video.currentTime;
    const now = this.nowMs();
    if (time !== this.lastTime) {
      this.lastTime = time;
      this.lastMoved = now;
      if (this.video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) this.set({ phase: "playing", word: this.liveWord() });
    } else if (now - this.lastMoved > STALL_MS && this.current.phase === "playing") {
      this.set({ phase: "stalled" });
    }
  }

  /** What the hub last said stays only while it still holds. */
  private liveWord(): string | null {
    return this.current.word === "skipped" ? "skipped" : null;
  }

  private delayMs(): number | null {
    const us = this.currentWallUs();
    if (us === null || !["playing", "stalled"].includes(this.current.phase)) return null;
    return Math.max(0, Math.round((this.api.clock.nowUs() - us) / 1000));
  }

  private async evict(keep: number): Promise<void> {
    const { stage } = this;
    if (!stage) return;
    const until = this.video.currentTime - keep;
    await Promise.all([stage.video, stage.audio].map((sink) => sink?.remove(0, until)));
  }

  /** `keepPicture`: leaves the last picture until the next source takes over. */
  private tearDown(keepPicture = false): void {
    this.stage = null;
    this.captures = [];
    if (keepPicture) return;
    if (this.video.src) {
      this.video.removeAttribute("src");
      this.video.load();
    }
  }

  private set(change: Partial<Omit<LiveState, "delayMs" | "stalledSinceMs">>): void {
    this.current = { ...this.current, ...change };
    this.tell();
  }

  private tell(): void {
    const { state } = this;
    const delay = state.delayMs === null ? null : Math.round(state.delayMs / 100);
    const now = JSON.stringify({ ...state, alarm: state.alarm?.message, delayMs: delay });
    if (now === this.told) return;
    this.told = now;
    this.emit("state", state);
  }
}

function mediaOf(init: Init, offset: number): { mime: string; initId: string; init: () => Promise<ArrayBuffer>; offset: number } {
  return { mime: init.mime, initId: `${init.publish}/${fingerprint(init.bytes)}`, init: async () => init.bytes.slice(0), offset };
}

/** Tells init segments apart: a new session key repeats the same one. */
function fingerprint(bytes: ArrayBuffer): string {
  let hash = 0x811c9dc5;
  for (const byte of new Uint8Array(bytes)) hash = Math.imul(hash ^ byte, 0x01000193) >>> 0;
  return `${bytes.byteLength}-${hash}`;
}
