/** Replies of the browser API (docs/architecture.md). Times are UTC microseconds, ids UUID strings, bytes base64url. */
import type { StreamName } from "../sealing/registry";

export type SegmentState = "stored" | "pending" | "deleted" | "missing";
/** `not-permitted`: whatever may be there, or not, this person's hours do not let them know. */
export type RunState = "recorded" | "pending" | "gap" | "deleted" | "missing" | "not-permitted";

/** One page of a list; `next` is the cursor of the one that follows, null after the last. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly next: string | null;
}

/** A key sealed to this viewer alone, or (customer-held keys) the hour's envelope as the agent sealed it to the camera's key. */
export type ApiKey =
  | { readonly rendition: number; readonly envelope: string }
  | { readonly rendition: number; readonly period: string };

export interface ApiSegment {
  readonly id: string;
  readonly start_us: number;
  readonly end_us: number;
  readonly run: string;
  readonly state: SegmentState;
  readonly agent: string;
  /** It came off the disk of a box that was replaced, brought by the box that took its place. */
  readonly adopted: boolean;
  readonly record: string;
  readonly index: string | null;
  readonly url: string | null;
  readonly keys: readonly ApiKey[] | null;
}

export interface ApiGap {
  readonly from_us: number;
  readonly to_us: number;
  readonly reason: number;
}

export interface ApiStream {
  readonly camera: string;
  readonly stream: StreamName;
  readonly agents: Readonly<Record<string, { readonly record_keys: readonly string[] }>>;
  readonly segments: readonly ApiSegment[];
  readonly gaps: readonly ApiGap[];
  readonly not_permitted: readonly { readonly from_us: number; readonly to_us: number }[];
  readonly more_from_us: number | null;
}

export interface PlaybackReply {
  readonly expires_us: number;
  readonly session: string;
  readonly tenant: string;
  readonly account: string;
  readonly root_fingerprint: string;
  readonly statements_number: number;
  readonly streams: readonly ApiStream[];
}

export interface PlaybackRequest {
  readonly streams: readonly { readonly camera: string; readonly stream: StreamName }[];
  readonly from_us: number;
  readonly to_us: number;
  readonly audio: boolean;
  readonly hpke_public: string;
}

export interface ClipRequest {
  readonly camera: string;
  readonly stream: StreamName;
  readonly from_us: number;
  readonly to_us: number;
  readonly audio: boolean;
  readonly hpke_public: string;
  /** The first answer's ticket; absent: a new clip, which is audited. */
  readonly clip?: string;
}

export interface ClipReply extends PlaybackReply {
  readonly clip: string;
}

export interface MapsRequest {
  readonly camera: string;
  readonly from_us: number;
  readonly to_us: number;
  readonly hpke_public: string;
}

/** One picture wished: the newest of a camera, or the last one before `at_us`; `stream` absent: whichever suits. */
export interface StillWish {
  readonly camera: string;
  readonly at_us?: number;
  readonly stream?: StreamName;
}

export interface StillsRequest {
  readonly stills: readonly StillWish[];
  readonly hpke_public: string;
}

/** `stills`: one stream for each wish, in order, with one segment or none. */
export interface StillsReply extends Omit<PlaybackReply, "streams"> {
  readonly stills: readonly ApiStream[];
}

export type LayoutName = "auto" | "1" | "2x2" | "3x3" | "1+5" | "4x4" | "5x5";

export interface ViewFields {
  readonly name: string;
  readonly layout: LayoutName;
  readonly cameras: readonly string[];
  readonly carousel_s: number | null;
  readonly shared: boolean;
}

export interface ApiView extends ViewFields {
  readonly id: string;
  /** Cameras of the view this person may not see. */
  readonly not_shown: number;
  readonly own: boolean;
  readonly may: { readonly change: boolean };
}

/** How a camera can be steered. */
export type Steers = "move" | "step" | "home" | "presets";

/** Ways from -1 to 1; right, up and closer are positive. */
export interface SteerRequest {
  readonly act: "move" | "stop" | "step" | "home" | "presets" | "go" | "keep" | "remove";
  readonly pan?: number;
  readonly tilt?: number;
  readonly zoom?: number;
  readonly ms?: number;
  readonly preset?: string;
  readonly name?: string;
  readonly take_over?: boolean;
}

export interface Preset {
  readonly token: string;
  readonly name: string;
}

export interface SteeringReply {
  readonly id: string;
  readonly state: "waiting" | "done" | "failed";
  readonly cause: string | null;
  readonly reason: string;
  readonly presets: readonly Preset[];
}

export interface StatementsReply {
  readonly root_fingerprint: string;
  readonly statements: readonly string[];
}

export interface LiveReply {
  readonly ticket: string;
  readonly url: string;
  readonly expires_us: number;
  readonly tenant: string;
  readonly account: string;
  readonly session: string;
  readonly root_fingerprint: string;
}

export type TimelineRun = readonly [fromUs: number, toUs: number, state: RunState, reason: number | null];

export type EventKind = "motion" | "tamper" | "input" | "line" | "sound" | "frozen" | "swapped" | "clock" | "other";
export type TimelineEvent = readonly [fromUs: number, toUs: number, kind: EventKind];

export interface TimelineCamera {
  readonly runs: readonly TimelineRun[];
  readonly newest_us: number | null;
  readonly oldest_unsent_us: number | null;
  readonly events: readonly TimelineEvent[];
}

export interface TimelineReply {
  readonly from_us: number;
  readonly to_us: number;
  readonly cameras: Readonly<Record<string, TimelineCamera>>;
}

export interface ApiCamera {
  readonly id: string;
  readonly name: string;
  readonly site: string;
  readonly state: "recording" | "offline" | "disabled" | "agent-offline" | "waiting" | "deleted" | "by-plan" | "waiting-for-event";
  readonly since_us: number | null;
  /** The agent's word for what is wrong, or `revoked`. */
  readonly reason: string | null;
  readonly newest_us: number | null;
  readonly time_zone: string;
  readonly streams: readonly StreamName[];
  readonly audio: boolean;
  readonly may: { readonly live: boolean; readonly playback: boolean; readonly audio: boolean; readonly clip: boolean };
}

/** `agent` and `url`, or `camera` with `url` or without: then the address stored is tried. */
export interface AddressTestRequest {
  readonly agent?: string;
  readonly camera?: string;
  readonly stream: StreamName;
  readonly url?: string;
  readonly user?: string;
  readonly password?: string;
  readonly audio: boolean;
  readonly hpke_public: string;
}

export interface AddressTest {
  readonly id: string;
  readonly agent: string;
  readonly tenant: string;
  readonly state: "waiting" | "picture" | "no-picture";
  readonly expires_us: number;
  readonly cause: string | null;
  readonly reason: string;
  readonly next_step: string;
  readonly facts: {
    readonly codec: string;
    readonly width: number;
    readonly height: number;
    readonly frames_per_s: number | null;
    readonly audio: string | null;
  } | null;
  readonly sealed: string | null;
}
