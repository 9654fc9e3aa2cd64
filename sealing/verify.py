"""Verifying a footage folder: every signature, link and byte, with no key at all (SPEC.md sections 8 and 9.3)."""

from __future__ import annotations

import os
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from pathlib import Path
from typing import BinaryIO, Final

from .chain import flags, verify_chain
from .cose import parse1
from .errors import (
    BadField,
    BadLength,
    BrokenChain,
    MissingObject,
    MissingRecord,
    NoGenesis,
    SealingError,
    Truncated,
    UndeclaredGap,
    WrongRoot,
    WrongScope,
)
from .folder import ChainFile, Folder, name_of
from .ids import Stream
from .merkle import LeafHasher, merkle_root
from .names import parse_object_name
from .record import Event, Gap, Genesis, Part, Segment, SignedRecord, parse_record
from .statement import Seen, Trust, root_fingerprint, verify_statements
from .tombstone import Tombstone, parse_tombstone, verify_tombstone

HOLE_US: Final = 1_000_000
"""Time between two pieces of footage that needs no explanation."""

_READ_BYTES: Final = 1 << 20


class State(IntEnum):
    """Verification states, the worst first."""

    TAMPERED = 0
    UNSIGNED = 1
    DELETED_OUTSIDE_POLICY = 2
    MISSING = 3
    CONSISTENT = 4
    UNANCHORED_TAIL = 5
    DELETED_BY_POLICY = 6
    VERIFIED_WITH_GAPS = 7
    VERIFIED_AGENT_TRUSTED = 8
    VERIFIED = 9

    @property
    def text(self) -> str:
        return _TEXTS[self]

    @property
    def is_verified(self) -> bool:
        return self >= State.VERIFIED_WITH_GAPS


_TEXTS: Final = {
    State.TAMPERED: "tampered",
    State.UNSIGNED: "unsigned",
    State.DELETED_OUTSIDE_POLICY: "deleted outside policy",
    State.MISSING: "missing",
    State.CONSISTENT: "consistent, root not trusted",
    State.UNANCHORED_TAIL: "unanchored tail",
    State.DELETED_BY_POLICY: "deleted by policy",
    State.VERIFIED_WITH_GAPS: "verified with declared gaps",
    State.VERIFIED_AGENT_TRUSTED: "verified, agent-trusted",
    State.VERIFIED: "verified",
}


@dataclass(frozen=True)
class Failure:
    """Something that does not hold. `time_us`: the first instant it touches, where that is known."""

    state: State
    error: SealingError
    time_us: int | None
    camera: uuid.UUID | None = None
    stream: Stream | None = None
    object: str | None = None
    chain: bytes | None = None
    seq: int | None = None


@dataclass
class StreamReport:
    """What was found about one stream of one camera."""

    camera: uuid.UUID
    stream: Stream
    name: str
    state: State = State.VERIFIED_AGENT_TRUSTED
    failures: list[Failure] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    gaps: list[Gap] = field(default_factory=list)
    events: Counter[int] = field(default_factory=Counter)
    """Records of events by type; no state turns on them."""
    good: set[uuid.UUID] = field(default_factory=set)
    deleted: set[uuid.UUID] = field(default_factory=set)
    unplaced: set[uuid.UUID] = field(default_factory=set)

    @property
    def first_failure(self) -> Failure | None:
        return first_of(self.failures)

    @property
    def span_us(self) -> tuple[int, int] | None:
        """Begin and end of what proven records speak of."""
        starts = [item.start_us for item in self.segments] + [item.start_us for item in self.gaps]
        ends = [item.end_us for item in self.segments] + [item.end_us for item in self.gaps]
        return (min(starts), max(ends)) if starts else None

    @property
    def last_good_us(self) -> int | None:
        """End of the last whole footage before the first failure, or of all footage where there is none."""
        failure = self.first_failure
        limit = None if failure is None else failure.time_us
        if failure is not None and limit is None:
            return None
        ends = [
            item.end_us
            for item in self.segments
            if item.segment in self.good and (limit is None or item.start_us < limit)
        ]
        return max(ends, default=None)


