"""Budgets, pace and their file: what goes over is given up as a signed gap, told before, and nothing else goes."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from edge_agent.budget import Budgets
from edge_agent.cloud import Cloud, Patience
from edge_agent.errors import PortalRefused, PortalUnreachable, StateUnusable
from edge_agent.pace import Pace
from edge_agent.spool_settings import (
    GIVE_UP_OLDEST,
    Budget,
    Pacing,
    SpoolSettings,
    Window,
    read_spool_settings,
)
from edge_agent.upload import Uploader
from protocol.states import SegmentState
from sealing.ids import ClockSource, GapReason
from tests.edge_agent.box import Box
from tests.edge_agent.filled import fill_box

DAY_US = 86_400_000_000


@pytest.fixture
def box(tmp_path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.spool.close()


def budgets(box: Box, settings: SpoolSettings, *, portal_us: int | None = None, busy=frozenset()) -> Budgets:
    portal = SimpleNamespace(portal_time_known=portal_us is not None, portal_time_us=lambda: portal_us)
    uploader = Uploader(box.spool, cast("Cloud", None), box.clock, box.identity, cast("Any", None))
    return Budgets(
        box.spool,
        box.clock,
        box.identity,
        settings,
        portal,
        delete=uploader.delete_files,
        under_way=lambda: set(busy),
        name_of=lambda camera: "Gate" if camera == box.camera else "?",
    )


def sizes(box: Box) -> list[int]:
    return [row[0] for row in box.spool.read("SELECT size FROM segments ORDER BY start_us")]


def test_bytes_over_a_cameras_budget_are_given_up_oldest_first_each_as_a_gap_that_names_it(box):
    made = fill_box(box, 5)
    keep = sum(sizes(box)[2:])
    sender = budgets(box, SpoolSettings(Budget(size_bytes=keep)))
    used = box.spool.summary().bytes_used
    sender.look()
    gaps = box.gaps()
    assert [gap.detail for gap in gaps] == [f"given up: segment {segment}" for segment in made[:2]]
    assert {gap.reason for gap in gaps} == {GapReason.DISK_FULL}
    assert [(gap.start_us, gap.end_us) for gap in gaps] == [
        (segment.start_us, segment.end_us) for segment in box.segments()[:2]
    ]
    exist = [box.spool.object_path(box.camera, 1, segment).exists() for segment in made]
    assert exist == [False, False, True, True, True]
    assert box.spool.summary().bytes_used < used
    assert "Gate: what waits here fills over 80 % of its budget" in sender.alarms[0]
    sender.look()
    assert len(box.gaps()) == 2, "what fits stays"


def test_the_alarm_comes_before_anything_goes_and_ends_with_it(box):
    fill_box(box, 5)
    settings = SpoolSettings(Budget(size_bytes=sum(sizes(box)) * 10 // 9))
    sender = budgets(box, settings)
    sender.look()
    assert sender.alarms
    assert not box.gaps()
    box.spool.write(
        lambda c: c.execute("UPDATE segments SET state = ? ", (SegmentState.UPLOADED,)).rowcount
    ).result()
    fill_box(box, 1, before_s=300)
    sender.look()
    assert not sender.alarms


def test_days_count_by_the_portals_clock_and_never_by_one_nobody_vouches_for(box, monkeypatch):
    fill_box(box, 2)
    settings = SpoolSettings(cameras={box.camera: Budget(days=3)})
    now_us = box.clock.wall_us()
    monkeypatch.setattr(box.clock, "source", lambda: (ClockSource.SYSTEM_NOT_SYNCHRONISED, 16_000_000))
    monkeypatch.setattr(box.clock, "wall_us", lambda: now_us + 30 * DAY_US)
    budgets(box, settings).look()
    assert not box.gaps(), "a clock that was never set throws nothing away"
    budgets(box, settings, portal_us=now_us + 2 * DAY_US).look()
    assert not box.gaps()
    budgets(box, settings, portal_us=now_us + 4 * DAY_US).look()
    assert len(box.gaps()) == 2
    assert not [path for path in box.spool.objects.rglob("*") if path.is_file()]


def test_what_goes_up_just_now_is_left_alone(box):
    made = fill_box(box, 2)
    budgets(box, SpoolSettings(Budget(size_bytes=1)), busy={made[0]}).look()
    assert [gap.detail for gap in box.gaps()] == [f"given up: segment {made[1]}"]


def test_a_full_spool_gives_up_the_oldest_only_where_that_is_set(box):
    made = fill_box(box, 6)
    used = box.spool.summary().bytes_used
    box.spool.room.budget_bytes = used
    budgets(box, SpoolSettings()).look()
    assert not box.gaps()
    budgets(box, SpoolSettings(when_full=GIVE_UP_OLDEST)).look()
    gone = [gap.detail for gap in box.gaps()]
    assert gone == [f"given up: segment {segment}" for segment in made[: len(gone)]]
    assert 1 <= len(gone) <= 3
    assert box.spool.room.may_record()


EVERYTHING = """
days = 30
size = "40 GB"
when_full = "give-up-oldest"
limit = "8 Mbit/s"

