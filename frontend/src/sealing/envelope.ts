/** Envelopes (SPEC 3.2): a key sealed to one recipient by HPKE, everything it is for bound in `info`. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { ascii, sha256, uuidBytes, type Bytes } from "./bytes";
import { decode, encode, type Cbor } from "./cbor";
import { SealingError } from "./errors";
import { array, bad, Fields, integer, octets, same, TIME_US_MAX } from "./fields";
import {
  HPKE_SUITE_1,
  PURPOSE_CAMERA_SHARE,
  PURPOSE_CAMERA_SOURCE,
  PURPOSE_LIVE,
  PURPOSE_REC,
  PURPOSE_RELEASE,
  PURPOSE_VAULT_SHARE,
  TAG_BYTES,
} from "./registry";

const ENC_BYTES = 32;
const ENVELOPE_BYTES_MAX = 8192;
const RENDITION_CLASSES = [1, 2, 3, 0x83];

/** A recipient's X25519 key pair; the private half stays non-extractable. */
export interface BoxKeys {
  readonly pair: CryptoKeyPair;
  readonly publicBytes: Bytes;
  readonly kid: Bytes;
}

export interface Envelope {
  readonly infoBytes: Bytes;
  readonly purpose: number;
  readonly tenant: Bytes;
  readonly scope: Cbor[];
  readonly keyId: Bytes;
  readonly recipient: Bytes;
  readonly epoch: number;
  readonly release: { readonly session: Bytes; readonly account: Bytes; readonly expiresUs: number } | null;
  readonly sealed: Bytes;
}

/** What an opener expects of an envelope; every field it names is compared before opening. */
export interface Expected {
  readonly purpose: number;
  readonly tenant: Bytes;
  readonly scope: Cbor[];
  readonly keyId?: Bytes;
  /** Whom it is for; without it, the opener. */
  readonly recipient?: Bytes;
  readonly epoch?: number;
  readonly release?: { readonly session: Bytes; readonly account: Bytes; readonly expiresUs?: number };
}

function suite(): CipherSuite {
  return new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
}

/** First 16 bytes of SHA-256("vsaas-box-v1" ‖ raw X25519 public key). */
export async function boxKeyId(publicBytes: Bytes): Promise<Bytes> {
  return (await sha256(ascii("vsaas-box-v1"), publicBytes)).slice(0, 16);
}

/** A fresh X25519 pair whose private half cannot be exported. */
export async function generateBoxKeys(): Promise<BoxKeys> {
  const pair = (await crypto.subtle.generateKey({ name: "X25519" }, false, ["deriveBits"])) as CryptoKeyPair;
  const publicBytes = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  return { pair, publicBytes, kid: await boxKeyId(publicBytes) };
}

/**
 * Takes an envelope apart without opening it: nothing is proven until it opens.
 * Raises `bad-length`, `not-canonical`, `bad-field`, `unknown-critical`, `unknown-suite`.
 */
export function parseEnvelope(encoded: Bytes): Envelope {
  if (encoded.length > ENVELOPE_BYTES_MAX) throw new SealingError("bad-length", "the envelope is too long");
  const outer = new Fields(decode(encoded), "envelope");
  const infoMap = outer.take(1);
  const info = new Fields(infoMap, "envelope");
  if (info.text(1, 32) !== "vsaas-env-v1") throw new SealingError("unknown-suite", "an envelope of another version");
  const purpose = info.integer(2, 1, 6);
  const suiteId = info.integer(3);
  if (suiteId !== HPKE_SUITE_1) throw new SealingError("unknown-suite", `sealed with suite ${suiteId}`);
  const body = {
    purpose,
    tenant: info.uuid(4),
    scope: parseScope(purpose, info.take(5)),
    keyId: info.octets(6, 16),
    recipient: info.octets(7, 16),
    epoch: info.integer(8),
    release: info.has(9) ? parseRelease(info.take(9)) : null,
  };
  if ((body.release !== null) !== (purpose === PURPOSE_RELEASE)) {
    throw bad("envelope", "must name session, account and expiry if, and only if, it is a release");
  }
  info.doneWithout();
  const sealed = outer.blob(2, ENC_BYTES + TAG_BYTES + 1, ENVELOPE_BYTES_MAX);
  outer.doneWithout();
  return { ...body, infoBytes: encode(infoMap), sealed };
}

