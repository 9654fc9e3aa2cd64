/** Every vector of sealing/vectors, as its README says. An op that is not known here fails. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ascii, concat, equal, fromHex, hex, sha256, uuidBytes, uuidText, type Bytes } from "../src/sealing/bytes";
import { decode, encode, type Cbor } from "../src/sealing/cbor";
import { accept, checkScope, flags, scopeOf, verifyChain, type ChainScope, type Tip } from "../src/sealing/chain";
import { chunkCount, ChunkOpener, plainLength, sealedLength } from "../src/sealing/cobblestone";
import { hashOf, keyId, parseSigned, verifySigned, type Purpose } from "../src/sealing/cose";
import { boxKeyId, openKey, openEnvelope, parseEnvelope, type BoxKeys } from "../src/sealing/envelope";
import { SealingError } from "../src/sealing/errors";
import { openIndex } from "../src/sealing/index-part";
import { hkdfExpand, importInputKey, keyCommitment, liveContext, segmentContext, segmentKey } from "../src/sealing/keys";
import { firstHash, LivePlayer, type Received } from "../src/sealing/live";
import { leafCount, leafHash, leafHashes, leafRange, merkleRoot } from "../src/sealing/merkle";
import { parseMotion } from "../src/sealing/motion";
import { objectName } from "../src/sealing/names";
import { PartReader } from "../src/sealing/part-reader";
import { readRecord, verifyRecord, type Part, type SignedRecord } from "../src/sealing/record";
import { CHUNK_BYTES, HEADER_BYTES, PURPOSE_REC, SEALED_CHUNK_BYTES, SUITE_COBBLESTONE_256 } from "../src/sealing/registry";
import { checkSigner, fingerprintOf, verifyStatements, type Trust } from "../src/sealing/statement";
import { verifyTombstone } from "../src/sealing/tombstone";

type Json = any;
type Op = (vector: Json) => Promise<unknown>;

const FOLDER = join(import.meta.dirname, "../../sealing/vectors");
const LABEL = concat(ascii("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"), new Uint8Array(1));

function stream(seed: string, length: number): Bytes {
  const out = new Uint8Array(length);
  const counter = Buffer.alloc(8);
  const begun = createHash("sha256").update(seed);
  for (let at = 0, i = 0n; at < length; at += 32, i++) {
    counter.writeBigUInt64BE(i);
    out.set(begun.copy().update(counter).digest().subarray(0, Math.min(32, length - at)), at);
  }
  return out;
}

/** Sealing as SPEC 2.1 says, with a given salt: for making vectors' inputs. */
async function seal(key: Bytes, context: Bytes, salt: Bytes, plain: Bytes): Promise<Bytes> {
  const okm = await hkdfExpand(await importInputKey(key), concat(LABEL, salt, context), 76);
  const aes = await crypto.subtle.importKey("raw", okm.slice(0, 32), "AES-GCM", false, ["encrypt"]);
  const out: Bytes[] = [salt, okm.slice(44, 76)];
  for (let i = 0; i < chunkCount(plain.length); i++) {
    const iv = okm.slice(32, 44);
    const view = new DataView(iv.buffer);
    view.setUint32(8, view.getUint32(8) ^ i);
    const chunk = plain.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES);
    out.push(new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv }, aes, chunk)));
  }
  const sealed = concat(...out);
  expect(sealed.length).toBe(sealedLength(plain.length));
  return sealed;
}

async function made(description: Json): Promise<Bytes> {
  if (typeof description === "string") return fromHex(description);
  let data: Bytes;
  if ("stream" in description) data = stream(description.stream, description.length);
  else if ("seal" in description) {
    const { key, context, salt, plaintext } = description.seal;
    data = await seal(fromHex(key), fromHex(context), fromHex(salt), await resolve(plaintext));
  } else data = concat(...(await Promise.all(description.concat.map(resolve))));
  for (const edit of description.edits ?? []) data = edited(data, edit);
  return data;
}

