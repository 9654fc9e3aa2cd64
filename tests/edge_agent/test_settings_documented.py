"""Every setting of the agent stands in docs/agent.md."""

from __future__ import annotations

import re
from pathlib import Path

from edge_agent import settings

ROOT = Path(__file__).parents[2]
# By these the package's command tells the agent what it is called there: nobody sets them.
BY_THE_PACKAGE = {"VSAAS_AGENT_COMMAND", "VSAAS_AGENT_START"}


def test_every_setting_stands_in_the_documentation_by_both_its_names() -> None:
    page = (ROOT / "docs" / "agent.md").read_text()
    rows = {line.split("|")[1].strip(): line for line in page.splitlines() if line.startswith("| `")}
    missing = [
        name for name in settings._NAMES if f"`VSAAS_AGENT_{name.upper()}`" not in rows.get(f"`{name}`", "")
    ]
    assert missing == []


def test_every_variable_the_agent_reads_stands_in_the_documentation() -> None:
    page = (ROOT / "docs" / "agent.md").read_text()
    read = {
        variable
        for path in (ROOT / "edge_agent").rglob("*.py")
        for variable in re.findall(r"\"(VSAAS_AGENT_[A-Z_]+[A-Z])\"", path.read_text())
    }
    assert "VSAAS_AGENT_CONFIG" in read
    assert {one for one in read - BY_THE_PACKAGE if one not in page} == set()
