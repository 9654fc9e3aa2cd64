"""Real footage from an independent RTSP server (GStreamer), in both codecs, by both sources."""

from __future__ import annotations

from itertools import pairwise

import pytest

from edge_agent.capture.native_source import NativeSource
from edge_agent.capture.pyav_source import PyAvSource
from edge_agent.errors import SourceFailed
from sealing.ids import GapReason
from tests.cameras.gst_camera import gst_camera
from tests.edge_agent.box import Box, wait_for

pytestmark = pytest.mark.real_camera


@pytest.mark.parametrize("source", [NativeSource, PyAvSource])
@pytest.mark.parametrize(("codec", "string"), [("h264", "avc1."), ("h265", "hvc1.")])
def test_real_footage_is_recorded_whole_and_at_its_pace(codec, string, source, tmp_path):
    with gst_camera(codec) as camera:
        box = Box(tmp_path)
        recorder = box.recorder(camera.url("sub"), source=source)
        recorder.start()
        wait_for(lambda: len(box.segments()) >= 2, 60, what="two segments")
        recorder.stop()
        first = box.footage()[0]
        with pytest.raises(SourceFailed) as refused:
            source(camera.url("sub", password="wrong"), audio=False)
    assert refused.value.reason is GapReason.CAMERA_REFUSED_CREDENTIALS
    assert first.record.video.media.codec.startswith(string)
    times = [stated for stated, _ in first.pictures()]
    assert len(times) >= 10
    # This server stamps pictures when it hands them out, so single steps vary on a busy machine; the pace does not.
    assert all(after > before for before, after in pairwise(times))
    assert 0.08 < (times[-1] - times[0]) / (len(times) - 1) < 0.13
    assert not [gap for gap in box.gaps() if gap.reason != GapReason.CAMERA_UNREACHABLE]
    box.spool.close()
