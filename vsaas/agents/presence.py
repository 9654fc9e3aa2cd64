"""Where Redis says that an agent's control socket is open, and at which hub."""

from __future__ import annotations

from uuid import UUID

import redis
from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import Unavailable
from vsaas.common.redis import client


def presence_key(agent: UUID) -> str:
    """Holds the id of the hub; written by the hub and gone soon after the socket is."""
    return f"vsaas:agent-present:{agent}"


def is_present(agent: UUID) -> bool:
    """Whether the agent is connected now. Raises Unavailable without Redis."""
    try:
        return bool(client().exists(presence_key(agent)))
    except redis.RedisError as error:
        raise Unavailable(_("the agent cannot be asked now: Redis does not answer; try again")) from error
