"""The demo camera, driven by real players (ffprobe, PyAV) and by a client that looks at single packets."""

import asyncio
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice, pairwise
from pathlib import Path
from urllib.parse import quote

import av
import numpy as np
import pytest
from av.error import HTTPUnauthorizedError
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from edge_agent.capture.native_source import NativeSource
from edge_agent.capture.source import AccessUnit
from edge_agent.errors import SourceFailed
from edge_agent.onvif.device import DEVICE, Device
from edge_agent.onvif.door import open_door
from tests.environment import free_port
from tests.rtsp_client import RtpPacket, RtspClient, SenderReport, annex_b
from vsaas.onebox.demo_camera import (
    MAIN,
    SUB,
    BarcodeUnreadable,
    DemoCamera,
    DemoCameraConfig,
    barcode,
    demo_camera_thread,
)
from vsaas.onebox.demo_camera.audio import tone
from vsaas.onebox.demo_camera.certificate import ensure_certificate
from vsaas.onebox.demo_camera.digest import parse_authorization
from vsaas.onebox.demo_camera.faults import NAMED, ScheduledFault
from vsaas.onebox.demo_camera.messages import RtspError, interleaved_channels, parse_request
from vsaas.onebox.demo_camera.picture import Canvas, TestCard

QUICK = {"rtsp_transport": "tcp", "fpsprobesize": "0", "analyzeduration": "200000"}


@pytest.fixture
def camera() -> Iterator[DemoCamera]:
    with demo_camera_thread() as running:
        yield running


def small(**changes: object) -> DemoCameraConfig:
    """A camera whose main stream is as cheap as its sub stream, but faster."""
    return DemoCameraConfig(main=replace(SUB, fps=25, bitrate_bps=600_000, gop_seconds=1.0), **changes)  # type: ignore[arg-type]


@pytest.fixture
def small_camera() -> Iterator[DemoCamera]:
    with demo_camera_thread(small()) as running:
        yield running


def wait_for(condition: Callable[[], bool], seconds: float = 30.0) -> None:
    """Wait until a condition holds that another thread brings about."""
    ends = time.monotonic() + seconds
    beat = threading.Event()
    while not condition():
        assert time.monotonic() < ends, "it did not happen in time"
        beat.wait(0.01)


def times_shown(url: str, count: int) -> list[tuple[int, av.VideoFrame]]:
    """Decode so many pictures and read each one's time from its pixels."""
    with av.open(url, options=QUICK, timeout=10) as container:
        return [
            (barcode.read(frame.to_ndarray(format="rgb24")), frame)
            for frame in islice(container.decode(video=0), count)
        ]


def decode(pictures: list[list[RtpPacket]]) -> list[av.VideoFrame]:
    codec = av.CodecContext.create("h264", "r")
    frames = []
    for packet in codec.parse(annex_b(pictures)) + codec.parse(b""):
        frames += codec.decode(packet)
    return frames + codec.decode(None)


# The time in the picture.


@settings(deadline=None)
@given(st.integers(0, 2**42 - 1))
def test_any_time_drawn_is_read_back(utc_ms: int) -> None:
    grey = np.full((180, 320), 90, np.uint8)
    barcode.draw(grey, utc_ms)
    assert barcode.read(grey) == utc_ms
    rgb = np.zeros((360, 640, 3), np.uint8)
    barcode.draw(rgb, utc_ms, black=16, white=235)
    assert barcode.read(rgb) == utc_ms


@settings(deadline=None)
@given(st.integers(0, 2**42 - 1), st.sets(st.integers(0, 63), min_size=1, max_size=3))
def test_up_to_three_wrong_blocks_are_noticed(utc_ms: int, wrong: set[int]) -> None:
    grey = np.zeros((180, 320), np.uint8)
    barcode.draw(grey, utc_ms)
    edges = barcode.block_edges(320)
    for i in wrong:
        part = grey[160:172, edges[i] : edges[i + 1]]
        part[:] = 255 - part
    with pytest.raises(BarcodeUnreadable):
        barcode.read(grey)


