/** The timeline: a canvas from a minute to a month wide, and the same as a list for who cannot see or point. */
import type { TimelineEvent, TimelineRun } from "../api/types";
import { t } from "../i18n/t";
import { clockTime, day, zoneName } from "../times";
import { absentWords, ALTERED, duration, EVENT_WORDS, runWords } from "../words";
import { eventBars, EventChips, kindsAt, neighbour } from "./events";
import { centred, MARK_PX, marks, NARROWEST_US, panned, pinched, runAt, ticks, usAt, xOf, zoomed, type View } from "./layout";
import { heightOf, lanesOf, Painter, type Lane } from "./paint";
import { Peek, type PeekPictures } from "./peek";

const HOUR_US = 3_600_000_000;
const DRAG_PX = 4;
const LIST_MOST = 200;
/** A finger held so long scrubs: pictures under it, and the instant is sought where it lifts. */
const HOLD_MS = 450;
/** Pictures are this many pixels apart. */
const PEEK_PX = 3;
const PEEK_LEAST_US = 500_000;
/** From a minute to a month. */
const LEVELS_US = [60e6, 600e6, HOUR_US, 6 * HOUR_US, 24 * HOUR_US, 7 * 24 * HOUR_US, 31 * 24 * HOUR_US];
/** A glide goes by the speed of the last moves, the newest most. */
const NEWEST = 0.7;
const GLIDE_MS = 260;
/** A trackpad's pinch comes as a wheel in small steps. */
const TRACKPAD = 4;
/** A framed range takes a third of the width. */
const FRAMED = 3;

/** One camera of a timeline. */
export interface TimelineRow {
  readonly camera: string;
  readonly name: string;
}

export interface TimelineOptions {
  readonly zone: string;
  /** One lane each, in this order. */
  readonly rows: readonly TimelineRow[];
  /** Pictures under the pointer; absent: words alone. Called once, when the first is wanted. */
  readonly pictures?: () => Promise<PeekPictures>;
  nowUs(): number;
  /** A person chose an instant. */
  onseek(us: number): void;
  /** Another range is shown: its runs are wanted. */
  onview(view: View): void;
}

export class Timeline {
  readonly element = document.createElement("div");
  private readonly canvas = document.createElement("canvas");
  private readonly peek: Peek;
  /** The instant under the pointer. */
  private readonly cursor = document.createElement("div");
  /** How wide the view is, and levels to choose from. */
  private readonly span = document.createElement("select");
  private readonly list = document.createElement("ul");
  private readonly details = document.createElement("details");
  private readonly painter: Painter;
  private readonly lanes: readonly Lane[];
  private readonly pointers = new Map<number, number>();
  private view: View;
  private readonly runs = new Map<string, readonly TimelineRun[]>();
  private readonly events = new Map<string, readonly TimelineEvent[]>();
  private readonly chips = new EventChips(() => this.eventsChanged());
  private readonly altered = new Map<string, readonly number[]>();
  private headUs: number | null = null;
  private following = true;
  private dragged = 0;
  private velocity = 0;
  private lastMove = 0;
  private frame = 0;
  private animation = 0;
  private holdTimer = 0;
  /** A finger was held and shows pictures. */
  private scrubbing = false;
  private described = "";

  constructor(private readonly options: TimelineOptions) {
    const now = options.nowUs();
    this.view = { fromUs: now - 0.95 * HOUR_US, toUs: now + 0.05 * HOUR_US, width: 600 };
    this.element.className = "timeline";
    this.canvas.className = "timeline-canvas";
    this.canvas.tabIndex = 0;
    this.canvas.setAttribute("role", "slider");
    this.canvas.setAttribute("aria-label", t("Timeline"));
    this.lanes = lanesOf(options.rows.map(({ name }) => name));
    this.canvas.style.height = `${heightOf(this.lanes)}px`;
    const { pictures, zone } = options;
    this.peek = new Peek(pictures ? { pictures, clock: (us) => `${clockTime(us, zone)} ${zoneName(us, zone)}` } : null);
    const summary = document.createElement("summary");
    summary.textContent = t("Recordings as a list");
    this.details.className = "timeline-list";
    this.details.append(summary, this.list);
    this.cursor.className = "timeline-cursor";
    this.cursor.hidden = true;
    this.element.append(this.canvas, this.cursor, this.peek.element, this.chips.element, this.zoomBar(), this.details);
    this.cursor.style.height = `${heightOf(this.lanes) - this.lanes[0]!.top - 8}px`;
    this.painter = new Painter(this.canvas, this.lanes);
    this.listen();
    new ResizeObserver(() => this.resized()).observe(this.canvas);
  }

