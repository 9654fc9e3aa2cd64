"""The forwarder: each destination has a cursor, and moves it only when what lies before it has arrived.

One worker at a time serves a destination, by a lease claimed with a conditional UPDATE. A worker that dies, or an answer
that is lost, has the same entries sent again: at least once, and in order. While nothing arrives it waits longer and
longer, up to five minutes; what was added meanwhile is sent when it does, however long that was.
"""

from __future__ import annotations

import datetime as dt
import logging
import time
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from tenants.scope import tenant_scope
from vsaas.audit import chain
from vsaas.audit.checkpoints import beginning, log_of, scope_of
from vsaas.audit.models import AuditDestination, PlatformDestination
from vsaas.audit.siem import destinations, wire
from vsaas.common import clock
from vsaas.common.secretbox import SecretUnreadable
from vsaas.common.tasks import for_each

logger = logging.getLogger(__name__)

BATCH = 200
LEASE_S = 90
AT_ONCE_S = 20.0
WAIT_MOST_S = 300

Destination = AuditDestination | PlatformDestination


def forward_platform() -> int:
    """Send the platform's log on to the address of the settings; how many entries have arrived (0 where there is none)."""
    address = settings.ENV.audit_platform_syslog
    if address is None:
        return 0
    with scope_of(chain.PLATFORM):
        row, _made = PlatformDestination.objects.get_or_create(address=address)
        if not log_of(chain.PLATFORM).entries.filter(seq__gte=row.next_seq).exists():
            return 0
    return forward(chain.PLATFORM, row.pk)


def forward_tenant(tenant_id: UUID) -> int:
    """Serve every destination of a tenant that is due; how many entries have arrived."""
    with tenant_scope(tenant_id):
        due = list(_destinations(tenant_id).filter(_due()).values_list("pk", flat=True))
    arrived: list[int] = []
    for_each(due, lambda pk: arrived.append(forward(tenant_id, pk)))
    return sum(arrived)


def _destinations(log: UUID) -> models.QuerySet[Any]:
    """Those a log is sent on to at present."""
    if log == chain.PLATFORM:
        return PlatformDestination.objects.filter(address=settings.ENV.audit_platform_syslog)
    return AuditDestination.objects.filter(enabled=True)


def forward(log: UUID, destination_id: UUID) -> int:
    """Send what a destination of a log (a tenant's, or `chain.PLATFORM`) lacks, for AT_ONCE_S at most; how many entries have
    arrived (0 when another worker is at it, or it is not due)."""
    lease = _claim(log, destination_id)
    if lease is None:
        return 0
    sent, ends_at = 0, time.monotonic() + AT_ONCE_S
    while time.monotonic() < ends_at:
        with scope_of(log):
            found = _next(log, destination_id, lease)
        if found is None:
            break
        row, entries = found
        try:
            _send(log, row, entries)
        except (wire.WireError, SecretUnreadable) as error:
            _failed(log, row, lease, str(error))
            return sent
        if not _arrived(log, row, lease, len(entries)):
            return sent
        sent += len(entries)
    _release(log, destination_id, lease)
    return sent


def _due() -> Q:
    now = clock.now()
    free = Q(leased_until=None) | Q(leased_until__lt=now)
    return Q(next_try_at__lte=now) & free


def _claim(log: UUID, destination_id: UUID) -> dt.datetime | None:
    """The lease, by which what this worker does is told from what a later one does."""
    lease = clock.now() + dt.timedelta(seconds=LEASE_S)
    with scope_of(log):
        claimed = _destinations(log).filter(_due(), pk=destination_id).update(leased_until=lease)
    return lease if claimed == 1 else None


def _send(log: UUID, row: Destination, entries: list[destinations.Given]) -> None:
    """Raises wire.WireError, SecretUnreadable."""
    if isinstance(row, PlatformDestination):
        destinations.send_by_settings(entries)
    else:
        destinations.send(row, log, entries)


def _next(
    log: UUID, destination_id: UUID, lease: dt.datetime
) -> tuple[Destination, list[destinations.Given]] | None:
    """The destination as it is now and the entries it lacks; None when it lacks none, or the lease is lost."""
    row = _destinations(log).filter(pk=destination_id, leased_until=lease).first()
    if row is None:
        return None
    first, _prev = beginning(log_of(log))
    if row.next_seq < first:
        logger.warning(
            "destination %s: entries %s to %s were pruned before they could be sent",
            row.pk,
            row.next_seq,
            first - 1,
        )
        _destinations(log).filter(pk=row.pk, leased_until=lease).update(next_seq=first)
        row.next_seq = first
    entries = log_of(log).entries.filter(seq__gte=row.next_seq).order_by("seq")[:BATCH]
    given: list[destinations.Given] = [(one.seq, bytes(one.hash), chain.fields_of(one)) for one in entries]
    return (row, given) if given else None


def _arrived(log: UUID, row: Destination, lease: dt.datetime, count: int) -> bool:
    """Move the cursor, where nobody else has: False then."""
    with scope_of(log):
        moved = (
            _destinations(log)
            .filter(pk=row.pk, leased_until=lease, next_seq=row.next_seq)
            .update(
                next_seq=F("next_seq") + count,
                sent_at=clock.now(),
                failures=0,
                failing_since=None,
                error="",
            )
        )
    return moved == 1


def _failed(log: UUID, row: Destination, lease: dt.datetime, why: str) -> None:
    wait_s = min(WAIT_MOST_S, 2 ** min(row.failures, 10))
    now = clock.now()
    if log == chain.PLATFORM:  # which no page shows
        logger.warning("the platform's audit log does not arrive at %s: %s", row, why)
    with scope_of(log):
        _destinations(log).filter(pk=row.pk, leased_until=lease).update(
            failures=F("failures") + 1,
            failing_since=row.failing_since or now,
            error=why[:500],
            next_try_at=now + dt.timedelta(seconds=wait_s),
            leased_until=None,
        )


def _release(log: UUID, destination_id: UUID, lease: dt.datetime) -> None:
    with scope_of(log):
        _destinations(log).filter(pk=destination_id, leased_until=lease).update(leased_until=None)
