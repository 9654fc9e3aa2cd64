/** Statements of the tenant root (SPEC section 5): who may sign, from the fingerprint people compare. */
import { ascii, equal, hex, sha256, type Bytes } from "./bytes";
import { encode, type Cbor } from "./cbor";
import { hashOf, keyId, parseSigned, payloadOf, signObject, signRaw, verifyRaw, verifySigned, type RootSigner, type SignedObject } from "./cose";
import { SealingError } from "./errors";
import { array, Fields, integer, octets } from "./fields";
import type { SignedRecord } from "./record";
import {
  STATEMENT_AGENT_KEYS,
  STATEMENT_AGENT_REVOKED,
  STATEMENT_CAMERA_KEYS,
  STATEMENT_COMMAND_KEY,
  STATEMENT_DELETION_KEY,
  STATEMENT_MEMBER_KEYS,
  STATEMENT_RECIPIENTS,
  STATEMENT_ROOT,
  STATEMENT_ROOT_HANDOVER,
} from "./registry";

const STATEMENT_BYTES_MAX = 65536;

/** The highest statement a verifier has seen; fewer or other ones later are a roll-back. */
export interface Seen {
  readonly number: number;
  readonly hash: Bytes;
}

export interface AgentKeys {
  readonly agent: Bytes;
  readonly recordPublic: Bytes;
  readonly transportPublic: Bytes;
  readonly boxPublic: Bytes;
}

export interface Recipient {
  readonly kind: number;
  readonly publicKey: Bytes;
  readonly epoch: number;
}

/** The X25519 key to which agents seal what a camera records: its picture or its sound. `epoch` only grows. */
export interface CameraKey {
  readonly camera: Bytes;
  readonly kind: number;
  readonly publicKey: Bytes;
  readonly epoch: number;
}

/** What a verified sequence of statements says. */
export interface Trust {
  readonly tenant: Bytes;
  /** The root in force, and its fingerprint. */
  readonly rootPublic: Bytes;
  readonly fingerprint: string;
  /** Fingerprints of every root, the one in force last; more than one where the customer took over. */
  readonly fingerprints: readonly string[];
  /** By `cameraKeyName`. */
  readonly cameraKeys: ReadonlyMap<string, CameraKey>;
  /** Own keys (X25519) by account uuid (hex). */
  readonly memberKeys: ReadonlyMap<string, Bytes>;
  readonly seen: Seen;
  /** By kid of the record key, in hex. */
  readonly recordKeys: ReadonlyMap<string, AgentKeys>;
  /** Newest keys by agent uuid (hex). */
  readonly agents: ReadonlyMap<string, AgentKeys>;
  readonly recipients: readonly Recipient[];
  readonly commandKey: Bytes | null;
  /** By number of the statement that states them. */
  readonly deletionKeys: ReadonlyMap<number, Bytes>;
  /** Agent uuid (hex) → chain (hex) → last trusted seq. */
  readonly revoked: ReadonlyMap<string, ReadonlyMap<string, { readonly seq: number; readonly hash: Bytes }>>;
}

/** A statement but for what it says. */
interface Place {
  readonly tenant: Bytes;
  readonly number: number;
  readonly prev: Bytes;
  readonly issuedUs: number;
}

interface Statement extends Place {
  readonly kind: number;
  readonly apply: (builder: TrustBuilder, place: Place) => Promise<void>;
}

/** What verified statements add up to, while they are read. */
class TrustBuilder {
  rootPublic: Bytes | null = null;
  recordKeys = new Map<string, AgentKeys>();
  agents = new Map<string, AgentKeys>();
  recipients: Recipient[] = [];
  commandKey: Bytes | null = null;
  deletionKeys = new Map<number, Bytes>();
  revoked = new Map<string, Map<string, { seq: number; hash: Bytes }>>();
  fingerprints: string[] = [];
  cameraKeys = new Map<string, CameraKey>();
  memberKeys = new Map<string, Bytes>();

  async handOver(rootPublic: Bytes, countersignature: Bytes, place: Place): Promise<void> {
    if (!(await verifyRaw(rootPublic, countersignature, countersigned(place, rootPublic)))) {
      throw new SealingError("broken-statements", "the new root did not countersign the handover");
    }
    const fingerprint = await fingerprintOf(rootPublic);
    if (this.fingerprints.includes(fingerprint)) {
      throw new SealingError("broken-statements", "the root is handed over to one that was in force already");
    }
    this.rootPublic = rootPublic;
    this.fingerprints.push(fingerprint);
  }

