/** Hands on the picture: wheel, pinch, drag and keys zoom it; taps and clicks are told apart. */
import { moved, refitted, STEP, WHOLE, zoomedAt, type Box, type Zoom } from "./zoom";

const WHEEL_PER_E = 400;
const PINCH_PER_E = 100;
const LINE_PX = 32;
const DRAG_PX = 4;
const MOVE_PX = 40;
const DOUBLE_TAP_MS = 300;
const NEAR_PX = 48;

export interface HandOptions {
  /** A click, or a tap that no second one follows. */
  onclick(): void;
  /** Two quick taps of a finger; `share` (0…1): where across the picture. */
  ondoubletap(share: number): void;
  /** Two quick clicks of a mouse. */
  ondoubleclick(): void;
  onzoom(zoom: Zoom): void;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

export class PictureHand {
  private zoom: Zoom = WHOLE;
  private box: Box = { width: 1, height: 1 };
  private readonly pointers = new Map<number, Point>();
  private dragged = 0;
  private tap: { at: number; x: number; y: number; timer: number } | null = null;
  private touched = false;

  constructor(
    private readonly picture: HTMLElement,
    private readonly video: HTMLElement,
    private readonly options: HandOptions,
  ) {
    this.box = this.measured();
    picture.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    picture.addEventListener("keydown", (event) => this.key(event));
    video.addEventListener("pointerdown", (event) => this.down(event));
    video.addEventListener("pointermove", (event) => this.move(event));
    video.addEventListener("pointerup", (event) => this.up(event));
    video.addEventListener("pointercancel", (event) => this.up(event));
    video.addEventListener("click", (event) => this.click(event as PointerEvent));
    video.addEventListener("dblclick", () => this.touched || this.options.ondoubleclick());
    new ResizeObserver(() => this.resized()).observe(picture);
  }

  get current(): Zoom {
    return this.zoom;
  }

  reset(): void {
    this.show(WHOLE);
  }

  /** Zooms about the middle of what is shown. */
  step(factor: number): void {
    this.show(zoomedAt(this.zoom, this.box.width / 2, this.box.height / 2, factor, this.box));
  }

  private measured(): Box {
    return { width: Math.max(1, this.picture.clientWidth), height: Math.max(1, this.picture.clientHeight) };
  }

  private resized(): void {
    const box = this.measured();
    const zoom = refitted(this.zoom, this.box, box);
    this.box = box;
    this.show(zoom);
  }

  private show(zoom: Zoom): void {
    this.zoom = zoom;
    this.video.style.transform = zoom.scale === 1 ? "" : `translate(${zoom.x}px, ${zoom.y}px) scale(${zoom.scale})`;
    this.picture.toggleAttribute("data-zoomed", zoom.scale > 1);
    this.options.onzoom(zoom);
  }

  private pointOf(event: MouseEvent): Point {
    const { left, top } = this.picture.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  /** Zooms about the pointer; a whole picture lets the page scroll on down. */
  private wheel(event: WheelEvent): void {
    if (this.zoom.scale === 1 && event.deltaY > 0 && !event.ctrlKey) return;
    event.preventDefault();
    const { x, y } = this.pointOf(event);
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? LINE_PX : 1;
    // A pinch on a touchpad comes as a wheel with Ctrl, in smaller steps.
    const perE = event.ctrlKey ? PINCH_PER_E : WHEEL_PER_E;
    this.show(zoomedAt(this.zoom, x, y, Math.exp((-event.deltaY * lines) / perE), this.box));
  }

  private key(event: KeyboardEvent): void {
    if (event.target !== this.picture || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "+" || event.key === "=") this.step(STEP);
    else if (event.key === "-") this.step(1 / STEP);
    else if (event.key === "Escape" && this.zoom.scale > 1) this.reset();
    else if (event.shiftKey && this.zoom.scale > 1 && event.key.startsWith("Arrow")) this.shift(event.key);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  private shift(key: string): void {
    const [dx, dy] = { ArrowLeft: [1, 0], ArrowRight: [-1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[key] ?? [0, 0];
    this.show(moved(this.zoom, (dx ?? 0) * MOVE_PX, (dy ?? 0) * MOVE_PX, this.box));
  }

  private down(event: PointerEvent): void {
    if (event.button !== 0) return;
    this.pointers.set(event.pointerId, this.pointOf(event));
    this.dragged = this.pointers.size > 1 ? DRAG_PX + 1 : 0;
    if (this.zoom.scale > 1 || this.pointers.size > 1) this.video.setPointerCapture(event.pointerId);
  }

  private move(event: PointerEvent): void {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.pointOf(event);
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1];
    if (other) this.pinch(before, now, other);
    else {
      this.dragged += Math.hypot(now.x - before.x, now.y - before.y);
      if (this.zoom.scale > 1 && this.dragged > DRAG_PX) this.show(moved(this.zoom, now.x - before.x, now.y - before.y, this.box));
    }
    this.pointers.set(event.pointerId, now);
  }

  /** Zooms about the middle between two fingers, and moves with it. */
  private pinch(before: Point, now: Point, other: Point): void {
    const was = Math.max(12, Math.hypot(before.x - other.x, before.y - other.y));
    const is = Math.max(12, Math.hypot(now.x - other.x, now.y - other.y));
    const zoomed = zoomedAt(this.zoom, (before.x + other.x) / 2, (before.y + other.y) / 2, is / was, this.box);
    this.show(moved(zoomed, (now.x - before.x) / 2, (now.y - before.y) / 2, this.box));
  }

  private up(event: PointerEvent): void {
    this.pointers.delete(event.pointerId);
  }

  /** A finger's tap waits for a second one; a mouse's click acts at once. What ended a drag is neither. */
  private click(event: PointerEvent): void {
    this.touched = event.pointerType === "touch";
    if (this.dragged > DRAG_PX) return;
    if (!this.touched) return this.options.onclick();
    const { x, y } = this.pointOf(event);
    const before = this.tap;
    if (before) clearTimeout(before.timer);
    this.tap = null;
    if (before && event.timeStamp - before.at < DOUBLE_TAP_MS && Math.hypot(x - before.x, y - before.y) < NEAR_PX) {
      return this.options.ondoubletap(x / this.box.width);
    }
    const timer = window.setTimeout(() => {
      this.tap = null;
      this.options.onclick();
    }, DOUBLE_TAP_MS);
    this.tap = { at: event.timeStamp, x, y, timer };
  }
}
