"""The motion part: where in the picture something moved, second by second (SPEC.md section 2.5). Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from .canonical import CBOR, decode_canonical, encode_canonical
from .errors import BadField, UnknownCritical
from .fields import Fields, array, integer, octets
from .part import sealed_length

VERSION: Final = 1
MAX_MOTION_BYTES: Final = 65536
"""Of the sealed part."""
MAX_SIDE: Final = 255
MAX_OFFSET_MS: Final = 3_600_000
_MAX_ROWS: Final = 3600


@dataclass(frozen=True)
class Moved:
    """What moved in one second. `offset_ms`: from the segment's start; `places`: one bit each, row by row, the first place in the
    high bit of the first byte."""

    offset_ms: int
    places: bytes


@dataclass(frozen=True)
class MotionMap:
    """A picture of `columns` by `rows` places, and the seconds in which anything moved, in order of time; in others nothing was
    seen to move."""

    columns: int
    rows: int
    moved: tuple[Moved, ...]


def places_bytes(columns: int, rows: int) -> int:
    """Bytes of one second's places."""
    return (columns * rows + 7) // 8


def encode_motion(motion: MotionMap) -> bytes:
    """Plaintext of the motion part. Raises BadField for what no reader would accept."""
    plaintext = encode_canonical(
        {
            1: VERSION,
            2: [motion.columns, motion.rows],
            3: [[row.offset_ms, row.places] for row in motion.moved],
        }
    )
    if sealed_length(len(plaintext)) > MAX_MOTION_BYTES:
        raise BadField(f"a motion part is at most {MAX_MOTION_BYTES} sealed bytes: leave seconds out")
    parse_motion(plaintext)
    return plaintext


def parse_motion(plaintext: bytes) -> MotionMap:
    """The motion map in an opened part. Raises NotCanonical, BadField or UnknownCritical."""
    fields = Fields(decode_canonical(plaintext, MAX_MOTION_BYTES), "motion map")
    if fields.integer(1) != VERSION:
        raise UnknownCritical("motion map: unknown version")
    size = fields.array(2, 2, 2)
    columns = integer(size[0], "motion map: columns", 1, MAX_SIDE)
    rows = integer(size[1], "motion map: rows", 1, MAX_SIDE)
    moved = tuple(_moved(item, columns * rows) for item in fields.array(3, 0, _MAX_ROWS))
    fields.done()
    if any(later.offset_ms <= before.offset_ms for before, later in pairwise(moved)):
        raise BadField("motion map: its seconds stand in order of time, once each")
    return MotionMap(columns, rows, moved)


def _moved(value: CBOR, places: int) -> Moved:
    row = array(value, "motion map: second", 2, 2)
    offset_ms = integer(row[0], "motion map: offset", 0, MAX_OFFSET_MS)
    return Moved(offset_ms, octets(row[1], "motion map: places", (places + 7) // 8))


def fitting_motion(columns: int, rows: int, moved: Iterable[Moved]) -> MotionMap:
    """A map that a part can hold: of too many seconds the last are left out, and those no offset can tell."""
    row_bytes = places_bytes(columns, rows) + 16
    most = min(_MAX_ROWS, (MAX_MOTION_BYTES - 1024) // row_bytes)
    return MotionMap(columns, rows, tuple(row for row in moved if row.offset_ms <= MAX_OFFSET_MS)[:most])
