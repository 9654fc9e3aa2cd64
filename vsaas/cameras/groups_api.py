"""Groups of cameras in the REST API. They are changed by the `groups` of their cameras, as on the pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Count, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.permissions import CAMERA_VIEW
from vsaas.cameras.models import CameraGroup
from vsaas.cameras.replies import GROUP, GroupPage
from vsaas.cameras.services import NAME_CHARS_MAX
from vsaas.common.api import ApiView
from vsaas.common.describe import describe, query
from vsaas.common.fields import Fields, valid
from vsaas.common.paging import page_of
from vsaas.common.shapes import page_example


class GroupFilter(Fields):
    """What the list of groups is narrowed to."""

    site = serializers.UUIDField(required=False)
    q = serializers.CharField(required=False, max_length=NAME_CHARS_MAX)


_FILTERS = {"site": "camera__site_id", "q": "name__icontains"}


class Groups(ApiView):
    """GET: the groups with a camera the caller may see."""

    access = Requires(CAMERA_VIEW)

    @describe(
        "List groups of cameras",
        reply=GroupPage,
        example=page_example(GROUP),
        query=(
            query(
                "site",
                "Id of a site: only its cameras are looked at.",
                schema={"type": "string", "format": "uuid"},
            ),
            query("q", "A word that stands in the name.", example="entrance"),
        ),
        paged=True,
    )
    def get(self, request: Request) -> Response:
        """The groups with a camera you may see, by name, with how many of them you see, and where. A group begins when a
        camera is given its name in `groups`, and ends with its last camera."""
        wanted = valid(GroupFilter(data=request.query_params.dict()))
        members = access.visible(self.actor, CAMERA_VIEW, _present()).filter(
            **{_FILTERS[name]: value for name, value in wanted.items()}
        )
        page = page_of(request, members.distinct("name"), order=("name",))
        return Response(page.json(_told(members, [row.name for row in page.rows])))


def _present() -> QuerySet[CameraGroup]:
    """Deleted cameras are in no group for whoever looks, though a role on one still counts for their recordings."""
    return CameraGroup.objects.filter(camera__deleted_at=None)


def _told(members: QuerySet[CameraGroup], names: Sequence[str]) -> list[dict[str, Any]]:
    """Groups of these names, in their order, as their members that are seen make them. One query. One whose last camera
    left it since its name was read is no group any more."""
    told: dict[str, dict[str, Any]] = {name: {"name": name, "cameras": 0, "sites": []} for name in names}
    by_site = (
        members.filter(name__in=names)
        .values_list("name", "camera__site_id", "camera__site__name")
        .annotate(count=Count("camera_id"))
        .order_by("camera__site__name", "camera__site_id")
    )
    for name, site_id, site_name, count in by_site:
        told[name]["cameras"] += count
        told[name]["sites"].append({"id": str(site_id), "name": site_name})
    return [group for group in told.values() if group["cameras"]]