  addCameraKey(key: CameraKey): void {
    const name = cameraKeyName(key.camera, key.kind);
    if (key.epoch <= (this.cameraKeys.get(name)?.epoch ?? 0)) {
      throw new SealingError("broken-statements", "a camera's key goes back to an earlier epoch");
    }
    this.cameraKeys.set(name, key);
  }

  async addAgent(keys: AgentKeys): Promise<void> {
    const kid = hex(await keyId(keys.recordPublic));
    const owner = this.recordKeys.get(kid);
    if (owner && !equal(owner.agent, keys.agent)) {
      throw new SealingError("broken-statements", "one record key is given to two agents");
    }
    this.recordKeys.set(kid, keys);
    this.agents.set(hex(keys.agent), keys);
  }
}

/** SHA-256("vsaas-root-v1" ‖ raw root public key) in hex. */
export async function fingerprintOf(rootPublic: Bytes): Promise<string> {
  return hex(await sha256(ascii("vsaas-root-v1"), rootPublic));
}

/** Name of a camera's key in `Trust.cameraKeys`: camera uuid (hex) and kind. */
export function cameraKeyName(camera: Bytes, kind: number): string {
  return `${hex(camera)}.${kind}`;
}

function countersigned(place: Place, rootPublic: Bytes): Bytes {
  return encode(["vsaas-root-handover-v1", place.tenant, place.number, place.prev, place.issuedUs, rootPublic]);
}

/** The new root's signature under the handover statement that will stand at this place (SPEC 5, kind 9, field 2). */
export function countersignHandover(place: Place, newRoot: RootSigner): Promise<Bytes> {
  return signRaw(newRoot, countersigned(place, newRoot.publicBytes));
}

/** Signs a statement: `body` is the map of SPEC 5 for its kind. Raises `bad-field` for what no reader would accept. */
export function signStatement(place: Place, kind: number, body: ReadonlyMap<number, Cbor>, root: RootSigner): Promise<Bytes> {
  const { tenant, number, prev, issuedUs } = place;
  const payload = new Map<number, Cbor>([[1, 1], [2, kind], [3, tenant], [4, number], [5, prev], [6, issuedUs], [7, new Map(body)]]);
  parseStatement(payload);
  return signObject(encode(payload), "vsaas-statement-v1", root);
}

function parseStatement(payload: Cbor): Statement {
  const fields = new Fields(payload, "statement");
  fields.version(1);
  const kind = fields.integer(2);
  const read = READERS[kind];
  if (!read) throw new SealingError("unknown-critical", `statement: kind ${kind} is not known to this version`);
  const tenant = fields.uuid(3);
  const number = fields.integer(4);
  const prev = fields.octets(5, 32);
  const issuedUs = fields.timeUs(6);
  const body = new Fields(fields.take(7), "statement body");
  const apply = read(body);
  body.done();
  fields.done();
  return { kind, tenant, number, prev, issuedUs, apply };
}

