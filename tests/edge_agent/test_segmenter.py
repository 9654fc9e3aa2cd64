"""Cutting: fragments, segments, runs and gaps, from access units with a clock that stands still until told."""

from __future__ import annotations

import io
import itertools
from dataclasses import replace

import av
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.capture.source import AccessUnit, PacketsLost, TrackChanged
from edge_agent.clock import offset_us
from edge_agent.mp4 import AudioTrack
from edge_agent.segmenter import Limits, Segmenter, main_limits, sub_limits
from sealing.ids import GapReason
from tests.edge_agent.footage import START_US, Memory, StandClock, encode, h264_units, lengths, video_track


@pytest.fixture
def clock():
    return StandClock()


def fed(clock, events, limits=None, segmenter=None, memory=None):
    memory = memory or Memory()
    segmenter = segmenter or Segmenter(memory, clock, limits or main_limits(10))
    for event in events:
        if isinstance(event, AccessUnit):
            clock.ns = max(clock.ns, event.arrival_ns)
        segmenter.handle(event)
    return segmenter, memory


PICTURES = {b: encode(frames=50, gop=25, b_frames=b) for b in (0, 2)}
TRACK = video_track("h264", PICTURES[0][0][2])
KEY, DELTA = lengths(PICTURES[0][0][2]), lengths(PICTURES[0][1][2])


def made(count, *, fps=25.0, gop=50, first=0, start_ns=1_000_000_000_000, late_ns=0):
    """Access units without an encoder: same bytes, only times count."""
    return [
        AccessUnit(
            "video",
            first + round(n * 90000 / fps),
            start_ns + round(n * 1e9 / fps) + late_ns,
            n % gop == 0,
            KEY if n % gop == 0 else DELTA,
        )
        for n in range(count)
    ]


def test_every_picture_is_kept_and_times_are_exact_with_b_frames(clock):
    change, units = h264_units(clock, frames=50, gop=25, b_frames=2)
    segmenter, memory = fed(clock, [change, *units])
    segmenter.stop()
    samples = [item for segment in memory.segments for item in segment.samples]
    assert len(samples) == len(units)
    shift = 900_000 - units[0].time
    assert [item.decode_time + item.offset for item in samples] == [unit.time + shift for unit in units]
    assert all(b.decode_time - a.decode_time == a.duration > 0 for a, b in itertools.pairwise(samples))
    assert samples[0].decode_time >= 90_000
    assert all(item.offset >= 0 for item in samples)
    with av.open(io.BytesIO(memory.segments[0].mp4())) as file:
        assert len(list(file.decode(video=0))) == len(memory.segments[0].samples)


def test_main_segments_start_at_key_frames_about_every_ten_seconds(clock):
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *made(1000, gop=50)])
    segmenter.stop()
    assert [len(segment.samples) for segment in memory.segments] == [250] * 4
    assert all(segment.samples[0].sync and segment.continuation_of is None for segment in memory.segments)
    assert len({segment.run for segment in memory.segments}) == 1


def test_segments_of_a_run_join_without_a_microsecond_between_them(clock):
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *made(1000)])
    segmenter.stop()
    for before, after in zip(memory.segments, memory.segments[1:], strict=False):
        assert before.end_us == after.start_us
    first = memory.segments[0]
    assert first.start_us == 1_000_000_000 + START_US


def test_fragments_are_at_most_a_second_and_cut_at_key_frames(clock):
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *made(500, gop=37, fps=12.5)])
    segmenter.stop()
    for segment in memory.segments:
        for fragment in segment.video:
            assert sum(item.duration for item in fragment) <= 90_000
            assert not any(item.sync for item in fragment[1:])


def test_a_long_group_of_pictures_is_cut_into_continuations(clock):
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *made(25 * 95, gop=25 * 90)])
    segmenter.stop()
    holder = memory.segments[0].id
    lengths_s = [(segment.end_us - segment.start_us) / 1e6 for segment in memory.segments]
    assert all(length <= 15 for length in lengths_s)
    key = next(n for n, segment in enumerate(memory.segments) if n and segment.continuation_of is None)
    assert all(segment.continuation_of == holder for segment in memory.segments[1:key])
    assert memory.segments[key].samples[0].sync
    assert sum(len(segment.samples) for segment in memory.segments) == 25 * 95


def test_sub_segments_close_by_size(clock):
    big = DELTA + bytes(20_000 - len(DELTA))
    units = [replace(unit, data=KEY if unit.sync else big) for unit in made(1000, fps=10, gop=20)]
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *units], sub_limits(30))
    segmenter.stop()
    sizes = [sum(len(item.data) for item in segment.samples) for segment in memory.segments]
    assert max(sizes) <= 4_400_000
    assert len(memory.segments) > 3


def test_one_picture_a_second_and_fewer_are_recorded(clock):
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *made(40, fps=0.5, gop=2)])
    segmenter.stop()
    assert sum(len(segment.samples) for segment in memory.segments) == 40
    assert all(len(fragment) == 1 for segment in memory.segments for fragment in segment.video)


