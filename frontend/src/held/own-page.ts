/** "My keys": one's own key, how it is opened, and what it opens. */
import { h } from "../dom";
import { t, tn } from "../i18n/t";
import { agoAndExactly, deviceZone } from "../times";
import type { OwnKey } from "./api";
import { ask } from "./ask";
import type { Desk } from "./desk";
import { withFreshFactor } from "./fresh";
import { button, card, fingerprint, fingerprintWords, notice, row, rows, state, words } from "./parts";
import { passkeysKnown } from "./passkey";
import { addWay, makeOwnKey } from "./ways";

export async function drawOwnKeys(desk: Desk): Promise<readonly Node[]> {
  const { own } = desk.keys;
  if (!own) return [makeCard(desk)];
  return [await keyCard(desk, own), waysCard(desk, own), await holdingsCard(desk), lostCard(desk)];
}

/** What to make a key with; also the first step of the switch. */
export function makeButtons(desk: Desk): HTMLElement {
  const make = (kind: "passkey" | "passphrase") => () => desk.run(() => makeOwnKey(desk, kind));
  return h(
    "div",
    { class: "buttons" },
    passkeysKnown() ? button(t("With a passkey"), make("passkey"), "primary") : null,
    button(t("With a passphrase"), make("passphrase"), passkeysKnown() ? "" : "primary"),
  );
}

export function wayButtons(desk: Desk, own: OwnKey): HTMLElement {
  return h(
    "div",
    { class: "buttons" },
    passkeysKnown() ? button(t("Add a passkey"), () => desk.run(() => addWay(desk, own, "passkey"))) : null,
    button(t("Add a passphrase"), () => desk.run(() => addWay(desk, own, "passphrase"))),
  );
}

function makeCard(desk: Desk): HTMLElement {
  return card(
    t("Your own key"),
    words(t("Where an organisation holds the keys of its recordings itself, everybody who watches has a key of their own. Yours is made in this browser. The portal keeps it locked and cannot open it.")),
    words(t("How do you want to open it?")),
    makeButtons(desk),
  );
}

async function keyCard(desk: Desk, own: OwnKey): Promise<HTMLElement> {
  const open = await desk.isOpen(own);
  const here = open
    ? state("ok", "key", t("Open on this device, until you sign out"))
    : state("info", "key", t("Locked on this device"));
  const act = open
    ? button(t("Lock now"), () => desk.run(async () => void (await desk.worker.call("lock", { owner: desk.owner }))))
    : button(t("Unlock"), () => desk.run(async () => void (await desk.opened())), "primary");
  const confirmed = own.stated
    ? state("ok", "ok", t("Confirmed by who holds the organisation's keys"))
    : state("info", "wait", t("Not confirmed yet"));
  return card(
    t("Your own key"),
    h("div", { class: "keys-states" }, here, confirmed),
    words(t("Its fingerprint. Read it to whoever holds the organisation's keys when they ask for it, by telephone or in person:")),
    fingerprint(await fingerprintWords(own.public)),
    h("div", { class: "buttons" }, act),
  );
}

function waysCard(desk: Desk, own: OwnKey): HTMLElement {
  const kinds = { passkey: t("Passkey"), passphrase: t("Passphrase") };
  const items = own.ways.map((way) => {
    const since = t("{kind} · made {when}", { kind: kinds[way.kind], when: agoAndExactly(way.created_us / 1000, Date.now(), deviceZone()) });
    const remove = button(t("Remove"), () => desk.run(() => removeWay(desk, way.id, way.label)));
    return row([way.label, h("span", { class: "muted" }, since)], [], own.ways.length > 1 ? [remove] : []);
  });
  const lone = own.ways.length < 2 ? notice("warn", t("You have one way only. Lose it, and your key is lost: add another one.")) : null;
  return card(t("Ways to open it"), rows(...items), lone, wayButtons(desk, own));
}

async function removeWay(desk: Desk, id: string, label: string): Promise<void> {
  await ask<true>({
    title: t("Remove {label}?", { label }),
    content: [words(t("It opens your key no more. Your other ways stay."))],
    submit: t("Remove"),
    danger: true,
    act: async () => {
      await withFreshFactor(desk.api, () => desk.api.removeWay(id));
      return true;
    },
  });
}

async function holdingsCard(desk: Desk): Promise<HTMLElement> {
  const { mode, shares } = desk.keys;
  if (mode === "managed") return card(t("What it opens"), words(t("Nothing yet: the portal holds this organisation's keys, and hands them out as you watch.")));
  const ids = new Set(shares.map(({ camera }) => camera));
  const named = (await desk.api.cameras()).filter(({ id }) => ids.has(id)).map(({ name }) => h("li", { dir: "auto" }, name));
  const count = tn(ids.size, "The recordings of {count} camera, one hour at a time.", "The recordings of {count} cameras, one hour at a time.");
  if (ids.size === 0) return card(t("What it opens"), words(t("Nothing yet: who holds the organisation's keys has to hand you the keys of the cameras you may see.")));
  return card(t("What it opens"), words(count), h("ul", { class: "points" }, ...named));
}

function lostCard(desk: Desk): HTMLElement {
  const start = async (kind: "passkey" | "passphrase"): Promise<void> => {
    const sure = await ask<true>({
      title: t("Make a new key in place of this one?"),
      content: [words(t("What the old one opens is handed to you again only by who holds the organisation's keys, after comparing the new fingerprint with you."))],
      submit: t("Go on"),
      danger: true,
      act: async () => true,
    });
    if (sure) await makeOwnKey(desk, kind);
  };
  const buttons = h(
    "div",
    { class: "buttons" },
    passkeysKnown() ? button(t("New key with a passkey"), () => desk.run(() => start("passkey"))) : null,
    button(t("New key with a passphrase"), () => desk.run(() => start("passphrase"))),
  );
  const details = h("details", {}, h("summary", {}, t("I have lost every way")), words(t("Nobody can open your key for you, the portal least of all. A new key takes its place.")), buttons);
  return card(t("Lost"), details);
}
