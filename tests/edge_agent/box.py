"""A recording box without a portal: keys, spool, recorders, and somebody who holds the tenant's key and looks inside."""

from __future__ import annotations

import io
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import av
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge_agent.attention import Attention
from edge_agent.capture.native_source import NativeSource
from edge_agent.capture.pyav_source import PyAvSource
from edge_agent.clock import SystemClock
from edge_agent.keys import BoxKeys, PeriodKeys
from edge_agent.recorder import StreamOrder, StreamRecorder
from edge_agent.salvage import salvage
from edge_agent.seal import Identity
from edge_agent.segmenter import Limits, main_limits
from edge_agent.spool import Spool
from protocol.plan import RecordingPlan
from sealing.chain import verify_chain
from sealing.ids import EnvelopePurpose, GapReason, RecipientKind, Rendition, Stream, rendition_class
from sealing.index import open_index
from sealing.keys import EnvelopeInfo, PeriodKey, RecScope, open_envelope, parse_envelope
from sealing.record import Gap, Record, Segment, parse_record
from sealing.segment import read_part
from sealing.statement import Recipient
from tests.edge_agent.tiny_portal import trust_in

GIGABYTE = 1_000_000_000


def wait_for(condition: Callable[[], object], seconds: float = 20.0, what: str = "it") -> None:
    """Wait until a condition holds that another thread or process brings about."""
    ends = time.monotonic() + seconds
    beat = threading.Event()
    while not condition():
        assert time.monotonic() < ends, f"{what} did not happen within {seconds} s"
        beat.wait(0.02)


@dataclass(frozen=True)
class Footage:
    """A segment as somebody with the tenant's key sees it."""

    record: Segment
    parts: dict[Rendition, bytes]

    def pictures(self) -> list[tuple[float, av.VideoFrame]]:
        """Decoded pictures with their wall clock in seconds."""
        with av.open(io.BytesIO(self.parts[Rendition(self.record.stream)])) as file:
            frames = list(file.decode(video=0))
        if not frames:  # one that goes on from another, ended before a picture that can be shown without it
            return []
        first = min(int(frame.pts or 0) for frame in frames)
        return [
            (self.record.start_us / 1e6 + (int(frame.pts or 0) - first) / 90_000, frame) for frame in frames
        ]


class Box:
    """Keys and spool in a folder. `tenant_private` opens everything it sealed."""

    def __init__(
        self, folder: Path, *, budget_bytes: int = GIGABYTE, floor_bytes: int = 0, secret: bytes | None = None
    ) -> None:
        self.folder = folder
        self.clock = SystemClock()
        identity = folder / "box"
        if not identity.exists():
            identity.mkdir(parents=True)
            BoxKeys.new().save(identity / "keys")
            (identity / "ids").write_text(f"{uuid.uuid4()} {uuid.uuid4()} {uuid.uuid4()}")
            (identity / "tenant").write_bytes(secret or X25519PrivateKey.generate().private_bytes_raw())
        self.keys = BoxKeys.load(identity / "keys")
        self.tenant, self.agent, self.camera = map(uuid.UUID, (identity / "ids").read_text().split())
        self.tenant_private = (identity / "tenant").read_bytes()
        public = X25519PrivateKey.from_private_bytes(self.tenant_private).public_key().public_bytes_raw()
        self.recipient = Recipient(RecipientKind.TENANT, public, 0)
        self.spool = Spool(folder / "spool", budget_bytes=budget_bytes, floor_bytes=floor_bytes)
        self.periods = PeriodKeys(self.spool, self.tenant, self.keys.wrapping_key())
        self.periods.follow(trust_in(self.tenant, self.recipient))
        self.identity = Identity(self.tenant, self.agent, self.keys.record_signer, "test")
        self.salvaged = salvage(self.spool, self.clock, self.identity, self.periods)

    def recorder(
        self,
        url: str,
        *,
        audio: bool = True,
        limits: Limits | None = None,
        resume: GapReason = GapReason.AGENT_STOPPED,
        stall_s: float = 2.0,
        stream: Stream = Stream.MAIN,
        enabled: bool = True,
        source: type[NativeSource] | type[PyAvSource] = NativeSource,
        plan: RecordingPlan | None = None,
        has_sub: bool = True,
        attention: Attention | None = None,
    ) -> StreamRecorder:
        limits = limits or main_limits(2)
        order = StreamOrder(
            self.camera, stream, "gate", url, audio, limits, enabled, plan=plan, has_sub=has_sub
        )
        return StreamRecorder(
            order,
            spool=self.spool,
            clock=self.clock,
            identity=self.identity,
            keys=self.periods,
            open_source=lambda url, audio, _accepted: source(
                url, audio=audio, open_timeout_s=3.0, stall_timeout_s=stall_s
            ),
            resume_reason=resume,
            attention=attention,
        )

    # Looking inside

    def records(self) -> list[Record]:
        """Every record, its chain verified."""
        chains: dict[bytes, list[bytes]] = {}
        for chain, record in self.spool.read("SELECT chain, record FROM records ORDER BY id"):
            chains.setdefault(chain, []).append(record)
        for records in chains.values():
            assert len(list(verify_chain(records, self.keys.record_public))) == len(records)
        return [
            parse_record(row[0]).record for row in self.spool.read("SELECT record FROM records ORDER BY id")
        ]

    def segments(self) -> list[Segment]:
        return [record for record in self.records() if isinstance(record, Segment)]

    def gaps(self) -> list[Gap]:
        return [record for record in self.records() if isinstance(record, Gap)]

    def period_key(self, key_id: bytes) -> PeriodKey:
        """Open the envelope of a period key with the tenant's private key."""
        (row,) = self.spool.read("SELECT envelope FROM envelopes WHERE key_id = ?", (key_id,))
        info, _ = parse_envelope(row[0])
        assert isinstance(info.scope, RecScope)
        expected = EnvelopeInfo(
            EnvelopePurpose.REC, self.tenant, info.scope, key_id, self.recipient.kid, self.recipient.epoch
        )
        return PeriodKey(key_id, open_envelope(row[0], expected, self.tenant_private))

    def open(self, record: Segment) -> Footage:
        """Read a segment out of the spool: every leaf checked, every part opened."""
        sealed = self.spool.object_path(record.camera, record.stream, record.segment).read_bytes()
        assert len(sealed) > record.size, "nothing stands behind the object"
        (row,) = self.spool.read("SELECT index_part FROM records WHERE segment = ?", (record.segment.bytes,))
        video_key = self.period_key(record.video.key_id)
        index = open_index(record, video_key.segment_key(record.segment, Rendition.INDEX), row[0])
        parts: dict[Rendition, bytes] = {}
        for part in record.parts[:-1]:
            key = self.period_key(part.key_id)
            key.check(part.commitment)
            reader = read_part(
                record,
                index,
                part.rendition,
                key.segment_key(record.segment, part.rendition),
                lambda offset, length: sealed[offset : offset + length],
            )
            parts[part.rendition] = b"".join(reader.chunks())
            assert rendition_class(record.stream, part.rendition)
        return Footage(record, parts)

    def footage(self) -> list[Footage]:
        return [self.open(record) for record in self.segments()]
