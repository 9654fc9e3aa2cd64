"""The hours of a role, and the calendar they are meant in: shown, changed, and refused where they would lock out all owners.

Changes are made one at a time with those of people (`people.lock_people`). Nobody changes the hours of a role they are
under themselves, but for owners, whose hours nobody else could change.
"""

from __future__ import annotations

import json
import zoneinfo
from dataclasses import dataclass

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenants import access, hours
from tenants.access import Actor, Grant
from tenants.hours import Calendar, Hours, HoursRefused
from tenants.models import Membership, OrganisationRole, Tenant
from tenants.permissions import OWNER, PEOPLE_VIEW, ROLE_EDIT, ROLES, TENANT_EDIT, Role
from tenants.roles import roles
from vsaas.accounts import acts
from vsaas.accounts.hours_effects import HoursEffect, preview
from vsaas.accounts.hours_words import change_to_json
from vsaas.accounts.people import MAKE, OwnRole, lock_people, require_not_above
from vsaas.approvals.demand import for_roles
from vsaas.audit.acts import as_data
from vsaas.audit.services import What, record_act, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict, InvalidField, NotFound
from vsaas.common.names import BadName, clean_name

OWNERS_WITHIN_US = 8 * hours.DAY_US
OWNERS_LEAST_US = hours.HOUR_US
"""Owners can sign in for at least this long within that time, whatever the policy."""
NAME_CHARS_MAX = 120
CHANGE = "roles.hours"
"""The name of the act that gives a role other hours, where that needs a second person."""
CALENDAR = "tenant.calendar"
"""The same of the act that changes the zone or the holidays these are meant in."""


class StaleHours(Conflict):
    """Somebody changed the role since it was looked at."""

    problem = "stale-version"


class LocksOut(InvalidField):
    """No owner could sign in under this policy."""

    problem = "locks-out-owners"
    title = _("This would lock out every owner")


@dataclass(frozen=True)
class RoleHours:
    """A role with its hours, and the version of its rules (0: none were ever set)."""

    role: Role
    hours: Hours
    version: int


def role_hours(actor: Actor, key: str) -> RoleHours:
    """The hours of a role, for who may see people of the whole organisation. Raises NotFound, Denied."""
    access.require(actor, PEOPLE_VIEW, Tenant.objects.get())
    return _role_hours(key)


def _role_hours(key: str) -> RoleHours:
    role = roles().get(key)
    if role is None:
        raise NotFound(_("there is no such role"))
    version = OrganisationRole.objects.filter(key=key).values_list("version", flat=True).first()
    return RoleHours(role, role.hours or Hours(), version or 0)


def set_role_hours(
    request: HttpRequest,
    actor: Actor,
    key: str,
    wanted: Hours,
    *,
    version: int | None = None,
    approved: bool = False,
) -> RoleHours:
    """Gives a role these hours. They hold from the next request on, and open live views outside them end.

    Raises NotFound, Denied, OwnRole, StaleHours when the role was changed since `version`, LocksOut; AwaitsSecondPerson
    where such changes take two people, unless one of those `approved` it.
    """
    before = _changeable(lock_people(actor, ROLE_EDIT), key, wanted, version)
    if wanted == before.hours:
        return before
    if not approved:
        asked = {"key": key, "hours": json.dumps(hours.hours_to_json(wanted), sort_keys=True)}
        for_roles(request, actor, CHANGE, asked | {"version": before.version})
    row = OrganisationRole.objects.filter(key=key).first() or OrganisationRole(key=key, version=0)
    row.hours = None if wanted == Hours() else hours.hours_to_json(wanted)
    row.version += 1
    row.save()
    title = str(ROLES[key].title) if key in ROLES else row.title
    record_act(
        acts.HOURS_CHANGED,
        who(actor),
        What("role", key, title),
        request=request,
        before=as_data(hours.hours_to_json(before.hours)),
        after=as_data(hours.hours_to_json(wanted)),
    )
    return _role_hours(key)