@pytest.mark.parametrize("size", [(1920, 1080), (1280, 720), (853, 480), (390, 219), (256, 144)])
def test_the_time_survives_scaling(size: tuple[int, int]) -> None:
    canvas = Canvas.blank(1280, 720)
    TestCard(canvas, "Main").draw(1_795_000_123_456)
    scaled = Image.fromarray(canvas.y).resize(size, Image.Resampling.BILINEAR)
    assert barcode.read(np.asarray(scaled)) == 1_795_000_123_456


@pytest.mark.parametrize(
    "picture",
    [
        np.zeros((720, 1280), np.uint8),
        np.full((720, 1280, 3), 255, np.uint8),
        np.random.default_rng(1).integers(0, 255, (720, 1280), np.uint8),
        np.zeros((2, 2), np.uint8),
        np.zeros((64,), np.uint8),
    ],
)
def test_a_picture_without_the_row_is_refused(picture: np.ndarray) -> None:
    with pytest.raises(BarcodeUnreadable, match="cannot read the time"):
        barcode.read(picture)


def test_a_time_beyond_its_bits_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        barcode.draw(np.zeros((72, 128), np.uint8), 2**42)


def test_a_picture_depends_on_its_moment_alone_and_not_on_what_was_drawn_before() -> None:
    first, second = Canvas.blank(640, 360), Canvas.blank(640, 360)
    walked, jumped = TestCard(first, "Sub"), TestCard(second, "Sub")
    midnight = 1_795_046_400_000  # 2026-11-19T00:00:00Z: the date changes under way
    for utc_ms in range(midnight - 20_000, midnight + 20_001, 400):
        walked.draw(utc_ms)
    jumped.draw(midnight + 20_000)
    for one, other in ((first.y, second.y), (first.u, second.u), (first.v, second.v)):
        np.testing.assert_array_equal(one, other)


def test_the_tone_sounds_at_the_start_of_each_second() -> None:
    sound = np.abs(tone(1_795_000_123_900_000_000, 4800, 16_000))
    assert sound[:1600].max() < 1e-9  # the last 100 ms of a second
    assert sound[1600:2880].max() > 0.1  # 80 ms of tone
    assert sound[2900:].max() < 0.001


# Playing.


@pytest.mark.parametrize(("path", "size"), [("main", (1280, 720)), ("sub", (640, 360))])
def test_the_decoded_picture_shows_the_present(camera: DemoCamera, path: str, size: tuple[int, int]) -> None:
    before = time.time() * 1000
    shown = times_shown(camera.url(path), 8)
    after = time.time() * 1000
    times = [utc_ms for utc_ms, _ in shown]
    assert before - 1000 < times[0] <= times[-1] <= after
    assert times == sorted(set(times))
    assert (shown[0][1].width, shown[0][1].height) == size
    assert shown[0][1].key_frame


@pytest.mark.parametrize(
    ("audio", "names"),
    [
        ("aac", ["aac", "h264"]),
        ("pcma", ["h264", "pcm_alaw"]),
        ("pcmu", ["h264", "pcm_mulaw"]),
        (None, ["h264"]),
    ],
)
def test_ffprobe_sees_the_codecs(audio: str | None, names: list[str]) -> None:
    with demo_camera_thread(small(audio=audio)) as camera:
        command = ["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-fpsprobesize", "0", "-of", "json"]
        command += ["-analyzeduration", "500000", "-show_streams", camera.url("main")]
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, check=True)
    streams = json.loads(result.stdout)["streams"]
    assert sorted(stream["codec_name"] for stream in streams) == names
    assert result.stderr == ""


