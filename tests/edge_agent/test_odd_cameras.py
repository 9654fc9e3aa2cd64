"""Cameras that send what they should not, through a real socket: all of it is recorded, declared or refused, nothing hangs."""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Callable
from contextlib import closing
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent import h26x, recorder
from edge_agent.capture.native_source import NativeSource
from edge_agent.capture.rtsp import parse_description
from edge_agent.capture.source import CameraClock
from edge_agent.clock import SystemClock
from edge_agent.errors import SourceFailed
from edge_agent.mp4 import AudioTrack
from edge_agent.segmenter import Limits, Segmenter
from sealing.ids import GapReason
from tests.edge_agent.box import Box, wait_for
from tests.edge_agent.camera_front import Handler, listening
from tests.edge_agent.footage import Memory, encode
from tests.edge_agent.test_mp4 import sound
from tests.odd_camera import Sending, description, playing, saying

STEP = 3600
SETS = (h26x.H264_SPS, h26x.H264_PPS)


def pictures(**options: int) -> list[tuple[int, list[bytes]]]:
    """Time and NAL units of each picture in decoding order."""
    return [
        (at, [data[start:end] for start, end in h26x.split_annexb(data)])
        for at, _, data in encode(**{"frames": 40, "gop": 10} | options)
    ]


PICTURES = pictures()
NOISE = pictures(frames=12, size=128, noise=True)


def without_sets(units: list[bytes]) -> list[bytes]:
    return [unit for unit in units if unit[0] & 31 not in SETS]


def sets_of(units: list[bytes]) -> list[bytes]:
    return [unit for unit in units if unit[0] & 31 in SETS]


def send(*, first: int = 0, made: list[tuple[int, list[bytes]]] = PICTURES) -> Callable[[Sending], None]:
    def script(camera: Sending) -> None:
        for at, units in made:
            camera.picture(first + at, units)

    return script


def read(handler: Handler, **limits: float) -> tuple[Memory, SourceFailed, list[CameraClock]]:
    """What the segmenter makes of one connection, how it ended, and what the camera said of its clock."""
    memory, clocks = Memory(), []
    segmenter = Segmenter(memory, SystemClock(), Limits(10, 14.0))

    def connection(port: int) -> None:
        source = NativeSource(f"rtsp://127.0.0.1:{port}/live", audio=True, **limits)
        source.hurried = True
        with closing(source):
            for event in source.events():
                if isinstance(event, CameraClock):
                    clocks.append(event)
                segmenter.handle(event)

    with listening(handler) as port, pytest.raises(SourceFailed) as ended:
        connection(port)
    segmenter.stop()
    return memory, ended.value, clocks


def kept(memory: Memory) -> list[bytes]:
    return [bytes(sample.data) for segment in memory.segments for sample in segment.samples]


def lengths_of(units: list[bytes]) -> bytes:
    return b"".join(struct.pack(">I", len(unit)) + unit for unit in units)


def reasons(memory: Memory) -> list[GapReason]:
    return [gap[2] for gap in memory.gaps]


def test_pictures_out_of_order_keep_their_times() -> None:
    made = pictures(b_frames=2)
    assert [at for at, _ in made] != sorted(at for at, _ in made)
    memory, _, _ = read(playing(description(), send(made=made)))
    samples = [sample for segment in memory.segments for sample in segment.samples]
    shown = [sample.decode_time + sample.offset for sample in samples]
    assert [after - before for before, after in pairwise(sorted(shown))] == [STEP] * (len(made) - 1)
    assert [at - made[0][0] for at, _ in made] == [at - shown[0] for at in shown]
    assert kept(memory) == [lengths_of(units) for _, units in made]


def test_parameter_sets_may_come_again_and_again_or_in_the_description_alone() -> None:
    sets = sets_of(PICTURES[0][1])
    again = [(at, [*sets, *without_sets(units)]) for at, units in PICTURES]
    memory, _, _ = read(playing(description(), send(made=again)))
    assert (len(kept(memory)), len(memory.segments), reasons(memory)) == (len(PICTURES), 1, [])
    bare = [(at, without_sets(units)) for at, units in PICTURES]
    memory, _, _ = read(playing(description(sets), send(made=bare)))
    assert (kept(memory), reasons(memory)) == ([lengths_of(units) for _, units in bare], [])


