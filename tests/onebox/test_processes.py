import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vsaas.onebox.errors import OneboxError
from vsaas.onebox.processes import Identity, Program, stop_identity, wait_until

DEAF = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(600)"
PARENT = """
import sys, time
from pathlib import Path
from vsaas.onebox.processes import Program
program = Program("child", ["/bin/sleep", "600"], env={}, log=Path(sys.argv[1]))
program.start()
print(program.pid, flush=True)
time.sleep(600)
"""


@pytest.fixture
def sleeper(folder: Path) -> Iterator[Program]:
    program = Program("sleeper", ["/bin/sleep", "600"], env={}, log=folder / "log")
    program.start()
    yield program
    program.stop()


def test_a_process_is_known_again_by_more_than_its_number(sleeper: Program) -> None:
    found = Identity.of(sleeper.pid)
    assert found is not None
    assert found.alive()
    assert not Identity(found.pid, "another boot:1").alive()


def test_a_process_with_the_same_number_that_is_not_ours_is_left_alone(sleeper: Program) -> None:
    stop_identity(Identity(sleeper.pid, "another boot:1"))
    assert sleeper.running()


def test_one_that_ignores_the_request_is_killed(folder: Path) -> None:
    log = folder / "log"
    program = Program("deaf", [sys.executable, "-c", DEAF], env={}, log=log)
    program.start()
    program.wait_ready(lambda: "up" in log.read_text(), 20)
    child = Identity.of(program.pid)
    assert child is not None
    stop_identity(child, signal.SIGTERM, patience_seconds=0.3)
    assert not child.alive()
    program.stop()


def test_a_child_ends_when_its_parent_is_killed(folder: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(folder / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child = Identity.of(int(parent.stdout.readline()))
        assert child is not None
        os.kill(parent.pid, signal.SIGKILL)
    assert wait_until(lambda: not child.alive(), 20)


def test_one_that_ends_at_once_is_reported_with_its_last_words(folder: Path) -> None:
    program = Program("short", ["/bin/sh", "-c", "echo no such disk; exit 3"], env={}, log=folder / "log")
    program.start()
    with pytest.raises(
        OneboxError, match=r"cannot start short: it ended with status 3; .* ends with: no such disk"
    ):
        program.wait_ready(lambda: False, 20)


def test_a_program_that_is_not_there_is_named(folder: Path) -> None:
    program = Program("ghost", [str(folder / "ghost")], env={}, log=folder / "log")
    with pytest.raises(OneboxError, match=r"cannot start ghost: No such file or directory \(.*/ghost\)"):
        program.start()
