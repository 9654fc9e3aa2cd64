/** The pure parts of playback: plan, time map, jumping, trust, clock. */
import { describe, expect, it } from "vitest";
import { ServerClock } from "../src/api/clock";
import type { ApiStream, SegmentState } from "../src/api/types";
import { WorkerFailure } from "../src/keys/failure";
import type { GrantedSegment, SegmentPlan } from "../src/keys/messages";
import { fetchRange } from "../src/keys/store-fetch";
import { aheadOf, atEnd, jumpTarget } from "../src/player/jump";
import type { Pin, PinStore } from "../src/player/pins";
import { LocalPins, showFingerprint } from "../src/player/pins";
import { Plan } from "../src/player/plan";
import { TimeMap } from "../src/player/time-map";
import { TrustAlarm, TrustKeeper } from "../src/player/trust";

const S = 1_000_000;
const T0 = 1_790_000_000 * S;

interface Options {
  run?: string;
  decode?: number;
  sync?: boolean[];
  continuationOf?: string;
}

/** A segment of one-second fragments from second `at` on. */
function segment(id: string, at: number, seconds: number, options: Options = {}): SegmentPlan {
  const decode = options.decode ?? 1;
  const fragments = Array.from({ length: seconds }, (_, i) => ({
    offset: 100 + i * 10,
    length: 10,
    decodeTime: (decode + i) * 90_000,
    duration: 90_000,
    sync: options.sync?.[i] ?? true,
    samples: 10,
  }));
  const track = { rendition: 1, codec: "avc1.64001f", mime: "video/mp4", initHash: "h", timescale: 90_000, fragments };
  return {
    id,
    startUs: T0 + at * S,
    endUs: T0 + (at + seconds) * S,
    run: options.run ?? "run",
    verified: true,
    adopted: false,
    continuationOf: options.continuationOf ?? null,
    video: { ...track, decodeTime: decode * 90_000, duration: seconds * 90_000 },
    audio: null,
  };
}

function answer(
  plans: SegmentPlan[],
  others: { id: string; at: number; seconds: number; state: SegmentState }[] = [],
  gaps: [from: number, to: number, reason: number][] = [],
  hidden: [from: number, to: number][] = [],
): ApiStream {
  const common = { run: "", agent: "", adopted: false, record: "", index: null, url: null, keys: null };
  const stored = plans.map((plan) => ({ ...common, id: plan.id, start_us: plan.startUs, end_us: plan.endUs, state: "stored" as const }));
  const rest = others.map(({ id, at, seconds, state }) => ({
    ...common,
    id,
    start_us: T0 + at * S,
    end_us: T0 + (at + seconds) * S,
    state,
  }));
  return {
    camera: "c",
    stream: "main",
    agents: {},
    segments: [...stored, ...rest],
    gaps: gaps.map(([from, to, reason]) => ({ from_us: T0 + from * S, to_us: T0 + to * S, reason })),
    not_permitted: hidden.map(([from, to]) => ({ from_us: T0 + from * S, to_us: T0 + to * S })),
    more_from_us: null,
  };
}

const granted = (plans: SegmentPlan[]): GrantedSegment[] => plans.map((plan) => ({ plan }));

