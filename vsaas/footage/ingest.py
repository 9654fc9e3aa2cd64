"""Taking in a batch of records (SPEC 4, "Acceptance"; `protocol.batch`).

1. `examine` checks each record by itself: form, tenant, agent's key, signature, index part. No database, so the
   expensive part holds no locks.
2. `take_in` stores the envelopes, decides along each chain what is new, known or refused, and writes. The heads of
   the chains move by one conditional UPDATE; when another batch moved one in between, everything is decided again.
3. The reply carries upload grants for what is not stored yet. A refused record never harms its neighbours: those
   of other chains are taken, those behind it in its own chain are told where the chain stands.
"""

import base64
import datetime
import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection, transaction

from protocol.batch import BatchItem, BatchReply, ItemResult, PutGrant, RecordFlag, RecordsBatch, RecordStatus
from protocol.limits import GRANT_PUT_SECONDS, SEGMENT_OBJECT_BYTES_MAX
from protocol.states import SegmentState
from sealing.chain import UNPLACED, Accepted, Known, Refused, Tip, accept, flags
from sealing.errors import BadIndex, Fork, SealingError, WrongRoot, WrongScope
from sealing.ids import ClockSource, GapReason, RecordKind
from sealing.merkle import leaf_hashes, merkle_root
from sealing.names import object_name
from sealing.record import Event, Gap, Genesis, Record, Segment, SignedRecord, check_record, parse_record
from tenants.ids import uuid7
from tenants.scope import current_tenant_id
from vsaas.audit import services as audit
from vsaas.audit.acts import Act
from vsaas.common.errors import Conflict
from vsaas.common.object_store import ObjectStore
from vsaas.footage import acts, findings, stored, write
from vsaas.footage.chains import mismatch, newest_chains
from vsaas.footage.models import ADOPTED, Chain, FindingKind
from vsaas.footage.neighbours import mark_overlaps
from vsaas.footage.times import DAY_US, day_of, day_start_us, hour_start_us
from vsaas.keys import services as keys
from vsaas.keys.errors import EnvelopeRefused

ATTEMPTS = 5
NO_FLAGS = RecordFlag(0)
LONGEST_GAP_DAYS = 400
LATEST_DAYS = 400
"""A record that claims to be older when it comes was signed by a clock that was not set."""
BACKLOG_US = DAY_US
"""How far an unsynchronised clock may lie behind before its footage is kept from the day it came."""
MISSING_ENVELOPE = "missing-envelope"
_TELLS_OF_SEGMENT = {
    GapReason.SEALED_DATA_DAMAGED: "segment ",
    GapReason.DISK_FULL: "given up: segment ",
}
"""What the detail of a gap begins with that stands for a segment which will not come."""


class ChainMoved(Exception):
    """Another batch moved the head of a chain while this one was being decided."""


@dataclass(frozen=True)
class Sender:
    """Who sent the batch: an agent with the names of the cameras registered on it.

    `record_public`: its record key in force (32 bytes). `former`: by key id, those before, until all they signed is here."""

    tenant: uuid.UUID
    agent: uuid.UUID
    name: str
    record_public: bytes
    cameras: dict[uuid.UUID, str]
    former: dict[bytes, bytes] = field(default_factory=dict)
    adopted: bool = False
    """Another agent brings them, which took the place of this one and has its disk."""
    revoked_us: int | None = None

    @property
    def who(self) -> audit.Who:
        return audit.agent(self.agent, self.name)

    def signer_of(self, record: SignedRecord) -> bytes:
        """The record key that a record must hold under."""
        return self.former.get(record.signed.kid, self.record_public)


