/** What the wall says. Plain, short, active. */
import type { ApiCamera, LayoutName } from "../api/types";

/** Why a camera shows nothing new: the agent's word (protocol.health.CAMERA_STATES) in people's. */
const REASONS: Record<string, string> = {
  offline: "The agent cannot reach this camera",
  refused: "The camera refuses the password",
  stalled: "The camera sends nothing",
  unusable: "The camera's stream cannot be used",
  "disk-full": "The agent's disk is full",
  connecting: "The agent is connecting to this camera",
  revoked: "The agent of this camera was revoked",
};

const STATES: Record<ApiCamera["state"], string> = {
  recording: "Recording",
  waiting: "Waiting for the first picture",
  offline: "The agent cannot reach this camera",
  "agent-offline": "The agent of this camera has not been heard from",
  disabled: "Recording of this camera is switched off",
  deleted: "This camera was deleted; its recordings stay until their time is over",
};

export function whyWords(state: ApiCamera["state"], reason: string | null): string {
  return (reason !== null && REASONS[reason]) || STATES[state];
}

export const LAYOUT_WORDS: Record<LayoutName, string> = {
  auto: "Automatic",
  "1": "One",
  "2x2": "2 × 2",
  "3x3": "3 × 3",
  "1+5": "1 + 5",
  "4x4": "4 × 4",
  "5x5": "5 × 5",
};

export const WORDS = {
  altered: "Altered: the stored picture is not the one the agent signed",
  back: "Back to all",
  cameras: (n: number) => (n === 1 ? "1 camera" : `${n} cameras`),
  cancel: "Cancel",
  cannotDraw: "This browser cannot draw this camera's pictures",
  carouselOff: "Stop turning pages",
  carouselOn: "Turn pages by itself",
  changeView: "Change view",
  chooseCameras: "Cameras, in the order you tick them",
  connecting: "Connecting",
  dropped: (name: string, place: number, of: number) => `${name} dropped at place ${place} of ${of}`,
  enlarge: (name: string) => `Enlarge ${name}`,
  enlarged: (name: string) => `${name} enlarged. Escape goes back.`,
  everySeconds: "Seconds on each page, 5 to 3600. Empty: pages do not turn by themselves",
  filter: "Find a camera",
  fullScreen: "Full screen",
  endFullScreen: "End full screen",
  gone: "The stored picture is gone from the store",
  layout: "Layout",
  live: (delay: string) => `Live · ${delay} behind`,
  move: (name: string) => `Move ${name}`,
  moved: (name: string, place: number, of: number) => `${name} at place ${place} of ${of}`,
  mute: (name: string) => `Sound of ${name} off`,
  unmute: (name: string) => `Sound of ${name} on`,
  nameOfView: "Name",
  newView: "Save as a view",
  nextCamera: "Next camera",
  nextPage: "Next page",
  noMatch: "No camera fits this search",
  noMatchDo: "Try fewer letters, or look at all sites.",
  noPicture: "No picture is stored yet",
  noPictureNow: "The picture cannot be fetched now",
  newCameras: (n: number) => (n === 1 ? "1 new camera" : `${n} new cameras`),
  notMoved: (name: string) => `${name} stays where it was`,
  notShown: (n: number) => (n === 1 ? "1 camera of this view is not shared with you" : `${n} cameras of this view are not shared with you`),
  openPlain: "Recordings",
  page: (page: number, of: number) => `Page ${page} of ${of}`,
  pickedUp: (name: string, place: number, of: number) =>
    `${name} picked up, place ${place} of ${of}. Arrow keys move it, Space drops it, Escape puts it back.`,
  previousCamera: "Previous camera",
  previousPage: "Previous page",
  remove: "Remove",
  removed: (name: string) => `View ${name} removed`,
  removeOther: (name: string) => `Remove the view ${name}, which somebody else shared? It goes for everybody.`,
  save: "Save",
  saved: (name: string) => `View ${name} saved`,
  shareView: "Show it to everybody in the organisation",
  shared: "shared",
  showThem: "Show",
  since: (time: string, ago: string) => `since ${time} · ${ago}`,
  stale: "These states may be old.",
  stalled: "No new picture",
  swapped: (a: string, b: string) => `${a} and ${b} changed places`,
  taken: (time: string, ago: string) => `${time} · ${ago}`,
  together: "Play the recordings of these cameras side by side",
  turned: (page: number, of: number) => `Page ${page} of ${of}`,
  undo: "Undo",
  updateView: (name: string) => `Save the changes of ${name}`,
  views: "Views",
  viewAll: "All cameras",
  viewsNone: "No views yet. Arrange the wall, then save it as a view.",
} as const;

/** "just now", "12 s ago", "5 min ago", "3 h ago", "2 days ago". */
export function ago(us: number): string {
  const s = Math.max(0, Math.floor(us / 1e6));
  if (s < 5) return "just now";
  if (s < 60) return `${s} s ago`;
  if (s < 3600) return `${Math.floor(s / 60)} min ago`;
  if (s < 2 * 86400) return `${Math.floor(s / 3600)} h ago`;
  return `${Math.floor(s / 86400)} days ago`;
}
