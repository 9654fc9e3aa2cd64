"""Period keys opened for a release, kept in memory for a few seconds and nowhere else.

A player asks for the next two minutes again and again; without this, each request would open the same envelopes.
"""

import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from sealing.keys import PeriodKey, RecScope

KEPT_S = 10.0
KEPT_AT_MOST = 2000


@dataclass(frozen=True)
class OpenedKey:
    """A period key, and the camera, rendition class and period its envelope was bound to."""

    scope: RecScope
    key: PeriodKey


class PeriodKeys:
    """Opened keys by tenant and key id. A key is dropped `kept_s` seconds after it was opened, asked for again or not."""

    def __init__(self, kept_s: float = KEPT_S) -> None:
        self._kept_s = kept_s
        self._kept: dict[tuple[UUID, bytes], tuple[float, OpenedKey]] = {}
        self._lock = threading.Lock()
        self._sweeper: threading.Timer | None = None

    def recall(self, tenant_id: UUID, key_id: bytes) -> OpenedKey | None:
        """A key opened by this process a moment ago, or None."""
        with self._lock:
            until, opened = self._kept.get((tenant_id, key_id), (0.0, None))
        return opened if until > time.monotonic() else None

    def keep(self, tenant_id: UUID, opened: OpenedKey) -> None:
        """Remembers an opened key for a moment; when there are too many, not at all."""
        with self._lock:
            if len(self._kept) < KEPT_AT_MOST:
                self._kept[(tenant_id, opened.key.key_id)] = (time.monotonic() + self._kept_s, opened)
            self._plan_sweep()

    def forget(self, tenant_id: UUID, key_ids: Iterable[bytes]) -> None:
        """Drops keys at once (they were destroyed)."""
        with self._lock:
            for key_id in key_ids:
                self._kept.pop((tenant_id, key_id), None)

    def __len__(self) -> int:
        return len(self._kept)

    def _plan_sweep(self) -> None:
        if self._sweeper is None and self._kept:
            self._sweeper = threading.Timer(self._kept_s, self._sweep)
            self._sweeper.daemon = True
            self._sweeper.start()

    def _sweep(self) -> None:
        with self._lock:
            now = time.monotonic()
            self._kept = {name: entry for name, entry in self._kept.items() if entry[0] > now}
            self._sweeper = None
            self._plan_sweep()


period_keys = PeriodKeys()