/** Lengths and types of a scope fit its purpose. Raises `bad-field`. */
function parseScope(purpose: number, value: Cbor): Cbor[] {
  const items = array(value, "envelope: scope", 1, 4);
  octets(items[0], purpose === PURPOSE_VAULT_SHARE ? "envelope: vault" : "envelope: camera", 16);
  if ((purpose === PURPOSE_CAMERA_SOURCE || purpose === PURPOSE_VAULT_SHARE) && items.length === 1) return items;
  if (purpose === PURPOSE_CAMERA_SHARE && items.length === 3) {
    integer(items[1], "envelope: kind of camera key", 0, 1);
    integer(items[2], "envelope: epoch", 1);
    return items;
  }
  if (purpose === PURPOSE_REC && items.length === 3) {
    if (!RENDITION_CLASSES.includes(integer(items[1], "envelope: rendition class", 1, 0x83))) {
      throw bad("envelope: rendition class", "does not exist");
    }
    integer(items[2], "envelope: period start", 0, TIME_US_MAX);
    return items;
  }
  if (purpose === PURPOSE_RELEASE && items.length === 3) {
    octets(items[1], "envelope: segment", 16);
    integer(items[2], "envelope: rendition", 1, 7);
    return items;
  }
  if ((purpose === PURPOSE_LIVE || purpose === PURPOSE_RELEASE) && items.length === 4) {
    integer(items[1], "envelope: stream", 1, 2);
    integer(items[2], "envelope: rendition", 1, 7);
    octets(items[3], "envelope: publish id", 16);
    return items;
  }
  throw bad("envelope: scope", "does not fit the purpose");
}

function parseRelease(value: Cbor): NonNullable<Envelope["release"]> {
  const fields = new Fields(value, "release");
  const release = { session: fields.octets(1, 16), account: fields.uuid(2), expiresUs: fields.timeUs(3) };
  fields.doneWithout();
  return release;
}

function mismatch(envelope: Envelope, expected: Expected, recipient: Bytes): string | null {
  const differs = (a: Cbor, b: Cbor | undefined): boolean => b !== undefined && !same(a, b);
  if (envelope.purpose !== expected.purpose) return "purpose";
  if (differs(envelope.tenant, expected.tenant)) return "tenant";
  if (differs(envelope.scope, expected.scope)) return "scope";
  if (differs(envelope.keyId, expected.keyId)) return "key id";
  if (differs(envelope.recipient, expected.recipient ?? recipient)) return "recipient";
  if (differs(envelope.epoch, expected.epoch)) return "epoch";
  const wanted = expected.release;
  if (!wanted || !envelope.release) return wanted || envelope.release ? "release" : null;
  if (differs(envelope.release.session, wanted.session)) return "session";
  if (differs(envelope.release.account, wanted.account)) return "account";
  if (differs(envelope.release.expiresUs, wanted.expiresUs)) return "expiry";
  return null;
}

/** Compares every field with what is expected, then opens. Raises `wrong-envelope`; returns the raw key (32 bytes). */
export async function openEnvelope(envelope: Envelope, expected: Expected, keys: BoxKeys): Promise<Bytes> {
  const field = mismatch(envelope, expected, keys.kid);
  if (field) throw new SealingError("wrong-envelope", `the envelope's ${field} is another one than expected`);
  const enc = envelope.sealed.slice(0, ENC_BYTES);
  const ciphertext = envelope.sealed.slice(ENC_BYTES);
  try {
    const key = await suite().open({ recipientKey: keys.pair, enc, info: envelope.infoBytes }, ciphertext);
    return new Uint8Array(key as ArrayBuffer);
  } catch {
    throw new SealingError("wrong-envelope", "the envelope does not open: it was altered or is meant for someone else");
  }
}

