"""The decision: may this actor do this to that object?

What somebody may do at a place is what the grants that cover it give, less what the denials that cover it take. A
denial always wins.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol, TypeVar
from uuid import UUID

from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tenants.errors import Denied, NotFound, OutsideHours
from tenants.hours import Calendar, Hours, all_open_at, local_moment, open_at
from tenants.permissions import (
    ACCOUNT_SELF,
    ALWAYS,
    CAMERA_AUDIO,
    CAMERA_CLIP,
    CAMERA_LIVE,
    CAMERA_PLAYBACK,
    CAMERA_PTZ,
    FOOTAGE_EXPORT,
    SITE_VIEW,
    Permission,
    Role,
)
from tenants.scope import current_tenant_id

M = TypeVar("M", bound=models.Model)
IN_LIVE_HOURS: Final = frozenset({CAMERA_LIVE, CAMERA_PTZ})
IN_PLAYBACK_HOURS: Final = frozenset({CAMERA_PLAYBACK, CAMERA_CLIP, FOOTAGE_EXPORT})
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
    at_us: int | None = None  # when time was asked (`in_force`); None: what holds at all, at some time
    calendar: Calendar | None = None  # where the hours of a grant had a say in it
    untimed: tuple[Grant, ...] = ()  # the grants before that

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

    def turns_on_groups(self, permission: Permission, place: Place) -> bool:
        """Whether `allows` at a place whose groups are not told may answer otherwise once they are."""
        giving, taking = self.giving(permission), self.taking(permission)
        given = any(one.covers(place) for one in giving)
        if any(one.covers(place) for one in taking) or not (given or any(one.group for one in giving)):
            return False
        return not given or any(one.group for one in taking)

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
        return any(one.group for one in (*self.grants, *self.untimed))


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


# ---- what time allows


def in_force(actor: Actor, at_us: int, calendar: Calendar | None = None) -> Actor:
    """The actor with what time lets hold at this moment: a grant outside its hours of signing in gives nothing, and one
    outside those of live view or playback none of these. Denials hold always. Whoever acts goes through here; what people
    hold at all is compared without it. One query where a grant has hours and no `calendar` is given."""
    if not any(one.role.hours for one in actor.grants if not one.denies):
        return replace(actor, at_us=at_us)
    if calendar is None:
        calendar = calendar_now()
    timed = [_timed(one, at_us, calendar) for one in actor.grants]
    grants = tuple(one for one in timed if one is not None)
    return replace(actor, grants=grants, at_us=at_us, calendar=calendar, untimed=actor.grants)


def calendar_now() -> Calendar:
    """Zone and holidays of the current tenant."""
    from tenants.models import Tenant

    return Tenant.objects.get().calendar


def _timed(grant: Grant, at_us: int, calendar: Calendar) -> Grant | None:
    rule = grant.role.hours
    if rule is None or grant.denies:
        return grant
    if not open_at(rule.sign_in, rule.holidays, at_us, calendar):
        return None
    closed: frozenset[Permission] = frozenset()
    if not open_at(rule.live, rule.holidays, at_us, calendar):
        closed |= IN_LIVE_HOURS
    if not open_at(rule.playback, rule.holidays, at_us, calendar):
        closed |= IN_PLAYBACK_HOURS
    return replace(grant, role=replace(grant.role, permissions=grant.role.permissions - closed))


def hears_live(actor: Actor, obj: OfTenant) -> bool:
    """Whether the actor may hear a camera live: a right of its own, and in live hours of the grant that gives it."""
    if not may(actor, CAMERA_AUDIO, obj):
        return False
    place = place_of(obj, with_groups=actor.asks_groups)
    giving = [one.role.hours for one in actor.giving(CAMERA_AUDIO) if one.covers(place)]
    if None in giving:
        return True
    at_us, calendar = moment_of(actor)
    return any(open_at(rule.live, rule.holidays, at_us, calendar) for rule in giving if rule is not None)


def moment_of(actor: Actor) -> tuple[int, Calendar]:
    """When and where the hours of an actor's grants are looked at. Raises ImproperlyConfigured for one that did not go
    through `in_force`."""
    if actor.at_us is None or actor.calendar is None:
        raise ImproperlyConfigured("whoever acts under hours goes through tenants.access.in_force")
    return actor.at_us, actor.calendar


def require_in_force(actor: Actor) -> None:
    """OutsideHours when the actor has grants and the hours of none of them let it hold now."""
    if actor.untimed and not any(not one.denies for one in actor.grants):
        _refuse_outside(actor, [one for one in actor.untimed if not one.denies], None)


def _refuse_outside(actor: Actor, grants: Iterable[Grant], permission: Permission | None) -> None:
    """Raises OutsideHours: these grants would give the permission (None: anything at all) at another time."""
    at_us, calendar = moment_of(actor)
    opens = [opens_at(one.role.hours, permission, at_us, calendar) for one in grants]
    opens_us = min((one for one in opens if one is not None), default=None)
    extra = {"opens_us": opens_us}
    if opens_us is None:
        if permission is None:
            raise OutsideHours(
                _("your role has no hours in which you may sign in; ask an owner of your organisation"),
                extra=extra,
            )
        raise OutsideHours(
            _("your role has no hours in which you may %(right)s; ask an owner of your organisation")
            % {"right": permission.sentence},
            extra=extra,
        )
    when = local_moment(opens_us, calendar)
    if permission is None:
        raise OutsideHours(_("you may sign in again from %(when)s") % {"when": when}, extra=extra)
    raise OutsideHours(
        _("you may %(right)s again from %(when)s") % {"right": permission.sentence, "when": when},
        extra=extra,
    )


def opens_at(rule: Hours | None, permission: Permission | None, at_us: int, calendar: Calendar) -> int | None:
    """When a grant with these hours gives the permission (None: anything at all) next: `at_us` itself when it does then; None
    when at no time that is planned."""
    if rule is None:
        return at_us
    needed = [rule.sign_in]
    if permission in IN_LIVE_HOURS:
        needed.append(rule.live)
    if permission in IN_PLAYBACK_HOURS:
        needed.append(rule.playback)
    return all_open_at(needed, rule.holidays, at_us, calendar)


def _require_hours(actor: Actor, permission: Permission, place: Place | None) -> None:
    """OutsideHours when the permission is refused for the time alone; nothing when it is not held at any."""
    if not actor.untimed:
        return
    always = replace(actor, grants=actor.untimed, untimed=())
    if place is None:
        allowed = always.holds(permission)
    elif place == Place():
        allowed = always.tenant_wide(permission)
    else:
        allowed = always.allows(permission, place)
    if allowed:
        giving = [one for one in always.giving(permission) if place is None or one.covers(place)]
        _refuse_outside(actor, giving, permission)


# ---- where something lies


def place_of(obj: Any, *, with_groups: bool = True) -> Place:
    """Where an object lies, by its model's `site_path`, `camera_path` and `groups_path`. `with_groups`: whether the groups
    of its camera are wanted, which takes a query where they were not fetched along."""
    site_id, camera_id = _walk(obj, "site_path"), _walk(obj, "camera_path")
    names: frozenset[str] = frozenset()
    if with_groups and camera_id is not None:
        names = _group_names(obj, camera_id)
    return Place(site_id if isinstance(site_id, UUID) else None, camera_id, names)


def _walk(obj: Any, path_name: str) -> Any:
    path: str | None = getattr(obj, path_name, None)
    return None if path is None else _follow(obj, path.split("__"))


def _follow(obj: Any, names: Iterable[str]) -> Any:
    value = obj
    for name in names:
        value = getattr(value, name)
    return value


def _group_names(obj: Any, camera_id: UUID) -> frozenset[str]:
    """The groups of an object's camera, as they were fetched along, else by one query."""
    *way, last = obj.groups_path.split("__")
    fetched = getattr(_follow(obj, way), "_prefetched_objects_cache", {})
    if last in fetched:
        return frozenset(group.name for group in fetched[last])
    return _registered(2)(camera_id)  # type: ignore[no-any-return]


