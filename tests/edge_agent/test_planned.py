"""Recording by plan: what is kept, what is a gap, and that nothing is left unexplained; with a clock that stands still."""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import pytest

from edge_agent.attention import Attention
from edge_agent.capture.source import AccessUnit, PacketsLost, TrackChanged
from edge_agent.clock import offset_us
from edge_agent.planned import Gate, PlannedSegmenter
from edge_agent.preroll import STREAM_BYTES_MOST, PreRoll, PreRollMemory
from edge_agent.seal import StreamChain
from edge_agent.segmenter import main_limits
from protocol.plan import Mode, PlanWindow, Quality, RecordingPlan, Rule
from sealing.ids import GapReason, Stream
from tests.edge_agent.box import Box
from tests.edge_agent.filled import Sink, recent_clock
from tests.edge_agent.footage import Memory, StandClock, encode, h264_units, lengths, video_track

PICTURES = encode(frames=2, gop=2)
TRACK = TrackChanged("video", video_track("h264", PICTURES[0][2]))
KEY, DELTA = lengths(PICTURES[0][2]), lengths(PICTURES[1][2])
FPS, GOP = 10, 20
EVENT, OFF = Rule(Mode.EVENT), Rule(Mode.OFF)
MOTION = frozenset({"motion"})
NOTHING: frozenset[str] = frozenset()


