/** Paints the timeline. Colours come from the page's tokens; every state has a pattern of its own, not colour alone. */
import type { TimelineRun } from "../api/types";
import type { EventBar } from "./events";
import { bars, type Bar, type BarState, type Tick, type View } from "./layout";
import { Tiles } from "./tiles";

const LANE_TOP = 22;
const LANE_RADIUS = 6;
const TICK_LENGTH = 4;
const BELOW = 8;
const LABEL_PX = 11;
/** Of a lane's width, at most so much is its name. */
const LABEL_SHARE = 0.4;

/** One camera's lane: CSS pixels from the top of the canvas. `label`: its name, written at its left; empty where there is one lane. */
export interface Lane {
  readonly top: number;
  readonly height: number;
  readonly label: string;
}

/** Lanes below each other, the fewer the higher. */
export function lanesOf(labels: readonly string[]): readonly Lane[] {
  const [height, apart] = labels.length === 1 ? [36, 0] : labels.length <= 4 ? [24, 4] : [14, 2];
  return labels.map((label, i) => ({ top: LANE_TOP + i * (height + apart), height, label: labels.length === 1 ? "" : label }));
}

/** How high a canvas of these lanes is. */
export function heightOf(lanes: readonly Lane[]): number {
  const last = lanes.at(-1) as Lane;
  return last.top + last.height + BELOW;
}

/** What one lane shows: runs in order of time, and marks above them. */
export interface LaneContent {
  readonly runs: readonly TimelineRun[];
  readonly events: readonly EventBar[];
  readonly marks: readonly Bar[];
}

type LaneState = Exclude<BarState, "altered" | "not-permitted" | "by-plan">;

interface Colours {
  readonly recorded: string;
  readonly pending: string;
  readonly gap: string;
  readonly deleted: string;
  readonly missing: string;
  readonly text: string;
  readonly line: string;
  readonly ground: string;
  readonly head: string;
  readonly under: string;
  readonly font: string;
}

