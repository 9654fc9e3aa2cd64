"""Room in the spool: how much is used, when recording must pause, and what a disk that fails is called.

Recording pauses a little before the budget and well before the disk is full, so that every open segment can still be
closed and signed: what it takes to close them is held back from the budget, and on the disk in a file of its own that
is given up when not one byte is left. It goes on when there is room for a minute at the present rate, not at the
first byte.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
import time
from pathlib import Path
from typing import Final

from edge_agent.errors import DiskFailed, DiskFull

CHECK_S: Final = 1.0
RESUME_S: Final = 60.0
"""Recording goes on when there is room for this long, as fast as it fills now."""
WARNED_SHARE: Final = 0.8
_SLACK_BYTES: Final = 16 * 1024 * 1024
_RESERVE_MOST_BYTES: Final = 64 * 1024 * 1024
_RESERVE: Final = "reserve"
_FAILED_PAUSE_S: Final = 10.0
_JUST_NOW_S: Final = 10.0
_NO_ROOM: Final = (errno.ENOSPC, errno.EDQUOT)
_FAILS: Final = {
    errno.EROFS: "is read-only",
    errno.EIO: "cannot be read or written",
    errno.ENODEV: "is gone",
    errno.ENXIO: "is gone",
    errno.EUCLEAN: "needs a file system check",
}
_READ_ONLY: Final = "readonly"
_SQLITE_FAILS: Final = (_READ_ONLY, "disk I/O error", "unable to open database file")


def disk_trouble(error: BaseException) -> DiskFull | None:
    """What an error of SQLite or of the file system says about the disk; None when it is about something else."""
    if isinstance(error, DiskFull):
        return error
    if isinstance(error, OSError):
        if error.errno in _NO_ROOM:
            return DiskFull("the spool's disk is full: no room, or no more files")
        if error.errno in _FAILS:
            return DiskFailed(f"the spool's disk {_FAILS[error.errno]}", lasting=error.errno != errno.EIO)
    if isinstance(error, sqlite3.OperationalError):
        text = str(error)
        if "full" in text:
            return DiskFull("the spool's disk is full: no room, or no more files")
        if any(word in text for word in _SQLITE_FAILS):
            return DiskFailed(f"the spool's disk fails: {text}", lasting=_READ_ONLY in text)
    return None


class Room:
    """Bytes of one spool. May be used from any thread.

    `why_full`: why recording pauses, in words; empty while it may go on.
    """

    def __init__(self, folder: Path, *, budget_bytes: int, floor_bytes: int) -> None:
        """`floor_bytes`: disk space left to others."""
        self.budget_bytes, self.floor_bytes = budget_bytes, floor_bytes
        self.why_full = ""
        self._folder = folder
        self._lock = threading.Lock()
        self._used_bytes = 0
        self.written_bytes = 0
        """Counted since the start, whatever was deleted since."""
        self._free_bytes, self._files_low = 0, False
        self._looked_s, self._stale = time.monotonic(), True
        self._measured_s, self._spent_bytes, self._rate = self._looked_s, 0, 0.0
        self._failed, self._failed_s = "", 0.0
        self._released_s = -_JUST_NOW_S
        self._reserve_bytes = min(_RESERVE_MOST_BYTES, floor_bytes // 4)

    def start(self, used_bytes: int) -> None:
        """Begin with what lies in the spool already."""
        with self._lock:
            self._used_bytes = used_bytes
            self._look()
            self._keep_reserve()

    @property
    def held_back_bytes(self) -> int:
        """What of the budget is kept for closing open segments."""
        return min(self.budget_bytes // 8, _RESERVE_MOST_BYTES)

    def spend(self, size: int) -> None:
        """Count bytes that are about to be written. Raises DiskFull at the budget, held back bytes included."""
        with self._lock:
            if self._used_bytes + size > self.budget_bytes:
                self.why_full = self._over_budget()
                raise DiskFull(self.why_full)
            self._used_bytes += size
            self.written_bytes += size
            self._free_bytes -= size
            self._spent_bytes += size
            self._look()
            if not self.why_full:
                self.why_full = self._trouble(0)

    def give(self, size: int) -> None:
        """Bytes were deleted."""
        with self._lock:
            self._used_bytes = max(0, self._used_bytes - size)
            self._stale = True

    def may_record(self) -> bool:
        """Whether recording may go on, or begin."""
        with self._lock:
            self._look()
            self.why_full = self._trouble(self._resume_bytes() if self.why_full else 0)
            if not self.why_full:
                self._keep_reserve()
            return not self.why_full

    def failed(self, trouble: DiskFull) -> None:
        """The disk takes nothing, and not for want of room: everything pauses and tries again in a while."""
        with self._lock:
            self._failed, self._failed_s = str(trouble), time.monotonic()
            self.why_full = self._failed

    def release_reserve(self) -> bool:
        """Not one byte was left: give up what is kept for this. False when it is gone already."""
        with self._lock:
            try:
                (self._folder / _RESERVE).unlink()
            except OSError:
                return time.monotonic() - self._released_s < _JUST_NOW_S
            self._released_s = time.monotonic()
            return True

    def figures(self) -> tuple[int, int]:
        """Bytes used, and bytes free on the disk."""
        with self._lock:
            self._look()
            return self._used_bytes, self._free_bytes

    def alarm(self) -> str:
        """What a person must look at: that recording pauses, or that it soon will; empty when neither."""
        with self._lock:
            self._look()
            if self.why_full:
                return f"recording pauses: {self.why_full}"
            if self._used_bytes < WARNED_SHARE * self.budget_bytes:
                return ""
            left_bytes = max(0, self.budget_bytes - self.held_back_bytes - self._used_bytes)
            lasts = f", at this rate in {left_bytes / self._rate / 60:.0f} min" if self._rate > 1 else ""
            share = 100 * self._used_bytes // self.budget_bytes
            return (
                f"the spool is {share} % full: recording will pause{lasts} unless what waits here is uploaded; "
                "check the connection to portal and store, or allow more"
            )

    # Under the lock

    def _look(self) -> None:
        now_s = time.monotonic()
        self._measure(now_s)
        if now_s - self._looked_s < CHECK_S and not self._stale:
            return
        self._looked_s, self._stale = now_s, False
        state = os.statvfs(self._folder)
        self._free_bytes = state.f_bavail * state.f_frsize
        self._files_low = state.f_files > 0 and state.f_favail < min(256, state.f_files // 20)
        if state.f_flag & os.ST_RDONLY:
            self._failed, self._failed_s = "the spool's disk is read-only", now_s
        elif self._failed and now_s - self._failed_s > _FAILED_PAUSE_S:
            self._failed = ""

    def _measure(self, now_s: float) -> None:
        """How fast it fills, over about twenty seconds; a pause says nothing about that."""
        elapsed_s = now_s - self._measured_s
        if elapsed_s >= CHECK_S:
            if not self.why_full:
                self._rate += min(1.0, elapsed_s / 20) * (self._spent_bytes / elapsed_s - self._rate)
            self._spent_bytes, self._measured_s = 0, now_s

    def _resume_bytes(self) -> int:
        return max(_SLACK_BYTES, int(self._rate * RESUME_S))

    def _trouble(self, more_bytes: int) -> str:
        """Why nothing may be recorded now; `more_bytes`: room asked for beyond the limits."""
        if self._failed:
            return self._failed
        over = min(more_bytes, self.budget_bytes // 4)
        if self._used_bytes + over > self.budget_bytes - self.held_back_bytes:
            return self._over_budget()
        if self._free_bytes < self.floor_bytes + min(more_bytes, self.floor_bytes // 4):
            return f"only {self._free_bytes // 1_000_000} MB are free on the spool's disk"
        if self._files_low:
            return "the spool's disk takes no more files: its inodes are used up"
        return ""

    def _over_budget(self) -> str:
        return f"the spool has reached its budget of {self.budget_bytes // 1_000_000} MB"

    def _keep_reserve(self) -> None:
        """Hold disk space for closing open segments, where there is enough of it."""
        path = self._folder / _RESERVE
        missing = self._reserve_bytes > 0 and not path.exists()
        if not missing or self._free_bytes < self.floor_bytes + 2 * self._reserve_bytes:
            return
        handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(handle, 0, self._reserve_bytes)
        except OSError:
            path.unlink(
                missing_ok=True
            )  # a file system without it, or full in this moment: there is none then
        finally:
            os.close(handle)
