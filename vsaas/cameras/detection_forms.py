"""What the agent looks for in a picture, as it is typed and painted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.http import QueryDict

from protocol.detection import CELLS_BYTES, NAME_MAX, NO_CELLS, SMALLEST_MOST, ZONES_MOST, Detection
from vsaas.cameras.detection import (
    FIELD,
    SENSITIVITY_WORDS,
    detection_from_json,
    detection_to_json,
)
from vsaas.cameras.errors import InvalidCamera

_OFF = Detection(motion=False)


@dataclass
class ZoneRow:
    """One zone as it is typed."""

    name: str
    cells: str
    error: str = ""


class DetectionForm:
    """`order` is there once `is_valid()` said so; None: nothing is looked for."""

    name_most, smallest_most, zones_most = NAME_MAX, SMALLEST_MOST // 10, ZONES_MOST

    def __init__(self, order: Detection | None, posted: QueryDict | None = None) -> None:
        self.order, self.posted = order, posted
        self.errors: list[str] = []
        self.field_errors: dict[str, str] = {}
        if posted is None:
            self._show(detection_to_json(order or _OFF))
        else:
            self._read(posted)

    def _show(self, document: dict[str, Any]) -> None:
        self.motion, self.tamper = document["motion"], document["tamper"]
        self.sensitivity, self.smallest = str(document["sensitivity"]), f"{document['smallest']:g}"
        self.mask = document["mask"] or NO_CELLS.hex()
        self.rows = [ZoneRow(one["name"], one["cells"]) for one in document["zones"]]

    def _read(self, posted: QueryDict) -> None:
        self.motion, self.tamper = bool(posted.get("motion")), bool(posted.get("tamper"))
        self.sensitivity = posted.get("sensitivity", "")
        self.smallest = posted.get("smallest", "").strip().replace(",", ".")
        self.mask = posted.get("mask", "") or NO_CELLS.hex()
        self.rows = []
        for number in range(ZONES_MOST):
            name = posted.get(f"{number}-name")
            if name is None:
                break
            cells = posted.get(f"{number}-cells", "") or NO_CELLS.hex()
            self.rows.append(ZoneRow(name.strip()[:200], cells[: 2 * CELLS_BYTES]))

    def reshape(self) -> bool:
        """Adds or removes the zone whose button was pressed; False when it was another button."""
        assert self.posted is not None
        removed = self.posted.get("remove", "")
        if "add" in self.posted and len(self.rows) < ZONES_MOST:
            self.rows.append(ZoneRow("", NO_CELLS.hex()))
        elif removed.isdecimal() and int(removed) < len(self.rows):
            del self.rows[int(removed)]
        return "add" in self.posted or bool(removed)

    def is_valid(self) -> bool:
        """Reads what was typed; errors stand where they belong."""
        document = {
            "motion": self.motion,
            "tamper": self.tamper,
            "sensitivity": int(self.sensitivity) if self.sensitivity.isdecimal() else self.sensitivity,
            "smallest": _number(self.smallest),
            "zones": [{"name": row.name, "cells": row.cells} for row in self.rows],
            "mask": self.mask,
        }
        try:
            order = detection_from_json(document)
        except InvalidCamera as error:
            self._refuse(error)
            return False
        self.order = None if order == _OFF else order
        return True

    def _refuse(self, error: InvalidCamera) -> None:
        text = str(error.message)
        text = text[:1].upper() + text[1:] + "."
        name, _dot, rest = error.field.removeprefix(FIELD).strip(".").partition(".")
        number = rest.partition(".")[0]
        if name == "zones" and number.isdecimal() and int(number) < len(self.rows):
            self.rows[int(number)].error = text
        elif name in ("sensitivity", "smallest", "zones"):
            self.field_errors[name] = text
        else:
            self.errors.append(text)

    def sensitivities(self) -> list[dict[str, Any]]:
        return [
            {"value": level, "words": words, "chosen": str(level) == self.sensitivity}
            for level, words in SENSITIVITY_WORDS.items()
        ]


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
