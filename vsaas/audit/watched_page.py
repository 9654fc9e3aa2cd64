"""Who watched a camera, as a page and in the REST API: last night, or any time."""

from __future__ import annotations

import datetime as dt
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django import forms
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from rest_framework.request import Request
from rest_framework.response import Response

from tenants.declare import Requires, requires
from tenants.middleware import signed_in
from tenants.permissions import AUDIT_VIEW
from vsaas.audit.asked import instants_of_query, placed
from vsaas.audit.cameras import LogCamera, cameras_of_log
from vsaas.audit.replies import WATCHED, WATCHED_QUERY, WatchedReply
from vsaas.audit.rights import require_log
from vsaas.audit.watched import Span, Watcher, last_night, watched
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidFields, NotFound

LONGEST = dt.timedelta(days=31)


class TimeForm(forms.Form):
    """From and to, by the clock on the wall of the camera's site; both empty: last night."""

    def __init__(self, *args: Any, zone: ZoneInfo, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.zone = zone
        for name, label in (("from", _("From")), ("to", _("Before"))):
            widget = forms.DateTimeInput({"type": "datetime-local", "step": 60}, format="%Y-%m-%dT%H:%M")
            self.fields[name] = forms.DateTimeField(label=label, widget=widget)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        for name in ("from", "to"):
            if data.get(name) is not None:
                data[name] = placed(data[name], self.zone)
        if data.get("from") and data.get("to"):
            if data["from"] >= data["to"]:
                self.add_error("to", _("This is not after the beginning."))
            elif data["to"] - data["from"] > LONGEST:
                self.add_error("to", _("Choose 31 days at most."))
        return data


@requires(AUDIT_VIEW)
@require_safe
def audit_watched(request: HttpRequest) -> HttpResponse:
    """`?camera=`: last night; with `from` and `to`: that time. Without a camera: the choice of one."""
    actor = signed_in(request)
    require_log(actor)
    asked = request.GET.get("camera", "")
    context: dict[str, Any] = {"cameras": cameras_of_log(), "asked": asked}
    if not asked:
        return render(request, "audit/watched.html", context)
    camera = _camera(asked)
    since, until = last_night(camera.zone)
    chosen = {name: request.GET[name] for name in ("from", "to") if request.GET.get(name)}
    form = TimeForm(chosen or _on_the_wall(since, until, camera.zone), zone=camera.zone)
    valid = form.is_valid()
    if chosen and valid:
        since, until = form.cleaned_data["from"], form.cleaned_data["to"]
    context |= {"camera": camera, "form": form, "last_night": not chosen, "zone": camera.time_zone}
    if valid:
        found = watched(actor, camera.id, since, until)
        context |= {
            "since": _wall(since, camera.zone),
            "until": _wall(until, camera.zone),
            "watchers": [_shown(one, camera.zone) for one in found.watchers],
            "whole": found.whole,
            "valid": True,
            **_on_the_wall(since, until, camera.zone),
        }
    return render(request, "audit/watched.html", context, status=200 if valid else 422)


def _camera(text: str) -> LogCamera:
    try:
        found = cameras_of_log(UUID(text))
    except ValueError:
        found = []
    if not found:
        raise NotFound(_("no camera of this organisation has this id"))
    return found[0]


def _on_the_wall(since: dt.datetime, until: dt.datetime, zone: ZoneInfo) -> dict[str, str]:
    return {
        "from": _wall(since, zone).strftime("%Y-%m-%dT%H:%M"),
        "to": _wall(until, zone).strftime("%Y-%m-%dT%H:%M"),
    }


def _wall(moment: dt.datetime, zone: ZoneInfo) -> dt.datetime:
    """What the clock shows there; without a zone, since templates would bring it back to UTC."""
    return moment.astimezone(zone).replace(tzinfo=None)


def _shown(one: Watcher, zone: ZoneInfo) -> dict[str, Any]:
    return {
        "id": one.id,
        "name": one.name,
        "kind": one.kind,
        "networks": sorted(one.networks),
        "live": [_span(span, zone) for span in one.live],
        "footage": [_span(span, zone) for span in one.footage],
        "clips": one.clips,
        "stills": one.stills,
    }


def _span(span: Span, zone: ZoneInfo) -> dict[str, Any]:
    return {"since": _wall(span.since, zone), "until": span.until and _wall(span.until, zone)}


class AuditWatchers(ApiView):
    """GET: who watched a camera in a time."""

    access = Requires(AUDIT_VIEW)

    @describe("List who watched a camera", reply=WatchedReply, example=WATCHED, query=WATCHED_QUERY)
    def get(self, request: Request) -> Response:
        """Who watched a camera between two times, 31 days apart at most; without them, last night by the clock of the
        camera's site (18:00 to 06:00). `live`: when they watched live; `footage`: which recordings keys were released
        for. Takes the right for every site."""
        require_log(self.actor)
        camera = _camera(request.query_params.get("camera", ""))
        since, until = instants_of_query(request.query_params)
        if since is None and until is None:
            since, until = last_night(camera.zone)
        elif since is None or until is None or not dt.timedelta() < until - since <= LONGEST:
            message = str(_("give from and to, at most 31 days apart"))
            raise InvalidFields(message, extra={"errors": [{"field": "to", "message": message}]})
        found = watched(self.actor, camera.id, since, until)
        return Response(
            {
                "camera": str(camera.id),
                "from_us": clock.to_us(since),
                "to_us": clock.to_us(until),
                "whole": found.whole,
                "watchers": [_json(one) for one in found.watchers],
            }
        )


def _json(one: Watcher) -> dict[str, Any]:
    return {
        "actor": {"kind": one.kind, "id": str(one.id) if one.id else None, "name": one.name},
        "networks": sorted(one.networks),
        "live": [_json_span(span) for span in one.live],
        "footage": [_json_span(span) for span in one.footage],
        "clips": one.clips,
        "stills": one.stills,
    }


def _json_span(span: Span) -> dict[str, Any]:
    return {"from_us": clock.to_us(span.since), "to_us": clock.to_us(span.until) if span.until else None}