@pytest.mark.parametrize("audio", ["aac", "pcma"])
def test_the_sound_decodes_and_its_tone_meets_the_second_in_the_picture(audio: str) -> None:
    with demo_camera_thread(small(audio=audio)) as camera, RtspClient(camera.url("main")) as client:
        client.play(0, 1)
        reports: dict[int, SenderReport] = {}
        blocks: list[RtpPacket] = []
        for item in client.media():
            if isinstance(item, SenderReport):
                reports.setdefault(item.channel, item)
            elif item.channel == 2:
                blocks.append(item)
            rate = 16_000 if audio == "aac" else 8_000
            if len(blocks) > 1 and blocks[-1].timestamp - blocks[0].timestamp > 1.6 * rate:
                break
    codec = av.CodecContext.create("aac" if audio == "aac" else "pcm_alaw", "r")
    codec.sample_rate, codec.layout = rate, "mono"
    if audio == "aac":
        codec.extradata = bytes.fromhex("1408")
    parts = []
    for block in blocks:
        data = block.payload[4:] if audio == "aac" else block.payload
        parts += [
            frame.to_ndarray().astype(np.float64).ravel() / (1 if audio == "aac" else 32768)
            for frame in codec.decode(av.Packet(data))
        ]
    loud = np.abs(np.concatenate(parts)) > 0.04
    # The tone begins where it becomes loud after at least 0.3 s of silence.
    starts = [i for i in np.flatnonzero(loud) if i > 0.3 * rate and not loud[i - int(0.3 * rate) : i].any()]
    report = reports[3]
    start_utc = report.utc_seconds + (blocks[0].timestamp + int(starts[0]) - report.timestamp) / rate
    assert abs(start_utc - round(start_utc)) < 0.06


def test_sender_reports_tie_the_rtp_time_to_the_time_in_the_picture() -> None:
    config = small(report_interval_seconds=0.2)
    with demo_camera_thread(config) as camera, RtspClient(camera.url("main")) as client:
        client.play()
        reports, pictures, held = [], [], list[RtpPacket]()
        for item in client.media():
            if isinstance(item, SenderReport):
                reports.append(item)
            else:
                held.append(item)
                if item.marker:
                    pictures.append(held)
                    held = []
            if len(reports) >= 3 and len(pictures) >= 10:
                break
    frames = decode(pictures)
    assert len(frames) >= 8
    for frame, packets in zip(frames, pictures, strict=False):
        shown = barcode.read(frame.to_ndarray(format="rgb24")) / 1000
        for report in reports:
            assert abs(report.utc_seconds + (packets[0].timestamp - report.timestamp) / 90_000 - shown) < 0.01
    assert reports[-1].packets > reports[1].packets
    assert reports[-1].ssrc == pictures[0][0].ssrc


def test_a_wrong_clock_shows_in_the_reports_and_not_in_the_picture() -> None:
    with (
        demo_camera_thread(small(clock_error_seconds=412)) as camera,
        RtspClient(camera.url("main")) as client,
    ):
        client.play()
        report = next(item for item in client.media() if isinstance(item, SenderReport))
        assert abs(report.utc_seconds - time.time() - 412) < 2


def test_packets_are_well_formed(camera: DemoCamera) -> None:
    with RtspClient(camera.url("main")) as client:
        client.play()
        pictures = list(islice(client.pictures(), 5))
    packets = [packet for picture in pictures for packet in picture]
    for one, next_one in pairwise(packets):
        assert next_one.sequence == (one.sequence + 1) & 0xFFFF
    assert packets[0].payload[0] & 31 == 24  # SPS and PPS together, first of all
    assert {packet.payload[0] & 31 for packet in packets} <= {1, 5, 6, 12, 24, 28}
    assert any(packet.payload[0] & 31 == 28 for packet in packets)
    assert max(len(packet.payload) for packet in packets) <= 1400
    assert len({packet.timestamp for packet in pictures[0]}) == 1
    assert len(decode(pictures)) == 5


def test_two_clients_share_one_encoder_and_it_rests_when_both_have_left(small_camera: DemoCamera) -> None:
    with RtspClient(small_camera.url("main")) as one, RtspClient(small_camera.url("main")) as other:
        one.play()
        other.play()
        first = {packet.sequence: packet.payload for packet in islice(one.packets(), 60)}
        second = {packet.sequence: packet.payload for packet in islice(other.packets(), 60)}
        shared = first.keys() & second.keys()
        assert len(shared) > 10
        assert all(first[number] == second[number] for number in shared)
        wait_for(lambda: small_camera.playing("main") == 2)
        one.request("PAUSE")
        wait_for(lambda: small_camera.playing("main") == 1)
        assert one.request("PLAY").status == 200
        assert next(one.pictures())
        assert one.request("TEARDOWN").status == 200
    wait_for(lambda: small_camera.playing("main") == 0)


