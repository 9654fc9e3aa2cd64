"""The policy of hours against an oracle that looks at a clock on the wall, minute by minute."""

import datetime as dt
import itertools
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tenants import hours
from tenants.hours import Calendar, Hours, HoursRefused, Window

MINUTE_US = 60_000_000
HOUR_US = 60 * MINUTE_US
EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
# Whole, half and three-quarter hours; a change of half an hour; changes at midnight; a day that never was (Apia,
# 30 December 2011); the other way round (Dublin, whose winter is the exception); seconds (Monrovia until 1972).
ZONES = [
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Africa/Casablanca",
    "Pacific/Apia",
    "Africa/Monrovia",
    "Pacific/Chatham",
]
# Around these the clocks of some of the zones change.
CHANGES = [
    "2026-03-29T00:00Z",
    "2026-10-25T00:00Z",
    "2026-03-08T05:00Z",
    "2026-11-01T05:00Z",
    "2026-04-04T14:00Z",
    "2026-10-03T15:00Z",
    "2011-12-30T08:00Z",
    "1972-01-07T00:30Z",
    "2018-11-04T02:00Z",
    "2026-02-15T01:00Z",
]


def us(text: str, zone: str | None = None) -> int:
    moment = dt.datetime.fromisoformat(text)
    if zone is not None:
        moment = moment.replace(tzinfo=ZoneInfo(zone))
    return (moment - EPOCH) // dt.timedelta(microseconds=1)


def oracle(windows: hours.Windows, rule: str, at_us: int, calendar: Calendar, *, hides: bool = False) -> bool:
    """What a clock on the wall shows, and which day is written beside it: nothing of the code under test."""
    wall = (EPOCH + dt.timedelta(microseconds=at_us)).astimezone(calendar.zone)
    today, minute = wall.date(), wall.hour * 60 + wall.minute

    def day_of_week(day: dt.date) -> int | None:
        if day in calendar.holidays and rule == "closed":
            return None
        return 6 if day in calendar.holidays and rule == "sunday" else day.weekday()

    if hides and day_of_week(today) is None:
        return True
    if windows is None:
        return day_of_week(today) is not None
    yesterday = today - dt.timedelta(days=1)
    for window in windows:
        passes = window.to_min <= window.from_min
        end = 1440 if passes else window.to_min
        if day_of_week(today) in window.days and window.from_min <= minute < end:
            return True
        if passes and day_of_week(yesterday) in window.days and minute < window.to_min:
            return True
    return False


def _window(days: frozenset[int], begin: int, length: int) -> Window:
    end = (begin + length) % 1440
    return Window(days, begin, end or 1440)


days = st.frozensets(st.integers(0, 6), min_size=1)
some_minutes = st.sampled_from([0, 60, 90, 119, 120, 121, 150, 180, 480, 1080, 1439]) | st.integers(0, 1439)
one_window = st.builds(_window, days, some_minutes, st.integers(1, 1439)) | st.builds(
    lambda days: Window(days, 0, 1440), days
)
window_lists = st.lists(one_window, max_size=4).map(tuple)
rules = st.sampled_from(hours.HOLIDAY_RULES)
begins = st.builds(
    lambda change, back: us(change) - back * MINUTE_US, st.sampled_from(CHANGES), st.integers(0, 1500)
) | st.integers(us("1971-01-01T00:00Z"), us("2037-01-01T00:00Z"))


@st.composite
def calendars(draw: st.DrawFn, begin_us: int) -> Calendar:
    zone = ZoneInfo(draw(st.sampled_from(ZONES)))
    today = (EPOCH + dt.timedelta(microseconds=begin_us)).astimezone(zone).date()
    near = draw(st.sets(st.integers(-2, 3), max_size=3))
    return Calendar(zone, {today + dt.timedelta(days=one): "a holiday" for one in near})


def minutes(from_us: int, to_us: int) -> range:
    return range(from_us, to_us, MINUTE_US)


@settings(max_examples=60, deadline=None)
@given(st.data(), begins, st.none() | window_lists, rules)
def test_windows_are_open_exactly_when_the_clock_on_the_wall_says_so(
    data: st.DataObject, from_us: int, windows: hours.Windows, rule: hours.HolidayRule
) -> None:
    calendar = data.draw(calendars(from_us))
    to_us = from_us + 36 * HOUR_US
    spans = hours.open_spans(windows, rule, from_us, to_us, calendar)
    assert spans == sorted(spans)
    assert all(end < begin for (_, end), (begin, _) in itertools.pairwise(spans))
    for at_us in minutes(from_us, to_us):
        assert any(begin <= at_us < end for begin, end in spans) == oracle(windows, rule, at_us, calendar)
    for edge in {edge for span in spans for edge in span} - {from_us, to_us}:
        assert oracle(windows, rule, edge - 1, calendar) != oracle(windows, rule, edge, calendar)