function edited(data: Bytes, edit: Json): Bytes {
  const out = data.slice();
  if (edit.flip) out[edit.flip[0]] = (out[edit.flip[0]] as number) ^ edit.flip[1];
  else if ("cut" in edit) return out.slice(0, edit.cut);
  else if ("append" in edit) return concat(out, fromHex(edit.append));
  else if (edit.swap) {
    const [a, b, length] = edit.swap;
    out.set(data.subarray(b, b + length), a);
    out.set(data.subarray(a, a + length), b);
  } else {
    const [from, to, length] = edit.copy;
    out.set(data.subarray(from, from + length), to);
  }
  return out;
}

async function resolve(description: Json): Promise<Bytes> {
  const data = await made(description);
  if (typeof description !== "string") expect(hex(await sha256(data))).toBe(description.sha256);
  return data;
}

function value(typed: Json): Cbor {
  if (typed === null || typeof typed === "boolean") return typed;
  if ("int" in typed) {
    const number = BigInt(typed.int);
    return Number.isSafeInteger(Number(number)) ? Number(number) : number;
  }
  if ("bytes" in typed) return fromHex(typed.bytes);
  if ("text" in typed) return typed.text;
  if ("array" in typed) return typed.array.map(value);
  return new Map(typed.map.map(([key, item]: [string, Json]) => [value({ int: key }), value(item)]));
}

/** Numbers as the vectors write them: decimal strings beyond 2^53. */
function exact(number: number | bigint): number | string {
  return typeof number === "bigint" ? String(number) : number;
}

function plainCbor(item: Cbor): unknown {
  if (item instanceof Uint8Array) return hex(item);
  if (item instanceof Map) return Object.fromEntries([...item].map(([key, entry]) => [String(key), plainCbor(entry)]));
  if (Array.isArray(item)) return item.map(plainCbor);
  return item;
}

function shownPart(part: Part): unknown {
  return {
    rendition: part.rendition,
    suite: part.suite,
    offset: part.offset,
    sealed_length: part.length,
    root: hex(part.root),
    key_id: hex(part.keyId),
    commitment: hex(part.commitment),
    media: part.media && {
      codec: part.media.codec,
      init_hash: hex(part.media.initHash),
      init_length: part.media.initLength,
      timescale: part.media.timescale,
      decode_time: part.media.decodeTime,
      duration: part.media.duration,
    },
  };
}

function shownRecord({ body }: SignedRecord): unknown {
  const { segment, gap, genesis, clock, event } = body;
  const kinds: Record<number, string> = { 1: "genesis", 2: "segment", 3: "gap", 4: "beat", 5: "clock", 9: "event" };
  return {
    kind: kinds[body.kind],
    tenant: uuidText(body.tenant),
    camera: uuidText(body.camera),
    stream: body.stream,
    chain: hex(body.chain),
    seq: body.seq,
    prev: hex(body.prev),
    stamp: {
      claimed_us: body.claimedUs,
      boot: hex(body.bootId),
      monotonic_ns: exact(body.monotonicNs),
      source: body.clockSource,
      error_us: body.clockErrorUs,
    },
    extensions: plainCbor(new Map(body.extensions)),
    ...(segment && {
      segment: uuidText(segment.id),
      start_us: segment.startUs,
      end_us: segment.endUs,
      run: hex(segment.run),
      size: segment.size,
      crc32c: new DataView(segment.crc32c.buffer).getUint32(0),
      parts: segment.parts.map(shownPart),
      continuation_of: segment.continuationOf && uuidText(segment.continuationOf),
      lens_certificate: segment.lensCertificate && hex(segment.lensCertificate),
      policy: segment.policy,
    }),
    ...(gap && { start_us: gap.startUs, end_us: gap.endUs, reason: gap.reason, detail: gap.detail }),
    ...(genesis && {
      agent: uuidText(genesis.agent),
      record_public: hex(genesis.recordPublic),
      follows: genesis.follows && {
        chain: hex(genesis.follows.chain),
        seq: genesis.follows.seq,
        hash: hex(genesis.follows.hash),
      },
      reason: genesis.reason,
      software: genesis.software,
    }),
    ...(event && {
      start_us: event.startUs,
      end_us: event.endUs,
      type: event.type,
      source: event.source,
      goes_on: event.goesOn,
      detail: event.detail,
    }),
    ...(clock && { step_us: clock.stepUs, detail: clock.detail }),
  };
}

