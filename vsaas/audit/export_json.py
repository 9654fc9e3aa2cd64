"""The audit log as JSON Lines with its chain and a checkpoint: whoever has the public key checks it without the portal
(`vsaas.audit.proof`).

A chain with holes proves nothing, so an export is every entry from the first to the last of a time, whatever else was
done then, and goes on to the entry the next checkpoint names.
"""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.handlers.asgi import ASGIRequest
from django.db.models import Max, Min
from django.http import HttpRequest, StreamingHttpResponse
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor
from tenants.permissions import AUDIT_VIEW
from tenants.scope import in_scope, tenant_scope
from vsaas.audit import acts, chain, export, proof
from vsaas.audit.checkpoints import of_row
from vsaas.audit.feed import Filters
from vsaas.audit.models import AuditCheckpoint, AuditEntry
from vsaas.audit.services import record_act, who
from vsaas.common import clock
from vsaas.common.errors import InvalidFields

MEDIA_TYPE = "application/x-ndjson"
BEYOND = 10_000
"""So many entries more are given, at most, to reach the checkpoint that covers the last one asked for."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """What a download holds: entries `first` to `last`, and the checkpoint at its end, as stored."""

    tenant_id: UUID
    first: int
    last: int
    signed: proof.Checkpoint | None
    public_key: bytes | None

    @property
    def count(self) -> int:
        return self.last - self.first + 1


def download(
    request: HttpRequest, actor: Actor, since: dt.datetime | None, until: dt.datetime | None
) -> StreamingHttpResponse:
    """The log of a time as a file; the download itself is recorded. The actor's right to the whole log is the caller's to
    check. Raises InvalidFields when there is too much of it."""
    until = until or clock.now()
    stretch = stretch_of(actor, since, until)
    if stretch.count > export.ROWS_MAX:
        raise InvalidFields(
            _("more than %(most)s entries lie in this time: choose a shorter one")
            % {"most": number_format(export.ROWS_MAX, force_grouping=True)},
            extra={"errors": [{"field": "from", "message": _("choose a shorter time")}]},
        )
    record_act(
        acts.EXPORTED,
        who(actor),
        request=request,
        count=stretch.count,
        range=export.in_words(Filters(since=since, until=until)),
        format="json",
    )
    make = lines_async if isinstance(request, ASGIRequest) else lines
    reply = StreamingHttpResponse(make(actor, stretch), content_type=f"{MEDIA_TYPE}; charset=utf-8")
    day = clock.now().strftime("%Y-%m-%d")
    name = f"audit-{request.tenant.slug}-{day}.jsonl"  # type: ignore[attr-defined]
    reply["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


def stretch_of(actor: Actor, since: dt.datetime | None, until: dt.datetime) -> Stretch:
    """The entries of a time that are chained, and where the checkpoint over them is."""
    rows = access.visible(actor, AUDIT_VIEW, AuditEntry.objects.filter(at__lt=until))
    if since is not None:
        rows = rows.filter(at__gte=since)
    ends = rows.aggregate(first=Min("seq"), last=Max("seq"))
    if ends["first"] is None:
        return Stretch(actor.tenant_id, 0, -1, None, None)
    first, last = ends["first"], ends["last"]
    covering = AuditCheckpoint.objects.filter(size__gt=last, size__lte=last + 1 + BEYOND).order_by("size")
    for row in covering[:100]:
        signed, public_key = of_row(row), bytes(row.public_key)
        if signed.holds(public_key) and AuditEntry.objects.filter(seq=signed.size - 1).exists():
            return Stretch(actor.tenant_id, first, signed.size - 1, signed, public_key)
    for row in AuditCheckpoint.objects.filter(size__gt=first, size__lte=last).order_by("-size")[:100]:
        signed, public_key = of_row(row), bytes(row.public_key)
        if signed.holds(public_key):
            return Stretch(actor.tenant_id, first, last, signed, public_key)
    return Stretch(actor.tenant_id, first, last, None, None)


def lines(actor: Actor, stretch: Stretch) -> Iterator[str]:
    """The file in pieces, each made in a scope of its own: the request's has ended when they are sent."""
    yield _line({"kind": "log", "format": proof.FORMAT, "log": str(stretch.tenant_id)})
    for first in range(stretch.first, stretch.last + 1, export.PAGE_ROWS):
        with tenant_scope(actor.tenant_id):
            text = _piece(actor, stretch, first)
        yield text
    yield _line(proof.checkpoint_line(stretch.signed, stretch.public_key))


async def lines_async(actor: Actor, stretch: Stretch) -> AsyncIterator[str]:
    """As `lines`, for an ASGI server."""
    yield _line({"kind": "log", "format": proof.FORMAT, "log": str(stretch.tenant_id)})
    for first in range(stretch.first, stretch.last + 1, export.PAGE_ROWS):
        yield await in_scope(actor.tenant_id, _piece, actor, stretch, first)
    yield _line(proof.checkpoint_line(stretch.signed, stretch.public_key))


def _piece(actor: Actor, stretch: Stretch, first: int) -> str:
    last = min(stretch.last, first + export.PAGE_ROWS - 1)
    rows = access.visible(actor, AUDIT_VIEW, AuditEntry.objects.filter(seq__gte=first, seq__lte=last))
    return "".join(
        _line(proof.entry_line(row.seq, bytes(row.prev_hash), bytes(row.hash), chain.fields_of(row)))
        for row in rows.order_by("seq")
    )


def _line(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
