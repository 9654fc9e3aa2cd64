/**
 * Still pictures of cameras, out of sealed footage: one request for many, key frames opened in the key worker and drawn by
 * WebCodecs. `newest` for walls, `at` for thumbnails, which are kept while they fit.
 */
import { ApiError, type Api } from "../api/client";
import type { ApiStream, StillsReply, StillWish } from "../api/types";
import { t } from "../i18n/t";
import { KeyWorker } from "../keys/client";
import { WorkerFailure } from "../keys/failure";
import { inWords } from "../keys/in-words";
import type { SegmentPlan } from "../keys/messages";
import { LocalPins } from "../player/pins";
import { TrustKeeper } from "../player/trust";
import type { StreamName } from "../sealing/registry";
import { PictureCache } from "./cache";
import { chooseFrame, type Choice } from "./choose";

export interface Still {
  readonly camera: string;
  /** When the picture was taken, UTC µs. */
  readonly us: number;
  readonly stream: StreamName;
  /** The pinned root vouches for who signed it. */
  readonly verified: boolean;
  readonly bitmap: ImageBitmap;
}

/** What the portal asks at most at once (vsaas/footage/stills.py). */
const WISHES_MOST = 64;
/** Wishes of one moment become one request. */
const GATHER_MS = 25;
/** Segments fetched and drawn at a time. */
const AT_ONCE = 6;
const CACHE_BYTES = 64 * 1024 * 1024;
/** Segments whose grants `at` keeps, for the next picture out of them. */
const PLANS_KEPT = 64;
/** For so many instants it is remembered which picture is theirs. */
const INSTANTS_KEPT = 4096;
/** A picture that was not there is asked for again after this long. */
const NOTHING_MS = 20_000;
const WIDTH = 640;
const THUMB_WIDTH = 320;

interface Granted {
  readonly plan: SegmentPlan;
  readonly stream: StreamName;
  /** `performance.now()` when the grant ends. */
  readonly until: number;
}

interface Waiting {
  readonly wish: StillWish;
  readonly signal: AbortSignal | undefined;
  resolve(granted: Granted | null): void;
  reject(error: unknown): void;
}

/** A picture of the cache with what is known of it. */
class Kept {
  constructor(readonly still: Still) {}
  get width(): number {
    return this.still.bitmap.width;
  }
  get height(): number {
    return this.still.bitmap.height;
  }
  close(): void {
    this.still.bitmap.close();
  }
}

export class Stills {
  private readonly keys: KeyWorker;
  private readonly trust: TrustKeeper;
  private hpke: Promise<string> | null = null;
  private queue: Waiting[] = [];
  private timer = 0;
  private readonly slots = new Slots(AT_ONCE);
  private readonly cache = new PictureCache<Kept>(CACHE_BYTES);
  /** The picture of each instant asked for by `at`, as its key in the cache. */
  private readonly instants = new Map<string, string>();
  private readonly plans = new Map<string, Granted[]>();
  private readonly nothing = new Map<string, number>();
  /** Cameras whose one stream this browser cannot draw: the other is asked for. */
  private readonly instead = new Map<string, StreamName>();

  constructor(private readonly api: Api) {
    this.keys = new KeyWorker();
    this.trust = new TrustKeeper(api, (input) => this.keys.call("trust", input), new LocalPins());
  }

  /**
   * The newest picture stored of a camera, at most `width` pixels wide; null where there is none. The caller owns the bitmap.
   * Raises ApiError, WorkerFailure (what was altered, is gone, or cannot be drawn here), TrustAlarm; AbortError by `signal`.
   */
  async newest(camera: string, options: { width?: number; signal?: AbortSignal } = {}): Promise<Still | null> {
    const stream = this.instead.get(camera);
    const granted = await this.ask({ camera, ...(stream && { stream }) });
    if (!granted) return null;
    try {
      return await this.draw(camera, granted, chooseFrame(granted.plan, null), options.width ?? WIDTH, options.signal);
    } catch (error) {
      if (!this.otherStream(camera, granted.stream, error)) throw error;
      return this.newest(camera, options);
    } finally {
      await this.forget(camera, granted.plan.id);
    }
  }