async function boxKeys(privateBytes: Bytes): Promise<BoxKeys> {
  const pkcs8 = concat(fromHex("302e020100300506032b656e04220420"), privateBytes);
  const extractable = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, true, ["deriveBits"]);
  const { x } = (await crypto.subtle.exportKey("jwk", extractable)) as { x: string };
  const publicBytes = new Uint8Array(Buffer.from(x, "base64url"));
  const publicKey = await crypto.subtle.importKey("raw", publicBytes, { name: "X25519" }, true, []);
  const privateKey = await crypto.subtle.importKey("pkcs8", pkcs8, { name: "X25519" }, false, ["deriveBits"]);
  return { pair: { privateKey, publicKey }, publicBytes, kid: await boxKeyId(publicBytes) };
}

function scopeItems(purpose: number, scope: Json): Cbor[] {
  if ("vault" in scope) return [uuidBytes(scope.vault)];
  const camera = uuidBytes(scope.camera);
  if ("rendition_class" in scope) return [camera, scope.rendition_class, Number(scope.period_start_us)];
  if ("publish" in scope) return [camera, scope.stream, scope.rendition, fromHex(scope.publish)];
  if ("epoch" in scope) return [camera, scope.kind, scope.epoch];
  if ("segment" in scope) return [camera, uuidBytes(scope.segment), scope.rendition];
  expect(purpose).toBe(4);
  return [camera];
}

const place = (v: Json) => ({
  tenant: uuidBytes(v.tenant),
  camera: uuidBytes(v.camera),
  stream: v.stream as number,
  segment: uuidBytes(v.segment),
});

async function trustOf(v: Json): Promise<Trust> {
  const seen = v.seen ? { number: v.seen.number, hash: fromHex(v.seen.hash) } : null;
  return verifyStatements(v.statements.map(fromHex), v.fingerprint, seen);
}

/** Opens chunk by chunk; what came out before an error is checked against `clear`. */
async function openPart(v: Json): Promise<unknown> {
  const sealed = await resolve(v.sealed);
  let out: Bytes = new Uint8Array(0);
  try {
    plainLength(sealed.length);
    const opener = await ChunkOpener.create(await importInputKey(fromHex(v.key)), fromHex(v.context), sealed);
    for (let at = HEADER_BYTES, i = 0; at < sealed.length; at += SEALED_CHUNK_BYTES, i++) {
      out = concat(out, await opener.chunk(i, sealed.subarray(at, at + SEALED_CHUNK_BYTES)));
    }
  } catch (error) {
    expect(out.length).toBe(v.clear);
    throw error;
  }
  expect(equal(out, await resolve(v.expect.plaintext))).toBe(true);
  return v.expect;
}

async function readRange(v: Json): Promise<unknown> {
  const sealed = await resolve(v.sealed);
  const leaves = v.leaves.map(fromHex) as Bytes[];
  const length = v.sealed_length ?? sealed.length;
  if (!equal(await merkleRoot(leaves), fromHex(v.root))) throw new SealingError("wrong-root", "leaves and root differ");
  const reader = await readerOf(sealed, length, leaves, fromHex(v.context), fromHex(v.key), sealed.slice(0, HEADER_BYTES));
  return { sha256: hex(await sha256(await reader.read(v.offset, v.offset + v.length))) };
}

async function readerOf(
  sealed: Bytes,
  length: number,
  leaves: readonly Bytes[],
  context: Bytes,
  key: Bytes,
  header: Bytes,
): Promise<PartReader> {
  const fetch = async (from: number, to: number): Promise<Bytes> => {
    const bytes = sealed.slice(from, to);
    if (bytes.length !== to - from) throw new SealingError("truncated", "the object ends early");
    return bytes;
  };
  return new PartReader({ length, leaves, header, context, key: await importInputKey(key), fetch });
}

