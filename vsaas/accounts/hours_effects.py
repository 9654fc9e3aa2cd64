"""What other hours of a role would mean for those who have it, told before they are saved. Nothing here decides anything:
`tenants.access` and `tenants.sight` do.

A role counts at its place together with the others of the person that hold throughout that place.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants import access, hours
from tenants.access import Grant
from tenants.hours import DAY_US, HOUR_US, Calendar, HolidayRule, Hours, Span, Windows
from tenants.models import Membership
from tenants.permissions import CAMERA_LIVE, CAMERA_PLAYBACK, Permission
from vsaas.accounts.effects import listed
from vsaas.accounts.grants import as_held, names_of, place_spoken
from vsaas.accounts.models import Account
from vsaas.common import clock

What = Literal["sign_in", "live", "playback", "back", "shown"]
WHATS: Final[tuple[What, ...]] = ("sign_in", "live", "playback", "back", "shown")
WEEK_US: Final = 7 * DAY_US
DOING: Final = {
    "sign_in": gettext_lazy("sign in"),
    "live": CAMERA_LIVE.sentence,
    "playback": CAMERA_PLAYBACK.sentence,
}


@dataclass(frozen=True, slots=True)
class Figures:
    """Before and after. `now`: whether it is open at the moment (signing in, live view, playback). Hours: of the next seven
    days those that are open; "back": how far back playback reaches, None without a limit; "shown": of the last seven days
    those whose recordings are not hidden."""

    now_before: bool | None
    now_after: bool | None
    before_h: float | None
    after_h: float | None


@dataclass(frozen=True, slots=True)
class HoursEffect:
    """What would be different for some people alike. `places`: where, when it is not the same at all their places."""

    what: What
    people: tuple[str, ...]
    places: tuple[str, ...]
    figures: Figures


def preview(key: str, wanted: Hours) -> list[HoursEffect]:
    """What its holders would gain and lose if the role had these hours: the most telling first. Seven queries at most."""
    rows = Membership.objects.filter(role=key, denies=False)
    accounts = set(rows.values_list("account_id", flat=True))
    grants = access.grants_of(accounts)
    look = _Look(clock.now_us(), access.calendar_now())
    found: dict[tuple[What, Figures], dict[UUID, list[Grant]]] = defaultdict(lambda: defaultdict(list))
    for account, held in grants.items():
        for what, figures, grant in _of_person(look, held, key, wanted):
            found[what, figures][account].append(grant)
    return _told(found)


def _of_person(
    look: _Look, held: Sequence[Grant], key: str, wanted: Hours
) -> Iterable[tuple[What, Figures, Grant]]:
    after = [
        replace(one, role=replace(one.role, hours=wanted)) if one.role.name == key else one for one in held
    ]
    own = [number for number, one in enumerate(held) if one.role.name == key and not one.denies]
    for what in WHATS:
        for number in own[:1] if what == "sign_in" else own:
            where = held[number]
            figures = look.compared(what, _counting(held, what, where), _counting(after, what, where))
            if figures is not None:
                yield what, figures, where


def _counting(held: Sequence[Grant], what: What, where: Grant) -> list[Hours]:
    """The hours of the grants that give it wherever this one does; none where it is taken from all of that place."""
    if what == "sign_in":
        return [one.role.hours or Hours() for one in held if not one.denies]
    permission: Permission = CAMERA_LIVE if what == "live" else CAMERA_PLAYBACK
    concerned = [one for one in held if permission in one.role.permissions and one.swallows(where)]
    if any(one.denies for one in concerned):
        return []
    return [one.role.hours or Hours() for one in concerned]


@dataclass(frozen=True)
class _Look:
    """At one moment."""

    now_us: int
    calendar: Calendar

    def compared(self, what: What, before: list[Hours], after: list[Hours]) -> Figures | None:
        """None when nothing of it is different, or it was and is given by nothing."""
        if not before or _parts(what, before) == _parts(what, after):
            return None
        if what == "back":
            return self._differing(None, None, _back(before), _back(after))
        if what == "shown":
            return self._differing(None, None, self._shown(before), self._shown(after))
        then, next_ = self._open(what, before), self._open(what, after)
        return self._differing(self._now(then), self._now(next_), _hours(then), _hours(next_))

    def _differing(
        self, now_before: bool | None, now_after: bool | None, before: float | None, after: float | None
    ) -> Figures | None:
        same = (now_before, before) == (now_after, after)
        return None if same else Figures(now_before, now_after, before, after)

    def _open(self, what: What, several: list[Hours]) -> list[Span]:
        """When it is open within the next seven days."""
        spans = []
        for one in several:
            found = self._spans(one.sign_in, one.holidays)
            if what != "sign_in":
                windows = one.live if what == "live" else one.playback
                found = hours.intersect(found, self._spans(windows, one.holidays))
            spans.append(found)
        return hours.union(*spans)

    def _spans(self, windows: Windows, rule: HolidayRule) -> list[Span]:
        return hours.open_spans(windows, rule, self.now_us, self.now_us + WEEK_US, self.calendar)

    def _now(self, spans: list[Span]) -> bool:
        return bool(spans) and spans[0][0] <= self.now_us

    def _shown(self, several: list[Hours]) -> float:
        """Of the last seven days, whatever the hours of playback and however far it reaches back."""
        from_us = self.now_us - WEEK_US
        spans = [
            hours.subtract(
                [(from_us, self.now_us)], hours.hidden_spans(one, from_us, self.now_us, self.calendar)
            )
            for one in several
        ]
        return _hours(hours.union(*spans))


def _parts(what: What, several: list[Hours]) -> list[object]:
    """Of hours what this is about."""
    if what == "back":
        return [one.playback_back_h for one in several]
    names = {"sign_in": "sign_in", "live": "live", "playback": "playback", "shown": "hidden"}
    return [(getattr(one, names[what]), one.holidays) for one in several]


def _back(several: list[Hours]) -> float | None:
    limits = [one.playback_back_h for one in several]
    return None if None in limits else max(one for one in limits if one is not None)


def _hours(spans: list[Span]) -> float:
    return round(sum(end - begin for begin, end in spans) / HOUR_US, 1)


def _told(found: dict[tuple[What, Figures], dict[UUID, list[Grant]]]) -> list[HoursEffect]:
    """Three queries at most."""
    accounts = {account for people in found.values() for account in people}
    called = dict(Account.objects.filter(pk__in=accounts).order_by("name").values_list("pk", "name"))
    grants = {grant for people in found.values() for given in people.values() for grant in given}
    names = names_of([as_held(one) for one in grants])
    several = {  # people for whom it is not the same everywhere
        (what, account)
        for what in WHATS
        for account in accounts
        if sum(account in people for (of, _figures), people in found.items() if of == what) > 1
    }
    told = []
    for (what, figures), people in found.items():
        by_place: dict[tuple[str, ...], list[str]] = defaultdict(list)
        for account in (one for one in called if one in people):
            given = people[account] if (what, account) in several else []
            by_place[tuple(sorted(place_spoken(as_held(one), names) for one in given))].append(
                called[account]
            )
        told += [HoursEffect(what, tuple(who), places, figures) for places, who in by_place.items()]
    return sorted(
        told, key=lambda one: (WHATS.index(one.what), one.figures.now_after is not False, one.people)
    )


# ---- in words


def in_words(effect: HoursEffect) -> str:
    """ "Bob can sign in now and could not after this (hours open within seven days: 168, then 50)"."""
    figures = effect.figures
    values = {
        "people": listed(effect.people),
        "before": _number(figures.before_h),
        "after": _number(figures.after_h),
        "what": str(DOING.get(effect.what, "")),
    }
    said = _template(effect) % values
    return said if not effect.places else f"{said}: {listed(effect.places)}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _template(effect: HoursEffect) -> str:
    figures = effect.figures
    if effect.what == "back":
        if figures.after_h is None:
            return _(
                "%(people)s can watch recordings of the last %(before)s hours; after this, all there are"
            )
        if figures.before_h is None:
            return _("%(people)s can watch all recordings; after this, those of the last %(after)s hours")
        return _(
            "%(people)s can watch recordings of the last %(before)s hours; after this, of the last %(after)s"
        )
    if effect.what == "shown":
        return _(
            "%(people)s see recordings of %(before)s hours of the last seven days; after this, of %(after)s"
        )
    if figures.now_before and not figures.now_after:
        return _(
            "%(people)s can %(what)s now and could not after this (hours open within seven days: %(before)s, then "
            "%(after)s)"
        )
    if figures.now_after and not figures.now_before:
        return _(
            "%(people)s cannot %(what)s now and could after this (hours open within seven days: %(before)s, then "
            "%(after)s)"
        )
    return _("%(people)s can %(what)s for %(before)s hours of the next seven days; after this, for %(after)s")
