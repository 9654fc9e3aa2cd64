/** Moving from keys the portal holds to keys the customer holds: what it means, own key, recovery kit, switch, progress. */
import { h } from "../dom";
import { t } from "../i18n/t";
import type { KeysReply } from "./api";
import { field } from "./ask";
import type { Desk } from "./desk";
import { withFreshFactor } from "./fresh";
import type { Act, VaultDraft } from "./messages";
import { makeButtons, wayButtons } from "./own-page";
import { button, card, list, notice, words } from "./parts";

/** A vault made on this page, until it is switched to. It is held in this page alone: loading it anew makes another one. */
export interface Making {
  draft: VaultDraft | null;
  confirmed: boolean;
}

const WAYS_NEEDED = 2;

export function drawSwitch(desk: Desk, making: Making): readonly Node[] {
  const { own } = desk.keys;
  const ready = own !== null && own.ways.length >= WAYS_NEEDED;
  return [
    meaningCard(),
    ownStep(desk),
    ready ? kitCard(desk, making, t("2. Recovery kit")) : stepLater(t("2. Recovery kit"), t("First your own key needs two ways.")),
    making.confirmed ? switchStep(desk, making) : stepLater(t("3. Switch"), t("First the recovery kit is made, printed, and two of its sheets are typed back.")),
  ];
}

export function newMaking(): Making {
  return { draft: null, confirmed: false };
}

function meaningCard(): HTMLElement {
  return card(
    t("Hold the keys yourselves"),
    words(t("Today the portal holds the keys of this organisation's recordings, locked, and hands them out to who may watch. You can take them over. Then whoever has the portal's database, key store and object store, all three, still cannot open your recordings.")),
    h("h3", {}, t("What changes")),
    list(
      t("Everybody who watches makes a key of their own. You compare its fingerprint with them once, and hand them the keys of their cameras."),
      t("Keys are handed out by the hour of recording. Hours of a role, and other limits finer than an hour, hold by what the portal hands out, an hour at a time."),
      t("The portal can open nothing: no video files made on the server, no commands that open footage."),
      t("New agents, new cameras and revocations wait until somebody who holds the keys signs them here."),
      t("Somebody who leaves loses their keys: you roll the keys of the cameras they knew, which this page does for you."),
    ),
    h("h3", {}, t("What it does not do")),
    list(
      t("It does not protect you from altered pages: a portal that serves other code could ask for your passphrase. The hashes of the served code are published, so that it can be compared."),
      t("Backups of the portal from before the switch can still open what was recorded before it."),
      t("Whoever opened an hour, or saved it, has it."),
    ),
    notice("warn", t("There is no way back, and nobody else can help: who loses every way to their key and two sheets of the recovery kit has lost all recordings.")),
  );
}

function stepLater(title: string, why: string): HTMLElement {
  return card(title, words(why, "muted"));
}

function ownStep(desk: Desk): HTMLElement {
  const { own } = desk.keys;
  const title = t("1. Your own key, with two ways");
  if (!own) return card(title, words(t("Two ways to open it, so that losing one loses nothing: best a passkey of this device and a passphrase.")), makeButtons(desk));
  const names = list(...own.ways.map(({ label }) => label));
  if (own.ways.length >= WAYS_NEEDED) return card(title, notice("ok", t("Done. Your key opens by:")), names);
  return card(title, words(t("Your key opens by:")), names, words(t("One more way is needed.")), wayButtons(desk, own));
}

async function newVault(desk: Desk): Promise<VaultDraft> {
  return desk.worker.call("newVault", await desk.opened());
}

/** Makes a kit (of a new vault, unless `made` says), shows the sheets, and has two of them typed back. */
export function kitCard(desk: Desk, making: Making, title: string, made: () => Promise<VaultDraft> = () => newVault(desk)): HTMLElement {
  if (making.confirmed) return card(title, notice("ok", t("Printed, and two sheets typed back.")));
  const about = words(t("Three sheets, two of which bring the keys back if every other way is lost. Keep them at three places, none of them online. They are made here, in this browser, and sent nowhere."));
  if (!making.draft) {
    const make = async (): Promise<void> => void (making.draft = await made());
    return card(title, about, h("div", { class: "buttons" }, button(t("Make the recovery kit"), () => desk.run(make), "primary")));
  }
  const { draft } = making;
  const print = button(t("Print the three sheets"), () => window.print(), "primary");
  return card(title, about, sheets(draft, document.querySelector("[data-held-keys]")), h("div", { class: "buttons" }, print), typedBack(desk, making, draft));
}