  get shown(): View {
    return this.view;
  }

  /** What is known of a camera in the range shown, in order of time. */
  setRuns(camera: string, runs: readonly TimelineRun[], events: readonly TimelineEvent[]): void {
    this.runs.set(camera, runs);
    this.events.set(camera, events);
    this.chips.offer(new Set([...this.events.values()].flat().map(([, , kind]) => kind)));
    this.painter.forgetRuns();
    this.described = "";
    this.draw();
    if (this.details.open) this.fillList();
  }

  /** The begin of the next event of a type that is shown, or of the one before; null: none is known. */
  eventFrom(us: number, direction: 1 | -1): number | null {
    return neighbour(this.options.rows.flatMap(({ camera }) => this.shownEvents(camera)), us, direction);
  }

  private shownEvents(camera: string): readonly TimelineEvent[] {
    return (this.events.get(camera) ?? []).filter(([, , kind]) => this.chips.shows(kind));
  }

  private eventsChanged(): void {
    this.painter.forgetRuns();
    this.described = "";
    this.draw();
    if (this.details.open) this.fillList();
  }

  /** What is stored at an instant turned out not to be what was signed: marked while this page stays. */
  markAltered(camera: string, us: number): void {
    const known = this.altered.get(camera) ?? [];
    if (known.some((other) => Math.abs(other - us) < 1e6)) return;
    this.altered.set(camera, [...known, us]);
    this.draw();
  }

  /** What is known of a camera at an instant; null: nobody speaks of it, or it lies outside what was fetched. */
  runAt(camera: string, us: number): TimelineRun | null {
    return runAt(this.runs.get(camera) ?? [], us, 0);
  }

  /** The instant of the picture; the view follows it unless a person moved away from it. */
  setHead(us: number | null): void {
    this.headUs = us;
    if (us !== null && this.following && this.pointers.size === 0) this.keepInView(us);
    this.draw();
  }

  /** Brings an instant into view and follows it again. */
  reveal(us: number): void {
    this.following = true;
    cancelAnimationFrame(this.animation);
    if (us < this.view.fromUs || us > this.view.toUs) this.show(centred(this.view, us, 0.5));
  }

  /** Shows a range with room around it. */
  showRange(fromUs: number, toUs: number): void {
    const span = Math.max(NARROWEST_US, (toUs - fromUs) * FRAMED);
    const begin = Math.round((fromUs + toUs - span) / 2);
    this.following = false;
    this.show({ ...this.view, fromUs: begin, toUs: begin + span });
  }

  /** Lays an element over the lane; it takes its place from the style sheet and its width from the canvas. */
  overlay(element: HTMLElement): void {
    this.canvas.after(element);
  }

  /** The instant at a share (0…1) of the visible range. */
  instantAt(share: number): number {
    return usAt(this.view, share * this.view.width);
  }

  /** Zoom for those without a wheel, and how wide the view is. */
  private zoomBar(): HTMLElement {
    const bar = document.createElement("div");
    bar.className = "timeline-zoom";
    this.span.className = "timeline-span";
    this.span.setAttribute("aria-label", t("How long a time is shown"));
    // The first says how it is now, whatever the wheel made of it.
    this.span.append(document.createElement("option"));
    for (const us of LEVELS_US) {
      const level = document.createElement("option");
      level.value = String(us);
      level.textContent = duration(us);
      this.span.append(level);
    }
    this.span.addEventListener("change", () => this.zoomAtHead(Number(this.span.value) / (this.view.toUs - this.view.fromUs)));
    const button = (label: string, sign: string, factor: number): HTMLButtonElement => {
      const made = document.createElement("button");
      made.type = "button";
      made.className = "vp-button";
      made.textContent = sign;
      made.setAttribute("aria-label", label);
      made.title = label;
      made.addEventListener("click", () => this.zoomAtHead(factor));
      return made;
    };
    bar.append(button(t("Show a longer time"), "−", 2), this.span, button(t("Show a shorter time"), "+", 0.5));
    return bar;
  }

