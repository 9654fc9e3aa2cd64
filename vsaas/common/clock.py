"""The portal's clock. Code asks it, tests set it."""

from __future__ import annotations

import contextlib
import datetime as dt
import time
from collections.abc import Iterator
from contextvars import ContextVar

UTC = dt.UTC
EPOCH = dt.datetime(1970, 1, 1, tzinfo=UTC)

_offset: ContextVar[dt.timedelta] = ContextVar("vsaas_clock_offset", default=dt.timedelta())
_stopped_at_us: ContextVar[int | None] = ContextVar("vsaas_clock_stopped", default=None)


def now() -> dt.datetime:
    """UTC now, aware."""
    return from_us(now_us())


def now_us() -> int:
    """UTC now in microseconds since 1970."""
    stopped = _stopped_at_us.get()
    base = time.time_ns() // 1000 if stopped is None else stopped
    return base + _offset.get() // dt.timedelta(microseconds=1)


def to_us(moment: dt.datetime) -> int:
    """Microseconds since 1970 of an aware moment."""
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def from_us(microseconds: int) -> dt.datetime:
    """The aware UTC moment of microseconds since 1970."""
    return EPOCH + dt.timedelta(microseconds=microseconds)


def iso(microseconds: int, *, up: bool = False) -> str:
    """For people and messages: UTC with a Z, to the second; `up`: rounded up, so that a range holds what it names."""
    seconds = -(-microseconds // 1_000_000) if up else microseconds // 1_000_000
    return (EPOCH + dt.timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


@contextlib.contextmanager
def shifted(by: dt.timedelta) -> Iterator[None]:
    """Inside the block, in this context and what it calls, the clock is ahead by `by`. Adds to an outer shift."""
    token = _offset.set(_offset.get() + by)
    try:
        yield
    finally:
        _offset.reset(token)


@contextlib.contextmanager
def stopped() -> Iterator[None]:
    """Inside the block, in this context and what it calls, no time passes but by `shifted`."""
    token = _stopped_at_us.set(time.time_ns() // 1000)
    try:
        yield
    finally:
        _stopped_at_us.reset(token)
