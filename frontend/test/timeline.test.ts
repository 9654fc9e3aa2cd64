/** Geometry of the timeline, and times as people read them. */
import { describe, expect, it } from "vitest";
import type { TimelineEvent, TimelineRun } from "../src/api/types";
import { eventBars, kindsAt, neighbour } from "../src/timeline/events";
import { bars, centred, NARROWEST_US, panned, pinched, resolutionS, runAt, ticks, usAt, WIDEST_US, xOf, zoomed } from "../src/timeline/layout";
import { clockTime, fieldValue, instantOf, knownZone, zoneOffsetUs } from "../src/times";
import { duration, gapReason, runWords } from "../src/words";

const S = 1_000_000;
const H = 3600 * S;
const NOON = Date.UTC(2026, 10, 22, 12) * 1000;
const view = { fromUs: NOON, toUs: NOON + H, width: 1000 };

describe("instants and pixels", () => {
  it("map both ways", () => {
    expect(xOf(view, NOON + H / 4)).toBe(250);
    expect(usAt(view, 250)).toBe(NOON + H / 4);
  });

  it("zoom about the pointer, between a minute and a month", () => {
    const at = usAt(view, 300);
    const closer = zoomed(view, 300, 0.5);
    expect(closer.toUs - closer.fromUs).toBe(H / 2);
    expect(Math.abs(usAt(closer, 300) - at)).toBeLessThan(2);
    const near = zoomed(view, 300, 1e-9);
    expect(near.toUs - near.fromUs).toBe(NARROWEST_US);
    const far = zoomed(view, 300, 1e9);
    expect(far.toUs - far.fromUs).toBe(WIDEST_US);
  });

  it("pan with the hand, and not into the future", () => {
    expect(panned(view, 100, NOON + 10 * H).fromUs).toBe(NOON - H / 10);
    expect(panned(view, -5000, NOON + H).fromUs).toBe(NOON + H / 2);
    expect(centred(view, NOON, 0.5).fromUs).toBe(NOON - H / 2);
  });

  it("stay under both fingers of a pinch", () => {
    const [left, right] = [usAt(view, 400), usAt(view, 600)];
    const closer = pinched(view, [400, 600], [350, 750], NOON + 10 * H);
    expect(Math.abs(usAt(closer, 350) - left)).toBeLessThan(S);
    expect(Math.abs(usAt(closer, 750) - right)).toBeLessThan(S);
  });

  it("ask for as fine an answer as can be seen", () => {
    expect(resolutionS(view)).toBe(3);
    expect(resolutionS({ ...view, toUs: NOON + 60 * S })).toBe(1);
  });
});

describe("bars", () => {
  const at = (from: number, to: number, state: TimelineRun[2], reason: number | null = null): TimelineRun => [
    NOON + from * S,
    NOON + to * S,
    state,
    reason,
  ];

  it("cut at the edges, and leave out what is not in view", () => {
    expect(bars([at(-100, -50, "recorded"), at(-50, 36, "recorded"), at(3590, 4000, "gap")], view)).toEqual([
      { x: 0, width: 10, state: "recorded" },
      { x: expect.closeTo(997.2, 1) as number, width: expect.closeTo(2.8, 1) as number, state: "gap" },
    ]);
  });

  it("keep the shortest gap visible and join neighbours of one state", () => {
    const out = bars([at(0, 10, "recorded"), at(10, 20, "recorded"), at(20, 20.1, "gap", 1), at(20.1, 40, "recorded")], view);
    expect(out.map((bar) => bar.state)).toEqual(["recorded", "gap", "recorded"]);
    expect(out[1]?.width).toBeGreaterThanOrEqual(1.5);
  });

  it("show time that was not to be recorded as a state of its own, under whatever was recorded", () => {
    const out = bars([at(0, 1800, "gap", 14), at(1800, 1801, "recorded"), at(1801, 3600, "gap", 14)], view);
    expect(out.map((bar) => bar.state)).toEqual(["by-plan", "recorded", "by-plan"]);
    expect(runWords("gap", 14)).toBe("Not recorded by plan");
    expect(bars([at(0, 1800, "gap", 1)], view).map((bar) => bar.state)).toEqual(["gap"]);
  });

  it("find what lies under the pointer, short runs first", () => {
    const runs = [at(0, 100, "recorded"), at(50, 50.2, "gap", 2), at(200, 300, "missing")];
    expect(runAt(runs, NOON + 50.1 * S, 0)?.[2]).toBe("gap");
    expect(runAt(runs, NOON + 199 * S, 2 * S)?.[2]).toBe("missing");
    expect(runAt(runs, NOON + 150 * S, S)).toBeNull();
  });

  it("stay quick for a day of many runs", () => {
    const many = Array.from({ length: 8640 }, (_, i) => at(i * 10, i * 10 + 10, i % 2 ? "recorded" : "gap"));
    const day = { ...view, toUs: NOON + 24 * H };
    expect(bars(many, day).map((bar) => bar.state)).toEqual(["gap"]);
    // Each its own bar, as long as there is room to tell them apart.
    const hour = bars(many, { ...day, fromUs: NOON + 12 * H, toUs: NOON + 13 * H });
    expect(hour).toHaveLength(360);
    const sparse = Array.from({ length: 8640 }, (_, i) => at(i * 10, i * 10 + 10, i % 96 ? "recorded" : "gap"));
    const shown = bars(sparse, day);
    expect(shown.filter((bar) => bar.state === "gap")).toHaveLength(90);
    expect(shown.every((bar) => bar.width >= 1.49)).toBe(true);
  });
});

