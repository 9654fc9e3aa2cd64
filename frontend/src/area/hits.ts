/** Where in motion maps something moved in an area of the picture. Pure. */
import type { MotionMap } from "../sealing/motion";

/** Shares of the picture, 0…1, from its upper left. */
export interface Area {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

/** The map of one stored segment. */
export interface SegmentMap extends MotionMap {
  readonly id: string;
  readonly startUs: number;
  readonly endUs: number;
  /** The signer is stated by the pinned root. */
  readonly verified: boolean;
}

/** Something moved there from one instant to another, UTC µs. */
export interface Hit {
  readonly fromUs: number;
  readonly toUs: number;
}

const SECOND_US = 1_000_000;
/** Movement with less than this between is one. */
const JOINED_US = 5 * SECOND_US;
/** A place of which less than this share lies in the area is none of it: an edge drawn along a place takes it in by a hair. */
const TOUCHED = 0.05;

/** The places of a map that lie in an area, as one bit each like the map's own. At least one: the area lies in the picture. */
export function placesIn(area: Area, columns: number, rows: number): Uint8Array {
  const within = (from: number, to: number, count: number): [number, number] => {
    const first = Math.min(count - 1, Math.max(0, Math.floor(from * count + TOUCHED)));
    return [first, Math.max(first, Math.min(count - 1, Math.ceil(to * count - TOUCHED) - 1))];
  };
  const [left, right] = within(area.left, area.right, columns);
  const [top, bottom] = within(area.top, area.bottom, rows);
  const bits = new Uint8Array(Math.ceil((columns * rows) / 8));
  for (let row = top; row <= bottom; row++) {
    for (let column = left; column <= right; column++) {
      const at = row * columns + column;
      bits[at >> 3] = (bits[at >> 3] as number) | (0x80 >> (at & 7));
    }
  }
  return bits;
}

/** What moved in the area within [fromUs, toUs), in order of time; a map tells seconds, so each movement lasts one at least. */
export function hitsIn(maps: readonly SegmentMap[], area: Area, fromUs: number, toUs: number): Hit[] {
  const wanted = new Map<string, readonly (readonly [at: number, bits: number])[]>();
  const moments: Hit[] = [];
  for (const map of maps) {
    const size = `${map.columns}x${map.rows}`;
    // Of a small area nearly all bytes are empty, and a day has many seconds.
    const places = wanted.get(size) ?? [...placesIn(area, map.columns, map.rows).entries()].filter(([, bits]) => bits !== 0);
    wanted.set(size, places);
    for (const row of map.moved) {
      const at = map.startUs + row.offsetMs * 1000;
      if (at < fromUs || at >= toUs || !places.some(([i, bits]) => (bits & (row.places[i] as number)) !== 0)) continue;
      moments.push({ fromUs: at, toUs: at + SECOND_US });
    }
  }
  moments.sort((a, b) => a.fromUs - b.fromUs);
  const hits: { fromUs: number; toUs: number }[] = [];
  for (const moment of moments) {
    const last = hits.at(-1);
    if (last && moment.fromUs - last.toUs < JOINED_US) last.toUs = Math.max(last.toUs, moment.toUs);
    else hits.push({ ...moment });
  }
  return hits;
}

/** How much of [fromUs, toUs) maps cover; segments of both streams at one time count once. */
export function coveredUs(maps: readonly SegmentMap[], fromUs: number, toUs: number): number {
  let covered = 0;
  let until = fromUs;
  for (const { startUs, endUs } of [...maps].sort((a, b) => a.startUs - b.startUs)) {
    const begin = Math.max(startUs, until);
    const end = Math.min(endUs, toUs);
    if (end <= begin) continue;
    covered += end - begin;
    until = end;
  }
  return covered;
}

/** [fromUs, toUs) in pieces that lie in one hour each, the newest first. */
export function hoursOf(fromUs: number, toUs: number): Hit[] {
  const hour = 3600 * SECOND_US;
  const out: Hit[] = [];
  for (let begin = Math.floor(fromUs / hour) * hour; begin < toUs; begin += hour) {
    out.unshift({ fromUs: Math.max(fromUs, begin), toUs: Math.min(toUs, begin + hour) });
  }
  return out;
}
