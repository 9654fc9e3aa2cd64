"""The decision: may this actor do this to that object?

What somebody may do at a place is what the grants that cover it give, less what the denials that cover it take. A
denial always wins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.errors import Denied, NotFound
from tenants.permissions import ACCOUNT_SELF, ALWAYS, SITE_VIEW, Permission, Role
from tenants.scope import current_tenant_id

M = TypeVar("M", bound=models.Model)
# An empty Q() is passed over by `|` and `&`, so neither may stand for itself.
NOTHING = Q(pk__in=())
ALL = ~NOTHING


class OfTenant(Protocol):
    """Anything that belongs to a tenant."""

    @property
    def tenant_id(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object lies: on a site, or on a camera of it with the groups the camera is in. Nothing of these: it belongs
    to the tenant as a whole."""

    site_id: UUID | None = None
    camera_id: UUID | None = None
    groups: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on one site, on the cameras of one group, on one camera, or (none of them) everywhere; or the denial of what
    that role may do there. `within`: only as far as it lies on this site (what an access token is limited to)."""

    role: Role
    site_id: UUID | None
    group: str = ""
    camera_id: UUID | None = None
    denies: bool = False
    within: UUID | None = None
    membership_id: UUID | None = None

    @property
    def tenant_wide(self) -> bool:
        """Whether it is one of all sites."""
        return self.site_id is None and not self.narrow

    @property
    def narrow(self) -> bool:
        """Whether it is one of single cameras, not of a site."""
        return bool(self.group) or self.camera_id is not None

    def covers(self, place: Place) -> bool:
        """Whether it counts there."""
        if self.within is not None and place.site_id != self.within:
            return False
        if self.camera_id is not None:
            return self.camera_id == place.camera_id
        if self.group:
            return self.group in place.groups
        return self.site_id is None or self.site_id == place.site_id

    def swallows(self, other: Grant) -> bool:
        """Whether it counts wherever the other does; False also where that cannot be told without the cameras."""
        return self.tenant_wide or (self.site_id, self.group, self.camera_id) == (
            other.site_id,
            other.group,
            other.camera_id,
        )


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account with the grants of its memberships, read once per request or message."""

    tenant_id: UUID
    account_id: UUID
    name: str
    grants: tuple[Grant, ...]
    token_id: UUID | None = None  # the access token the actor came with; None: a signed-in browser

    def giving(self, permission: Permission) -> list[Grant]:
        """The grants that give the permission somewhere."""
        return [one for one in self.grants if not one.denies and permission in one.role.permissions]

    def taking(self, permission: Permission) -> list[Grant]:
        """The denials that take the permission somewhere."""
        return [one for one in self.grants if one.denies and permission in one.role.permissions]

    def holds(self, permission: Permission) -> bool:
        """Whether the actor holds the permission anywhere in the tenant."""
        taking = self.taking(permission)
        return any(not any(one.swallows(grant) for one in taking) for grant in self.giving(permission))

    def tenant_wide(self, permission: Permission) -> bool:
        """Whether the actor holds the permission on what belongs to the tenant as a whole."""
        return any(one.tenant_wide for one in self.giving(permission)) and not any(
            one.tenant_wide for one in self.taking(permission)
        )

    def everywhere(self, permission: Permission) -> bool:
        """Whether the actor holds the permission on each site and camera there is or will be."""
        return any(one.tenant_wide for one in self.giving(permission)) and not self.taking(permission)

    def allows(self, permission: Permission, place: Place) -> bool:
        """Whether the actor holds the permission at a place."""
        return any(one.covers(place) for one in self.giving(permission)) and not any(
            one.covers(place) for one in self.taking(permission)
        )

    def allows_throughout(self, permission: Permission, where: Grant) -> bool:
        """Whether the actor holds the permission wherever a grant of this place counts. A group may hold any camera, so
        one that is denied anywhere in its reach makes this False."""
        giving = [one for one in self.giving(permission) if one.swallows(where)]
        return bool(giving) and not any(_may_meet(one, where) for one in self.taking(permission))

    def has_part(self, place: Place) -> bool:
        """Whether the actor has any part in a place: a grant covers it, and denials leave something of it."""
        covering = [one for one in self.grants if one.covers(place)]
        given = [one.role.permissions for one in covering if not one.denies]
        taken = [one.role.permissions for one in covering if one.denies]
        if not given or not taken:
            return bool(given)
        return bool(frozenset().union(*given) - frozenset().union(*taken) - {ACCOUNT_SELF})

    @property
    def asks_groups(self) -> bool:
        """Whether it matters to the actor which groups a camera is in."""
        return any(one.group for one in self.grants)


def _may_meet(one: Grant, other: Grant) -> bool:
    """Whether both might count at one place; only two sites, or two cameras, certainly lie apart."""
    if one.site_id is not None and other.site_id is not None:
        return one.site_id == other.site_id
    if one.camera_id is not None and other.camera_id is not None:
        return one.camera_id == other.camera_id
    return True


