"""The newest pictures of a stream that is not recorded now, held in memory in case something happens."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Iterator
from typing import Final

from edge_agent.capture.source import AccessUnit, PacketsLost

STREAM_BYTES_MOST: Final = 48 * 1024 * 1024
"""Of one stream: 30 s of 8 Mbit/s, a group of pictures more, and some room."""
BOX_BYTES_MOST: Final = 512 * 1024 * 1024
ITEM_BYTES: Final = 300
"""What holding one more takes beside its data."""
GROUP_S_MOST: Final = 120
"""Of a group that lasts longer nothing is held until the next key frame: else an event would bring all of it along."""

Held = AccessUnit | PacketsLost


def box_bytes_most() -> int:
    """What all streams together may hold: a quarter of the machine's memory at most."""
    return min(BOX_BYTES_MOST, os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4)


class PreRollMemory:
    """Memory shared by the pre-rolls of all streams: while it is full, none holds more than its equal share."""

    def __init__(self, bytes_most: int | None = None) -> None:
        self._bytes_most = box_bytes_most() if bytes_most is None else bytes_most
        self._held: dict[int, int] = {}
        self._total = 0
        self._lock = threading.Lock()

    def holds(self, key: int, size: int) -> int:
        """Note that `key` holds so many bytes; returns how many it may."""
        with self._lock:
            self._total += size - self._held.pop(key, 0)
            if size:
                self._held[key] = size
            if self._total <= self._bytes_most:
                return STREAM_BYTES_MOST
            return min(STREAM_BYTES_MOST, self._bytes_most // max(1, len(self._held)))

    @property
    def total(self) -> int:
        return self._total


class PreRoll:
    """Whole groups of pictures, each from its key frame on, with the sound that came along. Guarded by the caller."""

    def __init__(self, memory: PreRollMemory) -> None:
        self._memory = memory
        self._groups: deque[list[Held]] = deque()
        self._sizes: deque[int] = deque()
        self._bytes = 0

    def add(self, event: Held, seconds: int) -> None:
        """Hold the next event; what is older than `seconds` goes, but for the group that was under way then."""
        if isinstance(event, AccessUnit) and event.kind == "video" and event.sync:
            self._groups.append([event])
            self._sizes.append(0)
            self._forget_before(event.arrival_ns - seconds * 1_000_000_000)
        elif self._groups:
            self._groups[-1].append(event)
        else:
            return
        size = ITEM_BYTES
        if isinstance(event, AccessUnit):
            if event.arrival_ns - self._begin_of(-1) > GROUP_S_MOST * 1_000_000_000:
                self.clear()
                return
            size += len(event.data)
        self._sizes[-1] += size
        self._bytes += size
        most = self._memory.holds(id(self), self._bytes)
        while self._bytes > most:
            self._drop_oldest()  # also the only one: a group without end begins to be held at its next key frame

    def take(self, *, newest_only: bool = False) -> Iterator[Held]:
        """Give what is held away, in order, letting go of each as it is taken; `newest_only`: the last group alone."""
        while newest_only and len(self._groups) > 1:
            self._drop_oldest()
        groups, self._groups = self._groups, deque()
        self.clear()
        while groups:
            yield from groups.popleft()

    def clear(self) -> None:
        self._groups.clear()
        self._sizes.clear()
        self._bytes = 0
        self._memory.holds(id(self), 0)

    @property
    def begin_ns(self) -> int | None:
        """When the oldest picture held came (monotonic clock); None: nothing is held."""
        if not self._groups:
            return None
        first = self._groups[0][0]
        assert isinstance(first, AccessUnit)
        return first.arrival_ns

    def _forget_before(self, since_ns: int) -> None:
        """Drop groups that ended before."""
        while len(self._groups) > 1 and self._begin_of(1) <= since_ns:
            self._drop_oldest()

    def _begin_of(self, number: int) -> int:
        first = self._groups[number][0]
        assert isinstance(first, AccessUnit)
        return first.arrival_ns

    def _drop_oldest(self) -> None:
        self._groups.popleft()
        self._bytes -= self._sizes.popleft()
        self._memory.holds(id(self), self._bytes)
