"""Partner → tenant → site, memberships, and the base classes of everything that belongs to a tenant."""

from __future__ import annotations

import zoneinfo
from typing import Any, ClassVar, TypeVar
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from tenants.errors import TenantScopeError
from tenants.hours import Calendar, holidays_from_json
from tenants.ids import uuid7
from tenants.scope import current_tenant_id, tenant_default

M = TypeVar("M", bound=models.Model)

SLUG_RULE = r"^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$"


class ScopedManager(models.Manager[M]):
    """Reads only the current tenant's rows, and raises TenantScopeMissing outside a scope.

    So a queryset cannot be made at import time: make it inside the view, task or consumer.
    """

    def get_queryset(self) -> models.QuerySet[M]:
        return super().get_queryset().filter(tenant_id=current_tenant_id())

    def unscoped(self, reason: str) -> models.QuerySet[M]:
        """Every row the database lets through, for the few places that must (and say why).

        Row-level security still holds: the app's role sees nothing without `app.tenant`; this is for migrations
        and commands that run as the owner, and for look-ups in a scope that must not be filtered twice.
        """
        if not reason.strip():
            raise TenantScopeError("unscoped() needs a reason in words")
        return super().get_queryset()


class ScopedModel(models.Model):
    """What every tenant-scoped model shares: a UUIDv7 and the scoped manager."""

    # Where the site of an object of this model is found, as a field path ending in a site's id ("site_id",
    # "camera__site_id"); None: the object belongs to the tenant as a whole.
    site_path: ClassVar[str | None] = None
    # The same for what is reached through a camera: the camera's id ("camera_id"), and the manager of its groups
    # ("camera__groups"). Both or none; such a model has a site_path too.
    camera_path: ClassVar[str | None] = None
    groups_path: ClassVar[str | None] = None

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)

    objects: ClassVar[ScopedManager[Any]] = ScopedManager()

    class Meta:
        abstract = True
        base_manager_name = "objects"


class TenantModel(ScopedModel):
    """A model of the main database that belongs to one tenant; `tenant` defaults to the current one.

    Its migration must call `tenants.rls.protect(table)`, and `composite_fk(…)` for each foreign key to another
    tenant's table; catalogue tests hold both.
    """

    tenant = models.ForeignKey(
        "tenants.Tenant",
        on_delete=models.PROTECT,
        default=tenant_default,
        editable=False,
        related_name="+",
    )
    tenant_id: UUID

    class Meta(ScopedModel.Meta):
        abstract = True


class DetachedTenantModel(ScopedModel):
    """A model that belongs to one tenant and lives where the tenants' table does not: in the key store."""

    tenant_id = models.UUIDField(default=tenant_default, editable=False)

    class Meta(ScopedModel.Meta):
        abstract = True


