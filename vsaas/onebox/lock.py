"""One `make up` per checkout, and what is left of one that was killed."""

import fcntl
import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout
from vsaas.onebox.passwords import write_private
from vsaas.onebox.processes import Identity, stop_identity, wait_until


@contextmanager
def only_one(layout: Layout) -> Iterator[None]:
    """Holds the checkout's lock; raises when another `make up` holds it. The kernel lets go when we die."""
    handle = os.open(_lock_file(layout), os.O_RDWR | os.O_CREAT, 0o600)
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OneboxError(
                f"`make up` already runs in {layout.root}: its address is in {layout.up_json}; "
                "to stop it: make down; to run a second system: use another checkout with another PORT="
            ) from None
        me = Identity.of(os.getpid())
        assert me is not None, "this process lives"
        os.ftruncate(handle, 0)
        os.pwrite(handle, json.dumps(asdict(me)).encode(), 0)
        yield
    finally:
        os.close(handle)


def holder(layout: Layout) -> Identity | None:
    """The running `make up` of this checkout, or None."""
    try:
        handle = os.open(_lock_file(layout), os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        text = os.pread(handle, 4096, 0)
        return Identity(**json.loads(text)) if text else None
    finally:
        os.close(handle)
    return None


def stop_holder(layout: Layout, patience_seconds: float = 120) -> bool:
    """Asks the running `make up` to stop and waits till it has; False when none runs."""
    running = holder(layout)
    if running is None:
        return False
    running.send(signal.SIGTERM)
    if not wait_until(lambda: not running.alive(), patience_seconds):
        raise OneboxError(
            f"`make up` (process {running.pid}) did not stop in {patience_seconds:g} s; see {layout.logs}"
        )
    return True


def record(layout: Layout, processes: dict[str, Identity]) -> None:
    """Keeps which processes are ours, so that the next start knows them again."""
    write_private(_record_file(layout), {name: asdict(process) for name, process in processes.items()})


def stop_recorded(layout: Layout) -> list[str]:
    """Stops what is left of a `make up` that was killed, supervisor first; returns their names."""
    file = _record_file(layout)
    if not file.exists():
        return []
    known = {name: Identity(**entry) for name, entry in json.loads(file.read_text()).items()}
    left = {name: process for name, process in known.items() if process.alive()}
    for name in sorted(left, key=lambda name: name != "supervisor"):
        stop_identity(left[name], signal.SIGINT if name == "postgres" else signal.SIGTERM, 60)
    file.unlink()
    return sorted(left)


def _lock_file(layout: Layout) -> Path:
    return layout.var / "up.lock"


def _record_file(layout: Layout) -> Path:
    return layout.var / "processes.json"
