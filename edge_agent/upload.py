"""From the spool to portal and store: records first, objects by the grants that come back, files deleted when stored.

Records of a chain go strictly in order, the newest chains first; objects go newest first. Everything is idempotent and
every state is in the spool, so after hours without portal or store, or a kill at any moment, this goes on by itself.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import sqlite3
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol

from edge_agent import spool as spool_index
from edge_agent.alarms import Alarms
from edge_agent.carry_over import WAITING, carry_over, declare_lost, is_unsent, refuse, unsend
from edge_agent.clock import Clock
from edge_agent.cloud import Cloud, Patience, PutOutcome, StoreRefused, StoreUnreachable, TransferBroken
from edge_agent.errors import DiskFull, PortalRefused, PortalUnreachable, TrustBroken
from edge_agent.pace import LOOK_S, Pace
from edge_agent.seal import Identity as Sealing
from edge_agent.spool import RecordState, Spool, StoredSegment, UnsentRecord
from edge_agent.spool_settings import Pacing
from protocol import limits
from protocol.batch import (
    STREAMS_MOST,
    BatchItem,
    BatchReply,
    ItemResult,
    PutGrant,
    RecordsBatch,
    RecordStatus,
    Unsent,
    Uploaded,
)
from protocol.errors import ProtocolError
from protocol.state import TIPS_AT_ONCE, ChainTip
from protocol.states import SegmentState
from sealing.crc import crc32c
from sealing.errors import SealingError
from sealing.ids import GapReason
from sealing.record import Segment, parse_record

logger = logging.getLogger(__name__)

RECORDS_ROUTE: Final = "/agent/v1/records"
PUTS_AT_ONCE: Final = 3
_BATCH_BYTES: Final = limits.BATCH_BYTES_MAX - 300_000
_ENVELOPES_AT_ONCE: Final = 400
_REPORTED_AT_ONCE: Final = 2000
_GRANTS_WANTED: Final = 48
_GRANT_USABLE_S: Final = limits.GRANT_PUT_SECONDS * 0.8
_GRANT_FRESH_S: Final = 60.0
_GATHER_S: Final = 0.7
_REPORT_AGAIN_S: Final = 15.0
_REPORT_AFTER_S: Final = 3.0
_UNCONFIRMED_S: Final = 180.0
_SET_ASIDE_S: Final = 600.0
_LOOK_S: Final = 45.0
_LOOK_PAUSE_S: Final = 5.0
_UNANSWERED_S: Final = 30.0
_UNANSWERED_MOST_S: Final = 3600.0
_ASK_TIPS_S: Final = 3600.0
_URGED_S: Final = 1800.0
_URGED_MOST: Final = 2000
_ASK_TIPS_LEAST_S: Final = 20.0
_READ_BYTES: Final = 1 << 20
# What a disk or a file system says when the bytes are lost; anything else may pass.
_UNREADABLE: Final = frozenset({errno.EIO, errno.EBADMSG, errno.EUCLEAN, errno.ENODATA})
_STORE_GRANTS: Final = "store-grants"
_OUT_OF_ORDER: Final = "out-of-order"
_MISSING_ENVELOPE: Final = "missing-envelope"
_INCOMPLETE_ERRORS: Final = frozenset({"bad-index", _MISSING_ENVELOPE})
# The portal's chain is not ours, though each record may be sound: a new chain takes over what was not accepted.
_NO_GENESIS: Final = "no-genesis"
_CHAIN_ERRORS: Final = frozenset({"broken-chain", "fork", _NO_GENESIS})
# Not the record's fault, and may pass: a camera that was moved to another agent, a portal of an older release.
_PASSING_ERRORS: Final = frozenset({"wrong-scope", "unknown-critical", "unknown-suite"})


class News(Protocol):
    """Takes what a batch reply says about newer statements and commands."""

    async def heard(self, cloud: Cloud, statement_number: int, command_number: int) -> None:
        """Fetch them where they are newer than what is here."""

    async def refresh(self, cloud: Cloud) -> None:
        """Ask the portal where it stands, and tell `Uploader.compare_tips` of its chains. Raises as `Orders.refresh`."""


@dataclass(frozen=True)
class _Grant:
    grant: PutGrant
    at_s: float

    @property
    def usable(self) -> bool:
        return time.monotonic() - self.at_s < _GRANT_USABLE_S

    @property
    def fresh(self) -> bool:
        """Whether it came so lately that no store may call it over."""
        return time.monotonic() - self.at_s < _GRANT_FRESH_S


@dataclass
class _Composed:
    """A batch and what its parts are in the spool."""

    batch: RecordsBatch
    records: list[UnsentRecord]
    envelope_ids: list[int]
    reported: list[uuid.UUID] = field(default_factory=list)
    asked: list[uuid.UUID] = field(default_factory=list)
    """Accepted segments that are sent again for a grant."""


class Uploader:
    """Sends everything the spool holds. `run` goes on until cancelled."""

    def __init__(self, spool: Spool, cloud: Cloud, clock: Clock, sealing: Sealing, news: News) -> None:
        self._spool, self._cloud, self._clock = spool, cloud, clock
        self._route = RECORDS_ROUTE
        self._sealing, self._news = sealing, news
        self._records_due = asyncio.Event()
        self._objects_due = asyncio.Event()
        self._grants: dict[uuid.UUID, _Grant] = {}
        self._in_flight: set[uuid.UUID] = set()
        self._set_aside: dict[uuid.UUID, float] = {}
        self._doubtful: dict[uuid.UUID, StoredSegment] = {}
        self._unanswered: dict[uuid.UUID, int] = {}
        self._urged: dict[uuid.UUID, float] = {}
        """Segments somebody asked for, with the time until which they go first."""
        self._chains_aside: dict[bytes, float] = {}
        self._portal_forgot = True  # perhaps: it is asked before anything is sent
        self._asked_tips_s = time.monotonic() - _ASK_TIPS_LEAST_S
        self._reported_s: dict[uuid.UUID, float] = {}
        self._uploaded_s = -_REPORT_AGAIN_S
        self._patience = Patience(weary_s=300.0)
        self._store_patience = Patience(0.5, 30.0)
        self._store_ready_s = 0.0
        self._store_refuses_fresh = False
        self._alarms = Alarms()
        self.posted = 0
        self.pace = Pace(Pacing())
        """When uploads may begin; the client keeps to the same."""

    @property
    def alarms(self) -> list[str]:
        """What a person must look at now."""
        return self._alarms.texts()

    def post_now(self) -> None:
        """The portal has news: perhaps of what was uploaded, so that is asked about again as well."""
        self._reported_s.clear()
        self._uploaded_s = -_REPORT_AGAIN_S
        self._records_due.set()

    async def urge(self, camera: uuid.UUID, from_us: int, to_us: int) -> int:
        """Somebody wants a stretch now: what waits of it goes before everything else. Returns how many segments.

        What was set aside after a failure is tried again at once.
        """
        found = await asyncio.to_thread(
            spool_index.segments_of, self._spool, camera, from_us, to_us, WAITING, _URGED_MOST
        )
        until_s = time.monotonic() + _URGED_S
        now_s = time.monotonic()
        self._urged = {segment: at for segment, at in self._urged.items() if at > now_s}
        for item in found:
            self._urged[item.segment] = until_s
            self._set_aside.pop(item.segment, None)
        self.post_now()
        self._objects_due.set()
        return len(found)

    def listen(self) -> Callable[[], None]:
        """Return what the spool calls, from its own thread, after each commit."""
        loop = asyncio.get_running_loop()

        def committed() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._records_due.set)

        return committed

    async def run(self) -> None:
        """Send until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._post_records())
            for _ in range(PUTS_AT_ONCE):
                group.create_task(self._put_objects())

    async def flush(self, timeout_s: float) -> None:
        """Post what is waiting once more before the agent stops; give up in silence after `timeout_s`: nothing is lost."""
        try:
            async with asyncio.timeout(timeout_s):
                while await self._post_once():
                    continue
        except (TimeoutError, PortalUnreachable, PortalRefused, DiskFull):
            logger.info("the portal did not take the last records: they go out at the next start")

    # Records

    async def _post_records(self) -> None:
        more = True
        while True:
            if not more:
                waits = self._uploaded_s + _REPORT_AFTER_S - time.monotonic()
                await self._wait(self._records_due, waits if waits > 0 else _REPORT_AGAIN_S)
            # Cameras close their segments at nearly the same time: one request for all of them.
            await asyncio.sleep(_GATHER_S)
            self._records_due.clear()
            try:
                # Before anything new: a new chain names the one before it, which a restored portal may have lost.
                await self._ask_tips()
                more = await self._post_once()
                self._patience.reset()
            except (PortalUnreachable, PortalRefused, DiskFull) as error:
                # A full disk among them: the reply is not kept, and the same records are sent again.
                wait_s = self._patience.after(error)
                logger.warning("no records could be sent: %s; trying again in %.0f s", error, wait_s)
                await asyncio.sleep(wait_s)
                more = True

    @staticmethod
    async def _wait(event: asyncio.Event, timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                await event.wait()
        except TimeoutError:
            return

    async def _post_once(self) -> bool:
        """Send one batch if there is anything to say. Returns whether more is waiting. Raises PortalUnreachable, PortalRefused."""
        composed = await asyncio.to_thread(self._compose)
        if composed is None:
            return False
        body = await self._cloud.post_cbor(self._route, composed.batch.encode())
        try:
            reply = BatchReply.decode(body)
        except (ProtocolError, SealingError) as error:
            raise PortalUnreachable(f"the portal's reply to the records makes no sense: {error}") from error
        if len(reply.results) != len(composed.records):
            raise PortalUnreachable(
                f"the portal answered {len(reply.results)} of {len(composed.records)} records: its release differs"
            )
        self.posted += 1
        unanswered = await self._learn(composed, reply)
        try:
            await self._news.heard(self._cloud, reply.statement_number, reply.command_number)
        except TrustBroken as error:
            logger.error("%s", error)
        # Behind those that brought no grant others may wait for one.
        return (
            len(composed.records) >= 200
            or unanswered
            or any(
                item.status is RecordStatus.REFUSED and item.error in (_MISSING_ENVELOPE, *_CHAIN_ERRORS)
                for item in reply.results
            )
        )

    async def _ask_tips(self) -> None:
        """Ask which chains the portal knows: at once where it has forgotten records, else every hour.

        A portal restored from a backup says of the chain in use that it lacks records; that it lacks those of chains which
        have ended can only be asked. A failure delays no records: it is asked again twenty seconds later.
        """
        since_s = time.monotonic() - self._asked_tips_s
        if since_s < (_ASK_TIPS_LEAST_S if self._portal_forgot else _ASK_TIPS_S):
            return
        self._asked_tips_s = time.monotonic()
        self._portal_forgot = False
        try:
            await self._news.refresh(self._cloud)
        except TrustBroken as error:
            logger.error("%s", error)
        except (PortalUnreachable, PortalRefused) as error:
            self._portal_forgot = True
            logger.warning("the portal did not say which records it has: %s", error)

    async def compare_tips(self, tips: Sequence[ChainTip]) -> None:
        """The portal says where the chains of this agent stand: what it lacks of accepted records is sent again.

        A full list (`TIPS_AT_ONCE`) names the newest chains only, so that a chain is absent from it says nothing.
        """
        known = {tip.chain: tip.seq for tip in tips}
        lacking = await asyncio.to_thread(self._lacking, known, len(tips) < TIPS_AT_ONCE)
        if not lacking:
            return

        def again(connection: sqlite3.Connection) -> None:
            for chain, seq in lacking.items():
                unsend(connection, chain, seq)
            # Its key store is another backup, of another hour: whatever envelopes are still here go up as well.
            connection.execute("UPDATE envelopes SET sent_us = NULL WHERE sent_us IS NOT NULL")

        try:
            await asyncio.wrap_future(self._spool.write(again))
        except DiskFull as error:
            self._portal_forgot = True
            logger.warning("what the portal lacks cannot be noted now and is asked for again: %s", error)
            return
        logger.warning(
            "the portal lacks records of %d chains it had accepted: they are sent again", len(lacking)
        )
        self._records_due.set()

    def _lacking(self, known: dict[bytes, int], complete: bool) -> dict[bytes, int]:
        """Return the chains with accepted records the portal lacks, and up to which seq it has them (-1: none)."""
        lacking: dict[bytes, int] = {}
        for chain, next_seq in self._spool.read("SELECT chain, next_seq FROM chains"):
            seq = known.get(chain, -1)
            if seq >= next_seq - 1 or (chain not in known and not complete):
                continue
            found = self._spool.read(
                "SELECT 1 FROM records WHERE chain = ? AND seq > ? AND state = ? LIMIT 1",
                (chain, seq, RecordState.ACKNOWLEDGED),
            )
            if found:
                lacking[chain] = seq
        return lacking

    def _compose(self) -> _Composed | None:
        """Put a batch together; None when there is nothing to say."""
        now_s = time.monotonic()
        self._chains_aside = {chain: at for chain, at in self._chains_aside.items() if at > now_s}
        envelopes = self._spool.read(
            "SELECT id, envelope FROM envelopes WHERE sent_us IS NULL ORDER BY id LIMIT ?",
            (_ENVELOPES_AT_ONCE,),
        )
        room = _BATCH_BYTES - sum(len(row[1]) + 8 for row in envelopes)
        records: list[UnsentRecord] = []
        for record in spool_index.unsent_records(self._spool, limits.BATCH_RECORDS_MAX, self._chains_aside):
            room -= len(record.record) + len(record.index_part or b"") + 16
            if room < 0:
                break
            records.append(record)
        again = self._to_ask_again(limits.BATCH_RECORDS_MAX - len(records), room)
        records += again
        reported = self._to_report(now_s)
        if not (records or envelopes) and (not reported or self._reports_can_wait()):
            return None
        unsent = tuple(Unsent(*item) for item in self._spool.unsent()[:STREAMS_MOST])
        batch = RecordsBatch(
            tuple(BatchItem(item.record, item.index_part) for item in records),
            tuple(row[1] for row in envelopes),
            tuple(Uploaded(item.segment, item.camera, item.stream) for item in reported),
            min((item.oldest_us for item in unsent), default=None),
            unsent,
        )
        return _Composed(
            batch,
            records,
            [row[0] for row in envelopes],
            [item.segment for item in reported],
            [item.segment for item in again if item.segment is not None],
        )

    def _to_ask_again(self, most: int, room: int) -> list[UnsentRecord]:
        """Return accepted records whose objects wait for a grant, newest first: sent again, they bring one."""
        if self.pace.closed:
            return []  # a grant would be over before uploads begin again
        grants = self._grants.copy()  # in a thread: the event loop adds and takes away meanwhile
        ready = sum(1 for grant in grants.values() if grant.usable)
        urged = sum(1 for segment in self._urged.copy() if segment not in grants)
        wanted = min(most, max(_GRANTS_WANTED - ready, min(urged, _GRANTS_WANTED)))
        if wanted <= 0:
            return []
        again: list[UnsentRecord] = []
        for item in self._waiting_objects():
            grant = grants.get(item.segment)
            if grant is not None and grant.usable:
                continue
            record = self._accepted_record(item.segment)
            if record is None or room < len(record.record) + 16:
                continue
            room -= len(record.record) + 16
            again.append(record)
            if len(again) >= wanted:
                break
        return again

    def _accepted_record(self, segment: uuid.UUID) -> UnsentRecord | None:
        rows = self._spool.read(
            "SELECT id, chain, seq, kind, record FROM records WHERE segment = ? AND state = ?",
            (segment.bytes, RecordState.ACKNOWLEDGED),
        )
        if not rows:
            return None
        record_id, chain, seq, kind, record = rows[0]
        return UnsentRecord(record_id, chain, seq, kind, record, None, segment, asked=True)

    def _waiting_objects(self) -> list[StoredSegment]:
        """Return accepted segments whose object is not in the store yet: what somebody asked for, then newest first."""
        now_s = time.monotonic()
        aside = {segment for segment, at in self._set_aside.copy().items() if at > now_s}
        skipped = self._in_flight.copy() | aside
        found = spool_index.segments_in(
            self._spool, [SegmentState.DECLARED], 2 * _GRANTS_WANTED + len(skipped)
        )
        waiting = [item for item in found if item.segment not in skipped]
        urged = {segment for segment, at in self._urged.copy().items() if at > now_s} - skipped
        if not urged:
            return waiting
        first = spool_index.segments_named(self._spool, urged, SegmentState.DECLARED)
        named = {item.segment for item in first}
        return first + [item for item in waiting if item.segment not in named]

    def _to_report(self, now_s: float) -> list[StoredSegment]:
        """Return uploaded segments to be confirmed: at once, and again every so often."""
        uploaded = spool_index.segments_in(self._spool, [SegmentState.UPLOADED], _REPORTED_AT_ONCE)
        uploaded += self._doubtful.copy().values()
        here = {item.segment for item in uploaded}
        self._reported_s = {segment: at for segment, at in self._reported_s.items() if segment in here}
        return [
            item for item in uploaded if now_s - self._reported_s.get(item.segment, -1e9) >= _REPORT_AGAIN_S
        ]

    def _reports_can_wait(self) -> bool:
        """Uploads are reported with the next records, or after a few seconds: a request each would double them."""
        return time.monotonic() - self._uploaded_s < _REPORT_AFTER_S

    async def _learn(self, composed: _Composed, reply: BatchReply) -> bool:
        """Take in what the portal answered. Returns whether it left open what was asked about an object."""
        now_s = time.monotonic()
        for segment in composed.reported:
            self._reported_s[segment] = now_s
        self._set_aside = {segment: at for segment, at in self._set_aside.items() if at > now_s}
        verdict = _Verdict(composed.records, reply)
        # First what makes room: on a full disk nothing else could be noted.
        await self._release(list(reply.stored))
        usable = await asyncio.wrap_future(
            self._spool.write(lambda c: self._store_verdict(c, composed, verdict, reply))
        )
        for chain in verdict.passing:
            self._chains_aside[chain] = now_s + _SET_ASIDE_S
        if verdict.portal_behind or verdict.unknown:
            self._portal_forgot = True
        asked = set(composed.asked)
        for item in verdict.accepted:
            if item.segment is not None and item.segment not in asked:
                self._alarms.clear(_keys_of(item.chain))
        for about, text in verdict.alarms:
            self._alarms.put(about, text)
        for segment in usable:
            self._grants[segment] = _Grant(reply.grants[segment], now_s)
        if len(self._grants) > 4 * _GRANTS_WANTED:
            self._grants = {key: grant for key, grant in self._grants.items() if grant.usable}
        if usable:
            self._objects_due.set()
        return self._note_unanswered(composed.asked, reply, now_s)

    def _note_unanswered(self, asked: list[uuid.UUID], reply: BatchReply, now_s: float) -> bool:
        """What brought neither a grant nor a confirmation is asked more and more rarely: it must not keep others waiting.

        So stands an object that the portal holds for missing, or whose name another one took.
        """
        for segment in (*reply.grants, *reply.stored):
            if self._unanswered.pop(segment, 0):
                self._set_aside.pop(segment, None)
        unanswered = [item for item in asked if item not in reply.grants and item not in reply.stored]
        for segment in unanswered:
            times = self._unanswered[segment] = self._unanswered.get(segment, 0) + 1
            wait_s = min(_UNANSWERED_S * 2 ** min(times - 1, 16), _UNANSWERED_MOST_S)
            self._set_aside[segment] = now_s + wait_s
        return bool(unanswered)

    def _store_verdict(
        self, connection: sqlite3.Connection, composed: _Composed, verdict: _Verdict, reply: BatchReply
    ) -> list[uuid.UUID]:
        """Note everything. Returns the segments with a grant whose objects wait here."""
        now_us = self._clock.wall_us()
        connection.executemany(
            "UPDATE envelopes SET sent_us = ? WHERE id = ?",
            [(now_us, item) for item in composed.envelope_ids],
        )
        connection.executemany(
            "UPDATE records SET state = ? WHERE id = ? AND state = 0",
            [(RecordState.ACKNOWLEDGED, item.id) for item in verdict.accepted],
        )
        spool_index.set_state(
            connection,
            [item.segment for item in verdict.accepted if item.segment is not None],
            SegmentState.DECLARED,
            [SegmentState.SEALED],
        )
        for record in verdict.without_envelope:
            self._send_envelopes_again(connection, record, verdict, set(composed.envelope_ids))
        for chain in verdict.unknown:
            if not self._send_chain_again(connection, chain):
                verdict.stuck.add(chain)
        for chain, seq in verdict.portal_behind.items():
            unsend(connection, chain, seq)
            if not is_unsent(connection, chain, seq + 1):
                verdict.stuck.add(chain)  # what comes next for the portal is not here any more
        for record, error in verdict.bad:
            refuse(connection, record.id, record.segment, error)
        for chain in verdict.stuck:
            self._leave_chain(connection, chain, verdict, reply)
        here = [
            connection.execute(
                "SELECT 1 FROM segments WHERE segment = ? AND state = ?",
                (segment.bytes, SegmentState.DECLARED),
            ).fetchone()
            for segment in reply.grants
        ]
        return [segment for segment, row in zip(reply.grants, here, strict=True) if row is not None]

    def _leave_chain(
        self, connection: sqlite3.Connection, chain: bytes, verdict: _Verdict, reply: BatchReply
    ) -> None:
        """The portal takes no more of a chain: what is left of it goes into a new one."""
        carry_over(
            connection,
            chain,
            self._sealing,
            self._clock,
            refused=[(item.record, error) for item, error in verdict.bad if item.chain == chain],
            lost_keys=verdict.lost_keys,
            portal_tip=reply.tips.get(chain),
        )

    def _send_envelopes_again(
        self, connection: sqlite3.Connection, record: UnsentRecord, verdict: _Verdict, just_sent: set[int]
    ) -> None:
        """The portal lacks envelopes of this record: all of them go up once more, if they are still here.

        A portal that forgot them after they were given away cannot be helped; one that had them all in this very batch
        does not take them, and its chain waits until a person had time to find out why.
        """
        head = parse_record(record.record).record
        if not isinstance(head, Segment):
            return
        kept = {
            part.key_id: [
                row[0]
                for row in connection.execute("SELECT id FROM envelopes WHERE key_id = ?", (part.key_id,))
            ]
            for part in head.parts
        }
        lost = {key_id for key_id, ids in kept.items() if not ids}
        ids = [item for items in kept.values() for item in items]
        if lost:
            verdict.lost_keys |= lost
            verdict.bad.append((record, _MISSING_ENVELOPE))
            verdict.stuck.add(record.chain)
        elif just_sent.issuperset(ids):
            verdict.passing.add(record.chain)
            text = (
                f"the portal does not take the keys of segment {head.segment} (camera {head.camera}): its recordings wait "
                "here and are offered again every ten minutes; the portal's audit log says what is wrong with them"
            )
            verdict.alarms.append((_keys_of(record.chain), text))
        connection.executemany("UPDATE envelopes SET sent_us = NULL WHERE id = ?", [(item,) for item in ids])

    def _send_chain_again(self, connection: sqlite3.Connection, chain: bytes) -> bool:
        """The portal does not know a chain it had accepted records of: send it from its genesis on, if that is still here.

        Otherwise what is left of it goes into a new chain. The beginnings of the chains before it go up once more as well:
        a portal restored from a backup may not know those either, and one it knows does no harm.
        """
        genesis = connection.execute(
            "SELECT state, id FROM records WHERE chain = ? AND seq = 0", (chain,)
        ).fetchone()
        unsend(connection, chain, -1)
        if genesis is None or genesis[0] != RecordState.ACKNOWLEDGED:
            return False
        connection.execute(
            "UPDATE records SET state = ? WHERE seq = 0 AND state = ? AND id < ? AND chain IN"
            " (SELECT other.chain FROM chains this JOIN chains other USING (camera, stream) WHERE this.chain = ?)",
            (RecordState.UNSENT, RecordState.ACKNOWLEDGED, genesis[1], chain),
        )
        return True

    async def _release(self, stored: list[uuid.UUID]) -> None:
        """The portal saw these objects in the store: the copies here can go."""
        if not stored:
            return

        def mark(connection: sqlite3.Connection) -> None:
            spool_index.set_state(connection, stored, SegmentState.STORED, WAITING)

        try:
            await asyncio.wrap_future(self._spool.write(mark))
            await asyncio.to_thread(self.delete_files, stored)
        except DiskFull:
            # Not even the index can grow: deleting what is safe in the store makes the room to say so.
            await asyncio.to_thread(self.delete_files, stored)
            await asyncio.wrap_future(self._spool.write(mark))
        await asyncio.wrap_future(
            self._spool.write(
                lambda c: spool_index.set_state(c, stored, SegmentState.RELEASED, [SegmentState.STORED])
            )
        )
        for segment in stored:
            self._forget(segment)

    def _forget(self, segment: uuid.UUID) -> None:
        """Nothing is to be done about this segment any more."""
        self._grants.pop(segment, None)
        self._doubtful.pop(segment, None)
        self._unanswered.pop(segment, None)
        self._set_aside.pop(segment, None)
        self._urged.pop(segment, None)
        self._alarms.clear(_upload_of(segment))

    def under_way(self) -> set[uuid.UUID]:
        """Segments whose object goes up at this moment."""
        return self._in_flight.copy()

    def delete_files(self, segments: list[uuid.UUID]) -> None:
        """Delete sealed files and give their room back. One the disk does not let go of is tried again at the next start."""
        for segment in segments:
            rows = self._spool.read("SELECT camera, stream FROM segments WHERE segment = ?", (segment.bytes,))
            if not rows:
                continue
            path = self._spool.object_path(uuid.UUID(bytes=rows[0][0]), rows[0][1], segment)
            try:
                size = path.stat().st_size
                path.unlink()
            except FileNotFoundError:
                continue
            except OSError as error:
                logger.warning("the file of segment %s cannot be deleted now: %s", segment, error)
                continue
            self._spool.room.give(size)

    # Objects

    async def _put_objects(self) -> None:
        while True:
            wait_s = self._store_ready_s - time.monotonic()
            if wait_s > 0:
                await asyncio.sleep(wait_s)
            if self.pace.closed:
                await asyncio.sleep(LOOK_S)
                continue
            item = await asyncio.to_thread(self._take_object)
            if item is None:
                self._objects_due.clear()
                await self._wait(self._objects_due, _REPORT_AGAIN_S)
                continue
            try:
                await self._put(item)
            except DiskFull as error:
                logger.warning("an upload could not be noted and is repeated: %s", error)
                self._store_ready_s = time.monotonic() + 5.0
            finally:
                self._in_flight.discard(item.segment)

    def _take_object(self) -> StoredSegment | None:
        """Return the newest segment with a grant, marked as under way."""
        for item in self._waiting_objects():
            grant = self._grants.get(item.segment)
            if grant is not None and grant.usable and item.segment not in self._in_flight:
                self._in_flight.add(item.segment)
                return item
        return None

    async def _put(self, item: StoredSegment) -> None:
        path = self._spool.object_path(item.camera, item.stream, item.segment)
        granted = self._grants.get(item.segment)
        if granted is None:
            return  # it went out of use just now
        grant = granted.grant
        try:
            if path.stat().st_size < item.size:
                raise FileNotFoundError(path)
            outcome = await self._cloud.put(grant.url, grant.headers, path, item.size)
        except FileNotFoundError:
            await self._declare_damaged(item)
            return
        except TransferBroken as error:
            # Perhaps the object is there and the store would not read it again: have the portal look.
            pause_s = self._store_patience.after(error)
            self._store_ready_s = time.monotonic() + min(pause_s, _LOOK_PAUSE_S)
            self._set_aside[item.segment] = time.monotonic() + _LOOK_S
            self._doubtful[item.segment] = item
            self._uploaded_s = time.monotonic()
            self._records_due.set()
            logger.warning("%s; the portal is asked whether segment %s is there", error, item.segment)
            return
        except StoreUnreachable as error:
            pause_s = self._store_patience.after(error)
            self._store_ready_s = time.monotonic() + pause_s
            logger.warning("%s; trying again in %.0f s", error, pause_s)
            return
        except (StoreRefused, OSError) as error:
            self._grants.pop(item.segment, None)
            # The store may have compared the bytes with the record's sum, and the disk may not give them back.
            if await asyncio.to_thread(self._is_damaged, item, path):
                await self._declare_damaged(item)
                return
            self._set_aside[item.segment] = time.monotonic() + _SET_ASIDE_S
            self._alarms.put(
                _upload_of(item.segment),
                f"segment {item.segment} could not be uploaded and waits ten minutes: {error}",
            )
            return
        self._grants.pop(item.segment, None)
        self._alarms.clear(_upload_of(item.segment))
        if outcome is PutOutcome.EXPIRED:
            self._grant_over(granted)
            return
        self._doubtful.pop(item.segment, None)
        self._store_patience.reset()
        self._store_refuses_fresh = False
        self._alarms.clear(_STORE_GRANTS)
        await asyncio.wrap_future(
            self._spool.write(
                lambda c: spool_index.set_state(
                    c, [item.segment], SegmentState.UPLOADED, [SegmentState.DECLARED]
                )
            )
        )
        if not self._reports_can_wait():
            self._uploaded_s = time.monotonic()
            self._records_due.set()  # so that its wait is cut to the time of the report

    def _grant_over(self, granted: _Grant) -> None:
        """Ask for another grant; where the store refuses even new ones, more and more rarely."""
        self._records_due.set()
        if not granted.fresh:
            return
        error = StoreUnreachable(
            "the object store refuses grants that were made just now: its clock or the portal's, or the keys the portal "
            "signs them with, are wrong; recordings wait here meanwhile"
        )
        pause_s = self._store_patience.after(error)
        self._store_ready_s = time.monotonic() + pause_s
        if not self._store_refuses_fresh:
            self._store_refuses_fresh = True
            self._alarms.put(_STORE_GRANTS, str(error))
        logger.warning("the store refused a new grant; trying again in %.0f s", pause_s)

    def _is_damaged(self, item: StoredSegment, path: Path) -> bool:
        """Read a sealed file once more: whether its bytes are lost or are not those the record speaks of."""
        rows = self._spool.read("SELECT record FROM records WHERE segment = ?", (item.segment.bytes,))
        record = parse_record(rows[0][0]).record if rows else None
        if not isinstance(record, Segment):
            return False
        crc, left = 0, record.size
        try:
            with path.open("rb") as file:
                while left and (piece := file.read(min(_READ_BYTES, left))):
                    crc, left = crc32c(piece, crc), left - len(piece)
        except FileNotFoundError:
            return True
        except OSError as error:
            return error.errno in _UNREADABLE
        return left > 0 or crc != record.crc32c

    async def _declare_damaged(self, item: StoredSegment) -> None:
        """The sealed file is not what was written: say so in the chain, once, and give its room back."""

        def declare(connection: sqlite3.Connection) -> bool:
            changed = connection.execute(
                "UPDATE segments SET state = ?, changed_us = ? WHERE segment = ? AND state = ?",
                (SegmentState.MISSING, self._clock.wall_us(), item.segment.bytes, SegmentState.DECLARED),
            ).rowcount
            if changed == 0:
                return False  # the portal has seen it in the store meanwhile
            self._say_lost(connection, item)
            return True

        if not await asyncio.wrap_future(self._spool.write(declare)):
            return
        self._forget(item.segment)
        self._alarms.put(
            _upload_of(item.segment),
            f"segment {item.segment} is damaged on this disk: its time is declared as a gap",
        )
        self._records_due.set()
        await asyncio.to_thread(self.delete_files, [item.segment])

    def _say_lost(self, connection: sqlite3.Connection, item: StoredSegment) -> None:
        encoded = connection.execute(
            "SELECT record FROM records WHERE segment = ?", (item.segment.bytes,)
        ).fetchone()[0]
        reason, detail = GapReason.SEALED_DATA_DAMAGED, f"segment {item.segment}"
        declare_lost(connection, item, encoded, reason, detail, self._sealing, self._clock)

    async def keep_house(self) -> None:
        """Now and then: forget what is old, and doubt uploads that nobody confirmed. Runs until cancelled."""
        while True:
            now_us = self._clock.wall_us()

            def tidy(connection: sqlite3.Connection, now_us: int = now_us) -> None:
                spool_index.prune(connection, now_us)
                doubt_unconfirmed(connection, now_us)

            try:
                await asyncio.wrap_future(self._spool.write(tidy))
                await self._drop_refused(now_us)
            except DiskFull as error:
                logger.warning("the spool could not be tidied: %s", error)
            await asyncio.sleep(60)

    async def _drop_refused(self, now_us: int) -> None:
        """Delete sealed files of segments that were refused for good, whose time is declared as a gap: after 30 days, or as
        soon as recording needs their room. Raises DiskFull."""
        refused = await asyncio.to_thread(
            spool_index.segments_in,
            self._spool,
            [SegmentState.REFUSED],
            _REPORTED_AT_ONCE,
            newest_first=False,
        )
        kept_us = now_us - spool_index.KEEP_ACKNOWLEDGED_DAYS * 86_400_000_000
        if self._spool.room.may_record():
            refused = [item for item in refused if item.changed_us < kept_us]
        if not refused:
            return
        gone = [item.segment for item in refused]
        await asyncio.to_thread(self.delete_files, gone)
        await asyncio.wrap_future(
            self._spool.write(
                lambda c: spool_index.set_state(c, gone, SegmentState.MISSING, [SegmentState.REFUSED])
            )
        )


def doubt_unconfirmed(connection: sqlite3.Connection, now_us: int) -> None:
    """Have uploads that nobody confirmed for minutes made again."""
    connection.execute(
        "UPDATE segments SET state = ?, changed_us = ? WHERE state = ? AND changed_us < ?",
        (SegmentState.DECLARED, now_us, SegmentState.UPLOADED, now_us - int(_UNCONFIRMED_S * 1e6)),
    )


def _keys_of(chain: bytes) -> str:
    """What the alarm about keys the portal does not take is about."""
    return f"keys {chain.hex()}"


def _upload_of(segment: uuid.UUID) -> str:
    """What the alarm about a segment that cannot be uploaded is about."""
    return f"upload {segment}"


class _Verdict:
    """What a reply means for the records of its batch."""

    def __init__(self, records: list[UnsentRecord], reply: BatchReply) -> None:
        self.accepted: list[UnsentRecord] = []
        self.without_envelope: list[UnsentRecord] = []
        self.bad: list[tuple[UnsentRecord, str]] = []
        self.stuck: set[bytes] = set()
        self.passing: set[bytes] = set()
        self.portal_behind: dict[bytes, int] = {}
        self.unknown: set[bytes] = set()
        self.lost_keys: set[bytes] = set()
        self.alarms: list[tuple[str, str]] = []
        """What each is about, and its text."""
        self._troubled: set[bytes] = set()
        for record, result in zip(records, reply.results, strict=True):
            if result.status in (RecordStatus.ACCEPTED, RecordStatus.KNOWN):
                self.accepted.append(record)
            elif record.chain not in self._troubled:
                self._troubled.add(record.chain)
                self._refused(record, result, reply)

    def _refused(self, record: UnsentRecord, result: ItemResult, reply: BatchReply) -> None:
        """Judge the first refusal of a chain; those behind it follow from it."""
        error = result.error or "refused"
        if record.asked and error in _INCOMPLETE_ERRORS:
            # It was accepted before, so the portal has forgotten it; the whole of it may well be here.
            self.portal_behind[record.chain] = record.seq - 1
            return
        if error == _MISSING_ENVELOPE:
            self.without_envelope.append(record)
            return
        if error == _OUT_OF_ORDER:
            tip = reply.tips.get(record.chain)
            self.portal_behind[record.chain] = tip[0] if tip is not None else -1
            return
        text = f"the portal refused record {record.seq} of chain {record.chain.hex()}: {error}"
        self.alarms.append((f"chain {record.chain.hex()}", text))
        if error in _PASSING_ERRORS:
            self.passing.add(record.chain)
            return
        if error == _NO_GENESIS:
            self.unknown.add(record.chain)
            return
        if error not in _CHAIN_ERRORS:
            self.bad.append((record, error))
        self.stuck.add(record.chain)
