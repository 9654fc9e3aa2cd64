"""The page on which it is said what the agent looks for in a camera's picture, and where."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from protocol.detection import COLUMNS, ROWS
from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import CAMERA_EDIT, CAMERA_PLAYBACK
from vsaas.accounts.people_pages import said, say
from vsaas.audit.services import who
from vsaas.cameras.commands import detection_order
from vsaas.cameras.detection import sentences
from vsaas.cameras.detection_forms import DetectionForm
from vsaas.cameras.models import Camera, StreamKind
from vsaas.cameras.services import CameraChange, camera_update, present
from vsaas.common.links import tenant_url


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def camera_detection(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """What holds, in sentences, and the form with the picture to paint on."""
    actor = signed_in(request)
    posts = request.method == "POST"
    rows = present(Camera.objects.select_related("site", "agent"))
    # Locked before its version is compared.
    camera = access.get(
        actor, CAMERA_EDIT, rows.select_for_update(of=("self",)) if posts else rows, id=camera_id
    )
    order = detection_order(camera)
    form = DetectionForm(order, request.POST if posts else None)
    version, status = str(camera.version), 200
    if posts:
        version = request.POST.get("version", "")
        if not form.reshape():
            status = 422
            if form.is_valid():
                status = 302 if version == str(camera.version) else 409
            if status == 302:
                camera_update(camera, CameraChange(detection=form.order), who(actor))
                say(request, _("Saved. It holds as soon as the agent has been told."))
                return HttpResponseRedirect(
                    tenant_url(request, "sites-camera-detection", camera_id=camera.id)
                )
            if status == 409:
                version = str(camera.version)
                form.errors.append(
                    _(
                        "Somebody else changed this camera while you did, and nothing of yours was saved yet. What holds now "
                        "stands above; saving again puts yours in its place."
                    )
                )
    context = {
        "camera": camera,
        "version": version,
        "form": form,
        "sentences": sentences(order),
        "columns": COLUMNS,
        "rows": ROWS,
        "has_sub": camera.sources.filter(stream=StreamKind.SUB).exists(),
        "shows": access.may(actor, CAMERA_PLAYBACK, camera),
        "said": said(request),
    }
    return render(request, "cameras/detection.html", context, status=status)
