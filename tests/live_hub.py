"""The hub as a process of its own, on this worker's databases, started as in production."""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import environment
from vsaas.onebox.processes import Program

ROOT = Path(__file__).resolve().parent.parent


# As the command line of uvicorn below, with the clock that many seconds ahead.
AHEAD = """
import datetime, sys, uvicorn
from vsaas.common import clock
with clock.shifted(datetime.timedelta(seconds=float(sys.argv[1]))):
    uvicorn.run("vsaas.live.asgi:application", port=int(sys.argv[2]), ws="websockets-sansio", ws_per_message_deflate=False)
"""


@contextmanager
def running_hub(public_url: str = environment.PUBLIC_URL, ahead_s: float = 0) -> Iterator[str]:
    """Runs the hub until the block ends; gives its address, which is the portal's VSAAS_LIVE_URL. `public_url`: where the
    pages that may watch come from; `ahead_s`: by how much its clock is ahead."""
    port = environment.live_port()
    program = start_hub(port, public_url, ahead_s)
    try:
        yield f"ws://127.0.0.1:{port}"
    finally:
        program.stop()


def start_hub(port: int, public_url: str = environment.PUBLIC_URL, ahead_s: float = 0) -> Program:
    """A hub that listens at `port`; whatever the port, its public address is the portal's VSAAS_LIVE_URL."""
    assert not _listens(port), f"port {port} is another hub's: a test would speak to that one"
    command = [sys.executable, "-m", "uvicorn", "vsaas.live.asgi:application", "--port", str(port)]
    sockets = ["--ws", "websockets-sansio", "--ws-per-message-deflate", "false"]
    if ahead_s:
        command, sockets = [sys.executable, "-c", AHEAD, str(ahead_s), str(port)], []
    settings = {f"VSAAS_{name}": value for name, value in environment.variables().items()}
    paths = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "vsaas.settings"}
    program = Program(
        "the live hub",
        [*command, *sockets],
        env=paths | settings | {"VSAAS_PUBLIC_URL": public_url},
        log=environment.folder() / f"hub-{environment.worker()}-{port}.log",
    )
    program.start()
    program.wait_ready(lambda: _listens(port), 60)
    return program


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
