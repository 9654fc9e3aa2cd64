/** ITU-T G.711: 8-bit logarithmic samples to 16-bit linear ones. */
import { MediaError } from "./mp4";

function alaw(byte: number): number {
  const value = byte ^ 0x55;
  const exponent = (value >> 4) & 7;
  const mantissa = value & 15;
  const magnitude = exponent === 0 ? (mantissa << 4) + 8 : ((mantissa << 4) + 0x108) << (exponent - 1);
  return value & 0x80 ? magnitude : -magnitude;
}

function ulaw(byte: number): number {
  const value = ~byte & 0xff;
  const magnitude = ((((value & 15) << 3) + 0x84) << ((value >> 4) & 7)) - 0x84;
  return value & 0x80 ? -magnitude : magnitude;
}

const TABLES: Record<string, Int16Array> = {
  alaw: Int16Array.from({ length: 256 }, (_, byte) => alaw(byte)),
  ulaw: Int16Array.from({ length: 256 }, (_, byte) => ulaw(byte)),
};

/** Whether `codec` (SPEC section 6) is G.711, which no browser plays in Media Source. */
export function isG711(codec: string): boolean {
  return codec in TABLES;
}

export function decodeG711(codec: string, bytes: Uint8Array): Int16Array {
  const table = TABLES[codec];
  if (!table) throw new MediaError(`${codec} is not G.711`);
  return Int16Array.from(bytes, (byte) => table[byte] as number);
}
