"""Records: what an agent signs about a segment, a gap, an event, a beat or its clock (SPEC.md section 4). Parsing is pure."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, Final, TypedDict

from .canonical import CBOR, Encodable, decode_canonical, encode_canonical
from .cose import Purpose, Signed, Signer, check1, parse1, sign1
from .errors import BadField, BadParts, UnknownCritical
from .fields import MAX_INT, Fields, array, integer, octets
from .ids import RecordKind, Rendition, Stream
from .merkle import HEADER_BYTES, TAG_BYTES

VERSION: Final = 1
MAX_RECORD_BYTES: Final = 16384
MAX_OBJECT_BYTES: Final = 1 << 30
MAX_INDEX_BYTES: Final = 262144
MAX_INIT_BYTES: Final = 65536
MAX_PARTS: Final = 7
MAX_DETAIL_BYTES: Final = 200
MAX_SOFTWARE_BYTES: Final = 100
MAX_SOURCE_BYTES: Final = 240
MAX_CODEC_BYTES: Final = 64
ZERO_HASH: Final = bytes(32)
_U32: Final = (1 << 32) - 1
_MEDIA: Final = (Rendition.MAIN, Rendition.SUB, Rendition.AUDIO)


@dataclass(frozen=True)
class Stamp:
    """When the agent signed, by all its clocks. `source`: a ClockSource, or a later value to be shown as unknown."""

    claimed_us: int
    boot: bytes
    monotonic_ns: int
    source: int
    error_us: int


@dataclass(frozen=True)
class Media:
    """What a video or audio part holds. Times are in 1/`timescale` seconds."""

    codec: str
    init_hash: bytes
    init_length: int
    timescale: int
    decode_time: int
    duration: int


@dataclass(frozen=True)
class Part:
    """One sealed part and its place in the object (bytes). `media` is there for video and audio only."""

    rendition: Rendition
    suite: int
    offset: int
    sealed_length: int
    root: bytes
    key_id: bytes
    commitment: bytes
    media: Media | None = None

    @property
    def end(self) -> int:
        """First byte after the part in the object."""
        return self.offset + self.sealed_length


@dataclass(frozen=True, kw_only=True)
class Record:
    """The fields every record has. `extensions`: ignorable fields (keys < 0), kept as they came."""

    kind: ClassVar[RecordKind]
    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    chain: bytes
    seq: int
    prev: bytes
    stamp: Stamp
    extensions: dict[int, CBOR] = field(default_factory=dict)

    def body(self) -> dict[int, Encodable]:
        """The fields of this kind by their numbers, without those that are absent."""
        return {}


@dataclass(frozen=True)
class Follows:
    """The tip a new chain goes on from, as far as the agent knows."""

    chain: bytes
    seq: int
    hash: bytes


@dataclass(frozen=True, kw_only=True)
class Genesis(Record):
    """Begins a chain."""

    kind = RecordKind.GENESIS
    agent: uuid.UUID
    record_public: bytes
    follows: Follows | None
    reason: int
    software: str

    def body(self) -> dict[int, Encodable]:
        tip = self.follows
        follows: Encodable = None if tip is None else [tip.chain, tip.seq, tip.hash]
        return {40: self.agent.bytes, 41: self.record_public, 42: follows, 43: self.reason, 44: self.software}


@dataclass(frozen=True, kw_only=True)
class Segment(Record):
    """One stored object. `size` in bytes; `crc32c` as a number; `parts` in the object's order, index last."""

    kind = RecordKind.SEGMENT
    segment: uuid.UUID
    start_us: int
    end_us: int
    run: bytes
    size: int
    crc32c: int
    parts: tuple[Part, ...]
    continuation_of: uuid.UUID | None = None
    lens_certificate: bytes | None = None
    policy: int = 0

    @property
    def video(self) -> Part:
        return self.parts[0]

    @property
    def index(self) -> Part:
        return self.parts[-1]

    def part(self, rendition: Rendition) -> Part | None:
        """The part of this rendition, if the segment has one."""
        return next((part for part in self.parts if part.rendition is rendition), None)

    def body(self) -> dict[int, Encodable]:
        result: dict[int, Encodable] = {
            20: self.segment.bytes,
            21: self.start_us,
            22: self.end_us,
            23: self.run,
            24: self.size,
            25: self.crc32c.to_bytes(4, "big"),
            27: [_part_map(part) for part in self.parts],
            29: self.policy,
        }
        if self.continuation_of is not None:
            result[26] = self.continuation_of.bytes
        if self.lens_certificate is not None:
            result[28] = {1: self.lens_certificate}
        return result


