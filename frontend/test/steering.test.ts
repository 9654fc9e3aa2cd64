import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { AGAIN_MS, Steerer, type Way } from "../src/steering/steerer";

const LEFT: Way = { pan: -1, tilt: 0, zoom: 0 };
const UP: Way = { pan: 0, tilt: 1, zoom: 0 };

describe("a held button", () => {
  beforeEach(() => vi.useFakeTimers());
  afterEach(() => vi.useRealTimers());

  it("is asked for again while it is held, and stopped once", async () => {
    const sent: (Way | null)[] = [];
    const steerer = new Steerer(async (way) => void sent.push(way), () => expect.unreachable());
    steerer.go(LEFT);
    await vi.advanceTimersByTimeAsync(AGAIN_MS * 2 + 50);
    expect(sent).toEqual([LEFT, LEFT, LEFT]);
    steerer.stop();
    await vi.advanceTimersByTimeAsync(AGAIN_MS * 3);
    expect(sent).toEqual([LEFT, LEFT, LEFT, null]);
  });

  it("that is another one now is asked for at once, and one request is under way at a time", async () => {
    const sent: (Way | null)[] = [];
    let underWay = 0;
    let most = 0;
    const steerer = new Steerer(
      async (way) => {
        most = Math.max(most, ++underWay);
        await new Promise((done) => setTimeout(done, 300));
        underWay--;
        sent.push(way);
      },
      () => expect.unreachable(),
    );
    steerer.go(LEFT);
    await vi.advanceTimersByTimeAsync(100);
    steerer.go(UP);
    steerer.stop();
    steerer.go(UP);
    await vi.advanceTimersByTimeAsync(450);
    steerer.stop();
    await vi.advanceTimersByTimeAsync(1000);
    expect(sent).toEqual([LEFT, UP, null]);
    expect(most).toBe(1);
  });

  it("is given up where it is refused, and a new press tries again", async () => {
    const failures: unknown[] = [];
    let refuses = true;
    let asked = 0;
    const steerer = new Steerer(
      async () => {
        asked++;
        if (refuses) throw new Error("somebody else steers");
      },
      (why) => failures.push(why),
    );
    steerer.go(LEFT);
    await vi.advanceTimersByTimeAsync(AGAIN_MS * 3);
    expect([asked, failures.length]).toEqual([1, 1]);
    refuses = false;
    steerer.go(LEFT);
    steerer.stop();
    await vi.advanceTimersByTimeAsync(AGAIN_MS);
    expect([asked, failures.length]).toEqual([3, 1]);
  });
});
