"""What is wrong with a camera itself is signed into its chain, beside the alarm that the portal shows: a picture that stands still
for as long as it does, another device at its address and a wrong clock as instants, the clock once an hour while it is wrong.
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from edge_agent.chronicle import Chronicle
from edge_agent.clock import Clock

SOURCE: Final = "own"
EVERY_S: Final = 5.0
AGAIN_NS: Final = 3600 * 1_000_000_000


@dataclass(frozen=True)
class Oddities:
    """`stands_s`: for how long the picture has stood still; `clock_off_us`: the camera's clock minus the box's where it is wrong,
    judged while the box's own is known to be right. None where nothing is wrong."""

    stands_s: int | None = None
    other_device: bool = False
    clock_off_us: int | None = None


def clock_words(off_us: int) -> str:
    """ "3600 s ahead"."""
    return f"{abs(off_us) // 1_000_000} s {'ahead' if off_us > 0 else 'behind'}"


class Recorded(Protocol):
    """A main stream that is recorded."""

    @property
    def camera(self) -> uuid.UUID: ...

    def oddities(self) -> Oddities: ...


class Noting:
    """Tells the chronicle what begins and ends. Used from the event loop."""

    def __init__(self, chronicle: Chronicle, clock: Clock) -> None:
        self._chronicle, self._clock = chronicle, clock
        self._frozen: set[uuid.UUID] = set()
        self._swapped: set[uuid.UUID] = set()
        self._clock_told_ns: dict[uuid.UUID, int] = {}

    def look(self, recorded: Iterable[Recorded]) -> None:
        """One look at every camera that is recorded; what is not among them any more has ended."""
        found = {one.camera: one.oddities() for one in recorded}
        frozen = {camera: odd.stands_s for camera, odd in found.items() if odd.stands_s is not None}
        for camera in self._frozen - frozen.keys():
            self._chronicle.end(camera, "frozen", SOURCE)
        for camera in frozen.keys() - self._frozen:
            self._chronicle.begin(camera, "frozen", SOURCE, for_us=frozen[camera] * 1_000_000)
        self._frozen = set(frozen)
        swapped = {camera for camera, odd in found.items() if odd.other_device}
        for camera in swapped - self._swapped:
            self._chronicle.pulse(camera, "swapped", SOURCE)
        self._swapped = swapped
        self._look_at_clocks(found)

    def _look_at_clocks(self, found: dict[uuid.UUID, Oddities]) -> None:
        now_ns = self._clock.mono_ns()
        told = {camera: at for camera, at in self._clock_told_ns.items() if now_ns - at < AGAIN_NS}
        for camera, odd in found.items():
            if odd.clock_off_us is not None and camera not in told:
                self._chronicle.pulse(camera, "clock", SOURCE, clock_words(odd.clock_off_us))
                told[camera] = now_ns
        self._clock_told_ns = told

    async def run(self, recorded: Callable[[], Iterable[Recorded]]) -> None:
        """Look every few seconds, until cancelled."""
        while True:
            self.look(recorded())
            await asyncio.sleep(EVERY_S)