@settings(max_examples=60, deadline=None)
@given(st.data(), begins, st.none() | window_lists, rules)
def test_an_opening_and_a_closing_are_the_first_there_is(
    data: st.DataObject, at_us: int, windows: hours.Windows, rule: hours.HolidayRule
) -> None:
    calendar = data.draw(calendars(at_us))
    assert hours.open_at(windows, rule, at_us, calendar) == oracle(windows, rule, at_us, calendar)
    closes = hours.ends_at(windows, rule, at_us, calendar, within_us=36 * HOUR_US)
    for moment in minutes(at_us, at_us + 36 * HOUR_US if closes is None else closes):
        assert oracle(windows, rule, moment, calendar)
    if closes is not None:
        assert not oracle(windows, rule, closes, calendar)
    opens = hours.opens_at(windows, rule, at_us, calendar)
    for moment in minutes(at_us, at_us + 10 * 24 * HOUR_US if opens is None else opens):
        assert not oracle(windows, rule, moment, calendar)
    if opens is not None:
        assert oracle(windows, rule, opens, calendar)


@settings(max_examples=60, deadline=None)
@given(
    st.data(),
    begins,
    st.none() | window_lists,
    window_lists,
    st.none() | st.integers(1, 48),
    st.integers(-60, 60),
    rules,
)
def test_recorded_time_is_permitted_exactly_where_every_rule_lets_it(
    data: st.DataObject,
    from_us: int,
    playback: hours.Windows,
    hidden: tuple[Window, ...],
    back_h: int | None,
    now_h: int,
    rule: hours.HolidayRule,
) -> None:
    calendar = data.draw(calendars(from_us))
    to_us, now_us = from_us + 30 * HOUR_US, from_us + now_h * HOUR_US
    policy = Hours(playback=playback, playback_back_h=back_h, hidden=hidden, holidays=rule)
    spans = hours.permitted(policy, from_us, to_us, now_us, calendar)
    may_play = oracle(playback, rule, now_us, calendar)
    for at_us in minutes(from_us, to_us):
        expected = (
            may_play
            and (back_h is None or at_us >= now_us - back_h * HOUR_US)
            and not (hidden and oracle(hidden, rule, at_us, calendar, hides=True))
        )
        assert any(begin <= at_us < end for begin, end in spans) == expected


span_lists = st.lists(
    st.tuples(st.integers(0, 60), st.integers(0, 12)).map(lambda one: (one[0], one[0] + one[1])), max_size=6
)


@given(span_lists, span_lists, st.integers(0, 70), st.integers(0, 6))
@example([(0, 10)], [(10, 20)], 5, 10)
def test_spans_add_up_and_take_away_like_sets_of_instants(
    some: list[hours.Span], others: list[hours.Span], begin: int, length: int
) -> None:
    def instants(spans: list[hours.Span]) -> set[int]:
        return {at for low, high in spans for at in range(low, high)}

    assert instants(hours.union(some, others)) == instants(some) | instants(others)
    left = hours.subtract(hours.union(some), hours.union(others))
    assert instants(left) == instants(some) - instants(others)
    both = hours.intersect(hours.union(some), hours.union(others))
    assert instants(both) == instants(some) & instants(others)
    wanted = set(range(begin, begin + max(length, 1)))
    assert hours.inside(hours.union(some, others), begin, begin + length) == (
        wanted <= instants(some) | instants(others)
    )


@given(
    st.builds(
        Hours,
        st.none() | window_lists,
        st.none() | window_lists,
        st.none() | window_lists,
        st.none() | st.integers(1, 5000),
        window_lists,
        rules,
    )
)
def test_a_policy_comes_back_from_its_document(policy: Hours) -> None:
    assert hours.hours_from_json(hours.hours_to_json(policy)) == policy


def test_where_clocks_go_forward_an_hour_has_no_length_and_where_they_go_back_it_counts_twice() -> None:
    calendar = Calendar(ZoneInfo("Europe/Berlin"))
    at_two = (Window(frozenset(range(7)), 120, 180),)
    spring, autumn = us("2026-03-29T00:00", "Europe/Berlin"), us("2026-10-25T00:00", "Europe/Berlin")
    assert hours.open_spans(at_two, "usual", spring, spring + 23 * HOUR_US, calendar) == []
    assert hours.open_spans(at_two, "usual", autumn, autumn + 25 * HOUR_US, calendar) == [
        (us("2026-10-25T00:00Z"), us("2026-10-25T02:00Z"))
    ]