@dataclass(frozen=True)
class Report:
    """The outcome for a whole folder. `seen`: keep it and give it to the next verification of this tenant."""

    state: State
    trusted: bool
    fingerprint: bytes | None
    seen: Seen | None
    trust: Trust | None
    streams: tuple[StreamReport, ...]
    failures: tuple[Failure, ...] = ()
    """Failures of the folder itself; each stream has its own."""

    @property
    def first_failure(self) -> Failure | None:
        return first_of([*self.failures, *(item for stream in self.streams for item in stream.failures)])

    @property
    def last_good_us(self) -> int | None:
        """Until when footage of the camera that fails first was good, or the end of all footage where nothing fails."""
        failure = self.first_failure
        if failure is None:
            return max((stream.last_good_us or 0 for stream in self.streams), default=0) or None
        for stream in self.streams:
            if (stream.camera, stream.stream) == (failure.camera, failure.stream):
                return stream.last_good_us
        return None


def first_of(failures: Sequence[Failure]) -> Failure | None:
    """The earliest failure; one whose time nobody knows comes before all."""
    return min(
        failures, key=lambda item: (-1 if item.time_us is None else item.time_us, item.state), default=None
    )


def verify_folder(path: Path, trusted: bytes | None = None, seen: Seen | None = None) -> Report:
    """Verify a footage folder.

    `trusted`: fingerprint (32 bytes) of the tenant's root; without it nothing is ever called verified. `seen`: what an earlier
    verification ended with. Raises BadFolder when the folder cannot be read at all; everything else is in the report.
    """
    folder = Folder(path)
    statements = folder.statements()
    try:
        trust = verify_statements(statements, trusted or root_fingerprint(statements), seen)
    except SealingError as error:
        failure = Failure(State.TAMPERED, error, None)
        return Report(State.TAMPERED, trusted is not None, None, None, None, (), (failure,))
    return _FolderCheck(folder, trust, trusted is not None).report()


