"""How people sign in: which kinds of second factor are accepted, whether a passkey alone will do, and for how long a browser
is remembered. The organisation says it for everybody, and for single roles otherwise; who holds several is under the
strictest of each. Recovery codes are accepted always. Codes that are sent (by mail, or by a plug-in) are accepted only where
the rules say so; the organisation says for how long one is good.

Where changes of roles need a second person (`vsaas.approvals.policy`), making any of this weaker does too.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from tenants import access
from tenants.access import Actor, actor_of, grants_of
from tenants.models import Membership, OrganisationRole, Tenant
from tenants.permissions import OWNER, PEOPLE_EDIT, ROLES, TENANT_EDIT
from tenants.roles import roles
from tenants.scope import current_tenant_id
from tenants.words import Text
from vsaas.accounts import acts
from vsaas.accounts.factor_plugins import plugins
from vsaas.accounts.models import (
    CODE_MINUTES,
    Account,
    Passkey,
    SentFactor,
    SignInPolicy,
    TenantDevice,
    TotpDevice,
)
from vsaas.accounts.people import lock_people
from vsaas.approvals import requests
from vsaas.approvals.models import ApprovalRequest
from vsaas.approvals.policy import policy
from vsaas.approvals.registry import CHANGE_S, Kind, Parameters, declare, kind
from vsaas.audit.acts import as_data
from vsaas.audit.services import record_act, what, who
from vsaas.common.errors import Conflict, InvalidField
from vsaas.mail import outbox

RULES = "accounts.sign-in-rules"
APP, PASSKEY, EMAIL_CODE = "app", "passkey", "email-code"
BUILT_IN: dict[str, Text] = {
    APP: gettext_lazy("Authenticator app"),
    PASSKEY: gettext_lazy("Passkey"),
    EMAIL_CODE: gettext_lazy("Code by e-mail"),
}
STRONG = frozenset({APP, PASSKEY})
"""What a person holds themselves; everything else is sent to them, and may be read on its way."""
CODE_MINUTES_LEAST, CODE_MINUTES_MOST = 1, 10
REMEMBER_DAYS_MOST = 90


class InvalidRules(InvalidField):
    """A value of the rules is out of range."""

    problem = "invalid-sign-in-rules"


class LocksOutAll(Conflict):
    """Under these rules whoever makes them, or every owner, could not sign in any more."""

    problem = "rules-lock-out"
    title = gettext_lazy("These rules would lock people out")


@dataclass(frozen=True, slots=True)
class Rules:
    """What holds for somebody. `remember_days` 0: never."""

    kinds: frozenset[str]
    passwordless: bool
    remember_days: int


@dataclass(frozen=True, slots=True)
class RoleRules:
    """What a role says; None where it leaves things as they are for everybody."""

    kinds: frozenset[str] | None = None
    passwordless: bool | None = None
    remember_days: int | None = None

    def over(self, everybody: Rules) -> Rules:
        """What holds for who has this role alone."""
        return Rules(
            everybody.kinds if self.kinds is None else self.kinds,
            everybody.passwordless if self.passwordless is None else self.passwordless,
            everybody.remember_days if self.remember_days is None else self.remember_days,
        )


@dataclass(frozen=True, slots=True)
class SignInRules:
    """The organisation's. `roles`: by key, only those that say something. `code_minutes`: how long a code that is sent is
    good."""

    everybody: Rules
    roles: Mapping[str, RoleRules]
    code_minutes: int = CODE_MINUTES

    def of_role(self, key: str) -> Rules:
        """What holds for who has this role alone."""
        return self.roles.get(key, RoleRules()).over(self.everybody)

    def of(self, actor: Actor) -> Rules:
        """What holds for somebody: the strictest of their roles. A browser is never remembered for who needs a second
        person's approval."""
        held = [grant.role for grant in actor.grants if not grant.denies]
        under = [self.of_role(role.name) for role in held] or [self.everybody]
        return Rules(
            frozenset.intersection(*(one.kinds for one in under)),
            all(one.passwordless for one in under),
            0 if any(role.needs_approval for role in held) else min(one.remember_days for one in under),
        )


