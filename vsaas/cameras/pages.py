"""The overview of all cameras, and the page of one."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.dateparse import parse_datetime

from tenants import access
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import ACCOUNT_SELF, AGENT_ENROL, CAMERA_VIEW, PEOPLE_VIEW
from vsaas.audit.rights import reads_log
from vsaas.cameras.models import Camera
from vsaas.cameras.shown import camera_shown
from vsaas.cameras.states import camera_states
from vsaas.common.pages import OWN_PLACES, PLACES, chosen_site, links

FITTING_MOST = 16
"""So many cameras share the screen by themselves; more are scrolled (frontend/src/wall/layout.ts decides alike)."""


@requires(ACCOUNT_SELF)
def overview(request: HttpRequest) -> HttpResponse:
    """The wall: every camera the person may see, with its state; `?group=` those of one group. The site that is chosen
    is shown alone by the page's script, since a saved view may hold cameras of others. Everybody comes here first: whoever
    sees no cameras by their role is led to what they may open."""
    actor = signed_in(request)
    if not actor.holds(CAMERA_VIEW):
        return HttpResponseRedirect(links(request, PLACES + OWN_PLACES)[0].url)
    site, group = chosen_site(request), request.GET.get("group", "")
    states = [state for state in camera_states(actor) if not group or group in state["groups"]]
    cameras = [camera_shown(state) for state in states]
    count = sum(1 for state in states if site is None or state["site"] == site.name)
    columns = math.ceil(math.sqrt(count)) if count <= FITTING_MOST else 0
    context = {
        "cameras": cameras,
        "site": site,
        "columns": columns,
        "rows": math.ceil(count / columns) if columns else 0,
        "may_enrol": actor.holds(AGENT_ENROL),
        "account_id": actor.account_id,
    }
    return render(request, "cameras/overview.html", context)


@requires(CAMERA_VIEW)
def camera(request: HttpRequest, camera_id: UUID) -> HttpResponse:
    """One camera: player, live and timeline. `?t=` (ISO 8601) begins playback there."""
    actor = signed_in(request)
    found = access.get(
        actor, CAMERA_VIEW, Camera.objects.filter(erase_footage=False).select_related("site"), pk=camera_id
    )
    (state,) = camera_states(actor, cameras=[found])
    context = {
        "camera": camera_shown(state),
        "start_us": instant_us(request.GET.get("t", "")),
        "time_zone": found.site.timezone,
        "may_people": actor.tenant_wide(PEOPLE_VIEW),
        "may_audit": reads_log(actor),
    }
    return render(request, "cameras/camera.html", context)


def instant_us(text: str) -> int | None:
    """A deep link's instant in UTC microseconds; None when there is none or it is no time: the page then opens live."""
    try:
        instant = parse_datetime(text)
    except ValueError:
        return None
    if instant is None:
        return None
    if instant.tzinfo is None:
        instant = instant.replace(tzinfo=UTC)
    return int((instant - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds() * 1_000_000)
