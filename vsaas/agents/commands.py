"""Command documents: what an agent is to do, numbered and signed; the newest one holds."""

import logging
from collections.abc import Sequence
from functools import partial
from uuid import UUID

import redis
from django.db import transaction

from protocol.command import AgentSettings, CameraOrder
from protocol.command import CommandDocument as Document
from vsaas.agents.errors import AgentUnknown
from vsaas.agents.models import Agent, CommandDocument
from vsaas.agents.updates import wanted_of
from vsaas.common import clock
from vsaas.common.redis import client
from vsaas.keys.services import newest_statement_number, sign_command

logger = logging.getLogger(__name__)

NEWS_COMMAND = b"command"
NEWS_REVOKED = b"revoked"
NEWS_ORDER = b"order "
"""Followed by the signed order (`protocol.order`), which is stored nowhere."""
NEWS_MOVED = b"moved "
"""Followed by the id of the hub at which the agent has just connected."""


def channel_of(agent_id: UUID) -> str:
    """The pub/sub channel on which the hub hears news for an agent: one of the words above."""
    return f"vsaas:agent:{agent_id}"


def issue_command(agent: Agent, cameras: Sequence[CameraOrder], *, skip: int = 0) -> int:
    """Signs and stores the agent's next command document and tells the hub once this transaction commits.

    `cameras`: all of the agent's cameras, not the changed ones alone. `skip`: numbers to leave out, which the agent may
    have seen on documents that were lost here. Returns the number.
    """
    # Two changes at once must not sign the same number: the second waits here for the first to commit.
    Agent.objects.select_for_update().get(id=agent.id)
    number = newest_command_number(agent.id) + 1 + skip
    document = Document(
        tenant=agent.tenant_id,
        agent=agent.id,
        number=number,
        issued_us=clock.now_us(),
        cameras=tuple(cameras),
        settings=AgentSettings(update=wanted_of(agent)),
        statement_number=newest_statement_number(agent.tenant_id),
    )
    signed = sign_command(agent.tenant_id, document.payload())
    CommandDocument.objects.create(agent=agent, number=number, signed=signed, issued_at=clock.now())
    announce(agent.id, NEWS_COMMAND)
    return number


def current_command(agent_id: UUID) -> bytes:
    """The newest command document of an agent, signed. Raises AgentUnknown when it was never given one."""
    row = CommandDocument.objects.filter(agent_id=agent_id).order_by("-number").first()
    if row is None:
        raise AgentUnknown("this agent has no command document: enrol it with a new code")
    return bytes(row.signed)


def newest_command_number(agent_id: UUID) -> int:
    """Number of the agent's newest command document, 0 when there is none."""
    rows = CommandDocument.objects.filter(agent_id=agent_id).order_by("-number")
    return rows.values_list("number", flat=True).first() or 0


def announce(agent_id: UUID, news: bytes) -> None:
    """Tells the hub, once this transaction commits, that there is news for an agent."""
    transaction.on_commit(partial(_publish, agent_id, news))


def _publish(agent_id: UUID, news: bytes) -> None:
    try:
        client().publish(channel_of(agent_id), news)
    except redis.RedisError as error:
        # The change itself is stored: the agent hears of it in its next batch reply, and the hub checks again.
        logger.warning("news for agent %s not announced: Redis does not answer (%s)", agent_id, error)
