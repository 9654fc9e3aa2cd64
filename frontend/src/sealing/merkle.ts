/** Merkle root of a sealed part (SPEC 2.2): leaves of 16 sealed chunks, tree shape of RFC 6962 section 2.1. */
import { sha256, type Bytes } from "./bytes";
import { SealingError } from "./errors";
import { HEADER_BYTES, LEAF_BYTES, TAG_BYTES } from "./registry";

const LEAF_PREFIX = new Uint8Array([0]);
const NODE_PREFIX = new Uint8Array([1]);

/** How many leaves a sealed part of `length` bytes has. */
export function leafCount(length: number): number {
  if (length < HEADER_BYTES + TAG_BYTES) throw new SealingError("bad-length", `no sealed part has ${length} bytes`);
  return Math.floor((length - HEADER_BYTES - 1) / LEAF_BYTES) + 1;
}

/** Sealed bytes [from, to) of leaf `index` in a part of `length` bytes; leaf 0 holds the header too. */
export function leafRange(index: number, length: number): readonly [from: number, to: number] {
  const from = index === 0 ? 0 : HEADER_BYTES + index * LEAF_BYTES;
  return [from, Math.min(length, HEADER_BYTES + (index + 1) * LEAF_BYTES)];
}

export function leafHash(bytes: Bytes): Promise<Bytes> {
  return sha256(LEAF_PREFIX, bytes);
}

/** The leaf hashes of a whole sealed part. */
export async function leafHashes(sealed: Bytes): Promise<Bytes[]> {
  const jobs: Promise<Bytes>[] = [];
  for (let i = 0; i < leafCount(sealed.length); i++) jobs.push(leafHash(sealed.subarray(...leafRange(i, sealed.length))));
  return Promise.all(jobs);
}

/** Root over leaf hashes. Raises `bad-field` without a leaf. */
export async function merkleRoot(leaves: readonly Bytes[]): Promise<Bytes> {
  if (leaves.length === 0) throw new SealingError("bad-field", "a part has at least one leaf");
  if (leaves.length === 1) return leaves[0] as Bytes;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  const [left, right] = await Promise.all([merkleRoot(leaves.slice(0, split)), merkleRoot(leaves.slice(split))]);
  return sha256(NODE_PREFIX, left, right);
}
