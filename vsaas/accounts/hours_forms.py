"""The editor of hours and holidays: rows that grow and shrink by the form's own buttons, without a script."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.utils.dates import WEEKDAYS, WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.hours import (
    BACK_H_MOST,
    DAYS,
    HOLIDAY_RULES,
    HOLIDAYS_MOST,
    WINDOWS_MOST,
    Hours,
    HoursRefused,
    hours_from_json,
    hours_to_json,
)
from vsaas.accounts.hours_words import HOLIDAYS, SECTIONS

ALWAYS, SOMETIMES = "always", "hours"
_HINTS = {
    "sign_in": gettext_lazy(
        "Outside these hours the role gives nothing at all: neither pages nor access tokens."
    ),
    "live": gettext_lazy("A live view that is open ends with its hours."),
    "playback": gettext_lazy("When recordings may be watched, whenever they were made."),
    "hidden": gettext_lazy("Time of which nothing recorded is shown, nor told whether there is anything."),
}
_FREE = {
    "sign_in": gettext_lazy("At any time"),
    "live": gettext_lazy("At any time"),
    "playback": gettext_lazy("At any time"),
    "hidden": gettext_lazy("Nothing is hidden"),
}


@dataclass
class Row:
    """One window as it is typed."""

    days: list[str] = field(default_factory=list)
    begin: str = ""
    end: str = ""
    error: str = ""

    @property
    def empty(self) -> bool:
        return not (self.days or self.begin or self.end)

    def boxes(self) -> list[dict[str, Any]]:
        """The days to tick."""
        return [
            {"value": day, "name": WEEKDAYS[at], "short": WEEKDAYS_ABBR[at], "chosen": day in self.days}
            for at, day in enumerate(DAYS)
        ]

    def document(self) -> dict[str, Any]:
        """As JSON. Browsers' fields know no 24:00: midnight as an end is that of the day's end."""
        return {"days": self.days, "from": self.begin, "to": "24:00" if self.end == "00:00" else self.end}


@dataclass
class Section:
    """The windows of one thing."""

    name: str
    free: bool
    rows: list[Row]
    error: str = ""

    @property
    def title(self) -> str:
        return str(SECTIONS[self.name])

    @property
    def hint(self) -> str:
        return str(_HINTS[self.name])

    @property
    def free_words(self) -> str:
        return str(_FREE[self.name])


class HoursForm:
    """A role's hours as a form. `hours` are there once `is_valid()` said so."""

    def __init__(self, hours: Hours, posted: QueryDict | None = None) -> None:
        self.errors: list[str] = []
        self.back_error = ""
        self.hours = hours
        self.posted = posted
        if posted is None:
            self._show(hours)
        else:
            self._read(posted)

    def _show(self, hours: Hours) -> None:
        document = hours_to_json(hours)
        self.sections = [
            Section(
                name,
                not document[name] if name == "hidden" else document[name] is None,
                _rows(document[name]),
            )
            for name in SECTIONS
        ]
        self.back = "" if hours.playback_back_h is None else str(hours.playback_back_h)
        self.rule: str = hours.holidays

    def _read(self, posted: QueryDict) -> None:
        self.sections = [
            Section(name, posted.get(f"{name}-mode") != SOMETIMES, _posted_rows(posted, name))
            for name in SECTIONS
        ]
        self.back = posted.get("back", "").strip()
        self.rule = posted.get("holidays", "usual")

    def reshape(self) -> bool:
        """Adds or removes the row whose button was pressed; False when it was another button."""
        assert self.posted is not None
        added, removed = self.posted.get("add"), self.posted.get("remove", "")
        for section in self.sections:
            if added == section.name and len(section.rows) < WINDOWS_MOST:
                section.free = False
                section.rows.append(Row())
                return True
            name, dash, number = removed.rpartition("-")
            if dash and name == section.name and number.isdecimal() and int(number) < len(section.rows):
                del section.rows[int(number)]
                return True
        return bool(added or removed)

    def is_valid(self) -> bool:
        """Reads what was typed; errors stand at their rows."""
        document: dict[str, Any] = {"holidays": self.rule}
        for section in self.sections:
            section.rows = [row for row in section.rows if not row.empty] or [Row()]
            filled = [] if section.rows[0].empty else [row.document() for row in section.rows]
            if section.free:
                document[section.name] = [] if section.name == "hidden" else None
            else:
                document[section.name] = filled
        if self.back:
            document["playback_back_h"] = (
                int(self.back) if re.fullmatch("[0-9]{1,6}", self.back) else self.back
            )
        try:
            self.hours = hours_from_json(document)
        except HoursRefused as refused:
            self.refuse(refused.field, str(refused.message))
        for section in self.sections:
            if not section.free and section.rows[0].empty and section.name == "hidden":
                section.error = _("Add the hours to hide, or choose that nothing is hidden.")
        return not any((self.errors, self.back_error, *(s.error for s in self.sections), *self._row_errors()))

    def refuse(self, at: str, message: str) -> None:
        """Puts an error where it belongs."""
        text = message[:1].upper() + message[1:] + "."
        name, _dot, rest = at.partition(".")
        number = rest.partition(".")[0]
        section = next((one for one in self.sections if one.name == name), None)
        if name == "playback_back_h":
            self.back_error = text
        elif section is None:
            self.errors.append(text)
        elif number.isdecimal() and int(number) < len(section.rows):
            section.rows[int(number)].error = text
        else:
            section.error = text

    def _row_errors(self) -> list[str]:
        return [row.error for section in self.sections for row in section.rows]

    def rules(self) -> list[dict[str, Any]]:
        """What a holiday counts as, to choose."""
        return [
            {"value": rule, "words": HOLIDAYS[rule], "chosen": rule == self.rule} for rule in HOLIDAY_RULES
        ]

    @property
    def back_most(self) -> int:
        return BACK_H_MOST


