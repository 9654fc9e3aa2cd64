"""Moves events from the inboxes into the chained logs, in order. One at a time per log, by an advisory lock that nobody
who acts ever waits for: acts only insert."""

from __future__ import annotations

from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection, models

from tenants.ids import uuid7
from tenants.lookups import tenants_for_task, tenants_with_inbox
from tenants.scope import platform_scope, tenant_scope
from vsaas.audit import chain
from vsaas.audit.checkpoints import sign_log
from vsaas.audit.locking import lock_log
from vsaas.audit.models import EVENT_FIELDS, AuditEntry, AuditInbox, PlatformEntry, PlatformInbox
from vsaas.audit.proof import entry_hash
from vsaas.common.tasks import for_each

BATCH = 1000


def sequence_all() -> int:
    """Empty every inbox as it stands now, and sign what was added; the number of events moved."""
    moved: list[int] = []
    for_each([*tenants_with_inbox(), chain.PLATFORM], lambda log: moved.append(sequence(log)))
    return sum(moved)


def sequence(log: UUID) -> int:
    """Move one log's events, then sign it (`checkpoints.sign_log`); the number moved. Raises HistoryChanged once they are
    moved."""
    moved = sequence_platform() if log == chain.PLATFORM else sequence_tenant(log)
    if moved:
        sign_log(log)
    return moved


def sign_all() -> None:
    """Sign every log as it stands: what was chained before there was a key, or when a worker died before it signed."""
    for_each([*tenants_for_task("audit checkpoints"), chain.PLATFORM], sign_log)


def sequence_tenant(tenant_id: UUID) -> int:
    """Move a tenant's events; the number moved (0 when another process is at it)."""
    total = 0
    while True:
        with tenant_scope(tenant_id):
            moved = _move(AuditInbox.objects.all(), AuditEntry.objects.all(), tenant_id)
        total += moved
        if moved < BATCH:
            return total


def sequence_platform() -> int:
    """Move the platform's events."""
    total = 0
    while True:
        with platform_scope("audit"):
            moved = _move(PlatformInbox.objects.all(), PlatformEntry.objects.all(), chain.PLATFORM)
        total += moved
        if moved < BATCH:
            return total


def _move(inbox: models.QuerySet[Any], log: models.QuerySet[Any], tenant_id: UUID) -> int:
    """One batch. Places and hashes are computed here; the rows themselves go from table to table inside the database."""
    if not lock_log(tenant_id):
        return 0
    last = log.order_by("-seq").first()
    prev, seq = (bytes(last.hash), last.seq + 1) if last else (chain.ZERO, 0)
    ids, seqs, prevs, hashes = [], [], [], []
    for event in inbox.order_by("id")[:BATCH]:
        digest = entry_hash(tenant_id, seq, prev, chain.fields_of(event))
        for column, value in zip((ids, seqs, prevs, hashes), (event.pk, seq, prev, digest), strict=True):
            column.append(value)
        prev, seq = digest, seq + 1
    if ids:
        rows = [ids, [uuid7() for _ in ids], seqs, prevs, hashes]
        with connection.cursor() as cursor:
            cursor.execute(_moving(inbox.model, log.model), [ids, *rows])
            if cursor.rowcount != len(ids):
                raise RuntimeError(f"{cursor.rowcount} of {len(ids)} events of log {tenant_id} were moved")
    return len(ids)


@lru_cache(maxsize=2)
def _moving(inbox: type[models.Model], log: type[models.Model]) -> str:
    """Takes events out of an inbox and puts them into its log. Arguments: events' ids, entries' ids, seqs, prev hashes,
    hashes, in the order of the chain."""
    kept = [*EVENT_FIELDS, "tenant_id"] if log is AuditEntry else EVENT_FIELDS
    names = ", ".join(kept)
    values = ", ".join(f"e.{name}" for name in kept)
    # The names are those of our own models.
    return f"""
        WITH moved AS (DELETE FROM {inbox._meta.db_table} WHERE id = ANY(%s) RETURNING *),
             placed AS (SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[], %s::bytea[], %s::bytea[])
                        AS p (event_id, id, seq, prev_hash, hash))
        INSERT INTO {log._meta.db_table} (id, event_id, seq, prev_hash, hash, {names})
        SELECT p.id, p.event_id, p.seq, p.prev_hash, p.hash, {values} FROM placed p JOIN moved e ON e.id = p.event_id
    """  # noqa: S608
