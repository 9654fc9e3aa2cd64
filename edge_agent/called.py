"""How people call this program on this box, for texts that tell them what to type. A package says so by environment."""

from __future__ import annotations

import os
import sys


def command() -> str:
    """The command line's beginning."""
    alone = sys.argv[0] if sys.argv[0].endswith(".pyz") else ""
    return os.environ.get("VSAAS_AGENT_COMMAND") or alone or "python -m edge_agent"


def start_command() -> str:
    """What starts recording."""
    return os.environ.get("VSAAS_AGENT_START", f"{command()} run")