def test_a_client_that_joins_in_mid_gop_gets_a_key_picture_first_only_where_the_camera_sends_one() -> None:
    config = small(key_frame_on_join=False)
    config = replace(config, main=replace(config.main, gop_seconds=90))
    for joins in (True, False):
        with (
            demo_camera_thread(replace(config, key_frame_on_join=joins)) as camera,
            RtspClient(camera.url("main")) as one,
            RtspClient(camera.url("main")) as other,
        ):
            one.play()
            assert list(islice(one.pictures(), 3))
            other.play()
            starts_with_parameter_sets = next(other.pictures())[0].payload[0] & 31 == 24
            assert starts_with_parameter_sets == joins


async def test_it_runs_inside_an_event_loop_and_says_goodbye() -> None:
    async with DemoCamera(small()) as camera:
        client = await asyncio.to_thread(RtspClient, camera.url("sub"))
        await asyncio.to_thread(client.play)
        assert await asyncio.to_thread(next, client.pictures())
    with client:
        assert await asyncio.to_thread(list, client.media()) is not None  # reads until the camera hung up
        assert client.goodbyes == {1}


# Requests.


@pytest.mark.parametrize("algorithm", ["SHA-256", "MD5"])
def test_both_digest_algorithms_open_the_door(small_camera: DemoCamera, algorithm: str) -> None:
    with RtspClient(small_camera.url("main")) as client:
        reply = client.describe(algorithm)
    assert reply.status == 200
    assert b"sprop-parameter-sets=" in reply.body
    assert reply.headers["content-base"] == [client.base + "/"]
    assert small_camera.refused_logins == 0


def test_players_are_refused_with_a_wrong_password(small_camera: DemoCamera) -> None:
    with pytest.raises(HTTPUnauthorizedError):
        av.open(small_camera.url("main", password="not-it"), options=QUICK, timeout=10)
    assert small_camera.refused_logins == 1


def test_a_replayed_or_borrowed_answer_is_refused(small_camera: DemoCamera) -> None:
    with RtspClient(small_camera.url("main")) as client, RtspClient(small_camera.url("main")) as thief:
        client.describe()
        header = client.authorization("DESCRIBE", client.base)

        def present(where: RtspClient, method: str, uri: str) -> int:
            where.send_raw(f"{method} {uri} RTSP/1.0\r\nCSeq: 9\r\nAuthorization: {header}\r\n\r\n".encode())
            return where.read_reply().status

        assert present(client, "GET_PARAMETER", client.base) == 401  # another method
        assert present(client, "DESCRIBE", client.base.replace("main", "sub")) == 401  # another URI
        assert present(thief, "DESCRIBE", client.base) == 401  # another connection's nonce
        assert present(client, "DESCRIBE", client.base) == 200
        assert present(client, "DESCRIBE", client.base) == 401  # the same again


def test_the_older_digest_without_qop_is_understood(small_camera: DemoCamera) -> None:
    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    with RtspClient(small_camera.url("main")) as client:
        challenges = client.request("DESCRIBE").headers["www-authenticate"]
        realm, nonce = (
            challenges[0].partition(f'{name}="')[2].partition('"')[0] for name in ("realm", "nonce")
        )
        secret = md5(f"{client.username}:{realm}:{client.password}")
        for answer, status in (
            (md5(f"{secret}:{nonce}:{md5(f'DESCRIBE:{client.base}')}"), 200),
            (md5("x"), 401),
        ):
            header = f'Digest username="{client.username}", realm="{realm}", nonce="{nonce}", '
            header += f'uri="{client.base}", response="{answer}"'
            assert client.request("DESCRIBE", Authorization=header).status == status


