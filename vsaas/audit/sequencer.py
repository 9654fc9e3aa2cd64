"""Moves events from the inboxes into the chained logs, in order. One at a time per log, by an advisory lock that nobody
who acts ever waits for: acts only insert."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import models

from tenants.lookups import tenants_for_task, tenants_with_inbox
from tenants.scope import platform_scope, tenant_scope
from vsaas.audit import chain
from vsaas.audit.checkpoints import sign_log
from vsaas.audit.locking import lock_log
from vsaas.audit.models import EVENT_FIELDS, AuditEntry, AuditInbox, PlatformEntry, PlatformInbox
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
    if not lock_log(tenant_id):
        return 0
    events = list(inbox.order_by("id")[:BATCH])
    last = log.order_by("-seq").first()
    prev, seq = (bytes(last.hash), last.seq + 1) if last else (chain.ZERO, 0)
    entries = []
    for event in events:
        values = {name: getattr(event, name) for name in EVENT_FIELDS}
        entry = log.model(event_id=event.id, seq=seq, prev_hash=prev, **values)
        entry.hash = prev = chain.hash_of(entry, tenant_id)
        seq += 1
        entries.append(entry)
    log.bulk_create(entries)
    inbox.filter(id__in=[event.id for event in events]).delete()
    return len(events)
