/** Reads of granted segments: grants are renewed, and what fails because network, store or portal are away is tried again. */
import type { KeyWorker } from "../keys/client";
import { WorkerFailure } from "../keys/failure";
import type { FailureInfo, KeyFrameWanted, OpenedFragments, OpenedKeyFrames, SegmentPlan, TrackPlan } from "../keys/messages";
import type { Footage } from "./footage";

const RENEWALS_MOST = 2;
const PAUSE_MS = 500;
const PAUSE_MOST_MS = 8000;

export interface Patience {
  /** Resolves after `ms`; raises where nobody waits any longer. */
  pause(ms: number): Promise<void>;
  /** Raises where nobody waits any longer. */
  throwIfStopped(): void;
  /** What is waited for; null: no longer. */
  waitingFor(failure: FailureInfo | null): void;
}

export class Reads {
  constructor(
    private readonly footage: Footage,
    private readonly keys: KeyWorker,
    private readonly signal: AbortSignal,
    private readonly patience: Patience,
  ) {}

  /** Fragments [from, to) of a track. Raises WorkerFailure where they are refused. */
  fragments(segment: SegmentPlan, { rendition }: TrackPlan, from: number, to: number): Promise<OpenedFragments> {
    return this.granted(segment, () => this.keys.call("read", { segment: segment.id, rendition, from, to }, this.signal));
  }

  init(segment: SegmentPlan, { rendition }: TrackPlan): Promise<ArrayBuffer> {
    return this.granted(segment, () => this.keys.call("init", { segment: segment.id, rendition }, this.signal));
  }

  /** When the samples of fragments [from, to) are shown, in the track's timescale. */
  times(segment: SegmentPlan, { rendition }: TrackPlan, from: number, to: number): Promise<readonly (readonly number[])[]> {
    return this.granted(segment, () => this.keys.call("times", { segment: segment.id, rendition, from, to }, this.signal));
  }

  keyFrames(segment: SegmentPlan, { rendition }: TrackPlan, wanted: readonly KeyFrameWanted[]): Promise<OpenedKeyFrames> {
    return this.granted(segment, () => this.keys.call("keyFrames", { segment: segment.id, rendition, wanted }, this.signal));
  }

  /** Tries again while network, store or portal are away, telling so; other failures are thrown on. */
  async patiently<T>(step: () => Promise<T>): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      try {
        const value = await step();
        if (attempt > 0) this.patience.waitingFor(null);
        return value;
      } catch (error) {
        this.patience.throwIfStopped();
        const failure = retryable(error);
        if (!failure) throw error;
        this.patience.waitingFor(failure);
        await this.patience.pause(Math.min(PAUSE_MOST_MS, PAUSE_MS * 2 ** attempt));
      }
    }
  }

  /** Reads with a live grant: renewed ahead, and again where the store or the worker says it is over. */
  private async granted<T>(segment: SegmentPlan, read: () => Promise<T>): Promise<T> {
    const renew = (): Promise<void> => this.footage.renew(segment.startUs, this.signal);
    if (this.footage.expiresSoon(segment)) await this.patiently(renew);
    let renewals = 0;
    return this.patiently(async () => {
      try {
        return await read();
      } catch (error) {
        const expired = error instanceof WorkerFailure && error.info.kind === "expired";
        if (!expired || renewals++ >= RENEWALS_MOST) throw error;
        await renew();
        return read();
      }
    });
  }
}

/** Whether a failure says that what is stored is not what was signed, or not there: it will not pass. */
export function isRefusal(error: unknown): error is WorkerFailure {
  return error instanceof WorkerFailure && (error.info.kind === "sealing" || error.info.kind === "media");
}

/** Failures that pass: the network, the store or the portal are away or busy. */
function retryable(error: unknown): FailureInfo | null {
  if (error instanceof WorkerFailure) {
    const { kind, code } = error.info;
    const busy = kind === "http" && (code === "429" || code.startsWith("5"));
    return kind === "network" || busy ? error.info : null;
  }
  const status = (error as { status?: unknown }).status;
  if (typeof status !== "number" || (status !== 0 && status !== 429 && status < 500)) return null;
  return { kind: "network", code: String(status), message: (error as Error).message };
}
