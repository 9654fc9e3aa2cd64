"""Which release each agent is to run, and what became of it. Inside the tenant's scope.

The order stands in the agent's command document (settings, key 4), so it is signed under the organisation's command key;
which files it means is signed by the release key, and the box checks both.
"""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from protocol.command import UpdateOrder
from protocol.errors import ProtocolError
from protocol.health import UpdateHealth
from protocol.release import read_version
from vsaas.agents import acts
from vsaas.agents.models import Agent, AgentUpdate, UpdateState
from vsaas.agents.releases import Offered
from vsaas.agents.telling import tell
from vsaas.audit.services import Who, record_act, what
from vsaas.audit.services import agent as audit_agent
from vsaas.common import clock
from vsaas.common.errors import Conflict

_SAID = {
    "installed": UpdateState.INSTALLED,
    "rolled-back": UpdateState.ROLLED_BACK,
    "refused": UpdateState.REFUSED,
    "off": UpdateState.REFUSED,
}


class NothingToUpdate(Conflict):
    """There is no newer release for this agent, or it takes none."""

    problem = "nothing-to-update"


def wanted_of(agent: Agent) -> UpdateOrder | None:
    """What the agent's next command document says of updates."""
    row = AgentUpdate.objects.filter(agent=agent, held=False).exclude(ordered_at=None).first()
    if row is None or row.document is None:
        return None
    return UpdateOrder(row.version, bytes(row.document), row.attempt)


def running_version(agent: Agent) -> str | None:
    """The version the agent said it runs; None when it said none that can be read."""
    version = agent.software.rpartition(" ")[2]
    try:
        read_version(version)
    except ProtocolError:
        return None
    return version


def is_older(agent: Agent, version: str) -> bool:
    """Whether an agent in service runs an older version than this."""
    running = running_version(agent)
    return agent.revoked_at is None and running is not None and read_version(running) < read_version(version)


def why_not(agent: Agent) -> str | None:
    """Why an agent cannot update itself, in its own words; None when it can. An agent that says nothing of updates is of an
    earlier release."""
    health = getattr(agent, "health", None)
    told = None if health is None else health.update
    if told is None:
        return str(_("its version is from before agents updated themselves: install the next one by hand"))
    return told["reason"] if told["state"] == "off" else None


def has_begun(row: AgentUpdate) -> bool:
    """Whether the newest heartbeat says that this very order is with the box's installer."""
    health = getattr(row.agent, "health", None)
    told = None if health is None else health.update
    begun = ("handed-over", row.version, row.attempt)
    return told is not None and (told["state"], told["version"], told["attempt"]) == begun


def order_now(agent: Agent, release: Offered | None, by: Who) -> AgentUpdate:
    """Have an agent install a release now. Raises NothingToUpdate."""
    if release is None:
        raise NothingToUpdate(
            _("no release is offered here: the operator adds one with manage.py agent_release")
        )
    if not is_older(agent, release.version):
        raise NothingToUpdate(
            _("%(agent)s runs %(version)s or newer already")
            % {"agent": agent.name, "version": release.version}
        )
    reason = why_not(agent)
    if reason is not None:
        raise NothingToUpdate(
            _("%(agent)s cannot update itself: %(reason)s") % {"agent": agent.name, "reason": reason}
        )
    if _locked(agent).held:
        raise NothingToUpdate(
            _("%(agent)s is held at its version: let it be updated first") % {"agent": agent.name}
        )
    row = plan(agent, release, None)
    give(row)
    record_act(acts.UPDATE_ORDERED, by, what(agent), version=release.version)
    return row


def _locked(agent: Agent) -> AgentUpdate:
    AgentUpdate.objects.get_or_create(agent=agent)
    return AgentUpdate.objects.select_for_update().get(agent=agent)


def plan(agent: Agent, release: Offered, stage: int | None) -> AgentUpdate:
    """Note that an agent is to get a release; another try of the same one counts up."""
    row = _locked(agent)
    again = row.document is not None and bytes(row.document) == release.digest
    row.attempt = row.attempt + 1 if again else 1
    row.version, row.document, row.stage = release.version, release.digest, stage
    row.state, row.reason, row.interruption_ms = UpdateState.PLANNED, "", None
    row.ordered_at = row.settled_at = None
    row.save()
    return row


def give(row: AgentUpdate) -> None:
    """Put what was planned into the agent's orders."""
    row.state, row.ordered_at = UpdateState.ORDERED, clock.now()
    row.save(update_fields=["state", "ordered_at"])
    tell(row.agent)


def hold(agent: Agent, held: bool, by: Who) -> AgentUpdate:
    """Keep an agent at its version, whatever is rolled out, or let it go on. What has begun on the box is not broken off."""
    row = _locked(agent)
    if row.held == held:
        return row
    row.held = held
    if held and row.state in (UpdateState.PLANNED, UpdateState.ORDERED):
        row.state, row.stage, row.document, row.ordered_at = UpdateState.NONE, None, None, None
    row.save()
    record_act(acts.UPDATE_HELD if held else acts.UPDATE_RELEASED, by, what(agent))
    tell(agent)
    return row


def take_answer(agent: Agent, told: UpdateHealth | None) -> None:
    """What a heartbeat says of the order that is open; the first answer settles it."""
    if told is None or told.state not in _SAID:
        return
    row = AgentUpdate.objects.filter(
        agent=agent, state__in=(UpdateState.ORDERED, UpdateState.NO_ANSWER)
    ).first()
    if row is None or (told.state != "off" and (told.version, told.attempt) != (row.version, row.attempt)):
        return
    settle(row, _SAID[told.state], told.reason, told.interruption_ms)


def settle(row: AgentUpdate, state: str, reason: str, interruption_ms: int | None = None) -> None:
    """Write down what became of an order, and tell it the audit log."""
    row.state, row.reason, row.interruption_ms = state, reason, interruption_ms
    row.settled_at = clock.now()
    row.save()
    by = audit_agent(row.agent_id, row.agent.name)
    if state == UpdateState.INSTALLED:
        record_act(acts.UPDATED, by, version=row.version)
    else:
        record_act(acts.NOT_UPDATED, by, version=row.version, reason=reason or str(state))
