/** "Keys": who holds them, what waits for whoever does. */
import { h } from "../dom";
import { t, tn } from "../i18n/t";
import { agoAndExactly, deviceZone } from "../times";
import type { KeyPerson, Roll, StatementRequest } from "./api";
import { ask, field } from "./ask";
import type { Desk } from "./desk";
import { confirmPerson, endHolder, fromKit, makeHolder, needsKey, renewVault, rollKeys, signRequests, type Say } from "./holder-acts";
import { button, card, fingerprint, fingerprintWords, groups, list, notice, row, rows, state, words } from "./parts";
import { statementWords } from "./statement-words";
import { drawSwitch, kitCard, newMaking, progressCard, type Making } from "./switch-page";

/** The page, drawn again after each act; a vault in the making outlives the drawing. */
export function holderPage(): (desk: Desk) => Promise<readonly Node[]> {
  const making = newMaking();
  const another = newMaking();
  return async (desk) => {
    const { mode, may, rewrap } = desk.keys;
    if (mode === "managed") return may.hold ? drawSwitch(desk, making) : [managedCard()];
    const first = [modeCard(desk), ...(mode === "switching" && rewrap ? [progressCard(desk, rewrap)] : [])];
    const { vault } = desk.keys;
    if (!vault?.sealed) return [...first, noHolderCard(desk)];
    const renewing = vault.renew && mode === "customer-held" ? renewCards(desk, making) : [];
    return [...first, ...renewing, ...(await duties(desk)), ...(renewing.length > 0 ? [] : [anotherKit(desk, another)])];
  };
}

function managedCard(): HTMLElement {
  return card(t("Keys"), words(t("The portal holds the keys of this organisation's recordings, locked, and hands them out to who may watch. An owner can move them into the organisation's own hands.")));
}

/** Somebody knows the vault secret who is to hold it no more: another takes its place, with a kit of its own. */
function renewCards(desk: Desk, making: Making): readonly Node[] {
  const { said, say } = saying();
  const renew = async (): Promise<void> => {
    if (!making.draft) throw new Error(t("The recovery kit is gone from this page. Make it anew."));
    await renewVault(desk, making.draft, say);
    Object.assign(making, newMaking());
  };
  const go = button(t("Renew the keys"), () => desk.run(renew), "primary");
  const about = card(
    t("Keys to be renewed"),
    words(t("Somebody who held the organisation's keys does not any more, and may have kept what they knew. New ones take their place: with a new recovery kit, new keys of every camera, and recorded hours re-wrapped to them. The sheets of the old kit are needed no more: burn them.")),
    words(t("The other holders are made holders again afterwards, below.")),
    making.confirmed ? h("div", { class: "buttons" }, go) : null,
    said,
  );
  return [about, kitCard(desk, making, t("A new recovery kit"))];
}

/** A kit in place of one of which a sheet was lost: sheets of two kits do not fit each other. */
function anotherKit(desk: Desk, making: Making): HTMLElement {
  return kitCard(desk, making, t("Another recovery kit"), async () => {
    const act = await desk.vaultAct();
    return { ...act.vault, ...(await desk.worker.call("newKit", act)) };
  });
}

function noHolderCard(desk: Desk): HTMLElement {
  const { may } = desk.keys;
  const kit = button(t("Use the recovery kit"), () => desk.run(() => askKit(desk)));
  return card(
    t("You do not hold them"),
    words(t("What is signed with these keys, and to whom they are handed, is decided by those named above. Your own key is under “My keys”, in your account.")),
    may.hold ? words(t("With two sheets of the recovery kit, and a key of your own that opens in two ways, you become a holder.")) : null,
    may.hold ? h("div", { class: "buttons" }, kit) : null,
  );
}

function modeCard({ keys }: Desk): HTMLElement {
  const holders = keys.vault?.holders ?? [];
  return card(
    t("This organisation holds its own keys"),
    words(t("The portal cannot open what is recorded. The fingerprint of the root key, which agents and browsers compare:")),
    fingerprint(groups(keys.root_fingerprint)),
    h("h3", {}, t("Held by")),
    list(...holders.map(({ name }) => h("bdi", {}, name))),
    holders.length < 2 ? notice("warn", t("One person alone holds them. Make somebody else a holder too, so that signing does not wait for one person.")) : null,
  );
}

async function duties(desk: Desk): Promise<readonly Node[]> {
  const [{ items: requests }, people, all] = await Promise.all([desk.api.statementRequests(), desk.api.people(), desk.api.rolls()]);
  const fresh = all.filter(({ epoch }) => epoch === 0);
  const rolls = all.filter(({ epoch }) => epoch > 0);
  const out: Node[] = [];
  if (requests.length > 0) out.push(await requestsCard(desk, requests));
  if (fresh.length > 0) out.push(camerasCard(desk, fresh));
  if (rolls.length > 0) out.push(rollsCard(desk, rolls));
  out.push(await peopleCard(desk, people));
  return out;
}

async function requestsCard(desk: Desk, requests: readonly StatementRequest[]): Promise<HTMLElement> {
  const items = await Promise.all(
    requests.map(async (request) => {
      const asked = t("asked by {who}, {when}", { who: request.asked_by, when: agoAndExactly(request.asked_us / 1000, Date.now(), deviceZone()) });
      return row([request.about, h("span", { class: "muted" }, asked), h("span", { class: "small num" }, await statementWords(request))], [], []);
    }),
  );
  const sign = button(
    tn(requests.length, "Sign this one", "Sign these {count}"),
    () => desk.run(() => signRequests(desk, requests)),
    "primary",
  );
  return card(t("To be signed"), words(t("Nothing of this holds before somebody who holds the keys signs it. Look whether you know of it.")), rows(...items), h("div", { class: "buttons" }, sign));
}

