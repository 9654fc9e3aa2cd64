"""Chains: appending on the agent, accepting on the portal, verifying anywhere (SPEC.md section 4)."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final

from .cose import Signer
from .errors import BrokenChain, Fork, NoGenesis, OutOfOrder, SealingError, WrongScope
from .ids import Stream, kid
from .record import (
    ZERO_HASH,
    Beat,
    Clock,
    Event,
    Follows,
    Gap,
    Genesis,
    Part,
    Record,
    Segment,
    SignedRecord,
    Stamp,
    sign_record,
    verify_record,
)

AHEAD_LIMIT_US: Final = 300_000_000
LONGEST_SEGMENT_US: Final = 900_000_000
OVERLAP_LIMIT_US: Final = 1_000_000
UNPLACED: Final = "unplaced"
OVERLAP: Final = "overlap"


@dataclass(frozen=True)
class Tip:
    """The newest record of a chain: its seq and hash."""

    chain: bytes
    seq: int
    hash: bytes


@dataclass(frozen=True)
class Accepted:
    """The record goes on the chain; `tip` is the new one."""

    tip: Tip


@dataclass(frozen=True)
class Known:
    """The record is on the chain already: success, for a reply may have been lost."""

    seq: int


@dataclass(frozen=True)
class Refused:
    """The record does not go on the chain. `error.name` is for the reply; a Fork is an alarm."""

    error: SealingError


def accept(
    tip: Tip | None, record: SignedRecord, stored_hash: bytes | None = None
) -> Accepted | Known | Refused:
    """The acceptance rule, for a record whose signature and scope were checked before.

    `tip`: of the record's chain, None when the chain is unknown. `stored_hash`: hash of the record stored at the same seq, needed
    when that seq lies below the tip; without one there is nothing to compare with and the record counts as known. Pure.
    """
    head = record.record
    if tip is None:
        return _first(record)
    if head.chain != tip.chain:
        raise ValueError("the tip belongs to another chain")
    if head.seq <= tip.seq:
        stored = tip.hash if head.seq == tip.seq else stored_hash
        if stored is not None and stored != record.hash:
            return Refused(Fork(f"another record stands at seq {head.seq} of this chain already"))
        return Known(head.seq)
    if head.seq > tip.seq + 1:
        return Refused(OutOfOrder(f"seq {head.seq} came, {tip.seq + 1} is next"))
    if head.prev != tip.hash:
        return Refused(BrokenChain(f"seq {head.seq} does not name the hash of the record before it"))
    if isinstance(head, Genesis):
        return Refused(BrokenChain(f"a genesis at seq {head.seq}: only seq 0 begins a chain"))
    return Accepted(Tip(head.chain, head.seq, record.hash))


def _first(record: SignedRecord) -> Accepted | Refused:
    head = record.record
    if not isinstance(head, Genesis) or head.seq != 0:
        return Refused(NoGenesis("this chain is unknown and does not begin with a genesis"))
    if head.prev != ZERO_HASH:
        return Refused(BrokenChain("a genesis has nothing before it"))
    return Accepted(Tip(head.chain, 0, record.hash))


@dataclass(frozen=True)
class ChainScope:
    """What all records of a chain share. `signer`: kid of the agent's record key."""

    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    chain: bytes
    signer: bytes

    @classmethod
    def of(cls, record: SignedRecord) -> ChainScope:
        head = record.record
        return cls(head.tenant, head.camera, head.stream, head.chain, record.signed.kid)

    def check(self, record: SignedRecord) -> None:
        """Raise WrongScope when the record belongs elsewhere, or a genesis names another key than the one that signed it."""
        if ChainScope.of(record) != self:
            raise WrongScope(
                "the record's tenant, camera, stream, chain and signing key do not belong together"
            )
        head = record.record
        if isinstance(head, Genesis) and kid(head.record_public) != self.signer:
            raise WrongScope("the genesis names another record key than the one that signed it")


def flags(record: Record, received_us: int) -> frozenset[str]:
    """What is odd about a record without being refused: `unplaced`. `received_us`: when the portal got it, UTC."""
    if record.stamp.claimed_us > received_us + AHEAD_LIMIT_US:
        return frozenset({UNPLACED})
    if isinstance(record, Segment | Gap | Event):
        length_us = record.end_us - record.start_us
        too_long = not isinstance(record, Gap) and length_us > LONGEST_SEGMENT_US
        if length_us < 0 or too_long or record.end_us > received_us + AHEAD_LIMIT_US:
            return frozenset({UNPLACED})
    return frozenset()


def overlaps(first: Segment, second: Segment) -> bool:
    """Whether two segments of one stream share more than a second."""
    return min(first.end_us, second.end_us) - max(first.start_us, second.start_us) > OVERLAP_LIMIT_US


