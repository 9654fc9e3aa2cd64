"""What an agent itself looks for in a camera's picture: motion, in zones and outside of a mask, and tampering.

Zones and mask are cells of a grid laid over the picture, 32 by 18: one bit each, row by row from the top left, the first cell in
the highest bit of the first byte. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from protocol import fields
from protocol.errors import ProtocolError

COLUMNS: Final = 32
ROWS: Final = 18
CELLS_BYTES: Final = COLUMNS * ROWS // 8
ZONES_MOST: Final = 8
NAME_MAX: Final = 40
SENSITIVITY_MOST: Final = 5
SMALLEST_MOST: Final = 500
NO_CELLS: Final = bytes(CELLS_BYTES)


@dataclass(frozen=True, slots=True)
class Zone:
    name: str
    cells: bytes

    def __post_init__(self) -> None:
        if not 0 < len(self.name) <= NAME_MAX or not self.name.isprintable():
            raise ProtocolError(
                "bad-field", f"a zone's name is not printable text of 1 to {NAME_MAX} characters"
            )
        if self.cells == NO_CELLS:
            raise ProtocolError("bad-field", "a zone has no cells")


@dataclass(frozen=True, slots=True)
class Detection:
    """`sensitivity`: 1 (sees the coarsest alone) to 5. `smallest`: thousandths of the picture that must move at least.
    Without zones the whole picture counts. `mask`: cells in which nothing counts, whatever zone they are in."""

    motion: bool = True
    sensitivity: int = 3
    smallest: int = 4
    zones: tuple[Zone, ...] = ()
    mask: bytes = NO_CELLS
    tamper: bool = False

    @property
    def looks(self) -> bool:
        """Whether it looks for anything at all."""
        return self.motion or self.tamper

    def to_map(self) -> dict[int, Any]:
        return {
            1: self.motion,
            2: self.sensitivity,
            3: self.smallest,
            4: [[zone.name, zone.cells] for zone in self.zones],
            5: self.mask,
            6: self.tamper,
        }

    @classmethod
    def from_map(cls, value: object) -> Detection:
        """Raises ProtocolError."""
        row = fields.mapping(value, "detection")
        sensitivity = fields.uint(row.get(2), "sensitivity", most=SENSITIVITY_MOST)
        if not sensitivity:
            raise fields.bad("sensitivity", f"an integer from 1 to {SENSITIVITY_MOST}")
        zones = [
            fields.array(item, "zone", length=2)
            for item in fields.array(row.get(4), "zones", most=ZONES_MOST)
        ]
        return cls(
            fields.boolean(row.get(1), "motion"),
            sensitivity,
            fields.uint(row.get(3), "smallest", most=SMALLEST_MOST),
            tuple(
                Zone(
                    fields.text(name, "zone name", most=NAME_MAX),
                    fields.data(cells, "zone", length=CELLS_BYTES),
                )
                for name, cells in zones
            ),
            fields.data(row.get(5), "mask", length=CELLS_BYTES),
            fields.boolean(row.get(6), "tamper"),
        )


def cells_at(cells: bytes) -> set[tuple[int, int]]:
    """The cells whose bit is set, as (column, row)."""
    bits = int.from_bytes(cells, "big")
    last = COLUMNS * ROWS - 1
    return {divmod(at, COLUMNS)[::-1] for at in range(last + 1) if bits >> (last - at) & 1}


def cells_of(at: set[tuple[int, int]]) -> bytes:
    """The bits of these cells, as (column, row); the inverse of `cells_at`."""
    last = COLUMNS * ROWS - 1
    return sum(1 << (last - (row * COLUMNS + column)) for column, row in at).to_bytes(CELLS_BYTES, "big")
