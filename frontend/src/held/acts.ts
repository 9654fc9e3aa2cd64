/**
 * What is done with an own key and the vault secret. Lives in a worker of its own. The vault secret is opened for one act at a
 * time and overwritten after it.
 */
import { equal, fromBase64Url, fromHex, hex, toBase64Url, uuidBytes, uuidText, type Bytes } from "../sealing/bytes";
import { decode, type Cbor } from "../sealing/cbor";
import { hashOf, parseSigned, type RootSigner } from "../sealing/cose";
import { boxKeyId, openKey, openPassword, parseEnvelope, sealEnvelope, type BoxKeys, type Envelope } from "../sealing/envelope";
import { SealingError } from "../sealing/errors";
import {
  AUDIO,
  AUDIO_OF_SUB,
  PURPOSE_CAMERA_SHARE,
  PURPOSE_REC,
  PURPOSE_VAULT_SHARE,
  STATEMENT_CAMERA_KEYS,
  STATEMENT_MEMBER_KEYS,
  STATEMENT_RECIPIENTS,
  STATEMENT_ROOT,
  STATEMENT_ROOT_HANDOVER,
} from "../sealing/registry";
import {
  cameraKeyName,
  countersignHandover,
  fingerprintOf,
  signStatement,
  verifyStatements,
  type Trust,
} from "../sealing/statement";
import type { ApiShare, CameraKeyName, NewWay, SwitchBody } from "./api";
import { boxKeys, boxPublic, cameraPrivate, PICTURE, recipientPrivate, rootSeed, signer, SOUND, type KeyKind } from "./derive";
import { Holdings, KeysLocked, NotShared } from "./holdings";
import { makeKit, openKit, readSheet, sheetText } from "./kit";
import type { Act, Chain, HeldCalls, Kit, Opener, OwnRef, VaultDraft, VaultRef, WayWish, Wish } from "./messages";
import { ARGON2_COST, passkeyKek, passphraseKek, SALT_BYTES, unwrapOwnKey, wrapOwnKey, type Owner } from "./own-key";
import type { OwnStore } from "./store";

type Argument<N extends keyof HeldCalls> = HeldCalls[N]["argument"];
type Answer<N extends keyof HeldCalls> = Promise<HeldCalls[N]["answer"]>;
type Progress = (part: number) => void;

const RECIPIENT_TENANT = 1;
const FIRST_EPOCH = 1;
/** Entries of one statement (SPEC section 5). */
const ENTRIES_MOST = 500;
/** What a holder's browser signs because somebody asked: never a root, and never whom footage is sealed to. */
const NEVER_ASKED: readonly number[] = [
  STATEMENT_ROOT,
  STATEMENT_ROOT_HANDOVER,
  STATEMENT_RECIPIENTS,
  STATEMENT_CAMERA_KEYS,
  STATEMENT_MEMBER_KEYS,
];

interface Place {
  readonly tenant: Bytes;
  readonly number: number;
  readonly prev: Bytes;
}

export class HeldActs {
  constructor(private readonly store: OwnStore) {}

  // ---- own key

  /** A fresh own key under its first ways; it is open on this device from now on. */
  async makeOwn({ owner, ways }: Argument<"makeOwn">, progress: Progress): Answer<"makeOwn"> {
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const made: NewWay[] = [];
    for (const way of ways) made.push(await wrapped(secret, way, owner, progress));
    const keys = await boxKeys(secret);
    secret.fill(0);
    await this.store.put(owner, keys);
    return { public: toBase64Url(keys.publicBytes), ways: made };
  }

  /** Opens the own key by one of its ways and keeps it on this device. Raises WayRefused. */
  async unlock({ owner, publicKey, by }: Argument<"unlock">, progress: Progress): Answer<"unlock"> {
    const secret = await opened(owner, publicKey, by, progress);
    await this.store.put(owner, await boxKeys(secret));
    secret.fill(0);
    return null;
  }