async function segmentOf(v: Json) {
  const record = await verifyRecord(fromHex(v.record), fromHex(v.public_key));
  const { body } = record;
  if (!body.segment) throw new Error("not a segment");
  const scope = { tenant: body.tenant, camera: body.camera, stream: body.stream, segment: body.segment.id };
  return { segment: body.segment, scope };
}

async function readSegment(v: Json): Promise<unknown> {
  const { segment, scope } = await segmentOf(v);
  const object = await resolve(v.object);
  const index = segment.parts.at(-1) as Part;
  const indexKey = await importInputKey(fromHex(v.keys["7"]));
  const sealedIndex = object.slice(index.offset, index.offset + index.length);
  const entries = await openIndex(sealedIndex, segment.parts, scope, indexKey);
  const at = segment.parts.findIndex((part) => part.rendition === v.rendition);
  const part = segment.parts[at] as Part;
  if (at < 0) throw new SealingError("bad-parts", "the segment has no such part");
  if (part.suite !== SUITE_COBBLESTONE_256) throw new SealingError("unknown-suite", "a suite of a later release");
  const entry = entries[at];
  if (!entry) throw new SealingError("bad-index", "no entry");
  const key = v.keys[String(v.rendition)];
  if (!key) throw new SealingError("missing-key", "no key of this rendition");
  const bytes = object.slice(part.offset, part.offset + part.length);
  const context = segmentContext(scope, v.rendition, PURPOSE_REC);
  const reader = await readerOf(bytes, part.length, entry.leaves, context, fromHex(key), entry.header);
  return { sha256: hex(await sha256(await reader.read(v.offset, v.offset + v.length))) };
}

async function acceptAll(v: Json): Promise<void> {
  let tip: Tip | null = null;
  let scope: ChainScope | null = null;
  const stored = new Map<number, Bytes>();
  for (const step of v.steps) {
    let outcome: string;
    try {
      const record: SignedRecord = await verifyRecord(fromHex(step.record), fromHex(v.public_key));
      await checkScope(scope ?? scopeOf(record), record);
      const next: Tip | null = await accept(tip, record, stored.get(record.body.seq) ?? null);
      outcome = next ? "accepted" : "known";
      if (next) {
        tip = next;
        scope ??= scopeOf(record);
        stored.set(next.seq, next.hash);
      }
    } catch (error) {
      outcome = (error as SealingError).code;
    }
    expect(outcome).toBe(step.outcome);
  }
}

async function chain(v: Json): Promise<unknown> {
  let good = 0;
  let tip: Tip | null = null;
  try {
    for await (const record of verifyChain(v.records.map(fromHex), fromHex(v.public_key), { partial: v.partial })) {
      good++;
      tip = record.tip;
    }
  } catch (error) {
    expect(good).toBe(v.good);
    throw error;
  }
  return { tip: { seq: tip?.seq, hash: hex(tip?.hash ?? new Uint8Array(0)) } };
}

const byAgent = (a: { agent: string }, b: { agent: string }): number => (a.agent < b.agent ? -1 : 1);

async function statements(v: Json): Promise<unknown> {
  const trust = await trustOf(v);
  const deletion = [...trust.deletionKeys].sort((a, b) => b[0] - a[0])[0];
  const agents = [...trust.agents.values()].map((keys) => ({
    agent: uuidText(keys.agent),
    record: hex(keys.recordPublic),
    transport: hex(keys.transportPublic),
    box: hex(keys.boxPublic),
  }));
  return {
    tenant: uuidText(trust.tenant),
    number: trust.seen.number,
    hash: hex(trust.seen.hash),
    agents: agents.sort(byAgent),
    revoked: [...trust.revoked.keys()].map((agent) => uuidText(fromHex(agent))).sort(),
    recipients: trust.recipients.map((item) => ({ kind: item.kind, public_key: hex(item.publicKey), epoch: item.epoch })),
    command_key: trust.commandKey && hex(trust.commandKey),
    deletion_key: deletion ? { number: deletion[0], key: hex(deletion[1]) } : null,
    roots: trust.fingerprints,
    camera_keys: [...trust.cameraKeys]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([, key]) => ({ camera: uuidText(key.camera), what: key.kind, public_key: hex(key.publicKey), epoch: key.epoch })),
    member_keys: [...trust.memberKeys]
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([account, key]) => ({ account: uuidText(fromHex(account)), public_key: hex(key) })),
  };
}

