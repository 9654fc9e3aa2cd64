"""Agents and the cameras each records: all, and one. It stands here because agents do not know of cameras."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from tenants import access
from tenants.access import Actor
from tenants.declare import requires
from tenants.errors import Denied, NotFound
from tenants.middleware import signed_in
from tenants.models import Site
from tenants.permissions import AGENT_EDIT, AGENT_ENROL, AGENT_VIEW, CAMERA_EDIT, CAMERA_VIEW
from vsaas.agents import states
from vsaas.agents.editing import agent_change
from vsaas.agents.enrolment import issue_code
from vsaas.agents.models import Agent
from vsaas.agents.pages import code_shown
from vsaas.agents.revocation import AlreadyRevoked, revoke
from vsaas.agents.rollover import ask
from vsaas.agents.succession import require_replaceable
from vsaas.audit.services import who
from vsaas.cameras.errors import CameraNameTaken
from vsaas.cameras.forms import AgentForm, TypedNameForm
from vsaas.cameras.models import Camera
from vsaas.cameras.newest import newest_recorded_us
from vsaas.cameras.services import present
from vsaas.cameras.shown import agent_shown, instant
from vsaas.cameras.states import may_know
from vsaas.common.links import tenant_url
from vsaas.keys.services import is_held


def _names(actor: Actor) -> dict[str, str]:
    rows = access.visible(actor, CAMERA_VIEW, present(Camera.objects.all())).values_list("pk", "name")
    return {str(pk): name for pk, name in rows}


@requires(AGENT_VIEW)
@require_safe
def agents(request: HttpRequest) -> HttpResponse:
    """Every agent the person may see: state, last contact, version, oldest second not uploaded, disk, cameras."""
    actor = signed_in(request)
    names = _names(actor)
    rows = [agent_shown(state, names) for state in states.agent_states(actor)]
    # Those in service first; each group by name, as it came.
    rows.sort(key=lambda row: row["state"] == states.REVOKED)
    return render(request, "cameras/agents.html", {"agents": rows, "may_enrol": actor.holds(AGENT_ENROL)})


@requires(AGENT_VIEW, AGENT_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def agent(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """One agent: how it is, and for whoever may change it its name and site."""
    actor = signed_in(request)
    found = access.get(
        actor,
        AGENT_VIEW,
        Agent.objects.select_related("site", "health", "successor", "replaces", "rollover"),
        id=agent_id,
    )
    state = agent_shown(states.agent_state(actor, found), _names(actor))
    successor = getattr(found, "successor", None)
    form = None
    if request.method == "POST":
        access.require(actor, AGENT_EDIT, found)
    if state["may"]["edit"]:
        sites = access.visible(actor, AGENT_EDIT, Site.objects.all())
        form = AgentForm(request.POST if request.method == "POST" else None, agent=found, sites=sites)
        if request.method == "POST" and form.is_valid() and _changed(form, actor, found):
            address = tenant_url(request, "agents-one", agent_id=found.id)
            return HttpResponseRedirect(address + "?done=changed")
    cameras = access.visible(actor, CAMERA_VIEW, present(Camera.objects.filter(agent=found)))
    context = {
        "agent": state,
        "form": form,
        "camera_count": cameras.count(),
        "replaces": _if_seen(actor, found.replaces),
        "successor": _if_seen(actor, successor),
        "may_replace": successor is None
        and access.may(actor, AGENT_EDIT, found)
        and access.may(actor, AGENT_ENROL, found),
        "may_renew": found.revoked_at is None and state["keys"]["may_ask"],
        "may_add": found.revoked_at is None and access.may(actor, CAMERA_EDIT, found),
        "done": request.GET.get("done", ""),
    }
    status = 422 if form is not None and form.is_bound else 200
    return render(request, "cameras/agent.html", context, status=status)


def _changed(form: AgentForm, actor: Actor, found: Agent) -> bool:
    """Whether the agent has what was typed; else the form says why not, and nothing is changed."""
    data = form.cleaned_data
    try:
        with transaction.atomic():
            agent_change(
                found,
                who(actor),
                name=data["name"],
                site=data["site"],
                cameras_as=actor if data["along"] else None,
            )
    except (Denied, NotFound, CameraNameTaken) as error:
        form.add_error("along", str(error))
        return False
    return True


@requires(AGENT_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def renew_agent_keys(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """What new keys mean; then the agent is asked for them."""
    actor = signed_in(request)
    rows = Agent.objects.select_related("site", "health", "rollover")
    found = access.get(actor, AGENT_EDIT, rows, id=agent_id)
    if request.method == "POST":
        ask(found, who(actor))
        return HttpResponseRedirect(tenant_url(request, "agents-one", agent_id=found.id) + "?done=keys")
    context = {"agent": agent_shown(states.agent_state(actor, found), {}), "held": is_held()}
    return render(request, "cameras/agent_keys.html", context)


def _if_seen(actor: Actor, agent: Agent | None) -> Agent | None:
    return agent if agent is not None and access.may(actor, AGENT_VIEW, agent) else None


def _trusted(actor: Actor, agent: Agent) -> list[dict[str, Any]]:
    """Cameras of an agent the person may see, and up to when the portal has recordings that will stay trusted."""
    rows = list(
        access.visible(actor, CAMERA_VIEW, present(Camera.objects.filter(agent=agent))).order_by("name")
    )
    newest = newest_recorded_us([camera.id for camera in rows])
    known = {
        camera.id: newest.get(camera.id) for camera in rows if may_know(actor, camera, newest.get(camera.id))
    }
    return [{"name": camera.name, "until": instant(known.get(camera.id))} for camera in rows]


@requires(AGENT_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def revoke_agent(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """What revoking means; done once the agent's name is typed."""
    actor = signed_in(request)
    found = access.get(actor, AGENT_EDIT, Agent.objects.select_related("site", "health"), id=agent_id)
    if found.revoked_at is not None:
        raise AlreadyRevoked(_("the agent %(agent)s is revoked already") % {"agent": found.name})
    form = TypedNameForm(request.POST if request.method == "POST" else None, expected=found.name)
    if request.method == "POST" and form.is_valid():
        revoke(found, who(actor))
        return HttpResponseRedirect(tenant_url(request, "agents-one", agent_id=found.id))
    context = {
        "agent": agent_shown(states.agent_state(actor, found), {}),
        "camera_count": present(Camera.objects.filter(agent=found)).count(),
        "trusted": _trusted(actor, found),
        "form": form,
    }
    return render(request, "cameras/revoke.html", context, status=422 if form.is_bound else 200)


@requires(AGENT_EDIT, fresh=True)
@require_http_methods(["GET", "HEAD", "POST"])
def replace_agent(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """What replacing this box means; then a one-time code for the new one. The code is shown once."""
    actor = signed_in(request)
    found = access.get(actor, AGENT_EDIT, Agent.objects.select_related("site", "health"), id=agent_id)
    access.require(actor, AGENT_ENROL, found)
    require_replaceable(found)
    context = {
        "agent": agent_shown(states.agent_state(actor, found), {}),
        "camera_count": present(Camera.objects.filter(agent=found)).count(),
        "another": tenant_url(request, "agents-replace", agent_id=found.id),
    }
    if request.method == "POST":
        context |= code_shown(issue_code(actor.tenant_id, found.site, who(actor), found), found.site)
    response = render(request, "cameras/replace.html", context)
    response["Cache-Control"] = "no-store"
    return response