  /** One more way to the same key, which a way there is must open first. Raises WayRefused. */
  async addWay({ owner, publicKey, by, way }: Argument<"addWay">, progress: Progress): Answer<"addWay"> {
    const secret = await opened(owner, publicKey, by, (part) => progress(part / 2));
    const made = await wrapped(secret, way, owner, (part) => progress(0.5 + part / 2));
    await this.store.put(owner, await boxKeys(secret));
    secret.fill(0);
    return made;
  }

  async unlocked({ owner, publicKey }: Argument<"unlocked">): Answer<"unlocked"> {
    const keys = await this.store.get(owner);
    return keys !== null && equal(keys.publicBytes, fromBase64Url(publicKey));
  }

  async lock({ owner }: Argument<"lock">): Answer<"lock"> {
    await this.store.remove(owner);
    return null;
  }

  private async own({ owner, publicKey }: OwnRef): Promise<BoxKeys> {
    const keys = await this.store.get(owner);
    if (!keys || !equal(keys.publicBytes, fromBase64Url(publicKey))) throw new KeysLocked("the own key is not open on this device");
    return keys;
  }

  // ---- vault

  /** A vault secret nobody else knows: sealed to its maker, split into a recovery kit. */
  async newVault(reference: Argument<"newVault">): Answer<"newVault"> {
    const own = await this.own(reference);
    const secret = crypto.getRandomValues(new Uint8Array(32));
    const id = uuidText(crypto.getRandomValues(new Uint8Array(16)).map(version4));
    const recipient = await boxPublic(await recipientPrivate(secret, FIRST_EPOCH));
    const root = await signer(await rootSeed(secret));
    const vault = { id, recipient_public: toBase64Url(recipient), root_public: toBase64Url(root.publicBytes) };
    const sealed = await sealVault(secret, vault, uuidBytes(reference.owner.tenant), own.publicBytes);
    const kit = await printed(secret);
    secret.fill(0);
    return { ...vault, sealed, ...kit } satisfies VaultDraft;
  }

  newKit(act: Argument<"newKit">): Answer<"newKit"> {
    return this.within(act, (secret) => printed(secret));
  }

  /** Two sheets typed back give this vault's secret. Raises KitError, and `wrong-key` where they are another vault's. */
  async checkKit({ sheets, recipientPublic }: Argument<"checkKit">): Answer<"checkKit"> {
    (await kitSecret(sheets, recipientPublic)).fill(0);
    return null;
  }

  /** Raises as `checkKit`. */
  async fromKit({ sheets, vault, ...own }: Argument<"fromKit">): Answer<"fromKit"> {
    const { publicBytes } = await this.own(own);
    const secret = await kitSecret(sheets, vault.recipient_public);
    const sealed = await sealVault(secret, vault, uuidBytes(own.owner.tenant), publicBytes);
    secret.fill(0);
    return sealed;
  }

  /** Opens the vault secret for one act. Raises KeysLocked, `wrong-envelope`, `wrong-key` (another vault's secret). */
  async openPassword({ camera, change, sealed, ...act }: Argument<"openPassword">): Answer<"openPassword"> {
    return this.within(act, async (secret) => {
      const keys = await boxKeys(await recipientPrivate(secret, FIRST_EPOCH));
      return openPassword(fromBase64Url(sealed), { tenant: act.owner.tenant, camera, change }, keys);
    });
  }

  private async within<T>(act: Act, work: (secret: Bytes, tenant: Bytes) => Promise<T>): Promise<T> {
    const own = await this.own(act);
    const tenant = uuidBytes(act.owner.tenant);
    const recipient = fromBase64Url(act.vault.recipient_public);
    const expected = {
      purpose: PURPOSE_VAULT_SHARE,
      tenant,
      scope: [uuidBytes(act.vault.id)],
      keyId: await boxKeyId(recipient),
      epoch: 0,
    };
    const secret = await openKey(parseEnvelope(fromBase64Url(act.vault.sealed)), expected, own);
    try {
      if (!equal(await boxPublic(await recipientPrivate(secret, FIRST_EPOCH)), recipient)) {
        throw new SealingError("wrong-key", "the vault opens to another secret than its public key says");
      }
      return await work(secret, tenant);
    } finally {
      secret.fill(0);
    }
  }

  // ---- switch

