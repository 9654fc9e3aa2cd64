/** What the screens say, in one place. Plain, short, active. */
import type { RunState } from "./api/types";
import type { AbsentKind } from "./player/plan";

/** Gap reasons of SPEC 1.4. */
const GAP_REASONS: Record<number, string> = {
  1: "the camera could not be reached",
  2: "the camera refused the password",
  3: "the camera stopped sending",
  4: "the camera's stream was not usable",
  5: "the agent was stopped",
  6: "the agent crashed or lost power",
  7: "the agent's disk was full",
  8: "recording was switched off",
  9: "the camera's clock jumped",
  10: "packets were lost",
  11: "the camera's settings changed",
  12: "the agent's clock was set",
  13: "sealed data was damaged on the agent",
};

export function gapReason(reason: number | null): string {
  return (reason !== null && GAP_REASONS[reason]) || "no reason is known";
}

const RUN_STATES: Record<RunState, string> = {
  recorded: "Recorded",
  pending: "On the agent, not uploaded yet",
  gap: "Not recorded",
  deleted: "Deleted by the retention rules",
  missing: "Missing from the store, though it was uploaded",
};

/** "Not recorded: the camera could not be reached". */
export function runWords(state: RunState, reason: number | null): string {
  return state === "gap" ? `${RUN_STATES.gap}: ${gapReason(reason)}` : RUN_STATES[state];
}

export function absentWords(kind: AbsentKind, reason: number | null): string {
  if (kind === "damaged") return "Altered";
  if (kind === "unrecorded") return "Nothing recorded";
  return runWords(kind, reason);
}

/** What an altered second is. */
export const ALTERED = "what is stored is not what was recorded and signed";

/** Words the hub says about a live view. */
export const LIVE_STATUS: Record<string, string> = {
  starting: "Waiting for the camera's first picture",
  "agent-offline": "The agent is not connected, so there is no live picture",
  "camera-offline": "The agent cannot reach this camera",
  withdrawn: "Your access to this camera was withdrawn",
  skipped: "Your connection is slow: some pictures were left out",
  ended: "The live view ended",
  refused: "The live view was refused",
  late: "The live hub does not answer",
  "too-slow": "This device is too slow to open the stream",
};

/** "12 s", "3 min 20 s", "2 h 5 min", "3 days". */
export function duration(us: number): string {
  const s = Math.round(us / 1e6);
  if (s < 60) return `${s} s`;
  if (s < 3600) return s % 60 ? `${Math.floor(s / 60)} min ${s % 60} s` : `${s / 60} min`;
  const minutes = Math.floor((s % 3600) / 60);
  if (s < 2 * 86400) return minutes ? `${Math.floor(s / 3600)} h ${minutes} min` : `${Math.floor(s / 3600)} h`;
  return `${Math.round(s / 86400)} days`;
}

const UNITS = ["kB", "MB", "GB", "TB"];

/** "840 bytes", "12.3 MB". */
export function size(bytes: number): string {
  let value = bytes;
  let unit = "bytes";
  for (const next of UNITS) {
    if (value < 1000) break;
    value /= 1000;
    unit = next;
  }
  return `${unit === "bytes" || value >= 100 ? Math.round(value) : value.toFixed(1)} ${unit}`;
}
