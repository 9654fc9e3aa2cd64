"""Finding the agent an operator names at the command line."""

from uuid import UUID

from vsaas.agents.models import Agent
from vsaas.common.errors import Conflict, NotFound


def agent_named(text: str) -> Agent:
    """The agent of the current tenant with this id or name. Raises NotFound, or Conflict when several share the name."""
    try:
        rows = Agent.objects.filter(id=UUID(text))
    except ValueError:
        rows = Agent.objects.filter(name=text, revoked_at=None)
    found = list(rows.select_related("site")[:2])
    if not found:
        raise NotFound(f"there is no agent {text!r}")
    if len(found) > 1:
        raise Conflict(f"several agents are called {text!r}: give the id")
    return found[0]
