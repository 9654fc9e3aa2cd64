"""Commissioning on pages made for a phone: a site's cameras, one camera's checklist beside its live picture, the sign-off."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Count
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import render
from django.utils.text import slugify
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.models import Site
from tenants.permissions import CAMERA_EDIT
from vsaas.audit.services import who
from vsaas.cameras.checklist import ACCEPTED, OK, TODO, Checked, checklists, label, say
from vsaas.cameras.errors import CameraNameTaken, InvalidCamera, InvalidCheck, PointsOpen
from vsaas.cameras.models import Camera, SignOff
from vsaas.cameras.report_pdf import report_pdf
from vsaas.cameras.services import CameraChange, camera_update, present
from vsaas.cameras.shown import camera_shown
from vsaas.cameras.sign_offs import (
    changed_since,
    newest_of,
    report_file,
    sign_off,
    sign_off_of,
    site_checklists,
    site_of,
)
from vsaas.cameras.states import camera_states
from vsaas.common.links import tenant_url
from vsaas.common.sentences import sentence

SHOWN = {OK: ("ok", "ok"), TODO: ("warn", "warn"), ACCEPTED: ("info", "info")}


@requires(CAMERA_EDIT)
@require_safe
def commissioning(request: HttpRequest) -> HttpResponse:
    """The sites with cameras, to choose one."""
    actor = signed_in(request)
    sites = access.visible(actor, CAMERA_EDIT, Site.objects.order_by("name"))
    counts = dict(
        access.visible(actor, CAMERA_EDIT, present(Camera.objects.all()))
        .order_by()
        .values_list("site_id")
        .annotate(Count("id"))
    )
    rows = [{"site": site, "cameras": counts.get(site.id, 0)} for site in sites]
    return render(request, "cameras/commissioning.html", {"rows": rows})


@requires(CAMERA_EDIT)
@require_safe
def commissioning_site(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """A site's cameras with what is to be done of each, and the sign-off."""
    actor = signed_in(request)
    site = site_of(actor, site_id)
    return _site_page(request, actor, site)


def _site_page(
    request: HttpRequest, actor: Actor, site: Site, *, error: str = "", remarks: str = "", status: int = 200
) -> HttpResponse:
    lists = site_checklists(actor, site)
    newest = newest_of(site)
    context = {
        "site": site,
        "lists": lists,
        "open": sum(one.open for one in lists),
        "newest": newest,
        "changed": [] if newest is None else changed_since(newest, lists),
        "error": error,
        "remarks": remarks,
    }
    return render(request, "cameras/commissioning_site.html", context, status=status)


@requires(CAMERA_EDIT, fresh=True)
@require_POST
def sign_off_site(request: HttpRequest, site_id: UUID) -> HttpResponse:
    """Signs for the site's cameras."""
    actor = signed_in(request)
    site = site_of(actor, site_id)
    remarks = request.POST.get("remarks", "")
    try:
        with transaction.atomic():
            sign_off(actor, site, remarks)
    except (PointsOpen, InvalidCheck) as why:
        return _site_page(request, actor, site, error=sentence(why), remarks=remarks, status=409)
    return HttpResponseRedirect(tenant_url(request, "sites-commissioning-site", site_id=site.id))


@requires(CAMERA_EDIT)
@require_safe
def sign_off_report(request: HttpRequest, sign_off_id: UUID) -> HttpResponse:
    """The signed report as a file."""
    row = sign_off_of(signed_in(request), sign_off_id)
    return report_download(row)


def report_download(row: SignOff) -> HttpResponse:
    """A reply with the report as a file to save."""
    reply = JsonResponse(report_file(row))
    reply["Content-Disposition"] = f'attachment; filename="{_file_name(row)}.json"'
    return reply


def _file_name(row: SignOff) -> str:
    return f"commissioning-{slugify(row.site.name) or 'site'}-{row.at:%Y-%m-%d}"


@requires(CAMERA_EDIT)
@require_safe
def sign_off_report_pdf(request: HttpRequest, sign_off_id: UUID) -> HttpResponse:
    """The report to be read and printed, the signed one inside of it."""
    return report_pdf_download(request, sign_off_of(signed_in(request), sign_off_id))


def report_pdf_download(request: HttpRequest, row: SignOff) -> HttpResponse:
    """A reply with the report's pages as a file to save."""
    shown = tenant_url(request, "sites-commissioning-site", site_id=row.site_id)
    reply = HttpResponse(report_pdf(row, settings.ENV.public_url + shown), content_type="application/pdf")
    reply["Content-Disposition"] = f'attachment; filename="{_file_name(row)}.pdf"'
    return reply


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def commission_camera(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """One camera: live picture, name, checklist, and the way to the next. Each step is saved by itself."""
    actor = signed_in(request)
    rows = present(Camera.objects.select_related("site", "agent"))
    camera: Camera = access.get(actor, CAMERA_EDIT, rows, id=camera_id)
    error, point = "", request.POST.get("point", "")
    if request.method == "POST":
        error = _saved(request, actor, camera, point)
        if not error:
            address = tenant_url(request, "sites-commission", camera_id=camera.id)
            return HttpResponseRedirect(f"{address}#{point or 'name'}" if point != "aimed" else address)
        camera = access.get(actor, CAMERA_EDIT, rows, id=camera_id)
    context = _camera_context(actor, camera) | {
        "error": error,
        "error_at": point,
        "typed_name": request.POST.get("name", camera.name),
        "typed_reason": request.POST.get("reason", ""),
    }
    return render(request, "cameras/commission.html", context, status=422 if error else 200)


def _saved(request: HttpRequest, actor: Actor, camera: Camera, point: str) -> str:
    """Saves what was sent: the name, or what is said of a point. What is wrong with it, or ""."""
    try:
        with transaction.atomic():
            if point:
                say(camera, point, request.POST.get("state", ""), request.POST.get("reason", ""), actor)
            else:
                camera_update(camera, CameraChange(name=request.POST.get("name", "")), who(actor))
                say(camera, "named", OK, "", actor)
    except CameraNameTaken:
        return _("This site has a camera of this name already.")
    except (InvalidCamera, InvalidCheck) as error:
        return str(error.message)
    return ""


def _camera_context(actor: Actor, camera: Camera) -> dict[str, Any]:
    (state,) = camera_states(actor, [camera])
    (mine,) = checklists(actor, [camera])
    beside = access.visible(actor, CAMERA_EDIT, present(Camera.objects.filter(site=camera.site)))
    ids = list(beside.order_by("name", "id").values_list("id", flat=True))
    at = ids.index(camera.id)
    return {
        "camera": camera_shown(state),
        "site": camera.site,
        "checklist": mine,
        "points": [_shown(one) for one in mine.points],
        "number": at + 1,
        "count": len(ids),
        "previous": ids[at - 1] if at else None,
        "next": ids[at + 1] if at + 1 < len(ids) else None,
    }


def _shown(one: Checked) -> dict[str, Any]:
    tone, icon = SHOWN[one.state]
    words = {OK: _("in order"), TODO: _("to do"), ACCEPTED: _("accepted as it is")}
    return {"one": one, "label": label(one.point), "tone": tone, "icon": icon, "word": words[one.state]}
