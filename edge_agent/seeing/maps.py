"""What moved where in a stream's pictures, kept until the segment that holds them closes: its motion map (SPEC.md section 2.5).

What is told after its segment closed is lost, and a search knows so much less: recording never waits for who looks.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final

from edge_agent.seeing.motion import HEIGHT, WIDTH
from sealing.motion import MotionMap, Moved, fitting_motion, places_bytes

PLACES_BYTES: Final = places_bytes(WIDTH, HEIGHT)
KEPT_S: Final = 300
"""Seconds with pictures that are kept: more than the longest segment, and what is held in memory before an event."""


class MotionMaps:
    """One stream. `looked` is called by whoever hears the process that looks, `take` by the recorder's thread."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seconds: OrderedDict[int, tuple[int, bytes]] = OrderedDict()
        """By second of the monotonic clock: when its first picture came in which something moved (its first one, where nothing did),
        in ns, and what moved in any of them."""

    def looked(self, at_ns: int, places: bytes) -> None:
        """A picture was looked at. `places`: `PLACES_BYTES`, or none where nothing moved."""
        second = at_ns // 1_000_000_000
        with self._lock:
            known = self._seconds.get(second)
            if known is None:
                self._seconds[second] = at_ns, places
            elif not known[1]:
                self._seconds[second] = (at_ns, places) if places else known
            elif places:
                self._seconds[second] = known[0], _either(known[1], places)
            while len(self._seconds) > KEPT_S:
                self._seconds.popitem(last=False)

    def take(self, start_us: int, end_us: int, offset_us: int) -> MotionMap | None:
        """The map of a segment, None where none of its pictures was looked at. What lies before it is dropped, what lies after it
        kept. `offset_us`: wall clock minus monotonic clock."""
        with self._lock:
            seen = [(at_ns // 1000 + offset_us, places) for at_ns, places in self._seconds.values()]
            later = [
                second for second, (at_us, _) in zip(self._seconds, seen, strict=True) if at_us >= end_us
            ]
            self._seconds = OrderedDict((second, self._seconds[second]) for second in later)
        within = sorted((at_us, places) for at_us, places in seen if start_us <= at_us < end_us)
        if not within:
            return None
        rows: OrderedDict[int, Moved] = OrderedDict()
        for at_us, places in within:
            offset_ms = (at_us - start_us) // 1000
            known = rows.get(offset_ms)
            if places:
                rows[offset_ms] = Moved(offset_ms, places if known is None else _either(known.places, places))
        return fitting_motion(WIDTH, HEIGHT, rows.values())


def _either(one: bytes, other: bytes) -> bytes:
    return bytes(a | b for a, b in zip(one, other, strict=True))
