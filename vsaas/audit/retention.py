"""How long a tenant keeps its log, and the platform its own, and the pruning of what is older: signed, and done by the
maintenance role.

The app's role may delete nothing of a log. The functions `prune_audit_log` and `prune_platform_log`, which the maintenance
role alone may call, look themselves whether all of it is older than the retention (the platform's, which the settings say,
is a year at least).
"""

from __future__ import annotations

import calendar
import datetime as dt
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction
from django.db.models import Count, Max, Min
from django.utils.translation import gettext as _

from tenants.ids import uuid7
from vsaas.audit import acts, chain
from vsaas.audit.checkpoints import HistoryChanged, Log, beginning, log_of, of_row, scope_of
from vsaas.audit.models import RETENTION_DEFAULT, RETENTION_YEARS, AuditEntry, AuditPolicy
from vsaas.audit.proof import Pruning
from vsaas.audit.services import Who, record_act
from vsaas.audit.signer import Signer, signer
from vsaas.common import clock
from vsaas.common.errors import InvalidFields

AT_ONCE = 50_000


def retention_years() -> int:
    """Of the current tenant."""
    found: int | None = AuditPolicy.objects.values_list("retention_years", flat=True).first()
    return found if found is not None else RETENTION_DEFAULT


def platform_years() -> int:
    """Of the platform's log: VSAAS_AUDIT_PLATFORM_YEARS."""
    found: int = settings.ENV.audit_platform_years
    return found


def set_retention(years: int, by: Who, *, request: object = None) -> None:
    """Keep the log so long from now on. What is older goes with the next pruning. Raises InvalidFields."""
    least, most = RETENTION_YEARS
    if not least <= years <= most:
        message = _("between %(least)s and %(most)s years") % {"least": least, "most": most}
        raise InvalidFields(
            f"retention_years: {message}",
            extra={"errors": [{"field": "retention_years", "message": message}]},
        )
    before = retention_years()
    if before == years:
        return
    AuditPolicy.objects.update_or_create(defaults={"retention_years": years})
    record_act(acts.RETENTION_SET, by, request=request, years=years, before=before)  # type: ignore[arg-type]


def prune(log: UUID) -> int:
    """Delete what the retention of a tenant, or of the platform (`chain.PLATFORM`), no longer keeps, with a signed statement
    for each AT_ONCE; how many entries that were. Raises HistoryChanged when what is to go is not what was signed: nothing
    altered is ever tidied away."""
    key = signer()
    if key is None or "maint" not in settings.DATABASES:
        raise ImproperlyConfigured(
            "cannot prune the audit logs: set VSAAS_AUDIT_KEY and VSAAS_MAINT_DATABASE_URL in the worker"
        )
    total = 0
    while True:
        with scope_of(log):
            statement = _statement(log_of(log), key)
        if statement is None:
            return total
        _carry_out(statement, key)
        total += statement.count


def _years(log: Log) -> int:
    return platform_years() if log.id == chain.PLATFORM else retention_years()


def _statement(log: Log, key: Signer) -> Pruning | None:
    first, prev = beginning(log)
    keep_from = _years_before(clock.now(), _years(log))
    kept = log.entries.filter(at__gte=keep_from).order_by("seq").first()
    newest = log.entries.order_by("-seq").first()
    if newest is None:
        return None
    first_kept = min(kept.seq if kept else newest.seq, first + AT_ONCE)
    if first_kept <= first:
        return None
    old = log.entries.filter(seq__lt=first_kept)
    found = chain.verify(old.order_by("seq").iterator(2000), log.id, first_seq=first, prev=prev)
    signed = log.checkpoints.filter(size__gte=first_kept).order_by("size")[:100]
    if found.broken_at is not None or not any(of_row(row).holds(key.public_key) for row in signed):
        raise HistoryChanged(
            f"the log {log.name} is not pruned: what would go is not what was signed (manage.py audit_verify)"
        )
    sums = old.aggregate(count=Count("id"), oldest=Min("at"), newest=Max("at"))
    return key.sign(
        Pruning(
            log.id,
            first_kept,
            found.head,
            sums["count"],
            clock.to_us(sums["oldest"]),
            clock.to_us(sums["newest"]),
            clock.now_us(),
        )
    )


def _carry_out(one: Pruning, key: Signer) -> None:
    values = [uuid7(), one.first_seq, one.prev_hash, one.count, one.oldest_us, one.newest_us, one.at_us]
    platform = one.log == chain.PLATFORM
    function = "prune_platform_log" if platform else "prune_audit_log"
    with transaction.atomic(using="maint"), connections["maint"].cursor() as cursor:
        cursor.execute(
            f"SELECT {function}(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [platform_years() if platform else one.log, *values, one.signature, key.public_key],
        )


def _years_before(moment: dt.datetime, years: int) -> dt.datetime:
    """The same day some years ago, as PostgreSQL computes it: 29 February becomes the 28th."""
    year = moment.year - years
    day = min(moment.day, calendar.monthrange(year, moment.month)[1])
    # A minute earlier than the database will say, since its clock and ours are two: what it would refuse is kept.
    return moment.replace(year=year, day=day) - dt.timedelta(minutes=1)


def oldest_kept() -> dt.datetime | None:
    """When the current tenant's log begins."""
    first: dt.datetime | None = AuditEntry.objects.order_by("seq").values_list("at", flat=True).first()
    return first
