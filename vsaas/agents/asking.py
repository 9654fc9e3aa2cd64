"""Asking an agent something now: a signed order over its control socket, and its answer (`protocol.order`).

Nothing of it is stored in the database: order and answer pass through Redis and are forgotten after two minutes, so that
any portal process finds the answer, whichever hub the agent is connected to.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from uuid import UUID, uuid4

import redis
from django.db import transaction
from django.utils.translation import gettext_lazy as _

from protocol.errors import ProtocolError
from protocol.order import Answer, Order, Task
from sealing.errors import SealingError
from tenants.words import Text
from vsaas.agents.commands import NEWS_ORDER, channel_of
from vsaas.agents.errors import AgentOffline
from vsaas.agents.models import Agent
from vsaas.agents.presence import is_present
from vsaas.common import clock
from vsaas.common.errors import TooMany, Unavailable
from vsaas.common.redis import client
from vsaas.keys.services import sign_order

KEPT_S = 120


@dataclass(frozen=True)
class Bound:
    """How often a minute agents may be asked so."""

    name: str
    per_agent: int
    per_tenant: int


USUAL = Bound("asked", 12, 60)


def ask(agent: Agent, task: Task, *, lives_s: int, order: UUID | None = None, bound: Bound = USUAL) -> UUID:
    """Sends an agent an order once this transaction commits; returns its id, by which `answer_of` finds the answer.

    Raises AgentOffline, TooMany, Unavailable. The caller has checked the right and writes the act down.
    """
    if agent.revoked_at is not None or not is_present(agent.id):
        raise AgentOffline(
            _("the agent %(agent)s is not connected now: look after it, then try again")
            % {"agent": agent.name}
        )
    _bound(
        f"vsaas:{bound.name}:agent:{agent.id}",
        bound.per_agent,
        _("the agent %(agent)s") % {"agent": agent.name},
    )
    _bound(f"vsaas:{bound.name}:tenant:{agent.tenant_id}", bound.per_tenant, _("this organisation's agents"))
    order = order or uuid4()
    document = Order(agent.tenant_id, agent.id, order, clock.now_us() + lives_s * 1_000_000, task)
    signed = sign_order(agent.tenant_id, document.payload())
    transaction.on_commit(partial(_send, agent.id, signed))
    return order


def answer_of(agent_id: UUID, order: UUID) -> Answer | None:
    """What the agent answered; None while it has not. Raises Unavailable."""
    try:
        found = client().get(answer_key(agent_id, order))
    except redis.RedisError as error:
        raise Unavailable(_("the answer cannot be read now: Redis does not answer; try again")) from error
    if found is None:
        return None
    try:
        return Answer.decode(bytes(found))
    except (ProtocolError, SealingError) as error:
        raise Unavailable(_("the agent's answer makes no sense: is it of an older release?")) from error


def answer_key(agent_id: UUID, order: UUID) -> str:
    """Where the hub puts the answer. The agent is part of it: none answers for another."""
    return f"vsaas:answer:{agent_id}:{order}"


def _send(agent_id: UUID, signed: bytes) -> None:
    try:
        client().publish(channel_of(agent_id), NEWS_ORDER + signed)
    except redis.RedisError as error:
        raise Unavailable(_("the agent cannot be asked now: Redis does not answer; try again")) from error


def _bound(key: str, most: int, whom: Text) -> None:
    try:
        with client().pipeline() as pipe:
            pipe.incr(key)
            pipe.expire(key, 60, nx=True)
            count = int(pipe.execute()[0])
    except redis.RedisError as error:
        raise Unavailable(_("the agent cannot be asked now: Redis does not answer; try again")) from error
    if count > most:
        raise TooMany(
            _("%(whom)s may be asked %(most)s times a minute: wait a moment") % {"whom": whom, "most": most},
            retry_after_s=60,
        )
