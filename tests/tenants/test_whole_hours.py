"""Recorded time in whole hours: the steps in which it is given out where the customer holds the keys."""

import dataclasses
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from tenants.hours import Calendar, Hours, hours_from_json, inside
from tenants.sight import HOUR_US, Sight

MINUTE_US = 60_000_000
THURSDAY_US = 1_767_225_600_000_000  # 2026-01-01, UTC
DAY_US = 24 * HOUR_US


def seen(hidden_from: int, hidden_to: int, at_us: int, zone: str) -> Sight:
    """What somebody sees to whom these minutes of each day are hidden."""
    texts = [f"{minute // 60:02}:{minute % 60:02}" for minute in (hidden_from, hidden_to)]
    days = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
    hours: Hours = hours_from_json(
        {
            "sign_in": None,
            "live": None,
            "playback": None,
            "playback_back_h": None,
            "hidden": [{"days": days, "from": texts[0], "to": texts[1]}],
            "holidays": "usual",
        }
    )
    return Sight(((hours,),), at_us, Calendar(ZoneInfo(zone), {}))


minutes = st.integers(0, 23 * 60 + 59)


@given(
    minutes,
    minutes,
    st.integers(0, DAY_US),
    st.integers(1, 6 * HOUR_US),
    st.sampled_from(["UTC", "Asia/Kolkata"]),
)
def test_of_an_hour_all_or_nothing_is_seen(hidden_from, hidden_to, offset_us, length_us, zone):
    assume(hidden_from != hidden_to)
    at_us = THURSDAY_US + 2 * DAY_US
    fine = seen(hidden_from, hidden_to, at_us, zone)
    whole = dataclasses.replace(fine, whole_hours=True)
    from_us = THURSDAY_US + offset_us
    to_us = from_us + length_us
    spans = whole.spans(from_us, to_us)
    for begin, end in spans:
        assert inside([(from_us, to_us)], begin, end)
        for hour_us in range(begin - begin % HOUR_US, end, HOUR_US):
            assert inside(fine.spans(hour_us, hour_us + HOUR_US), hour_us, hour_us + HOUR_US)
    for hour_us in range(from_us - from_us % HOUR_US, to_us, HOUR_US):
        if inside(fine.spans(hour_us, hour_us + HOUR_US), hour_us, hour_us + HOUR_US):
            assert inside(spans, max(from_us, hour_us), min(to_us, hour_us + HOUR_US))


@given(st.integers(0, 22 * 60).filter(lambda minute: minute % 60 < 58))
def test_an_hour_that_is_not_over_is_seen_only_when_all_of_it_will_be(minute):
    """Its key opens what is still to come of it as well."""
    at_us = THURSDAY_US + minute * MINUTE_US + MINUTE_US // 2
    start_us, next_us = at_us - at_us % HOUR_US, at_us - at_us % HOUR_US + HOUR_US
    later = dataclasses.replace(seen(minute + 1, minute + 2, at_us, "UTC"), whole_hours=True)
    assert not later.permits(start_us, at_us, start_us)
    after = dataclasses.replace(
        seen(minute // 60 * 60 + 60, minute // 60 * 60 + 61, at_us, "UTC"), whole_hours=True
    )
    assert after.permits(start_us, at_us, start_us)
    assert not after.permits(next_us, next_us + 1, next_us)