class Stand:
    """One stream that is fed by a camera with a key frame every two seconds."""

    def __init__(
        self, plan: RecordingPlan | None, *, stream: Stream = Stream.MAIN, has_sub: bool = True
    ) -> None:
        self.clock, self.memory, self.attention = StandClock(), Memory(), Attention()
        # Full minutes, so that windows are easy to write.
        self.clock.wall_offset_us -= self.clock.wall_us() % 3_600_000_000
        self.begin_us = self.clock.wall_us()
        self.number = 0
        self.gate = Gate(stream, has_sub, self.clock, self.attention)
        self.gate.follow(plan, has_sub)
        self.held = PreRollMemory(1 << 40)
        self.segmenter = PlannedSegmenter(self.memory, self.clock, main_limits(10), self.gate, self.held)
        self.segmenter.resume_after(self.begin_us, GapReason.AGENT_STOPPED)
        self.segmenter.handle(TRACK)

    def run(self, seconds: float) -> None:
        """The camera sends so long; each second ticks."""
        for _ in range(round(seconds * FPS)):
            self.clock.advance(1 / FPS)
            key = self.number % GOP == 0
            unit = AccessUnit("video", self.number * 90000 // FPS, self.clock.ns, key, KEY if key else DELTA)
            self.segmenter.handle(unit)
            self.number += 1
            if self.number % FPS == 0:
                self.segmenter.tick()

    def silent(self, seconds: int) -> None:
        for _ in range(seconds):
            self.clock.advance(1)
            self.segmenter.tick()

    def motion(self, active: bool) -> None:
        self.attention.heard(MOTION if active else NOTHING, MOTION if active else NOTHING, self.clock.ns)

    def at(self, us: int) -> float:
        return (us - self.begin_us) / 1e6

    def account(self) -> list[tuple[str, float, float]]:
        """What the records say of the time, in order: nothing twice, nothing left out."""
        self.segmenter.stop()
        rows = [("recorded", one.start_us, one.end_us) for one in self.memory.segments]
        rows += [(GapReason(reason).name, start, end) for start, end, reason, _ in self.memory.gaps]
        rows.sort(key=lambda row: row[1])
        assert abs(rows[0][1] - self.begin_us) <= 1, "the beginning is left unexplained"
        assert rows[-1][2] >= self.clock.wall_us() - 200_000, "the end is left unexplained"
        for before, after in pairwise(rows):
            assert abs(after[1] - before[2]) <= 100_000, f"{before} is not followed by {after}"
        joined: list[tuple[str, float, float]] = []
        for name, start, end in rows:
            if joined and joined[-1][0] == name:
                joined[-1] = (name, joined[-1][1], self.at(end))
            elif end - start > 150_000:  # the first picture comes after a tenth of a second
                joined.append((name, self.at(start), self.at(end)))
        return joined


def plan(usual: Rule, *windows: PlanWindow, pre: int = 10, post: int = 20) -> RecordingPlan:
    return RecordingPlan("UTC", usual, windows, pre, post, MOTION)


def window(stand_begin_us: int, from_min: int, to_min: int, rule: Rule) -> PlanWindow:
    """A window by minutes after the stand began."""
    begin = dt.datetime.fromtimestamp(stand_begin_us / 1e6, dt.UTC)
    first = begin.hour * 60
    return PlanWindow(frozenset(range(7)), first + from_min, first + to_min, rule)


BEGIN_US = Stand(None).begin_us


def names(account: list[tuple[str, float, float]]) -> list[str]:
    return [name for name, _, _ in account]


def test_off_keeps_nothing_says_so_and_live_view_goes_on():
    stand = Stand(plan(OFF))
    stand.run(150)
    assert stand.segmenter.state == "by-plan"
    assert len(stand.memory.live_samples) > 1400
    assert stand.account() == [("BY_PLAN", 0.0, 150.0)]
    assert not stand.memory.segments


def test_a_window_begins_at_a_key_frame_and_ends_to_the_second():
    stand = Stand(plan(OFF, window(BEGIN_US, 1, 2, Rule())))
    stand.run(180)
    before, kept, after = stand.account()
    assert (before[0], kept[0], after[0]) == ("BY_PLAN", "recorded", "BY_PLAN")
    assert 60 <= kept[1] <= 62
    assert abs(kept[2] - 120) <= 0.2
    assert stand.memory.segments[0].samples[0].sync


def test_an_event_is_recorded_from_before_it_until_after_it():
    stand = Stand(plan(EVENT))
    stand.run(200)
    assert stand.segmenter.state == "waiting-for-event"
    stand.motion(True)
    stand.run(5)
    assert stand.segmenter.state == "recording"
    stand.motion(False)
    stand.run(100)
    assert stand.segmenter.state == "waiting-for-event"
    before, kept, after = stand.account()
    assert (before[0], kept[0], after[0]) == ("BY_PLAN", "recorded", "BY_PLAN")
    assert 188 - 0.2 <= kept[1] <= 190.2, "the pre-roll begins at the key frame before the tenth second"
    assert 225 <= kept[2] <= 227.2
    assert stand.memory.segments[0].samples[0].sync
    assert not any(segment.continuation_of for segment in stand.memory.segments)


def test_the_beginning_of_an_event_that_a_kill_cuts_off_is_signed_with_its_own_time(tmp_path):
    box, clock, attention = Box(tmp_path), recent_clock(600), Attention()
    chain = StreamChain(box.spool, clock, box.identity, box.camera, Stream.MAIN)
    chain.open()
    gate = Gate(Stream.MAIN, True, clock, attention)
    gate.follow(plan(EVENT, pre=4), True)
    sink = Sink(box.spool, clock, box.identity, box.periods, chain)
    segmenter = PlannedSegmenter(sink, clock, main_limits(10), gate, PreRollMemory())
    change, units = h264_units(clock, frames=70, fps=FPS, gop=FPS, size=96, noise=True)
    segmenter.handle(change)
    for number, unit in enumerate(units):
        clock.ns = unit.arrival_ns
        if number == 60:
            attention.heard(MOTION, MOTION, clock.ns)
        segmenter.handle(unit)
    (opened,) = box.spool.open_segments()
    box.spool.close()
    began_us = offset_us(clock) + units[10].arrival_ns // 1000
    assert opened.start_us == began_us, "the key frame held from four seconds before the event"
    again = Box(tmp_path)
    (segment,) = again.segments()
    again.spool.close()
    assert (again.salvaged.segments, segment.start_us) == (1, began_us)


def test_the_shortest_of_happenings_is_not_missed():
    stand = Stand(plan(EVENT, post=5))
    stand.run(30)
    stand.attention.heard(NOTHING, MOTION, stand.clock.ns)
    stand.run(30)
    assert names(stand.account()) == ["BY_PLAN", "recorded", "BY_PLAN"]


def test_what_the_plan_does_not_name_starts_nothing():
    stand = Stand(plan(EVENT))
    stand.attention.heard(frozenset({"tamper"}), NOTHING, stand.clock.ns)
    stand.run(90)
    assert names(stand.account()) == ["BY_PLAN"]


def test_a_long_event_goes_on_without_a_hole():
    stand = Stand(plan(EVENT))
    stand.run(30)
    for _ in range(30):
        stand.motion(True)
        stand.run(10)
        stand.motion(False)
        stand.run(10)
    (_, kept) = stand.account()
    assert kept[0] == "recorded"
    assert kept[2] - kept[1] > 600
    ids = {segment.run for segment in stand.memory.segments}
    assert len(ids) == 1


def test_continuous_after_waiting_begins_without_losing_a_second():
    stand = Stand(plan(EVENT, window(BEGIN_US, 1, 2, Rule())))
    stand.run(90)
    before, kept = stand.account()
    assert 58 <= kept[1] <= 60.2, "the group that was under way is kept"
    assert before[0] == "BY_PLAN"


def test_key_frames_alone_last_until_the_next_and_full_quality_follows_without_a_hole():
    reduced = Rule(Mode.CONTINUOUS, Quality.KEY_FRAMES)
    stand = Stand(plan(Rule(), window(BEGIN_US, 1, 2, reduced)))
    stand.run(180)
    assert names(stand.account()) == ["recorded"]
    thin = [one for one in stand.memory.segments if 63 < stand.at(one.start_us) < 115]
    assert thin
    for segment in thin:
        assert all(sample.sync for sample in segment.samples)
        assert {sample.duration for sample in segment.samples} == {GOP * 90000 // FPS}
    assert len(stand.memory.live_samples) > 1700, "live view shows every picture"


def test_interrupted_key_frames_last_until_the_last_picture_that_came():
    stand = Stand(plan(Rule(Mode.CONTINUOUS, Quality.KEY_FRAMES)))
    stand.run(31.5)
    stand.segmenter.interrupt(GapReason.CAMERA_UNREACHABLE, "gone")
    stand.silent(10)
    kept, gone = stand.account()
    assert abs(kept[2] - 31.5) < 0.2
    assert gone[0] == "CAMERA_UNREACHABLE"


@pytest.mark.parametrize(("has_sub", "kept"), [(True, "BY_PLAN"), (False, "recorded")])
def test_sub_alone_keeps_nothing_of_main_unless_main_is_all_there_is(has_sub, kept):
    only_sub = plan(Rule(Mode.CONTINUOUS, Quality.SUB))
    main, sub = Stand(only_sub, has_sub=has_sub), Stand(only_sub, stream=Stream.SUB)
    main.run(70)
    sub.run(70)
    assert names(main.account()) == [kept]
    assert names(sub.account()) == ["recorded"]


def test_a_camera_that_fails_changes_no_gap_of_the_plan_but_is_the_reason_while_events_are_waited_for():
    for rule, expected in ((OFF, ["BY_PLAN"]), (EVENT, ["BY_PLAN", "CAMERA_UNREACHABLE", "BY_PLAN"])):
        stand = Stand(plan(rule))
        stand.run(70)
        stand.segmenter.interrupt(GapReason.CAMERA_UNREACHABLE, "no answer")
        stand.silent(130)
        stand.number = 0
        stand.run(70)
        assert names(stand.account()) == expected


def test_a_camera_that_is_away_when_its_hours_begin_is_the_reason_from_then_on():
    stand = Stand(plan(OFF, window(BEGIN_US, 2, 3, Rule())))
    stand.run(30)
    stand.segmenter.interrupt(GapReason.CAMERA_UNREACHABLE, "no answer")
    stand.silent(200)
    first, away, last = stand.account()
    assert (first[0], away[0], last[0]) == ("BY_PLAN", "CAMERA_UNREACHABLE", "BY_PLAN")
    assert (round(away[1]), round(away[2])) == (120, 180)


def test_a_plan_that_changes_meanwhile_is_followed_without_a_hole():
    stand = Stand(None)
    stand.run(31)
    for another in (
        plan(EVENT),
        plan(OFF),
        None,
        plan(EVENT),
        plan(Rule(Mode.CONTINUOUS, Quality.KEY_FRAMES)),
    ):
        stand.gate.follow(another, True)
        stand.run(31)
    account = stand.account()
    assert names(account) == ["recorded", "BY_PLAN", "recorded", "BY_PLAN", "recorded"]


def test_a_clock_that_is_set_while_nothing_is_recorded_leaves_the_plan_the_reason():
    stand = Stand(plan(EVENT))
    stand.run(90)
    stand.clock.wall_offset_us += 3_600_000_000
    stand.segmenter.clock_stepped()
    stand.run(90)
    assert names(stand.account()) == ["BY_PLAN"]


def test_a_restart_while_nothing_is_recorded_is_told_and_the_rest_is_the_plans():
    stand = Stand(plan(OFF))
    stand.clock.advance(5)
    again = PlannedSegmenter(stand.memory, stand.clock, main_limits(10), stand.gate, stand.held)
    again.resume_after(stand.begin_us, GapReason.AGENT_STOPPED)
    stand.clock.advance(90)
    again.tick()
    assert [(reason, round(stand.at(end))) for _, end, reason, _ in stand.memory.gaps] == [
        (GapReason.AGENT_STOPPED, 5),
        (GapReason.BY_PLAN, 95),
    ]


def test_a_new_camera_that_is_not_to_be_recorded_yet_is_explained_from_its_first_second():
    stand = Stand(plan(OFF))
    stand.segmenter = PlannedSegmenter(stand.memory, stand.clock, main_limits(10), stand.gate, stand.held)
    stand.segmenter.resume_after(None, GapReason.AGENT_STOPPED)
    stand.run(70)
    assert stand.account() == [("BY_PLAN", 0.0, 70.0)]


# Memory


def picture(seconds: float, key: bool, size: int) -> AccessUnit:
    return AccessUnit("video", round(seconds * 90000), round(seconds * 1e9), key, bytes(size))


def test_half_a_minute_of_eight_megabits_is_held_and_no_more():
    memory = PreRollMemory(1 << 40)
    roll = PreRoll(memory)
    for number in range(25 * 120):
        roll.add(picture(number / 25, number % 50 == 0, 40_000), 30)
        assert memory.total <= STREAM_BYTES_MOST
    assert memory.total >= 30 * 1_000_000
    held = list(roll.take())
    assert held[0].sync
    assert 30 <= (held[-1].arrival_ns - held[0].arrival_ns) / 1e9 <= 34
    assert memory.total == 0


def test_a_group_without_end_is_let_go_of():
    memory = PreRollMemory(1 << 40)
    roll = PreRoll(memory)
    for number in range(120):
        roll.add(picture(number / 10, number == 0, 1_000_000), 30)
    assert memory.total <= STREAM_BYTES_MOST
    assert roll.begin_ns is None


def test_a_group_without_end_is_let_go_of_however_little_comes():
    roll = PreRoll(PreRollMemory(1 << 40))
    for second in range(100):
        roll.add(picture(second, second == 0, 10), 10)
    assert roll.begin_ns == 0, "the group that was under way is held whole"
    for second in range(100, 200):
        roll.add(picture(second, False, 10), 10)
    assert roll.begin_ns is None
    roll.add(picture(200, True, 10), 10)
    assert roll.begin_ns == 200 * 1_000_000_000


def test_what_is_small_counts_as_well():
    memory = PreRollMemory(1_000_000)
    roll = PreRoll(memory)
    roll.add(picture(0, True, 0), 10)
    for _ in range(10_000):
        roll.add(PacketsLost(1), 10)
    assert memory.total <= 1_000_000
    assert sum(1 for _ in roll.take()) <= 1_000_000 // 300


def test_many_streams_share_what_the_box_can_spare():
    memory = PreRollMemory(20_000_000)
    rolls = [PreRoll(memory) for _ in range(10)]
    for number in range(300):
        for roll in rolls:
            roll.add(picture(number / 10, number % 10 == 0, 50_000), 30)
    assert memory.total <= 21_000_000
    assert all(roll.begin_ns is not None for roll in rolls)
