"""Passwords of cameras in the REST API."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from pydantic import BaseModel, Field
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from protocol import b64
from tenants import access
from tenants.access import Actor, Grant
from tenants.declare import Requires
from tenants.models import Site
from tenants.permissions import CAMERA_EDIT, CAMERA_PASSWORD, Role
from vsaas.audit.services import who
from vsaas.cameras.errors import InvalidPasswordChange, NothingToReveal, PasswordUnderWay
from vsaas.cameras.models import ALL_CAMERAS, Camera, PasswordSchedule
from vsaas.cameras.password_schedules import MONTHS_MAX, Wish, end_schedule, set_schedule
from vsaas.cameras.password_views import (
    password_json,
    run_json,
    run_of,
    schedule_json,
    visible_runs,
    with_own_words,
)
from vsaas.cameras.passwords import (
    CAMERAS_MOST,
    CURRENT,
    SPARE,
    SealedPassword,
    begin,
    changeable,
    retry,
    reveal,
    set_way,
)
from vsaas.cameras.replies import CAMERA
from vsaas.cameras.services import NAME_CHARS_MAX, present
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.fields import Fields, valid
from vsaas.common.paging import page_of
from vsaas.common.shapes import B64, Id, Micros, Next, page_example
from vsaas.keys.errors import KmsError


class PasswordMay(BaseModel):
    """What you may do with it."""

    reveal: bool
    reveal_spare: bool
    restore: bool


class CameraPasswordReply(BaseModel):
    """What is known of a camera's password; the password itself stands in no reply but one."""

    camera: Id
    changed_us: Micros | None = Field(description="When an agent set it; null: somebody typed it.")
    next_us: Micros | None = Field(description="When a schedule is to change it.")
    under_way: bool
    way: str = Field(description="`onvif`, or the name of a plug-in on the agent.")
    service: str = Field(description="Where the way finds the camera; empty: the usual place.")
    may: PasswordMay


class SealedReply(BaseModel):
    """A password sealed to the organisation's recipient (HPKE, `enc ‖ ciphertext`), bound to camera and change."""

    camera: Id
    change: Id
    sealed: B64


class RevealedReply(BaseModel):
    """A password."""

    camera: Id
    password: str | None = Field(description="Null where the organisation holds its keys itself.")
    sealed: SealedReply | None = Field(description="What a holder's browser opens instead.")


class PasswordChangeReply(BaseModel):
    """What became of one camera."""

    id: Id
    camera: Id
    name: str
    state: str = Field(description="`waiting`, `asked`, `done` or `failed`.")
    cause: str | None = Field(description="Why it failed, in one word.")
    reason: str
    next_step: str
    ended_us: Micros | None


class PasswordRunReply(BaseModel):
    """A run over some cameras."""

    id: Id
    about: str
    asked_by: str | None = Field(description="null: the schedule.")
    restores: bool
    started_us: Micros
    ended_us: Micros | None
    changes: list[PasswordChangeReply]


class PasswordRunRow(BaseModel):
    """A run, without its cameras."""

    id: Id
    about: str
    asked_by: str | None
    restores: bool
    started_us: Micros
    ended_us: Micros | None


class PasswordRunPage(BaseModel):
    """Runs, the newest first."""

    items: list[PasswordRunRow]
    next: Next


class PasswordScheduleReply(BaseModel):
    """When passwords are changed by themselves."""

    id: Id
    site: Id | None
    group: str | None
    months: int
    hour: int = Field(description="In the site's own time.")


class PasswordSchedulePage(BaseModel):
    """Schedules."""

    items: list[PasswordScheduleReply]
    next: Next


REVEALED: dict[str, Any] = {"camera": CAMERA["id"], "password": "kV7-tmQx3.hRbnc8wYpA", "sealed": None}  # nosec B105 an example
KNOWN: dict[str, Any] = {
    "camera": CAMERA["id"],
    "changed_us": 1764064990000000,
    "next_us": 1779703390000000,
    "under_way": False,
    "way": "onvif",
    "service": "http://192.0.2.7/onvif/device_service",
    "may": {"reveal": True, "reveal_spare": False, "restore": True},
}
RUN_ROW: dict[str, Any] = {
    "id": "019ac103-2b3c-7d4e-8f50-6a7b8c9d0e1f",
    "about": "Gatehouse",
    "asked_by": "Alice",
    "restores": False,
    "started_us": 1764064990000000,
    "ended_us": None,
}
RUN: dict[str, Any] = RUN_ROW | {
    "changes": [
        {
            "id": "019ac103-2b3c-7d4e-8f50-6a7b8c9d0e20",
            "camera": CAMERA["id"],
            "name": CAMERA["name"],
            "state": "asked",
            "cause": None,
            "reason": "",
            "next_step": "",
            "ended_us": None,
        }
    ]
}
SCHEDULE: dict[str, Any] = {
    "id": "019ac103-2b3c-7d4e-8f50-6a7b8c9d0e21",
    "site": None,
    "group": "entrance",
    "months": 6,
    "hour": 3,
}


