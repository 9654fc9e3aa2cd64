"""Trying a camera's address as recording would: connect, sign in, describe, the first key frame. Nothing is kept.

Blocking; used by one thread. The address holds a password: it stands in no message and no log.
"""

from __future__ import annotations

import errno
import socket
import ssl
import statistics
import time
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from edge_agent import h26x
from edge_agent.capture.choose import open_source
from edge_agent.capture.connection import connect
from edge_agent.capture.rtsp import Address
from edge_agent.capture.source import AccessUnit, Source, TrackChanged
from edge_agent.errors import SourceFailed
from edge_agent.mp4 import AudioTrack, VideoTrack
from protocol.order import Facts
from sealing.ids import GapReason

CONNECT_S: Final = 5.0
KEY_FRAME_S: Final = 15
_RATE_S: Final = 2.0
_RATE_PICTURES: Final = 12
_NO_ROUTE: Final = frozenset({errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EHOSTDOWN, errno.EADDRNOTAVAIL})
_OF_REASON: Final = {
    GapReason.CAMERA_REFUSED_CREDENTIALS: "credentials",
    GapReason.CAMERA_STALLED: "no-key-frame",
    GapReason.CAMERA_UNREACHABLE: "closed",
}


class NoPicture(Exception):
    """`cause`: one of `protocol.order.CAUSES`; `number`: the seconds waited, where it was a wait; `facts` where known."""

    def __init__(self, cause: str, number: int = 0, facts: Facts | None = None) -> None:
        super().__init__(cause)
        self.cause, self.number, self.facts = cause, number, facts


@dataclass(frozen=True)
class Found:
    """A key frame, units with lengths before them, and what a decoder needs."""

    facts: Facts
    configuration: bytes
    picture: bytes


def try_address(url: str, audio: bool, key_frame_s: float = KEY_FRAME_S, interface: str = "") -> Found:
    """The first key frame of the stream at `url`; where an interface is named, by that one. Raises NoPicture."""
    _reach(url, interface)
    try:
        source = open_source(url, audio, interface=interface)
    except SourceFailed as failure:
        raise _no_picture(failure) from None
    try:
        return _first_picture(source, key_frame_s)
    finally:
        source.close()


def _reach(url: str, interface: str) -> None:
    """Connect once by ourselves: only so is the exact reason known, whichever reader comes next. Raises NoPicture."""
    address = Address.of(url)
    try:
        connect(address.host, address.port, CONNECT_S, secure=address.secure, interface=interface).close()
    except ssl.SSLError:
        raise NoPicture("tls") from None
    except (socket.gaierror, UnicodeError):
        raise NoPicture("unknown-name") from None
    except TimeoutError:
        raise NoPicture("timeout", int(CONNECT_S)) from None
    except ConnectionRefusedError:
        raise NoPicture("refused") from None
    except OSError as error:
        raise NoPicture("no-route" if error.errno in _NO_ROUTE else "closed") from None


def _first_picture(source: Source, key_frame_s: float) -> Found:
    source.hurried = True
    look = _Look()
    until_s = time.monotonic() + key_frame_s
    try:
        for event in source.events():
            match event:
                case TrackChanged(kind="video", track=VideoTrack() as track):
                    look.video = track
                case TrackChanged(kind="audio", track=AudioTrack() as track):
                    look.audio = track
                case AccessUnit(kind="video"):
                    look.take(event)
            if look.complete:
                break
            if look.key is None and time.monotonic() > until_s:
                raise NoPicture("no-key-frame", int(key_frame_s), look.facts())
    except SourceFailed as failure:
        if look.key is None:
            raise _no_picture(failure, look.facts()) from None
    found = look.found()
    if found is None:
        raise NoPicture("unusable", facts=look.facts())
    return found


def _no_picture(failure: SourceFailed, facts: Facts | None = None) -> NoPicture:
    cause = failure.cause or _OF_REASON.get(failure.reason, "unusable")
    return NoPicture(cause, 10 if cause == "no-key-frame" else 0, facts)


class _Look:
    """What was seen of a stream so far."""

    def __init__(self) -> None:
        self.video: VideoTrack | None = None
        self.audio: AudioTrack | None = None
        self.key: AccessUnit | None = None
        self._key_track: VideoTrack | None = None
        self._times: list[int] = []
        self._rated_s = 0.0

    def take(self, unit: AccessUnit) -> None:
        if self.key is None:
            if not unit.sync or self.video is None:
                return
            self.key, self._key_track = unit, self.video
            self._rated_s = time.monotonic() + _RATE_S
        self._times.append(unit.time)

    @property
    def complete(self) -> bool:
        """A key frame, and enough after it to tell the rate."""
        if self.key is None:
            return False
        return len(self._times) >= _RATE_PICTURES or time.monotonic() > self._rated_s

    def facts(self) -> Facts | None:
        track = self._key_track or self.video
        if track is None:
            return None
        width, height = track.size
        audio = "" if self.audio is None else self.audio.codec_string
        return Facts(track.codec_string, width, height, self._rate(track), audio)

    def _rate(self, track: VideoTrack) -> int:
        if len(self._times) < 2:
            return 0
        # The middle of the steps: one that a busy moment stretched, or a picture left out, says nothing of the rate.
        step = statistics.median(later - earlier for earlier, later in pairwise(sorted(self._times)))
        return min(1_000_000, round(track.timescale * 1000 / step)) if step > 0 else 0

    def found(self) -> Found | None:
        track, facts = self._key_track, self.facts()
        if self.key is None or track is None or facts is None:
            return None
        return Found(facts, _configuration(track), bytes(self.key.data))


def _configuration(track: VideoTrack) -> bytes:
    if track.codec == "h264":
        return h26x.avcc(track.sps, track.pps)
    return h26x.hvcc(track.vps, track.sps, track.pps)
