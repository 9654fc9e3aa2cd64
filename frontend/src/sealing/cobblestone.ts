/** C2SP chunked-encryption, Cobblestone-256 (SPEC 2.1): whole messages and single chunks, never a byte of an unauthenticated one. */
import { ascii, concat, equal, type Bytes } from "./bytes";
import { SealingError } from "./errors";
import { hkdfExpand, type InputKey } from "./keys";
import { CHUNK_BYTES, HEADER_BYTES, SEALED_CHUNK_BYTES, TAG_BYTES } from "./registry";

const LABEL = concat(ascii("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"), new Uint8Array(1));
const SALT_BYTES = 24;

/** Plaintext bytes in a message of `sealedLength` bytes. Raises `bad-length`, or `truncated` where it ends with a full chunk. */
export function plainLength(sealedLength: number): number {
  const body = sealedLength - HEADER_BYTES;
  if (body < TAG_BYTES) throw new SealingError("bad-length", `no sealed part has ${sealedLength} bytes`);
  const rest = body % SEALED_CHUNK_BYTES;
  if (rest === 0) throw new SealingError("truncated", "the sealed part ends with a full chunk");
  if (rest < TAG_BYTES) throw new SealingError("bad-length", `no sealed part has ${sealedLength} bytes`);
  return Math.floor(body / SEALED_CHUNK_BYTES) * CHUNK_BYTES + rest - TAG_BYTES;
}

/** 56 + n + 16·(⌊n/16384⌋ + 1). */
export function sealedLength(plain: number): number {
  return HEADER_BYTES + plain + TAG_BYTES * (Math.floor(plain / CHUNK_BYTES) + 1);
}

export function chunkCount(plain: number): number {
  return Math.floor(plain / CHUNK_BYTES) + 1;
}

/** Opens the chunks of one message, in any order. */
export class ChunkOpener {
  private constructor(
    private readonly key: CryptoKey,
    private readonly baseNonce: Bytes,
  ) {}

  /** Derives the message's keys from its header. Raises `wrong-key` when key, context or header are not the ones it was sealed with. */
  static async create(inputKey: InputKey, context: Bytes, header: Bytes): Promise<ChunkOpener> {
    if (header.length < HEADER_BYTES) throw new SealingError("bad-length", "the header of a sealed part has 56 bytes");
    const okm = await hkdfExpand(inputKey, concat(LABEL, header.subarray(0, SALT_BYTES), context), 76);
    if (!equal(okm.subarray(44, 76), header.subarray(SALT_BYTES, HEADER_BYTES))) {
      throw new SealingError("wrong-key", "the key does not belong to this part, or its place is another one");
    }
    const key = await crypto.subtle.importKey("raw", okm.slice(0, 32), "AES-GCM", false, ["decrypt"]);
    const opener = new ChunkOpener(key, okm.slice(32, 44));
    okm.fill(0);
    return opener;
  }

  /** Plaintext of chunk `index`. Raises `chunk-tampered`. */
  async chunk(index: number, sealed: Bytes): Promise<Bytes> {
    const iv = this.baseNonce.slice();
    let carry = index;
    for (let i = 11; carry > 0; i--) {
      iv[i] = (iv[i] as number) ^ (carry & 0xff);
      carry = Math.floor(carry / 256);
    }
    try {
      return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv }, this.key, sealed));
    } catch {
      throw new SealingError("chunk-tampered", `chunk ${index} does not verify`);
    }
  }

  /** Plaintext of consecutive sealed chunks, the first of which has number `first`; opened in parallel. */
  async run(first: number, sealed: Bytes): Promise<Bytes> {
    const jobs: Promise<Bytes>[] = [];
    for (let at = 0; at < sealed.length; at += SEALED_CHUNK_BYTES) {
      jobs.push(this.chunk(first + jobs.length, sealed.subarray(at, at + SEALED_CHUNK_BYTES)));
    }
    return concat(...(await Promise.all(jobs)));
  }
}

/** Opens a whole message. Raises `wrong-key`, `chunk-tampered`, `truncated`, `bad-length`. */
export async function openMessage(inputKey: InputKey, context: Bytes, sealed: Bytes): Promise<Bytes> {
  plainLength(sealed.length);
  const opener = await ChunkOpener.create(inputKey, context, sealed.subarray(0, HEADER_BYTES));
  return opener.run(0, sealed.subarray(HEADER_BYTES));
}
