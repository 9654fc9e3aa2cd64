/** Reading maps field by field: each parser states its fields, limits and errors in one place. Pure. */
import { equal, type Bytes } from "./bytes";
import { Tagged, type Cbor, type CborInt, type CborKey, type CborMap } from "./cbor";
import { SealingError } from "./errors";

/** Largest integer of the format (2^63 − 1), rounded to what a double can say. */
const INT_MAX = 2 ** 63;
/** The last microsecond of the year 9999: later times have no object name. */
export const TIME_US_MAX = 253_402_300_799_999_999n;

export function bad(what: string, why: string): SealingError {
  return new SealingError("bad-field", `${what} ${why}`);
}

/** `value` as an integer in [low, high]. Integers beyond 2^53 come rounded: only times since boot reach so far. */
export function integer(value: Cbor | undefined, what: string, low = 0, high: number | bigint = INT_MAX): number {
  if (typeof value !== "number" && typeof value !== "bigint") throw bad(what, "must be an integer");
  if (value < low || value > high || value >= 2n ** 63n) throw bad(what, `must be an integer from ${low} to ${high}`);
  return Number(value);
}

/** `value` as bytes, exactly `length` of them. */
export function octets(value: Cbor | undefined, what: string, length: number): Bytes {
  return blob(value, what, length, length);
}

export function blob(value: Cbor | undefined, what: string, low: number, high: number): Bytes {
  if (!(value instanceof Uint8Array) || value.length < low || value.length > high) {
    throw bad(what, low === high ? `must be ${low} bytes` : `must be ${low} to ${high} bytes`);
  }
  return value;
}

export function text(value: Cbor | undefined, what: string, maxBytes: number): string {
  if (typeof value !== "string" || new TextEncoder().encode(value).length > maxBytes) {
    throw bad(what, `must be text of at most ${maxBytes} bytes`);
  }
  return value;
}

export function array(value: Cbor | undefined, what: string, low: number, high: number): Cbor[] {
  if (!Array.isArray(value) || value.length < low || value.length > high) {
    throw bad(what, `must be an array of ${low} to ${high} items`);
  }
  return value;
}

/** The fields of one decoded map, taken one by one; `done` refuses what is left over. */
export class Fields {
  private readonly left: CborMap;

  constructor(
    value: Cbor | undefined,
    private readonly what: string,
  ) {
    if (!(value instanceof Map)) throw bad(what, "must be a map");
    this.left = new Map(value);
  }

  has(key: number): boolean {
    return this.left.has(key);
  }

  take(key: number): Cbor {
    const value = this.left.get(key);
    if (value === undefined) throw bad(this.name(key), "is missing");
    this.left.delete(key);
    return value;
  }

  integer(key: number, low = 0, high: number | bigint = INT_MAX): number {
    return integer(this.take(key), this.name(key), low, high);
  }

  /** The same without rounding beyond 2^53. */
  exact(key: number): CborInt {
    const value = this.take(key);
    integer(value, this.name(key));
    return value as CborInt;
  }

  timeUs(key: number): number {
    return this.integer(key, 0, TIME_US_MAX);
  }

  octets(key: number, length: number): Bytes {
    return octets(this.take(key), this.name(key), length);
  }

  uuid(key: number): Bytes {
    return this.octets(key, 16);
  }

  blob(key: number, low: number, high: number): Bytes {
    return blob(this.take(key), this.name(key), low, high);
  }

  text(key: number, maxBytes: number): string {
    return text(this.take(key), this.name(key), maxBytes);
  }

  array(key: number, low = 0, high = 65536): Cbor[] {
    return array(this.take(key), this.name(key), low, high);
  }

  /** Refuses unknown keys ≥ 0 (`unknown-critical`); gives the ignorable extensions, keys < 0. */
  done(): ReadonlyMap<CborKey, Cbor> {
    for (const key of this.left.keys()) {
      if (key >= 0) throw new SealingError("unknown-critical", `${this.name(key)} is not known to this version`);
    }
    return this.left;
  }

  /** The same where extensions have no place (`bad-field`). */
  doneWithout(): void {
    if (this.done().size > 0) throw bad(this.what, "holds extensions, which have no place there");
  }

  /** Refuses another version than 1 (`unknown-critical`). */
  version(key: number): void {
    if (this.integer(key) !== 1) throw new SealingError("unknown-critical", `${this.what}: unknown version`);
  }

  private name(key: CborKey): string {
    return `${this.what}: field ${key}`;
  }
}

/** Whether two decoded values are the same, byte for byte. */
export function same(a: Cbor | undefined, b: Cbor | undefined): boolean {
  if (a instanceof Uint8Array && b instanceof Uint8Array) return equal(a, b);
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (a instanceof Map && b instanceof Map) {
    return a.size === b.size && [...a].every(([key, item]) => b.has(key) && same(item, b.get(key)));
  }
  if (a instanceof Tagged && b instanceof Tagged) return a.tag === b.tag && same(a.value, b.value);
  return a === b;
}
