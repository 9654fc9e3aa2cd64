"""A small portal and store on a free port that speak the protocol over real HTTP, with faults on demand.

Signatures, nonces, chains, envelopes and grants are checked as the real portal checks them; it keeps everything in memory.
The whole way through the real portal is tested end to end elsewhere.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from edge_agent.enrol import enrol
from protocol.batch import BatchReply, ItemResult, PutGrant, RecordsBatch, RecordStatus
from protocol.camera_source import seal_source
from protocol.command import AgentSettings, CameraOrder, CommandDocument
from protocol.enrolment import EnrolmentCode, EnrolReply, EnrolRequest
from protocol.errors import ProtocolError
from protocol.release import PIECE_BYTES
from protocol.signatures import verify_request
from protocol.state import AgentState, ChainTip
from sealing.chain import Known, Refused, Tip, accept
from sealing.cose import Ed25519Signer, Purpose, parse1, sign1
from sealing.crc import crc32c
from sealing.ids import RecipientKind, Stream, fingerprint, kid
from sealing.keys import parse_envelope
from sealing.record import ZERO_HASH, Segment, SignedRecord, check_record, parse_record
from sealing.statement import (
    AgentKeys,
    CommandKey,
    Recipient,
    Recipients,
    RootBody,
    Statement,
    sign_statement,
)


@dataclass
class Faults:
    """What goes wrong, switched on by a test."""

    portal_status: int | None = None
    retry_after: str | None = None
    store_status: int | None = None
    lose_replies: int = 0
    forget_grants: bool = False
    expire_grants: int = 0
    refuse_envelopes: bool = False
    refuse: Callable[[SignedRecord], str | None] | None = None
    confirm: bool = True
    slow_to_know: bool = False
    slam_the_door: bool = False
    withhold: set[uuid.UUID] = field(default_factory=set)
    """Segments that get neither a grant nor a confirmation, as those the portal holds for missing."""


@dataclass
class Portal:
    """State of the portal and its store. `url` is both their address."""

    url: str = ""
    faults: Faults = field(default_factory=Faults)
    tenant: uuid.UUID = field(default_factory=uuid.uuid4)
    agent: uuid.UUID = field(default_factory=uuid.uuid4)
    root: Ed25519Signer = field(default_factory=lambda: _signer())
    command_key: Ed25519Signer = field(default_factory=lambda: _signer())
    tenant_private: bytes = field(default_factory=lambda: X25519PrivateKey.generate().private_bytes_raw())
    statements: list[bytes] = field(default_factory=list)
    cameras: list[tuple[uuid.UUID, str, str | None]] = field(default_factory=list)
    settings: AgentSettings = field(default_factory=lambda: AgentSettings(2_000_000_000, 2, 30))
    enrolled: EnrolRequest | None = None
    number: int = 0
    nonces: set[str] = field(default_factory=set)
    tips: dict[bytes, Tip] = field(default_factory=dict)
    records: dict[tuple[bytes, int], SignedRecord] = field(default_factory=dict)
    indexes: dict[uuid.UUID, bytes] = field(default_factory=dict)
    envelopes: dict[bytes, bytes] = field(default_factory=dict)
    objects: dict[uuid.UUID, bytes] = field(default_factory=dict)
    put_counts: dict[uuid.UUID, int] = field(default_factory=dict)
    puts_refused: int = 0
    asked: dict[uuid.UUID, int] = field(default_factory=dict)
    envelopes_offered: int = 0
    batches: int = 0
    heartbeats: list[dict[str, Any]] = field(default_factory=list)
    offered: dict[str, bytes] = field(default_factory=dict)
    """Release documents by their hash in hex, and their files by `hash/name`."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        public = X25519PrivateKey.from_private_bytes(self.tenant_private).public_key().public_bytes_raw()
        self.recipient = Recipient(RecipientKind.TENANT, public, 0)
        self.state(RootBody(self.root.public_key))
        self.state(Recipients((self.recipient,)))
        self.state(CommandKey(self.command_key.public_key))
        self.secret = secrets.token_bytes(10)

    @property
    def code(self) -> str:
        return EnrolmentCode(self.secret, fingerprint(self.root.public_key)).text()

    def state(self, body: Any) -> None:
        """Sign the next statement."""
        prev = parse1(self.statements[-1]).hash if self.statements else ZERO_HASH
        statement = Statement(self.tenant, len(self.statements), prev, time.time_ns() // 1000, body)
        self.statements.append(sign_statement(statement, self.root))

    def enrol(self, folder: Path) -> None:
        enrol(self.url, self.code, folder, "test box")

    def order(self, *cameras: tuple[uuid.UUID, str, str | None]) -> None:
        """Order these cameras (id, main URL, sub URL) with the next command document."""
        self.cameras = list(cameras)
        self.number += 1

    def command(self) -> bytes:
        assert self.enrolled is not None
        box = self.enrolled.box_public
        orders = tuple(
            CameraOrder(
                camera,
                "gate",
                True,
                seal_source(self.tenant, camera, Stream.MAIN, main, box),
                None if sub is None else seal_source(self.tenant, camera, Stream.SUB, sub, box),
                True,
            )
            for camera, main, sub in self.cameras
        )
        document = CommandDocument(
            self.tenant, self.agent, self.number, 1, orders, self.settings, len(self.statements) - 1
        )
        if self.number not in self._signed:
            self._signed[self.number] = sign1(document.payload(), Purpose.COMMAND, self.command_key)
        return self._signed[self.number]

    _signed: dict[int, bytes] = field(default_factory=dict)

    # What tests look at

    def all_records(self) -> list[SignedRecord]:
        with self.lock:
            return list(self.records.values())

    def segments(self) -> list[Segment]:
        return [r.record for r in self.all_records() if isinstance(r.record, Segment)]

    def restore(self, kept: dict[bytes, int]) -> None:
        """Go back to a backup that holds these chains up to these seqs, and no envelope; the store keeps its objects."""
        with self.lock:
            self.records = {
                key: record for key, record in self.records.items() if key[1] <= kept.get(key[0], -1)
            }
            self.tips = {chain: Tip(chain, seq, self.records[chain, seq].hash) for chain, seq in kept.items()}
            self.envelopes.clear()

    def stored(self) -> set[uuid.UUID]:
        with self.lock:
            return set(self.objects)

    # Routes

    def fresh_nonce(self) -> str:
        nonce = secrets.token_urlsafe(16)
        with self.lock:
            self.nonces.add(nonce)
        return nonce

    def use_nonce(self, nonce: str) -> bool:
        with self.lock:
            if nonce in self.nonces:
                self.nonces.remove(nonce)
                return True
            return False

    def take_enrolment(self, request: EnrolRequest) -> EnrolReply:
        with self.lock:
            if self.enrolled is None:
                self.enrolled = request
                self.state(
                    AgentKeys(self.agent, request.record_public, request.transport_public, request.box_public)
                )
            return EnrolReply(
                self.tenant,
                "test",
                self.agent,
                tuple(self.statements),
                self.command(),
                "ws" + self.url.removeprefix("http"),
            )

    def agent_state(self, first: int) -> AgentState:
        with self.lock:
            tips = [
                ChainTip(tip.chain, record.record.camera, record.record.stream, tip.seq, tip.hash)
                for tip in self.tips.values()
                if (record := self.records.get((tip.chain, tip.seq)))
            ]
            return AgentState(
                first,
                tuple(self.statements[first:]),
                self.command(),
                tuple(tips),
                time.time_ns() // 1000,
                "ws" + self.url.removeprefix("http"),
            )

    def take_batch(self, body: bytes) -> bytes:
        batch = RecordsBatch.decode(body)
        with self.lock:
            self.batches += 1
            for envelope in batch.envelopes:
                info, _ = parse_envelope(envelope)
                self.envelopes_offered += 1
                if not self.faults.refuse_envelopes:
                    self.envelopes[info.key_id] = envelope
            results, grants, known_stored = [], {}, set()
            for item in batch.items:
                result, record = self._take_record(item.record, item.index_part)
                results.append(result)
                head = record.record
                if result.status is RecordStatus.REFUSED or not isinstance(head, Segment):
                    continue
                self.asked[head.segment] = self.asked.get(head.segment, 0) + 1
                if head.segment in self.faults.withhold:
                    continue
                if head.segment in self.objects and not self.faults.slow_to_know:
                    known_stored.add(head.segment)
                elif not self.faults.forget_grants:
                    grants[head.segment] = self._grant(head)
            confirmed = {item.segment for item in batch.uploaded if item.segment in self.objects}
            return BatchReply(
                tuple(results),
                grants,
                tuple(confirmed | known_stored) if self.faults.confirm else (),
                {chain: (tip.seq, tip.hash) for chain, tip in self.tips.items()},
                len(self.statements) - 1,
                self.number,
            ).encode()

    def _grant(self, head: Segment) -> PutGrant:
        checksum = base64.b64encode(head.crc32c.to_bytes(4, "big")).decode()
        token = "old" if self.faults.expire_grants > 0 else "good"
        self.faults.expire_grants -= 1
        headers = {"x-amz-checksum-crc32c": checksum, "If-None-Match": "*"}
        return PutGrant(f"{self.url}/store/{head.segment}?size={head.size}&token={token}", headers)

    def _take_record(self, data: bytes, index_part: bytes | None) -> tuple[ItemResult, SignedRecord]:
        assert self.enrolled is not None
        record = check_record(parse_record(data), self.enrolled.record_public)
        head = record.record
        error = self.faults.refuse(record) if self.faults.refuse else None
        if error is not None:
            return ItemResult(RecordStatus.REFUSED, error), record
        known = self.records.get((head.chain, head.seq))
        outcome = accept(self.tips.get(head.chain), record, known.hash if known else None)
        if isinstance(outcome, Refused):
            return ItemResult(RecordStatus.REFUSED, outcome.error.name), record
        if isinstance(outcome, Known):
            return ItemResult(RecordStatus.KNOWN), record
        if isinstance(head, Segment):
            if any(part.key_id not in self.envelopes for part in head.parts):
                return ItemResult(RecordStatus.REFUSED, "missing-envelope"), record
            if index_part is None:
                return ItemResult(RecordStatus.REFUSED, "bad-index"), record
            self.indexes[head.segment] = index_part
        self.tips[head.chain] = outcome.tip
        self.records[head.chain, head.seq] = record
        return ItemResult(RecordStatus.ACCEPTED), record

    def put(self, segment: uuid.UUID, size: int, token: str, checksum: str, data: bytes) -> int:
        """Status of an upload."""
        with self.lock:
            if token != "good":
                self.puts_refused += 1
                return 403
            if segment in self.objects:
                return 412
            if len(data) != size or base64.b64encode(crc32c(data).to_bytes(4, "big")).decode() != checksum:
                return 400
            self.objects[segment] = data
            self.put_counts[segment] = self.put_counts.get(segment, 0) + 1
            return 200


def _signer() -> Ed25519Signer:
    return Ed25519Signer(Ed25519PrivateKey.generate().private_bytes_raw())


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    portal: Portal

    def log_message(self, format: str, *args: object) -> None:
        return

    def do_GET(self) -> None:
        self._signed("GET", b"")

    def do_POST(self) -> None:
        self._signed("POST", self.rfile.read(int(self.headers["Content-Length"])))

    def do_PUT(self) -> None:
        if self.portal.faults.slam_the_door:
            # As versitygw does with an object that is there: it answers 412 and closes, its ears shut.
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()
            return
        data = self.rfile.read(int(self.headers["Content-Length"]))
        segment, _, query = self.path.removeprefix("/store/").partition("?")
        parameters = dict(item.split("=") for item in query.split("&"))
        status = self.portal.faults.store_status or self.portal.put(
            uuid.UUID(segment),
            int(parameters["size"]),
            parameters["token"],
            self.headers.get("x-amz-checksum-crc32c", ""),
            data,
        )
        self._reply(status, b"<Error><Code>AccessDenied</Code></Error>" if status == 403 else b"", "text/xml")

    def _signed(self, method: str, body: bytes) -> None:
        portal = self.portal
        if portal.faults.portal_status is not None:
            self._problem(portal.faults.portal_status, "unavailable", "switched off by the test")
            return
        path = self.path.partition("?")[0]
        try:
            request = EnrolRequest.from_json(json.loads(body)) if path.endswith("/enrol") else None
            known = request or portal.enrolled
            assert known is not None

            def find(key_id: str) -> Ed25519PublicKey | None:
                public = known.transport_public
                return Ed25519PublicKey.from_public_bytes(public) if key_id == kid(public).hex() else None

            verified = verify_request(
                method, portal.url + self.path, dict(self.headers), find_key=find, body=body
            )
        except ProtocolError as error:
            self._problem(401, error.name, error.detail)
            return
        if not portal.use_nonce(verified.nonce):
            self._problem(401, "stale-nonce", "sign again")
            return
        if request is not None:
            self._reply(
                200, json.dumps(portal.take_enrolment(request).to_json()).encode(), "application/json"
            )
        elif path == "/agent/v1/state":
            first = int(self.path.partition("statements=")[2])
            self._reply(200, json.dumps(portal.agent_state(first).to_json()).encode(), "application/json")
        elif (offered := portal.offered.get(path.removeprefix("/agent/v1/updates/"))) is not None:
            first = int(self.path.partition("?from=")[2] or 0)
            self._reply(200, offered[first : first + PIECE_BYTES], "application/octet-stream")
        elif path == "/agent/v1/health":
            portal.heartbeats.append(json.loads(body))
            self._reply(204, b"", "application/json")
        elif path == "/agent/v1/records":
            reply = portal.take_batch(body)
            if portal.faults.lose_replies > 0:
                portal.faults.lose_replies -= 1
                self.close_connection = True
                self.connection.close()
                return
            self._reply(200, reply, "application/cbor")
        else:
            self._problem(404, "not-found", "there is nothing here")

    def _problem(self, status: int, name: str, detail: str) -> None:
        body = json.dumps({"type": f"urn:vsaas:problem:{name}", "detail": detail}).encode()
        self._reply(status, body, "application/problem+json")

    def _reply(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if status != 204:
            self.send_header("Content-Length", str(len(body)))
        self.send_header("VSaaS-Nonce", self.portal.fresh_nonce())
        if self.portal.faults.retry_after and status >= 400:
            self.send_header("Retry-After", self.portal.faults.retry_after)
        self.end_headers()
        if status != 204:
            self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed in the middle of a request are what these tests are about."""


@contextmanager
def running_portal(tls: ssl.SSLContext | None = None, name: str = "127.0.0.1") -> Iterator[Portal]:
    """A portal on a free port of this machine; with TLS where a context is given, under `name`."""
    portal = Portal()
    handler = type("Handler", (_Handler,), {"portal": portal})
    server = _Server(("127.0.0.1", 0), handler)
    portal.url = f"{'https' if tls else 'http'}://{name}:{server.server_address[1]}"
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield portal
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
