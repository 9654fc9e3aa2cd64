/** What "upload this now" says. Refusals come from the portal in whole sentences. */
import { t } from "../i18n/t";
import { clockTime } from "../times";
import { duration } from "../words";

export const WORDS = {
  ask: t("Upload this now"),
  again: t("Try again"),
  stop: t("Stop watching this"),
  asking: t("Asking the agent to upload this first"),
  progress: t("Uploaded so far"),
} as const;

export function stretchWords(stretch: { readonly fromUs: number; readonly toUs: number }, zone: string): string {
  const from = clockTime(stretch.fromUs, zone);
  const to = clockTime(stretch.toUs, zone);
  return t("{from} to {to} is on the agent and not uploaded yet.", { from, to });
}

export function progressWords(doneUs: number, wholeUs: number): string {
  return t("The agent uploads this first: {done} of {whole} is there.", { done: duration(doneUs), whole: duration(wholeUs) });
}
