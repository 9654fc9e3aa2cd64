"""Adding, changing, switching and deleting cameras."""

from __future__ import annotations

import ssl
from typing import Any
from uuid import UUID

from django import forms
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.errors import NotFound
from tenants.middleware import signed_in
from tenants.models import Site
from tenants.permissions import AGENT_ENROL, CAMERA_EDIT
from vsaas.agents.models import Agent
from vsaas.audit.services import who
from vsaas.cameras import detection
from vsaas.cameras.addresses import split_credentials
from vsaas.cameras.certificates import begin, certificate_state
from vsaas.cameras.commands import detection_order, recording_plan
from vsaas.cameras.errors import AgentGone, CameraNameTaken, InvalidCamera, StaleVersion
from vsaas.cameras.finding_words import CERTIFICATE_CAUSES
from vsaas.cameras.forms import CameraDeletionForm, CameraForm, NewCameraForm
from vsaas.cameras.kept import default_retention_days, kept_footage
from vsaas.cameras.models import Camera, CameraPassword, CertificateState, StreamKind
from vsaas.cameras.offers_page import asked_context
from vsaas.cameras.recording import sentences
from vsaas.cameras.services import (
    CameraChange,
    NewCamera,
    camera_add,
    camera_delete,
    camera_update,
    present,
    require_no_gain_by,
)
from vsaas.cameras.shown import camera_shown, instant
from vsaas.cameras.states import camera_states, groups_in_use
from vsaas.common.links import tenant_url
from vsaas.keys.camera_authority import authority_certificate


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def add_camera(request: HttpRequest) -> HttpResponse:
    """A camera for an agent; afterwards its own page shows how the agent gets on with it. `?agent=` is chosen first, `?url=` (without
    credentials) is typed already."""
    actor = signed_in(request)
    agents = access.visible(actor, CAMERA_EDIT, Agent.objects.filter(revoked_at=None).select_related("site"))
    form = NewCameraForm(
        request.POST if request.method == "POST" else None,
        agents=agents.order_by("site__name", "name"),
        groups=groups_in_use(actor),
        initial={
            "agent": request.GET.get("agent"),
            "audio": True,
            "main_url": split_credentials(request.GET.get("url", ""))[0],
        },
    )
    if request.method == "POST" and form.is_valid():
        camera = _added(form, actor)
        if camera is not None:
            address = tenant_url(request, "sites-camera", camera_id=camera.id)
            return HttpResponseRedirect(f"{address}?done=added")
    context = {"form": form, "agents": agents.exists(), "may_enrol": actor.holds(AGENT_ENROL)}
    return render(request, "cameras/add.html", context, status=422 if form.is_bound else 200)


def _added(form: NewCameraForm, actor: Actor) -> Camera | None:
    data = form.cleaned_data
    new = NewCamera(
        name=data["name"],
        main_url=data["main_url"],
        sub_url=data["sub_url"],
        audio=data["audio"],
        retention_days=data["retention_days"],
        groups=data["groups"],
    )
    try:
        with transaction.atomic():
            return camera_add(data["agent"], new, who(actor))
    except CameraNameTaken:
        form.add_error("name", _taken(data["agent"], data["name"]))
    except AgentGone:
        form.add_error("agent", _("This agent was revoked meanwhile. Choose another one."))
    except InvalidCamera as error:
        form.add_error(error.field, error.message)
    return None


