/** What stands over the timeline under the pointer: the time in words, and the sealed picture of that instant. */
import { ApiError } from "../api/client";
import type { RunState } from "../api/types";
import { h, icon } from "../dom";
import { t } from "../i18n/t";
import { WorkerFailure } from "../keys/failure";
import type { Still } from "../stills/stills";

/** Where pictures come from (`Stills`). */
export interface PeekPictures {
  held(camera: string, us: number): Still | null;
  nearest(camera: string, us: number, withinUs: number): Still | null;
  at(camera: string, us: number, options: { signal: AbortSignal }): Promise<Still | null>;
}

export interface PeekPlace {
  readonly camera: string;
  /** The instant under the pointer. */
  readonly us: number;
  /** Instants nearer than this to each other share a picture: a few pixels. */
  readonly stepUs: number;
  /** What the records say of the instant; null: nobody speaks of it. */
  readonly state: RunState | null;
  /** Begin of the run, so that no picture of before it is asked for. */
  readonly fromUs: number;
  /** CSS pixels in the canvas. */
  readonly x: number;
}

export interface PeekOptions {
  /** Called once, at the first instant with a picture. */
  pictures(): Promise<PeekPictures>;
  /** "14:03:10" of an instant. */
  clock(us: number): string;
}

/** A new picture is asked for this often at most while the pointer moves. */
const START_MS = 60;
/** More are not under way at once: the oldest gives way. */
const RUNNING_MOST = 4;
/** A pointer at rest so long wants the very instant, not one a few pixels off. */
const REST_MS = 160;
const EXACT_US = 500_000;
/** While the very picture is on its way, one so many steps away stands in. */
const NEAR_STEPS = 10;
const WIDTH = 240;
const HEIGHT = 135;

const WORDS = {
  none: t("No picture is stored here"),
  altered: t("What is stored here is not what was recorded and signed"),
  away: t("The picture could not be fetched"),
  denied: t("You may not play recordings of this camera"),
};

export class Peek {
  readonly element = h("div", { class: "timeline-peek", hidden: true });
  private readonly canvas = h("canvas", { class: "timeline-still", width: String(WIDTH), height: String(HEIGHT) });
  private readonly stamp = h("span", { class: "timeline-still-time" });
  private readonly nothing = h("span", { class: "timeline-still-none", hidden: true });
  private readonly picture = h("div", { class: "timeline-still-box" }, this.canvas, this.nothing, this.stamp);
  private readonly words = h("div", { class: "timeline-tip" });
  private pictures: PeekPictures | null = null;
  private asked = false;
  private wanted: { camera: string; us: number; stepUs: number } | null = null;
  private readonly running = new Map<string, AbortController>();
  private readonly failed = new Map<string, string>();
  private timer = 0;
  private restTimer = 0;
  private startedAt = -START_MS;
  private shownUs: number | null = null;

  constructor(private readonly options: PeekOptions | null) {
    if (options) this.element.append(this.picture);
    this.element.append(this.words);
    this.picture.hidden = true;
  }

  /** Stands over `place`, whose words are given; `left` and `right` bound it, CSS pixels in the parent. */
  show(place: PeekPlace, words: string, left: number, right: number): void {
    if (this.words.textContent !== words) this.words.textContent = words;
    this.element.hidden = false;
    if (this.options) this.showPicture(place);
    const half = this.element.offsetWidth / 2;
    const middle = left + place.x;
    this.element.style.left = `${Math.min(right - half, Math.max(left + half, middle))}px`;
  }

  hide(): void {
    this.element.hidden = true;
    this.wanted = null;
    this.shownUs = null;
    clearTimeout(this.timer);
    clearTimeout(this.restTimer);
    this.timer = 0;
    for (const controller of this.running.values()) controller.abort();
    this.running.clear();
  }

  private showPicture({ camera, us, stepUs, state, fromUs }: PeekPlace): void {
    this.picture.hidden = false;
    clearTimeout(this.restTimer);
    if (state !== "recorded") {
      this.wanted = null;
      this.say(state === null ? "off" : state);
      return;
    }
    const round = (unit: number): number => Math.max(Math.ceil(fromUs), Math.round(us / unit) * unit);
    this.want(camera, round(stepUs), stepUs);
    if (stepUs > EXACT_US) this.restTimer = window.setTimeout(() => this.want(camera, round(EXACT_US), stepUs), REST_MS);
  }

  private want(camera: string, us: number, stepUs: number): void {
    this.wanted = { camera, us, stepUs };
    this.showBest();
    if (!this.pictures?.held(camera, us)) this.later();
  }

