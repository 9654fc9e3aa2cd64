"""Cameras and sites in the REST API."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.models import Site, Tenant
from tenants.permissions import CAMERA_EDIT, CAMERA_VIEW, SITE_EDIT, SITE_VIEW
from vsaas.agents.models import Agent
from vsaas.audit.services import who
from vsaas.cameras.addresses import join_credentials
from vsaas.cameras.detection import detection_from_json
from vsaas.cameras.errors import (
    AgentGone,
    CameraDeleted,
    CameraNameTaken,
    InvalidCamera,
    InvalidSite,
    SiteNameTaken,
    SiteNotEmpty,
    StaleVersion,
)
from vsaas.cameras.kept import kept_footage
from vsaas.cameras.models import RETENTION_DAYS_MAX, Camera
from vsaas.cameras.recording import plan_from_json
from vsaas.cameras.replies import CAMERA, SITE, CameraPage, CameraReply, SitePage, SiteReply
from vsaas.cameras.services import (
    GROUPS_MAX,
    NAME_CHARS_MAX,
    CameraChange,
    NewCamera,
    camera_add,
    camera_delete,
    camera_update,
    present,
    require_no_gain_by,
)
from vsaas.cameras.sites import site_add, site_change, site_delete
from vsaas.cameras.states import camera_states
from vsaas.common import clock
from vsaas.common.api import ApiView, versioned
from vsaas.common.conditional import ChangedMeanwhile, hold_if_match
from vsaas.common.describe import describe, query
from vsaas.common.fields import Fields, valid
from vsaas.common.paging import page_of
from vsaas.common.shapes import page_example

_ADDRESS = "RTSP address: rtsp://host[:port]/path, or rtsps, with its credentials in it or beside it. It is never told again."


def _groups_field() -> serializers.ListField:
    """Names of the groups a camera is in, all of them."""
    return serializers.ListField(
        child=serializers.CharField(max_length=NAME_CHARS_MAX),
        max_length=GROUPS_MAX,
        required=False,
        help_text="Names of the groups it is in, all of them.",
    )


def _credential_field(chars: int) -> serializers.CharField:
    return serializers.CharField(
        max_length=chars,
        required=False,
        allow_blank=True,
        trim_whitespace=False,
        help_text="Goes into both addresses.",
    )


class CameraFilter(Fields):
    """What a list of cameras is narrowed to."""

    site = serializers.UUIDField(required=False)
    agent = serializers.UUIDField(required=False)
    group = serializers.CharField(required=False, max_length=NAME_CHARS_MAX, trim_whitespace=False)
    q = serializers.CharField(required=False, max_length=NAME_CHARS_MAX)
    deleted = serializers.ChoiceField(["true", "false"], default="false")


_FILTERS = {"site": "site_id", "agent": "agent_id", "group": "groups__name", "q": "name__icontains"}


class NewCameraFields(Fields):
    """A camera to register. Addresses are checked where they are sealed."""

    name = serializers.CharField(max_length=NAME_CHARS_MAX, help_text="Once per site.")
    main_url = serializers.CharField(max_length=2000, trim_whitespace=True, help_text=_ADDRESS)
    sub_url = serializers.CharField(
        max_length=2000, required=False, allow_null=True, help_text="The same for the sub stream."
    )
    user = _credential_field(200)
    password = _credential_field(500)
    audio = serializers.BooleanField(default=True, help_text="Whether sound is recorded.")
    retention_days = serializers.IntegerField(
        min_value=1,
        max_value=RETENTION_DAYS_MAX,
        required=False,
        allow_null=True,
        help_text="Absent or null: the organisation's.",
    )
    site = serializers.UUIDField(required=False, help_text="Absent: the agent's.")
    groups = _groups_field()


class AnyNewCameraFields(NewCameraFields):
    """A camera to register, and the agent that is to record it."""

    agent = serializers.UUIDField()


class CameraFields(Fields):
    """Changes of a camera: what is absent stays."""

    name = serializers.CharField(max_length=NAME_CHARS_MAX, required=False)
    enabled = serializers.BooleanField(required=False, help_text="Whether it is recorded.")
    audio = serializers.BooleanField(required=False, help_text="Whether sound is recorded.")
    events = serializers.BooleanField(
        required=False, help_text="Whether the camera's own events (ONVIF) are listened to."
    )
    detection = serializers.JSONField(
        required=False,
        allow_null=True,
        help_text="What the agent itself looks for in the picture, whole; null: nothing. `motion` and `tamper` true or false; "
        "`sensitivity` 1 to 5, `smallest` percent of the picture; `zones` with `name` and `cells`, `mask`: 144 hexadecimal digits, "
        "one bit for each cell of a grid of 32 by 18, row by row from the top left.",
    )
    retention_days = serializers.IntegerField(
        min_value=0, max_value=RETENTION_DAYS_MAX, required=False, help_text="0: the organisation's."
    )
    main_url = serializers.CharField(max_length=2000, required=False, help_text=_ADDRESS)
    sub_url = serializers.CharField(
        max_length=2000, required=False, allow_blank=True, help_text='"" removes the sub stream.'
    )
    user = _credential_field(200)
    password = _credential_field(500)
    site = serializers.UUIDField(required=False)
    groups = _groups_field()
    certificate = serializers.CharField(
        max_length=64,
        required=False,
        allow_blank=True,
        help_text='SHA-256 in hex of the only certificate the camera may show over rtsps; "": whichever it shows.',
    )
    recording = serializers.JSONField(
        required=False,
        allow_null=True,
        help_text="When it is recorded and how much of it, whole; null: everything, always. `mode` continuous, event or off and "
        "`quality` full, key-frames or sub; `windows` in which others hold; `pre_roll_s`, `post_roll_s` and `triggers` of events.",
    )
    version = serializers.IntegerField(
        min_value=1,
        max_value=2**31 - 1,
        required=False,
        help_text="Of the camera as you read it; 409 `stale-version`, and no change, when somebody changed it since.",
    )


_NEW_EXAMPLE = {
    "name": "Gate 2",
    "main_url": "rtsp://192.0.2.7/main",
    "sub_url": "rtsp://192.0.2.7/sub",
    "user": "operator",
    "password": "correct horse",
    "audio": True,
    "retention_days": 30,
}
_NEW_REPLY = CAMERA | {"state": "waiting", "since_us": None, "newest_us": None, "health": []}
_CHANGE_EXAMPLE = {"name": "Gate 2, inside", "retention_days": 14}
_CHANGE_REPLY = CAMERA | {"name": "Gate 2, inside", "retention_days": 14, "version": 4}
_CHANGE_PROBLEMS = (CameraNameTaken, AgentGone, InvalidCamera, ChangedMeanwhile, StaleVersion, CameraDeleted)


class Cameras(ApiView):
    """GET: the cameras the caller may see, with their state. POST: registers a camera on an agent."""

    access = Requires(CAMERA_VIEW, CAMERA_EDIT)

    @describe(
        "List cameras",
        reply=CameraPage,
        example=page_example(CAMERA),
        query=(
            query("site", "Id of the site they are on.", schema={"type": "string", "format": "uuid"}),
            query("agent", "Id of the agent that records them.", schema={"type": "string", "format": "uuid"}),
            query("group", "Name of a group they are in.", example="Entrances"),
            query("q", "A word that stands in the name.", example="gate"),
            query(
                "deleted",
                "true: instead of the others, the deleted ones whose recordings are still kept and shown.",
                schema={"type": "string", "enum": ["true", "false"], "default": "false"},
            ),
        ),
        paged=True,
    )
    def get(self, request: Request) -> Response:
        """The cameras you may see, by name, with their state. Deleted ones are listed when they are asked for, as long as
        something of them is kept; `since_us` tells when they were deleted. Of those a page may hold fewer than `limit`
        while `next` goes on."""
        wanted = valid(CameraFilter(data=request.query_params.dict()))
        deleted = wanted.pop("deleted") == "true"
        rows = access.visible(self.actor, CAMERA_VIEW, _deleted_cameras() if deleted else _cameras()).filter(
            **{_FILTERS[name]: value for name, value in wanted.items()}
        )
        page = page_of(request, rows, order=("name", "id"))
        shown = page.rows
        if deleted:
            kept = kept_footage([camera.id for camera in shown])
            shown = [camera for camera in shown if camera.id in kept]
        return Response(page.json(camera_states(self.actor, shown)))

    @describe(
        "Register a camera",
        request=AnyNewCameraFields,
        request_example=_NEW_EXAMPLE | {"agent": CAMERA["agent_id"]},
        reply=CameraReply,
        example=_NEW_REPLY,
        status=201,
        problems=(CameraNameTaken, AgentGone, InvalidCamera),
    )
    def post(self, request: Request) -> Response:
        """As registering it on an agent, whose id stands in the body."""
        fields = valid(AnyNewCameraFields(data=request.data))
        agent = access.get(self.actor, CAMERA_EDIT, Agent.objects.all(), id=fields.pop("agent"))
        return _added(self, agent, fields)


class CameraAdding(ApiView):
    """POST: registers a camera on an agent."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Register a camera on an agent",
        request=NewCameraFields,
        request_example=_NEW_EXAMPLE,
        reply=CameraReply,
        example=_NEW_REPLY,
        status=201,
        problems=(CameraNameTaken, AgentGone, InvalidCamera),
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """The agent is told at once and begins to record. Addresses are sealed to the agent's own key as they come in:
        the portal keeps no password and cannot tell an address again."""
        agent = access.get(self.actor, CAMERA_EDIT, Agent.objects.all(), id=agent_id)
        return _added(self, agent, valid(NewCameraFields(data=request.data)))


