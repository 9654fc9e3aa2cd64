/** Live messages, their hash chain and proofs (SPEC section 7), and the hub's own frames (architecture, `protocol/viewer.py`). */
import { ascii, equal, hex, sha256, type Bytes } from "./bytes";
import { decode, type Cbor } from "./cbor";
import { openMessage } from "./cobblestone";
import { parseSigned, payloadOf, verifySigned } from "./cose";
import { SealingError } from "./errors";
import { array, bad, blob, Fields, integer, octets, text, TIME_US_MAX } from "./fields";
import { importInputKey, keyCommitment, liveContext, type InputKey, type LiveScope } from "./keys";
import { AUDIO, CODEC_BYTES_MAX, INIT_BYTES_MAX } from "./registry";

const FRAGMENT_BYTES_MAX = 4 << 20;
export const LIVE_MESSAGE_BYTES_MAX = FRAGMENT_BYTES_MAX + (FRAGMENT_BYTES_MAX >> 9);
const PROOF_BYTES_MAX = 4096;
const REASON_BYTES_MAX = 100;
const ENVELOPE_BYTES_MAX = 8192;

export interface LiveInit {
  readonly type: "init";
  readonly publish: Bytes;
  readonly rendition: number;
  readonly codec: string;
  readonly keyId: Bytes;
  readonly commitment: Bytes;
  readonly sealed: Bytes;
}

export interface LiveFragment {
  readonly type: "fragment";
  readonly publish: Bytes;
  readonly rendition: number;
  readonly counter: number;
  readonly captureUs: number;
  readonly sync: boolean;
  readonly sealed: Bytes;
}

export interface LiveProof {
  readonly type: "proof";
  readonly publish: Bytes;
  readonly counter: number;
  readonly signed: Bytes;
}

export interface LiveEnd {
  readonly type: "end";
  readonly publish: Bytes;
  readonly reason: string;
}

export type LiveMessage = LiveInit | LiveFragment | LiveProof | LiveEnd;

/** The hub: from now on these keys; `recordPublic` is to be found in the statements. */
export interface LiveKeysFrame {
  readonly type: "keys";
  readonly publish: Bytes;
  readonly camera: Bytes;
  readonly stream: number;
  readonly agent: Bytes;
  readonly recordPublic: Bytes;
  readonly keys: readonly { readonly rendition: number; readonly keyId: Bytes; readonly envelope: Bytes }[];
}

export interface LiveStatusFrame {
  readonly type: "status";
  readonly word: string;
  readonly detail: string;
}

const INIT = 1;
const FRAGMENT = 2;
const PROOF = 3;
const END = 4;
const KEYS = 10;
const STATUS = 11;

function row(frame: Bytes): { number: number; items: Cbor[] } {
  const items = array(decode(frame, { maxBytes: LIVE_MESSAGE_BYTES_MAX }), "live message", 2, 16);
  return { number: integer(items[0], "live message: kind"), items };
}

/** One message of the agent. Raises `not-canonical`, `bad-field`, `unknown-critical` (a kind of a later release). */
export function parseLiveMessage(frame: Bytes): LiveMessage {
  const { number, items } = row(frame);
  const expected = { [INIT]: 7, [FRAGMENT]: 7, [PROOF]: 4, [END]: 3 }[number];
  if (!expected) throw new SealingError("unknown-critical", `live message: kind ${number} is not known to this version`);
  if (items.length !== expected) throw bad(`live message: kind ${number}`, `must have ${expected} items`);
  const publish = octets(items[1], "live message: publish id", 16);
  const sealed = (most: number): Bytes => blob(items.at(-1), "live message: last item", 0, most);
  const rendition = (): number => integer(items[2], "live message: rendition", 1, AUDIO);
  switch (number) {
    case INIT:
      return {
        type: "init",
        publish,
        rendition: rendition(),
        codec: text(items[3], "live message: codec", CODEC_BYTES_MAX),
        keyId: octets(items[4], "live message: key id", 16),
        commitment: octets(items[5], "live message: commitment", 32),
        sealed: sealed(INIT_BYTES_MAX + 4096),
      };
    case FRAGMENT:
      return {
        type: "fragment",
        publish,
        rendition: rendition(),
        counter: integer(items[3], "live message: counter"),
        captureUs: integer(items[4], "live message: capture time", 0, TIME_US_MAX),
        sync: (integer(items[5], "live message: flags", 0, 255) & 1) === 1,
        sealed: sealed(LIVE_MESSAGE_BYTES_MAX),
      };
    case PROOF:
      return {
        type: "proof",
        publish,
        counter: integer(items[2], "live message: counter"),
        signed: sealed(PROOF_BYTES_MAX),
      };
    default:
      return { type: "end", publish, reason: text(items[2], "live message: reason", REASON_BYTES_MAX) };
  }
}

