"""Where storage leads: pure arithmetic."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vsaas.footage.forecast import Forecast, Growth, forecast

GB = 10**9


def test_without_a_quota_it_levels_off_when_retention_is_full() -> None:
    told = forecast([Growth(5 * GB, 10 * GB, 30), Growth(0, 2 * GB, 10)], None)
    assert told == Forecast(12 * GB, 320 * GB, None, None)


def test_a_quota_that_is_never_reached_is_said_to_be_none() -> None:
    told = forecast([Growth(5 * GB, 10 * GB, 30)], 301 * GB)
    assert (told.full_in_days, told.kept_days) == (None, None)


def test_the_day_the_quota_is_reached() -> None:
    told = forecast([Growth(50 * GB, 10 * GB, 30)], 100 * GB)
    assert told.full_in_days == pytest.approx(5)
    assert told.kept_days == pytest.approx(10)


def test_a_camera_that_has_levelled_off_adds_nothing_more() -> None:
    # The first is full at once; the second grows 1 GB a day from 0 and levels off at 40: 30 + 25 = 55 on day 25.
    told = forecast([Growth(30 * GB, 10 * GB, 3), Growth(0, GB, 40)], 55 * GB)
    assert told.full_in_days == pytest.approx(25)


def test_what_is_over_the_quota_is_full_now() -> None:
    assert forecast([Growth(50 * GB, GB, 30)], 40 * GB).full_in_days == 0


def test_nothing_leads_nowhere() -> None:
    assert forecast([], 10) == Forecast(0, 0, None, None)


@given(
    st.lists(
        st.builds(Growth, st.integers(0, 1000), st.integers(0, 100), st.integers(1, 100)),
        max_size=8,
    ),
    st.integers(1, 20_000),
)
def test_the_day_agrees_with_counting_days(cameras: list[Growth], quota: int) -> None:
    day = forecast(cameras, quota).full_in_days

    def size(at: float) -> float:
        return sum(
            min(each.size_bytes + each.bytes_per_day * at, max(each.size_bytes, each.level_bytes))
            for each in cameras
        )

    if day is None:
        assert size(10_000) < quota
    else:
        assert size(day) >= quota * (1 - 1e-9) - 1e-6
        assert day == 0 or size(day * 0.999 - 1e-6) < quota