def declare_it() -> Kind:
    """Declares the act of making the rules weaker."""
    return declare(
        RULES,
        gettext_lazy("wants to make signing in easier"),
        gettext_noop("weaker sign-in rules"),
        PEOPLE_EDIT,
        request_s=CHANGE_S,
        words=_words,
        versions=_versions,
        carry_out=_carry_out,
    )


# ---- what there is


def kinds() -> dict[str, Text]:
    """Every kind of factor this installation knows, with its name."""
    return BUILT_IN | {name: plugin.title for name, plugin in plugins().items()}


def kinds_offered() -> dict[str, Text]:
    """Those that rules may accept here: codes by e-mail only where there is mail."""
    return {name: title for name, title in kinds().items() if name != EMAIL_CODE or outbox.is_there()}


# ---- what holds


def sign_in_rules() -> SignInRules:
    """The current tenant's. Two queries."""
    row = SignInPolicy.objects.first() or SignInPolicy()
    everybody = Rules(frozenset(row.kinds), row.passwordless, row.remember_days)
    said = {
        role.key: RoleRules(
            None if role.factor_kinds is None else frozenset(role.factor_kinds),
            role.passwordless,
            role.remember_days,
        )
        for role in OrganisationRole.objects.all()
    }
    said = {key: one for key, one in said.items() if one != RoleRules()}
    return SignInRules(everybody, said, row.code_minutes)


def rules_of(account: Account) -> Rules:
    """What holds for an account."""
    return sign_in_rules().of(actor_of(account))


def kind_of(device: TenantDevice) -> str | None:
    """The kind of a factor; None for recovery codes, which the rules say nothing of."""
    if isinstance(device, SentFactor):
        return device.kind
    return {TotpDevice: APP, Passkey: PASSKEY}.get(type(device))


def accepts(rules: Rules, device: TenantDevice) -> bool:
    """Whether this factor may be signed in with."""
    named = kind_of(device)
    return named is None or named in rules.kinds


def kinds_held(account_ids: set[UUID]) -> dict[UUID, set[str]]:
    """The kinds of factor that accounts have: what they set up, and where there is mail, their address. Three queries."""
    by_mail = {EMAIL_CODE} & kinds_offered().keys()
    found: dict[UUID, set[str]] = {one: set(by_mail) for one in account_ids}
    for name, model in ((APP, TotpDevice), (PASSKEY, Passkey)):
        rows = model.objects.filter(user_id__in=account_ids, confirmed=True)
        for account_id in rows.values_list("user_id", flat=True):
            found[account_id].add(name)
    numbers = SentFactor.objects.filter(user_id__in=account_ids, confirmed=True, kind__in=plugins())
    for account_id, name in numbers.values_list("user_id", "kind"):
        found[account_id].add(name)
    return found


def without_factor(rules: SignInRules) -> set[UUID]:
    """Members who have no factor these rules accept: a recovery code is all they could sign in with."""
    members = Membership.objects.filter(account__is_active=True).values_list("account_id", flat=True)
    ids = set(members)
    held, tenant_id = kinds_held(ids), current_tenant_id()
    actors = {one: Actor(tenant_id, one, "", grants) for one, grants in grants_of(ids).items()}
    return {one for one in ids if not rules.of(actors[one]).kinds & held[one]}


def names_of(account_ids: set[UUID]) -> list[str]:
    """The names of these people."""
    return list(Account.objects.filter(pk__in=account_ids).order_by("name").values_list("name", flat=True))


# ---- changing it


def change(
    request: HttpRequest, actor: Actor, wanted: SignInRules, *, session_id: UUID | None
) -> ApprovalRequest | None:
    """Make the rules so, or, where that needs a second person, have it wait for one: the request, which is carried out when
    they approve. Raises InvalidRules, Denied, LocksOutAll, TooManyWaiting."""
    access.require(actor, TENANT_EDIT, Tenant.objects.get())
    now = sign_in_rules()
    _check(wanted, now)
    if not (policy().roles_need_second and weaker(wanted, now)):
        _make(request, actor, wanted)
        return None
    _require_open(actor, wanted)
    return requests.ask_as(request, actor, kind(RULES), as_json(wanted), session_id=session_id)


