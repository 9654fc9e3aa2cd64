"""Hours in plain sentences: "Live view: Monday to Friday 08:00–18:00"."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from itertools import groupby
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenants.hours import (
    Calendar,
    Hours,
    Window,
    Windows,
    holidays_to_json,
    hours_from_json,
    minute_text,
)

DAYS_KEPT = 30
"""Of holidays that a change adds or removes, so many are written down in the audit log."""

SECTIONS = {
    "sign_in": gettext_lazy("Signing in"),
    "live": gettext_lazy("Live view"),
    "playback": gettext_lazy("Playback"),
    "hidden": gettext_lazy("Recordings that are hidden"),
}
HOLIDAYS = {
    "usual": gettext_lazy("Holidays are days like any other."),
    "sunday": gettext_lazy("Holidays count as Sundays."),
    "closed": gettext_lazy(
        "Nothing opens on holidays; where the role has hidden hours, the whole day is hidden."
    ),
}


def sentences(hours: Hours) -> list[str]:
    """What holds, one sentence each, in the reader's language."""
    told = [
        _said(SECTIONS["sign_in"], hours.sign_in),
        _said(SECTIONS["live"], hours.live),
        _said(SECTIONS["playback"], hours.playback),
    ]
    if hours.playback_back_h is not None:
        told.append(back_words(hours.playback_back_h))
    if hours.hidden:
        told.append(_said(SECTIONS["hidden"], hours.hidden))
    if hours.holidays != "usual":
        told.append(str(HOLIDAYS[hours.holidays]))
    return told


def limits(hours: Hours) -> list[str]:
    """Of the sentences those that limit something."""
    always = {_said(what, None) for what in SECTIONS.values()}
    return [one for one in sentences(hours) if one not in always]


def hours_spoken(document: Any) -> str:
    """Hours as the audit log keeps them (`hours_to_json`), as one text in the reader's language."""
    return "; ".join(one.rstrip(".") for one in sentences(hours_from_json(document)))


def calendar_to_json(calendar: Calendar) -> dict[str, Any]:
    """Zone and holidays."""
    return {"timezone": calendar.zone.key, "holidays": holidays_to_json(calendar.holidays)}


def change_to_json(
    before: tuple[str, Calendar], after: tuple[str, Calendar]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The organisation's name and calendar before and after a change, as the audit log keeps them: lists of holidays are
    long, changes of them are not. `more`: how many days there was no room for."""
    old, new = before[1].holidays.items(), after[1].holidays.items()
    return (
        {"name": before[0], "timezone": before[1].zone.key, **_some("removed", dict(old - new))},
        {"name": after[0], "timezone": after[1].zone.key, **_some("added", dict(new - old))},
    )


def _some(name: str, days: Mapping[dt.date, str]) -> dict[str, Any]:
    told = holidays_to_json(days)
    return {name: told[:DAYS_KEPT], "more": max(0, len(told) - DAYS_KEPT)}


def change_spoken(document: Any) -> str:
    """One side of `change_to_json`."""
    taken = "removed" in document
    days = [f"{one['date']} {one['name']}".strip() for one in document["removed" if taken else "added"]]
    if document["more"]:
        days.append(
            ngettext("%(count)d more", "%(count)d more", document["more"]) % {"count": document["more"]}
        )
    words = (
        _("%(name)s; %(zone)s; holidays removed: %(days)s")
        if taken
        else _("%(name)s; %(zone)s; holidays added: %(days)s")
    )
    values = {"name": document["name"], "zone": document["timezone"], "days": ", ".join(days) or _("none")}
    return words % values


def back_words(back_h: int) -> str:
    """How far back recordings may be watched."""
    days, rest = divmod(back_h, 24)
    if rest == 0:
        return ngettext(
            "Playback reaches back at most %(count)d day.",
            "Playback reaches back at most %(count)d days.",
            days,
        ) % {"count": days}
    return ngettext(
        "Playback reaches back at most %(count)d hour.",
        "Playback reaches back at most %(count)d hours.",
        back_h,
    ) % {"count": back_h}


def windows_words(windows: Windows) -> str:
    """ "always", "never", or the windows after each other."""
    if windows is None:
        return _("always")
    if not windows:
        return _("never")
    return "; ".join(window_words(window) for window in windows)


def window_words(window: Window) -> str:
    """ "Monday to Friday 08:00–18:00"."""
    end = minute_text(window.to_min)
    hours = f"{minute_text(window.from_min)}–{end}"
    if window.to_min <= window.from_min:
        hours = _("%(begin)s–%(end)s on the day after") % {"begin": minute_text(window.from_min), "end": end}
    return _("%(days)s %(hours)s") % {"days": days_words(sorted(window.days)), "hours": hours}


def days_words(days: list[int]) -> str:
    """ "every day", "Monday to Friday", "Monday, Wednesday"; `days` in order."""
    if len(days) == 7:
        return _("every day")
    runs = []
    for _key, group in groupby(enumerate(days), key=lambda pair: pair[1] - pair[0]):
        run = [day for _at, day in group]
        if len(run) > 2:
            runs.append(_("%(first)s to %(last)s") % {"first": WEEKDAYS[run[0]], "last": WEEKDAYS[run[-1]]})
        else:
            runs += [str(WEEKDAYS[day]) for day in run]
    return ", ".join(runs)


def holidays_words(calendar: Calendar) -> list[str]:
    """Each holiday with its day of the week and date."""
    return [
        f"{date_format(day, 'D')} {date_format(day, 'SHORT_DATE_FORMAT')} {name}".strip()
        for day, name in sorted(calendar.holidays.items())
    ]


def _said(what: object, windows: Windows) -> str:
    return _("%(what)s: %(when)s.") % {"what": what, "when": windows_words(windows)}
