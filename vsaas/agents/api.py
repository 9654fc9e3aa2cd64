"""Agents in the browser API: who they are, how they are, codes for new ones, revocation."""

from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from protocol.enrolment import uuid_of
from protocol.errors import ProtocolError
from tenants import access
from tenants.declare import Requires
from tenants.models import Site
from tenants.permissions import AGENT_EDIT, AGENT_ENROL, AGENT_VIEW
from vsaas.agents.editing import InvalidAgent, agent_change
from vsaas.agents.enrolment import IssuedCode, issue_code
from vsaas.agents.errors import AlreadyReplaced
from vsaas.agents.models import Agent, EnrolmentCode
from vsaas.agents.replies import (
    AGENT,
    CODE,
    CODE_STATE,
    KEYS_ASKED,
    AgentPage,
    AgentReply,
    EnrolmentCodeReply,
    EnrolmentCodeState,
    NewEnrolmentCode,
    RevocationReply,
)
from vsaas.agents.revocation import AlreadyRevoked, revoke
from vsaas.agents.rollover import RolloverUnderWay, ask
from vsaas.agents.states import agent_state, code_state
from vsaas.audit.services import who
from vsaas.common import clock
from vsaas.common.api import ApiView
from vsaas.common.describe import describe
from vsaas.common.errors import InvalidFields
from vsaas.common.fields import Fields, valid
from vsaas.common.names import CHARS_MAX
from vsaas.common.paging import page_of
from vsaas.common.shapes import page_example
from vsaas.keys.services import KmsError, NoTenantKeys


class Agents(ApiView):
    """GET: the agents the caller may see, by name."""

    access = Requires(AGENT_VIEW)

    @describe("List agents", reply=AgentPage, example=page_example(AGENT), paged=True)
    def get(self, request: Request) -> Response:
        """The agents you may see, by name, with what each said of itself last."""
        page = page_of(request, access.visible(self.actor, AGENT_VIEW, _agents()), order=("name", "id"))
        return Response(page.json([agent_state(self.actor, agent) for agent in page.rows]))


class AgentFields(Fields):
    """Changes of an agent: what is absent stays."""

    name = serializers.CharField(max_length=CHARS_MAX, required=False)
    site = serializers.UUIDField(required=False)
    cameras = serializers.ChoiceField(
        choices=["stay", "along"],
        required=False,
        help_text="along: those on its site move to the other one with it; what you may not change keeps all where it is.",
    )


class OneAgent(ApiView):
    """GET: one agent. PATCH {name?, site?, cameras?}: renames or moves it, with its cameras where that is wished."""

    access = Requires(AGENT_VIEW, AGENT_EDIT)

    @describe("Get an agent", reply=AgentReply, example=AGENT)
    def get(self, request: Request, agent_id: UUID) -> Response:
        """One agent, with what it said of itself last."""
        return Response(self._state(access.get(self.actor, AGENT_VIEW, _agents(), id=agent_id)))

    @describe(
        "Change an agent",
        request=AgentFields,
        request_example={"name": "Cellar"},
        reply=AgentReply,
        example=AGENT | {"name": "Cellar"},
        problems=(InvalidAgent,),
    )
    def patch(self, request: Request, agent_id: UUID) -> Response:
        """Renames it or moves it to another site. Its cameras stay on theirs, unless `cameras` is `along`. What is absent stays."""
        agent = access.get(self.actor, AGENT_EDIT, _agents(), id=agent_id)
        fields = valid(AgentFields(data=request.data))
        site = fields.get("site")
        if site is not None:
            site = access.get(self.actor, AGENT_EDIT, Site.objects.all(), id=site)
        along = self.actor if fields.get("cameras") == "along" else None
        agent_change(agent, who(self.actor), name=fields.get("name"), site=site, cameras_as=along)
        return Response(self._state(_agents().get(id=agent_id)))

    def _state(self, agent: Agent) -> dict[str, Any]:
        return agent_state(self.actor, agent)


def _agents() -> QuerySet[Agent]:
    return Agent.objects.select_related("site", "health", "successor", "rollover")


