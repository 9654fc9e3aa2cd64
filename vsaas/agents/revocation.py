"""Revoking an agent: one row, and a statement of what is still trusted."""

from django.utils.translation import gettext_lazy as _

from sealing.statement import REVOKED_CHAINS_MAX, AgentRevoked, TrustedUpTo
from vsaas.agents.acts import REVOKED
from vsaas.agents.commands import NEWS_REVOKED, announce
from vsaas.agents.models import Agent
from vsaas.agents.tips import known_tips
from vsaas.audit.services import Who, record_act, what
from vsaas.common import clock
from vsaas.common.errors import Conflict
from vsaas.keys.services import state


class AlreadyRevoked(Conflict):
    """The agent was revoked before."""

    problem = "already-revoked"


def revoke(agent: Agent, by: Who) -> int | None:
    """Lets the agent in no more, and states per chain the last record still trusted. Returns the last statement's number;
    None where the organisation holds its keys, and a holder has to sign it.

    What it recorded until now stays readable; what it still holds can no longer be sent. The hub drops its connections
    once this transaction commits. The caller has checked that `by` holds `agent:edit` on the agent.
    """
    revoked = Agent.objects.filter(id=agent.id, revoked_at=None).update(revoked_at=clock.now())
    if not revoked:
        raise AlreadyRevoked(_("the agent %(agent)s is revoked already") % {"agent": agent.name})
    chains = [TrustedUpTo(tip.chain, tip.seq, tip.hash) for tip in known_tips(agent.id)]
    for at in range(0, len(chains) or 1, REVOKED_CHAINS_MAX):
        body = AgentRevoked(agent.id, tuple(chains[at : at + REVOKED_CHAINS_MAX]))
        number = state(agent.tenant_id, body, what(agent), by)
    record_act(REVOKED, by, what(agent))
    announce(agent.id, NEWS_REVOKED)
    return number
