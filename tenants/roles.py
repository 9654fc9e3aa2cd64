"""The roles of an organisation: the built-in ones under its rules, and its own. Every function runs in the tenant's scope.

A key nobody knows is no role: it gives nothing, and a denial under it takes everything.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import replace
from typing import Final

from django.utils.translation import gettext_lazy as _

from tenants.hours import stored_hours
from tenants.models import OrganisationRole
from tenants.permissions import ROLES, Permission, Role, all_permissions
from tenants.words import filled

EVERYTHING: Final = Role("", _("Everything"), _("everything"), frozenset(all_permissions()))
"""What a denial without a role takes."""


def roles() -> dict[str, Role]:
    """Every role of the organisation by its key, the built-in ones first. One query."""
    rows = {row.key: row for row in OrganisationRole.objects.all()}
    built_in = {key: _ruled(role, rows.get(key)) for key, role in ROLES.items()}
    return built_in | {key: role_of(row) for key, row in rows.items() if key not in ROLES}


def roles_named(keys: Collection[str]) -> dict[str, Role]:
    """Those of these keys that are roles. One query."""
    rows = {row.key: row for row in OrganisationRole.objects.filter(key__in=set(keys))}
    built_in = {key: _ruled(ROLES[key], rows.get(key)) for key in keys if key in ROLES}
    return built_in | {key: role_of(row) for key, row in rows.items() if key not in ROLES}


def role_of(row: OrganisationRole) -> Role:
    """The role a row makes."""
    if row.key in ROLES:
        return _ruled(ROLES[row.key], row)
    plural = filled(_("people with the role %(title)s"), title=row.title)
    own = Role(row.key, row.title, plural, permissions_named(row.permissions or ()), built_in=False)
    return _ruled(own, row)


def unknown(key: str) -> Role:
    """What stands for a key that is no role, so that a page can show it: nothing."""
    return Role(key, key, key, frozenset(), built_in=False)


def permissions_named(names: Iterable[str]) -> frozenset[Permission]:
    """The permissions of these names; a name that is declared no more is none."""
    wanted = set(names)
    return frozenset(one for one in all_permissions() if one.name in wanted)


def _ruled(role: Role, row: OrganisationRole | None) -> Role:
    if row is None:
        return role
    return replace(
        role,
        needs_approval=row.needs_approval,
        hours=stored_hours(row.hours),
        idle_s=row.idle_s,
        lifetime_s=row.lifetime_s,
        factor_kinds=None if row.factor_kinds is None else tuple(row.factor_kinds),
    )
