"""Writing accepted records: a handful of statements per batch, whatever its size.

Rows go in through `unnest` over arrays, because COPY does not work on tables under row-level security. Arrays are
sent in binary by psycopg's own cursor.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from django.db import connection

from tenants.ids import uuid7
from tenants.scope import current_tenant_id
from vsaas.footage.times import HOUR_US, day_of, hour_start_us


@dataclass(frozen=True, slots=True)
class Row:
    """One row of `footage_record`; `sort_us` is the instant that decides its partition."""

    sort_us: int
    camera: uuid.UUID
    stream: int
    chain: uuid.UUID
    seq: int
    kind: int
    state: int
    flags: int
    placed: bool
    reason: int | None
    start_us: int
    end_us: int
    segment: uuid.UUID | None
    run: uuid.UUID | None
    continues: uuid.UUID | None
    size_bytes: int | None
    crc32c: bytes | None
    claimed_us: int
    received_us: int
    hash: bytes


@dataclass(frozen=True, slots=True)
class Body:
    """One row of `footage_record_body`."""

    sort_us: int
    chain: uuid.UUID
    seq: int
    signed: bytes
    index_part: bytes | None


_RECORD_COLUMNS = (
    ("day", "date"),
    ("camera_id", "uuid"),
    ("stream", "smallint"),
    ("chain", "uuid"),
    ("seq", "bigint"),
    ("kind", "smallint"),
    ("state", "smallint"),
    ("flags", "smallint"),
    ("placed", "boolean"),
    ("reason", "smallint"),
    ("start_us", "bigint"),
    ("end_us", "bigint"),
    ("segment", "uuid"),
    ("run", "uuid"),
    ("continues", "uuid"),
    ("size_bytes", "bigint"),
    ("crc32c", "bytea"),
    ("claimed_us", "bigint"),
    ("received_us", "bigint"),
    ("hash", "bytea"),
)
_BODY_COLUMNS = (
    ("day", "date"),
    ("chain", "uuid"),
    ("seq", "bigint"),
    ("signed", "bytea"),
    ("index_part", "bytea"),
)


def _insert(table: str, columns: Sequence[tuple[str, str]]) -> str:
    names = ", ".join(name for name, _ in columns)
    arrays = ", ".join(f"%b::{kind}[]" for _, kind in columns)
    return f"INSERT INTO {table} (tenant_id, {names}) SELECT %b::uuid, t.* FROM unnest({arrays}) t"  # noqa: S608  constants alone


_INSERT_RECORDS = _insert("footage_record", _RECORD_COLUMNS)
_INSERT_BODIES = _insert("footage_record_body", _BODY_COLUMNS)


def insert_records(rows: Sequence[Row], bodies: Sequence[Body]) -> None:
    """Stores records and their signed bytes in the current tenant's scope."""
    with _cursor() as cursor:
        if rows:
            cursor.execute(_INSERT_RECORDS, [current_tenant_id(), *_record_arrays(rows)])
        if bodies:
            cursor.execute(_INSERT_BODIES, [current_tenant_id(), *_body_arrays(bodies)])


def _cursor() -> psycopg.Cursor[Any]:
    """A cursor that binds on the server, on Django's connection and in its transaction."""
    connection.ensure_connection()
    return psycopg.Cursor(connection.connection)


def _record_arrays(rows: Sequence[Row]) -> list[list[Any]]:
    names = [field for field in Row.__slots__ if field != "sort_us"]
    return [[day_of(row.sort_us) for row in rows], *([getattr(row, name) for row in rows] for name in names)]


def _body_arrays(bodies: Sequence[Body]) -> list[list[Any]]:
    names = [field for field in Body.__slots__ if field != "sort_us"]
    return [
        [day_of(body.sort_us) for body in bodies],
        *([getattr(body, name) for body in bodies] for name in names),
    ]


_HOURS = """
INSERT INTO footage_footagehour AS h (id, tenant_id, camera_id, stream, hour_us, segments, pending, declared_bytes,
    stored_bytes, keep_from_us, key_ids, checked_us, erasure, erasure_policy, erasure_until_us)
VALUES (%b, %b, %b, %b::smallint, %b::bigint, %b::int, %b::int, %b::bigint, 0, %b::bigint, %b::bytea[], 0, 0, '', 0)
ON CONFLICT (tenant_id, camera_id, stream, hour_us) DO UPDATE SET
    segments = h.segments + EXCLUDED.segments,
    pending = h.pending + EXCLUDED.pending,
    declared_bytes = h.declared_bytes + EXCLUDED.declared_bytes,
    keep_from_us = GREATEST(h.keep_from_us, EXCLUDED.keep_from_us),
    key_ids = ARRAY(SELECT DISTINCT unnest(h.key_ids || EXCLUDED.key_ids)),
    -- Footage that arrives for an hour already deleted is deleted again by the next sweep.
    erasure = CASE WHEN h.erasure = 4 THEN 0 ELSE h.erasure END
"""

_STATUS = """
INSERT INTO footage_streamstatus AS s (id, tenant_id, camera_id, stream, newest_us, received_us, last_kind, last_reason)
VALUES (%b, %b, %b, %b::smallint, %b::bigint, %b::bigint, %b::smallint, %b::smallint)
ON CONFLICT (tenant_id, camera_id, stream) DO UPDATE SET
    newest_us = GREATEST(s.newest_us, EXCLUDED.newest_us),
    received_us = EXCLUDED.received_us,
    last_kind = EXCLUDED.last_kind,
    last_reason = EXCLUDED.last_reason
"""


@dataclass
class HourChange:
    """What a batch adds to one camera-hour."""

    segments: int = 0
    pending: int = 0
    declared_bytes: int = 0
    keep_from_us: int = 0
    key_ids: set[bytes] | None = None

    def add(self, row: Row, key_ids: set[bytes], *, pending: bool, from_receipt: bool) -> None:
        """`from_receipt`: its own time cannot be trusted, so retention counts from when it came."""
        self.segments += 1
        self.pending += pending
        self.declared_bytes += row.size_bytes or 0
        keep_from = row.received_us if from_receipt else hour_start_us(row.start_us) + HOUR_US
        self.keep_from_us = max(self.keep_from_us, keep_from)
        self.key_ids = (self.key_ids or set()) | key_ids


def add_hours(changes: dict[tuple[uuid.UUID, int, int], HourChange]) -> None:
    """Adds up per camera, stream and hour."""
    with _cursor() as cursor:
        cursor.executemany(
            _HOURS,
            [
                (
                    uuid7(),
                    current_tenant_id(),
                    camera,
                    stream,
                    hour_us,
                    change.segments,
                    change.pending,
                    change.declared_bytes,
                    change.keep_from_us,
                    sorted(change.key_ids or set()),
                )
                for (camera, stream, hour_us), change in sorted(changes.items())
            ],
        )


def set_status(newest: dict[tuple[uuid.UUID, int], tuple[int | None, Row]]) -> None:
    """The newest second and the last word of each stream."""
    with _cursor() as cursor:
        cursor.executemany(
            _STATUS,
            [
                (
                    uuid7(),
                    current_tenant_id(),
                    camera,
                    stream,
                    newest_us,
                    last.received_us,
                    last.kind,
                    last.reason,
                )
                for (camera, stream), (newest_us, last) in sorted(newest.items())
            ],
        )
