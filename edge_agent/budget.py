"""Budgets of cameras: what one may hold back here in days and bytes. What goes over is given up, the oldest first.

Nothing goes in silence: an alarm tells from four fifths of a budget on, and each segment given up is a signed gap that
names it. Footage that is in the store already is never counted, and what is going up just now is left alone.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from edge_agent import spool as spool_index
from edge_agent.alarms import Alarms
from edge_agent.carry_over import declare_lost
from edge_agent.clock import Clock
from edge_agent.errors import DiskFull
from edge_agent.seal import Identity as Sealing
from edge_agent.spool import Spool, StoredSegment
from edge_agent.spool_settings import DAYS_MOST, GIVE_UP_OLDEST, Budget, SpoolSettings
from protocol.states import SegmentState
from sealing.ids import ClockSource, GapReason

logger = logging.getLogger(__name__)

GIVEN_UP: Final = "given up: segment "
WARNED: Final = 0.8
_DAY_US: Final = 86_400_000_000
_LOOK_S: Final = 15.0
_AT_ONCE: Final = 500
_BATCH: Final = 50
_IN_WAITING: Final = f"state IN ({int(SegmentState.SEALED)}, {int(SegmentState.DECLARED)})"


class PortalTime(Protocol):
    """Knows the portal's clock, once the portal has answered."""

    def portal_time_us(self) -> int: ...

    @property
    def portal_time_known(self) -> bool: ...


class Budgets:
    """`run` looks every few seconds until cancelled."""

    def __init__(
        self,
        spool: Spool,
        clock: Clock,
        sealing: Sealing,
        settings: SpoolSettings,
        portal: PortalTime,
        *,
        delete: Callable[[list[uuid.UUID]], None],
        under_way: Callable[[], set[uuid.UUID]],
        name_of: Callable[[uuid.UUID], str],
    ) -> None:
        """`delete`: takes sealed files away; `under_way`: segments being uploaded."""
        self._spool, self._clock, self._sealing = spool, clock, sealing
        self._settings, self._portal = settings, portal
        self._delete, self._under_way, self._name_of = delete, under_way, name_of
        self._alarms = Alarms()

    @property
    def alarms(self) -> list[str]:
        return self._alarms.texts()

    async def run(self) -> None:
        while True:
            try:
                await asyncio.to_thread(self.look)
            except DiskFull as error:
                logger.warning("nothing could be given up: %s", error)
            await asyncio.sleep(_LOOK_S)

    def look(self) -> None:
        """Give up what goes over a budget, and warn of what soon will. Raises DiskFull."""
        if self._settings.when_full == GIVE_UP_OLDEST:
            self._make_room()
        if not self._settings.any_budget:
            return
        now_us = self._now_us()
        held = self._spool.read(
            f"SELECT camera, sum(size), min(start_us) FROM segments WHERE {_IN_WAITING} GROUP BY camera"  # noqa: S608 (numbers of an enum)
        )
        for raw, size, oldest_us in held:
            camera = uuid.UUID(bytes=raw)
            budget = self._settings.budget_of(camera)
            if budget.days is None and budget.size_bytes is None:
                continue
            self._warn(camera, budget, size, oldest_us, now_us)
            self._give_up(list(self._over(camera, budget, size, now_us)))

    def _now_us(self) -> int | None:
        """The time by which days are counted; None where no clock is to be trusted with throwing anything away."""
        if self._portal.portal_time_known:
            return self._portal.portal_time_us()
        synchronised = self._clock.source()[0] is ClockSource.SYSTEM_SYNCHRONISED
        return self._clock.wall_us() if synchronised else None

    def _warn(self, camera: uuid.UUID, budget: Budget, size: int, oldest_us: int, now_us: int | None) -> None:
        about = f"budget {camera}"
        share = 0.0 if budget.size_bytes is None else size / budget.size_bytes
        if budget.days is not None and now_us is not None and now_us - oldest_us < (DAYS_MOST + 35) * _DAY_US:
            share = max(share, (now_us - oldest_us) / (budget.days * _DAY_US))
        if share < WARNED:
            self._alarms.clear(about)
            return
        self._alarms.put(
            about,
            f"{self._name_of(camera)}: what waits here fills over {100 * WARNED:.0f} % of its budget: the oldest is given up "
            "unless it is uploaded; check the connection, or allow more in spool.toml",
        )

    def _over(
        self, camera: uuid.UUID, budget: Budget, size: int, now_us: int | None
    ) -> Iterable[StoredSegment]:
        """The oldest segments that go over the budget. One that claims to be older than any budget has a clock never set."""
        before_us = None if budget.days is None or now_us is None else now_us - budget.days * _DAY_US
        for item in self._oldest(camera):
            too_much = budget.size_bytes is not None and size > budget.size_bytes
            known = now_us is not None and item.start_us > now_us - (DAYS_MOST + 35) * _DAY_US
            too_old = before_us is not None and known and item.end_us < before_us
            if not (too_much or too_old):
                return
            size -= item.size
            yield item

    def _make_room(self) -> None:
        """Keep the spool a little below where recording would pause."""
        room = self._spool.room
        used, _ = room.figures()
        most = room.budget_bytes - room.held_back_bytes
        over = used - most * 19 // 20
        if over <= 0:
            return
        gone: list[StoredSegment] = []
        for item in self._oldest(None):
            if over <= -most // 20:
                break
            over -= item.size
            gone.append(item)
        self._give_up(gone)

    def _oldest(self, camera: uuid.UUID | None) -> list[StoredSegment]:
        """What waits longest, of one camera or of all."""
        under_way = self._under_way()
        states = [SegmentState.SEALED, SegmentState.DECLARED]
        if camera is None:
            found = spool_index.segments_in(self._spool, states, _AT_ONCE, newest_first=False)
        else:
            found = spool_index.segments_of(self._spool, camera, 0, 1 << 62, states, _AT_ONCE)
        return [item for item in found if item.segment not in under_way]

    def _give_up(self, gone: list[StoredSegment]) -> None:
        for at in range(0, len(gone), _BATCH):
            batch = gone[at : at + _BATCH]
            done = self._spool.write(lambda c, batch=batch: self._declare(c, batch)).result()  # type: ignore[misc]
            self._delete(done)
            if done:
                self._spool.announce()
                first, last = batch[0].start_us / 1e6, batch[-1].end_us / 1e6
                logger.warning(
                    "%d segments were given up unsent, recorded between %s and %s UTC",
                    len(done),
                    time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(first)),
                    time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(last)),
                )

    def _declare(self, connection: sqlite3.Connection, batch: list[StoredSegment]) -> list[uuid.UUID]:
        """Sign each segment's time as a gap; returns those that still waited."""
        done: list[uuid.UUID] = []
        for item in batch:
            changed = connection.execute(
                f"UPDATE segments SET state = ?, changed_us = ? WHERE segment = ? AND {_IN_WAITING}",  # noqa: S608 (numbers of an enum)
                (SegmentState.MISSING, self._clock.wall_us(), item.segment.bytes),
            ).rowcount
            row = connection.execute(
                "SELECT record FROM records WHERE segment = ?", (item.segment.bytes,)
            ).fetchone()
            if changed == 0 or row is None:
                continue
            detail = f"{GIVEN_UP}{item.segment}"
            declare_lost(connection, item, row[0], GapReason.DISK_FULL, detail, self._sealing, self._clock)
            done.append(item.segment)
        return done
