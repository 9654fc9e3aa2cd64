"""Putting the opened tracks of one run into one ordinary MP4. Needs PyAV, which the formats themselves do not."""

from __future__ import annotations

import importlib
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from typing import Any, Final

from .errors import SealingError

NEEDS_PYAV: Final = 'this needs the package "av": pip install av'
_NOT_IN_MP4: Final = ("pcm_alaw", "pcm_mulaw")
"""Codecs the MP4 muxer refuses; they are decoded and stored as FLAC, which loses nothing."""


class NoRemuxer(SealingError):
    """PyAV is not installed, or cannot read what was opened."""

    name = "no-remuxer"


def have_pyav() -> bool:
    """Whether PyAV can be imported."""
    try:
        importlib.import_module("av")
    except ImportError:
        return False
    return True


def remux(tracks: list[Path], out: Path) -> None:
    """Write the fragmented tracks (one file each, decode times on one common origin) into `out`, which begins at time 0.

    Raises NoRemuxer without PyAV or when it cannot read a track.
    """
    try:
        av: Any = importlib.import_module("av")
    except ImportError as error:
        raise NoRemuxer(NEEDS_PYAV) from error
    try:
        _remux(av, tracks, out)
    except av.error.FFmpegError as error:
        out.unlink(missing_ok=True)
        raise NoRemuxer(f"cannot write {out.name} from what was opened: {error}") from error


def _remux(av: Any, tracks: list[Path], out: Path) -> None:
    with ExitStack() as stack:
        inputs = [stack.enter_context(av.open(str(track), format="mp4")) for track in tracks]
        target = stack.enter_context(av.open(str(out), "w", format="mp4", options={"movflags": "faststart"}))
        sources = [_Source(container, target) for container in inputs]
        origin = min(source.begin for source in sources)
        while pending := [source for source in sources if source.time is not None]:
            pending[0 if len(pending) == 1 else _earliest(pending)].write_next(target, origin)
        for source in sources:
            source.flush(target)


def _earliest(sources: list[_Source]) -> int:
    times = [source.time for source in sources]
    return times.index(min(time for time in times if time is not None))


class _Source:
    """One track: its packets in order, and the stream they go to."""

    def __init__(self, container: Any, target: Any) -> None:
        self._stream = container.streams[0]
        self._packets = container.demux(self._stream)
        self._encodes = self._stream.codec_context.name in _NOT_IN_MP4
        if self._encodes:
            self._out = target.add_stream("flac", rate=self._stream.codec_context.sample_rate)
            self._out.codec_context.layout = self._stream.codec_context.layout
            self._out.codec_context.format = "s16"
        else:
            self._out = target.add_stream_from_template(self._stream)
        self._next: Any = None
        self._advance()
        self.begin = self.time if self.time is not None else Fraction(0)

    @property
    def time(self) -> Fraction | None:
        """Decode time in seconds of the next packet; None at the end."""
        return None if self._next is None else self._next.dts * self._next.time_base

    def _advance(self) -> None:
        self._next = next((packet for packet in self._packets if packet.dts is not None), None)

    def write_next(self, target: Any, origin: Fraction) -> None:
        packet = self._next
        shift = int(origin / packet.time_base)
        packet.dts -= shift
        packet.pts -= shift
        if self._encodes:
            for frame in packet.decode():
                target.mux(self._out.encode(frame))
        else:
            packet.stream = self._out
            target.mux(packet)
        self._advance()

    def flush(self, target: Any) -> None:
        """Write what an encoder still holds."""
        if self._encodes:
            target.mux(self._out.encode(None))