def test_guessing_ends_the_connection(small_camera: DemoCamera) -> None:
    with RtspClient(small_camera.url("main", password="guess")) as client:
        client.learn_challenge(client.request("DESCRIBE"), "MD5")
        for _ in range(10):
            assert client.request("DESCRIBE").status == 401
        with pytest.raises(ConnectionError):
            client.request("DESCRIBE")


def test_requests_out_of_place_are_answered_with_their_error(small_camera: DemoCamera) -> None:
    with RtspClient(small_camera.url("main")) as client:
        assert client.request("OPTIONS").headers["public"] == [
            "OPTIONS, DESCRIBE, SETUP, PLAY, PAUSE, GET_PARAMETER, TEARDOWN"
        ]
        assert client.request("RECORD").status == 501
        assert client.request("DESCRIBE", f"{client.base}nowhere").status == 401  # nothing is said before
        client.describe()
        assert client.request("DESCRIBE", f"{client.base}nowhere").status == 404
        assert client.request("DESCRIBE", Accept="text/html").status == 406
        assert client.request("DESCRIBE", Require="onvif-replay").headers["unsupported"] == ["onvif-replay"]
        assert client.request("PLAY").status == 455
        assert client.request("SETUP", Transport="RTP/AVP/TCP;interleaved=0-1").status == 459
        track = f"{client.base}/trackID=0"
        for transport in ("RTP/AVP;unicast;client_port=5000-5001", "RTP/AVP/UDP;unicast", ""):
            assert client.request("SETUP", track, Transport=transport).status == 461
        assert client.request("SETUP", track, Transport="RTP/AVP/TCP;interleaved=900-901").status == 400
        mixed = "RTP/AVP;unicast;client_port=5000-5001,RTP/AVP/TCP;unicast"
        reply = client.request("SETUP", track, Transport=mixed)
        assert "interleaved=0-1" in reply.headers["transport"][0]
        assert client.request("PLAY", Session="12345678").status == 454
        client.session = reply.headers["session"][0].partition(";")[0]
        assert reply.headers["session"][0].endswith(";timeout=60")
        taken = client.request("SETUP", f"{client.base}/trackID=1", Transport="RTP/AVP/TCP;interleaved=1-2")
        assert taken.status == 400
        assert client.request("GET_PARAMETER").status == 200
        assert client.request("PLAY").status == 200
        assert client.set_up(1).status == 455
        assert client.request("TEARDOWN").status == 200


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"nonsense\r\n\r\n", 400),
        (b"OPTIONS * RTSP/2.0\r\nCSeq: 1\r\n\r\n", 505),
        (b"OPTIONS * RTSP/1.0\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: one\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq 1\r\n\r\n", 400),
        (b"OPTIONS \xff RTSP/1.0\r\nCSeq: 1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\nX: " + b"y" * 40_000 + b"\r\n\r\n", 413),
    ],
)
def test_malformed_requests_are_answered_and_leave_the_camera_well(
    small_camera: DemoCamera, sent: bytes, status: int
) -> None:
    with RtspClient(small_camera.url("main")) as client:
        client.send_raw(sent)
        assert client.read_reply().status == status
    with RtspClient(small_camera.url("main")) as client:
        assert client.describe().status == 200


@settings(deadline=None)
@given(st.binary(max_size=200) | st.text(max_size=200).map(str.encode))
def test_the_parser_returns_a_request_or_an_rtsp_error(head: bytes) -> None:
    for data in (head, b"PLAY rtsp://x/main RTSP/1.0\r\nCSeq: 1\r\n" + head):
        try:
            request = parse_request(data)
            assert isinstance(request.path, list)
            assert request.content_length >= 0
        except RtspError as error:
            assert error.status in (400, 413, 505)


@settings(deadline=None)
@given(st.text(max_size=80))
def test_odd_transport_and_authorization_headers_do_no_harm(text: str) -> None:
    parse_authorization(text)
    parse_authorization(f"Digest {text}")
    for header in (text, f"RTP/AVP/TCP;interleaved={text}"):
        try:
            channels = interleaved_channels(header, "1")
            assert channels is None or max(channels) < 256
        except RtspError as error:
            assert error.status in (400, 461)


