"""A picture that hangs is noticed and a still scene is not; so are a wrong clock and another device at the address."""

from __future__ import annotations

import itertools
import socket
import time
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.capture.camera_clock import CameraTime
from edge_agent.capture.source import AccessUnit
from edge_agent.capture.standing import StandingPicture
from edge_agent.capture.who import WhoAnswers
from sealing.ids import ClockSource
from tests.edge_agent.box import Box, wait_for
from tests.edge_agent.camera_front import listening
from tests.edge_agent.footage import lengths
from tests.odd_camera import Sending, converse, description, playing

HOUR_US = 3_600_000_000
NOW_US = 1_790_000_000_000_000


def scene(codec: str, noise: int, keys: int = 40) -> list[bytes]:
    """Key frames, two seconds apart, of a scene nothing moves in; `noise`: how far the sensor's values are off by."""
    random = np.random.default_rng(7)
    still = random.integers(40, 200, (96, 64), dtype=np.int16)
    context = av.CodecContext.create(codec, "w")
    context.width = context.height = 64
    context.pix_fmt, context.gop_size = "yuv420p", 1
    context.time_base = Fraction(1, 90_000)
    context.options = {"x264-params": "log-level=none", "x265-params": "log-level=none", "preset": "veryfast"}
    packets = []
    for number in range(keys):
        seen = still + random.integers(-noise, noise + 1, still.shape) if noise else still
        frame = av.VideoFrame.from_ndarray(seen.astype(np.uint8), format="yuv420p")
        frame.pts = number * 180_000
        packets += context.encode(frame)
    return [lengths(bytes(packet)) for packet in (*packets, *context.encode(None))]


def units_of(data: bytes) -> list[bytes]:
    """The NAL units of a picture."""
    units, at = [], 0
    while at < len(data):
        size = int.from_bytes(data[at : at + 4], "big")
        units.append(data[at + 4 : at + 4 + size])
        at += 4 + size
    return units


def looked_at(codec: str, pictures: list[bytes]) -> StandingPicture:
    standing = StandingPicture()
    for number, data in enumerate(pictures):
        at_ns = number * 2_000_000_000
        standing.take(codec, AccessUnit("video", 0, at_ns, True, data))
        standing.take(codec, AccessUnit("video", 0, at_ns + 1, False, b"\0\0\0\2\x41\x9a"))
    return standing


@pytest.mark.parametrize(("encoder", "codec"), [("libx264", "h264"), ("libx265", "h265")])
def test_a_still_scene_is_none_and_a_picture_that_hangs_is_one(encoder: str, codec: str) -> None:
    assert looked_at(codec, scene(encoder, 2)).stands_s is None
    hanging = scene(encoder, 0)
    # Rate control starts by changing its mind; from then on the encoder is given the same and gives the same.
    settled = [*scene(encoder, 2, 5), *[hanging[-2], hanging[-1]] * 20]
    assert looked_at(codec, settled).stands_s == 78
    assert looked_at(codec, settled[:20]).stands_s is None, "too early to say"
    assert looked_at(codec, [*settled, scene(encoder, 2, 3)[-1]]).stands_s is None, "it moves again"


def test_real_key_frames_of_one_picture_count_as_the_same_despite_their_headers() -> None:
    """The encoder's own key frames of equal pictures: their headers differ (idr_pic_id), their slices do not."""
    hanging = scene("libx264", 0)
    assert len(set(hanging[-4:])) > 1
    assert looked_at("h264", hanging).stands_s is not None


@settings(max_examples=30, deadline=None)
@given(st.floats(-200, 200), st.integers(-HOUR_US, HOUR_US), st.randoms(use_true_random=False))
def test_drift_is_found_through_late_reports(ppm, off_us, random) -> None:
    camera = CameraTime()
    for second in range(0, 3600, 5):
        late_us = random.choice([500, 20_000, 230_000])
        camera.told(off_us + round(ppm * second) - late_us, second * 1_000_000_000)
    assert camera.drift_ppm is not None
    assert abs(camera.drift_ppm - ppm) < 30
    assert camera.offset_us is not None
    assert abs(camera.offset_us - off_us - ppm * 3600) < 250_000
    camera.told(off_us + HOUR_US, 3_600_000_000_000)
    assert (camera.offset_us, camera.drift_ppm) == (off_us + HOUR_US, None), (
        "a clock that was set starts anew"
    )


