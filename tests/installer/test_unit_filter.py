"""What the agent's unit lets the process that looks at pictures do: step back behind the recorders, and give up files."""

from __future__ import annotations

import ctypes.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "installer/debian/vsaas-agent.service"
SEES = """
import os
from edge_agent.seeing import eye
from edge_agent.seeing.confine import confine
before = os.getpriority(os.PRIO_PROCESS, 0)
os.nice(10)
helped = confine()
try:
    with open("/etc/passwd"):
        opened = True
except PermissionError:
    opened = False
print(os.getpriority(os.PRIO_PROCESS, 0) - before, helped, opened)
"""


def seen(*before: str) -> list[str]:
    done = subprocess.run(
        [*before, sys.executable, "-c", SEES], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_under_the_unit_what_decodes_pictures_steps_back_and_opens_no_file() -> None:
    if shutil.which("systemd-analyze") is None or ctypes.util.find_library("seccomp") is None:
        pytest.skip("systemd-analyze or libseccomp is missing: apt-get install systemd libseccomp2")
    outside = seen()
    assert outside[0] == "10"
    inside = seen(sys.executable, "-m", "tests.installer.unit_filter", str(UNIT))
    assert inside == outside, "the unit takes away what the process needs to confine itself"
    if outside[1] == "True":
        assert inside[2] == "False"
