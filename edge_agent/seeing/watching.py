"""Looking at cameras as ordered: their pictures go to the process that looks (`eye`), and what it sees becomes events.

Recording never waits for it: what it does not manage is passed over until the next key frame, and that is an alarm. One that ends
is started again; a camera whose pictures end it three times is not looked at for an hour.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
import threading
import time
import uuid
from collections import deque
from dataclasses import dataclass
from typing import Final

from edge_agent import h26x
from edge_agent.capture.source import AccessUnit, Backoff
from edge_agent.chronicle import Chronicle
from edge_agent.mp4 import VideoTrack
from edge_agent.orders import CameraSetup, Orders
from edge_agent.seeing.maps import PLACES_BYTES, MotionMaps
from edge_agent.seeing.wire import (
    AT,
    DELTA,
    GONE,
    HEAD,
    KEY,
    LOOK,
    MOVED,
    TOLD,
    TOLD_BYTES_MOST,
    UNIT_BYTES_MOST,
    Look,
    Told,
    message,
)
from protocol.detection import Detection
from protocol.errors import ProtocolError
from sealing.errors import SealingError
from sealing.ids import Stream

log = logging.getLogger(__name__)

SOURCE: Final = "own"
FEED_S: Final = 0.2
_WAITING_BYTES: Final = 1024 * 1024
_WAITING_UNITS: Final = 120
_PIXELS_MOST: Final = 1280 * 720
"""Of larger pictures key frames alone are looked at: decoding them all would cost more than recording them."""
_STUCK_S: Final = 20.0
_STRIKES: Final = 3
_BARRED_S: Final = 3600.0
_BEHIND_S: Final = 120.0


class Eye:
    """One stream's way to the process that looks. `take`, `shows` and `gone` are called by the recorder's thread, and cost next to
    nothing where nobody looks."""

    def __init__(self, camera: uuid.UUID, slot: int) -> None:
        self.camera, self.slot = camera, slot
        self.order: Detection | None = None
        self.maps = MotionMaps()
        self.passed_over_s: float | None = None
        self._lock = threading.Lock()
        self._waiting: deque[tuple[int, int, bytes | bytearray]] = deque()
        self._bytes = 0
        self._track: VideoTrack | None = None
        self._keys_only = False
        self._needs_key = True
        self._looks_for: Detection | None = None

    def shows(self, track: VideoTrack) -> None:
        """How the pictures that come are coded."""
        width, height = track.size
        with self._lock:
            self._track, self._keys_only = track, width * height > _PIXELS_MOST
            self._looks_for = None

    def take(self, unit: AccessUnit) -> None:
        """The next picture."""
        if self.order is None:
            return
        with self._lock:
            if not unit.sync and (self._keys_only or self._needs_key):
                return
            if len(unit.data) > UNIT_BYTES_MOST:
                self._needs_key = True
                return
            full = self._bytes + len(unit.data) > _WAITING_BYTES or len(self._waiting) >= _WAITING_UNITS
            if full and self._waiting:
                self._waiting.clear()
                self._bytes, self.passed_over_s = 0, time.monotonic()
                if not unit.sync:
                    self._needs_key = True
                    return
            self._needs_key = False
            self._waiting.append((KEY if unit.sync else DELTA, unit.arrival_ns, unit.data))
            self._bytes += len(unit.data)

    def gone(self) -> None:
        """No more pictures come for now."""
        with self._lock:
            self._waiting.clear()
            self._bytes, self._needs_key, self._track = 0, True, None
            if self.order is not None:
                self._waiting.append((GONE, 0, b""))

    def anew(self) -> None:
        """Another process looks from now on, which knows nothing."""
        with self._lock:
            self._waiting.clear()
            self._bytes, self._needs_key, self._looks_for = 0, True, None

    def messages(self) -> list[tuple[bytes, bytes | bytearray]]:
        """What is to be said now."""
        with self._lock:
            order, track = self.order, self._track
            waiting, self._bytes = list(self._waiting), 0
            self._waiting.clear()
            if order is None:
                return []
            told = [message(kind, self.slot, at_ns, data) for kind, at_ns, data in waiting]
            if track is not None and order != self._looks_for:
                self._looks_for, self._needs_key = order, True
                config = (
                    h26x.avcc(track.sps, track.pps)
                    if track.codec == "h264"
                    else h26x.hvcc(track.vps, track.sps, track.pps)
                )
                told.insert(0, message(LOOK, self.slot, 0, Look(track.codec, config, order).encode()))
                # A picture that decoding cannot start with is of no use to a new decoder, and does no harm.
        return told


@dataclass
class _Process:
    process: asyncio.subprocess.Process
    slot: int = -1
    """Whose picture it looks at."""


class _EndedError(Exception):
    """The process that looks is no more, or takes nothing any more."""


class Seeing:
    """`run` until cancelled."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._eyes: dict[tuple[uuid.UUID, Stream], Eye] = {}
        self._lock = threading.Lock()
        self._strikes: dict[uuid.UUID, int] = {}
        self._barred_s: dict[uuid.UUID, float] = {}
        self._trouble = ""

    def eye(self, camera: uuid.UUID, stream: Stream) -> Eye:
        """The one of this stream, which its recorder shows its pictures."""
        with self._lock:
            key = camera, stream
            if key not in self._eyes:
                self._eyes[key] = Eye(camera, len(self._eyes) & 0xFFFF)
            return self._eyes[key]

    @property
    def alarms(self) -> list[str]:
        """What a person must know, in words."""
        names = {item.camera: item.name for item in self._orders.command.cameras}
        now_s = time.monotonic()
        texts = [self._trouble] if self._trouble else []
        texts += [
            f"{names[camera]}: no motion is looked for: its pictures cannot be decoded here"
            for camera, until_s in list(self._barred_s.items())
            if until_s > now_s and camera in names
        ]
        for eye in self._looking():
            name = names.get(eye.camera, "")
            if eye.passed_over_s is not None and now_s - eye.passed_over_s < _BEHIND_S:
                texts.append(
                    f"{name}: this box does not manage to look at all its pictures: look for motion at fewer cameras, or give "
                    "them smaller sub streams"
                )
        return texts

    def _all(self) -> list[Eye]:
        with self._lock:
            return list(self._eyes.values())

    def _looking(self) -> list[Eye]:
        return [eye for eye in self._all() if eye.order is not None]

    def _follow(self) -> None:
        """Look for what is ordered: in the sub stream, and where there is none in main."""
        wanted: dict[tuple[uuid.UUID, Stream], Detection] = {}
        now_s = time.monotonic()
        for setup in self._orders.cameras():
            if self._barred_s.get(setup.camera, 0.0) <= now_s and (order := _looks_for(setup)) is not None:
                stream = Stream.MAIN if setup.source_sub is None else Stream.SUB
                wanted[setup.camera, stream] = order
        for key in wanted:
            self.eye(*key)
        with self._lock:
            for key, eye in self._eyes.items():
                eye.order = wanted.get(key)

    async def run(self, chronicle: Chronicle) -> None:
        """Look as ordered, and as ordered next."""
        backoff = Backoff(longest_s=60.0)
        while True:
            version = self._orders.version
            self._follow()
            if not self._looking():
                self._trouble = ""
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(60.0):  # whoever is barred is looked at again one day
                        await self._orders.wait_change(version)
                continue
            began_s = time.monotonic()
            try:
                await self._look(chronicle)
                continue
            except OSError as error:
                self._trouble = f"no motion is looked for: the process that looks cannot be started ({error})"
            except _EndedError:
                self._trouble = (
                    "no motion is looked for: the process that looks ended or hangs; it is started again"
                )
            log.error("%s", self._trouble)
            if time.monotonic() - began_s > 60:
                backoff.reset()
            await asyncio.sleep(backoff.next_s())

    async def _look(self, chronicle: Chronicle) -> None:
        """Have one process look until nothing is to be looked for. Raises OSError, and _EndedError when it ends."""
        eyes = self._all()
        for eye in eyes:
            eye.anew()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "edge_agent.seeing.eye"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            # No secret of the agent's, and the modules from where this process has them, however it was packed.
            env={
                "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
                "PATH": os.defpath,
                "LC_ALL": "C.UTF-8",
            },
        )
        running = _Process(process)
        hearing = asyncio.create_task(self._hear(running, chronicle))
        looked: set[uuid.UUID] = set()
        try:
            await self._feed(running, chronicle, hearing, looked)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            hearing.cancel()
            for camera in looked:
                chronicle.end_all(camera, SOURCE)

    async def _feed(
        self, running: _Process, chronicle: Chronicle, hearing: asyncio.Task[None], looked: set[uuid.UUID]
    ) -> None:
        version, followed_s, pipe = -1, 0.0, running.process.stdin
        assert pipe is not None
        while not hearing.done():
            # Once a minute too: whoever is barred is looked at again one day.
            if version != self._orders.version or time.monotonic() - followed_s > 60:
                version, followed_s = self._orders.version, time.monotonic()
                self._follow()
            looking = self._looking()
            if not looking:
                return
            now = {eye.camera for eye in looking}
            for camera in looked - now:
                chronicle.end_all(camera, SOURCE)
            looked |= now
            try:
                async with asyncio.timeout(_STUCK_S):
                    for eye in looking:
                        for head, data in eye.messages():
                            if head[0] == GONE:
                                chronicle.end_all(eye.camera, SOURCE)
                            pipe.write(head)
                            pipe.write(data)
                        await pipe.drain()
            except (TimeoutError, ConnectionError):
                break
            self._trouble = ""
            await asyncio.sleep(FEED_S)
        self._blame(running.slot)
        raise _EndedError

    def _blame(self, slot: int) -> None:
        """The camera whose picture was looked at when the process ended."""
        for eye in self._all():
            if eye.slot == slot and eye.order is not None:
                self._strikes[eye.camera] = self._strikes.get(eye.camera, 0) + 1
                if self._strikes[eye.camera] >= _STRIKES:
                    self._strikes[eye.camera] = 0
                    self._barred_s[eye.camera] = time.monotonic() + _BARRED_S
                    log.error(
                        "camera %s is not looked at for an hour: its pictures end what decodes them",
                        eye.camera,
                    )

    async def _hear(self, running: _Process, chronicle: Chronicle) -> None:
        """What the process says, until it ends or says what it should not."""
        pipe = running.process.stdout
        assert pipe is not None
        try:
            while True:
                kind, slot, at_ns, size = HEAD.unpack(await pipe.readexactly(HEAD.size))
                if size > TOLD_BYTES_MOST:
                    raise ProtocolError("too-large", "more is said than can be seen")
                data = await pipe.readexactly(size)
                if kind == AT:
                    running.slot = slot
                elif kind == TOLD:
                    self._seen(chronicle, slot, Told.decode(data))
                elif kind == MOVED:
                    if size not in (0, PLACES_BYTES):
                        raise ProtocolError("bad-field", "what moved is no picture's places")
                    self._moved(slot, at_ns, data)
        except asyncio.IncompleteReadError:
            return
        except (ProtocolError, SealingError) as error:
            log.error("the process that looks says what cannot be read (%s): it is started again", error)

    def _moved(self, slot: int, at_ns: int, places: bytes) -> None:
        for eye in self._looking():
            if eye.slot == slot:
                eye.maps.looked(at_ns, places)

    def _seen(self, chronicle: Chronicle, slot: int, told: Told) -> None:
        for eye in self._looking():
            if eye.slot == slot:
                zone = told.what if told.kind == "motion" else ""
                source = f"{SOURCE}:{zone}" if zone else SOURCE
                if told.active:
                    chronicle.begin(eye.camera, told.kind, source, "" if told.kind == "motion" else told.what)
                else:
                    chronicle.end(eye.camera, told.kind, source)


def _looks_for(setup: CameraSetup) -> Detection | None:
    return (
        setup.detection if setup.enabled and setup.detection is not None and setup.detection.looks else None
    )
