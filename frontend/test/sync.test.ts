/** One clock for several cameras: how each keeps step, and how long the others wait. */
import { describe, expect, it } from "vitest";
import { SyncClock } from "../src/sync/clock";
import { Patience, step, WAIT_AGAIN_MS, WAIT_MOST_MS } from "../src/sync/follow";

const standing = { clockUs: 1e9, wallUs: 1e9, rate: 1, holding: false, seekTookMs: 400, sinceSeekMs: 60_000 };

describe("the clock", () => {
  it("runs at its speed, and stands without losing its instant", () => {
    const clock = new SyncClock(5e6);
    expect(clock.at(1000)).toBe(5e6);
    clock.run(true, 1000);
    expect(clock.at(2000)).toBe(6e6);
    clock.setRate(4, 2000);
    expect(clock.at(2500)).toBe(8e6);
    clock.run(false, 2500);
    expect(clock.at(9000)).toBe(8e6);
  });
});

describe("a camera", () => {
  it("goes as fast as the clock while it is close", () => {
    expect(step({ ...standing, wallUs: 1e9 - 10_000 })).toEqual({ kind: "run", factor: 1 });
  });

  it("closes in by speed, never by more than a quarter", () => {
    const behind = step({ ...standing, wallUs: 1e9 - 60_000 });
    expect(behind.kind === "run" && behind.factor > 1 && behind.factor < 1.1).toBe(true);
    expect(step({ ...standing, wallUs: 1e9 - 600_000 })).toEqual({ kind: "run", factor: 1.25 });
  });

  it("waits where it is ahead, until the clock is there", () => {
    expect(step({ ...standing, wallUs: 1e9 + 90_000 })).toEqual({ kind: "hold" });
    expect(step({ ...standing, wallUs: 1e9 + 40_000, holding: true })).toEqual({ kind: "hold" });
    expect(step({ ...standing, wallUs: 1e9 + 10_000, holding: true }).kind).toBe("run");
  });

  it("far behind is sought anew, beyond the clock by what that takes, and not again at once", () => {
    const far = { ...standing, wallUs: 1e9 - 5e6 };
    expect(step(far)).toEqual({ kind: "seek", toUs: 1e9 + 400_000 });
    expect(step({ ...far, sinceSeekMs: 500 }).kind).toBe("run");
  });

  it("on its way is let be", () => {
    expect(step({ ...standing, wallUs: null })).toEqual({ kind: "stay" });
  });
});

describe("the others", () => {
  it("wait for a late camera so long and no longer, and not again for a while", () => {
    const patience = new Patience();
    expect(patience.waits(["a"], 0)).toBe(true);
    expect(patience.waits(["a"], WAIT_MOST_MS - 1)).toBe(true);
    expect(patience.waits(["a"], WAIT_MOST_MS)).toBe(false);
    expect(patience.waits([], 3000)).toBe(false);
    expect(patience.waits(["a"], 5000)).toBe(false);
    expect(patience.waits(["a", "b"], 5100)).toBe(true);
    expect(patience.waits([], 6000)).toBe(false);
    expect(patience.waits(["a"], WAIT_MOST_MS + WAIT_AGAIN_MS + 1)).toBe(true);
  });
});
