"""docs/security.md names what is there, and every point of the chapters it walks."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "security.md").read_text()
NAMED = re.compile(r"`((?:docs|edge_agent|protocol|sealing|tenants|tests|vsaas)/[\w./-]+?)(?:::(\w+))?`")
ROW = re.compile(r"^\| (\d+\.\d+\.\d+) \| [^|]+ \| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
STATES = {"met", "partly", "not met", "n/a"}
# OWASP ASVS 4.0.3, chapters V2, V3, V4 and V7: section, and its last point of level 1 or 2.
POINTS = {
    "2.1": 12, "2.2": 3, "2.3": 3, "2.4": 5, "2.5": 7, "2.6": 3, "2.7": 6, "2.8": 7, "2.9": 3, "2.10": 4,
    "3.1": 1, "3.2": 4, "3.3": 4, "3.4": 5, "3.5": 3, "3.7": 1,
    "4.1": 5, "4.2": 2, "4.3": 3,
    "7.1": 4, "7.2": 2, "7.3": 4, "7.4": 3,
}  # fmt: skip
REMOVED = {"4.1.4", "7.3.2"}


def test_every_path_and_every_test_it_names_is_there() -> None:
    named = NAMED.findall(TEXT)
    assert len(named) > 60
    for path, test in named:
        assert (ROOT / path).exists(), path
        if test:
            assert re.search(rf"^(async )?def {test}\(", (ROOT / path).read_text(), re.MULTILINE), (
                f"{path}::{test}"
            )


def test_every_point_stands_there_once_with_its_state() -> None:
    rows = ROW.findall(TEXT)
    wanted = [f"{section}.{n}" for section, last in POINTS.items() for n in range(1, last + 1)]
    assert [point for point, _, _ in rows] == [point for point in wanted if point not in REMOVED]
    assert {state.strip() for _, state, _ in rows} <= STATES
    assert all(where.strip() for _, _, where in rows)
