"""What is noticed goes two ways: to whoever records by it (`happenings`), and signed into the camera's main chain (SPEC 4, event).

An event is written when it ends, and each minute while it lasts. More than RECORDS_A_MINUTE of one camera are not written: what
chatters would fill chain and disk; that it does is an alarm. Used from the event loop; `run` writes in a thread.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import uuid
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from edge_agent.clock import Clock
from edge_agent.errors import DiskFull
from edge_agent.happenings import ACTIVE_MOST, KINDS, Happening, Happenings
from edge_agent.seal import StreamChain
from sealing.ids import EventType

log = logging.getLogger(__name__)

PIECE_US: Final = 60_000_000
JUMP_US: Final = 10 * PIECE_US
PULSE_S: Final = 2.0
"""What happens in an instant (a line is crossed) stays active so long for whoever records by it."""
RECORDS_A_MINUTE: Final = 60
WAITING_MOST: Final = 1000
TYPES: Final = {
    "motion": EventType.MOTION,
    "tamper": EventType.TAMPER,
    "input": EventType.DIGITAL_INPUT,
    "line": EventType.LINE_CROSSING,
    "sound": EventType.SOUND,
    "frozen": EventType.FROZEN_PICTURE,
    "swapped": EventType.OTHER_DEVICE,
    "clock": EventType.CAMERA_CLOCK,
}
"""What is told as a happening, and what is wrong with the camera itself (`oddities`), which starts no recording."""

Key = tuple[uuid.UUID, str, str]
"""Camera, kind, source."""


@dataclass
class _Open:
    """An event that goes on. `since_us`: what is written reaches to here."""

    since_us: int
    detail: str


@dataclass(frozen=True)
class _Piece:
    camera: uuid.UUID
    kind: str
    source: str
    start_us: int
    end_us: int
    goes_on: bool
    detail: str


class Chronicle:
    """`chain_of`: a camera's main chain, None while nothing records it."""

    def __init__(
        self, happenings: Happenings, clock: Clock, chain_of: Callable[[uuid.UUID], StreamChain | None]
    ) -> None:
        self._happenings, self._clock, self._chain_of = happenings, clock, chain_of
        self._open: dict[Key, _Open] = {}
        self._waiting: deque[_Piece] = deque()
        self._news = asyncio.Event()
        self._written: dict[uuid.UUID, tuple[int, int]] = {}
        self._chatters: dict[uuid.UUID, int] = {}
        self._closed = False
        self._writing = threading.Lock()

    def chatters(self, camera: uuid.UUID) -> bool:
        """Whether more of the camera's events came within the last minutes than are written."""
        return self._clock.wall_us() // PIECE_US - self._chatters.get(camera, -10) < 5

    def begin(self, camera: uuid.UUID, kind: str, source: str, detail: str = "", *, for_us: int = 0) -> None:
        """Something goes on from now, or has for `for_us`. Telling it again changes nothing."""
        key = (camera, kind, source)
        if self._closed or key in self._open or sum(held[0] == camera for held in self._open) >= ACTIVE_MOST:
            return
        now_us = self._clock.wall_us()
        self._open[key] = _Open(now_us - for_us, detail)
        self._tell(camera, kind, source, now_us, active=True)

    def end(self, camera: uuid.UUID, kind: str, source: str) -> None:
        """It is over. What was not told to begin ends without a word."""
        held = self._open.pop((camera, kind, source), None)
        if held is None:
            return
        now_us = self._clock.wall_us()
        self._put_whole_pieces((camera, kind, source), held, now_us)
        now_us = max(held.since_us, now_us)
        self._tell(camera, kind, source, now_us, active=False)
        self._put(_Piece(camera, kind, source, held.since_us, now_us, False, held.detail))

    def pulse(self, camera: uuid.UUID, kind: str, source: str, detail: str = "") -> None:
        """Something happened in this instant."""
        if self._closed:
            return
        now_us = self._clock.wall_us()
        self._put(_Piece(camera, kind, source, now_us, now_us, False, detail))
        if kind not in KINDS or (camera, kind, source) in self._open:
            return
        self._happenings.tell(Happening(camera, kind, source, now_us, active=True))
        over = Happening(camera, kind, source, now_us + int(PULSE_S * 1e6), active=False)
        asyncio.get_running_loop().call_later(PULSE_S, self._pulse_over, over)

    def _tell(self, camera: uuid.UUID, kind: str, source: str, at_us: int, *, active: bool) -> None:
        if kind in KINDS:
            self._happenings.tell(Happening(camera, kind, source, at_us, active))

    def _pulse_over(self, over: Happening) -> None:
        if (over.camera, over.kind, over.source) not in self._open:
            self._happenings.tell(over)

    def end_all(self, camera: uuid.UUID, prefix: str) -> None:
        """Whoever told the camera's events whose source begins so is not heard any more: what went on is told up to now."""
        for held, kind, source in list(self._open):
            if held == camera and source.startswith(prefix):
                self.end(held, kind, source)

    def close(self) -> None:
        """Whatever goes on is told up to now, and nothing begins any more; `write` then signs what waits."""
        for key in list(self._open):
            self.end(*key)
        self._closed = True

    def _put(self, piece: _Piece) -> None:
        minute = self._clock.wall_us() // PIECE_US
        then, count = self._written.get(piece.camera, (minute, 0))
        count = count + 1 if then == minute else 1
        self._written[piece.camera] = (minute, count)
        if count > RECORDS_A_MINUTE or len(self._waiting) >= WAITING_MOST:
            self._chatters[piece.camera] = minute
            return
        self._waiting.append(piece)
        self._news.set()

    def tick(self) -> None:
        """Have pieces written of what goes on for a minute or longer."""
        now_us = self._clock.wall_us()
        for key, held in self._open.items():
            self._put_whole_pieces(key, held, now_us)

    def _put_whole_pieces(self, key: Key, held: _Open, now_us: int) -> None:
        if not -PIECE_US < now_us - held.since_us < JUMP_US:
            held.since_us = now_us  # somebody set the clock: what lies between was not seen
        while now_us - held.since_us >= PIECE_US:
            until_us = held.since_us + PIECE_US
            self._put(_Piece(*key, held.since_us, until_us, True, held.detail))
            held.since_us = until_us

    async def run(self) -> None:
        """Write what waits, until cancelled."""
        while True:
            with suppress(TimeoutError):  # nothing new: look whether something goes on for long
                async with asyncio.timeout(1.0):
                    await self._news.wait()
            self._news.clear()
            self.tick()
            if self._waiting:
                await asyncio.to_thread(self.write)

    def write(self) -> None:
        """Sign what waits, one thread at a time. What does not fit on a full disk is lost, and the log says so."""
        with self._writing:
            self._write()

    def _write(self) -> None:
        while self._waiting:
            piece = self._waiting.popleft()
            chain = self._chain_of(piece.camera)
            if chain is None:
                log.info("an event of camera %s is not written: nothing records it any more", piece.camera)
                continue
            try:
                chain.event(
                    piece.start_us,
                    piece.end_us,
                    TYPES[piece.kind],
                    piece.source,
                    goes_on=piece.goes_on,
                    detail=piece.detail,
                )
            except DiskFull as error:
                log.warning("an event of camera %s could not be written: %s", piece.camera, error)
