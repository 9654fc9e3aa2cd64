"""What was recorded is brought to disk every second, so that a power cut takes no more than the last two.

A segment's file is synced when it is closed, ten seconds or a minute after it was begun; until then the system keeps what was
written for as long as it likes (half a minute is usual). One call for the whole file system, because one per open file would
make the disk write its journal once for each camera.
"""

from __future__ import annotations

import ctypes
import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Final

from edge_agent.room import Room

logger = logging.getLogger(__name__)

FLUSH_S: Final = 0.8
_LIBRARY: Final = ctypes.CDLL(None, use_errno=True)


def sync_file_system(handle: int) -> None:
    """Write to disk whatever waits for the file system of an open file (syncfs(2)). Raises OSError."""
    if _LIBRARY.syncfs(handle) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


class Flusher(threading.Thread):
    """Syncs the spool's file system as often as `every_s`, when something was written since."""

    def __init__(
        self,
        folder: Path,
        room: Room,
        *,
        every_s: float = FLUSH_S,
        sync: Callable[[int], None] = sync_file_system,
    ) -> None:
        super().__init__(name="flusher", daemon=True)
        self._folder, self._room, self._every_s, self._sync = folder, room, every_s, sync
        self._stopped = threading.Event()
        self._trouble = ""

    def run(self) -> None:
        flushed_bytes = 0
        while not self._stopped.wait(self._every_s):
            written_bytes = self._room.written_bytes
            if written_bytes == flushed_bytes:
                continue
            if self._flush():
                flushed_bytes = written_bytes

    def _flush(self) -> bool:
        """Whether all is on disk now. Trouble is told once: who closes a segment hears of it as well, and acts."""
        try:
            handle = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
            try:
                self._sync(handle)
            finally:
                os.close(handle)
        except OSError as error:
            if str(error) != self._trouble:
                self._trouble = str(error)
                logger.warning(
                    "what is being recorded cannot be brought to disk now: %s; a power cut would take it",
                    error,
                )
            return False
        self._trouble = ""
        return True

    def stop(self) -> None:
        self._stopped.set()
        self.join()
