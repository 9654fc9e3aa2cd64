"""The camera's clocks: one for pacing and media time, one for the date in the picture."""

import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Instant:
    """One moment on both clocks: `media_ns` is monotonic, `utc_ns` is since 1970."""

    media_ns: int
    utc_ns: int

    @property
    def utc_ms(self) -> int:
        return self.utc_ns // 1_000_000


def now() -> Instant:
    """Return this moment."""
    return Instant(time.monotonic_ns(), time.time_ns())


def at(media_ns: int) -> Instant:
    """Return the moment `media_ns`, with the date the wall clock as it runs now gives it."""
    present = now()
    return Instant(media_ns, present.utc_ns + media_ns - present.media_ns)
