"""What the agent itself looks for in a camera's picture, as it is kept and sent: motion in zones and outside of a mask, tampering.

`{"motion", "sensitivity", "smallest", "zones": [{"name", "cells"}], "mask", "tamper"}`. `smallest` is in percent of the picture.
Cells are those of a grid of 32 by 18, as hexadecimal digits: one bit each, row by row from the top left (`protocol.detection`).
"""

from __future__ import annotations

from typing import Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from protocol.detection import (
    CELLS_BYTES,
    NAME_MAX,
    NO_CELLS,
    SENSITIVITY_MOST,
    SMALLEST_MOST,
    ZONES_MOST,
    Detection,
    Zone,
)
from tenants.words import Text
from vsaas.cameras.errors import InvalidCamera

FIELD: Final = "detection"
SENSITIVITY_WORDS: Final = {
    1: gettext_lazy("Very low"),
    2: gettext_lazy("Low"),
    3: gettext_lazy("Medium"),
    4: gettext_lazy("High"),
    5: gettext_lazy("Very high"),
}
_KNOWN: Final = {"motion", "sensitivity", "smallest", "zones", "mask", "tamper"}
_DEFAULT: Final = Detection()


def detection_from_json(document: Any) -> Detection:
    """What a JSON document asks for; what is absent is as usual. Raises InvalidCamera, naming the field."""
    if not isinstance(document, dict):
        raise _refused("", _("must be null or an object"))
    for name in document:
        if name not in _KNOWN:
            raise _refused(str(name)[:40], _("is not known here"))
    rows = document.get("zones", [])
    if not isinstance(rows, list) or len(rows) > ZONES_MOST:
        raise _refused("zones", _("must be a list of at most %(most)s zones") % {"most": ZONES_MOST})
    zones = tuple(_zone(row, f"zones.{number}") for number, row in enumerate(rows))
    if len({zone.name for zone in zones}) < len(zones):
        raise _refused("zones", _("must have names of their own, or nobody knows which is meant"))
    mask = document.get("mask")
    return Detection(
        _yes_or_no(document, "motion", usual=True),
        _sensitivity(document.get("sensitivity", _DEFAULT.sensitivity)),
        _smallest(document.get("smallest", _DEFAULT.smallest / 10)),
        zones,
        NO_CELLS if mask is None else _cells(mask, "mask"),
        _yes_or_no(document, "tamper", usual=False),
    )


def detection_to_json(order: Detection) -> dict[str, Any]:
    """The JSON document of what is looked for."""
    return {
        "motion": order.motion,
        "sensitivity": order.sensitivity,
        "smallest": order.smallest / 10,
        "zones": [{"name": zone.name, "cells": zone.cells.hex()} for zone in order.zones],
        "mask": None if order.mask == NO_CELLS else order.mask.hex(),
        "tamper": order.tamper,
    }


def _refused(at: str, message: Text) -> InvalidCamera:
    return InvalidCamera(f"{FIELD}.{at}".rstrip("."), message)


def _yes_or_no(document: dict[str, Any], name: str, *, usual: bool) -> bool:
    value = document.get(name, usual)
    if not isinstance(value, bool):
        raise _refused(name, _("must be true or false"))
    return value


def _sensitivity(value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= SENSITIVITY_MOST:
        raise _refused(
            "sensitivity", _("must be a whole number from 1 to %(most)s") % {"most": SENSITIVITY_MOST}
        )
    return value


def _smallest(value: Any) -> int:
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not 0.1 <= value <= SMALLEST_MOST / 10
    ):
        raise _refused(
            "smallest",
            _("must be percent of the picture, from 0.1 to %(most)s") % {"most": SMALLEST_MOST // 10},
        )
    return round(value * 10)


def _zone(row: Any, at: str) -> Zone:
    if not isinstance(row, dict) or set(row) != {"name", "cells"}:
        raise _refused(at, _("must be an object with name and cells"))
    name = row["name"].strip() if isinstance(row["name"], str) else ""
    if not 0 < len(name) <= NAME_MAX or not name.isprintable():
        raise _refused(f"{at}.name", _("must be a text of 1 to %(most)s characters") % {"most": NAME_MAX})
    cells = _cells(row["cells"], f"{at}.cells")
    if cells == NO_CELLS:
        raise _refused(f"{at}.cells", _("must mark at least one cell: nothing would ever move there"))
    return Zone(name, cells)


def _cells(value: Any, at: str) -> bytes:
    digits = 2 * CELLS_BYTES
    if not isinstance(value, str) or len(value) != digits:
        raise _refused(at, _("must be %(digits)s hexadecimal digits") % {"digits": digits})
    try:
        return bytes.fromhex(value)
    except ValueError:
        raise _refused(at, _("must be %(digits)s hexadecimal digits") % {"digits": digits}) from None


# In words


def detection_text(order: Detection | None) -> str:
    """For the audit log, in the words of the API, which need no translation."""
    if order is None or not order.looks:
        return "nothing"
    parts = []
    if order.motion:
        parts.append(f"motion, sensitivity {order.sensitivity}, smallest {order.smallest / 10} %")
        parts += [f"zone {zone.name} ({_count(zone.cells)} cells)" for zone in order.zones]
        if order.mask != NO_CELLS:
            parts.append(f"mask ({_count(order.mask)} cells)")
    if order.tamper:
        parts.append("tamper")
    return ", ".join(parts)


def _count(cells: bytes) -> int:
    return int.from_bytes(cells, "big").bit_count()


def sentences(order: Detection | None) -> list[str]:
    """What the agent looks for, one sentence each, in the reader's language."""
    if order is None or not order.looks:
        return [_("The agent does not look for anything in this camera's picture.")]
    told = []
    if order.motion and order.zones:
        told.append(
            ngettext(
                "The agent tells of motion in %(count)d zone: %(names)s.",
                "The agent tells of motion in %(count)d zones: %(names)s.",
                len(order.zones),
            )
            % {"count": len(order.zones), "names": ", ".join(zone.name for zone in order.zones)}
        )
    elif order.motion:
        told.append(_("The agent tells of motion anywhere in the picture."))
    if order.motion and order.mask != NO_CELLS:
        told.append(_("A part of the picture is left out."))
    if order.tamper:
        told.append(_("The agent tells when the camera is covered, out of focus or turned away."))
    return told