def weaker(wanted: SignInRules, now: SignInRules) -> bool:
    """Whether anybody, whatever their role, could sign in more easily than now."""
    if wanted.code_minutes > now.code_minutes:
        return True
    keys = {None, *roles(), *wanted.roles, *now.roles}
    pairs = [
        (wanted.everybody, now.everybody) if key is None else (wanted.of_role(key), now.of_role(key))
        for key in keys
    ]
    return any(
        not new.kinds <= old.kinds
        or (new.passwordless and not old.passwordless)
        or new.remember_days > old.remember_days
        for new, old in pairs
    )


def _check(wanted: SignInRules, now: SignInRules) -> None:
    known = roles()
    if not CODE_MINUTES_LEAST <= wanted.code_minutes <= CODE_MINUTES_MOST:
        bounds = {"least": CODE_MINUTES_LEAST, "most": CODE_MINUTES_MOST}
        raise InvalidRules("code_minutes", _("must be %(least)d to %(most)d") % bounds)
    # What was accepted may stay: a plug-in or mail that is gone must not keep the rest of the rules from being changed.
    offered = kinds_offered().keys() | now.everybody.kinds
    offered |= {name for one in now.roles.values() for name in one.kinds or ()}
    for key, said in [("", wanted.everybody), *wanted.roles.items()]:
        if key and key not in known:
            raise InvalidRules(
                "roles", _("there is no such role; the roles are %(roles)s") % {"roles": ", ".join(known)}
            )
        if said.kinds is not None and (not said.kinds or not said.kinds <= offered):
            names = ", ".join(kinds_offered())
            raise InvalidRules("kinds", _("choose at least one of: %(kinds)s") % {"kinds": names})
        if said.remember_days is not None and not 0 <= said.remember_days <= REMEMBER_DAYS_MOST:
            raise InvalidRules(
                "remember_days", _("must be 0 (never) to %(most)d") % {"most": REMEMBER_DAYS_MOST}
            )


def _require_open(actor: Actor, wanted: SignInRules) -> None:
    shut_out = without_factor(wanted)
    if actor.account_id in shut_out:
        raise LocksOutAll(
            _("you have no second factor that these rules accept: set one up first, in My account")
        )
    owners = Membership.objects.filter(
        role=OWNER.name, site=None, group="", camera_id=None, denies=False, account__is_active=True
    )
    if not set(owners.values_list("account_id", flat=True)) - shut_out:
        raise LocksOutAll(
            _("no owner has a second factor that these rules accept: one must set one up first")
        )


def _make(request: HttpRequest, actor: Actor, wanted: SignInRules) -> None:
    present = lock_people(actor, TENANT_EDIT)
    access.require(present, TENANT_EDIT, Tenant.objects.get())
    now = sign_in_rules()
    if wanted == now:
        return
    _require_open(present, wanted)
    row = SignInPolicy.objects.first() or SignInPolicy()
    row.kinds = sorted(wanted.everybody.kinds)
    row.passwordless, row.remember_days = wanted.everybody.passwordless, wanted.everybody.remember_days
    row.code_minutes = wanted.code_minutes
    row.version += 1
    row.save()
    for key in sorted(wanted.roles.keys() | now.roles.keys()):
        _set_role(key, wanted.roles.get(key, RoleRules()))
    record_act(
        acts.SIGN_IN_RULES_CHANGED,
        who(actor),
        what(Tenant.objects.get()),
        request=request,
        before=as_kept(now),
        after=as_kept(wanted),
    )


def _set_role(key: str, said: RoleRules) -> None:
    row = OrganisationRole.objects.filter(key=key).first()
    if row is None:
        if key not in ROLES:  # deleted meanwhile
            return
        row = OrganisationRole(key=key, version=0)
    row.factor_kinds = None if said.kinds is None else sorted(said.kinds)
    row.passwordless, row.remember_days = said.passwordless, said.remember_days
    row.version += 1
    row.save()


