"""RTSP over TCP through PyAV: demultiplexing only, nothing is decoded or parsed.

FFmpeg's own parsers are switched off: they swallow the time of the first picture after connecting and hand out
guesses as decoding times. Without them each piece comes with the exact RTP time of its packet, and pictures are
put together here: pieces of one time are one access unit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from typing import Any

import av
import av.error
import av.logging
from av.container import InputContainer

from edge_agent import h26x, opus
from edge_agent.capture.parameters import ParameterSets
from edge_agent.capture.source import AccessUnit, Event, PacketsLost, TrackChanged, without_credentials
from edge_agent.errors import SourceFailed
from edge_agent.mp4 import AudioTrack
from sealing.ids import GapReason

OPEN_TIMEOUT_S = 10.0
STALL_TIMEOUT_S = 10.0
_UNIT_BYTES_MAX = 16 * 1024 * 1024
_PIECES_MAX = 20_000
_NO_PICTURE_PIECES = 5_000

_OPTIONS = {
    "rtsp_transport": "tcp",
    # Parameters come with the description; probing would buffer and decode.
    "probesize": "32",
    "analyzeduration": "1",
    "fflags": "+noparse+nofillin",
    # TCP keeps packets in order; the queue makes FFmpeg look at their numbers and say when some are missing.
    "reorder_queue_size": "4",
}


class _LossWatch(logging.Handler):
    """Counts the packets FFmpeg reports missing, per thread: each camera's stream has a thread of its own."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._counts: dict[int, int] = {}

    def emit(self, record: logging.LogRecord) -> None:
        text = record.getMessage()
        if text.startswith("RTP: missed "):
            number = text.split()[2]
            ident = record.thread or 0
            self._counts[ident] = self._counts.get(ident, 0) + (int(number) if number.isdigit() else 1)

    def take(self) -> int:
        """Return how many packets are missing in this thread since the last call."""
        return self._counts.pop(threading.get_ident(), 0) if self._counts else 0


_losses = _LossWatch()


def listen_to_ffmpeg() -> None:
    """Route FFmpeg's messages: lost packets are counted, the rest is dropped (its texts may hold credentials)."""
    logger = logging.getLogger("libav")
    if _losses not in logger.handlers:
        logger.addHandler(_losses)
        logger.propagate = False
        av.logging.set_skip_repeated(False)
        av.logging.set_level(av.logging.WARNING)


def _failure(error: Exception, what: str) -> SourceFailed:
    """Map FFmpeg's error to the reason a gap record states."""
    text = without_credentials(getattr(error, "strerror", None) or type(error).__name__)
    if isinstance(error, av.error.HTTPUnauthorizedError | av.error.HTTPForbiddenError):
        return SourceFailed(
            GapReason.CAMERA_REFUSED_CREDENTIALS,
            "the camera refused the user name or password: check them in the portal",
        )
    if isinstance(error, av.error.ExitError | TimeoutError):
        if what == "open":
            return SourceFailed(
                GapReason.CAMERA_UNREACHABLE, f"no answer from the camera within {OPEN_TIMEOUT_S:.0f} s"
            )
        return SourceFailed(GapReason.CAMERA_STALLED, f"the camera sent nothing for {STALL_TIMEOUT_S:.0f} s")
    if isinstance(error, av.error.HTTPNotFoundError):
        return SourceFailed(
            GapReason.CAMERA_STREAM_UNUSABLE,
            "the camera has no stream at this address: check its path",
            "no-path",
        )
    if isinstance(error, av.error.EOFError):
        return SourceFailed(GapReason.CAMERA_UNREACHABLE, "the camera closed the connection")
    if isinstance(error, av.error.InvalidDataError | av.error.HTTPClientError | av.error.HTTPServerError):
        return SourceFailed(GapReason.CAMERA_STREAM_UNUSABLE, f"the camera's answer makes no sense: {text}")
    return SourceFailed(GapReason.CAMERA_UNREACHABLE, f"the camera cannot be reached: {text}")