describe("the plan", () => {
  const plans = [segment("a", 0, 10), segment("b", 10, 10, { decode: 11 }), segment("c", 40, 10, { run: "other" })];
  const pending = [{ id: "p", at: 50, seconds: 10, state: "pending" as const }];
  const plan = new Plan(T0);
  plan.merge(answer(plans, pending, [[20, 40, 1]]), granted(plans), T0 + 60 * S);

  it("finds the segment of an instant, the next one, and why there is none", () => {
    expect(plan.at(T0 + 12 * S)?.id).toBe("b");
    expect(plan.at(T0 + 25 * S)).toBeNull();
    expect(plan.firstFrom(T0 + 25 * S)?.id).toBe("c");
    expect(plan.absentAt(T0 + 25 * S)).toMatchObject({ kind: "gap", reason: 1 });
    expect(plan.absentAt(T0 + 55 * S)).toMatchObject({ kind: "pending" });
    expect(plan.covers(T0 + 59 * S)).toBe(true);
    expect(plan.covers(T0 + 60 * S)).toBe(false);
  });

  it("names everything between two instants in order", () => {
    expect(plan.absentsBetween(T0 + 15 * S, T0 + 58 * S).map((absent) => absent.kind)).toEqual(["gap", "pending"]);
  });

  it("takes an uploaded segment in where it was pending before", () => {
    const later = [segment("p", 50, 10, { run: "other", decode: 11 })];
    plan.merge(answer(later), granted(later), T0 + 60 * S);
    expect(plan.at(T0 + 55 * S)?.id).toBe("p");
    expect(plan.absentsBetween(T0 + 50 * S, T0 + 60 * S)).toEqual([]);
  });

  it("keeps damaged segments as such, with what was wrong", () => {
    const damaged = new Plan(T0);
    const failure = { kind: "sealing" as const, code: "bad-signature", message: "" };
    const [a, b] = [segment("a", 0, 10), segment("b", 10, 10)];
    damaged.merge(answer([a, b]), [{ plan: a }, { id: "b", failure }], T0 + 20 * S);
    expect(damaged.damagedBetween(T0, T0 + 20 * S)?.failure?.code).toBe("bad-signature");
    expect(damaged.after(a)).toBeNull();
  });

  it("speaks of time that is not permitted, and lets go of what was granted there before", () => {
    const [a, b, c] = [segment("a", 0, 10), segment("b", 10, 10), segment("c", 20, 10)];
    const hours = new Plan(T0);
    hours.merge(answer([a, b, c]), granted([a, b, c]), T0 + 30 * S);
    hours.merge(answer([b, c], [], [], [[0, 10]]), granted([b, c]), T0 + 30 * S);
    expect(hours.at(T0 + 5 * S)).toBeNull();
    expect(hours.absentAt(T0 + 5 * S)).toMatchObject({ kind: "not-permitted", toUs: T0 + 10 * S });
    expect(hours.all.map(({ id }) => id)).toEqual(["b", "c"]);
  });

  it("starts decoding at the last sync sample before the instant", () => {
    const long = segment("a", 0, 10, { sync: [true, false, false, true, false, false, false, false, false, false] });
    const one = new Plan(T0);
    one.merge(answer([long]), granted([long]), T0 + 10 * S);
    expect(one.entry(long, T0 + 2.5 * S)).toMatchObject({ fragment: 0 });
    expect(one.entry(long, T0 + 7 * S)).toMatchObject({ fragment: 3 });
  });

  it("goes back over continuations to the segment that holds the key frame", () => {
    const none = Array.from({ length: 10 }, () => false);
    const key = segment("a", 0, 10, { sync: [true, ...none.slice(1)] });
    const middle = segment("b", 10, 10, { sync: none, decode: 11, continuationOf: "a" });
    const last = segment("c", 20, 10, { sync: none, decode: 21, continuationOf: "a" });
    const long = new Plan(T0);
    long.merge(answer([key, middle, last]), granted([key, middle, last]), T0 + 30 * S);
    expect(long.entry(last, T0 + 25 * S)).toEqual({ segment: key, fragment: 0 });
  });

  it("forgets what was played, but not a key frame that is still needed", () => {
    const none = [false, false];
    const key = segment("a", 0, 2, { sync: [true, false] });
    const idle = segment("b", 2, 2, { sync: [true, true], decode: 3 });
    const next = segment("c", 4, 2, { sync: none, decode: 5, continuationOf: "a" });
    const one = new Plan(T0);
    one.merge(answer([key, idle, next]), granted([key, idle, next]), T0 + 6 * S);
    expect(one.forgetBefore(T0 + 4.5 * S)).toEqual(["b"]);
    expect(one.get("a")).toBe(key);
  });
});

