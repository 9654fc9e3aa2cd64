"""Steering cameras: one session per camera, kept open for a while, so that a press is with the camera at once.

A camera that moves is stopped here when its time is over, also where it does not keep to the time it was given: a person's
"stop" may be lost on the way. Where a camera refuses the password nothing more is asked of it for a while, however long
somebody holds a button: it would lock the account.
"""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from edge_agent.onvif.device import Device
from edge_agent.onvif.door import open_door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.events import service_of
from edge_agent.onvif.ptz import Ptz
from edge_agent.orders import Orders
from protocol.order import DONE, Answer
from protocol.steering import GO, HOME, KEEP, MOVE, OLD, REMOVE, STEP, STOP, Steer, Steered

log = logging.getLogger(__name__)

IDLE_S: Final = 60.0
REFUSED_S: Final = 60.0
_LEAVE_S: Final = 1.0
_REFUSALS: Final = frozenset({"credentials", "locked"})


@dataclass(frozen=True)
class _Login:
    """Where and as whom a camera is steered. Never printed."""

    url: str
    user: str = field(repr=False)
    password: str = field(repr=False)
    accepted: frozenset[bytes]


@dataclass
class _Wish:
    task: Steer
    done: asyncio.Future[Steered]


class Steering:
    """Used from the event loop."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._sessions: dict[uuid.UUID, _Session] = {}
        self._newest_us: dict[uuid.UUID, int] = {}
        self._refused: dict[uuid.UUID, tuple[_Login, str, float]] = {}

    async def steer(self, task: Steer, asked_us: int) -> Answer:
        """`asked_us` grows with the time an act was asked at; what is older than the newest is left."""
        return Answer(DONE, 100, report=(await self._steer(task, asked_us)).encode())

    async def _steer(self, task: Steer, asked_us: int) -> Steered:
        if asked_us < self._newest_us.get(task.camera, 0):
            return Steered(OLD)
        self._newest_us[task.camera] = asked_us
        login = self._login(task)
        if login is None:
            return Steered("unusable")
        refused = self._refused.get(task.camera)
        if refused is not None and refused[0] == login and time.monotonic() < refused[2]:
            return Steered(refused[1])
        session = self._sessions.get(task.camera)
        if session is None or session.over or session.login != login:
            session = self._sessions[task.camera] = _Session(login)
        steered = await session.ask(task)
        if steered.cause in _REFUSALS:
            self._refused[task.camera] = login, steered.cause, time.monotonic() + REFUSED_S
        return steered

    def _login(self, task: Steer) -> _Login | None:
        """None: the camera is none of this agent's, or its address cannot be opened here."""
        source = next((one.source_main for one in self._orders.cameras() if one.camera == task.camera), None)
        if source is None:
            return None
        parts = urlsplit(source)
        url = service_of(parts.hostname or "", task.service)
        accepted = self._orders.accepted(source)
        return _Login(url, unquote(parts.username or ""), unquote(parts.password or ""), accepted)


class _Session:
    """One camera, signed in to, until nobody asked for IDLE_S or it failed."""

    def __init__(self, login: _Login) -> None:
        self.login = login
        self._wishes: deque[_Wish] = deque()
        self._woken = asyncio.Event()
        self._moves_until_s: float | None = None
        self._leaves = False
        self._task = asyncio.get_running_loop().create_task(self._run())

    @property
    def over(self) -> bool:
        return self._leaves or self._task.done()

    async def ask(self, task: Steer) -> Steered:
        """What became of it. A movement that waits gives way to what is asked after it."""
        if task.act in (MOVE, STOP):
            for wish in self._wishes:
                if wish.task.act == MOVE and not wish.done.done():
                    wish.done.set_result(Steered(OLD))
        wish = _Wish(task, asyncio.get_running_loop().create_future())
        self._wishes.append(wish)
        self._woken.set()
        return await wish.done

    async def _run(self) -> None:
        """Never raises for what the camera does."""
        cause = "timeout"
        try:
            login = self.login
            async with open_door(login.url, login.user, login.password, login.accepted) as door:
                device = Device(door)
                await device.prepare()
                await device.find_services()
                await self._obey(Ptz(device))
                return
        except OnvifFailed as failure:
            log.info("the camera at %s is not steered: %s", urlsplit(self.login.url).hostname, failure)
            cause = failure.cause
        except Exception as error:  # noqa: BLE001 a stranger's camera ends the steering of no other
            # Its kind alone: its text may quote what the camera said, or a login.
            log.error("a camera is not steered: unexpected %s", type(error).__name__)
            cause = "unusable"
        finally:
            for wish in self._wishes:
                if not wish.done.done():
                    wish.done.set_result(Steered(cause))

    async def _obey(self, ptz: Ptz) -> None:
        """Until nobody asked for IDLE_S. Raises OnvifFailed where the camera does not let anybody in."""
        try:
            while await self._wait():
                if self._moves_until_s is not None and time.monotonic() >= self._moves_until_s:
                    self._moves_until_s = None
                    await ptz.stop()
                while self._wishes:
                    wish = self._wishes.popleft()
                    if not wish.done.done():
                        await self._grant(ptz, wish)
        finally:
            if self._moves_until_s is not None:
                with suppress(OnvifFailed, TimeoutError):  # it stops by the time it was given
                    async with asyncio.timeout(_LEAVE_S):
                        await ptz.stop()

    async def _wait(self) -> bool:
        """Until something is asked or a movement is over; False: neither, for IDLE_S."""
        until_s = self._moves_until_s
        wait_s = IDLE_S if until_s is None else max(0.0, until_s - time.monotonic())
        try:
            async with asyncio.timeout(wait_s):
                await self._woken.wait()
        except TimeoutError:
            self._leaves = until_s is None and not self._wishes
            return not self._leaves
        self._woken.clear()
        return True

    async def _grant(self, ptz: Ptz, wish: _Wish) -> None:
        """Raises OnvifFailed where no other act would fare better."""
        try:
            steered = await self._act(ptz, wish.task)
        except OnvifFailed as failure:
            steered = Steered(failure.cause)
            if failure.cause not in ("unsupported", "refused-setting"):
                if not wish.done.done():
                    wish.done.set_result(steered)
                raise
            log.info("a camera refuses to be steered: %s", failure)
        if not wish.done.done():
            wish.done.set_result(steered)

    async def _act(self, ptz: Ptz, task: Steer) -> Steered:
        ways = task.pan, task.tilt, task.zoom
        match task.act:
            case act if act == STOP or (act == MOVE and not any(ways)):
                self._moves_until_s = None
                await ptz.stop()
                return Steered()
            case act if act == MOVE:
                # Before it is asked: a camera may move though its answer is lost.
                self._moves_until_s = time.monotonic() + task.ms / 1000
                await ptz.move(*ways, task.ms)
                return Steered()
        self._moves_until_s = None
        if task.act == STEP:
            await ptz.step(*ways)
        elif task.act == HOME:
            await ptz.home()
        elif task.act == GO:
            await ptz.go(task.preset)
        else:
            if task.act == KEEP:
                await ptz.keep(task.name, task.preset)
            elif task.act == REMOVE:
                await ptz.remove(task.preset)
            return Steered(presets=await ptz.presets())
        return Steered()
