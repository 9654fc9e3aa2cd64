"""The page of updates: which version each agent runs, the rollout, and how agents are updated."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST

from tenants import access
from tenants.declare import requires
from tenants.errors import VsaasError
from tenants.hours import DAYS
from tenants.middleware import signed_in
from tenants.models import Tenant
from tenants.permissions import AGENT_EDIT, AGENT_VIEW, TENANT_EDIT
from tenants.scope import roll_back_scope
from vsaas.agents import releases, rollouts, updates
from vsaas.agents.models import Agent, UpdateState
from vsaas.agents.rollouts import InvalidUpdatePolicy, Policy
from vsaas.agents.updates_api import act, agents, changed, require_whole, seen
from vsaas.agents.updates_replies import updates_json
from vsaas.audit.services import who
from vsaas.common import clock
from vsaas.common.links import tenant_url

_TONES = {
    UpdateState.PLANNED: ("info", "wait"),
    UpdateState.ORDERED: ("info", "wait"),
    UpdateState.INSTALLED: ("ok", "ok"),
    UpdateState.ROLLED_BACK: ("bad", "bad"),
    UpdateState.REFUSED: ("bad", "bad"),
    UpdateState.NO_ANSWER: ("warn", "warn"),
}
_NEXT = {
    UpdateState.ROLLED_BACK: _(
        "It records with the version it had. Look at the reason, then update it again."
    ),
    UpdateState.REFUSED: _("It records with the version it has. Look at the reason, then update it again."),
    UpdateState.NO_ANSWER: _("Look whether the agent is online, then update it again."),
}


class UpdatePolicyForm(forms.Form):
    """How agents are updated; `rollouts` judges the values."""

    automatic = forms.BooleanField(label=_("Roll out newer releases by themselves"), required=False)
    days = forms.MultipleChoiceField(
        label=_("On these days"),
        choices=[(day, WEEKDAYS[at]) for at, day in enumerate(DAYS)],
        widget=forms.CheckboxSelectMultiple,
    )
    starts = forms.CharField(
        label=_("From"), max_length=5, widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    )
    ends = forms.CharField(
        label=_("Until"),
        max_length=5,
        widget=forms.TimeInput(attrs={"type": "time"}, format="%H:%M"),
        help_text=_("By the clock of each agent's site."),
    )
    first = forms.MultipleChoiceField(
        label=_("Agents that are first"), required=False, widget=forms.CheckboxSelectMultiple
    )
    healthy_hours = forms.IntegerField(
        label=_("The next stage begins after (hours)"),
        help_text=_("Every agent of a stage has to run well for this long."),
    )
    wave_percent = forms.IntegerField(label=_("Agents in each further stage (%)"))
    stop_percent = forms.IntegerField(label=_("Stop when more of a stage fail than (%)"))

    def __init__(self, data: Any = None, *, now: Policy, choices: list[Agent]) -> None:
        super().__init__(data, initial=vars(now))
        self.fields["first"].choices = [(str(agent.id), agent.name) for agent in choices]  # type: ignore[attr-defined]


@requires(AGENT_VIEW, TENANT_EDIT)
@require_http_methods(["GET", "HEAD", "POST"])
def updates_page(request: HttpRequest) -> HttpResponse:
    """Versions, stages, failures with reason and next step; for owners the policy and the rollout."""
    actor = signed_in(request)
    form = None
    may_edit = access.may(actor, TENANT_EDIT, Tenant.objects.get(id=actor.tenant_id))
    agents_seen = seen(actor)
    if request.method == "POST":
        require_whole(actor)
        form = UpdatePolicyForm(request.POST, now=rollouts.policy(), choices=agents_seen)
        if form.is_valid():
            try:
                rollouts.set_policy(changed(form.cleaned_data), who(actor))
                return _back(request, "changed")
            except InvalidUpdatePolicy as error:
                for wrong in error.extra["errors"]:
                    form.add_error(wrong["field"], wrong["message"])
    elif may_edit:
        form = UpdatePolicyForm(now=rollouts.policy(), choices=agents_seen)
    context = _context(actor, agents_seen) | {
        "form": form,
        "may_edit": may_edit,
        "done": request.GET.get("done", ""),
    }
    status = 422 if form is not None and form.is_bound else 200
    return render(request, "agents/updates.html", context, status=status)


@requires(TENANT_EDIT)
@require_POST
def rollout(request: HttpRequest) -> HttpResponse:
    """Begins or stops the rollout."""
    actor = signed_in(request)
    require_whole(actor)
    return _tried(request, lambda: act(request.POST.get("action", "stop"), actor))


@requires(AGENT_EDIT)
@require_POST
def update_agent(request: HttpRequest, agent_id: UUID) -> HttpResponse:
    """Updates one agent now, holds it at its version, or lets it go on."""
    actor = signed_in(request)
    agent = access.get(actor, AGENT_EDIT, agents(), id=agent_id)
    action = request.POST.get("action")
    if action == "now":
        return _tried(request, lambda: updates.order_now(agent, releases.newest(), who(actor)))
    return _tried(request, lambda: updates.hold(agent, action == "hold", who(actor)))


def _tried(request: HttpRequest, work: Any) -> HttpResponse:
    """The page again; when the work was refused, with the reason and nothing changed."""
    try:
        work()
    except (rollouts.NoRollout, updates.NothingToUpdate) as error:
        roll_back_scope()
        actor = signed_in(request)
        context = _context(actor, seen(actor)) | {"problem": _said(error), "form": None}
        return render(request, "agents/updates.html", context, status=409)
    return _back(request, "done")


def _said(error: VsaasError) -> str:
    return str(error.detail or error.title)


def _back(request: HttpRequest, done: str) -> HttpResponse:
    return HttpResponseRedirect(tenant_url(request, "agents-updates") + f"?done={done}")


def _context(actor: Any, agents_seen: list[Agent]) -> dict[str, Any]:
    told = updates_json(agents_seen)
    zones = {str(agent.id): agent.site.timezone for agent in agents_seen}
    editable = {str(agent.id) for agent in agents_seen if access.may(actor, AGENT_EDIT, agent)}
    return {
        "newest": told["newest"],
        "rollout": _rollout(told["rollout"]),
        "zone": Tenant.objects.get(id=actor.tenant_id).timezone,
        "agents": [_row(row, zones[row["id"]], row["id"] in editable) for row in told["agents"]],
    }


def _rollout(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if row is None else row | {"since": clock.from_us(row["stage_us"])}


def _row(row: dict[str, Any], zone: str, may_edit: bool) -> dict[str, Any]:
    state = UpdateState(row["state"])
    tone, icon = _TONES.get(state, ("", "info"))
    seconds = None if row["interruption_ms"] is None else row["interruption_ms"] / 1000
    return row | {
        "label": state.label if state is not UpdateState.NONE else "",
        "tone": tone,
        "icon": icon,
        "next_step": _NEXT.get(state, ""),
        "interruption_s": seconds,
        "at": None if row["settled_us"] is None else clock.from_us(row["settled_us"]),
        "zone": zone,
        "may_edit": may_edit,
        "may_update": may_edit and row["older"] and not row["held"] and row["cannot"] is None,
    }