class OneCamera(ApiView):
    """GET: one camera with its state. PATCH or POST: changes it. DELETE: ends its recording for good."""

    access = Requires(CAMERA_VIEW, CAMERA_EDIT)

    @describe("Get a camera", reply=CameraReply, example=CAMERA)
    def get(self, request: Request, camera_id: UUID) -> Response:
        """One camera with its state. Its ETag holds the version that If-Match of a change compares."""
        camera = access.get(self.actor, CAMERA_VIEW, _cameras(), id=camera_id)
        return versioned(Response(_one(self, camera)), str(camera.version))

    @describe(
        "Change a camera",
        request=CameraFields,
        request_example=_CHANGE_EXAMPLE,
        reply=CameraReply,
        example=_CHANGE_REPLY,
        problems=_CHANGE_PROBLEMS,
    )
    def patch(self, request: Request, camera_id: UUID) -> Response:
        """What is absent stays. `sub_url` "" removes the sub stream; `retention_days` 0 goes back to the organisation's."""
        return self._changed(request, camera_id)

    @describe(
        "Change a camera, as PATCH",
        request=CameraFields,
        request_example=_CHANGE_EXAMPLE,
        reply=CameraReply,
        example=_CHANGE_REPLY,
        problems=_CHANGE_PROBLEMS,
    )
    def post(self, request: Request, camera_id: UUID) -> Response:
        """The same by POST, for programs that cannot send PATCH, or want an idempotency key."""
        return self._changed(request, camera_id)

    @describe(
        "Delete a camera",
        status=204,
        query=(
            query(
                "erase_footage",
                "true: its recordings go at once, keys first, instead of at the end of their time.",
                schema={"type": "string", "enum": ["true", "false"], "default": "false"},
            ),
        ),
        problems=(ChangedMeanwhile, CameraDeleted),
    )
    def delete(self, request: Request, camera_id: UUID) -> Response:
        """Its recording ends for good and its addresses are forgotten. What was recorded stays until the end of its
        retention, for whoever may see it."""
        camera = self._locked(request, camera_id)
        erase = request.query_params.get("erase_footage", "false")
        if erase not in ("true", "false"):
            raise InvalidCamera("erase_footage", _("write true or false"))
        camera_delete(camera, who(self.actor), erase_footage=erase == "true")
        return Response(status=204)

    def _changed(self, request: Request, camera_id: UUID) -> Response:
        camera = self._locked(request, camera_id)
        fields = _with_credentials(valid(CameraFields(data=request.data)))
        if fields.get("recording") is not None:
            fields["recording"] = plan_from_json(fields["recording"], camera.site.timezone)
        if fields.get("detection") is not None:
            fields["detection"] = detection_from_json(fields["detection"])
        change = CameraChange(**_with_site(self, fields))
        require_no_gain_by(self.actor, camera, change)
        return Response(_one(self, camera_update(camera, change, who(self.actor))))

    def _locked(self, request: Request, camera_id: UUID) -> Camera:
        """The camera, which the actor may change and nobody else changes before this request ends; its version is the one
        that If-Match names, where it names one."""
        locked = present(Camera.objects.select_for_update(of=("self",)))
        camera = access.get(self.actor, CAMERA_EDIT, locked, id=camera_id)
        hold_if_match(request._request, str(camera.version))
        return camera


