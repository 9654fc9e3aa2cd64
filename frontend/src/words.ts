/** What the screens say, in one place. Plain, short, active. */
import type { EventKind, RunState } from "./api/types";
import { decimal, t } from "./i18n/t";
import type { AbsentKind } from "./player/plan";
import { clockMinute, day, zoneName } from "./times";

/** Gap reasons of SPEC 1.4. */
const GAP_REASONS: Record<number, string> = {
  1: t("the camera could not be reached"),
  2: t("the camera refused the password"),
  3: t("the camera stopped sending"),
  4: t("the camera's stream was not usable"),
  5: t("the agent was stopped"),
  6: t("the agent crashed or lost power"),
  7: t("the agent's disk was full"),
  8: t("recording was switched off"),
  9: t("the camera's clock jumped"),
  10: t("packets were lost"),
  11: t("the camera's settings changed"),
  12: t("the agent's clock was set"),
  13: t("sealed data was damaged on the agent"),
  14: t("the recording plan wanted nothing then"),
};

/** The gap reason that is nobody's fault. */
export const BY_PLAN = 14;

export function gapReason(reason: number | null): string {
  return (reason !== null && GAP_REASONS[reason]) || t("no reason is known");
}

const RUN_STATES: Record<RunState, string> = {
  recorded: t("Recorded"),
  pending: t("On the agent, not uploaded yet"),
  gap: t("Not recorded"),
  deleted: t("Deleted by the retention rules"),
  missing: t("Missing from the store, though it was uploaded"),
  "not-permitted": t("Not permitted for you at this time"),
};

/** Types of events, in the order in which they are offered. */
export const EVENT_WORDS: Record<EventKind, string> = {
  motion: t("Motion"),
  line: t("Line crossed"),
  input: t("Input"),
  sound: t("Sound noticed"),
  tamper: t("Tampering"),
  frozen: t("Picture stands still"),
  swapped: t("Another device answers"),
  clock: t("Camera's clock is wrong"),
  other: t("Other event"),
};

export const NO_EVENT = t("There is no other event in the time shown");

/** "Not recorded: the camera could not be reached". */
export function runWords(state: RunState, reason: number | null): string {
  if (state === "gap" && reason === BY_PLAN) return t("Not recorded by plan");
  return state === "gap" ? t("Not recorded: {reason}", { reason: gapReason(reason) }) : RUN_STATES[state];
}

export function absentWords(kind: AbsentKind, reason: number | null): string {
  if (kind === "damaged") return t("Altered");
  if (kind === "unrecorded") return t("Nothing recorded");
  return runWords(kind, reason);
}

/** What an altered second is. */
export const ALTERED = t("what is stored is not what was recorded and signed");

/** Words the hub says about a live view. */
export const LIVE_STATUS: Record<string, string> = {
  starting: t("Waiting for the camera's first picture"),
  "agent-offline": t("The agent is not connected, so there is no live picture"),
  "camera-offline": t("The agent cannot reach this camera"),
  withdrawn: t("Your access to this camera was withdrawn"),
  "outside-hours": t("Your role does not let you watch live at this time"),
  skipped: t("Your connection is slow: some pictures were left out"),
  ended: t("The live view ended"),
  refused: t("The live view was refused"),
  late: t("The live hub does not answer"),
  "too-slow": t("This device is too slow to open the stream"),
};

/** What hub and key worker add about the end of a live view, as they say it. */
const LIVE_DETAILS: Record<string, string> = {
  "your right or your session ended": t("your right or your session ended"),
  "the agent did not begin to send": t("the agent did not begin to send"),
  "The live hub does not answer": t("The live hub does not answer"),
  "Fragments come faster than this device opens them": t("Fragments come faster than this device opens them"),
};

export function liveDetail(detail: string): string {
  return LIVE_DETAILS[detail] ?? detail;
}

/** When live view opens again, as the hub says it (ISO 8601, or nothing known), in words for people. */
export function opensAgain(iso: string | null, zone: string): string {
  const ms = Date.parse(iso ?? "");
  if (Number.isNaN(ms)) return t("Ask an owner of your organisation.");
  const us = ms * 1000;
  return t("It opens again on {day} at {time} {zone}.", { day: day(us, zone), time: clockMinute(us, zone), zone: zoneName(us, zone) });
}

/** "12 s", "3 min 20 s", "2 h 5 min", "3 days". */
export function duration(us: number): string {
  const s = Math.round(us / 1e6);
  if (s < 60) return t("{seconds} s", { seconds: s });
  if (s < 3600) return parts(t("{minutes} min", { minutes: Math.floor(s / 60) }), s % 60 && t("{seconds} s", { seconds: s % 60 }));
  const minutes = Math.floor((s % 3600) / 60);
  const hours = Math.floor(s / 3600);
  if (s < 2 * 86400) return parts(t("{hours} h", { hours }), minutes && t("{minutes} min", { minutes }));
  return t("{days} days", { days: Math.round(s / 86400) });
}

function parts(large: string, small: string | 0): string {
  return small === 0 ? large : `${large} ${small}`;
}

const UNITS = ["kB", "MB", "GB", "TB"];

/** "840 bytes", "12.3 MB". */
export function size(bytes: number): string {
  let value = bytes;
  let unit = "";
  for (const next of UNITS) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  if (unit === "") return t("{bytes} bytes", { bytes: Math.round(value) });
  return `${value >= 100 ? Math.round(value) : decimal(value, 1)} ${unit}`;
}
