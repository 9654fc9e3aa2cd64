/** Signed objects of SPEC 1.3: COSE_Sign1 with Ed25519, the purpose bound as external_aad. */
import { ascii, equal, sha256, type Bytes } from "./bytes";
import { decode, encode, Tagged, type Cbor } from "./cbor";
import { SealingError } from "./errors";
import { array, bad, blob, Fields, octets } from "./fields";

export const PURPOSES = [
  "vsaas-record-v1",
  "vsaas-statement-v1",
  "vsaas-command-v1",
  "vsaas-live-v1",
  "vsaas-tombstone-v1",
  "vsaas-order-v1",
  "vsaas-release-v1",
  "vsaas-commissioning-v1",
] as const;
export type Purpose = (typeof PURPOSES)[number];

const ALG_EDDSA = -8;
const SIGNED_BYTES_MAX = 1024 * 1024;

/** A signed object taken apart, its signature not yet checked. */
export interface SignedObject {
  readonly encoded: Bytes;
  readonly protectedHeader: Bytes;
  readonly kid: Bytes;
  readonly payload: Bytes;
  readonly signature: Bytes;
}

/** `kid` of an Ed25519 public key (SPEC 1.2). */
export async function keyId(publicKey: Bytes): Promise<Bytes> {
  return (await sha256(ascii("vsaas-key-v1"), publicKey)).slice(0, 16);
}

/** SHA-256 over the whole encoding, tag included: the hash records and statements link by. */
export function hashOf(signed: SignedObject): Promise<Bytes> {
  return sha256(signed.encoded);
}

/**
 * Takes a signed object apart; its signature is not checked yet.
 * Raises `bad-length`, `not-canonical`, `bad-field`, `unknown-critical` (protected header), `unknown-suite` (algorithm).
 */
export function parseSigned(encoded: Bytes, maxBytes = SIGNED_BYTES_MAX): SignedObject {
  if (encoded.length > maxBytes) {
    throw new SealingError("bad-length", `a signed object of this kind has at most ${maxBytes} bytes`);
  }
  const tagged = decode(encoded, { tag: true });
  if (!(tagged instanceof Tagged)) throw new SealingError("not-canonical", "a signed object begins with CBOR tag 18");
  const [first, unprotected, third, fourth] = array(tagged.value, "signed object", 4, 4);
  const protectedHeader = blob(first, "protected header", 0, maxBytes);
  const payload = blob(third, "payload", 0, maxBytes);
  if (!(unprotected instanceof Map) || unprotected.size > 0) throw bad("unprotected header", "must be an empty map");
  const header = new Fields(decode(protectedHeader), "protected header");
  const algorithm = header.integer(1, -65536, 65536);
  const kid = header.octets(4, 16);
  header.done();
  if (algorithm !== ALG_EDDSA) throw new SealingError("unknown-suite", `signature algorithm ${algorithm} is not known`);
  return { encoded, protectedHeader, kid, payload, signature: octets(fourth, "signature", 64) };
}

/** An Ed25519 key that signs; its private half need not be extractable. */
export interface RootSigner {
  readonly privateKey: CryptoKey;
  readonly publicBytes: Bytes;
}

/** The Ed25519 signature (64 bytes) over `data` itself. */
export async function signRaw(signer: RootSigner, data: Bytes): Promise<Bytes> {
  return new Uint8Array(await crypto.subtle.sign("Ed25519", signer.privateKey, data));
}

/** Whether `signature` is that of the raw `publicKey` over `data` itself. */
export async function verifyRaw(publicKey: Bytes, signature: Bytes, data: Bytes): Promise<boolean> {
  return crypto.subtle.verify("Ed25519", await importPublic(publicKey), signature, data);
}

/** The signed object over `payload` (canonical CBOR) for `purpose`. */
export async function signObject(payload: Bytes, purpose: Purpose, signer: RootSigner): Promise<Bytes> {
  const protectedHeader = encode(new Map<number, Cbor>([[1, ALG_EDDSA], [4, await keyId(signer.publicBytes)]]));
  const signature = await signRaw(signer, signatureInput({ protectedHeader, payload }, purpose));
  return encode(new Tagged(18, [protectedHeader, new Map(), payload, signature]));
}

function signatureInput(signed: Pick<SignedObject, "protectedHeader" | "payload">, purpose: Purpose): Bytes {
  return encode(["Signature1", signed.protectedHeader, ascii(purpose), signed.payload]);
}

async function holds(signed: SignedObject, purpose: Purpose, key: CryptoKey): Promise<boolean> {
  return crypto.subtle.verify("Ed25519", key, signed.signature, signatureInput(signed, purpose));
}

/**
 * Checks the signature of `signed` under the raw `publicKey` (32 bytes) for `purpose`.
 * Raises `bad-signature`, or `wrong-purpose` where the same key signed it for another purpose.
 */
export async function verifySigned(signed: SignedObject, purpose: Purpose, publicKey: Bytes): Promise<void> {
  if (!equal(signed.kid, await keyId(publicKey))) {
    throw new SealingError("bad-signature", "signed by another key than expected");
  }
  const key = await importPublic(publicKey);
  if (!(await holds(signed, purpose, key))) {
    for (const other of PURPOSES) {
      if (other !== purpose && (await holds(signed, other, key))) {
        throw new SealingError("wrong-purpose", `signed as ${other}, used as ${purpose}`);
      }
    }
    throw new SealingError("bad-signature", "the signature does not hold");
  }
}

/** The decoded payload of a signed object of at most `maxBytes`. */
export function payloadOf(signed: SignedObject, maxBytes = SIGNED_BYTES_MAX): Cbor {
  return decode(signed.payload, { maxBytes });
}

async function importPublic(publicKey: Bytes): Promise<CryptoKey> {
  try {
    return await crypto.subtle.importKey("raw", publicKey, "Ed25519", false, ["verify"]);
  } catch (error) {
    throw new SealingError("bad-signature", `not a usable Ed25519 key (${String(error)})`);
  }
}
