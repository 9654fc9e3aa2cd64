"""Real services for a test run, shared by its workers: started by whoever needs them first, ended with the run.

Each set of services lives in a helper process (`python -m tests.services NAME`), which ends them when the process that
began the run has let go of its lock, however it ended.
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import IO

from tests import environment
from vsaas.onebox.processes import Identity, wait_until

ROOT = Path(__file__).resolve().parent.parent
TEMPLATES = ("vsaas_template", "vsaas_keys_template")
_held: list[IO[bytes]] = []


def hold_run() -> None:
    """Called by the process that began the run: services live while it holds this lock."""
    handle = open(environment.folder() / "run.lock", "wb")  # noqa: SIM115  held until the process ends
    fcntl.flock(handle, fcntl.LOCK_EX)
    os.set_inheritable(handle.fileno(), False)
    _held.append(handle)


def end_run() -> None:
    """Let go of the lock and wait until the services have ended."""
    for handle in _held:
        handle.close()
    _held.clear()
    for pid_file in environment.folder().glob("*.pid"):
        helper = Identity.of(int(pid_file.read_text()))
        if helper is not None and not wait_until(lambda helper=helper: not helper.alive(), 60):
            raise RuntimeError(f"the helper of {pid_file.stem} (process {helper.pid}) does not end")


def ensure(name: str) -> None:
    """Return when the services called `name` ("database", "s3") run; starts them when nobody has."""
    folder = environment.folder()
    with open(folder / f"{name}.lock", "wb") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / f"{name}.ready").exists():
            return
        log = folder / f"{name}.log"
        with log.open("wb") as out:
            helper = subprocess.Popen(
                [sys.executable, "-m", "tests.services", name],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=out,
                start_new_session=True,
            )
        assert helper.stdout is not None
        said = helper.stdout.readline()
        helper.stdout.close()
        if said != b"ready\n":
            helper.wait()
            raise RuntimeError(f"the services {name!r} did not start: {log.read_text()[-3000:]}")
        (folder / f"{name}.pid").write_text(str(helper.pid))
        (folder / f"{name}.ready").touch()
        helper.returncode = 0  # it outlives us: Popen must not complain that nobody waited for it


def start_database() -> Callable[[], None]:
    """PostgreSQL with migrated template databases, and Valkey."""
    postgres, valkey = environment.postgres(), environment.valkey()
    postgres.start()
    postgres.ensure_roles(TEMPLATES)
    valkey.start()
    variables = {f"VSAAS_{name}": value for name, value in environment.variables().items()}
    for prefix, role in (("", "vsaas_app"), ("OWNER_", "vsaas_owner")):
        variables[f"VSAAS_{prefix}DATABASE_URL"] = postgres.url(role, TEMPLATES[0])
        variables[f"VSAAS_{prefix}KEYS_DATABASE_URL"] = postgres.url(role, TEMPLATES[1])
    migrate = [sys.executable, "-W", "error", "manage.py", "migrate", "--skip-checks", "--verbosity", "0"]
    subprocess.run(migrate, cwd=ROOT, env=os.environ | variables, check=True, stdout=sys.stderr)

    def stop() -> None:
        valkey.stop()
        postgres.stop()

    return stop


def start_s3() -> Callable[[], None]:
    """versitygw, with the credentials of the settings."""
    from vsaas.onebox.gobuild import VERSITYGW, build
    from vsaas.onebox.processes import Program

    variables = environment.variables()
    folder = environment.folder() / "s3"
    for name in ("data", "versions"):
        (folder / name).mkdir(parents=True)
    address = variables["S3_ENDPOINT"].removeprefix("http://")
    command = [str(build(VERSITYGW)), "--port", address, "--region", variables["S3_REGION"], "--quiet"]
    program = Program(
        "versitygw",
        [*command, "posix", "--versioning-dir", str(folder / "versions"), str(folder / "data")],
        env={
            "PATH": "/usr/bin:/bin",
            "ROOT_ACCESS_KEY": variables["S3_ACCESS_KEY"],
            "ROOT_SECRET_KEY": variables["S3_SECRET_KEY"],
        },
        log=folder / "server.log",
    )
    program.start()
    program.wait_ready(lambda: _listens(address), 30)
    return program.stop


def _listens(address: str) -> bool:
    import socket

    host, _, port = address.partition(":")
    try:
        socket.create_connection((host, int(port)), timeout=1).close()
    except OSError:
        return False
    return True


STARTERS = {"database": start_database, "s3": start_s3}


def serve(name: str) -> None:
    """The helper process: start, say so, wait for the end of the run, stop."""
    stop = STARTERS[name]()
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.close(1)
    try:
        with open(environment.folder() / "run.lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)  # waits while the run lasts
    finally:
        stop()


if __name__ == "__main__":
    serve(sys.argv[1])
