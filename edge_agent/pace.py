"""How fast sealed objects go up: a limit shared by all uploads, which the week's schedule changes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

from edge_agent.spool_settings import Pacing

PIECE_BYTES: Final = 32 * 1024
"""Bytes asked for at once under a limit: small, so that the line is never taken for longer than a moment."""
LOOK_S: Final = 5.0
"""How often to look whether uploads may begin again."""


def _local_minute() -> tuple[int, int]:
    now = time.localtime()
    return now.tm_wday, now.tm_hour * 60 + now.tm_min


class Pace:
    """Used from the event loop. Records, orders and live view are not limited: they are small, or somebody watches."""

    def __init__(self, pacing: Pacing, now: Callable[[], tuple[int, int]] = _local_minute) -> None:
        """`now`: weekday (0 Monday) and minute of the day by this box's local time."""
        self._pacing, self._now = pacing, now
        self._free_s = 0.0

    @property
    def limited(self) -> bool:
        """Whether there is any limit at any time."""
        return bool(self._pacing.bits_per_s is not None or self._pacing.windows)

    @property
    def closed(self) -> bool:
        """Whether nothing is to be uploaded now."""
        return self._pacing.at(*self._now()) == 0

    async def take(self, size: int) -> None:
        """Return when so many bytes may go; what was begun before uploads ceased is finished slowly, not broken off."""
        rate = self._pacing.at(*self._now())
        if rate is None:
            return
        loop = asyncio.get_running_loop()
        begin_s = max(self._free_s, loop.time())
        self._free_s = begin_s + size * 8 / (rate or 1_000_000)
        await asyncio.sleep(begin_s - loop.time())
