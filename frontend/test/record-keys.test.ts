/** Records of an agent whose key was rolled over: each is checked by the key it names. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { fromHex, type Bytes } from "../src/sealing/bytes";
import { readRecord, verifyByOneOf } from "../src/sealing/record";

interface Vector {
  readonly input?: { readonly data?: string; readonly public_key?: string };
  readonly data?: string;
  readonly public_key?: string;
  readonly error?: string;
}

const vectors = JSON.parse(readFileSync(new URL("../../sealing/vectors/records.json", import.meta.url), "utf8")) as
  | Vector[]
  | { readonly vectors: Vector[] };
const good = (Array.isArray(vectors) ? vectors : vectors.vectors).filter(
  (one) => !one.error && one.data && one.public_key,
) as { data: string; public_key: string }[];

function another(): Bytes {
  return crypto.getRandomValues(new Uint8Array(32));
}

describe("a record of one of several keys", () => {
  it("holds under the one it names, wherever that stands", async () => {
    expect(good.length).toBeGreaterThan(0);
    for (const one of good.slice(0, 5)) {
      const own = fromHex(one.public_key);
      for (const keys of [[own], [another(), own], [own, another()]]) {
        const record = await verifyByOneOf(fromHex(one.data), keys);
        expect(record.signed.kid).toEqual(readRecord(fromHex(one.data)).signed.kid);
      }
    }
  });

  it("is refused where none of them is the one it names", async () => {
    const [one] = good;
    for (const keys of [[], [another()], [another(), another()]]) {
      await expect(verifyByOneOf(fromHex(one?.data ?? ""), keys)).rejects.toMatchObject({ code: "bad-signature" });
    }
  });

  it("is refused where it was changed", async () => {
    const [one] = good;
    const bytes = fromHex(one?.data ?? "");
    bytes[bytes.length - 1] = (bytes[bytes.length - 1] ?? 0) ^ 1;
    await expect(verifyByOneOf(bytes, [fromHex(one?.public_key ?? "")])).rejects.toMatchObject({
      code: "bad-signature",
    });
  });
});
