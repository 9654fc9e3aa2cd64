"""An agent without a camera: it enrols, signs records, seals segments and uploads them as a real one does.

Its video is random bytes in the places of init segment and fragments; everything around them (keys, envelopes, parts,
index, records, signatures, HTTP) is real and made by the same packages the agent uses.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.test import Client

from protocol import signatures
from protocol.batch import BatchItem, BatchReply, PutGrant, RecordsBatch, Unsent, Uploaded
from protocol.enrolment import EnrolReply, EnrolRequest, parse_code
from protocol.state import AgentState
from sealing.chain import ChainHead, Follows
from sealing.cose import Ed25519Signer
from sealing.ids import (
    ClockSource,
    EnvelopePurpose,
    GenesisReason,
    Rendition,
    Stream,
    camera_key_kind,
    kid,
    rendition_class,
    uuid7,
)
from sealing.keys import EnvelopeInfo, PeriodKey, RecScope, seal_envelope
from sealing.motion import MotionMap
from sealing.names import object_name
from sealing.record import SignedRecord, Stamp
from sealing.segment import SegmentPlace, SegmentWriter
from sealing.statement import CameraKey, Recipient, Trust, verify_statements
from tenants.models import Site
from tenants.scope import tenant_scope
from tests.environment import PUBLIC_URL
from vsaas.agents.enrolment import issue_code
from vsaas.agents.models import Agent
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.keys.services import TenantRecipient, tenant_recipient

SECOND = 1_000_000
HOUR_US = 3600 * SECOND
TIMESCALE = 90_000
INIT = b"init segment of a simulated track"


@dataclass
class Sealed:
    """One sealed segment: its record, its object's bytes, and the plaintext of its video for comparison."""

    segment: uuid.UUID
    start_us: int
    end_us: int
    record: SignedRecord
    object: bytes
    index_part: bytes
    video: bytes

    @property
    def item(self) -> BatchItem:
        return BatchItem(self.record.encoded, self.index_part)


