"""A lost second factor, replaced with another member's approval.

The person gives their password at the door and says what is lost. Somebody else of the organisation, who may change people
and approve sign-ins and holds no less than the person does, sees who asks, from where and when, and approves with a factor
of their own. Then the same browser has ten minutes to set up a new app or passkey; every factor from before ends, and every
session. Support has no part in it, and nobody gains a right by it.
"""

from __future__ import annotations

from collections.abc import Mapping
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from tenants.access import Actor, grants_of
from tenants.models import Membership
from tenants.permissions import LOGIN_APPROVE, PEOPLE_EDIT
from tenants.scope import current_tenant_id
from tenants.words import Text
from vsaas.accounts import acts, letters, own, people, rules, throttle
from vsaas.accounts.models import (
    Account,
    Passkey,
    RecoverySet,
    SentFactor,
    TenantDevice,
    TotpDevice,
)
from vsaas.approvals import people as approvers_side
from vsaas.approvals import requests
from vsaas.approvals.models import ApprovalRequest, State
from vsaas.approvals.registry import Kind, Parameters, declare, kind
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict, Denied
from vsaas.common.network import network_of
from vsaas.mail import outbox

LOST = "account.lost-factor"
KEY = "lost_factor"
APP = "lost_factor_app"
REQUEST_S = 1800
TOLD_MOST = 20


class NobodyToRecover(Conflict):
    """Nobody else here may approve it."""

    problem = "nobody-to-recover"
    title = gettext_lazy("Nobody here can approve this")


def declare_it() -> Kind:
    """Declares the act."""
    return declare(
        LOST,
        gettext_lazy("has lost the second factor and wants to set up a new one"),
        gettext_noop("a new second factor"),
        PEOPLE_EDIT,
        request_s=REQUEST_S,
        words=_words,
        versions=_versions,
        hinders=_hinders,
    )


def _account(parameters: Parameters) -> Account | None:
    found: Account | None = Account.objects.filter(pk=parameters["account"], is_active=True).first()
    return found


def _words(parameters: Parameters) -> list[str]:
    account = _account(parameters)
    if account is None:
        return [_("Somebody who has left")]
    titles = sorted({str(one.role.title) for one in people.rights_of(account) if not one.denies})
    said = [
        _("%(email)s, who is: %(roles)s") % {"email": account.email, "roles": ", ".join(titles) or "–"},
        _("Every factor they have now ends, and every session."),
        _("Speak to them first, by a way you know: whoever has their password can ask for this."),
    ]
    if account.password_by_mail:
        said.append(_("Their password was set by a link sent by mail, and no other factor was given since."))
    return said


def _versions(parameters: Parameters) -> Mapping[str, str]:
    account = _account(parameters)
    if account is None:
        return {"access": "gone"}
    factors = [
        str(one)
        for model in (TotpDevice, Passkey)
        for one in model.objects.filter(user=account, confirmed=True).values_list("pk", flat=True)
    ]
    return {"access": people.version_of(account), "factors": ";".join(sorted(factors))}


def _hinders(parameters: Parameters, approver: Actor) -> Text | None:
    """Who lets somebody in anew must be able to let people in, and hold no less than they do."""
    account = _account(parameters)
    if account is None:
        return _("whoever this is about has left")
    if not approver.tenant_wide(LOGIN_APPROVE):
        return _("this takes the right to approve sign-ins as well")
    try:
        people.require_not_above(approver, people.rights_of(account), people.RESET_FACTOR)
    except Denied as error:
        return error.detail
    return None


def approvers(account: Account) -> list[Account]:
    """Who could approve it for this account."""
    others = Membership.objects.filter(account__is_active=True).exclude(account=account)
    ids = approvers_side.accounts().may_join(set(others.values_list("account_id", flat=True)))
    tenant_id, parameters = current_tenant_id(), {"account": str(account.pk)}
    actors = {one: Actor(tenant_id, one, "", grants) for one, grants in grants_of(ids).items()}
    able = [
        one
        for one, actor in actors.items()
        if actor.tenant_wide(PEOPLE_EDIT) and _hinders(parameters, actor) is None
    ]
    return list(Account.objects.filter(pk__in=able).order_by("name"))


