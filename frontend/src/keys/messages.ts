/** What the page and the key worker say to each other. Keys never cross; opened fragments and verified facts do. */
import type { ApiShare } from "../held/api";
import type { Owner } from "../held/own-key";
import type { ApiStream, LiveReply, PlaybackReply } from "../api/types";
import type { SegmentMap } from "../area/hits";
import type { Fragment } from "../sealing/index-part";

export interface TrustInput {
  /** Tenant as a UUID string, to be compared with the statements'; null where not known yet. */
  readonly fingerprint: string;
  readonly statements: readonly string[];
  readonly seen: { readonly number: number; readonly hash: string } | null;
}

export interface TrustResult {
  readonly tenant: string;
  /** Of the root in force, which may be one that the trusted one was handed over to. */
  readonly fingerprint: string;
  readonly number: number;
  readonly hash: string;
}

/** Shares of camera keys (customer-held keys), for the own key that is kept on this device. */
export interface HoldingsInput {
  readonly owner: Owner;
  /** The own key's public half, base64url. */
  readonly publicKey: string;
  readonly shares: readonly ApiShare[];
}

export interface GrantInput {
  readonly reply: Omit<PlaybackReply, "streams">;
  readonly stream: ApiStream;
  /** How long the grant still lives, by the portal's clock. */
  readonly livesMs: number;
}

export interface TrackPlan {
  readonly rendition: number;
  /** As recorded: "avc1.64001f", "alaw". */
  readonly codec: string;
  /** What Media Source is given: the codec as recorded, or FLAC for G.711. */
  readonly mime: string;
  readonly initHash: string;
  readonly timescale: number;
  readonly decodeTime: number;
  readonly duration: number;
  readonly fragments: readonly Fragment[];
}

/** One stored segment whose record was verified and whose index was opened. */
export interface SegmentPlan {
  readonly id: string;
  readonly startUs: number;
  readonly endUs: number;
  readonly run: string;
  /** The signer is stated by the pinned root; false: opened, but nobody vouches for the signer yet. */
  readonly verified: boolean;
  /** As the portal says: it came off the disk of a box that was replaced. */
  readonly adopted: boolean;
  readonly continuationOf: string | null;
  readonly video: TrackPlan;
  readonly audio: TrackPlan | null;
}

export interface FailureInfo {
  /** `locked`: the person's own key is not open on this device; `unshared`: nobody handed them this camera's key. */
  readonly kind: "sealing" | "http" | "network" | "expired" | "aborted" | "media" | "codec" | "locked" | "unshared" | "other";
  /** Name of SPEC section 10, or the HTTP status. */
  readonly code: string;
  readonly message: string;
}

export type GrantedSegment = { readonly plan: SegmentPlan } | { readonly id: string; readonly failure: FailureInfo };

export type OpenedMap = { readonly map: SegmentMap } | { readonly id: string; readonly failure: FailureInfo };

export interface OpenedFragments {
  readonly bytes: ArrayBuffer;
  /** Presentation before decoding order: earliest presentation time of the first fragment, in the track's timescale. */
  readonly earliest: number;
  /** When each sample is shown, a list for each fragment, in the track's timescale and decoding order; sound has none. */
  readonly times: readonly (readonly number[])[];
}

/** A key frame to be shown from `at` for `duration`, whatever its own time; in the track's timescale. */
export interface KeyFrameWanted {
  readonly fragment: number;
  readonly at: number;
  readonly duration: number;
}

export interface OpenedKeyFrames {
  /** One fragment of one sample for each. */
  readonly bytes: ArrayBuffer;
  /** When each of them was really shown, in the track's timescale. */
  readonly times: readonly number[];
}

/** A key frame as it looks. The page owns the bitmap and closes it. */
export interface DrawnStill {
  readonly bitmap: ImageBitmap;
}

export type LiveEvent =
  | { readonly type: "open" }
  | { readonly type: "closed"; readonly code: number; readonly reason: string }
  | { readonly type: "status"; readonly word: string; readonly detail: string }
  | {
      readonly type: "init";
      readonly publish: string;
      readonly rendition: number;
      readonly codec: string;
      readonly mime: string;
      readonly timescale: number;
      readonly bytes: ArrayBuffer;
    }
  | {
      readonly type: "fragment";
      readonly publish: string;
      readonly rendition: number;
      readonly captureUs: number;
      readonly sync: boolean;
      readonly decodeTime: number;
      readonly earliest: number;
      readonly duration: number;
      readonly skipped: number;
      readonly bytes: ArrayBuffer;
    }
  | { readonly type: "trust"; readonly state: "opened" | "verified" }
  | { readonly type: "failure"; readonly failure: FailureInfo };

/** Calls of the page, by name: argument and answer. */
export interface Calls {
  hpke: { argument: null; answer: string };
  trust: { argument: TrustInput; answer: TrustResult };
  holdings: { argument: HoldingsInput; answer: null };
  grant: { argument: GrantInput; answer: readonly GrantedSegment[] };
  motion: { argument: GrantInput; answer: readonly OpenedMap[] };
  init: { argument: { segment: string; rendition: number }; answer: ArrayBuffer };
  read: { argument: { segment: string; rendition: number; from: number; to: number }; answer: OpenedFragments };
  times: { argument: { segment: string; rendition: number; from: number; to: number }; answer: readonly (readonly number[])[] };
  keyFrames: { argument: { segment: string; rendition: number; wanted: readonly KeyFrameWanted[] }; answer: OpenedKeyFrames };
  still: { argument: { segment: string; rendition: number; fragment: number; width: number }; answer: DrawnStill };
  forget: { argument: { segments: readonly string[] }; answer: null };
  liveOpen: { argument: { reply: LiveReply; camera: string; stream: number }; answer: null };
  liveClose: { argument: null; answer: null };
}

export type CallName = keyof Calls;

export type ToWorker =
  | { readonly [N in CallName]: { readonly id: number; readonly call: N; readonly argument: Calls[N]["argument"] } }[CallName]
  | { readonly cancel: number };

export type FromWorker =
  | { readonly id: number; readonly answer: Calls[CallName]["answer"] }
  | { readonly id: number; readonly failure: FailureInfo }
  | { readonly live: LiveEvent };
