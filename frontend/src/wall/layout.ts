/** How a wall is divided, paged and rearranged. Pure. */
import type { LayoutName } from "../api/types";

export const LAYOUTS: readonly LayoutName[] = ["auto", "1", "2x2", "3x3", "1+5", "4x4", "5x5"];

const CELLS: Record<Exclude<LayoutName, "auto">, { columns: number; cells: number }> = {
  "1": { columns: 1, cells: 1 },
  "2x2": { columns: 2, cells: 4 },
  "3x3": { columns: 3, cells: 9 },
  "1+5": { columns: 3, cells: 6 },
  "4x4": { columns: 4, cells: 16 },
  "5x5": { columns: 5, cells: 25 },
};

/** So many cameras share the screen by themselves; more are scrolled (vsaas/cameras/pages.py decides alike). */
const FITTING_MOST = 16;

export interface Division {
  /** Whether the page fills the screen; else it scrolls. */
  readonly fits: boolean;
  /** Columns of a page that fits. */
  readonly columns: number;
  /** Cameras of one page. */
  readonly cells: number;
  readonly pages: number;
}

/** How `cameras` are laid out. `narrow`: a phone held upright, where `auto` is one column to scroll. */
export function divide(layout: LayoutName, cameras: number, narrow: boolean): Division {
  if (layout !== "auto") {
    const { columns, cells } = CELLS[layout];
    return { fits: true, columns, cells, pages: Math.max(1, Math.ceil(cameras / cells)) };
  }
  const fits = cameras <= FITTING_MOST && !narrow;
  return { fits, columns: Math.max(1, Math.ceil(Math.sqrt(cameras))), cells: Math.max(1, cameras), pages: 1 };
}

export type TileSize = "large" | "small" | "tiny";

/** How much a tile of so many pixels has room to say. */
export function tileSize(widthPx: number): TileSize {
  return widthPx > 300 ? "large" : widthPx > 150 ? "small" : "tiny";
}

/** The cameras of a page, counted from 0. */
export function pageOf<T>(items: readonly T[], page: number, cells: number): readonly T[] {
  return items.slice(page * cells, (page + 1) * cells);
}

/** `ids` in the order of `wanted`; those it does not name come last, in their own order. */
export function arranged(ids: readonly string[], wanted: readonly string[]): string[] {
  const known = new Set(ids);
  const first = wanted.filter((id) => known.has(id));
  const named = new Set(first);
  return [...first, ...ids.filter((id) => !named.has(id))];
}

/** Two places change their cameras. */
export function swapped(ids: readonly string[], a: string, b: string): string[] {
  return ids.map((id) => (id === a ? b : id === b ? a : id));
}

export type Direction = "left" | "right" | "up" | "down";

interface Box {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
}

/** Which of `boxes` lies next to `from` in a direction: the nearest by its middle, or null at the edge. */
export function neighbour(boxes: readonly Box[], from: number, direction: Direction): number | null {
  const start = boxes[from];
  if (!start) return null;
  const [x, y] = middle(start);
  let best: number | null = null;
  let least = Infinity;
  for (const [i, box] of boxes.entries()) {
    const [bx, by] = middle(box);
    const along = { left: x - bx, right: bx - x, up: y - by, down: by - y }[direction];
    if (i === from || along < 4) continue;
    const across = direction === "left" || direction === "right" ? Math.abs(by - y) : Math.abs(bx - x);
    const distance = along + 3 * across;
    if (distance < least) [best, least] = [i, distance];
  }
  return best;
}

function middle(box: Box): [number, number] {
  return [box.left + box.width / 2, box.top + box.height / 2];
}

/** Whether a camera is found by a text: every word of it in name or site, whatever the case and accents. */
export function matches(text: string, name: string, site: string): boolean {
  const hay = plain(`${name} ${site}`);
  return plain(text)
    .split(/\s+/)
    .every((word) => hay.includes(word));
}

function plain(text: string): string {
  return text.normalize("NFKD").replace(/\p{Diacritic}/gu, "").toLowerCase();
}
