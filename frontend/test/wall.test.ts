/** The pure parts of the wall and of stills: division, order, search, address, which frame, which picture goes first. */
import { describe, expect, it } from "vitest";
import type { SegmentPlan } from "../src/keys/messages";
import { box, MediaError, u32 } from "../src/media/mp4";
import { concat, type Bytes } from "../src/sealing/bytes";
import { PictureCache } from "../src/stills/cache";
import { chooseFrame } from "../src/stills/choose";
import { keyFrame } from "../src/stills/key-frame";
import { arranged, divide, matches, neighbour, pageOf, swapped, tileSize } from "../src/wall/layout";
import { Memory, readPlace, writePlace } from "../src/wall/place";
import { ago } from "../src/wall/words";

describe("how a wall is divided", () => {
  it("shares the screen among up to sixteen cameras, and scrolls more", () => {
    expect(divide("auto", 1, false)).toEqual({ fits: true, columns: 1, cells: 1, pages: 1 });
    expect(divide("auto", 5, false)).toMatchObject({ fits: true, columns: 3, cells: 5 });
    expect(divide("auto", 16, false)).toMatchObject({ fits: true, columns: 4 });
    expect(divide("auto", 17, false)).toMatchObject({ fits: false, cells: 17, pages: 1 });
    expect(divide("auto", 0, false)).toMatchObject({ pages: 1, cells: 1 });
  });

  it("is one column to scroll on a phone, unless a grid was chosen", () => {
    expect(divide("auto", 3, true).fits).toBe(false);
    expect(divide("2x2", 3, true)).toEqual({ fits: true, columns: 2, cells: 4, pages: 1 });
  });

  it("has as many pages as the cameras need", () => {
    expect(divide("3x3", 100, false).pages).toBe(12);
    expect(divide("1+5", 7, false)).toMatchObject({ columns: 3, cells: 6, pages: 2 });
    expect(divide("5x5", 0, false).pages).toBe(1);
    expect(pageOf([1, 2, 3, 4, 5], 1, 2)).toEqual([3, 4]);
    expect(pageOf([1], 3, 4)).toEqual([]);
  });
});

describe("what a tile has room for", () => {
  it("goes by its width", () => {
    expect([1440, 288, 75].map(tileSize)).toEqual(["large", "small", "tiny"]);
  });
});

describe("the order of a wall", () => {
  it("keeps what was arranged, drops what is gone, and puts what is new last", () => {
    expect(arranged(["a", "b", "c", "d"], ["c", "gone", "a"])).toEqual(["c", "a", "b", "d"]);
  });

  it("lets two places change their cameras", () => {
    expect(swapped(["a", "b", "c"], "a", "c")).toEqual(["c", "b", "a"]);
  });

  it("finds the neighbour in each direction, and none at the edge", () => {
    const at = (left: number, top: number, size = 100) => ({ left, top, width: size, height: size });
    const boxes = [at(0, 0), at(110, 0), at(0, 110), at(110, 110)];
    expect(neighbour(boxes, 0, "right")).toBe(1);
    expect(neighbour(boxes, 0, "down")).toBe(2);
    expect(neighbour(boxes, 3, "up")).toBe(1);
    expect(neighbour(boxes, 0, "left")).toBeNull();
    const onePlusFive = [at(0, 0, 210), at(220, 0), at(220, 110), at(0, 220), at(110, 220), at(220, 220)];
    expect(neighbour(onePlusFive, 0, "right")).not.toBeNull();
    expect([3, 4]).toContain(neighbour(onePlusFive, 0, "down"));
  });
});

describe("finding a camera", () => {
  it("takes every word, in name or site, without case and accents", () => {
    expect(matches("GATE nord", "Gate 2", "Nordhof")).toBe(true);
    expect(matches("eingang", "Éingang", "")).toBe(true);
    expect(matches("gate 3", "Gate 2", "Nordhof")).toBe(false);
    expect(matches("  ", "Gate", "Yard")).toBe(true);
    expect(matches("🚪", "🚪 Door", "")).toBe(true);
  });
});

describe("the address", () => {
  it("says where one is, and is read back", () => {
    const place = { view: "v1", layout: "1+5", site: "Nord & Süd", text: "a b", page: 2, camera: "c" } as const;
    expect(readPlace(writePlace(place))).toEqual(place);
    expect(writePlace(readPlace(""))).toBe("");
  });

  it("is read whatever stands in it", () => {
    expect(readPlace("?layout=9x9&page=-3")).toMatchObject({ layout: null, page: 0 });
    expect(readPlace("?page=x")).toMatchObject({ page: 0 });
  });
});

describe("what a browser remembers of the wall", () => {
  it("comes back for the same account, and never for another", () => {
    const kept = new Map<string, string>();
    const storage = { getItem: (k: string) => kept.get(k) ?? null, setItem: (k: string, v: string) => kept.set(k, v) } as unknown as Storage;
    new Memory("t", "alice", storage).write({ layout: "2x2", order: ["b", "a"] });
    expect(new Memory("t", "alice", storage).read()).toEqual({ layout: "2x2", order: ["b", "a"] });
    expect(new Memory("t", "bob", storage).read()).toEqual({ layout: "auto", order: [] });
    kept.set("vsaas-wall/t/alice", "{broken");
    expect(new Memory("t", "alice", storage).read()).toEqual({ layout: "auto", order: [] });
    kept.set("vsaas-wall/t/alice", '{"layout":"7x7","order":[1,"a"]}');
    expect(new Memory("t", "alice", storage).read()).toEqual({ layout: "auto", order: ["a"] });
  });
});

