"""The independent camera: it plays real footage, and only to those who know its password."""

from collections.abc import Iterator
from itertools import islice

import av
import numpy as np
import pytest
from av.error import HTTPUnauthorizedError

from tests.cameras import gst_camera as module
from tests.cameras.gst_camera import GstCamera, GstCameraMissing, gst_camera

pytestmark = pytest.mark.real_camera
QUICK = {"rtsp_transport": "tcp", "fpsprobesize": "0", "analyzeduration": "200000"}


@pytest.fixture(scope="module")
def camera() -> Iterator[GstCamera]:
    with gst_camera() as running:
        yield running


@pytest.mark.parametrize(("path", "size"), [("main", (768, 576)), ("sub", (384, 288))])
def test_it_plays_moving_footage_at_its_pace(camera: GstCamera, path: str, size: tuple[int, int]) -> None:
    with av.open(camera.url(path), options=QUICK, timeout=10) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        frames = list(islice(container.decode(video=0), 12))
    assert (frames[0].width, frames[0].height) == size
    assert frames[0].key_frame
    first, last = (frame.to_ndarray(format="gray").astype(int) for frame in (frames[0], frames[-1]))
    assert 0.2 < np.abs(first - last).mean() < 30  # people have moved, the street has not
    seconds = float((frames[-1].pts - frames[2].pts) * frames[-1].time_base)
    assert 0.7 < seconds < 1.1


def test_it_plays_h265_too() -> None:
    with gst_camera("h265") as camera, av.open(camera.url("sub"), options=QUICK, timeout=10) as container:
        assert container.streams.video[0].codec_context.name == "hevc"
        assert next(container.decode(video=0)).width == 384


def test_it_refuses_a_wrong_password_and_offers_digest_only(camera: GstCamera) -> None:
    with pytest.raises(HTTPUnauthorizedError):
        av.open(camera.url("main", password="wrong"), options=QUICK, timeout=10)


def test_what_is_missing_is_named_with_its_packages(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setattr(module, "FOOTAGE", tmp_path / "none.avi")
    monkeypatch.setattr(module, "KEPT", tmp_path)
    with pytest.raises(GstCameraMissing, match=r"none\.avi\. Install: .*opencv-doc"), gst_camera():
        pass
    monkeypatch.setattr(module, "SYSTEM_PYTHON", tmp_path / "python3")
    with pytest.raises(GstCameraMissing, match=r"Install: .*gir1\.2-gst-rtsp-server-1\.0"), gst_camera():
        pass