/** What an envelope to be sealed is bound to: all of it stands in clear beside what is sealed. No releases: the portal makes those. */
export interface EnvelopeInfo {
  readonly purpose: number;
  readonly tenant: Bytes;
  readonly scope: Cbor[];
  readonly keyId: Bytes;
  readonly epoch: number;
}

/** Seals a key of 32 bytes to a raw X25519 public key. Raises `bad-field` for a scope or a key that cannot be. */
export async function sealEnvelope(info: EnvelopeInfo, secret: Bytes, recipientPublic: Bytes): Promise<Bytes> {
  if (secret.length !== 32) throw bad("envelope", "must hold a key of 32 bytes");
  parseScope(info.purpose, info.scope);
  const map = new Map<number, Cbor>([
    [1, "vsaas-env-v1"],
    [2, info.purpose],
    [3, HPKE_SUITE_1],
    [4, info.tenant],
    [5, info.scope],
    [6, info.keyId],
    [7, await boxKeyId(recipientPublic)],
    [8, info.epoch],
  ]);
  const hpke = suite();
  const recipientPublicKey = await hpke.kem.deserializePublicKey(recipientPublic);
  const { ct, enc } = await hpke.seal({ recipientPublicKey, info: encode(map) }, secret);
  const sealed = new Uint8Array(enc.byteLength + ct.byteLength);
  sealed.set(new Uint8Array(enc));
  sealed.set(new Uint8Array(ct), enc.byteLength);
  return encode(new Map<number, Cbor>([[1, map], [2, sealed]]));
}

/**
 * Opens the picture of a tried address: `enc ‖ ciphertext`, bound to this tenant, agent and order (`protocol/order.py`).
 * Raises `wrong-envelope`.
 */
export async function openPicture(
  sealed: Bytes,
  bound: { readonly tenant: string; readonly agent: string; readonly order: string },
  keys: BoxKeys,
): Promise<Bytes> {
  const ids = [bound.tenant, bound.agent, bound.order].map(uuidBytes);
  const info = encode(["vsaas-picture-v1", ...ids, keys.kid]);
  try {
    const enc = sealed.slice(0, ENC_BYTES);
    const plain = await suite().open({ recipientKey: keys.pair, enc, info }, sealed.slice(ENC_BYTES));
    return new Uint8Array(plain as ArrayBuffer);
  } catch {
    throw new SealingError("wrong-envelope", "the picture does not open: it was altered or is meant for someone else");
  }
}

/**
 * Opens a camera's password, sealed to the organisation's recipient: `enc ‖ ciphertext`, bound to this tenant, camera and change
 * (`protocol/passwords.py`). Raises `wrong-envelope`.
 */
export async function openPassword(
  sealed: Bytes,
  bound: { readonly tenant: string; readonly camera: string; readonly change: string },
  keys: BoxKeys,
): Promise<string> {
  const ids = [bound.tenant, bound.camera, bound.change].map(uuidBytes);
  const info = encode(["vsaas-password-v1", ...ids, keys.kid]);
  try {
    const enc = sealed.slice(0, ENC_BYTES);
    const plain = await suite().open({ recipientKey: keys.pair, enc, info }, sealed.slice(ENC_BYTES));
    return new TextDecoder("utf-8", { fatal: true }).decode(plain);
  } catch {
    throw new SealingError("wrong-envelope", "the password does not open: it was altered or is sealed to another key");
  }
}

/** The same for a key of 32 bytes, which is what every purpose but `camera source` seals. */
export async function openKey(envelope: Envelope, expected: Expected, keys: BoxKeys): Promise<Bytes> {
  const key = await openEnvelope(envelope, expected, keys);
  if (key.length !== 32) throw bad("envelope", "must hold a key of 32 bytes");
  return key;
}
