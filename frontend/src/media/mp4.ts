/** The little of ISO/IEC 14496-12 the player needs: reading our own one-track fragments, writing FLAC ones. */
import { ascii, concat, type Bytes } from "../sealing/bytes";

/** A fragment that is not what SPEC section 6 allows. */
export class MediaError extends Error {
  override readonly name = "MediaError";
}

export interface Box {
  readonly kind: string;
  /** Contents, without the header. */
  readonly body: Bytes;
}

/** The boxes that stand one after the other in `bytes`. Raises MediaError where one does not fit. */
export function boxes(bytes: Bytes): Box[] {
  const out: Box[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 0; at < bytes.length; ) {
    if (bytes.length - at < 8) throw new MediaError("an MP4 box ends too early");
    let size = view.getUint32(at);
    let head = 8;
    if (size === 1 && bytes.length - at >= 16) {
      size = Number(view.getBigUint64(at + 8));
      head = 16;
    }
    if (size < head || size > bytes.length - at) throw new MediaError("an MP4 box ends too early");
    const kind = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    out.push({ kind, body: bytes.subarray(at + head, at + size) });
    at += size;
  }
  return out;
}

/** The box at `path` below `list`, the first of each kind. Raises MediaError where there is none. */
export function find(list: readonly Box[], ...path: readonly string[]): Box {
  let level = list;
  let found: Box | undefined;
  for (const kind of path) {
    found = level.find((box) => box.kind === kind);
    if (!found) throw new MediaError(`an MP4 without ${path.join("/")}`);
    if (kind !== path.at(-1)) level = boxes(found.body);
  }
  return found as Box;
}

/** One sample as its `trun` describes it; times in the track's timescale. */
export interface SampleRow {
  readonly decodeTime: number;
  readonly duration: number;
  /** When it is shown. */
  readonly time: number;
  readonly size: number;
  readonly sync: boolean;
}

export interface FragmentInfo {
  /** In the track's timescale. */
  readonly decodeTime: number;
  readonly duration: number;
  /** Earliest presentation time of its samples. */
  readonly earliest: number;
  /** In decoding order; their bytes follow each other in `payload`. */
  readonly rows: readonly SampleRow[];
  readonly payload: Bytes;
}

const TRUN_DATA_OFFSET = 0x1;
const TRUN_FIRST_FLAGS = 0x4;
const TRUN_DURATION = 0x100;
const TRUN_SIZE = 0x200;
const TRUN_FLAGS = 0x400;
const TRUN_OFFSET = 0x800;
const TFHD_BASE_OFFSET = 0x1;
const TFHD_DESCRIPTION = 0x2;
const TFHD_DURATION = 0x8;
const TFHD_SIZE = 0x10;
const TFHD_FLAGS = 0x20;
const SAMPLE_IS_NON_SYNC = 0x10000;

/** Reads fragments (moof+mdat)+ of one track. */
export function readFragments(bytes: Bytes): FragmentInfo[] {
  const list = boxes(bytes);
  const out: FragmentInfo[] = [];
  for (const [i, box] of list.entries()) {
    if (box.kind !== "moof") continue;
    const mdat = list[i + 1];
    if (mdat?.kind !== "mdat") throw new MediaError("a moof without its mdat");
    out.push({ ...readMoof(box), payload: mdat.body });
  }
  if (out.length === 0) throw new MediaError("no fragment where one should be");
  return out;
}

function viewOf(box: Box): DataView {
  return new DataView(box.body.buffer, box.body.byteOffset, box.body.byteLength);
}

function readMoof(moof: Box): Omit<FragmentInfo, "payload"> {
  const rows = sampleRows(moof);
  const decodeTime = rows[0]?.decodeTime ?? trackTime(boxes(find(boxes(moof.body), "traf").body));
  const duration = rows.reduce((sum, row) => sum + row.duration, 0);
  const earliest = rows.reduce((least, row) => Math.min(least, row.time), Infinity);
  return { decodeTime, duration, earliest: rows.length ? earliest : decodeTime, rows };
}

/** The samples a `moof` of one track describes, in decoding order. */
export function sampleRows(moof: Box): SampleRow[] {
  const traf = boxes(find(boxes(moof.body), "traf").body);
  const defaults = readDefaults(viewOf(find(traf, "tfhd")));
  const out: SampleRow[] = [];
  let decodeTime = trackTime(traf);
  for (const trun of traf.filter((box) => box.kind === "trun")) {
    for (const row of trunRows(viewOf(trun), defaults, decodeTime)) {
      out.push(row);
      decodeTime = row.decodeTime + row.duration;
    }
  }
  return out;
}

function trackTime(traf: readonly Box[]): number {
  const tfdt = viewOf(find(traf, "tfdt"));
  return tfdt.getUint8(0) === 1 ? Number(tfdt.getBigUint64(4)) : tfdt.getUint32(4);
}

interface Defaults {
  readonly duration: number;
  readonly size: number;
  readonly flags: number;
}

