/** A camera's password, sealed to keys that the organisation holds itself: a holder's browser opens it, and shows it for a minute. */
import { h } from "../dom";
import { t } from "../i18n/t";
import type { Desk } from "./desk";
import { withFreshFactor } from "./fresh";
import { button, words } from "./parts";

const SHOWN_MS = 60_000;

type Which = "current" | "spare";

/** The part of the page, drawn again when the minute is over. */
export function sealedPassword(camera: string, which: Which): (desk: Desk) => Promise<readonly Node[]> {
  let shown: string | null = null;
  return async (desk) => {
    if (shown !== null) return [passwordShown(shown)];
    if (!desk.keys.vault?.sealed) {
      return [words(t("The agent sealed it to a key that your organisation holds itself: only who holds the organisation's keys is shown it."), "small")];
    }
    const label = which === "spare" ? t("Show that one for a minute, with your keys") : t("Show it for a minute, with your keys");
    return [button(label, () => desk.run(show))];

    async function show(): Promise<void> {
      const act = await desk.vaultAct();
      const { password, sealed } = await withFreshFactor(desk.api, () => desk.api.password(camera, which));
      shown = sealed ? await desk.worker.call("openPassword", { ...act, ...sealed }) : password;
      setTimeout(() => {
        shown = null;
        void desk.refresh();
      }, SHOWN_MS);
    }
  };
}

function passwordShown(password: string): HTMLElement {
  const id = "opened-password";
  const copy = h("button", { type: "button", class: "button", "data-copy": `#${id}` }, t("Copy"));
  return h(
    "div",
    { class: "stack" },
    h("div", { class: "copy" }, h("code", { id }, password), copy),
    words(t("It is shown for a minute. That you looked stands in the audit log."), "small"),
  );
}