def test_pictures_before_the_first_key_frame_are_not_stored(clock):
    units = made(60, gop=50)[30:]
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *units])
    segmenter.stop()
    assert len(memory.segments[0].samples) == 10


def test_an_interruption_is_declared_with_its_reason_when_it_ends(clock):
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *made(100)])
    segmenter.interrupt(GapReason.CAMERA_UNREACHABLE, "cable")
    clock.advance(20)
    fed(
        clock,
        [TrackChanged("video", TRACK), *made(100, first=77_000, start_ns=clock.ns)],
        segmenter=segmenter,
        memory=memory,
    )
    segmenter.stop()
    (gap,) = memory.gaps
    assert gap[:3] == (memory.segments[0].end_us, memory.segments[1].start_us, GapReason.CAMERA_UNREACHABLE)
    assert memory.segments[0].run != memory.segments[1].run


def test_a_lasting_interruption_is_declared_every_minute_and_each_reason_by_itself(clock):
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *made(100)])
    segmenter.interrupt(GapReason.CAMERA_UNREACHABLE)
    for _ in range(150):
        clock.advance(1)
        segmenter.tick()
    segmenter.interrupt(GapReason.CAMERA_REFUSED_CREDENTIALS)
    clock.advance(70)
    segmenter.tick()
    segmenter.stop()
    edges = [gap[0] for gap in memory.gaps] + [memory.gaps[-1][1]]
    assert edges[0] == memory.segments[0].end_us
    assert all(before[1] == after[0] for before, after in zip(memory.gaps, memory.gaps[1:], strict=False))
    reasons = [gap[2] for gap in memory.gaps]
    assert reasons == [GapReason.CAMERA_UNREACHABLE] * 3 + [GapReason.CAMERA_REFUSED_CREDENTIALS]


@pytest.mark.parametrize("jump", [30 * 90_000, -30 * 90_000])
def test_a_time_stamp_jump_starts_a_run_without_losing_a_picture(clock, jump):
    units = made(300, gop=50)
    moved = [replace(unit, time=unit.time + jump) if n >= 120 else unit for n, unit in enumerate(units)]
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *moved])
    segmenter.stop()
    assert sum(len(segment.samples) for segment in memory.segments) == 300
    assert len({segment.run for segment in memory.segments}) == 2
    assert [gap[2] for gap in memory.gaps] == [GapReason.MEDIA_TIME_JUMPED]
    after = next(s for s in memory.segments if s.run != memory.segments[0].run)
    assert after.continuation_of == memory.segments[0].id
    assert abs(after.start_us - memory.segments[0].end_us) < 100_000


def test_changed_parameters_start_a_run_and_are_declared(clock):
    other = video_track("h264", encode(frames=3, size=96)[0][2])
    later = made(100, first=360_000, start_ns=clock.ns + 4_000_000_000)
    events = [TrackChanged("video", TRACK), *made(100), TrackChanged("video", other), *later]
    segmenter, memory = fed(clock, events)
    segmenter.stop()
    assert [segment.track for segment in memory.segments] == [TRACK, other]
    assert [gap[2] for gap in memory.gaps] == [GapReason.STREAM_PARAMETERS_CHANGED]


def test_the_clock_being_set_starts_a_run(clock):
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *made(100)])
    clock.wall_offset_us += 3_600_000_000
    segmenter.clock_stepped()
    later = [
        replace(unit, time=unit.time + 360_000, arrival_ns=unit.arrival_ns + 4_000_000_000, sync=False)
        for unit in made(100, gop=1000)
    ]
    fed(clock, later, segmenter=segmenter, memory=memory)
    segmenter.stop()
    assert [gap[2] for gap in memory.gaps] == [GapReason.CLOCK_STEPPED]
    assert 3_599_000_000 < memory.segments[1].start_us - memory.segments[0].end_us < 3_601_000_000
    assert sum(len(segment.samples) for segment in memory.segments) == 200


def test_small_steps_of_the_clock_add_up_over_a_run(clock):
    segmenter, _ = fed(clock, [TrackChanged("video", TRACK), *made(50)])
    for _ in range(3):
        clock.wall_offset_us += 200_000
    assert segmenter.clock_off_us(offset_us(clock)) == 600_000
    segmenter.clock_stepped()
    assert segmenter.clock_off_us(offset_us(clock)) == 0


def test_lost_packets_are_declared_where_they_are_missing(clock):
    units = made(500)
    events = [
        TrackChanged("video", TRACK),
        *units[:100],
        PacketsLost(2),
        *units[100:300],
        PacketsLost(1),
        *units[300:],
    ]
    segmenter, memory = fed(clock, events)
    segmenter.stop()
    lost = [gap for gap in memory.gaps if gap[2] is GapReason.PACKETS_LOST]
    assert [gap[3].split()[0] for gap in lost] == ["2", "1"]
    origin = memory.segments[0].start_us
    assert abs(lost[0][0] - origin - 99 * 40_000) <= 1
    assert segmenter.packets_lost == 3
    assert sum(len(segment.samples) for segment in memory.segments) == 500


