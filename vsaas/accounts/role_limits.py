"""How long sessions of a role's holders live: an organisation's own rule, shorter than the product's.

Longer times than the rule of now are a weaker policy: where changes of roles need a second person, they wait for one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from tenants import access
from tenants.access import Actor
from tenants.models import OrganisationRole, Tenant
from tenants.permissions import ROLE_EDIT, ROLES, Role
from tenants.roles import roles
from vsaas.accounts import acts
from vsaas.accounts.limits import IDLE_LEAST_S, LIFETIME_LEAST_S, Limits, usual
from vsaas.accounts.people import lock_people
from vsaas.approvals import requests
from vsaas.approvals.models import ApprovalRequest
from vsaas.approvals.policy import policy
from vsaas.approvals.registry import CHANGE_S, Kind, Parameters, declare, kind
from vsaas.audit.services import What, record_act, who
from vsaas.common.errors import InvalidField, NotFound

ROLE_SESSIONS = "role.sessions"


def declare_it() -> Kind:
    """Declares the act of letting sessions of a role live longer."""
    return declare(
        ROLE_SESSIONS,
        gettext_lazy("wants sessions of a role to live longer"),
        gettext_noop("longer sessions of a role"),
        ROLE_EDIT,
        request_s=CHANGE_S,
        words=_words,
        versions=_versions,
        carry_out=_carry_out,
    )


def known_role(key: str) -> Role:
    """The role of this key; NotFound."""
    found = roles().get(key)
    if found is None:
        raise NotFound(_("there is no such role"))
    return found


def change(
    request: HttpRequest,
    actor: Actor,
    key: str,
    idle_s: int | None,
    lifetime_s: int | None,
    *,
    session_id: UUID | None,
) -> ApprovalRequest | None:
    """Make the limits of a role so (None: the product's own), or have that wait for a second person: the request. Sessions
    that are over by the new limits end at once. Raises InvalidField, NotFound, Denied."""
    access.require(actor, ROLE_EDIT, Tenant.objects.get())
    role = known_role(key)
    _require_in_range("idle_s", idle_s, IDLE_LEAST_S, settings.SESSION_IDLE_S)
    _require_in_range("lifetime_s", lifetime_s, LIFETIME_LEAST_S, settings.SESSION_COOKIE_AGE)
    wanted, now = _in_force(idle_s, lifetime_s), _in_force(role.idle_s, role.lifetime_s)
    longer = wanted.idle_s > now.idle_s or wanted.lifetime_s > now.lifetime_s
    if longer and policy().roles_need_second:
        parameters = {"role": key, "idle_s": idle_s, "lifetime_s": lifetime_s}
        return requests.ask_as(request, actor, kind(ROLE_SESSIONS), parameters, session_id=session_id)
    _make(request, actor, key, idle_s, lifetime_s)
    return None


def _require_in_range(field: str, seconds: int | None, least: int, most: int) -> None:
    if seconds is not None and not least <= seconds <= most:
        raise InvalidField(field, _("must be %(least)d to %(most)d") % {"least": least, "most": most})


def _in_force(idle_s: int | None, lifetime_s: int | None) -> Limits:
    own = usual()
    return Limits(
        own.idle_s if idle_s is None else idle_s, own.lifetime_s if lifetime_s is None else lifetime_s
    )


def _make(request: HttpRequest, actor: Actor, key: str, idle_s: int | None, lifetime_s: int | None) -> None:
    lock_people(actor, ROLE_EDIT)
    role = known_role(key)
    if key in ROLES:
        OrganisationRole.objects.get_or_create(key=key)
    row = OrganisationRole.objects.select_for_update().get(key=key)
    if (row.idle_s, row.lifetime_s) == (idle_s, lifetime_s):
        return
    now, wanted = _in_force(row.idle_s, row.lifetime_s), _in_force(idle_s, lifetime_s)
    row.idle_s, row.lifetime_s = idle_s, lifetime_s
    row.version += 1
    row.save(update_fields=["idle_s", "lifetime_s", "version"])
    record_act(
        acts.ROLE_SESSIONS,
        who(actor),
        What("organisationrole", str(row.pk), str(role.title)),
        request=request,
        idle=wanted.idle_s // 60,
        lifetime=hours(wanted.lifetime_s),
        idle_before=now.idle_s // 60,
        lifetime_before=hours(now.lifetime_s),
    )


def hours(seconds: int) -> str:
    """ "8", "0.5"."""
    return f"{seconds / 3600:g}"


def _words(parameters: Parameters) -> list[str]:
    role = roles().get(parameters["role"])
    wanted = _in_force(parameters["idle_s"], parameters["lifetime_s"])
    return [
        _(
            "Sessions of %(role)s would end after %(idle)d minutes without use and after %(lifetime)s hours at most"
        )
        % {
            "role": role.title if role else parameters["role"],
            "idle": wanted.idle_s // 60,
            "lifetime": hours(wanted.lifetime_s),
        }
    ]


def _versions(parameters: Parameters) -> Mapping[str, str]:
    row = OrganisationRole.objects.filter(key=parameters["role"]).first()
    return {f"role {parameters['role']}": str(row.version if row else 0)}


def _carry_out(request: HttpRequest, requester: Actor, parameters: Parameters) -> None:
    values: Any = parameters
    _make(request, requester, values["role"], values["idle_s"], values["lifetime_s"])
