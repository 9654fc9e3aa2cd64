"""Motion in a picture of 64 by 36 grey values, two a second at most, each the mean of its place. Pure.

A slow background and each place's own noise are learned; what differs from it by more than both allow has moved. Light that
changes everywhere alike is taken out first; where most of the picture changed at once (a lamp, infrared light, a scene that
jumped) it was not somebody walking, and the background is learned anew. A single place is never motion: a neighbour moved too.
"""

from __future__ import annotations

from typing import Final

from protocol.detection import COLUMNS, ROWS, Detection, Zone, cells_at

WIDTH: Final = 2 * COLUMNS
HEIGHT: Final = 2 * ROWS
PIXELS: Final = WIDTH * HEIGHT
_SCALE: Final = 32
_LEAST: Final = {1: 30, 2: 21, 3: 14, 4: 9, 5: 6}
"""By so many grey values a place must differ at each sensitivity, where its noise asks for no more."""
_NOISE_FACTOR: Final = 4
_LEARN: Final = 5
_LEARN_MOVED: Final = 7
_LEARN_NOISE: Final = 4
_EVERYWHERE: Final = 0.6
_SETTLES: Final = 4
"""Pictures after the first, or after the whole changed, in which noise is learned and nothing counts."""
QUIET_S: Final = 3.0
"""Motion is over when there was none for so long."""
_AGAIN_S: Final = 2.5
"""Two pictures with motion no further apart than this are one motion; a single one is none, where pictures are frequent."""


class _Watched:
    """One zone, or the whole picture."""

    def __init__(self, name: str, counts: bytes, least: int) -> None:
        self.name, self.counts = name, counts
        self.least = max(2, min(least, sum(counts) // 2))  # a small zone can be full at most
        self.active = False
        self.seen_s = -1e9

    def take(self, moved: set[int], now_s: float, apart_s: float) -> bool:
        """Whether it began or ended."""
        counts = self.counts
        if sum(counts[at] for at in moved) >= self.least:
            before_s, self.seen_s = self.seen_s, now_s
            if not self.active and (now_s - before_s <= _AGAIN_S or apart_s > 0.9):
                self.active = True
                return True
        elif self.active and now_s - self.seen_s >= QUIET_S:
            self.active = False
            return True
        return False


class MotionWatch:
    """Motion before one camera. `take` tells what began and ended."""

    def __init__(self, order: Detection) -> None:
        self._least = _LEAST[order.sensitivity] * _SCALE
        masked = _places(order.mask)
        zones = order.zones or (Zone("*", b"\xff" * len(order.mask)),)
        smallest = max(2, round(order.smallest * PIXELS / 1000))
        self._zones = [
            _Watched(
                zone.name if order.zones else "",
                bytes(inside & (1 - out) for inside, out in zip(_places(zone.cells), masked, strict=True)),
                smallest,
            )
            for zone in zones
        ]
        self._counts = bytes(1 - out for out in masked)
        self._moved_last: set[int] = set()
        self._background: list[int] = []
        self._noise = [0] * PIXELS
        self._settling = 0
        self._last_s = 0.0

    @property
    def active(self) -> list[str]:
        """The zones in which something moves; "" is the whole picture."""
        return [zone.name for zone in self._zones if zone.active]

    @property
    def moved(self) -> bytes:
        """Where something moved in the last picture, masked places left out: a bit each, row by row, the first in the high bit of
        the first byte; no bytes where nothing did."""
        places = bytearray(PIXELS // 8)
        for at in self._moved_last:
            if self._counts[at]:
                places[at >> 3] |= 0x80 >> (at & 7)
        return bytes(places) if any(places) else b""

    def take(self, picture: bytes, now_s: float) -> list[tuple[str, bool]]:
        """The next picture, `PIXELS` grey values; each zone that began (True) or ended."""
        apart_s, self._last_s = now_s - self._last_s, now_s
        moved = self._moved_last = self._moved(picture)
        return [(zone.name, zone.active) for zone in self._zones if zone.take(moved, now_s, apart_s)]

    def _moved(self, picture: bytes) -> set[int]:
        background, noise = self._background, self._noise
        if not background:
            self._learn_anew(picture)
            return set()
        off = [value * _SCALE - old for value, old in zip(picture, background, strict=True)]
        light = sorted(off)[PIXELS // 2]
        least = self._least
        moved: set[int] = set()
        for at, shift in enumerate(off):
            by, calm = abs(shift - light), noise[at]
            if by > least and by > _NOISE_FACTOR * calm:
                moved.add(at)
            else:
                noise[at] = calm + (by - calm >> _LEARN_NOISE)
        if len(moved) > _EVERYWHERE * PIXELS:
            self._learn_anew(picture)
            return set()
        self._background = [old + (by >> _LEARN) for old, by in zip(background, off, strict=True)]
        for at in moved:
            self._background[at] = background[at] + (off[at] >> _LEARN_MOVED)
        if self._settling:
            self._settling -= 1
            return set()
        return {at for at in moved if _beside(at) & moved}

    def _learn_anew(self, picture: bytes) -> None:
        self._background = [value * _SCALE for value in picture]
        self._settling = _SETTLES


def _beside(at: int) -> set[int]:
    column = at % WIDTH
    beside = {at - WIDTH, at + WIDTH}
    if column:
        beside.add(at - 1)
    if column < WIDTH - 1:
        beside.add(at + 1)
    return beside


def _places(cells: bytes) -> bytes:
    """One byte for each of the picture's places: 1 where its cell is set."""
    at = cells_at(cells)
    return bytes((x // 2, y // 2) in at for y in range(HEIGHT) for x in range(WIDTH))
