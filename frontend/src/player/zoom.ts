/** Digital zoom: which part of the picture fills the box. Pure geometry; lengths in CSS pixels, origin at the box's top left. */
import { decimal } from "../i18n/t";
export interface Zoom {
  readonly scale: number;
  /** Where the picture's top left corner lies; never right of or below the box's. */
  readonly x: number;
  readonly y: number;
}

export interface Box {
  readonly width: number;
  readonly height: number;
}

export const WHOLE: Zoom = { scale: 1, x: 0, y: 0 };
export const SCALE_MOST = 8;
/** One press of a key or button. */
export const STEP = 1.25;

/** Zooms by `factor` so that what lies under (px, py) stays there. */
export function zoomedAt(zoom: Zoom, px: number, py: number, factor: number, box: Box): Zoom {
  const scale = Math.min(SCALE_MOST, Math.max(1, zoom.scale * factor));
  const ratio = scale / zoom.scale;
  return inside({ scale, x: px - (px - zoom.x) * ratio, y: py - (py - zoom.y) * ratio }, box);
}

export function moved(zoom: Zoom, dx: number, dy: number, box: Box): Zoom {
  return inside({ ...zoom, x: zoom.x + dx, y: zoom.y + dy }, box);
}

/** The same part in a box of another size. */
export function refitted(zoom: Zoom, from: Box, to: Box): Zoom {
  return inside({ ...zoom, x: (zoom.x * to.width) / from.width, y: (zoom.y * to.height) / from.height }, to);
}

/** No edge of the picture comes into the box. */
function inside({ scale, x, y }: Zoom, box: Box): Zoom {
  if (scale < 1.01) return WHOLE;
  const within = (at: number, length: number): number => Math.min(0, Math.max(length * (1 - scale), at));
  return { scale, x: within(x, box.width), y: within(y, box.height) };
}

/** "2.0×". */
export function zoomWords(zoom: Zoom): string {
  return `${decimal(zoom.scale, 1)}×`;
}
