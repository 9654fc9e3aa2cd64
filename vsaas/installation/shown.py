"""The grades as the page `health` draws them."""

from __future__ import annotations

from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from vsaas.installation.finding import Grade
from vsaas.installation.report import of_organisation

WORDS: dict[Grade, tuple[str, str, str | Promise]] = {
    Grade.GOOD: ("ok", "ok", _("Good")),
    Grade.WEAK: ("warn", "warn", _("Weak")),
    Grade.BAD: ("bad", "bad", _("Bad")),
}


def security_shown() -> list[dict[str, Any]]:
    """What the owners of the current tenant read, the worst first."""
    return [
        {"what": row.what, "found": row.found, "remedy": row.remedy}
        | dict(zip(("tone", "icon", "word"), WORDS[row.grade], strict=True))
        for row in of_organisation()
    ]
