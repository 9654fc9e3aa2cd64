"""Run as a program: changes a camera's password again and again, and is killed with SIGKILL right before or right after each
step that the journal writes down.

`python -m tests.edge_agent.killed_passwords STATE CAMERA SERVICE`. Each change is a fork that dies at one point, and a second one
that starts as after a power cut. Prints a line of JSON for each point: whether it was killed there, and whether the camera takes
the password the box then holds.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import uuid
from pathlib import Path

from edge_agent.capture.rtsp import Address
from edge_agent.cloud import Cloud
from edge_agent.identity import Identity
from edge_agent.orders import Orders
from edge_agent.passwords import journal
from edge_agent.passwords.changing import Passwords
from edge_agent.passwords.ways import Login, OnvifWay, load_ways
from protocol.passwords import ChangePassword

POINTS = [
    (state, when)
    for state in (
        journal.ASKED,
        journal.PLANNED,
        journal.SETTING,
        journal.SET,
        journal.VERIFIED,
        journal.REPORTED,
    )
    for when in ("before", "after")
]


def die_at(state: str, when: str) -> None:
    """`before` `set`: the camera has taken the password, and the box does not know yet."""
    put = journal.Journal.put

    def deadly(self: journal.Journal, entry: journal.Entry) -> journal.Entry:
        if (entry.state, when) == (state, "before"):
            os.kill(os.getpid(), signal.SIGKILL)
        done = put(self, entry)
        if (entry.state, when) == (state, "after"):
            os.kill(os.getpid(), signal.SIGKILL)
        return done

    journal.Journal.put = deadly  # type: ignore[method-assign]


async def live(state: Path, service: str, task: ChangePassword | None) -> bool:
    """Until nothing is open any more; returns whether the camera takes the password the box records with."""
    identity = Identity.load(state)
    orders = Orders.load(identity)
    passwords = Passwords(identity, orders, load_ways(""))
    if task is not None:
        passwords.take(task)
    async with Cloud(identity) as cloud:
        work = asyncio.create_task(passwords.run(cloud))
        async with asyncio.timeout(100):
            while passwords._journal.all():
                assert not work.done(), work.result()
                await orders.refresh(cloud)
                passwords._wake.set()
                await asyncio.sleep(0.01)
        work.cancel()
    source = orders.cameras()[0].source_main
    assert source is not None
    login = Address.of(source)
    return await OnvifWay().takes(Login(login.host, service, login.user, login.password))


def child(state: Path, service: str, task: ChangePassword | None, point: tuple[str, str] | None) -> int:
    """The exit code of one life: 0 when the password works, negative when it was killed."""
    pid = os.fork()
    if pid == 0:
        code = 3
        try:
            if point is not None:
                die_at(*point)
            code = 0 if asyncio.run(live(state, service, task)) else 2
        finally:
            if code == 3:
                sys.excepthook(*sys.exc_info())
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def main(state: Path, camera: uuid.UUID, service: str) -> int:
    os.environ["SSL_CERT_FILE"] = os.devnull  # no certificates to read anew in each life
    for point in POINTS:
        task = ChangePassword(uuid.uuid4(), camera, service)
        killed = child(state, service, task, point) == -signal.SIGKILL
        works = child(state, service, None, None) == 0
        print(
            json.dumps({"point": point, "change": str(task.change), "killed": killed, "works": works}),
            flush=True,
        )
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), uuid.UUID(sys.argv[2]), sys.argv[3]))
