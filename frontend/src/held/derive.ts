/** What follows from the vault secret, and key pairs of raw private halves. Pure. */
import { concat, fromBase64Url, fromHex, type Bytes } from "../sealing/bytes";
import { encode, type Cbor } from "../sealing/cbor";
import type { RootSigner } from "../sealing/cose";
import { boxKeyId, type BoxKeys } from "../sealing/envelope";

/** 0: picture, 1: sound. */
export type KeyKind = 0 | 1;

export const PICTURE: KeyKind = 0;
export const SOUND: KeyKind = 1;

const PKCS8_X25519 = fromHex("302e020100300506032b656e04220420");
const PKCS8_ED25519 = fromHex("302e020100300506032b657004220420");

/** HKDF-SHA256 with an empty salt, 32 bytes; `info` as canonical CBOR. */
export async function derive(secret: Bytes, info: Cbor): Promise<Bytes> {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const parameters = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info: encode(info) };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
}

/** Seed of the root (Ed25519) of a vault. */
export function rootSeed(vault: Bytes): Promise<Bytes> {
  return derive(vault, ["vsaas-held-root-v1"]);
}

/** Private half of the tenant recipient (X25519). */
export function recipientPrivate(vault: Bytes, epoch: number): Promise<Bytes> {
  return derive(vault, ["vsaas-held-recipient-v1", epoch]);
}

/** Private half of a camera key (X25519). */
export function cameraPrivate(vault: Bytes, camera: Bytes, kind: KeyKind, epoch: number): Promise<Bytes> {
  return derive(vault, ["vsaas-held-camera-v1", camera, kind, epoch]);
}

/** The X25519 pair of a raw private half; the private key it gives cannot be exported. */
export async function boxKeys(privateBytes: Bytes): Promise<BoxKeys> {
  const publicBytes = await publicHalf(PKCS8_X25519, privateBytes, { name: "X25519" }, "deriveBits");
  const pkcs8 = concat(PKCS8_X25519, privateBytes);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
  pkcs8.fill(0);
  const publicKey = await crypto.subtle.importKey("raw", publicBytes, { name: "X25519" }, true, []);
  return { pair: { privateKey, publicKey }, publicBytes, kid: await boxKeyId(publicBytes) };
}

/** Public half (32 bytes) of an X25519 private half. */
export function boxPublic(privateBytes: Bytes): Promise<Bytes> {
  return publicHalf(PKCS8_X25519, privateBytes, { name: "X25519" }, "deriveBits");
}

/** The root that signs, of its seed; the private key it gives cannot be exported. */
export async function signer(seed: Bytes): Promise<RootSigner> {
  const publicBytes = await publicHalf(PKCS8_ED25519, seed, { name: "Ed25519" }, "sign");
  const pkcs8 = concat(PKCS8_ED25519, seed);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "Ed25519" }, false, ["sign"]);
  pkcs8.fill(0);
  return { privateKey, publicBytes };
}

async function publicHalf(prefix: Bytes, privateBytes: Bytes, algorithm: Algorithm, use: KeyUsage): Promise<Bytes> {
  const pkcs8 = concat(prefix, privateBytes);
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, algorithm, true, [use]);
  pkcs8.fill(0);
  return fromBase64Url((await crypto.subtle.exportKey("jwk", key)).x);
}
