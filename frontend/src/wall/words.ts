/** What the wall says. Plain, short, active. */
import type { ApiCamera, LayoutName } from "../api/types";
import { t, tIn, tn } from "../i18n/t";

/** Why a camera shows nothing new: the agent's word (protocol.health.CAMERA_STATES) in people's. */
const REASONS: Record<string, string> = {
  offline: t("The agent cannot reach this camera"),
  refused: t("The camera refuses the password"),
  stalled: t("The camera sends nothing"),
  unusable: t("The camera's stream cannot be used"),
  "disk-full": t("The agent's disk is full"),
  connecting: t("The agent is connecting to this camera"),
  revoked: t("The agent of this camera was revoked"),
};

const STATES: Record<ApiCamera["state"], string> = {
  recording: tIn("camera state", "Recording"),
  waiting: t("Waiting for the first picture"),
  offline: t("The agent cannot reach this camera"),
  "agent-offline": t("The agent of this camera has not been heard from"),
  disabled: t("Recording of this camera is switched off"),
  deleted: t("This camera was deleted; its recordings stay until their time is over"),
  "by-plan": t("By its recording plan nothing is recorded now"),
  "waiting-for-event": t("Recorded when something happens"),
};

export function whyWords(state: ApiCamera["state"], reason: string | null): string {
  return (reason !== null && REASONS[reason]) || STATES[state];
}

export const LAYOUT_WORDS: Record<LayoutName, string> = {
  auto: t("Automatic"),
  "1": tIn("layout", "One"),
  "2x2": "2 × 2",
  "3x3": "3 × 3",
  "1+5": "1 + 5",
  "4x4": "4 × 4",
  "5x5": "5 × 5",
};

export const WORDS = {
  altered: t("Altered: the stored picture is not the one the agent signed"),
  back: t("Back to all"),
  cameras: (n: number) => tn(n, "{count} camera", "{count} cameras"),
  cancel: t("Cancel"),
  cannotDraw: t("This browser cannot draw this camera's pictures"),
  carouselOff: t("Stop turning pages"),
  carouselOn: t("Turn pages by itself"),
  changeView: t("Change view"),
  changeNamed: (name: string) => t("Change view: {name}", { name }),
  chooseCameras: t("Cameras, in the order you tick them"),
  connecting: t("Connecting"),
  dropped: (name: string, place: number, of: number) => t("{name} dropped at place {place} of {of}", { name, place, of }),
  enlarge: (name: string) => t("Enlarge {name}", { name }),
  enlarged: (name: string) => t("{name} enlarged. Escape goes back.", { name }),
  everySeconds: t("Seconds on each page, 5 to 3600. Empty: pages do not turn by themselves"),
  filter: t("Find a camera"),
  fullScreen: t("Full screen"),
  endFullScreen: t("End full screen"),
  gone: t("The stored picture is gone from the store"),
  layout: t("Layout"),
  live: (delay: string) => t("Live · {delay} behind", { delay }),
  move: (name: string) => t("Move {name}", { name }),
  moved: (name: string, place: number, of: number) => t("{name} at place {place} of {of}", { name, place, of }),
  mute: (name: string) => t("Sound of {name} off", { name }),
  unmute: (name: string) => t("Sound of {name} on", { name }),
  nameOfView: t("Name"),
  newView: t("Save as a view"),
  nextCamera: t("Next camera"),
  nextPage: t("Next page"),
  noMatch: t("No camera fits this search"),
  noMatchDo: t("Try fewer letters, or look at all sites."),
  noPicture: t("No picture is stored yet"),
  noKeyOfIt: t("Its key was not handed to you yet"),
  noPictureNow: t("The picture cannot be fetched now"),
  newCameras: (n: number) => tn(n, "{count} new camera", "{count} new cameras"),
  notMoved: (name: string) => t("{name} stays where it was", { name }),
  notShown: (n: number) =>
    tn(n, "{count} camera of this view is not shared with you", "{count} cameras of this view are not shared with you"),
  openPlain: t("Recordings"),
  page: (page: number, of: number) => t("Page {page} of {of}", { page, of }),
  pickedUp: (name: string, place: number, of: number) =>
    t("{name} picked up, place {place} of {of}. Arrow keys move it, Space drops it, Escape puts it back.", { name, place, of }),
  previousCamera: t("Previous camera"),
  previousPage: t("Previous page"),
  removeNamed: (name: string) => t("Remove: {name}", { name }),
  removed: (name: string) => t("View {name} removed", { name }),
  removeOther: (name: string) => t("Remove the view {name}, which somebody else shared? It goes for everybody.", { name }),
  save: t("Save"),
  saved: (name: string) => t("View {name} saved", { name }),
  shareView: t("Show it to everybody in the organisation"),
  shared: tIn("view", "shared"),
  showThem: t("Show"),
  since: (time: string, ago: string) => t("since {time} · {ago}", { time, ago }),
  stale: t("These states may be old."),
  stalled: t("No new picture"),
  swapped: (a: string, b: string) => t("{a} and {b} changed places", { a, b }),
  taken: (time: string, ago: string) => `${time} · ${ago}`,
  together: t("Play the recordings of these cameras side by side"),
  turned: (page: number, of: number) => t("Page {page} of {of}", { page, of }),
  undo: t("Undo"),
  updateView: (name: string) => t("Save the changes of {name}", { name }),
  views: t("Views"),
  viewAll: t("All cameras"),
  viewsNone: t("No views yet. Arrange the wall, then save it as a view."),
} as const;

/** "just now", "12 s ago", "5 min ago", "3 h ago", "2 days ago". */
export function ago(us: number): string {
  const s = Math.max(0, Math.floor(us / 1e6));
  if (s < 5) return t("just now");
  if (s < 60) return t("{seconds} s ago", { seconds: s });
  if (s < 3600) return t("{minutes} min ago", { minutes: Math.floor(s / 60) });
  if (s < 2 * 86400) return t("{hours} h ago", { hours: Math.floor(s / 3600) });
  return t("{days} days ago", { days: Math.floor(s / 86400) });
}