def _cameras() -> QuerySet[Camera]:
    return present(Camera.objects.all())


def _deleted_cameras() -> QuerySet[Camera]:
    """Those people are still shown recordings of, where any are kept."""
    return Camera.objects.filter(deleted_at__isnull=False, erase_footage=False)


def _added(view: ApiView, agent: Agent, fields: dict[str, Any]) -> Response:
    new = NewCamera(**_with_site(view, _with_credentials(fields)))
    return Response(_one(view, camera_add(agent, new, who(view.actor))), status=201)


def _with_site(view: ApiView, fields: dict[str, Any]) -> dict[str, Any]:
    """The id of a site, when one is given, becomes the site the actor may put cameras on."""
    if "site" in fields:
        fields["site"] = access.get(view.actor, CAMERA_EDIT, Site.objects.all(), id=fields["site"])
    return fields


def _with_credentials(fields: dict[str, Any]) -> dict[str, Any]:
    user, password = fields.pop("user", ""), fields.pop("password", "")
    for name in ("main_url", "sub_url"):
        if fields.get(name):
            fields[name] = join_credentials(fields[name], user, password)
    return fields


def _one(view: ApiView, camera: Camera) -> dict[str, Any]:
    (state,) = camera_states(view.actor, [camera])
    return state


_ZONE = "A name of the IANA data base, such as Europe/Berlin."


