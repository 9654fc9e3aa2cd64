"""Recording the demo camera into a real spool, and reading the footage back with the tenant's key."""

from __future__ import annotations

import logging
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from types import SimpleNamespace

import pytest

from edge_agent.attention import Attention
from edge_agent.capture.native_source import NativeSource
from edge_agent.capture.pyav_source import PyAvSource
from edge_agent.errors import SourceFailed
from edge_agent.orders import CameraSetup
from edge_agent.run import Recorders
from edge_agent.segmenter import main_limits
from edge_agent.spool import Spool
from protocol.command import AgentSettings
from protocol.plan import Mode, RecordingPlan, Rule
from sealing.ids import GapReason, Rendition
from sealing.record import Beat, Clock, Genesis, Segment
from tests.edge_agent.box import Box, wait_for
from tests.edge_agent.footage import StandClock, h264_units
from tests.edge_agent.tiny_portal import trust_in
from vsaas.onebox.demo_camera import SUB, DemoCamera, DemoCameraConfig, barcode, demo_camera_thread

pytestmark = pytest.mark.real_time

SMALL = replace(SUB, fps=25, bitrate_bps=600_000, gop_seconds=1.0)


@pytest.fixture
def camera(request) -> Iterator[DemoCamera]:
    config = DemoCameraConfig(main=SMALL, **getattr(request, "param", {}))
    with demo_camera_thread(config) as running:
        yield running


