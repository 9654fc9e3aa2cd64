"""A clean Debian with its own systemd, made by mmdebstrap and booted by systemd-nspawn; it shares this machine's network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.edge_agent.box import wait_for

RELEASE = "bookworm"
PYTHON = "3.11"
INCLUDED = "systemd,systemd-sysv,python3,ca-certificates"
KEPT = Path.home() / ".cache" / "vsaas" / "roots"
PROGRAMS = {"mmdebstrap": "mmdebstrap", "systemd-nspawn": "systemd-container", "nsenter": "util-linux"}


def clean_root() -> Path:
    """An archive of a minimal Debian, made once per machine. Skips where it cannot be made."""
    for program, package in PROGRAMS.items():
        if shutil.which(program) is None:
            pytest.skip(f"{program} is missing: apt-get install {package}")
    if os.geteuid() != 0:
        pytest.skip("only root may boot a clean root")
    archive = KEPT / f"debian-{RELEASE}.tar"
    if not archive.exists():
        KEPT.mkdir(parents=True, exist_ok=True)
        begun = archive.with_suffix(f".{os.getpid()}.tar")
        command = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={INCLUDED}", RELEASE, str(begun)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        begun.rename(archive)
    return archive


class Machine:
    """`run` runs a command inside, as root, and returns its output; `root` is its file system seen from outside."""

    def __init__(self, root: Path, log: Path) -> None:
        self.root, self.log = root, log
        with log.open("wb") as out:
            self._nspawn = subprocess.Popen(
                [
                    "systemd-nspawn",
                    "--quiet",
                    "--directory",
                    str(root),
                    "--register=no",
                    f"--machine=vsaas-{os.getpid()}",
                    "--keep-unit",
                    "--boot",
                    "--console=pipe",
                ],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
            )
        wait_for(self._booted, 120, what="the boot of the clean machine")

    @property
    def _init(self) -> str:
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return children[0] if children else ""

    def _booted(self) -> bool:
        assert self._nspawn.poll() is None, self.log.read_text(errors="replace")
        if not self._init:
            return False
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def run(self, *command: str, check: bool = True, stdin: str = "") -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [
                "nsenter",
                "--target",
                self._init,
                "--mount",
                "--uts",
                "--ipc",
                "--pid",
                "--cgroup",
                "--root",
                "--wd=/",
                "env",
                "-i",
                "PATH=/usr/sbin:/usr/bin",
                "LANG=C.UTF-8",
                *command,
            ],
            input=stdin,
            capture_output=True,
            text=True,
            check=False,
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done

    def stop(self) -> None:
        if self._nspawn.poll() is None:
            self.run("systemctl", "poweroff", "--no-block", check=False)
        try:
            self._nspawn.wait(30)
        except subprocess.TimeoutExpired:
            self._nspawn.kill()
            self._nspawn.wait()


@contextmanager
def clean_machine(folder: Path) -> Iterator[Machine]:
    """A booted clean Debian, gone afterwards."""
    root = folder / "root"
    root.mkdir()
    subprocess.run(["tar", "--extract", "--file", str(clean_root()), "--directory", str(root)], check=True)
    machine = Machine(root, folder / "boot.log")
    try:
        yield machine
    finally:
        machine.stop()
