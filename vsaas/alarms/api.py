"""Alarms in the REST API."""

from __future__ import annotations

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.permissions import AGENT_VIEW
from vsaas.alarms import choosing, telling
from vsaas.alarms.replies import ALARM, WISH, AlarmPage, AlarmWishReply
from vsaas.alarms.shown import alarm_json
from vsaas.alarms.telling import Wish, wish_of
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidField
from vsaas.common.fields import Fields, valid
from vsaas.common.paging import page_of
from vsaas.common.shapes import page_example

OPEN = OpenApiParameter("open", bool, description="`true`: only what lasts; `false`: only what is over.")


class Alarms(ApiView):
    """GET: what is and was silent."""

    access = Requires(AGENT_VIEW)
    tag = "Alarms"

    @describe("List alarms", reply=AlarmPage, example=page_example(ALARM), paged=True, query=(OPEN,))
    def get(self, request: Request) -> Response:
        """Agents that are not heard and cameras that are not recorded, the newest first; kept 90 days beyond their end."""
        rows = telling.open_to(self.actor).select_related("camera__site", "agent__site")
        match request.query_params.get("open", ""):
            case "":
                pass
            case "true":
                rows = rows.filter(ended_at=None)
            case "false":
                rows = rows.exclude(ended_at=None)
            case _other:
                raise InvalidField("open", _("say true or false"))
        page = page_of(request, rows, order=("-noticed_at", "-id"))
        return Response(page.json([alarm_json(row) for row in page.rows]))


class WishFields(Fields):
    """What one is told by mail."""

    by_mail = serializers.BooleanField()
    sites = serializers.ListField(
        child=serializers.UUIDField(), allow_null=True, allow_empty=False, required=False, max_length=1000
    )


class AlarmWish(ApiView):
    """GET, PUT: what the caller is told by mail."""

    access = Requires(AGENT_VIEW)
    tag = "Alarms"

    @describe("Get what you are told by mail", reply=AlarmWishReply, example=WISH)
    def get(self, request: Request) -> Response:
        """Who chose nothing is told of all sites where they may change cameras."""
        return Response(_wish_json(wish_of(self.actor)))

    @describe(
        "Choose what you are told by mail",
        request=WishFields,
        request_example=WISH,
        reply=AlarmWishReply,
        example=WISH,
    )
    def put(self, request: Request) -> Response:
        """Of sites you may look after; without `sites`, or with null, of all of them."""
        fields = valid(WishFields(data=request.data))
        sites = fields.get("sites")
        chosen = None if sites is None else frozenset(str(site) for site in sites)
        theirs = {str(site.id) for site in choosing.sites_to_choose(self.actor)}
        if chosen is not None and not chosen <= theirs:
            raise InvalidField("sites", _("one of these is no site you may look after"))
        wish = Wish(fields["by_mail"], chosen)
        choosing.change(request._request, self.actor, wish)
        return Response(_wish_json(wish))


def _wish_json(wish: Wish) -> dict[str, object]:
    return {"by_mail": wish.by_mail, "sites": None if wish.sites is None else sorted(wish.sites)}
