"""A camera's recording plan: when its streams are recorded, by what, and how much of the main stream is kept.

Everything is wall time of the plan's zone: a moment lies in a window when a clock on its wall would show it there, so that
where clocks go forward a window from 02:00 to 03:00 is empty that day, and where they go back both hours count. A window
belongs to the day on which it begins. Pure: no clock is read.
"""

from __future__ import annotations

import datetime as dt
import zoneinfo
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from typing import Any, Final

from protocol import fields
from protocol.errors import ProtocolError

DAY_MINUTES: Final = 24 * 60
WINDOWS_MOST: Final = 50
PRE_ROLL_S_MOST: Final = 30
POST_ROLL_S_MOST: Final = 300
TRIGGERS: Final = ("motion", "tamper", "input", "line", "sound", "manual")
"""Kinds of happenings that may start a recording by event, in the order in which they are shown."""
_ALL_DAYS: Final = 0b111_1111
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Mode(IntEnum):
    """When a stream is recorded."""

    CONTINUOUS = 1
    EVENT = 2
    OFF = 3


class Quality(IntEnum):
    """What of a camera is kept: both streams, of main its key frames alone, or the sub stream alone."""

    FULL = 1
    KEY_FRAMES = 2
    SUB = 3


@dataclass(frozen=True, slots=True)
class Rule:
    """What holds at a moment. Where nothing is recorded (`OFF`), the quality says nothing."""

    mode: Mode = Mode.CONTINUOUS
    quality: Quality = Quality.FULL


@dataclass(frozen=True, slots=True)
class PlanWindow:
    """From one minute of the day to another, on each of `days` (0 is Monday). `to_min` not after `from_min`: it ends on the
    day after; 1440 is midnight at its end."""

    days: frozenset[int]
    from_min: int
    to_min: int
    rule: Rule

    def covers(self, weekday: int, minute: int) -> bool:
        """Whether a clock that shows this weekday and minute of the day is inside."""
        passes_midnight = self.to_min <= self.from_min
        if weekday in self.days and minute >= self.from_min and (passes_midnight or minute < self.to_min):
            return True
        return passes_midnight and (weekday - 1) % 7 in self.days and minute < self.to_min


@dataclass(frozen=True)
class RecordingPlan:
    """`usual` holds where no window does; of windows that overlap the first. `triggers`: kinds of happenings that start a
    recording by event, from `pre_roll_s` before until `post_roll_s` after."""

    zone: str
    usual: Rule = Rule()
    windows: tuple[PlanWindow, ...] = ()
    pre_roll_s: int = 10
    post_roll_s: int = 30
    triggers: frozenset[str] = frozenset({"motion"})

    def __post_init__(self) -> None:
        object.__setattr__(self, "_clock", _zone(self.zone))

    def at(self, at_us: int) -> Rule:
        """What holds at an instant (UTC µs)."""
        clock: zoneinfo.ZoneInfo = self._clock  # type: ignore[attr-defined]
        wall = (_EPOCH + dt.timedelta(microseconds=at_us)).astimezone(clock)
        minute = wall.hour * 60 + wall.minute
        for window in self.windows:
            if window.covers(wall.weekday(), minute):
                return window.rule
        return self.usual

    @property
    def rules(self) -> Iterable[Rule]:
        """Every rule that may come to hold."""
        return (self.usual, *(window.rule for window in self.windows))

    @property
    def by_event(self) -> bool:
        """Whether it ever records by event."""
        return any(rule.mode is Mode.EVENT for rule in self.rules)

    def to_map(self) -> dict[int, Any]:
        return {
            1: self.zone,
            2: _rule_row(self.usual),
            3: [
                [sum(1 << day for day in one.days), one.from_min, one.to_min, *_rule_row(one.rule)]
                for one in self.windows
            ],
            4: self.pre_roll_s,
            5: self.post_roll_s,
            6: sorted(self.triggers),
        }

    @classmethod
    def from_map(cls, value: object) -> RecordingPlan:
        """Raises ProtocolError. Kinds of happenings this side does not know are left out: they start nothing here."""
        row = fields.mapping(value, "recording plan")
        triggers = fields.array(row.get(6), "triggers", most=50)
        return cls(
            fields.text(row.get(1), "time zone", most=64),
            _rule(fields.array(row.get(2), "usual rule", length=2)),
            tuple(_window(one) for one in fields.array(row.get(3), "windows", most=WINDOWS_MOST)),
            fields.uint(row.get(4), "pre-roll", most=PRE_ROLL_S_MOST),
            fields.uint(row.get(5), "post-roll", most=POST_ROLL_S_MOST),
            frozenset(fields.text(one, "trigger", most=20) for one in triggers) & frozenset(TRIGGERS),
        )


def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ProtocolError("bad-field", f"time zone {name[:64]!r} is not known here") from error


def _rule_row(rule: Rule) -> list[int]:
    return [int(rule.mode), int(rule.quality)]


def _rule(row: list[Any]) -> Rule:
    mode, quality = (fields.uint(value, what) for value, what in zip(row, ("mode", "quality"), strict=True))
    try:
        return Rule(Mode(mode), Quality(quality))
    except ValueError as error:
        raise ProtocolError("bad-field", f"recording rule: {error}") from error


def _window(value: object) -> PlanWindow:
    days, begin, end, *rule = fields.array(value, "window", length=5)
    mask = fields.uint(days, "days", most=_ALL_DAYS)
    if not mask:
        raise fields.bad("days", "one day at least")
    return PlanWindow(
        frozenset(day for day in range(7) if mask >> day & 1),
        fields.uint(begin, "begin of a window", most=DAY_MINUTES - 1),
        fields.uint(end, "end of a window", most=DAY_MINUTES),
        _rule(rule),
    )
