"""The agent as people run it: a process of its own, killed and started again at will."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[2]


class AgentProcess:
    """`python -m edge_agent run` on a state folder. Its log is kept in `log`."""

    def __init__(self, state: Path, log: Path, environment: dict[str, str] | None = None) -> None:
        self.state, self.log = state, log
        self._environment = {**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "edge_agent", "run", "--state", str(self.state)],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=self._environment,
            )

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    @property
    def running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """kill -9, wherever it is."""
        assert self._process is not None
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self, seconds: float = 20.0) -> int:
        """SIGTERM; returns the exit code."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(seconds)

    def text(self) -> str:
        return self.log.read_text(errors="replace")


@contextmanager
def agent_process(state: Path, log: Path, **environment: str) -> Iterator[AgentProcess]:
    """A started agent that is gone afterwards, whatever happened."""
    process = AgentProcess(state, log, environment)
    process.start()
    try:
        yield process
    finally:
        if process.running:
            process.kill()
