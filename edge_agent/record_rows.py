"""A record's row in the spool's index."""

from __future__ import annotations

import sqlite3
import uuid
from typing import Final

from sealing.record import SignedRecord

_ROW: Final = (
    " INTO records (chain, seq, hash, kind, record, index_part, segment, signed_us)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT: Final = "INSERT" + _ROW
_INSERT_UNKNOWN: Final = "INSERT OR IGNORE" + _ROW


def insert_record(
    connection: sqlite3.Connection,
    record: SignedRecord,
    index_part: bytes | None,
    segment: uuid.UUID | None,
    *,
    pass_known: bool = False,
) -> None:
    """Store a record as unsent. One that is there already is passed over where `pass_known`, and else a fault of the caller."""
    head = record.record
    connection.execute(
        _INSERT_UNKNOWN if pass_known else _INSERT,
        (
            head.chain,
            head.seq,
            record.hash,
            int(head.kind),
            record.encoded,
            index_part,
            None if segment is None else segment.bytes,
            head.stamp.claimed_us,
        ),
    )