def sound_units(count, *, rate=8000, size=160, first=0, start_ns=1_000_000_000_000):
    return [
        AccessUnit(
            "audio",
            first + n * size,
            start_ns + n * size * 1_000_000_000 // rate,
            True,
            bytes([n % 256]) * size,
        )
        for n in range(count)
    ]


def merged(*streams):
    return sorted((unit for stream in streams for unit in stream), key=lambda unit: unit.arrival_ns)


def test_sound_that_comes_and_goes_leaves_the_picture_alone(clock):
    pictures = made(1000)
    sounds = [unit for unit in sound_units(2000) if not 600 <= unit.time // 160 < 1300]
    track = AudioTrack("alaw", 8000, 1)
    segmenter, memory = fed(
        clock, [TrackChanged("video", TRACK), TrackChanged("audio", track), *merged(pictures, sounds)]
    )
    segmenter.stop()
    assert [bool(segment.sound) for segment in memory.segments] == [True, True, True, True]
    assert len({segment.run for segment in memory.segments}) == 1
    heard = [item for segment in memory.segments for item in segment.sound]
    assert sum(item.duration for item in heard) == 160 * (len(sounds) - 1) or sum(
        item.duration for item in heard
    ) == 160 * len(sounds)
    holes = [b.decode_time - a.decode_time - a.duration for a, b in itertools.pairwise(heard)]
    assert sorted(holes)[-1] == 700 * 160
    assert sum(1 for hole in holes if hole) == 1
    for segment in memory.segments:
        for fragment in segment.audio:
            assert sum(item.duration for item in fragment) <= 8000
            assert all(a.decode_time + a.duration == b.decode_time for a, b in itertools.pairwise(fragment))


def test_sound_and_picture_share_one_origin(clock):
    track = AudioTrack("alaw", 8000, 1)
    segmenter, memory = fed(
        clock,
        [
            TrackChanged("video", TRACK),
            TrackChanged("audio", track),
            *merged(made(100, first=5000), sound_units(200, first=8000 * 5000 // 90000)),
        ],
    )
    segmenter.stop()
    segment = memory.segments[0]
    assert abs(segment.samples[0].decode_time / 90_000 - segment.sound[0].decode_time / 8000) <= 0.021


def test_a_burst_of_older_pictures_does_not_move_the_clock(clock):
    """Cameras send the current group at once when somebody connects: its arrival says nothing about its time."""
    burst = [replace(unit, arrival_ns=clock.ns + 1_960_000_000) for unit in made(50)]
    rest = made(400)[50:]
    segmenter, memory = fed(clock, [TrackChanged("video", TRACK), *burst, *rest])
    segmenter.stop()
    assert memory.segments[0].start_us == 1_000_000_000 + START_US


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(min_value=0, max_value=200_000),
            st.booleans(),
            st.sampled_from(["picture", "picture", "picture", "jump", "interrupt", "lost", "track"]),
        ),
        min_size=1,
        max_size=200,
    )
)
def test_whatever_comes_nothing_overlaps_and_nothing_recorded_is_lost_unsaid(steps):
    clock, memory = StandClock(), Memory()
    segmenter = Segmenter(memory, clock, Limits(10, 14.0))
    segmenter.handle(TrackChanged("video", TRACK))
    time = 0
    for interval, sync, what in steps:
        clock.ns += interval * 100_000 // 9
        time += interval
        if what == "jump":
            time += 90_000_000
        elif what == "interrupt":
            segmenter.interrupt(GapReason.CAMERA_STALLED)
        elif what == "lost":
            segmenter.handle(PacketsLost(1))
        elif what == "track":
            segmenter.handle(TrackChanged("video", TRACK))
        segmenter.handle(AccessUnit("video", time, clock.ns, sync, KEY if sync else DELTA))
        segmenter.tick()
    segmenter.stop()
    assert memory.open is None
    assert sum(len(segment.samples) for segment in memory.segments) == segmenter.frames
    for segment in memory.segments:
        assert all(
            a.decode_time + a.duration == b.decode_time
            for a, b in zip(segment.samples, segment.samples[1:], strict=False)
        )
        assert segment.samples[0].sync or segment.continuation_of is not None
    runs = [segment.run for segment in memory.segments]
    assert runs == sorted(runs, key=runs.index)
    for before, after in zip(memory.segments, memory.segments[1:], strict=False):
        if before.run == after.run:
            assert before.end_us == after.start_us
        else:
            assert any(
                gap[0] >= before.end_us - 1 and gap[2] is not GapReason.PACKETS_LOST for gap in memory.gaps
            )
