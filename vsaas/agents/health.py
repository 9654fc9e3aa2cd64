"""Heartbeats: the newest is kept, and two boxes sharing one identity are noticed."""

from dataclasses import asdict
from datetime import datetime, timedelta
from functools import partial
from typing import Any
from uuid import UUID

from django.db import transaction

from protocol import limits
from protocol.health import Heartbeat, StreamHealth
from tenants.scope import current_tenant_id
from vsaas.agents import heard
from vsaas.agents.acts import CLONED
from vsaas.agents.models import Agent, AgentHealth
from vsaas.agents.updates import take_answer
from vsaas.audit.services import agent as audit_agent
from vsaas.audit.services import record_act
from vsaas.common import clock

PAST_INSTANCES_KEPT = 16
CLONE_SHOWN = timedelta(hours=1)


def take_heartbeat(agent_id: UUID, heartbeat: Heartbeat) -> None:
    """Stores an agent's heartbeat as its newest. Needs the tenant's scope.

    Each start of the agent has an instance of its own, and the one before never speaks again: when it does, two boxes
    run with the same keys (a cloned disk). Both keep recording into chains of their own; people are told.
    """
    agent = Agent.objects.select_for_update().get(id=agent_id)
    now = clock.now()
    before = AgentHealth.objects.filter(agent=agent).first()
    streams = [_stream_json(stream) for stream in heartbeat.streams]
    past, cloned_at = _instances(agent, before, heartbeat.instance)
    AgentHealth.objects.update_or_create(
        agent=agent,
        defaults={
            "received_at": now,
            "instance": heartbeat.instance,
            "past_instances": past,
            "cloned_at": cloned_at,
            "software": heartbeat.software,
            "started_us": heartbeat.started_us,
            "clock_offset_us": heartbeat.utc_us - clock.to_us(now),
            "clock_synchronised": heartbeat.clock_synchronised,
            "spool_bytes": heartbeat.spool_bytes,
            "spool_budget_bytes": heartbeat.spool_budget_bytes,
            "disk_free_bytes": heartbeat.disk_free_bytes,
            "days_left": heartbeat.days_left,
            "oldest_unsent_us": heartbeat.oldest_unsent_us,
            "streams": streams,
            "alarms": list(heartbeat.alarms),
            "box": None if heartbeat.box is None else asdict(heartbeat.box),
            "update": None if heartbeat.update is None else asdict(heartbeat.update),
        },
    )
    Agent.objects.filter(id=agent_id).update(last_contact_at=now, software=heartbeat.software[:80])
    take_answer(agent, heartbeat.update)
    changed = before is None or heard.is_news(before.streams, streams, clock.to_us(now))
    note = partial(heard.note_heard, current_tenant_id(), agent_id, now.timestamp(), changed=changed)
    transaction.on_commit(note, robust=True)


def _instances(agent: Agent, before: AgentHealth | None, instance: UUID) -> tuple[list[str], datetime | None]:
    """The instances replaced so far, newest last, and when a replaced one last spoke again."""
    if before is None:
        return [], None
    if before.instance == instance:
        return before.past_instances, before.cloned_at
    cloned_at = before.cloned_at
    if str(instance) in before.past_instances:
        if not is_cloned(before):
            _audit_clone(agent, instance, before.instance)
        cloned_at = clock.now()
    past = [other for other in before.past_instances if other != str(instance)]
    return [*past, str(before.instance)][-PAST_INSTANCES_KEPT:], cloned_at


def _audit_clone(agent: Agent, instance: UUID, other: UUID) -> None:
    record_act(CLONED, audit_agent(agent.id, agent.name), instance=str(instance), other=str(other))


def is_cloned(health: AgentHealth) -> bool:
    """Whether two running copies of this agent spoke in turn within the last hour."""
    return health.cloned_at is not None and health.cloned_at > clock.now() - CLONE_SHOWN


def is_online(health: AgentHealth | None) -> bool:
    """Whether the agent's last heartbeat is recent enough to call it online."""
    if health is None:
        return False
    return health.received_at > clock.now() - timedelta(seconds=limits.AGENT_OFFLINE_SECONDS)


def _stream_json(stream: StreamHealth) -> dict[str, Any]:
    return asdict(stream) | {"camera": str(stream.camera)}