/** Readers of statement bodies, by kind; each gives what the statement changes. */
const READERS: Record<number, (body: Fields) => Statement["apply"]> = {
  [STATEMENT_ROOT]: (body) => {
    const rootPublic = body.octets(1, 32);
    return async (builder) => {
      if (builder.rootPublic) throw new SealingError("broken-statements", "a second root is named");
      builder.rootPublic = rootPublic;
      builder.fingerprints.push(await fingerprintOf(rootPublic));
    };
  },
  [STATEMENT_AGENT_KEYS]: (body) => {
    const keys = {
      agent: body.uuid(1),
      recordPublic: body.octets(2, 32),
      transportPublic: body.octets(3, 32),
      boxPublic: body.octets(4, 32),
    };
    return (builder) => builder.addAgent(keys);
  },
  [STATEMENT_RECIPIENTS]: (body) => {
    const recipients = body.array(1, 0, 1024).map(parseRecipient);
    return async (builder) => void (builder.recipients = recipients);
  },
  [STATEMENT_COMMAND_KEY]: (body) => {
    const key = body.octets(1, 32);
    return async (builder) => void (builder.commandKey = key);
  },
  [STATEMENT_DELETION_KEY]: (body) => {
    const key = body.octets(1, 32);
    return async (builder, { number }) => void builder.deletionKeys.set(number, key);
  },
  [STATEMENT_AGENT_REVOKED]: (body) => {
    const agent = hex(body.uuid(1));
    const chains = new Map(body.array(2).map(parseTrustedUpTo));
    // Several statements where one has no room for all chains: their lists are joined.
    return async (builder) => void builder.revoked.set(agent, new Map([...(builder.revoked.get(agent) ?? []), ...chains]));
  },
  [STATEMENT_ROOT_HANDOVER]: (body) => {
    const rootPublic = body.octets(1, 32);
    const countersignature = body.octets(2, 64);
    return (builder, place) => builder.handOver(rootPublic, countersignature, place);
  },
  [STATEMENT_CAMERA_KEYS]: (body) => {
    const keys = body.array(1, 1, 500).map(parseCameraKey);
    return async (builder) => keys.forEach((key) => builder.addCameraKey(key));
  },
  [STATEMENT_MEMBER_KEYS]: (body) => {
    const named = body.array(1, 0, 500).map(parseMemberKey);
    const ended = body.array(2, 0, 500).map((account) => hex(octets(account, "member keys: account", 16)));
    return async (builder) => {
      for (const [account, key] of named) builder.memberKeys.set(account, key);
      for (const account of ended) builder.memberKeys.delete(account);
    };
  },
};

function parseCameraKey(row: Cbor): CameraKey {
  const [camera, kind, publicKey, epoch] = array(row, "camera key", 4, 4);
  return {
    camera: octets(camera, "camera key: camera", 16),
    kind: integer(kind, "camera key: kind", 0, 1),
    publicKey: octets(publicKey, "camera key: key", 32),
    epoch: integer(epoch, "camera key: epoch", 1),
  };
}

function parseMemberKey(row: Cbor): [string, Bytes] {
  const [account, key] = array(row, "member key", 2, 2);
  return [hex(octets(account, "member key: account", 16)), octets(key, "member key: key", 32)];
}

function parseRecipient(row: Cbor): Recipient {
  const [kind, publicKey, epoch] = array(row, "recipient", 3, 3);
  return {
    kind: integer(kind, "recipient: kind", 1, 4),
    publicKey: octets(publicKey, "recipient: key", 32),
    epoch: integer(epoch, "recipient: epoch"),
  };
}

function parseTrustedUpTo(row: Cbor): [string, { seq: number; hash: Bytes }] {
  const [chain, seq, hash] = array(row, "revocation", 3, 3);
  return [
    hex(octets(chain, "revocation: chain", 16)),
    { seq: integer(seq, "revocation: seq"), hash: octets(hash, "revocation: hash", 32) },
  ];
}

/** Runs `step` for statement `number`; whatever is wrong with it becomes `broken-statements`, but a later release's stays so named. */
async function asStatement<T>(number: number, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (!(error instanceof SealingError) || error.code === "unknown-critical") throw error;
    throw new SealingError("broken-statements", `statement ${number}: ${error.message}`);
  }
}

function read(encoded: Bytes): { signed: SignedObject; statement: Statement } {
  const signed = parseSigned(encoded, STATEMENT_BYTES_MAX);
  return { signed, statement: parseStatement(payloadOf(signed, STATEMENT_BYTES_MAX)) };
}

/**
 * The root key stands in statement 0, which it signs itself. Its fingerprint must be the trusted one, or a later statement must
 * hand over to the root that has it, which vouches for those before (`wrong-root-key`).
 */
async function readRoot(
  [encoded, ...later]: readonly Bytes[],
  fingerprint: string,
): Promise<TrustBuilder & { rootPublic: Bytes }> {
  if (!encoded) throw new SealingError("broken-statements", "there are no statements");
  const builder = new TrustBuilder();
  const { statement } = await asStatement(0, () => read(encoded));
  if (statement.kind !== STATEMENT_ROOT) throw new SealingError("broken-statements", "statement 0 must name the root key");
  await statement.apply(builder, statement);
  if (builder.fingerprints[0] !== fingerprint.toLowerCase() && !(await claimed(later, fingerprint.toLowerCase()))) {
    throw new SealingError("wrong-root-key", "the statements come from another root than the trusted one");
  }
  return builder as TrustBuilder & { rootPublic: Bytes };
}