@dataclass(frozen=True)
class ChainHead:
    """Where an agent's chain stands. Immutable: store `after(signed)` in the same transaction as the record itself."""

    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    chain: bytes
    next_seq: int = 0
    prev: bytes = ZERO_HASH

    def after(self, record: SignedRecord) -> ChainHead:
        """The head once `record`, made by this head, is stored."""
        if (record.record.chain, record.record.seq) != (self.chain, self.next_seq):
            raise ValueError("this record was not made by this head")
        return replace(self, next_seq=self.next_seq + 1, prev=record.hash)

    @property
    def tip(self) -> Tip:
        """Raises ValueError before the genesis."""
        if self.next_seq == 0:
            raise ValueError("the chain has no record yet")
        return Tip(self.chain, self.next_seq - 1, self.prev)

    def genesis(
        self,
        signer: Signer,
        stamp: Stamp,
        *,
        agent: uuid.UUID,
        reason: int,
        software: str,
        follows: Follows | None = None,
    ) -> SignedRecord:
        """The first record."""
        if self.next_seq != 0:
            raise ValueError("a genesis is the first record of its chain")
        record = Genesis(
            **vars(self._at(stamp)),
            agent=agent,
            record_public=signer.public_key,
            follows=follows,
            reason=reason,
            software=software,
        )
        return sign_record(record, signer)

    def segment(
        self,
        signer: Signer,
        stamp: Stamp,
        *,
        segment: uuid.UUID,
        start_us: int,
        end_us: int,
        run: bytes,
        size: int,
        crc32c: int,
        parts: tuple[Part, ...],
        continuation_of: uuid.UUID | None = None,
        policy: int = 0,
    ) -> SignedRecord:
        """The record of a finished segment object."""
        record = Segment(
            **vars(self._at(stamp)),
            segment=segment,
            start_us=start_us,
            end_us=end_us,
            run=run,
            size=size,
            crc32c=crc32c,
            parts=parts,
            continuation_of=continuation_of,
            policy=policy,
        )
        return self._signed(record, signer)

    def gap(
        self,
        signer: Signer,
        stamp: Stamp,
        *,
        start_us: int,
        end_us: int,
        reason: int,
        detail: str | None = None,
    ) -> SignedRecord:
        """A declared absence."""
        record = Gap(**vars(self._at(stamp)), start_us=start_us, end_us=end_us, reason=reason, detail=detail)
        return self._signed(record, signer)

    def beat(self, signer: Signer, stamp: Stamp) -> SignedRecord:
        """A sign of life."""
        return self._signed(Beat(**vars(self._at(stamp))), signer)

    def clock(self, signer: Signer, stamp: Stamp, *, step_us: int, detail: str | None = None) -> SignedRecord:
        """The wall clock was stepped."""
        return self._signed(Clock(**vars(self._at(stamp)), step_us=step_us, detail=detail), signer)

    def event(
        self,
        signer: Signer,
        stamp: Stamp,
        *,
        start_us: int,
        end_us: int,
        type: int,
        source: str,
        goes_on: bool = False,
        detail: str | None = None,
    ) -> SignedRecord:
        """What was noticed, or a piece of it."""
        record = Event(
            **vars(self._at(stamp)),
            start_us=start_us,
            end_us=end_us,
            type=type,
            source=source,
            goes_on=goes_on,
            detail=detail,
        )
        return self._signed(record, signer)

    def _signed(self, record: Record, signer: Signer) -> SignedRecord:
        if self.next_seq == 0:
            raise ValueError("a chain begins with its genesis")
        return sign_record(record, signer)

    def _at(self, stamp: Stamp) -> _Place:
        return _Place(self.tenant, self.camera, self.stream, self.chain, self.next_seq, self.prev, stamp)


@dataclass(frozen=True)
class _Place:
    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    chain: bytes
    seq: int
    prev: bytes
    stamp: Stamp


def verify_chain(
    records: Iterable[bytes], record_public: bytes, *, partial: bool = False
) -> Iterator[SignedRecord]:
    """Each record of a chain in order, once it is proven: signature, scope, seq and link to the one before.

    `partial`: the first record may stand in the middle of its chain; it is then taken as the anchor. Raises at the first record
    that does not hold; those before it were handed out already.
    """
    tip: Tip | None = None
    scope: ChainScope | None = None
    for data in records:
        record = verify_record(data, record_public)
        scope = scope or ChainScope.of(record)
        scope.check(record)
        if tip is None and partial and record.record.seq > 0:
            tip = Tip(record.record.chain, record.record.seq, record.hash)
        else:
            tip = _next(tip, record)
        yield record


def _next(tip: Tip | None, record: SignedRecord) -> Tip:
    """The tip after `record`, which must be the very next one."""
    outcome = accept(tip, record, stored_hash=record.hash)
    if isinstance(outcome, Refused):
        raise outcome.error
    if isinstance(outcome, Known):
        raise OutOfOrder(f"seq {outcome.seq} stands twice or too late")
    return outcome.tip