class AgentRevocation(ApiView):
    """POST: lets an agent in no more."""

    access = Requires(AGENT_EDIT, fresh=True)

    @describe(
        "Revoke an agent",
        reply=RevocationReply,
        example={"agent": AGENT["id"], "statement": 9},
        problems=(AlreadyRevoked, KmsError),
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """The agent is let in no more, at once and for good. What it recorded until now stays and can be watched; what it
        still holds can no longer be sent. A signed statement says up to which record it is trusted."""
        agent = access.get(self.actor, AGENT_EDIT, Agent.objects.all(), id=agent_id)
        number = revoke(agent, who(self.actor))
        return Response({"agent": str(agent.id), "statement": number})


class AgentReplacement(ApiView):
    """POST: a one-time code for a box that takes the place of this agent."""

    access = Requires(AGENT_EDIT, fresh=True)
    keeps_answers = False  # a code that takes a factor given just now is not told again

    @describe(
        "Replace an agent",
        reply=EnrolmentCodeReply,
        example=CODE,
        status=201,
        problems=(AlreadyReplaced, NoTenantKeys),
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """A code for the new box, good for 30 minutes. The moment it is used, the new agent gets this one's cameras and this one
        is revoked; what its disk still holds the new box brings: `vsaas-agent adopt DIR`."""
        agent = access.get(self.actor, AGENT_EDIT, _agents(), id=agent_id)
        access.require(self.actor, AGENT_ENROL, agent)
        return _code_reply(issue_code(self.actor.tenant_id, agent.site, who(self.actor), agent))


class AgentNewKeys(ApiView):
    """POST: asks an agent for new keys."""

    access = Requires(AGENT_EDIT, fresh=True)

    @describe(
        "Renew an agent's keys",
        reply=AgentReply,
        example=AGENT | {"keys": KEYS_ASKED},
        problems=(RolloverUnderWay,),
    )
    def post(self, request: Request, agent_id: UUID) -> Response:
        """The box makes new keys for its requests, its records and what is sealed to it; your organisation's root states them,
        and it goes on recording without a gap. Each agent is asked by itself once a year."""
        agent = access.get(self.actor, AGENT_EDIT, _agents(), id=agent_id)
        ask(agent, who(self.actor))
        return Response(agent_state(self.actor, _agents().get(id=agent_id)))


def _code_reply(code: IssuedCode) -> Response:
    return Response(
        {
            "id": str(code.id),
            "code": code.text,
            "root_fingerprint": code.fingerprint,
            "expires_us": clock.to_us(code.expires_at),
        },
        status=201,
    )


class EnrolmentCodes(ApiView):
    """POST {site}: a one-time code for an agent on that site; the code is shown in this reply and never again."""

    access = Requires(AGENT_ENROL)

    @describe(
        "Make an enrolment code",
        request=NewEnrolmentCode,
        request_example={"site": "019ac0f0-77aa-7b21-8c3d-4e5f60718293"},
        reply=EnrolmentCodeReply,
        example=CODE,
        status=201,
        problems=(NoTenantKeys,),
    )
    def post(self, request: Request) -> Response:
        """For one agent on one site, good for 30 minutes. On the box: `python -m edge_agent enrol <portal> <code>`."""
        site = access.get(self.actor, AGENT_ENROL, Site.objects.all(), id=_site_id(request.data))
        return _code_reply(issue_code(self.actor.tenant_id, site, who(self.actor)))


class OneEnrolmentCode(ApiView):
    """GET: whether a code waits, has enrolled an agent, or has run out. The code itself is never told again."""

    access = Requires(AGENT_ENROL)

    @describe("Get the state of an enrolment code", reply=EnrolmentCodeState, example=CODE_STATE)
    def get(self, request: Request, code_id: UUID) -> Response:
        """Whether it waits, has enrolled an agent, or has run out. The code itself is never told again."""
        rows = EnrolmentCode.objects.select_related("used_by")
        return Response(code_state(access.get(self.actor, AGENT_ENROL, rows, id=code_id)))


def _site_id(data: Any) -> UUID:
    try:
        return uuid_of(data.get("site") if isinstance(data, dict) else None, "site")
    except ProtocolError as error:
        raise InvalidFields(
            _("site is not an id"), extra={"errors": [{"field": "site", "message": error.detail}]}
        ) from error