  countersign({ offer, ...act }: Argument<"countersign">): Answer<"countersign"> {
    return this.within(act, async (secret, tenant) => {
      const place = { tenant, number: offer.number, prev: fromBase64Url(offer.prev), issuedUs: offer.issued_us };
      return toBase64Url(await countersignHandover(place, await signer(await rootSeed(secret))));
    });
  }

  /**
   * Everything the portal needs to be without keys: the handover it signed, checked here from the pinned root, and what the new
   * root states after it. Raises `broken-statements`, `rolled-back`, `wrong-root-key` where the portal's part does not hold.
   */
  switchBody({ offer, handover, chain, cameras, ...act }: Argument<"switchBody">): Answer<"switchBody"> {
    return this.within(act, async (secret, tenant) => {
      const root = await signer(await rootSeed(secret));
      const statements = [...chain.statements, handover];
      const trust = await verified({ ...chain, statements }, tenant);
      if (trust.seen.number !== offer.number || trust.fingerprint !== (await fingerprintOf(root.publicBytes))) {
        throw new SealingError("broken-statements", "the portal signed another handover than was asked");
      }
      return bodyAfter({ act, secret, tenant, trust, handover, cameras, issuedUs: offer.issued_us });
    });
  }

  /**
   * Another vault secret in the place of this one, for whoever knew it and holds it no more. Raises as `sign`, and `missing-key`
   * where one's own shares do not hold every key that is stated: recordings sealed to it would be lost to all.
   */
  renewBody({ renewed, offer, chain, cameras, shares, ...act }: Argument<"renewBody">): Answer<"renewBody"> {
    return this.within(act, async (old, tenant) => {
      const root = await signer(await rootSeed(old));
      const before = await verifiedOwn(chain, tenant, root);
      const held = new Set(shares.map(({ sealed }) => hex(parseEnvelope(fromBase64Url(sealed)).keyId)));
      for (const { publicKey } of before.cameraKeys.values()) {
        if (!held.has(hex(await boxKeyId(publicKey)))) throw new SealingError("missing-key", "you do not hold every camera's key");
      }
      return this.within({ ...act, vault: renewed }, async (secret) => {
        const place = { tenant, number: before.seen.number + 1, prev: before.seen.hash, issuedUs: offer.issued_us };
        const next = await signer(await rootSeed(secret));
        const body = new Map<number, Cbor>([[1, next.publicBytes], [2, await countersignHandover(place, next)]]);
        const handover = toBase64Url(await signStatement(place, STATEMENT_ROOT_HANDOVER, body, root));
        const trust = await verified({ ...chain, statements: [...chain.statements, handover] }, tenant);
        return bodyAfter({ act: { ...act, vault: renewed }, secret, tenant, trust, handover, cameras, issuedUs: offer.issued_us });
      });
    });
  }

  // ---- statements, shares, rolls

  /** Statements that follow the verified ones: those asked for, then one's own. Raises as `verifyStatements`, and `wrong-root-key`. */
  sign({ chain, nowUs, requests, wishes, ...act }: Argument<"sign">): Answer<"sign"> {
    return this.within(act, async (secret, tenant) => {
      const root = await signer(await rootSeed(secret));
      const trust = await verifiedOwn(chain, tenant, root);
      const bodies: [number, Map<number, Cbor>][] = requests.map(({ kind, body }) => requested(kind, fromBase64Url(body)));
      for (const wish of wishes) bodies.push(...(await wished(wish, trust, secret)));
      return (await signedAfter(trust, tenant, bodies, nowUs, root)).map(toBase64Url);
    });
  }

  /** Shares for a person whose own key a statement names. Raises `unknown-signer` where none does, and as `sign`. */
  cameraShares({ chain, account, keys, ...act }: Argument<"cameraShares">): Answer<"cameraShares"> {
    return this.within(act, async (secret, tenant) => sealShares(secret, keys, tenant, await statedKey(chain, tenant, secret, account)));
  }

  /** The vault for a person whose own key a statement names. Raises as `cameraShares`. */
  vaultShare({ chain, account, ...act }: Argument<"vaultShare">): Answer<"vaultShare"> {
    return this.within(act, async (secret, tenant) => sealVault(secret, act.vault, tenant, await statedKey(chain, tenant, secret, account)));
  }

