/** Tombstones (SPEC section 5): deletion by policy, signed by a deletion key the root states. */
import { equal, type Bytes } from "./bytes";
import { parseSigned, payloadOf, verifySigned } from "./cose";
import { SealingError } from "./errors";
import { array, Fields, integer, octets } from "./fields";
import type { Trust } from "./statement";

const POLICY_BYTES_MAX = 200;

export interface Tombstone {
  readonly tenant: Bytes;
  readonly camera: Bytes;
  readonly stream: number;
  /** Records first…last of a chain, inclusive. */
  readonly ranges: readonly { readonly chain: Bytes; readonly first: number; readonly last: number }[];
  readonly fromUs: number;
  readonly toUs: number;
  readonly policy: string;
  readonly deletedUs: number;
  readonly statementNumber: number;
  readonly segments: readonly Bytes[];
}

/** Raises `unknown-signer`, `bad-signature`, `wrong-purpose`, `wrong-scope` and what reading raises. */
export async function verifyTombstone(encoded: Bytes, trust: Trust): Promise<Tombstone> {
  const signed = parseSigned(encoded);
  const fields = new Fields(payloadOf(signed), "tombstone");
  fields.version(1);
  const tombstone = {
    ranges: fields.array(5).map((row) => {
      const [chain, first, last] = array(row, "tombstone: range", 3, 3);
      const begin = integer(first, "tombstone: first seq");
      const end = integer(last, "tombstone: last seq", begin);
      return { chain: octets(chain, "tombstone: chain", 16), first: begin, last: end };
    }),
    segments: fields.array(11).map((row) => octets(row, "tombstone: segment", 16)),
    tenant: fields.uuid(2),
    camera: fields.uuid(3),
    stream: fields.integer(4, 1, 2),
    fromUs: fields.timeUs(6),
    toUs: fields.timeUs(7),
    policy: fields.text(8, POLICY_BYTES_MAX),
    deletedUs: fields.timeUs(9),
    statementNumber: fields.integer(10),
  };
  fields.done();
  if (!equal(tombstone.tenant, trust.tenant)) {
    throw new SealingError("wrong-scope", "the tombstone belongs to another tenant");
  }
  const key = trust.deletionKeys.get(tombstone.statementNumber);
  if (!key) throw new SealingError("unknown-signer", `statement ${tombstone.statementNumber} states no deletion key`);
  await verifySigned(signed, "vsaas-tombstone-v1", key);
  return tombstone;
}
