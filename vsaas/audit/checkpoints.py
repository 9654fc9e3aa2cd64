"""Checkpoints: what is signed of a log after each pass of the sequencer, and the check of a log against what was signed."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from itertools import chain as joined
from typing import Any
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _

from tenants.scope import platform_scope, tenant_scope
from vsaas.audit import chain
from vsaas.audit.locking import lock_log
from vsaas.audit.models import (
    AuditCheckpoint,
    AuditEntry,
    AuditPruning,
    PlatformCheckpoint,
    PlatformEntry,
    PlatformPruning,
)
from vsaas.audit.proof import Checkpoint, Pruning
from vsaas.audit.signer import Signer, signer
from vsaas.common import clock
from vsaas.common.errors import VsaasError

LOOKED_THROUGH = 100
ROWS_AT_ONCE = 2000


class HistoryChanged(VsaasError):
    """The log is not the one that was signed: nothing more of it is signed. `manage.py audit_verify` says where."""

    problem = "audit-history-changed"


@dataclass(frozen=True, slots=True)
class Log:
    """One log's tables, asked inside its scope."""

    id: UUID
    entries: models.QuerySet[Any]
    checkpoints: models.QuerySet[Any]
    prunings: models.QuerySet[Any]

    @property
    def name(self) -> str:
        return "platform" if self.id == chain.PLATFORM else str(self.id)


def log_of(tenant_id: UUID) -> Log:
    """The log of the tenant whose scope is open, or the platform's (id 0)."""
    if tenant_id == chain.PLATFORM:
        return Log(
            tenant_id,
            PlatformEntry.objects.all(),
            PlatformCheckpoint.objects.all(),
            PlatformPruning.objects.all(),
        )
    return Log(tenant_id, AuditEntry.objects.all(), AuditCheckpoint.objects.all(), AuditPruning.objects.all())


def scope_of(log: UUID) -> AbstractContextManager[Any]:
    """The scope in which a log's tables are asked."""
    return platform_scope("audit") if log == chain.PLATFORM else tenant_scope(log)


def sign_log(tenant_id: UUID) -> Checkpoint | None:
    """Sign a log as it stands, when something was added since; None when nothing was, when another process is at it, or
    where there is no key. Raises HistoryChanged when the log is not the one that was signed before."""
    key = signer()
    if key is None:
        return None
    with scope_of(tenant_id):
        if not lock_log(tenant_id):
            return None
        signed = _sign(log_of(tenant_id), key)
    if signed is not None:
        # Only now: of a transaction that failed nothing was promised.
        key.remember(signed)
    return signed


def _sign(log: Log, key: Signer) -> Checkpoint | None:
    last = log.entries.order_by("-seq").first()
    size = last.seq + 1 if last else 0
    before = _signed_before(log, key, size)
    if before is not None and before.size == size:
        _same_head(log, before, bytes(last.hash) if last else chain.ZERO)
        _keep(log, before, key)
        return None
    if last is None:
        return None
    _unbroken(log, before)
    signed = key.sign(Checkpoint(log.id, size, bytes(last.hash), clock.now_us()))
    _keep(log, signed, key)
    return signed


def _signed_before(log: Log, key: Signer, size: int) -> Checkpoint | None:
    """The newest checkpoint signed, by this machine's memory or by the table. Rows that this key did not sign count for
    nothing: the app may insert what it likes."""
    tip = key.tip(log.id)
    beyond = list(log.checkpoints.filter(size__gt=size).order_by("-size")[:LOOKED_THROUGH])
    within = log.checkpoints.filter(size__lte=size).order_by("-size")[:LOOKED_THROUGH]
    found = next((one for one in map(of_row, joined(beyond, within)) if one.holds(key.public_key)), None)
    newest = max((one for one in (tip, found) if one is not None), key=lambda one: one.size, default=None)
    if newest is not None and newest.size > size:
        raise HistoryChanged(
            f"the log {log.name} ends before entry {size}, and {newest.size} entries were signed: some were removed"
        )
    return newest


def _same_head(log: Log, before: Checkpoint, head: bytes) -> None:
    if before.head != head:
        raise HistoryChanged(f"entry {before.size - 1} of the log {log.name} is not the one that was signed")


def _unbroken(log: Log, before: Checkpoint | None) -> None:
    """Whatever is signed continues what was signed before, each entry with the hash of its content."""
    first, prev = beginning(log)
    if before is not None and before.size > first:
        last_signed = log.entries.filter(seq=before.size - 1).first()
        _same_head(log, before, bytes(last_signed.hash) if last_signed else b"")
        first, prev = before.size, before.head
    rows = log.entries.filter(seq__gte=first).order_by("seq").iterator(ROWS_AT_ONCE)
    found = chain.verify(rows, log.id, first_seq=first, prev=prev)
    if found.broken_at is not None:
        raise HistoryChanged(f"the log {log.name} is broken at entry {found.broken_at}: {found.reason}")


def _keep(log: Log, signed: Checkpoint, key: Signer) -> None:
    row = log.checkpoints.model(
        size=signed.size,
        head=signed.head,
        at_us=signed.at_us,
        signature=signed.signature,
        public_key=key.public_key,
    )
    log.checkpoints.bulk_create([row], ignore_conflicts=True)


