/** Acts with an own key and a vault, against the verifier and opener that agents' and players' side use. */
import { Aes256Gcm, CipherSuite, DhkemX25519HkdfSha256, HkdfSha256 } from "@hpke/core";
import { beforeAll, describe, expect, it } from "vitest";
import { HeldActs } from "../src/held/acts";
import type { ApiShare, CameraKeyName, PeriodEnvelope } from "../src/held/api";
import { boxKeys, signer } from "../src/held/derive";
import { Holdings, NotShared } from "../src/held/holdings";
import type { Act, Chain, OwnRef, VaultDraft, VaultRef } from "../src/held/messages";
import type { Owner } from "../src/held/own-key";
import type { OwnStore } from "../src/held/store";
import { ascii, fromBase64Url, hex, sha256, toBase64Url, uuidBytes, uuidText, type Bytes } from "../src/sealing/bytes";
import { encode, type Cbor } from "../src/sealing/cbor";
import { hashOf, parseSigned, type RootSigner } from "../src/sealing/cose";
import { boxKeyId, openKey, openPassword, parseEnvelope, sealEnvelope, type BoxKeys } from "../src/sealing/envelope";
import { PURPOSE_REC, STATEMENT_AGENT_REVOKED, STATEMENT_RECIPIENTS, STATEMENT_ROOT, STATEMENT_ROOT_HANDOVER } from "../src/sealing/registry";
import { cameraKeyName, fingerprintOf, signStatement, verifyStatements, type Trust } from "../src/sealing/statement";

const TENANT = "3f2c1d5e-0000-4000-8000-000000000001";
const HOLDER: Owner = { tenant: TENANT, account: "3f2c1d5e-0000-4000-8000-000000000002" };
const MEMBER: Owner = { tenant: TENANT, account: "3f2c1d5e-0000-4000-8000-000000000003" };
const CAMERA = "3f2c1d5e-0000-4000-8000-000000000004";
const OTHER = "3f2c1d5e-0000-4000-8000-000000000005";
const ISSUED_US = 1_790_000_000_000_000;
const tenant = uuidBytes(TENANT);

class Shelf implements OwnStore {
  readonly rows = new Map<string, BoxKeys>();
  get = async (owner: Owner): Promise<BoxKeys | null> => this.rows.get(owner.account) ?? null;
  put = async (owner: Owner, keys: BoxKeys): Promise<void> => void this.rows.set(owner.account, keys);
  remove = async (owner: Owner): Promise<void> => void this.rows.delete(owner.account);
}

/** A portal's managed root with its statements, as they are before a switch. */
class Portal {
  readonly statements: string[] = [];
  root!: RootSigner;
  fingerprint = "";

  static async made(): Promise<Portal> {
    const portal = new Portal();
    portal.root = await signer(await sha256(ascii("managed root")));
    portal.fingerprint = await fingerprintOf(portal.root.publicBytes);
    await portal.state(STATEMENT_ROOT, new Map([[1, portal.root.publicBytes]]));
    const managed = await sha256(ascii("managed recipient"));
    await portal.state(STATEMENT_RECIPIENTS, new Map<number, Cbor>([[1, [[1, managed, 1]]]]));
    return portal;
  }

  async next(): Promise<{ number: number; prev: Bytes }> {
    const last = this.statements.at(-1);
    return { number: this.statements.length, prev: last ? await hashOf(parseSigned(fromBase64Url(last))) : new Uint8Array(32) };
  }

  async signed(kind: number, body: Map<number, Cbor>): Promise<string> {
    return toBase64Url(await signStatement({ tenant, issuedUs: ISSUED_US, ...(await this.next()) }, kind, body, this.root));
  }

  async state(kind: number, body: Map<number, Cbor>): Promise<void> {
    this.statements.push(await this.signed(kind, body));
  }

  get chain(): Chain {
    return { fingerprint: this.fingerprint, statements: this.statements, seen: null };
  }

  trust(): Promise<Trust> {
    return verifyStatements(this.statements.map(fromBase64Url), this.fingerprint);
  }
}

