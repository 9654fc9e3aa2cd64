import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { flacFragment, flacInit, flacSilence } from "../src/media/flac";
import { decodeG711 } from "../src/media/g711";
import { boxes, MediaError, readAudioInit, readFragments } from "../src/media/mp4";
import { concat } from "../src/sealing/bytes";

/** Decodes an MP4 with ffmpeg to 16-bit samples: an implementation that knows nothing of ours. */
function decodeWithFfmpeg(mp4: Uint8Array): Int16Array {
  const folder = mkdtempSync(join(tmpdir(), "flac-"));
  try {
    writeFileSync(join(folder, "in.mp4"), mp4);
    execFileSync("ffmpeg", ["-v", "error", "-xerror", "-i", join(folder, "in.mp4"), "-f", "s16le", join(folder, "out.pcm")]);
    const raw = readFileSync(join(folder, "out.pcm"));
    return new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

describe("FLAC in MP4", () => {
  it("gives ffmpeg back exactly the samples that went in, over several fragments", () => {
    const pcm = Int16Array.from({ length: 12345 }, (_, i) => Math.round(20000 * Math.sin(i / 7)));
    const start = 5_000_000;
    const mp4 = concat(
      flacInit(8000, 1),
      flacFragment(start, pcm.subarray(0, 8000), 1),
      flacSilence(start + 8000, 4105, 1),
      flacFragment(start + 12105, pcm.subarray(8000), 1),
    );
    const decoded = decodeWithFfmpeg(mp4);
    expect(decoded).toEqual(Int16Array.from([...pcm.subarray(0, 8000), ...new Int16Array(4105), ...pcm.subarray(8000)]));
  });

  it("carries two channels", () => {
    const pcm = Int16Array.from({ length: 2 * 500 }, (_, i) => (i % 2 ? -i : i));
    expect(decodeWithFfmpeg(concat(flacInit(8000, 2), flacFragment(8000, pcm, 2)))).toEqual(pcm);
  });

  it("writes init and fragments that our own reader understands", () => {
    expect(readAudioInit(flacInit(8000, 1))).toEqual({ kind: "fLaC", timescale: 8000, channels: 1 });
    const [fragment] = readFragments(flacSilence(2 ** 40, 9000, 1));
    expect(fragment).toMatchObject({ decodeTime: 2 ** 40, duration: 9000, earliest: 2 ** 40 });
    expect(fragment?.rows.map((row) => row.duration)).toEqual([4096, 4096, 808]);
  });
});

describe("G.711", () => {
  it.each(["alaw", "mulaw"])("decodes every %s byte as ffmpeg does", (format) => {
    const folder = mkdtempSync(join(tmpdir(), "g711-"));
    try {
      const all = Uint8Array.from({ length: 256 }, (_, i) => i);
      writeFileSync(join(folder, "in"), all);
      const args = ["-v", "error", "-f", format, "-ar", "8000", "-i", join(folder, "in"), "-f", "s16le", join(folder, "out")];
      execFileSync("ffmpeg", args);
      const raw = readFileSync(join(folder, "out"));
      const expected = new Int16Array(raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.length));
      expect(decodeG711(format === "alaw" ? "alaw" : "ulaw", all)).toEqual(expected);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

describe("MP4 boxes", () => {
  it("refuses boxes that do not fit", () => {
    expect(() => boxes(new Uint8Array([0, 0, 0, 9, 1, 2, 3, 4]))).toThrow(MediaError);
    expect(() => boxes(new Uint8Array([0, 0, 0, 7, 1, 2, 3, 4]))).toThrow(MediaError);
    expect(() => boxes(new Uint8Array([0, 0]))).toThrow(MediaError);
    expect(() => readFragments(new Uint8Array(0))).toThrow(MediaError);
  });
});
