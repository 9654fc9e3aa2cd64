"""When a role holds, and which recorded time it may see: pure policy, no I/O and no clock.

Everything is local wall time of the organisation's zone. An instant lies in a window when a clock on its wall would show
it there: where clocks go forward, a window from 02:00 to 03:00 is empty that day; where they go back, both hours count.
A window belongs to the day on which it begins, so one that passes midnight goes on into a holiday.
"""

from __future__ import annotations

import datetime as dt
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import Any, Final, Literal
from zoneinfo import ZoneInfo

from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _

from tenants.words import Text

logger = logging.getLogger(__name__)

US: Final = 1_000_000
MINUTE_US: Final = 60 * US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
DAY_MINUTES: Final = 24 * 60
WINDOWS_MOST: Final = 50
HOLIDAYS_MOST: Final = 400
BACK_H_MOST: Final = 10 * 366 * 24
LOOK_AHEAD_DAYS: Final = 400
"""How far ahead an opening is looked for: beyond every list of holidays anybody would write."""

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SUNDAY: Final = 6
_EPOCH: Final = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH_WEEKDAY: Final = 3  # 1 January 1970 was a Thursday
_LAST_LOOKED_UP_US: Final = (
    253_370_764_800 * US
)  # the year 9999 begins: local times beyond it may have no date
_TIME = re.compile(r"([01][0-9]|2[0-4]):([0-5][0-9])", re.ASCII)

Span = tuple[int, int]
"""[from, to), UTC microseconds."""
HolidayRule = Literal["usual", "sunday", "closed"]
HOLIDAY_RULES: Final[tuple[HolidayRule, ...]] = ("usual", "sunday", "closed")


class HoursRefused(ValueError):
    """A policy that cannot be read. `field` names where, as in `live.0.from`."""

    def __init__(self, at: str, message: Text) -> None:
        super().__init__(f"{at}: {message}")
        self.field, self.message = at, message


@dataclass(frozen=True, slots=True)
class Window:
    """From one minute of the day to another, on each of `days` (0 is Monday). `to_min` not after `from_min`: it ends on
    the day after; 1440 is midnight at its end."""

    days: frozenset[int]
    from_min: int
    to_min: int

    @property
    def length_min(self) -> int:
        passes = self.to_min <= self.from_min
        return self.to_min - self.from_min + (DAY_MINUTES if passes else 0)


Windows = tuple[Window, ...] | None
"""None: always. Empty: never."""

_WHOLE_DAY: Final = (Window(frozenset(range(7)), 0, DAY_MINUTES),)


@dataclass(frozen=True, slots=True)
class Calendar:
    """The organisation's zone, and its holidays by local date."""

    zone: ZoneInfo
    holidays: Mapping[dt.date, str] = field(default_factory=dict, hash=False)

    def is_holiday(self, day: int) -> bool:
        """Whether local day number `day` (days since 1970) is a holiday."""
        ordinal = day + _EPOCH.toordinal()
        if not self.holidays or not 1 <= ordinal <= dt.date.max.toordinal():
            return False
        return dt.date.fromordinal(ordinal) in self.holidays


@dataclass(frozen=True, slots=True)
class Hours:
    """What time allows a role.

    `sign_in`: when the role holds at all; `live`, `playback`: when these rights of it do. `playback_back_h`: only what
    was recorded at most so many hours ago. `hidden`: recorded time it never sees. `holidays`: what a holiday counts as;
    `closed` opens nothing on that day, and hides the whole day where the role has hidden hours at all.
    """

    sign_in: Windows = None
    live: Windows = None
    playback: Windows = None
    playback_back_h: int | None = None
    hidden: tuple[Window, ...] = ()
    holidays: HolidayRule = "usual"

    @property
    def unlimited(self) -> bool:
        """Whether it allows everything at all times."""
        return self == Hours(holidays=self.holidays) and self.holidays != "closed"

    @property
    def limits_footage(self) -> bool:
        """Whether some recorded time is withheld while playback is open."""
        return self.playback_back_h is not None or bool(self.hidden)