def beginning(log: Log) -> tuple[int, bytes]:
    """The first seq that is kept and the hash before it, as the newest pruning states it."""
    newest = log.prunings.order_by("-first_seq").first()
    return (newest.first_seq, bytes(newest.prev_hash)) if newest else (0, chain.ZERO)


def _log_id(row: Any) -> UUID:
    found: UUID = getattr(row, "tenant_id", chain.PLATFORM)
    return found


def of_row(row: Any) -> Checkpoint:
    """A stored checkpoint."""
    return Checkpoint(_log_id(row), row.size, bytes(row.head), row.at_us, bytes(row.signature))


def pruning_of_row(row: AuditPruning | PlatformPruning) -> Pruning:
    """A stored statement of what was pruned."""
    return Pruning(
        _log_id(row),
        row.first_seq,
        bytes(row.prev_hash),
        row.count,
        row.oldest_us,
        row.newest_us,
        row.at_us,
        bytes(row.signature),
    )


# ---- the check of a whole log


@dataclass(frozen=True, slots=True)
class Verified:
    """A verdict on a whole log, with what was signed of it: `signed` entries, at `signed_at_us`."""

    verdict: chain.Verdict
    first_seq: int
    signed: int
    signed_at_us: int | None
    checkpoints: int


def verify_log(log: Log, public_keys: Collection[bytes], tip: Checkpoint | None = None) -> Verified:
    """Check a log, inside its scope: entries, checkpoints, prunings, and the tip where this machine keeps one.

    `public_keys`: whose signatures count; none: signatures are not looked at. The first entry that is wrong is named; where
    only a checkpoint tells, the first one that no checkpoint before it vouches for.
    """
    check = _Check(log, public_keys, tip)
    verdict = check.run()
    return Verified(verdict, check.first_seq, check.vouched, check.signed_at_us, check.checkpoints)


class _Check:
    """A walk along entries and checkpoints together."""

    def __init__(self, log: Log, public_keys: Collection[bytes], tip: Checkpoint | None) -> None:
        self.log, self.public_keys, self.tip = log, tuple(public_keys), tip
        self.first_seq, self.prev = 0, chain.ZERO
        self.vouched = self.checkpoints = 0
        self.signed_at_us: int | None = None

    def run(self) -> chain.Verdict:
        wrong = self._prunings()
        if wrong:
            return chain.Verdict(0, self.prev, self.first_seq, wrong)
        seq, prev = self.first_seq, self.prev
        self.vouched = seq
        signed = self._signed()
        due = next(signed, None)
        rows = self.log.entries.order_by("seq").iterator(ROWS_AT_ONCE)
        for row in rows:
            found = chain.verify([row], self.log.id, first_seq=seq, prev=prev)
            if found.broken_at is not None:
                return chain.Verdict(seq - self.first_seq, prev, seq, found.reason)
            seq, prev = seq + 1, found.head
            while due is not None and due.size <= seq:
                wrong = self._differs(due, seq, prev)
                if wrong:
                    return chain.Verdict(seq - self.first_seq, prev, self.vouched, wrong)
                self.vouched, self.signed_at_us = seq, due.at_us
                self.checkpoints += 1
                due = next(signed, None)
        if due is not None:
            return chain.Verdict(seq - self.first_seq, prev, seq, self._removed(due, seq))
        return chain.Verdict(seq - self.first_seq, prev)

    def _unsigned(self, statement: Checkpoint | Pruning) -> bool:
        return bool(self.public_keys) and not statement.holds(*self.public_keys)

    def _prunings(self) -> str:
        """Read what was pruned; what is wrong with it, or ""."""
        for row in self.log.prunings.order_by("first_seq"):
            stated = pruning_of_row(row)
            if self._unsigned(stated):
                return _("the statement of what was pruned before it is not signed by the audit key")
            if stated.first_seq - self.first_seq != stated.count:
                return _("a statement of what was pruned before it is missing")
            self.first_seq, self.prev = stated.first_seq, stated.prev_hash
        return ""

    def _signed(self) -> Iterator[Checkpoint]:
        """Every checkpoint there is, by size: the table's, then the tip where the table ends before it."""
        last = 0
        for row in self.log.checkpoints.order_by("size").iterator(ROWS_AT_ONCE):
            one = of_row(row)
            if one.size <= self.first_seq:
                continue
            last = one.size
            yield one
        if self.tip is not None and self.tip.size > max(last, self.first_seq):
            yield self.tip

    def _differs(self, one: Checkpoint, seq: int, head: bytes) -> str:
        if self._unsigned(one):
            return _("the checkpoint of %(size)s entries is not signed by the audit key") % {"size": one.size}
        if one.size != seq or one.head != head:
            return _("the log is another than the one that was signed up to entry %(last)s") % {
                "last": one.size - 1
            }
        return ""

    def _removed(self, one: Checkpoint, seq: int) -> str:
        if self._unsigned(one):
            return _("the checkpoint of %(size)s entries is not signed by the audit key") % {"size": one.size}
        return _("the log ends here, and %(size)s entries were signed: what came after was removed") % {
            "size": one.size
        }
