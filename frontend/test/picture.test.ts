/** The pure parts of zoom, frame steps, key frames, snapshots and clips. */
import { describe, expect, it } from "vitest";
import type { TimelineRun } from "../src/api/types";
import { stretchesOf } from "../src/clip/stretches";
import { describeAudio } from "../src/clip/tracks";
import { fileName } from "../src/files";
import type { SegmentPlan } from "../src/keys/messages";
import { flacInit } from "../src/media/flac";
import { boxes, find, readFragments, syncFragment } from "../src/media/mp4";
import { withTexts } from "../src/media/png";
import { neighbour } from "../src/player/frames";
import { keyFramesOf } from "../src/player/key-frames";
import { moved, refitted, SCALE_MOST, WHOLE, zoomedAt } from "../src/player/zoom";
import { ascii, concat } from "../src/sealing/bytes";
import { size } from "../src/words";

const S = 1_000_000;
const BOX = { width: 800, height: 400 };

describe("zoom", () => {
  it("keeps what lies under the pointer where it is", () => {
    const zoom = zoomedAt(zoomedAt(WHOLE, 200, 100, 2, BOX), 600, 300, 1.5, BOX);
    // The picture's point under (600, 300) before and after the second step.
    const before = zoomedAt(WHOLE, 200, 100, 2, BOX);
    expect((600 - zoom.x) / zoom.scale).toBeCloseTo((600 - before.x) / before.scale);
    expect((300 - zoom.y) / zoom.scale).toBeCloseTo((300 - before.y) / before.scale);
  });

  it("never lets an edge of the picture into the box, nor goes beyond its ends", () => {
    const zoom = zoomedAt(WHOLE, 0, 0, 100, BOX);
    expect(zoom.scale).toBe(SCALE_MOST);
    expect(moved(zoom, 500, 500, BOX)).toEqual({ scale: SCALE_MOST, x: 0, y: 0 });
    const far = moved(zoom, -1e6, -1e6, BOX);
    expect([far.x, far.y]).toEqual([800 * (1 - SCALE_MOST), 400 * (1 - SCALE_MOST)]);
    expect(zoomedAt(zoom, 10, 10, 0.001, BOX)).toEqual(WHOLE);
  });

  it("shows the same part in a box of another size", () => {
    const zoom = zoomedAt(WHOLE, 400, 200, 4, BOX);
    const full = refitted(zoom, BOX, { width: 1600, height: 800 });
    expect([full.scale, full.x, full.y]).toEqual([4, zoom.x * 2, zoom.y * 2]);
  });
});

describe("one picture on or back", () => {
  // B-frames: in decoding order.
  const frames = [1.0, 1.3, 1.1, 1.2, 1.6, 1.4, 1.5].map((at) => ({ at }));

  it("goes by when pictures are shown, not by when they are decoded", () => {
    expect(neighbour(frames, 1.1, 1)).toEqual({ at: 1.2 });
    expect(neighbour(frames, 1.1, -1)).toEqual({ at: 1.0 });
  });

  it("counts from the picture that is standing, wherever in its time playback stopped", () => {
    expect(neighbour(frames, 1.29, 1)).toEqual({ at: 1.3 });
    expect(neighbour(frames, 1.2999, 1)).toEqual({ at: 1.4 });
    expect(neighbour(frames, 1.31, -1)).toEqual({ at: 1.2 });
  });

  it("finds nothing beyond what is known", () => {
    expect(neighbour(frames, 1.6, 1)).toBeNull();
    expect(neighbour(frames, 1.0, -1)).toBeNull();
  });
});

function segmentOf(id: string, sync: readonly boolean[], from = 1): SegmentPlan {
  const fragments = sync.map((is, i) => ({
    ...{ offset: 0, length: 10, samples: 10, duration: 90_000 },
    decodeTime: (from + i) * 90_000,
    sync: is,
  }));
  const video = { rendition: 1, codec: "", mime: "", initHash: "", timescale: 90_000, decodeTime: from * 90_000, duration: 0, fragments };
  return { id, startUs: 0, endUs: 0, run: "r", verified: true, adopted: false, continuationOf: null, video, audio: null };
}

describe("key frames alone", () => {
  const shown = (frames: ReturnType<typeof keyFramesOf>): unknown =>
    frames.map(({ source, fragment, at, duration }) => [source.id, fragment, at / 90_000, duration / 90_000]);

  it("each stand until the next, up to the segment's end", () => {
    const segment = segmentOf("a", [true, false, true, false, false]);
    expect(shown(keyFramesOf(segment, 0, null, 4))).toEqual([["a", 0, 1, 2], ["a", 2, 3, 3]]);
  });

  it("stand on where a segment begins without one", () => {
    const [carried] = keyFramesOf(segmentOf("a", [true]), 0, null, 4);
    const frames = keyFramesOf(segmentOf("b", [false, false, true], 2), 0, carried ?? null, 4);
    expect(shown(frames)).toEqual([["a", 0, 2, 2], ["b", 2, 4, 1]]);
  });

  it("are thinned out where there are more than can be looked at", () => {
    const segment = segmentOf("a", Array<boolean>(6).fill(true));
    expect(shown(keyFramesOf(segment, 0, null, 16))).toEqual([["a", 0, 1, 2], ["a", 2, 3, 2], ["a", 4, 5, 2]]);
  });
});

