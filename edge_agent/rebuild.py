"""What each sealed file carries behind its object, and the spool's index made anew from it.

Behind the object (whose length its record states) follow: canonical CBOR of the records of its chain since the segment
before, its own the last; the envelopes of its keys; the wrapped period keys. Then the length of that (4 bytes, big
endian), its CRC-32C (4) and a mark (8). A chain's records are accepted in order, so whatever the portal lacks of a chain
stands behind a file that is still here. What it has already it calls known; where records are lacking in between, the
uploader carries the rest over into a new chain.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge_agent.record_rows import insert_record
from protocol.states import SegmentState
from sealing.canonical import decode_canonical, encode_canonical
from sealing.crc import crc32c
from sealing.errors import SealingError
from sealing.record import Gap, Segment, SignedRecord, parse_record

_MARK: Final = b"VSTRAIL1"
_TAIL_BYTES: Final = 16
_TRAILER_BYTES_MAX: Final = 4 * 1024 * 1024
_RECORDS_MOST: Final = 500


def is_damage(error: BaseException) -> bool:
    """Whether an error says that the index itself is damaged, and not the disk or what was asked."""
    return type(error) is sqlite3.DatabaseError


@dataclass
class Rebuilt:
    """What was found. `lost`: files without anything behind them that holds; their time becomes part of a gap."""

    segments: int = 0
    lost: int = 0
    streams: set[tuple[bytes, int]] = field(default_factory=set)

    def __str__(self) -> str:
        return f"{self.segments} segments of {len(self.streams)} streams, {self.lost} files could not be used"


@dataclass(frozen=True)
class Trailer:
    """What stands behind an object. `envelopes`: (key id, envelope); `keys`: rows of `period_keys`."""

    records: tuple[bytes, ...]
    envelopes: tuple[tuple[bytes, bytes], ...]
    keys: tuple[tuple[bytes, bytes, int, int, bytes], ...]

    def encode(self) -> bytes:
        body = encode_canonical(
            {
                1: list(self.records),
                2: [list(item) for item in self.envelopes],
                3: [list(item) for item in self.keys],
            }
        )
        return body + len(body).to_bytes(4, "big") + crc32c(body).to_bytes(4, "big") + _MARK

    @classmethod
    def decode(cls, body: bytes) -> Trailer:
        """Raises SealingError, ValueError, KeyError or TypeError for anything else than `encode` made."""
        top: Any = decode_canonical(body, _TRAILER_BYTES_MAX)
        return cls(
            tuple(bytes(item) for item in top[1]),
            tuple((bytes(key_id), bytes(envelope)) for key_id, envelope in top[2]),
            tuple((bytes(row[0]), bytes(row[1]), int(row[2]), int(row[3]), bytes(row[4])) for row in top[3]),
        )


def trailer_of(connection: sqlite3.Connection, segment: bytes) -> bytes:
    """What is to stand behind the object of a segment whose record is in the index; empty where that is gone."""
    row = connection.execute(
        "SELECT chain, seq, record FROM records WHERE segment = ?", (segment,)
    ).fetchone()
    if row is None:
        return b""
    chain, seq, own = row
    record = parse_record(own).record
    assert isinstance(record, Segment)
    before = connection.execute(
        "SELECT max(seq) FROM records WHERE chain = ? AND segment IS NOT NULL AND seq < ?", (chain, seq)
    ).fetchone()[0]
    records = connection.execute(
        "SELECT record FROM records WHERE chain = ? AND seq > ? AND seq <= ? ORDER BY seq DESC LIMIT ?",
        (chain, -1 if before is None else before, seq, _RECORDS_MOST),
    ).fetchall()
    key_ids = sorted({part.key_id for part in record.parts})
    marks = ",".join("?" * len(key_ids))
    envelopes = connection.execute(
        f"SELECT key_id, envelope FROM envelopes WHERE key_id IN ({marks}) ORDER BY id",  # noqa: S608 (question marks)
        key_ids,
    ).fetchall()
    keys = connection.execute(
        "SELECT key_id, camera, class, period_start_us, wrapped FROM period_keys"  # noqa: S608 (question marks)
        f" WHERE key_id IN ({marks}) ORDER BY key_id",
        key_ids,
    ).fetchall()
    return Trailer(tuple(row[0] for row in reversed(records)), tuple(envelopes), tuple(keys)).encode()


def append_trailer(path: Path, trailer: bytes) -> int:
    """Write it behind the object, not waited for on disk: it matters only where the index is damaged as well.

    Returns its length. Raises OSError; the object itself stays whole.
    """
    handle = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        return os.write(handle, trailer)
    finally:
        os.close(handle)


def set_aside(index: Path) -> None:
    """Keep the damaged index for a person to look at, in place of one kept before. Raises OSError."""
    for suffix in ("-wal", "-shm"):
        index.with_name(index.name + suffix).unlink(missing_ok=True)
    index.replace(index.with_name("damaged-" + index.name))


def refill(connection: sqlite3.Connection, objects: Path) -> Rebuilt:
    """Fill an empty index from the files. Every record is to be sent: the portal knows those it has."""
    found = Rebuilt()
    connection.execute("BEGIN IMMEDIATE")
    for path, trailer in _trailers(objects, found):
        records = [parse_record(item) for item in trailer.records]
        own = records[-1].record
        assert isinstance(own, Segment)
        with path.open("rb") as file:
            file.seek(own.index.offset)
            index_part = file.read(own.index.sealed_length)
        for record in records:
            whole = record is records[-1]
            _put_record(connection, record, index_part if whole else None, own.segment if whole else None)
        connection.execute(
            "INSERT INTO segments (segment, camera, stream, state, start_us, end_us, size, changed_us)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(own.segment.bytes, own.camera.bytes, int(own.stream), SegmentState.SEALED),
                *(own.start_us, own.end_us, own.size, own.stamp.claimed_us),
            ),
        )
        for key_id, envelope in trailer.envelopes:
            connection.execute(
                "INSERT INTO envelopes (key_id, envelope) SELECT ?, ?"
                " WHERE NOT EXISTS (SELECT 1 FROM envelopes WHERE key_id = ? AND envelope = ?)",
                (key_id, envelope, key_id, envelope),
            )
        connection.executemany("INSERT OR IGNORE INTO period_keys VALUES (?, ?, ?, ?, ?)", trailer.keys)
        found.segments += 1
        found.streams.add((own.camera.bytes, int(own.stream)))
    _put_heads(connection)
    connection.execute("COMMIT")
    return found


def _trailers(objects: Path, found: Rebuilt) -> Iterator[tuple[Path, Trailer]]:
    for path in sorted(objects.glob("*/*")):
        try:
            trailer = _read_trailer(path)
        except (OSError, SealingError, ValueError, KeyError, TypeError, IndexError):
            trailer = None
        if trailer is None:
            found.lost += 1
        else:
            yield path, trailer


def _read_trailer(path: Path) -> Trailer | None:
    """The trailer of a whole file, None for one that has none or is not what its own record says. Raises as `decode`."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - _TAIL_BYTES))
        tail = file.read()
        length = int.from_bytes(tail[:4], "big")
        if tail[8:] != _MARK or not 0 < length <= min(_TRAILER_BYTES_MAX, size - _TAIL_BYTES):
            return None
        file.seek(size - _TAIL_BYTES - length)
        body = file.read(length)
    if crc32c(body) != int.from_bytes(tail[4:8], "big"):
        return None
    trailer = Trailer.decode(body)
    own = parse_record(trailer.records[-1]).record
    if not isinstance(own, Segment) or own.size != size - _TAIL_BYTES - length:
        return None
    return trailer if own.segment == uuid.UUID(hex=path.name) else None


