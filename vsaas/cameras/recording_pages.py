"""The page on which it is said when a camera is recorded and how much of it, for it alone or for others too."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import CAMERA_EDIT
from vsaas.accounts.people_pages import said, say
from vsaas.audit.services import who
from vsaas.cameras.commands import recording_plan
from vsaas.cameras.errors import InvalidCamera
from vsaas.cameras.models import Camera, StreamKind
from vsaas.cameras.recording import sentences, week_words
from vsaas.cameras.recording_forms import RecordingForm
from vsaas.cameras.services import present, recording_change
from vsaas.cameras.states import groups_in_use
from vsaas.common.links import tenant_url

CAMERA, GROUP = "camera:", "group:"


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def camera_recording(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """What holds, in sentences, and the weekly editor."""
    actor = signed_in(request)
    # Locked before its version is compared.
    rows = _cameras().select_for_update(of=("self",)) if request.method == "POST" else _cameras()
    camera = access.get(actor, CAMERA_EDIT, rows, id=camera_id)
    zone, plan = camera.site.timezone, recording_plan(camera)
    form = RecordingForm(plan, zone, request.POST if request.method == "POST" else None)
    version, status = str(camera.version), 200
    if request.method == "POST":
        version = request.POST.get("version", "")
        if not form.reshape():
            status = _saved(request, actor, camera, form)
            if status == 302:
                address = tenant_url(request, "sites-camera-recording", camera_id=camera.id)
                return HttpResponseRedirect(address)
            if status == 409:
                version = str(camera.version)
    context = {
        "camera": camera,
        "version": version,
        "form": form,
        "sentences": sentences(plan),
        "week": week_words(plan),
        "zone": zone,
        "has_sub": camera.sources.filter(stream=StreamKind.SUB).exists(),
        "others": _others(actor, camera, form),
        "deaf": plan is not None
        and plan.by_event
        and not camera.events
        and not (camera.detection or {}).get("motion"),
        "said": said(request),
    }
    return render(request, "cameras/recording.html", context, status=status)


def _saved(request: HttpRequest, actor: Actor, camera: Camera, form: RecordingForm) -> int:
    """The status of the reply: 302 when the plan was kept."""
    if not form.is_valid():
        return 422
    if request.POST.get("version", "") != str(camera.version):
        form.errors.append(
            _(
                "Somebody else changed this camera while you did, and nothing of yours was saved yet. What holds now stands "
                "above; saving again puts yours in its place."
            )
        )
        return 409
    cameras = _chosen(actor, camera, form.also)
    try:
        count = recording_change(cameras, form.plan, who(actor))
    except InvalidCamera as error:
        form.refuse(error)
        return 422
    say(
        request,
        ngettext(
            "Saved for %(count)d camera. It holds as soon as its agent has been told.",
            "Saved for %(count)d cameras. It holds as soon as their agents have been told.",
            count,
        )
        % {"count": count}
        if count
        else _("It is as it was: nothing had to be changed."),
    )
    return 302


def _cameras() -> QuerySet[Camera]:
    return present(Camera.objects.select_related("site", "agent"))


def _editable(actor: Actor) -> QuerySet[Camera]:
    return access.visible(actor, CAMERA_EDIT, _cameras().filter(agent__revoked_at=None))


def _chosen(actor: Actor, camera: Camera, also: list[str]) -> list[Camera]:
    """The camera itself, and those of the others ticked that the actor may change."""
    ids = {one.removeprefix(CAMERA) for one in also if one.startswith(CAMERA)}
    groups = {one.removeprefix(GROUP) for one in also if one.startswith(GROUP)}
    chosen = {camera.id: camera}
    if ids or groups:
        for one in _editable(actor).prefetch_related("groups"):
            if str(one.id) in ids or groups & {group.name for group in one.groups.all()}:
                chosen[one.id] = one
    return list(chosen.values())


def _others(actor: Actor, camera: Camera, form: RecordingForm) -> list[dict[str, Any]]:
    """Groups and other cameras to tick."""
    rows = [
        {"value": GROUP + name, "words": _("All cameras of the group %(name)s") % {"name": name}}
        for name in groups_in_use(actor)
    ]
    rows += [
        {"value": f"{CAMERA}{one.id}", "words": f"{one.name} · {one.site.name}"}
        for one in _editable(actor).exclude(id=camera.id).order_by("name", "id")
    ]
    return [row | {"chosen": row["value"] in form.also} for row in rows]
