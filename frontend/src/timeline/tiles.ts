/**
 * What lanes show, painted once in pieces of equal width and laid side by side while the view moves: a pan paints only the piece
 * that comes into view. Pieces start at fixed instants of a scale, so what is short enough to be merged looks alike wherever it
 * stands.
 */
import type { View } from "./layout";

/** CSS pixels: a whole number of the periods of all patterns (8 and 6), so that they go on from one piece to the next. */
const TILE_PX = 240;
/** Painted beyond both ends and cut off, so that a bar at an end is as wide as anywhere. */
const MARGIN_PX = 4;
/** Pieces kept beside those in view. */
const SPARE = 4;

export class Tiles {
  private usPerPx = 0;
  private ratio = 0;
  private readonly painted = new Map<number, HTMLCanvasElement>();
  private readonly free: HTMLCanvasElement[] = [];

  /** `paint` draws the range of a view at the origin of a context, whose unit is the CSS pixel. */
  constructor(
    private readonly height: number,
    private readonly paint: (context: CanvasRenderingContext2D, view: View) => void,
  ) {}

  /** What was painted is of no more use; the canvases are. */
  forget(): void {
    this.free.push(...this.painted.values());
    this.painted.clear();
  }

  draw(context: CanvasRenderingContext2D, view: View, ratio: number): void {
    const usPerPx = (view.toUs - view.fromUs) / view.width;
    if (usPerPx !== this.usPerPx || ratio !== this.ratio) this.forget();
    this.usPerPx = usPerPx;
    this.ratio = ratio;
    // On whole pixels of the screen: a piece laid between two would be blurred.
    const left = Math.round((view.fromUs / usPerPx) * ratio) / ratio;
    const [first, last] = [Math.floor(left / TILE_PX), Math.floor((left + view.width) / TILE_PX)];
    this.keepNear(first, last);
    for (let number = first; number <= last; number++) {
      context.drawImage(this.tile(number), number * TILE_PX - left, 0, TILE_PX, this.height);
    }
  }

  private keepNear(first: number, last: number): void {
    for (const [number, canvas] of this.painted) {
      if (number >= first - SPARE && number <= last + SPARE) continue;
      this.painted.delete(number);
      this.free.push(canvas);
    }
  }

  private tile(number: number): HTMLCanvasElement {
    const known = this.painted.get(number);
    if (known) return known;
    const canvas = this.free.pop() ?? document.createElement("canvas");
    canvas.width = Math.round(TILE_PX * this.ratio); // clears it too
    canvas.height = Math.round(this.height * this.ratio);
    const context = canvas.getContext("2d");
    if (context) {
      context.setTransform(this.ratio, 0, 0, this.ratio, -MARGIN_PX * this.ratio, 0);
      const fromUs = (number * TILE_PX - MARGIN_PX) * this.usPerPx;
      const width = TILE_PX + 2 * MARGIN_PX;
      this.paint(context, { fromUs, toUs: fromUs + width * this.usPerPx, width });
    }
    this.painted.set(number, canvas);
    return canvas;
  }
}
