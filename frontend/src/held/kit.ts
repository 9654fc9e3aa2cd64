/**
 * The recovery kit: the vault secret split two of three (Shamir over GF(2^8)), each share as text to be printed and typed.
 *
 * A share's text is Crockford base32 of 42 bytes in 17 groups of four: version and number of the sheet (one byte, 1x), set (4
 * bytes, the same on the sheets of one kit), share (33 bytes), first 4 bytes of SHA-256("vsaas-kit-v1" ‖ all before).
 */
import { combine, split } from "shamir-secret-sharing";
import { ascii, concat, equal, hex, sha256, type Bytes } from "../sealing/bytes";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const VERSION = 1;
const SHEETS = 3;
const NEEDED = 2;
const SET_BYTES = 4;
const SHARE_BYTES = 33;
const CHECK_BYTES = 4;
const BYTES = 1 + SET_BYTES + SHARE_BYTES + CHECK_BYTES;
const GROUP = 4;
export const LETTERS = Math.ceil((BYTES * 8) / 5);

export interface Sheet {
  /** 1 to 3. */
  readonly number: number;
  /** 8 hex digits, the same on all sheets of a kit. */
  readonly set: string;
  readonly share: Bytes;
}

export type KitFault = "letters" | "length" | "checksum" | "version" | "sets" | "same";

/** What was typed is no sheet, or the two do not belong together; `fault` says how. */
export class KitError extends Error {
  override readonly name = "KitError";

  constructor(readonly fault: KitFault) {
    super(fault);
  }
}

/** Three sheets of a secret of 32 bytes, any two of which give it back. */
export async function makeKit(secret: Bytes): Promise<Sheet[]> {
  const set = hex(crypto.getRandomValues(new Uint8Array(SET_BYTES)));
  const shares = await split(secret, SHEETS, NEEDED);
  return shares.map((share, i) => ({ number: i + 1, set, share: new Uint8Array(share) }));
}

/** The secret of two different sheets of one kit. Raises KitError. Whether it is the right one, only its public keys say. */
export async function openKit(a: Sheet, b: Sheet): Promise<Bytes> {
  if (a.set !== b.set) throw new KitError("sets");
  if (a.number === b.number || equal(a.share, b.share)) throw new KitError("same");
  return new Uint8Array(await combine([a.share, b.share]));
}

function check(body: Bytes): Promise<Bytes> {
  return sha256(ascii("vsaas-kit-v1"), body).then((digest) => digest.slice(0, CHECK_BYTES));
}

/** The sheet as it is printed: groups of four letters and digits. */
export async function sheetText(sheet: Sheet): Promise<string> {
  const set = new Uint8Array((sheet.set.match(/../g) ?? []).map((pair) => parseInt(pair, 16)));
  const body = concat(new Uint8Array([(VERSION << 4) | sheet.number]), set, sheet.share);
  const letters = toBase32(concat(body, await check(body)));
  return (letters.match(new RegExp(`.{1,${GROUP}}`, "g")) ?? []).join(" ");
}

/** What somebody typed, spaces and hyphens as they like, O for 0, I and L for 1. Raises KitError. */
export async function readSheet(typed: string): Promise<Sheet> {
  const bytes = fromBase32(typed.toUpperCase().replace(/[\s\u2010-\u2015-]/g, "").replaceAll("O", "0").replace(/[IL]/g, "1"));
  const body = bytes.slice(0, BYTES - CHECK_BYTES);
  if (!equal(bytes.slice(BYTES - CHECK_BYTES), await check(body))) throw new KitError("checksum");
  const [first] = body as unknown as [number];
  const number = first & 15;
  if (first >> 4 !== VERSION || number < 1 || number > SHEETS) throw new KitError("version");
  return { number, set: hex(body.slice(1, 1 + SET_BYTES)), share: body.slice(1 + SET_BYTES) };
}

function toBase32(bytes: Bytes): string {
  let out = "";
  let bits = 0;
  let held = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    for (bits += 8; bits >= 5; bits -= 5) out += ALPHABET[(held >> (bits - 5)) & 31];
    held &= (1 << bits) - 1;
  }
  return bits > 0 ? out + ALPHABET[(held << (5 - bits)) & 31] : out;
}

function fromBase32(letters: string): Bytes {
  const out = new Uint8Array(BYTES);
  let bits = 0;
  let held = 0;
  let at = 0;
  for (const letter of letters) {
    const value = ALPHABET.indexOf(letter);
    if (value < 0) throw new KitError("letters");
    held = (held << 5) | value;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = held >> bits;
    }
    held &= (1 << bits) - 1;
  }
  if (letters.length !== LETTERS) throw new KitError("length");
  if (held !== 0) throw new KitError("checksum");
  return out;
}