@dataclass(frozen=True, kw_only=True)
class Gap(Record):
    """Declared absence of footage. `reason`: a GapReason, or a later value to be shown as unknown."""

    kind = RecordKind.GAP
    start_us: int
    end_us: int
    reason: int
    detail: str | None = None

    def body(self) -> dict[int, Encodable]:
        result: dict[int, Encodable] = {21: self.start_us, 22: self.end_us, 30: self.reason}
        if self.detail is not None:
            result[31] = self.detail
        return result


@dataclass(frozen=True, kw_only=True)
class Beat(Record):
    """Says that the agent is there and the chain goes on."""

    kind = RecordKind.BEAT


@dataclass(frozen=True, kw_only=True)
class Clock(Record):
    """The agent's wall clock was stepped by `step_us` (signed)."""

    kind = RecordKind.CLOCK
    step_us: int
    detail: str | None = None

    def body(self) -> dict[int, Encodable]:
        result: dict[int, Encodable] = {60: self.step_us}
        if self.detail is not None:
            result[31] = self.detail
        return result


@dataclass(frozen=True, kw_only=True)
class Event(Record):
    """Something the camera or the agent noticed, or a piece of it of at most 60 s. `type`: an EventType, or a later value to be
    shown as unknown. `source`: whose word it is. `goes_on`: the event lasted at `end_us`, and another record tells the next piece."""

    kind = RecordKind.EVENT
    start_us: int
    end_us: int
    type: int
    source: str
    goes_on: bool = False
    detail: str | None = None

    def body(self) -> dict[int, Encodable]:
        result: dict[int, Encodable] = {
            21: self.start_us,
            22: self.end_us,
            70: self.type,
            71: self.source,
            72: self.goes_on,
        }
        if self.detail is not None:
            result[31] = self.detail
        return result


@dataclass(frozen=True)
class SignedRecord:
    """A record with the signed object it came from or went into."""

    record: Record
    signed: Signed

    @property
    def hash(self) -> bytes:
        return self.signed.hash

    @property
    def encoded(self) -> bytes:
        return self.signed.encoded


def _part_map(part: Part) -> dict[int, Encodable]:
    result: dict[int, Encodable] = {
        1: part.rendition,
        2: part.suite,
        3: part.offset,
        4: part.sealed_length,
        5: part.root,
        6: part.key_id,
        7: part.commitment,
    }
    if part.media is not None:
        media = part.media
        result |= {
            8: media.codec,
            9: media.init_hash,
            10: media.init_length,
            11: media.timescale,
            12: media.decode_time,
            13: media.duration,
        }
    return result


def encode_payload(record: Record) -> bytes:
    """Canonical CBOR of a record. Raises BadField or BadParts for what no reader would accept."""
    stamp = record.stamp
    fields: dict[int, Encodable] = {
        1: VERSION,
        2: record.kind,
        3: record.tenant.bytes,
        4: record.camera.bytes,
        5: record.stream,
        6: record.chain,
        7: record.seq,
        8: record.prev,
        9: stamp.claimed_us,
        10: stamp.boot,
        11: stamp.monotonic_ns,
        12: [stamp.source, stamp.error_us],
    }
    payload = encode_canonical(fields | record.body() | _encodable(record.extensions))
    parse_payload(payload)
    return payload


def _encodable(extensions: dict[int, CBOR]) -> dict[int, Encodable]:
    if any(key >= 0 for key in extensions):
        raise BadField("extensions of a record have negative keys")
    return dict(extensions)


