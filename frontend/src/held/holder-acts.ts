/** What a holder's browser does for others: signs, hands keys over, rolls them. Each can be begun again where it was left. */
import { t } from "../i18n/t";
import type { CameraKeyName, KeyPerson, PeriodEnvelope, Roll, StatementRequest } from "./api";
import type { KeyKind } from "./derive";
import type { Desk } from "./desk";
import { withFreshFactor } from "./fresh";
import type { Act, VaultRef, Wish } from "./messages";

/** How far a longer act has come, in words. */
export type Say = (words: string) => void;

/** Signs statements that follow those there are, and has them stored. Raises as the worker's `sign`, and ApiError. */
async function state(desk: Desk, act: Act, requests: readonly StatementRequest[], wishes: readonly Wish[]): Promise<void> {
  await withFreshFactor(desk.api, async () => {
    const chain = await desk.chain();
    const nowUs = Math.round(desk.api.clock.nowUs());
    const signed = await desk.worker.call("sign", { ...act, chain, nowUs, requests: requests.map(({ kind, body }) => ({ kind, body })), wishes });
    await desk.api.state({ signed, requests: requests.map(({ id }) => id) });
  });
}

export async function signRequests(desk: Desk, requests: readonly StatementRequest[]): Promise<void> {
  await state(desk, await desk.vaultAct(), requests, []);
}

/** States the person's own key, which the holder has compared, and hands over what they may open. */
export async function confirmPerson(desk: Desk, person: KeyPerson): Promise<void> {
  const act = await desk.vaultAct();
  if (!person.public) throw new Error(t("{name} has no key of their own yet.", { name: person.name }));
  if (!person.stated) {
    await state(desk, act, [], [{ type: "members", named: [{ account: person.account, public: person.public }], ended: [] }]);
  }
  await handOver(desk, act, person.account, person.missing);
}

async function handOver(desk: Desk, act: Act, account: string, keys: readonly CameraKeyName[]): Promise<void> {
  if (keys.length === 0) return;
  const shares = await desk.worker.call("cameraShares", { ...act, chain: await desk.chain(), account, keys });
  await withFreshFactor(desk.api, () => desk.api.share(account, shares));
}

/** Everybody whose key is confirmed is given what they lack. */
async function handOverToAll(desk: Desk, act: Act): Promise<void> {
  for (const person of await desk.api.people()) {
    if (person.public && person.stated) await handOver(desk, act, person.account, person.missing);
  }
}

export async function makeHolder(desk: Desk, person: KeyPerson): Promise<void> {
  const act = await desk.vaultAct();
  const sealed = await desk.worker.call("vaultShare", { ...act, chain: await desk.chain(), account: person.account });
  await withFreshFactor(desk.api, () => desk.api.shareVault(person.account, sealed));
}

/** Becomes a holder by two sheets of the recovery kit. */
export async function fromKit(desk: Desk, sheets: readonly [string, string]): Promise<void> {
  const own = await desk.opened();
  const { vault } = desk.keys;
  if (!vault) throw new Error(t("The portal holds this organisation's keys."));
  const sealed = await desk.worker.call("fromKit", { ...own, sheets, vault });
  await withFreshFactor(desk.api, () => desk.api.shareVault(own.owner.account, sealed));
}

/**
 * New keys for cameras that have none, or whose key somebody knows who may no longer; they are handed to who may, and envelopes of
 * what was recorded are re-wrapped to them.
 */
export async function rollKeys(desk: Desk, rolls: readonly Roll[], say: Say): Promise<void> {
  const act = await desk.vaultAct();
  const keys = rolls.filter(needsKey).map(({ camera, kind, epoch }) => ({ camera, kind, epoch: epoch + 1 }));
  if (keys.length > 0) await state(desk, act, [], [{ type: "cameras", keys }]);
  await handOverToAll(desk, act);
  await rewrapAll(desk, act, say);
}

export function needsKey({ epoch, known }: Roll): boolean {
  return epoch === 0 || known > 0;
}

export async function endHolder(desk: Desk, person: KeyPerson): Promise<void> {
  await withFreshFactor(desk.api, () => desk.api.endHolder(person.account));
}

/**
 * Another vault in the place of this one; then everybody's keys and what was recorded follow. What is sealed to older keys is put
 * in order first: those keys follow from the old secret, and afterwards only shares of the newest are sure to be at hand.
 */
export async function renewVault(desk: Desk, renewed: VaultRef, say: Say): Promise<void> {
  const act = await desk.vaultAct();
  await handOverToAll(desk, act);
  await rewrapAll(desk, act, say);
  await withFreshFactor(desk.api, async () => {
    const [offer, chain, listed] = [await desk.api.offer(), await desk.chain(), await desk.api.heldCameras()];
    const cameras = listed.map(({ camera }) => camera);
    const { shares } = desk.keys;
    const body = await desk.worker.call("renewBody", { ...act, renewed, offer, chain, cameras, shares });
    await desk.api.hold({ ...body, kit_confirmed: true });
  });
  await desk.reload();
  await rollKeys(desk, await desk.api.rolls(), say);
}

/** Re-wraps whatever is sealed to earlier keys than the newest stated ones. */
async function rewrapAll(desk: Desk, act: Act, say: Say): Promise<void> {
  const open = (await desk.api.rolls()).filter((roll) => roll.rewrap > 0 && !needsKey(roll));
  // Asked anew: one may have handed keys to oneself just now.
  await desk.reload();
  const { shares } = desk.keys;
  const of = open.reduce((sum, { rewrap }) => sum + rewrap, 0);
  let done = 0;
  for (const { camera, kind, epoch, name } of open) {
    for await (const envelopes of left(desk, camera, kind, epoch)) {
      const items = await desk.worker.call("rewrap", { ...act, shares, camera, kind, epoch, envelopes });
      await desk.api.rewrapped(items);
      done += items.length;
      say(t("{name}: {done} of {of} keys re-wrapped", { name, done, of: Math.max(of, done) }));
    }
  }
}

async function* left(desk: Desk, camera: string, kind: KeyKind, epoch: number): AsyncGenerator<readonly PeriodEnvelope[]> {
  let cursor: string | null = null;
  do {
    const page: { readonly items: readonly PeriodEnvelope[]; readonly next: string | null } = await desk.api.envelopes(camera, kind, epoch, cursor);
    if (page.items.length > 0) yield page.items;
    cursor = page.next;
  } while (cursor !== null);
}
