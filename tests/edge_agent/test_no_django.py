"""The agent runs with nothing of the cloud installed."""

from __future__ import annotations

import subprocess
import sys

from tests.edge_agent.process import ROOT

_PROGRAM = """
import importlib, pkgutil, sys

class Forbidden:
    names = ("django", "vsaas", "tenants", "rest_framework", "celery", "channels", "boto3", "redis", "psycopg",
             "pydantic", "numpy", "PIL")
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in self.names:
            raise ImportError(f"the agent must do without {name}")

sys.meta_path.insert(0, Forbidden())
import edge_agent
for module in pkgutil.walk_packages(edge_agent.__path__, "edge_agent."):
    if module.name != "edge_agent.__main__":
        importlib.import_module(module.name)
from edge_agent.__main__ import main
try:
    main(["status", "--state", sys.argv[1]])
except SystemExit as error:
    sys.exit(error.code)
"""


def test_every_module_of_the_agent_imports_without_the_cloud(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _PROGRAM, str(tmp_path / "none")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "not enrolled" in done.stderr