# ---- as JSON, as words


def as_json(rules: SignInRules) -> dict[str, Any]:
    """As the API tells it, and a request for approval keeps it."""
    everybody = rules.everybody
    return {
        "kinds": sorted(everybody.kinds),
        "passwordless": everybody.passwordless,
        "remember_days": everybody.remember_days,
        "code_minutes": rules.code_minutes,
        "roles": {
            key: {
                "kinds": None if one.kinds is None else sorted(one.kinds),
                "passwordless": one.passwordless,
                "remember_days": one.remember_days,
            }
            for key, one in sorted(rules.roles.items())
        },
    }


def from_json(document: Mapping[str, Any]) -> SignInRules:
    """The same back; shapes are the caller's to have checked."""
    everybody = Rules(
        frozenset(document["kinds"]), bool(document["passwordless"]), int(document["remember_days"])
    )
    said = {
        key: RoleRules(
            None if one.get("kinds") is None else frozenset(one["kinds"]),
            one.get("passwordless"),
            one.get("remember_days"),
        )
        for key, one in document["roles"].items()
    }
    said = {key: one for key, one in said.items() if one != RoleRules()}
    return SignInRules(everybody, said, int(document.get("code_minutes", CODE_MINUTES)))


def as_kept(rules: SignInRules) -> str:
    """As the audit log keeps them: with the titles roles have at the time, but for the built-in ones."""
    known = roles()
    called = {key: str(known[key].title) for key in rules.roles if key in known and key not in ROLES}
    return as_data(as_json(rules) | {"called": called})


def spoken(document: Any) -> str:
    """What was kept so, in the reader's language."""
    kept = from_json(document)
    lines = [_line(_("Everybody"), kept.everybody)]
    for key in sorted(kept.roles):
        title = str(ROLES[key].title) if key in ROLES else document["called"].get(key, key)
        lines.append(_line(title, kept.of_role(key)))
    if any(one.kinds - STRONG for one in (kept.everybody, *map(kept.of_role, kept.roles))):
        minutes = kept.code_minutes
        lines.append(
            ngettext("codes are good for %(count)s minute", "codes are good for %(count)s minutes", minutes)
            % {"count": minutes}
        )
    return "; ".join(lines)


def _words(parameters: Parameters) -> list[str]:
    """What would be different, a line for everybody and for each role it changes for."""
    now, wanted, known = sign_in_rules(), from_json(parameters), roles()
    lines = []
    if wanted.everybody != now.everybody:
        lines.append(_line(_("Everybody"), wanted.everybody))
    for key in sorted(wanted.roles.keys() | now.roles.keys()):
        if wanted.of_role(key) != now.of_role(key):
            title = str(known[key].title) if key in known else key
            lines.append(_line(title, wanted.of_role(key)))
    if wanted.code_minutes != now.code_minutes:
        minutes = {"minutes": wanted.code_minutes}
        lines.append(_("Codes that are sent: good for %(minutes)d minutes") % minutes)
    return lines


def _line(name: str, rules: Rules) -> str:
    known = kinds()
    said = [str(title) for one, title in known.items() if one in rules.kinds]
    said += sorted(rules.kinds - known.keys())  # of a plug-in that is gone
    if rules.passwordless:
        said.append(_("a passkey without password"))
    if rules.remember_days:
        said.append(_("browsers remembered for %(days)d days") % {"days": rules.remember_days})
    return f"{name}: {', '.join(said)}"


def _versions(parameters: Parameters) -> Mapping[str, str]:
    row = SignInPolicy.objects.first()
    versions = OrganisationRole.objects.values_list("key", "version")
    return {"rules": str(row.version if row else 0)} | {
        f"role {key}": str(number) for key, number in versions
    }


def _carry_out(request: HttpRequest, requester: Actor, parameters: Parameters) -> None:
    _make(request, requester, from_json(parameters))
