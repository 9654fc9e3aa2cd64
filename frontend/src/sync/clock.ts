/** The one clock of several cameras: which instant is shown, and whether it runs. Pure: the caller says what time it is. */
export class SyncClock {
  private anchorUs: number;
  private anchorMs = 0;
  private running = false;
  private speed = 1;

  constructor(us: number) {
    this.anchorUs = us;
  }

  get rate(): number {
    return this.speed;
  }

  /** The instant shown, UTC µs; `ms`: a monotonic clock. */
  at(ms: number): number {
    return this.running ? this.anchorUs + (ms - this.anchorMs) * 1000 * this.speed : this.anchorUs;
  }

  set(us: number, ms: number): void {
    this.anchorUs = us;
    this.anchorMs = ms;
  }

  setRate(rate: number, ms: number): void {
    this.set(this.at(ms), ms);
    this.speed = rate;
  }

  run(running: boolean, ms: number): void {
    if (running === this.running) return;
    this.set(this.at(ms), ms);
    this.running = running;
  }
}