def test_another_resolution_in_mid_stream_starts_a_run_and_is_declared() -> None:
    larger = [(at + 40 * STEP, units) for at, units in pictures(size=96)]
    memory, _, _ = read(playing(description(), send(made=[*PICTURES, *larger])))
    assert [segment.track.size for segment in memory.segments] == [(64, 64), (96, 96)]
    assert reasons(memory) == [GapReason.STREAM_PARAMETERS_CHANGED]
    assert len(kept(memory)) == 80


def test_times_wrap_without_a_trace_and_jumps_are_declared() -> None:
    memory, _, _ = read(playing(description(), send(first=2**32 - 20 * STEP)))
    assert (len(kept(memory)), len(memory.segments), reasons(memory)) == (40, 1, [])
    jumped = [(at + (90_000 * 3600 if n >= 20 else 0), units) for n, (at, units) in enumerate(PICTURES)]
    memory, _, _ = read(playing(description(), send(made=jumped)))
    assert (len(kept(memory)), reasons(memory)) == (40, [GapReason.MEDIA_TIME_JUMPED])


def test_lost_packets_are_declared_where_they_are_missing() -> None:
    def script(camera: Sending) -> None:
        for number, (at, units) in enumerate(NOISE):
            camera.picture(at, units, lost=2 if number == 5 else 0)

    memory, _, _ = read(playing(description(), script))
    assert reasons(memory) == [GapReason.PACKETS_LOST]
    assert memory.gaps[0][3].startswith("2 packets")
    assert lengths_of(NOISE[4][1]) in kept(memory)
    assert lengths_of(NOISE[6][1]) in kept(memory)


def test_a_cameras_own_signature_passes_untouched() -> None:
    """ONVIF Media Signing section 5: an SEI of user data, unregistered, with its UUID in front."""
    uuid = bytes.fromhex("005bc93f2d7195e3a7f27a05b2b48b8a")
    signature = bytes((6, 5, 16 + 90)) + uuid + bytes(range(90)).replace(b"\0\1\2", b"\0\3\2") + b"\x80"
    signed = [(at, [*sets_of(units), signature, *without_sets(units)]) for at, units in PICTURES]
    memory, _, _ = read(playing(description(), send(made=signed)))
    assert kept(memory) == [lengths_of(units) for _, units in signed]


