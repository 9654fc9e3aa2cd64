"""Listening to cameras' own events: one subscription per camera that is to be listened to, made again after every failure."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote, urlsplit

from edge_agent.capture.source import Backoff
from edge_agent.chronicle import Chronicle
from edge_agent.onvif.door import open_door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.events import PREFIX, Listening, Notice, service_of
from edge_agent.orders import CameraSetup, Orders

log = logging.getLogger(__name__)

LONGEST_S: Final = 300.0
PULL_S: Final = 1.0
_LEAVE_S: Final = 2.0
_ALARM_AFTER: Final = 3
_SAYS: Final = {
    "credentials": "the camera refuses the user name or the password",
    "unsupported": "the camera does not offer events by ONVIF",
    "not-onvif": "nothing at its address speaks ONVIF",
    "timeout": "the camera does not answer",
    "refused": "the camera refuses the connection",
    "no-route": "the camera is not reached",
    "certificate": "the camera shows another certificate than the accepted one",
    "unusable": "what the camera answers cannot be used",
    "too-large": "what the camera answers cannot be used",
}
_STANDS: Final = frozenset({"credentials", "locked", "unsupported"})
"""What trying again soon does not change, and may lock an account: the longest wait at once."""


@dataclass(frozen=True)
class Door:
    """Where and as whom a camera is listened to. Never printed."""

    url: str
    user: str
    password: str = field(repr=False)
    accepted: frozenset[bytes]
    """As `open_door` takes it."""

    @classmethod
    def of(cls, setup: CameraSetup, orders: Orders) -> Door | None:
        """None: the camera is not to be listened to, or its address cannot be opened here."""
        if setup.events is None or not setup.enabled or setup.source_main is None:
            return None
        parts = urlsplit(setup.source_main)
        url = service_of(parts.hostname or "", setup.events.service)
        return cls(url, unquote(parts.username or ""), unquote(parts.password or ""), orders.accepted(url))


class Listeners:
    """`run` until cancelled. `alarms`: cameras that are not heard, in words."""

    def __init__(self, orders: Orders, chronicle: Chronicle) -> None:
        self._orders, self._chronicle = orders, chronicle
        self._failures: dict[uuid.UUID, tuple[int, str]] = {}

    @property
    def alarms(self) -> list[str]:
        names = {item.camera: item.name for item in self._orders.command.cameras}
        silent = [
            f"{names[camera]}: its events are not heard: {_SAYS.get(cause, cause)}"
            for camera, (count, cause) in list(self._failures.items())
            if count >= _ALARM_AFTER and camera in names
        ]
        chatter = [
            f"{name}: it tells more events than are written down; set its detectors less sensitive"
            for camera, name in names.items()
            if self._chronicle.chatters(camera)
        ]
        return [*silent, *chatter]

    async def run(self) -> None:
        """Listen as ordered, and as ordered next."""
        listening: dict[uuid.UUID, tuple[Door, asyncio.Task[None]]] = {}
        async with asyncio.TaskGroup() as group:
            while True:
                version = self._orders.version
                wanted = {setup.camera: Door.of(setup, self._orders) for setup in self._orders.cameras()}
                for camera, (door, task) in list(listening.items()):
                    if wanted.get(camera) != door:
                        task.cancel()
                        del listening[camera]
                        self._failures.pop(camera, None)
                for camera, there in wanted.items():
                    if there is not None and camera not in listening:
                        listening[camera] = there, group.create_task(self._listen(camera, there))
                await self._orders.wait_change(version)

    async def _listen(self, camera: uuid.UUID, door: Door) -> None:
        backoff = Backoff(longest_s=LONGEST_S)
        while True:
            wait_s = LONGEST_S
            try:
                await self._subscribed(camera, door, backoff)
            except OnvifFailed as failure:
                count = self._failures.get(camera, (0, ""))[0] + 1
                self._failures[camera] = count, failure.cause
                if failure.cause not in _STANDS:
                    wait_s = backoff.next_s()
                log.info("camera %s is not heard: %s; again in %.0f s", camera, failure, wait_s)
            except Exception as error:  # noqa: BLE001 a stranger's camera ends neither the others' hearing nor recording
                # Its kind alone: its text may quote what the camera said, or a login.
                count = self._failures.get(camera, (0, ""))[0] + 1
                self._failures[camera] = count, "unusable"
                log.error(
                    "camera %s is not heard: unexpected %s; again in %.0f s",
                    camera,
                    type(error).__name__,
                    wait_s,
                )
            finally:
                self._chronicle.end_all(camera, PREFIX)
            await asyncio.sleep(wait_s)

    async def _subscribed(self, camera: uuid.UUID, door: Door, backoff: Backoff) -> None:
        """Listen until that fails. Raises OnvifFailed."""
        async with open_door(door.url, door.user, door.password, door.accepted) as opened:
            listening = Listening(opened)
            try:
                await listening.subscribe()
                while True:
                    begun_s = time.monotonic()
                    for notice in await listening.pull():
                        self._heard(camera, notice)
                    # Only what answered a pull works: some cameras make pull points that cannot be pulled.
                    backoff.reset()
                    self._failures.pop(camera, None)
                    # A camera that holds no answer back is not asked without a pause.
                    await asyncio.sleep(max(0.0, begun_s + PULL_S - time.monotonic()))
            finally:
                with suppress(OnvifFailed, TimeoutError):  # the camera forgets by itself, a minute later
                    async with asyncio.timeout(_LEAVE_S):
                        await listening.leave()

    def _heard(self, camera: uuid.UUID, notice: Notice) -> None:
        told = (camera, notice.kind, notice.source)
        if notice.active is None:
            self._chronicle.pulse(*told, notice.detail)
        elif notice.active:
            self._chronicle.begin(*told, notice.detail)
        else:
            self._chronicle.end(*told)
