"""The audit log as CSV: streamed page by page, bounded, and safe to open in a spreadsheet."""

from __future__ import annotations

import csv
import dataclasses
import io
import json
from collections.abc import AsyncIterator, Iterator
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, StreamingHttpResponse
from django.utils import translation
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from tenants.access import Actor
from tenants.scope import in_scope, tenant_scope
from tenants.words import ENGLISH
from vsaas.audit import acts, feed
from vsaas.audit.feed import Cursor, Filters, Seen
from vsaas.audit.services import record_act, who
from vsaas.common import clock
from vsaas.common.errors import InvalidFields

ROWS_MAX = 100_000
PAGE_ROWS = 1000
MEDIA_TYPE = "text/csv"
BYTE_ORDER_MARK = "\ufeff"  # else spreadsheets take UTF-8 for something older
COLUMNS = (
    "time_utc",
    "sentence",
    "act",
    "outcome",
    "actor_kind",
    "actor_name",
    "actor_id",
    "object_kind",
    "object_name",
    "object_id",
    "network",
    "details",
    "event_id",
    "seq",
    "hash",
)
# What makes a spreadsheet compute a cell, also in its full-width form and behind white space.
_FORMULA = tuple("=+-@＝＋－＠|%")


def download(request: HttpRequest, actor: Actor, filters: Filters) -> StreamingHttpResponse:
    """The filtered log as a file, for page and program alike; the download itself is recorded. The actor's right to the
    whole log is the caller's to check. Raises as `begin`."""
    # What happens from now on, this download included, is not in it.
    filters = dataclasses.replace(filters, until=filters.until or clock.now())
    begin(request, actor, filters)
    # An ASGI server would gather a plain iterator whole before it sends the first byte, and the other way round.
    make = lines_async if isinstance(request, ASGIRequest) else lines
    pieces = make(actor, filters, translation.get_language() or ENGLISH)
    reply = StreamingHttpResponse(pieces, content_type=f"{MEDIA_TYPE}; charset=utf-8")
    day = clock.now().strftime("%Y-%m-%d")
    name = f"audit-{request.tenant.slug}-{day}.csv"  # type: ignore[attr-defined]
    reply["Content-Disposition"] = f'attachment; filename="{name}"'
    return reply


def begin(request: HttpRequest, actor: Actor, filters: Filters) -> int:
    """Record the download, in the request's transaction; how many entries it holds. Raises InvalidFields when there are
    more than ROWS_MAX."""
    count = feed.count(actor, filters, ROWS_MAX + 1)
    if count > ROWS_MAX:
        raise InvalidFields(
            _("more than %(most)s entries match: choose a shorter time")
            % {"most": number_format(ROWS_MAX, force_grouping=True)},
            extra={"errors": [{"field": "from", "message": _("choose a shorter time")}]},
        )
    record_act(acts.EXPORTED, who(actor), request=request, count=count, range=in_words(filters))
    return count


def in_words(filters: Filters) -> str:
    """What was asked for, as the audit log says it."""
    since = filters.since.isoformat(timespec="minutes") if filters.since else "the beginning"
    until = filters.until.isoformat(timespec="minutes") if filters.until else "now"
    asked = {
        "person": filters.person,
        "act": filters.act,
        "object": filters.object,
        "camera": filters.camera,
        "outcome": filters.outcome,
        "text": filters.text,
    }
    rest = ", ".join(f"{name} {value!r}" for name, value in asked.items() if value)
    return f"{since} to {until}" + (f", {rest}" if rest else "")


def lines(actor: Actor, filters: Filters, language: str = ENGLISH) -> Iterator[str]:
    """The file in pieces, each made in a scope and language of its own: the request's have ended when they are sent."""
    yield BYTE_ORDER_MARK + _csv([COLUMNS])
    cursor: Cursor | None = None
    while True:
        with tenant_scope(actor.tenant_id):
            text, cursor = _piece(actor, filters, cursor, language)
        yield text
        if cursor is None:
            return


async def lines_async(actor: Actor, filters: Filters, language: str = ENGLISH) -> AsyncIterator[str]:
    """As `lines`, for an ASGI server, which would otherwise gather them all before it sends the first."""
    yield BYTE_ORDER_MARK + _csv([COLUMNS])
    cursor: Cursor | None = None
    while True:
        text, cursor = await in_scope(actor.tenant_id, _piece, actor, filters, cursor, language)
        yield text
        if cursor is None:
            return


def _piece(actor: Actor, filters: Filters, cursor: Cursor | None, language: str) -> tuple[str, Cursor | None]:
    with translation.override(language):
        page = feed.page(actor, filters, cursor, PAGE_ROWS)
        return _csv([_row(seen) for seen in page.events]), page.next


def _row(seen: Seen) -> tuple[str, ...]:
    event = seen.event
    return (
        event.at.astimezone(clock.UTC).isoformat(timespec="microseconds"),
        seen.sentence,
        event.act,
        str(event.outcome),
        event.actor_kind,
        event.actor_name,
        str(event.actor_id or ""),
        event.object_kind,
        event.object_name,
        event.object_id,
        event.network,
        json.dumps(event.details, ensure_ascii=False, sort_keys=True),
        str(seen.event_id),
        "" if seen.seq is None else str(seen.seq),
        "" if seen.hash is None else seen.hash.hex(),
    )


def _csv(rows: Any) -> str:
    out = io.StringIO()
    csv.writer(out).writerows([[harmless(cell) for cell in row] for row in rows])
    return out.getvalue()


def harmless(cell: str) -> str:
    """The cell, with an apostrophe before it where a spreadsheet would take it for a formula."""
    return f"'{cell}" if cell.lstrip().startswith(_FORMULA) or cell[:1] in ("\t", "\r", "\n") else cell
