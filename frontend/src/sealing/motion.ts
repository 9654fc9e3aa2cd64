/** The motion part (SPEC 2.5): where in the picture something moved, second by second. Pure. */
import type { Bytes } from "./bytes";
import { decode, type Cbor } from "./cbor";
import { array, bad, Fields, integer, octets } from "./fields";
import { MOTION_SEALED_MAX } from "./registry";

const SIDE_MAX = 255;
const ROWS_MAX = 3600;
const OFFSET_MS_MAX = 3_600_000;

export interface Moved {
  /** From the segment's start. */
  readonly offsetMs: number;
  /** One bit each, row by row, the first place in the high bit of the first byte. */
  readonly places: Bytes;
}

export interface MotionMap {
  readonly columns: number;
  readonly rows: number;
  /** In order of time; in other seconds nothing was seen to move. */
  readonly moved: readonly Moved[];
}

/** Reads an opened motion part. Raises `not-canonical`, `bad-field`, `unknown-critical`. */
export function parseMotion(plain: Bytes): MotionMap {
  const fields = new Fields(decode(plain, { maxBytes: MOTION_SEALED_MAX }), "motion map");
  fields.version(1);
  const size = fields.array(2, 2, 2);
  const columns = integer(size[0], "motion map: columns", 1, SIDE_MAX);
  const rows = integer(size[1], "motion map: rows", 1, SIDE_MAX);
  const moved = fields.array(3, 0, ROWS_MAX).map((row) => parseMoved(row, columns * rows));
  fields.done();
  if (moved.some((row, i) => i > 0 && row.offsetMs <= (moved[i - 1] as Moved).offsetMs)) {
    throw bad("motion map: its seconds", "stand in order of time, once each");
  }
  return { columns, rows, moved };
}

function parseMoved(value: Cbor, places: number): Moved {
  const [offset, bits] = array(value, "motion map: second", 2, 2);
  return {
    offsetMs: integer(offset, "motion map: offset", 0, OFFSET_MS_MAX),
    places: octets(bits, "motion map: places", Math.ceil(places / 8)),
  };
}