# ---- at the door


def of_session(request: HttpRequest, account: Account, session_id: UUID) -> ApprovalRequest | None:
    """What this session asked last, or None."""
    named = request.session.get(KEY)
    if named is None:
        return None
    rows = ApprovalRequest.objects.filter(pk=named, act=LOST, requester=account, session_id=session_id)
    found: ApprovalRequest | None = rows.first()
    return found


def ask(request: HttpRequest, account: Account, *, session_id: UUID, reason: str) -> ApprovalRequest:
    """Ask for approval; what this session asked before is withdrawn. Everybody concerned is told by mail. Raises
    NobodyToRecover, TooManyWaiting, TooMany."""
    able = approvers(account)
    if not able:
        raise NobodyToRecover(
            _(
                "nobody else in your organisation may approve this: use a recovery code, or ask whoever gave you the account"
            )
        )
    throttle.LOST.attempt(str(account.tenant_id), str(account.pk))
    before = of_session(request, account, session_id)
    if before is not None:
        requests.withdraw_own(request, before)
    wish = requests.Wish(kind(LOST), {"account": str(account.pk)}, session_id, reason)
    row = requests.ask(request, account, wish)
    request.session[KEY] = str(row.pk)
    about = {"account": str(account.pk), "network": network_of(request), "at_us": str(clock.now_us())}
    outbox.post(letters.factor_lost, account.email, about, language=account.language)
    for one in able[:TOLD_MOST]:
        to_approver = about | {"approver": str(one.pk)}
        outbox.post(letters.factor_lost_elsewhere, one.email, to_approver, language=one.language)
    return row


def kinds_to_set_up(account: Account) -> list[str]:
    """What may take the place of the lost factor: what the rules accept, or an app where that leaves nothing."""
    accepted = rules.rules_of(account).kinds
    return [one for one in (rules.APP, rules.PASSKEY) if one in accepted] or [rules.APP]


def new_app(request: HttpRequest, account: Account) -> TotpDevice:
    """The app being set up in this session: a secret that nobody saw before the approval."""
    kept = request.session.get(APP)
    found: TotpDevice | None = (
        TotpDevice.objects.filter(pk=kept, user=account, confirmed=False).first() if kept else None
    )
    if found is None:
        TotpDevice.objects.filter(user=account, confirmed=False).delete()
        found = TotpDevice.make(account)
        request.session[APP] = found.pk.hex
    return found


def replace_all(request: HttpRequest, account: Account, device: TenantDevice, approver: str) -> None:
    """The factor set up just now takes the place of all others, recovery codes too; every other session ends. The approval was
    used by the caller."""
    for model in (TotpDevice, Passkey, SentFactor, RecoverySet):
        model.objects.filter(user=account).exclude(pk=device.pk).delete()
    if isinstance(device, TotpDevice):
        own.replace_devices(account, device)
    request.session.pop(KEY, None)
    request.session.pop(APP, None)
    throttle.LOST.succeeded(str(account.tenant_id), str(account.pk))
    count = own.end_others(request, account)
    record_act(
        acts.FACTOR_RECOVERED, who(account), what(account), request=request, approver=approver, count=count
    )


def tell(request: HttpRequest, account: Account, row: ApprovalRequest) -> None:
    """It is done: the person is told by mail, and whoever could have approved it, who did among them."""
    about = {"account": str(account.pk), "network": network_of(request), "at_us": str(clock.now_us())}
    about["approver_name"] = row.decided_by_name
    for one in [account, *approvers(account)[:TOLD_MOST]]:
        outbox.post(letters.factor_recovered, one.email, about, language=one.language)


def may_be_used(row: ApprovalRequest | None) -> bool:
    """Whether it was approved, and may be used now."""
    return row is not None and row.state == State.APPROVED and not row.expired
