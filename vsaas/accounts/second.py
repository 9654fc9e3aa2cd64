"""What accounts tell approvals, which stand below them; and what of theirs may need a second person: changes of roles."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from tenants import access
from tenants import hours as time
from tenants.access import Actor
from tenants.models import OrganisationRole, Tenant
from tenants.permissions import OWNER, PEOPLE_EDIT, ROLE_EDIT, TENANT_EDIT
from tenants.roles import permissions_named, roles_named
from vsaas.accounts import (
    acts,
    effects,
    hours,
    hours_words,
    invitations,
    people,
    roles,
    signin,
    user_agents,
)
from vsaas.accounts.grants import as_grants, as_held, from_rows, grant_spoken, names_of
from vsaas.accounts.models import Account, Passkey, TotpDevice
from vsaas.approvals.people import Accounts
from vsaas.approvals.registry import CHANGE_S, Parameters, declare
from vsaas.audit.acts import as_data
from vsaas.common.errors import NotFound

LINES_MOST = 20


def for_approvals() -> Accounts:
    """What `vsaas.approvals.people` asks for."""
    return Accounts(
        check_factor=_check_factor,
        check_password=signin.check_own_password,
        access_version=people.version_of,
        device_of=_device_of,
        device_spoken=acts.device_spoken,
        may_join=_may_join,
    )


def _check_factor(request: HttpRequest, account: Any, code: str, covers: bytes) -> bool:
    return signin.check_factor(request, account, code, covers=covers) is not None


def _device_of(request: HttpRequest) -> str:
    return user_agents.device_of(request.headers.get("User-Agent", ""))


def _may_join(ids: set[UUID]) -> set[UUID]:
    by_app = TotpDevice.objects.filter(confirmed=True, user_id__in=ids).values("user_id")
    by_passkey = Passkey.objects.filter(confirmed=True, user_id__in=ids).values("user_id")
    able = Account.objects.filter(Q(pk__in=by_app) | Q(pk__in=by_passkey), is_active=True)
    return set(able.values_list("pk", flat=True))


def declare_acts() -> None:
    """Declares the changes of roles that may need a second person."""
    declare(
        people.ACCESS,
        gettext_lazy("wants to change somebody's roles"),
        gettext_noop("a change of somebody's roles"),
        PEOPLE_EDIT,
        request_s=CHANGE_S,
        words=_access_words,
        versions=_access_versions,
        is_about=lambda parameters, approver: parameters["account"] == str(approver.account_id),
        carry_out=_set_access,
    )
    declare(
        invitations.INVITE,
        gettext_lazy("wants to invite somebody"),
        gettext_noop("an invitation"),
        PEOPLE_EDIT,
        request_s=CHANGE_S,
        words=_invite_words,
        versions=lambda parameters: _role_versions(from_rows(parameters["grants"])),
        carry_out=_invite,
    )
    declare(
        roles.CHANGE,
        gettext_lazy("wants to change what a role may do"),
        gettext_noop("a change of a role"),
        ROLE_EDIT,
        request_s=CHANGE_S,
        words=_role_words,
        versions=_role_version,
        is_about=_under,
        carry_out=_change_role,
    )
    declare(
        hours.CHANGE,
        gettext_lazy("wants to change the hours of a role"),
        gettext_noop("a change of a role's hours"),
        ROLE_EDIT,
        request_s=CHANGE_S,
        words=_hours_words,
        versions=_role_version,
        # Nobody but owners could decide about theirs.
        is_about=lambda parameters, approver: (
            parameters["key"] != OWNER.name and _under(parameters, approver)
        ),
        carry_out=_set_hours,
    )
    declare(
        hours.CALENDAR,
        gettext_lazy("wants to change the time zone or the holidays in which roles hold"),
        gettext_noop("a change of the time zone or holidays"),
        TENANT_EDIT,
        request_s=CHANGE_S,
        words=_calendar_words,
        versions=_calendar_version,
        carry_out=_set_calendar,
    )


# ---- somebody's roles


def _account(parameters: Parameters) -> Account:
    found: Account | None = Account.objects.filter(pk=parameters["account"], is_active=True).first()
    if found is None:
        raise NotFound(_("whoever this is about has left"))
    return found


def _access_words(parameters: Parameters) -> list[str]:
    account = Account.objects.filter(pk=parameters["account"]).first()
    if account is None:
        return [_("Somebody who has left")]
    wanted = from_rows(parameters["grants"])
    before = access.grants_of([account.pk])
    after = {account.pk: tuple(as_grants(people.sorted_rows(wanted)))}
    found = [effects.in_words(one) for one in effects.effects(before, after)]
    lines = [f"{account}: {_spoken(before.get(account.pk, ()))} → {_spoken(after[account.pk])}"]
    return lines + found[:LINES_MOST]


def _spoken(grants: Any) -> str:
    names = names_of([as_held(one) for one in grants])
    return "; ".join(grant_spoken(one, names) for one in grants) or _("without a role")


def _access_versions(parameters: Parameters) -> Mapping[str, str]:
    account = Account.objects.filter(pk=parameters["account"]).first()
    now = {"access": people.version_of(account) if account else "gone"}
    return now | _role_versions(from_rows(parameters["grants"]))


def _role_versions(wanted: Any) -> Mapping[str, str]:
    """The versions of the roles that would be given: what they may do is part of what is approved."""
    keys = {one.role for one in wanted}
    rows = OrganisationRole.objects.filter(key__in=keys).values_list("key", "version")
    return {f"role {key}": "0" for key in keys} | {f"role {key}": str(version) for key, version in rows}


def _set_access(request: HttpRequest, requester: Actor, parameters: Parameters) -> None:
    people.set_grants(
        request, requester, _account(parameters), from_rows(parameters["grants"]), approved=True
    )


# ---- invitations


def _invite_words(parameters: Parameters) -> list[str]:
    grants = as_grants(people.sorted_rows(from_rows(parameters["grants"])))
    who = {"name": parameters["name"], "email": parameters["email"], "roles": _spoken(grants)}
    return [_("%(name)s (%(email)s) as %(roles)s") % who]


def _invite(request: HttpRequest, requester: Actor, parameters: Parameters) -> None:
    wanted = from_rows(parameters["grants"])
    (key,) = {one.role for one in wanted}
    sites = {one.site_id for one in wanted} - {None}
    chosen = people.access_of(key, not sites, sites)
    invitations.invite(request, requester, parameters["name"], parameters["email"], chosen, approved=True)


# ---- what a role may do, and when


def _under(parameters: Parameters, approver: Actor) -> bool:
    return any(grant.role.name == parameters["key"] for grant in approver.grants)


def _role_version(parameters: Parameters) -> Mapping[str, str]:
    row = OrganisationRole.objects.filter(key=parameters["key"]).first()
    return {"role": str(row.version if row else 0)}


def _role_words(parameters: Parameters) -> list[str]:
    row = OrganisationRole.objects.filter(key=parameters["key"]).first()
    if row is None:
        return [_("A role that is gone")]
    wanted = permissions_named(parameters["permissions"])
    before = permissions_named(row.permissions or ())
    lines = [_("The role %(role)s") % {"role": row.title}]
    lines += [_("may: %(right)s") % {"right": one.sentence} for one in _in_order(wanted - before)]
    lines += [_("may no longer: %(right)s") % {"right": one.sentence} for one in _in_order(before - wanted)]
    return lines + [effects.in_words(one) for one in roles.preview(row, wanted)][:LINES_MOST]


def _in_order(permissions: Any) -> Any:
    return [one for one in roles.offered_permissions() if one in permissions]


def _change_role(request: HttpRequest, requester: Actor, parameters: Parameters) -> None:
    roles.role_change(
        request,
        requester,
        parameters["key"],
        title=parameters["title"],
        permissions=permissions_named(parameters["permissions"]),
        version=parameters["version"],
        approved=True,
    )


def _hours_words(parameters: Parameters) -> list[str]:
    known = roles_named({parameters["key"]}).get(parameters["key"])
    title = known.title if known else parameters["key"]
    wanted = time.hours_from_json(json.loads(parameters["hours"]))
    return [_("The role %(role)s") % {"role": title}, *hours_words.sentences(wanted)]


def _set_hours(request: HttpRequest, requester: Actor, parameters: Parameters) -> None:
    wanted = time.hours_from_json(json.loads(parameters["hours"]))
    hours.set_role_hours(
        request, requester, parameters["key"], wanted, version=parameters["version"], approved=True
    )


def _calendar_words(parameters: Parameters) -> list[str]:
    days = time.holidays_from_json(json.loads(parameters["holidays"]))
    calendar = time.Calendar(ZoneInfo(parameters["timezone"]), days)
    return [parameters["timezone"], *(hours_words.holidays_words(calendar) or [_("No holidays")])][
        :LINES_MOST
    ]


def _calendar_version(parameters: Parameters) -> Mapping[str, str]:
    return {"calendar": as_data(hours_words.calendar_to_json(Tenant.objects.get().calendar))}


def _set_calendar(request: HttpRequest, requester: Actor, parameters: Parameters) -> None:
    hours.set_organisation(
        request,
        requester,
        name=parameters["name"],
        timezone=parameters["timezone"],
        holidays=json.loads(parameters["holidays"]),
        approved=True,
    )