@dataclass
class Examined:
    """One item of a batch on its way: `record` when its signature held, else `error`."""

    item: BatchItem
    record: SignedRecord | None = None
    error: SealingError | None = None
    error_name: str | None = None
    status: RecordStatus = RecordStatus.REFUSED
    flags: RecordFlag = NO_FLAGS
    stored_hash: bytes | None = None
    state: int = 0
    segment: Segment | None = None

    def refuse(self, error: SealingError) -> None:
        self.error, self.error_name = error, error.name
        self.status = RecordStatus.REFUSED

    @property
    def unplaced(self) -> bool:
        return RecordFlag.UNPLACED in self.flags

    def result(self) -> ItemResult:
        return ItemResult(self.status, self.error_name, self.flags)


def examine(batch: RecordsBatch, sender: Sender) -> list[Examined]:
    """Each record by itself, in order. Raises nothing: what is wrong stands in the item."""
    return [_examine_one(item, sender) for item in batch.items]


def _examine_one(item: BatchItem, sender: Sender) -> Examined:
    examined = Examined(item)
    try:
        record = parse_record(item.record)
        check_record(record, sender.signer_of(record))
        _check_scope(record, sender)
        if isinstance(record.record, Segment) and item.index_part is not None:
            _check_index_part(record.record, item.index_part)
    except SealingError as error:
        examined.refuse(error)
    else:
        examined.record = record
        examined.segment = record.record if isinstance(record.record, Segment) else None
    return examined


def _check_scope(signed: SignedRecord, sender: Sender) -> None:
    record = signed.record
    if record.tenant != sender.tenant or record.camera not in sender.cameras:
        raise WrongScope(f"camera {record.camera} is not one of this agent's")
    own = (sender.agent, sender.signer_of(signed))
    if isinstance(record, Genesis) and (record.agent, record.record_public) != own:
        raise WrongScope("the genesis names another agent or key")


def _check_index_part(segment: Segment, index_part: bytes) -> None:
    if len(index_part) != segment.index.sealed_length:
        raise BadIndex(
            f"the index part has {len(index_part)} bytes, the record says {segment.index.sealed_length}"
        )
    if merkle_root(leaf_hashes(index_part)) != segment.index.root:
        raise WrongRoot("the index part does not have the root in the record")


def take_in(
    sender: Sender, batch: RecordsBatch, examined: list[Examined], store: ObjectStore, received_us: int
) -> BatchReply:
    """Stores what is new and answers; inside the tenant's scope, key store included."""
    _store_envelopes(sender, batch.envelopes)
    for attempt in range(ATTEMPTS):
        try:
            with transaction.atomic():
                decision = _Decision(sender, examined, received_us)
                decision.decide()
                decision.store()
            break
        except ChainMoved as moved:
            if attempt == ATTEMPTS - 1:
                raise Conflict(
                    "other batches of this agent kept moving its chains: send this one again"
                ) from moved
    if not sender.adopted:
        # Its successor records the same streams, and tells of those what it holds itself.
        stored.set_oldest_unsent(sender.cameras, batch.oldest_unsent_us, batch.unsent)
    decision.report()
    confirmed = stored.uploads_reported(sender.cameras, batch.uploaded, adopted=sender.adopted)
    return BatchReply(
        results=tuple(item.result() for item in examined),
        grants=_grants(sender.tenant, examined, store),
        stored=sorted(confirmed | decision.known_stored),
        tips={chain: (tip.seq, tip.hash) for chain, tip in decision.tips.items()},
    )


def _store_envelopes(sender: Sender, envelopes: Sequence[bytes]) -> None:
    """Keeps the envelopes of this agent's cameras; a bad one only costs the records that need its key."""
    own = [envelope for envelope in envelopes if _is_own(sender, envelope)]
    try:
        with transaction.atomic(using="keys"):
            keys.store_envelopes(sender.tenant, own)
        return
    except EnvelopeRefused:
        pass  # find out below which one it was
    for envelope in own:
        try:
            with transaction.atomic(using="keys"):
                keys.store_envelopes(sender.tenant, [envelope])
        except EnvelopeRefused as error:
            _note_refused(sender, "wrong-envelope", str(error))


