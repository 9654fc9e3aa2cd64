/** A Date header may be so old: whole seconds, and servers make it once a second. */
const DATE_AGE_MS = 2500;

/** What the portal's clock says, learnt from `Date` headers: this machine's clock may be off by an hour. Pure. */
export class ServerClock {
  private low = -Infinity;
  private high = Infinity;

  constructor(private readonly localMs: () => number = Date.now) {}

  /** Takes in one reply: its Date and when it was asked for and received, local ms. */
  learn(dateMs: number, sentMs: number, receivedMs: number): void {
    const low = dateMs - receivedMs;
    const high = dateMs + DATE_AGE_MS - sentMs;
    if (low > this.high || high < this.low) {
      // This machine's clock was set meanwhile: begin again.
      this.low = low;
      this.high = high;
      return;
    }
    this.low = Math.max(this.low, low);
    this.high = Math.min(this.high, high);
  }

  /** How far the portal's clock is ahead of ours, ms; 0 while ours could be right. */
  get offsetMs(): number {
    if (this.low <= 0 && this.high >= 0) return 0;
    return Math.round((this.low + this.high) / 2);
  }

  nowUs(): number {
    return Math.round((this.localMs() + this.offsetMs) * 1000);
  }
}