  /** The same period keys, sealed to the camera's key of `epoch`. Raises `wrong-envelope` for one that is not this vault's camera's. */
  rewrap({ shares, camera, kind, epoch, envelopes, ...act }: Argument<"rewrap">): Answer<"rewrap"> {
    return this.within(act, async (secret, tenant) => {
      const holdings = new Holdings(tenant, await this.own(act), shares);
      const place = uuidBytes(camera);
      const to = await boxPublic(await cameraPrivate(secret, place, kind, epoch));
      const openers = new Openers(secret, place, kind, holdings);
      const out: { key_id: string; envelope: string }[] = [];
      for (const { sealed } of envelopes) {
        const envelope = parseEnvelope(fromBase64Url(sealed));
        checkClass(envelope, kind);
        const { keyId } = envelope;
        const expected = { purpose: PURPOSE_REC, tenant, scope: [place, ...envelope.scope.slice(1)] };
        const key = await openKey(envelope, expected, await openers.of(envelope));
        const info = { purpose: PURPOSE_REC, tenant, scope: envelope.scope, keyId, epoch };
        out.push({ key_id: toBase64Url(keyId), envelope: toBase64Url(await sealEnvelope(info, key, to)) });
        key.fill(0);
      }
      return out;
    });
  }
}

/** Pairs that period envelopes of one camera were sealed to: its own earlier keys, of an earlier vault too, or the vault's recipient before it had one. */
class Openers {
  private readonly known = new Map<string, Promise<BoxKeys>>();

  constructor(
    private readonly secret: Bytes,
    private readonly camera: Bytes,
    private readonly kind: KeyKind,
    private readonly holdings: Holdings,
  ) {}

  /** Raises `wrong-envelope` where the envelope names a recipient of no such sort. */
  async of({ recipient, epoch }: Envelope): Promise<BoxKeys> {
    const camera = await this.pair(`camera ${epoch}`, () => cameraPrivate(this.secret, this.camera, this.kind, epoch));
    if (equal(camera.kid, recipient)) return camera;
    const tenant = await this.pair(`tenant ${epoch}`, () => recipientPrivate(this.secret, epoch));
    if (equal(tenant.kid, recipient)) return tenant;
    try {
      return (await this.holdings.cameraKeys(recipient, { camera: this.camera, kind: this.kind })).box;
    } catch (error) {
      if (!(error instanceof NotShared)) throw error;
      throw new SealingError("wrong-envelope", "the envelope is sealed to no key of this vault, and to none you were given");
    }
  }

  private pair(name: string, derived: () => Promise<Bytes>): Promise<BoxKeys> {
    const keys = this.known.get(name) ?? derived().then(boxKeys);
    this.known.set(name, keys);
    return keys;
  }
}

interface After {
  readonly act: Act;
  readonly secret: Bytes;
  readonly tenant: Bytes;
  /** Verified up to the handover. */
  readonly trust: Trust;
  readonly handover: string;
  readonly cameras: readonly string[];
  readonly issuedUs: number;
}

/** What the new root states once it is in force: recipient, whoever makes it a holder, and new keys of every camera. */
async function bodyAfter({ act, secret, tenant, trust, handover, cameras, issuedUs }: After): Promise<Omit<SwitchBody, "kit_confirmed">> {
  const keys = cameras.flatMap((camera) => KINDS.map((kind) => ({ camera, kind, epoch: epochAfter(trust, camera, kind) })));
  const recipients = [[RECIPIENT_TENANT, fromBase64Url(act.vault.recipient_public), FIRST_EPOCH]];
  const bodies: [number, Map<number, Cbor>][] = [
    [STATEMENT_RECIPIENTS, new Map<number, Cbor>([[1, recipients]])],
    memberBody([{ account: act.owner.account, public: act.publicKey }], []),
    ...(await cameraBodies(secret, keys)),
  ];
  const signed = await signedAfter(trust, tenant, bodies, issuedUs, await signer(await rootSeed(secret)));
  return {
    vault: act.vault.id,
    root_public: act.vault.root_public,
    recipient_public: act.vault.recipient_public,
    sealed: act.vault.sealed,
    statements: [handover, ...signed.map(toBase64Url)],
    shares: await sealShares(secret, keys, tenant, fromBase64Url(act.publicKey)),
  };
}

