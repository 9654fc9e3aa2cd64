"""The batch of records an agent posts, and the answer that carries upload grants back.

`POST /agent/v1/records`, `application/cbor`, canonical CBOR. Request:
`{1: [[record, sealed index part | null], …], 2: [envelope, …], 3: [[segment, camera, stream], …], 4: oldest unsent µs | null,
5: [[camera, stream, oldest unsent µs], …]}`; 5 is absent from agents of the first release, and names no stream without any.
Reply: `{1: [[status, error | null, flags], …], 2: [[segment, url, [[header, value], …]], …], 3: [segment, …],
4: [[chain, seq, hash], …], 5: newest statement number, 6: newest command number}`.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Any, Final

from protocol import fields, limits
from sealing.canonical import decode_canonical, encode_canonical

STREAMS_MOST: Final = 2000


class RecordStatus(IntEnum):
    ACCEPTED = 0
    KNOWN = 1
    """Already there with the same hash: a reply was lost. Success."""
    REFUSED = 2


class RecordFlag(IntFlag):
    """Oddities that are stored and shown, and never stop a chain."""

    NONE = 0
    UNPLACED = 1
    OVERLAP = 2
    SEGMENT_REPEATED = 4
    """The segment id is that of another segment of the same hour: its object name is taken, so there is no grant."""


@dataclass(frozen=True)
class BatchItem:
    """One signed record; `index_part` is the segment's sealed index part (seg records only)."""

    record: bytes
    index_part: bytes | None = None


@dataclass(frozen=True)
class Uploaded:
    """A segment whose PUT succeeded since the last batch."""

    segment: uuid.UUID
    camera: uuid.UUID
    stream: int


@dataclass(frozen=True)
class Unsent:
    """What an agent still holds back of one stream begins here, UTC µs."""

    camera: uuid.UUID
    stream: int
    oldest_us: int


@dataclass(frozen=True)
class RecordsBatch:
    items: tuple[BatchItem, ...]
    envelopes: tuple[bytes, ...] = ()
    uploaded: tuple[Uploaded, ...] = ()
    oldest_unsent_us: int | None = None
    unsent: tuple[Unsent, ...] | None = None
    """None: not told."""

    def encode(self) -> bytes:
        top: dict[int, Any] = {
            1: [[item.record, item.index_part] for item in self.items],
            2: list(self.envelopes),
            3: [[item.segment.bytes, item.camera.bytes, item.stream] for item in self.uploaded],
            4: self.oldest_unsent_us,
        }
        if self.unsent is not None:
            top[5] = [[item.camera.bytes, item.stream, item.oldest_us] for item in self.unsent]
        return encode_canonical(top)

    @classmethod
    def decode(cls, body: bytes) -> RecordsBatch:
        """Raises ProtocolError (`bad-field`, `too-large`) or SealingError (`not-canonical`)."""
        top = fields.mapping(decode_canonical(body, max_bytes=limits.BATCH_BYTES_MAX), "batch")
        items = []
        for row in fields.array(top.get(1), "records", most=limits.BATCH_RECORDS_MAX):
            record, index = fields.array(row, "record entry", length=2)
            items.append(
                BatchItem(
                    fields.data(record, "record", most=limits.RECORD_BYTES_MAX),
                    None
                    if index is None
                    else fields.data(index, "index part", most=limits.INDEX_PART_BYTES_MAX),
                )
            )
        envelopes = tuple(
            fields.data(item, "envelope", most=limits.ENVELOPE_BYTES_MAX)
            for item in fields.array(top.get(2), "envelopes", most=4 * limits.BATCH_RECORDS_MAX)
        )
        uploaded = []
        for row in fields.array(top.get(3), "uploaded", most=10 * limits.BATCH_RECORDS_MAX):
            segment, camera, stream = fields.array(row, "uploaded entry", length=3)
            uploaded.append(
                Uploaded(
                    fields.uid(segment, "segment"),
                    fields.uid(camera, "camera"),
                    fields.uint(stream, "stream", most=255),
                )
            )
        oldest, rows = top.get(4), top.get(5)
        return cls(
            tuple(items),
            envelopes,
            tuple(uploaded),
            None if oldest is None else fields.uint(oldest, "oldest unsent"),
            None
            if rows is None
            else tuple(_unsent(row) for row in fields.array(rows, "unsent", most=STREAMS_MOST)),
        )


