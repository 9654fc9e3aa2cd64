/** Customer-held keys: derivations, ways and the kit against vectors computed in Python (tests/frontend/held_vectors.py). */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { boxPublic, cameraPrivate, recipientPrivate, rootSeed, signer, type KeyKind } from "../src/held/derive";
import { KitError, makeKit, openKit, readSheet, sheetText } from "../src/held/kit";
import { passkeyKek, passphraseKek, unwrapOwnKey, WayRefused, wrapOwnKey } from "../src/held/own-key";
import { fromHex, hex, uuidBytes, type Bytes } from "../src/sealing/bytes";

type Vector = Record<string, any>;

const FILE = join(import.meta.dirname, "../../tests/frontend/held_vectors.json");
const { vectors } = JSON.parse(readFileSync(FILE, "utf8")) as { vectors: Vector[] };

const DERIVED: Record<string, (vault: Bytes, vector: Vector) => Promise<Bytes>> = {
  root: (vault) => rootSeed(vault),
  recipient: (vault, { epoch }) => recipientPrivate(vault, epoch as number),
  camera: (vault, { camera, kind, epoch }) => cameraPrivate(vault, uuidBytes(camera as string), kind as KeyKind, epoch as number),
};

const KEKS: Record<string, (vector: Vector) => Promise<Bytes>> = {
  passkey: ({ prf }) => passkeyKek(fromHex(prf as string)),
  passphrase: ({ passphrase, salt, m_kib, t, p }) => passphraseKek(passphrase as string, fromHex(salt as string), { m_kib, t, p }),
};

describe("what follows from the vault secret", () => {
  const derived = vectors.filter(({ op }) => op in DERIVED);
  it.each(derived)("$op, epoch $epoch", async (vector) => {
    const secret = await (DERIVED[vector["op"]] as (typeof DERIVED)[string])(fromHex(vector["vault"]), vector);
    expect(hex(secret)).toBe(vector["seed"] ?? vector["private"]);
    expect(hex(vector["op"] === "root" ? (await signer(secret)).publicBytes : await boxPublic(secret))).toBe(vector["public"]);
  });
  it("has a vector of each", () => expect(new Set(derived.map(({ op }) => op as string))).toEqual(new Set(Object.keys(DERIVED))));
});

describe("the own key", () => {
  const ways = vectors.filter(({ op }) => op in KEKS);
  it.each(ways)("opens by its $op, and by nothing else", async (vector) => {
    const kek = await (KEKS[vector["op"]] as (typeof KEKS)[string])(vector);
    expect(hex(kek)).toBe(vector["kek"]);
    const owner = { tenant: vector["tenant"] as string, account: vector["account"] as string };
    const [wrapped, publicBytes] = [fromHex(vector["wrapped"]), fromHex(vector["public"])];
    expect(hex(await unwrapOwnKey(wrapped, kek, owner, publicBytes))).toBe(vector["private"]);
    const again = await wrapOwnKey(fromHex(vector["private"]), kek, owner);
    expect(hex(await unwrapOwnKey(again, kek, owner, publicBytes))).toBe(vector["private"]);
    expect(hex(again)).not.toBe(vector["wrapped"]);
    const swapped = { tenant: owner.account, account: owner.tenant };
    await expect(unwrapOwnKey(wrapped, kek, swapped, publicBytes)).rejects.toThrow(WayRefused);
    const flipped = wrapped.slice();
    flipped[30] = (flipped[30] as number) ^ 1;
    await expect(unwrapOwnKey(flipped, kek, owner, publicBytes)).rejects.toThrow(WayRefused);
    await expect(unwrapOwnKey(wrapped, new Uint8Array(32), owner, publicBytes)).rejects.toThrow(WayRefused);
    await expect(unwrapOwnKey(wrapped.slice(1), kek, owner, publicBytes)).rejects.toThrow(WayRefused);
  }, 60_000);
  it("has a vector of each way", () => expect(ways.map(({ op }) => op as string)).toEqual(Object.keys(KEKS)));

  it("asks no device for more work than there is reason for", async () => {
    await expect(passphraseKek("x", new Uint8Array(16), { m_kib: 1 << 22, t: 3, p: 1 })).rejects.toThrow(WayRefused);
  });
});

describe("the recovery kit", () => {
  const kit = vectors.find(({ op }) => op === "kit") as Vector;
  const sheets = kit["sheets"] as [string, string, string];

  it.each([[0, 1], [1, 2], [2, 0]] as const)("opens by any two sheets (%i and %i)", async (a, b) => {
    const [first, second] = [await readSheet(sheets[a]), await readSheet(sheets[b])];
    expect([first.number, second.number, first.set]).toEqual([a + 1, b + 1, kit["set"]]);
    expect(hex(await openKit(first, second))).toBe(kit["vault"]);
  });

  it("is read as people type it", async () => {
    const typed = sheets[0].toLowerCase().replaceAll(" ", "-").replaceAll("0", "o").replaceAll("1", "l");
    expect(await readSheet(` ${typed}\n`)).toEqual(await readSheet(sheets[0]));
  });

  it("comes back from a kit made here, in one line of 17 groups", async () => {
    const secret = fromHex(kit["vault"]);
    const made = await makeKit(secret);
    const texts = await Promise.all(made.map(sheetText));
    for (const text of texts) expect(text).toMatch(/^([0-9A-HJKMNP-TV-Z]{4} ){16}[0-9A-HJKMNP-TV-Z]{4}$/);
    const [one, two, three] = await Promise.all(texts.map(readSheet));
    for (const pair of [[one, two], [three, one]] as const) expect(await openKit(pair[0]!, pair[1]!)).toEqual(secret);
  });

  const faults: [string, string, string][] = [
    ["a letter that does not exist", `U${sheets[0].slice(1)}`, "letters"],
    ["a group left out", sheets[0].slice(5), "length"],
    ["two letters that changed places", sheets[0].slice(0, 10) + sheets[0][11] + sheets[0][10] + sheets[0].slice(12), "checksum"],
  ];
  it.each(faults)("says what is wrong with %s", async (_, typed, fault) => {
    await expect(readSheet(typed)).rejects.toMatchObject({ fault });
  });

  it("refuses one sheet twice, and sheets of two kits", async () => {
    const first = await readSheet(sheets[0]);
    await expect(openKit(first, first)).rejects.toMatchObject({ fault: "same" });
    const [, , other] = await makeKit(fromHex(kit["vault"]));
    await expect(openKit(first, other!)).rejects.toMatchObject({ fault: "sets" });
    await expect(openKit(first, first)).rejects.toThrow(KitError);
  });
});
