/** Errors that cross from the worker to the page, and what to make of them. */
import { KeysLocked, NotShared } from "../held/holdings";
import { MediaError } from "../media/mp4";
import { SealingError } from "../sealing/errors";
import { CodecError } from "../stills/decoder";
import type { FailureInfo } from "./messages";

/** The store or the network would not give a range; `status` 0: no answer at all. */
export class FetchError extends Error {
  override readonly name = "FetchError";

  constructor(
    readonly status: number,
    message: string,
  ) {
    super(message);
  }
}

/** The grant's time is over: ask the portal again. */
export class ExpiredError extends Error {
  override readonly name = "ExpiredError";
}

export function describeFailure(error: unknown): FailureInfo {
  if (error instanceof SealingError) return { kind: "sealing", code: error.code, message: error.message };
  if (error instanceof KeysLocked) return { kind: "locked", code: "locked", message: error.message };
  if (error instanceof NotShared) return { kind: "unshared", code: "unshared", message: error.message };
  if (error instanceof ExpiredError) return { kind: "expired", code: "expired", message: error.message };
  if (error instanceof MediaError) return { kind: "media", code: "media", message: error.message };
  if (error instanceof CodecError) return { kind: "codec", code: "codec", message: error.message };
  if (error instanceof FetchError) {
    const kind = error.status === 0 ? "network" : error.status === 403 ? "expired" : "http";
    return { kind, code: String(error.status), message: error.message };
  }
  if (error instanceof DOMException && error.name === "AbortError") {
    return { kind: "aborted", code: "aborted", message: "no longer wanted" };
  }
  return { kind: "other", code: "other", message: error instanceof Error ? error.message : String(error) };
}

/** A failure the worker reported, as the page throws it on. */
export class WorkerFailure extends Error {
  override readonly name = "WorkerFailure";

  constructor(readonly info: FailureInfo) {
    super(info.message);
  }
}
