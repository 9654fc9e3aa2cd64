/** Asks the portal for footage and turns its answers into a plan: grants, renewals, and where recording goes on after a hole. */
import { ApiError, type Api } from "../api/client";
import type { ApiStream, PlaybackReply, PlaybackRequest } from "../api/types";
import { t } from "../i18n/t";
import type { KeyWorker } from "../keys/client";
import type { SegmentPlan } from "../keys/messages";
import type { StreamName } from "../sealing/registry";
import { Plan, type Absent } from "./plan";
import type { TrustKeeper } from "./trust";

const WINDOW_US = 120_000_000;
/** Footage newer than this may still be on its way to the store. */
const SETTLED_US = 120_000_000;
/** Renew this long before a grant ends. */
const RENEW_MS = 30_000;
const HOUR_US = 3_600_000_000;
/** The search for what comes next: an hour, a day, then month after month, up to four years. */
const SEARCH_WINDOWS_US = [HOUR_US, 24 * HOUR_US, ...Array<number>(48).fill(31 * 24 * HOUR_US)];

export interface FootageOptions {
  readonly api: Api;
  readonly keys: KeyWorker;
  readonly trust: TrustKeeper;
  readonly camera: string;
  readonly audio: boolean;
  /** How footage is asked for; absent: to be watched. */
  readonly ask?: (request: PlaybackRequest, signal: AbortSignal) => Promise<PlaybackReply>;
}

export class Footage {
  plan: Plan | null = null;
  private readonly expiry = new Map<string, number>();
  private hpke: Promise<string> | null = null;

  constructor(
    private readonly options: FootageOptions,
    readonly stream: StreamName,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** Makes sure the plan speaks of `us`, asking the portal where it does not or where its grant is over. */
  async ensure(us: number, signal: AbortSignal): Promise<Plan> {
    if (this.plan?.covers(us)) {
      // What was absent may have been uploaded since.
      const segment = this.plan.at(us);
      if (!segment || this.expiresSoon(segment)) await this.ask(this.plan, us, signal);
      return this.plan;
    }
    const plan = new Plan(us);
    await this.ask(plan, us, signal);
    this.plan = plan;
    return plan;
  }

  /** Asks on from the plan's end until it speaks of `us`, holes included, or nothing more is known. */
  async reach(us: number, signal: AbortSignal): Promise<void> {
    const plan = this.plan as Plan;
    for (let before = -1; plan.toUs < us && plan.toUs > before; ) {
      before = plan.toUs;
      await this.ask(plan, plan.toUs, signal);
    }
  }

  /** Asks for what follows the plan's end. Returns false where nothing new is known yet. */
  async extend(signal: AbortSignal): Promise<boolean> {
    const plan = this.plan as Plan;
    const before = plan.toUs;
    await this.ask(plan, before, signal);
    const found = plan.toUs > before ? plan.firstFrom(before) : null;
    if (found) return true;
    const next = await this.nextRecorded(plan.toUs, signal);
    if (!next) return plan.toUs > before;
    plan.toUs = Math.max(plan.toUs, next.fromUs);
    await this.ask(plan, plan.toUs, signal);
    return true;
  }

  /** Whether the grant of `segment` must be renewed before it is read on. */
  expiresSoon(segment: SegmentPlan): boolean {
    return (this.expiry.get(segment.id) ?? 0) < this.now() + RENEW_MS;
  }

  /** Asks again for the grants from `us` on. */
  async renew(us: number, signal: AbortSignal): Promise<void> {
    if (this.plan) await this.ask(this.plan, us, signal);
  }

  /** The next recorded stretch at or after `us`, by the timeline; null: none so far. `why`: what the timeline says of the hole. */
  async nextRecorded(us: number, signal: AbortSignal): Promise<{ fromUs: number; why: Absent | null } | null> {
    const { api, camera } = this.options;
    const now = api.clock.nowUs();
    let fromUs = us;
    let why: Absent | null = null;
    for (const window of SEARCH_WINDOWS_US) {
      if (fromUs >= now) return null;
      const toUs = fromUs + window;
      const query = { cameras: [camera], fromUs, toUs, stream: this.stream, resolutionS: 1 };
      const known = (await api.timeline(query, signal)).cameras[camera];
      const runs = known?.runs ?? [];
      for (const [from, to, state, reason] of runs) {
        if (to <= us) continue;
        if (state === "recorded") return { fromUs: Math.max(us, from), why };
        why ??= { fromUs: from, toUs: to, kind: state, reason, failure: null };
      }
      // Where something is not permitted, the newest second may be withheld, and there may be more behind it.
      const hidden = known?.newest_us === null && runs.some(([, , state]) => state === "not-permitted");
      if (!hidden && (known?.newest_us ?? 0) <= us) return null;
      fromUs = toUs;
    }
    return null;
  }

  /** Drops keys and segments that ended before `us`. */
  async forgetBefore(us: number): Promise<readonly string[]> {
    const gone = this.plan?.forgetBefore(us) ?? [];
    for (const id of gone) this.expiry.delete(id);
    if (gone.length > 0) await this.options.keys.call("forget", { segments: gone });
    return gone;
  }

  private async ask(plan: Plan, fromUs: number, signal: AbortSignal): Promise<void> {
    const { api, keys, camera, audio, ask = (request, stop) => api.playback(request, stop) } = this.options;
    this.hpke ??= keys.call("hpke", null);
    const toUs = fromUs + WINDOW_US;
    const [reply] = await Promise.all([
      ask(
        { streams: [{ camera, stream: this.stream }], from_us: fromUs, to_us: toUs, audio, hpke_public: await this.hpke },
        signal,
      ),
      this.vouch(() => this.options.trust.ready().then(() => undefined)),
    ]);
    await this.vouch(() => this.options.trust.check(reply.root_fingerprint, reply.statements_number));
    const { streams, ...rest } = reply;
    const stream = streams.find((item) => item.camera === camera && item.stream === this.stream);
    if (!stream) throw new ApiError(200, "bad-reply", t("The portal answered for another camera than asked."));
    const livesMs = (reply.expires_us - api.clock.nowUs()) / 1000;
    const granted = await keys.call("grant", { reply: rest, stream, livesMs }, signal);
    for (const segment of stream.segments) this.expiry.set(segment.id, this.now() + livesMs);
    plan.merge(stream, granted, this.answeredTo(stream, fromUs, toUs));
  }

  /** Statements that cannot be had right now leave footage `opened`, not refused; a wrong root is thrown on. */
  private async vouch(step: () => Promise<void>): Promise<void> {
    try {
      await step();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
    }
  }

  /** Up to when an answer is final: the newest minutes may still grow. */
  private answeredTo(stream: ApiStream, fromUs: number, toUs: number): number {
    if (stream.more_from_us !== null) return Math.max(fromUs, stream.more_from_us);
    if (toUs < this.options.api.clock.nowUs() - SETTLED_US) return toUs;
    const stored = stream.segments.filter((segment) => segment.state !== "pending").map((segment) => segment.end_us);
    const ends = [...stored, ...[...stream.gaps, ...stream.not_permitted].map((hole) => hole.to_us)];
    return Math.min(toUs, Math.max(fromUs, ...ends));
  }
}
