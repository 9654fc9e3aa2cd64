"""Bringing what the disk of another box still holds, whose place this one took.

Everything goes up straight from that disk, as the other box sealed and signed it: this box signs the requests, never the
records. How far it has come is noted in the other spool's own index, as the other box noted it, so that this can be ended
and begun again at any moment. The agent may run meanwhile. Addresses of cameras are opened with the box key on that disk and
sealed to this box.
"""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from edge_agent.carry_over import refuse
from edge_agent.clock import Clock, SystemClock
from edge_agent.cloud import Cloud
from edge_agent.errors import AgentError, DiskFull, PortalRefused, SpoolDamaged, StateUnusable
from edge_agent.identity import Identity, hold_state, is_enrolled
from edge_agent.networks import Network, run_towards_cloud
from edge_agent.rebuild import set_aside
from edge_agent.rollover import sealed_anew
from edge_agent.run import SOFTWARE, SPOOL, floor_bytes
from edge_agent.seal import Identity as Sealing
from edge_agent.spool import INDEX, RecordState, Spool, StoredSegment
from edge_agent.upload import RECORDS_ROUTE, Uploader, doubt_unconfirmed
from protocol.adoption import Adoption, AdoptionReply, SealedSource
from protocol.batch import BatchReply
from protocol.errors import ProtocolError
from protocol.states import SegmentState

logger = logging.getLogger(__name__)

_PATH: Final = "/agent/v1/adoption"
_NO_BUDGET: Final = 1 << 60
"""Nothing is recorded into that spool any more: how much it may hold matters no more."""
_LOOK_S: Final = 0.5
_TOLD_EVERY_S: Final = 10.0
_DOUBT_EVERY_S: Final = 60.0
_LEFT_STATES: Final = (SegmentState.SEALED, SegmentState.DECLARED, SegmentState.UPLOADED)


class NotAdoptable(AgentError):
    """What lies there belongs to another organisation, to this box itself, or is no agent's folder."""

    exit_code = 2


@dataclass(frozen=True)
class Adopted:
    """How it ended. `left`: records the portal does not take now; `damaged`: files whose bytes are lost; `refused`: segments no
    portal takes; `open`: segments the other box had not signed when it ended."""

    agent: str
    sources: int
    unopened: int
    brought: int
    damaged: int
    refused: int
    open: int
    left: int

    @property
    def whole(self) -> bool:
        """Whether nothing that was signed stays behind."""
        return not (self.damaged or self.refused or self.left or self.unopened)


def adopt(folder: Path, state: Path, network: Network) -> Adopted:
    """Bring everything that the agent's folder `folder` of another box still holds, as the box of `state`.

    Raises NotAdoptable, NotEnrolled, StateUnusable (also while an agent runs from `folder`), PortalUnreachable, or
    PortalRefused where this box did not take the other one's place.
    """
    identity = Identity.load(state)
    if not is_enrolled(folder):
        raise NotAdoptable(
            f"{folder} is no agent's folder: name the one that holds 'identity' and 'spool' on the other box's disk, like "
            "/mnt/var/lib/vsaas-agent"
        )
    old = Identity.load(folder)
    if old.agent == identity.agent:
        raise NotAdoptable(f"{folder} is this box's own: there is nothing to adopt")
    if old.tenant != identity.tenant:
        raise NotAdoptable(
            f"{folder} belongs to the organisation {old.tenant_slug!r}, this box to {identity.tenant_slug!r}: what one "
            "recorded is never brought to another"
        )
    with hold_state(folder):
        return _adopt(old, folder, identity, network)


def _adopt(old: Identity, folder: Path, identity: Identity, network: Network) -> Adopted:
    for _once_more in range(2):
        spool = Spool(folder / SPOOL, budget_bytes=_NO_BUDGET, floor_bytes=floor_bytes(folder))
        # A disk that was full to the last byte must have room for the notes about what is sent.
        spool.room.release_reserve()
        try:
            return run_towards_cloud(_Adoption(old, identity, spool, SystemClock(), network).run(), network)
        except SpoolDamaged as error:
            logger.error("%s", error)
        finally:
            spool.close()
        set_aside(spool.folder / INDEX)
    raise StateUnusable(f"the index of {folder / SPOOL} was damaged twice: have that disk checked")


