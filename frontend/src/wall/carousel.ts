/** Turns the pages of the wall by itself, and waits while somebody looks closer. */
const TICK_MS = 250;
export const CAROUSEL_S = 15;

export interface Turning {
  /** True while a page must stay: a tile is enlarged, pointed at or held, or nobody sees the wall. */
  stays(): boolean;
  turn(): void;
}

export class Carousel {
  private timer = 0;
  private leftMs = 0;
  private seconds = CAROUSEL_S;

  constructor(private readonly wall: Turning) {}

  get running(): boolean {
    return this.timer !== 0;
  }

  start(seconds: number): void {
    this.stop();
    this.seconds = seconds;
    this.leftMs = seconds * 1000;
    this.timer = window.setInterval(() => this.tick(), TICK_MS);
  }

  stop(): void {
    clearInterval(this.timer);
    this.timer = 0;
  }

  /** The page was turned by hand: it stays its full time. */
  again(): void {
    this.leftMs = this.seconds * 1000;
  }

  private tick(): void {
    if (this.wall.stays()) return;
    this.leftMs -= TICK_MS;
    if (this.leftMs > 0) return;
    this.again();
    this.wall.turn();
  }
}