def preview_role_hours(
    actor: Actor, key: str, wanted: Hours, *, version: int | None = None
) -> list[HoursEffect]:
    """What these hours would alter; refused as the change itself would be. Nothing is changed."""
    before = _changeable(actor, key, wanted, version)
    return preview(key, wanted) if wanted != before.hours else []


def _changeable(actor: Actor, key: str, wanted: Hours, version: int | None) -> RoleHours:
    """The hours of a role the actor may give others. Raises as `set_role_hours` says."""
    tenant = Tenant.objects.get()
    access.require(actor, ROLE_EDIT, tenant)
    before = _role_hours(key)
    require_not_above(actor, [Grant(before.role, None)], MAKE)
    under = Membership.objects.filter(account_id=actor.account_id, role=key, denies=False).exists()
    if under and key != OWNER.name:
        raise OwnRole(_("you are under this role yourself: ask somebody else to change its hours"))
    if version is not None and version != before.version:
        raise StaleHours(_("somebody changed this role a moment ago: look at it again"))
    if key == OWNER.name:
        require_open_to_owners(wanted, tenant.calendar, "sign_in")
    return before


def require_open_to_owners(wanted: Hours, calendar: Calendar, field: str) -> None:
    """LocksOut unless owners under these hours can sign in for an hour within the next days."""
    now_us = clock.now_us()
    spans = hours.open_spans(wanted.sign_in, wanted.holidays, now_us, now_us + OWNERS_WITHIN_US, calendar)
    if sum(end - begin for begin, end in spans) < OWNERS_LEAST_US:
        raise LocksOut(
            field,
            _("owners could sign in for less than an hour within the next eight days: leave them more"),
        )


# ---- the organisation


def organisation(actor: Actor) -> Tenant:
    """The organisation, for who may change its settings. Raises Denied."""
    tenant = Tenant.objects.get()
    access.require(actor, TENANT_EDIT, tenant)
    return tenant


def set_organisation(
    request: HttpRequest,
    actor: Actor,
    *,
    name: str | None = None,
    timezone: str | None = None,
    holidays: object = None,
    approved: bool = False,
) -> Tenant:
    """Changes the organisation's name, zone and holidays (as `hours.holidays_from_json` reads them); None stays.

    Raises Denied, InvalidField naming the field, LocksOut when owners could not sign in any more by the new calendar;
    AwaitsSecondPerson where changes of roles take two people and hours would move, unless one of those `approved` it.
    """
    organisation(actor)
    tenant = Tenant.objects.select_for_update(no_key=True).get()
    before = tenant.name, tenant.calendar
    if name is not None:
        tenant.name = _clean(name)
    if timezone is not None:
        if timezone not in zoneinfo.available_timezones():
            raise InvalidField("timezone", _("must be a time zone, such as Europe/Berlin"))
        tenant.timezone = timezone
    if holidays is not None:
        try:
            tenant.holidays = hours.holidays_to_json(hours.holidays_from_json(holidays))
        except HoursRefused as refused:
            raise InvalidField(refused.field, refused.message) from refused
    calendar = tenant.calendar
    after = tenant.name, calendar
    if after == before:
        return tenant
    known = roles()
    owners = known[OWNER.name].hours
    if owners is not None:
        require_open_to_owners(owners, calendar, "holidays" if timezone is None else "timezone")
    if not approved and after[1] != before[1] and any(one.hours for one in known.values()):
        asked = {"name": tenant.name, "timezone": tenant.timezone, "holidays": json.dumps(tenant.holidays)}
        for_roles(request, actor, CALENDAR, asked)
    tenant.save(update_fields=["name", "timezone", "holidays"])
    taken, added = change_to_json(before, after)
    record_act(
        acts.ORGANISATION_CHANGED,
        who(actor),
        what(tenant),
        request=request,
        before=as_data(taken),
        after=as_data(added),
    )
    return tenant


def _clean(name: str) -> str:
    try:
        cleaned = clean_name(name)
    except BadName as refused:
        raise InvalidField("name", str(refused)) from refused
    if len(cleaned) > NAME_CHARS_MAX:
        raise InvalidField("name", _("may have %(most)d characters at most") % {"most": NAME_CHARS_MAX})
    return cleaned
