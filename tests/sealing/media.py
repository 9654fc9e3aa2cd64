"""Tracks for tests: noise where nothing is decoded, and real fragmented MP4 made with PyAV where it is."""

from __future__ import annotations

import io
import secrets
from dataclasses import dataclass
from functools import cache

import av
import numpy as np

from edge_agent.mp4 import AudioTrack, Sample, fragment_head, init_segment
from sealing.ids import Rendition


@dataclass(frozen=True)
class TrackFragment:
    data: bytes
    decode_time: int
    duration: int
    sync: bool
    samples: int


@dataclass(frozen=True)
class Track:
    rendition: Rendition
    codec: str
    init: bytes
    timescale: int
    fragments: list[TrackFragment]


_INIT = secrets.token_bytes(700)


def noise(rendition: Rendition, seconds: int, size: int = 1500) -> Track:
    """A track of one random fragment a second."""
    pieces = [
        TrackFragment(secrets.token_bytes(size), 90000 * (n + 1), 90000, n == 0, 10) for n in range(seconds)
    ]
    return Track(rendition, "avc1.64001f", _INIT, 90000, pieces)


def boxes(data: bytes) -> list[tuple[bytes, bytes]]:
    """Top-level MP4 boxes: type, and the whole box."""
    found, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        found.append((data[at + 4 : at + 8], data[at : at + size]))
        at += size
    return found


def _fragmented(container: io.BytesIO) -> tuple[bytes, list[bytes]]:
    init, fragments = b"", []
    for kind, box in boxes(container.getvalue()):
        if kind in (b"ftyp", b"moov"):
            init += box
        elif kind == b"moof":
            fragments.append(box)
        elif kind == b"mdat":
            fragments[-1] += box
    return init, fragments


def _shifted(fragment: bytes, by: int) -> tuple[bytes, int]:
    """The fragment with its decode time (tfdt version 1) moved by `by`, and that time."""
    at = fragment.index(b"tfdt") + 8
    time = int.from_bytes(fragment[at : at + 8], "big") + by
    return fragment[:at] + time.to_bytes(8, "big") + fragment[at + 8 :], time


def video(begin: int, seconds: int, fps: int = 5) -> Track:
    """H.264 of `seconds` from second `begin` of a run on, a fragment each second; frame n is of brightness 40 + n."""
    out = io.BytesIO()
    options = {"movflags": "empty_moov+default_base_moof+frag_keyframe", "video_track_timescale": "90000"}
    with av.open(out, "w", format="mp4", options=options) as container:
        coding = {"preset": "ultrafast", "x264-params": f"keyint={fps}:scenecut=0:threads=1"}
        stream = container.add_stream("libx264", rate=fps, options=coding)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        for number in range(seconds * fps):
            picture = np.full((64, 64, 3), 40 + begin * fps + number, dtype=np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode(None))
    init, fragments = _fragmented(out)
    pieces = []
    for data in fragments:
        moved, time = _shifted(data, (1 + begin) * 90000)
        pieces.append(TrackFragment(moved, time, 90000, True, fps))
    return Track(Rendition.MAIN, "avc1.42c00a", init, 90000, pieces)


@cache
def _tone(seconds: int) -> tuple[bytes, list[bytes]]:
    """A tone of 440 Hz in AAC, 48 frames (1.024 s) a fragment."""
    out = io.BytesIO()
    options = {"movflags": "empty_moov+default_base_moof", "frag_duration": "1024000"}
    with av.open(out, "w", format="mp4", options=options) as container:
        stream = container.add_stream("aac", rate=48000, layout="mono")
        tone = np.sin(2 * np.pi * 440 * np.arange(48000 * seconds) / 48000).astype(np.float32)
        frame = av.AudioFrame.from_ndarray(tone[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = 48000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return _fragmented(out)


def aac(begin: int, end: int | None) -> Track:
    """The fragments [begin, end) of 8 s of AAC; to the last where `end` is None."""
    init, fragments = _tone(8)
    pieces = []
    for data in fragments[begin:end]:
        moved, time = _shifted(data, 48000)
        pieces.append(TrackFragment(moved, time, 48 * 1024, True, 48))
    return Track(Rendition.AUDIO, "mp4a.40.2", init, 48000, pieces)


def alaw(begin: int, seconds: int) -> Track:
    """G.711 silence, a fragment each second."""
    track = AudioTrack("alaw", 8000, 1)
    pieces = []
    for second in range(seconds):
        time = (1 + begin + second) * 8000
        sample = Sample(b"\xd5" * 8000, time, 8000, 0, True)
        pieces.append(TrackFragment(fragment_head(second + 1, [sample]) + sample.data, time, 8000, True, 1))
    return Track(Rendition.AUDIO, track.codec_string, init_segment(track), 8000, pieces)
