/** Records (SPEC section 4): what an agent signs about one segment, gap or beat. */
import { equal, type Bytes } from "./bytes";
import type { Cbor, CborInt } from "./cbor";
import { keyId, parseSigned, payloadOf, verifySigned, type SignedObject } from "./cose";
import { SealingError } from "./errors";
import { array, Fields, integer, octets } from "./fields";
import {
  AUDIO,
  CODEC_BYTES_MAX,
  HEADER_BYTES,
  INDEX,
  INDEX_SEALED_MAX,
  INIT_BYTES_MAX,
  MAIN,
  OBJECT_BYTES_MAX,
  RECORD_BEAT,
  RECORD_CLOCK,
  RECORD_EVENT,
  RECORD_GAP,
  RECORD_GENESIS,
  RECORD_SEG,
  TAG_BYTES,
} from "./registry";

const RECORD_BYTES_MAX = 16384;
const PARTS_MAX = 7;
const DETAIL_BYTES_MAX = 200;
const SOFTWARE_BYTES_MAX = 100;
const SOURCE_BYTES_MAX = 240;

/** Video or audio as a decoder needs to know it; null for an index part. */
export interface PartMedia {
  readonly codec: string;
  readonly initHash: Bytes;
  readonly initLength: number;
  readonly timescale: number;
  readonly decodeTime: number;
  readonly duration: number;
}

export interface Part {
  readonly rendition: number;
  readonly suite: number;
  readonly offset: number;
  readonly length: number;
  readonly root: Bytes;
  readonly keyId: Bytes;
  readonly commitment: Bytes;
  readonly media: PartMedia | null;
}

export interface Segment {
  readonly id: Bytes;
  readonly startUs: number;
  readonly endUs: number;
  readonly run: Bytes;
  readonly size: number;
  readonly crc32c: Bytes;
  readonly continuationOf: Bytes | null;
  readonly parts: readonly Part[];
  /** Certificate hash of a camera that signs its own stream; kept, not interpreted. */
  readonly lensCertificate: Bytes | null;
  readonly policy: number;
}

export interface Gap {
  readonly startUs: number;
  readonly endUs: number;
  readonly reason: number;
  readonly detail: string | null;
}

/** What was noticed, or a piece of it of at most 60 s; `goesOn`: it lasted at the end. */
export interface CameraEvent {
  readonly startUs: number;
  readonly endUs: number;
  readonly type: number;
  readonly source: string;
  readonly goesOn: boolean;
  readonly detail: string | null;
}

export interface Genesis {
  readonly agent: Bytes;
  readonly recordPublic: Bytes;
  readonly follows: { readonly chain: Bytes; readonly seq: number; readonly hash: Bytes } | null;
  readonly reason: number;
  readonly software: string;
}

export interface RecordBody {
  readonly kind: number;
  readonly tenant: Bytes;
  readonly camera: Bytes;
  readonly stream: number;
  readonly chain: Bytes;
  readonly seq: number;
  readonly prev: Bytes;
  readonly claimedUs: number;
  readonly bootId: Bytes;
  readonly monotonicNs: CborInt;
  readonly clockSource: number;
  readonly clockErrorUs: number;
  readonly segment: Segment | null;
  readonly gap: Gap | null;
  readonly genesis: Genesis | null;
  readonly clock: { readonly stepUs: number; readonly detail: string | null } | null;
  readonly event: CameraEvent | null;
  /** Ignorable fields (keys < 0), as they came. */
  readonly extensions: ReadonlyMap<CborInt, Cbor>;
}