const KINDS: readonly KeyKind[] = [PICTURE, SOUND];

async function printed(secret: Bytes): Promise<Kit> {
  const kit = await makeKit(secret);
  return { sheets: await Promise.all(kit.map(sheetText)), set: kit[0]?.set ?? "" };
}

async function kitSecret(sheets: readonly [string, string], recipientPublic: string): Promise<Bytes> {
  const [first, second] = await Promise.all([readSheet(sheets[0]), readSheet(sheets[1])]);
  const secret = await openKit(first, second);
  const recipient = await boxPublic(await recipientPrivate(secret, FIRST_EPOCH));
  if (equal(recipient, fromBase64Url(recipientPublic))) return secret;
  throw new SealingError("wrong-key", "the sheets belong to another kit");
}

function version4(byte: number, at: number): number {
  if (at === 6) return (byte & 0x0f) | 0x40;
  return at === 8 ? (byte & 0x3f) | 0x80 : byte;
}

async function opened(owner: Owner, publicKey: string, by: Opener, progress: Progress): Promise<Bytes> {
  const kek = await kekOf(by, progress);
  return unwrapOwnKey(fromBase64Url(by.way.wrapped), kek, owner, fromBase64Url(publicKey));
}

function kekOf(by: Opener, progress: Progress): Promise<Bytes> {
  if ("prf" in by) return passkeyKek(by.prf);
  return passphraseKek(by.passphrase, fromBase64Url(by.way.data.salt), by.way.data, progress);
}

async function wrapped(secret: Bytes, way: WayWish, owner: Owner, progress: Progress): Promise<NewWay> {
  if (way.kind === "passkey") {
    const { kind, label, data } = way;
    const sealed = await wrapOwnKey(secret, await passkeyKek(way.prf), owner);
    return { kind, label, data: data as { credential_id: string; salt: string }, wrapped: toBase64Url(sealed) };
  }
  const { kind, label } = way;
  const salt = crypto.getRandomValues(new Uint8Array(SALT_BYTES));
  const sealed = await wrapOwnKey(secret, await passphraseKek(way.passphrase, salt, ARGON2_COST, progress), owner);
  return { kind, label, data: { salt: toBase64Url(salt), ...ARGON2_COST }, wrapped: toBase64Url(sealed) };
}

async function sealVault(secret: Bytes, vault: Omit<VaultRef, "sealed">, tenant: Bytes, to: Bytes): Promise<string> {
  const keyId = await boxKeyId(fromBase64Url(vault.recipient_public));
  const info = { purpose: PURPOSE_VAULT_SHARE, tenant, scope: [uuidBytes(vault.id)], keyId, epoch: 0 };
  return toBase64Url(await sealEnvelope(info, secret, to));
}

async function sealShares(secret: Bytes, keys: readonly CameraKeyName[], tenant: Bytes, to: Bytes): Promise<ApiShare[]> {
  const out: ApiShare[] = [];
  for (const { camera, kind, epoch } of keys) {
    const place = uuidBytes(camera);
    const key = await cameraPrivate(secret, place, kind, epoch);
    const info = {
      purpose: PURPOSE_CAMERA_SHARE,
      tenant,
      scope: [place, kind, epoch],
      keyId: await boxKeyId(await boxPublic(key)),
      epoch: 0,
    };
    out.push({ camera, kind, epoch, sealed: toBase64Url(await sealEnvelope(info, key, to)) });
    key.fill(0);
  }
  return out;
}

async function verified(chain: Chain, tenant: Bytes): Promise<Trust> {
  const seen = chain.seen ? { number: chain.seen.number, hash: fromHex(chain.seen.hash) } : null;
  const trust = await verifyStatements(chain.statements.map(fromBase64Url), chain.fingerprint, seen);
  if (!equal(trust.tenant, tenant)) throw new SealingError("wrong-scope", "the statements belong to another organisation");
  return trust;
}

