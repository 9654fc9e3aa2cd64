/** The index part (SPEC 2.3): first bytes, leaf hashes and fragment table of every other part. */
import { equal, type Bytes } from "./bytes";
import { decode, type Cbor } from "./cbor";
import { openMessage, plainLength } from "./cobblestone";
import { SealingError } from "./errors";
import { array, bad, Fields, integer } from "./fields";
import { segmentContext, type InputKey, type SegmentScope } from "./keys";
import { leafCount, leafHashes, merkleRoot } from "./merkle";
import type { Part } from "./record";
import {
  HEADER_BYTES,
  INDEX,
  INDEX_SEALED_MAX,
  INIT_BYTES_MAX,
  LEAF_BYTES,
  OBJECT_BYTES_MAX,
  PURPOSE_REC,
  SUITE_COBBLESTONE_256,
} from "./registry";

const PARTS_MAX = 7;
const FRAGMENTS_MAX = 4096;
const LEAVES_MAX = Math.floor(OBJECT_BYTES_MAX / LEAF_BYTES) + 1;

export interface Fragment {
  /** Plaintext bytes of the part. */
  readonly offset: number;
  readonly length: number;
  /** In the track's timescale. */
  readonly decodeTime: number;
  readonly duration: number;
  readonly sync: boolean;
  readonly samples: number;
}

export interface IndexEntry {
  readonly rendition: number;
  readonly leaves: readonly Bytes[];
  readonly initLength: number;
  readonly fragments: readonly Fragment[];
  /** The part's first 56 sealed bytes, so that any leaf can be opened without fetching the first one. */
  readonly header: Bytes;
}

/** Reads the plaintext of an index part. Raises `not-canonical`, `bad-field`, `unknown-critical`. */
export function parseIndex(plain: Bytes): IndexEntry[] {
  const fields = new Fields(decode(plain, { maxBytes: INDEX_SEALED_MAX }), "index");
  fields.version(1);
  const entries = fields.array(2, 1, PARTS_MAX).map(parseEntry);
  fields.done();
  return entries;
}

function parseEntry(value: Cbor): IndexEntry {
  const fields = new Fields(value, "index entry");
  const rendition = fields.integer(1, 1, 6);
  const hashes = fields.blob(2, 32, 32 * LEAVES_MAX);
  if (hashes.length % 32 !== 0) throw bad("index entry: leaf hashes", "are 32 bytes each");
  const leaves: Bytes[] = [];
  for (let at = 0; at < hashes.length; at += 32) leaves.push(hashes.slice(at, at + 32));
  const initLength = fields.integer(3, 0, INIT_BYTES_MAX);
  const fragments = fields.array(4, 0, FRAGMENTS_MAX).map(parseFragment);
  const header = fields.octets(5, HEADER_BYTES);
  fields.done();
  return { rendition, leaves, initLength, fragments, header };
}

function parseFragment(row: Cbor): Fragment {
  const [offset, length, decodeTime, duration, flags, samples] = array(row, "fragment", 6, 6);
  return {
    offset: integer(offset, "fragment: offset", 0, OBJECT_BYTES_MAX),
    length: integer(length, "fragment: length", 1, OBJECT_BYTES_MAX),
    decodeTime: integer(decodeTime, "fragment: decode time"),
    duration: integer(duration, "fragment: duration"),
    sync: (integer(flags, "fragment: flags", 0, 255) & 1) === 1,
    samples: integer(samples, "fragment: samples", 0, 2 ** 20),
  };
}

/**
 * Compares an index with the parts of its verified record. Raises `bad-index` for other parts, another init length or fragments
 * that do not tile the plaintext, `wrong-root` for leaf hashes that do not give a part's root.
 */
export async function checkIndex(entries: readonly IndexEntry[], parts: readonly Part[]): Promise<void> {
  const others = parts.slice(0, -1);
  if (entries.length !== others.length || entries.some((entry, i) => entry.rendition !== others[i]?.rendition)) {
    throw new SealingError("bad-index", "the index describes other parts than the record");
  }
  for (const [i, part] of others.entries()) {
    const entry = entries[i] as IndexEntry;
    if (entry.leaves.length !== leafCount(part.length) || !equal(await merkleRoot(entry.leaves), part.root)) {
      throw new SealingError("wrong-root", `the leaves of rendition ${part.rendition} do not give the signed root`);
    }
    if (part.media) checkTiling(entry, part.media.initLength, plainLength(part.length));
  }
}

function checkTiling(entry: IndexEntry, initLength: number, length: number): void {
  let at = initLength;
  if (entry.initLength !== at) throw new SealingError("bad-index", "another init length than the record's");
  for (const fragment of entry.fragments) {
    if (fragment.offset !== at) throw new SealingError("bad-index", `a fragment begins at ${fragment.offset}, not at ${at}`);
    at += fragment.length;
  }
  if (at !== length) throw new SealingError("bad-index", `the fragments end at ${at}, the part at ${length}`);
}

/** Opens the index part of a verified record: length and root first, then the chunks, then its leaves against the roots. */
export async function openIndex(
  sealed: Bytes,
  parts: readonly Part[],
  scope: SegmentScope,
  key: InputKey,
): Promise<IndexEntry[]> {
  const part = parts.at(-1) as Part;
  if (part.suite !== SUITE_COBBLESTONE_256) {
    throw new SealingError("unknown-suite", `sealing suite ${part.suite} is not known`);
  }
  if (sealed.length !== part.length) throw new SealingError("bad-length", "the index part has another length than signed");
  if (!equal(await merkleRoot(await leafHashes(sealed)), part.root)) {
    throw new SealingError("wrong-root", "the index part is not the signed one");
  }
  const entries = parseIndex(await openMessage(key, segmentContext(scope, INDEX, PURPOSE_REC), sealed));
  await checkIndex(entries, parts);
  return entries;
}