/** Reads a record's payload. Raises `bad-field`, `unknown-critical`, `bad-parts`. */
export function parseRecord(payload: Cbor): RecordBody {
  const fields = new Fields(payload, "record");
  fields.version(1);
  const kind = fields.integer(2);
  const common = {
    kind,
    tenant: fields.uuid(3),
    camera: fields.uuid(4),
    stream: fields.integer(5, 1, 2),
    chain: fields.octets(6, 16),
    seq: fields.integer(7),
    prev: fields.octets(8, 32),
    ...stamp(fields),
  };
  const nothing = { segment: null, gap: null, genesis: null, clock: null, event: null };
  let body: Omit<RecordBody, "extensions">;
  switch (kind) {
    case RECORD_GENESIS:
      body = { ...common, ...nothing, genesis: genesis(fields) };
      break;
    case RECORD_SEG:
      body = { ...common, ...nothing, segment: segment(fields, common.stream) };
      break;
    case RECORD_GAP:
      body = { ...common, ...nothing, gap: gap(fields) };
      break;
    case RECORD_BEAT:
      body = { ...common, ...nothing };
      break;
    case RECORD_CLOCK:
      body = { ...common, ...nothing, clock: { stepUs: fields.integer(60, -(2 ** 63), 2 ** 63), detail: detail(fields) } };
      break;
    case RECORD_EVENT:
      body = { ...common, ...nothing, event: event(fields) };
      break;
    default:
      throw new SealingError("unknown-critical", `record: kind ${kind} is not known to this version`);
  }
  return { ...body, extensions: fields.done() };
}

function stamp(fields: Fields): Pick<RecordBody, "claimedUs" | "bootId" | "monotonicNs" | "clockSource" | "clockErrorUs"> {
  const claimedUs = fields.timeUs(9);
  const bootId = fields.octets(10, 16);
  const monotonicNs = fields.exact(11);
  const [source, error] = array(fields.take(12), "record: field 12", 2, 2);
  return {
    claimedUs,
    bootId,
    monotonicNs,
    clockSource: integer(source, "record: clock source", 0, 255),
    clockErrorUs: integer(error, "record: clock error"),
  };
}

function segment(fields: Fields, stream: number): Segment {
  const size = fields.integer(24, 1, OBJECT_BYTES_MAX);
  const parts = fields.array(27, 0, PARTS_MAX).map(parsePart);
  checkParts(parts, stream, size);
  return {
    size,
    parts,
    id: fields.uuid(20),
    startUs: fields.timeUs(21),
    endUs: fields.timeUs(22),
    run: fields.octets(23, 16),
    crc32c: fields.octets(25, 4),
    continuationOf: fields.has(26) ? fields.uuid(26) : null,
    lensCertificate: fields.has(28) ? lensMark(fields.take(28)) : null,
    policy: fields.integer(29, 0, 255),
  };
}

function lensMark(value: Cbor): Bytes {
  const mark = new Fields(value, "record: lens mark");
  const certificate = mark.octets(1, 32);
  mark.done();
  return certificate;
}

function parsePart(value: Cbor): Part {
  const fields = new Fields(value, "part");
  const rendition = fields.integer(1, 0, 255);
  if (rendition < MAIN || rendition > INDEX) {
    throw new SealingError("bad-parts", `part: rendition ${rendition} does not exist`);
  }
  const part = {
    rendition,
    suite: fields.integer(2, 0, 255),
    offset: fields.integer(3, 0, OBJECT_BYTES_MAX),
    length: fields.integer(4, 0, OBJECT_BYTES_MAX),
    root: fields.octets(5, 32),
    keyId: fields.octets(6, 16),
    commitment: fields.octets(7, 32),
    media: rendition <= AUDIO ? media(fields) : null,
  };
  fields.done();
  return part;
}

function media(fields: Fields): PartMedia {
  return {
    codec: fields.text(8, CODEC_BYTES_MAX),
    initHash: fields.octets(9, 32),
    initLength: fields.integer(10, 1, INIT_BYTES_MAX),
    timescale: fields.integer(11, 1, 0xffff_ffff),
    decodeTime: fields.integer(12),
    duration: fields.integer(13),
  };
}

