"""Orders: one thing that somebody asks of one agent now, and what it answers.

An order is signed (purpose `vsaas-order-v1`, the command key) and ends at its expiry by the portal's clock. It travels
over the control socket, is kept nowhere, and is obeyed once. Kinds: *try an address*, which the agent answers with
one picture sealed to the asking browser or with what stands in the way; *upload now*, which moves the segments of a
stretch to the head of the agent's upload queue; *find cameras*, *look at* some and *set* one (`protocol.finding`),
of which the first two are answered again and again until they are done; *change* and *restore a password*
(`protocol.passwords`), whose end the agent reports over HTTP, since it may come after any power cut; *look again* at a camera
that was added, and *steer* one (`protocol.steering`); *issue a certificate* to one (`protocol.camera_certificate`).

A picture is sealed by HPKE (X25519, HKDF-SHA256, AES-256-GCM) to the X25519 key the browser made for this one test:
`enc ‖ ciphertext`, with `picture_info` as info. Neither portal nor hub can open it.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any, Final

from cryptography.hazmat.primitives import hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PublicKey

from protocol import fields
from protocol.camera_certificate import IssueCertificate
from protocol.errors import ProtocolError
from protocol.finding import REPORT_BYTES_MAX, FindCameras, LookAt, SetCamera
from protocol.passwords import ChangePassword, RestorePassword
from protocol.steering import LookAgain, Steer
from sealing.canonical import decode_canonical, encode_canonical
from sealing.ids import box_kid

VERSION: Final = 1
ANSWER_BYTES_MAX: Final = 1_000_000
PICTURE_BYTES_MAX: Final = 950_000
"""A larger key frame is not sent along: the answer says that it was received."""

PICTURE: Final = "picture"
TAKEN: Final = "taken"
UNDER_WAY: Final = "under-way"
DONE: Final = "done"
CAUSES: Final = frozenset(
    {
        "refused",
        "no-route",
        "unknown-name",
        "tls",
        "credentials",
        "no-path",
        "moved",
        "not-rtsp",
        "no-video",
        "codec",
        "no-key-frame",
        "timeout",
        "closed",
        "busy-camera",
        "busy",
        "unusable",
    }
)
"""Why there is no picture. `busy`: the agent is trying as many addresses as it may."""

_SUITE: Final = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.AES_256_GCM)


@dataclass(frozen=True)
class TryAddress:
    """`source`: envelope as in a command document, sealed for `camera` (which need not exist) and `stream`.
    `answer_to`: the browser's X25519 key."""

    camera: uuid.UUID
    stream: int
    source: bytes = field(repr=False)
    audio: bool
    answer_to: bytes


@dataclass(frozen=True)
class UploadNow:
    """Segments of the camera that overlap the stretch, UTC µs, of all its streams."""

    camera: uuid.UUID
    from_us: int
    to_us: int


Task = (
    TryAddress
    | UploadNow
    | FindCameras
    | LookAt
    | SetCamera
    | ChangePassword
    | RestorePassword
    | LookAgain
    | Steer
    | IssueCertificate
)


@dataclass(frozen=True)
class Order:
    tenant: uuid.UUID
    agent: uuid.UUID
    order: uuid.UUID
    expires_us: int
    task: Task

    def payload(self) -> bytes:
        """Canonical CBOR to be signed."""
        task = self.task
        if isinstance(task, TryAddress):
            body: list[Any] = [1, task.camera.bytes, task.stream, task.source, task.audio, task.answer_to]
        elif isinstance(task, UploadNow):
            body = [2, task.camera.bytes, task.from_us, task.to_us]
        else:
            body = task.row()
        return encode_canonical(
            {
                1: VERSION,
                2: self.tenant.bytes,
                3: self.agent.bytes,
                4: self.order.bytes,
                5: self.expires_us,
                6: body,
            }
        )

    @classmethod
    def from_payload(cls, payload: bytes) -> Order:
        """Raises ProtocolError or SealingError. The caller has verified the signature and compares tenant, agent, expiry."""
        top = fields.mapping(decode_canonical(payload), "order")
        if top.get(1) != VERSION:
            raise ProtocolError(
                "unknown-version", f"order version {top.get(1)!r}: this agent speaks {VERSION}"
            )
        return cls(
            fields.uid(top.get(2), "tenant"),
            fields.uid(top.get(3), "agent"),
            fields.uid(top.get(4), "order"),
            fields.uint(top.get(5), "expires"),
            _task(fields.array(top.get(6), "task", most=8)),
        )


