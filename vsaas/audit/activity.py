"""One's own trail: what one did, and what was done to one's account. Theirs to read without any right to the log.

From which network only where it was oneself, or nobody known: where an owner sits is not told.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe
from pydantic import BaseModel
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.access import Actor
from tenants.declare import Requires, requires
from tenants.middleware import signed_in
from tenants.permissions import ACCOUNT_SELF
from vsaas.audit import feed
from vsaas.audit.feed import Cursor, Seen
from vsaas.audit.replies import ENTRY, Someone, Something
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.paging import limit_of
from vsaas.common.shapes import Id, Micros, Next

PAGE_ROWS = 50


def network_told(actor: Actor, seen: Seen) -> str:
    """The network of an entry, where this person may know it."""
    return seen.event.network if seen.event.actor_id in (None, actor.account_id) else ""


@requires(ACCOUNT_SELF)
@require_safe
def account_activity(request: HttpRequest) -> HttpResponse:
    """The newest first, in pages."""
    actor = signed_in(request)
    after = Cursor.unpack(request.GET.get("after", ""))
    page = feed.own_page(actor.account_id, after, PAGE_ROWS)
    context = {
        "events": [
            {
                "sentence": seen.sentence,
                "at": seen.at,
                "refused": seen.refused,
                "network": network_told(actor, seen),
            }
            for seen in page.events
        ],
        "older": page.next and urlencode({"after": page.next.pack()}),
        "first": after is None,
        "looked_back_to": page.looked_back_to,
    }
    return render(request, "audit/activity.html", context)


class ActivityEntry(BaseModel):
    """One entry. `network` is empty where somebody else acted."""

    sentence: str
    event_id: Id
    at_us: Micros
    act: str
    outcome: str
    actor: Someone
    object: Something
    network: str


class ActivityPage(BaseModel):
    """Entries, the newest first."""

    items: list[ActivityEntry]
    next: Next
    looked_back_to_us: Micros | None


EXAMPLE: dict[str, Any] = {
    "items": [{name: ENTRY[name] for name in ActivityEntry.model_fields}],
    "next": None,
    "looked_back_to_us": None,
}


class AccountActivity(ApiView):
    """GET: one's own trail, in cursor pages."""

    access = Requires(ACCOUNT_SELF)
    tag = "Your account"

    @describe("List your own activity", reply=ActivityPage, example=EXAMPLE, paged=True)
    def get(self, request: Request) -> Response:
        """What you did, and what was done to your account, the newest first. A page looks through 20,000 entries at most
        and says how far back that was; `next` goes on from there."""
        query = request.query_params
        page = feed.own_page(self.actor.account_id, Cursor.unpack(query.get("cursor", "")), limit_of(query))
        back = page.looked_back_to
        return Response(
            {
                "items": [self._json(seen) for seen in page.events],
                "next": page.next.pack() if page.next else None,
                "looked_back_to_us": clock.to_us(back) if back else None,
            }
        )

    def _json(self, seen: Seen) -> dict[str, Any]:
        told = feed.event_json(seen.event) | {"network": network_told(self.actor, seen)}
        return {"sentence": seen.sentence} | told
