"""When a camera is recorded, as it is typed. The rows are those of a role's hours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from protocol.plan import POST_ROLL_S_MOST, PRE_ROLL_S_MOST, WINDOWS_MOST, RecordingPlan
from tenants.hours import DAYS
from vsaas.accounts.hours_forms import Row
from vsaas.cameras.errors import InvalidCamera
from vsaas.cameras.recording import (
    FIELD,
    MODE_WORDS,
    MODES,
    OFFERED,
    QUALITIES,
    QUALITY_WORDS,
    TRIGGER_WORDS,
    plan_from_json,
    plan_to_json,
)

Choice = dict[str, Any]


@dataclass
class WindowRow(Row):
    """One window as it is typed, and what holds in it."""

    mode: str = "continuous"
    quality: str = "full"

    def modes(self) -> list[Choice]:
        return modes(self.mode)

    def qualities(self) -> list[Choice]:
        return qualities(self.quality)

    def document(self) -> dict[str, Any]:
        return super().document() | {"mode": self.mode, "quality": self.quality}


def modes(chosen: str) -> list[Choice]:
    """The modes to choose from."""
    return [
        {"value": name, "words": MODE_WORDS[mode], "chosen": name == chosen} for name, mode in MODES.items()
    ]


def qualities(chosen: str) -> list[Choice]:
    """The qualities to choose from."""
    return [
        {"value": name, "words": QUALITY_WORDS[quality], "chosen": name == chosen}
        for name, quality in QUALITIES.items()
    ]


class RecordingForm:
    """A plan as a form. `plan` is there once `is_valid()` said so; None: everything, always."""

    pre_most, post_most = PRE_ROLL_S_MOST, POST_ROLL_S_MOST

    def __init__(self, plan: RecordingPlan | None, zone: str, posted: QueryDict | None = None) -> None:
        self.plan, self.zone, self.posted = plan, zone, posted
        self.errors: list[str] = []
        self.field_errors: dict[str, str] = {}
        if posted is None:
            self._show(plan_to_json(plan or RecordingPlan(zone)))
        else:
            self._read(posted)

    def _show(self, document: dict[str, Any]) -> None:
        self.mode, self.quality = document["mode"], document["quality"]
        self.before, self.after = str(document["pre_roll_s"]), str(document["post_roll_s"])
        self.triggers: list[str] = document["triggers"]
        self.also: list[str] = []
        self.rows = [
            WindowRow(
                one["days"],
                one["from"],
                one["to"].replace("24:00", "00:00"),
                mode=one["mode"],
                quality=one["quality"],
            )
            for one in document["windows"]
        ]

    def _read(self, posted: QueryDict) -> None:
        self.mode, self.quality = posted.get("mode", ""), posted.get("quality", "")
        self.before, self.after = posted.get("before", "").strip(), posted.get("after", "").strip()
        self.triggers = [name for name in posted.getlist("triggers") if name in OFFERED]
        self.also = posted.getlist("also")
        self.rows = []
        for number in range(WINDOWS_MOST):
            begin = posted.get(f"{number}-from")
            if begin is None:
                break
            days = [day for day in posted.getlist(f"{number}-days") if day in DAYS]
            end = posted.get(f"{number}-to", "")[:5]
            mode, quality = posted.get(f"{number}-mode", ""), posted.get(f"{number}-quality", "")
            self.rows.append(WindowRow(days, begin[:5], end, mode=mode, quality=quality))

    def reshape(self) -> bool:
        """Adds or removes the row whose button was pressed; False when it was another button."""
        assert self.posted is not None
        removed = self.posted.get("remove", "")
        if "add" in self.posted and len(self.rows) < WINDOWS_MOST:
            self.rows.append(WindowRow(mode="event"))
        elif removed.isdecimal() and int(removed) < len(self.rows):
            del self.rows[int(removed)]
        return "add" in self.posted or bool(removed)

    def is_valid(self) -> bool:
        """Reads what was typed; errors stand where they belong."""
        self.rows = [row for row in self.rows if not row.empty]
        document = {
            "mode": self.mode,
            "quality": self.quality,
            "windows": [row.document() for row in self.rows],
            "pre_roll_s": int(self.before) if self.before.isdecimal() else self.before,
            "post_roll_s": int(self.after) if self.after.isdecimal() else self.after,
            "triggers": self.triggers,
        }
        try:
            plan = plan_from_json(document, self.zone)
        except InvalidCamera as error:
            self.refuse(error)
            return False
        everything = plan.usual == RecordingPlan(self.zone).usual and not plan.windows
        self.plan = None if everything else plan
        return True

    def refuse(self, error: InvalidCamera) -> None:
        """Puts an error where it belongs."""
        text = str(error.message)
        text = text[:1].upper() + text[1:] + "."
        at = error.field.removeprefix(FIELD).strip(".")
        name, _dot, rest = at.partition(".")
        number = rest.partition(".")[0]
        if name == "windows" and number.isdecimal() and int(number) < len(self.rows):
            self.rows[int(number)].error = text
        elif name in ("pre_roll_s", "post_roll_s", "triggers"):
            self.field_errors[name] = text
        else:
            self.errors.append(text)

    def modes(self) -> list[Choice]:
        return modes(self.mode)

    def qualities(self) -> list[Choice]:
        return qualities(self.quality)

    def kinds(self) -> list[Choice]:
        """What may count as an event, to tick."""
        return [
            {"value": name, "words": TRIGGER_WORDS[name], "chosen": name in self.triggers} for name in OFFERED
        ]
