"""Passwords from places an account was never signed in from are checked one after the other.

A check costs two tenths of a second of both cores and 100 MB, on purpose. Guesses at many accounts from many networks are
held up by no throttle; like this they cost one check's work at a time, and people in browsers and networks that are known
do not wait in their queue. The queue is short: whoever waits in it holds a connection to the database.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from vsaas.common.errors import TooMany

WAITS_S = 5.0
AGAIN_S = 10
PLACES = 4

_turn = threading.BoundedSemaphore(1)
_queue = threading.BoundedSemaphore(PLACES)


@contextmanager
def in_turn(*, known: bool) -> Iterator[None]:
    """Inside the block a password may be checked: at once where the place is `known`. Raises TooMany where too many others
    wait."""
    if known:
        yield
        return
    if not _queue.acquire(blocking=False):
        raise TooMany(retry_after_s=AGAIN_S)
    try:
        if not _turn.acquire(timeout=WAITS_S):
            raise TooMany(retry_after_s=AGAIN_S)
        try:
            yield
        finally:
            _turn.release()
    finally:
        _queue.release()
