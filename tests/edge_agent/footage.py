"""Footage for tests: pictures encoded here, and a segmenter's sink that remembers what it was told."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from fractions import Fraction

import av
import numpy as np

from edge_agent import h26x
from edge_agent.capture.source import AccessUnit, TrackChanged
from edge_agent.clock import Clock
from edge_agent.mp4 import AudioTrack, Sample, VideoTrack, fragment_head, init_segment
from sealing.ids import ClockSource, GapReason

START_US = 1_790_000_000_000_000


class StandClock(Clock):
    """A clock that moves only when told to; the monotonic part and the wall clock apart."""

    boot = bytes(range(16))

    def __init__(self) -> None:
        self.ns = 1_000_000_000_000
        self.wall_offset_us = START_US

    def wall_us(self) -> int:
        return self.ns // 1000 + self.wall_offset_us

    def mono_ns(self) -> int:
        return self.ns

    def source(self) -> tuple[ClockSource, int]:
        return ClockSource.SYSTEM_SYNCHRONISED, 1000

    def advance(self, seconds: float) -> None:
        self.ns += round(seconds * 1e9)


def encode(
    codec: str = "libx264",
    *,
    frames: int = 50,
    fps: int = 25,
    gop: int = 12,
    b_frames: int = 0,
    size: int = 64,
    noise: bool = False,
) -> list[tuple[int, bool, bytes]]:
    """Return (presentation time in 1/90000 s, key, Annex B bytes) in decoding order. `noise`: pictures that take room."""
    random = np.random.default_rng(1)
    context = av.CodecContext.create(codec, "w")
    context.width = context.height = size
    context.pix_fmt = "yuv420p"
    context.time_base = Fraction(1, 90000)
    context.framerate = Fraction(fps, 1)
    context.gop_size = gop
    context.max_b_frames = b_frames
    context.options = {
        "preset": "veryfast",
        "x264-params": "log-level=none:scenecut=0",
        "x265-params": "log-level=none:scenecut=0:open-gop=0",
    }
    packets = []
    for number in range(frames):
        array = np.full((size * 3 // 2, size), (number * 7) % 255, dtype=np.uint8)
        if noise:
            array = random.integers(0, 255, array.shape, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(array, format="yuv420p")
        frame.pts, frame.time_base = number * 90000 // fps, context.time_base
        packets += context.encode(frame)
    packets += context.encode(None)
    return [(int(packet.pts or 0), packet.is_keyframe, bytes(packet)) for packet in packets]


def lengths(annexb: bytes) -> bytes:
    """The same NAL units with 4-byte lengths."""
    return b"".join(
        (end - start).to_bytes(4, "big") + annexb[start:end] for start, end in h26x.split_annexb(annexb)
    )


def video_track(codec: h26x.Codec, annexb: bytes) -> VideoTrack:
    """The track of a first key picture, out of the parameter sets inside it."""
    units = [annexb[start:end] for start, end in h26x.split_annexb(annexb)]

    def of(kind: int) -> tuple[bytes, ...]:
        return tuple(
            unit for unit in units if (unit[0] & 31 if codec == "h264" else unit[0] >> 1 & 63) == kind
        )

    if codec == "h264":
        return VideoTrack("h264", of(h26x.H264_SPS), of(h26x.H264_PPS))
    return VideoTrack("h265", of(h26x.H265_SPS), of(h26x.H265_PPS), of(h26x.H265_VPS))


def h264_units(clock: StandClock, **options: int) -> tuple[TrackChanged, list[AccessUnit]]:
    """Encoded pictures as a source gives them, arriving in real time from the clock's moment on."""
    pictures = encode("libx264", **options)
    track = video_track("h264", pictures[0][2])
    interval_ns = 1_000_000_000 // options.get("fps", 25)
    return TrackChanged("video", track), [
        AccessUnit("video", pts, clock.ns + number * interval_ns, key, lengths(data))
        for number, (pts, key, data) in enumerate(pictures)
    ]


@dataclass
class SeenSegment:
    """One segment as the sink saw it."""

    id: uuid.UUID
    run: bytes
    continuation_of: uuid.UUID | None
    track: VideoTrack
    video: list[list[Sample]] = field(default_factory=list)
    audio: list[list[Sample]] = field(default_factory=list)
    audio_track: AudioTrack | None = None
    start_us: int = 0
    end_us: int = 0

    @property
    def samples(self) -> list[Sample]:
        return [sample for fragment in self.video for sample in fragment]

    @property
    def sound(self) -> list[Sample]:
        return [sample for fragment in self.audio for sample in fragment]

    def mp4(self) -> bytes:
        """The video part's plaintext."""
        out = init_segment(self.track)
        for number, samples in enumerate(self.video, 1):
            out += fragment_head(number, samples) + b"".join(bytes(sample.data) for sample in samples)
        return out


class Memory:
    """A sink that remembers, and checks that calls come in a possible order."""

    def __init__(self) -> None:
        self.segments: list[SeenSegment] = []
        self.gaps: list[tuple[int, int, GapReason, str]] = []
        self.live_samples: list[tuple[str, Sample, int]] = []
        self.open: SeenSegment | None = None

    def open_segment(
        self, start_us: int, run: bytes, continuation_of: uuid.UUID | None, track: VideoTrack
    ) -> uuid.UUID:
        assert self.open is None
        self.open = SeenSegment(uuid.uuid4(), run, continuation_of, track)
        return self.open.id

    def open_audio(self, track: AudioTrack) -> None:
        assert self.open is not None
        assert self.open.audio_track is None
        self.open.audio_track = track

    def fragment(self, kind: str, samples: list[Sample], duration: int) -> None:
        assert self.open is not None
        assert samples
        assert sum(sample.duration for sample in samples) == duration
        (self.open.video if kind == "video" else self.open.audio).append(samples)

    def close_segment(self, start_us: int, end_us: int) -> None:
        assert self.open is not None
        assert start_us < end_us
        self.open.start_us, self.open.end_us = start_us, end_us
        self.segments.append(self.open)
        self.open = None

    def gap(self, start_us: int, end_us: int, reason: GapReason, detail: str) -> None:
        assert start_us < end_us
        self.gaps.append((start_us, end_us, reason, detail))

    def live(self, kind: str, sample: Sample, capture_us: int) -> None:
        self.live_samples.append((kind, sample, capture_us))

    def live_tracks(self, video: object, audio: object, *, new_run: bool) -> None:
        return
