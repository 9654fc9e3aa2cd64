/** How one camera keeps step with the clock, and how long the others wait for one that does not. Pure. */

/** Nearer than this nothing is done: a picture lasts longer. */
const CLOSE_US = 15_000;
/** Farther ahead than this it waits for the clock; pictures beside each other are never farther apart than 100 ms. */
const AHEAD_MOST_US = 80_000;
/** Farther behind than this, catching up by speed takes too long: it is sought anew. */
const BEHIND_MOST_US = 700_000;
/** So much faster or slower to close in; at most so much. */
const GAIN_PER_S = 1.2;
const NUDGE_MOST = 0.25;
/** A camera that was left behind is sought anew this often at most. */
const SEEK_EVERY_MS = 2500;
const LEAD_MOST_US = 2_000_000;

/** A camera that is late holds up the others so long, and then not again for a while. */
export const WAIT_MOST_MS = 1500;
export const WAIT_AGAIN_MS = 30_000;

export type Step =
  /** Plays, at the chosen speed times this. */
  | { readonly kind: "run"; readonly factor: number }
  /** Stands and waits until the clock is there. */
  | { readonly kind: "hold" }
  /** Cannot catch up by speed. */
  | { readonly kind: "seek"; readonly toUs: number }
  | { readonly kind: "stay" };

export interface Standing {
  /** The clock's instant, UTC µs. */
  readonly clockUs: number;
  /** Where the camera's playback is; null while it is on its way. */
  readonly wallUs: number | null;
  readonly rate: number;
  readonly holding: boolean;
  /** How long its last seek took, and how long ago it began. */
  readonly seekTookMs: number;
  readonly sinceSeekMs: number;
}

export function step({ clockUs, wallUs, rate, holding, seekTookMs, sinceSeekMs }: Standing): Step {
  if (wallUs === null) return { kind: "stay" };
  const ahead = wallUs - clockUs;
  const scale = Math.max(1, rate);
  if (holding ? ahead > CLOSE_US * scale : ahead > AHEAD_MOST_US * scale) return { kind: "hold" };
  if (ahead < -BEHIND_MOST_US * scale) {
    if (sinceSeekMs < SEEK_EVERY_MS) return { kind: "run", factor: 1 + NUDGE_MOST };
    // A little beyond the clock, which goes on while it is sought.
    return { kind: "seek", toUs: clockUs + Math.min(LEAD_MOST_US, seekTookMs * 1000 * scale) };
  }
  if (Math.abs(ahead) <= CLOSE_US * scale) return { kind: "run", factor: 1 };
  const wanted = (-ahead / 1e6 / scale) * GAIN_PER_S;
  return { kind: "run", factor: 1 + Math.max(-NUDGE_MOST, Math.min(NUDGE_MOST, wanted)) };
}

/** Who is waited for. One that used up its time lets the others go on, and catches up by itself. */
export class Patience {
  private since = new Map<string, number>();
  private readonly spent = new Map<string, number>();

  /** Whether the clock stands for any of the cameras that are `late` now. */
  waits(late: readonly string[], ms: number): boolean {
    this.since = new Map(late.map((id) => [id, this.since.get(id) ?? ms]));
    let waits = false;
    for (const [id, from] of this.since) {
      const until = this.spent.get(id);
      if (until !== undefined && ms < until) continue;
      if (ms - from < WAIT_MOST_MS) waits = true;
      else this.spent.set(id, ms + WAIT_AGAIN_MS);
    }
    return waits;
  }

  /** A person chose another instant: everybody is waited for once more. */
  reset(): void {
    this.since.clear();
    this.spent.clear();
  }
}
