"""Updates of agents in the browser API."""

from typing import Any
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tenants import access
from tenants.declare import Requires
from tenants.models import Tenant
from tenants.permissions import AGENT_EDIT, AGENT_VIEW, TENANT_EDIT
from vsaas.agents import releases, rollouts, updates
from vsaas.agents.models import Agent
from vsaas.agents.rollouts import DAYS, InvalidUpdatePolicy, NoRollout, Policy
from vsaas.agents.updates import NothingToUpdate
from vsaas.agents.updates_replies import (
    AGENT_UPDATE,
    ROLLOUT,
    UPDATES,
    AgentUpdateReply,
    RolloutReply,
    UpdatesReply,
    agent_json,
    updates_json,
)
from vsaas.audit.services import who
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.fields import Fields, valid


class UpdatePolicyFields(Fields):
    """Changes of how agents are updated: what is absent stays."""

    automatic = serializers.BooleanField(required=False)
    days = serializers.ListField(child=serializers.ChoiceField(DAYS), required=False, max_length=7)
    starts = serializers.CharField(max_length=5, required=False)
    ends = serializers.CharField(max_length=5, required=False)
    first = serializers.ListField(child=serializers.UUIDField(), required=False, max_length=100)
    healthy_hours = serializers.IntegerField(required=False)
    wave_percent = serializers.IntegerField(required=False)
    stop_percent = serializers.IntegerField(required=False)


class RolloutFields(Fields):
    """What is to become of the rollout."""

    action = serializers.ChoiceField(["start", "stop"])


class HoldFields(Fields):
    """Whether an agent stays at its version."""

    held = serializers.BooleanField()


class Updates(ApiView):
    """GET: releases, rollout and each agent. PATCH: how agents are updated."""

    access = Requires(AGENT_VIEW, TENANT_EDIT)

    @describe("Get updates of agents", reply=UpdatesReply, example=UPDATES)
    def get(self, request: Request) -> Response:
        """The policy, the newest release offered, the rollout, and what each agent you may see runs and is to run."""
        return Response(updates_json(seen(self.actor)))

    @describe(
        "Change how agents are updated",
        request=UpdatePolicyFields,
        request_example={"automatic": True},
        reply=UpdatesReply,
        example=UPDATES,
        problems=(InvalidUpdatePolicy,),
    )
    def patch(self, request: Request) -> Response:
        """Takes the right for every site. What is absent stays."""
        require_whole(self.actor)
        fields = valid(UpdatePolicyFields(data=request.data))
        rollouts.set_policy(changed(fields), who(self.actor))
        return Response(updates_json(seen(self.actor)))


class Rollout(ApiView):
    """POST {action}: begins or stops rolling the newest release out."""

    access = Requires(TENANT_EDIT)

    @describe(
        "Begin or stop a rollout",
        request=RolloutFields,
        request_example={"action": "start"},
        reply=RolloutReply,
        example=ROLLOUT,
        problems=(NoRollout,),
    )
    def post(self, request: Request) -> Response:
        """`start`: the newest release, first stage first, each agent within its window. `stop`: no further agent begins; what
        has begun on a box ends. Takes the right for every site."""
        require_whole(self.actor)
        act(valid(RolloutFields(data=request.data))["action"], self.actor)
        return Response(rollouts.shown())


class AgentUpdating(ApiView):
    """POST: the newest release now. PATCH {held}: keeps an agent at its version, or lets it go on."""

    access = Requires(AGENT_EDIT)

    @describe(
        "Update an agent now", reply=AgentUpdateReply, example=AGENT_UPDATE, problems=(NothingToUpdate,)
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """The agent installs the newest release as soon as it hears of it, whatever the window. What was rolled back is
        tried again."""
        agent = access.get(self.actor, AGENT_EDIT, agents(), id=agent_id)
        updates.order_now(agent, releases.newest(), who(self.actor))
        return Response(_one(agent_id))

    @describe(
        "Hold an agent at its version",
        request=HoldFields,
        request_example={"held": True},
        reply=AgentUpdateReply,
        example=AGENT_UPDATE | {"held": True},
    )
    def patch(self, request: Request, agent_id: UUID) -> Response:
        """While it is held, no rollout takes it. What has begun on the box is not broken off."""
        agent = access.get(self.actor, AGENT_EDIT, agents(), id=agent_id)
        updates.hold(agent, valid(HoldFields(data=request.data))["held"], who(self.actor))
        return Response(_one(agent_id))


def agents() -> Any:
    """Agents with what is asked of each here."""
    return Agent.objects.select_related("site", "health", "ordered_update")


def seen(actor: Any) -> list[Agent]:
    """Those in service that the actor may see, by name."""
    rows = access.visible(actor, AGENT_VIEW, agents().filter(revoked_at=None))
    return list(rows.order_by("name", "id"))


def require_whole(actor: Any) -> None:
    """Raises Denied unless the actor may change the organisation as a whole."""
    access.require(actor, TENANT_EDIT, Tenant.objects.get(id=actor.tenant_id))


def changed(fields: dict[str, Any]) -> Policy:
    """The policy with these fields instead of its own."""
    now = vars(rollouts.policy())
    named = {name: value for name, value in fields.items() if name in now}
    if "first" in named:
        named["first"] = tuple(str(agent) for agent in named["first"])
    if "days" in named:
        named["days"] = tuple(day for day in DAYS if day in named["days"])
    return Policy(**now | named)


def act(action: str, actor: Any) -> None:
    """Begin or stop the rollout. Raises NoRollout."""
    if action == "start":
        rollouts.start(releases.newest(), who(actor))
    else:
        rollouts.stop(who(actor))


def _one(agent_id: UUID) -> dict[str, Any]:
    newest = releases.newest()
    return agent_json(agents().get(id=agent_id), None if newest is None else newest.version)
