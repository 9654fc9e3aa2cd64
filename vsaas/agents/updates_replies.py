"""What the API tells of updates."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from vsaas.agents import releases, rollouts
from vsaas.agents.models import Agent, AgentUpdate, UpdateState
from vsaas.agents.rollouts import DAYS, Policy
from vsaas.agents.updates import is_older, why_not
from vsaas.common import clock
from vsaas.common.shapes import Id, Micros


class UpdatePolicyReply(BaseModel):
    """How the organisation updates its agents."""

    automatic: bool = Field(description="A newer release is rolled out by itself.")
    days: list[Literal[DAYS]]  # type: ignore[valid-type]
    starts: str = Field(description="HH:MM by the clock of each agent's site: from then on updates begin.")
    ends: str
    first: list[Id] = Field(description="Agents of the first stage; those you may see.")
    healthy_hours: int = Field(description="How long a stage has to run well before the next one.")
    wave_percent: int = Field(description="Share of the agents in each further stage.")
    stop_percent: int = Field(description="When more than this share of a stage fails, the rollout stops.")


class ReleaseReply(BaseModel):
    """A release that is offered."""

    version: str
    notes: str
    issued_us: Micros


class RolloutReply(BaseModel):
    """A release on its way to the agents."""

    version: str
    state: Literal["running", "stopped", "done"]
    stage: int = Field(description="0: the agents chosen to be first.")
    started_us: Micros
    stage_us: Micros
    reason: str = Field(description="Why it stopped by itself; else empty.")


class AgentUpdateReply(BaseModel):
    """What an agent is to run, and what became of it."""

    id: Id
    name: str
    software: str
    older: bool = Field(description="A newer release is offered.")
    cannot: str | None = Field(description="Why it cannot update itself; null when it can.")
    held: bool
    version: str
    stage: int | None = Field(description="Of the rollout; null when a person asked for it.")
    state: Literal[tuple(UpdateState.values)]  # type: ignore[valid-type]
    reason: str
    interruption_ms: int | None = Field(description="How long recording was interrupted at most.")
    ordered_us: Micros | None
    settled_us: Micros | None


class UpdatesReply(BaseModel):
    """Updates of an organisation's agents."""

    policy: UpdatePolicyReply
    newest: ReleaseReply | None
    rollout: RolloutReply | None
    agents: list[AgentUpdateReply] = Field(description="Those you may see, by name, without revoked ones.")


def policy_json(rule: Policy) -> dict[str, Any]:
    """As `UpdatePolicyReply`."""
    return vars(rule) | {"days": list(rule.days), "first": list(rule.first)}


def newest_json() -> dict[str, Any] | None:
    """As `ReleaseReply`."""
    newest = releases.newest()
    if newest is None:
        return None
    return {"version": newest.version, "notes": newest.release.notes, "issued_us": newest.release.issued_us}


def agent_json(agent: Agent, newest: str | None) -> dict[str, Any]:
    """As `AgentUpdateReply`; `agent.health` and `agent.ordered_update` should be loaded."""
    row: AgentUpdate | None = getattr(agent, "ordered_update", None)
    row = row if row is not None else AgentUpdate(agent=agent)
    return {
        "id": str(agent.id),
        "name": agent.name,
        "software": agent.software,
        "older": newest is not None and is_older(agent, newest),
        "cannot": why_not(agent),
        "held": row.held,
        "version": row.version,
        "stage": row.stage,
        "state": row.state,
        "reason": row.reason,
        "interruption_ms": row.interruption_ms,
        "ordered_us": None if row.ordered_at is None else clock.to_us(row.ordered_at),
        "settled_us": None if row.settled_at is None else clock.to_us(row.settled_at),
    }


def updates_json(agents: list[Agent]) -> dict[str, Any]:
    """As `UpdatesReply`."""
    newest = newest_json()
    version = None if newest is None else newest["version"]
    policy, seen = policy_json(rollouts.policy()), {str(agent.id) for agent in agents}
    return {
        "policy": policy | {"first": [agent for agent in policy["first"] if agent in seen]},
        "newest": newest,
        "rollout": rollouts.shown(),
        "agents": [agent_json(agent, version) for agent in agents],
    }


AGENT_UPDATE: dict[str, Any] = {
    "id": "019ac0f1-0b52-7e40-8f0a-6d1c3b5a9e77",
    "name": "Basement",
    "software": "vsaas-agent 1.4.0",
    "older": False,
    "cannot": None,
    "held": False,
    "version": "1.4.0",
    "stage": 0,
    "state": "installed",
    "reason": "",
    "interruption_ms": 4200,
    "ordered_us": 1764064000000000,
    "settled_us": 1764064190000000,
}
ROLLOUT: dict[str, Any] = {
    "version": "1.4.0",
    "state": "running",
    "stage": 1,
    "started_us": 1763900000000000,
    "stage_us": 1764064000000000,
    "reason": "",
}
UPDATES: dict[str, Any] = {
    "policy": policy_json(Policy()),
    "newest": {"version": "1.4.0", "notes": "", "issued_us": 1763890000000000},
    "rollout": ROLLOUT,
    "agents": [AGENT_UPDATE],
}