def _is_own(sender: Sender, envelope: bytes) -> bool:
    try:
        own = keys.envelope_camera(envelope) in sender.cameras
    except EnvelopeRefused as error:
        _note_refused(sender, "wrong-envelope", str(error))
        return False
    if not own:
        _note_refused(sender, "wrong-scope", "an envelope names a camera that is not one of this agent's")
    return own


def _note_refused(
    sender: Sender, name: str, detail: str, camera: uuid.UUID | None = None, count: int = 1
) -> None:
    subject = f"{sender.agent}/{name}"
    if findings.note(
        FindingKind.RECORD_REFUSED, subject, detail, agent=sender.agent, camera=camera, count=count
    ):
        audit.record_act(acts.RECORD_REFUSED, sender.who, why=f"{name}: {detail}")


@dataclass
class _Decision:
    """What becomes of a batch, decided along its chains and then written in one go."""

    sender: Sender
    examined: list[Examined]
    received_us: int
    tips: dict[bytes, Tip] = field(default_factory=dict)
    known_stored: set[uuid.UUID] = field(default_factory=set)
    mismatches: list[tuple[Genesis, str]] = field(default_factory=list)
    _chains: dict[bytes, Chain] = field(default_factory=dict)
    _old_tips: dict[bytes, Tip] = field(default_factory=dict)
    _new_chains: dict[bytes, Genesis] = field(default_factory=dict)
    _accepted: list[Examined] = field(default_factory=list)
    _hashes: dict[tuple[bytes, int], bytes] = field(default_factory=dict)
    _forked: set[bytes] = field(default_factory=set)

    def decide(self) -> None:
        """Fills in every item's result."""
        live = [item for item in self.examined if item.record is not None]
        self._load_chains({item.record.record.chain for item in live if item.record})
        self._load_known(live)
        self._key_ids = keys.known_key_ids(
            self.sender.tenant,
            {part.key_id for item in live if item.segment for part in item.segment.parts},
        )
        self._newest = newest_chains(
            self.sender.agent,
            {
                item.record.record.camera
                for item in live
                if item.record and isinstance(item.record.record, Genesis)
            },
        )
        for item in live:
            self._decide_one(item)
        mark_overlaps([item for item in self._accepted if item.segment])

    def _load_chains(self, wanted: Iterable[bytes]) -> None:
        rows = Chain.objects.filter(chain__in=[uuid.UUID(bytes=chain) for chain in wanted])
        self._chains = {row.chain.bytes: row for row in rows}
        self._old_tips = {
            chain: Tip(chain, row.head_seq, bytes(row.head_hash)) for chain, row in self._chains.items()
        }
        self.tips = dict(self._old_tips)

    def _load_known(self, live: list[Examined]) -> None:
        """Hashes and states of records that may be here already."""
        maybe: dict[tuple[bytes, int], list[Examined]] = defaultdict(list)
        for item in live:
            assert item.record is not None
            head = item.record.record
            if head.chain in self._old_tips and head.seq <= self._old_tips[head.chain].seq:
                maybe[(head.chain, head.seq)].append(item)
        if not maybe:
            return
        for chain, seq, digest, state in stored_records(
            maybe, {_sort_us(item, self.received_us) for item in live}
        ):
            for item in maybe[(chain, seq)]:
                item.stored_hash, item.state = digest, state

    def _decide_one(self, item: Examined) -> None:
        record = item.record
        assert record is not None
        head = record.record
        try:
            self._check_chain(record)
            # The same seq may stand earlier in this very batch, where the database does not know it yet.
            known_hash = item.stored_hash or self._hashes.get((head.chain, head.seq))
            outcome = accept(self.tips.get(head.chain), record, known_hash)
            if isinstance(outcome, Refused):
                raise outcome.error
        except SealingError as error:
            item.refuse(error)
            if isinstance(error, Fork):
                self._forked.add(head.chain)
            return
        if isinstance(outcome, Known):
            self._known(item)
        elif self._complete(item):
            self._accept(item, outcome)

    def _check_chain(self, record: SignedRecord) -> None:
        head, signer = record.record, self.sender.signer_of(record)
        row = self._chains.get(head.chain)
        if row is not None:
            scope = (row.agent_id, row.camera_id, row.stream, bytes(row.record_public))
            if scope != (self.sender.agent, head.camera, head.stream, signer):
                raise WrongScope("the chain belongs to another agent, camera, stream or key")
        genesis = self._new_chains.get(head.chain)
        if genesis is not None and (genesis.camera, genesis.stream, genesis.record_public) != (
            head.camera,
            head.stream,
            signer,
        ):
            raise WrongScope("the chain belongs to another camera, stream or key")

    def _known(self, item: Examined) -> None:
        item.status, item.error, item.error_name = RecordStatus.KNOWN, None, None
        item.flags = NO_FLAGS
        segment = item.segment
        if segment is None:
            return
        item.state = item.state or SegmentState.DECLARED
        if item.state in (SegmentState.STORED, SegmentState.DELETED):
            self.known_stored.add(segment.segment)

    def _complete(self, item: Examined) -> bool:
        """Whether a segment comes with what makes it readable: its index part and the envelopes of its keys."""
        segment = item.segment
        if segment is None:
            return True
        if item.item.index_part is None:
            item.refuse(BadIndex("the segment's index part did not come with its record"))
            return False
        if any(part.key_id not in self._key_ids for part in segment.parts):
            item.status, item.error, item.error_name = RecordStatus.REFUSED, None, MISSING_ENVELOPE
            return False
        return True

    def _accept(self, item: Examined, outcome: Accepted) -> None:
        assert item.record is not None
        head = item.record.record
        item.status, item.error, item.error_name = RecordStatus.ACCEPTED, None, None
        item.flags = RecordFlag.UNPLACED if _unplaced(head, self.received_us) else NO_FLAGS
        item.state = SegmentState.DECLARED if item.segment else 0
        self.tips[head.chain] = outcome.tip
        self._hashes[(head.chain, head.seq)] = item.record.hash
        if isinstance(head, Genesis):
            newest = self._newest.get((head.camera, head.stream))
            why = mismatch(head, self._tip(newest) if newest else None)
            if why:
                self.mismatches.append((head, why))
            self._newest[(head.camera, head.stream)] = head.chain
            self._new_chains[head.chain] = head
        self._accepted.append(item)

    def _tip(self, chain: bytes) -> Tip | None:
        if chain not in self.tips:
            row = Chain.objects.filter(chain=uuid.UUID(bytes=chain)).get()
            return Tip(chain, row.head_seq, bytes(row.head_hash))
        return self.tips[chain]

    def store(self) -> None:
        """Moves the heads first: that claims the chains, or raises ChainMoved before anything else is written."""
        if self._forked:
            Chain.objects.filter(chain__in=[uuid.UUID(bytes=chain) for chain in self._forked]).update(
                forked=True
            )
        if not self._accepted:
            return
        self._write_chains()
        rows: list[write.Row] = []
        bodies: list[write.Body] = []
        hours: dict[tuple[uuid.UUID, int, int], write.HourChange] = defaultdict(write.HourChange)
        newest: dict[tuple[uuid.UUID, int], tuple[int | None, write.Row]] = {}
        for item in self._accepted:
            item_rows = _rows(item, self.received_us, ADOPTED if self.sender.adopted else 0)
            rows.extend(item_rows)
            bodies.append(_body(item, item_rows[0]))
            self._sum_up(item, item_rows[-1], hours, newest)
        write.insert_records(rows, bodies)
        write.add_hours(hours)
        write.set_status(newest)
        for item in self._accepted:
            self._note_damaged(item)

    def _note_damaged(self, item: Examined) -> None:
        """A gap for a sealed segment that was damaged or given up on the agent: its object will not come any more."""
        gap = item.record.record if item.record else None
        if not isinstance(gap, Gap) or gap.reason not in _TELLS_OF_SEGMENT or item.unplaced:
            return
        hours = {hour_start_us(gap.start_us), hour_start_us(max(gap.start_us, gap.end_us - 1))}
        for hour_us in hours:
            where = stored.Hour(gap.camera, int(gap.stream), hour_us)
            damaged = [
                segment
                for segment in stored.declared_in(where, [SegmentState.DECLARED])
                if gap.detail == f"{_TELLS_OF_SEGMENT[gap.reason]}{segment.segment}"
            ]
            stored.mark(where, damaged, SegmentState.MISSING)

    def _sum_up(
        self,
        item: Examined,
        row: write.Row,
        hours: dict[tuple[uuid.UUID, int, int], write.HourChange],
        newest: dict[tuple[uuid.UUID, int], tuple[int | None, write.Row]],
    ) -> None:
        if row.kind == RecordKind.EVENT:
            return  # says nothing of the stream's footage
        stream = (row.camera, row.stream)
        reached = newest.get(stream, (None, row))[0]
        segment = item.segment
        if segment is not None:
            hours[(*stream, hour_start_us(row.start_us))].add(
                row,
                {part.key_id for part in segment.parts},
                pending=item.state == SegmentState.DECLARED,
                from_receipt=item.unplaced or _clock_doubtful(segment, self.received_us),
            )
            if not item.unplaced:
                reached = max(reached or 0, row.end_us)
        newest[stream] = (reached, row)

    def _write_chains(self) -> None:
        for position, (chain, genesis) in enumerate(self._new_chains.items()):
            self._insert_chain(chain, genesis, self.received_us + position)
        moved = [tip for chain, tip in self._old_tips.items() if self.tips[chain] != tip]
        if not moved:
            return
        with connection.cursor() as cursor:
            cursor.execute(
                """
                UPDATE footage_chain c SET head_seq = v.new_seq, head_hash = v.new_hash
                FROM unnest(%s::uuid[], %s::bigint[], %s::bytea[], %s::bigint[], %s::bytea[])
                    v(chain, old_seq, old_hash, new_seq, new_hash)
                WHERE c.tenant_id = %s AND c.chain = v.chain AND c.head_seq = v.old_seq AND c.head_hash = v.old_hash
                """,
                [
                    [uuid.UUID(bytes=tip.chain) for tip in moved],
                    [tip.seq for tip in moved],
                    [tip.hash for tip in moved],
                    [self.tips[tip.chain].seq for tip in moved],
                    [self.tips[tip.chain].hash for tip in moved],
                    current_tenant_id(),
                ],
            )
            if cursor.rowcount != len(moved):
                raise ChainMoved

    def _insert_chain(self, chain: bytes, genesis: Genesis, opened_us: int) -> None:
        tip = self.tips[chain]
        with connection.cursor() as cursor:
            cursor.execute(
                """
                INSERT INTO footage_chain (id, tenant_id, agent_id, camera_id, stream, chain, record_public, head_seq,
                    head_hash, forked, opened_us, genesis_reason)
                VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, false, %s, %s) ON CONFLICT DO NOTHING
                """,
                [
                    uuid7(),
                    current_tenant_id(),
                    self.sender.agent,
                    genesis.camera,
                    int(genesis.stream),
                    uuid.UUID(bytes=chain),
                    genesis.record_public,
                    tip.seq,
                    tip.hash,
                    opened_us,
                    genesis.reason,
                ],
            )
            if cursor.rowcount != 1:
                raise ChainMoved

    def report(self) -> None:
        """Findings and audit entries for what people should know."""
        for genesis, why in self.mismatches:
            self._alarm(FindingKind.TIP_MISMATCH, acts.TIP_MISMATCH, genesis, why)
        odd: dict[tuple[FindingKind, uuid.UUID], int] = defaultdict(int)
        refused: dict[str, list[Examined]] = defaultdict(list)
        for item in self.examined:
            if isinstance(item.error, Fork) and item.record:
                self._alarm(FindingKind.FORK, acts.FORK, item.record.record, str(item.error))
            elif item.status is RecordStatus.REFUSED and item.error_name not in (None, "out-of-order"):
                refused[item.error_name or ""].append(item)
            if item.flags and item.status is RecordStatus.ACCEPTED and item.record:
                for flag, kind in _FLAG_FINDINGS.items():
                    if flag in item.flags:
                        odd[(kind, item.record.record.camera)] += 1
        for camera in self._signed_too_late():
            odd[(FindingKind.AFTER_REVOCATION, camera)] += 1
        for (kind, camera), count in odd.items():
            findings.note(kind, str(camera), kind.label, camera=camera, agent=self.sender.agent, count=count)
        for name, items in refused.items():
            first = items[0]
            camera = first.record.record.camera if first.record else None
            _note_refused(self.sender, name, str(first.error or name), camera=camera, count=len(items))

    def _signed_too_late(self) -> list[uuid.UUID]:
        """The cameras of accepted records that state they were signed after the agent was revoked, one for each: no statement
        vouches for them."""
        revoked_us = self.sender.revoked_us
        accepted = [
            item.record.record
            for item in self.examined
            if item.record is not None and item.status is RecordStatus.ACCEPTED
        ]
        return [
            record.camera
            for record in accepted
            if revoked_us is not None and record.stamp.claimed_us > revoked_us
        ]

    def _alarm(self, kind: FindingKind, act: Act, record: Record, why: str) -> None:
        chain = record.chain.hex()
        if findings.note(kind, f"chain {chain}", why, camera=record.camera, agent=self.sender.agent):
            camera = audit.What("camera", str(record.camera), self.sender.cameras[record.camera])
            audit.record_act(act, self.sender.who, camera, chain=chain, seq=record.seq, why=why)


