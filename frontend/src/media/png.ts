/** Text in a PNG file (PNG specification, third edition, 11.3.3.4: iTXt). Pure. */
import { ascii, concat, type Bytes } from "../sealing/bytes";
import { u32 } from "./mp4";

const SIGNATURE_BYTES = 8;
const IHDR_BYTES = 25;
const CRC = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let i = 0; i < 8; i++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value >>> 0;
});

function crc32(bytes: Bytes): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (CRC[(crc ^ byte) & 255] as number) ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** An uncompressed UTF-8 text chunk. `keyword`: 1 to 79 Latin-1 characters. */
function textChunk(keyword: string, text: string): Bytes {
  const data = concat(ascii("iTXt"), ascii(keyword), new Uint8Array(5), new TextEncoder().encode(text));
  return concat(u32(data.length - 4), data, u32(crc32(data)));
}

/** The PNG with texts after its header; keywords as the specification registers them ("Title", "Creation Time", …). */
export function withTexts(png: Bytes, texts: readonly (readonly [keyword: string, text: string])[]): Bytes {
  const at = SIGNATURE_BYTES + IHDR_BYTES;
  return concat(png.subarray(0, at), ...texts.map(([keyword, text]) => textChunk(keyword, text)), png.subarray(at));
}
