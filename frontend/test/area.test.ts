import { describe, expect, it } from "vitest";
import { coveredUs, hitsIn, hoursOf, placesIn, type Area, type SegmentMap } from "../src/area/hits";
import { resized, shifted } from "../src/area/rectangle";
import type { Bytes } from "../src/sealing/bytes";

const COLUMNS = 64;
const ROWS = 36;
const HOUR = 3_600_000_000;
const LEFT_HALF: Area = { left: 0, top: 0, right: 0.5, bottom: 1 };

function at(...cells: readonly (readonly [number, number])[]): Bytes {
  const bits = new Uint8Array((COLUMNS * ROWS) / 8);
  for (const [column, row] of cells) {
    const place = row * COLUMNS + column;
    bits[place >> 3] = (bits[place >> 3] as number) | (0x80 >> (place & 7));
  }
  return bits;
}

function map(startS: number, endS: number, moved: readonly (readonly [number, Bytes])[]): SegmentMap {
  return {
    id: `${startS}`,
    ...{ startUs: startS * 1e6, endUs: endS * 1e6, verified: true, columns: COLUMNS, rows: ROWS },
    moved: moved.map(([offsetMs, places]) => ({ offsetMs, places })),
  };
}

describe("the places of an area", () => {
  const count = (area: Area): number => placesIn(area, COLUMNS, ROWS).reduce((sum, bits) => sum + bits.toString(2).replaceAll("0", "").length, 0);

  it("are those it covers, none by a hair beside its edge", () => {
    expect(placesIn({ left: 1 / 64, top: 1 / 36, right: 3 / 64, bottom: 2 / 36 }, COLUMNS, ROWS)).toEqual(at([1, 1], [2, 1]));
    expect(count(LEFT_HALF)).toBe(32 * 36);
    expect(count({ left: 0, top: 0, right: 1, bottom: 1 })).toBe(64 * 36);
  });

  it("are one at least, also at the edge", () => {
    expect(placesIn({ left: 1, top: 1, right: 1, bottom: 1 }, COLUMNS, ROWS)).toEqual(at([63, 35]));
    expect(count({ left: 0.501, top: 0.5, right: 0.502, bottom: 0.501 })).toBe(1);
  });
});

describe("what moved in an area", () => {
  const maps = [
    map(100, 160, [[2000, at([40, 5])], [5000, at([3, 5])], [6000, at([3, 6], [50, 6])], [30_000, at([31, 35])]]),
    map(0, 60, [[58_000, at([0, 0])]]),
    map(60, 100, []),
  ];

  it("is told by time, and what follows closely is one", () => {
    expect(hitsIn(maps, LEFT_HALF, 0, 200e6)).toEqual([
      { fromUs: 58e6, toUs: 59e6 },
      { fromUs: 105e6, toUs: 107e6 },
      { fromUs: 130e6, toUs: 131e6 },
    ]);
  });

  it("is nothing where it moved elsewhere, or at another time", () => {
    expect(hitsIn(maps, { left: 0.6, top: 0.5, right: 1, bottom: 1 }, 0, 200e6)).toEqual([]);
    expect(hitsIn(maps, LEFT_HALF, 59e6, 105e6)).toEqual([]);
  });

  it("is known where maps are, once where both streams have one", () => {
    expect(coveredUs([...maps, map(10, 80, [])], 30e6, 150e6)).toBe(120e6);
    expect(coveredUs([map(0, 10, []), map(20, 30, [])], 5e6, 100e6)).toBe(15e6);
    expect(coveredUs([], 0, 1)).toBe(0);
  });
});

it("is looked for hour by hour, the newest first", () => {
  expect(hoursOf(0.5 * HOUR, 2.25 * HOUR)).toEqual([
    { fromUs: 2 * HOUR, toUs: 2.25 * HOUR },
    { fromUs: HOUR, toUs: 2 * HOUR },
    { fromUs: 0.5 * HOUR, toUs: HOUR },
  ]);
});

describe("an area moved by keys", () => {
  const area: Area = { left: 0.25, top: 0.25, right: 0.5, bottom: 0.5 };

  it("keeps its size, and stays in the picture", () => {
    expect(shifted(area, 0.25, -0.125)).toEqual({ left: 0.5, top: 0.125, right: 0.75, bottom: 0.375 });
    expect(shifted(area, 2, -2)).toEqual({ left: 0.75, top: 0, right: 1, bottom: 0.25 });
  });

  it("is never too small to be seen, nor larger than the picture", () => {
    expect(resized(area, -1, 1)).toEqual({ left: 0.25, top: 0.25, right: 0.28125, bottom: 1 });
  });
});
