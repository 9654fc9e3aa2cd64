"""What grants come to: what somebody may do at a place and why, who may see a camera, and what a change would alter.

Nothing here decides anything: `tenants.access` does. The arithmetic is over sets of cameras, so that a change for 200 people
over 10,000 cameras is told in well under a second.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from tenants import access
from tenants.access import Actor, Grant, Place
from tenants.models import Site
from tenants.permissions import (
    CAMERAS,
    ONESELF,
    ORGANISATION,
    SITES,
    SUBJECTS,
    Permission,
    Subject,
    all_permissions,
    subject_of,
)
from tenants.scope import current_tenant_id
from vsaas.accounts.models import Account

Grants = Sequence[Grant]


@dataclass(frozen=True, slots=True)
class Reason:
    """Whether a permission is held at a place, which grants give it there and which denials take it."""

    permission: Permission
    allowed: bool
    given_by: tuple[Grant, ...]
    taken_by: tuple[Grant, ...]


def reasons(grants: Grants, place: Place) -> list[Reason]:
    """Every permission that a place is concerned with, in the order of the catalogue: at a camera what is done with it, at a
    site also what is done there, in the organisation as a whole all there are. Pure."""
    subjects: tuple[Subject, ...] = SUBJECTS
    if place.camera_id is not None:
        subjects = (CAMERAS,)
    elif place.site_id is not None:
        subjects = (CAMERAS, SITES)
    asked = [one for one in all_permissions() if subject_of(one) in subjects]
    return [_reason(grants, permission, place) for permission in asked]


def _reason(grants: Grants, permission: Permission, place: Place) -> Reason:
    covering = [
        one for one in grants if permission in one.role.permissions and _counts(one, permission, place)
    ]
    given = tuple(one for one in covering if not one.denies)
    taken = tuple(one for one in covering if one.denies)
    return Reason(permission, bool(given) and not taken, given, taken)


def _counts(grant: Grant, permission: Permission, place: Place) -> bool:
    """What concerns the organisation as a whole is not given by a site, and is held at each place alike."""
    if subject_of(permission) == ORGANISATION:
        return grant.tenant_wide
    if subject_of(permission) == ONESELF and not grant.denies:
        return True
    return grant.covers(place)


def who_sees(camera: Any) -> list[tuple[Account, list[Reason]]]:
    """Everybody who may do something with a camera, by name, with what and why; also those from whom all of it is taken.
    A constant number of queries."""
    accounts = {one.pk: one for one in Account.objects.filter(is_active=True).order_by("name", "id")}
    place = access.place_of(camera)
    found = []
    grants = access.grants_of(accounts.keys())
    for account_id, account in accounts.items():
        rows = [reason for reason in reasons(grants.get(account_id, ()), place) if reason.given_by]
        if rows:
            found.append((account, rows))
    return found


# ---- what a change would alter

EVERYWHERE: Final = "everywhere"


@dataclass(frozen=True, slots=True)
class Effect:
    """What some people gain or lose alike. `places`: names of the cameras or sites concerned; `everywhere`: it is all there
    are, or the right is one over the organisation."""

    permission: Permission
    gained: bool
    people: tuple[str, ...]
    places: tuple[str, ...]
    everywhere: bool


@dataclass(frozen=True)
class Estate:
    """The cameras and sites there are, by what grants name. Read once per question."""

    cameras: dict[UUID, str]
    sites: dict[UUID, str]
    by_site: dict[UUID, frozenset[UUID]]
    by_group: dict[str, frozenset[UUID]]

    @classmethod
    def read(cls) -> Estate:
        """Three queries."""
        by_site: dict[UUID, set[UUID]] = defaultdict(set)
        by_group: dict[str, set[UUID]] = defaultdict(set)
        cameras = {}
        for camera, name, site in (
            access.cameras().filter(deleted_at=None).values_list("id", "name", "site_id")
        ):
            cameras[camera] = name
            by_site[site].add(camera)
        for group, camera in access.groups().values_list("name", "camera_id"):
            if camera in cameras:
                by_group[group].add(camera)
        return cls(
            cameras,
            dict(Site.objects.values_list("id", "name")),
            {site: frozenset(found) for site, found in by_site.items()},
            {group: frozenset(found) for group, found in by_group.items()},
        )

    def cameras_under(self, grant: Grant) -> frozenset[UUID]:
        """The cameras a grant covers."""
        if grant.camera_id is not None:
            return frozenset({grant.camera_id} & self.cameras.keys())
        if grant.group:
            return self.by_group.get(grant.group, frozenset())
        if grant.site_id is not None:
            return self.by_site.get(grant.site_id, frozenset())
        return frozenset(self.cameras)

    def sites_under(self, grant: Grant) -> frozenset[UUID]:
        """The sites a grant covers as such."""
        if grant.narrow:
            return frozenset()
        return frozenset(self.sites) if grant.site_id is None else frozenset({grant.site_id})


def effects(before: Mapping[UUID, Grants], after: Mapping[UUID, Grants]) -> list[Effect]:
    """What would be gained and lost if the accounts named had the grants of `after` in place of those of `before`: those
    that lose first, then by the order of the catalogue. Five queries at most, whatever the number of people."""
    changed = [account for account in after if _plain(after[account]) != _plain(before.get(account, ()))]
    if not changed:
        return []
    estate = Estate.read()
    alike: dict[tuple[bool, Permission, frozenset[Any]], list[UUID]] = defaultdict(list)
    known: dict[Any, list[tuple[bool, Permission, frozenset[Any]]]] = {}
    for account in changed:
        pair = (_plain(before.get(account, ())), _plain(after[account]))
        if pair not in known:
            known[pair] = _differences(estate, *pair)
        for difference in known[pair]:
            alike[difference].append(account)
    names = dict(Account.objects.filter(pk__in=changed).order_by("name").values_list("pk", "name"))
    order = {permission: number for number, permission in enumerate(all_permissions())}
    rows = sorted(alike.items(), key=lambda row: (row[0][0], order[row[0][1]], -len(row[0][2])))
    return [
        _effect(estate, *row, [names[one] for one in names if one in set(people)]) for row, people in rows
    ]


def _plain(grants: Grants) -> tuple[Grant, ...]:
    """Grants by what they say, whichever membership says it."""
    return tuple(replace(one, membership_id=None) for one in grants)


def _differences(
    estate: Estate, before: Grants, after: Grants
) -> list[tuple[bool, Permission, frozenset[Any]]]:
    found = []
    for permission in all_permissions():
        had, has = _held_at(estate, before, permission), _held_at(estate, after, permission)
        for gained, places in ((False, had - has), (True, has - had)):
            if places:
                found.append((gained, permission, places))
    return found


def _held_at(estate: Estate, grants: Grants, permission: Permission) -> frozenset[Any]:
    """The cameras, the sites, or (of what concerns neither) EVERYWHERE, where these grants come to the permission."""
    subject = subject_of(permission)
    if subject not in (CAMERAS, SITES):
        somebody = Actor(current_tenant_id(), current_tenant_id(), "", tuple(grants))
        held = somebody.tenant_wide(permission) if subject == ORGANISATION else somebody.holds(permission)
        return frozenset({EVERYWHERE} if held else ())
    under = estate.cameras_under if subject == CAMERAS else estate.sites_under
    concerned = [one for one in grants if permission in one.role.permissions]
    given: frozenset[UUID] = frozenset().union(*(under(one) for one in concerned if not one.denies))
    return given.difference(*(under(one) for one in concerned if one.denies))


def _effect(
    estate: Estate, gained: bool, permission: Permission, places: Collection[Any], people: list[str]
) -> Effect:
    names = estate.cameras if subject_of(permission) == CAMERAS else estate.sites
    everywhere = EVERYWHERE in places or (len(places) == len(names) > 1)
    told = () if everywhere else tuple(sorted(names[one] for one in places))
    return Effect(permission, gained, tuple(people), told, everywhere)


NAMED_MOST = 4


def in_words(effect: Effect) -> str:
    """ "Bob and Olga can no longer watch a camera's recordings: Gate 2"."""
    values = {
        "people": listed(effect.people),
        "right": effect.permission.sentence,
        "places": _("everywhere") if effect.everywhere else listed(effect.places),
    }
    if effect.gained:
        return _("%(people)s can now %(right)s: %(places)s") % values
    return _("%(people)s can no longer %(right)s: %(places)s") % values


def listed(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    if len(names) <= NAMED_MOST:
        return ", ".join(names)
    more = len(names) - NAMED_MOST + 1
    return ngettext("%(names)s and %(count)d more", "%(names)s and %(count)d more", more) % {
        "names": ", ".join(names[: NAMED_MOST - 1]),
        "count": more,
    }