def _put_record(
    connection: sqlite3.Connection,
    record: SignedRecord,
    index_part: bytes | None,
    segment: uuid.UUID | None,
) -> None:
    head = record.record
    insert_record(connection, record, index_part, segment, pass_known=True)
    connection.execute(
        "INSERT INTO chains VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (chain) DO UPDATE SET"
        " next_seq = excluded.next_seq, tip = excluded.tip WHERE excluded.next_seq > next_seq",
        (
            *(head.chain, head.camera.bytes, int(head.stream)),
            *(head.seq + 1, record.hash, head.stamp.claimed_us),
        ),
    )
    if isinstance(head, Segment | Gap):
        connection.execute(
            "INSERT INTO streams (camera, stream, covered_until_us) VALUES (?, ?, ?)"
            " ON CONFLICT (camera, stream) DO UPDATE SET"
            " covered_until_us = max(covered_until_us, excluded.covered_until_us)",
            (head.camera.bytes, int(head.stream), head.end_us),
        )


def _put_heads(connection: sqlite3.Connection) -> None:
    """The chain that was opened last is each stream's current one."""
    connection.execute(
        "UPDATE streams SET chain = (SELECT c.chain FROM chains c WHERE c.camera = streams.camera"
        " AND c.stream = streams.stream ORDER BY c.opened_us DESC LIMIT 1)"
    )