/** The same, where the root in force must be the vault's own. */
async function verifiedOwn(chain: Chain, tenant: Bytes, root: RootSigner): Promise<Trust> {
  const trust = await verified(chain, tenant);
  if (equal(trust.rootPublic, root.publicBytes)) return trust;
  throw new SealingError("wrong-root-key", "another root is in force than this vault's");
}

async function statedKey(chain: Chain, tenant: Bytes, secret: Bytes, account: string): Promise<Bytes> {
  const trust = await verifiedOwn(chain, tenant, await signer(await rootSeed(secret)));
  const key = trust.memberKeys.get(hex(uuidBytes(account)));
  if (!key) throw new SealingError("unknown-signer", "no statement names this person's own key");
  return key;
}

function epochAfter(trust: Trust, camera: string, kind: KeyKind): number {
  return (trust.cameraKeys.get(cameraKeyName(uuidBytes(camera), kind))?.epoch ?? 0) + 1;
}

async function signedAfter(
  trust: Trust,
  tenant: Bytes,
  bodies: readonly (readonly [number, ReadonlyMap<number, Cbor>])[],
  issuedUs: number,
  root: RootSigner,
): Promise<Bytes[]> {
  let place: Place = { tenant, number: trust.seen.number + 1, prev: trust.seen.hash };
  const out: Bytes[] = [];
  for (const [kind, body] of bodies) {
    const signed = await signStatement({ ...place, issuedUs }, kind, body, root);
    out.push(signed);
    place = { tenant, number: place.number + 1, prev: await hashOf(parseSigned(signed)) };
  }
  return out;
}

/** A statement somebody asked for. Raises `bad-field` for a kind that nobody may ask for. */
function requested(kind: number, body: Bytes): [number, Map<number, Cbor>] {
  if (NEVER_ASKED.includes(kind)) throw new SealingError("bad-field", `statements of kind ${kind} are not signed on request`);
  const value = decode(body);
  if (!(value instanceof Map)) throw new SealingError("bad-field", "the body of a statement is a map");
  return [kind, value as Map<number, Cbor>];
}

async function wished(wish: Wish, trust: Trust, secret: Bytes): Promise<[number, Map<number, Cbor>][]> {
  if (wish.type === "members") return [memberBody(wish.named, wish.ended)];
  for (const { camera, kind, epoch } of wish.keys) {
    if (epoch < epochAfter(trust, camera, kind)) throw new SealingError("broken-statements", "this camera has a newer key already");
  }
  return cameraBodies(secret, wish.keys);
}

function memberBody(named: readonly { account: string; public: string }[], ended: readonly string[]): [number, Map<number, Cbor>] {
  const rows = named.map(({ account, public: key }) => [uuidBytes(account), fromBase64Url(key)]);
  return [STATEMENT_MEMBER_KEYS, new Map<number, Cbor>([[1, rows], [2, ended.map(uuidBytes)]])];
}

async function cameraBodies(secret: Bytes, keys: readonly CameraKeyName[]): Promise<[number, Map<number, Cbor>][]> {
  const rows: Cbor[] = [];
  for (const { camera, kind, epoch } of keys) {
    const place = uuidBytes(camera);
    rows.push([place, kind, await boxPublic(await cameraPrivate(secret, place, kind, epoch)), epoch]);
  }
  const bodies: [number, Map<number, Cbor>][] = [];
  for (let at = 0; at < rows.length; at += ENTRIES_MOST) {
    bodies.push([STATEMENT_CAMERA_KEYS, new Map<number, Cbor>([[1, rows.slice(at, at + ENTRIES_MOST)]])]);
  }
  return bodies;
}

/** A sound's key is not sealed where pictures' keys go, nor the other way round. */
function checkClass(envelope: Envelope, kind: KeyKind): void {
  const renditionClass = Number(envelope.scope[1]);
  const sound = renditionClass === AUDIO || renditionClass === AUDIO_OF_SUB;
  if (sound !== (kind === SOUND)) throw new SealingError("wrong-scope", "the envelope is of the camera's other key");
}
