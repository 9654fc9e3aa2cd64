/** How a camera's state is shown, the same words and icons as the portal's first answer. */
import type { ApiCamera } from "../api/types";
import { t, tIn } from "../i18n/t";

export const REFRESH_MS = 10_000;

interface Words {
  readonly label: string;
  readonly why: string;
  readonly tone: string;
  readonly icon: string;
}

export const STATE_WORDS: Record<ApiCamera["state"], Words> = {
  recording: { label: tIn("camera state", "Recording"), why: tIn("camera state", "Recording"), tone: "ok", icon: "record" },
  waiting: { label: tIn("camera state", "Waiting"), why: t("Waiting for the first picture"), tone: "info", icon: "wait" },
  offline: { label: tIn("camera state", "Offline"), why: t("The agent cannot reach this camera"), tone: "bad", icon: "off" },
  "agent-offline": {
    label: tIn("camera state", "Agent offline"),
    why: t("The agent of this camera has not been heard from"),
    tone: "bad",
    icon: "off",
  },
  deleted: {
    label: tIn("camera state", "Deleted"),
    why: t("This camera was deleted; its recordings stay until their time is over"),
    tone: "",
    icon: "off",
  },
  "by-plan": { label: tIn("camera state", "Off by plan"), why: t("By its recording plan nothing is recorded now"), tone: "", icon: "off" },
  "waiting-for-event": { label: tIn("camera state", "Ready"), why: t("Recorded when something happens"), tone: "info", icon: "wait" },
  disabled: { label: tIn("camera state", "Disabled"), why: t("Recording of this camera is switched off"), tone: "", icon: "off" },
};

/** Whether the camera sends pictures, kept or not. */
export function sends(state: ApiCamera["state"] | string | undefined): boolean {
  return state === "recording" || state === "by-plan" || state === "waiting-for-event";
}

/** Makes the badge inside `root` say this state. */
export function showState(root: ParentNode, state: ApiCamera["state"]): void {
  const words = STATE_WORDS[state];
  const badge = root.querySelector("[data-state-badge]");
  badge?.setAttribute("class", `state ${words.tone}`);
  badge?.querySelector("use")?.setAttribute("href", `#i-${words.icon}`);
  const text = badge?.querySelector("[data-state-text]");
  if (text && text.textContent !== words.label) text.textContent = words.label;
}