/** One frame of the viewer's socket: the hub's own or the agent's; null for a number of the hub's later versions. */
export function parseViewerFrame(frame: Bytes): LiveMessage | LiveKeysFrame | LiveStatusFrame | null {
  const { number, items } = row(frame);
  if (number < KEYS) return parseLiveMessage(frame);
  if (number === STATUS) {
    return { type: "status", word: text(items[1], "status", 64), detail: text(items[2], "detail", 1024) };
  }
  if (number !== KEYS) return null;
  array(items, "keys frame", 7, 7);
  return {
    type: "keys",
    publish: octets(items[1], "publish", 16),
    camera: octets(items[2], "camera", 16),
    stream: integer(items[3], "stream", 1, 2),
    agent: octets(items[4], "agent", 16),
    recordPublic: octets(items[5], "record key", 32),
    keys: array(items[6], "keys", 0, 64).map((item) => {
      const [rendition, keyId, envelope] = array(item, "key", 3, 3);
      return {
        rendition: integer(rendition, "rendition", 1, AUDIO),
        keyId: octets(keyId, "key id", 16),
        envelope: blob(envelope, "envelope", 1, ENVELOPE_BYTES_MAX),
      };
    }),
  };
}

export interface Proof {
  readonly counter: number;
  readonly hash: Bytes;
  readonly utcUs: number;
  /** Hash of the init message in force, by rendition. */
  readonly inits: ReadonlyMap<number, Bytes>;
}

/** A proof of this publish. Raises `bad-signature`, `wrong-purpose`, `wrong-scope`, `bad-field`, `unknown-critical`. */
export async function verifyProof(signedBytes: Bytes, scope: LiveScope, recordPublic: Bytes): Promise<Proof> {
  const signed = parseSigned(signedBytes, PROOF_BYTES_MAX);
  await verifySigned(signed, "vsaas-live-v1", recordPublic);
  const fields = new Fields(payloadOf(signed), "proof");
  fields.version(1);
  const tenant = fields.uuid(2);
  const camera = fields.uuid(3);
  const stream = fields.integer(4, 1, 2);
  const publish = fields.octets(5, 16);
  const here = equal(tenant, scope.tenant) && equal(camera, scope.camera) && equal(publish, scope.publish);
  if (!here || stream !== scope.stream) throw new SealingError("wrong-scope", "the proof belongs to another publish");
  const counter = fields.integer(6);
  const hash = fields.octets(7, 32);
  const utcUs = fields.timeUs(8);
  const value = fields.take(9);
  if (!(value instanceof Map)) throw bad("proof: field 9", "must be a map");
  const inits = new Map<number, Bytes>();
  for (const [key, item] of value) inits.set(integer(key, "proof: rendition", 1, AUDIO), octets(item, "proof: init hash", 32));
  fields.done();
  return { counter, hash, utcUs, inits };
}

export type Received =
  /** `data` is null when this viewer was given no key for the rendition. */
  | { readonly type: "init"; readonly rendition: number; readonly codec: string; readonly data: Bytes | null }
  | {
      readonly type: "fragment";
      readonly rendition: number;
      readonly counter: number;
      readonly captureUs: number;
      readonly sync: boolean;
      readonly data: Bytes | null;
      /** Nothing is missing since the last anchor, so the next proof will cover it. */
      readonly chained: boolean;
      /** Fragments left out before this one. */
      readonly skipped: number;
    }
  /** The agent signed everything up to `counter` that was chained; `covered`: the last fragment taken is among it. */
  | { readonly type: "proven"; readonly counter: number; readonly utcUs: number; readonly covered: boolean }
  | { readonly type: "ended"; readonly reason: string };

interface SessionKey {
  readonly key: InputKey;
  readonly commitment: Bytes;
}

/** Where the hash chain of a publish begins. */
export function firstHash(publish: Bytes): Promise<Bytes> {
  return sha256(ascii("vsaas-live-v1"), publish);
}