  private zoomAtHead(factor: number): void {
    const head = this.headUs === null ? -1 : xOf(this.view, this.headUs);
    const about = head >= 0 && head <= this.view.width ? head : this.view.width / 2;
    this.show(zoomed(this.view, about, factor));
  }

  private keepInView(us: number): void {
    const x = xOf(this.view, us) / this.view.width;
    if (x > 0.96 || x < 0) this.show(centred(this.view, us, x > 0.96 && x < 1.2 ? 0.75 : 0.5));
  }

  private show(view: View): void {
    this.view = view;
    this.options.onview(view);
    this.draw();
  }

  /** Another width shows the same range. */
  private resized(): void {
    const { width } = this.canvas.getBoundingClientRect();
    if (width > 0 && width !== this.view.width) this.show({ ...this.view, width });
  }

  private draw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      const head = this.headUs === null ? null : xOf(this.view, this.headUs);
      const now = xOf(this.view, this.options.nowUs());
      const lanes = this.options.rows.map(({ camera }) => ({
        runs: this.runs.get(camera) ?? [],
        events: eventBars(this.shownEvents(camera), this.view),
        marks: marks(this.altered.get(camera) ?? [], this.view),
      }));
      this.painter.paint(this.view, lanes, ticks(this.view, this.options.zone), head, now);
      this.describe();
    });
  }

  /** For who hears it, and once a second at most. */
  private describe(): void {
    const { canvas, view, headUs } = this;
    const shown = `${view.fromUs}/${view.toUs}/${headUs === null ? "" : Math.floor(headUs / 1e6)}`;
    if (shown === this.described) return;
    this.described = shown;
    canvas.setAttribute("aria-valuemin", String(Math.round(view.fromUs / 1e6)));
    canvas.setAttribute("aria-valuemax", String(Math.round(view.toUs / 1e6)));
    canvas.setAttribute("aria-valuenow", String(Math.round((headUs ?? view.toUs) / 1e6)));
    canvas.setAttribute("aria-valuetext", headUs === null ? t("no instant chosen") : this.allWords(headUs));
    const span = duration(view.toUs - view.fromUs);
    const now = this.span.options[0]!;
    if (now.textContent !== span) now.textContent = span;
    now.hidden = LEVELS_US.some((us) => duration(us) === span);
    this.span.selectedIndex = now.hidden ? 1 + LEVELS_US.findIndex((us) => duration(us) === span) : 0;
    canvas.dataset["from"] = String(view.fromUs);
    canvas.dataset["to"] = String(view.toUs);
  }

  private allWords(us: number): string {
    const { zone, rows } = this.options;
    const at = `${day(us, zone)} ${clockTime(us, zone)} ${zoneName(us, zone)}`;
    if (rows.length === 1) return `${at}: ${this.wordsOf(rows[0]!, us)}`;
    return `${at}. ${rows.map((row) => `${row.name}: ${this.wordsOf(row, us)}`).join(". ")}`;
  }

  private wordsOf({ camera }: TimelineRow, us: number, slackUs = 0): string {
    const run = runAt(this.runs.get(camera) ?? [], us, 0);
    const state = run ? runWords(run[2], run[3]) : us > this.options.nowUs() ? t("In the future") : t("Nothing recorded");
    return [state, ...kindsAt(this.shownEvents(camera), us, slackUs).map((kind) => EVENT_WORDS[kind])].join(", ");
  }

  private listen(): void {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => this.down(event));
    canvas.addEventListener("pointermove", (event) => this.move(event));
    canvas.addEventListener("pointerup", (event) => this.up(event));
    canvas.addEventListener("pointercancel", (event) => this.cancel(event));
    canvas.addEventListener("pointerleave", () => this.unhover());
    canvas.addEventListener("contextmenu", (event) => this.scrubbing && event.preventDefault());
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("keydown", (event) => this.key(event));
    this.details.addEventListener("toggle", () => this.details.open && this.fillList());
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
      this.painter.forgetColours();
      this.draw();
    });
  }

  private xOfEvent(event: PointerEvent | WheelEvent): number {
    return event.clientX - this.canvas.getBoundingClientRect().left;
  }

  /** The camera whose lane is at the pointer, or the nearest. */
  private rowOfEvent(event: PointerEvent): TimelineRow {
    const y = event.clientY - this.canvas.getBoundingClientRect().top;
    const found = this.lanes.findIndex((lane) => y < lane.top + lane.height + 2);
    return this.options.rows[found < 0 ? this.lanes.length - 1 : found]!;
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return;
    cancelAnimationFrame(this.animation);
    clearTimeout(this.holdTimer);
    this.canvas.setPointerCapture(event.pointerId);
    this.pointers.set(event.pointerId, this.xOfEvent(event));
    this.dragged = this.pointers.size > 1 ? DRAG_PX + 1 : 0;
    this.velocity = 0;
    if (event.pointerType === "mouse") return;
    this.endScrub();
    if (this.pointers.size === 1) this.holdTimer = window.setTimeout(() => this.scrub(event), HOLD_MS);
  }

  /** A finger that was held: pictures under it from now on. */
  private scrub(event: PointerEvent): void {
    this.scrubbing = true;
    this.element.dataset["scrubbing"] = "";
    this.hover(this.xOfEvent(event), this.rowOfEvent(event));
  }

  private endScrub(): void {
    if (!this.scrubbing) return;
    this.scrubbing = false;
    delete this.element.dataset["scrubbing"];
    this.unhover();
  }

  private cancel(event: PointerEvent): void {
    clearTimeout(this.holdTimer);
    this.pointers.delete(event.pointerId);
    this.endScrub();
  }

  private move(event: PointerEvent): void {
    const x = this.xOfEvent(event);
    const before = this.pointers.get(event.pointerId);
    if (before === undefined) {
      if (event.pointerType !== "touch") this.hover(x, this.rowOfEvent(event));
      return;
    }
    if (this.scrubbing) this.hover(x, this.rowOfEvent(event));
    else if (this.pointers.size === 2) this.pinch(event.pointerId, before, x);
    else if (this.pointers.size === 1) this.drag(x - before, event.timeStamp);
    this.pointers.set(event.pointerId, x);
  }

  private drag(dx: number, at: number): void {
    this.dragged += Math.abs(dx);
    if (this.dragged <= DRAG_PX) return;
    clearTimeout(this.holdTimer);
    this.following = false;
    this.unhover();
    const elapsed = Math.max(1, at - this.lastMove);
    this.velocity = elapsed < 100 ? NEWEST * (dx / elapsed) + (1 - NEWEST) * this.velocity : 0;
    this.lastMove = at;
    this.show(panned(this.view, dx, this.options.nowUs()));
  }

  private pinch(id: number, before: number, now: number): void {
    const other = [...this.pointers].find(([key]) => key !== id)?.[1] ?? before;
    this.following = false;
    this.velocity = 0;
    this.unhover();
    this.show(pinched(this.view, [before, other], [now, other], this.options.nowUs()));
  }

  private up(event: PointerEvent): void {
    clearTimeout(this.holdTimer);
    const held = this.pointers.delete(event.pointerId);
    if (!held || this.pointers.size > 0) return;
    if (this.dragged <= DRAG_PX || this.scrubbing) {
      this.endScrub();
      // The seek needs network and decoder more than a picture under the pointer does, until the pointer moves on.
      this.unhover();
      this.following = true;
      this.options.onseek(Math.min(this.options.nowUs(), usAt(this.view, this.xOfEvent(event))));
    } else if (event.timeStamp - this.lastMove < 60 && !matchMedia("(prefers-reduced-motion: reduce)").matches) {
      this.glide(event.timeStamp);
    }
  }

  /** Goes on moving a little after a flick. */
  private glide(from: number): void {
    let last = from;
    const step = (at: number): void => {
      const elapsed = Math.max(0, at - last);
      last = at;
      this.velocity *= Math.exp(-elapsed / GLIDE_MS);
      if (Math.abs(this.velocity) < 0.02) return;
      this.show(panned(this.view, this.velocity * elapsed, this.options.nowUs()));
      this.animation = requestAnimationFrame(step);
    };
    this.animation = requestAnimationFrame(step);
  }

  private wheel(event: WheelEvent): void {
    event.preventDefault();
    cancelAnimationFrame(this.animation);
    const scale = (event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 32 : 1) * (event.ctrlKey ? TRACKPAD : 1);
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) {
      this.following = false;
      this.show(panned(this.view, -(event.deltaX || event.deltaY) * scale, this.options.nowUs()));
      return;
    }
    this.show(zoomed(this.view, this.xOfEvent(event), Math.exp((event.deltaY * scale) / 400)));
  }

  /** Zoom and pages; the arrows belong to the player. */
  private key(event: KeyboardEvent): void {
    if (event.key === "+" || event.key === "=") this.zoomAtHead(0.5);
    else if (event.key === "-") this.zoomAtHead(2);
    else if (event.key === "PageUp") this.page(1);
    else if (event.key === "PageDown") this.page(-1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private page(direction: 1 | -1): void {
    this.following = false;
    this.show(panned(this.view, direction * this.view.width * 0.8, this.options.nowUs()));
  }

  private unhover(): void {
    this.peek.hide();
    this.cursor.hidden = true;
  }

  private hover(x: number, row: TimelineRow): void {
    const us = usAt(this.view, x);
    const perPixel = (this.view.toUs - this.view.fromUs) / this.view.width;
    const run = runAt(this.runs.get(row.camera) ?? [], us, 3 * perPixel);
    const inside = run ? Math.min(run[1] - 1, Math.max(run[0], us)) : us;
    const { zone, rows } = this.options;
    const altered = this.altered.get(row.camera)?.find((mark) => Math.abs(xOf(this.view, mark) - x) <= MARK_PX / 2 + 1);
    const length = run && run[2] !== "recorded" ? ` (${duration(run[1] - run[0])})` : "";
    const name = rows.length > 1 ? `${row.name} · ` : "";
    const at = `${day(inside, zone)} ${clockTime(altered ?? inside, zone)} ${zoneName(altered ?? inside, zone)}`;
    const what = altered === undefined ? `${this.wordsOf(row, inside, 3 * perPixel)}${length}` : `${absentWords("damaged", null)}: ${ALTERED}`;
    const left = this.canvas.offsetLeft;
    this.cursor.hidden = false;
    this.cursor.style.left = `${left + x}px`;
    this.peek.show(
      {
        camera: row.camera,
        us: inside,
        stepUs: Math.max(PEEK_LEAST_US, Math.round(perPixel * PEEK_PX)),
        state: altered !== undefined ? "missing" : run ? run[2] : null,
        fromUs: run ? run[0] : inside,
        x,
      },
      `${name}${at}: ${what}`,
      left,
      left + this.view.width,
    );
  }

  private eventRows(): HTMLLIElement[] {
    const { zone, rows } = this.options;
    const visible = rows.flatMap(({ camera, name }) =>
      this.shownEvents(camera)
        .filter(([from, to]) => to >= this.view.fromUs && from < this.view.toUs)
        .map(([from, to, kind]) => ({ from, to, what: EVENT_WORDS[kind], name: rows.length > 1 ? `${name}, ` : "" })),
    );
    visible.sort((a, b) => a.from - b.from);
    return visible.slice(-LIST_MOST).map(({ from, to, what, name }) => {
      const begin = `${name}${day(from, zone)} ${clockTime(from, zone)}`;
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = t("{begin} to {end}: {what}", { begin, end: clockTime(to, zone), what });
      button.addEventListener("click", () => this.options.onseek(from));
      const item = document.createElement("li");
      item.append(button);
      return item;
    });
  }

  private fillList(): void {
    const { zone } = this.options;
    const visible = this.options.rows.flatMap((row) =>
      (this.runs.get(row.camera) ?? [])
        .filter(([from, to]) => to > this.view.fromUs && from < this.view.toUs)
        .map((run) => ({ name: this.options.rows.length > 1 ? `${row.name}, ` : "", run })),
    );
    visible.sort((a, b) => a.run[0] - b.run[0]);
    const rows = visible.slice(-LIST_MOST).map(({ name, run: [from, to, state, reason] }) => {
      const item = document.createElement("li");
      const begin = `${name}${day(from, zone)} ${clockTime(from, zone)}`;
      const what = `${runWords(state, reason)} (${duration(to - from)})`;
      const words = t("{begin} to {end}: {what}", { begin, end: clockTime(to, zone), what });
      if (state !== "recorded") {
        item.textContent = words;
        return item;
      }
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = words;
      button.addEventListener("click", () => this.options.onseek(from));
      item.append(button);
      return item;
    });
    rows.push(...this.eventRows());
    if (rows.length === 0) {
      const item = document.createElement("li");
      item.textContent = t("Nothing is recorded in the range shown.");
      rows.push(item);
    }
    this.list.replaceChildren(...rows);
  }
}