class Partner(models.Model):
    """A reseller, who provisions tenants and holds no key of theirs. Platform row: the app may only read the
    partner of the current tenant."""

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    name = models.CharField(max_length=120, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.name


class TenantManager(models.Manager["Tenant"]):
    """The current tenant only, like every scoped manager."""

    def get_queryset(self) -> models.QuerySet[Tenant]:
        return super().get_queryset().filter(id=current_tenant_id())

    def unscoped(self, reason: str) -> models.QuerySet[Tenant]:
        """As ScopedManager.unscoped."""
        if not reason.strip():
            raise TenantScopeError("unscoped() needs a reason in words")
        return super().get_queryset()


class Tenant(models.Model):
    """A customer: the wall that nothing crosses. Row-level security on its own id."""

    site_path: ClassVar[str | None] = None

    id = models.UUIDField(primary_key=True, default=uuid7, editable=False)
    partner = models.ForeignKey(Partner, on_delete=models.PROTECT, null=True, blank=True, related_name="+")
    slug = models.CharField(
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(
                SLUG_RULE, _("Use lower-case letters, digits and dashes, 40 at most, no dash at the ends.")
            )
        ],
    )
    name = models.CharField(max_length=120)
    # The zone in which the hours of roles are meant, and the days that count as holidays there (`tenants.hours`).
    timezone = models.CharField(max_length=64, default="UTC", db_default="UTC")
    holidays = models.JSONField(default=list, db_default=[], blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[TenantManager] = TenantManager()

    class Meta:
        base_manager_name = "objects"

    def __str__(self) -> str:
        return self.name

    @property
    def tenant_id(self) -> UUID:
        """A tenant belongs to itself, so `access.require` treats it as any other object."""
        return self.id

    @property
    def calendar(self) -> Calendar:
        """Its zone and holidays. Raises HoursRefused, ZoneInfoNotFoundError where what is kept cannot be read."""
        return Calendar(zoneinfo.ZoneInfo(self.timezone), holidays_from_json(self.holidays))


def check_timezone(value: str) -> None:
    """A name of the IANA time zone database."""
    if value not in zoneinfo.available_timezones():
        raise ValidationError(
            _("%(name)s is not a time zone; write one such as Europe/Berlin.") % {"name": repr(value)}
        )


class Site(TenantModel):
    """A building or place, with the time zone its times are shown in."""

    site_path = "id"

    name = models.CharField(max_length=200)
    timezone = models.CharField(max_length=64, default="UTC", validators=[check_timezone])
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["tenant", "name"], name="site_name_once")]
        ordering = ["name", "id"]

    def __str__(self) -> str:
        return self.name


class OrganisationRole(TenantModel):
    """A role an organisation made, or its rules for a built-in one, which has no row before.

    `permissions` null: those of the built-in role of this key, so that what the product gains joins it. `version` grows
    with each change. The other rules are null where the product's own hold; times may only be shorter than those.
    """

    key = models.CharField(max_length=40)
    title = models.CharField(max_length=120, blank=True)
    permissions = models.JSONField(null=True, blank=True)
    version = models.PositiveIntegerField(default=1, db_default=1)
    needs_approval = models.BooleanField(default=False, db_default=False)
    hours = models.JSONField(null=True, blank=True)
    idle_s = models.PositiveIntegerField(null=True, blank=True)
    lifetime_s = models.PositiveIntegerField(null=True, blank=True)
    factor_kinds = models.JSONField(null=True, blank=True)
    passwordless = models.BooleanField(null=True, blank=True)
    remember_days = models.PositiveSmallIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantModel.Meta):
        abstract = False
        db_table = "tenants_role"
        ordering = ["title", "key"]
        constraints = [models.UniqueConstraint(fields=["tenant", "key"], name="role_key_once")]

    def __str__(self) -> str:
        return self.title or self.key


class Membership(TenantModel):
    """A role of an account: on one site, on the cameras of one group, on one camera, or (none of them) everywhere.

    `denies`: the role's permissions are taken from the account there, whatever else gives them; a role "" takes
    everything. `camera_id` is tied to the cameras' table, which tenants does not know, by a migration of that app.
    """

    account = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="memberships"
    )
    role = models.CharField(max_length=40, blank=True)
    site = models.ForeignKey(Site, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    group = models.CharField(max_length=200, blank=True, default="", db_default="")
    camera_id = models.UUIDField(null=True, blank=True)
    denies = models.BooleanField(default=False, db_default=False)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta(TenantModel.Meta):
        abstract = False
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "account", "role", "site", "group", "camera_id", "denies"],
                nulls_distinct=False,
                name="membership_once",
            ),
            models.CheckConstraint(
                condition=models.Q(site=None, group="")
                | models.Q(site=None, camera_id=None)
                | models.Q(group="", camera_id=None),
                name="membership_one_place",
            ),
            models.CheckConstraint(
                condition=~models.Q(role="") | models.Q(denies=True), name="membership_gives_a_role"
            ),
        ]

    def __str__(self) -> str:
        where = self.site_id or self.group or self.camera_id or "all sites"
        return f"{'no ' if self.denies else ''}{self.role or 'right'} of {where}"