/** The sheets as they are printed: a page for each. */
function sheets({ sheets: texts, set, id }: VaultDraft, page: Element | null): HTMLElement {
  const name = page?.getAttribute("data-organisation") ?? document.querySelector<HTMLElement>("[data-frame]")?.dataset["tenant"] ?? "";
  const today = new Date().toISOString().slice(0, 10);
  const sheet = (text: string, i: number): HTMLElement =>
    h(
      "article",
      { class: "kit-sheet" },
      h("h3", {}, t("Recovery kit of {name}: sheet {number} of 3", { name, number: i + 1 })),
      h("p", { class: "kit-text num", translate: "no", "data-sheet": String(i + 1) }, text),
      h("p", { class: "muted small" }, t("Kit {set} · vault {vault} · {day}", { set, vault: id, day: today })),
      h("p", { class: "small kit-note" }, t("Any two of the three sheets open all recordings of this organisation. One alone opens nothing. Keep it where you would keep a deed. Give it to nobody who holds another one.")),
    );
  return h("div", { class: "kit-sheets" }, ...texts.map(sheet));
}

function typedBack(desk: Desk, making: Making, draft: VaultDraft): HTMLElement {
  const attributes = { type: "text", autocomplete: "off", autocapitalize: "characters", spellcheck: "false", required: true, class: "kit-typed" };
  const first = field(t("A sheet, from the paper"), attributes);
  const second = field(t("Another sheet, from the paper"), attributes);
  const error = h("p", { class: "error-said", role: "alert" });
  const form = h(
    "form",
    { class: "form" },
    words(t("Now type two sheets back from the paper: so it is sure that they can be read.")),
    first.box,
    second.box,
    error,
    h("div", { class: "buttons" }, h("button", { type: "submit", class: "button" }, t("Compare"))),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void (async () => {
      error.textContent = "";
      try {
        const typed = [first.input.value, second.input.value] as const;
        await desk.worker.call("checkKit", { sheets: typed, recipientPublic: draft.recipient_public });
      } catch (problem) {
        error.textContent = problem instanceof Error ? problem.message : String(problem);
        return;
      }
      making.confirmed = true;
      await desk.refresh();
    })();
  });
  return form;
}

function switchStep(desk: Desk, making: Making): HTMLElement {
  const sure = h("input", { type: "checkbox", id: "held-sure" });
  const error = h("p", { class: "error-said", role: "alert" });
  const go = button(t("Take the keys over"), async () => {
    if (!sure.checked) {
      error.textContent = t("Tick the box first.");
      sure.focus();
      return;
    }
    await desk.run(() => takeOver(desk, making));
  }, "danger");
  return card(
    t("3. Switch"),
    words(t("The portal signs the handover of the root key to yours, erases its own, and re-wraps the keys of everything that is kept. You can watch meanwhile.")),
    h("label", { class: "check" }, sure, h("span", {}, t("I have printed the kit, its sheets lie at different places, and I know that there is no way back."))),
    error,
    h("div", { class: "buttons" }, go),
  );
}

async function takeOver(desk: Desk, making: Making): Promise<void> {
  const { draft } = making;
  if (!draft) throw new Error(t("The recovery kit is gone from this page. Make it anew."));
  const act: Act = { ...(await desk.opened()), vault: draft };
  const { api, worker } = desk;
  await withFreshFactor(api, async () => {
    const offer = await api.offer();
    const chain = await desk.chain();
    const countersignature = await worker.call("countersign", { ...act, offer });
    const { handover } = await api.handover({ ...offer, root_public: draft.root_public, countersignature });
    const cameras = (await api.heldCameras()).map(({ camera }) => camera);
    const body = await worker.call("switchBody", { ...act, offer, handover, chain, cameras });
    await api.hold({ ...body, kit_confirmed: true });
  });
  making.draft = null;
  making.confirmed = false;
}

/** The server's part of the switch, kept current until it is done. */
export function progressCard(desk: Desk, rewrap: NonNullable<KeysReply["rewrap"]>): HTMLElement {
  const bar = h("progress", { id: "rewrap", max: String(Math.max(1, rewrap.of)) });
  bar.value = rewrap.done;
  const said = h("span", { class: "muted small num" }, t("{done} of {of}", rewrap));
  const timer = setInterval(() => {
    if (!bar.isConnected) return clearInterval(timer);
    void desk.api.keys().then((keys) => {
      if (keys.mode !== "switching" || !keys.rewrap) return desk.refresh();
      bar.max = Math.max(1, keys.rewrap.of);
      bar.value = keys.rewrap.done;
      said.textContent = t("{done} of {of}", keys.rewrap);
      return undefined;
    }, () => undefined);
  }, 3000);
  return card(
    t("The portal gives its keys up"),
    words(t("Keys of what was recorded so far are re-wrapped to your cameras' keys; the portal's own are erased at the end. This goes on by itself, also when you close this page.")),
    h("div", { class: "progress" }, h("label", { for: "rewrap" }, t("Keys re-wrapped")), bar, said),
  );
}

