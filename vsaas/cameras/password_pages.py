"""Passwords of cameras on pages: runs with their report, schedules, and one camera's password."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Site
from tenants.permissions import CAMERA_EDIT, CAMERA_PASSWORD
from vsaas.agents.presence import is_present
from vsaas.audit.services import who
from vsaas.cameras.errors import InvalidPasswordChange, PasswordUnderWay
from vsaas.cameras.models import Camera, CameraPassword, PasswordChange, PasswordSchedule, PasswordState
from vsaas.cameras.password_api import camera_of, chosen, schedule_of, schedule_place
from vsaas.cameras.password_schedules import MONTHS_MAX, end_schedule, next_changes, set_schedule
from vsaas.cameras.password_views import (
    counts,
    password_json,
    run_of,
    visible_changes,
    visible_runs,
    with_own_words,
)
from vsaas.cameras.password_words import CAUSES, STATES
from vsaas.cameras.passwords import (
    CURRENT,
    SPARE,
    SealedPassword,
    begin,
    can_reveal,
    retry,
    reveal,
    set_way,
    under_way,
)
from vsaas.cameras.services import present
from vsaas.cameras.states import groups_in_use
from vsaas.common.links import tenant_url
from vsaas.common.sentences import sentence
from vsaas.keys.errors import HeldByCustomer

RUNS_SHOWN = 10
SHOWN_S = 60


def _places(actor: Actor) -> list[tuple[str, Any]]:
    """What can be chosen: all, a site, a group."""
    sites: QuerySet[Site] = access.visible(actor, CAMERA_EDIT, Site.objects.order_by("name"))
    return [
        ("all", _("All cameras")),
        *((f"site:{site.id}", site.name) for site in sites),
        *((f"group:{name}", _("Group %(name)s") % {"name": name}) for name in groups_in_use(actor)),
    ]


def _fields_of(place: str) -> dict[str, Any]:
    """The place as the API names it. Raises InvalidPasswordChange."""
    kind, _colon, value = place.partition(":")
    if kind == "site":
        try:
            return {"site": UUID(value)}
        except ValueError:
            raise InvalidPasswordChange("cameras", _("choose one of the sites")) from None
    if kind == "group" and value:
        return {"group": value}
    if place == "all":
        return {}
    raise InvalidPasswordChange("cameras", _("choose which cameras"))


class ScheduleForm(forms.Form):
    """When, and of which cameras."""

    place = forms.ChoiceField(label=_("Of"), error_messages={"invalid_choice": _("Choose one of the list.")})
    months = forms.IntegerField(
        label=_("Months between changes"), min_value=1, max_value=MONTHS_MAX, initial=6
    )
    hour = forms.TypedChoiceField(
        label=_("In the hour"),
        coerce=int,
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        initial=3,
        help_text=_("In the site's own time."),
    )

    def __init__(self, data: Any, *, places: list[tuple[str, Any]]) -> None:
        super().__init__(data)
        self.fields["place"].choices = places  # type: ignore[attr-defined]


class WayForm(forms.Form):
    """How the agent changes a camera's password."""

    service = forms.CharField(
        label=_("Where the camera's ONVIF is"),
        required=False,
        max_length=1000,
        help_text=_(
            "Empty: at the host in its address, port 80. Else like http://192.168.1.20:8080/onvif/device_service"
        ),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}
        ),
    )
    way = forms.CharField(
        label=_("Way"),
        max_length=40,
        help_text=_("onvif, or the name of a plug-in on the agent."),
        widget=forms.TextInput(
            {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false", "dir": "ltr"}
        ),
    )


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def passwords(request: HttpRequest) -> HttpResponse:
    """Which cameras (`?of=`), what will happen to each, start; the newest runs; the schedules."""
    actor = signed_in(request)
    data = request.POST if request.method == "POST" else request.GET
    place, error = data.get("of", ""), ""
    cameras: list[Camera] = []
    if place:
        try:
            cameras, about = chosen(actor, _fields_of(place))
            if request.method == "POST":
                run = begin(cameras, about, who(actor))
                return HttpResponseRedirect(tenant_url(request, "sites-passwords-run", run_id=run.id))
        except (InvalidPasswordChange, PasswordUnderWay) as why:
            error = sentence(why)
    context = _list_context(actor) | {
        "place": place,
        "rows": _preview(cameras),
        "error": error,
        "schedule_form": ScheduleForm(None, places=_places(actor)),
    }
    return render(request, "cameras/passwords.html", context, status=422 if request.method == "POST" else 200)


def _list_context(actor: Actor) -> dict[str, Any]:
    runs = with_own_words(actor, list(visible_runs(actor)[:RUNS_SHOWN]))
    seen = visible_changes(actor).filter(run__in=runs).values_list("run_id", "state")
    tallies: dict[UUID, list[str]] = {run.id: [] for run in runs}
    for run_id, state in seen:
        tallies[run_id].append(state)
    schedules = access.visible(actor, CAMERA_EDIT, PasswordSchedule.objects.select_related("site"))
    return {
        "which": _places(actor),
        "runs": [
            {
                "run": run,
                "all": len(tallies[run.id]),
                "done": tallies[run.id].count(PasswordState.DONE),
                "failed": tallies[run.id].count(PasswordState.FAILED),
            }
            for run in runs
        ],
        "schedules": schedules.order_by("begun_at", "id"),
    }


def _preview(cameras: list[Camera]) -> list[dict[str, Any]]:
    ids = [camera.id for camera in cameras]
    known = {row.camera_id: row for row in CameraPassword.objects.filter(camera_id__in=ids)}
    busy, due = under_way(ids), next_changes(cameras)
    away = {agent for agent in {camera.agent_id for camera in cameras} if not is_present(agent)}
    rows = []
    for camera in cameras:
        row = known.get(camera.id)
        if camera.id in busy:
            what = _("is being changed already, and is left out")
        elif camera.agent_id in away:
            what = _("waits until its agent is connected, a day at the most")
        else:
            what = _("gets a new password")
        rows.append(
            {
                "camera": camera,
                "set": None if row is None else row.changed_at,
                "due": due.get(camera.id),
                "what": what,
                "way": "onvif" if row is None else row.way,
            }
        )
    return rows


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def password_run(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """How a run stands, and its report; what failed is tried again."""
    actor = signed_in(request)
    run, changes = run_of(actor, run_id)
    error = ""
    if request.method == "POST":
        try:
            again = retry(run, changes, who(actor))
        except (InvalidPasswordChange, PasswordUnderWay) as why:
            error = sentence(why)
        else:
            return HttpResponseRedirect(tenant_url(request, "sites-passwords-run", run_id=again.id))
    context = {
        "run": run,
        "rows": [_row(change) for change in changes],
        "tally": counts(changes),
        "over": run.ended_at is not None,
        "error": error,
    }
    return render(request, "cameras/password_run.html", context, status=409 if error else 200)


def _row(change: PasswordChange) -> dict[str, Any]:
    tone, icon, label = STATES[change.state]
    reason, next_step = CAUSES.get(change.cause, ("", ""))
    return {
        "change": change,
        "camera": change.camera,
        "tone": tone,
        "icon": icon,
        "label": label,
        "reason": reason,
        "next_step": next_step,
        "deleted": change.camera.deleted_at is not None,
    }


@requires(CAMERA_EDIT)
@require_POST
def add_schedule(request: HttpRequest) -> HttpResponse:
    """Has passwords changed by themselves."""
    actor = signed_in(request)
    form = ScheduleForm(request.POST, places=_places(actor))
    if form.is_valid():
        data = form.cleaned_data
        fields = {"months": data["months"], "hour": data["hour"]} | _fields_of(data["place"])
        set_schedule(schedule_place(actor, fields), who(actor))
        return HttpResponseRedirect(tenant_url(request, "sites-passwords"))
    context = _list_context(actor) | {"place": "", "rows": [], "error": "", "schedule_form": form}
    return render(request, "cameras/passwords.html", context, status=422)


@requires(CAMERA_EDIT)
@require_POST
def remove_schedule(request: HttpRequest, schedule_id: UUID) -> HttpResponse:
    """Ends a schedule."""
    actor = signed_in(request)
    end_schedule(schedule_of(actor, schedule_id), who(actor))
    return HttpResponseRedirect(tenant_url(request, "sites-passwords"))


@requires(CAMERA_EDIT, CAMERA_PASSWORD, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def camera_password(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """What is known of a camera's password, and how it is changed."""
    actor = signed_in(request)
    camera = camera_of(actor, camera_id)
    if request.method == "POST":
        access.require(actor, CAMERA_PASSWORD, camera)
    now = password_json(actor, camera)
    form = WayForm(request.POST if request.method == "POST" else None, initial=now)
    if request.method == "POST" and form.is_valid():
        try:
            set_way(camera, who(actor), **form.cleaned_data)
        except InvalidPasswordChange as error:
            form.add_error(error.field, error.message)
        else:
            address = tenant_url(request, "sites-camera-password", camera_id=camera.id)
            return HttpResponseRedirect(f"{address}?done=way")
    context = {"form": form, "done": request.GET.get("done", "")} | _password_context(actor, camera)
    return render(request, "cameras/password.html", context, status=422 if form.is_bound else 200)


def _password_context(actor: Actor, camera: Camera) -> dict[str, Any]:
    known = CameraPassword.objects.filter(camera=camera).first()
    last = visible_changes(actor).filter(camera=camera).select_related("run", "camera")
    newest = last.order_by("-run__started_at", "-id").first()
    return {
        "camera": camera,
        "may_set": access.may(actor, CAMERA_PASSWORD, camera),
        "now": password_json(actor, camera),
        "set_at": None if known is None else known.changed_at,
        "due": next_changes([camera]).get(camera.id),
        "last": None if newest is None else _row(newest),
        "held": known is not None and known.sealed is not None,
        "sealed_to_holders": bool(known and known.sealed and known.recipient) and not can_reveal(known),
        "spare_to_holders": bool(known and known.spare and known.spare_recipient)
        and not can_reveal(known, SPARE),
        "spare": known is not None and known.spare is not None,
    }


@requires(CAMERA_EDIT)
@require_POST
def change_password(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """A new password for one camera; with `restore` the former one."""
    actor = signed_in(request)
    camera = camera_of(actor, camera_id)
    run = begin([camera], camera.name, who(actor), restores=request.POST.get("restore") == "1")
    return HttpResponseRedirect(tenant_url(request, "sites-passwords-run", run_id=run.id))


@requires(CAMERA_PASSWORD, fresh=True)
@require_POST
def reveal_password(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """The password, for a minute: then the browser goes back to the camera's page."""
    actor = signed_in(request)
    rows = present(Camera.objects.select_related("site", "agent"))
    camera = access.get(actor, CAMERA_PASSWORD, rows, id=camera_id)
    which = SPARE if request.POST.get("which") == SPARE else CURRENT
    password = reveal(camera, actor, which)
    if isinstance(password, SealedPassword):
        raise HeldByCustomer(
            _("this password opens in a holder's browser alone, on the page of the camera's password")
        )
    context = {"camera": camera, "password": password, "shown_s": SHOWN_S}
    reply = render(request, "cameras/password_shown.html", context)
    back = tenant_url(request, "sites-camera-password", camera_id=camera.id)
    reply["Refresh"] = f"{SHOWN_S}; url={back}"
    reply["Cache-Control"] = "no-store"
    return reply