class WayFields(Fields):
    """How the password is changed; what is absent stays."""

    way = serializers.CharField(max_length=40, required=False)
    service = serializers.CharField(max_length=1000, required=False, allow_blank=True)


class RevealFields(Fields):
    """Which password."""

    which = serializers.ChoiceField(choices=[CURRENT, SPARE], default=CURRENT)


class RunFields(Fields):
    """Which cameras: by id, of a site, of a group, or without any of these all."""

    cameras = serializers.ListField(
        child=serializers.UUIDField(), min_length=1, max_length=CAMERAS_MOST, required=False
    )
    site = serializers.UUIDField(required=False)
    group = serializers.CharField(max_length=NAME_CHARS_MAX, required=False)
    restore = serializers.BooleanField(default=False, help_text="Put the former passwords back.")


class ScheduleFields(Fields):
    """When, and of which cameras: of a site, of a group, or of all."""

    months = serializers.IntegerField(min_value=1, max_value=MONTHS_MAX)
    hour = serializers.IntegerField(min_value=0, max_value=23)
    site = serializers.UUIDField(required=False)
    group = serializers.CharField(max_length=NAME_CHARS_MAX, required=False)


def camera_of(actor: Actor, camera_id: UUID) -> Camera:
    """A camera whose password the actor may have changed. Raises NotFound, Denied."""
    rows = present(Camera.objects.select_related("site", "agent"))
    found: Camera = access.get(actor, CAMERA_EDIT, rows, id=camera_id)
    return found


def chosen(actor: Actor, fields: dict[str, Any]) -> tuple[list[Camera], str]:
    """The cameras a request names, and the words for them. Raises NotFound, Denied, InvalidPasswordChange."""
    rows = access.visible(actor, CAMERA_EDIT, changeable(Camera.objects.all()))
    if ids := fields.get("cameras"):
        found = {camera.id: camera for camera in rows.filter(id__in=ids)}
        # What is not among them says why: it is not there, not theirs, or cannot be changed.
        cameras = [found.get(one) or camera_of(actor, one) for one in dict.fromkeys(ids)]
        return cameras, ", ".join(camera.name for camera in cameras)
    about = ""
    if site_id := fields.get("site"):
        site = access.get(actor, CAMERA_EDIT, Site.objects.all(), id=site_id)
        rows, about = rows.filter(site=site), site.name
    if group := fields.get("group"):
        rows, about = rows.filter(groups__name=group), f"{about}, {group}" if about else group
    return list(rows.distinct()), about or ALL_CAMERAS


class CameraPasswordView(ApiView):
    """GET: what is known of a camera's password. PATCH: how it is changed."""

    access = Requires(CAMERA_EDIT, CAMERA_PASSWORD, fresh=True)

    @describe("Get what is known of a camera's password", reply=CameraPasswordReply, example=KNOWN)
    def get(self, request: Request, camera_id: UUID) -> Response:
        """When an agent set it and when a schedule changes it next; never the password."""
        return Response(password_json(self.actor, camera_of(self.actor, camera_id)))

    @describe(
        "Set how a camera's password is changed",
        request=WayFields,
        request_example={"way": "onvif", "service": KNOWN["service"]},
        reply=CameraPasswordReply,
        example=KNOWN,
        problems=(InvalidPasswordChange,),
    )
    def patch(self, request: Request, camera_id: UUID) -> Response:
        """`way` names a plug-in where the camera does not manage its users by ONVIF. `service` is at the camera's own host. It says
        where the password is sent, so it takes the right to see it too; no access token can do this."""
        camera = camera_of(self.actor, camera_id)
        access.require(self.actor, CAMERA_PASSWORD, camera)
        now = password_json(self.actor, camera)
        fields = {name: now[name] for name in ("way", "service")} | valid(WayFields(data=request.data))
        set_way(camera, who(self.actor), **fields)
        return Response(password_json(self.actor, camera))


class PasswordRevealing(ApiView):
    """POST: a camera's password."""

    access = Requires(CAMERA_PASSWORD, fresh=True)
    keeps_answers = False  # each time is written down, and no password is kept

    @describe(
        "See a camera's password",
        request=RevealFields,
        request_example={"which": "current"},
        reply=RevealedReply,
        example=REVEALED,
        problems=(NothingToReveal, KmsError),
    )
    def post(self, request: Request, camera_id: UUID) -> Response:
        """The one the agent set. `spare`: the one the camera may have though its change failed. Where the organisation holds its
        keys itself, `password` is null and `sealed` is what a holder's browser opens. Each time is written into the
        audit log; no access token can do this."""
        rows = present(Camera.objects.all())
        camera = access.get(self.actor, CAMERA_PASSWORD, rows, id=camera_id)
        which = valid(RevealFields(data=request.data))["which"]
        found = reveal(camera, self.actor, which)
        password, sealed = (None, found) if isinstance(found, SealedPassword) else (found, None)
        told = sealed and {
            "camera": str(camera.id),
            "change": str(sealed.change),
            "sealed": b64.encode(sealed.sealed),
        }
        reply = Response({"camera": str(camera.id), "password": password, "sealed": told})
        reply["Cache-Control"] = "no-store"
        return reply


