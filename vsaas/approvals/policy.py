"""What an organisation demands a second person for, and how that is changed.

Which roles need approval at sign-in stands with the roles (`OrganisationRole.needs_approval`); the rest here. Where changes
of roles need a second person, making any of this weaker does too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from tenants import access
from tenants.access import Actor
from tenants.models import OrganisationRole, Tenant
from tenants.permissions import PEOPLE_EDIT, ROLES
from tenants.roles import roles
from tenants.words import in_english
from vsaas.approvals import acts, people, requests
from vsaas.approvals.models import HOLDS_S_LEAST, HOLDS_S_MOST, HOLDS_S_USUAL, ApprovalPolicy, ApprovalRequest
from vsaas.approvals.registry import CHANGE_S, Kind, Parameters, declare, kind
from vsaas.approvals.standing import keeps_approvers
from vsaas.audit.services import What, record_act, what, who
from vsaas.common.errors import InvalidField

POLICY = "approvals.policy"


@dataclass(frozen=True, slots=True)
class Policy:
    """What holds now. `needing`: the keys of the roles whose holders need approval to sign in."""

    needing: frozenset[str]
    roles_need_second: bool
    sign_in_holds_s: int


class InvalidPolicy(InvalidField):
    """A value of the policy is out of range."""

    problem = "invalid-approval-policy"


def declare_it() -> Kind:
    """Declares the act of making the policy weaker."""
    return declare(
        POLICY,
        gettext_lazy("wants to ask a second person less often"),
        gettext_noop("a weaker policy of approvals"),
        PEOPLE_EDIT,
        request_s=CHANGE_S,
        words=_words,
        versions=_versions,
        carry_out=_carry_out,
    )


def policy() -> Policy:
    """The current tenant's."""
    row = ApprovalPolicy.objects.first()
    needing = OrganisationRole.objects.filter(needs_approval=True).values_list("key", flat=True)
    if row is None:
        return Policy(frozenset(needing), False, HOLDS_S_USUAL)
    return Policy(frozenset(needing), row.roles_need_second, row.sign_in_holds_s)


def change(
    request: HttpRequest, actor: Actor, wanted: Policy, *, session_id: UUID | None
) -> ApprovalRequest | None:
    """Make the policy so, or, where that needs a second person, have it wait for one: the request, which is carried out
    when they approve. Raises InvalidPolicy, Denied, NobodyToApprove, TooManyWaiting."""
    known = roles()
    unknown = wanted.needing - known.keys()
    if unknown:
        raise InvalidPolicy(
            "roles", _("there is no such role; the roles are %(roles)s") % {"roles": ", ".join(known)}
        )
    if not HOLDS_S_LEAST <= wanted.sign_in_holds_s <= HOLDS_S_MOST:
        raise InvalidPolicy(
            "sign_in_holds_s",
            _("must be %(least)d to %(most)d") % {"least": HOLDS_S_LEAST, "most": HOLDS_S_MOST},
        )
    access.require(actor, PEOPLE_EDIT, Tenant.objects.get())
    now = policy()
    if not (now.roles_need_second and weaker(wanted, now)):
        _make(request, actor, wanted)
        return None
    return requests.ask_as(request, actor, kind(POLICY), _parameters(wanted), session_id=session_id)


def weaker(wanted: Policy, now: Policy) -> bool:
    """Whether a second person would be asked less often than now."""
    return (
        not wanted.needing >= now.needing
        or (now.roles_need_second and not wanted.roles_need_second)
        or wanted.sign_in_holds_s > now.sign_in_holds_s
    )


def _parameters(wanted: Policy) -> dict[str, Any]:
    return {
        "roles": sorted(wanted.needing),
        "roles_need_second": wanted.roles_need_second,
        "sign_in_holds_s": wanted.sign_in_holds_s,
    }


def _wanted(parameters: Parameters) -> Policy:
    return Policy(
        frozenset(parameters["roles"]), parameters["roles_need_second"], parameters["sign_in_holds_s"]
    )


def _words(parameters: Parameters) -> list[str]:
    """A line for each thing that would become weaker or change."""
    now, wanted, known = policy(), _wanted(parameters), roles()
    lines = [
        _("%(role)s would sign in without approval") % {"role": known[key].title if key in known else key}
        for key in sorted(now.needing - wanted.needing)
    ]
    lines += [
        _("%(role)s would need approval to sign in") % {"role": known[key].title if key in known else key}
        for key in sorted(wanted.needing - now.needing)
    ]
    if wanted.roles_need_second != now.roles_need_second:
        lines.append(
            _("Changes of roles would need a second person")
            if wanted.roles_need_second
            else _("Changes of roles would need no second person")
        )
    if wanted.sign_in_holds_s != now.sign_in_holds_s:
        lines.append(
            _("An approved sign-in would last %(wanted)s instead of %(now)s hours")
            % {"wanted": hours(wanted.sign_in_holds_s), "now": hours(now.sign_in_holds_s)}
        )
    return lines


def hours(seconds: int) -> str:
    """ "8", "0.5"."""
    return f"{seconds / 3600:g}"


def _versions(parameters: Parameters) -> Mapping[str, str]:
    row = ApprovalPolicy.objects.first()
    versions = OrganisationRole.objects.values_list("key", "version")
    return {"policy": str(row.version if row else 0)} | {
        f"role {key}": str(number) for key, number in versions
    }


def _carry_out(request: HttpRequest, requester: Actor, parameters: Parameters) -> None:
    _make(request, requester, _wanted(parameters))


def _make(request: HttpRequest, actor: Actor, wanted: Policy) -> None:
    tenant = Tenant.objects.select_for_update(no_key=True).get()
    present = people.actor_now(actor.account_id) or Actor(tenant.id, actor.account_id, actor.name, ())
    access.require(present, PEOPLE_EDIT, tenant)
    with keeps_approvers():
        _set_roles(request, actor, wanted)
        _set_rest(request, actor, wanted)


def _set_roles(request: HttpRequest, actor: Actor, wanted: Policy) -> None:
    known, now = roles(), policy()
    for key in sorted(wanted.needing ^ now.needing):
        if key not in known:
            continue
        if key in ROLES:
            OrganisationRole.objects.get_or_create(key=key)
        row = OrganisationRole.objects.select_for_update().get(key=key)
        row.needs_approval = key in wanted.needing
        row.version += 1
        row.save(update_fields=["needs_approval", "version"])
        on = What("role", key, in_english(known[key].title))
        record_act(
            acts.ROLE_RULE,
            who(actor),
            on,
            request=request,
            needed=acts.YES if row.needs_approval else acts.NO,
        )


def _set_rest(request: HttpRequest, actor: Actor, wanted: Policy) -> None:
    row, _made = ApprovalPolicy.objects.get_or_create()
    if (row.roles_need_second, row.sign_in_holds_s) == (wanted.roles_need_second, wanted.sign_in_holds_s):
        return
    row.roles_need_second, row.sign_in_holds_s = wanted.roles_need_second, wanted.sign_in_holds_s
    row.version += 1
    row.save(update_fields=["roles_need_second", "sign_in_holds_s", "version"])
    record_act(
        acts.POLICY_CHANGED,
        who(actor),
        what(row),
        request=request,
        hours=hours(row.sign_in_holds_s),
        needed=acts.YES if row.roles_need_second else acts.NO,
    )