describe("the time map", () => {
  it("joins the segments of one run without a seam, though their clocks drift", () => {
    const map = new TimeMap(T0 - 100 * S);
    const a = segment("a", 0, 10);
    const b = { ...segment("b", 10, 10, { decode: 11 }), startUs: T0 + 10.2 * S };
    const first = map.place(a);
    const second = map.place(b);
    expect(first).toMatchObject({ start: 100, end: 110 });
    expect(second.start).toBe(first.end);
    // The wall clock is the record's, not the media's.
    expect(map.wallUs(115)).toBe(T0 + 15.2 * S);
    expect(map.mediaTime(b, T0 + 15.2 * S)).toBeCloseTo(115);
  });

  it("places another run by its own clock", () => {
    const map = new TimeMap(T0 - 100 * S);
    map.place(segment("a", 0, 10));
    const c = segment("c", 40, 10, { run: "other", decode: 7 });
    expect(map.offset(c)).toBe(133);
    expect(map.place(c)).toMatchObject({ start: 140, end: 150 });
  });
});

describe("jumping holes", () => {
  it("stays where there is picture ahead", () => {
    expect(jumpTarget(5, [[0, 10], [20, 30]], [0, 30], false)).toBeNull();
  });

  it("jumps at a range's end, only over what was fed already", () => {
    expect(jumpTarget(9.95, [[0, 10], [10.15, 30]], [0, 30], false)).toBeCloseTo(10.152);
    expect(jumpTarget(9.95, [[0, 10], [20, 30]], [0, 15], false)).toBeNull();
    expect(jumpTarget(15, [[20, 30]], [15, 30], false)).toBeCloseTo(20.002);
  });

  it("helps a picture that stalled a little before the end, and leaves one that plays", () => {
    expect(jumpTarget(9.8, [[0, 10], [20, 30]], [0, 30], false)).toBeNull();
    expect(jumpTarget(9.8, [[0, 10], [20, 30]], [0, 30], true)).toBeCloseTo(20.002);
    expect(atEnd(0.5, false)).toBe(false);
    expect(atEnd(0.5, true)).toBe(true);
  });

  it("never jumps without anything to jump to", () => {
    expect(jumpTarget(10, [[0, 10]], [0, 10], true)).toBeNull();
    expect(jumpTarget(10, [], [0, 10], true)).toBeNull();
    expect(aheadOf([[0, 10]], 4)).toBe(6);
    expect(aheadOf([[0, 10]], 12)).toBe(0);
  });
});

describe("the portal's clock", () => {
  it("is taken from Date headers where this machine's is wrong", () => {
    let local = 1_000_000_000;
    const clock = new ServerClock(() => local);
    expect(clock.nowUs()).toBe(local * 1000);
    const hour = 3_600_000;
    clock.learn(local + hour, local + 100, local + 120);
    expect(Math.abs(clock.offsetMs - hour)).toBeLessThan(1500);
    // Each reply narrows it down.
    clock.learn(local + hour + 1000, local + 2800, local + 2810);
    local += 5000;
    expect(Math.abs(clock.nowUs() / 1000 - local - hour)).toBeLessThan(600);
  });

  it("leaves a right clock alone, and begins again where ours was set", () => {
    const clock = new ServerClock(() => 0);
    clock.learn(5_000, 5_400, 5_420);
    expect(clock.offsetMs).toBe(0);
    clock.learn(10_000_000, 5_500, 5_510);
    expect(Math.abs(clock.offsetMs - 9_994_500)).toBeLessThan(1500);
  });
});

class MemoryPins implements PinStore {
  pin: Pin | null = null;
  get(): Pin | null {
    return this.pin;
  }
  set(_: string, pin: Pin): void {
    this.pin = pin;
  }
  remove(): void {
    this.pin = null;
  }
}

