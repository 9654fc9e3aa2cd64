"""Whether this process can work: the parts it stands on, each asked within a short time.

Strangers learn yes or no (`/readyz`); which part it is stands in the log and in `manage.py health`. Worker and beat have
no address of their own: they leave the time of their last sign of life in Redis.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from django.db import connections

from vsaas.common import clock
from vsaas.common.object_store import object_store
from vsaas.common.redis import client

logger = logging.getLogger(__name__)

PATIENCE_S = 2.0
FRESH_S = 1.0
"""An answer is given again for this long: whoever asks more often costs nothing."""
PULSE_S = 10
SILENT_S = 3 * PULSE_S
PULSE_KEY = "vsaas:pulse:"
DATABASE, KEY_STORE, REDIS, BUCKET = "database", "key store", "redis", "bucket"
WORKER, BEAT = "worker", "beat"


def _ask_database(alias: str) -> None:
    try:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    finally:
        connections[alias].close()  # back to the pool: this thread is not a request's


def _ask_redis() -> None:
    client().ping()


def _ask_bucket() -> None:
    object_store().check()


PARTS: dict[str, Callable[[], None]] = {
    DATABASE: lambda: _ask_database("default"),
    KEY_STORE: lambda: _ask_database("keys"),
    REDIS: _ask_redis,
    BUCKET: _ask_bucket,
}


@dataclass
class _Part:
    """One part and the last that was heard of it. `asking`: a question is under way, perhaps for long."""

    name: str
    ask: Callable[[], None]
    asking: bool = False
    answered: threading.Event = field(default_factory=threading.Event)
    well: bool = False
    why: str = "not asked yet"
    at_s: float = -1e9


class Readiness:
    """Asks its parts at the same time. A part that hangs holds one thread, however often one asks."""

    def __init__(self, parts: Sequence[str] = tuple(PARTS)) -> None:
        self._parts = [_Part(name, PARTS[name]) for name in parts]
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(max_workers=len(self._parts), thread_name_prefix="health")
        self._was_ready: bool | None = None

    def troubles(self) -> dict[str, str]:
        """The parts that do not answer, with the reason; empty when all is well. Takes PATIENCE_S at most."""
        end_s = time.monotonic() + PATIENCE_S
        with self._lock:
            for part in self._parts:
                if not part.asking and time.monotonic() - part.at_s > FRESH_S:
                    part.asking = True
                    part.answered.clear()
                    self._threads.submit(self._ask, part)
        found: dict[str, str] = {}
        for part in self._parts:
            if not part.answered.wait(max(0.0, end_s - time.monotonic())):
                found[part.name] = f"no answer within {PATIENCE_S:g} s"
            elif not part.well:
                found[part.name] = part.why
        self._note(found)
        return found

    def _ask(self, part: _Part) -> None:
        try:
            part.ask()
            part.well, part.why = True, ""
        except Exception as error:  # noqa: BLE001  whatever it is: this part cannot be used now
            part.well, part.why = False, f"{type(error).__name__}: {error}".strip()[:300]
        part.at_s, part.asking = time.monotonic(), False
        part.answered.set()

    def _note(self, found: dict[str, str]) -> None:
        """One log line when it changes, not one a question."""
        ready = not found
        if ready == self._was_ready:
            return
        if not ready:
            logger.error("not ready: %s", "; ".join(f"{name}: {why}" for name, why in found.items()))
        elif self._was_ready is not None:
            logger.warning("ready again")
        self._was_ready = ready


_lock = threading.Lock()
_readiness: dict[tuple[str, ...], Readiness] = {}


def readiness(parts: Sequence[str] = tuple(PARTS)) -> Readiness:
    """This process's one, for these parts."""
    with _lock:
        return _readiness.setdefault(tuple(parts), Readiness(parts))


def pulse(name: str) -> None:
    """Leaves a sign of life of `name` (WORKER, BEAT)."""
    client().set(PULSE_KEY + name, clock.now_us())


def silent_s(name: str) -> float | None:
    """Seconds since the last sign of life of `name`; None when there was none."""
    value = client().get(PULSE_KEY + name)
    return None if value is None else (clock.now_us() - int(value)) / 1e6
