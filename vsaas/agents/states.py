"""How agents are, as people and programs are told."""

from typing import Any
from uuid import UUID

from protocol import limits
from sealing.ids import StatementKind
from tenants import access
from tenants.access import Actor
from tenants.permissions import AGENT_EDIT, AGENT_VIEW, CAMERA_VIEW
from vsaas.agents.health import is_cloned, is_online
from vsaas.agents.models import Agent, AgentHealth, AgentRollover, EnrolmentCode, RolloverState
from vsaas.common import clock
from vsaas.keys.services import waits

CLOCK_RIGHT_US = 2_000_000
ONLINE = "online"
OFFLINE = "offline"
CLONED = "cloned"
REVOKED = "revoked"


def agent_states(actor: Actor) -> list[dict[str, Any]]:
    """Agents with their state, as `GET /api/v1/agents` answers (docs/architecture.md); those the actor may see."""
    agents = access.visible(
        actor, AGENT_VIEW, Agent.objects.select_related("site", "health", "successor", "rollover")
    )
    denied = access.cameras_denied(actor, CAMERA_VIEW)
    return [_state(actor, agent, denied) for agent in agents.order_by("name", "id")]


def agent_state(actor: Actor, agent: Agent) -> dict[str, Any]:
    """One agent; `agent.site` and `agent.health` should be loaded. Of its streams those of cameras the actor is denied are
    left out."""
    return _state(actor, agent, access.cameras_denied(actor, CAMERA_VIEW))


def _state(actor: Actor, agent: Agent, denied: frozenset[UUID]) -> dict[str, Any]:
    health: AgentHealth | None = getattr(agent, "health", None)
    successor: Agent | None = getattr(agent, "successor", None)
    may_edit = access.may(actor, AGENT_EDIT, agent)
    heard = agent.last_contact_at
    return {
        "id": str(agent.id),
        "name": agent.name,
        "site": agent.site.name,
        "site_id": str(agent.site_id),
        "time_zone": agent.site.timezone,
        "state": state_of(agent, health),
        "software": agent.software,
        "enrolled_us": clock.to_us(agent.enrolled_at),
        "last_contact_us": None if heard is None else clock.to_us(heard),
        "revoked_us": None if agent.revoked_at is None else clock.to_us(agent.revoked_at),
        "replaces": None if agent.replaces_id is None else str(agent.replaces_id),
        "replaced_by": None if successor is None else str(successor.id),
        "adopted_us": None if agent.adopted_at is None else clock.to_us(agent.adopted_at),
        "keys": _keys(agent),
        "health": None if health is None else _health(health, denied),
        "may": {"edit": may_edit, "revoke": may_edit and agent.revoked_at is None},
    }


def state_of(agent: Agent, health: AgentHealth | None) -> str:
    """One word of those above."""
    if agent.revoked_at is not None:
        return REVOKED
    if health is None or not is_online(health):
        return OFFLINE
    return CLONED if is_cloned(health) else ONLINE


def is_in_service(agent: Agent) -> bool:
    """Whether the agent was heard lately and is alone with its identity; `agent.health` should be loaded."""
    return state_of(agent, getattr(agent, "health", None)) == ONLINE


def _keys(agent: Agent) -> dict[str, Any]:
    rollover: AgentRollover | None = getattr(agent, "rollover", None)
    since = agent.enrolled_at if rollover is None or rollover.rolled_at is None else rollover.rolled_at
    newest = None
    if rollover is not None:
        newest = {
            "state": _rollover_state(agent, rollover),
            "asked_us": clock.to_us(rollover.asked_at),
            "reason": rollover.reason,
        }
    return {"since_us": clock.to_us(since), "rollover": newest}


def _rollover_state(agent: Agent, rollover: AgentRollover) -> str:
    held = rollover.state == RolloverState.OFFERED and rollover.submitted
    return FOR_HOLDER if held and waits(agent.id, StatementKind.AGENT_KEYS) else rollover.state


def _health(health: AgentHealth, denied: frozenset[UUID]) -> dict[str, Any]:
    return {
        "started_us": health.started_us,
        "clock_offset_us": health.clock_offset_us,
        "clock_synchronised": health.clock_synchronised,
        "spool_bytes": health.spool_bytes,
        "spool_budget_bytes": health.spool_budget_bytes,
        "disk_free_bytes": health.disk_free_bytes,
        "days_left": health.days_left,
        "oldest_unsent_us": _by_our_clock(health.oldest_unsent_us, health.clock_offset_us),
        "streams": [row for row in health.streams if UUID(row["camera"]) not in denied],
        "alarms": health.alarms,
        "box": health.box,
    }


def _by_our_clock(us: int | None, offset_us: int) -> int | None:
    """An instant the agent named by its own clock, where that is wrong by more than a message takes."""
    return us if us is None or abs(offset_us) <= CLOCK_RIGHT_US else us - offset_us


WAITING = "waiting"
ENROLLED = "enrolled"
RUN_OUT = "run-out"
FOR_HOLDER = "waits-for-holder"


def code_state(code: EnrolmentCode) -> dict[str, Any]:
    """One enrolment code, as `GET /api/v1/enrolment-codes/<id>` answers; `code.used_by` should be loaded."""
    if code.used_at is not None:
        state = FOR_HOLDER if waits(code.used_by_id, StatementKind.AGENT_KEYS) else ENROLLED
    elif code.expires_at <= clock.now() or code.attempts >= limits.ENROLMENT_CODE_ATTEMPTS:
        state = RUN_OUT
    else:
        state = WAITING
    agent = code.used_by if state == ENROLLED else None
    return {
        "id": str(code.id),
        "site_id": str(code.site_id),
        "state": state,
        "expires_us": clock.to_us(code.expires_at),
        "agent": None if agent is None else {"id": str(agent.id), "name": agent.name},
    }