export class Painter {
  private colours: Colours | null = null;
  private patterns = new Map<BarState, CanvasPattern | string>();
  private ratio = 0;
  private readonly height: number;
  private readonly tiles: Tiles;
  private contents: readonly LaneContent[] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly lanes: readonly Lane[],
  ) {
    this.height = heightOf(lanes);
    this.tiles = new Tiles(this.height, (context, view) => this.paintTile(context, view));
  }

  /** Reads the tokens again at the next paint. */
  forgetColours(): void {
    this.colours = null;
    this.patterns.clear();
    this.tiles.forget();
  }

  /** Other runs are there: what was painted of the old ones is not shown again. */
  forgetRuns(): void {
    this.tiles.forget();
  }

  /** `contents` by lane. */
  paint(view: View, contents: readonly LaneContent[], ticks: readonly Tick[], head: number | null, now: number): void {
    const context = this.canvas.getContext("2d");
    if (!context) return;
    this.fit(view.width);
    const colours = this.read();
    context.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    context.clearRect(0, 0, view.width, this.height);
    this.contents = contents;
    this.paintTicks(context, colours, ticks, view.width);
    this.paintLanes(context, colours, view, ticks, now);
    if (head !== null) this.paintHead(context, colours, head);
  }

  private paintLanes(context: CanvasRenderingContext2D, colours: Colours, view: View, ticks: readonly Tick[], now: number): void {
    const { lanes } = this;
    context.save();
    // A round clip costs more than all that is painted in it, so only a lane by itself has one.
    if (lanes.length === 1) {
      context.beginPath();
      context.roundRect(0, lanes[0]!.top, view.width, lanes[0]!.height, LANE_RADIUS);
      context.clip();
    }
    for (const lane of lanes) {
      context.fillStyle = colours.ground;
      context.fillRect(0, lane.top, Math.max(0, Math.min(now, view.width)), lane.height);
      context.fillStyle = colours.line;
      for (const tick of ticks) context.fillRect(Math.round(tick.x), lane.top, 1, lane.height);
    }
    this.tiles.draw(context, view, this.ratio);
    for (const [i, lane] of lanes.entries()) {
      for (const bar of this.contents[i]?.events ?? []) paintEvent(context, colours, lane, bar);
      for (const mark of this.contents[i]?.marks ?? []) this.paintBar(context, colours, lane, mark);
      if (lane.label) paintLabel(context, colours, lane, view.width);
    }
    context.restore();
  }

  /** The runs of all lanes in a range. */
  private paintTile(context: CanvasRenderingContext2D, view: View): void {
    const colours = this.read();
    for (const [i, lane] of this.lanes.entries()) {
      for (const bar of bars(this.contents[i]?.runs ?? [], view)) this.paintBar(context, colours, lane, bar);
    }
  }

  private fit(width: number): void {
    const ratio = devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(this.height * ratio)];
    if (this.canvas.width !== w || this.canvas.height !== h) {
      this.canvas.width = w;
      this.canvas.height = h;
    }
    if (ratio !== this.ratio) this.patterns.clear(); // the tiles see it by themselves
    this.ratio = ratio;
  }

  private read(): Colours {
    if (this.colours) return this.colours;
    // A computed colour, because light-dark() and var() mean nothing to a canvas.
    const probe = document.createElement("span");
    this.canvas.parentElement?.append(probe);
    const token = (name: string, fallback: string): string => {
      probe.style.color = `var(${name}, ${fallback})`;
      return getComputedStyle(probe).color;
    };
    this.colours = {
      recorded: token("--lane-recorded", "#35b8ab"),
      pending: token("--lane-pending", "#3d6f6b"),
      gap: token("--lane-gap", "#d69a3c"),
      deleted: token("--lane-deleted", "#5d6876"),
      missing: token("--lane-missing", "#ff8a80"),
      text: token("--text-2", "#a3aebc"),
      line: token("--line", "#2b343f"),
      ground: token("--surface-2", "#1e252d"),
      head: token("--text", "#e8ecf1"),
      under: token("--surface", "#151a20"),
      font: getComputedStyle(this.canvas).fontFamily || "sans-serif",
    };
    probe.remove();
    return this.colours;
  }

  private paintTicks(context: CanvasRenderingContext2D, colours: Colours, ticks: readonly Tick[], width: number): void {
    context.textBaseline = "middle";
    for (const tick of ticks) {
      context.fillStyle = colours.line;
      context.fillRect(Math.round(tick.x), LANE_TOP - TICK_LENGTH, 1, TICK_LENGTH);
      context.fillStyle = tick.major ? colours.head : colours.text;
      context.font = `${tick.major ? 600 : 400} ${LABEL_PX}px ${colours.font}`;
      const half = context.measureText(tick.label).width / 2;
      context.fillText(tick.label, Math.min(width - 2 * half - 2, Math.max(2, tick.x - half)), 9);
    }
  }

  private paintBar(context: CanvasRenderingContext2D, colours: Colours, { top, height }: Lane, bar: Bar): void {
    if (bar.state === "not-permitted") return paintLocked(context, colours, top, height, bar);
    if (bar.state === "by-plan") return paintByPlan(context, colours, top + height / 2, bar);
    if (bar.state === "altered") return paintAltered(context, colours, top, height, bar.x + bar.width / 2, bar.width);
    context.fillStyle = this.fill(context, colours, bar.state);
    if (bar.state === "deleted") {
      // Dotted: a line of dots through the middle, nothing solid.
      for (let x = Math.ceil(bar.x / 6) * 6; x < bar.x + bar.width; x += 6) {
        context.fillRect(x, top + height / 2 - 1, 2, 2);
      }
      return;
    }
    context.fillRect(bar.x, top, bar.width, height);
    if (bar.state === "missing") {
      context.fillStyle = colours.missing;
      context.fillRect(bar.x, top, Math.max(2, bar.width), 3);
      context.fillRect(bar.x, top + height - 3, Math.max(2, bar.width), 3);
    }
  }

  private paintHead(context: CanvasRenderingContext2D, colours: Colours, x: number): void {
    context.fillStyle = colours.head;
    context.fillRect(Math.round(x) - 1, LANE_TOP - 6, 2, this.height - BELOW - LANE_TOP + 12);
    context.beginPath();
    context.moveTo(x - 6, LANE_TOP - 8);
    context.lineTo(x + 6, LANE_TOP - 8);
    context.lineTo(x, LANE_TOP);
    context.fill();
  }

  private fill(context: CanvasRenderingContext2D, colours: Colours, state: LaneState): CanvasPattern | string {
    if (state === "recorded") return colours.recorded;
    if (state === "deleted") return colours.deleted;
    const known = this.patterns.get(state);
    if (known) return known;
    const pattern = this.pattern(context, colours, state) ?? colours[state];
    this.patterns.set(state, pattern);
    return pattern;
  }

  /** Pending: upright stripes. Gap: hatched one way. Missing: crossed. */
  private pattern(context: CanvasRenderingContext2D, colours: Colours, state: LaneState): CanvasPattern | null {
    const size = Math.round(8 * this.ratio);
    const tile = document.createElement("canvas");
    tile.width = tile.height = size;
    const paint = tile.getContext("2d");
    if (!paint) return null;
    paint.strokeStyle = colours[state];
    paint.lineWidth = Math.max(1, (state === "pending" ? 3 : 1.5) * this.ratio);
    const line = (x0: number, y0: number, x1: number, y1: number): void => {
      paint.beginPath();
      paint.moveTo(x0, y0);
      paint.lineTo(x1, y1);
      paint.stroke();
    };
    if (state === "pending") line(size / 2, 0, size / 2, size);
    else {
      for (const shift of [-size, 0, size]) line(shift, size, shift + size, 0);
      if (state === "missing") for (const shift of [-size, 0, size]) line(shift, 0, shift + size, size);
    }
    const pattern = context.createPattern(tile, "repeat");
    pattern?.setTransform(new DOMMatrix().scale(1 / this.ratio));
    return pattern;
  }
}

const EVENT_PX = 4;
/** The middle of the shortest bar. */
const SHORT_PX = 1.5;

