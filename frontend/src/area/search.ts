/** Fetches the motion maps of a stretch, hour by hour from the newest on; each is verified and opened in the key worker. */
import { ApiError, type Api } from "../api/client";
import type { ApiSegment, ApiStream, PlaybackReply } from "../api/types";
import { t } from "../i18n/t";
import type { KeyWorker } from "../keys/client";
import { WorkerFailure } from "../keys/failure";
import { inWords } from "../keys/in-words";
import type { FailureInfo } from "../keys/messages";
import type { TrustKeeper } from "../player/trust";
import { hoursOf, type SegmentMap } from "./hits";

/** Segments handed to the worker at once. */
const BATCH = 24;
/** Grants that end sooner than this are asked for anew. */
const LEAST_LEFT_MS = 10_000;
/** So often an hour is asked for again where its grants ended before all was read. */
const AGAIN_MOST = 3;

export interface Searched {
  /** All that was opened so far. */
  readonly maps: readonly SegmentMap[];
  /** Segments whose map could not be read. */
  readonly failed: number;
  /** Why the first of them could not. */
  readonly failure: FailureInfo | null;
  /** Time that this person's hours do not permit lies in between. */
  readonly withheld: boolean;
}

export interface SearchProgress {
  /** About everything from this instant on was looked through. */
  read(doneFromUs: number): void;
  hour(searched: Searched): void;
}

export interface SearchOptions {
  readonly api: Api;
  readonly keys: KeyWorker;
  readonly trust: TrustKeeper;
  readonly camera: string;
}

interface Asked {
  readonly reply: PlaybackReply;
  /** `performance.now()` when the grants end. */
  readonly until: number;
}

export class MapSearch {
  private readonly maps = new Map<string, SegmentMap>();
  private readonly failures = new Map<string, FailureInfo>();
  private withheld = false;

  constructor(private readonly options: SearchOptions) {}

  /**
   * Looks through [fromUs, toUs), tells how far it is, and at the end of each hour what is known by then. Raises ApiError, TrustAlarm, WorkerFailure (where this person's own keys
   * lack); AbortError by `signal`.
   */
  async run(fromUs: number, toUs: number, on: SearchProgress, signal: AbortSignal): Promise<Searched> {
    this.failures.clear();
    this.withheld = false;
    for (const hour of hoursOf(fromUs, toUs)) {
      await this.hour(hour.fromUs, hour.toUs, signal, on.read);
      on.read(hour.fromUs);
      on.hour(this.state());
    }
    return this.state();
  }

  private state(): Searched {
    const [failure] = this.failures.values();
    return {
      maps: [...this.maps.values()],
      failed: this.failures.size,
      failure: failure ?? null,
      withheld: this.withheld,
    };
  }

  private async hour(fromUs: number, toUs: number, signal: AbortSignal, onread: SearchProgress["read"]): Promise<void> {
    for (let again = 0; again < AGAIN_MOST; again++) {
      const asked = await this.ask(fromUs, toUs, signal);
      const whole = await this.readAll(asked, signal, onread);
      if (whole) return;
    }
    const message = t("The maps of an hour took too long to fetch. Search again: those that were read are kept.");
    throw new WorkerFailure({ kind: "expired", code: "expired", message });
  }

  private async ask(fromUs: number, toUs: number, signal: AbortSignal): Promise<Asked> {
    const { api, keys, trust, camera } = this.options;
    const hpke_public = await keys.call("hpke", null);
    const reply = await api.motionMaps({ camera, from_us: fromUs, to_us: toUs, hpke_public }, signal);
    const until = performance.now() + (reply.expires_us - api.clock.nowUs()) / 1000;
    await vouch(() => trust.check(reply.root_fingerprint, reply.statements_number));
    if (reply.streams.some((stream) => stream.camera !== camera)) {
      throw new ApiError(200, "bad-reply", t("The portal answered for another camera than asked."));
    }
    return { reply, until };
  }

  /** Reads what is not known yet; whether that was all before the grants ended. */
  private async readAll({ reply, until }: Asked, signal: AbortSignal, onread: SearchProgress["read"]): Promise<boolean> {
    const { streams, ...head } = reply;
    for (const stream of streams) {
      this.withheld ||= stream.not_permitted.length > 0;
      const wanted = stream.segments.filter(({ id }) => !this.maps.has(id)).reverse();
      for (let at = 0; at < wanted.length; at += BATCH) {
        signal.throwIfAborted();
        const livesMs = until - performance.now();
        if (livesMs < LEAST_LEFT_MS) return false;
        const batch = wanted.slice(at, at + BATCH);
        const expired = await this.readBatch(head, { ...stream, segments: batch }, livesMs, signal);
        if (expired) return false;
        onread((batch.at(-1) as ApiSegment).start_us);
      }
    }
    return true;
  }

  /** Whether a grant ended meanwhile. */
  private async readBatch(
    reply: Omit<PlaybackReply, "streams">,
    stream: ApiStream,
    livesMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    const answers = await this.options.keys.call("motion", { reply, stream, livesMs }, signal);
    signal.throwIfAborted();
    let expired = false;
    for (const answer of answers) {
      if ("map" in answer) {
        this.maps.set(answer.map.id, answer.map);
        this.failures.delete(answer.map.id);
        continue;
      }
      const { failure, id } = answer;
      if (failure.kind === "locked" || failure.kind === "unshared") throw new WorkerFailure(inWords(failure));
      if (failure.kind === "expired") expired = true;
      else this.failures.set(id, inWords(failure));
    }
    return expired;
  }
}

/** Statements that cannot be had right now leave a map opened, not refused; a wrong root is thrown on. */
async function vouch(step: () => Promise<void>): Promise<void> {
  try {
    await step();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
  }
}
