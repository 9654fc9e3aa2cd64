"""Up to four cameras played on one clock."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import CAMERA_PLAYBACK
from vsaas.cameras.models import Camera
from vsaas.cameras.pages import instant_us
from vsaas.cameras.states import camera_states

CAMERAS_MOST = 4
"""So many pictures beside each other; `frontend/src/sync/element.ts` has the same number."""


@requires(CAMERA_PLAYBACK)
def sync(request: HttpRequest) -> HttpResponse:
    """`?cameras=` ids, separated by commas, in the order of the page (the first four count), `?at=` ISO 8601.

    A camera that is not the person's to see makes the whole page 404, one they may not play 403, as its own page would.
    The clock goes by the zone of the first camera's site. Without cameras the page asks for some.
    """
    actor = signed_in(request)
    wished = _ids(request.GET.get("cameras", ""))
    cameras = Camera.objects.filter(erase_footage=False).select_related("site")
    found = {
        camera.id: camera for camera in access.visible(actor, CAMERA_PLAYBACK, cameras.filter(pk__in=wished))
    }
    for camera_id in wished:
        if camera_id not in found:
            access.get(actor, CAMERA_PLAYBACK, cameras, pk=camera_id)
    chosen = [found[camera_id] for camera_id in wished]
    states = {state["id"]: state for state in camera_states(actor, cameras=chosen)} if chosen else {}
    context = {
        "cameras": [states[str(camera.id)] for camera in chosen],
        "time_zone": chosen[0].site.timezone if chosen else "UTC",
        "at_us": instant_us(request.GET.get("at", "")),
    }
    return render(request, "cameras/sync.html", context)


def _ids(text: str) -> list[UUID]:
    """Ids in order, each once; what is no id is left out."""
    ids: dict[UUID, None] = {}
    for part in text.split(","):
        try:
            ids[UUID(part.strip())] = None
        except ValueError:
            continue
    return list(ids)[:CAMERAS_MOST]