class NewSiteFields(Fields):
    """A site to add."""

    name = serializers.CharField(max_length=NAME_CHARS_MAX, help_text="Once per organisation.")
    timezone = serializers.CharField(max_length=64, help_text=_ZONE)


class SiteFields(Fields):
    """Changes of a site: what is absent stays."""

    name = serializers.CharField(max_length=NAME_CHARS_MAX, required=False)
    timezone = serializers.CharField(max_length=64, required=False, help_text=_ZONE)


class SiteDeletionFields(Fields):
    """The query of a site's deletion."""

    heir = serializers.UUIDField(required=False)


class Sites(ApiView):
    """GET: the sites the caller may see, by name. POST: a new one (needs the right for the whole organisation)."""

    access = Requires(SITE_VIEW, SITE_EDIT)
    tag = "Sites"

    @describe("List sites", reply=SitePage, example=page_example(SITE), paged=True)
    def get(self, request: Request) -> Response:
        """The sites you may see, by name."""
        page = page_of(
            request, access.visible(self.actor, SITE_VIEW, Site.objects.all()), order=("name", "id")
        )
        return Response(page.json([site_json(self, site) for site in page.rows]))

    @describe(
        "Add a site",
        request=NewSiteFields,
        request_example={"name": "Berlin office", "timezone": "Europe/Berlin"},
        reply=SiteReply,
        example=SITE,
        status=201,
        problems=(InvalidSite, SiteNameTaken),
    )
    def post(self, request: Request) -> Response:
        """Takes the right for every site of the organisation."""
        access.require(self.actor, SITE_EDIT, Tenant.objects.get(id=self.actor.tenant_id))
        fields = valid(NewSiteFields(data=request.data))
        site = site_add(fields["name"], fields["timezone"], who(self.actor))
        return Response(site_json(self, site), status=201)


class OneSite(ApiView):
    """GET: one site. PATCH: renames it, changes its time zone. DELETE: when nothing belongs to it any more."""

    access = Requires(SITE_VIEW, SITE_EDIT, fresh=("DELETE",))
    tag = "Sites"

    @describe("Get a site", reply=SiteReply, example=SITE)
    def get(self, request: Request, site_id: UUID) -> Response:
        """One site."""
        return Response(site_json(self, access.get(self.actor, SITE_VIEW, Site.objects.all(), id=site_id)))

    @describe(
        "Change a site",
        request=SiteFields,
        request_example={"timezone": "Europe/Lisbon"},
        reply=SiteReply,
        example=SITE | {"timezone": "Europe/Lisbon"},
        problems=(InvalidSite, SiteNameTaken),
    )
    def patch(self, request: Request, site_id: UUID) -> Response:
        """What is absent stays."""
        site = access.get(self.actor, SITE_EDIT, Site.objects.all(), id=site_id)
        fields = valid(SiteFields(data=request.data))
        return Response(site_json(self, site_change(site, who(self.actor), **fields)))

    @describe(
        "Delete a site",
        status=204,
        query=(
            query(
                "heir",
                "Id of the site its deleted cameras and revoked agents are filed under from then on.",
                schema={"type": "string", "format": "uuid"},
            ),
        ),
        problems=(SiteNotEmpty,),
    )
    def delete(self, request: Request, site_id: UUID) -> Response:
        """Only when nothing belongs to it any more; else 409, and `kept_by` counts what does."""
        site = access.get(self.actor, SITE_EDIT, Site.objects.all(), id=site_id)
        heir = valid(SiteDeletionFields(data=request.query_params.dict())).get("heir")
        if heir is not None:
            heir = access.get(self.actor, SITE_EDIT, Site.objects.exclude(id=site.id), id=heir)
        site_delete(site, self.actor, heir)
        return Response(status=204)


def site_json(view: ApiView, site: Site) -> dict[str, Any]:
    """A site as the API tells it."""
    return {
        "id": str(site.id),
        "name": site.name,
        "timezone": site.timezone,
        "created_us": clock.to_us(site.created_at),
        "may": {"edit": access.may(view.actor, SITE_EDIT, site)},
    }
