"""The heartbeat to the portal every ten seconds, and the same facts in a file for `python -m edge_agent status`."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final, Protocol

from edge_agent import __version__
from edge_agent.clock import Clock
from edge_agent.cloud import Cloud, Patience
from edge_agent.errors import AgentError, PortalRefused, PortalUnreachable
from edge_agent.identity import Identity
from edge_agent.machine import Machine
from edge_agent.orders import Orders
from edge_agent.spool import SpoolSummary
from edge_agent.status import Status, write_status
from protocol.health import ALARMS_MAX, BoxHealth, Heartbeat, StreamHealth, UpdateHealth
from protocol.limits import HEARTBEAT_SECONDS
from protocol.rollover import WANTED
from sealing.ids import ClockSource

log = logging.getLogger(__name__)

PATH: Final = "/agent/v1/health"
_STATUS_S: Final = 5.0


class HealthSource(Protocol):
    """What the rest of the agent knows about itself. Called from a thread."""

    def spool_summary(self) -> SpoolSummary: ...
    def streams(self) -> Iterable[StreamHealth]:
        """Every recorder's state."""

    def alarms(self) -> Iterable[str]:
        """What a person must look at, beside the alarms of the orders."""

    def update(self) -> UpdateHealth:
        """What became of the update ordered."""


class Health:
    """`run` reports until cancelled. A failure is told in the log and the status file; the next beat comes anyway."""

    def __init__(
        self,
        identity: Identity,
        orders: Orders,
        cloud: Cloud,
        clock: Clock,
        source: HealthSource,
        control_connected: Callable[[], bool],
        tell: Callable[[Status], None] = lambda status: None,
        roll_over: Callable[[], None] = lambda: None,
    ) -> None:
        """`tell` hears each status that is written; `roll_over` is called when the portal asks for new keys."""
        self._tell, self._roll_over = tell, roll_over
        self._identity, self._orders, self._cloud = identity, orders, cloud
        self._clock, self._source, self._control_connected = clock, source, control_connected
        self._started_us = clock.wall_us()
        self._machine = Machine(identity.state)
        self._box, self._box_read_s = self._machine.read(), time.monotonic()

    async def run(self) -> None:
        """Ends only by cancellation, with a last status file."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._beat_for_ever())
                group.create_task(self._write_for_ever())
        finally:
            self._write(self._heartbeat())

    async def _beat_for_ever(self) -> None:
        patience = Patience(HEARTBEAT_SECONDS, 60.0)
        while True:
            wait_s: float = HEARTBEAT_SECONDS
            try:
                beat = await asyncio.to_thread(self._heartbeat)
                reply = await self._cloud.post_json(PATH, beat.to_json())
                patience.reset()
                if reply is not None and reply.get(WANTED):
                    self._roll_over()
            except (PortalUnreachable, PortalRefused) as error:
                wait_s = patience.after(error)
                log.warning("no heartbeat: %s; the next in %.0f s", error, wait_s)
            await asyncio.sleep(wait_s)

    async def _write_for_ever(self) -> None:
        while True:
            await asyncio.to_thread(lambda: self._write(self._heartbeat()))
            await asyncio.sleep(_STATUS_S)

    def _heartbeat(self) -> Heartbeat:
        """The facts of this moment."""
        spool = self._source.spool_summary()
        told = tuple(self._source.streams())
        streams = tuple(_printable(item) for item in (*told, *self._unopenable(told)))
        return Heartbeat(
            instance=self._identity.instance,
            software=f"vsaas-agent {__version__}",
            utc_us=self._clock.wall_us(),
            started_us=self._started_us,
            clock_synchronised=self._clock.source()[0] is ClockSource.SYSTEM_SYNCHRONISED,
            spool_bytes=spool.bytes_used,
            spool_budget_bytes=spool.budget_bytes,
            disk_free_bytes=spool.disk_free_bytes,
            days_left=days_left(spool, streams),
            oldest_unsent_us=spool.oldest_unsent_us,
            streams=streams,
            alarms=tuple(text[:200] for text in self._alarms()),
            box=self._box_now(),
            update=self._source.update(),
        )

    def _box_now(self) -> BoxHealth:
        """Read anew every few seconds at most: the processor's load is that of the time between."""
        now_s = time.monotonic()
        if now_s - self._box_read_s > _STATUS_S / 2:
            self._box, self._box_read_s = self._machine.read(), now_s
        return self._box

    def _alarms(self) -> list[str]:
        texts = [*self._orders.alarms, *self._source.alarms()]
        return [_one_line(text) for text in texts[:ALARMS_MAX]]

    def _unopenable(self, told: Iterable[StreamHealth]) -> tuple[StreamHealth, ...]:
        """Streams whose address does not open here, as long as no recorder speaks of them."""
        now_us = self._clock.wall_us()
        known = {(item.camera, item.stream) for item in told}
        return tuple(
            StreamHealth(setup.camera, int(stream), "unusable", now_us, setup.problem)
            for setup in self._orders.cameras()
            for stream in sorted(setup.unopened)
            if (setup.camera, int(stream)) not in known
        )

    def _write(self, beat: Heartbeat) -> None:
        status = self.status(beat)
        self._tell(status)
        try:
            write_status(self._identity.state, status)
        except AgentError as error:
            log.warning("%s", error)

    def newest(self) -> Status:
        """The facts of this moment, for whoever asks on this box. Called from a thread."""
        return self.status(self._heartbeat())

    def status(self, beat: Heartbeat) -> Status:
        """The heartbeat with what the portal needs no telling of."""
        contact = self._cloud.contact
        names: dict[uuid.UUID, str] = {item.camera: item.name for item in self._orders.command.cameras}
        return Status(
            heartbeat=beat,
            portal_seen_us=contact.last_us,
            portal_trouble=contact.trouble,
            control_connected=self._control_connected(),
            clock_ahead_us=self._clock.wall_us() - self._cloud.portal_time_us() if contact.last_us else None,
            camera_names=names,
            alarms=tuple(self._alarms()),
        )


def _printable(stream: StreamHealth) -> StreamHealth:
    """What cameras say enters `detail` and `codec`: as the protocol wants texts."""
    return replace(stream, detail=_one_line(stream.detail)[:200], codec=_one_line(stream.codec)[:200])


def _one_line(text: str) -> str:
    """The text with every character printable, as the protocol and a terminal want it."""
    return "".join(char if char.isprintable() else " " for char in text)


def days_left(spool: SpoolSummary, streams: Iterable[StreamHealth]) -> float | None:
    """How long recording goes on without any upload, in days; None while nothing is recorded."""
    bits_per_s = sum(stream.bits_per_s for stream in streams)
    if bits_per_s <= 0:
        return None
    room_bytes = max(0, min(spool.budget_bytes - spool.bytes_used, spool.disk_free_bytes))
    return round(room_bytes * 8 / bits_per_s / 86_400, 3)