NEVER: Final = Hours(sign_in=(), live=(), playback=())
"""What a stored policy that cannot be read allows."""


def stored_hours(document: Any) -> Hours | None:
    """The policy as it is kept with a role; None for none. What cannot be read lets nobody in rather than everybody."""
    if document is None:
        return None
    try:
        return hours_from_json(document)
    except HoursRefused:
        logger.exception(
            "the hours of a role cannot be read: it holds at no time until they are written anew"
        )
        return NEVER


# Opening and closing


def open_at(windows: Windows, rule: HolidayRule, at_us: int, calendar: Calendar) -> bool:
    """Whether the windows are open at an instant."""
    return _always(windows, rule, calendar) or bool(open_spans(windows, rule, at_us, at_us + 1, calendar))


def ends_at(
    windows: Windows, rule: HolidayRule, at_us: int, calendar: Calendar, within_us: int = 8 * DAY_US
) -> int | None:
    """When windows that are open at `at_us` close; None when they do not within `within_us`. `at_us` itself when they are
    closed already."""
    if _always(windows, rule, calendar):
        return None
    for begin in range(at_us, at_us + within_us, DAY_US):
        end = min(begin + DAY_US, at_us + within_us)
        spans = open_spans(windows, rule, begin, end, calendar)
        if not spans or spans[0][0] > begin:
            return begin
        if spans[0][1] < end:
            return spans[0][1]
    return None


def opens_at(windows: Windows, rule: HolidayRule, at_us: int, calendar: Calendar) -> int | None:
    """When windows open next: `at_us` itself when they are open; None when not within LOOK_AHEAD_DAYS."""
    if _always(windows, rule, calendar):
        return at_us
    if not windows and windows is not None:
        return None
    for begin in range(at_us, at_us + LOOK_AHEAD_DAYS * DAY_US, DAY_US):
        spans = open_spans(windows, rule, begin, begin + DAY_US, calendar)
        if spans:
            return spans[0][0]
    return None


def all_open_at(several: Sequence[Windows], rule: HolidayRule, at_us: int, calendar: Calendar) -> int | None:
    """When all of several windows are open together next; None when not within LOOK_AHEAD_DAYS."""
    last_us = at_us + LOOK_AHEAD_DAYS * DAY_US
    while at_us < last_us:
        latest = at_us
        for windows in several:
            opens = opens_at(windows, rule, at_us, calendar)
            if opens is None:
                return None
            latest = max(latest, opens)
        if latest == at_us:
            return at_us
        at_us = latest
    return None


def open_spans(
    windows: Windows, rule: HolidayRule, from_us: int, to_us: int, calendar: Calendar
) -> list[Span]:
    """The parts of [from_us, to_us) in which the windows are open, in order, neighbours joined."""
    if _always(windows, rule, calendar):
        return [(from_us, to_us)] if from_us < to_us else []
    open_on = _WHOLE_DAY if windows is None else windows
    return _spans(open_on, rule, (), from_us, to_us, calendar)


def _always(windows: Windows, rule: HolidayRule, calendar: Calendar) -> bool:
    return windows is None and not (rule == "closed" and calendar.holidays)


# Recorded time


def permitted(
    hours: Hours, from_us: int, to_us: int, now_us: int, calendar: Calendar, *, lasting_us: int = 0
) -> list[Span]:
    """The recorded time in [from_us, to_us) that `hours` lets be seen at `now_us`, in order.

    `lasting_us`: leaves out what reaches its hours back within that time, so that a key that lives as long shows nothing
    too old.
    """
    if not open_at(hours.playback, hours.holidays, now_us, calendar):
        return []
    if hours.playback_back_h is not None:
        from_us = max(from_us, now_us + lasting_us - hours.playback_back_h * HOUR_US)
    if from_us >= to_us:
        return []
    return subtract([(from_us, to_us)], hidden_spans(hours, from_us, to_us, calendar))


