"""Whether the chain holds around one entry: the check a page can make while somebody waits."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.translation import gettext as _

from tenants.scope import current_tenant_id
from vsaas.audit import chain
from vsaas.audit.models import AuditEntry

AROUND = 200  # entries before and after


@dataclass(frozen=True, slots=True)
class Stretch:
    """What was checked: entries `first` to `last`. `broken_at`: the first that is wrong, and why; None when all hold."""

    first: int
    last: int
    broken_at: int | None
    reason: str

    @property
    def holds(self) -> bool:
        return self.broken_at is None


def check_around(entry: AuditEntry) -> Stretch:
    """Compute the hashes of the entries around this one anew, and look whether each continues the one before it."""
    first = max(0, entry.seq - AROUND)
    near = AuditEntry.objects.filter(seq__gte=first - 1, seq__lte=entry.seq + AROUND).order_by("seq")
    rows = list(near)
    prev = chain.ZERO
    if first > 0:
        if rows[0].seq != first - 1:
            return Stretch(
                first, entry.seq, first - 1, _("entry %(number)s is missing") % {"number": first - 1}
            )
        prev = bytes(rows.pop(0).hash)
    verdict = chain.verify(rows, current_tenant_id(), first_seq=first, prev=prev)
    return Stretch(first, rows[-1].seq, verdict.broken_at, verdict.reason)
