"""What a membership says: a role, or its denial, and the place where it holds; chosen, checked, and said in words."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _
from django.utils.translation import gettext_noop

from tenants import access
from tenants.access import Grant, grants_from
from tenants.models import Membership, Site
from tenants.permissions import OWNER, Role
from tenants.roles import EVERYTHING, roles_named, unknown
from tenants.words import Text, in_english
from vsaas.common.errors import InvalidField

GRANTS_MOST = 200  # of one person

ALL_SITES = gettext_noop("all sites")
WITHOUT_ROLE = gettext_noop("without a role")
OF_GROUP = gettext_noop("the group %(group)s")
OF_CAMERA = gettext_noop("the camera %(camera)s")


@dataclass(frozen=True, slots=True)
class Held:
    """One membership as it is chosen: a role's key, and at most one of site, group and camera. `denies`: the role's
    permissions are taken there; with the role "", everything is."""

    role: str
    site_id: UUID | None = None
    group: str = ""
    camera_id: UUID | None = None
    denies: bool = False

    @property
    def simple(self) -> bool:
        """Whether it gives a role on a site or everywhere."""
        return not (self.denies or self.group or self.camera_id)

    @property
    def place(self) -> tuple[UUID | None, str, UUID | None]:
        """Where it holds."""
        return self.site_id, self.group, self.camera_id


EVERYWHERE = (None, "", None)
"""The place of what holds everywhere."""


def held(row: Membership) -> Held:
    """What a membership says."""
    return Held(row.role, row.site_id, row.group, row.camera_id, row.denies)


def as_held(grant: Grant) -> Held:
    """What membership a grant stands for."""
    return Held(grant.role.name, grant.site_id, grant.group, grant.camera_id, grant.denies)


def membership(account_id: UUID, one: Held) -> Membership:
    """The membership that says it, not yet saved."""
    return Membership(
        account_id=account_id,
        role=one.role,
        site_id=one.site_id,
        group=one.group,
        camera_id=one.camera_id,
        denies=one.denies,
    )


def as_rows(chosen: Collection[Held]) -> list[list[Any]]:
    """Memberships as JSON holds them, in an order that is always the same: role, site, group, camera, denies of each."""
    rows = [
        [
            one.role,
            None if one.site_id is None else str(one.site_id),
            one.group,
            None if one.camera_id is None else str(one.camera_id),
            one.denies,
        ]
        for one in chosen
    ]
    return sorted(rows, key=str)


def from_rows(rows: Iterable[Sequence[Any]]) -> frozenset[Held]:
    """The memberships that `as_rows` wrote."""
    return frozenset(
        Held(role, site and UUID(site), group, camera and UUID(camera), denies)
        for role, site, group, camera, denies in rows
    )


def as_grants(chosen: Collection[Held]) -> list[Grant]:
    """The grants such memberships would be, in their order. One query."""
    return grants_from([membership(access.current_tenant_id(), one) for one in chosen])


def checked(chosen: Iterable[Held], field: str = "grants") -> frozenset[Held]:
    """The same, when each names a role and a place of this organisation. Raises InvalidField. Three queries at most."""
    wanted = frozenset(chosen)
    if len(wanted) > GRANTS_MOST:
        raise InvalidField(
            field, _("a person has at most %(most)s roles and exceptions") % {"most": GRANTS_MOST}
        )
    for one in wanted:
        if sum((one.site_id is not None, bool(one.group), one.camera_id is not None)) > 1:
            raise InvalidField(field, _("name one place for each: a site, a group or a camera"))
        if one.role == OWNER.name and not one.denies and one.place != EVERYWHERE:
            raise InvalidField(field, _("an owner is one of all sites"))
    _check_roles(wanted, field)
    _check_places(wanted, field)
    return wanted


def _check_roles(wanted: frozenset[Held], field: str) -> None:
    keys = {one.role for one in wanted if one.role or not one.denies}
    for key in sorted(keys - set(roles_named(keys))):
        raise InvalidField(field, _("there is no role %(role)s here") % {"role": repr(key)})


def _check_places(wanted: frozenset[Held], field: str) -> None:
    sites = {one.site_id for one in wanted} - {None}
    if sites and Site.objects.filter(pk__in=sites).count() != len(sites):
        raise InvalidField(field, _("one of these sites does not exist here"))
    single = {one.camera_id for one in wanted} - {None}
    if single and access.cameras().filter(pk__in=single).count() != len(single):
        raise InvalidField(field, _("one of these cameras does not exist here"))
    names = {one.group for one in wanted} - {""}
    # A group is there while a camera is in it, or while somebody's role speaks of it.
    known = names and {
        *access.groups().filter(name__in=names).values_list("name", flat=True),
        *Membership.objects.filter(group__in=names).values_list("group", flat=True),
    }
    for name in sorted(names - (known or set())):
        raise InvalidField(
            field, _("no camera is in a group called %(group)s: put one in first") % {"group": name}
        )


# ---- in words


@dataclass(frozen=True, slots=True)
class Names:
    """What the roles and places of some memberships are called."""

    roles: dict[str, Role]
    sites: dict[UUID, str]
    cameras: dict[UUID, str]

    def role(self, one: Held) -> Role:
        """The role; for a key nobody knows, one that gives nothing."""
        return self.roles.get(one.role) or (EVERYTHING if one.denies else unknown(one.role))

    def place(self, one: Held) -> Text:
        """ "Gate", "the group Vault", "the camera Gate 2"; as the audit log says it."""
        if one.camera_id is not None:
            return OF_CAMERA % {"camera": self.cameras.get(one.camera_id, str(one.camera_id))}
        if one.group:
            return OF_GROUP % {"group": one.group}
        return ALL_SITES if one.site_id is None else self.sites.get(one.site_id, str(one.site_id))


def place_spoken(one: Held, names: Names) -> str:
    """The place, in the language of whoever reads it."""
    if one.camera_id is not None:
        return _("the camera %(camera)s") % {"camera": names.cameras.get(one.camera_id, "?")}
    if one.group:
        return _("the group %(group)s") % {"group": one.group}
    return str(_("all sites")) if one.site_id is None else names.sites.get(one.site_id, "?")


def names_of(chosen: Collection[Held]) -> Names:
    """Three queries at most."""
    sites = {one.site_id for one in chosen} - {None}
    single = {one.camera_id for one in chosen} - {None}
    return Names(
        roles_named({one.role for one in chosen}),
        dict(Site.objects.filter(pk__in=sites).values_list("pk", "name")) if sites else {},
        dict(access.cameras().filter(pk__in=single).values_list("pk", "name")) if single else {},
    )


def grant_spoken(grant: Grant, names: Names) -> str:
    """ "Viewer of Gate", "not Viewer of the camera Gate 2"; in the language of whoever reads it."""
    title: Text = grant.role.title
    if grant.denies:
        title = _("not %(role)s") % {"role": title}
    return _("%(role)s of %(sites)s") % {"role": title, "sites": place_spoken(as_held(grant), names)}


NOT = gettext_noop("not %(role)s")


def in_words(chosen: Collection[Held]) -> str:
    """ "Operator of Gate, Yard; not Viewer of the camera Gate 2". As the audit log keeps it, in English."""
    names = names_of(chosen)
    by_role: dict[tuple[bool, str], list[str]] = {}
    for one in chosen:
        by_role.setdefault((one.denies, one.role), []).append(str(names.place(one)))
    texts = []
    for (denies, key), places in sorted(by_role.items()):
        title = in_english(names.role(Held(key, denies=denies)).title)
        said = NOT % {"role": title} if denies else title
        texts.append(f"{said} of {', '.join(sorted(places))}")
    return "; ".join(texts) or WITHOUT_ROLE