class PasswordRuns(ApiView):
    """GET: runs. POST: begins one."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "List runs of password changes", reply=PasswordRunPage, example=page_example(RUN_ROW), paged=True
    )
    def get(self, request: Request) -> Response:
        """Those with a camera you may change, the newest first."""
        page = page_of(request, visible_runs(self.actor), order=("-started_at", "id"))
        return Response(page.json([run_json(run) for run in with_own_words(self.actor, page.rows)]))

    @describe(
        "Change passwords of cameras",
        request=RunFields,
        request_example={"group": "entrance"},
        reply=PasswordRunReply,
        example=RUN,
        status=202,
        problems=(InvalidPasswordChange, PasswordUnderWay),
    )
    def post(self, request: Request) -> Response:
        """One camera of an agent at a time. Ask for the run until `ended_us` is set. Those whose password is being changed are
        left out."""
        cameras, about = chosen(self.actor, fields := valid(RunFields(data=request.data)))
        run = begin(cameras, about, who(self.actor), restores=fields["restore"])
        return Response(run_json(*run_of(self.actor, run.id)), status=202)


class OnePasswordRun(ApiView):
    """GET: how a run stands."""

    access = Requires(CAMERA_EDIT)

    @describe("Get a run of password changes", reply=PasswordRunReply, example=RUN)
    def get(self, request: Request, run_id: UUID) -> Response:
        """With those of its cameras that you may change: state, reason and next step of each."""
        return Response(run_json(*run_of(self.actor, run_id)))


class PasswordRetry(ApiView):
    """POST: tries what failed again."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "Try failed password changes again",
        reply=PasswordRunReply,
        example=RUN,
        status=202,
        problems=(InvalidPasswordChange, PasswordUnderWay),
    )
    def post(self, request: Request, run_id: UUID) -> Response:
        """In another run, which this answers."""
        run, changes = run_of(self.actor, run_id)
        again = retry(run, changes, who(self.actor))
        return Response(run_json(*run_of(self.actor, again.id)), status=202)


def schedule_place(actor: Actor, fields: dict[str, Any]) -> Wish:
    """What a schedule is to speak of. Of a site it takes the right there, else throughout. Raises NotFound, Denied."""
    site = None
    if fields.get("site"):
        site = access.get(actor, CAMERA_EDIT, Site.objects.all(), id=fields["site"])
    wish = Wish(fields["months"], fields["hour"], site, fields.get("group", ""))
    require_throughout(actor, PasswordSchedule(site=site, group=wish.group, months=1, hour=0))
    return wish


def require_throughout(actor: Actor, schedule: PasswordSchedule) -> None:
    """Return when the actor may change every camera the schedule speaks of. Raises Denied: also where one is denied to them."""
    place = Grant(Role("", "", "", frozenset()), schedule.site_id, schedule.group)
    access.require(actor, CAMERA_EDIT, schedule)
    if not actor.allows_throughout(CAMERA_EDIT, place):
        raise access.denied(CAMERA_EDIT)


def schedule_of(actor: Actor, schedule_id: UUID) -> PasswordSchedule:
    """A schedule the actor may end. Raises NotFound, Denied."""
    found: PasswordSchedule = access.get(actor, CAMERA_EDIT, PasswordSchedule.objects.all(), id=schedule_id)
    require_throughout(actor, found)
    return found


class PasswordSchedules(ApiView):
    """GET: schedules. POST: makes one, or changes that of the place."""

    access = Requires(CAMERA_EDIT)

    @describe(
        "List schedules of password changes",
        reply=PasswordSchedulePage,
        example=page_example(SCHEDULE),
        paged=True,
    )
    def get(self, request: Request) -> Response:
        """Of sites whose cameras you may change, and those for the whole organisation where you may change all."""
        rows = access.visible(self.actor, CAMERA_EDIT, PasswordSchedule.objects.all())
        page = page_of(request, rows, order=("begun_at", "id"))
        return Response(page.json([schedule_json(row) for row in page.rows]))

    @describe(
        "Schedule password changes",
        request=ScheduleFields,
        request_example={"group": "entrance", "months": 6, "hour": 3},
        reply=PasswordScheduleReply,
        example=SCHEDULE,
        problems=(InvalidPasswordChange,),
    )
    def post(self, request: Request) -> Response:
        """Months between changes, in an hour of the site's own time. There is one per site, per group and for all: a second one
        changes the first."""
        wish = schedule_place(self.actor, valid(ScheduleFields(data=request.data)))
        return Response(schedule_json(set_schedule(wish, who(self.actor))))


class OnePasswordSchedule(ApiView):
    """DELETE: ends a schedule."""

    access = Requires(CAMERA_EDIT)

    @describe("End a schedule of password changes", status=204)
    def delete(self, request: Request, schedule_id: UUID) -> Response:
        """What is under way goes on."""
        end_schedule(schedule_of(self.actor, schedule_id), who(self.actor))
        return Response(status=204)
