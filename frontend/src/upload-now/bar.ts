/**
 * "Upload this now": shown under the timeline while the instant chosen lies in time that is on the agent and not uploaded
 * yet. Knows the player only by `at` and `setRuns`, and tells it once when the stretch is there.
 */
import "../styles/upload-now.css";
import { ApiError, type Api } from "../api/client";
import type { TimelineRun } from "../api/types";
import { h } from "../dom";
import type { StreamName } from "../sealing/registry";
import { WORDS, progressWords, stretchWords } from "./words";

const STRETCH_US_MOST = 2 * 3600e6;
const BEFORE_US = 60e6;
const LOOK_MS = 2000;

export interface UploadNowOptions {
  readonly api: Api;
  readonly camera: string;
  readonly zone: string;
  stream(): StreamName;
  /** The stretch is in the store. `us`: the instant that was chosen, unless the person went elsewhere since. */
  onready(us: number | null): void;
}

interface Stretch {
  readonly fromUs: number;
  readonly toUs: number;
  readonly atUs: number;
}

export class UploadNow {
  readonly element: HTMLElement;
  private readonly text = h("p", { class: "upload-now-text", role: "status" });
  private readonly bar = h("progress", { max: "1", "aria-label": WORDS.progress, hidden: true });
  private readonly button = h("button", { type: "button", class: "button" }, WORDS.ask);
  private runs: readonly TimelineRun[] = [];
  private chosen: number | null = null;
  private stretch: Stretch | null = null;
  private asked: AbortController | null = null;
  private timer = 0;

  constructor(private readonly options: UploadNowOptions) {
    this.element = h("div", { class: "upload-now", hidden: true }, h("div", { class: "upload-now-words" }, this.text, this.bar), this.button);
    this.button.addEventListener("click", () => void (this.asked ? this.cancel() : this.ask()));
  }

  /** The person chose an instant. What is asked for already goes on being shown. */
  at(us: number): void {
    this.chosen = us;
    if (!this.asked) this.offer();
  }

  setRuns(runs: readonly TimelineRun[]): void {
    this.runs = runs;
    if (!this.asked && this.chosen !== null) this.offer();
  }

  stop(): void {
    this.asked?.abort();
    this.asked = null;
    clearTimeout(this.timer);
  }

  private offer(): void {
    const us = this.chosen;
    const run = us === null ? null : this.runs.find(([from, to, state]) => state === "pending" && from <= us && us < to);
    this.element.hidden = !run;
    if (!run || us === null) {
      this.stretch = null;
      return;
    }
    const fromUs = Math.round(Math.max(run[0], us - BEFORE_US));
    const same = this.stretch?.fromUs === fromUs && this.stretch.atUs === us;
    this.stretch = { fromUs, toUs: Math.round(Math.min(run[1], fromUs + STRETCH_US_MOST)), atUs: us };
    if (!same) this.say(stretchWords(this.stretch, this.options.zone), WORDS.ask);
  }

  private async ask(): Promise<void> {
    const { stretch } = this;
    if (!stretch) return;
    const asked = new AbortController();
    this.asked = asked;
    this.say(WORDS.asking, WORDS.stop);
    try {
      await this.options.api.uploadNow(this.options.camera, { from_us: stretch.fromUs, to_us: stretch.toUs }, asked.signal);
      await this.look(stretch, asked);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.asked = null;
      this.bar.hidden = true;
      this.say(error instanceof ApiError ? error.message : String(error), WORDS.again);
    }
  }

  /** Until nothing of the stretch is pending: the timeline says so, as it does to everybody. */
  private async look(stretch: Stretch, asked: AbortController): Promise<void> {
    while (!asked.signal.aborted) {
      const { api, camera, stream } = this.options;
      const query = { cameras: [camera], fromUs: stretch.fromUs, toUs: stretch.toUs, stream: stream(), resolutionS: 1 };
      const reply = await api.timeline(query, asked.signal);
      const waitingUs = pendingUs(reply.cameras[camera]?.runs ?? [], stretch);
      if (waitingUs === 0) return this.ready(stretch);
      const wholeUs = stretch.toUs - stretch.fromUs;
      this.bar.hidden = false;
      this.bar.value = 1 - waitingUs / wholeUs;
      this.say(progressWords(wholeUs - waitingUs, wholeUs), WORDS.stop);
      await new Promise<void>((done) => (this.timer = window.setTimeout(done, LOOK_MS)));
    }
  }

  private ready(stretch: Stretch): void {
    this.asked = null;
    this.bar.hidden = true;
    this.element.hidden = true;
    this.stretch = null;
    // What was fetched before says pending still, until the timeline has been fetched again.
    this.runs = this.runs.filter(([from, to]) => to <= stretch.fromUs || from >= stretch.toUs);
    this.options.onready(this.chosen === stretch.atUs ? stretch.atUs : null);
  }

  /** Only the watching ends: the agent uploads what it was asked for. */
  private cancel(): void {
    this.stop();
    this.bar.hidden = true;
    this.stretch = null;
    this.offer();
  }

  private say(text: string, action: string): void {
    if (this.text.textContent !== text) this.text.textContent = text;
    if (this.button.textContent !== action) this.button.textContent = action;
  }
}

/** How much of a stretch is not uploaded yet. */
export function pendingUs(runs: readonly TimelineRun[], stretch: { readonly fromUs: number; readonly toUs: number }): number {
  let total = 0;
  for (const [from, to, state] of runs) {
    if (state === "pending") total += Math.max(0, Math.min(to, stretch.toUs) - Math.max(from, stretch.fromUs));
  }
  return total;
}
