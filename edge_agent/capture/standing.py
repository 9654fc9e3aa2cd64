"""Notices a picture that stands still though the stream runs: a sensor or an encoder that hangs. Pure.

A live sensor is never still: its noise makes every key frame another one, bit for bit, however quiet the scene. So a
picture stands when for a minute, and five of them at least, each key frame's coded slices are those of one of the two
before it. Small pictures, skipped ones and equal sizes are no sign: a still scene gives those as well. What is compared
leaves out the slice headers, which count even when nothing moves. A camera that writes a running clock into a picture that
stands, or whose encoder changes its quantiser meanwhile, is not noticed; a lens that is covered may be, where the camera
removes all noise: it sees nothing then.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import Final

from edge_agent.capture.source import AccessUnit
from edge_agent.h26x import Codec

STANDS_S: Final = 60.0
KEYS_MIN: Final = 5
_HEADER_BYTES: Final = 32
_GRAIN: Final = 64


class StandingPicture:
    """One connection to one camera."""

    def __init__(self) -> None:
        self._seen: deque[bytes] = deque(maxlen=2)
        self._keys = 0
        self._since_ns = self._newest_ns = 0

    def take(self, codec: Codec, unit: AccessUnit) -> None:
        """The next picture; only key frames count."""
        if not unit.sync:
            return
        print_ = _print(codec, unit.data)
        if print_ in self._seen:
            self._keys += 1
        else:
            self._keys, self._since_ns = 1, unit.arrival_ns
        if print_ not in list(self._seen)[-1:]:
            self._seen.append(print_)
        self._newest_ns = unit.arrival_ns

    @property
    def stands_s(self) -> int | None:
        """For how long the picture has stood; None while it does not, or not for long enough to say so."""
        seconds = (self._newest_ns - self._since_ns) / 1e9
        return int(seconds) if self._keys >= KEYS_MIN and seconds >= STANDS_S else None


def _print(codec: Codec, data: bytes | bytearray) -> bytes:
    """A digest of a picture's coded slices without their headers, whose length varies by a byte or so: each slice counts by
    its end, rounded to whole grains."""
    digest, view, at = hashlib.blake2b(digest_size=16), memoryview(data), 0
    while at + 4 < len(view):
        size = int.from_bytes(view[at : at + 4], "big")
        end = min(at + 4 + size, len(view))
        first = view[at + 4]
        kind = first & 31 if codec == "h264" else first >> 1 & 63
        if (1 <= kind <= 5) if codec == "h264" else kind < 32:
            kept = max(0, size - _HEADER_BYTES) // _GRAIN * _GRAIN or size
            digest.update(view[max(at + 4, end - kept) : end])
        at = end
    return digest.digest()