@pytest.fixture
def box(tmp_path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.spool.close()


BOTH = pytest.mark.parametrize("source", [NativeSource, PyAvSource])


def shown_s(picture) -> float:
    return barcode.read(picture.to_ndarray(format="rgb24")) / 1000


def recorded(box: Box, camera: DemoCamera, segments: int = 2, **options):
    recorder = box.recorder(camera.url("main"), **options)
    recorder.start()
    wait_for(lambda: len(box.segments()) >= segments, what=f"{segments} segments")
    return recorder


@BOTH
@pytest.mark.parametrize("b_frames", [0, 2])
def test_the_first_access_unit_is_recorded_and_the_dates_are_right(camera, box, source, b_frames):
    camera.faults.b_frames(b_frames)
    camera.faults.gop(4.0)
    wait_for(lambda: camera.streams["main"].settings.gop_seconds == 4.0)
    asked_s = time.time()
    recorder = recorded(box, camera, 1, source=source)
    recorder.stop()
    pictures = [item for footage in box.footage() for item in footage.pictures()]
    times = [shown_s(picture) for _, picture in pictures]
    # The group under way when the client joined begins with a key frame made for it: had the first unit been
    # dropped, the first picture would be the next group's, four seconds later.
    assert times[0] - asked_s < 3.0
    offsets = [stated - shown for (stated, _), shown in zip(pictures, times, strict=True)]
    assert all(abs(after - before) < 0.025 for before, after in pairwise(offsets)), (
        "a picture at a wrong time"
    )
    assert all(abs(offset) < 0.3 for offset in offsets), "wrong dates"


def test_nothing_readable_lies_on_the_disk(camera, box):
    recorder = recorded(box, camera)
    recorder.stop()
    password = camera.url("main").split(":")[2].split("@")[0].encode()
    inside = box.open(box.segments()[0]).parts[Rendition.MAIN]
    for path in (box.folder / "spool").rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
        if path.is_file():
            data = path.read_bytes()
            assert password not in data
            assert inside[1000:1040] not in data
            assert b"moof" not in data


def test_the_chain_begins_with_a_genesis_and_follows_the_one_before(camera, box):
    recorded(box, camera, 1).stop()
    recorded(box, camera, 3).stop()
    first, second = [record for record in box.records() if isinstance(record, Genesis)]
    assert first.follows is None
    assert second.follows is not None
    assert second.follows.chain == first.chain
    assert (first.reason, second.reason) == (1, 2)
    (gap,) = box.gaps()
    assert gap.reason is GapReason.AGENT_STOPPED or gap.reason == GapReason.AGENT_STOPPED
    before = [s for s in box.segments() if s.chain == first.chain][-1]
    after = next(s for s in box.segments() if s.chain == second.chain)
    assert (gap.start_us, gap.end_us) == (before.end_us, after.start_us)


def test_the_hour_keeps_its_key_over_a_restart(camera, tmp_path):
    box = Box(tmp_path)
    recorded(box, camera, 1).stop()
    box.spool.close()
    again = Box(tmp_path)
    recorded(again, camera, 3).stop()
    hours = {segment.start_us // 3_600_000_000 for segment in again.segments()}
    assert len({segment.video.key_id for segment in again.segments()}) <= len(hours)
    again.spool.close()


FAULTS = [
    ("disconnect", lambda faults: faults.disconnect(), lambda faults: None, GapReason.CAMERA_UNREACHABLE),
    (
        "unreachable",
        lambda faults: faults.unreachable(),
        lambda faults: faults.unreachable(False),
        GapReason.CAMERA_UNREACHABLE,
    ),
    ("stall", lambda faults: faults.stall(), lambda faults: faults.stall(False), GapReason.CAMERA_STALLED),
]


@BOTH
@pytest.mark.parametrize(
    ("begin", "end", "reason"), [item[1:] for item in FAULTS], ids=[item[0] for item in FAULTS]
)
def test_every_interruption_is_a_gap_with_its_reason_and_recording_resumes(
    camera, box, source, begin, end, reason
):
    recorder = recorded(box, camera, 1, source=source)
    begin(camera.faults)
    wait_for(lambda: recorder.health().state != "recording", what="the interruption")
    before = len(box.segments())
    end(camera.faults)
    wait_for(lambda: len(box.segments()) > before + 1, 40, what="recording to resume")
    recorder.stop()
    gaps = box.gaps()
    assert gaps[0].reason == reason
    covered = sorted([(r.start_us, r.end_us) for r in (*box.segments(), *gaps)])
    assert all(after[0] <= before[1] for before, after in pairwise(covered)), "a time nobody speaks of"


def test_a_spool_that_fails_for_a_moment_does_not_end_the_camera(camera, box, monkeypatch):
    recorder = recorded(box, camera, 1)
    failing = threading.Event()
    write = Spool.write

    def sometimes(self, function):
        if failing.is_set():
            raise sqlite3.OperationalError("disk I/O error")
        return write(self, function)

    monkeypatch.setattr(Spool, "write", sometimes)
    failing.set()
    wait_for(lambda: recorder.health().state == "unusable", what="the failure to be told")
    failing.clear()
    before = len(box.segments())
    wait_for(lambda: len(box.segments()) > before, what="recording to go on")
    assert recorder.health().state == "recording"
    recorder.stop()
    recorder.join(10)


@BOTH
def test_refused_credentials_are_told_apart_and_never_shown(camera, box, source, caplog):
    caplog.set_level(logging.DEBUG)
    recorder = recorded(box, camera, 1, source=source)
    camera.faults.wrong_password()
    camera.faults.disconnect()
    wait_for(lambda: recorder.health().state == "refused", what="the refusal")
    camera.faults.wrong_password(False)
    before = len(box.segments())
    wait_for(lambda: len(box.segments()) > before, 40, what="recording to resume")
    recorder.stop()
    assert GapReason.CAMERA_REFUSED_CREDENTIALS in [gap.reason for gap in box.gaps()]
    password = camera.url("main").split(":")[2].split("@")[0]
    assert password not in caplog.text
    assert password not in repr(recorder.order)
    with pytest.raises(SourceFailed) as refused:
        source(camera.url("main").replace(password, "mistyped-secret"), audio=True)
    assert refused.value.reason is GapReason.CAMERA_REFUSED_CREDENTIALS
    texts = [
        str(refused.value),
        repr(refused.value),
        str(refused.value.__cause__),
        str(refused.value.__context__),
    ]
    assert not any("mistyped-secret" in text for text in texts)


@BOTH
@pytest.mark.parametrize("kind", ["answers", "sdp", "media"])
def test_a_camera_that_answers_garbage_is_unusable_or_unreachable_and_comes_back(camera, box, source, kind):
    recorder = recorded(box, camera, 1, source=source)
    camera.faults.garbage(kind)
    camera.faults.disconnect()
    wait_for(lambda: recorder.health().state not in ("recording", "connecting"), what="the trouble")
    camera.faults.garbage(None)
    camera.faults.disconnect()
    before = len(box.segments())
    wait_for(lambda: len(box.segments()) > before + 1, 60, what="recording to resume")
    recorder.stop()
    assert {gap.reason for gap in box.gaps()} <= {
        GapReason.CAMERA_UNREACHABLE,
        GapReason.CAMERA_STREAM_UNUSABLE,
        GapReason.CAMERA_STALLED,
        GapReason.PACKETS_LOST,
        GapReason.MEDIA_TIME_JUMPED,
        GapReason.STREAM_PARAMETERS_CHANGED,
    }


@BOTH
def test_lost_packets_are_noticed(camera, box, source):
    recorder = recorded(box, camera, 1, source=source)
    camera.faults.lose_packets(0.05)
    wait_for(lambda: any(gap.reason == GapReason.PACKETS_LOST for gap in box.gaps()), what="the loss")
    recorder.stop()
    assert {gap.reason for gap in box.gaps()} == {GapReason.PACKETS_LOST}


@BOTH
def test_a_jump_of_the_cameras_time_stamps_loses_no_picture(camera, box, source):
    recorder = recorded(box, camera, 1, source=source)
    camera.faults.jump_timestamps(30)
    wait_for(lambda: any(gap.reason == GapReason.MEDIA_TIME_JUMPED for gap in box.gaps()), what="the jump")
    before = len(box.segments())
    wait_for(lambda: len(box.segments()) > before, what="recording to go on")
    recorder.stop()
    segments = box.segments()
    assert len({segment.run for segment in segments}) > 1
    total_s = sum(s.video.media.duration / 90_000 for s in segments)
    assert abs(total_s - (segments[-1].end_us - segments[0].start_us) / 1e6) < 0.2


@BOTH
def test_changed_parameters_start_a_new_run_with_a_new_init_segment(camera, box, source):
    recorder = recorded(box, camera, 1, source=source)
    camera.faults.resolution(320, 180)
    wait_for(
        lambda: len({segment.video.media.init_hash for segment in box.segments()}) == 2, what="the change"
    )
    recorder.stop()
    for before, after in pairwise(box.segments()):
        changed = before.video.media.init_hash != after.video.media.init_hash
        assert changed == (before.run != after.run)
    assert GapReason.STREAM_PARAMETERS_CHANGED in {gap.reason for gap in box.gaps()}


@BOTH
@pytest.mark.parametrize(
    "camera",
    [{"audio": "aac"}, {"audio": "pcma"}, {"audio": "pcmu"}],
    indirect=True,
    ids=["aac", "pcma", "pcmu"],
)
def test_sound_is_a_part_of_its_own_under_a_key_of_its_own(camera, box, source):
    recorder = recorded(box, camera, source=source)
    camera.faults.audio(False)
    wait_for(lambda: box.segments()[-1].part(Rendition.AUDIO) is None, what="silence")
    camera.faults.audio(True)
    wait_for(lambda: box.segments()[-1].part(Rendition.AUDIO) is not None, what="sound")
    recorder.stop()
    with_sound = next(s for s in box.segments() if s.part(Rendition.AUDIO))
    sound = with_sound.part(Rendition.AUDIO)
    assert sound.key_id != with_sound.video.key_id
    assert sound.media.codec in ("mp4a.40.2", "alaw", "ulaw")
    assert len({segment.run for segment in box.segments()}) == 1
    assert not box.gaps()
    box.footage()


def test_a_long_group_of_pictures_becomes_continuations(camera, box):
    camera.faults.gop(90.0)
    recorder = box.recorder(camera.url("main"), limits=replace(main_limits(2), longest_s=2.0))
    recorder.start()
    wait_for(lambda: len(box.segments()) >= 4, what="four segments")
    recorder.stop()
    key = [segment.segment for segment in box.segments() if segment.continuation_of is None][-1]
    assert any(segment.continuation_of == key for segment in box.segments())
    assert not box.gaps()


def test_a_disabled_camera_is_a_declared_gap_and_no_connection(camera, box):
    recorded(box, camera, 1).stop()
    recorder = box.recorder(camera.url("main"), enabled=False)
    recorder.start()
    assert recorder.health().state == "disabled"
    recorder.stop()
    again = recorded(box, camera, 3, resume=GapReason.RECORDING_DISABLED)
    again.stop()
    assert [gap.reason for gap in box.gaps()][-1] == GapReason.RECORDING_DISABLED
    covered = sorted([(r.start_us, r.end_us) for r in (*box.segments(), *box.gaps())])
    assert all(after[0] <= before[1] for before, after in pairwise(covered))


def test_small_steps_of_the_clock_are_declared_once_they_come_to_half_a_second(box):
    clock = box.clock = StandClock()
    recorder = box.recorder("rtsp://127.0.0.1:9/none", enabled=False)
    recorder.start()
    for step_us in (200_000, -100_000, 300_000, 150_000):
        clock.wall_offset_us += step_us
        recorder.tick()
    steps = [record.step_us for record in box.records() if isinstance(record, Clock)]
    assert steps == [550_000]
    clock.wall_offset_us += 3_600_000_000
    recorder.tick()
    recorder.tick()
    assert [record.step_us for record in box.records() if isinstance(record, Clock)][1:] == [3_600_000_000]
    recorder.stop()


def test_steps_that_add_up_within_a_run_end_it(box):
    """The run began while the clock was off by steps too small to tell, so its own sum counts as well."""
    clock = box.clock = StandClock()
    change, units = h264_units(clock, frames=10)
    done = threading.Event()

    class Scripted:
        hurried = False
        certificate = ""

        def __init__(self, *_: object, **__: object) -> None:
            clock.wall_offset_us -= 300_000

        def events(self):
            yield change
            yield from units
            done.wait(60)

        def close(self) -> None:
            return

    recorder = box.recorder("rtsp://127.0.0.1:9/none", source=Scripted)
    recorder.start()
    wait_for(lambda: recorder._segmenter.frames == 10, what="the pictures")
    for _ in range(2):
        assert not [record for record in box.records() if isinstance(record, Clock)]
        clock.wall_offset_us += 300_000
        recorder.tick()
    assert [record.step_us for record in box.records() if isinstance(record, Clock)] == [300_000]
    assert len(box.segments()) == 1
    recorder.stop()
    done.set()
    recorder.join(10)


def test_a_box_that_starts_with_its_clock_behind_says_so_before_it_records(box):
    """No clock battery: the records that follow seem older, and none of them comes before that was said."""
    clock = box.clock = StandClock()
    first = box.recorder("rtsp://127.0.0.1:9/none", enabled=False)
    first.start()
    first._segmenter._recording.covered_until_us = clock.wall_us()
    clock.advance(5)
    first.stop()
    assert not [record for record in box.records() if isinstance(record, Clock)]
    clock.wall_offset_us -= 10 * 86_400_000_000
    clock.advance(1)
    second = box.recorder("rtsp://127.0.0.1:9/none", enabled=False)
    second.start()
    *_, genesis, said = box.records()
    assert isinstance(genesis, Genesis)
    assert isinstance(said, Clock)
    assert said.step_us == 1_000_000 - 10 * 86_400_000_000
    assert said.detail == "at the start the clock was behind the newest record"
    second.stop()


def test_a_quiet_chain_says_that_it_goes_on(box):
    recorder = box.recorder("rtsp://127.0.0.1:9/none", enabled=False)
    recorder.start()
    recorder.chain.beat_if_quiet(quiet_s=0)
    recorder.stop()
    assert isinstance(box.records()[-1], Beat)
    assert not any(isinstance(record, Segment) for record in box.records())


def test_a_renamed_camera_is_recorded_on_without_a_gap(camera, box):
    recorders = Recorders(box.spool, box.clock, box.identity, box.periods)

    def ordered(name: str, audio: bool = True):
        setup = CameraSetup(box.camera, name, True, audio, camera.url("main"), None)
        return SimpleNamespace(
            settings=AgentSettings(segment_seconds_main=2),
            trust=trust_in(box.tenant, box.recipient),
            revoked=False,
            cameras=lambda: (setup,),
        )

    recorders.follow(ordered("gate"))
    wait_for(lambda: len(box.segments()) >= 1, what="a segment")
    (before,) = recorders.all()
    recorders.follow(ordered("front gate"))
    assert recorders.all() == [before]
    seen = len(box.segments())
    wait_for(lambda: len(box.segments()) > seen, what="another segment")
    recorders.follow(ordered("front gate", audio=False))
    assert recorders.all() != [before]
    recorders.stop()
    runs = {segment.run for segment in box.segments()[: seen + 1]}
    assert len(runs) == 1


def test_by_plan_one_connection_serves_waiting_an_event_and_nothing_at_all(camera, box):
    plan = RecordingPlan("UTC", Rule(Mode.EVENT), pre_roll_s=2, post_roll_s=0, triggers=frozenset({"motion"}))
    attention = Attention()
    recorder = box.recorder(camera.url("main"), plan=plan, attention=attention)
    recorder.start()
    wait_for(lambda: recorder.health().state == "waiting-for-event", what="waiting for an event")
    wait_for(lambda: recorder.feed.video is not None, what="live view")
    wait_for(lambda: recorder._segmenter.frames > 100, what="pre-roll")
    begun_us = box.clock.wall_us()
    attention.heard(frozenset({"motion"}), frozenset({"motion"}), box.clock.mono_ns())
    wait_for(lambda: len(box.segments()) >= 2, what="the event's segments")
    assert recorder.health().state == "recording"
    attention.heard(frozenset(), frozenset(), box.clock.mono_ns())
    wait_for(lambda: recorder.health().state == "waiting-for-event", what="the event's end")
    recorder.follow_plan(replace(recorder.order, plan=replace(plan, usual=Rule(Mode.OFF))))
    wait_for(lambda: recorder.health().state == "by-plan", what="nothing by plan")
    recorder.stop()
    assert recorder.health().restarts == 0
    segments, gaps = box.segments(), box.gaps()
    assert 1.9 < (begun_us - segments[0].start_us) / 1e6 < 4
    shown = [shown_s(picture) - stated for stated, picture in box.open(segments[0]).pictures()]
    assert all(abs(offset) < 0.3 for offset in shown), "held pictures have wrong dates"
    assert {gap.reason for gap in gaps} == {GapReason.BY_PLAN}
    rows = sorted((one.start_us, one.end_us) for one in [*segments, *gaps])
    assert all(abs(after[0] - before[1]) < 100_000 for before, after in pairwise(rows))
