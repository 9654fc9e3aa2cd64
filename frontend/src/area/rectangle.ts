/** The area over the picture: drawn with pointer or finger, moved by arrows, made larger or smaller by Shift and arrows. */
import { h } from "../dom";
import { t } from "../i18n/t";
import type { Area } from "./hits";

const STEP = 1 / 32;
/** No area is smaller than this share of the picture, either way. */
const LEAST = 1 / 32;
/** A press without a drag makes an area of this size about the pointer. */
const PRESSED = 1 / 8;
const MIDDLE: Area = { left: 0.25, top: 0.25, right: 0.75, bottom: 0.75 };
const KEYS: Record<string, readonly [number, number]> = {
  ArrowLeft: [-STEP, 0],
  ArrowRight: [STEP, 0],
  ArrowUp: [0, -STEP],
  ArrowDown: [0, STEP],
};

export class AreaRectangle {
  readonly element = h("div", { class: "area-over", tabindex: "0", role: "group" });
  private readonly box = h("div", { class: "area-box" });
  private chosen: Area = MIDDLE;
  private begin: { readonly x: number; readonly y: number } | null = null;
  private readonly fit: ResizeObserver;

  constructor(
    private readonly video: HTMLVideoElement,
    private readonly onchange: (area: Area) => void,
  ) {
    this.element.append(this.box);
    this.fit = new ResizeObserver(() => this.place());
    this.fit.observe(video);
    video.addEventListener("resize", this.place);
    video.addEventListener("loadedmetadata", this.place);
    this.listen();
    this.show();
  }

  get area(): Area {
    return this.chosen;
  }

  /** The area in words. */
  get words(): string {
    const { left, top, right, bottom } = this.chosen;
    const percent = (share: number): number => Math.round(share * 100);
    return t("from {left}% to {right}% across, from {top}% to {bottom}% down", {
      left: percent(left),
      right: percent(right),
      top: percent(top),
      bottom: percent(bottom),
    });
  }

  remove(): void {
    this.fit.disconnect();
    this.video.removeEventListener("resize", this.place);
    this.video.removeEventListener("loadedmetadata", this.place);
    this.element.remove();
  }

  /** Over the picture itself, without the bars beside it. */
  readonly place = (): void => {
    const { videoWidth, videoHeight, clientWidth, clientHeight } = this.video;
    const scale = videoWidth && videoHeight ? Math.min(clientWidth / videoWidth, clientHeight / videoHeight) : 0;
    const [width, height] = scale ? [videoWidth * scale, videoHeight * scale] : [clientWidth, clientHeight];
    const { style } = this.element;
    style.left = `${(clientWidth - width) / 2}px`;
    style.top = `${(clientHeight - height) / 2}px`;
    style.width = `${width}px`;
    style.height = `${height}px`;
  };

  private listen(): void {
    const { element } = this;
    // What is done here is nothing to the picture below: no pause, no zoom, no full screen.
    for (const name of ["click", "dblclick", "wheel"]) element.addEventListener(name, (event) => event.stopPropagation());
    element.addEventListener("pointerdown", (event) => {
      event.stopPropagation();
      if (event.button !== 0 || this.begin) return;
      element.setPointerCapture(event.pointerId);
      this.begin = this.at(event);
    });
    element.addEventListener("pointermove", (event) => {
      event.stopPropagation();
      if (this.begin && element.hasPointerCapture(event.pointerId)) this.drawTo(this.begin, this.at(event));
    });
    element.addEventListener("pointerup", (event) => {
      event.stopPropagation();
      if (!this.begin) return;
      const end = this.at(event);
      if (Math.abs(end.x - this.begin.x) < LEAST && Math.abs(end.y - this.begin.y) < LEAST) this.pressed(end);
      else this.drawTo(this.begin, end);
      this.begin = null;
    });
    element.addEventListener("pointercancel", () => (this.begin = null));
    element.addEventListener("keydown", (event) => this.key(event));
  }

  private at(event: PointerEvent): { x: number; y: number } {
    const { left, top, width, height } = this.element.getBoundingClientRect();
    return { x: share((event.clientX - left) / width), y: share((event.clientY - top) / height) };
  }

  private drawTo(begin: { readonly x: number; readonly y: number }, end: { readonly x: number; readonly y: number }): void {
    const [left, right] = spanned(begin.x, end.x);
    const [top, bottom] = spanned(begin.y, end.y);
    this.set({ left, top, right, bottom });
  }

  private pressed({ x, y }: { readonly x: number; readonly y: number }): void {
    const left = Math.min(1 - PRESSED, Math.max(0, x - PRESSED / 2));
    const top = Math.min(1 - PRESSED, Math.max(0, y - PRESSED / 2));
    this.set({ left, top, right: left + PRESSED, bottom: top + PRESSED });
  }

  private key(event: KeyboardEvent): void {
    const by = KEYS[event.key];
    if (!by || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.set(event.shiftKey ? resized(this.chosen, ...by) : shifted(this.chosen, ...by));
  }

  private set(area: Area): void {
    this.chosen = area;
    this.show();
    this.onchange(area);
  }

  private show(): void {
    const { left, top, right, bottom } = this.chosen;
    const { style } = this.box;
    style.left = `${left * 100}%`;
    style.top = `${top * 100}%`;
    style.width = `${(right - left) * 100}%`;
    style.height = `${(bottom - top) * 100}%`;
    this.element.setAttribute("aria-label", t("Area to search: {area}. Arrows move it, Shift and arrows change its size.", { area: this.words }));
    this.place();
  }
}

/** The same area elsewhere, whole in the picture. */
export function shifted({ left, top, right, bottom }: Area, dx: number, dy: number): Area {
  const x = Math.min(1 - right, Math.max(-left, dx));
  const y = Math.min(1 - bottom, Math.max(-top, dy));
  return { left: left + x, top: top + y, right: right + x, bottom: bottom + y };
}

/** Its lower right corner moved. */
export function resized(area: Area, dx: number, dy: number): Area {
  return {
    ...area,
    right: Math.min(1, Math.max(area.left + LEAST, area.right + dx)),
    bottom: Math.min(1, Math.max(area.top + LEAST, area.bottom + dy)),
  };
}

function spanned(a: number, b: number): [number, number] {
  const begin = Math.min(a, b, 1 - LEAST);
  return [begin, Math.max(a, b, begin + LEAST)];
}

function share(value: number): number {
  return Math.min(1, Math.max(0, value));
}
