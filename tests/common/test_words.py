"""Moments and names as templates write them, before any script runs."""

from __future__ import annotations

import datetime as dt
import re

import pytest

from vsaas.common import clock
from vsaas.common.templatetags.people import initials
from vsaas.common.templatetags.times import when, words

UTC = dt.UTC


@pytest.mark.parametrize(
    ("back", "said"),
    [
        (dt.timedelta(0), r"now · \d\d:\d\d:\d\d UTC"),
        (dt.timedelta(seconds=12), r"12 s ago · .+ UTC"),
        (dt.timedelta(minutes=3, seconds=20), r"3\sminutes ago · .+ UTC"),
        (dt.timedelta(days=2, hours=5), r"2\sdays ago · \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"),
        (-dt.timedelta(hours=30), r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC"),
    ],
)
def test_a_moment_is_relative_and_exact(back: dt.timedelta, said: str) -> None:
    with clock.stopped():
        assert re.fullmatch(said, words(clock.now() - back))


def test_a_moment_stands_in_the_sites_zone_and_its_summer_time() -> None:
    summer = dt.datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
    winter = dt.datetime(2026, 1, 1, 12, 0, tzinfo=UTC)
    assert "14:00:00 CEST" in words(summer, "Europe/Berlin")
    assert "13:00:00 CET" in words(winter, "Europe/Berlin")
    assert "12:00:00 UTC" in words(winter, "No/Such zone")


def test_no_moment_is_said_in_words() -> None:
    assert when(None, never="Never") == "Never"
    told = when(dt.datetime(2026, 1, 1, 12, 0, tzinfo=UTC), "Europe/Berlin")
    assert 'datetime="2026-01-01T12:00:00+00:00"' in told
    assert 'data-zone="Europe/Berlin"' in told


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Alice", "A"),
        ("alice owner", "AO"),
        ("Ludmilla von und zu Hohenlinden", "LH"),
        ("נועה לוי", "נל"),
        ("🥐", ""),
        ("🥐 Bakery", "B"),
        ("", ""),
    ],
)
def test_an_avatar_has_the_first_letters_of_the_first_and_the_last_word(name: str, letters: str) -> None:
    assert initials(name) == letters
