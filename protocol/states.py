"""States of a segment on its way from camera to store; the same words on the agent and in the portal."""

from __future__ import annotations

from enum import IntEnum


class SegmentState(IntEnum):
    """Where a segment stands. Agents use 0 to 5, the portal 2 to 8. Numbers never change meaning."""

    OPEN = 0
    """Being written on the agent."""
    SEALED = 1
    """Closed on the agent; its record is signed and on disk."""
    DECLARED = 2
    """The portal accepted the record; the object is not yet in the store."""
    UPLOADED = 3
    """The agent's PUT succeeded (or the store already had the object)."""
    STORED = 4
    """The portal saw the object in the store by its own listing."""
    RELEASED = 5
    """The agent dropped its copy after the portal said STORED."""
    MISSING = 6
    """The object ought to be in the store and is not."""
    DELETED = 7
    """Deleted by policy; a tombstone says so."""
    REFUSED = 8
    """The portal refused the record for good; kept on the agent for a person to look at."""


class TimelineState:
    """Words of a timeline run in the browser API."""

    RECORDED = "recorded"
    PENDING = "pending"
    GAP = "gap"
    DELETED = "deleted"
    MISSING = "missing"
    NOT_PERMITTED = "not-permitted"
    """Whatever may be there, or not: the caller's hours do not let them know."""