function trunRows(view: DataView, defaults: Defaults, from: number): SampleRow[] {
  const flags = view.getUint32(0) & 0xffffff;
  const count = view.getUint32(4);
  let at = 8 + (flags & TRUN_DATA_OFFSET ? 4 : 0);
  const next = (has: number, otherwise: number, read = (): number => view.getUint32(at)): number => {
    if (!(flags & has)) return otherwise;
    const value = read();
    at += 4;
    return value;
  };
  const first = next(TRUN_FIRST_FLAGS, defaults.flags);
  const out: SampleRow[] = [];
  let decodeTime = from;
  for (let i = 0; i < count; i++) {
    const duration = next(TRUN_DURATION, defaults.duration);
    const size = next(TRUN_SIZE, defaults.size);
    const sampleFlags = next(TRUN_FLAGS, i === 0 ? first : defaults.flags);
    const offset = next(TRUN_OFFSET, 0, () => view.getInt32(at));
    out.push({ decodeTime, duration, time: decodeTime + offset, size, sync: !(sampleFlags & SAMPLE_IS_NON_SYNC) });
    decodeTime += duration;
  }
  return out;
}

function readDefaults(tfhd: DataView): Defaults {
  const flags = tfhd.getUint32(0) & 0xffffff;
  let at = 8 + (flags & TFHD_BASE_OFFSET ? 8 : 0) + (flags & TFHD_DESCRIPTION ? 4 : 0);
  const next = (has: number): number => {
    if (!(flags & has)) return 0;
    at += 4;
    return tfhd.getUint32(at - 4);
  };
  return { duration: next(TFHD_DURATION), size: next(TFHD_SIZE), flags: next(TFHD_FLAGS) };
}

/** Timescale, channels and sampling rate of an audio init segment. */
export function readAudioInit(init: Bytes): { kind: string; timescale: number; channels: number } {
  const mdia = boxes(find(boxes(init), "moov", "trak", "mdia").body);
  const mdhd = viewOf(find(mdia, "mdhd"));
  const timescale = mdhd.getUint32(mdhd.getUint8(0) === 1 ? 20 : 12);
  const stsd = find(mdia, "minf", "stbl", "stsd");
  const entry = boxes(stsd.body.subarray(8))[0];
  if (!entry || entry.body.length < 28) throw new MediaError("an audio track without a sample description");
  return { kind: entry.kind, timescale, channels: viewOf(entry).getUint16(16) };
}

function u16(value: number): Bytes {
  return new Uint8Array([value >> 8, value & 255]);
}

export function u32(...values: readonly number[]): Bytes {
  const out = new Uint8Array(4 * values.length);
  const view = new DataView(out.buffer);
  for (const [i, value] of values.entries()) view.setUint32(4 * i, value);
  return out;
}

export function box(kind: string, ...contents: readonly Uint8Array[]): Bytes {
  const body = concat(...contents);
  return concat(u32(body.length + 8), ascii(kind), body);
}

function full(kind: string, version: number, flags: number, ...contents: readonly Uint8Array[]): Bytes {
  return box(kind, u32(((version << 24) | flags) >>> 0), ...contents);
}

const MATRIX = u32(0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000);

/** `ftyp moov` of one audio track whose sample entry is `kind` holding `config`. */
export function audioInit(kind: string, rate: number, channels: number, config: Bytes): Bytes {
  const entry = box(kind, new Uint8Array(6), u16(1), new Uint8Array(8), u16(channels), u16(16), u32(0), u32(rate << 16), config);
  const stbl = box(
    "stbl",
    full("stsd", 0, 0, u32(1), entry),
    full("stts", 0, 0, u32(0)),
    full("stsc", 0, 0, u32(0)),
    full("stsz", 0, 0, u32(0, 0)),
    full("stco", 0, 0, u32(0)),
  );
  const dinf = box("dinf", full("dref", 0, 0, u32(1), full("url ", 0, 1)));
  const minf = box("minf", full("smhd", 0, 0, u32(0)), dinf, stbl);
  const handler = full("hdlr", 0, 0, u32(0), ascii("soun"), new Uint8Array(12), ascii("audio\0"));
  const mdia = box("mdia", full("mdhd", 0, 0, u32(0, 0, rate, 0, 0x55c40000)), handler, minf);
  const tkhd = full("tkhd", 0, 3, u32(0, 0, 1, 0, 0, 0, 0, 0), u32(0x01000000), MATRIX, u32(0, 0));
  const mvhd = full("mvhd", 0, 0, u32(0, 0, 1000, 0, 0x10000), u32(0x01000000), u32(0, 0), MATRIX, new Uint8Array(24), u32(2));
  const mvex = box("mvex", full("trex", 0, 0, u32(1, 1, 0, 0, 0)));
  return concat(box("ftyp", ascii("iso6"), u32(1), ascii("iso6iso5mp41")), box("moov", mvhd, box("trak", tkhd, mdia), mvex));
}

/** One fragment of a track whose every sample is a sync sample, shown when it is decoded. `decodeTime` in the track's timescale. */
export function syncFragment(decodeTime: number, samples: readonly { data: Bytes; duration: number }[]): Bytes {
  const rows = concat(...samples.map((sample) => u32(sample.duration, sample.data.length)));
  const time = BigInt(decodeTime);
  const moofSize = 8 + 16 + 8 + 16 + 20 + 20 + rows.length;
  const moof = box(
    "moof",
    full("mfhd", 0, 0, u32(0)),
    box(
      "traf",
      full("tfhd", 0, 0x020000, u32(1)),
      full("tfdt", 1, 0, u32(Number(time >> 32n), Number(time & 0xffffffffn))),
      full("trun", 1, TRUN_DATA_OFFSET | TRUN_DURATION | TRUN_SIZE, u32(samples.length, moofSize + 8), rows),
    ),
  );
  return concat(moof, box("mdat", ...samples.map((sample) => sample.data)));
}