class _FolderCheck:
    """One verification under way, once the statements hold."""

    def __init__(self, folder: Folder, trust: Trust, is_trusted: bool) -> None:
        self._folder = folder
        self._trust = trust
        self._is_trusted = is_trusted
        self._streams: dict[tuple[uuid.UUID, Stream], StreamReport] = {}
        self._proven: dict[bytes, list[SignedRecord]] = {}
        self._broken: set[bytes] = set()
        self._described: set[str] = set()
        self._failures: list[Failure] = []
        self._tombstones = _read_tombstones(folder.tombstones(), trust)

    def report(self) -> Report:
        chains = list(self._folder.chains())
        for chain in chains:
            self._check_chain(chain)
        for records in self._proven.values():
            self._check_follows(records)
        self._check_unsigned()
        self._check_named()
        for stream in self._streams.values():
            self._check_stream(stream)
        streams = tuple(sorted(self._streams.values(), key=lambda item: (str(item.camera), item.stream)))
        best = State.VERIFIED_AGENT_TRUSTED if self._is_trusted else State.CONSISTENT
        state = min([best, *(item.state for item in streams), *(item.state for item in self._failures)])
        trust = self._trust
        return Report(
            state, self._is_trusted, trust.fingerprint, trust.seen, trust, streams, tuple(self._failures)
        )

    def _stream(self, camera: uuid.UUID, stream: Stream) -> StreamReport:
        name = self._folder.manifest.cameras.get(camera, "")
        return self._streams.setdefault((camera, stream), StreamReport(camera, stream, name))

    def _check_chain(self, chain: ChainFile) -> None:
        """Verify one chain's records up to the first that fails."""
        report = self._stream(chain.camera, chain.stream)
        proven: list[SignedRecord] = []
        self._describe(chain)
        try:
            public_key = self._signer_of(chain)
            for record in verify_chain(chain.records, public_key, partial=self._folder.manifest.partial):
                self._check_place(chain, record)
                proven.append(record)
        except SealingError as error:
            time_us = _end_of(proven) if proven else _claimed(chain.records)
            seq = proven[-1].record.seq + 1 if proven else 0
            failure = Failure(
                State.TAMPERED, error, time_us, chain.camera, chain.stream, None, chain.chain, seq
            )
            report.failures.append(failure)
            self._broken.add(chain.chain)
        self._proven[chain.chain] = proven
        report.segments += [item.record for item in proven if isinstance(item.record, Segment)]
        report.gaps += [item.record for item in proven if isinstance(item.record, Gap)]
        report.events.update(item.record.type for item in proven if isinstance(item.record, Event))

    def _signer_of(self, chain: ChainFile) -> bytes:
        if not chain.records:
            raise NoGenesis("the chain's file holds no record")
        return self._trust.signer(parse1(chain.records[0]).kid).record

    def _check_place(self, chain: ChainFile, record: SignedRecord) -> None:
        self._trust.check_record(record)
        head = record.record
        if (head.camera, head.stream, head.chain) != (chain.camera, chain.stream, chain.chain):
            raise WrongScope("the record lies in the folder of another camera, stream or chain")

    def _describe(self, chain: ChainFile) -> None:
        """Note the objects that records speak of, proven or not: those are not called unsigned."""
        for data in chain.records:
            try:
                record = parse_record(data).record
            except SealingError:
                continue  # an unreadable record describes nothing; the chain's own check reports it
            if isinstance(record, Segment):
                self._described.add(name_of(record))

    def _check_follows(self, records: list[SignedRecord]) -> None:
        """A genesis names the tip it follows: that record must be there, and be the one it names."""
        genesis = records[0].record if records else None
        if not isinstance(genesis, Genesis) or genesis.follows is None:
            return
        follows, earlier = genesis.follows, self._proven.get(genesis.follows.chain)
        if earlier is None:
            if not self._folder.manifest.partial:
                error = MissingRecord(f"the chain {follows.chain.hex()}, which another follows, is absent")
                self._fail(State.MISSING, error, genesis.stamp.claimed_us, genesis)
            return
        named = next((item for item in earlier if item.record.seq == follows.seq), None)
        if named is not None and named.hash != follows.hash:
            forked = BrokenChain(f"the chain that follows names another record at seq {follows.seq}")
            self._fail(State.TAMPERED, forked, genesis.stamp.claimed_us, genesis)
        elif follows.chain not in self._broken and (not earlier or follows.seq > earlier[-1].record.seq):
            cut = MissingRecord(
                f"records up to seq {follows.seq} of chain {follows.chain.hex()} are absent at its end"
            )
            self._fail(State.MISSING, cut, _end_of(earlier) or genesis.stamp.claimed_us, genesis)

    def _fail(self, state: State, error: SealingError, time_us: int | None, genesis: Genesis) -> None:
        report = self._stream(genesis.camera, genesis.stream)
        report.failures.append(
            Failure(state, error, time_us, genesis.camera, genesis.stream, None, genesis.chain, genesis.seq)
        )

    def _check_unsigned(self) -> None:
        for name in self._folder.object_names():
            if name in self._described:
                continue
            error = MissingRecord("no record describes this object")
            try:
                place = parse_object_name(name)
            except BadField:
                self._failures.append(Failure(State.UNSIGNED, error, None, object=name))
                continue
            report = self._stream(place.camera, place.stream)
            report.failures.append(
                Failure(State.UNSIGNED, error, place.about_us, place.camera, place.stream, name)
            )

    def _check_named(self) -> None:
        """A folder without records proves nothing, nor does one without records of a camera it claims to hold."""
        named = set(self._folder.manifest.cameras) - {camera for camera, _ in self._streams}
        for camera in sorted(named, key=str):
            error = MissingRecord("the folder holds no record of this camera")
            self._failures.append(Failure(State.MISSING, error, None, camera))
        if not named and not self._streams:
            self._failures.append(Failure(State.MISSING, MissingRecord("the folder holds no record"), None))

    def _check_stream(self, report: StreamReport) -> None:
        report.segments.sort(key=lambda item: (item.start_us, item.seq))
        for segment in report.segments:
            self._check_object(report, segment)
            if flags(segment, segment.stamp.claimed_us):
                report.unplaced.add(segment.segment)
        self._check_continuity(report)
        states = [failure.state for failure in report.failures]
        if report.deleted:
            states.append(State.DELETED_BY_POLICY)
        if report.gaps:
            states.append(State.VERIFIED_WITH_GAPS)
        if not self._is_trusted:
            states.append(State.CONSISTENT)
        report.state = min(states, default=State.VERIFIED_AGENT_TRUSTED)

    def _check_object(self, report: StreamReport, segment: Segment) -> None:
        path = self._folder.object_path(segment)
        try:
            check_object(path, segment)
        except MissingObject as error:
            # What lies there but cannot be read was not deleted, whatever a tombstone says.
            state, cause = self._absent(segment, error)
            if os.path.lexists(path):
                state, cause = State.MISSING, error
            if cause is None:
                report.deleted.add(segment.segment)
                return
            self._object_failed(report, state, cause, segment)
        except SealingError as error:
            self._object_failed(report, State.TAMPERED, error, segment)
        else:
            report.good.add(segment.segment)

    def _object_failed(
        self, report: StreamReport, state: State, error: SealingError, segment: Segment
    ) -> None:
        report.failures.append(
            Failure(
                state,
                error,
                segment.start_us,
                segment.camera,
                segment.stream,
                name_of(segment),
                segment.chain,
                segment.seq,
            )
        )

    def _absent(self, segment: Segment, error: SealingError) -> tuple[State, SealingError | None]:
        """Why an object is absent: deleted by policy (no error), deleted outside policy, or simply missing."""
        state: State = State.MISSING
        cause: SealingError | None = error
        for tombstone, broken in self._tombstones:
            if segment.segment not in tombstone.segments:
                continue
            why = broken or _does_not_cover(tombstone, segment)
            if why is None:
                return State.DELETED_BY_POLICY, None
            state, cause = State.DELETED_OUTSIDE_POLICY, why
        return state, cause

    def _check_continuity(self, report: StreamReport) -> None:
        """Time that no segment and no gap speaks of, between the first and the last that do; what is unplaced speaks of none."""
        items: list[Segment | Gap] = [*report.segments, *report.gaps]
        spans = sorted((it.start_us, it.end_us) for it in items if not flags(it, it.stamp.claimed_us))
        covered_us: int | None = None
        for start_us, end_us in spans:
            if covered_us is not None and start_us - covered_us > HOLE_US:
                seconds = (start_us - covered_us) / 1_000_000
                error = UndeclaredGap(f"no record speaks of {seconds:.1f} s")
                report.failures.append(
                    Failure(State.MISSING, error, covered_us, report.camera, report.stream)
                )
            covered_us = end_us if covered_us is None else max(covered_us, end_us)