function camerasCard(desk: Desk, rolls: readonly Roll[]): HTMLElement {
  const { said, say } = saying();
  const go = button(t("Give them keys"), () => desk.run(() => rollKeys(desk, rolls, say)), "primary");
  return card(
    t("Cameras without keys of their own"),
    words(t("What they record is sealed to the organisation's keys; only who holds those can open it until then.")),
    names(rolls),
    h("div", { class: "buttons" }, go),
    said,
  );
}

function rollsCard(desk: Desk, rolls: readonly Roll[]): HTMLElement {
  const { said, say } = saying();
  const known = rolls.filter(needsKey);
  const behind = rolls.filter((roll) => !needsKey(roll));
  const go = button(known.length > 0 ? t("Roll their keys") : t("Go on re-wrapping"), () => desk.run(() => rollKeys(desk, rolls, say)), "primary");
  return card(
    t("Keys to be rolled"),
    known.length > 0 ? words(t("Somebody who may see these cameras no longer still knows their keys. New ones are made, and recorded hours re-wrapped to them; this takes as long as this page is open, and goes on where it was left.")) : null,
    known.length > 0 ? names(known) : null,
    behind.length > 0 ? words(t("Recorded hours of these cameras are still wrapped to earlier keys:")) : null,
    behind.length > 0 ? names(behind) : null,
    h("div", { class: "buttons" }, go),
    said,
  );
}

function names(rolls: readonly Roll[]): HTMLElement {
  return list(...[...new Set(rolls.map(({ name }) => name))].map((name) => h("bdi", {}, name)));
}

function saying(): { readonly said: HTMLElement; readonly say: Say } {
  const said = h("p", { class: "muted small num", role: "status" });
  return { said, say: (text) => (said.textContent = text) };
}

async function peopleCard(desk: Desk, people: readonly KeyPerson[]): Promise<HTMLElement> {
  return card(
    t("People"),
    words(t("Whoever may watch needs the keys of their cameras, handed over here to a key of their own.")),
    rows(...(await Promise.all(people.map((person) => personRow(desk, person))))),
  );
}

async function personRow(desk: Desk, person: KeyPerson): Promise<HTMLElement> {
  const { missing, stated } = person;
  const cameras = new Set(missing.map(({ camera }) => camera)).size;
  const lacking = tn(cameras, "lacks the key of {count} camera", "lacks the keys of {count} cameras");
  const confirm = button(t("Compare and hand over"), () => desk.run(() => compare(desk, person, print)), "primary");
  const give = button(t("Hand over"), () => desk.run(() => confirmPerson(desk, person)), "primary");
  const hold = button(t("Make a holder"), () => desk.run(() => holder(desk, person)));
  if (!person.public) return row([person.name], [state("info", "wait", t("Has no key of their own yet"))], []);
  // Of the key itself, not as the portal says: it is this key that is stated.
  const print = await fingerprintWords(person.public);
  const acts = !stated ? [confirm] : missing.length > 0 ? [give] : [];
  if (stated && person.may_hold && !person.holder && person.ways >= 2) acts.push(hold);
  if (person.holder && (desk.keys.vault?.holders.length ?? 0) > 1) {
    acts.push(button(t("End holding"), () => desk.run(() => endHolding(desk, person))));
  }
  const standing = !stated
    ? state("warn", "wait", t("To be compared"))
    : missing.length > 0
      ? state("warn", "key", lacking)
      : state("ok", "ok", person.holder ? t("Holds the organisation's keys") : t("Has what they may open"));
  return row([person.name, fingerprint(print)], [standing], acts);
}

async function compare(desk: Desk, person: KeyPerson, print: string): Promise<void> {
  await ask<true>({
    title: t("Is this the fingerprint {name} reads to you?", { name: person.name }),
    content: [
      words(t("Ask them by telephone or in person, never by this portal. They find it under “My keys” in their account.")),
      fingerprint(print),
    ],
    submit: t("It is the same: hand over"),
    act: async () => {
      await confirmPerson(desk, person);
      return true;
    },
  });
}

async function askKit(desk: Desk): Promise<void> {
  const attributes = { type: "text", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", required: true, class: "kit-typed" };
  const first = field(t("A sheet, from the paper"), attributes);
  const second = field(t("Another sheet, from the paper"), attributes);
  await ask<true>({
    title: t("Use the recovery kit"),
    content: [words(t("What you type stays in this browser.")), first.box, second.box],
    submit: t("Hold the keys"),
    act: async () => {
      await fromKit(desk, [first.input.value, second.input.value]);
      return true;
    },
  });
}

async function endHolding(desk: Desk, person: KeyPerson): Promise<void> {
  await ask<true>({
    title: t("Shall {name} hold the organisation's keys no more?", { name: person.name }),
    content: [words(t("What they hold goes at once. They may have kept what they knew, so the keys are renewed afterwards, on this page."))],
    submit: t("End holding"),
    danger: true,
    act: async () => {
      await endHolder(desk, person);
      return true;
    },
  });
}

async function holder(desk: Desk, person: KeyPerson): Promise<void> {
  await ask<true>({
    title: t("Make {name} a holder?", { name: person.name }),
    content: [words(t("They then hold all keys of this organisation: they can open everything, sign, and hand keys on."))],
    submit: t("Make a holder"),
    danger: true,
    act: async () => {
      await makeHolder(desk, person);
      return true;
    },
  });
}
