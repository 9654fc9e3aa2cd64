/** What an MP4 file says of a track before its samples, read out of our own init segments. Pure. */
import { t } from "../i18n/t";
import { boxes, find, MediaError, type Box } from "../media/mp4";
import { ascii, concat, type Bytes } from "../sealing/bytes";

const VIDEO_ENTRY_BYTES = 78;
const AUDIO_ENTRY_BYTES = 28;
const DECODER_CONFIG = 4;
const DECODER_SPECIFIC = 5;
const ES = 3;

export interface VideoDescription {
  readonly kind: "avc" | "hevc";
  readonly width: number;
  readonly height: number;
  /** AVCDecoderConfigurationRecord or HEVCDecoderConfigurationRecord. */
  readonly config: Bytes;
}

export interface AudioDescription {
  readonly kind: "aac" | "flac" | "opus";
  readonly channels: number;
  readonly rate: number;
  /** AudioSpecificConfig; `fLaC` and FLAC's metadata blocks; or `OpusHead` (RFC 7845 section 5.1). */
  readonly config: Bytes;
}

function entryOf(init: Bytes): Box {
  const stsd = find(boxes(init), "moov", "trak", "mdia", "minf", "stbl", "stsd");
  const entry = boxes(stsd.body.subarray(8))[0];
  if (!entry) throw new MediaError(t("a track without a sample description"));
  return entry;
}

function view(bytes: Bytes): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Raises MediaError for a codec no MP4 file of ours holds. */
export function describeVideo(init: Bytes): VideoDescription {
  const { kind, body } = entryOf(init);
  const [width, height] = [view(body).getUint16(24), view(body).getUint16(26)];
  const inner = boxes(body.subarray(VIDEO_ENTRY_BYTES));
  if (/^avc[13]$/.test(kind)) return { kind: "avc", width, height, config: find(inner, "avcC").body };
  if (/^(hvc1|hev1)$/.test(kind)) return { kind: "hevc", width, height, config: find(inner, "hvcC").body };
  throw new MediaError(t("no clip can be written of {kind}", { kind }));
}

/** Raises MediaError for a codec no MP4 file of ours holds. */
export function describeAudio(init: Bytes): AudioDescription {
  const { kind, body } = entryOf(init);
  const channels = view(body).getUint16(16);
  const rate = view(find(boxes(init), "moov", "trak", "mdia", "mdhd").body).getUint32(12);
  const inner = boxes(body.subarray(AUDIO_ENTRY_BYTES));
  if (kind === "mp4a") return { kind: "aac", channels, rate, config: specificConfig(find(inner, "esds").body.subarray(4)) };
  if (kind === "fLaC") return { kind: "flac", channels, rate, config: concat(ascii("fLaC"), find(inner, "dfLa").body.subarray(4)) };
  if (kind === "Opus") return { kind: "opus", channels, rate, config: opusHead(find(inner, "dOps").body) };
  throw new MediaError(t("no clip can be written of {kind}", { kind }));
}

/** The header Ogg has, out of the one MP4 has: the same fields, little-endian, behind a name and as version 1. */
function opusHead(box: Bytes): Bytes {
  const from = view(box);
  const head = new Uint8Array(11);
  const to = view(head);
  to.setUint8(0, 1);
  to.setUint8(1, from.getUint8(1));
  to.setUint16(2, from.getUint16(2), true);
  to.setUint32(4, from.getUint32(4), true);
  to.setInt16(8, from.getInt16(8), true);
  return concat(ascii("OpusHead"), head);
}

/** AudioSpecificConfig out of an ES descriptor (ISO/IEC 14496-1 7.2.6). */
function specificConfig(bytes: Bytes): Bytes {
  const es = descriptor(bytes, ES);
  const flags = es[2] ?? 0;
  const skipped = 3 + (flags & 0x80 ? 2 : 0) + (flags & 0x40 ? 1 + (es[3] ?? 0) : 0) + (flags & 0x20 ? 2 : 0);
  const decoder = descriptor(es.subarray(skipped), DECODER_CONFIG);
  return descriptor(decoder.subarray(13), DECODER_SPECIFIC);
}

/** Contents of the descriptor that begins `bytes`. */
function descriptor(bytes: Bytes, tag: number): Bytes {
  if (bytes[0] !== tag) throw new MediaError(t("an AAC track without its configuration"));
  let length = 0;
  let at = 1;
  for (let more = true; more && at < 5; at++) {
    const byte = bytes[at] ?? 0;
    length = length * 128 + (byte & 127);
    more = byte >= 128;
  }
  return bytes.subarray(at, at + length);
}
