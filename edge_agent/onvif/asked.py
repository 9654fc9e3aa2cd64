"""Orders about cameras in the network: find some, look at some. One search and one look at a time."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

from edge_agent.onvif.events import service_of
from edge_agent.onvif.factory import FactoryPasswords
from edge_agent.onvif.finding import Search
from edge_agent.onvif.looking import look
from edge_agent.onvif.setting import set_camera
from edge_agent.orders import Orders
from protocol.errors import ProtocolError
from protocol.finding import (
    TIME,
    Device,
    FindCameras,
    LookAt,
    Looked,
    SetCamera,
    Target,
    encode_devices,
    encode_looks,
    encode_set,
)
from protocol.order import DONE, UNDER_WAY, Answer
from protocol.steering import LookAgain
from sealing.errors import SealingError
from sealing.ids import Stream

log = logging.getLogger(__name__)

LOOKED_AT_ONCE: Final = 4
_TELL_EVERY_S: Final = 1.0

Tell = Callable[[Answer], Awaitable[None]]


class AskedOfCameras:
    """Used from the event loop."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._factory = FactoryPasswords()
        self._finding = self._looking = False

    async def find(self, task: FindCameras, tell: Tell) -> Answer:
        """Search the network; `tell` hears now and then what was found so far."""
        if self._finding:
            return Answer("busy")
        self._finding = True
        telling = _Seldom(tell)
        try:

            async def step(done: int, devices: list[Device]) -> None:
                await telling.tell(lambda: Answer(UNDER_WAY, done, report=encode_devices(devices)))

            devices = await Search(task, self._known(), step).run()
        finally:
            self._finding = False
        log.info("a search for cameras found %d devices", len(devices))
        return Answer(DONE, 100, report=encode_devices(devices))

    def _known(self) -> dict[str, uuid.UUID]:
        """This agent's cameras by the host in their address."""
        known: dict[str, uuid.UUID] = {}
        for setup in self._orders.cameras():
            host = urlsplit(setup.source_main or "").hostname
            if host:
                known.setdefault(host, setup.camera)
        return known

    async def look_at(self, task: LookAt, tell: Tell) -> Answer:
        """Look at each target; `tell` hears of each that is done."""
        if self._looking:
            return Answer("busy")
        self._looking = True
        looks: dict[uuid.UUID, Looked] = {}
        gate = asyncio.Semaphore(LOOKED_AT_ONCE)

        async def one(target: Target) -> None:
            async with gate:
                looks[target.scope] = await self._look(target, task.factory)
            done = len(looks) * 100 // len(task.targets)
            await tell(Answer(UNDER_WAY, done, report=encode_looks(looks.values())))

        try:
            async with asyncio.TaskGroup() as group:
                for target in task.targets:
                    group.create_task(one(target))
        finally:
            self._looking = False
        # In the order they were asked for.
        return Answer(DONE, 100, report=encode_looks([looks[target.scope] for target in task.targets]))

    async def look_again(self, task: LookAgain) -> Answer:
        """Look at a camera of this agent with the user and password it is recorded with."""
        if self._looking:
            return Answer("busy")
        source = next((one.source_main for one in self._orders.cameras() if one.camera == task.camera), None)
        if source is None:
            return Answer(DONE, 100, report=encode_looks([Looked(task.camera, "unusable")]))
        self._looking = True
        try:
            url = service_of(urlsplit(source).hostname or "", task.service)
            # Its addresses are known already: none is told.
            looked = await look(
                Target(task.camera, b"", url), source, lambda *_: b"", None, self._orders.accepted(url)
            )
        finally:
            self._looking = False
        return Answer(DONE, 100, report=encode_looks([looked]))

    async def set(self, task: SetCamera) -> Answer:
        """Set one camera; what became of each thing."""
        try:
            source = self._orders.open_target(task.target)
        except (SealingError, ProtocolError) as error:
            log.warning("a camera to be set cannot be opened here (%s)", error.name)
            return Answer(DONE, 100, report=encode_set([(TIME, "unusable")]))
        return Answer(
            DONE,
            100,
            report=encode_set(await set_camera(task, source, self._orders.accepted(task.target.service))),
        )

    async def _look(self, target: Target, factory: bool) -> Looked:
        try:
            source = self._orders.open_target(target)
        except (SealingError, ProtocolError) as error:
            log.warning("a camera to be looked at cannot be opened here (%s)", error.name)
            return Looked(target.scope, "unusable")

        def seal(stream: Stream, url: str) -> bytes:
            return self._orders.seal_to_self(target.scope, stream, url)

        accepted = self._orders.accepted(target.service)
        return await look(target, source, seal, self._factory if factory else None, accepted)


class _Seldom:
    """Passes on at most one answer a second; the last one of all is the order's own."""

    def __init__(self, tell: Tell) -> None:
        self._tell = tell
        self._at_s = 0.0

    async def tell(self, answer: Callable[[], Answer]) -> None:
        now_s = time.monotonic()
        if now_s - self._at_s >= _TELL_EVERY_S:
            self._at_s = now_s
            await self._tell(answer())
