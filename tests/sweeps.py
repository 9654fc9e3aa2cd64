"""Work on every tenant of the portal, kept to those of the tests at hand.

Nothing is rolled back, so thousands of tenants of tests that have ended lie in a worker's database; each sweep over all
tenants (`tenants.lookups`) would visit them all, at some ten milliseconds apiece, and prove nothing by it.
"""

from __future__ import annotations

from typing import Any, Final

import pytest

from tenants import lookups
from tenants.ids import uuid7

SWEEPS: Final = frozenset(
    {
        "list_tenants_for_task",
        "list_tenants_with_inbox",
        "list_tenants_with_mail",
        "list_tenants_with_destinations",
    }
)


def pass_over_older_tenants(monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, sweeps in this process visit the tenants made from now on, as long as the patch holds."""
    since, rows_of = uuid7(), lookups._rows  # a UUIDv7 begins with the time it was made

    def rows(function: str, *arguments: Any) -> list[tuple[Any, ...]]:
        found = rows_of(function, *arguments)
        return [row for row in found if row[0] >= since] if function in SWEEPS else found

    monkeypatch.setattr(lookups, "_rows", rows)