def _unsent(value: Any) -> Unsent:
    camera, stream, oldest = fields.array(value, "unsent entry", length=3)
    return Unsent(
        fields.uid(camera, "camera"),
        fields.uint(stream, "stream", most=255),
        fields.uint(oldest, "oldest unsent"),
    )


@dataclass(frozen=True)
class ItemResult:
    """What became of one record. `error` is a name of SPEC.md section 10 when refused."""

    status: RecordStatus
    error: str | None = None
    flags: RecordFlag = RecordFlag.NONE


@dataclass(frozen=True)
class PutGrant:
    """A permission to PUT one object: the agent sends exactly these headers (Content-Length it sets itself)."""

    url: str
    headers: Mapping[str, str]


@dataclass(frozen=True)
class BatchReply:
    results: tuple[ItemResult, ...]
    grants: Mapping[uuid.UUID, PutGrant] = field(default_factory=dict)
    stored: Sequence[uuid.UUID] = ()
    tips: Mapping[bytes, tuple[int, bytes]] = field(default_factory=dict)
    statement_number: int = 0
    command_number: int = 0

    def encode(self) -> bytes:
        return encode_canonical(
            {
                1: [[int(item.status), item.error, int(item.flags)] for item in self.results],
                2: [
                    [segment.bytes, grant.url, [[name, value] for name, value in grant.headers.items()]]
                    for segment, grant in self.grants.items()
                ],
                3: [segment.bytes for segment in self.stored],
                4: [[chain, seq, digest] for chain, (seq, digest) in self.tips.items()],
                5: self.statement_number,
                6: self.command_number,
            }
        )

    @classmethod
    def decode(cls, body: bytes) -> BatchReply:
        """Raises ProtocolError (`bad-field`) or SealingError (`not-canonical`)."""
        top = fields.mapping(decode_canonical(body, max_bytes=limits.BATCH_BYTES_MAX), "reply")
        results = []
        for row in fields.array(top.get(1), "results"):
            status, error, flags = fields.array(row, "result", length=3)
            results.append(
                ItemResult(
                    RecordStatus(fields.uint(status, "status", most=2)),
                    None if error is None else fields.text(error, "error"),
                    RecordFlag(fields.uint(flags, "flags", most=255)),
                )
            )
        tips = {}
        for row in fields.array(top.get(4), "tips"):
            chain, seq, digest = fields.array(row, "tip", length=3)
            tips[fields.data(chain, "chain", length=16)] = (
                fields.uint(seq, "seq"),
                fields.data(digest, "hash", length=32),
            )
        return cls(
            tuple(results),
            dict(_grant(row) for row in fields.array(top.get(2), "grants")),
            tuple(fields.uid(item, "segment") for item in fields.array(top.get(3), "stored")),
            tips,
            fields.uint(top.get(5), "statement number"),
            fields.uint(top.get(6), "command number"),
        )


def _grant(value: Any) -> tuple[uuid.UUID, PutGrant]:
    segment, url, rows = fields.array(value, "grant", length=3)
    pairs = [
        fields.array(row, "grant header", length=2) for row in fields.array(rows, "grant headers", most=16)
    ]
    headers = {
        fields.text(name, "header name"): fields.text(content, "header value", most=4096)
        for name, content in pairs
    }
    return fields.uid(segment, "segment"), PutGrant(fields.text(url, "grant url", most=8192), headers)