/** A bar along the lane's lower edge, on a ground of its own; what is more than motion has a diamond at its begin. */
function paintEvent(context: CanvasRenderingContext2D, colours: Colours, { top, height }: Lane, bar: EventBar): void {
  const y = top + height - EVENT_PX;
  context.fillStyle = colours.under;
  context.fillRect(bar.x - 1, y - 1, bar.width + 2, EVENT_PX + 1);
  context.fillStyle = colours.head;
  context.fillRect(bar.x, y, bar.width, EVENT_PX);
  if (!bar.signed) return;
  const half = Math.min(5, height / 3);
  const middle = bar.x + SHORT_PX;
  for (const [size, colour] of [[half + 1.5, colours.under], [half, colours.head]] as const) {
    context.fillStyle = colour;
    context.beginPath();
    context.moveTo(middle, y - half - size);
    context.lineTo(middle + size, y - half);
    context.lineTo(middle, y - half + size);
    context.lineTo(middle - size, y - half);
    context.fill();
  }
}

/** A thin line and nothing else: time of which nothing was to be recorded is no fault. */
function paintByPlan(context: CanvasRenderingContext2D, colours: Colours, middle: number, bar: Bar): void {
  context.fillStyle = colours.deleted;
  context.fillRect(bar.x, Math.round(middle), bar.width, 1);
}

const LOCK_PX = 12;
const LOCK_EVERY_PX = 320;

/** Blank, between two thin lines, with a lock in it: as many as a wide stretch needs for one to be seen. */
function paintLocked(context: CanvasRenderingContext2D, colours: Colours, top: number, height: number, bar: Bar): void {
  context.fillStyle = colours.under;
  context.fillRect(bar.x, top, bar.width, height);
  context.fillStyle = colours.deleted;
  context.fillRect(bar.x, top, bar.width, 1);
  context.fillRect(bar.x, top + height - 1, bar.width, 1);
  if (bar.width < LOCK_PX + 4) return;
  const locks = Math.max(1, Math.round(bar.width / LOCK_EVERY_PX));
  for (let i = 0; i < locks; i++) {
    paintLock(context, colours, bar.x + ((i + 0.5) * bar.width) / locks, top + height / 2, Math.min(LOCK_PX, height - 4));
  }
}

function paintLock(context: CanvasRenderingContext2D, colours: Colours, x: number, y: number, size: number): void {
  const half = size / 2;
  context.fillStyle = colours.text;
  context.fillRect(x - half * 0.8, y - half * 0.1, half * 1.6, half * 1.1);
  context.strokeStyle = colours.text;
  context.lineWidth = Math.max(1, size / 8);
  context.beginPath();
  context.arc(x, y - half * 0.3, half * 0.5, Math.PI, 0);
  context.lineTo(x + half * 0.5, y);
  context.moveTo(x - half * 0.5, y - half * 0.3);
  context.lineTo(x - half * 0.5, y);
  context.stroke();
}

/** A stroke through the lane with a cross in it, on a ground of its own. */
function paintAltered(context: CanvasRenderingContext2D, colours: Colours, top: number, height: number, x: number, width: number): void {
  const half = width / 2;
  const middle = top + height / 2;
  context.fillStyle = colours.under;
  context.fillRect(x - half, top, width, height);
  context.strokeStyle = colours.missing;
  context.lineWidth = 2;
  context.beginPath();
  for (const end of [top, top + height]) {
    context.moveTo(x, end);
    context.lineTo(x, end < middle ? middle - half - 1 : middle + half + 1);
  }
  context.moveTo(x - half + 1, middle - half + 1);
  context.lineTo(x + half - 1, middle + half - 1);
  context.moveTo(x + half - 1, middle - half + 1);
  context.lineTo(x - half + 1, middle + half - 1);
  context.stroke();
}

/** The camera's name on a ground of its own, so that it reads on every state. */
function paintLabel(context: CanvasRenderingContext2D, colours: Colours, lane: Lane, width: number): void {
  context.font = `600 ${Math.min(LABEL_PX, lane.height - 3)}px ${colours.font}`;
  context.textBaseline = "middle";
  const text = fitted(context, lane.label, width * LABEL_SHARE);
  context.globalAlpha = 0.88;
  context.fillStyle = colours.under;
  context.fillRect(0, lane.top, context.measureText(text).width + 12, lane.height);
  context.globalAlpha = 1;
  context.fillStyle = colours.head;
  context.fillText(text, 6, lane.top + lane.height / 2 + 0.5);
}

const fits = new Map<string, string>();

/** The text, or its begin with an ellipsis; measured once for each text and width. */
function fitted(context: CanvasRenderingContext2D, text: string, most: number): string {
  const key = `${context.font}/${Math.round(most)}/${text}`;
  const known = fits.get(key);
  if (known !== undefined) return known;
  const letters = [...text];
  let shown = text;
  while (letters.length > 1 && context.measureText(shown).width > most) {
    letters.pop();
    shown = `${letters.join("").trimEnd()}…`;
  }
  if (fits.size > 256) fits.clear();
  fits.set(key, shown);
  return shown;
}
