/** A person's own key: made, wrapped under each of its ways, opened by one of them. Pure but for randomness. */
import { argon2idAsync } from "@noble/hashes/argon2.js";
import { concat, equal, uuidBytes, type Bytes } from "../sealing/bytes";
import { encode } from "../sealing/cbor";
import { boxKeyId } from "../sealing/envelope";
import { boxPublic, derive } from "./derive";

export interface Owner {
  /** UUIDs as text. */
  readonly tenant: string;
  readonly account: string;
}

export interface Argon2Cost {
  readonly m_kib: number;
  readonly t: number;
  readonly p: number;
}

export const ARGON2_COST: Argon2Cost = { m_kib: 65536, t: 3, p: 1 };
export const SALT_BYTES = 16;
export const PRF_SALT_BYTES = 32;

const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const KEY_BYTES = 32;
/** The most that a way may ask of this device: what the portal stores is not to stop a browser. */
const COST_MOST: Argon2Cost = { m_kib: 1 << 20, t: 16, p: 4 };

/** The way does not open the key: another passphrase, or what is stored was altered. */
export class WayRefused extends Error {
  override readonly name = "WayRefused";
}

/** KEK of a passphrase: Argon2id over its NFKC form in UTF-8. Takes about a second; `progress` is told from 0 to 1. */
export async function passphraseKek(
  passphrase: string,
  salt: Bytes,
  cost: Argon2Cost = ARGON2_COST,
  progress: (part: number) => void = () => undefined,
): Promise<Bytes> {
  if (cost.m_kib > COST_MOST.m_kib || cost.t > COST_MOST.t || cost.p > COST_MOST.p) {
    throw new WayRefused("the way asks for more work than this page does");
  }
  const options = { m: cost.m_kib, t: cost.t, p: cost.p, dkLen: KEY_BYTES, onProgress: progress };
  return new Uint8Array(await argon2idAsync(new TextEncoder().encode(passphrase.normalize("NFKC")), salt, options));
}

/** KEK of a passkey: from the first output of its PRF for the way's salt. */
export function passkeyKek(prf: Bytes): Promise<Bytes> {
  return derive(prf, ["vsaas-own-key-prf-v1"]);
}

async function wrappingKey(kek: Bytes, use: "encrypt" | "decrypt"): Promise<CryptoKey> {
  return crypto.subtle.importKey("raw", kek, "AES-GCM", false, [use]);
}

function boundTo(owner: Owner, kid: Bytes): Bytes {
  return encode(["vsaas-own-key-v1", uuidBytes(owner.tenant), uuidBytes(owner.account), kid]);
}

/** Nonce ‖ AES-256-GCM of the private half, bound to tenant, account and the key's id. */
export async function wrapOwnKey(privateBytes: Bytes, kek: Bytes, owner: Owner): Promise<Bytes> {
  const kid = await boxKeyId(await boxPublic(privateBytes));
  const iv = crypto.getRandomValues(new Uint8Array(NONCE_BYTES));
  return concat(iv, await sealUnder(kek, iv, privateBytes, boundTo(owner, kid)));
}

async function sealUnder(kek: Bytes, iv: Bytes, plain: Bytes, additionalData: Bytes): Promise<Bytes> {
  const key = await wrappingKey(kek, "encrypt");
  return new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv, additionalData }, key, plain));
}

/** The private half, which must belong to `publicBytes`. Raises WayRefused. */
export async function unwrapOwnKey(wrapped: Bytes, kek: Bytes, owner: Owner, publicBytes: Bytes): Promise<Bytes> {
  if (wrapped.length !== NONCE_BYTES + KEY_BYTES + TAG_BYTES) throw new WayRefused("a wrapped key has 60 bytes");
  const iv = wrapped.slice(0, NONCE_BYTES);
  const additionalData = boundTo(owner, await boxKeyId(publicBytes));
  const key = await wrappingKey(kek, "decrypt");
  let plain: ArrayBuffer;
  try {
    plain = await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, wrapped.slice(NONCE_BYTES));
  } catch (error) {
    if (error instanceof DOMException) throw new WayRefused("this does not open the key");
    throw error;
  }
  const opened = new Uint8Array(plain);
  if (!equal(await boxPublic(opened), publicBytes)) throw new WayRefused("the key that opened is another one");
  return opened;
}
