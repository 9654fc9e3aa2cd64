"""The chain: what an entry's hash covers, and the check of a whole log. Pure, apart from reading the rows given.

hash = SHA-256("vsaas-audit-v1" ‖ canonical CBOR of [1, tenant (16 bytes; zeros for the platform), seq, prev hash, event id,
at µs, act, outcome, actor kind, actor id or null, actor name, object kind, object id, object name, network,
[[detail, value], …] sorted by name]). The first entry has seq 0 and a prev hash of 32 zero bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext as _

from sealing.canonical import encode_canonical
from vsaas.audit.models import AuditEntry, PlatformEntry
from vsaas.common import clock

ZERO = bytes(32)
PLATFORM = UUID(int=0)


def hash_of(entry: AuditEntry | PlatformEntry, tenant_id: UUID) -> bytes:
    """The hash an entry must have, from everything else in it."""
    actor_id: UUID | None = entry.actor_id
    body = [
        1,
        tenant_id.bytes,
        entry.seq,
        bytes(entry.prev_hash),
        entry.event_id.bytes,
        clock.to_us(entry.at),
        entry.act,
        str(entry.outcome),
        entry.actor_kind,
        actor_id.bytes if actor_id else None,
        entry.actor_name,
        entry.object_kind,
        entry.object_id,
        entry.object_name,
        entry.network,
        [[name, value] for name, value in sorted(entry.details.items())],
    ]
    return hashlib.sha256(b"vsaas-audit-v1" + encode_canonical(body)).digest()


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