[cameras."{camera}"]
days = 60

[[hours]]
days = ["mon", "fri"]
from = "22:00"
to = "06:00"
limit = "none"

[[hours]]
from = "12:00"
to = "13:00"
limit = "0"
"""


def written(state, text: str) -> SpoolSettings:
    path = state / "spool.toml"
    path.write_text(text)
    path.chmod(0o600)
    return read_spool_settings(state)


def test_the_file_says_budgets_and_hours(tmp_path):
    camera = uuid.uuid4()
    assert read_spool_settings(tmp_path) == SpoolSettings()
    settings = written(tmp_path, EVERYTHING.format(camera=camera))
    assert settings.budget_of(camera) == Budget(60, 40 * 10**9)
    assert settings.budget_of(uuid.uuid4()) == Budget(30, 40 * 10**9)
    pacing = settings.pacing
    assert pacing.at(0, 21 * 60) == 8_000_000
    assert pacing.at(0, 22 * 60) is None
    assert pacing.at(1, 5 * 60 + 59) is None, "the night that began on Monday"
    assert pacing.at(1, 22 * 60) == 8_000_000
    assert pacing.at(0, 5 * 60) == 8_000_000, "the night that began on Sunday is no window"
    assert pacing.at(2, 12 * 60) == 0


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("days = 0", "days is a whole number from 1 to 365"),
        ("days = true", "days is a whole number from 1 to 365"),
        ('size = "40"', 'written like "40 GB"'),
        ('limit = "1 kbit/s"', "at least 64 kbit/s"),
        ("weeks = 1", "names 'weeks', which is no setting"),
        ("[cameras.gate]\ndays = 1", "a camera is named by its id"),
        ('[[hours]]\nfrom = "25:00"\nto = "06:00"\nlimit = "0"', "from and to are written like"),
        ('[[hours]]\nfrom = "06:00"\nto = "06:00"\nlimit = "0"', "from and to differ"),
        ("days =", "cannot be used"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_with_its_cause(tmp_path, text, cause):
    with pytest.raises(StateUnusable, match=cause):
        written(tmp_path, text)


async def test_all_uploads_together_keep_to_the_limit():
    pace = Pace(Pacing(800_000), now=lambda: (0, 0))
    loop = asyncio.get_running_loop()
    began_s = loop.time()
    await asyncio.gather(*(pace.take(10_000) for _ in range(6)))
    assert loop.time() - began_s >= 0.49  # the first of six goes at once, and each takes a tenth of a second


def test_a_window_closes_uploads_and_opens_them_again():
    minute = [0]
    settings = Pacing(None, (Window(frozenset({0}), 60, 120, 0),))
    pace = Pace(settings, now=lambda: (0, minute[0]))
    assert pace.limited
    assert not Pace(Pacing()).limited
    closed = []
    for minute[0] in (59, 60, 119, 120):
        closed.append(pace.closed)
    assert closed == [False, True, True, False]


def test_agents_told_the_same_wait_do_not_come_back_in_the_same_moment(monkeypatch):
    refused = PortalRefused("busy", 503, "unavailable", 60.0)
    waits = {Patience().after(refused) for _ in range(50)}
    assert min(waits) >= 60
    assert max(waits) - min(waits) > 10
    patience = Patience(1.0, 60.0, weary_s=300.0)
    unreachable = PortalUnreachable("gone")
    assert patience.after(unreachable) <= 1
    from edge_agent import cloud

    now_s = cloud.time.monotonic() + 86_400
    monkeypatch.setattr(cloud.time, "monotonic", lambda: now_s)
    waits = {patience.after(unreachable) for _ in range(50)}
    assert 150 <= min(waits) < max(waits) <= 300
    patience.reset()
    assert patience.after(unreachable) <= 1