describe("trust", () => {
  const ROOT = "ab".repeat(32);
  const OTHER = "cd".repeat(32);
  const pins = new MemoryPins();
  /** Whose statements the portal has: each root handed over to the next. */
  let roots = [ROOT];
  let offered = ROOT;
  let number = 5;
  const api = { tenant: "t", statements: async () => ({ root_fingerprint: offered, statements: [] }) };
  const keeper = (): TrustKeeper =>
    new TrustKeeper(
      api,
      async ({ seen, fingerprint }) => {
        if (!roots.includes(fingerprint)) {
          throw new WorkerFailure({ kind: "sealing", code: "wrong-root-key", message: "another root" });
        }
        if (seen && seen.number > number) {
          throw new WorkerFailure({ kind: "sealing", code: "rolled-back", message: "fewer than before" });
        }
        return { tenant: "id", fingerprint: roots.at(-1) as string, number, hash: "00" };
      },
      pins,
      () => 42,
    );

  it("pins the root at first use", async () => {
    await keeper().ready();
    expect(pins.pin).toEqual({ fingerprint: ROOT, number: 5, hash: "00", sinceMs: 42 });
  });

  it("raises the alarm over another root, in statements and in replies", async () => {
    offered = OTHER;
    await expect(keeper().ready()).rejects.toMatchObject({ kind: "root-changed", pinned: ROOT, offered: OTHER });
    roots = [OTHER];
    await expect(keeper().ready()).rejects.toMatchObject({ kind: "root-changed", pinned: ROOT, offered: OTHER });
    [offered, roots] = [ROOT, [ROOT]];
    await expect(keeper().check(OTHER)).rejects.toMatchObject({ kind: "root-changed", pinned: ROOT, offered: OTHER });
  });

  it("follows a root that handed over to another, and pins that one", async () => {
    const open = keeper();
    await open.ready();
    [offered, roots] = [OTHER, [ROOT, OTHER]];
    await open.check(OTHER);
    expect(pins.pin?.fingerprint).toBe(OTHER);
    await expect(keeper().check(ROOT)).rejects.toMatchObject({ kind: "root-changed", pinned: OTHER, offered: ROOT });
    [offered, roots] = [ROOT, [ROOT]];
    await expect(keeper().ready()).rejects.toMatchObject({ kind: "root-changed", pinned: OTHER, offered: ROOT });
    pins.pin = { fingerprint: ROOT, number: 5, hash: "00", sinceMs: 42 };
  });

  it("raises the alarm over a roll-back, in statements and in replies", async () => {
    await expect(keeper().check(ROOT, 4)).rejects.toMatchObject({ kind: "rolled-back" });
    number = 3;
    await expect(keeper().ready()).rejects.toMatchObject({ kind: "rolled-back" });
    number = 5;
  });

  it("fetches newer statements when a reply speaks of them", async () => {
    const fresh = keeper();
    await fresh.ready();
    number = 6;
    await fresh.check(ROOT, 6);
    expect(pins.pin?.number).toBe(6);
  });

  it("trusts anew only when told to", async () => {
    [offered, roots] = [OTHER, [OTHER]];
    const anew = keeper();
    await expect(anew.ready()).rejects.toBeInstanceOf(TrustAlarm);
    anew.trustAnew();
    await anew.ready();
    expect(pins.pin?.fingerprint).toBe(OTHER);
  });

  it("takes an unreadable pin for a changed root", () => {
    const storage = { getItem: () => "{", setItem: () => undefined, removeItem: () => undefined } as unknown as Storage;
    expect(new LocalPins(storage).get("t")?.fingerprint).toBe("unreadable");
    expect(showFingerprint(ROOT).split(" ")).toHaveLength(16);
  });
});

describe("ranges from the store", () => {
  const body = Uint8Array.from({ length: 100 }, (_, i) => i);
  const reply = (status: number, bytes: Uint8Array<ArrayBuffer>) => async () => new Response(bytes, { status });

  it("gives exactly what was asked, also where the server ignores ranges", async () => {
    expect([...(await fetchRange("u", 10, 13, undefined, reply(206, body.slice(10, 13))))]).toEqual([10, 11, 12]);
    expect([...(await fetchRange("u", 10, 13, undefined, reply(200, body)))]).toEqual([10, 11, 12]);
  });

  it("names what is wrong", async () => {
    await expect(fetchRange("u", 0, 3, undefined, reply(206, body.slice(0, 2)))).rejects.toMatchObject({ code: "truncated" });
    await expect(fetchRange("u", 0, 3, undefined, reply(416, body))).rejects.toMatchObject({ code: "truncated" });
    await expect(fetchRange("u", 0, 3, undefined, reply(404, body))).rejects.toMatchObject({ code: "missing-object" });
    await expect(fetchRange("u", 0, 3, undefined, reply(403, body))).rejects.toMatchObject({ status: 403 });
    const down = async (): Promise<Response> => Promise.reject(new TypeError("down"));
    await expect(fetchRange("u", 0, 3, undefined, down)).rejects.toMatchObject({ status: 0 });
  });
});