/** A viewer's side of one publish. After a refusal the state is as before, and the message must be dropped. */
export class LivePlayer {
  private readonly keys = new Map<string, SessionKey>();
  private readonly inits = new Map<number, LiveInit>();
  private readonly initHashes = new Map<number, Bytes>();
  private hash: Bytes | null = null;
  private anchored = true;
  private last = -1;
  /** The last fragment the agent signed for, with everything chained before it; null: none yet. */
  provenThrough: number | null = null;

  /** `recordPublic`: the agent's record key, out of verified statements where the result is to be called verified. */
  constructor(
    readonly scope: LiveScope,
    private readonly recordPublic: Bytes,
  ) {}

  /** A session key (32 bytes) released to this viewer. */
  async addKey(keyId: Bytes, raw: Bytes): Promise<void> {
    this.keys.set(hex(keyId), { key: await importInputKey(raw), commitment: await keyCommitment(keyId, raw) });
  }

  /**
   * Takes the next message of the agent. One call at a time.
   * Raises what `parseLiveMessage` and `verifyProof` raise, `wrong-scope`, `replayed`, `wrong-key`, `chunk-tampered`, `broken-live`.
   */
  async receive(frame: Bytes): Promise<Received> {
    this.hash ??= await firstHash(this.scope.publish);
    const message = parseLiveMessage(frame);
    if (!equal(message.publish, this.scope.publish)) {
      throw new SealingError("wrong-scope", "the message belongs to another publish");
    }
    switch (message.type) {
      case "init":
        return this.takeInit(message, frame);
      case "fragment":
        return this.takeFragment(message, frame);
      case "proof":
        return this.takeProof(message);
      case "end":
        return { type: "ended", reason: message.reason };
    }
  }

  private async open(init: LiveInit, context: Bytes, sealed: Bytes): Promise<Bytes | null> {
    const known = this.keys.get(hex(init.keyId));
    if (!known) return null;
    if (!equal(known.commitment, init.commitment)) throw new SealingError("wrong-key", "not the key the agent committed to");
    return openMessage(known.key, context, sealed);
  }

  private async takeInit(message: LiveInit, frame: Bytes): Promise<Received> {
    const data = await this.open(message, liveContext(this.scope, message.rendition, null, null), message.sealed);
    const hash = await sha256(frame);
    this.inits.set(message.rendition, message);
    this.initHashes.set(message.rendition, hash);
    this.hash = await sha256(this.hash as Bytes, hash);
    return { type: "init", rendition: message.rendition, codec: message.codec, data };
  }

  private async takeFragment(message: LiveFragment, frame: Bytes): Promise<Received> {
    const { rendition, counter, captureUs, sync } = message;
    if (counter <= this.last) throw new SealingError("replayed", `fragment ${counter} came after ${this.last}`);
    const init = this.inits.get(rendition);
    if (!init) throw new SealingError("wrong-key", `a fragment of rendition ${rendition} came before its init message`);
    const data = await this.open(init, liveContext(this.scope, rendition, counter, captureUs), message.sealed);
    const skipped = counter - this.last - 1;
    this.anchored &&= skipped === 0;
    this.last = counter;
    this.hash = await sha256(this.hash as Bytes, await sha256(frame));
    return { type: "fragment", rendition, counter, captureUs, sync, data, chained: this.anchored, skipped };
  }

  private async takeProof(message: LiveProof): Promise<Received> {
    const proof = await verifyProof(message.signed, this.scope, this.recordPublic);
    if (proof.counter !== message.counter) throw new SealingError("broken-live", "message and proof name different fragments");
    if (proof.counter < this.last) {
      throw new SealingError("replayed", `a proof for fragment ${proof.counter} came after fragment ${this.last}`);
    }
    for (const [rendition, hash] of this.initHashes) {
      const signed = proof.inits.get(rendition);
      if (!signed || !equal(signed, hash)) throw new SealingError("broken-live", "an init segment is not the signed one");
    }
    const covered = this.anchored && proof.counter === this.last;
    if (covered && !equal(proof.hash, this.hash as Bytes)) {
      throw new SealingError("broken-live", `the fragments up to ${proof.counter} are not those the agent signed`);
    }
    this.hash = proof.hash;
    this.last = proof.counter;
    this.anchored = true;
    if (covered) this.provenThrough = proof.counter;
    return { type: "proven", counter: proof.counter, utcUs: proof.utcUs, covered };
  }
}