describe("ticks", () => {
  it("stand on round local times, far enough apart", () => {
    const found = ticks(view, "UTC");
    expect(found.map((tick) => tick.label)).toEqual(["12:00", "12:10", "12:20", "12:30", "12:40", "12:50", "13:00"]);
    const gaps = found.slice(1).map((tick, i) => tick.x - (found[i]?.x ?? 0));
    expect(Math.min(...gaps)).toBeGreaterThanOrEqual(84);
  });

  it("mark midnight of the zone with the day", () => {
    const day = ticks({ fromUs: NOON, toUs: NOON + 24 * H, width: 1000 }, "Asia/Kolkata");
    const major = day.filter((tick) => tick.major);
    expect(major).toHaveLength(1);
    expect(usAt({ fromUs: NOON, toUs: NOON + 24 * H, width: 1000 }, major[0]?.x ?? 0)).toBe(Date.UTC(2026, 10, 22, 18, 30) * 1000);
  });

  it("follow the change to winter time", () => {
    const from = Date.UTC(2026, 9, 25, 0) * 1000;
    const labels = ticks({ fromUs: from, toUs: from + 4 * H, width: 400 }, "Europe/Berlin").map((tick) => tick.label);
    expect(labels).toEqual(["02:00", "02:00 GMT+1", "03:00", "04:00", "05:00"]);
  });

  it("follow the change to summer time, and one of half an hour", () => {
    const labels = (from: number, hours: number, zone: string): string[] =>
      ticks({ fromUs: from, toUs: from + hours * H, width: hours * 100 }, zone).map((tick) => tick.label);
    expect(labels(Date.UTC(2026, 2, 29, 0) * 1000, 3, "Europe/Berlin")).toEqual(["01:00", "03:00 GMT+2", "04:00", "05:00"]);
    expect(labels(Date.UTC(2026, 9, 3, 14) * 1000, 3, "Australia/Lord_Howe")).toEqual(["01:00", "03:00 GMT+11", "04:00"]);
  });

  it("of a day of 25 hours stand at its midnights", () => {
    const from = Date.UTC(2026, 9, 23, 22) * 1000;
    const week = ticks({ fromUs: from, toUs: from + 96 * H, width: 500 }, "Europe/Berlin");
    expect(week.map((tick) => tick.major)).toEqual([true, true, true, true]);
    const apart = week.slice(1).map((tick, i) => tick.x - (week[i]?.x ?? 0));
    expect(apart.map((px) => Math.round((px / 500) * 96))).toEqual([24, 25, 24]);
  });
});

describe("times", () => {
  it("are those of the site's zone", () => {
    expect(clockTime(NOON, "Europe/Berlin")).toBe("13:00:00");
    expect(clockTime(NOON, "UTC")).toBe("12:00:00");
    expect(zoneOffsetUs(NOON, "Asia/Kolkata")).toBe(5.5 * H);
    expect(knownZone("Mars/Base")).toBe("UTC");
  });

  it("typed in the zone come back as the same instant, around the change of clocks too", () => {
    for (const at of [NOON, Date.UTC(2026, 6, 1, 3, 4, 5) * 1000, Date.UTC(2026, 9, 25, 5) * 1000]) {
      expect(instantOf(fieldValue(at, "Europe/Berlin"), "Europe/Berlin")).toBe(at);
    }
    expect(instantOf("not a time", "UTC")).toBeNull();
  });

  it("and lengths are said in words", () => {
    expect(duration(12 * S)).toBe("12 s");
    expect(duration(200 * S)).toBe("3 min 20 s");
    expect(duration(2 * H + 300 * S)).toBe("2 h 5 min");
    expect(duration(72 * H)).toBe("3 days");
    expect(runWords("gap", 1)).toContain("could not be reached");
    expect(gapReason(99)).toBe("no reason is known");
  });
});

describe("events", () => {
  const events: TimelineEvent[] = [
    [NOON - H, NOON - H + S, "motion"],
    [NOON + 60 * S, NOON + 90 * S, "motion"],
    [NOON + 62 * S, NOON + 62 * S, "tamper"],
    [NOON + 91 * S, NOON + 92 * S, "motion"],
    [NOON + 1800 * S, NOON + 5400 * S, "input"],
  ];

  it("are bars wide enough to be seen, one where they cannot be told apart, cut at the ends of the view", () => {
    const bars = eventBars(events, view);
    expect(bars.map(({ x, signed }) => [Math.round(x), signed])).toEqual([
      [17, false],
      [17, true],
      [500, true],
    ]);
    expect(bars[0]!.width).toBeGreaterThan(8.8);
    expect(bars[1]!.width).toBe(3);
    expect(bars[2]!.x + bars[2]!.width).toBe(1000);
  });

  it("are named at an instant, each type once, short ones near it too", () => {
    expect(kindsAt(events, NOON + 61 * S, 2 * S)).toEqual(["motion", "tamper"]);
    expect(kindsAt(events, NOON + 900 * S, 2 * S)).toEqual([]);
  });

  it("are gone through one by one from where the picture is", () => {
    expect(neighbour(events, NOON, 1)).toBe(NOON + 60 * S);
    expect(neighbour(events, NOON + 60 * S, 1)).toBe(NOON + 62 * S);
    expect(neighbour(events, NOON + 60.5 * S, -1)).toBe(NOON - H);
    expect(neighbour(events, NOON + 1800 * S, 1)).toBeNull();
    expect(neighbour([], NOON, -1)).toBeNull();
  });
});