class _Adoption:
    """One run: the addresses, then records and objects, then the word that all is brought."""

    def __init__(
        self, old: Identity, identity: Identity, spool: Spool, clock: Clock, network: Network
    ) -> None:
        self._old, self._identity, self._spool = old, identity, spool
        self._clock, self._network = clock, network

    async def run(self) -> Adopted:
        before = self._count(*_LEFT_STATES)
        async with Cloud(self._identity, self._network) as cloud:
            told = await self._tell(cloud)
            sources, unopened = await self._take_sources(cloud, told)
            sealing = Sealing(self._old.tenant, self._old.agent, self._old.record, SOFTWARE)
            bringing = _Bringing(self._spool, cloud, self._clock, sealing, self._old)
            await self._bring(bringing)
            await self._tell(cloud, finished=True)
        return Adopted(
            agent=told.name,
            sources=sources,
            unopened=unopened,
            brought=before - self._count(*_LEFT_STATES) - bringing.lost - bringing.refused,
            damaged=bringing.lost,
            refused=self._count(SegmentState.REFUSED),
            open=self._count(SegmentState.OPEN),
            left=self._unsent(),
        )

    async def _tell(self, cloud: Cloud, *sources: SealedSource, finished: bool = False) -> AdoptionReply:
        answer = await cloud.post_json(_PATH, Adoption(self._old.agent, sources, finished).to_json())
        try:
            return AdoptionReply.from_json(answer)
        except ProtocolError as error:
            raise PortalRefused(
                f"the portal's reply to the adoption makes no sense: {error.detail}", 200, "bad-reply"
            ) from error

    async def _take_sources(self, cloud: Cloud, told: AdoptionReply) -> tuple[int, int]:
        """Seal to this box what the other one could open; how many that were, and how many remain for people to type."""
        sealed = [item for source in told.sources if (item := self._sealed_anew(source)) is not None]
        if sealed:
            told = await self._tell(cloud, *sealed)
        return len(sealed), len(told.sources)

    def _sealed_anew(self, source: SealedSource) -> SealedSource | None:
        anew = sealed_anew(self._old.tenant, source, self._old.keys, self._identity.keys.box_public)
        if anew is None:
            logger.warning("an address of camera %s cannot be opened with that disk", source.camera)
        return anew

    async def _bring(self, bringing: _Bringing) -> None:
        """Send until nothing is left but what the portal does not take now."""
        loop = asyncio.get_running_loop()
        told_s = doubted_s = loop.time()
        work = asyncio.create_task(bringing.run())
        try:
            while self._left(bringing):
                done, _pending = await asyncio.wait({work}, timeout=_LOOK_S)
                if done:
                    raise _cause(work)
                if self._spool.damaged:
                    raise SpoolDamaged(self._spool.damaged)
                if loop.time() - told_s >= _TOLD_EVERY_S:
                    told_s = loop.time()
                    logger.info(
                        "%d segments and %d records are left", self._count(*_LEFT_STATES), self._unsent()
                    )
                    for text in bringing.alarms:
                        logger.warning("%s", text)
                if loop.time() - doubted_s >= _DOUBT_EVERY_S:
                    doubted_s = loop.time()
                    await self._doubt()
        finally:
            work.cancel()
            await asyncio.wait({work})

    async def _doubt(self) -> None:
        try:
            now_us = self._clock.wall_us()
            await asyncio.wrap_future(self._spool.write(lambda c: doubt_unconfirmed(c, now_us)))
        except DiskFull as error:
            logger.warning("nothing can be noted on that disk now: %s", error)

    def _left(self, bringing: _Bringing) -> bool:
        """Whether something waits that can be sent: records of chains the portal takes, and what they declare."""
        aside = bringing.chains_aside
        waiting = [
            row
            for row in self._spool.read(
                "SELECT DISTINCT chain FROM records WHERE state = ?", (RecordState.UNSENT,)
            )
            if row[0] not in aside
        ]
        return bool(waiting) or self._count(SegmentState.DECLARED, SegmentState.UPLOADED) > 0

    def _count(self, *states: SegmentState) -> int:
        rows = self._spool.read("SELECT state, count(*) FROM segments GROUP BY state")
        return sum(count for state, count in rows if state in states)

    def _unsent(self) -> int:
        found: int = self._spool.read("SELECT count(*) FROM records WHERE state = ?", (RecordState.UNSENT,))[
            0
        ][0]
        return found


def _cause(work: asyncio.Task[None]) -> BaseException:
    error = work.exception()
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error or AssertionError("an uploader goes on until it is cancelled")


class _Nothing:
    """Statements and commands are the running agent's business."""

    async def heard(self, cloud: Cloud, statement_number: int, command_number: int) -> None:
        return

    async def refresh(self, cloud: Cloud) -> None:
        return


class _Bringing(Uploader):
    """Sends another box's spool. It signs no record: what that would take stays on the disk, and is counted."""

    def __init__(self, spool: Spool, cloud: Cloud, clock: Clock, sealing: Sealing, old: Identity) -> None:
        super().__init__(spool, cloud, clock, sealing, _Nothing())
        self._route = f"{RECORDS_ROUTE}?of={old.agent}"
        self.lost, self.refused = 0, 0

    @property
    def chains_aside(self) -> set[bytes]:
        """Chains the portal does not take now."""
        return set(self._chains_aside)

    def _leave_chain(
        self, connection: sqlite3.Connection, chain: bytes, verdict: object, reply: BatchReply
    ) -> None:
        rows = connection.execute(
            "SELECT id, segment FROM records WHERE chain = ? AND state = ?", (chain, RecordState.UNSENT)
        ).fetchall()
        for record_id, segment in rows:
            refuse(
                connection,
                record_id,
                None if segment is None else uuid.UUID(bytes=segment),
                "the portal takes no more of this chain",
            )
        self.refused += sum(segment is not None for _id, segment in rows)

    def _say_lost(self, connection: sqlite3.Connection, item: StoredSegment) -> None:
        self.lost += 1
