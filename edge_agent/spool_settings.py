"""How much this box keeps and how fast it uploads: `spool.toml` in the state folder, written by whoever runs the box.

Absent: no limit but the budget of the orders. What cannot be read stops the agent at its start, with file and cause.
"""

from __future__ import annotations

import re
import tomllib
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from edge_agent.errors import StateUnusable
from edge_agent.files import read_private

FILE: Final = "spool.toml"
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAYS_MOST: Final = 365
PAUSE, GIVE_UP_OLDEST = "pause", "give-up-oldest"
_BYTES_MOST: Final = 65_536
_LEAST_BITS_PER_S: Final = 64_000
_SIZE: Final = re.compile(r"(\d{1,6}) (MB|GB|TB)")
_RATE: Final = re.compile(r"(\d{1,6}) (kbit|Mbit|Gbit)/s")
_UNITS: Final = {"MB": 10**6, "GB": 10**9, "TB": 10**12, "kbit": 10**3, "Mbit": 10**6, "Gbit": 10**9}
_TIME: Final = re.compile(r"([01]\d|2[0-3]):([0-5]\d)|24:00")


@dataclass(frozen=True)
class Budget:
    """What one camera may hold back here; None: no limit of its own."""

    days: int | None = None
    size_bytes: int | None = None


@dataclass(frozen=True)
class Window:
    """A limit that holds on some days of the week, from and to a minute of the day by this box's local time.

    One that passes midnight belongs to the day it begins on. `bits_per_s`: None no limit, 0 no uploads.
    """

    days: frozenset[int]
    from_minute: int
    to_minute: int
    bits_per_s: int | None

    def holds(self, weekday: int, minute: int) -> bool:
        """`weekday`: 0 Monday."""
        if self.from_minute < self.to_minute:
            return weekday in self.days and self.from_minute <= minute < self.to_minute
        return (weekday in self.days and minute >= self.from_minute) or (
            (weekday - 1) % 7 in self.days and minute < self.to_minute
        )


@dataclass(frozen=True)
class Pacing:
    """How fast uploads go: the first window that holds, else `bits_per_s`."""

    bits_per_s: int | None = None
    windows: tuple[Window, ...] = ()

    def at(self, weekday: int, minute: int) -> int | None:
        """The limit in bits per second; None without one, 0 for no uploads now."""
        for window in self.windows:
            if window.holds(weekday, minute):
                return window.bits_per_s
        return self.bits_per_s


@dataclass(frozen=True)
class SpoolSettings:
    budget: Budget = Budget()
    cameras: Mapping[uuid.UUID, Budget] = field(default_factory=dict)
    when_full: str = PAUSE
    pacing: Pacing = Pacing()

    @property
    def any_budget(self) -> bool:
        """Whether any camera has a budget of its own."""
        return any(budget != Budget() for budget in (self.budget, *self.cameras.values()))

    def budget_of(self, camera: uuid.UUID) -> Budget:
        return self.cameras.get(camera, self.budget)


def read_spool_settings(state: Path) -> SpoolSettings:
    """The settings in the state folder. Raises StateUnusable."""
    path = state / FILE
    if not path.exists():
        return SpoolSettings()
    try:
        return _settings(tomllib.loads(read_private(path, most_bytes=_BYTES_MOST).decode()))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, ValueError) as error:
        raise StateUnusable(
            f"{path} cannot be used: {error}; correct it (docs/agent.md) or take it away"
        ) from error


def _settings(top: dict[str, Any]) -> SpoolSettings:
    _only(top, ("days", "size", "when_full", "limit", "cameras", "hours"), "the file")
    when_full = top.get("when_full", PAUSE)
    if when_full not in (PAUSE, GIVE_UP_OLDEST):
        raise ValueError(f'when_full is "{PAUSE}" or "{GIVE_UP_OLDEST}"')
    default = _budget({name: top[name] for name in ("days", "size") if name in top}, "the file", Budget())
    cameras = {}
    for name, row in _table(top.get("cameras", {}), "cameras").items():
        try:
            camera = uuid.UUID(name)
        except ValueError:
            raise ValueError(f"[cameras.{name!r}]: a camera is named by its id") from None
        cameras[camera] = _budget(_table(row, f"[cameras.{name}]"), f"[cameras.{name}]", default)
    rows = top.get("hours", [])
    if not isinstance(rows, list):
        raise ValueError("each window is written as [[hours]]")
    windows = tuple(_window(_table(row, "[[hours]]")) for row in rows)
    return SpoolSettings(default, cameras, when_full, Pacing(_rate(top.get("limit", "none")), windows))


def _budget(row: dict[str, Any], where: str, default: Budget) -> Budget:
    _only(row, ("days", "size"), where)
    days, size = row.get("days", default.days), default.size_bytes
    if days is not None and (type(days) is not int or not 1 <= days <= DAYS_MOST):
        raise ValueError(f"{where}: days is a whole number from 1 to {DAYS_MOST}")
    if "size" in row:
        found = _SIZE.fullmatch(row["size"]) if isinstance(row["size"], str) else None
        if found is None or int(found[1]) == 0:
            raise ValueError(f'{where}: size is written like "40 GB" (MB, GB, TB)')
        size = int(found[1]) * _UNITS[found[2]]
    return Budget(days, size)


def _window(row: dict[str, Any]) -> Window:
    _only(row, ("days", "from", "to", "limit"), "[[hours]]")
    days = row.get("days", list(DAYS))
    if not isinstance(days, list) or not days or any(day not in DAYS for day in days):
        raise ValueError(f"[[hours]]: days is a list of {', '.join(DAYS)}")
    begin, end = _minute(row.get("from")), _minute(row.get("to"))
    if begin == end:
        raise ValueError("[[hours]]: from and to differ")
    if "limit" not in row:
        raise ValueError("[[hours]]: limit is missing")
    return Window(frozenset(DAYS.index(day) for day in days), begin, end, _rate(row["limit"]))


def _minute(value: object) -> int:
    if not isinstance(value, str) or _TIME.fullmatch(value) is None:
        raise ValueError('[[hours]]: from and to are written like "08:00", to also "24:00"')
    return int(value[:2]) * 60 + int(value[3:])


def _rate(value: object) -> int | None:
    """Bits per second; None without a limit, 0 for no uploads."""
    if value in ("none", "0"):
        return None if value == "none" else 0
    found = _RATE.fullmatch(value) if isinstance(value, str) else None
    rate = int(found[1]) * _UNITS[found[2]] if found else 0
    if rate < _LEAST_BITS_PER_S:
        raise ValueError(
            'a limit is written like "2 Mbit/s" (kbit, Mbit, Gbit; at least 64 kbit/s), "none" or "0"'
        )
    return rate


def _table(value: object, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is a table")
    return value


def _only(row: dict[str, Any], names: tuple[str, ...], where: str) -> None:
    for name in row:
        if name not in names:
            raise ValueError(f"{where} names {name!r}, which is no setting: there are {', '.join(names)}")
