"""Having an agent's command document issued anew. What it says of cameras is known above: that app registers how."""

from __future__ import annotations

from collections.abc import Callable

from vsaas.agents.models import Agent

_tellers: list[Callable[[Agent], int]] = []


def register_teller(teller: Callable[[Agent], int]) -> None:
    """Called once, at start, by the app that knows an agent's cameras."""
    _tellers[:] = [teller]


def tell(agent: Agent) -> int:
    """Issue the agent's next command document; returns its number."""
    return _tellers[0](agent)
