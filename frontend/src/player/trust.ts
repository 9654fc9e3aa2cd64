/** Establishes whom the pinned root vouches for, and raises the alarm when it is another root or an older state of it. */
import type { Api } from "../api/client";
import { t } from "../i18n/t";
import { WorkerFailure } from "../keys/failure";
import type { TrustInput, TrustResult } from "../keys/messages";
import type { Pin, PinStore } from "./pins";

/** The root or its statements are not what this browser saw before. Nothing is played until a person decides. */
export class TrustAlarm extends Error {
  override readonly name = "TrustAlarm";

  constructor(
    readonly kind: "root-changed" | "rolled-back" | "broken",
    message: string,
    readonly pinned: string | null,
    readonly offered: string,
  ) {
    super(message);
  }
}

type Verify = (input: TrustInput) => Promise<TrustResult>;

export class TrustKeeper {
  private established: TrustResult | null = null;
  private running: Promise<TrustResult> | null = null;

  constructor(
    private readonly api: Pick<Api, "statements" | "tenant">,
    private readonly verify: Verify,
    private readonly pins: PinStore,
    private readonly nowMs: () => number = Date.now,
  ) {}

  /** Highest statement verified so far; −1: none. */
  get number(): number {
    return this.established?.number ?? -1;
  }

  get fingerprint(): string | null {
    return this.pins.get(this.api.tenant)?.fingerprint ?? null;
  }

  /** Verified statements, fetched once. Raises TrustAlarm; ApiError where they cannot be had now. */
  async ready(): Promise<TrustResult> {
    return this.established ?? this.refresh();
  }

  /** Fetches and verifies the statements again. */
  refresh(): Promise<TrustResult> {
    this.running ??= this.establish().finally(() => {
      this.running = null;
    });
    return this.running;
  }

  /** What a reply claims about root and statements must fit what is pinned; newer statements are fetched. */
  async check(fingerprint: string, statementsNumber?: number): Promise<void> {
    const trusted = await this.ready();
    // Perhaps the root was handed over since: the statements say whether by the one trusted here.
    if (trusted.fingerprint !== fingerprint) await this.refresh();
    const pinned = this.fingerprint;
    if (pinned && pinned !== fingerprint) throw this.rootChanged(pinned, fingerprint);
    if (statementsNumber === undefined) return;
    if (statementsNumber > (this.established ?? trusted).number) await this.refresh();
    else if (statementsNumber < trusted.number) {
      throw new TrustAlarm("rolled-back", t("The portal shows fewer statements of the root than before."), pinned, fingerprint);
    }
  }

  /** A person compared the new fingerprint and trusts it from now on. */
  trustAnew(): void {
    this.pins.remove(this.api.tenant);
    this.established = null;
  }

  private rootChanged(pinned: string, offered: string): TrustAlarm {
    return new TrustAlarm("root-changed", t("This organisation shows another root key than before."), pinned, offered);
  }

  private async establish(): Promise<TrustResult> {
    const reply = await this.api.statements();
    const offered = reply.root_fingerprint;
    const pin = this.pins.get(this.api.tenant);
    const seen = pin ? { number: pin.number, hash: pin.hash } : null;
    const fingerprint = pin?.fingerprint ?? offered;
    const result = await this.verifyOrAlarm({ fingerprint, statements: reply.statements, seen }, offered, pin);
    if (result.fingerprint !== offered) throw this.rootChanged(result.fingerprint, offered);
    this.pins.set(this.api.tenant, {
      fingerprint: result.fingerprint,
      number: result.number,
      hash: result.hash,
      sinceMs: pin?.sinceMs ?? this.nowMs(),
    });
    this.established = result;
    return result;
  }

  private async verifyOrAlarm(input: TrustInput, offered: string, pin: Pin | null): Promise<TrustResult> {
    try {
      return await this.verify(input);
    } catch (error) {
      if (!(error instanceof WorkerFailure) || error.info.kind !== "sealing") throw error;
      if (pin && error.info.code === "wrong-root-key") throw this.rootChanged(pin.fingerprint, offered);
      const rolled = error.info.code === "rolled-back";
      throw new TrustAlarm(rolled ? "rolled-back" : "broken", error.message, pin?.fingerprint ?? null, offered);
    }
  }
}