# ---- who somebody is


def actor_of(account: Any) -> Actor:
    """The actor an account is, with its memberships as they are now. Needs the scope of the account's tenant. Two
    queries."""
    return Actor(account.tenant_id, account.pk, str(account), grants_of([account.pk]).get(account.pk, ()))


def grants_of(accounts: Collection[UUID]) -> dict[UUID, tuple[Grant, ...]]:
    """What the memberships of these accounts give and take now, by account. Two queries."""
    from tenants.models import Membership

    rows = list(Membership.objects.filter(account_id__in=accounts).order_by("created_at", "id"))
    found: dict[UUID, list[Grant]] = defaultdict(list)
    for row, grant in zip(rows, grants_from(rows), strict=True):
        found[row.account_id].append(grant)
    return {account: tuple(grants) for account, grants in found.items()}


def grants_from(rows: Collection[Any]) -> list[Grant]:
    """The grants that memberships stand for, in their order. A role nobody knows gives nothing, and a denial of it takes
    everything. One query."""
    from tenants.roles import EVERYTHING, roles_named, unknown

    known = roles_named({row.role for row in rows}) if rows else {}
    return [
        _grant(row, known.get(row.role) or (EVERYTHING if row.denies else unknown(row.role))) for row in rows
    ]


def _grant(row: Any, role: Role) -> Grant:
    permissions = role.permissions
    if row.denies:
        permissions -= {ACCOUNT_SELF}  # one's own account is no part of the organisation's
    elif not role.built_in and permissions:
        permissions |= ALWAYS
    held = role if permissions == role.permissions else replace(role, permissions=permissions)
    return Grant(held, row.site_id, row.group, row.camera_id, row.denies, membership_id=row.pk)


def narrowed(
    actor: Actor, permissions: frozenset[Permission], site_id: UUID | None, *, token_id: UUID, name: str
) -> Actor:
    """The actor with no more than these permissions, on no more than this site (None: on all the actor has): what an
    access token lends. Nothing is ever added: a grant the actor has lost is lost to the token, and denials stay whole."""
    grants = tuple(one for grant in actor.grants if (one := _lent(grant, permissions, site_id)) is not None)
    return Actor(actor.tenant_id, actor.account_id, name, grants, token_id)


def _lent(grant: Grant, permissions: frozenset[Permission], site_id: UUID | None) -> Grant | None:
    if grant.denies:
        return grant
    lent = replace(grant, role=replace(grant.role, permissions=grant.role.permissions & permissions))
    if site_id is None or grant.site_id == site_id:
        return lent
    if grant.site_id is not None:
        return None
    return replace(lent, within=site_id) if grant.narrow else replace(lent, site_id=site_id)


# ---- where something lies


def place_of(obj: Any, *, with_groups: bool = True) -> Place:
    """Where an object lies, by its model's `site_path`, `camera_path` and `groups_path`. `with_groups`: whether the groups
    of its camera are wanted, which takes a query where they were not fetched along."""
    site_id, camera_id = _walk(obj, "site_path"), _walk(obj, "camera_path")
    names: frozenset[str] = frozenset()
    if with_groups and camera_id is not None:
        names = frozenset(group.name for group in _walk(obj, "groups_path").all())
    return Place(site_id if isinstance(site_id, UUID) else None, camera_id, names)


def _walk(obj: Any, path_name: str) -> Any:
    path: str | None = getattr(obj, path_name, None)
    if path is None:
        return None
    value = obj
    for name in path.split("__"):
        value = getattr(value, name)
    return value


_CAMERAS: list[Callable[[], models.QuerySet[Any]]] = []


def register_cameras(
    cameras: Callable[[], models.QuerySet[Any]], groups: Callable[[], models.QuerySet[Any]]
) -> None:
    """Say where cameras (`name`, `site_id`, `deleted_at`, `groups`) and their groups (`camera_id`, `name`) are read, which
    stand above tenants."""
    _CAMERAS[:] = [cameras, groups]


def cameras() -> models.QuerySet[Any]:
    """The tenant's cameras, deleted ones too."""
    return _registered(0)


def groups() -> models.QuerySet[Any]:
    """Which cameras are in which groups."""
    return _registered(1)


def _registered(which: int) -> models.QuerySet[Any]:
    if not _CAMERAS:
        raise ImproperlyConfigured("no cameras are registered: tenants.access.register_cameras")
    return _CAMERAS[which]()


# ---- the decision


def own(actor: Actor, queryset: models.QuerySet[M], **lookup: Any) -> M:
    """The one row that belongs to the actor's own account (its `account_id`); NotFound for anybody else's."""
    try:
        return queryset.get(account_id=actor.account_id, **lookup)
    except ObjectDoesNotExist:
        raise NotFound() from None