def test_a_silent_client_is_cut_and_one_that_keeps_alive_is_not() -> None:
    with (
        demo_camera_thread(small(session_timeout_seconds=1)) as camera,
        RtspClient(camera.url("main")) as silent,
        RtspClient(camera.url("sub")) as lively,
    ):
        silent.play()
        lively.play()
        ends = time.monotonic() + 1.5
        for _ in lively.pictures():
            lively.send_raw(b"$\x01\x00\x08\x80\xc9\x00\x01\x00\x00\x00\x00")  # an RTCP receiver report
            if time.monotonic() > ends:
                break
        assert lively.request("GET_PARAMETER").status == 200
        silent.drain()


# Faults.


def test_a_changed_password_refuses_everybody(small_camera: DemoCamera) -> None:
    small_camera.faults.wrong_password()
    with RtspClient(small_camera.url("main")) as client:
        assert client.describe().status == 401
    small_camera.faults.wrong_password(False)
    with RtspClient(small_camera.url("main")) as client:
        assert client.describe().status == 200


def test_a_stall_keeps_the_connection_and_sends_nothing(small_camera: DemoCamera) -> None:
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        pictures = client.pictures()
        next(pictures)
        small_camera.faults.stall()
        client.settimeout(0.5)
        with pytest.raises(TimeoutError):
            list(pictures)
        assert small_camera.playing("main") == 1
    small_camera.faults.stall(False)
    assert len(times_shown(small_camera.url("main"), 3)) == 3


def test_a_disconnect_cuts_the_clients_and_lets_them_come_back(small_camera: DemoCamera) -> None:
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        pictures = client.pictures()
        next(pictures)
        small_camera.faults.disconnect()
        client.drain()
    wait_for(lambda: small_camera.playing("main") == 0)
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        assert next(client.pictures())


def test_an_unreachable_camera_cuts_new_connections_until_it_is_back(small_camera: DemoCamera) -> None:
    small_camera.faults.unreachable()
    with pytest.raises(ConnectionError), RtspClient(small_camera.url("main")) as client:
        client.request("OPTIONS")
    small_camera.faults.unreachable(False)
    with RtspClient(small_camera.url("main")) as client:
        assert client.request("OPTIONS").status == 200


def test_b_frames_come_in_decoding_order_and_show_every_time_once(small_camera: DemoCamera) -> None:
    small_camera.faults.b_frames(2)
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        pictures = list(islice(client.pictures(), 20))
    stamps = [picture[0].timestamp for picture in pictures]
    assert any(later < earlier for earlier, later in pairwise(stamps))
    frames = decode(pictures)
    assert any(frame.pict_type == av.video.frame.PictureType.B for frame in frames)
    times = [barcode.read(frame.to_ndarray(format="rgb24")) for frame in frames]
    assert times == sorted(set(times))
    assert len(times) >= 18


def test_the_picture_size_changes_in_mid_stream(small_camera: DemoCamera) -> None:
    with av.open(small_camera.url("main"), options=QUICK, timeout=10) as container:
        sizes = []
        for frame in container.decode(video=0):
            assert barcode.read(frame.to_ndarray(format="rgb24"))
            if (frame.width, frame.height) not in sizes:
                sizes.append((frame.width, frame.height))
                small_camera.faults.resolution(480, 270)
            if len(sizes) == 2:
                break
    assert sizes == [(640, 360), (480, 270)]


def test_sound_comes_and_goes(small_camera: DemoCamera) -> None:
    with RtspClient(small_camera.url("main")) as client:
        client.play(0, 1)

        def sounds_among(count: int) -> int:
            return sum(item.channel == 2 for item in islice(client.media(), count))

        assert sounds_among(120) > 0
        small_camera.faults.audio(False)
        sounds_among(30)  # what was already on its way
        assert sounds_among(120) == 0
        with RtspClient(small_camera.url("main")) as newcomer:
            assert b"m=audio" not in newcomer.describe().body
        small_camera.faults.audio(True)
        assert next(client.packets(channel=2))


