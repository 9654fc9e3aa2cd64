"""The forwarder: each destination has a cursor, and moves it only when what lies before it has arrived.

One worker at a time serves a destination, by a lease claimed with a conditional UPDATE. A worker that dies, or an answer
that is lost, has the same entries sent again: at least once, and in order. While nothing arrives it waits longer and
longer, up to five minutes; what was added meanwhile is sent when it does, however long that was.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from uuid import UUID

from django.db.models import F, Q

from tenants.scope import tenant_scope
from vsaas.audit import chain
from vsaas.audit.checkpoints import beginning, log_of
from vsaas.audit.models import AuditDestination, AuditEntry
from vsaas.audit.siem import destinations, wire
from vsaas.common import clock
from vsaas.common.secretbox import SecretUnreadable
from vsaas.common.tasks import for_each

logger = logging.getLogger(__name__)

BATCH = 200
LEASE_S = 90
AT_ONCE_S = 20.0
WAIT_MOST_S = 300


def forward_tenant(tenant_id: UUID) -> int:
    """Serve every destination of a tenant that is due; how many entries have arrived."""
    with tenant_scope(tenant_id):
        due = list(AuditDestination.objects.filter(_due()).values_list("pk", flat=True))
    arrived: list[int] = []
    for_each(due, lambda pk: arrived.append(forward(tenant_id, pk)))
    return sum(arrived)


def forward(tenant_id: UUID, destination_id: UUID) -> int:
    """Send what a destination lacks, for AT_ONCE_S at most; how many entries have arrived (0 when another worker is at
    it, or it is not due)."""
    lease = _claim(tenant_id, destination_id)
    if lease is None:
        return 0
    sent, ends_at = 0, time.monotonic() + AT_ONCE_S
    while time.monotonic() < ends_at:
        with tenant_scope(tenant_id):
            found = _next(destination_id, lease)
        if found is None:
            break
        row, entries = found
        try:
            destinations.send(row, tenant_id, entries)
        except (wire.WireError, SecretUnreadable) as error:
            _failed(tenant_id, row, lease, str(error))
            return sent
        if not _arrived(tenant_id, row, lease, len(entries)):
            return sent
        sent += len(entries)
    _release(tenant_id, destination_id, lease)
    return sent


def _due() -> Q:
    now = clock.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    return Q(enabled=True, next_try_at__lte=now) & free


def _claim(tenant_id: UUID, destination_id: UUID) -> dt.datetime | None:
    """The lease, by which what this worker does is told from what a later one does."""
    lease = clock.now() + dt.timedelta(seconds=LEASE_S)
    with tenant_scope(tenant_id):
        claimed = AuditDestination.objects.filter(_due(), pk=destination_id).update(leased_until=lease)
    return lease if claimed == 1 else None


def _next(
    destination_id: UUID, lease: dt.datetime
) -> tuple[AuditDestination, list[destinations.Given]] | None:
    """The destination as it is now and the entries it lacks; None when it lacks none, or the lease is lost."""
    row = AuditDestination.objects.filter(pk=destination_id, leased_until=lease, enabled=True).first()
    if row is None:
        return None
    first, _prev = beginning(log_of(row.tenant_id))
    if row.next_seq < first:
        logger.warning(
            "destination %s: entries %s to %s were pruned before they could be sent",
            row.pk,
            row.next_seq,
            first - 1,
        )
        AuditDestination.objects.filter(pk=row.pk, leased_until=lease).update(next_seq=first)
        row.next_seq = first
    entries = AuditEntry.objects.filter(seq__gte=row.next_seq).order_by("seq")[:BATCH]
    given: list[destinations.Given] = [(one.seq, bytes(one.hash), chain.fields_of(one)) for one in entries]
    return (row, given) if given else None


def _arrived(tenant_id: UUID, row: AuditDestination, lease: dt.datetime, count: int) -> bool:
    """Move the cursor, where nobody else has: False then."""
    with tenant_scope(tenant_id):
        moved = AuditDestination.objects.filter(pk=row.pk, leased_until=lease, next_seq=row.next_seq).update(
            next_seq=F("next_seq") + count,
            sent_at=clock.now(),
            failures=0,
            failing_since=None,
            error="",
        )
    return moved == 1


def _failed(tenant_id: UUID, row: AuditDestination, lease: dt.datetime, why: str) -> None:
    wait_s = min(WAIT_MOST_S, 2 ** min(row.failures, 10))
    now = clock.now()
    with tenant_scope(tenant_id):
        AuditDestination.objects.filter(pk=row.pk, leased_until=lease).update(
            failures=F("failures") + 1,
            failing_since=row.failing_since or now,
            error=why[:500],
            next_try_at=now + dt.timedelta(seconds=wait_s),
            leased_until=None,
        )


def _release(tenant_id: UUID, destination_id: UUID, lease: dt.datetime) -> None:
    with tenant_scope(tenant_id):
        AuditDestination.objects.filter(pk=destination_id, leased_until=lease).update(leased_until=None)