const shelf = new Shelf();
const acts = new HeldActs(shelf);
const quiet = (): void => undefined;
const PRF = new Uint8Array(32).fill(7);
const WAY = { kind: "passkey", label: "Key ring", prf: PRF, data: { credential_id: "AQ", salt: "Ag" } } as const;
let portal: Portal;
let own: OwnRef;
let draft: VaultDraft;
let vault: VaultRef;

function act(): Act {
  return { ...own, vault };
}

async function made(owner: Owner): Promise<OwnRef> {
  return { owner, publicKey: (await acts.makeOwn({ owner, ways: [WAY] }, quiet)).public };
}

async function switched(): Promise<ApiShare[]> {
  const { number, prev } = await portal.next();
  const offer = { number, prev: toBase64Url(prev), issued_us: ISSUED_US };
  const countersignature = await acts.countersign({ ...act(), offer });
  const body = new Map<number, Cbor>([[1, fromBase64Url(vault.root_public)], [2, fromBase64Url(countersignature)]]);
  const handover = await portal.signed(STATEMENT_ROOT_HANDOVER, body);
  const sent = await acts.switchBody({ ...act(), offer, handover, chain: portal.chain, cameras: [CAMERA, OTHER] });
  portal.statements.push(...sent.statements);
  return [...sent.shares];
}

async function envelope(keyId: Bytes, secret: Bytes, to: Bytes, epoch: number): Promise<PeriodEnvelope> {
  const info = { purpose: PURPOSE_REC, tenant, scope: [uuidBytes(CAMERA), 1, ISSUED_US], keyId, epoch };
  const sealed = toBase64Url(await sealEnvelope(info, secret, to));
  return { key_id: toBase64Url(keyId), class: 1, period_start_us: ISSUED_US, recipient: toBase64Url(await boxKeyId(to)), epoch, sealed };
}

function openers(shares: readonly ApiShare[], owner: Owner): Holdings {
  return new Holdings(tenant, shelf.rows.get(owner.account) as BoxKeys, shares);
}

beforeAll(async () => {
  portal = await Portal.made();
  own = await made(HOLDER);
  draft = await acts.newVault(own);
  vault = draft;
});

describe("a vault", () => {
  it("opens by two of its sheets, and by no other kit's", async () => {
    const [one, , three] = draft.sheets as [string, string, string];
    await acts.checkKit({ sheets: [one, three], recipientPublic: draft.recipient_public });
    const again = await acts.newKit(act());
    expect(again.set).not.toBe(draft.set);
    await acts.checkKit({ sheets: [again.sheets[0] as string, again.sheets[1] as string], recipientPublic: draft.recipient_public });
    const mixed = acts.checkKit({ sheets: [one, again.sheets[2] as string], recipientPublic: draft.recipient_public });
    await expect(mixed).rejects.toMatchObject({ fault: "sets" });
    const other = await acts.newVault(own);
    const strange = acts.checkKit({ sheets: [other.sheets[0] as string, other.sheets[1] as string], recipientPublic: draft.recipient_public });
    await expect(strange).rejects.toMatchObject({ code: "wrong-key" });
  });

  it("opens for nobody whose own key is locked", async () => {
    const keys = shelf.rows.get(HOLDER.account) as BoxKeys;
    await acts.lock({ owner: HOLDER });
    expect(await acts.unlocked(own)).toBe(false);
    await expect(acts.vaultShare({ ...act(), chain: portal.chain, account: HOLDER.account })).rejects.toThrow("not open on this device");
    shelf.rows.set(HOLDER.account, keys);
    expect(await acts.unlocked(own)).toBe(true);
  });
});