_FLAG_FINDINGS = {
    RecordFlag.UNPLACED: FindingKind.UNPLACED,
    RecordFlag.OVERLAP: FindingKind.OVERLAP,
    RecordFlag.SEGMENT_REPEATED: FindingKind.SEGMENT_REPEATED,
}


def stored_records(
    wanted: Iterable[tuple[bytes, int]], near_us: Iterable[int]
) -> list[tuple[bytes, int, bytes, int]]:
    """(chain, seq, hash, state) of those records that are here. Looks into the days of `near_us` first, and into all
    partitions only for what it did not find there (a record that was unplaced when it came)."""
    left = set(wanted)
    found: list[tuple[bytes, int, bytes, int]] = []
    for days in (sorted({day_of(us) for us in near_us}), None):
        if left:
            rows = _stored_records(sorted(left), days)
            found.extend(rows)
            left -= {(chain, seq) for chain, seq, _, _ in rows}
    return found


def _stored_records(
    wanted: Sequence[tuple[bytes, int]], days: Sequence[datetime.date] | None
) -> list[tuple[bytes, int, bytes, int]]:
    condition = "" if days is None else "AND r.day = ANY(%s::date[])"
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT DISTINCT ON (r.chain, r.seq) r.chain, r.seq, r.hash, r.state
            FROM unnest(%s::uuid[], %s::bigint[]) k(chain, seq)
            JOIN footage_record r ON r.chain = k.chain AND r.seq = k.seq
            WHERE r.tenant_id = %s {condition}
            ORDER BY r.chain, r.seq
            """,  # noqa: S608  one of two constants
            [
                [uuid.UUID(bytes=chain) for chain, _ in wanted],
                [seq for _, seq in wanted],
                current_tenant_id(),
                *([] if days is None else [list(days)]),
            ],
        )
        return [(chain.bytes, seq, bytes(digest), state) for chain, seq, digest, state in cursor.fetchall()]


def _unplaced(head: Record, received_us: int) -> bool:
    if UNPLACED in flags(head, received_us):
        return True
    if head.stamp.claimed_us < received_us - LATEST_DAYS * DAY_US:
        return True
    return isinstance(head, Gap) and head.end_us - head.start_us > LONGEST_GAP_DAYS * DAY_US


def _clock_doubtful(head: Record, received_us: int) -> bool:
    """Whether retention must not trust the record's own time: a slow clock would have footage deleted as it comes."""
    trusted = head.stamp.source in (ClockSource.SYSTEM_SYNCHRONISED, ClockSource.PORTAL)
    return not trusted and head.stamp.claimed_us < received_us - BACKLOG_US


