/** What WebCodecs needs to draw one picture, out of an init segment and a fragment of ours (SPEC section 6). Pure. */
import { boxes, find, MediaError, type Box } from "../media/mp4";
import type { Bytes } from "../sealing/bytes";

export interface KeyFrame {
  /** As recorded: "avc1.64001f". */
  readonly codec: string;
  /** The decoder configuration record (contents of avcC or hvcC). */
  readonly description: Bytes;
  /** The sample, its units with lengths before them. */
  readonly data: Bytes;
}

const VISUAL_ENTRY_BYTES = 78;
const CONFIGURATIONS = new Set(["avcC", "hvcC"]);

/** The first sample of a fragment that begins with a key frame. Raises MediaError for what is not such a fragment. */
export function keyFrame(codec: string, init: Bytes, fragment: Bytes): KeyFrame {
  const list = boxes(fragment);
  const moof = list.findIndex((box) => box.kind === "moof");
  const mdat = list[moof + 1];
  if (moof < 0 || mdat?.kind !== "mdat") throw new MediaError("no fragment where a picture should be");
  const size = firstSampleBytes(list[moof] as Box);
  if (size === 0 || size > mdat.body.length) throw new MediaError("a picture that is longer than its fragment");
  return { codec, description: decoderConfiguration(init), data: mdat.body.subarray(0, size) };
}

function decoderConfiguration(init: Bytes): Bytes {
  const stsd = find(boxes(init), "moov", "trak", "mdia", "minf", "stbl", "stsd");
  const entry = boxes(stsd.body.subarray(8))[0];
  const inside = entry && entry.body.length > VISUAL_ENTRY_BYTES ? boxes(entry.body.subarray(VISUAL_ENTRY_BYTES)) : [];
  const configuration = inside.find(({ kind }) => CONFIGURATIONS.has(kind));
  if (!configuration) throw new MediaError("a video track without a decoder configuration");
  return configuration.body;
}

const TRUN = { dataOffset: 0x1, firstFlags: 0x4, duration: 0x100, size: 0x200 };
const TFHD = { baseOffset: 0x1, description: 0x2, duration: 0x8, size: 0x10 };

function firstSampleBytes(moof: Box): number {
  const traf = boxes(find(boxes(moof.body), "traf").body);
  const trun = viewOf(find(traf, "trun"));
  const flags = trun.getUint32(0) & 0xffffff;
  if (trun.getUint32(4) === 0) return 0;
  if (!(flags & TRUN.size)) return defaultSampleBytes(viewOf(find(traf, "tfhd")));
  const before = [TRUN.dataOffset, TRUN.firstFlags, TRUN.duration].filter((flag) => flags & flag).length;
  return trun.getUint32(8 + 4 * before);
}

function defaultSampleBytes(tfhd: DataView): number {
  const flags = tfhd.getUint32(0) & 0xffffff;
  if (!(flags & TFHD.size)) return 0;
  const before = (flags & TFHD.baseOffset ? 8 : 0) + (flags & TFHD.description ? 4 : 0) + (flags & TFHD.duration ? 4 : 0);
  return tfhd.getUint32(8 + before);
}

function viewOf(box: Box): DataView {
  return new DataView(box.body.buffer, box.body.byteOffset, box.body.byteLength);
}