function publishOf(v: Json) {
  const { tenant, camera, stream: number, publish_id } = v.publish;
  return { tenant: uuidBytes(tenant), camera: uuidBytes(camera), stream: number, publish: fromHex(publish_id) };
}

function shownReceived(received: Received, player: LivePlayer): unknown {
  const proven_through = player.provenThrough;
  switch (received.type) {
    case "init":
      return {
        init: {
          rendition: received.rendition,
          codec: received.codec,
          data: received.data && hex(received.data),
          proven_through,
        },
      };
    case "fragment":
      return {
        fragment: {
          rendition: received.rendition,
          counter: received.counter,
          capture_us: received.captureUs,
          sync: received.sync,
          data: received.data && hex(received.data),
          chained: received.chained,
          proven_through,
        },
      };
    case "proven":
      return { proof: { counter: received.counter, utc_us: received.utcUs, proven_through } };
    case "ended":
      return { end: { reason: received.reason, proven_through } };
  }
}

async function live(v: Json): Promise<void> {
  const player = new LivePlayer(publishOf(v), fromHex(v.public_key));
  for (const key of v.keys) await player.addKey(fromHex(key.key_id), fromHex(key.key));
  for (const step of v.steps) {
    let result: unknown;
    try {
      result = { outcome: shownReceived(await player.receive(fromHex(step.message)), player) };
    } catch (error) {
      result = { error: (error as SealingError).code };
    }
    expect({ message: step.message, ...(result as object) }).toEqual(step);
  }
}

