/** What "upload this now" says. Refusals come from the portal in whole sentences. */
import { clockTime } from "../times";
import { duration } from "../words";

export const WORDS = {
  ask: "Upload this now",
  again: "Try again",
  stop: "Stop watching this",
  asking: "Asking the agent to upload this first",
  progress: "Uploaded so far",
} as const;

export function stretchWords(stretch: { readonly fromUs: number; readonly toUs: number }, zone: string): string {
  const from = clockTime(stretch.fromUs, zone);
  const to = clockTime(stretch.toUs, zone);
  return `${from} to ${to} is on the agent and not uploaded yet.`;
}

export function progressWords(doneUs: number, wholeUs: number): string {
  return `The agent uploads this first: ${duration(doneUs)} of ${duration(wholeUs)} is there.`;
}