def _task(row: list[Any]) -> Task:
    match row:
        case [1, camera, stream, source, audio, answer_to]:
            return TryAddress(
                fields.uid(camera, "camera"),
                fields.uint(stream, "stream", most=255),
                fields.data(source, "source", most=8192),
                fields.boolean(audio, "audio"),
                fields.data(answer_to, "answer key", length=32),
            )
        case [2, camera, from_us, to_us]:
            return UploadNow(
                fields.uid(camera, "camera"), fields.uint(from_us, "from"), fields.uint(to_us, "to")
            )
        case [3, multicast, ranges, ports]:
            return FindCameras.of(multicast, ranges, ports)
        case [4, targets, factory]:
            return LookAt.of(targets, factory)
        case [5, target, encoders, ntp, time_zone]:
            return SetCamera.of(target, encoders, ntp, time_zone)
        case [6, change, camera, service, way]:
            return ChangePassword.of(change, camera, service, way)
        case [7, change, camera, former, service, way]:
            return RestorePassword.of(change, camera, former, service, way)
        case [14, camera, service]:
            return LookAgain.of(camera, service)
        case [15, camera, service, act, ways, preset, name]:
            return Steer.of(camera, service, act, ways, preset, name)
        case [16, change, camera, service]:
            return IssueCertificate.of(change, camera, service)
    raise ProtocolError("bad-field", "an order for a task this agent does not know")


@dataclass(frozen=True)
class Facts:
    """What a camera offers: codec strings as in records, size in pixels, thousandths of pictures a second (0: not known)."""

    codec: str
    width: int
    height: int
    frames_per_1000_s: int
    audio: str

    def row(self) -> list[Any]:
        return [self.codec, self.width, self.height, self.frames_per_1000_s, self.audio]


@dataclass(frozen=True)
class Answer:
    """`outcome`: `picture`, `taken` (an upload order, a change of a password), `under-way` and `done` (finding and looking), or one
    of `CAUSES`. `number`: status of the camera's reply, seconds waited, segments moved forward, or hundredths that are done.
    `sealed`: the picture, empty without one. `report`: what was found so far."""

    outcome: str
    number: int = 0
    facts: Facts | None = None
    sealed: bytes = b""
    report: bytes = b""

    def encode(self) -> bytes:
        facts = None if self.facts is None else self.facts.row()
        row: list[Any] = [self.outcome, self.number, facts, self.sealed]
        return encode_canonical([*row, self.report] if self.report else row)

    @classmethod
    def decode(cls, data: bytes) -> Answer:
        """Raises ProtocolError or SealingError for what no agent says."""
        row = fields.array(decode_canonical(data, max_bytes=ANSWER_BYTES_MAX), "answer", most=5)
        outcome, number, facts, sealed = fields.array(row[:4], "answer", length=4)
        word = fields.text(outcome, "outcome")
        if word not in CAUSES | {PICTURE, TAKEN, UNDER_WAY, DONE}:
            raise ProtocolError("bad-field", "an answer with an outcome that does not exist")
        report = fields.data(row[4], "report", most=REPORT_BYTES_MAX) if len(row) == 5 else b""
        return cls(word, fields.uint(number, "number"), _facts(facts), fields.data(sealed, "picture"), report)


def _facts(value: object) -> Facts | None:
    if value is None:
        return None
    codec, width, height, rate, audio = fields.array(value, "facts", length=5)
    return Facts(
        fields.text(codec, "codec"),
        fields.uint(width, "width", most=65535),
        fields.uint(height, "height", most=65535),
        fields.uint(rate, "frame rate", most=1_000_000),
        _text_or_none(audio),
    )


def _text_or_none(value: object) -> str:
    return "" if value == "" else fields.text(value, "audio")


def picture_info(tenant: uuid.UUID, agent: uuid.UUID, order: uuid.UUID, answer_to: bytes) -> bytes:
    """What a sealed picture is bound to."""
    return encode_canonical(["vsaas-picture-v1", tenant.bytes, agent.bytes, order.bytes, box_kid(answer_to)])


def seal_picture(order: Order, codec: str, configuration: bytes, picture: bytes) -> bytes:
    """One key frame (units with 4-byte lengths) and its decoder configuration (avcC, hvcC), for the order's browser alone.

    Raises ProtocolError where the browser's key is none, or the picture is larger than an answer may be.
    """
    task = order.task
    if not isinstance(task, TryAddress):
        raise ProtocolError("bad-field", "only a tried address is answered with a picture")
    if len(picture) > PICTURE_BYTES_MAX:
        raise ProtocolError("too-large", f"a picture of {len(picture)} bytes does not fit an answer")
    info = picture_info(order.tenant, order.agent, order.order, task.answer_to)
    plain = encode_canonical([codec, configuration, picture])
    try:
        sealed: bytes = _SUITE.encrypt(plain, X25519PublicKey.from_public_bytes(task.answer_to), info)
    except ValueError as error:
        raise ProtocolError("bad-field", "the browser's key is not an X25519 key") from error
    return sealed