def test_time_stamps_jump_while_the_picture_goes_on(small_camera: DemoCamera) -> None:
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        pictures = client.pictures()
        last = next(pictures)[0].timestamp
        small_camera.faults.jump_timestamps(30)
        steps = []
        for picture in islice(pictures, 10):
            steps.append(((picture[0].timestamp - last) & 0xFFFFFFFF) / 90_000)
            last = picture[0].timestamp
    assert sum(29 < step < 31 for step in steps) == 1
    assert sum(step < 1 for step in steps) == 9


def test_lost_packets_leave_holes_in_the_numbers(small_camera: DemoCamera) -> None:
    small_camera.faults.lose_packets(0.2)
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        numbers = [packet.sequence for packet in islice(client.packets(), 100)]
    holes = sum((later - earlier - 1) & 0xFFFF for earlier, later in pairwise(numbers))
    assert 5 < holes < 60


def test_a_long_gop_has_one_key_picture_at_the_start(small_camera: DemoCamera) -> None:
    small_camera.faults.gop(90)
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        kinds = [picture[0].payload[0] & 31 == 24 for picture in islice(client.pictures(), 60)]
    assert kinds == [True] + [False] * 59  # one second would have been 25 pictures


def test_one_picture_a_second(small_camera: DemoCamera) -> None:
    small_camera.faults.frame_rate(1)
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        stamps = [picture[0].timestamp for picture in islice(client.pictures(), 3)]
    assert [(later - earlier) & 0xFFFFFFFF for earlier, later in pairwise(stamps)] == [90_000, 90_000]


def test_a_variable_rate_has_uneven_steps(small_camera: DemoCamera) -> None:
    small_camera.faults.variable_rate()
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        stamps = [picture[0].timestamp for picture in islice(client.pictures(), 14)]
    steps = {round(((later - earlier) & 0xFFFFFFFF) / 1800) for earlier, later in pairwise(stamps)}
    assert {1, 2, 4, 6} <= steps  # half, once, twice and three times 40 ms


def test_garbage_instead_of_replies_descriptions_and_pictures(small_camera: DemoCamera) -> None:
    small_camera.faults.garbage("answers")
    with RtspClient(small_camera.url("main")) as client, pytest.raises(ValueError, match="invalid literal"):
        client.request("OPTIONS")
    small_camera.faults.garbage("sdp")
    with RtspClient(small_camera.url("main")) as client:
        assert b"v=zero" in client.describe().body
    small_camera.faults.garbage("media")
    with RtspClient(small_camera.url("main")) as client:
        client.play()
        payloads = [packet.payload for packet in islice(client.packets(), 30)]
    assert len({payload[0] for payload in payloads}) > 8
    small_camera.faults.garbage(None)
    assert len(times_shown(small_camera.url("main"), 2)) == 2


@pytest.mark.parametrize("text", ["no-such", "fps=fast", "garbage=much", "resolution=wide", "stall@soon"])
def test_faults_that_make_no_sense_are_refused(text: str) -> None:
    camera = DemoCamera(small())
    with pytest.raises(ValueError):
        ScheduledFault(text).apply(camera.faults)


@pytest.mark.parametrize("name", sorted(NAMED))
def test_every_fault_can_be_named(name: str, small_camera: DemoCamera) -> None:
    ScheduledFault(name).apply(small_camera.faults)


# The command.

COMMAND = [sys.executable, "-m", "vsaas.onebox.demo_camera", "--port", "0"]


def _environment(**changes: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "VSAAS_CAMERA_PASSWORD"}
    return kept | changes