describe("a camera's password", () => {
  const change = "3f2c1d5e-0000-4000-8000-000000000006";

  it("opens as an agent seals it, for its camera and change alone", async () => {
    // seal_password("kV7-tmQx3 ü") of protocol/passwords.py, to the private key 01 02 … 20.
    const sealed = fromBase64Url("cZ1ruc9UtA-xiE-_xC8spacfOyXy_WUk-OBMJe0PGHDUNQaKTn_nZE-l5ZNoKCr0OOho4bPOSfNw12bb");
    const keys = await boxKeys(Uint8Array.from({ length: 32 }, (_, i) => i + 1));
    const bound = { tenant: TENANT, camera: CAMERA, change };
    expect(await openPassword(sealed, bound, keys)).toBe("kV7-tmQx3 ü");
    await expect(openPassword(sealed, { ...bound, camera: OTHER }, keys)).rejects.toMatchObject({ code: "wrong-envelope" });
    sealed[40]! ^= 1;
    await expect(openPassword(sealed, bound, keys)).rejects.toMatchObject({ code: "wrong-envelope" });
  });

  it("opens in a holder's browser, and in nobody's whose vault is another", async () => {
    const suite = new CipherSuite({ kem: new DhkemX25519HkdfSha256(), kdf: new HkdfSha256(), aead: new Aes256Gcm() });
    const to = fromBase64Url(vault.recipient_public);
    const info = encode(["vsaas-password-v1", ...[TENANT, CAMERA, change].map(uuidBytes), await boxKeyId(to)]);
    const { ct, enc } = await suite.seal({ recipientPublicKey: await suite.kem.deserializePublicKey(to), info }, ascii("hidden"));
    const sealed = toBase64Url(new Uint8Array([...new Uint8Array(enc), ...new Uint8Array(ct)]));
    expect(await acts.openPassword({ ...act(), camera: CAMERA, change, sealed })).toBe("hidden");
    const other = { ...own, vault: await acts.newVault(own) };
    await expect(acts.openPassword({ ...other, camera: CAMERA, change, sealed })).rejects.toMatchObject({ code: "wrong-envelope" });
  });
});

describe("the own key", () => {
  it("comes back by its way after it was locked, and takes one way more", async () => {
    const { public: publicKey, ways } = await acts.makeOwn({ owner: MEMBER, ways: [WAY] }, quiet);
    const way = { id: "1", created_us: 0, ...ways[0] } as never;
    await acts.lock({ owner: MEMBER });
    await expect(acts.unlock({ owner: MEMBER, publicKey, by: { way, prf: new Uint8Array(32) } }, quiet)).rejects.toThrow("does not open");
    await acts.unlock({ owner: MEMBER, publicKey, by: { way, prf: PRF } }, quiet);
    expect(await acts.unlocked({ owner: MEMBER, publicKey })).toBe(true);
    const second = { ...WAY, prf: new Uint8Array(32).fill(9) };
    const added = await acts.addWay({ owner: MEMBER, publicKey, by: { way, prf: PRF }, way: second }, quiet);
    await acts.lock({ owner: MEMBER });
    await acts.unlock({ owner: MEMBER, publicKey, by: { way: { id: "2", created_us: 0, ...added } as never, prf: second.prf } }, quiet);
    expect(await acts.unlocked({ owner: MEMBER, publicKey })).toBe(true);
  });
});

