import { describe, expect, it } from "vitest";
import { Cells } from "../src/detection/cells";

const NONE = "0".repeat(144);

describe("cells of a grid over a picture", () => {
  it("are read and written as the portal keeps them: from the top left, a bit each", () => {
    const cells = new Cells(32, 18);
    expect(cells.text()).toBe(NONE);
    cells.set([0, 0], [0, 0], true);
    cells.set([31, 17], [31, 17], true);
    expect(cells.text()).toBe(`8${"0".repeat(142)}1`);
    const again = Cells.read(32, 18, cells.text());
    expect([again.has(0, 0), again.has(1, 0), again.has(31, 17), again.count]).toEqual([true, false, true, 2]);
  });

  it("are set and cleared by rectangles, whichever corner comes first and however far they reach", () => {
    const cells = new Cells(32, 18);
    cells.set([4, 5], [2, 3], true);
    expect(cells.count).toBe(9);
    cells.set([3, 4], [99, 99], false);
    expect(cells.count).toBe(5);
    expect(cells.has(2, 5)).toBe(true);
  });

  it.each(["", "zz", "0".repeat(143), `${"0".repeat(143)}g`])("are none where %j stands instead", (text) => {
    expect(Cells.read(32, 18, text).text()).toBe(NONE);
  });
});
