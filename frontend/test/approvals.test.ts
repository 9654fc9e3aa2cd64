import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { again } from "../src/parts/approvals";

type Answer = "same" | "changed" | "end";
let seen: (() => void) | undefined;

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal("document", {
    hidden: false,
    addEventListener: (_type: string, listener: () => void) => {
      seen = listener;
    },
  });
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

/** How often something was asked within a time. */
async function askedWithin(ms: number, answer: () => Answer): Promise<number> {
  let count = 0;
  again(() => {
    count += 1;
    return Promise.resolve(answer());
  }, 2000);
  await vi.advanceTimersByTimeAsync(ms);
  return count;
}

test("it asks soon at first, and less often the longer nothing happens", async () => {
  const first = await askedWithin(20_000, () => "same");
  const steady = await askedWithin(20_000, () => "changed");
  expect(steady).toBe(10);
  expect(first).toBeLessThan(steady);
  expect(first).toBeGreaterThan(3);
});

test("it ends when it is told to, and coming back to the page does not begin it again", async () => {
  let count = 0;
  again(() => {
    count += 1;
    return Promise.resolve<Answer>("end");
  }, 2000);
  await vi.advanceTimersByTimeAsync(60_000);
  seen?.();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(count).toBe(1);
});

test("it rests while nobody looks, and asks at once when somebody does again", async () => {
  (document as { hidden: boolean }).hidden = true;
  let count = 0;
  again(() => {
    count += 1;
    return Promise.resolve<Answer>("same");
  }, 2000);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(count).toBe(0);
  (document as { hidden: boolean }).hidden = false;
  seen?.();
  await vi.advanceTimersByTimeAsync(1);
  expect(count).toBe(1);
});
