/** FLAC in MP4 (RFC 9639; "Encapsulation of FLAC in ISO Base Media File Format"): verbatim and constant subframes, lossless. */
import { concat, type Bytes } from "../sealing/bytes";
import { syncFragment, audioInit, box, u32 } from "./mp4";

export const FLAC_MIME = 'audio/mp4; codecs="flac"';
const BLOCK = 4096;
const BLOCK_MIN = 16;

const CRC8 = Uint8Array.from({ length: 256 }, (_, byte) => crcEntry(byte, 8, 0x07));
const CRC16 = Uint16Array.from({ length: 256 }, (_, byte) => crcEntry(byte, 16, 0x8005));

function crcEntry(byte: number, bits: number, polynomial: number): number {
  const top = 1 << (bits - 1);
  let value = byte << (bits - 8);
  for (let i = 0; i < 8; i++) value = value & top ? (value << 1) ^ polynomial : value << 1;
  return value & ((1 << bits) - 1);
}

function crc8(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = CRC8[crc ^ byte] as number;
  return crc;
}

function crc16(bytes: Uint8Array): number {
  let crc = 0;
  for (const byte of bytes) crc = ((crc << 8) ^ (CRC16[(crc >> 8) ^ byte] as number)) & 0xffff;
  return crc;
}

/** FLAC's "coded number": UTF-8's scheme, up to 36 bits. */
function codedNumber(value: number): number[] {
  if (value < 0x80) return [value];
  const tail: number[] = [];
  let rest = value;
  let first = 0x3f;
  while (rest > first) {
    tail.unshift(0x80 | (rest % 64));
    rest = Math.floor(rest / 64);
    first >>= 1;
  }
  return [(~(first * 2 + 1) & 0xff) | rest, ...tail];
}

/** `ftyp moov` of a 16-bit FLAC track; timescale is the sampling rate. */
export function flacInit(rate: number, channels: number): Bytes {
  const info = new Uint8Array(34);
  const view = new DataView(info.buffer);
  view.setUint16(0, BLOCK_MIN);
  view.setUint16(2, BLOCK + BLOCK_MIN);
  // 20 bits rate, 3 bits channels − 1, 5 bits sample size − 1, 36 bits total samples (0: unknown)
  view.setUint32(10, ((rate << 12) | ((channels - 1) << 9) | (15 << 4)) >>> 0);
  const config = box("dfLa", u32(0), new Uint8Array([0x80, 0, 0, info.length]), info);
  return audioInit("fLaC", rate, channels, config);
}

function frame(sampleNumber: number, channels: number, length: number, subframes: readonly Bytes[]): Bytes {
  const head = new Uint8Array([
    0xff,
    0xf9, // variable block size: the coded number counts samples
    0x70, // block size in 16 bits below; rate from the stream info
    ((channels - 1) << 4) | (4 << 1), // independent channels of 16 bits
    ...codedNumber(sampleNumber % 2 ** 36),
    (length - 1) >> 8,
    (length - 1) & 255,
  ]);
  const body = concat(head, new Uint8Array([crc8(head)]), ...subframes);
  const crc = crc16(body);
  return concat(body, new Uint8Array([crc >> 8, crc & 255]));
}

/** Constant where every sample is the same, else verbatim. `pcm` is interleaved. */
function subframe(pcm: Int16Array, from: number, length: number, channel: number, channels: number): Bytes {
  const first = pcm[from * channels + channel] as number;
  let constant = true;
  const verbatim = new Uint8Array(1 + 2 * length);
  verbatim[0] = 0x02;
  for (let i = 0; i < length; i++) {
    const value = pcm[(from + i) * channels + channel] as number;
    constant &&= value === first;
    verbatim[1 + 2 * i] = (value >> 8) & 255;
    verbatim[2 + 2 * i] = value & 255;
  }
  return constant ? new Uint8Array([0, (first >> 8) & 255, first & 255]) : verbatim;
}

/** Lengths of the blocks that make `total` samples, none of them shorter than FLAC allows where that can be. */
function blockLengths(total: number): number[] {
  const out: number[] = [];
  for (let left = total; left > 0; ) {
    const length = left - BLOCK < BLOCK_MIN && left <= BLOCK + BLOCK_MIN ? left : BLOCK;
    out.push(length);
    left -= length;
  }
  return out;
}

/** A fragment of interleaved 16-bit samples; `decodeTime` counts samples. */
export function flacFragment(decodeTime: number, pcm: Int16Array, channels: number): Bytes {
  let at = 0;
  const samples = blockLengths(pcm.length / channels).map((length) => {
    const subframes = Array.from({ length: channels }, (_, channel) => subframe(pcm, at, length, channel, channels));
    const data = frame(decodeTime + at, channels, length, subframes);
    at += length;
    return { data, duration: length };
  });
  return syncFragment(decodeTime, samples);
}

/** A fragment of `length` silent samples: a few bytes a second. */
export function flacSilence(decodeTime: number, length: number, channels: number): Bytes {
  let at = 0;
  const samples = blockLengths(length).map((count) => {
    const subframes = Array.from({ length: channels }, () => new Uint8Array(3));
    const data = frame(decodeTime + at, channels, count, subframes);
    at += count;
    return { data, duration: count };
  });
  return syncFragment(decodeTime, samples);
}
