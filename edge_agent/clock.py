"""The box's clocks: wall clock for dates, monotonic clock for everything that must not jump."""

from __future__ import annotations

import ctypes
import time
import uuid
from pathlib import Path
from typing import Protocol

from sealing.ids import ClockSource
from sealing.record import Stamp

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_UNSYNCHRONISED = 0x40  # STA_UNSYNC of adjtimex(2)
_UNKNOWN_ERROR_US = 16_000_000


class Clock(Protocol):
    """What the rest of the agent may ask of a clock."""

    @property
    def boot(self) -> bytes:
        """16 bytes, new at each boot of the machine."""

    def wall_us(self) -> int:
        """UTC in microseconds since 1970."""

    def mono_ns(self) -> int:
        """Nanoseconds since boot; never goes back."""

    def source(self) -> tuple[ClockSource, int]:
        """Where the wall clock comes from and its estimated error in microseconds."""


class _Timex(ctypes.Structure):
    """struct timex of adjtimex(2), as far as its first fields; the rest is room."""

    _fields_ = [
        ("modes", ctypes.c_uint),
        ("offset", ctypes.c_long),
        ("freq", ctypes.c_long),
        ("maxerror", ctypes.c_long),
        ("esterror", ctypes.c_long),
        ("status", ctypes.c_int),
        ("room", ctypes.c_byte * 256),
    ]


class SystemClock:
    """The machine's own clocks."""

    def __init__(self) -> None:
        self.boot: bytes = uuid.UUID(_BOOT_ID.read_text().strip()).bytes
        self._adjtimex = getattr(ctypes.CDLL(None, use_errno=True), "adjtimex", None)

    def wall_us(self) -> int:
        return time.time_ns() // 1000

    def mono_ns(self) -> int:
        return time.monotonic_ns()

    def source(self) -> tuple[ClockSource, int]:
        state = _Timex()
        if self._adjtimex is None or self._adjtimex(ctypes.byref(state)) < 0:
            return ClockSource.UNKNOWN, _UNKNOWN_ERROR_US
        if state.status & _UNSYNCHRONISED:
            return ClockSource.SYSTEM_NOT_SYNCHRONISED, max(0, state.maxerror)
        return ClockSource.SYSTEM_SYNCHRONISED, max(0, state.maxerror)


def stamp(clock: Clock) -> Stamp:
    """What a record says about the moment it is signed."""
    source, error_us = clock.source()
    return Stamp(clock.wall_us(), clock.boot, clock.mono_ns(), source, error_us)


def offset_us(clock: Clock) -> int:
    """Wall clock minus monotonic clock; constant until somebody sets the wall clock."""
    return clock.wall_us() - clock.mono_ns() // 1000
