"""One at a time per log, by an advisory lock that nobody who acts ever waits for: acts only insert."""

from __future__ import annotations

from uuid import UUID

from django.db import connection


def lock_log(tenant_id: UUID) -> bool:
    """Take a log's lock until the transaction ends; False when another process holds it."""
    key = int.from_bytes(tenant_id.bytes[8:], "big", signed=True)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [key])
        row: tuple[bool] = cursor.fetchone()
    return row[0]