class PyAvSource:
    """One RTSP stream. Not thread-safe: open, read and close in one thread."""

    def __init__(
        self,
        url: str,
        *,
        audio: bool,
        open_timeout_s: float = OPEN_TIMEOUT_S,
        stall_timeout_s: float = STALL_TIMEOUT_S,
    ) -> None:
        """`url`: with credentials; they are used and never shown. Raises SourceFailed when it cannot be opened."""
        self.hurried = False
        self.certificate = ""
        listen_to_ffmpeg()
        _losses.take()
        failure: SourceFailed | None = None
        try:
            self._container: InputContainer = av.open(
                url, options=_OPTIONS, timeout=(open_timeout_s, stall_timeout_s)
            )
        except (av.error.FFmpegError, OSError, ValueError, UnicodeError) as error:
            failure = _failure(error, "open")
        if failure is not None:  # raised outside the handler, so that no traceback carries FFmpeg's text
            raise failure
        try:
            self._video = _VideoAssembler(_only_video(self._container))
            self._audio = _AudioReader.of(self._container) if audio else None
        except SourceFailed:
            self._container.close()
            raise

    def close(self) -> None:
        self._container.close()

    def events(self) -> Iterator[Event]:
        yield from self._video.initial()
        if self._audio is not None:
            yield TrackChanged("audio", self._audio.track)
        failure: SourceFailed
        try:
            yield from self._demux()
            failure = SourceFailed(GapReason.CAMERA_UNREACHABLE, "the camera ended the stream")
        except (av.error.FFmpegError, OSError) as error:
            failure = _failure(error, "read")
        raise failure

    def _demux(self) -> Iterator[Event]:
        video, audio, losses = self._video, self._audio, _losses
        video_index = video.index
        audio_index = audio.index if audio is not None else -1
        streams = [s for s in self._container.streams if s.index in (video_index, audio_index)]
        monotonic_ns = time.monotonic_ns
        for packet in self._container.demux(streams):
            index = packet.stream_index
            if index == video_index:
                if video.same_unit(packet):
                    continue
                events = video.finish(monotonic_ns())
                video.begin(packet)
                missing = losses.take()
                if missing:
                    yield PacketsLost(missing)
                yield from events
            elif index == audio_index and audio is not None:
                unit = audio.unit(packet, monotonic_ns())
                if unit is not None:
                    yield unit


def _only_video(container: InputContainer) -> Any:
    for stream in container.streams.video:
        if stream.codec_context is not None and stream.codec_context.name in ("h264", "hevc"):
            return stream
    raise SourceFailed(
        GapReason.CAMERA_STREAM_UNUSABLE,
        "the camera offers no H.264 or H.265 video: choose one in its settings",
        "codec" if container.streams.video else "no-video",
    )