@pytest.mark.parametrize(
    ("off_us", "wrong"),
    [(0, False), (9_000_000, False), (-11_000_000, True), (HOUR_US, True), (-NOW_US + 5_000_000, False)],
)
def test_a_clock_is_wrong_from_ten_seconds_on_unless_it_only_counts(off_us: int, wrong: bool) -> None:
    camera = CameraTime()
    assert camera.wrong_us(NOW_US) is None
    camera.told(off_us, 0)
    assert (camera.wrong_us(NOW_US) == off_us) is wrong


def test_both_are_alarms_of_a_camera_that_is_recorded(tmp_path, monkeypatch) -> None:
    """Through a real socket: key frames that repeat themselves, and sender reports an hour off."""
    monkeypatch.setattr("edge_agent.capture.standing.STANDS_S", 0.5)
    key = scene("libx264", 0)[-1]
    units = units_of(key)
    box = Box(tmp_path)
    monkeypatch.setattr(box.clock, "source", lambda: (ClockSource.SYSTEM_SYNCHRONISED, 1000))

    def script(camera: Sending) -> None:
        for number in itertools.count():
            camera.picture(number * 9000, units)
            camera.report(box.clock.wall_us() + HOUR_US, number * 9000)
            time.sleep(0.1)

    with listening(playing(description(), script)) as port:
        recorder = box.recorder(f"rtsp://127.0.0.1:{port}/live")
        recorder.start()
        wait_for(lambda: len(recorder.alarms()) == 2, what="two alarms")
        hangs, clock = recorder.alarms()
        health = recorder.health()
        recorder.stop()
        recorder.join(5)
    assert "gate: " in hangs
    assert "stands still" in hangs
    assert "its own clock is 3" in clock
    assert "s ahead" in clock
    assert health.state == "recording"
    assert health.clock_offset_us is not None
    assert abs(health.clock_offset_us - HOUR_US) < 5_000_000
    box.spool.close()


def test_another_device_at_the_address_is_an_alarm_until_the_first_one_is_back(tmp_path) -> None:
    """It takes the same password: the name in its challenge alone tells."""
    names = ["AXIS_00408CABCDEF"]

    def camera(connection: socket.socket) -> None:
        name = names[0]
        connection.recv(4096)
        connection.sendall(
            f'RTSP/1.0 401 Unauthorized\r\nCSeq: 1\r\nWWW-Authenticate: Digest realm="{name}", nonce="7"\r\n\r\n'.encode()
        )
        converse(connection, description())
        for number in itertools.count():
            if names[0] != name:
                return
            Sending(connection).picture(number * 9000, units)
            time.sleep(0.05)

    units = units_of(scene("libx264", 2, 1)[0])
    box = Box(tmp_path)
    with listening(camera) as port:
        recorder = box.recorder(f"rtsp://user:word@127.0.0.1:{port}/live")
        recorder.start()
        wait_for(lambda: recorder.health().state == "recording", what="recording")
        assert recorder.alarms() == []
        names[0] = "AXIS_00408C000000"
        wait_for(recorder.alarms, what="the alarm")
        assert "another device than before" in recorder.alarms()[0]
        names[0] = "AXIS_00408CABCDEF"
        wait_for(lambda: not recorder.alarms(), what="its end")
        recorder.stop()
        recorder.join(5)
    box.spool.close()


def test_a_name_that_is_never_the_same_says_nothing() -> None:
    who = WhoAnswers()
    for number in range(5):
        who.told(f"camera {number}")
        who.told("")
    assert not who.changed