const OPS: Record<string, Op> = {
  canonical: async (v) => {
    const data = fromHex(v.data);
    const item = decode(data);
    expect(equal(encode(item), data)).toBe(true);
    expect(item).toEqual(value(v.expect.value));
    return v.expect;
  },
  verify1: async (v) => {
    const signed = parseSigned(fromHex(v.data));
    await verifySigned(signed, v.purpose as Purpose, fromHex(v.public_key));
    return { kid: hex(signed.kid), payload: hex(signed.payload), hash: hex(await hashOf(signed)) };
  },
  merkle: async (v) => {
    const sealed = await resolve(v.sealed);
    const leaves = await leafHashes(sealed);
    expect(leaves.length).toBe(leafCount(sealed.length));
    for (const [i, leaf] of leaves.entries()) {
      expect(hex(await leafHash(sealed.slice(...leafRange(i, sealed.length))))).toBe(hex(leaf));
    }
    return { leaves: leaves.map(hex), root: hex(await merkleRoot(leaves)) };
  },
  "merkle-root": async (v) => ({ root: hex(await merkleRoot(v.leaves.map(fromHex))) }),
  lengths: async (v) => ({ plaintext_length: plainLength(v.sealed_length) }),
  derive: async (v) => {
    const okm = await hkdfExpand(await importInputKey(fromHex(v.key)), concat(LABEL, fromHex(v.salt), fromHex(v.context)), 76);
    return { cipher_key: hex(okm.slice(0, 32)), base_nonce: hex(okm.slice(32, 44)), commitment: hex(okm.slice(44)) };
  },
  "open-part": openPart,
  "read-range": readRange,
  "segment-key": async (v) => ({ key: hex(await segmentKey(fromHex(v.period_key), uuidBytes(v.segment), v.rendition)) }),
  commitment: async (v) => ({ commitment: hex(await keyCommitment(fromHex(v.key_id), fromHex(v.key))) }),
  kid: async (v) => ({ kid: hex(await keyId(fromHex(v.public_key))) }),
  "box-kid": async (v) => ({ "box-kid": hex(await boxKeyId(fromHex(v.public_key))) }),
  fingerprint: async (v) => ({ fingerprint: await fingerprintOf(fromHex(v.public_key)) }),
  "part-context": async (v) => ({ context: hex(segmentContext(place(v), v.rendition, PURPOSE_REC)) }),
  "object-name": async (v) => {
    const { tenant, camera, stream: number, segment } = place(v);
    return { name: objectName(tenant, camera, number, segment, BigInt(v.start_us)) };
  },
  "open-envelope": async (v) => {
    const { expected } = v;
    const release = expected.release && {
      session: fromHex(expected.release.session),
      account: uuidBytes(expected.release.account),
      expiresUs: Number(expected.release.expires_us),
    };
    const keys = await boxKeys(fromHex(v.private_key));
    const wanted = {
      purpose: expected.purpose,
      tenant: uuidBytes(expected.tenant),
      scope: scopeItems(expected.purpose, expected.scope),
      keyId: fromHex(expected.key_id),
      recipient: fromHex(expected.recipient),
      epoch: expected.epoch,
      ...(release && { release }),
    };
    const envelope = parseEnvelope(fromHex(v.data));
    const open = expected.purpose === 4 ? openEnvelope : openKey;
    return { secret: hex(await open(envelope, wanted, keys)) };
  },
  "verify-record": async (v) => {
    const record = await verifyRecord(fromHex(v.data), fromHex(v.public_key));
    return { record: shownRecord(record), hash: hex(await hashOf(record.signed)) };
  },
  accept: acceptAll,
  "verify-chain": chain,
  flags: async (v) => ({ flags: flags(readRecord(fromHex(v.record)), Number(v.received_us)) }),
  "verify-statements": statements,
  "trust-record": async (v) => ({ agent: uuidText((await checkSigner(await trustOf(v), readRecord(fromHex(v.record)))).agent) }),
  "verify-tombstone": async (v) => {
    const found = await verifyTombstone(fromHex(v.data), await trustOf(v));
    return {
      tombstone: {
        tenant: uuidText(found.tenant),
        camera: uuidText(found.camera),
        stream: found.stream,
        ranges: found.ranges.map(({ chain: id, first, last }) => ({ chain: hex(id), first, last })),
        from_us: found.fromUs,
        to_us: found.toUs,
        policy: found.policy,
        deleted_us: found.deletedUs,
        statement_number: found.statementNumber,
        segments: found.segments.map(uuidText),
      },
    };
  },
  "open-index": async (v) => {
    const { segment, scope } = await segmentOf(v);
    const entries = await openIndex(await resolve(v.sealed), segment.parts, scope, await importInputKey(fromHex(v.key)));
    return {
      entries: entries.map((entry) => ({
        rendition: entry.rendition,
        leaf_hashes: entry.leaves.map(hex),
        init_length: entry.initLength,
        fragments: entry.fragments.map((row) => ({
          offset: row.offset,
          length: row.length,
          decode_time: row.decodeTime,
          duration: row.duration,
          flags: row.sync ? 1 : 0,
          samples: row.samples,
        })),
        header: hex(entry.header),
      })),
    };
  },
  "read-segment": readSegment,
  motion: async (v) => {
    const { columns, rows, moved } = parseMotion(fromHex(v.plaintext));
    return { map: { columns, rows, moved: moved.map(({ offsetMs, places }) => ({ offset_ms: offsetMs, places: hex(places) })) } };
  },
  live,
  "live-context": async (v) => ({
    context: hex(liveContext(publishOf(v), v.rendition, v.counter, v.capture_us)),
    first_hash: hex(await firstHash(publishOf(v).publish)),
  }),
};

for (const name of readdirSync(FOLDER).filter((file) => file.endsWith(".json")).sort()) {
  const document = JSON.parse(readFileSync(join(FOLDER, name), "utf8")) as Json;
  describe(`vectors of ${name}`, () => {
    expect(document.format).toBe("vsaas-vectors-v1");
    it.each(document.vectors as Json[])("$name", async (vector) => {
      const run = OPS[vector.op];
      if (!run) throw new Error(`no op ${vector.op} here: it must be written, not left out`);
      if (!("error" in vector)) {
        expect(await run(vector)).toEqual(vector.expect);
        return;
      }
      const refusal = await run(vector).then(
        () => null,
        (error: unknown) => error,
      );
      expect(refusal).toBeInstanceOf(SealingError);
      expect((refusal as SealingError).code).toBe(vector.error);
    });
  });
}
