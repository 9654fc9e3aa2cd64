"""How long and how much a tenant keeps. Inside the tenant's scope."""

from dataclasses import dataclass

from django.db.models import Q, QuerySet, Sum
from django.utils.translation import gettext_lazy as _

from vsaas.audit import services as audit
from vsaas.cameras.models import RETENTION_DAYS_MAX, Camera
from vsaas.common import clock
from vsaas.common.errors import InvalidField
from vsaas.footage import acts
from vsaas.footage.models import Erasure, FootageHour, FootagePolicy
from vsaas.footage.times import DAY_US

QUOTA_BYTES_MAX = 2**62


@dataclass(frozen=True)
class Policy:
    """How long and how much: `quota_bytes` None means no limit."""

    retention_days: int
    quota_bytes: int | None


class InvalidPolicy(InvalidField):
    """A value of the policy is out of range."""

    problem = "invalid-policy"


def policy() -> Policy:
    """The current tenant's policy, or the default."""
    row = FootagePolicy.objects.first()
    if row is None:
        return Policy(FootagePolicy.DEFAULT_RETENTION_DAYS, None)
    return Policy(row.retention_days, row.quota_bytes)


def set_policy(new: Policy, by: audit.Who) -> None:
    """Keeps and audits a policy; the next sweep follows it. Raises InvalidPolicy.

    The caller has checked that `by` holds `tenant:edit`.
    """
    if not 1 <= new.retention_days <= RETENTION_DAYS_MAX:
        raise InvalidPolicy(
            "retention_days",
            _("must be 1 to %(most)s") % {"most": RETENTION_DAYS_MAX},
        )
    if new.quota_bytes is not None and not 1 <= new.quota_bytes <= QUOTA_BYTES_MAX:
        raise InvalidPolicy(
            "quota_bytes",
            _("must be 1 to %(most)s, or null for no quota") % {"most": QUOTA_BYTES_MAX},
        )
    FootagePolicy.objects.get_or_create()
    row = FootagePolicy.objects.select_for_update().get()
    if (row.retention_days, row.quota_bytes) == (new.retention_days, new.quota_bytes):
        return
    told = audit.differences(
        {"retention_days": row.retention_days, "quota_bytes": row.quota_bytes}, vars(new)
    )
    row.retention_days, row.quota_bytes = new.retention_days, new.quota_bytes
    row.save()
    quota = acts.NO_QUOTA if new.quota_bytes is None else acts.QUOTA % {"size": new.quota_bytes}
    audit.record_act(acts.POLICY_CHANGED, by, days=new.retention_days, quota=quota, **told)


def would_delete_bytes(new: Policy) -> int:
    """How many bytes of recordings the next sweep would delete under `new` that it keeps under the policy of now."""
    older_us = clock.now_us() - new.retention_days * DAY_US
    follows = Q(camera__in=Camera.objects.filter(retention_days=None))
    kept = FootageHour.objects.filter(erasure=Erasure.KEPT)
    by_age = _bytes(kept.filter(follows, keep_from_us__lt=older_us))
    if new.quota_bytes is None:
        return by_age
    left = _bytes(kept) - by_age
    return by_age + max(0, left - new.quota_bytes)


def _bytes(hours: QuerySet[FootageHour]) -> int:
    return hours.aggregate(total=Sum("declared_bytes"))["total"] or 0
