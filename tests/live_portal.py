"""The portal as a process of its own, on this worker's databases, started as in production."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import httpx
from django.db import connections

from tests import environment
from tests.live_hub import ROOT
from vsaas.onebox.processes import Program

T = TypeVar("T")


class Portal:
    """A portal that can be stopped and started again at the same address. `changes`: settings unlike the tests' own;
    `module`: where Django finds the rest."""

    def __init__(self, module: str = "tests.settings", **changes: str) -> None:
        self.module = module
        self.port = environment.free_port()
        self.address = f"http://127.0.0.1:{self.port}"
        self.changes = {"PUBLIC_URL": self.address} | changes
        self.program: Program | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "uvicorn", "vsaas.asgi:application", "--ws", "none"]
        settings = environment.variables() | self.changes
        paths = {
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(ROOT),
            "DJANGO_SETTINGS_MODULE": self.module,
        }
        self.program = Program(
            "the portal",
            [*command, "--port", str(self.port)],
            env=paths | {f"VSAAS_{name}": value for name, value in settings.items()},
            log=environment.folder() / f"portal-{environment.worker()}-{self.port}.log",
        )
        self.program.start()
        self.program.wait_ready(self._answers, 90)

    def stop(self) -> None:
        if self.program is not None:
            self.program.stop()
            self.program = None

    def _answers(self) -> bool:
        try:
            return httpx.get(f"{self.address}/healthz", timeout=5).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def running_portal(module: str = "tests.settings", **changes: str) -> Iterator[str]:
    """Runs a portal until the block ends; gives its address."""
    portal = Portal(module, **changes)
    portal.start()
    try:
        yield portal.address
    finally:
        portal.stop()


def aside(work: Callable[[], T]) -> T:
    """Runs what uses the database in a thread: Playwright's event loop runs in this one, where Django refuses to."""

    def run() -> T:
        try:
            return work()
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()
