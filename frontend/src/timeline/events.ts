/** Events on the timeline: what is marked, which types are shown, and the next one from an instant. */
import type { EventKind, TimelineEvent } from "../api/types";
import { h } from "../dom";
import { t } from "../i18n/t";
import { EVENT_WORDS } from "../words";
import { xOf, type View } from "./layout";

/** A picture at an event's begin counts as in it; going back from there goes to the one before. */
const SLACK_US = 1_000_000;
const LEAST_PX = 3;

/** One mark: CSS pixels. Motion is a plain bar; every other type has a sign at its begin besides, because it is rare and said apart. */
export interface EventBar {
  readonly x: number;
  readonly width: number;
  readonly signed: boolean;
}

/** What to paint of events in order of time: neighbours that cannot be told apart are one. */
export function eventBars(events: readonly TimelineEvent[], view: View): EventBar[] {
  const out: { x: number; width: number; signed: boolean }[] = [];
  const last: Record<"plain" | "signed", { x: number; width: number; signed: boolean } | null> = { plain: null, signed: null };
  for (const [fromUs, toUs, kind] of events) {
    if (toUs < view.fromUs || fromUs > view.toUs) continue;
    const x = Math.max(0, xOf(view, fromUs));
    const end = Math.max(x + LEAST_PX, Math.min(view.width, xOf(view, toUs)));
    const signed = kind !== "motion";
    const before = last[signed ? "signed" : "plain"];
    if (before && x - (before.x + before.width) < 1) before.width = Math.max(before.width, end - before.x);
    else {
      const bar = { x, width: end - x, signed };
      out.push(bar);
      last[signed ? "signed" : "plain"] = bar;
    }
  }
  return out;
}

/** The types of what goes on at an instant, short ones caught within `slackUs`. */
export function kindsAt(events: readonly TimelineEvent[], us: number, slackUs: number): EventKind[] {
  return [...new Set(events.filter(([from, to]) => from - slackUs <= us && us <= to + slackUs).map(([, , kind]) => kind))];
}

/** The begin of the next event after an instant, or of the last before it; null: there is none among these. */
export function neighbour(events: readonly TimelineEvent[], us: number, direction: 1 | -1): number | null {
  const begins = events.map(([from]) => from);
  const found = direction > 0 ? begins.filter((from) => from > us + SLACK_US) : begins.filter((from) => from < us - SLACK_US);
  if (found.length === 0) return null;
  return direction > 0 ? Math.min(...found) : Math.max(...found);
}

/** A button per type that there is; all are shown until one is pressed. */
export class EventChips {
  readonly element = h("div", { class: "timeline-kinds", role: "group", "aria-label": t("Events shown"), hidden: true });
  private readonly off = new Set<EventKind>();
  private there: readonly EventKind[] = [];

  constructor(private readonly onchange: () => void) {}

  shows(kind: EventKind): boolean {
    return !this.off.has(kind);
  }

  /** The types of the events that are known. */
  offer(kinds: ReadonlySet<EventKind>): void {
    const there = (Object.keys(EVENT_WORDS) as EventKind[]).filter((kind) => kinds.has(kind));
    if (there.join() === this.there.join()) return;
    this.there = there;
    this.element.hidden = there.length === 0;
    this.element.replaceChildren(...there.map((kind) => this.chip(kind)));
  }

  private chip(kind: EventKind): HTMLButtonElement {
    const chip = h("button", { type: "button", class: "timeline-kind", "aria-pressed": String(this.shows(kind)) }, EVENT_WORDS[kind]);
    chip.addEventListener("click", () => {
      if (!this.off.delete(kind)) this.off.add(kind);
      chip.setAttribute("aria-pressed", String(this.shows(kind)));
      this.onchange();
    });
    return chip;
  }
}