def check_object(path: Path, segment: Segment) -> None:
    """Compare a stored object with its record, with no key: its size and the Merkle root of each part.

    Reads the file once. Raises MissingObject, Truncated, BadLength or WrongRoot.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < segment.size:
                raise Truncated(f"the object has {size} of its {segment.size} bytes")
            if size > segment.size:
                raise BadLength(f"the object has {size} bytes, its record says {segment.size}")
            file.seek(0)
            for part in segment.parts:
                _check_part(file, part)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise MissingObject("the object is absent") from error
    except OSError as error:
        raise MissingObject(f"the object cannot be read: {error.strerror}") from error


def _check_part(file: BinaryIO, part: Part) -> None:
    """Hash one part's bytes from where the file stands. Raises Truncated or WrongRoot."""
    hasher, left = LeafHasher(), part.sealed_length
    while left > 0:
        data = file.read(min(left, _READ_BYTES))
        if not data:
            raise Truncated("the object ended while it was read")
        hasher.update(data)
        left -= len(data)
    if merkle_root(hasher.finish()) != part.root:
        raise WrongRoot(f"the bytes of part {part.rendition.name} do not give the root in the record")


def _end_of(records: Sequence[SignedRecord]) -> int | None:
    """When the footage and gaps of these records end, or the last claimed time where there are none."""
    ends = [item.record.end_us for item in records if isinstance(item.record, Segment | Gap)]
    return max(ends, default=records[-1].record.stamp.claimed_us if records else None)


def _claimed(records: Sequence[bytes]) -> int | None:
    """The first readable record's own claim of its time: all there is when nothing is proven."""
    for data in records:
        try:
            return parse_record(data).record.stamp.claimed_us
        except SealingError:
            continue  # unreadable: the next one may tell
    return None


def _read_tombstones(items: Sequence[bytes], trust: Trust) -> list[tuple[Tombstone, SealingError | None]]:
    """Every readable tombstone, with the reason why it does not hold, if so. An unreadable one names no segment."""
    result: list[tuple[Tombstone, SealingError | None]] = []
    for data in items:
        try:
            tombstone = parse_tombstone(data)[0]
        except SealingError:
            continue  # what it might have named is then simply missing
        try:
            result.append((verify_tombstone(data, trust), None))
        except SealingError as error:
            result.append((tombstone, error))
    return result


def _does_not_cover(tombstone: Tombstone, segment: Segment) -> SealingError | None:
    """Why a tombstone that holds does not speak for this segment, or None when it does."""
    if (tombstone.camera, tombstone.stream) != (segment.camera, segment.stream):
        return WrongScope("the tombstone that names this segment is for another camera or stream")
    in_range = any(
        item.chain == segment.chain and item.first <= segment.seq <= item.last for item in tombstone.ranges
    )
    if not in_range:
        return WrongScope("the tombstone that names this segment does not name its record")
    if tombstone.deleted_us < segment.end_us:
        return WrongScope("the tombstone that names this segment is older than the segment")
    return None
