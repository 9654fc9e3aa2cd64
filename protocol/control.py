"""Messages of the control WebSocket between hub and agent: canonical CBOR arrays, one per binary frame.

Hub → agent: command document `[1, signed]`, publish start `[2, publish, camera, stream, expires µs]`, publish stop
`[3, publish]`, rekey `[4, publish]`, ping `[5, n]`, look for stored news `[6]` (post a batch now),
order `[7, signed]` (`protocol.order`: one thing asked of the agent).
Agent → hub: pong `[20, n]`, live keys `[21, publish, [[rendition, key id, commitment, envelope], …]]` (SPEC 7; sent before the
first message sealed under them), publish refused `[22, publish, reason]`, publish ended `[23, publish, reason]`, answer
to an order `[24, order, answer]`.

Publish orders are unsigned on purpose: they can only make the agent send sealed fragments to the hub it authenticated to,
sealed to the tenant's recipient. Whoever forges them learns nothing.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from protocol import fields
from protocol.errors import ProtocolError
from sealing.canonical import Encodable, decode_canonical, encode_canonical

CONTROL_MESSAGE_BYTES_MAX = 1024 * 1024


@dataclass(frozen=True)
class CommandPush:
    signed: bytes


@dataclass(frozen=True)
class PublishStart:
    """Ask for live fragments. The agent ends the publish by itself at `expires_us` unless started again with a later time."""

    publish: uuid.UUID
    camera: uuid.UUID
    stream: int
    expires_us: int


@dataclass(frozen=True)
class PublishStop:
    publish: uuid.UUID


@dataclass(frozen=True)
class Rekey:
    """Access was withdrawn from someone: new session keys from the next key frame on at the latest."""

    publish: uuid.UUID


@dataclass(frozen=True)
class Ping:
    n: int


@dataclass(frozen=True)
class PostNow:
    pass


@dataclass(frozen=True)
class OrderPush:
    signed: bytes


@dataclass(frozen=True)
class Pong:
    n: int


@dataclass(frozen=True)
class LiveKey:
    rendition: int
    key_id: bytes
    commitment: bytes
    envelope: bytes


@dataclass(frozen=True)
class LiveKeys:
    publish: uuid.UUID
    keys: tuple[LiveKey, ...]


@dataclass(frozen=True)
class PublishRefused:
    """`reason`: `unknown-camera`, `disabled`, `camera-offline`, `no-stream`, `no-recipient` (nothing can be sealed), `too-many`."""

    publish: uuid.UUID
    reason: str


@dataclass(frozen=True)
class PublishEnded:
    """`reason`: `stopped`, `expired`, `camera-offline`, `uplink-lost`, `control-lost` (new keys could not be told), `no-recipient`,
    `revoked`, `agent-stopped`, `renewed` (the agent has new keys), `failed`."""

    publish: uuid.UUID
    reason: str


@dataclass(frozen=True)
class OrderAnswer:
    """`answer`: canonical CBOR of `protocol.order.Answer`, which the hub keeps for the portal without reading it."""

    order: uuid.UUID
    answer: bytes


HubMessage = CommandPush | PublishStart | PublishStop | Rekey | Ping | PostNow | OrderPush
AgentMessage = Pong | LiveKeys | PublishRefused | PublishEnded | OrderAnswer


def encode(message: HubMessage | AgentMessage) -> bytes:
    match message:
        case CommandPush(signed):
            return encode_canonical([1, signed])
        case PublishStart(publish, camera, stream, expires_us):
            return encode_canonical([2, publish.bytes, camera.bytes, stream, expires_us])
        case PublishStop(publish):
            return encode_canonical([3, publish.bytes])
        case Rekey(publish):
            return encode_canonical([4, publish.bytes])
        case Ping(n):
            return encode_canonical([5, n])
        case PostNow():
            return encode_canonical([6])
        case OrderPush(signed):
            return encode_canonical([7, signed])
        case Pong(n):
            return encode_canonical([20, n])
        case LiveKeys(publish, keys):
            rows: list[Encodable] = [
                [key.rendition, key.key_id, key.commitment, key.envelope] for key in keys
            ]
            return encode_canonical([21, publish.bytes, rows])
        case PublishRefused(publish, reason):
            return encode_canonical([22, publish.bytes, reason])
        case PublishEnded(publish, reason):
            return encode_canonical([23, publish.bytes, reason])
        case OrderAnswer(order, answer):
            return encode_canonical([24, order.bytes, answer])


def _parts(frame: bytes) -> tuple[int, list[object]]:
    row = fields.array(decode_canonical(frame, max_bytes=CONTROL_MESSAGE_BYTES_MAX), "control message")
    if not row:
        raise ProtocolError("bad-field", "an empty control message")
    return fields.uint(row[0], "message number", most=255), row[1:]


def decode_from_hub(frame: bytes) -> HubMessage | None:
    """What the hub says; None for a message number of a later version (ignored). Raises ProtocolError or SealingError."""
    number, rest = _parts(frame)
    match number, rest:
        case 1, [signed]:
            return CommandPush(fields.data(signed, "command document"))
        case 2, [publish, camera, stream, expires_us]:
            return PublishStart(
                fields.uid(publish, "publish"),
                fields.uid(camera, "camera"),
                fields.uint(stream, "stream", most=255),
                fields.uint(expires_us, "expires"),
            )
        case 3, [publish]:
            return PublishStop(fields.uid(publish, "publish"))
        case 4, [publish]:
            return Rekey(fields.uid(publish, "publish"))
        case 5, [n]:
            return Ping(fields.uint(n, "n"))
        case 6, []:
            return PostNow()
        case 7, [signed]:
            return OrderPush(fields.data(signed, "order"))
    if number <= 7:
        raise ProtocolError("bad-field", f"control message {number} has {len(rest)} fields")
    return None


def decode_from_agent(frame: bytes) -> AgentMessage | None:
    """What an agent says; None for a message number of a later version (ignored). Raises ProtocolError or SealingError."""
    number, rest = _parts(frame)
    match number, rest:
        case 20, [n]:
            return Pong(fields.uint(n, "n"))
        case 21, [publish, rows]:
            return LiveKeys(
                fields.uid(publish, "publish"),
                tuple(_live_key(row) for row in fields.array(rows, "keys", most=8)),
            )
        case 22, [publish, reason]:
            return PublishRefused(fields.uid(publish, "publish"), fields.text(reason, "reason"))
        case 23, [publish, reason]:
            return PublishEnded(fields.uid(publish, "publish"), fields.text(reason, "reason"))
        case 24, [order, answer]:
            return OrderAnswer(fields.uid(order, "order"), fields.data(answer, "answer"))
    if 20 <= number <= 24:
        raise ProtocolError("bad-field", f"control message {number} has {len(rest)} fields")
    return None


def _live_key(value: object) -> LiveKey:
    rendition, key_id, commitment, envelope = fields.array(value, "live key", length=4)
    return LiveKey(
        fields.uint(rendition, "rendition", most=255),
        fields.data(key_id, "key id", length=16),
        fields.data(commitment, "commitment", length=32),
        fields.data(envelope, "envelope", most=4096),
    )
