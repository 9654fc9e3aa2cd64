/** Making ways to an own key: asked for in dialogs, made in the worker, kept by the portal as it cannot open them. */
import { h } from "../dom";
import { t } from "../i18n/t";
import type { NewWay, OwnKey } from "./api";
import { ask, field } from "./ask";
import type { Desk } from "./desk";
import { withFreshFactor } from "./fresh";
import type { Opener, WayWish } from "./messages";
import { makePasskey, type PasskeyWay } from "./passkey";
import { askForWay } from "./unlock";

/** A passphrase protects a key whose locked copy lies with the portal: whoever has that can try as often as they like. */
const STRENGTH = { least: 14, most: 200, score: 4, own: 6, about: [] };

type Made = (wish: WayWish, progress: (part: number) => void) => Promise<void>;

/** Asks for a passphrase, twice, and hands it on. */
function askPassphrase(title: string, made: Made): Promise<true | null> {
  const label = field(t("Name of this way"), { type: "text", maxlength: "80", required: true, dir: "auto", autocomplete: "off" });
  label.input.value = t("Passphrase");
  const first = field(t("Passphrase"), { type: "password", autocomplete: "new-password", required: true }, t("Five unrelated words or more. It is not your password, and nobody can reset it."));
  const second = field(t("The same once more"), { type: "password", autocomplete: "new-password", required: true });
  const said = h("p", { class: "hint", role: "status" });
  // The lists of what people use are large: they come with the dialog.
  const judging = import("../parts/strength-meter").then(({ verdict }) => (text: string) => verdict(text, STRENGTH, []));
  first.input.addEventListener("input", () => {
    void judging.then((judge) => (said.textContent = first.input.value ? judge(first.input.value).words : ""));
  });
  first.box.append(said);
  return ask<true>({
    title,
    content: [label.box, first.box, second.box],
    submit: t("Keep this passphrase"),
    act: async (progress) => {
      const passphrase = first.input.value;
      const judged = (await judging)(passphrase);
      if (!judged.good) throw new Error(judged.words);
      if (passphrase !== second.input.value) throw new Error(t("The two are not the same."));
      await made({ kind: "passphrase", label: label.input.value.trim(), passphrase }, progress);
      return true;
    },
  });
}

function askPasskey(title: string, known: readonly PasskeyWay[], made: Made): Promise<true | null> {
  const label = field(t("Name of this way"), { type: "text", maxlength: "80", required: true, dir: "auto", autocomplete: "off" });
  label.input.value = t("Passkey of this device");
  return ask<true>({
    title,
    content: [
      h("p", {}, t("This makes a passkey that opens your keys; it is not one to sign in with. Your device asks for fingerprint, face or PIN.")),
      label.box,
    ],
    submit: t("Make the passkey"),
    act: async (progress) => {
      const name = label.input.value.trim();
      const { prf, data } = await makePasskey(name, known);
      await made({ kind: "passkey", label: name, prf, data }, progress);
      return true;
    },
  });
}

/** A new own key with its first way. */
export async function makeOwnKey(desk: Desk, kind: NewWay["kind"]): Promise<void> {
  const title = t("Make your own key");
  const made: Made = async (wish, progress) => {
    const own = await desk.worker.call("makeOwn", { owner: desk.owner, ways: [wish] }, progress);
    await withFreshFactor(desk.api, () => desk.api.makeOwn(own));
  };
  await (kind === "passkey" ? askPasskey(title, [], made) : askPassphrase(title, made));
}

/** One way more: a way there is must open the key first. */
export async function addWay(desk: Desk, own: OwnKey, kind: NewWay["kind"]): Promise<void> {
  const opener = await askForWay<Opener>(
    own,
    { title: t("Open your key first"), text: t("A further way takes the key itself, so it is opened once by a way you have."), submit: t("Go on") },
    async (by, progress) => {
      await desk.worker.call("unlock", { owner: desk.owner, publicKey: own.public, by }, progress);
      return by;
    },
  );
  if (!opener) return;
  const title = t("Add a way to your key");
  const made: Made = async (wish, progress) => {
    const way = await desk.worker.call("addWay", { owner: desk.owner, publicKey: own.public, by: opener, way: wish }, progress);
    await withFreshFactor(desk.api, () => desk.api.addWay(way));
  };
  const passkeys = own.ways.filter((way): way is PasskeyWay => way.kind === "passkey");
  await (kind === "passkey" ? askPasskey(title, passkeys, made) : askPassphrase(title, made));
}
