"""The chain as it is stored: an entry's hash from its row, and the check of a log. `vsaas.audit.proof` has the formats."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from vsaas.audit.models import AuditEntry, AuditInbox, PlatformEntry, PlatformInbox
from vsaas.audit.proof import ZERO, Fields, entry_hash
from vsaas.common import clock

__all__ = ["PLATFORM", "ZERO", "Verdict", "fields_of", "hash_of", "verify"]

PLATFORM = UUID(int=0)


def fields_of(row: AuditEntry | AuditInbox | PlatformEntry | PlatformInbox) -> Fields:
    """What the hash of a row covers."""
    return Fields(
        row.pk if isinstance(row, AuditInbox | PlatformInbox) else row.event_id,
        clock.to_us(row.at),
        row.act,
        str(row.outcome),
        row.actor_kind,
        row.actor_id,
        row.actor_name,
        row.object_kind,
        row.object_id,
        row.object_name,
        row.network,
        row.details,
    )


def hash_of(entry: AuditEntry | PlatformEntry, tenant_id: UUID) -> bytes:
    """The hash an entry must have, from everything else in it."""
    return entry_hash(tenant_id, entry.seq, bytes(entry.prev_hash), fields_of(entry))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a check of a log found. `broken_at`: the first seq that is wrong, with the reason; None when all hold."""

    entries: int
    head: bytes
    broken_at: int | None = None
    reason: str = ""


def verify(entries: Iterable[Any], tenant_id: UUID, *, first_seq: int = 0, prev: bytes = ZERO) -> Verdict:
    """Check a log, its entries given in the order of seq; or a stretch of it, from `first_seq` on, with the hash of the
    entry before."""
    count = 0
    for entry in entries:
        reason = _wrong(entry, tenant_id, first_seq + count, prev)
        if reason:
            return Verdict(count, prev, first_seq + count, reason)
        prev, count = bytes(entry.hash), count + 1
    return Verdict(count, prev)


def _wrong(entry: Any, tenant_id: UUID, seq: int, prev: bytes) -> str:
    if entry.seq != seq:
        return _("entry %(number)s is missing, the next one is %(next)s") % {"number": seq, "next": entry.seq}
    if bytes(entry.prev_hash) != prev:
        return _("it does not continue the entry before it")
    if bytes(entry.hash) != hash_of(entry, tenant_id):
        return _("its content was changed")
    return ""