def hidden_spans(hours: Hours, from_us: int, to_us: int, calendar: Calendar) -> list[Span]:
    """The recorded time in [from_us, to_us) that is hidden, in order."""
    if not hours.hidden:
        return []
    return _spans(hours.hidden, hours.holidays, _WHOLE_DAY, from_us, to_us, calendar)


def inside(spans: Sequence[Span], from_us: int, to_us: int) -> bool:
    """Whether [from_us, to_us) lies wholly inside one span; an empty stretch counts as the instant it stands at."""
    end_us = max(to_us, from_us + 1)
    return any(begin <= from_us and end_us <= end for begin, end in spans)


def union(*lists: Sequence[Span]) -> list[Span]:
    """All spans together, in order, those that touch joined."""
    joined: list[Span] = []
    for begin, end in sorted(span for spans in lists for span in spans):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        elif begin < end:
            joined.append((begin, end))
    return joined


def subtract(spans: Sequence[Span], taken: Sequence[Span]) -> list[Span]:
    """What of `spans` none of `taken` covers; both in order and without overlap."""
    left: list[Span] = []
    for begin, end in spans:
        for taken_from, taken_to in taken:
            if taken_to <= begin or taken_from >= end:
                continue
            if begin < taken_from:
                left.append((begin, taken_from))
            begin = min(taken_to, end)
        if begin < end:
            left.append((begin, end))
    return left


def intersect(some: Sequence[Span], others: Sequence[Span]) -> list[Span]:
    """What both cover; each in order and without overlap."""
    both = [
        (max(begin, other_begin), min(end, other_end))
        for begin, end in some
        for other_begin, other_end in others
        if begin < other_end and other_begin < end
    ]
    return union(both)


# Wall time