def test_the_command_serves_and_ends_on_a_signal_without_telling_its_password(tmp_path) -> None:
    secret = tmp_path / "password"
    secret.write_text("correct horse\n")
    command = [
        *COMMAND,
        "--password-file",
        str(secret),
        "--verbose",
        "--size",
        "320x180",
        "--faults",
        "fps=5@0.1",
    ]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=_environment()
    ) as process:
        line = process.stdout.readline()
        port = line.partition("127.0.0.1:")[2].partition("/")[0]
        shown = times_shown(f"rtsp://demo:correct%20horse@127.0.0.1:{port}/main", 2)
        process.send_signal(signal.SIGTERM)
        output, errors = process.communicate(timeout=10)
    assert process.returncode == 0
    assert shown[0][1].width == 320
    assert "horse" not in line + output + errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "name a --password-file or set VSAAS_CAMERA_PASSWORD"),
        (["--password-file", "/nowhere/at/all"], "No such file"),
        (["--faults", "flying-pigs"], "there is no fault 'flying-pigs'"),
    ],
)
def test_the_command_says_what_is_missing(options: list[str], message: str) -> None:
    result = subprocess.run(
        [*COMMAND, *options], capture_output=True, text=True, timeout=20, env=_environment(), check=False
    )
    assert result.returncode == 2
    assert message in result.stderr
    assert "Traceback" not in result.stderr


def test_with_a_certificate_it_speaks_rtsps_and_nothing_else(tmp_path: Path) -> None:
    file = tmp_path / "camera.pem"
    ensure_certificate(file)
    made = file.read_bytes()
    ensure_certificate(file)
    assert file.read_bytes() == made, "the same after a restart"
    with demo_camera_thread(small(certificate=file, audio=None)) as camera:
        assert camera.url().startswith("rtsps://")
        source = NativeSource(camera.url(), audio=False, open_timeout_s=10)
        try:
            pictures = (event for event in source.events() if isinstance(event, AccessUnit))
            assert next(pictures).sync
        finally:
            source.close()
        with pytest.raises(SourceFailed):
            NativeSource(camera.url().replace("rtsps", "rtsp"), audio=False, open_timeout_s=3)


async def test_a_password_changed_by_onvif_holds_for_its_streams_and_after_a_restart(tmp_path: Path) -> None:
    password = tmp_path / "password"
    password.write_text("correct horse 1\n")
    onvif = free_port()
    command = [
        sys.executable,
        "-m",
        "vsaas.onebox.demo_camera",
        "--port",
        "0",
        "--user",
        "demo",
        "--audio",
        "none",
    ]
    command += ["--password-file", str(password), "--onvif", str(onvif), "--size", "640x360", "--fps", "10"]
    for _ in range(2):
        process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
        assert process.stdout is not None
        ready = (await process.stdout.readline()).decode()
        port = int(ready.rpartition(":")[2].partition("/")[0])
        try:
            old, new = password.read_text().strip(), f"{secrets.token_hex(6)}a1"
            service = f"http://127.0.0.1:{onvif}/onvif/device_service"
            async with open_door(service, "demo", old, frozenset()) as door:
                device = Device(door)
                await device.prepare()
                user = (
                    f"<Username>demo</Username><Password>{new}</Password><UserLevel>Administrator</UserLevel>"
                )
                inside = user.replace("<", "<t:").replace("<t:/", "</t:")
                await device.call(
                    DEVICE,
                    f'<SetUser xmlns="{DEVICE}"><User xmlns:t="http://www.onvif.org/ver10/schema">{inside}</User></SetUser>',
                    "SetUser",
                )
            assert password.read_text().strip() == new
            url = "rtsp://demo:{}@127.0.0.1:{}/main"
            await asyncio.to_thread(played, url.format(new, port))
            with pytest.raises(SourceFailed, match="refused the user name or password"):
                await asyncio.to_thread(played, url.format(quote(old), port))
        finally:
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0


def played(url: str) -> None:
    NativeSource(url, audio=False, open_timeout_s=10).close()


def test_it_needs_no_django() -> None:
    code = "import sys, vsaas.onebox.demo_camera.__main__; sys.exit('django' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_the_default_streams_are_what_the_documents_say() -> None:
    assert (MAIN.width, MAIN.height, MAIN.fps, MAIN.gop_seconds) == (1280, 720, 25, 2.0)
    assert (SUB.width, SUB.height, SUB.fps, SUB.bitrate_bps) == (640, 360, 10, 300_000)
