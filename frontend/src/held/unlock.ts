/** "Unlock your keys": passkey first, else a passphrase; the key is then kept on this device until sign-out. */
import { h } from "../dom";
import { t } from "../i18n/t";
import type { ApiWay, OwnKey } from "./api";
import { ask, field } from "./ask";
import type { HeldWorker } from "./client";
import type { Opener } from "./messages";
import type { Owner } from "./own-key";
import { openByPasskey, passkeysKnown, type PasskeyWay } from "./passkey";

type PassphraseWay = ApiWay & { readonly kind: "passphrase" };

/** Asks how the own key is to be opened, and does `act` with that; what it raises is said in the dialog. Null: the person closed it. */
export function askForWay<T>(
  own: OwnKey,
  words: { readonly title: string; readonly text: string; readonly submit: string },
  act: (by: Opener, progress: (part: number) => void) => Promise<T>,
): Promise<T | null> {
  const passkeys = own.ways.filter((way): way is PasskeyWay => way.kind === "passkey");
  const passphrases = own.ways.filter((way): way is PassphraseWay => way.kind === "passphrase");
  const byPasskey = async (): Promise<T> => act(await openByPasskey(passkeys), () => undefined);
  const usable = passkeys.length > 0 && passkeysKnown();
  const { title, text } = words;
  if (passphrases.length === 0) return ask({ title, text, content: [], submit: t("Use a passkey"), act: byPasskey });
  const { box, input } = field(t("Passphrase"), { type: "password", autocomplete: "current-password", required: true });
  const choice = h("select", { id: `${input.id}-which` }, ...passphrases.map(({ id, label }) => h("option", { value: id }, label)));
  const which = h("div", { class: "field" }, h("label", { for: choice.id }, t("Which one")), choice);
  return ask({
    title,
    text,
    content: [...(passphrases.length > 1 ? [which] : []), box],
    submit: words.submit,
    act: (progress) => {
      const way = passphrases.find(({ id }) => id === choice.value) ?? (passphrases[0] as PassphraseWay);
      return act({ way, passphrase: input.value }, progress);
    },
    ...(usable ? { first: { label: t("Use a passkey"), act: byPasskey } } : {}),
  });
}

/** Whether the own key was opened. */
export async function unlock(owner: Owner, own: OwnKey, worker: HeldWorker): Promise<boolean> {
  const words = {
    title: t("Unlock your keys"),
    text: t("Your organisation holds its own keys. Yours opens what you may see, and stays open on this device until you sign out."),
    submit: t("Unlock"),
  };
  const done = await askForWay(own, words, async (by, progress) => {
    await worker.call("unlock", { owner, publicKey: own.public, by }, progress);
    return true;
  });
  return done === true;
}