def _spans(
    windows: tuple[Window, ...],
    rule: HolidayRule,
    when_closed: tuple[Window, ...],
    from_us: int,
    to_us: int,
    calendar: Calendar,
) -> list[Span]:
    """When the windows hold; `when_closed` stand in their place on a holiday that is closed."""
    found: list[Span] = []
    for begin, end, offset in _pieces(from_us, to_us, calendar.zone):
        wall_from, wall_to = begin + offset, end + offset
        for day in range(wall_from // DAY_US - 1, (wall_to - 1) // DAY_US + 1):
            for window in _beginning_on(day, windows, rule, when_closed, calendar):
                start = day * DAY_US + window.from_min * MINUTE_US
                stop = start + window.length_min * MINUTE_US
                if start < wall_to and stop > wall_from:
                    found.append((max(start, wall_from) - offset, min(stop, wall_to) - offset))
    return union(found)


def _beginning_on(
    day: int,
    windows: tuple[Window, ...],
    rule: HolidayRule,
    when_closed: tuple[Window, ...],
    calendar: Calendar,
) -> Iterator[Window]:
    weekday = (day + _EPOCH_WEEKDAY) % 7
    if rule != "usual" and calendar.is_holiday(day):
        if rule == "closed":
            yield from when_closed
            return
        weekday = _SUNDAY
    for window in windows:
        if weekday in window.days:
            yield window


def _pieces(from_us: int, to_us: int, zone: ZoneInfo) -> Iterator[tuple[int, int, int]]:
    """[from_us, to_us) in pieces of one offset from UTC each: (from, to, offset), microseconds."""
    for utc_day in range(from_us // DAY_US, (to_us - 1) // DAY_US + 1):
        for begin, end, offset in _pieces_of_day(zone, utc_day):
            begin, end = max(begin, from_us), min(end, to_us)
            if begin < end:
                yield begin, end, offset


@lru_cache(maxsize=4096)
def _pieces_of_day(zone: ZoneInfo, utc_day: int) -> tuple[tuple[int, int, int], ...]:
    """The same for a day of UTC. Offsets are looked at every hour, and where two differ, the second of the
    change is searched for."""
    day_s = utc_day * 86_400
    looks = range(day_s, day_s + 86_400 + 1, 3600)
    changes = [day_s]
    for before, after in pairwise(looks):
        if _offset_us(zone, before) != _offset_us(zone, after):
            changes.append(_change_s(zone, before, after))
    changes.append(day_s + 86_400)
    return tuple(
        (begin * US, end * US, _offset_us(zone, begin)) for begin, end in pairwise(changes) if begin < end
    )


def _change_s(zone: ZoneInfo, before_s: int, after_s: int) -> int:
    offset = _offset_us(zone, before_s)
    while after_s - before_s > 1:
        middle = (before_s + after_s) // 2
        if _offset_us(zone, middle) == offset:
            before_s = middle
        else:
            after_s = middle
    return after_s


def _offset_us(zone: ZoneInfo, at_s: int) -> int:
    at_s = max(DAY_US // US, min(at_s, _LAST_LOOKED_UP_US // US))
    offset = (_EPOCH + dt.timedelta(seconds=at_s)).astimezone(zone).utcoffset()
    assert offset is not None
    return offset // dt.timedelta(microseconds=1)


# The form in which it is kept and sent


def hours_from_json(document: Any) -> Hours:
    """The policy of a JSON document. Raises HoursRefused, naming the field."""
    if not isinstance(document, dict):
        raise HoursRefused("hours", _("must be an object"))
    known = {"sign_in", "live", "playback", "playback_back_h", "hidden", "holidays"}
    for name in document:
        if name not in known:
            raise HoursRefused(str(name)[:40], _("is not known here"))
    hidden = _windows_from(document.get("hidden", []), "hidden")
    if hidden is None:
        raise HoursRefused("hidden", _("must be a list of windows"))
    return Hours(
        sign_in=_windows_from(document.get("sign_in"), "sign_in"),
        live=_windows_from(document.get("live"), "live"),
        playback=_windows_from(document.get("playback"), "playback"),
        playback_back_h=_back_from(document.get("playback_back_h")),
        hidden=hidden,
        holidays=_rule_from(document.get("holidays", "usual")),
    )


def hours_to_json(hours: Hours) -> dict[str, Any]:
    """The JSON document of a policy."""
    return {
        "sign_in": _windows_to(hours.sign_in),
        "live": _windows_to(hours.live),
        "playback": _windows_to(hours.playback),
        "playback_back_h": hours.playback_back_h,
        "hidden": _windows_to(hours.hidden),
        "holidays": hours.holidays,
    }


def holidays_from_json(document: Any) -> dict[dt.date, str]:
    """`[{"date": "2026-12-25", "name": "Christmas"}, …]` by date. Raises HoursRefused, naming the field."""
    if not isinstance(document, list):
        raise HoursRefused("holidays", _("must be a list of days"))
    if len(document) > HOLIDAYS_MOST:
        raise HoursRefused("holidays", _("may list %(most)s days at most") % {"most": HOLIDAYS_MOST})
    found: dict[dt.date, str] = {}
    for number, row in enumerate(document):
        at = f"holidays.{number}"
        if not isinstance(row, dict) or row.keys() - {"date", "name"}:
            raise HoursRefused(at, _("must be an object with date and name"))
        day = date_from(row.get("date"), f"{at}.date")
        name = row.get("name", "")
        if not isinstance(name, str) or len(name) > 80 or (name and not name.isprintable()):
            raise HoursRefused(f"{at}.name", _("must be at most 80 printable characters"))
        if day in found:
            raise HoursRefused(f"{at}.date", _("stands in the list twice"))
        found[day] = name.strip()
    return found


def holidays_to_json(holidays: Mapping[dt.date, str]) -> list[dict[str, str]]:
    """The JSON document of holidays, in the order of their dates."""
    return [{"date": day.isoformat(), "name": name} for day, name in sorted(holidays.items())]


def date_from(value: Any, at: str) -> dt.date:
    """A day as YYYY-MM-DD. Raises HoursRefused."""
    if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value, re.ASCII):
        try:
            return dt.date.fromisoformat(value)
        except ValueError:
            pass  # a day no month has: refused below
    raise HoursRefused(at, _("must be a day, written as 2026-12-25"))


def minute_text(minute: int) -> str:
    """08:00; midnight at the end of a day is 24:00."""
    return f"{minute // 60:02}:{minute % 60:02}"


def _windows_from(value: Any, at: str) -> Windows:
    if value is None:
        return None
    if not isinstance(value, list):
        raise HoursRefused(at, _("must be null, or a list of windows"))
    if len(value) > WINDOWS_MOST:
        raise HoursRefused(at, _("may list %(most)s windows at most") % {"most": WINDOWS_MOST})
    return tuple(window_from_json(row, f"{at}.{number}") for number, row in enumerate(value))


def window_from_json(row: Any, at: str) -> Window:
    """One window, `{"days": ["mon", …], "from": "08:00", "to": "18:00"}`. Raises HoursRefused, naming the field under `at`."""
    if not isinstance(row, dict) or row.keys() != {"days", "from", "to"}:
        raise HoursRefused(at, _("must be an object with days, from and to"))
    days = row["days"]
    if not isinstance(days, list) or not days or any(day not in DAYS for day in days):
        raise HoursRefused(f"{at}.days", _("must list days: %(days)s") % {"days": ", ".join(DAYS)})
    begin, end = _minute_from(row["from"], f"{at}.from"), _minute_from(row["to"], f"{at}.to")
    if begin == DAY_MINUTES:
        raise HoursRefused(f"{at}.from", _("must be a time from 00:00 to 23:59"))
    if begin == end:
        raise HoursRefused(f"{at}.to", _("must differ from where it begins; a whole day is 00:00 to 24:00"))
    return Window(frozenset(DAYS.index(day) for day in days), begin, end or DAY_MINUTES)


def _minute_from(value: Any, at: str) -> int:
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    minute = int(match[1]) * 60 + int(match[2]) if match else DAY_MINUTES + 1
    if minute > DAY_MINUTES:
        raise HoursRefused(at, _("must be a time, written as 08:00"))
    return minute


def _windows_to(windows: Windows) -> list[dict[str, Any]] | None:
    if windows is None:
        return None
    return [window_to_json(window) for window in windows]


def window_to_json(window: Window) -> dict[str, Any]:
    """The JSON of one window."""
    return {
        "days": [DAYS[day] for day in sorted(window.days)],
        "from": minute_text(window.from_min),
        "to": minute_text(window.to_min),
    }


def _back_from(value: Any) -> int | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= BACK_H_MOST:
        raise HoursRefused(
            "playback_back_h", _("must be whole hours, from 1 to %(most)s") % {"most": BACK_H_MOST}
        )
    return value


def _rule_from(value: Any) -> HolidayRule:
    for rule in HOLIDAY_RULES:
        if value == rule:
            return rule
    raise HoursRefused("holidays", _("must be one of: %(rules)s") % {"rules": ", ".join(HOLIDAY_RULES)})


# In words


def local_moment(at_us: int, calendar: Calendar) -> str:
    """For people: the day of the week, the date and the time on the organisation's walls, with the zone."""
    local = (_EPOCH + dt.timedelta(microseconds=at_us)).astimezone(calendar.zone)
    words = _("%(weekday)s, %(date)s, %(time)s (%(zone)s)") % {
        "weekday": date_format(local, "l"),
        "date": date_format(local, "DATE_FORMAT"),
        "time": local.strftime("%H:%M"),
        "zone": calendar.zone.key,
    }
    return str(words)
