"""The collector of benchmarks; the benchmarks themselves are run by `make bench`."""

import pytest

from tests.bench.__main__ import table
from tests.bench.row import Row


def test_a_target_is_reached_from_its_side() -> None:
    assert Row("seek", 580.0, "ms", target=600).holds is True
    assert Row("seek", 620.0, "ms", target=600).holds is False
    assert Row("ingest", 4000.0, "records/s", target=5000, better="higher").holds is False
    assert Row("hub", 0.4, "%").holds is None


def test_the_table_shows_what_is_missed() -> None:
    shown = table(
        [Row("ingest", 4000.0, "records/s", target=5000, better="higher"), Row("hub", 0.41234, "%")]
    )
    assert shown.splitlines()[1].split() == ["ingest", "4,000", "records/s", "≥", "5,000", "MISSED"]
    assert shown.splitlines()[2].split() == ["hub", "0.412", "%"]


def test_a_row_with_a_wrong_direction_is_refused() -> None:
    with pytest.raises(ValueError, match="better is lower or higher, not smaller"):
        Row("x", 1.0, "ms", better="smaller")