def _taken(agent: Agent, name: str) -> str:
    left = Camera.objects.filter(
        site_id=agent.site_id, name=name, deleted_at=None, agent__revoked_at__isnull=False
    )
    if left.exists():
        return _(
            "A camera of this name is there already, on an agent that was revoked. Delete that one first; its "
            "recordings may stay."
        )
    return _("This agent's site has a camera of this name already.")


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def change_camera(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """How a camera is doing, live, and everything about it that can be changed."""
    actor = signed_in(request)
    camera = _camera(actor, camera_id)
    form = CameraForm(
        request.POST if request.method == "POST" else None,
        camera=camera,
        sites=_sites(actor),
        groups=groups_in_use(actor),
    )
    status, conflict = 200, None
    if request.method == "POST":
        if not _is_stale(form, camera) and form.is_valid():
            if _changed(form, actor, camera):
                address = tenant_url(request, "sites-camera", camera_id=camera.id)
                return HttpResponseRedirect(f"{address}?done=changed")
            camera = _camera(actor, camera_id)  # it may just have been changed by somebody else
        status = 422
        if _is_stale(form, camera):
            status, conflict = 409, _differences(form, camera)
            form.data["version"] = str(camera.version)
    context = _camera_context(actor, camera) | {
        "form": form,
        "conflict": conflict,
        "done": request.GET.get("done", "") if status == 200 else "",
    }
    context |= asked_context(camera, request.GET.get("asked", ""))
    return render(request, "cameras/settings.html", context, status=status)


def _is_stale(form: CameraForm, camera: Camera) -> bool:
    return form.data.get("version", "") != str(camera.version)


def _changed(form: CameraForm, actor: Actor, camera: Camera) -> bool:
    data = form.cleaned_data
    change = CameraChange(
        name=data["name"],
        audio=data["audio"],
        events=data["events"],
        retention_days=data["retention_days"] or 0,
        main_url=data["main_url"],
        sub_url="" if data["remove_sub"] else data["sub_url"],
        site=data["site"],
        groups=data["groups"],
        version=data["version"],
    )
    try:
        require_no_gain_by(actor, camera, change)
        with transaction.atomic():
            camera_update(camera, change, who(actor))
    except StaleVersion:
        return False
    except CameraNameTaken:
        form.add_error("name", _("This site has a camera of this name already."))
        return False
    except InvalidCamera as error:
        form.add_error(error.field, error.message)
        return False
    return True


def _differences(form: CameraForm, camera: Camera) -> list[dict[str, Any]]:
    """What is stored now and what was typed, for each field in which they differ. Addresses are no part of it: what is
    stored cannot be read."""
    yes_no = {True: _("yes"), False: _("no")}
    default = _("as the organisation")
    sites = {str(site.id): site.name for site in form.fields["site"].queryset}  # type: ignore[attr-defined]
    typed_days = form.data.get("retention_days", "").strip()
    rows = [
        (form["name"].label, camera.name, form.data.get("name", "").strip()),
        (
            form["groups"].label,
            ", ".join(group.name for group in camera.groups.all()),
            form.data.get("groups", "").strip(),
        ),
        (form["site"].label, camera.site.name, sites.get(form.data.get("site", ""), "")),
        (form["audio"].label, yes_no[camera.audio], yes_no[bool(form.data.get("audio"))]),
        (form["events"].label, yes_no[camera.events], yes_no[bool(form.data.get("events"))]),
        (form["retention_days"].label, str(camera.retention_days or default), typed_days or default),
    ]
    return [
        {"label": label, "stored": stored, "typed": typed} for label, stored, typed in rows if stored != typed
    ]


def _camera_context(actor: Actor, camera: Camera) -> dict[str, Any]:
    (state,) = camera_states(actor, [camera])
    kept = kept_footage([camera.id]).get(camera.id)
    sources = {StreamKind(row.stream).name.lower(): row.changed_at for row in camera.sources.all()}
    return {
        "camera": camera_shown(state),
        "sources": sources,
        "kept": kept,
        "kept_from": instant(kept.from_us) if kept else None,
        "effective_days": camera.retention_days or default_retention_days(),
        "row": camera,
        "issued": _issued(camera),
        "recording": sentences(recording_plan(camera)),
        "detection": detection.sentences(detection_order(camera)),
        "password_set": CameraPassword.objects.filter(camera=camera)
        .values_list("changed_at", flat=True)
        .first(),
    }


@requires(CAMERA_EDIT)
@require_POST
def switch_camera(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Recording on or off; the page it leads to offers the way back."""
    actor = signed_in(request)
    camera = _camera(actor, camera_id)
    enabled = request.POST.get("enabled") == "1"
    camera_update(camera, CameraChange(enabled=enabled), who(actor))
    address = tenant_url(request, "sites-camera", camera_id=camera.id)
    return HttpResponseRedirect(f"{address}?done={'on' if enabled else 'off'}")


@requires(CAMERA_EDIT)
@require_POST
def accept_certificate(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Accepts the certificate the person was shown, or with an empty one forgets which was accepted."""
    actor = signed_in(request)
    camera = _camera(actor, camera_id)
    certificate = request.POST.get("certificate", "")
    camera_update(camera, CameraChange(certificate=certificate), who(actor))
    address = tenant_url(request, "sites-camera", camera_id=camera.id)
    return HttpResponseRedirect(f"{address}?done={'accepted' if certificate else 'forgotten'}")


@requires(CAMERA_EDIT)
@require_POST
def issue_certificate(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Has the organisation's authority issue a certificate; the page it leads to shows how that goes."""
    actor = signed_in(request)
    camera = _camera(actor, camera_id)
    begin(camera, who(actor))
    return HttpResponseRedirect(tenant_url(request, "sites-camera", camera_id=camera.id) + "#certificate")


@requires(CAMERA_EDIT)
@require_safe
def authority(request: HttpRequest) -> HttpResponse:
    """The certificate of the organisation's authority for cameras, for computers that are to trust the cameras' own pages."""
    certificate = authority_certificate()
    if certificate is None:
        raise NotFound(_("no camera has been given a certificate yet"))
    pem = ssl.DER_cert_to_PEM_cert(certificate)
    response = HttpResponse(pem, content_type="application/x-pem-file")
    response["Content-Disposition"] = 'attachment; filename="camera-authority.pem"'
    return response


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def delete_camera(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """What deleting a camera means for its recordings; done once its name is typed."""
    actor = signed_in(request)
    camera = _camera(actor, camera_id)
    form: forms.Form = CameraDeletionForm(
        request.POST if request.method == "POST" else None, expected=camera.name
    )
    if request.method == "POST" and form.is_valid():
        erase = form.cleaned_data["footage"] == CameraDeletionForm.ERASE
        camera_delete(camera, who(actor), erase_footage=erase)
        return HttpResponseRedirect(tenant_url(request, "sites") + "?done=camera-deleted")
    context = _camera_context(actor, camera) | {"form": form}
    return render(request, "cameras/delete.html", context, status=422 if form.is_bound else 200)


def _issued(camera: Camera) -> dict[str, Any] | None:
    """The certificate issued to it, in words; None where none was."""
    state = certificate_state(camera)
    if state is None:
        return None
    reason, next_step = CERTIFICATE_CAUSES.get(state["cause"] or "", ("", ""))
    return state | {
        "waits": state["state"] in CertificateState.under_way(),
        "failed": state["state"] == CertificateState.FAILED,
        "reason": reason,
        "next_step": next_step,
        "expires": instant(state["expires_us"]),
        "renews": instant(state["renews_us"]),
    }


def _camera(actor: Actor, camera_id: UUID) -> Camera:
    rows = present(Camera.objects.select_related("site", "agent", "issued"))
    found: Camera = access.get(actor, CAMERA_EDIT, rows, id=camera_id)
    return found


def _sites(actor: Actor) -> QuerySet[Site]:
    return access.visible(actor, CAMERA_EDIT, Site.objects.all())
