/** Reads plaintext ranges of one sealed part: fetch the leaves, check each against its hash, then open its chunks (SPEC 9.2). */
import { concat, equal, type Bytes } from "./bytes";
import { ChunkOpener, plainLength } from "./cobblestone";
import { SealingError } from "./errors";
import type { InputKey } from "./keys";
import { leafCount, leafHash, leafRange } from "./merkle";
import { HEADER_BYTES, LEAF_CHUNKS, LEAF_PLAIN_BYTES } from "./registry";

/** Gives the part's sealed bytes [from, to), counted from the part's start; exactly that many or an error. */
export type FetchSealed = (from: number, to: number, signal?: AbortSignal) => Promise<Bytes>;

export interface PartSource {
  readonly length: number;
  readonly leaves: readonly Bytes[];
  /** The part's first 56 bytes, out of a checked index. */
  readonly header: Bytes;
  readonly context: Bytes;
  readonly key: InputKey;
  readonly fetch: FetchSealed;
}

const CACHED_LEAVES = 6;

export class PartReader {
  readonly plainLength: number;
  private opener: Promise<ChunkOpener> | null = null;
  private readonly cache = new Map<number, Promise<Bytes>>();

  /** Raises `bad-length`, `truncated` where no part has that length, `wrong-root` where the leaves are not as many as it has. */
  constructor(private readonly source: PartSource) {
    this.plainLength = plainLength(source.length);
    if (source.leaves.length !== leafCount(source.length)) {
      throw new SealingError("wrong-root", "the part has another number of leaves");
    }
  }

  /** Plaintext [from, to). Raises `leaf-tampered`, `wrong-key`, `chunk-tampered`, and what fetching raises. */
  async read(from: number, to: number, signal?: AbortSignal): Promise<Bytes> {
    if (from < 0 || to < from || to > this.plainLength) {
      throw new SealingError("bad-length", `no bytes ${from} to ${to} in a part of ${this.plainLength}`);
    }
    if (from === to) return new Uint8Array(0);
    const first = Math.floor(from / LEAF_PLAIN_BYTES);
    const last = Math.floor((to - 1) / LEAF_PLAIN_BYTES);
    this.load(first, last, signal);
    const leaves: Promise<Bytes>[] = [];
    for (let leaf = first; leaf <= last; leaf++) leaves.push(this.opened(leaf, signal));
    const pieces: Bytes[] = [];
    for (const [i, plain] of (await Promise.all(leaves)).entries()) {
      const start = (first + i) * LEAF_PLAIN_BYTES;
      pieces.push(plain.subarray(Math.max(0, from - start), Math.min(plain.length, to - start)));
    }
    this.trim(last);
    return concat(...pieces);
  }

  /** A leaf that is being loaded. One whose loading another reader began, and gave up, is loaded anew for this one. */
  private async opened(leaf: number, signal?: AbortSignal): Promise<Bytes> {
    const loading = this.cache.get(leaf) as Promise<Bytes>;
    try {
      return await loading;
    } catch (error) {
      const givenUp = error instanceof DOMException && error.name === "AbortError";
      if (!givenUp || signal?.aborted) throw error;
      this.load(leaf, leaf, signal);
      return this.opened(leaf, signal);
    }
  }

  /** Starts loading what is not there yet of leaves first…last, one request per unbroken stretch. */
  private load(first: number, last: number, signal?: AbortSignal): void {
    for (let leaf = first; leaf <= last; leaf++) {
      if (this.cache.has(leaf)) continue;
      let end = leaf;
      while (end < last && !this.cache.has(end + 1)) end++;
      const [from] = leafRange(leaf, this.source.length);
      const [, to] = leafRange(end, this.source.length);
      const sealed = this.source.fetch(from, to, signal);
      for (let i = leaf; i <= end; i++) {
        const [a, b] = leafRange(i, this.source.length);
        this.keep(i, sealed.then((bytes) => this.openLeaf(i, bytes.subarray(a - from, b - from))));
      }
      leaf = end;
    }
  }

  /** Remembers a leaf; a failed one is forgotten, so that the next read tries again. */
  private keep(leaf: number, plain: Promise<Bytes>): void {
    this.cache.set(leaf, plain);
    plain.catch(() => {
      if (this.cache.get(leaf) === plain) this.cache.delete(leaf);
    });
  }

  private trim(newest: number): void {
    for (const leaf of [...this.cache.keys()].sort((a, b) => Math.abs(b - newest) - Math.abs(a - newest))) {
      if (this.cache.size <= CACHED_LEAVES) return;
      this.cache.delete(leaf);
    }
  }

  private async openLeaf(index: number, sealed: Bytes): Promise<Bytes> {
    if (!equal(await leafHash(sealed), this.source.leaves[index] as Bytes)) {
      throw new SealingError("leaf-tampered", `sealed bytes of leaf ${index} are not the signed ones`);
    }
    const opener = await this.chunkOpener();
    return opener.run(index * LEAF_CHUNKS, index === 0 ? sealed.subarray(HEADER_BYTES) : sealed);
  }

  private chunkOpener(): Promise<ChunkOpener> {
    this.opener ??= ChunkOpener.create(this.source.key, this.source.context, this.source.header);
    return this.opener;
  }
}
