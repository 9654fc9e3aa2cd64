"""Whether what grants give holds at the moment, when it next does, and the hours that say so, in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.utils.translation import gettext as _

from tenants import access
from tenants.access import Grant
from tenants.hours import Calendar, Hours, local_moment
from tenants.permissions import Permission
from vsaas.accounts.effects import Reason
from vsaas.accounts.hours_words import limits
from vsaas.common import clock


@dataclass(frozen=True, slots=True)
class Holding:
    """`opens_us`: when it holds; the moment itself when it does now, None when at no time that is planned."""

    now: bool
    opens_us: int | None


@dataclass(frozen=True)
class Moment:
    """When and where hours are looked at."""

    at_us: int
    calendar: Calendar

    @classmethod
    def now(cls) -> Moment:
        """The present one, in the organisation's zone. One query."""
        return cls(clock.now_us(), access.calendar_now())

    def holding(self, reason: Reason) -> Holding:
        """Of a right that is held, whether it is so now: one of the grants that give it is enough."""
        opens = [self._opens(one, reason.permission) for one in reason.given_by]
        opens_us = min((one for one in opens if one is not None), default=None)
        return Holding(reason.allowed and opens_us == self.at_us, opens_us if reason.allowed else None)

    def _opens(self, grant: Grant, permission: Permission) -> int | None:
        return access.opens_at(grant.role.hours, permission, self.at_us, self.calendar)

    def said(self, reason: Reason) -> str:
        """Nothing where the right is not held, or holds now."""
        found = self.holding(reason)
        if not reason.allowed or found.now:
            return ""
        if found.opens_us is None:
            return _("never: its hours do not open")
        return _("not now; again from %(when)s") % {"when": local_moment(found.opens_us, self.calendar)}


def hours_said(grants: Iterable[Grant]) -> list[dict[str, str | Sequence[str]]]:
    """Of each role among these grants that has hours: its title, and what they limit."""
    found = {one.role.name: one.role for one in grants if one.role.hours and not one.denies}
    rows = [(str(role.title), limits(role.hours or Hours())) for role in found.values()]
    return [{"role": title, "sentences": sentences} for title, sentences in rows if sentences]
