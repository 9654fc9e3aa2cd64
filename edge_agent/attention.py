"""What goes on before each camera, carried from the event loop to the threads that record by it."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from typing import Final

from edge_agent.clock import Clock
from edge_agent.happenings import Happenings
from edge_agent.orders import Orders

_S: Final = 1_000_000_000


class Attention:
    """Of one camera. Written by the event loop, read by the threads of its streams: each attribute is replaced whole."""

    def __init__(self) -> None:
        self._active: frozenset[str] = frozenset()
        self._last_ns: dict[str, int] = {}

    def heard(self, active: frozenset[str], begun: frozenset[str], now_ns: int) -> None:
        """`active`: the kinds of what goes on now; `begun`: those that began since the last call, if only for a moment."""
        last = dict.fromkeys(self._active | active | begun, now_ns)
        self._last_ns = {**self._last_ns, **last}
        self._active = active

    def calls(self, triggers: frozenset[str], post_roll_s: int, now_ns: int) -> bool:
        """Whether something of these kinds goes on, or ended less than `post_roll_s` ago."""
        if self._active & triggers:
            return True
        since_ns = now_ns - post_roll_s * _S
        last_ns = self._last_ns
        return any(last_ns.get(kind, since_ns) > since_ns for kind in triggers)


async def attend(
    happenings: Happenings, orders: Orders, of: Callable[[uuid.UUID], Attention], clock: Clock
) -> None:
    """Keep the attention of every camera with a plan, for good."""
    listening: dict[uuid.UUID, asyncio.Task[None]] = {}
    async with asyncio.TaskGroup() as group:
        while True:
            version = orders.version
            planned = {order.camera for order in orders.command.cameras if order.plan is not None}
            for camera in listening.keys() - planned:
                listening.pop(camera).cancel()
            for camera in planned - listening.keys():
                listening[camera] = group.create_task(_listen(happenings, camera, of(camera), clock))
            await orders.wait_change(version)


async def _listen(happenings: Happenings, camera: uuid.UUID, attention: Attention, clock: Clock) -> None:
    with happenings.listen(camera) as listener:
        try:
            while True:
                attention.heard(*listener.kinds(), clock.mono_ns())
                await listener.wait()
        finally:
            attention.heard(frozenset(), frozenset(), clock.mono_ns())
