"""Finding cameras: the agent searches, one chooses, the agent looks at them, one names and adds them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from protocol.finding import TARGETS_MAX, Device, Looked, Profile
from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.middleware import signed_in
from tenants.permissions import AGENT_ENROL, CAMERA_EDIT, CAMERA_VIEW
from vsaas.agents.errors import AgentOffline
from vsaas.agents.models import Agent
from vsaas.cameras.errors import InvalidSearch
from vsaas.cameras.finding import (
    FINISHED,
    LOOK,
    SEARCH,
    Asking,
    Choice,
    Wanted,
    add_looked,
    begin_look,
    begin_search,
    found,
)
from vsaas.cameras.finding_api import findings_json
from vsaas.cameras.finding_forms import LookForm, SearchForm
from vsaas.cameras.finding_words import CAUSES, STATES
from vsaas.cameras.models import Camera
from vsaas.common.errors import TooMany, VsaasError
from vsaas.common.links import tenant_url
from vsaas.common.sentences import sentence

RECORDABLE = ("h264", "h265")
_CODEC_NAMES = {"h264": "H.264", "h265": "H.265", "jpeg": "JPEG", "mpeg4": "MPEG-4"}


def _agents(actor: Actor) -> QuerySet[Agent]:
    rows = access.visible(actor, CAMERA_EDIT, Agent.objects.filter(revoked_at=None).select_related("site"))
    return rows.order_by("site__name", "name")


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def find_cameras(request: HttpRequest) -> HttpResponse:
    """Where to search. `?agent=` is chosen first."""
    actor = signed_in(request)
    agents = _agents(actor)
    form = SearchForm(
        request.POST if request.method == "POST" else None,
        agents=agents,
        initial={"agent": request.GET.get("agent"), "multicast": True},
    )
    if request.method == "POST" and form.is_valid():
        data = form.cleaned_data
        try:
            search = begin_search(data["agent"], actor, multicast=data["multicast"], ranges=data["ranges"])
        except (AgentOffline, TooMany) as error:
            form.add_error("agent", sentence(error))
        except InvalidSearch as error:
            form.add_error("ranges", sentence(error))
        else:
            return HttpResponseRedirect(tenant_url(request, "sites-found", search_id=search.id))
    context = {"form": form, "agents": agents.exists(), "may_enrol": actor.holds(AGENT_ENROL)}
    return render(request, "cameras/find.html", context, status=422 if form.is_bound else 200)


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def found_cameras(request: HttpRequest, search_id: UUID) -> HttpResponse:
    """What a search found so far; those that are chosen are looked at."""
    actor = signed_in(request)
    search = found(actor, SEARCH, search_id)
    agent = access.get(actor, CAMERA_EDIT, Agent.objects.select_related("site"), id=search.agent)
    form = LookForm(request.POST if request.method == "POST" else None)
    chosen = request.POST.getlist("pick")
    if request.method == "POST" and form.is_valid():
        look = _begun(form, agent, actor, search, chosen)
        if look is not None:
            return HttpResponseRedirect(tenant_url(request, "sites-looked", look_id=look.id))
    rows = [_found_row(request, actor, device, chosen) for device in search.devices()]
    context = asking_context(search, agent) | {"form": form, "rows": rows, "most": TARGETS_MAX}
    return render(request, "cameras/found.html", context, status=422 if form.is_bound else 200)


def _begun(form: LookForm, agent: Agent, actor: Actor, search: Asking, chosen: list[str]) -> Asking | None:
    data = form.cleaned_data
    login = {"user": data["user"], "password": data["password"]}
    wanted = [
        Wanted(device.service or device.address, **login, said=f"{device.name} {device.model}".strip())
        for device in search.devices()
        if device.address in chosen
    ]
    wanted += [Wanted(service, **login) for service in data["more"]]
    try:
        return begin_look(agent, actor, wanted, factory=data["factory_passwords"])
    except (AgentOffline, TooMany) as error:
        form.add_error(None, sentence(error))
    except InvalidSearch as error:
        form.add_error(None if not data["more"] else "more", sentence(error))
    return None


def _found_row(request: HttpRequest, actor: Actor, device: Device, chosen: list[str]) -> dict[str, Any]:
    known = None
    if device.camera is not None:
        known = access.visible(actor, CAMERA_VIEW, Camera.objects.filter(id=device.camera)).first()
    port = "" if device.rtsp_port in (0, 554) else f":{device.rtsp_port}"
    host = f"[{device.address}]" if ":" in device.address else device.address
    return {
        "address": device.address,
        "name": device.name or device.model or device.address,
        "model": "" if not device.name or device.model in device.name else device.model,
        "onvif": bool(device.service),
        "rtsp_port": device.rtsp_port,
        "rtsp_url": f"rtsp://{host}{port}/",
        "added": device.camera is not None,
        "camera": known,
        "findings": findings_json(device.findings),
        "chosen": device.address in chosen,
    }


@requires(CAMERA_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def looked_cameras(request: HttpRequest, look_id: UUID) -> HttpResponse:
    """What the cameras said of themselves; those that are ticked are added under their names."""
    actor = signed_in(request)
    look = found(actor, LOOK, look_id)
    agent = access.get(actor, CAMERA_EDIT, Agent.objects.select_related("site"), id=look.agent)
    errors: dict[UUID, str] = {}
    status = 200
    nothing = False
    if request.method == "POST":
        choices = _choices(request.POST, look)
        nothing = not choices
        errors = _added(agent, actor, look, choices)
        if choices and not errors:
            return HttpResponseRedirect(tenant_url(request, "sites-looked", look_id=look.id))
        status = 422
    cameras = Camera.objects.filter(id__in=list(look.targets))
    there = {camera.id: camera for camera in access.visible(actor, CAMERA_VIEW, cameras)}
    typed = request.POST if request.method == "POST" else None
    rows = [
        _looked_row(look, one, there.get(one.scope), errors.get(one.scope, ""), typed) for one in look.looks()
    ]
    context = asking_context(look, agent) | {
        "rows": rows,
        "nothing": nothing,
        "may_add": any(row["may_add"] for row in rows),
        "of": len(look.targets),
        "failed": bool(errors),
    }
    return render(request, "cameras/looked.html", context, status=status)


def _choices(data: QueryDict, look: Asking) -> list[Choice]:
    return [
        Choice(
            scope=one.scope,
            name=data.get(f"name_{one.scope}", "").strip(),
            main=data.get(f"main_{one.scope}", ""),
            sub=data.get(f"sub_{one.scope}", ""),
            audio=data.get("audio") == "on",
        )
        for one in look.looks()
        if data.get(f"pick_{one.scope}")
    ]


def _added(agent: Agent, actor: Actor, look: Asking, choices: list[Choice]) -> dict[UUID, str]:
    """Why, for each that was not added."""
    added = add_looked(agent, actor, look, choices)
    return {
        choice.scope: sentence(one)
        for choice, one in zip(choices, added, strict=True)
        if isinstance(one, VsaasError)
    }


def _looked_row(
    look: Asking, one: Looked, camera: Camera | None, error: str, typed: QueryDict | None
) -> dict[str, Any]:
    reason, next_step = CAUSES.get(one.cause, ("", ""))
    address = look.targets[one.scope].service.partition("://")[2].partition("/")[0]
    usable = [profile for profile in one.profiles if profile.main and profile.codec in RECORDABLE]
    by_size = sorted(usable, key=lambda profile: profile.width * profile.height, reverse=True)
    row: dict[str, Any] = {
        "id": str(one.scope),
        "address": address,
        "camera": camera,
        "title": f"{one.make} {one.model}".strip() or address,
        "firmware": one.firmware,
        "serial": one.serial,
        "reason": reason,
        "next_step": next_step,
        "findings": findings_json(one.findings),
        "error": error,
        "may_add": camera is None and bool(usable),
        "may_set": not one.cause,
        "unrecordable": not one.cause and not usable,
    }
    if typed is None:
        main = by_size[0].token if by_size else ""
        sub = by_size[-1].token if len(by_size) > 1 else ""
        return row | {"name": f"{one.model} {address}".strip(), "picked": True} | _options(usable, main, sub)
    main, sub = typed.get(f"main_{one.scope}", ""), typed.get(f"sub_{one.scope}", "")
    name, picked = typed.get(f"name_{one.scope}", ""), bool(typed.get(f"pick_{one.scope}"))
    return row | {"name": name, "picked": picked} | _options(usable, main, sub)


def _options(profiles: list[Profile], main: str, sub: str) -> dict[str, Any]:
    labelled = [(profile.token, profile_label(profile)) for profile in profiles]
    return {
        "mains": [(token, label, token == main) for token, label in labelled],
        "subs": [(token, label, token == sub) for token, label in labelled],
    }


def profile_label(profile: Profile) -> str:
    """A stream in one line: name, codec, size, rate."""
    facts = [
        profile.name,
        _CODEC_NAMES.get(profile.codec, profile.codec),
        f"{profile.width} × {profile.height}",
    ]
    if profile.rate:
        facts.append(_("%(rate)g/s") % {"rate": profile.rate / 1000})
    return ", ".join(fact for fact in facts if fact)


def asking_context(asking: Asking, agent: Agent) -> dict[str, Any]:
    """How far the agent is, for `cameras/asking.html`."""
    reason, next_step = STATES.get(asking.state, ("", ""))
    return {
        "asking": asking,
        "agent": agent,
        "over": asking.is_over,
        "finished": asking.state == FINISHED,
        "reason": reason,
        "next_step": next_step,
    }