@dataclass
class SimStream:
    """One stream of one camera: its chain, its keys, and the envelopes not sent yet."""

    agent: AgentSim
    camera: uuid.UUID
    stream: Stream
    head: ChainHead
    keys: dict[tuple[int, int], PeriodKey] = field(default_factory=dict)
    envelopes: list[bytes] = field(default_factory=list)
    run: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    clock_source: ClockSource = ClockSource.SYSTEM_SYNCHRONISED

    def stamp(self, claimed_us: int) -> Stamp:
        return Stamp(claimed_us, self.agent.boot, claimed_us * 1000, int(self.clock_source), 1000)

    def genesis(
        self, claimed_us: int, reason: int = GenesisReason.FIRST_START, follows: Follows | None = None
    ) -> BatchItem:
        record = self.head.genesis(
            self.agent.signer,
            self.stamp(claimed_us),
            agent=self.agent.id,
            reason=reason,
            software="agent_sim",
            follows=follows,
        )
        return self._took(record)

    def beat(self, claimed_us: int) -> BatchItem:
        return self._took(self.head.beat(self.agent.signer, self.stamp(claimed_us)))

    def gap(self, start_us: int, end_us: int, reason: int = 1, detail: str | None = None) -> BatchItem:
        stamp = self.stamp(end_us)
        return self._took(
            self.head.gap(
                self.agent.signer, stamp, start_us=start_us, end_us=end_us, reason=reason, detail=detail
            )
        )

    def event(self, start_us: int, end_us: int, kind: int, source: str = "own", **more: Any) -> BatchItem:
        stamp = self.stamp(more.pop("claimed_us", end_us))
        told = {"start_us": start_us, "end_us": end_us, "type": kind, "source": source}
        return self._took(self.head.event(self.agent.signer, stamp, **told, **more))

    def segment(
        self,
        start_us: int,
        seconds: float = 10.0,
        *,
        size: int = 40_000,
        audio: bool = False,
        continuation_of: uuid.UUID | None = None,
        claimed_us: int | None = None,
        segment: uuid.UUID | None = None,
        motion: MotionMap | None = None,
    ) -> Sealed:
        """Seals `size` random bytes as the video of one segment, with a motion map where one is given, and signs its record."""
        end_us = start_us + int(seconds * SECOND)
        place = SegmentPlace(self.agent.tenant, self.camera, self.stream, segment or uuid7(start_us // 1000))
        writer = SegmentWriter(place)
        video: list[bytes] = []
        sound: list[bytes] = []
        moved: list[bytes] = []
        index: list[bytes] = []
        payload = os.urandom(size)
        self._fill(writer, Rendition(self.stream), start_us, video, payload, sync=continuation_of is None)
        if audio:
            self._fill(writer, Rendition.AUDIO, start_us, sound, os.urandom(size // 10), sync=True)
        if motion is not None:
            writer.add_motion(motion, moved.append)
        finished = writer.finish(index.append)
        record = self.head.segment(
            self.agent.signer,
            self.stamp(end_us if claimed_us is None else claimed_us),
            segment=place.segment,
            start_us=start_us,
            end_us=end_us,
            run=self.run,
            size=finished.size,
            crc32c=finished.crc32c,
            parts=finished.parts,
            continuation_of=continuation_of,
        )
        self._took(record)
        return Sealed(
            place.segment,
            start_us,
            end_us,
            record,
            b"".join(video + sound + moved + index),
            finished.index,
            INIT + payload,
        )

    def segments(self, start_us: int, count: int, seconds: float = 10.0, **options: Any) -> list[Sealed]:
        """That many segments in a row."""
        length_us = int(seconds * SECOND)
        return [self.segment(start_us + n * length_us, seconds, **options) for n in range(count)]

    def name(self, sealed: Sealed) -> str:
        return object_name(self.agent.tenant, self.camera, self.stream, sealed.segment, sealed.start_us)

    def _fill(
        self,
        writer: SegmentWriter,
        rendition: Rendition,
        start_us: int,
        sink: list[bytes],
        payload: bytes,
        *,
        sync: bool,
    ) -> None:
        part = writer.open_part(
            rendition,
            self._key(rendition, start_us),
            sink.append,
            codec="avc1.640028" if rendition is not Rendition.AUDIO else "mp4a.40.2",
            init=INIT,
            timescale=TIMESCALE,
        )
        half = max(1, len(payload) // 2)
        part.append(payload[:half], TIMESCALE, TIMESCALE, sync=sync, samples=25)
        if payload[half:]:
            part.append(payload[half:], 2 * TIMESCALE, TIMESCALE, sync=False, samples=25)

    def _key(self, rendition: Rendition, start_us: int) -> PeriodKey:
        period_us = start_us - start_us % HOUR_US
        klass = rendition_class(self.stream, rendition)
        if (klass, period_us) not in self.keys:
            key = self.keys[(klass, period_us)] = PeriodKey.new()
            self.envelopes.append(self.agent.envelope(key, RecScope(self.camera, klass, period_us)))
        return self.keys[(klass, period_us)]

    def _took(self, record: SignedRecord) -> BatchItem:
        self.head = self.head.after(record)
        return BatchItem(record.encoded)


class AgentSim:
    """An enrolled agent that speaks to the portal through Django's test client, and to the store by HTTP."""

    def __init__(self, tenant: uuid.UUID, transport: Ed25519PrivateKey, signer: Ed25519Signer) -> None:
        self.tenant = tenant
        self.transport = transport
        self.signer = signer
        self.boot = secrets.token_bytes(16)
        self.client = Client()
        self.nonce = ""
        self.id = uuid.UUID(int=0)
        self.recipient: TenantRecipient | Recipient | CameraKey | None = None
        self.trust: Trust | None = None
        self.name = ""

    @classmethod
    def enrol(cls, tenant: uuid.UUID, site: Site, name: str = "Box") -> AgentSim:
        """Through the one-time code an installer would type."""
        with tenant_scope(tenant, keys=True):
            code = issue_code(tenant, site, system("tests"))
        agent = cls(tenant, Ed25519PrivateKey.generate(), Ed25519Signer(os.urandom(32)))
        agent.name = name
        request = EnrolRequest(
            secret=parse_code(code.text).secret,
            name=name,
            record_public=agent.signer.public_key,
            transport_public=agent.transport.public_key().public_bytes_raw(),
            box_public=X25519PrivateKey.generate().public_key().public_bytes_raw(),
            software="agent_sim",
        )
        body = json.dumps(request.to_json()).encode()
        reply = agent.send("POST", "/agent/v1/enrol", body, content_type="application/json")
        assert reply.status_code == 200, reply.content
        agent.id = EnrolReply.from_json(reply.json()).agent
        with tenant_scope(tenant):
            agent.recipient = tenant_recipient(tenant)
        return agent

    def add_camera(self, name: str = "Door", **options: Any) -> uuid.UUID:
        """Registers a camera on this agent."""
        with tenant_scope(self.tenant, keys=True):
            agent = Agent.objects.get(id=self.id)
            camera: Camera = camera_add(
                agent, NewCamera(name, "rtsp://user:password@camera.example/main", **options), system("tests")
            )
        return camera.id

    def stream(self, camera: uuid.UUID, stream: Stream = Stream.MAIN) -> SimStream:
        """A new chain for a stream; `genesis` must come first."""
        return SimStream(
            self, camera, stream, ChainHead(self.tenant, camera, stream, secrets.token_bytes(16))
        )

    def envelope(self, key: PeriodKey, scope: RecScope) -> bytes:
        to = self.recipient
        if self.trust is not None:
            to = self.trust.recipient_for(scope.camera, camera_key_kind(scope.rendition_class))
        assert to is not None
        info = EnvelopeInfo(EnvelopePurpose.REC, self.tenant, scope, key.key_id, to.kid, to.epoch)
        return seal_envelope(info, key.key, to.public_key)

    def follow_statements(self, fingerprint: bytes) -> None:
        """Seal from now on to whom the statements of this root name."""
        reply = self.send("GET", "/agent/v1/state?statements=0")
        assert reply.status_code == 200, reply.content
        self.trust = verify_statements(AgentState.from_json(reply.json()).statements, fingerprint)

    def signed_headers(self, method: str, url: str, body: bytes | None = None) -> dict[str, str]:
        """Headers of a request signed with the newest nonce; `url` absolute."""
        return signatures.sign_request(
            method,
            url,
            key=self.transport,
            key_id=kid(self.transport.public_key().public_bytes_raw()).hex(),
            nonce=self.nonce or "none",
            created=dt.datetime.now(dt.UTC),
            body=body,
        )

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        *,
        content_type: str = "application/cbor",
        retry: bool = True,
    ) -> Any:
        """A signed request; repeated once with a fresh nonce, as agents do."""
        headers = self.signed_headers(method, PUBLIC_URL + path, body or None)
        reply = self.client.generic(method, path, body, content_type=content_type, headers=headers)
        self.nonce = reply.headers.get("VSaaS-Nonce", self.nonce)
        if reply.status_code == 401 and retry:
            return self.send(method, path, body, content_type=content_type, retry=False)
        return reply

    def post(
        self,
        items: Iterable[BatchItem | Sealed],
        *,
        envelopes: Iterable[bytes] = (),
        uploaded: Iterable[Uploaded] = (),
        oldest_unsent_us: int | None = None,
        unsent: tuple[Unsent, ...] | None = None,
    ) -> BatchReply:
        """Posts a batch and reads the reply; the request must be accepted as such."""
        batch = RecordsBatch(
            tuple(item.item if isinstance(item, Sealed) else item for item in items),
            tuple(envelopes),
            tuple(uploaded),
            oldest_unsent_us,
            unsent,
        )
        reply = self.send("POST", "/agent/v1/records", batch.encode())
        assert reply.status_code == 200, reply.content
        return BatchReply.decode(reply.content)

    def record(self, stream: SimStream, items: Iterable[BatchItem | Sealed]) -> BatchReply:
        """Posts items with the stream's envelopes that were not sent yet."""
        envelopes, stream.envelopes = stream.envelopes, []
        return self.post(items, envelopes=envelopes)

    def store(self, stream: SimStream, segments: Iterable[Sealed], reply: BatchReply) -> list[Uploaded]:
        """Uploads the objects with the reply's grants."""
        done = []
        for sealed in segments:
            response = put(reply.grants[sealed.segment], sealed.object)
            assert response.status_code == 200, response.text
            done.append(Uploaded(sealed.segment, stream.camera, int(stream.stream)))
        return done


def put(grant: PutGrant, body: bytes, **changes: str) -> httpx.Response:
    """What an agent sends to the store."""
    return httpx.put(grant.url, content=body, headers=dict(grant.headers) | changes)


def recorded(
    agent: AgentSim, start_us: int, count: int, camera: uuid.UUID | None = None, **options: Any
) -> tuple[SimStream, list[Sealed]]:
    """A camera (new unless given) with `count` segments from `start_us`, uploaded and confirmed."""
    from vsaas.common.object_store import object_store
    from vsaas.footage import stored

    stream = agent.stream(camera or agent.add_camera(f"Camera {secrets.token_hex(4)}"))
    begin = stream.genesis(start_us)
    segments = stream.segments(start_us, count, **options)
    reply = agent.record(stream, [begin, *segments])
    assert {result.status for result in reply.results} == {0}, reply.results
    agent.store(stream, segments, reply)
    for hour_us in sorted({sealed.start_us - sealed.start_us % HOUR_US for sealed in segments}):
        stored.confirm_hour(
            agent.tenant, stored.Hour(stream.camera, int(stream.stream), hour_us), object_store()
        )
    return stream, segments