/** Raises `bad-parts` unless the parts tile the object: video first, index last, the others once each, in ascending order. */
function checkParts(parts: readonly Part[], stream: number, size: number): void {
  const refuse = (why: string): never => {
    throw new SealingError("bad-parts", why);
  };
  const video = parts[0];
  const index = parts.at(-1);
  if (parts.length < 2 || video?.rendition !== stream || index?.rendition !== INDEX) {
    return refuse("a segment begins with the video of its stream and ends with the index");
  }
  let before = AUDIO - 1;
  for (const part of parts.slice(1, -1)) {
    if (part.rendition <= before || part.rendition >= INDEX) refuse("the parts between stand once each, in ascending order");
    before = part.rendition;
  }
  let at = 0;
  for (const part of parts) {
    if (part.offset !== at || part.length < HEADER_BYTES + TAG_BYTES) refuse("a part is too short or leaves a hole");
    at += part.length;
  }
  if (at !== size) refuse(`the parts end at ${at}, the object at ${size}`);
  if (index.length > INDEX_SEALED_MAX) refuse(`the index part is longer than ${INDEX_SEALED_MAX} bytes`);
  if (!equal(index.keyId, video.keyId) || !equal(index.commitment, video.commitment)) {
    refuse("the index is not sealed under the video's key");
  }
}

function gap(fields: Fields): Gap {
  return {
    startUs: fields.timeUs(21),
    endUs: fields.timeUs(22),
    reason: fields.integer(30, 0, 255),
    detail: detail(fields),
  };
}

function event(fields: Fields): CameraEvent {
  const goesOn = fields.take(72);
  if (typeof goesOn !== "boolean") throw new SealingError("bad-field", "record: field 72 must be true or false");
  return {
    goesOn,
    startUs: fields.timeUs(21),
    endUs: fields.timeUs(22),
    type: fields.integer(70, 0, 255),
    source: fields.text(71, SOURCE_BYTES_MAX),
    detail: detail(fields),
  };
}

function detail(fields: Fields): string | null {
  return fields.has(31) ? fields.text(31, DETAIL_BYTES_MAX) : null;
}

function genesis(fields: Fields): Genesis {
  return {
    agent: fields.uuid(40),
    recordPublic: fields.octets(41, 32),
    follows: follows(fields.take(42)),
    reason: fields.integer(43, 0, 255),
    software: fields.text(44, SOFTWARE_BYTES_MAX),
  };
}

function follows(value: Cbor): Genesis["follows"] {
  if (value === null) return null;
  const [chain, seq, hash] = array(value, "record: field 42", 3, 3);
  return {
    chain: octets(chain, "record: follows chain", 16),
    seq: integer(seq, "record: follows seq"),
    hash: octets(hash, "record: follows hash", 32),
  };
}

/** A record with the signed object it came in. */
export interface SignedRecord {
  readonly signed: SignedObject;
  readonly body: RecordBody;
}

/** A record as it came; its signature is not checked yet. */
export function readRecord(encoded: Bytes): SignedRecord {
  const signed = parseSigned(encoded, RECORD_BYTES_MAX);
  return { signed, body: parseRecord(payloadOf(signed, RECORD_BYTES_MAX)) };
}

/** Reads and checks an encoded record by the key it names, which must be one of these. */
export async function verifyByOneOf(encoded: Bytes, recordKeys: readonly Bytes[]): Promise<SignedRecord> {
  const { signed } = readRecord(encoded);
  for (const key of recordKeys) {
    if (equal(await keyId(key), signed.kid)) return verifyRecord(encoded, key);
  }
  throw new SealingError("bad-signature", "the record is signed by another key than those it must hold under");
}

/** Reads and checks an encoded record. */
export async function verifyRecord(encoded: Bytes, recordPublic: Bytes): Promise<SignedRecord> {
  const record = readRecord(encoded);
  await verifySigned(record.signed, "vsaas-record-v1", recordPublic);
  return record;
}
