"""A small server that speaks the agent's protocol over real sockets, for answers a healthy portal never gives.

The portal itself is tested elsewhere; here each test says what the next reply is: refusals, other people's statements,
older documents, broken connections.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import signatures
from protocol.camera_source import seal_source
from protocol.command import AgentSettings, CameraOrder, CommandDocument
from protocol.enrolment import EnrolmentCode, EnrolReply, EnrolRequest
from protocol.errors import ProtocolError
from protocol.state import AgentState
from sealing.cose import Ed25519Signer, Purpose, sign1
from sealing.ids import RecipientKind, Stream, fingerprint, kid
from sealing.record import ZERO_HASH
from sealing.statement import (
    AgentKeys,
    AgentRevoked,
    Body,
    CommandKey,
    Recipient,
    Recipients,
    RootBody,
    Statement,
    Trust,
    countersign_handover,
    sign_statement,
    verify_statements,
)

NOW_US = 1_790_000_000_000_000
SOURCE = "rtsp://viewer:s3cret@10.0.0.7:554/stream"


def new_signer() -> Ed25519Signer:
    return Ed25519Signer(Ed25519PrivateKey.generate().private_bytes_raw())


def trust_in(tenant: uuid.UUID, *recipients: Recipient) -> Trust:
    """What statements of a new root say that name these recipients."""
    root = new_signer()
    first = sign_statement(Statement(tenant, 0, ZERO_HASH, NOW_US, RootBody(root.public_key)), root)
    prev = hashlib.sha256(first).digest()
    second = sign_statement(Statement(tenant, 1, prev, NOW_US, Recipients(recipients)), root)
    return verify_statements([first, second], fingerprint(root.public_key))


class Organisation:
    """A tenant with its keys, statements and one agent's command documents."""

    def __init__(self, tenant: uuid.UUID | None = None) -> None:
        self.tenant = tenant or uuid.uuid4()
        self.agent = uuid.uuid4()
        self.root, self.command_signer = new_signer(), new_signer()
        self.recipient_private = X25519PrivateKey.generate()
        self.recipient = Recipient(
            RecipientKind.TENANT, self.recipient_private.public_key().public_bytes_raw(), 1
        )
        self.statements: list[bytes] = []
        for body in (
            RootBody(self.root.public_key),
            Recipients((self.recipient,)),
            CommandKey(self.command_signer.public_key),
        ):
            self.state(body)
        self.code = EnrolmentCode(secrets.token_bytes(10), fingerprint(self.root.public_key))

    def state(self, body: Body) -> int:
        """Sign and keep the next statement; return its number."""
        number = len(self.statements)
        prev = hashlib.sha256(self.statements[-1]).digest() if self.statements else ZERO_HASH
        self.statements.append(
            sign_statement(Statement(self.tenant, number, prev, NOW_US + number, body), self.root)
        )
        return number

    def hand_over(self) -> None:
        """A new root takes over; the one before stays in `old_root`."""
        self.old_root, new = self.root, new_signer()
        number, prev = len(self.statements), hashlib.sha256(self.statements[-1]).digest()
        self.state(countersign_handover(self.tenant, number, prev, NOW_US + number, new))
        self.root = new

    def admit(self, record: bytes, transport: bytes, box: bytes) -> None:
        self.state(AgentKeys(self.agent, record, transport, box))

    def revoke(self) -> None:
        self.state(AgentRevoked(self.agent, ()))

    def change_command_key(self) -> None:
        self.command_signer = new_signer()
        self.state(CommandKey(self.command_signer.public_key))

    def command(
        self,
        number: int,
        cameras: tuple[CameraOrder, ...] = (),
        *,
        agent: uuid.UUID | None = None,
        signer: Ed25519Signer | None = None,
    ) -> bytes:
        document = CommandDocument(
            self.tenant,
            agent or self.agent,
            number,
            NOW_US,
            cameras,
            AgentSettings(),
            len(self.statements) - 1,
        )
        return sign1(document.payload(), Purpose.COMMAND, signer or self.command_signer)

    def camera(
        self, box_public: bytes, *, camera: uuid.UUID | None = None, enabled: bool = True, sub: bool = False
    ) -> CameraOrder:
        camera = camera or uuid.uuid4()
        main = seal_source(self.tenant, camera, Stream.MAIN, SOURCE, box_public)
        other = seal_source(self.tenant, camera, Stream.SUB, SOURCE, box_public) if sub else None
        return CameraOrder(camera, "gate", enabled, main, other, True)


