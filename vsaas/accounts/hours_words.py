"""Hours in plain sentences: "Live view: Monday to Friday 08:00–18:00"."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import groupby

from django.utils import translation
from django.utils.dates import WEEKDAYS
from django.utils.formats import date_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from tenants.hours import Calendar, Hours, Window, Windows, minute_text
from tenants.words import ENGLISH

SECTIONS = {
    "sign_in": gettext_lazy("Signing in"),
    "live": gettext_lazy("Live view"),
    "playback": gettext_lazy("Playback"),
    "hidden": gettext_lazy("Recordings that are hidden"),
}
HOLIDAYS = {
    "usual": gettext_lazy("Holidays are days like any other."),
    "sunday": gettext_lazy("On holidays what is said of Sundays holds."),
    "closed": gettext_lazy(
        "On holidays nothing opens; where recordings are hidden at all, those of the whole day are."
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


def in_words(hours: Hours) -> str:
    """The same as one text, as it is stored."""
    with translation.override(ENGLISH):
        return "; ".join(one.rstrip(".") for one in sentences(hours))


def calendar_in_words(calendar: Calendar) -> str:
    """Zone and holidays, in English."""
    with translation.override(ENGLISH):
        days = _days(calendar.holidays.items())
        return f"{calendar.zone.key}; {_('holidays')}: {days or _('none')}"


def change_in_words(before: Calendar, after: Calendar) -> tuple[str, str]:
    """What a change takes away and what it adds, as they are stored: lists of holidays are long, changes of them are not."""
    with translation.override(ENGLISH):
        gone = _days(before.holidays.items() - after.holidays.items())
        new = _days(after.holidays.items() - before.holidays.items())
        return (
            _("%(zone)s; holidays removed: %(days)s") % {"zone": before.zone.key, "days": gone or _("none")},
            _("%(zone)s; holidays added: %(days)s") % {"zone": after.zone.key, "days": new or _("none")},
        )


def _days(days: Iterable[tuple[dt.date, str]]) -> str:
    return ", ".join(f"{day.isoformat()} {name}".strip() for day, name in sorted(days))


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
