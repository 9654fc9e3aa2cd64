"""Sizes as people read them: in powers of 1000, as quotas are typed."""

import pytest
from django.utils.translation import override

from vsaas.common.sizes import length_text, size_text


@pytest.mark.parametrize(
    ("size", "shown"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (999_949, "999.9 kB"),
        (999_960, "1.0 MB"),
        (20_000_000_000, "20.0 GB"),
        (2.5e12, "2.5 TB"),
        (5e18, "5000.0 PB"),
    ],
)
def test_a_size_has_one_decimal_and_its_unit(size: float, shown: str) -> None:
    assert size_text(size) == shown


def test_the_decimal_sign_is_the_locales() -> None:
    with override("de"):
        assert size_text(1_500_000) == "1,5 MB"


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0.4, "0 seconds"),
        (59, "59 seconds"),
        (61, "1 minute"),
        (7199, "1 hour"),
        (7200, "2 hours"),
        (86_400, "1 day"),
        (14.5 * 86_400, "14 days"),
        (400 * 86_400, "400 days"),
    ],
)
def test_a_length_of_time_is_one_number_and_its_unit(seconds: float, shown: str) -> None:
    assert length_text(seconds).replace("\xa0", " ") == shown
