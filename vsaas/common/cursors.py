"""Cursors of lists: where the next page begins, as one opaque word. Not a secret and not trusted: it only says from which
row on a list the caller may see goes on."""

from __future__ import annotations

import base64
import json
from typing import Any

from django.utils.translation import gettext_lazy as _

from vsaas.common.errors import InvalidField, InvalidFields

CHARS_MAX = 1600  # a name of 200 characters of any script and an id fit in


def pack(*values: str | int) -> str:
    """A cursor of these values."""
    text = json.dumps(values, separators=(",", ":"), ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(text).decode().rstrip("=")


def unpack(text: str, *kinds: type) -> list[Any]:
    """The values of a cursor, which are of these kinds and can be asked of the database; raises InvalidFields for anything
    else."""
    if len(text) > CHARS_MAX:
        raise bad_cursor()
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
        values = json.loads(raw)
        if not isinstance(values, list) or [type(value) for value in values] != list(kinds):
            raise bad_cursor()
        plain = "".join(value for value in values if isinstance(value, str))
        plain.encode()  # refuses a lone surrogate
    except (ValueError, RecursionError):
        raise bad_cursor() from None
    if "\x00" in plain:
        raise bad_cursor()
    return values


def bad_cursor() -> InvalidFields:
    """What a cursor that this list never gave is told."""
    return InvalidFields(
        _("the cursor is none this list gave: begin again without one"),
        extra={"errors": [{"field": "cursor", "message": "unknown"}]},
    )


def limit_of(query: Any, usual: int, most: int) -> int:
    """How many rows a page holds: `?limit=`, `usual` without; raises InvalidFields."""
    text = query.get("limit", str(usual))
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= most):
        raise InvalidField("limit", _("give a whole number from 1 to %(most)s") % {"most": most})
    return int(text)
