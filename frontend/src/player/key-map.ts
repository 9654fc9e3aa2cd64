/** Keys of the player (`?` lists them). */
import { t } from "../i18n/t";
export interface KeyActions {
  playOrPause(): void;
  jump(seconds: number): void;
  step(direction: 1 | -1): void;
  faster(direction: 1 | -1): void;
  /** To the next event, or the one before. */
  event(direction: 1 | -1): void;
  share(share: number): void;
  full(): void;
  sound(): void;
  live(): void;
  snapshot(): void;
  clip(): void;
  /** The search in an area. */
  area(): void;
  /** Begin or end of a clip where the picture is. */
  mark(end: "from" | "to"): void;
  pip(): void;
  help(): void;
}

const KEYS: Record<string, (actions: KeyActions) => void> = {
  " ": (a) => a.playOrPause(),
  k: (a) => a.playOrPause(),
  j: (a) => a.jump(-10),
  l: (a) => a.jump(10),
  ArrowLeft: (a) => a.jump(-5),
  ArrowRight: (a) => a.jump(5),
  ",": (a) => a.step(-1),
  ".": (a) => a.step(1),
  "<": (a) => a.faster(-1),
  ">": (a) => a.faster(1),
  n: (a) => a.event(1),
  b: (a) => a.event(-1),
  f: (a) => a.full(),
  m: (a) => a.sound(),
  s: (a) => a.snapshot(),
  e: (a) => a.clip(),
  a: (a) => a.area(),
  "[": (a) => a.mark("from"),
  "]": (a) => a.mark("to"),
  p: (a) => a.pip(),
  Home: (a) => a.live(),
  "?": (a) => a.help(),
};

/** What a key does, with the words of the help. */
export const KEY_HELP: readonly (readonly [keys: string, what: string])[] = [
  [t("Space, K"), t("Play or pause")],
  ["J, L", t("Back or forward 10 s")],
  ["←, →", t("Back or forward 5 s")],
  [t(", and ."), t("One picture back or forward")],
  [t("< and >"), t("Slower or faster")],
  [t("N, B"), t("Next event, or the one before")],
  [t("0 to 9"), t("To tenths of the visible time")],
  ["F", t("Full screen")],
  ["M", t("Sound")],
  ["S", t("Save the picture as a file")],
  ["E", t("Save a clip")],
  ["A", t("Search in an area")],
  [t("[ and ]"), t("Begin or end of the clip here")],
  ["P", t("Picture in picture")],
  [t("Home"), t("Live")],
  [t("+ and −"), t("Zoom the picture or the timeline, whichever has the focus")],
  [t("Shift and arrows"), t("Move the zoomed picture, when it has the focus")],
  ["?", t("These keys")],
];

/** Acts on a key unless a field, or a button for its own keys, wants it. */
export function handleKey(event: KeyboardEvent, actions: KeyActions): void {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
  const target = event.target as Element;
  if (target.closest("input, select, textarea, dialog")) return;
  if (target.closest("button, a, summary") && (event.key === " " || event.key === "Enter")) return;
  const name = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  const act = KEYS[name];
  if (act) act(actions);
  else if (/^[0-9]$/.test(name)) actions.share(Number(name) / 10);
  else return;
  event.preventDefault();
  event.stopPropagation();
}