describe("a written fragment of sync samples", () => {
  it("reads back with its times, sizes and bytes", () => {
    const samples = [
      { data: new Uint8Array([1, 2, 3]), duration: 40 },
      { data: new Uint8Array([4]), duration: 20 },
    ];
    const [fragment] = readFragments(syncFragment(2 ** 33, samples));
    expect(fragment?.rows).toEqual([
      { decodeTime: 2 ** 33, duration: 40, time: 2 ** 33, size: 3, sync: true },
      { decodeTime: 2 ** 33 + 40, duration: 20, time: 2 ** 33 + 40, size: 1, sync: true },
    ]);
    expect([...(fragment?.payload ?? [])]).toEqual([1, 2, 3, 4]);
  });
});

describe("what a clip says of its sound", () => {
  it("is FLAC's own stream description", () => {
    const init = flacInit(8000, 2);
    const described = describeAudio(init);
    expect([described.kind, described.rate, described.channels]).toEqual(["flac", 8000, 2]);
    const stsd = find(boxes(init), "moov", "trak", "mdia", "minf", "stbl", "stsd");
    const entry = boxes(stsd.body.subarray(8))[0];
    const blocks = find(boxes(entry?.body.subarray(28) ?? new Uint8Array()), "dfLa").body.subarray(4);
    expect(described.config).toEqual(concat(ascii("fLaC"), blocks));
  });
});

describe("the parts of a clip", () => {
  const runs: TimelineRun[] = [
    [0, 10 * S, "recorded", null],
    [10.2 * S, 20 * S, "recorded", null],
    [20 * S, 32 * S, "gap", 1],
    [32 * S, 40 * S, "recorded", null],
    [50 * S, 60 * S, "pending", null],
  ];

  it("are the unbroken stretches, and every hole with its reason", () => {
    const { recorded, holes } = stretchesOf(runs, 5 * S, 55 * S);
    expect(recorded.map(({ fromUs, toUs }) => [fromUs / S, toUs / S])).toEqual([[5, 20], [32, 40]]);
    expect(holes.map(({ fromUs, toUs, state, reason }) => [fromUs / S, toUs / S, state, reason])).toEqual([
      [20, 32, "gap", 1],
      [40, 50, null, null],
      [50, 55, "pending", null],
    ]);
  });

  it("are none where nothing is recorded", () => {
    expect(stretchesOf(runs, 41 * S, 49 * S)).toEqual({
      recorded: [],
      holes: [{ fromUs: 41 * S, toUs: 49 * S, state: null, reason: null }],
    });
  });
});

describe("a file's name", () => {
  const us = Date.UTC(2026, 10, 23, 13, 3, 10) * 1000;

  it("holds camera and local time", () => {
    expect(fileName("Gate 2", us, "Europe/Berlin", "png")).toBe("Gate 2 2026-11-23 14.03.10.png");
  });

  it("holds nothing a file system refuses, whatever the camera is called", () => {
    expect(fileName('../a\\b:c*"<>|\u0007', us, "UTC", "mp4")).toBe("a b c 2026-11-23 13.03.10.mp4");
    expect(fileName("///", us, "UTC", "mp4")).toBe("Camera 2026-11-23 13.03.10.mp4");
    expect(fileName("🎥".repeat(200), us, "UTC", "mp4").length).toBeLessThan(200);
  });
});

describe("texts in a PNG", () => {
  it("stand between its header and the rest, which stay as they were", () => {
    const png = new Uint8Array(8 + 25 + 4).map((_, i) => i);
    const out = withTexts(png, [["Title", "Tür 2"]]);
    expect(out.subarray(0, 33)).toEqual(png.subarray(0, 33));
    expect(out.subarray(-4)).toEqual(png.subarray(-4));
    const text = new TextDecoder().decode(out.subarray(37, out.length - 8));
    expect(text).toBe("iTXtTitle\0\0\0\0\0Tür 2");
  });
});

describe("a size", () => {
  it("is said in units people read", () => {
    expect([size(840), size(12_340_000), size(999_950), size(250_000_000)]).toEqual(["840 bytes", "12.3 MB", "1000 kB", "250 MB"]);
  });
});
