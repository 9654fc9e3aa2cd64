/** What a holder's browser writes is, byte for byte, what the other implementation writes: statements; and what opens here: envelopes. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { ascii, concat, fromHex, hex, uuidBytes, type Bytes } from "../src/sealing/bytes";
import type { Cbor } from "../src/sealing/cbor";
import { hashOf, parseSigned, type RootSigner } from "../src/sealing/cose";
import { generateBoxKeys, openKey, parseEnvelope, sealEnvelope } from "../src/sealing/envelope";
import { PURPOSE_CAMERA_SHARE, PURPOSE_REC, PURPOSE_VAULT_SHARE, STATEMENT_CAMERA_KEYS, STATEMENT_ROOT_HANDOVER } from "../src/sealing/registry";
import { countersignHandover, fingerprintOf, signStatement, verifyStatements } from "../src/sealing/statement";

type Vector = { name: string; statements: string[]; fingerprint: string };
const FILE = join(import.meta.dirname, "../../sealing/vectors/statements.json");
const VECTORS = (JSON.parse(readFileSync(FILE, "utf8")) as { vectors: Vector[] }).vectors;
const START_US = 1_750_000_000_000_000;

/** The key made of the vectors' bytes for `seed` (README of the vectors, `stream`). */
async function signer(seed: string): Promise<RootSigner> {
  const bytes = createHash("sha256").update(seed).update(Buffer.alloc(8)).digest();
  const pkcs8 = concat(fromHex("302e020100300506032b657004220420"), new Uint8Array(bytes));
  const key = await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", true, ["sign"]);
  const { x } = await crypto.subtle.exportKey("jwk", key);
  return { privateKey: key, publicBytes: new Uint8Array(Buffer.from(x as string, "base64url")) };
}

function vector(name: string): { items: Bytes[]; fingerprint: string } {
  const found = VECTORS.find((item) => item.name === name);
  if (!found) throw new Error(`no vector ${name}`);
  return { items: found.statements.map(fromHex), fingerprint: found.fingerprint };
}

describe("writing", () => {
  it("hands the root over as the vectors do, and signs under the new one", async () => {
    const { items, fingerprint } = vector("handed over to another root");
    const before = await verifyStatements(items.slice(0, -1), fingerprint);
    const [root, second] = [await signer("root"), await signer("second root")];
    const number = items.length - 1;
    const prev = await hashOf(parseSigned(items[number - 1] as Bytes));
    const place = { tenant: before.tenant, number, prev, issuedUs: START_US + number };
    const body = new Map<number, Cbor>([[1, second.publicBytes], [2, await countersignHandover(place, second)]]);
    const signed = await signStatement(place, STATEMENT_ROOT_HANDOVER, body, root);
    expect(hex(signed)).toBe(hex(items[number] as Bytes));

    const camera = uuidBytes("00000000-0000-4000-8000-000000000001");
    const next = { tenant: before.tenant, number: number + 1, prev: await hashOf(parseSigned(signed)), issuedUs: START_US };
    const keys = new Map<number, Cbor>([[1, [[camera, 0, new Uint8Array(32).fill(9), 1]]]]);
    const stated = await signStatement(next, STATEMENT_CAMERA_KEYS, keys, second);
    const trust = await verifyStatements([...items, stated], await fingerprintOf(second.publicBytes));
    expect([...trust.cameraKeys.values()]).toEqual([{ camera, kind: 0, publicKey: new Uint8Array(32).fill(9), epoch: 1 }]);
    const forged = await signStatement(next, STATEMENT_CAMERA_KEYS, keys, root);
    await expect(verifyStatements([...items, forged], fingerprint)).rejects.toMatchObject({ code: "broken-statements" });
  });

  it("signs no statement that no reader would take", async () => {
    const place = { tenant: new Uint8Array(16), number: 1, prev: new Uint8Array(32), issuedUs: START_US };
    const none = new Map<number, Cbor>([[1, []]]);
    await expect((async () => signStatement(place, STATEMENT_CAMERA_KEYS, none, await signer("root")))()).rejects.toMatchObject({
      code: "bad-field",
    });
  });

  it("seals what only its recipient opens, for what it was sealed for", async () => {
    const [to, other] = [await generateBoxKeys(), await generateBoxKeys()];
    const tenant = uuidBytes("00000000-0000-4000-8000-000000000002");
    const secret = new Uint8Array(32).fill(7);
    const keyId = ascii("0123456789abcdef");
    for (const [purpose, scope] of [
      [PURPOSE_REC, [tenant, 0x83, START_US]],
      [PURPOSE_CAMERA_SHARE, [tenant, 1, 3]],
      [PURPOSE_VAULT_SHARE, [tenant]],
    ] as [number, Cbor[]][]) {
      const envelope = parseEnvelope(await sealEnvelope({ purpose, tenant, scope, keyId, epoch: 0 }, secret, to.publicBytes));
      expect(await openKey(envelope, { purpose, tenant, scope, keyId, epoch: 0 }, to)).toEqual(secret);
      await expect(openKey(envelope, { purpose, tenant, scope, recipient: to.kid }, other)).rejects.toMatchObject({ code: "wrong-envelope" });
      await expect(openKey(envelope, { purpose, tenant, scope, keyId, epoch: 1 }, to)).rejects.toMatchObject({ code: "wrong-envelope" });
    }
    const wrong = { purpose: PURPOSE_REC, tenant, scope: [tenant], keyId, epoch: 0 };
    await expect(sealEnvelope(wrong, secret, to.publicBytes)).rejects.toMatchObject({ code: "bad-field" });
  });
});