@dataclass(frozen=True)
class Request:
    """One request as it came, headers in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True)
class Reply:
    """What to answer; `hang_up` closes the connection instead."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    hang_up: bool = False


Handler = Callable[[Request], Reply]


def problem(status: int, name: str, detail: str = "as the test wants", **headers: str) -> Reply:
    body = {"type": f"urn:vsaas:problem:{name}", "title": name, "status": status, "detail": detail}
    return Reply(status, json.dumps(body).encode(), "application/problem+json", headers)


def as_json(data: object) -> Reply:
    return Reply(200, json.dumps(data).encode())


class TinyPortal:
    """Checks signatures and nonces as the portal does, and answers what the test put into `routes`."""

    def __init__(self, live_url: str = "ws://127.0.0.1:9") -> None:
        self.requests: list[Request] = []
        self.routes: dict[str, Handler] = {}
        self.scripted: list[Reply] = []
        self.live_url = live_url
        self.keys: dict[str, Ed25519PublicKey] = {}
        self.fresh_nonces = True
        self._nonces: set[str] = set()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class())
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    @contextmanager
    def serving(self) -> Iterator[TinyPortal]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()

    def accepts(self, transport_public: bytes) -> None:
        """Register a transport key."""
        self.keys[kid(transport_public).hex()] = Ed25519PublicKey.from_public_bytes(transport_public)

    def nonce(self) -> str:
        with self._lock:
            nonce = secrets.token_urlsafe(24)
            self._nonces.add(nonce)
            return nonce

    def check(self, method: str, url: str, headers: dict[str, str], body: bytes) -> Reply | None:
        """The refusal a request earns, or None."""
        try:
            verified = signatures.verify_request(method, url, headers, find_key=self.keys.get, body=body)
        except ProtocolError as error:
            return problem(401, "signature-refused", error.detail)
        with self._lock:
            if verified.nonce not in self._nonces:
                return problem(401, "stale-nonce")
            self._nonces.remove(verified.nonce)
        return None

    def _answer(self, request: Request) -> Reply:
        self.requests.append(request)
        if request.path == "/agent/v1/enrol":
            self.accepts(EnrolRequest.from_json(json.loads(request.body)).transport_public)
        refusal = self.check(request.method, self.url + request.path, request.headers, request.body)
        if refusal is not None:
            return refusal
        if self.scripted:
            return self.scripted.pop(0)
        handler = self.routes.get(f"{request.method} {request.path.partition('?')[0]}")
        return handler(request) if handler is not None else problem(404, "not-found")

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        portal = self

        class Handle(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _do(self) -> None:
                length = int(self.headers.get("Content-Length") or 0)
                request = Request(
                    self.command,
                    self.path,
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(length),
                )
                reply = portal._answer(request)
                if reply.hang_up:
                    self.close_connection = True
                    return
                self.send_response_only(reply.status)
                if "Date" not in reply.headers:
                    self.send_header("Date", self.date_time_string())
                if portal.fresh_nonces:
                    self.send_header(signatures.NONCE_HEADER, portal.nonce())
                for name, value in {"Content-Type": reply.content_type, **reply.headers}.items():
                    self.send_header(name.replace("_", "-"), value)
                if reply.status != 204:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)

            do_GET = do_POST = do_PUT = _do

            def log_message(self, format: str, *args: object) -> None:
                return

        return Handle

    # What a healthy portal answers

    def enrols(self, organisation: Organisation, *, statements: list[bytes] | None = None) -> None:
        """Answer enrolments; `statements` instead of the true ones."""

        def enrol(request: Request) -> Reply:
            message = EnrolRequest.from_json(json.loads(request.body))
            if statements is None and not self._admitted(organisation, message.record_public):
                organisation.admit(message.record_public, message.transport_public, message.box_public)
            reply = EnrolReply(
                organisation.tenant,
                "acme",
                organisation.agent,
                tuple(organisation.statements if statements is None else statements),
                organisation.command(1),
                self.live_url,
            )
            return as_json(reply.to_json())

        self.routes["POST /agent/v1/enrol"] = enrol

    @staticmethod
    def _admitted(organisation: Organisation, record_public: bytes) -> bool:
        return any(record_public in statement for statement in organisation.statements)

    def states(self, organisation: Organisation, command: Callable[[], bytes]) -> None:
        """Answer questions for the state."""

        def state(request: Request) -> Reply:
            first = int(request.path.partition("statements=")[2])
            answer = AgentState(
                first, tuple(organisation.statements[first:]), command(), (), NOW_US, self.live_url
            )
            return as_json(answer.to_json())

        self.routes["GET /agent/v1/state"] = state