def parse_payload(payload: bytes) -> Record:
    """The record in a payload.

    Raises NotCanonical, BadField, BadParts or UnknownCritical (version, kind or field of a later release).
    """
    fields = Fields(decode_canonical(payload, MAX_RECORD_BYTES), "record")
    if fields.integer(1) != VERSION:
        raise UnknownCritical("record: unknown version")
    kind = fields.integer(2)
    tenant, camera = fields.uuid(3), fields.uuid(4)
    stream = Stream(fields.integer(5, 1, 2))
    chain, seq, prev = fields.octets(6, 16), fields.integer(7), fields.octets(8, 32)
    stamp = _stamp(fields)
    read = _READERS.get(kind)
    if read is None:
        raise UnknownCritical(f"record: kind {kind} is not known to this version")
    head = _Head(tenant=tenant, camera=camera, stream=stream, chain=chain, seq=seq, prev=prev, stamp=stamp)
    return read(fields, head)


class _Head(TypedDict):
    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    chain: bytes
    seq: int
    prev: bytes
    stamp: Stamp


def _stamp(fields: Fields) -> Stamp:
    claimed_us, boot, monotonic_ns = fields.time_us(9), fields.octets(10, 16), fields.integer(11)
    clock = fields.array(12, 2, 2)
    source = integer(clock[0], "record: clock source", 0, 255)
    return Stamp(claimed_us, boot, monotonic_ns, source, integer(clock[1], "record: clock error"))


def _follows(value: CBOR) -> Follows | None:
    if value is None:
        return None
    items = array(value, "record: field 42", 3, 3)
    return Follows(
        octets(items[0], "record: follows chain", 16),
        integer(items[1], "record: follows seq"),
        octets(items[2], "record: follows hash", 32),
    )


def _genesis(fields: Fields, head: _Head) -> Genesis:
    return Genesis(
        **head,
        agent=fields.uuid(40),
        record_public=fields.octets(41, 32),
        follows=_follows(fields.take(42)),
        reason=fields.integer(43, 0, 255),
        software=fields.text(44, MAX_SOFTWARE_BYTES),
        extensions=fields.done(),
    )


def _segment(fields: Fields, head: _Head) -> Segment:
    size = fields.integer(24, 1, MAX_OBJECT_BYTES)
    parts = tuple(_part(item) for item in fields.array(27, 0, MAX_PARTS))
    check_parts(parts, head["stream"], size)
    return Segment(
        **head,
        segment=fields.uuid(20),
        start_us=fields.time_us(21),
        end_us=fields.time_us(22),
        run=fields.octets(23, 16),
        size=size,
        crc32c=int.from_bytes(fields.octets(25, 4), "big"),
        parts=parts,
        continuation_of=fields.optional(26, fields.uuid),
        lens_certificate=_lens(fields),
        policy=fields.integer(29, 0, 255),
        extensions=fields.done(),
    )


def _lens(fields: Fields) -> bytes | None:
    if 28 not in fields:
        return None
    mark = Fields(fields.take(28), "record: lens mark")
    certificate = mark.octets(1, 32)
    mark.done()
    return certificate


def _gap(fields: Fields, head: _Head) -> Gap:
    return Gap(
        **head,
        start_us=fields.time_us(21),
        end_us=fields.time_us(22),
        reason=fields.integer(30, 0, 255),
        detail=_detail(fields),
        extensions=fields.done(),
    )


def _beat(fields: Fields, head: _Head) -> Beat:
    return Beat(**head, extensions=fields.done())


def _clock(fields: Fields, head: _Head) -> Clock:
    step_us = fields.integer(60, -MAX_INT, MAX_INT)
    return Clock(**head, step_us=step_us, detail=_detail(fields), extensions=fields.done())


def _event(fields: Fields, head: _Head) -> Event:
    goes_on = fields.take(72)
    if not isinstance(goes_on, bool):
        raise fields.fail(72, "must be true or false")
    return Event(
        **head,
        start_us=fields.time_us(21),
        end_us=fields.time_us(22),
        type=fields.integer(70, 0, 255),
        source=fields.text(71, MAX_SOURCE_BYTES),
        goes_on=goes_on,
        detail=_detail(fields),
        extensions=fields.done(),
    )


