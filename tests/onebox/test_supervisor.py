import os
import shutil
import signal
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout
from vsaas.onebox.processes import Identity, wait_until
from vsaas.onebox.supervisor import Service, Supervisor
from vsaas.onebox.watch import changes

SECRET = "k%s,'=;# ey"
COUNTER = "import os, time; print('secret', os.environ['SECRET'], flush=True); time.sleep(600)"


def python(name: str, code: str) -> Service:
    return Service(name, [sys.executable, "-c", code], {"SECRET": SECRET})


@pytest.fixture
def supervisor(folder: Path) -> Iterator[Supervisor]:
    layout = Layout(folder)
    layout.make()
    made = Supervisor(layout)
    made.start([python("counter", COUNTER), python("broken", "raise SystemExit('no disk')")])
    yield made
    made.stop()
    shutil.rmtree(layout.run)


def started(supervisor: Supervisor, name: str) -> bool:
    log = supervisor.layout.log(name)
    return log.exists() and "secret" in log.read_text()


def pid(supervisor: Supervisor, name: str) -> int:
    return supervisor.states()[name].pid


def test_a_program_gets_its_environment_and_it_stands_on_no_command_line(supervisor: Supervisor) -> None:
    supervisor.start_services({"counter": lambda: started(supervisor, "counter")})
    assert f"secret {SECRET}" in supervisor.layout.log("counter").read_text()
    assert SECRET not in Path(f"/proc/{pid(supervisor, 'counter')}/cmdline").read_text()
    assert stat.S_IMODE(supervisor.config.stat().st_mode) == 0o600
    assert stat.S_IMODE(supervisor.layout.log("counter").stat().st_mode) == 0o600
    assert stat.S_IMODE(supervisor.socket.stat().st_mode) == 0o700


def test_one_that_is_killed_is_started_again_and_that_is_said(supervisor: Supervisor) -> None:
    supervisor.start_services({"counter": lambda: supervisor.is_running("counter")})
    before = supervisor.states()
    os.kill(before["counter"].pid, signal.SIGKILL)
    assert wait_until(lambda: pid(supervisor, "counter") not in (0, before["counter"].pid), 20)
    now = supervisor.states()
    assert changes(before, now) == [f"counter ended and was started again (now process {now['counter'].pid})"]


def test_one_that_keeps_ending_is_reported_with_its_last_words(supervisor: Supervisor) -> None:
    with pytest.raises(OneboxError, match=r"cannot start broken: it ended .* ends with: no disk"):
        supervisor.start_services({"broken": lambda: False})


def test_everything_ends_when_the_supervisor_is_killed(supervisor: Supervisor) -> None:
    supervisor.start_services({"counter": lambda: started(supervisor, "counter")})
    child = Identity.of(pid(supervisor, "counter"))
    assert child is not None
    os.kill(supervisor.program.pid, signal.SIGKILL)
    assert wait_until(lambda: not child.alive(), 20)
    assert supervisor.states() == {}


def test_stopping_ends_every_program_and_removes_the_file_with_the_secrets(supervisor: Supervisor) -> None:
    supervisor.start_services({"counter": lambda: started(supervisor, "counter")})
    child = Identity.of(pid(supervisor, "counter"))
    assert child is not None
    supervisor.stop()
    assert not child.alive()
    assert not supervisor.config.exists()


def test_it_is_recognised_among_the_processes_it_runs(supervisor: Supervisor) -> None:
    supervisor.start_services({"counter": lambda: started(supervisor, "counter")})
    assert set(supervisor.identities()) == {"supervisor", "counter"}
    assert all(process.alive() for process in supervisor.identities().values())
