"""A copy of this checkout in which `make up` runs, for tests."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any

from tests.environment import free_port
from vsaas.onebox.layout import HOST
from vsaas.onebox.processes import wait_until

ROOT = Path(__file__).parents[2]
LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", "var", "var.*", "backups", "node_modules", "__pycache__", ".*_cache", ".hypothesis"
)
UP_SECONDS = 300
DOWN_SECONDS = 150


class Checkout:
    """A copy of the working tree with this one's virtual environment and built front end; data of its own."""

    def __init__(self) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="vsaas-up-")) / "checkout"
        shutil.copytree(ROOT, self.root, ignore=LEFT_OUT)
        (self.root / ".venv").symlink_to(ROOT / ".venv")
        self.port = four_free_ports()
        self.output = self.root.parent / "output"
        self.process: subprocess.Popen[str] | None = None

    def make(self, target: str, *, given: str = "", **variables: str) -> "subprocess.CompletedProcess[str]":
        """Runs one make target to its end."""
        return subprocess.run(
            self._command(target),
            env=self._environment(variables),
            input=given,
            capture_output=True,
            text=True,
        )

    def up(self, **variables: str) -> dict[str, Any]:
        """Starts `make up` and returns its up.json once it has said that everything runs."""
        if self.process is not None:
            self.process.wait(DOWN_SECONDS)
        out: IO[str]
        with self.output.open("w") as out:
            self.process = subprocess.Popen(
                self._command("up"),
                env=self._environment(variables),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            )
        assert wait_until(lambda: self.said("Ctrl-C") or self.process.poll() is not None, UP_SECONDS), (
            self.printed()
        )
        assert self.process.poll() is None, self.printed()
        return self.up_json()

    def interrupt(self) -> int:
        """Ctrl-C, as a terminal sends it: to make and all it runs; returns make's exit status."""
        assert self.process is not None
        os.killpg(self.process.pid, signal.SIGINT)
        return self.process.wait(DOWN_SECONDS)

    def supervisor(self) -> int:
        """Process number of the running `python -m vsaas.onebox up`."""
        number: int = json.loads((self.root / "var" / "up.lock").read_text())["pid"]
        return number

    def processes(self) -> dict[str, int]:
        """Process numbers of what runs, by name."""
        known = json.loads((self.root / "var" / "processes.json").read_text())
        return {name: entry["pid"] for name, entry in known.items()}

    def up_json(self) -> dict[str, Any]:
        """What `make up` tells tools."""
        content: dict[str, Any] = json.loads((self.root / "var" / "up.json").read_text())
        return content

    def printed(self) -> str:
        """Everything `make up` printed so far."""
        return self.output.read_text()

    def said(self, words: str) -> bool:
        """Whether `make up` printed these words."""
        return words in self.printed()

    def remove(self) -> None:
        """Stops everything and deletes the copy."""
        self.make("down")
        if self.process is not None:
            self.process.wait(DOWN_SECONDS)
        self.make("clean", FORCE="1")
        shutil.rmtree(self.root.parent)

    def _command(self, target: str) -> list[str]:
        return ["make", "--no-print-directory", "-C", str(self.root), target, f"PYTHON={sys.executable}"]

    def _environment(self, variables: dict[str, str]) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("VSAAS_", "MAKE", "DJANGO"))
        }
        for name in (
            "CAMERA",
            "CAMERAS",
            "FORCE",
            "TESTS",
            "TLS",
            "PUBLIC_URL",
            "TO",
            "FROM",
            "WITH_FOOTAGE",
            "PASSPHRASE_FILE",
        ):
            kept.pop(name, None)
        return kept | {"PORT": str(self.port)} | variables


def four_free_ports() -> int:
    """A port that is free, with the three after it."""
    while True:
        port = free_port()
        if all(_free(port + offset) for offset in range(4)):
            return port


def _free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True