class _VideoAssembler:
    """Puts pieces of one RTP time together to access units, and watches the parameter sets in them."""

    def __init__(self, stream: Any) -> None:
        self.index: int = stream.index
        self._h264 = stream.codec_context.name == "h264"
        self._pieces: list[Any] = []
        self._time: int | None = None
        self._size = 0
        self._since_picture = 0
        self._scale = (stream.time_base.numerator * 90_000, stream.time_base.denominator)
        self._sets = ParameterSets("h264" if self._h264 else "h265")
        extradata = stream.codec_context.extradata
        if extradata:
            data = bytes(extradata)
            for start, end in h26x.split_annexb(data):
                self._sets.take(data[start:end])

    def initial(self) -> list[Event]:
        """Return the track as the camera described it before the first picture, when it did."""
        return self._changed()

    def same_unit(self, packet: Any) -> bool:
        """Take the packet if it belongs to the unit under way; say whether it did."""
        if packet.pts is not None and packet.pts != self._time:
            return False
        if self._time is None:
            return not packet.size or packet.pts is None
        self._pieces.append(packet)
        self._size += packet.size
        if self._size > _UNIT_BYTES_MAX or len(self._pieces) > _PIECES_MAX:
            raise SourceFailed(
                GapReason.CAMERA_STREAM_UNUSABLE, "the camera's time stamps stand still: no picture ever ends"
            )
        return True

    def begin(self, packet: Any) -> None:
        """Begin the next unit with this packet."""
        self._time = packet.pts
        self._pieces = [packet]
        self._size = packet.size
        self._since_picture += 1

    def finish(self, arrival_ns: int) -> list[Event]:
        """Return the unit under way, with a change of parameters before it where there is one."""
        if self._time is None or not self._pieces:
            return []
        data = bytearray().join(self._pieces)
        kinds = self._to_lengths(data)
        if kinds is None:
            if self._since_picture > _NO_PICTURE_PIECES:
                raise SourceFailed(GapReason.CAMERA_STREAM_UNUSABLE, "the camera sends no readable pictures")
            return []
        sync, picture = kinds
        events = self._changed()
        if picture:
            self._since_picture = 0
            numerator, denominator = self._scale
            moment = self._time if numerator == denominator else self._time * numerator // denominator
            events.append(AccessUnit("video", moment, arrival_ns, sync, data))
        return events

    def _to_lengths(self, data: bytearray) -> tuple[bool, bool] | None:
        """Turn 4-byte start codes into lengths, in place; return (sync, holds a picture) or None if unreadable.

        FFmpeg writes exactly 00 00 00 01 before each unit it takes from a packet. What precedes the first one is the
        rest of a unit whose beginning was lost; it cannot be stored and is cut off.
        """
        at = data.find(b"\x00\x00\x00\x01")
        if at < 0:
            return None
        if at > 0:
            del data[:at]
            at = 0
        sync = picture = False
        total = len(data)
        while at >= 0:
            start = at + 4
            following = data.find(b"\x00\x00\x00\x01", start)
            end = following if following >= 0 else total
            data[at:start] = (end - start).to_bytes(4, "big")
            if end > start:
                is_picture, is_sync = self._look(data, start, end)
                picture |= is_picture
                sync |= is_sync
            at = following
        return sync, picture

    def _look(self, data: bytearray, start: int, end: int) -> tuple[bool, bool]:
        """Return (is a slice, is a random access point) for one NAL unit; remember parameter sets."""
        if self._h264:
            kind = data[start] & 31
            if kind in (h26x.H264_SPS, h26x.H264_PPS):
                self._sets.take(bytes(data[start:end]))
            elif kind == 6:
                return False, h26x.h264_recovery_point(data[start : min(end, start + 64)])
            return 1 <= kind <= 5, kind == h26x.H264_IDR
        kind = (data[start] >> 1) & 63
        if h26x.H265_VPS <= kind <= h26x.H265_PPS:
            self._sets.take(bytes(data[start:end]))
        return kind < 32, h26x.H265_IRAP_FIRST <= kind <= h26x.H265_IRAP_LAST

    def _changed(self) -> list[Event]:
        track = self._sets.changed()
        return [] if track is None else [TrackChanged("video", track)]


class _AudioReader:
    """Sound as it comes: AAC frames, or G.711 packets (one byte a sample)."""

    def __init__(self, index: int, track: AudioTrack, scale: tuple[int, int]) -> None:
        self.index, self.track = index, track
        self._scale = scale
        self._next: int | None = None

    @classmethod
    def of(cls, container: InputContainer) -> _AudioReader | None:
        """Choose the first track that can be stored; None when there is none."""
        for stream in container.streams.audio:
            codec = stream.codec_context
            if codec is None or not codec.sample_rate or stream.time_base is None:
                continue
            scale = (stream.time_base.numerator * codec.sample_rate, stream.time_base.denominator)
            if codec.name == "aac" and codec.extradata:
                track = AudioTrack("aac", codec.sample_rate, codec.channels, bytes(codec.extradata))
            elif codec.name == "pcm_alaw":
                track = AudioTrack("alaw", codec.sample_rate, codec.channels)
            elif codec.name == "pcm_mulaw":
                track = AudioTrack("ulaw", codec.sample_rate, codec.channels)
            elif codec.name == "opus" and codec.channels <= 2:
                track = AudioTrack("opus", opus.RATE, codec.channels)
                scale = (stream.time_base.numerator * opus.RATE, stream.time_base.denominator)
            else:
                continue
            return cls(stream.index, track, scale)
        return None

    def unit(self, packet: Any, arrival_ns: int) -> AccessUnit | None:
        """Return the packet's sound; several frames of one RTP packet follow each other."""
        if not packet.size:
            return None
        data = bytes(packet)
        duration = self.track.duration(data)
        moment = self._next
        if packet.pts is not None:
            moment = packet.pts * self._scale[0] // self._scale[1]
        if moment is None:
            return None
        self._next = moment + duration
        return AccessUnit("audio", moment, arrival_ns, True, data)
