"""What hubs say to each other over raw Redis pub/sub: one channel per hub, the sealed bytes unchanged.

The hub at which an agent's control socket is open is the *origin* of that agent's views. A hub at which somebody watches
without it asks the origin for the view, every few seconds anew, and is sent the keys (sealed to the tenant) and
everything the agent sends, once, however many watch there: it releases the keys to its own viewers after looking at
their rights itself. What crosses Redis is one copy of a watched stream per hub that watches it.

Pub/sub loses messages rather than wait. Frames are numbered, so that a hole is seen; the view is then asked for afresh,
and begins at a key frame. What waits for another hub is bounded like what waits for a viewer.
"""

from __future__ import annotations

import asyncio
import secrets
import struct
import time
from collections import deque
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final
from uuid import UUID

from vsaas.live.viewer import Outlet

WANT_EVERY_S: Final = 4.0
RELAY_S: Final = 15.0
"""A hub that asks no more is sent nothing after this long."""
SILENT_S: Final = 10.0
"""An origin that says nothing for this long is given up."""
WAITING_BYTES_MOST: Final = 32 * 1024 * 1024

_HEAD: Final = struct.Struct(">B16s16sBQQ")

ViewKey = tuple[UUID, UUID, int]


class Kind(IntEnum):
    """WANT, UNWANT, REKEY go to the origin (data: the asking hub's id), the rest comes from it."""

    WANT = 1
    UNWANT = 2
    REKEY = 3
    HERE = 10
    BEGIN = 11
    KEYS = 12
    MESSAGE = 13
    STATUS = 14
    GONE = 15


@dataclass(frozen=True, slots=True)
class Frame:
    """`epoch` names one beginning of a relay, chosen by who asks: what is under way of an earlier one is left out.
    `number` counts its frames from 0 (HERE has none)."""

    kind: Kind
    view: ViewKey
    epoch: int = 0
    number: int = 0
    data: bytes = b""

    def encode(self) -> bytes:
        tenant, camera, stream = self.view
        return _HEAD.pack(self.kind, tenant.bytes, camera.bytes, stream, self.epoch, self.number) + self.data

    @classmethod
    def decode(cls, encoded: bytes) -> Frame:
        """Raises ValueError for what no hub sends."""
        try:
            kind, tenant, camera, stream, epoch, number = _HEAD.unpack_from(encoded)
        except struct.error as error:
            raise ValueError("a frame between hubs that is too short") from error
        view = UUID(bytes=tenant), UUID(bytes=camera), stream
        return cls(Kind(kind), view, epoch, number, encoded[_HEAD.size :])


def channel_of_hub(hub: UUID) -> str:
    """Where a hub hears other hubs."""
    return f"vsaas:hub:{hub}"


@dataclass(eq=False)
class Relay:
    """At the origin: another hub that watches a view. The outlet's frames are a kind's byte and its data."""

    hub: UUID
    epoch: int
    outlet: Outlet = field(default_factory=Outlet)
    publish: UUID | None = None
    renewed_at: float = field(default_factory=time.monotonic)
    number: int = 0
    task: asyncio.Task[None] | None = None

    def tell(self, kind: Kind, data: bytes = b"") -> None:
        self.outlet.tell(bytes([kind]) + data)


@dataclass(eq=False)
class Mirror:
    """Where people watch: what comes of a view from its origin."""

    origin: UUID
    epoch: int = field(default_factory=lambda: secrets.randbits(63))
    asked_at: float = field(default_factory=time.monotonic)
    heard_at: float = field(default_factory=time.monotonic)
    expected: int = 0
    waiting: deque[Frame] = field(default_factory=deque)
    waiting_bytes: int = 0
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    def put(self, frame: Frame) -> bool:
        """Takes a frame; False when one is missing, or more waits than may."""
        if frame.epoch != self.epoch:
            return True
        self.heard_at = time.monotonic()
        if frame.kind is Kind.HERE:
            return True
        if frame.number != self.expected or self.waiting_bytes + len(frame.data) > WAITING_BYTES_MOST:
            return False
        self.expected += 1
        self.waiting.append(frame)
        self.waiting_bytes += len(frame.data)
        self.wake.set()
        return True

    async def take(self) -> Frame:
        """The next frame."""
        while not self.waiting:
            self.wake.clear()
            await self.wake.wait()
        frame = self.waiting.popleft()
        self.waiting_bytes -= len(frame.data)
        return frame