def _span(head: Record) -> tuple[int, int]:
    if isinstance(head, Segment | Gap | Event):
        return head.start_us, head.end_us
    return head.stamp.claimed_us, head.stamp.claimed_us


def _sort_us(item: Examined, received_us: int) -> int:
    """The instant that decides the partition: the record's own time, or that of receipt when it cannot be right."""
    assert item.record is not None
    head = item.record.record
    return received_us if _unplaced(head, received_us) else _span(head)[0]


def _rows(item: Examined, received_us: int, brought: int) -> list[write.Row]:
    """`brought`: ADOPTED or 0. One row, or for a gap across midnights one per day, so that each day's partition knows of it."""
    assert item.record is not None
    head = item.record.record
    start, end = _span(head)
    pieces = [(start, end)]
    if isinstance(head, Gap) and not item.unplaced:
        pieces = _by_day(start, end)
    segment = item.segment
    continues = segment.continuation_of if segment else None
    return [
        write.Row(
            sort_us=received_us if item.unplaced else piece_start,
            camera=head.camera,
            stream=int(head.stream),
            chain=uuid.UUID(bytes=head.chain),
            seq=head.seq,
            kind=int(head.kind),
            state=int(item.state),
            flags=int(item.flags) | brought,
            placed=not item.unplaced,
            reason=_reason(head),
            start_us=piece_start,
            end_us=piece_end,
            segment=segment.segment if segment else None,
            run=uuid.UUID(bytes=segment.run) if segment else None,
            continues=continues,
            size_bytes=segment.size if segment else None,
            crc32c=segment.crc32c.to_bytes(4, "big") if segment else None,
            claimed_us=head.stamp.claimed_us,
            received_us=received_us,
            hash=item.record.hash,
        )
        for piece_start, piece_end in pieces
    ]