def _rows(windows: list[dict[str, Any]] | None) -> list[Row]:
    return [Row(one["days"], one["from"], one["to"].replace("24:00", "00:00")) for one in windows or ()] or [
        Row()
    ]


def _posted_rows(posted: QueryDict, name: str) -> list[Row]:
    rows = []
    for number in range(WINDOWS_MOST):
        begin = posted.get(f"{name}-{number}-from")
        if begin is None:
            break
        days = [day for day in posted.getlist(f"{name}-{number}-days") if day in DAYS]
        rows.append(Row(days, begin[:5], posted.get(f"{name}-{number}-to", "")[:5]))
    return rows or [Row()]


@dataclass
class Day:
    """One holiday as it is typed."""

    date: str = ""
    name: str = ""
    error: str = ""


class OrganisationForm:
    """Name, zone and holidays."""

    def __init__(self, initial: Mapping[str, Any], posted: QueryDict | None = None) -> None:
        self.errors: dict[str, str] = {}
        self.posted = posted
        if posted is None:
            self.name, self.timezone = initial["name"], initial["timezone"]
            self.days = [Day(one["date"], one["name"]) for one in initial["holidays"]]
        else:
            self.name, self.timezone = posted.get("name", ""), posted.get("timezone", "").strip()
            dates, names = posted.getlist("date"), posted.getlist("holiday")
            self.days = [Day(day.strip(), name) for day, name in zip(dates, names, strict=False)][
                :HOLIDAYS_MOST
            ]

    def reshape(self) -> bool:
        """Adds or removes the row whose button was pressed; False when it was another button."""
        assert self.posted is not None
        removed = self.posted.get("remove", "")
        if removed.isdecimal() and int(removed) < len(self.days):
            del self.days[int(removed)]
        elif "add" in self.posted:
            self.days.append(Day())
        return "add" in self.posted or "remove" in self.posted

    def holidays(self) -> list[dict[str, str]]:
        """The document of the days typed; rows left empty are none."""
        self.days = [day for day in self.days if day.date or day.name.strip()]
        return [{"date": day.date, "name": day.name.strip()} for day in self.days]

    def refuse(self, at: str, message: str) -> None:
        """Puts an error where it belongs."""
        text = message[:1].upper() + message[1:] + "."
        name, _dot, rest = at.partition(".")
        number = rest.partition(".")[0]
        if name == "holidays" and number.isdecimal() and int(number) < len(self.days):
            self.days[int(number)].error = text
        else:
            self.errors[name] = text
