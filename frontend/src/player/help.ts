/** The list of keys. */
import { h } from "../dom";
import { t } from "../i18n/t";
import { KEY_HELP } from "./key-map";

export function helpDialog(keys: typeof KEY_HELP = KEY_HELP): HTMLDialogElement {
  const rows = keys.flatMap(([names, what]) => [h("dt", {}, names), h("dd", {}, what)]);
  const close = h("form", { method: "dialog" }, h("button", { class: "button" }, t("Close")));
  return h("dialog", { class: "vp-help", "aria-label": t("Keys") }, h("h2", {}, t("Keys")), h("dl", {}, ...rows), close);
}
