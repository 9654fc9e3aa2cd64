"""The decision: may this actor do this to that object?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol, TypeVar
from uuid import UUID

from django.core.exceptions import ObjectDoesNotExist
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.errors import Denied, NotFound
from tenants.permissions import Permission, Role, role
from tenants.scope import current_tenant_id

M = TypeVar("M", bound=models.Model)


class OfTenant(Protocol):
    """Anything that belongs to a tenant."""

    @property
    def tenant_id(self) -> UUID: ...


@dataclass(frozen=True, slots=True)
class Grant:
    """A role on one site, or (None) on all sites of the tenant."""

    role: Role
    site_id: UUID | None


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts: an account with the grants of its memberships, read once per request or message."""

    tenant_id: UUID
    account_id: UUID
    name: str
    grants: tuple[Grant, ...]
    token_id: UUID | None = None  # the access token the actor came with; None: a signed-in browser

    def holds(self, permission: Permission) -> bool:
        """Whether the actor holds the permission anywhere in the tenant."""
        return any(permission in grant.role.permissions for grant in self.grants)

    def sites(self, permission: Permission) -> frozenset[UUID] | None:
        """The sites where the actor holds the permission; None means all of them."""
        holding = [grant for grant in self.grants if permission in grant.role.permissions]
        if any(grant.site_id is None for grant in holding):
            return None
        return frozenset(grant.site_id for grant in holding if grant.site_id is not None)


def actor_of(account: Any) -> Actor:
    """The actor an account is, with its memberships as they are now. Needs the scope of the account's tenant."""
    from tenants.models import Membership

    rows = Membership.objects.filter(account_id=account.pk).values_list("role", "site_id")
    grants = tuple(Grant(role(name), site_id) for name, site_id in rows)
    return Actor(account.tenant_id, account.pk, str(account), grants)


def narrowed(
    actor: Actor, permissions: frozenset[Permission], site_id: UUID | None, *, token_id: UUID, name: str
) -> Actor:
    """The actor with no more than these permissions, on no more than this site (None: on all the actor has): what an
    access token lends. Nothing is ever added: a grant the actor has lost is lost to the token."""
    grants = tuple(
        Grant(
            Role(grant.role.name, grant.role.title, grant.role.plural, grant.role.permissions & permissions),
            grant.site_id if site_id is None else site_id,
        )
        for grant in actor.grants
        if site_id is None or grant.site_id in (None, site_id)
    )
    return Actor(actor.tenant_id, actor.account_id, name, grants, token_id)


def own(actor: Actor, queryset: models.QuerySet[M], **lookup: Any) -> M:
    """The one row that belongs to the actor's own account (its `account_id`); NotFound for anybody else's."""
    try:
        return queryset.get(account_id=actor.account_id, **lookup)
    except ObjectDoesNotExist:
        raise NotFound() from None


def site_of(obj: Any) -> UUID | None:
    """The site an object lies on (by its model's `site_path`), or None when it belongs to the tenant as a whole."""
    path: str | None = getattr(obj, "site_path", None)
    value: Any = obj
    for name in path.split("__") if path else ():
        value = getattr(value, name)
    return value if path and isinstance(value, UUID) else None


def require(actor: Actor, permission: Permission, obj: OfTenant | None = None) -> None:
    """Return when the actor may; raise Denied (403) or NotFound (404) when not.

    Without an object: the permission held anywhere in the tenant. With one: NotFound when it belongs to another
    tenant or lies on a site the actor has no part in, Denied when the actor sees the place but lacks the right.
    An object of the tenant as a whole needs a grant on all sites.
    """
    if actor.tenant_id != current_tenant_id():
        raise NotFound()
    if obj is None:
        if not actor.holds(permission):
            raise Denied(
                _("your role does not let you %(right)s; ask an owner of your organisation")
                % {"right": permission.sentence}
            )
        return
    if obj.tenant_id != actor.tenant_id:
        raise NotFound()
    site_id = site_of(obj)
    covering = [grant for grant in actor.grants if grant.site_id is None or grant.site_id == site_id]
    if not covering and site_id is not None:
        raise NotFound()
    if not any(permission in grant.role.permissions for grant in covering):
        raise Denied(
            _("your role does not let you %(right)s; ask an owner of your organisation")
            % {"right": permission.sentence}
        )


def visible(actor: Actor, permission: Permission, queryset: models.QuerySet[M]) -> models.QuerySet[M]:
    """The rows of a queryset the actor holds the permission on."""
    if actor.tenant_id != current_tenant_id():
        return queryset.none()
    sites = actor.sites(permission)
    if sites is None:
        return queryset
    path: str | None = getattr(queryset.model, "site_path", None)
    if path is None:
        return queryset.none()
    return queryset.filter(**{f"{path}__in": sites})


def get(actor: Actor, permission: Permission, queryset: models.QuerySet[M], **lookup: Any) -> M:
    """The one row of a scoped queryset, if the actor may; NotFound or Denied as `require` says."""
    try:
        obj = queryset.get(**lookup)
    except ObjectDoesNotExist:
        raise NotFound() from None
    require(actor, permission, obj)  # type: ignore[arg-type]
    return obj