def _detail(fields: Fields) -> str | None:
    return fields.text(31, MAX_DETAIL_BYTES) if 31 in fields else None


_READERS: Final[dict[int, Callable[[Fields, _Head], Record]]] = {
    RecordKind.GENESIS: _genesis,
    RecordKind.SEGMENT: _segment,
    RecordKind.GAP: _gap,
    RecordKind.BEAT: _beat,
    RecordKind.CLOCK: _clock,
    RecordKind.EVENT: _event,
}


def _part(value: CBOR) -> Part:
    fields = Fields(value, "part")
    rendition = fields.integer(1, 0, 255)
    if not Rendition.MAIN <= rendition <= Rendition.INDEX:
        raise BadParts(f"part: rendition {rendition} does not exist")
    known = Rendition(rendition)
    part = Part(
        rendition=known,
        suite=fields.integer(2, 0, 255),
        offset=fields.integer(3, 0, MAX_OBJECT_BYTES),
        sealed_length=fields.integer(4, 0, MAX_OBJECT_BYTES),
        root=fields.octets(5, 32),
        key_id=fields.octets(6, 16),
        commitment=fields.octets(7, 32),
        media=_media(fields) if known in _MEDIA else None,
    )
    fields.done()
    return part


def _media(fields: Fields) -> Media:
    return Media(
        codec=fields.text(8, MAX_CODEC_BYTES),
        init_hash=fields.octets(9, 32),
        init_length=fields.integer(10, 1, MAX_INIT_BYTES),
        timescale=fields.integer(11, 1, _U32),
        decode_time=fields.integer(12),
        duration=fields.integer(13),
    )


def check_parts(parts: tuple[Part, ...], stream: Stream, size: int) -> None:
    """Raise BadParts unless the parts tile an object of `size` bytes, video first, index last, the others in ascending order."""
    order = [int(part.rendition) for part in parts]
    between = order[1:-1]
    if len(parts) < 2 or order[0] != stream or order[-1] != Rendition.INDEX:
        raise BadParts("a segment begins with the video of its stream and ends with the index")
    if any(not Rendition.AUDIO <= item <= Rendition.MASKED for item in between) or between != sorted(
        set(between)
    ):
        raise BadParts("the parts between video and index stand once each, in ascending order")
    at = 0
    for part in parts:
        if part.offset != at or part.sealed_length < HEADER_BYTES + TAG_BYTES:
            raise BadParts(
                f"part {part.rendition.name} does not begin where the one before ends, or is too short"
            )
        at = part.end
    if at != size:
        raise BadParts(f"the parts end at {at}, the object at {size}")
    video, index = parts[0], parts[-1]
    if index.sealed_length > MAX_INDEX_BYTES:
        raise BadParts(f"the index part is longer than {MAX_INDEX_BYTES} bytes")
    if (index.key_id, index.commitment) != (video.key_id, video.commitment):
        raise BadParts("the index is not sealed under the video's key")


def sign_record(record: Record, signer: Signer) -> SignedRecord:
    """Sign with the agent's record key. Raises BadField or BadParts for what no reader would accept."""
    encoded = sign1(encode_payload(record), Purpose.RECORD, signer)
    return SignedRecord(record, parse1(encoded, MAX_RECORD_BYTES))


def parse_record(data: bytes) -> SignedRecord:
    """A record as it came; its signature is not checked yet. Raises what `parse1` and `parse_payload` raise."""
    signed = parse1(data, MAX_RECORD_BYTES)
    return SignedRecord(parse_payload(signed.payload), signed)


def check_record(record: SignedRecord, record_public: bytes) -> SignedRecord:
    """Check the signature by the agent's raw record key (32 bytes). Raises BadSignature or WrongPurpose."""
    check1(record.signed, Purpose.RECORD, record_public)
    return record


def verify_record(data: bytes, record_public: bytes) -> SignedRecord:
    """`parse_record` and `check_record` in one; the signature is checked before the payload is looked at."""
    signed = check1(parse1(data, MAX_RECORD_BYTES), Purpose.RECORD, record_public)
    return SignedRecord(parse_payload(signed.payload), signed)