def may(actor: Actor, permission: Permission, obj: OfTenant) -> bool:
    """Whether the actor holds the permission on an object. No query where the object's camera groups were fetched."""
    if actor.tenant_id != current_tenant_id() or obj.tenant_id != actor.tenant_id:
        return False
    return _allows(actor, permission, obj, place_of(obj, with_groups=actor.asks_groups))


def _allows(actor: Actor, permission: Permission, obj: Any, place: Place) -> bool:
    if place == Place():
        return actor.tenant_wide(permission)
    return actor.allows(permission, place) or (
        permission == SITE_VIEW and _is_site(obj) and _reaches_site(actor, place)
    )


def _is_site(obj: Any) -> bool:
    return bool(getattr(obj, "site_path", None) == "id")


def _reaches_site(actor: Actor, place: Place) -> bool:
    """Whether a camera of the site is the actor's, which lets them see the site's name."""
    if not any(one.narrow and not one.denies for one in actor.grants):
        return False
    return _cameras_reached(actor).filter(site_id=place.site_id).exists()


def _cameras_reached(actor: Actor) -> models.QuerySet[Any]:
    rows = cameras()
    return rows.filter(_reach(actor, SITE_VIEW, rows.model))


def require(actor: Actor, permission: Permission, obj: OfTenant | None = None) -> None:
    """Return when the actor may; raise Denied (403) or NotFound (404) when not.

    Without an object: the permission held anywhere in the tenant. With one: NotFound when it belongs to another
    tenant or lies at a place the actor has no part in, Denied when the actor sees the place but lacks the right.
    An object of the tenant as a whole needs a grant on all sites.
    """
    if actor.tenant_id != current_tenant_id():
        raise NotFound()
    if obj is None:
        if not actor.holds(permission):
            raise _denied(permission)
        return
    if obj.tenant_id != actor.tenant_id:
        raise NotFound()
    place = place_of(obj, with_groups=actor.asks_groups)
    if _allows(actor, permission, obj, place):
        return
    if place != Place() and not actor.has_part(place) and not (_is_site(obj) and _reaches_site(actor, place)):
        raise NotFound()
    raise _denied(permission)


def _denied(permission: Permission) -> Denied:
    return Denied(
        _("your role does not let you %(right)s; ask an owner of your organisation")
        % {"right": permission.sentence}
    )


def visible(actor: Actor, permission: Permission, queryset: models.QuerySet[M]) -> models.QuerySet[M]:
    """The rows of a queryset the actor holds the permission on. Still one query."""
    if actor.tenant_id != current_tenant_id():
        return queryset.none()
    return queryset.filter(_reach(actor, permission, queryset.model))


def _reach(actor: Actor, permission: Permission, model: type[models.Model]) -> Q:
    """The rows of a model the actor holds the permission on."""
    site_path: str | None = getattr(model, "site_path", None)
    camera_path: str | None = getattr(model, "camera_path", None)
    if site_path is None and camera_path is None:
        return ALL if actor.tenant_wide(permission) else NOTHING
    giving, taking = actor.giving(permission), actor.taking(permission)
    reached = _covered(giving, site_path, camera_path)
    if permission == SITE_VIEW and site_path == "id" and any(one.narrow for one in giving):
        reached |= Q(pk__in=_cameras_reached(actor).values("site_id"))
    for one in taking:
        reached &= ~_covered([one], site_path, camera_path)
    return reached


def _covered(grants: Iterable[Grant], site_path: str | None, camera_path: str | None) -> Q:
    """The rows some of these grants cover."""
    found = NOTHING
    for within in {one.within for one in grants}:
        alike = [one for one in grants if one.within == within]
        rows = _covered_alike(alike, site_path, camera_path)
        found |= rows if within is None else rows & Q(**{f"{site_path}": within})
    return found


def _covered_alike(grants: list[Grant], site_path: str | None, camera_path: str | None) -> Q:
    if any(one.tenant_wide for one in grants):
        return ALL
    found = NOTHING
    sites = {one.site_id for one in grants if one.site_id is not None}
    if sites and site_path is not None:
        found |= Q(**{f"{site_path}__in": sites})
    if camera_path is None:
        return found
    single = {one.camera_id for one in grants if one.camera_id is not None}
    names = {one.group for one in grants if one.group}
    if single:
        found |= Q(**{f"{camera_path}__in": single})
    if names:
        found |= Q(**{f"{camera_path}__in": groups().filter(name__in=names).values("camera_id")})
    return found


def get(actor: Actor, permission: Permission, queryset: models.QuerySet[M], **lookup: Any) -> M:
    """The one row of a scoped queryset, if the actor may; NotFound or Denied as `require` says."""
    try:
        obj = queryset.get(**lookup)
    except ObjectDoesNotExist:
        raise NotFound() from None
    require(actor, permission, obj)  # type: ignore[arg-type]
    return obj
