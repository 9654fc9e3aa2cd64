"""When each agent was last heard, in Redis: so that silence is noticed without visiting every tenant.

A heartbeat moves its agent in a sorted set, and marks its tenant where something is to be looked at: the agent was not in the
set, or a stream changed or has not been recorded for a short time. Whoever looks after alarms reads both. Nothing here is
needed for good: a Redis that forgot is filled by the next heartbeats.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, cast
from uuid import UUID

from vsaas.common.redis import client

LAST: Final = "vsaas.agents.last-heard"
TO_LOOK_AT: Final = "vsaas.agents.to-look-at"
LOOKED_AFTER_S: Final = 180
"""A stream that was not recorded for longer is known to whoever looks after alarms."""


def note_heard(tenant_id: UUID, agent_id: UUID, at_s: float, *, changed: bool) -> None:
    """An agent spoke at `at_s` (UTC seconds). `changed`: its tenant is to be looked at."""
    with client().pipeline(transaction=False) as pipe:
        pipe.zadd(LAST, {f"{tenant_id}:{agent_id}": at_s})
        added = pipe.execute()[0]
    if added or changed:
        look_at(tenant_id)


def is_news(before: list[dict[str, Any]], now: list[dict[str, Any]], now_us: int) -> bool:
    """Whether the streams of a heartbeat differ from those before in their states, or one of them is not recorded since
    lately."""
    states = [{(row["camera"], row["stream"]): row["state"] for row in rows} for rows in (before, now)]
    recent_us = now_us - LOOKED_AFTER_S * 1_000_000
    return states[0] != states[1] or any(
        row["state"] != "recording" and row["since_us"] > recent_us for row in now
    )


def look_at(tenant_id: UUID, at_s: float = 0.0) -> None:
    """The tenant is to be looked at, at once or from `at_s` (UTC seconds) on; the earliest wish counts."""
    client().zadd(TO_LOOK_AT, {str(tenant_id): at_s}, lt=True)


def take_to_look_at(now_s: float, most: int = 10_000) -> set[UUID]:
    """The tenants that are to be looked at by now, each given out once."""
    redis = client()
    taken = cast("list[bytes]", redis.zrangebyscore(TO_LOOK_AT, "-inf", now_s, start=0, num=most))
    if taken:
        redis.zrem(TO_LOOK_AT, *taken)
    return {UUID(one.decode()) for one in taken}


@dataclass(frozen=True, slots=True)
class Hearing:
    """How many agents were heard at all within two spans."""

    lately: int
    now: int


def hearing(now_s: float, lately_s: float, within_s: float) -> Hearing:
    """Agents heard in the last `lately_s`, and of these in the last `within_s` seconds."""
    redis = client()
    lately = cast("int", redis.zcount(LAST, now_s - lately_s, "+inf"))
    return Hearing(lately, cast("int", redis.zcount(LAST, now_s - within_s, "+inf")))


def take_silent(before_s: float, most: int = 10_000) -> set[UUID]:
    """Tenants of the agents not heard since `before_s`; they are forgotten until they speak again."""
    redis = client()
    members = cast("list[bytes]", redis.zrangebyscore(LAST, "-inf", f"({before_s}", start=0, num=most))
    if members:
        redis.zrem(LAST, *members)
    return {UUID(member.decode().split(":")[0]) for member in members}
