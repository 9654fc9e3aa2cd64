/** The alarm over a changed or rolled-back root: what was seen, what is shown now, and a deliberate way on. */
import { h, icon } from "../dom";
import { t } from "../i18n/t";
import { showFingerprint } from "./pins";
import type { TrustAlarm } from "./trust";

const TITLES: Record<TrustAlarm["kind"], string> = {
  "root-changed": t("The root key of this organisation has changed"),
  "rolled-back": t("The portal shows an older state than this browser has seen"),
  broken: t("The signatures of this organisation do not hold"),
};

/** `onTrust`: a person compared the fingerprints and trusts the new root. Offered for a changed root only. */
export function alarmPanel(alarm: TrustAlarm, onTrust: () => void): HTMLElement {
  const rows: Node[] = [];
  if (alarm.pinned) rows.push(h("dt", {}, t("Known here")), h("dd", { class: "vp-print" }, showFingerprint(alarm.pinned)));
  rows.push(h("dt", {}, t("Shown now")), h("dd", { class: "vp-print" }, showFingerprint(alarm.offered)));
  return h(
    "div",
    { "data-panel": alarm.kind },
    icon("warn"),
    h("h2", {}, TITLES[alarm.kind]),
    h("p", {}, `${alarm.message} ${t("Nothing is played until this is settled: ask your owner to compare the fingerprint with the printed card.")}`),
    h("dl", {}, ...rows),
    alarm.kind === "root-changed" ? trustForm(onTrust) : null,
  );
}

/** Two steps, so that nobody trusts a new root by a slip. */
function trustForm(onTrust: () => void): HTMLElement {
  const box = h("input", { type: "checkbox", required: true });
  const form = h(
    "form",
    { class: "vp-trust" },
    h("label", {}, box, ` ${t("I compared it, and it is right")}`),
    h("button", { type: "submit", class: "button" }, t("Trust the new root key")),
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (box.checked) onTrust();
  });
  return form;
}
