/** Reading parts: what several readers of one leaf owe each other. */
import { expect, test } from "vitest";
import { concat, ascii, type Bytes } from "../src/sealing/bytes";
import { hkdfExpand, importInputKey } from "../src/sealing/keys";
import { leafHash } from "../src/sealing/merkle";
import { PartReader, type FetchSealed } from "../src/sealing/part-reader";

const LABEL = concat(ascii("c2sp.org/chunked-encryption@v1+AEAD_AES_256_GCM"), new Uint8Array(1));
const PLAIN = ascii("one leaf of one chunk");

/** A part of one chunk, and a reader of it that fetches as `fetch` says, given the sealed bytes. */
async function onePart(fetch: (sealed: Bytes) => FetchSealed): Promise<PartReader> {
  const [raw, context, salt] = [new Uint8Array(32).fill(1), ascii("context"), new Uint8Array(24).fill(2)];
  const key = await importInputKey(raw);
  const okm = await hkdfExpand(key, concat(LABEL, salt, context), 76);
  const aes = await crypto.subtle.importKey("raw", okm.slice(0, 32), "AES-GCM", false, ["encrypt"]);
  const chunk = new Uint8Array(await crypto.subtle.encrypt({ name: "AES-GCM", iv: okm.slice(32, 44) }, aes, PLAIN));
  const header = concat(salt, okm.slice(44, 76));
  const sealed = concat(header, chunk);
  const leaves = [await leafHash(sealed)];
  return new PartReader({ length: sealed.length, leaves, header, context, key, fetch: fetch(sealed) });
}

/** Answers when told; an aborted request fails as `fetch` does. */
function held(answers: (() => void)[]): (sealed: Bytes) => FetchSealed {
  return (sealed) => (from, to, signal) =>
    new Promise((resolve, reject) => {
      answers.push(() => resolve(sealed.slice(from, to)));
      signal?.addEventListener("abort", () => reject(new DOMException("no longer wanted", "AbortError")));
    });
}

test("a reader who gives up takes the leaf from nobody else", async () => {
  const answers: (() => void)[] = [];
  const reader = await onePart(held(answers));
  const leaving = new AbortController();
  const first = reader.read(0, 8, leaving.signal);
  const second = reader.read(4, PLAIN.length, new AbortController().signal);
  expect(answers).toHaveLength(1);
  leaving.abort();
  await expect(first).rejects.toThrow("no longer wanted");
  await expect.poll(() => answers.length).toBe(2);
  answers[1]?.();
  expect(await second).toEqual(PLAIN.slice(4));
});

test("a reader who gave up himself is told so, and the next one loads anew", async () => {
  const answers: (() => void)[] = [];
  const reader = await onePart(held(answers));
  const leaving = new AbortController();
  const gone = reader.read(0, 8, leaving.signal);
  leaving.abort();
  await expect(gone).rejects.toThrow("no longer wanted");
  const next = reader.read(0, 8);
  answers.at(-1)?.();
  expect(await next).toEqual(PLAIN.slice(0, 8));
  expect(answers).toHaveLength(2);
});
