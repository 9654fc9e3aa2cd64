/** Begin and end of a clip on the timeline: a band with two handles, over the canvas and apart from it. */
import { h } from "../dom";
import { t } from "../i18n/t";
import { usAt, xOf, type View } from "../timeline/layout";
import { clockTime, day, zoneName } from "../times";
import type { Span } from "./stretches";

const SECOND_US = 1_000_000;
const LEAST_US = SECOND_US;
const KEYS: Record<string, number> = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -60, PageUp: 60 };

type End = "from" | "to";

export interface RangeOptions {
  readonly zone: string;
  nowUs(): number;
  onchange(span: Span): void;
}

export class RangeHandles {
  readonly element = h("div", { class: "clip-range" });
  private readonly band = h("div", { class: "clip-band" });
  private readonly handles: Record<End, HTMLButtonElement> = { from: this.handle("from"), to: this.handle("to") };

  constructor(
    private view: View,
    private span: Span,
    private readonly options: RangeOptions,
  ) {
    this.element.append(this.band, this.handles.from, this.handles.to);
    this.show();
  }

  /** The timeline shows another range. */
  setView(view: View): void {
    this.view = view;
    this.show();
  }

  set(span: Span): void {
    this.span = span;
    this.show();
  }

  private handle(end: End): HTMLButtonElement {
    const label = end === "from" ? t("Begin of the clip") : t("End of the clip");
    const button = h("button", { type: "button", class: "clip-handle", role: "slider", "aria-label": label, "data-end": end });
    button.addEventListener("pointerdown", (event) => button.setPointerCapture(event.pointerId));
    button.addEventListener("pointermove", (event) => {
      if (button.hasPointerCapture(event.pointerId)) this.drag(end, event);
    });
    button.addEventListener("keydown", (event) => this.key(end, event));
    return button;
  }

  private drag(end: End, event: PointerEvent): void {
    const x = event.clientX - this.element.getBoundingClientRect().left;
    this.move(end, Math.round(usAt(this.view, Math.min(this.view.width, Math.max(0, x))) / SECOND_US) * SECOND_US);
  }

  /** Arrows a second, with Shift ten; page keys a minute. */
  private key(end: End, event: KeyboardEvent): void {
    const steps = KEYS[event.key];
    if (steps === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    event.stopPropagation();
    this.move(end, this.us(end) + steps * (event.shiftKey ? 10 : 1) * SECOND_US);
  }

  private us(end: End): number {
    return end === "from" ? this.span.fromUs : this.span.toUs;
  }

  /** Begin and end never pass each other. */
  private move(end: End, us: number): void {
    const { fromUs, toUs } = this.span;
    if (end === "from") this.span = { fromUs: Math.min(us, toUs - LEAST_US), toUs };
    else this.span = { fromUs, toUs: Math.max(fromUs + LEAST_US, Math.min(us, this.options.nowUs())) };
    this.show();
    this.options.onchange(this.span);
  }

  private show(): void {
    const { view } = this;
    const x = { from: xOf(view, this.span.fromUs), to: xOf(view, this.span.toUs) };
    const inside = (at: number): number => Math.min(view.width, Math.max(0, at));
    this.band.style.left = `${inside(x.from)}px`;
    this.band.style.width = `${inside(x.to) - inside(x.from)}px`;
    for (const end of ["from", "to"] as const) {
      const button = this.handles[end];
      button.style.left = `${x[end]}px`;
      button.hidden = x[end] < -1 || x[end] > view.width + 1;
      button.setAttribute("aria-valuemin", String(Math.round(view.fromUs / 1e6)));
      button.setAttribute("aria-valuemax", String(Math.round(view.toUs / 1e6)));
      button.setAttribute("aria-valuenow", String(Math.round(this.us(end) / 1e6)));
      button.setAttribute("aria-valuetext", this.words(this.us(end)));
    }
  }

  private words(us: number): string {
    const { zone } = this.options;
    return `${day(us, zone)} ${clockTime(us, zone)} ${zoneName(us, zone)}`;
  }
}
