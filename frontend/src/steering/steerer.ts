/**
 * Steering while somebody holds a button: the movement is asked for again as long as it is wanted, one request at a time, and a
 * stop is said as soon as it is not. A lost stop costs a second: each movement ends by itself.
 */
export interface Way {
  readonly pan: number;
  readonly tilt: number;
  readonly zoom: number;
}

export const AGAIN_MS = 400;
export const LASTS_MS = 1000;

export class Steerer {
  private wanted: Way | null = null;
  private moves = false;
  private busy = false;
  private woken: (() => void) | null = null;

  /** `send`: asks for a movement, or for its end (null); rejects with why not. `failed`: is told, and the movement is given up. */
  constructor(
    private readonly send: (way: Way | null) => Promise<void>,
    private readonly failed: (why: unknown) => void,
  ) {}

  go(way: Way): void {
    this.wanted = way;
    this.wake();
  }

  stop(): void {
    this.wanted = null;
    this.wake();
  }

  private wake(): void {
    this.woken?.();
    if (!this.busy) void this.run();
  }

  private async run(): Promise<void> {
    this.busy = true;
    try {
      while (this.wanted || this.moves) {
        const way = this.wanted;
        this.moves = way !== null;
        await this.send(way);
        if (way && this.wanted === way) await this.pause();
      }
    } catch (error) {
      this.wanted = null;
      this.moves = false;
      this.failed(error);
    } finally {
      this.busy = false;
    }
  }

  /** Until it is time to ask again, or something else is wanted. */
  private async pause(): Promise<void> {
    await new Promise<void>((done) => {
      const timer = setTimeout(done, AGAIN_MS);
      this.woken = () => {
        clearTimeout(timer);
        done();
      };
    });
    this.woken = null;
  }
}