def _reason(head: Record) -> int | None:
    if isinstance(head, Event):
        return head.type
    return head.reason if isinstance(head, Gap) else None


def _by_day(start_us: int, end_us: int) -> list[tuple[int, int]]:
    pieces = []
    while start_us < end_us:
        midnight = day_start_us(start_us) + DAY_US
        pieces.append((start_us, min(midnight, end_us)))
        start_us = midnight
    return pieces or [(start_us, end_us)]


def _body(item: Examined, row: write.Row) -> write.Body:
    assert item.record is not None
    is_segment = item.record.record.kind is RecordKind.SEGMENT
    return write.Body(
        row.sort_us, row.chain, row.seq, item.item.record, item.item.index_part if is_segment else None
    )


def _grants(tenant: uuid.UUID, examined: list[Examined], store: ObjectStore) -> dict[uuid.UUID, PutGrant]:
    grants = {}
    for item in examined:
        segment = item.segment
        wanted = item.status is not RecordStatus.REFUSED and item.state == SegmentState.DECLARED
        if segment is None or not wanted or segment.size > SEGMENT_OBJECT_BYTES_MAX:
            continue
        name = object_name(tenant, segment.camera, segment.stream, segment.segment, segment.start_us)
        crc = base64.b64encode(segment.crc32c.to_bytes(4, "big")).decode()
        grant = store.presign_put(name, segment.size, crc, GRANT_PUT_SECONDS)
        grants[segment.segment] = PutGrant(grant.url, grant.headers)
    return grants
