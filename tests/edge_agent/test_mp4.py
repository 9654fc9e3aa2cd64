"""The MP4 writer, read back by FFmpeg: every time, flag and byte as it was put in."""

from __future__ import annotations

import hashlib
import io
import subprocess

import av
import pytest

from edge_agent import mp4
from edge_agent.h26x import split_annexb, split_length_prefixed
from edge_agent.mp4 import AudioTrack, Sample
from tests.edge_agent.footage import encode, lengths, video_track


def samples_of(
    pictures: list[tuple[int, bool, bytes]], interval: int = 3600, first: int = 900_000
) -> list[Sample]:
    lead = 2 * interval  # as an encoder with two B-frames in a row has it
    return [
        Sample(lengths(data), first - lead + n * interval, interval, lead + pts - n * interval, key)
        for n, (pts, key, data) in enumerate(pictures)
    ]


def written(track: mp4.Track, samples: list[Sample], per_fragment: int) -> bytes:
    out = mp4.init_segment(track)
    for at in range(0, len(samples), per_fragment):
        group = samples[at : at + per_fragment]
        out += mp4.fragment_head(at + 1, group) + b"".join(bytes(item.data) for item in group)
    return out


@pytest.mark.parametrize("b_frames", [0, 2])
@pytest.mark.parametrize(("encoder", "codec"), [("libx264", "h264"), ("libx265", "h265")])
def test_every_picture_comes_back_with_its_exact_times_and_bytes(encoder, codec, b_frames):
    pictures = encode(encoder, frames=30, b_frames=b_frames)
    samples = samples_of(pictures)
    data = written(video_track(codec, pictures[0][2]), samples, 7)
    with av.open(io.BytesIO(data)) as file:
        got = [
            (packet.pts, packet.dts, packet.is_keyframe, bytes(packet))
            for packet in file.demux(video=0)
            if packet.size
        ]
    assert got == [
        (item.decode_time + item.offset, item.decode_time, item.sync, bytes(item.data)) for item in samples
    ]
    with av.open(io.BytesIO(data)) as file:
        shown = [frame.pts for frame in file.decode(video=0)]
    assert shown == sorted(item.decode_time + item.offset for item in samples)


def test_nal_units_keep_their_bytes_and_order():
    _, _, annexb = encode(frames=3)[0]
    assert [bytes(unit) for unit in split_length_prefixed(lengths(annexb))] == [
        annexb[start:end] for start, end in split_annexb(annexb)
    ]


@pytest.mark.parametrize(
    ("encoder", "codec", "string"),
    [("libx264", "h264", "avc1.64000A"), ("libx265", "h265", "hvc1.1.6.L30.90")],
)
def test_codec_string_and_size_are_those_of_the_parameter_sets(encoder, codec, string):
    track = video_track(codec, encode(encoder, frames=3)[0][2])
    assert track.codec_string == string
    assert track.size == (64, 64)


def test_equal_tracks_give_equal_init_segments():
    pictures = encode(frames=3)
    first, second = (mp4.init_segment(video_track("h264", pictures[0][2])) for _ in range(2))
    assert hashlib.sha256(first).digest() == hashlib.sha256(second).digest()


def test_parts_of_one_run_play_on_when_concatenated(tmp_path):
    pictures = encode(frames=50, gop=25, b_frames=2)
    samples = samples_of(pictures)
    track = video_track("h264", pictures[0][2])
    cut = next(n for n, item in enumerate(samples) if item.sync and n)
    second = written(track, samples[cut:], 5)[len(mp4.init_segment(track)) :]
    path = tmp_path / "joined.mp4"
    path.write_bytes(written(track, samples[:cut], 5) + second)
    probe = subprocess.run(
        ["ffprobe", "-v", "error", "-show_entries", "packet=pts", "-of", "csv=p=0", path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert probe.stderr == ""
    times = sorted(int(line.strip(",")) for line in probe.stdout.split())
    assert times == sorted(item.decode_time + item.offset for item in samples)


CODECS = {"aac": "aac", "alaw": "pcm_alaw", "ulaw": "pcm_mulaw", "opus": "libopus"}
RATES_AND_SIZES = {"aac": (8000, 1024), "alaw": (8000, 160), "ulaw": (8000, 160), "opus": (48_000, 960)}


def sound(codec: str, layout: str = "mono") -> tuple[AudioTrack, list[bytes]]:
    import numpy as np

    context = av.CodecContext.create(CODECS[codec], "w")
    rate, size = RATES_AND_SIZES[codec]
    context.sample_rate, context.layout = rate, layout
    context.format = "fltp" if codec == "aac" else "s16"
    packets = []
    for number in range(20):
        kind = np.float32 if codec == "aac" else np.int16
        frame = av.AudioFrame.from_ndarray(
            np.full((1, size), number, dtype=kind), format=context.format.name, layout=layout
        )
        frame.sample_rate, frame.pts = rate, number * size
        packets += context.encode(frame)
    packets += context.encode(None)
    config = bytes(context.extradata or b"") if codec == "aac" else b""
    return AudioTrack(codec, rate, 1, config), [bytes(packet) for packet in packets]


@pytest.mark.parametrize(
    ("codec", "string"), [("aac", "mp4a.40.2"), ("alaw", "alaw"), ("ulaw", "ulaw"), ("opus", "opus")]
)
def test_sound_comes_back_with_its_exact_times_and_bytes(codec, string):
    track, packets = sound(codec)
    assert track.codec_string == string
    rate, size = RATES_AND_SIZES[codec]
    assert {track.duration(data) for data in packets} == {size}
    samples = [Sample(data, 80_000 + n * size, size, 0, True) for n, data in enumerate(packets)]
    data = written(track, samples, 6)
    with av.open(io.BytesIO(data)) as file:
        stream = file.streams.audio[0]
        assert (stream.codec_context.name, stream.rate, stream.channels) == (
            CODECS[codec].removeprefix("lib"),
            rate,
            1,
        )
        packets_read = [packet for packet in file.demux(stream) if packet.size]
    assert packets_read[0].pts == 80_000
    assert b"".join(bytes(packet) for packet in packets_read) == b"".join(packets)
    with av.open(io.BytesIO(data)) as file:
        decoded = sum(frame.samples for frame in file.decode(audio=0))
    assert decoded == size * len(samples)