_CAMERAS: list[Callable[..., Any]] = []


def register_cameras(
    cameras: Callable[[], models.QuerySet[Any]],
    groups: Callable[[], models.QuerySet[Any]],
    groups_of: Callable[[UUID], frozenset[str]],
) -> None:
    """Say where cameras (`name`, `site_id`, `deleted_at`, `groups`) and their groups (`camera_id`, `name`) are read, and what
    the groups of one camera are called: cameras stand above tenants."""
    _CAMERAS[:] = [cameras, groups, groups_of]


def cameras() -> models.QuerySet[Any]:
    """The tenant's cameras, deleted ones too."""
    return _registered(0)()  # type: ignore[no-any-return]


def groups() -> models.QuerySet[Any]:
    """Which cameras are in which groups."""
    return _registered(1)()  # type: ignore[no-any-return]


def _registered(which: int) -> Callable[..., Any]:
    if not _CAMERAS:
        raise ImproperlyConfigured("no cameras are registered: tenants.access.register_cameras")
    return _CAMERAS[which]


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
    return _allows(actor, permission, obj, _place_for(actor, permission, obj))


def _place_for(actor: Actor, permission: Permission, obj: Any) -> Place:
    """Where an object lies, with the groups of its camera only if the decision turns on them."""
    place = place_of(obj, with_groups=False)
    return place_of(obj) if actor.turns_on_groups(permission, place) else place


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
    An object of the tenant as a whole needs a grant on all sites. OutsideHours (403) where the time alone refuses.
    """
    if actor.tenant_id != current_tenant_id():
        raise NotFound()
    if obj is None:
        if not actor.holds(permission):
            _require_hours(actor, permission, None)
            raise denied(permission)
        return
    if obj.tenant_id != actor.tenant_id:
        raise NotFound()
    if _allows(actor, permission, obj, _place_for(actor, permission, obj)):
        return
    place = place_of(obj, with_groups=actor.asks_groups)
    _require_hours(actor, permission, place)
    if place != Place() and not actor.has_part(place) and not (_is_site(obj) and _reaches_site(actor, place)):
        raise NotFound()
    raise denied(permission)


def denied(permission: Permission) -> Denied:
    """The refusal of somebody whose role does not give a permission."""
    return Denied(
        _("your role does not let you %(right)s; ask an owner of your organisation")
        % {"right": permission.sentence}
    )


def visible(actor: Actor, permission: Permission, queryset: models.QuerySet[M]) -> models.QuerySet[M]:
    """The rows of a queryset the actor holds the permission on. Still one query."""
    if actor.tenant_id != current_tenant_id():
        return queryset.none()
    return queryset.filter(_reach(actor, permission, queryset.model))


def cameras_denied(actor: Actor, permission: Permission) -> frozenset[UUID]:
    """The cameras a permission is denied to the actor on, for what tells of many at once (an agent's state). One query
    where something is denied, else none."""
    taking = actor.taking(permission)
    if not taking:
        return frozenset()
    rows = cameras()
    covered = _covered(taking, rows.model.site_path, rows.model.camera_path)
    return frozenset(rows.filter(covered).values_list("pk", flat=True))


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
