"""The audit log in the REST API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.models import Tenant
from tenants.permissions import AUDIT_VIEW
from vsaas.audit import feed
from vsaas.audit.asked import filters_of_query
from vsaas.audit.feed import Cursor, Seen
from vsaas.audit.models import AuditEntry
from vsaas.audit.pages import raw
from vsaas.audit.replies import AUDIT_PAGE, AUDIT_QUERY, EVENT, AuditEventReply, AuditPage
from vsaas.audit.stretch import check_around
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import NotFound
from vsaas.common.paging import limit_of


class AuditLog(ApiView):
    """GET: entries, newest first, filtered, in cursor pages."""

    access = Requires(AUDIT_VIEW)

    @describe("Read the audit log", reply=AuditPage, example=AUDIT_PAGE, query=AUDIT_QUERY, paged=True)
    def get(self, request: Request) -> Response:
        """Who did what, the newest first. Takes the right for every site."""
        access.require(self.actor, AUDIT_VIEW, Tenant.objects.get())
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


class AuditEvent(ApiView):
    """GET: one entry, and whether the chain holds around it."""

    access = Requires(AUDIT_VIEW)

    @describe("Get an audit entry", reply=AuditEventReply, example=EVENT)
    def get(self, request: Request, event_id: UUID) -> Response:
        """One entry as it is stored, and whether the chain holds around it. Takes the right for every site."""
        access.require(self.actor, AUDIT_VIEW, Tenant.objects.get())
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
