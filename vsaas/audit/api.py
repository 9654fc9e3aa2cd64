"""The audit log in the REST API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.permissions import AUDIT_VIEW
from vsaas.audit import export, export_json, feed
from vsaas.audit.asked import filters_of_query, instants_of_query
from vsaas.audit.feed import Cursor, Seen
from vsaas.audit.models import AuditEntry
from vsaas.audit.pages import raw
from vsaas.audit.replies import (
    AUDIT_CSV,
    AUDIT_JSONL,
    AUDIT_PAGE,
    AUDIT_QUERY,
    EVENT,
    TIME_QUERY,
    AuditEventReply,
    AuditPage,
)
from vsaas.audit.rights import require_log
from vsaas.audit.stretch import check_around
from vsaas.common import clock
from vsaas.common.api import ApiView, AsAddressed
from vsaas.common.describe import describe
from vsaas.common.errors import NotFound
from vsaas.common.paging import limit_of


class AuditLog(ApiView):
    """GET: entries, newest first, filtered, in cursor pages."""

    access = Requires(AUDIT_VIEW)

    @describe("Read the audit log", reply=AuditPage, example=AUDIT_PAGE, query=AUDIT_QUERY, paged=True)
    def get(self, request: Request) -> Response:
        """Who did what, the newest first. Takes the right for every site."""
        require_log(self.actor)
        query = request.query_params
        page = feed.page(
            self.actor,
            filters_of_query(query),
            Cursor.unpack(query.get("cursor", "")),
            limit_of(query),
        )
        back = page.looked_back_to
        return Response(
            {
                "items": [_json(seen) for seen in page.events],
                "next": page.next.pack() if page.next else None,
                "looked_back_to_us": clock.to_us(back) if back else None,
            }
        )


class AuditFile(ApiView):
    """GET: the filtered log as one CSV file."""

    access = Requires(AUDIT_VIEW)
    content_negotiation_class = AsAddressed
    http_method_names = ("get", "options")  # a HEAD would record a download that nobody got

    @describe(
        "Download the audit log",
        media_type=export.MEDIA_TYPE,
        example=AUDIT_CSV,
        query=AUDIT_QUERY,
    )
    def get(self, request: Request) -> HttpResponseBase:
        """The same entries as a CSV file in UTF-8 with a byte order mark, the newest first, 100,000 at most: when more match,
        422, and nothing is sent. A cell a spreadsheet would compute begins with an apostrophe. The download is itself an
        entry of the log, made before the first byte. Takes the right for every site."""
        require_log(self.actor)
        return export.download(request._request, self.actor, filters_of_query(request.query_params))


class AuditProof(ApiView):
    """GET: the log of a time as JSON Lines with its chain and a checkpoint."""

    access = Requires(AUDIT_VIEW)
    content_negotiation_class = AsAddressed
    http_method_names = ("get", "options")  # a HEAD would record a download that nobody got

    @describe(
        "Download the audit log with its proof",
        media_type=export_json.MEDIA_TYPE,
        example=AUDIT_JSONL,
        query=TIME_QUERY,
    )
    def get(self, request: Request) -> HttpResponseBase:
        """Every entry from the first to the last of a time, in the order of the chain, then the signed checkpoint that
        covers them: `python -m vsaas.audit.proof FILE --key=KEY` checks it without the portal, and docs/audit.md has the
        format. A few entries beyond the time may come along, up to the one the checkpoint names; what waits to be chained
        does not. 100,000 entries at most: 422 for more. The download is itself an entry. Takes the right for every site."""
        require_log(self.actor)
        since, until = instants_of_query(request.query_params)
        return export_json.download(request._request, self.actor, since, until)


class AuditEvent(ApiView):
    """GET: one entry, and whether the chain holds around it."""

    access = Requires(AUDIT_VIEW)

    @describe("Get an audit entry", reply=AuditEventReply, example=EVENT)
    def get(self, request: Request, event_id: UUID) -> Response:
        """One entry as it is stored, and whether the chain holds around it. Takes the right for every site."""
        require_log(self.actor)
        seen = feed.event(self.actor, event_id)
        if seen is None:
            raise NotFound(_("no entry of this log has this id"))
        chain = None
        if isinstance(seen.event, AuditEntry):
            stretch = check_around(seen.event)
            chain = {
                "first_seq": stretch.first,
                "last_seq": stretch.last,
                "holds": stretch.holds,
                "broken_at_seq": stretch.broken_at,
                "reason": stretch.reason,
            }
        return Response(_json(seen) | {"chain": chain})


def _json(seen: Seen) -> dict[str, Any]:
    return {"sentence": seen.sentence, **raw(seen.event)}
