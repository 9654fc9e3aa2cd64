"""Saved views in the browser API."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires
from tenants.permissions import CAMERA_VIEW, VIEW_EDIT
from vsaas.cameras.errors import InvalidView, ViewNameTaken
from vsaas.cameras.models import SavedView, WallLayout
from vsaas.cameras.replies import VIEW, ViewPage, ViewReply
from vsaas.cameras.saved_views import (
    CAMERAS_MOST,
    CAROUSEL_S,
    view_add,
    view_remove,
    view_to_change,
    view_update,
    views_json,
    visible_views,
)
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.fields import Fields, valid
from vsaas.common.paging import page_of
from vsaas.common.shapes import page_example


class ViewFields(Fields):
    """What a view is made of."""

    name = serializers.CharField(max_length=80)
    layout = serializers.ChoiceField(choices=WallLayout.choices, default=WallLayout.AUTO)
    cameras = serializers.ListField(child=serializers.UUIDField(), allow_empty=False, max_length=CAMERAS_MOST)
    carousel_s = serializers.IntegerField(
        min_value=CAROUSEL_S[0], max_value=CAROUSEL_S[1], allow_null=True, default=None
    )
    shared = serializers.BooleanField(default=False)


class ViewChangeFields(Fields):
    """Changes of a view: what is absent stays."""

    name = serializers.CharField(max_length=80, required=False)
    layout = serializers.ChoiceField(choices=WallLayout.choices, required=False)
    cameras = serializers.ListField(
        child=serializers.UUIDField(), allow_empty=False, max_length=CAMERAS_MOST, required=False
    )
    carousel_s = serializers.IntegerField(
        min_value=CAROUSEL_S[0], max_value=CAROUSEL_S[1], allow_null=True, required=False
    )
    shared = serializers.BooleanField(required=False)


class Views(ApiView):
    """GET: one's own views and the shared ones. POST: keeps a view."""

    access = Requires(CAMERA_VIEW, VIEW_EDIT)
    tag = "Views"

    @describe("List saved views", reply=ViewPage, example=page_example(VIEW), paged=True)
    def get(self, request: Request) -> Response:
        """Your own and those shared with the organisation, by name. Of each only the cameras you may see."""
        page = page_of(request, visible_views(self.actor), order=("name", "id"))
        return Response(page.json(views_json(self.actor, page.rows)))

    @describe(
        "Save a view",
        request=ViewFields,
        request_example={"name": "Night", "layout": "2x2", "cameras": VIEW["cameras"], "carousel_s": 20},
        reply=ViewReply,
        example=VIEW,
        status=201,
        problems=(InvalidView, ViewNameTaken),
    )
    def post(self, request: Request) -> Response:
        """Kept for you; with `shared` everybody in the organisation is offered it. Its cameras are ones you see, which takes
        the right to see cameras too."""
        return Response(_one(self, view_add(self.actor, valid(ViewFields(data=request.data)))), status=201)


class View(ApiView):
    """PATCH: changes what is given. DELETE: removes."""

    access = Requires(VIEW_EDIT)
    tag = "Views"

    @describe(
        "Change a saved view",
        request=ViewChangeFields,
        request_example={"name": "Late night"},
        reply=ViewReply,
        example=VIEW | {"name": "Late night"},
        problems=(InvalidView, ViewNameTaken),
    )
    def patch(self, request: Request, view_id: UUID) -> Response:
        """One of your own, or a shared one where you may change the organisation's settings. What is absent stays. Takes
        the right to see cameras too."""
        view = view_to_change(self.actor, view_id)
        fields = valid(ViewChangeFields(data=request.data))
        return Response(_one(self, view_update(self.actor, view, fields)))

    @describe("Remove a saved view", status=204)
    def delete(self, request: Request, view_id: UUID) -> Response:
        """One of your own, or a shared one where you may change the organisation's settings. Takes the right to see
        cameras too."""
        view_remove(self.actor, view_to_change(self.actor, view_id))
        return Response(status=204)


def _one(view: ApiView, saved: SavedView) -> dict[str, Any]:
    (row,) = views_json(view.actor, [saved])
    return row
