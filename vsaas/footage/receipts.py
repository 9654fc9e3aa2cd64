"""Which looks at still pictures and motion maps are written into the audit log: one for a session, a camera and a stretch of
footage in some minutes, not one for each refresh of a wall of a hundred cameras."""

import uuid
from collections.abc import Iterable
from functools import partial

import redis
from django.db import transaction

from vsaas.common.redis import client

MERGED_S = 600

Subject = tuple[uuid.UUID, int | None]
"""A camera, and the hour of its footage (UTC µs); None: its newest pictures."""


def due(session: uuid.UUID | None, subjects: Iterable[Subject], what: str = "still") -> set[Subject]:
    """The subjects for which no receipt of this session (of this kind, `what`) was written in the last MERGED_S; they count as
    written once the transaction commits. Without a session or without Redis nothing is merged: every look is written down."""
    wanted = list(dict.fromkeys(subjects))
    if session is None or not wanted:
        return set(wanted)
    names = [f"vsaas:{what}:{session}:{camera}:{hour or 'newest'}" for camera, hour in wanted]
    try:
        known = client().mget(names)
    except redis.RedisError:
        return set(wanted)
    fresh = {subject: name for subject, name, seen in zip(wanted, names, known, strict=True) if seen is None}
    transaction.on_commit(partial(_remember, list(fresh.values())))
    return set(fresh)


def _remember(names: list[str]) -> None:
    try:
        with client().pipeline(transaction=False) as pipe:
            for name in names:
                pipe.set(name, b"1", ex=MERGED_S)
            pipe.execute()
    except redis.RedisError:
        return  # not remembered: the next look is written down too