/** Whether some handover names the root of this fingerprint; whether it holds, the walk over the statements says. */
async function claimed(later: readonly Bytes[], fingerprint: string): Promise<boolean> {
  for (const encoded of later) {
    try {
      const fields = new Fields(payloadOf(parseSigned(encoded, STATEMENT_BYTES_MAX), STATEMENT_BYTES_MAX), "statement");
      if (fields.integer(2) !== STATEMENT_ROOT_HANDOVER) continue;
      const body = new Fields(fields.take(7), "statement body");
      if ((await fingerprintOf(body.octets(1, 32))) === fingerprint) return true;
    } catch (error) {
      if (error instanceof SealingError) return false;
      throw error;
    }
  }
  return false;
}

/**
 * Verifies a tenant's statements from number 0 on, from the trusted fingerprint (64 hex digits) of the root or of one it was
 * handed over to.
 * Raises `wrong-root-key`, `broken-statements`, `unknown-critical`, and `rolled-back` where `seen` is not part of them.
 */
export async function verifyStatements(
  encoded: readonly Bytes[],
  fingerprint: string,
  seen: Seen | null = null,
): Promise<Trust> {
  const builder = await readRoot(encoded, fingerprint);
  const hashes: Bytes[] = [];
  let tenant: Bytes | null = null;
  for (const [number, bytes] of encoded.entries()) {
    const statement = await asStatement(number, async () => {
      const parsed = read(bytes);
      await verifySigned(parsed.signed, "vsaas-statement-v1", builder.rootPublic);
      hashes.push(await hashOf(parsed.signed));
      return parsed.statement;
    });
    tenant ??= statement.tenant;
    const prev = hashes[number - 1] ?? new Uint8Array(32);
    if (statement.number !== number || !equal(statement.prev, prev) || !equal(statement.tenant, tenant)) {
      throw new SealingError("broken-statements", `statement ${number} does not follow the one before it`);
    }
    if (number > 0) await asStatement(number, () => statement.apply(builder, statement));
  }
  checkSeen(hashes, seen);
  return {
    tenant: tenant as Bytes,
    rootPublic: builder.rootPublic,
    fingerprint: builder.fingerprints.at(-1) as string,
    fingerprints: builder.fingerprints,
    cameraKeys: builder.cameraKeys,
    memberKeys: builder.memberKeys,
    seen: { number: encoded.length - 1, hash: hashes.at(-1) as Bytes },
    recordKeys: builder.recordKeys,
    agents: builder.agents,
    recipients: builder.recipients,
    commandKey: builder.commandKey,
    deletionKeys: builder.deletionKeys,
    revoked: builder.revoked,
  };
}

function checkSeen(hashes: readonly Bytes[], seen: Seen | null): void {
  if (!seen) return;
  const now = hashes[seen.number];
  if (!now) throw new SealingError("rolled-back", `${hashes.length} statements, there were ${seen.number + 1} before`);
  if (!equal(now, seen.hash)) {
    throw new SealingError("rolled-back", `statement ${seen.number} is not the one that was there before`);
  }
}

/**
 * The agent that may have signed `record`; its signature is the caller's to check.
 * Raises `unknown-signer`, `wrong-scope` (another tenant, a genesis in another agent's name), `revoked-signer`.
 */
export async function checkSigner(trust: Trust, record: SignedRecord): Promise<AgentKeys> {
  const { body, signed } = record;
  const keys = trust.recordKeys.get(hex(signed.kid));
  if (!keys) throw new SealingError("unknown-signer", "no statement of the root names this record key");
  if (!equal(body.tenant, trust.tenant)) throw new SealingError("wrong-scope", "the record belongs to another tenant");
  if (body.genesis && !(equal(body.genesis.agent, keys.agent) && equal(body.genesis.recordPublic, keys.recordPublic))) {
    throw new SealingError("wrong-scope", "the genesis names another agent or key than the statements do");
  }
  const revoked = trust.revoked.get(hex(keys.agent));
  if (!revoked) return keys;
  const last = revoked.get(hex(body.chain));
  if (last && (body.seq < last.seq || (body.seq === last.seq && equal(await hashOf(signed), last.hash)))) return keys;
  throw new SealingError("revoked-signer", "the agent was revoked, and this record is not among those still trusted");
}
