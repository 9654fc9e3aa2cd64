"""Identifiers come in the order they were made."""

from __future__ import annotations

import time

from tenants.ids import uuid7


def test_ids_are_in_order_within_a_millisecond_and_say_when_they_were_made() -> None:
    made = [uuid7() for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(one.version, one.variant) for one in made} == {(7, "specified in RFC 4122")}
    assert abs((made[-1].int >> 80) - time.time_ns() // 1_000_000) < 1000
