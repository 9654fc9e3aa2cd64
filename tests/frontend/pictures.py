"""Moving pictures whose blocks say which instant they show, and tones: coded here, cut into fragments as SPEC section 6 wants."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np

from edge_agent.mp4 import AudioTrack, Sample, fragment_head, init_segment
from tests.edge_agent.footage import lengths, video_track

FPS = 10
WIDTH, HEIGHT = 384, 224
BLOCK = 16
BITS = 24
TICK = 90_000 // FPS


@dataclass(frozen=True)
class Piece:
    """One fragment (moof+mdat), times in the track's timescale."""

    data: bytes
    decode_time: int
    duration: int
    sync: bool
    samples: int


@dataclass(frozen=True)
class Coded:
    """A track of one run: fragments in order; the first begins at 1 s."""

    codec: str
    timescale: int
    init: bytes
    pieces: list[Piece]


def picture(ms: int, colour: int) -> np.ndarray:
    """A frame with `ms` as a row of black and white blocks, least significant bit first, on a plain ground."""
    frame = np.full((HEIGHT, WIDTH, 3), (40, colour, 120), dtype=np.uint8)
    for bit in range(BITS):
        frame[:BLOCK, bit * BLOCK : (bit + 1) * BLOCK] = 255 if ms >> bit & 1 else 0
    at = (ms // 100 * 8) % WIDTH
    frame[100:140, at : at + 24] = 230
    return frame


def second_of(frame: av.VideoFrame) -> float:
    """The second a decoded `picture` shows."""
    pixels = frame.to_ndarray(format="rgb24")
    row = pixels[BLOCK // 2, BLOCK // 2 : BITS * BLOCK : BLOCK].astype(int).sum(axis=1) > 384
    return int((row * 2 ** np.arange(BITS)).sum()) / 1000


def png_texts(png: bytes) -> dict[str, str]:
    """What a PNG's iTXt chunks say, by keyword."""
    found = {}
    at = 8
    while at < len(png):
        (length,) = struct.unpack_from(">I", png, at)
        if png[at + 4 : at + 8] == b"iTXt":
            keyword, rest = png[at + 8 : at + 8 + length].split(b"\0", 1)
            found[keyword.decode()] = rest[4:].decode()
        at += 12 + length
    return found


def video(
    first_ms: int, seconds: float, *, gop_s: float = 1, b_frames: int = 0, noise: bool = False
) -> Coded:
    """H.264 whose pictures show `first_ms` and on; `noise` makes fragments that fill several leaves."""
    context = av.CodecContext.create("libx264", "w")
    context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 90_000), Fraction(FPS, 1)
    context.gop_size, context.max_b_frames = round(gop_s * FPS), b_frames
    context.options = {"preset": "veryfast", "crf": "20", "x264-params": "scenecut=0:log-level=none"}
    random = np.random.default_rng(first_ms)
    packets = []
    for number in range(round(seconds * FPS)):
        array = picture(first_ms + number * 1000 // FPS, (number * 3) % 200)
        if noise:
            array[150:] = random.integers(0, 255, array[150:].shape, dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(array, format="rgb24")
        frame.pts, frame.time_base = number * TICK, context.time_base
        packets += context.encode(frame)
    packets += context.encode(None)
    track = video_track("h264", bytes(packets[0]))
    shift = 90_000 - min(int(packet.pts or 0) for packet in packets)
    samples = [
        Sample(
            lengths(bytes(packet)),
            90_000 + i * TICK,
            TICK,
            int(packet.pts or 0) + shift - 90_000 - i * TICK,
            packet.is_keyframe,
        )
        for i, packet in enumerate(packets)
    ]
    return Coded(track.codec_string, 90_000, init_segment(track), _cut(samples, FPS))


def tone(seconds: float, codec: str) -> Coded:
    """A tone as AAC (48 kHz), Opus (48 kHz) or A-law (8 kHz)."""
    if codec == "aac":
        return _aac(seconds)
    if codec == "opus":
        return _opus(seconds)
    wave = (12_000 * np.sin(np.arange(round(seconds * 8000)) * 2 * np.pi * 440 / 8000)).astype(np.int16)
    context = av.CodecContext.create("pcm_alaw", "w")
    context.sample_rate, context.layout, context.format = 8000, "mono", "s16"
    frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
    frame.sample_rate, frame.pts = 8000, 0
    data = b"".join(bytes(packet) for packet in [*context.encode(frame), *context.encode(None)])
    track = AudioTrack("alaw", 8000, 1)
    samples = [
        Sample(data[at : at + 160], 8000 + at, len(data[at : at + 160]), 0, True)
        for at in range(0, len(data), 160)
    ]
    return Coded("alaw", 8000, init_segment(track), _cut(samples, 25))


def _opus(seconds: float) -> Coded:
    rate = 48_000
    context = av.CodecContext.create("libopus", "w")
    context.sample_rate, context.layout, context.format = rate, "mono", "s16"
    wave = (12_000 * np.sin(np.arange(round(seconds * rate)) * 2 * np.pi * 440 / rate)).astype(np.int16)
    packets = []
    for at in range(0, len(wave) - 959, 960):
        frame = av.AudioFrame.from_ndarray(wave[at : at + 960].reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = rate, at
        packets += context.encode(frame)
    track = AudioTrack("opus", rate, 1)
    samples = [Sample(bytes(packet), rate + 960 * n, 960, 0, True) for n, packet in enumerate(packets)]
    return Coded("opus", rate, init_segment(track), _cut(samples, 25))


def _aac(seconds: float) -> Coded:
    rate = 48_000
    context = av.CodecContext.create("aac", "w")
    context.sample_rate, context.layout, context.format, context.bit_rate = rate, "mono", "fltp", 64_000
    context.open()
    packets = []
    for at in range(0, round(seconds * rate), 1024):
        wave = 0.3 * np.sin(np.arange(at, at + 1024) * 2 * np.pi * 440 / rate)
        frame = av.AudioFrame.from_ndarray(
            wave.astype(np.float32).reshape(1, -1), format="fltp", layout="mono"
        )
        frame.sample_rate, frame.pts = rate, at
        packets += context.encode(frame)
    track = AudioTrack("aac", rate, 1, bytes(context.extradata or b""))
    samples = [Sample(bytes(packet), rate + i * 1024, 1024, 0, True) for i, packet in enumerate(packets)]
    return Coded(track.codec_string, rate, init_segment(track), _cut(samples, 23))


def _cut(samples: list[Sample], most: int) -> list[Piece]:
    """Fragments of at most `most` samples, video cut at key frames too."""
    groups: list[list[Sample]] = []
    for sample in samples:
        starts = sample.sync and len(groups) > 0 and not groups[-1][-1].sync
        if not groups or len(groups[-1]) >= most or starts:
            groups.append([])
        groups[-1].append(sample)
    return [
        Piece(
            fragment_head(number, group) + b"".join(bytes(sample.data) for sample in group),
            group[0].decode_time,
            sum(sample.duration for sample in group),
            group[0].sync,
            len(group),
        )
        for number, group in enumerate(groups, 1)
    ]