const START_US = 1_790_000_000_000_000;

function plan(sync: boolean[]): SegmentPlan {
  const fragments = sync.map((key, i) => ({ offset: i * 10, length: 10, decodeTime: 90_000 * (5 + i), duration: 90_000, sync: key, samples: 1 }));
  return { startUs: START_US, endUs: START_US + sync.length * 1e6, video: { timescale: 90_000, decodeTime: 450_000, fragments } } as unknown as SegmentPlan;
}

describe("which key frame is the picture", () => {
  it("is the last one at or before the instant, else the first", () => {
    const segment = plan([true, false, true, true]);
    expect(chooseFrame(segment, START_US + 1_900_000)).toEqual({ fragment: 0, us: START_US });
    expect(chooseFrame(segment, START_US + 2_000_000)).toEqual({ fragment: 2, us: START_US + 2_000_000 });
    expect(chooseFrame(segment, START_US - 1)).toEqual({ fragment: 0, us: START_US });
    expect(chooseFrame(segment, START_US + 60_000_000)).toEqual({ fragment: 3, us: START_US + 3_000_000 });
  });

  it("is the newest where no instant is wished, and none where there is no key frame", () => {
    expect(chooseFrame(plan([true, false, true, false]), null)?.fragment).toBe(2);
    expect(chooseFrame(plan([false, false]), null)).toBeNull();
  });
});

describe("the cache of pictures", () => {
  it("lets the one used longest ago go first, and closes it", () => {
    const closed: string[] = [];
    const picture = (name: string) => ({ width: 10, height: 10, name, close: () => void closed.push(name) });
    const cache = new PictureCache<ReturnType<typeof picture>>(1000);
    cache.put("a", picture("a"));
    cache.put("b", picture("b"));
    expect(cache.get("a")?.name).toBe("a");
    cache.put("c", picture("c"));
    expect(closed).toEqual(["b"]);
    cache.put("a", picture("a2"));
    expect(closed).toEqual(["b", "a"]);
    cache.clear();
    expect(closed).toEqual(["b", "a", "c", "a2"]);
  });

  it("keeps a picture larger than itself until the next one comes", () => {
    const cache = new PictureCache<{ width: number; height: number; close(): void }>(10);
    cache.put("a", { width: 100, height: 100, close: () => undefined });
    expect(cache.get("a")).not.toBeNull();
  });
});

describe("the first picture of a fragment", () => {
  const text = (word: string): Bytes => new TextEncoder().encode(word) as Bytes;
  const full = (kind: string, flags: number, ...rest: Bytes[]): Bytes => box(kind, u32(flags), ...rest);
  const entry = box("avc1", new Uint8Array(78), box("avcC", text("config")));
  const init = box("moov", box("trak", box("mdia", box("minf", box("stbl", full("stsd", 0, u32(1), entry))))));
  const fragment = (trun: Bytes, tfhd = full("tfhd", 0x020000, u32(1))): Bytes =>
    concat(box("moof", box("traf", tfhd, full("tfdt", 0, u32(0)), trun)), box("mdat", text("keyframe-and-more")));

  it("is cut out by the size its table gives, whatever columns the table has", () => {
    for (const trun of [
      full("trun", 0x201, u32(2, 100, 8, 9)),
      full("trun", 0x305, u32(2, 100, 7, 3000, 8, 3000, 9)),
      full("trun", 0xf01, u32(1, 100, 3000, 8, 0, 0)),
    ]) {
      const picture = keyFrame("avc1.64001f", init, fragment(trun));
      expect(new TextDecoder().decode(picture.data)).toBe("keyframe");
      expect(new TextDecoder().decode(picture.description)).toBe("config");
    }
  });

  it("is cut out by the default size where the table gives none", () => {
    const picture = keyFrame("avc1.64001f", init, fragment(full("trun", 0x1, u32(2, 100)), full("tfhd", 0x18, u32(1, 3000, 8))));
    expect(new TextDecoder().decode(picture.data)).toBe("keyframe");
  });

  it("is refused where there is none", () => {
    expect(() => keyFrame("avc1", init, fragment(full("trun", 0x201, u32(0, 100))))).toThrow(MediaError);
    expect(() => keyFrame("avc1", init, fragment(full("trun", 0x201, u32(1, 100, 999))))).toThrow(MediaError);
    expect(() => keyFrame("avc1", box("moov"), fragment(full("trun", 0x201, u32(1, 100, 8))))).toThrow(MediaError);
    expect(() => keyFrame("avc1", init, box("mdat", text("x")))).toThrow(MediaError);
  });
});

describe("how long ago", () => {
  it("is said in the largest unit that fits, and a clock that is ahead says just now", () => {
    expect([0, 12, 90, 7300, 200_000, -5].map((s) => ago(s * 1e6))).toEqual([
      "just now",
      "12 s ago",
      "1 min ago",
      "2 h ago",
      "2 days ago",
      "just now",
    ]);
  });
});
