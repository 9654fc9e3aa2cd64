/** Keys of SPEC section 3.1 and the contexts of sections 2.1 and 7. Derived keys are held as non-extractable CryptoKeys. */
import { ascii, concat, sha256, type Bytes } from "./bytes";
import { encode } from "./cbor";

/** A segment or session key, ready for HKDF-Expand-SHA-512; JavaScript cannot read it back. */
export type InputKey = CryptoKey & { readonly __brand?: "input-key" };

/** Takes the 32 raw bytes of a segment or session key into a non-extractable CryptoKey. */
export async function importInputKey(raw: Bytes): Promise<InputKey> {
  return crypto.subtle.importKey("raw", raw, { name: "HMAC", hash: "SHA-512" }, false, ["sign"]);
}

/** HKDF-Expand (RFC 5869 section 2.3) under a key imported for HMAC. */
export async function hkdfExpand(prk: CryptoKey, info: Bytes, length: number): Promise<Bytes> {
  let output: Bytes = new Uint8Array(0);
  let block: Bytes = new Uint8Array(0);
  for (let counter = 1; output.length < length; counter++) {
    const input = concat(block, info, new Uint8Array([counter]));
    block = new Uint8Array(await crypto.subtle.sign("HMAC", prk, input));
    output = concat(output, block);
  }
  return output.slice(0, length);
}

/** HKDF-Expand-SHA-256(period key, "seg-v1" ‖ segment uuid ‖ rendition, 32). */
export async function segmentKey(periodKey: Bytes, segment: Bytes, rendition: number): Promise<Bytes> {
  const prk = await crypto.subtle.importKey("raw", periodKey, { name: "HMAC", hash: "SHA-256" }, false, ["sign"]);
  return hkdfExpand(prk, concat(ascii("seg-v1"), segment, new Uint8Array([rendition])), 32);
}

/** SHA-256(key id ‖ period key). */
export function keyCommitment(keyIdBytes: Bytes, periodKey: Bytes): Promise<Bytes> {
  return sha256(keyIdBytes, periodKey);
}

export interface SegmentScope {
  readonly tenant: Bytes;
  readonly camera: Bytes;
  readonly stream: number;
  readonly segment: Bytes;
}

export function segmentContext(scope: SegmentScope, rendition: number, purpose: number): Bytes {
  return encode(["vsaas-seg-v1", scope.tenant, scope.camera, scope.stream, scope.segment, rendition, purpose]);
}

export interface LiveScope {
  readonly tenant: Bytes;
  readonly camera: Bytes;
  readonly stream: number;
  readonly publish: Bytes;
}

/** Context of a live fragment; of an init segment when counter and captureUs are null. */
export function liveContext(
  scope: LiveScope,
  rendition: number,
  counter: number | null,
  captureUs: number | null,
): Bytes {
  return encode([
    "vsaas-live-v1",
    scope.tenant,
    scope.camera,
    scope.stream,
    scope.publish,
    rendition,
    counter,
    captureUs,
  ]);
}