def test_a_night_shift_goes_on_into_a_holiday_and_none_begins_on_it() -> None:
    zone = "Europe/Berlin"
    calendar = Calendar(ZoneInfo(zone), {dt.date(2026, 12, 25): "Christmas"})
    nights = (Window(frozenset(range(7)), 22 * 60, 6 * 60),)
    spans = hours.open_spans(
        nights, "closed", us("2026-12-24T12:00", zone), us("2026-12-27T12:00", zone), calendar
    )
    assert spans == [
        (us("2026-12-24T22:00", zone), us("2026-12-25T06:00", zone)),
        (us("2026-12-26T22:00", zone), us("2026-12-27T06:00", zone)),
    ]


def test_what_soon_is_too_old_is_left_out_for_as_long_as_a_key_lives() -> None:
    calendar, now = Calendar(ZoneInfo("UTC")), us("2026-06-01T12:00Z")
    policy = Hours(playback_back_h=2)
    spans = hours.permitted(policy, 0, now, now, calendar, lasting_us=120_000_000)
    assert spans == [(now - 2 * HOUR_US + 120_000_000, now)]


MONDAYS = {"days": ["mon"], "from": "08:00", "to": "18:00"}


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ([], "hours"),
        ({"signin": None}, "signin"),
        ({"live": {}}, "live"),
        ({"live": [MONDAYS] * 51}, "live"),
        ({"live": [MONDAYS, {"days": ["mon"], "from": "08:00"}]}, "live.1"),
        ({"live": [MONDAYS | {"why": "x"}]}, "live.0"),
        ({"live": [MONDAYS | {"days": []}]}, "live.0.days"),
        ({"live": [MONDAYS | {"days": ["monday"]}]}, "live.0.days"),
        ({"live": [MONDAYS | {"days": [0]}]}, "live.0.days"),
        ({"live": [MONDAYS | {"from": "8:00"}]}, "live.0.from"),
        ({"live": [MONDAYS | {"from": "08:00\n"}]}, "live.0.from"),
        ({"live": [MONDAYS | {"from": "24:00"}]}, "live.0.from"),
        ({"live": [MONDAYS | {"to": "24:01"}]}, "live.0.to"),
        ({"live": [MONDAYS | {"to": "08:00"}]}, "live.0.to"),
        ({"live": [MONDAYS | {"to": 18}]}, "live.0.to"),
        ({"hidden": None}, "hidden"),
        ({"playback_back_h": 0}, "playback_back_h"),
        ({"playback_back_h": True}, "playback_back_h"),
        ({"playback_back_h": 1.5}, "playback_back_h"),
        ({"holidays": "Sunday"}, "holidays"),
        ({"holidays": []}, "holidays"),
    ],
)
def test_a_policy_that_cannot_be_read_is_refused_by_its_field(document: object, field: str) -> None:
    with pytest.raises(HoursRefused) as refused:
        hours.hours_from_json(document)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "holidays"),
        ([{"date": "2026-12-25", "name": "x"}] * 401, "holidays"),
        (["2026-12-25"], "holidays.0"),
        ([{"date": "25.12.2026", "name": "Christmas"}], "holidays.0.date"),
        ([{"date": "2026-02-29", "name": "no such day"}], "holidays.0.date"),
        ([{"date": "2026-12-25", "name": "a"}, {"date": "2026-12-25", "name": "b"}], "holidays.1.date"),
        ([{"date": "2026-12-25", "name": "x" * 81}], "holidays.0.name"),
        ([{"date": "2026-12-25", "name": "a\nb"}], "holidays.0.name"),
    ],
)
def test_holidays_that_cannot_be_read_are_refused_by_their_field(document: object, field: str) -> None:
    with pytest.raises(HoursRefused) as refused:
        hours.holidays_from_json(document)
    assert refused.value.field == field


def test_the_end_of_all_dates_is_no_error() -> None:
    calendar = Calendar(ZoneInfo("Pacific/Apia"), {dt.date.max: "the last day"})
    last = 253_402_300_799_000_000
    policy = Hours(hidden=(Window(frozenset(range(7)), 0, 60),), holidays="closed")
    assert hours.permitted(policy, last - HOUR_US, last + 1, last, calendar) != []
    assert hours.permitted(policy, 0, HOUR_US, last, calendar) != []