  /**
   * The last picture at or before an instant, its own time in `us`; null where none is stored in the ten minutes before. The cache
   * owns the bitmap and may close it later: draw it at once. Raises as `newest`.
   */
  async at(camera: string, us: number, options: { width?: number; signal?: AbortSignal } = {}): Promise<Still | null> {
    const width = options.width ?? THUMB_WIDTH;
    const held = this.held(camera, us, width);
    if (held) return held;
    const known = this.known(camera, us);
    const kept = known && this.cache.get(cacheKey(known.granted.plan, known.choice, width));
    if (kept) return this.remember(camera, us, width, cacheKey(known.granted.plan, known.choice, width), kept.still);
    const moment = `${camera}@${Math.floor(us / 1e6)}`;
    if ((this.nothing.get(moment) ?? 0) > performance.now()) return null;
    const granted = known && known.granted.until > performance.now() ? known.granted : await this.askAt(camera, us, options.signal);
    options.signal?.throwIfAborted();
    const choice = granted && chooseFrame(granted.plan, us);
    if (!granted || !choice) {
      this.nothing.set(moment, performance.now() + NOTHING_MS);
      return null;
    }
    const still = await this.drawAt(camera, us, granted, choice, width, options.signal);
    if (!still) return null;
    const key = cacheKey(granted.plan, choice, width);
    this.cache.put(key, new Kept(still));
    return this.remember(camera, us, width, key, still);
  }

  /** What `at` would give for this instant, if it is held: at once, without asking anybody. */
  held(camera: string, us: number, width = THUMB_WIDTH): Still | null {
    const key = this.instants.get(instantKey(camera, us, width));
    return (key && this.cache.get(key)?.still) || null;
  }

  /** The held picture of a camera taken nearest to an instant, no farther than `withinUs`. */
  nearest(camera: string, us: number, withinUs: number): Still | null {
    let best: Still | null = null;
    for (const { still } of this.cache.values()) {
      if (still.camera !== camera || Math.abs(still.us - us) > withinUs) continue;
      if (!best || Math.abs(still.us - us) < Math.abs(best.us - us)) best = still;
    }
    return best;
  }

  /** Ends the worker and drops every picture. */
  close(): void {
    clearTimeout(this.timer);
    for (const waiting of this.queue.splice(0)) waiting.reject(new DOMException("closed", "AbortError"));
    this.cache.clear();
    this.keys.terminate();
  }

  private remember(camera: string, us: number, width: number, key: string, still: Still): Still {
    if (this.instants.size >= INSTANTS_KEPT) this.instants.clear();
    this.instants.set(instantKey(camera, us, width), key);
    return still;
  }

  /** As `draw`; where this browser lacks the codec, the same instant of the camera's other stream. */
  private async drawAt(
    camera: string,
    us: number,
    granted: Granted,
    choice: Choice,
    width: number,
    signal?: AbortSignal,
  ): Promise<Still | null> {
    try {
      return await this.draw(camera, granted, choice, width, signal);
    } catch (error) {
      if (!this.otherStream(camera, granted.stream, error)) throw error;
      this.plans.delete(camera);
      return this.at(camera, us, { width, ...(signal && { signal }) });
    }
  }

  private async askAt(camera: string, us: number, signal?: AbortSignal): Promise<Granted | null> {
    const stream = this.instead.get(camera);
    const granted = await this.ask({ camera, at_us: Math.round(us), ...(stream && { stream }) }, signal);
    if (granted) await this.keep(camera, granted);
    return granted;
  }

  /** Drops keys and bytes of a segment, unless thumbnails still come out of it. */
  private async forget(camera: string, segment: string): Promise<void> {
    if (this.plans.get(camera)?.some(({ plan }) => plan.id === segment)) return;
    await this.keys.call("forget", { segments: [segment] });
  }

  /** The segment already granted that holds the picture of this instant. */
  private known(camera: string, us: number): { granted: Granted; choice: Choice } | null {
    for (const granted of this.plans.get(camera) ?? []) {
      if (granted.plan.startUs > us || granted.plan.endUs <= us) continue;
      const choice = chooseFrame(granted.plan, us);
      if (choice) return { granted, choice };
    }
    return null;
  }

  private async keep(camera: string, granted: Granted): Promise<void> {
    const before = this.plans.get(camera) ?? [];
    const plans = [granted, ...before.filter(({ plan }) => plan.id !== granted.plan.id)];
    this.plans.set(camera, plans.slice(0, PLANS_KEPT));
    const gone = plans.slice(PLANS_KEPT).map(({ plan }) => plan.id);
    if (gone.length > 0) await this.keys.call("forget", { segments: gone });
  }