  /** No picture, as a kind of its own; the words are below it. */
  private say(kind: RunState | "off", text = ""): void {
    if (this.picture.dataset["kind"] === kind && this.nothing.textContent === text) return;
    this.picture.dataset["kind"] = kind;
    this.shownUs = null;
    this.stamp.textContent = "";
    this.canvas.hidden = true;
    const name = kind === "pending" ? "wait" : kind === "missing" ? "warn" : kind === "not-permitted" ? "lock" : "off";
    this.nothing.replaceChildren(icon(name), ...(text ? [h("span", {}, text)] : []));
    this.nothing.hidden = false;
  }

  private showBest(): void {
    const { wanted, pictures } = this;
    if (!wanted) return;
    const { camera, us, stepUs } = wanted;
    const exact = pictures?.held(camera, us) ?? null;
    const still = exact ?? pictures?.nearest(camera, us, NEAR_STEPS * stepUs) ?? null;
    const failure = this.failed.get(keyOf(camera, us));
    if (!exact && failure !== undefined) return this.say("missing", failure);
    this.picture.dataset["kind"] = exact ? "still" : still ? "near" : "loading";
    this.nothing.hidden = true;
    if (!still) {
      this.canvas.hidden = true;
      this.stamp.textContent = "";
      this.shownUs = null;
    } else if (this.shownUs !== still.us || this.canvas.hidden) {
      this.canvas.hidden = false;
      const scale = Math.min(WIDTH / still.bitmap.width, HEIGHT / still.bitmap.height);
      const [w, high] = [still.bitmap.width * scale, still.bitmap.height * scale];
      const paint = this.canvas.getContext("2d");
      paint?.clearRect(0, 0, WIDTH, HEIGHT);
      paint?.drawImage(still.bitmap, (WIDTH - w) / 2, (HEIGHT - high) / 2, w, high);
      this.stamp.textContent = this.options?.clock(still.us) ?? "";
      this.picture.dataset["us"] = String(still.us);
      this.shownUs = still.us;
    }
  }

  private async open(): Promise<void> {
    if (this.asked || !this.options) return;
    this.asked = true;
    try {
      this.pictures = await this.options.pictures();
    } catch (error) {
      this.asked = false;
      if (this.wanted) this.fail(keyOf(this.wanted.camera, this.wanted.us), wordsOf(error));
      this.showBest();
      return;
    }
    this.later();
  }

  /** A pointer that only comes to click needs no pictures: the first is asked for a moment later. */
  private later(): void {
    const wait = this.asked ? this.startedAt + START_MS - performance.now() : START_MS;
    this.timer ||= window.setTimeout(() => this.start(), Math.max(0, wait));
  }

  private start(): void {
    this.timer = 0;
    const { wanted, pictures } = this;
    if (!wanted) return;
    const key = keyOf(wanted.camera, wanted.us);
    if (this.running.has(key) || this.failed.has(key)) return;
    if (!pictures) return void this.open();
    this.startedAt = performance.now();
    const oldest = this.running.size >= RUNNING_MOST ? this.running.entries().next().value : undefined;
    if (oldest) {
      oldest[1].abort();
      this.running.delete(oldest[0]);
    }
    const controller = new AbortController();
    this.running.set(key, controller);
    void this.fetch(pictures, wanted.camera, wanted.us, controller);
  }

  private async fetch(pictures: PeekPictures, camera: string, us: number, controller: AbortController): Promise<void> {
    const key = keyOf(camera, us);
    try {
      if (!(await pictures.at(camera, us, { signal: controller.signal }))) this.fail(key, WORDS.none);
    } catch (error) {
      if (!controller.signal.aborted) this.fail(key, wordsOf(error));
    } finally {
      if (this.running.get(key) === controller) this.running.delete(key);
    }
    this.showBest();
  }

  /** Remembered for a moment, so that a pointer at rest does not ask on and on. */
  private fail(key: string, words: string): void {
    this.failed.set(key, words);
    setTimeout(() => this.failed.delete(key), FAILED_MS);
  }
}

const FAILED_MS = 10_000;

function keyOf(camera: string, us: number): string {
  return `${camera}@${us}`;
}

function wordsOf(error: unknown): string {
  if (error instanceof ApiError && error.code === "outside-hours") return error.message;
  if (error instanceof ApiError && error.status === 403) return WORDS.denied;
  if (error instanceof WorkerFailure && (error.info.kind === "sealing" || error.info.kind === "media")) {
    return error.info.code === "missing-object" ? WORDS.none : WORDS.altered;
  }
  if (error instanceof WorkerFailure && error.info.kind === "unshared") return WORDS.denied;
  return WORDS.away;
}
