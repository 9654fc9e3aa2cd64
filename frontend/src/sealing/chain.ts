/** Chains (SPEC section 4): accepting record after record, verifying from the genesis, and what is odd without being refused. */
import { equal, type Bytes } from "./bytes";
import { hashOf, keyId } from "./cose";
import { SealingError } from "./errors";
import { verifyRecord, type SignedRecord } from "./record";

const AHEAD_LIMIT_US = 300_000_000;
const LONGEST_SEGMENT_US = 900_000_000;

/** The newest record of a chain. */
export interface Tip {
  readonly chain: Bytes;
  readonly seq: number;
  readonly hash: Bytes;
}

/** What all records of a chain share; `signer` is the kid of the agent's record key. */
export interface ChainScope {
  readonly tenant: Bytes;
  readonly camera: Bytes;
  readonly stream: number;
  readonly chain: Bytes;
  readonly signer: Bytes;
}

export function scopeOf({ body, signed }: SignedRecord): ChainScope {
  return { tenant: body.tenant, camera: body.camera, stream: body.stream, chain: body.chain, signer: signed.kid };
}

/** Raises `wrong-scope` when the record belongs elsewhere, or a genesis names another key than the one that signed it. */
export async function checkScope(scope: ChainScope, record: SignedRecord): Promise<void> {
  const own = scopeOf(record);
  const together =
    equal(own.tenant, scope.tenant) &&
    equal(own.camera, scope.camera) &&
    own.stream === scope.stream &&
    equal(own.chain, scope.chain) &&
    equal(own.signer, scope.signer);
  if (!together) throw new SealingError("wrong-scope", "tenant, camera, stream, chain and key do not belong together");
  const { genesis } = record.body;
  if (genesis && !equal(await keyId(genesis.recordPublic), scope.signer)) {
    throw new SealingError("wrong-scope", "the genesis names another record key than the one that signed it");
  }
}

/**
 * The acceptance rule for a record whose signature and scope were checked. `stored`: hash of the record held at the same seq, where
 * that lies below the tip. Gives the new tip, or null for a record already known. Raises `fork`, `out-of-order`, `broken-chain`,
 * `no-genesis`.
 */
export async function accept(tip: Tip | null, record: SignedRecord, stored: Bytes | null = null): Promise<Tip | null> {
  const { body } = record;
  const hash = await hashOf(record.signed);
  if (!tip) {
    if (!body.genesis || body.seq !== 0) throw new SealingError("no-genesis", "a chain begins with a genesis, seq 0");
    if (body.prev.some((byte) => byte !== 0)) throw new SealingError("broken-chain", "a genesis has nothing before it");
    return { chain: body.chain, seq: 0, hash };
  }
  if (body.seq <= tip.seq) {
    const known = body.seq === tip.seq ? tip.hash : stored;
    if (known && !equal(known, hash)) throw new SealingError("fork", `another record stands at seq ${body.seq}`);
    return null;
  }
  if (body.seq > tip.seq + 1) throw new SealingError("out-of-order", `seq ${body.seq} came, ${tip.seq + 1} is next`);
  if (!equal(body.prev, tip.hash)) throw new SealingError("broken-chain", `seq ${body.seq} does not follow the one before`);
  if (body.genesis) throw new SealingError("broken-chain", `a genesis at seq ${body.seq}: only seq 0 begins a chain`);
  return { chain: body.chain, seq: body.seq, hash };
}

/**
 * Each record of a chain in order, once it is proven; raises at the first that is not. `partial`: the first record may stand in the
 * middle and is then the anchor.
 */
export async function* verifyChain(
  encoded: readonly Bytes[],
  recordPublic: Bytes,
  options: { readonly partial?: boolean } = {},
): AsyncGenerator<SignedRecord & { readonly tip: Tip }> {
  let tip: Tip | null = null;
  let scope: ChainScope | null = null;
  for (const bytes of encoded) {
    const record = await verifyRecord(bytes, recordPublic);
    scope ??= scopeOf(record);
    await checkScope(scope, record);
    if (!tip && options.partial && record.body.seq > 0) {
      tip = { chain: record.body.chain, seq: record.body.seq, hash: await hashOf(record.signed) };
    } else {
      tip = await accept(tip, record, await hashOf(record.signed));
      if (!tip) throw new SealingError("out-of-order", `seq ${record.body.seq} stands twice or too late`);
    }
    yield { ...record, tip };
  }
}

/** `unplaced` where a record's time cannot be right. `receivedUs`: when it was received, UTC. */
export function flags({ body }: SignedRecord, receivedUs: number): string[] {
  const latest = receivedUs + AHEAD_LIMIT_US;
  if (body.claimedUs > latest) return ["unplaced"];
  const span = body.segment ?? body.gap ?? body.event;
  if (!span) return [];
  const length = span.endUs - span.startUs;
  const tooLong = body.gap === null && length > LONGEST_SEGMENT_US;
  return length < 0 || tooLong || span.endUs > latest ? ["unplaced"] : [];
}