  private async draw(
    camera: string,
    { plan, stream }: Granted,
    choice: Choice | null,
    width: number,
    signal?: AbortSignal,
  ): Promise<Still | null> {
    if (!choice) return null;
    return this.slots.run(async () => {
      signal?.throwIfAborted();
      const argument = { segment: plan.id, rendition: plan.video.rendition, fragment: choice.fragment, width };
      const { bitmap } = await this.keys.call("still", argument, signal);
      return { camera, us: choice.us, stream, verified: plan.verified, bitmap };
    });
  }

  /** Whether the camera's other stream is worth a try after this failure. */
  private otherStream(camera: string, stream: StreamName, error: unknown): boolean {
    if (!(error instanceof WorkerFailure) || error.info.kind !== "codec" || this.instead.has(camera)) return false;
    this.instead.set(camera, stream === "sub" ? "main" : "sub");
    return true;
  }

  private ask(wish: StillWish, signal?: AbortSignal): Promise<Granted | null> {
    return new Promise((resolve, reject) => {
      this.queue.push({ wish, signal, resolve, reject });
      if (this.queue.length >= WISHES_MOST) this.flush();
      else this.timer ||= window.setTimeout(() => this.flush(), GATHER_MS);
    });
  }

  private flush(): void {
    clearTimeout(this.timer);
    this.timer = 0;
    const asked = this.queue.splice(0, WISHES_MOST).filter((waiting) => {
      if (waiting.signal?.aborted) waiting.reject(waiting.signal.reason);
      return !waiting.signal?.aborted;
    });
    if (asked.length === 0) return;
    this.request(asked, whenAll(asked.map(({ signal }) => signal))).catch((error: unknown) => {
      for (const waiting of asked) waiting.reject(error);
    });
  }

  private async request(asked: readonly Waiting[], signal: AbortSignal): Promise<void> {
    this.hpke ??= this.keys.call("hpke", null);
    const hpke_public = await this.hpke;
    const [reply] = await Promise.all([
      this.api.stills({ stills: asked.map(({ wish }) => wish), hpke_public }, signal),
      this.vouch(() => this.trust.ready().then(() => undefined)),
    ]);
    await this.vouch(() => this.trust.check(reply.root_fingerprint, reply.statements_number));
    const livesMs = (reply.expires_us - this.api.clock.nowUs()) / 1000;
    await Promise.all(
      asked.map(async (waiting, i) => {
        try {
          waiting.resolve(await this.grant(reply, reply.stills[i], waiting.wish, livesMs));
        } catch (error) {
          waiting.reject(error);
        }
      }),
    );
  }

  private async grant(
    reply: StillsReply,
    stream: ApiStream | undefined,
    wish: StillWish,
    livesMs: number,
  ): Promise<Granted | null> {
    if (!stream || stream.camera !== wish.camera) {
      throw new ApiError(200, "bad-reply", t("The portal answered for another camera than asked."));
    }
    if (stream.segments.length === 0) return null;
    const { stills: _, ...rest } = reply;
    const [granted] = await this.keys.call("grant", { reply: rest, stream, livesMs });
    if (!granted) return null;
    if ("failure" in granted) throw new WorkerFailure(inWords(granted.failure));
    return { plan: granted.plan, stream: stream.stream, until: performance.now() + livesMs };
  }

  /** Statements that cannot be had right now leave a picture opened, not refused; a wrong root is thrown on. */
  private async vouch(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }
}

/** Fires when the last of them has fired; never where one of the wishes cannot be taken back. */
function whenAll(signals: readonly (AbortSignal | undefined)[]): AbortSignal {
  const all = new AbortController();
  let left = signals.length;
  for (const signal of signals) signal?.addEventListener("abort", () => --left === 0 && all.abort(signal.reason), { once: true });
  return all.signal;
}

function instantKey(camera: string, us: number, width: number): string {
  return `${camera}@${us}/${width}`;
}

function cacheKey(plan: SegmentPlan, choice: Choice, width: number): string {
  return `${plan.id}/${choice.fragment}/${width}`;
}

/** Runs so many at a time, the newest wish first: what was asked for last is what is being looked at. */
class Slots {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly most: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.most) await new Promise<void>((resolve) => this.waiting.push(resolve));
    this.running++;
    try {
      return await work();
    } finally {
      this.running--;
      this.waiting.pop()?.();
    }
  }
}
