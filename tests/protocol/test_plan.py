"""When a recording plan says what: held against a clock that is asked minute by minute, in zones that change their clocks."""

import datetime as dt
import os
import subprocess
import sys
import zoneinfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocol.command import CameraOrder
from protocol.errors import ProtocolError
from protocol.plan import Mode, PlanWindow, Quality, RecordingPlan, Rule
from sealing.canonical import decode_canonical, encode_canonical
from sealing.ids import uuid7

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/St_Johns",
    "UTC",
]
RULES = st.builds(Rule, st.sampled_from(Mode), st.sampled_from(Quality))
WINDOWS = st.builds(
    PlanWindow,
    st.frozensets(st.integers(0, 6), min_size=1),
    st.integers(0, 1439),
    st.integers(0, 1440),
    RULES,
)
PLANS = st.builds(
    RecordingPlan,
    st.sampled_from(ZONES),
    RULES,
    st.lists(WINDOWS, max_size=4).map(tuple),
    st.integers(0, 30),
    st.integers(0, 300),
    st.frozensets(st.sampled_from(["motion", "tamper", "input"])),
)
OFF = Rule(Mode.OFF)


def shown_on_the_wall(plan: RecordingPlan, at: dt.datetime) -> Rule:
    """Another way to the same: every minute a window names is listed, by the day of the week on which it stands."""
    wall = at.astimezone(zoneinfo.ZoneInfo(plan.zone))
    now = (wall.isoweekday() - 1) * 1440 + wall.hour * 60 + wall.minute
    for window in plan.windows:
        length = (window.to_min - window.from_min - 1) % 1440 + 1
        for day in window.days:
            if now in {(day * 1440 + window.from_min + step) % (7 * 1440) for step in range(length)}:
                return window.rule
    return plan.usual


def at_second(second: int) -> dt.datetime:
    return dt.datetime.fromtimestamp(second, dt.UTC)


MOMENTS = st.one_of(
    st.integers(1_577_836_800, 2_051_222_400).map(at_second),
    # Near the changes of the clocks in these zones.
    st.sampled_from(["2026-03-08", "2026-03-29", "2026-10-25"]).flatmap(
        lambda day: st.integers(-2880, 2880).map(
            lambda minutes: dt.datetime.fromisoformat(f"{day}T00:00+00:00") + dt.timedelta(minutes=minutes)
        )
    ),
)


@given(PLANS, MOMENTS)
def test_the_rule_is_that_of_the_window_a_clock_on_the_wall_shows(plan, at):
    assert plan.at(round(at.timestamp() * 1e6)) == shown_on_the_wall(plan, at)


@given(PLANS)
def test_a_plan_comes_through_the_command_document_as_it_was(plan):
    order = CameraOrder(uuid7(1), "Gate", True, b"m", b"s", True, None, plan)
    assert CameraOrder.from_map(decode_canonical(encode_canonical(order.to_map()))) == order


def test_zones_are_known_also_on_a_system_that_has_none():
    told = "from protocol.plan import RecordingPlan; print(RecordingPlan('Europe/Berlin').at(0).mode.name)"
    done = subprocess.run(
        [sys.executable, "-c", told],
        env=os.environ | {"PYTHONTZPATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "CONTINUOUS\n", done.stderr


def berlin(text: str) -> int:
    return round(
        dt.datetime.fromisoformat(text).replace(tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")).timestamp() * 1e6
    )


def test_clocks_that_change_empty_an_hour_or_double_it():
    night = RecordingPlan("Europe/Berlin", Rule(), (PlanWindow(frozenset({6}), 120, 180, OFF),))
    spring = [night.at(berlin("2026-03-29T00:00") + minute * 60_000_000) for minute in range(6 * 60)]
    autumn = [night.at(berlin("2026-10-25T00:00") + minute * 60_000_000) for minute in range(6 * 60)]
    assert (spring.count(OFF), autumn.count(OFF)) == (0, 120)


def test_a_window_over_midnight_belongs_to_the_day_it_begins_on_and_the_first_of_two_holds():
    event = Rule(Mode.EVENT)
    plan = RecordingPlan(
        "Europe/Berlin",
        Rule(),
        (PlanWindow(frozenset({4}), 22 * 60, 6 * 60, event), PlanWindow(frozenset({5}), 0, 1440, OFF)),
    )
    assert plan.at(berlin("2026-11-27T21:59")) == Rule()
    assert plan.at(berlin("2026-11-27T22:00")) == event
    assert plan.at(berlin("2026-11-28T05:59")) == event
    assert plan.at(berlin("2026-11-28T06:00")) == OFF
    assert plan.at(berlin("2026-11-29T00:00")) == Rule()


GOOD = RecordingPlan("Europe/Berlin", windows=(PlanWindow(frozenset({0}), 0, 60, OFF),)).to_map()


@pytest.mark.parametrize(
    "changed",
    [
        {1: "Europe/Atlantis"},
        {1: "../../etc/passwd"},
        {2: [1, 9]},
        {2: [9, 1]},
        {3: [[0, 0, 60, 1, 1]]},
        {3: [[128, 0, 60, 1, 1]]},
        {3: [[1, 1440, 60, 1, 1]]},
        {3: [[1, 0, 60, 1]]},
        {3: [[1, 0, 60, 1, 1]] * 51},
        {4: 31},
        {5: 301},
        {6: "motion"},
    ],
)
def test_a_plan_that_cannot_be_read_is_refused(changed):
    with pytest.raises(ProtocolError):
        RecordingPlan.from_map(GOOD | changed)


def test_a_kind_of_happening_this_agent_does_not_know_starts_nothing():
    assert RecordingPlan.from_map(GOOD | {6: ["levitation", "motion"]}).triggers == {"motion"}
