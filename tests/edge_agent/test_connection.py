"""How the reader connects: TLS, cameras that send it elsewhere, and how long it waits for a picture."""

from __future__ import annotations

import itertools
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from edge_agent.address_test import try_address
from edge_agent.capture import choose
from edge_agent.capture.native_source import NativeSource, Patience
from edge_agent.capture.source import AccessUnit
from edge_agent.errors import SourceFailed
from edge_agent.recorder import StreamOrder, StreamRecorder
from edge_agent.segmenter import main_limits
from sealing.ids import GapReason, Stream
from tests.edge_agent.box import Box, wait_for
from tests.edge_agent.camera_front import answering, fingerprint_of, in_tls, listening, self_signed
from vsaas.onebox.demo_camera import DemoCamera, DemoCameraConfig, demo_camera_thread


@pytest.fixture(scope="module")
def camera() -> DemoCamera:
    with demo_camera_thread(DemoCameraConfig()) as running:
        yield running


def through(camera: DemoCamera, port: int, *, scheme: str = "rtsps", host: str = "127.0.0.1") -> str:
    """The camera's main address, by another port."""
    parts = urlsplit(camera.url("main"))
    return f"{scheme}://{parts.username}:{parts.password}@{host}:{port}{parts.path}"


def test_a_camera_in_tls_is_read_by_our_own_reader_at_its_pace(camera: DemoCamera, tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    with listening(in_tls(certificate, urlsplit(camera.url("main")).port or 0)) as port:
        url = through(camera, port)
        source = choose.open_source(url, True)
        assert isinstance(source, NativeSource)
        source.close()
        assert try_address(url, False).facts.codec.startswith("avc1.")
        box = Box(tmp_path / "box")
        recorder = box.recorder(url)
        recorder.start()
        wait_for(lambda: len(box.segments()) >= 2, 40, what="two segments")
        recorder.stop()
        recorder.join(10)
    assert box.footage()[0].pictures()
    assert not [gap for gap in box.gaps() if gap.reason is not GapReason.CAMERA_UNREACHABLE]
    box.spool.close()


def test_only_the_accepted_certificate_will_do_and_the_one_shown_is_told(
    camera: DemoCamera, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    certificate, other = self_signed(tmp_path), self_signed(tmp_path / "other")
    shown = fingerprint_of(certificate)
    with listening(in_tls(certificate, urlsplit(camera.url("main")).port or 0)) as port:
        url = through(camera, port)
        source = choose.open_source(url, True, shown)
        assert source.certificate == shown.hex()
        source.close()
        with pytest.raises(SourceFailed, match="another certificate than the accepted") as refused:
            choose.open_source(url, True, fingerprint_of(other))
        assert (refused.value.certificate, refused.value.cause) == (shown.hex(), "certificate")
        box = Box(tmp_path / "box")
        recorder = StreamRecorder(
            StreamOrder(box.camera, Stream.MAIN, "gate", url, False, main_limits(2), certificate=b"\1" * 32),
            spool=box.spool,
            clock=box.clock,
            identity=box.identity,
            keys=box.periods,
            open_source=choose.open_source,
            resume_reason=GapReason.AGENT_STOPPED,
        )
        recorder.start()
        wait_for(lambda: recorder.health().state == "wrong-certificate", what="the refusal")
        assert recorder.health().certificate == shown.hex()
        recorder.stop()
        recorder.join(10)
    assert not box.segments()
    box.spool.close()


def test_a_port_without_tls_is_said_to_have_none(camera: DemoCamera) -> None:
    with pytest.raises(SourceFailed, match="does not speak TLS") as refused:
        NativeSource(through(camera, urlsplit(camera.url("main")).port or 0), audio=False, open_timeout_s=2)
    assert (refused.value.reason, refused.value.cause) == (GapReason.CAMERA_UNREACHABLE, "tls")


def test_a_camera_may_send_the_reader_on_within_itself(camera: DemoCamera) -> None:
    there = camera.url("main").replace(camera.url("main").split("@")[0] + "@", "rtsp://")
    with listening(answering(f"302 Moved\r\nLocation: {there}")) as port:
        source = NativeSource(through(camera, port, scheme="rtsp"), audio=False)
        units = (event for event in source.events() if isinstance(event, AccessUnit))
        assert len(list(itertools.islice(units, 3))) == 3
        source.close()


@pytest.mark.parametrize(
    ("location", "says"),
    [
        ("rtsp://169.254.169.254/latest", "to another machine"),
        ("http://127.0.0.1/", "to another machine"),
        ("rtsp://localhost:554/main", "to another machine"),
        ("", "to another machine"),
        ("rtsp://[::1", "cannot be read"),
    ],
)
def test_a_camera_sends_the_reader_nowhere_else(camera: DemoCamera, location: str, says: str) -> None:
    with (
        listening(answering(f"301 Moved\r\nLocation: {location}")) as port,
        pytest.raises(SourceFailed, match=says) as refused,
    ):
        choose.open_source(through(camera, port, scheme="rtsp"), audio=False)
    parts = urlsplit(camera.url("main"))
    assert parts.password not in str(refused.value)


def test_a_camera_sends_the_reader_neither_round_nor_out_of_tls(camera: DemoCamera, tmp_path: Path) -> None:
    with listening(lambda connection: answering(f"302 Moved\r\nLocation: {round_}")(connection)) as port:
        round_ = f"rtsp://127.0.0.1:{port}/main"
        with pytest.raises(SourceFailed, match="from address to address"):
            NativeSource(through(camera, port, scheme="rtsp"), audio=False)
    plain = answering(f"302 Moved\r\nLocation: {camera.url('main')}")
    with (
        listening(plain) as behind,
        listening(in_tls(self_signed(tmp_path), behind)) as port,
        pytest.raises(SourceFailed, match="without encryption") as refused,
    ):
        NativeSource(through(camera, port), audio=False)
    assert refused.value.cause == "moved"


def test_a_frozen_camera_is_noticed_within_five_seconds(camera: DemoCamera) -> None:
    source = NativeSource(camera.url("main"), audio=True)
    stalled_s: list[float] = []

    def watch() -> None:
        pictures = 0
        for event in source.events():
            pictures += isinstance(event, AccessUnit) and event.kind == "video"
            if pictures == 10 and not stalled_s:
                camera.faults.stall()
                stalled_s.append(time.monotonic())

    try:
        with pytest.raises(SourceFailed) as failed:
            watch()
        assert failed.value.reason is GapReason.CAMERA_STALLED
        assert time.monotonic() - stalled_s[0] < 5
    finally:
        camera.faults.stall(False)
        source.close()


def test_patience_is_longer_at_first_and_for_pictures_that_are_far_apart() -> None:
    patience = Patience(4.0)
    assert patience.seconds == 10
    assert [patience.learn(apart_s) for apart_s in (0.3, 0.04, 0.04)] == [False, False, True]
    assert patience.seconds == 4
    slow = Patience(4.0)
    for _ in range(20):
        slow.learn(5.0)
    assert slow.seconds == pytest.approx(20)
