"""How people call this program on this box, for texts that tell them what to type. A package says so by environment."""

from __future__ import annotations

import os


def command() -> str:
    """The command line's beginning."""
    return os.environ.get("VSAAS_AGENT_COMMAND", "python -m edge_agent")


def start_command() -> str:
    """What starts recording."""
    return os.environ.get("VSAAS_AGENT_START", f"{command()} run")
