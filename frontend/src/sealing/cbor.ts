/** Canonical CBOR of SPEC 1.1: RFC 8949 core deterministic encoding, a closed set of types, everything else refused. */
import { concat, type Bytes } from "./bytes";
import { SealingError } from "./errors";

/** Integers are numbers where exact, bigint beyond 2^53. */
export type CborInt = number | bigint;
export type CborKey = CborInt;
export type Cbor = CborInt | Bytes | string | boolean | null | Cbor[] | CborMap | Tagged;
export type CborMap = Map<CborKey, Cbor>;

/** The one tag there is: 18, COSE_Sign1. */
export class Tagged {
  constructor(
    readonly tag: number,
    readonly value: Cbor,
  ) {}
}

export const COSE_SIGN1_TAG = 18;
const DEPTH_MAX = 16;
const BYTES_MAX = 1024 * 1024;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8Encoder = new TextEncoder();

function refuse(detail: string): never {
  throw new SealingError("not-canonical", detail);
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const difference = (a[i] as number) - (b[i] as number);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(
    private readonly input: Uint8Array,
    private readonly tag: boolean,
  ) {
    this.view = new DataView(input.buffer, input.byteOffset, input.byteLength);
  }

  document(): Cbor {
    const value = this.item(1);
    if (this.at !== this.input.length) refuse("bytes after the end");
    return value;
  }

  private need(count: number): number {
    const at = this.at;
    if (count > this.input.length - at) refuse("ends too early");
    this.at = at + count;
    return at;
  }

  /** The argument of an initial byte, in its shortest form only. */
  private argument(info: number): CborInt {
    if (info < 24) return info;
    if (info === 24) {
      const value = this.view.getUint8(this.need(1));
      return value < 24 ? refuse("an integer that is not shortest") : value;
    }
    if (info === 25) {
      const value = this.view.getUint16(this.need(2));
      return value < 0x100 ? refuse("an integer that is not shortest") : value;
    }
    if (info === 26) {
      const value = this.view.getUint32(this.need(4));
      return value < 0x10000 ? refuse("an integer that is not shortest") : value;
    }
    if (info === 27) {
      const value = this.view.getBigUint64(this.need(8));
      if (value < 0x1_0000_0000n) refuse("an integer that is not shortest");
      return value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : value;
    }
    return refuse(info === 31 ? "an indefinite length" : "a reserved length");
  }

  private length(info: number): number {
    const value = this.argument(info);
    if (typeof value === "bigint" || value > this.input.length) refuse("ends too early");
    return value;
  }

  private item(depth: number): Cbor {
    const initial = this.view.getUint8(this.need(1));
    const info = initial & 31;
    switch (initial >> 5) {
      case 0:
        return this.argument(info);
      case 1:
        return negative(this.argument(info));
      case 2: {
        const length = this.length(info);
        const at = this.need(length);
        return this.input.slice(at, at + length) as Bytes;
      }
      case 3:
        return this.text(info);
      case 4:
        return this.array(info, depth);
      case 5:
        return this.map(info, depth);
      case 6:
        return this.tagged(info, depth);
      default:
        return this.simple(initial);
    }
  }

  private text(info: number): string {
    const length = this.length(info);
    const at = this.need(length);
    try {
      return utf8.decode(this.input.subarray(at, at + length));
    } catch {
      return refuse("text that is not UTF-8");
    }
  }

  private array(info: number, depth: number): Cbor[] {
    if (depth > DEPTH_MAX) refuse("nested too deep");
    const out: Cbor[] = [];
    const length = this.length(info);
    for (let i = 0; i < length; i++) out.push(this.item(depth + 1));
    return out;
  }

  private map(info: number, depth: number): CborMap {
    if (depth > DEPTH_MAX) refuse("nested too deep");
    const out: CborMap = new Map();
    const length = this.length(info);
    let before: Uint8Array | null = null;
    for (let i = 0; i < length; i++) {
      const start = this.at;
      const key = this.item(depth + 1);
      if (typeof key !== "number" && typeof key !== "bigint") refuse("a map key that is not an integer");
      const encoded = this.input.subarray(start, this.at);
      if (before && compareBytes(before, encoded) >= 0) refuse("map keys repeated or not in order");
      before = encoded;
      out.set(key, this.item(depth + 1));
    }
    return out;
  }

  private tagged(info: number, depth: number): Tagged {
    const tag = this.argument(info);
    if (!this.tag || depth !== 1 || tag !== COSE_SIGN1_TAG) refuse("a tag");
    return new Tagged(COSE_SIGN1_TAG, this.item(depth));
  }

  private simple(initial: number): Cbor {
    switch (initial) {
      case 0xf4:
        return false;
      case 0xf5:
        return true;
      case 0xf6:
        return null;
      default:
        return refuse("a float or a simple value");
    }
  }
}

function negative(argument: CborInt): CborInt {
  const value = -1n - BigInt(argument);
  return value >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(value) : value;
}

/**
 * Reads one canonical item. `tag`: the outermost item may be a COSE_Sign1 (tag 18).
 * Raises `not-canonical` for everything SPEC 1.1 refuses.
 */
export function decode(input: Uint8Array, options: { tag?: boolean; maxBytes?: number } = {}): Cbor {
  if (input.length > (options.maxBytes ?? BYTES_MAX)) refuse("longer than the limit");
  return new Reader(input, options.tag ?? false).document();
}

function head(major: number, argument: CborInt): Bytes {
  const value = BigInt(argument);
  if (value < 24n) return new Uint8Array([(major << 5) | Number(value)]);
  const size = value < 0x100n ? 1 : value < 0x10000n ? 2 : value < 0x1_0000_0000n ? 4 : 8;
  if (value >= 1n << 64n) refuse("an integer beyond 64 bits");
  const out = new Uint8Array(1 + size);
  out[0] = (major << 5) | { 1: 24, 2: 25, 4: 26, 8: 27 }[size]!;
  for (let i = 0; i < size; i++) out[size - i] = Number((value >> BigInt(8 * i)) & 0xffn);
  return out;
}

/** Canonical encoding; raises `not-canonical` for what cannot be said (fractions, floats, integers beyond 64 bits). */
export function encode(value: Cbor): Bytes {
  if (typeof value === "number" || typeof value === "bigint") {
    if (typeof value === "number" && !Number.isSafeInteger(value)) refuse("a number that is not an exact integer");
    return value >= 0 ? head(0, value) : head(1, -1n - BigInt(value));
  }
  if (value === null) return new Uint8Array([0xf6]);
  if (typeof value === "boolean") return new Uint8Array([value ? 0xf5 : 0xf4]);
  if (typeof value === "string") {
    const text = utf8Encoder.encode(value);
    return concat(head(3, text.length), text);
  }
  if (value instanceof Uint8Array) return concat(head(2, value.length), value);
  if (Array.isArray(value)) return concat(head(4, value.length), ...value.map(encode));
  if (value instanceof Tagged) return concat(head(6, value.tag), encode(value.value));
  const rows = [...value].map(([key, item]) => [encode(key), encode(item)] as const);
  rows.sort((a, b) => compareBytes(a[0], b[0]));
  return concat(head(5, rows.length), ...rows.flat());
}