describe("the switch", () => {
  let shares: ApiShare[];
  beforeAll(async () => (shares = await switched()));

  it("hands the root over, and states recipient, holder and every camera's keys", async () => {
    const trust = await portal.trust();
    expect(trust.fingerprints).toHaveLength(2);
    expect(trust.recipients.map(({ publicKey }) => toBase64Url(publicKey))).toEqual([vault.recipient_public]);
    expect(toBase64Url(trust.memberKeys.get(hex(uuidBytes(HOLDER.account))) as Bytes)).toBe(own.publicKey);
    expect([...trust.cameraKeys.values()].map(({ epoch }) => epoch)).toEqual([1, 1, 1, 1]);
  });

  it("gives the holder shares that open what is sealed to the stated keys", async () => {
    const trust = await portal.trust();
    const stated = trust.cameraKeys.get(cameraKeyName(uuidBytes(CAMERA), 0))!;
    const place = { camera: uuidBytes(CAMERA), kind: 0 } as const;
    const keys = await openers(shares, HOLDER).cameraKeys(await boxKeyId(stated.publicKey), place);
    expect(keys.box.publicBytes).toEqual(stated.publicKey);
    await expect(openers(shares, HOLDER).cameraKeys(keys.box.kid, { camera: uuidBytes(OTHER), kind: 0 })).rejects.toMatchObject({ code: "wrong-scope" });
    await expect(openers([], HOLDER).cameraKeys(keys.box.kid, place)).rejects.toThrow(NotShared);
  });

  it("refuses a handover that is not the one asked for", async () => {
    const { number, prev } = await portal.next();
    const offer = { number, prev: toBase64Url(prev), issued_us: ISSUED_US };
    const handover = portal.statements[2] as string;
    await expect(acts.switchBody({ ...act(), offer, handover, chain: portal.chain, cameras: [] })).rejects.toMatchObject({ code: "broken-statements" });
  });

  it("signs what is asked for and what the holder wishes, one after the other", async () => {
    const body = toBase64Url(encode(new Map<number, Cbor>([[1, uuidBytes(OTHER)], [2, []]])));
    const member = await made(MEMBER);
    const wishes = [
      { type: "members", named: [{ account: MEMBER.account, public: member.publicKey }], ended: [] },
      { type: "cameras", keys: [{ camera: CAMERA, kind: 0, epoch: 2 }] },
    ] as const;
    const requests = [{ kind: STATEMENT_AGENT_REVOKED, body }];
    const signed = await acts.sign({ ...act(), chain: portal.chain, nowUs: ISSUED_US, requests, wishes });
    portal.statements.push(...signed);
    const trust = await portal.trust();
    expect(trust.revoked.has(hex(uuidBytes(OTHER)))).toBe(true);
    expect(trust.memberKeys.size).toBe(2);
    expect(trust.cameraKeys.get(cameraKeyName(uuidBytes(CAMERA), 0))?.epoch).toBe(2);
  });

  it("signs no root, recipient, camera or member on request, nothing on a forged chain, and no epoch twice", async () => {
    const common = { ...act(), chain: portal.chain, nowUs: ISSUED_US, wishes: [] };
    for (const kind of [1, 3, 9, 10, 11]) {
      const body = toBase64Url(encode(new Map<number, Cbor>([[1, []], [2, []]])));
      await expect(acts.sign({ ...common, requests: [{ kind, body }] })).rejects.toMatchObject({ code: "bad-field" });
    }
    const short = { ...portal.chain, statements: portal.statements.slice(0, 2) };
    await expect(acts.sign({ ...common, chain: short, requests: [] })).rejects.toMatchObject({ code: "wrong-root-key" });
    const again = [{ type: "cameras", keys: [{ camera: CAMERA, kind: 0, epoch: 2 }] }] as const;
    await expect(acts.sign({ ...common, requests: [], wishes: again })).rejects.toMatchObject({ code: "broken-statements" });
  });

  it("rolls a camera's key: envelopes sealed to the old one, or to the vault, open by the new share alone", async () => {
    const trust = await portal.trust();
    const before = shares.find(({ camera, kind }) => camera === CAMERA && kind === 0) as ApiShare;
    const old = await openers(shares, HOLDER).cameraKeys(parseEnvelope(fromBase64Url(before.sealed)).keyId, { camera: uuidBytes(CAMERA), kind: 0 });
    const [idA, idB] = [new Uint8Array(16).fill(1), new Uint8Array(16).fill(2)];
    const secret = new Uint8Array(32).fill(5);
    const envelopes = [
      await envelope(idA, secret, old.box.publicBytes, 1),
      await envelope(idB, secret, fromBase64Url(vault.recipient_public), 1),
    ];
    const wrapped = await acts.rewrap({ ...act(), shares: [], camera: CAMERA, kind: 0, epoch: 2, envelopes });
    expect(wrapped.map(({ key_id }) => key_id)).toEqual([idA, idB].map(toBase64Url));
    const keys: CameraKeyName[] = [{ camera: CAMERA, kind: 0, epoch: 2 }];
    const fresh = await acts.cameraShares({ ...act(), chain: portal.chain, account: HOLDER.account, keys });
    for (const item of wrapped) {
      const parsed = parseEnvelope(fromBase64Url(item.envelope));
      expect(parsed.recipient).toEqual(await boxKeyId(trust.cameraKeys.get(cameraKeyName(uuidBytes(CAMERA), 0))!.publicKey));
      const { box } = await openers(fresh, HOLDER).cameraKeys(parsed.recipient, { camera: uuidBytes(CAMERA), kind: 0 });
      const expected = { purpose: PURPOSE_REC, tenant, scope: [uuidBytes(CAMERA), 1, ISSUED_US], keyId: fromBase64Url(item.key_id), epoch: 2 };
      expect(await openKey(parsed, expected, box)).toEqual(secret);
      await expect(openKey(parsed, expected, old.box)).rejects.toMatchObject({ code: "wrong-envelope" });
    }
    await expect(acts.rewrap({ ...act(), shares: [], camera: CAMERA, kind: 1, epoch: 2, envelopes })).rejects.toMatchObject({ code: "wrong-scope" });
    await expect(acts.rewrap({ ...act(), shares: [], camera: OTHER, kind: 0, epoch: 2, envelopes: [envelopes[0]!] })).rejects.toMatchObject({ code: "wrong-envelope" });
  });

  it("makes another holder by sealing the vault to the key a statement names, and to no other", async () => {
    const chain = portal.chain;
    const theirs = await made(MEMBER); // another key than the stated one
    const old = await acts.vaultShare({ ...act(), chain, account: MEMBER.account });
    const wish = { type: "members", named: [{ account: MEMBER.account, public: theirs.publicKey }], ended: [] } as const;
    portal.statements.push(...(await acts.sign({ ...act(), chain, nowUs: ISSUED_US, requests: [], wishes: [wish] })));
    const sealed = await acts.vaultShare({ ...act(), chain: portal.chain, account: MEMBER.account });
    const keys: CameraKeyName[] = [{ camera: CAMERA, kind: 1, epoch: 1 }];
    const asMember = (share: string): Act => ({ ...theirs, vault: { ...vault, sealed: share } });
    expect(await acts.cameraShares({ ...asMember(sealed), chain: portal.chain, account: MEMBER.account, keys })).toHaveLength(1);
    const refused = acts.cameraShares({ ...asMember(old), chain: portal.chain, account: MEMBER.account, keys });
    await expect(refused).rejects.toMatchObject({ code: "wrong-envelope" });
    const nobody = acts.cameraShares({ ...act(), chain: portal.chain, account: OTHER, keys });
    await expect(nobody).rejects.toMatchObject({ code: "unknown-signer" });
  });

  it("renews the vault: the new secret opens what comes, old keys open by one's own shares, and the old vault signs no more", async () => {
    const trust = await portal.trust();
    const keys = [...trust.cameraKeys.values()].map(({ camera, kind, epoch }) => ({ camera: uuidText(camera), kind: kind as 0 | 1, epoch }));
    const held = await acts.cameraShares({ ...act(), chain: portal.chain, account: HOLDER.account, keys });
    const renewed = await acts.newVault(own);
    const { number, prev } = await portal.next();
    const offer = { number, prev: toBase64Url(prev), issued_us: ISSUED_US };
    const wish = { ...act(), renewed, offer, chain: portal.chain, cameras: [CAMERA, OTHER] };
    await expect(acts.renewBody({ ...wish, shares: held.slice(1) })).rejects.toMatchObject({ code: "missing-key" });
    const sent = await acts.renewBody({ ...wish, shares: held });
    portal.statements.push(...sent.statements);
    const after = await portal.trust();
    expect(after.fingerprints).toHaveLength(3);
    expect(after.memberKeys).toEqual(trust.memberKeys);
    for (const [name, { epoch }] of trust.cameraKeys) expect(after.cameraKeys.get(name)?.epoch).toBe(epoch + 1);

    const old = trust.cameraKeys.get(cameraKeyName(uuidBytes(CAMERA), 0))!;
    const fresh = after.cameraKeys.get(cameraKeyName(uuidBytes(CAMERA), 0))!;
    const envelopes = [await envelope(new Uint8Array(16).fill(4), new Uint8Array(32).fill(6), old.publicKey, old.epoch)];
    const now: Act = { ...own, vault: renewed };
    const order = { camera: CAMERA, kind: 0, epoch: fresh.epoch, envelopes } as const;
    await expect(acts.rewrap({ ...now, ...order, shares: [] })).rejects.toMatchObject({ code: "wrong-envelope" });
    const [wrapped] = await acts.rewrap({ ...now, ...order, shares: held });
    expect(parseEnvelope(fromBase64Url(wrapped!.envelope)).recipient).toEqual(await boxKeyId(fresh.publicKey));
    const stale = acts.sign({ ...act(), chain: portal.chain, nowUs: ISSUED_US, requests: [], wishes: [] });
    await expect(stale).rejects.toMatchObject({ code: "wrong-root-key" });
  });
});