def test_opus_is_recorded_packet_by_packet_at_its_times() -> None:
    """RFC 7587: one packet of Opus a packet of RTP, 48,000 a second whatever is inside."""
    track, packets = sound("opus")

    def script(camera: Sending) -> None:
        for number, (at, units) in enumerate(PICTURES):
            camera.picture(at, units)
            if number < len(packets):
                camera.rtp(1, at * 48 // 90, True, packets[number])

    memory, _, _ = read(playing(description(audio="opus/48000/2"), script))
    (segment,) = memory.segments
    assert segment.audio_track == track
    assert [bytes(sample.data) for sample in segment.sound] == packets[-len(segment.sound) :]
    assert len(segment.sound) >= len(packets) - 1
    assert {sample.duration for sample in segment.sound} == {960}


@pytest.mark.parametrize(
    ("packet", "samples"),
    [
        (b"", 0),
        (b"\x78", 960),
        (b"\x79..", 1920),
        (b"\x7b", 0),
        (b"\x7b\x06", 5760),
        (b"\x7b\x3f", 0),
        (b"\x18", 2880),
    ],
)
def test_a_packet_of_opus_tells_how_long_it_is(packet: bytes, samples: int) -> None:
    assert AudioTrack("opus", 48_000, 1).duration(packet) == samples


def test_an_open_connection_without_pictures_is_a_stall() -> None:
    """Sender reports alone are no sign of life."""
    over = threading.Event()

    def script(camera: Sending) -> None:
        while not over.wait(0.05):
            camera.report(time.time_ns() // 1000, 0)

    _, failure, clocks = read(playing(description(), script), stall_timeout_s=0.4)
    over.set()
    assert failure.reason is GapReason.CAMERA_STALLED
    assert clocks
    assert all(abs(item.offset_us) < 2_000_000 for item in clocks)


@pytest.mark.parametrize(
    ("described", "says"), [(True, "no key frame"), (False, "without parameter sets")], ids=["keys", "sets"]
)
def test_a_stream_nothing_can_begin_with_is_refused_and_declared(
    described: bool, says: str, tmp_path, monkeypatch
) -> None:
    monkeypatch.setattr(recorder, "KEYLESS_S", 0.3)
    deltas = [without_sets(units) for _, units in PICTURES[1:10]]

    def script(camera: Sending) -> None:
        for number in range(400):
            camera.picture(number * 900, deltas[number % 9])
            time.sleep(0.01)

    box = Box(tmp_path)
    sdp = description(sets_of(PICTURES[0][1]) if described else ())
    with listening(playing(sdp, script)) as port:
        reading = box.recorder(f"rtsp://127.0.0.1:{port}/live")
        reading.start()
        wait_for(lambda: reading.health().state == "unusable", what="the refusal")
        detail = reading.health().detail
        reading.stop()
        reading.join(5)
    assert says in detail
    assert not box.segments()
    box.spool.close()


HOSTILE = {
    "endless headers": saying(b"RTSP/1.0 200 OK\r\n", b"X-More: " + b"a" * 8000 + b"\r\n", again=40),
    "a huge description": saying(
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: 900000000\r\n\r\n", b"v=0\r\n"
    ),
    "a length of ten thousand digits": saying(
        b"RTSP/1.0 200 OK\r\nCSeq: 1\r\nContent-Length: " + b"9" * 10_000 + b"\r\n\r\n"
    ),
    "an answer that drips": saying(b"RTSP/1.0 200 OK\r\n", *[b"X", b": ", b"y\r\n"] * 3, again=0),
    "another protocol": saying(b"SSH-2.0-OpenSSH_9.2p1\r\n"),
    "media without an answer": saying(b"$\0\4\0" + bytes(1024), again=20),
}


@pytest.mark.parametrize("handler", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_camera_is_given_up_in_time(handler: Handler) -> None:
    began_s = time.monotonic()
    _, failure, _ = read(handler, open_timeout_s=0.3)
    assert failure.reason in (GapReason.CAMERA_STREAM_UNUSABLE, GapReason.CAMERA_UNREACHABLE)
    assert time.monotonic() - began_s < 8


def test_an_answer_that_never_stops_dripping_is_given_up() -> None:
    over = threading.Event()

    def drip(connection) -> None:
        connection.recv(4096)
        connection.sendall(b"RTSP/1.0 200 OK\r\n")
        while not over.wait(0.05):
            connection.sendall(b"x")

    _, failure, _ = read(drip, open_timeout_s=0.3)
    over.set()
    assert failure.reason is GapReason.CAMERA_UNREACHABLE


def test_a_picture_that_never_ends_is_refused_before_it_fills_the_memory() -> None:
    piece = bytes((0x7C, 0x05)) + bytes(60_000)

    def script(camera: Sending) -> None:
        camera.rtp(0, 0, False, bytes((0x7C, 0x85)) + bytes(100))
        for _ in range(400):
            camera.rtp(0, 0, False, piece)

    _, failure, _ = read(playing(description(), script))
    assert failure.reason is GapReason.CAMERA_STREAM_UNUSABLE
    assert "no picture ever ends" in str(failure)


def test_numbers_nobody_can_mean_are_left_out_of_a_description() -> None:
    huge = "9" * 6000
    text = f"m=video 0 RTP/AVP {huge} 96\r\na=rtpmap:{huge} H264/90000\r\na=rtpmap:96 H264/90000\r\n"
    offer = parse_description(
        text + f"m=audio 0 RTP/AVP 8 {huge}\r\na=rtpmap:8 PCMA/{huge}/1\r\n", "rtsp://c/"
    )
    assert (offer.video.payload_type, offer.audio) == (96, None)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 5), st.binary(max_size=80)), max_size=20), st.binary(max_size=40))
def test_whatever_comes_after_play_the_reader_ends_with_a_reason(packets, rest) -> None:
    def script(camera: Sending) -> None:
        send(made=PICTURES[:3])(camera)
        for channel, packet in packets:
            camera.packet(channel, packet)
        camera.raw(rest)

    memory, failure, _ = read(playing(description(audio="opus/48000/2"), script))
    assert isinstance(failure.reason, GapReason)
    assert kept(memory)[:2] == [lengths_of(units) for _, units in PICTURES[:2]]
