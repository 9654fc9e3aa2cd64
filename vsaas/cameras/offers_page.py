"""What a camera offers, on the page of its settings."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import CAMERA_EDIT
from vsaas.cameras.finding_words import CAUSES
from vsaas.cameras.models import Camera
from vsaas.cameras.offers import BUSY, FAILED, WAITING, ask_offers, take_offers
from vsaas.cameras.services import present
from vsaas.cameras.shown import instant
from vsaas.common.links import tenant_url

SERVICES = {
    "media": _("Media (Profile S)"),
    "media2": _("Media 2 (Profile T)"),
    "ptz": _("Pan, tilt, zoom"),
    "events": _("Events"),
    "imaging": _("Picture settings"),
    "analytics": _("Analytics"),
    "deviceio": _("Inputs and outputs"),
    "security": _("Certificates"),
}
STEERS = {
    "move": _("while told to"),
    "step": _("by steps"),
    "home": _("to its home position"),
    "presets": _("to kept positions"),
}


@requires(CAMERA_EDIT)
@require_POST
def ask_camera(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """Has the agent ask the camera; the page it leads to shows what it tells."""
    actor = signed_in(request)
    camera = access.get(actor, CAMERA_EDIT, present(Camera.objects.all()), id=camera_id)
    order = ask_offers(camera, actor)
    address = tenant_url(request, "sites-camera", camera_id=camera.id)
    return HttpResponseRedirect(f"{address}?asked={order}#offers")


def asked_context(camera: Camera, asked: str) -> dict[str, Any]:
    """What is known of the camera, and how asking it stands. `asked`: the order, or "". Raises Unavailable."""
    state, cause = "", ""
    try:
        order = UUID(asked)
    except ValueError:
        order = None
    if order is not None:
        state, cause = take_offers(camera, order)
    reason, next_step = CAUSES.get(cause, ("", ""))
    offers = camera.offers
    return {
        "offers": None
        if offers is None
        else offers
        | {
            "at": instant(offers["at_us"]),
            "service_words": [SERVICES[one] for one in offers["services"] if one in SERVICES],
            "steer_words": [STEERS[one] for one in offers["steers"] if one in STEERS],
        },
        "offers_waits": state == WAITING,
        "offers_busy": state == BUSY,
        "offers_failed": state == FAILED,
        "offers_reason": reason,
        "offers_next": next_step,
    }
