"""Makes sealed footage for tests the way an agent does, and folders of it."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from pathlib import Path

from sealing.chain import ChainHead
from sealing.cose import Ed25519Signer, parse1
from sealing.folder import FolderWriter, Manifest, SegmentKey, write_keys
from sealing.ids import ClockSource, GapReason, GenesisReason, Rendition, Stream, fingerprint, uuid7
from sealing.keys import PeriodKey
from sealing.record import ZERO_HASH, Follows, Segment, SignedRecord, Stamp
from sealing.segment import SegmentPlace, SegmentWriter
from sealing.statement import AgentKeys, Body, DeletionKey, RootBody, Statement, sign_statement
from sealing.tombstone import SeqRange, Tombstone, sign_tombstone
from tests.sealing.media import Track, noise

START_US = 1_750_000_000_000_000
SEGMENT_SECONDS = 10


def at_us(second: float) -> int:
    """UTC of `second` after the start of the footage."""
    return START_US + int(second * 1_000_000)


class Tenant:
    """A tenant: root, deletion key and statements."""

    def __init__(self) -> None:
        self.id = uuid.uuid4()
        self.root = Ed25519Signer(secrets.token_bytes(32))
        self.deletion = Ed25519Signer(secrets.token_bytes(32))
        self.statements: list[bytes] = []
        self.state(RootBody(self.root.public_key))
        self.state(DeletionKey(self.deletion.public_key))

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(self.root.public_key)

    def state(self, body: Body) -> None:
        """Sign the next statement."""
        prev = parse1(self.statements[-1]).hash if self.statements else ZERO_HASH
        statement = Statement(self.id, len(self.statements), prev, START_US, body)
        self.statements.append(sign_statement(statement, self.root))

    def agent(self) -> Agent:
        agent = Agent(uuid.uuid4(), Ed25519Signer(secrets.token_bytes(32)))
        self.state(
            AgentKeys(agent.id, agent.signer.public_key, secrets.token_bytes(32), secrets.token_bytes(32))
        )
        return agent


@dataclass(frozen=True)
class Agent:
    id: uuid.UUID
    signer: Ed25519Signer


@dataclass
class Camera:
    """One stream of a camera as an agent records it, chain after chain."""

    tenant: Tenant
    agent: Agent
    stream: Stream = Stream.MAIN
    name: str = "Gate"
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    chains: dict[bytes, list[bytes]] = field(default_factory=dict)
    segments: list[Segment] = field(default_factory=list)
    objects: dict[uuid.UUID, bytes] = field(default_factory=dict)
    keys: list[SegmentKey] = field(default_factory=list)
    period: dict[Rendition, PeriodKey] = field(default_factory=dict)
    run: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    boot: bytes = field(default_factory=lambda: secrets.token_bytes(16))

    def start(self, second: float = 0) -> None:
        """The agent starts: a new chain that follows the one before."""
        follows = None
        if self.chains:
            tip = self.head.tip
            follows = Follows(tip.chain, tip.seq, tip.hash)
        self.head = ChainHead(self.tenant.id, self.id, self.stream, secrets.token_bytes(16))
        self.chains[self.head.chain] = []
        self.run = secrets.token_bytes(16)
        reason = GenesisReason.RESTART if follows else GenesisReason.FIRST_START
        signer, stamp = self.agent.signer, self._stamp(second)
        genesis = self.head.genesis(
            signer, stamp, agent=self.agent.id, reason=reason, software="test", follows=follows
        )
        self._keep(genesis)

    def _stamp(self, second: float) -> Stamp:
        monotonic_ns = 10**9 + int(second * 10**9)
        return Stamp(at_us(second), self.boot, monotonic_ns, ClockSource.SYSTEM_SYNCHRONISED, 1000)

    def _keep(self, record: SignedRecord) -> None:
        self.chains[self.head.chain].append(record.encoded)
        self.head = self.head.after(record)

    def record(
        self, second: float, tracks: list[Track] | None = None, seconds: float = SEGMENT_SECONDS
    ) -> Segment:
        """Seal and sign one segment that begins at `second`."""
        segment_id = uuid7(at_us(second) // 1000)
        place = SegmentPlace(self.tenant.id, self.id, self.stream, segment_id)
        writer, sealed = SegmentWriter(place), dict[Rendition, bytearray]()
        for track in tracks or [noise(Rendition(self.stream), int(seconds))]:
            key = self.period.setdefault(track.rendition, PeriodKey.new())
            data = sealed.setdefault(track.rendition, bytearray())
            part = writer.open_part(
                track.rendition,
                key,
                data.extend,
                codec=track.codec,
                init=track.init,
                timescale=track.timescale,
            )
            for fragment in track.fragments:
                part.append(
                    fragment.data,
                    fragment.decode_time,
                    fragment.duration,
                    sync=fragment.sync,
                    samples=fragment.samples,
                )
            self._release(segment_id, track.rendition, key)
        index = bytearray()
        finished = writer.finish(index.extend)
        self._release(segment_id, Rendition.INDEX, self.period[Rendition(self.stream)])
        self.objects[segment_id] = b"".join(bytes(sealed[rendition]) for rendition in sorted(sealed)) + index
        record = self.head.segment(
            self.agent.signer,
            self._stamp(second + seconds + 0.2),
            segment=segment_id,
            start_us=at_us(second),
            end_us=at_us(second + seconds),
            run=self.run,
            size=finished.size,
            crc32c=finished.crc32c,
            parts=finished.parts,
        )
        self._keep(record)
        assert isinstance(record.record, Segment)
        self.segments.append(record.record)
        return record.record

    def _release(self, segment: uuid.UUID, rendition: Rendition, key: PeriodKey) -> None:
        self.keys.append(SegmentKey(segment, rendition, key.key_id, key.segment_key(segment, rendition)))

    def gap(
        self,
        second: float,
        end: float,
        reason: GapReason = GapReason.CAMERA_UNREACHABLE,
        signed: float | None = None,
    ) -> None:
        signer, stamp = self.agent.signer, self._stamp(end if signed is None else signed)
        self._keep(self.head.gap(signer, stamp, start_us=at_us(second), end_us=at_us(end), reason=reason))
        self.run = secrets.token_bytes(16)

    def event(
        self, second: float, end: float, kind: int, source: str = "own", *, goes_on: bool = False
    ) -> None:
        told = {"start_us": at_us(second), "end_us": at_us(end), "type": kind, "source": source}
        self._keep(self.head.event(self.agent.signer, self._stamp(end), goes_on=goes_on, **told))

    def beat(self, second: float) -> None:
        self._keep(self.head.beat(self.agent.signer, self._stamp(second)))

    def tombstone(self, segments: list[Segment], deleted: float = 10**6) -> bytes:
        """Deletion of these segments by the tenant's deletion key."""
        return sign_tombstone(
            Tombstone(
                self.tenant.id,
                self.id,
                self.stream,
                tuple(SeqRange(item.chain, item.seq, item.seq) for item in segments),
                segments[0].start_us,
                segments[-1].end_us,
                "retention 30 days",
                at_us(deleted),
                1,
                tuple(item.segment for item in segments),
            ),
            self.tenant.deletion,
        )


def write_folder(
    path: Path, cameras: list[Camera], tombstones: list[bytes] | None = None, *, partial: bool = False
) -> FolderWriter:
    """A footage folder of these cameras."""
    writer, tenant = FolderWriter(path), cameras[0].tenant
    names = {camera.id: camera.name for camera in cameras}
    writer.manifest(Manifest(tenant.id, START_US, at_us(3600), partial, names))
    writer.statements(tenant.statements)
    for camera in cameras:
        for chain, records in camera.chains.items():
            writer.chain(camera.id, camera.stream, chain, records)
        for segment in camera.segments:
            writer.object_path(segment).write_bytes(camera.objects[segment.segment])
    if tombstones:
        writer.tombstones(tombstones)
    return writer


def write_key_file(path: Path, cameras: list[Camera], *without: Rendition) -> Path:
    """All segment keys of these cameras but those of some renditions."""
    keys = [key for camera in cameras for key in camera.keys if key.rendition not in without]
    write_keys(path, cameras[0].tenant.id, keys)
    return path
