"""The interface every source has: access units with the camera's own times, nothing decoded."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, Protocol

from edge_agent.mp4 import AudioTrack, VideoTrack

TrackKind = Literal["video", "audio"]


@dataclass(slots=True)
class AccessUnit:
    """One coded picture, or one packet of sound.

    `time`: presentation time as the camera's RTP clock tells it, unwrapped, in the track's timescale; video and audio
    share one origin (seconds agree). `arrival_ns`: monotonic clock when the unit was complete. `sync`: decoding can
    start here. `data`: NAL units with 4-byte lengths in front, bytes and order kept; sound as it came.
    """

    kind: TrackKind
    time: int
    arrival_ns: int
    sync: bool
    data: bytes | bytearray


@dataclass(frozen=True, slots=True)
class TrackChanged:
    """Parameters of a track: before its first unit, and whenever they change. None: the track is gone."""

    kind: TrackKind
    track: VideoTrack | AudioTrack | None


@dataclass(frozen=True, slots=True)
class PacketsLost:
    """Packets on the way from the camera are missing; the next units may be damaged."""

    count: int


@dataclass(frozen=True, slots=True)
class CameraClock:
    """The camera told what time it is: `offset_us` is its clock minus this box's."""

    offset_us: int


@dataclass(frozen=True, slots=True)
class DeviceNamed:
    """What the camera calls itself where it asks for a password (the realm): most put their serial number or MAC into it."""

    name: str


Event = AccessUnit | TrackChanged | PacketsLost | CameraClock | DeviceNamed


class Source(Protocol):
    """One stream of one camera, opened once. Blocking; used by one thread.

    `hurried`: somebody watches live, so units are wanted at once; else they may come a little late and many together.
    `certificate`: SHA-256 (hex) of the one the camera showed; "" without TLS, or where the reader cannot tell.
    """

    hurried: bool
    certificate: str

    def events(self) -> Iterator[Event]:
        """Yield events until the stream ends. Raises SourceFailed with the reason, always, at its end."""

    def close(self) -> None:
        """Let go of the connection."""


class Backoff:
    """Waiting times between attempts: doubling from `first_s` to `longest_s`, each shortened by up to half at random.

    The randomness keeps a hundred cameras from coming back in the same moment after a switch restarts.
    """

    def __init__(self, first_s: float = 1.0, longest_s: float = 30.0) -> None:
        self._first_s, self._longest_s = first_s, longest_s
        self._next_s = first_s
        self._random = random.SystemRandom()

    def reset(self) -> None:
        """Start again at the shortest wait, after something worked."""
        self._next_s = self._first_s

    def next_s(self) -> float:
        """Return how long to wait before the next attempt, in seconds."""
        wait, self._next_s = self._next_s, min(self._longest_s, self._next_s * 2)
        return wait * self._random.uniform(0.5, 1.0)


_CREDENTIALS = re.compile(r"(?i)\b([a-z][a-z0-9+.-]*://)[^/\s@]*(?:@[^/\s@]*)*@")


def without_credentials(text: str) -> str:
    """Return the text with user names and passwords of every URL in it left out."""
    return _CREDENTIALS.sub(r"\1", text)
