"""Signing in where a role demands a second person: until they approve, the session has no right whatsoever.

The session's data name its request (KEY); the request names the session's row and its account. So an approval lets in that
session alone, as long as it lives, and no longer than it was given for.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from tenants.access import Actor
from tenants.permissions import LOGIN_APPROVE
from vsaas.approvals import acts, people, requests
from vsaas.approvals.errors import ApproverWaits, WaitingForApproval
from vsaas.approvals.models import ApprovalRequest, State
from vsaas.approvals.policy import policy
from vsaas.approvals.registry import Kind, Parameters, declare, kind
from vsaas.audit.services import record_act, record_refusal, what, who
from vsaas.common import clock
from vsaas.common.errors import VsaasError
from vsaas.common.redis import client

SIGN_IN = "session.sign-in"
KEY = "approval"
REASON_CHARS_MAX = 200
NOTED_EVERY_S = 60


def declare_it() -> Kind:
    """Declares the act."""
    return declare(
        SIGN_IN,
        gettext_lazy("wants to sign in"),
        gettext_noop("a sign-in"),
        LOGIN_APPROVE,
        words=_words,
        versions=_versions,
    )


def _words(parameters: Parameters) -> list[str]:
    actor = people.actor_now(UUID(parameters["account"]))
    titles = sorted({str(grant.role.title) for grant in actor.grants if not grant.denies}) if actor else []
    return [_("Signs in as: %(roles)s") % {"roles": ", ".join(titles)}] if titles else []


def _versions(parameters: Parameters) -> Mapping[str, str]:
    account = people.account(UUID(parameters["account"]))
    return {"access": people.accounts().access_version(account) if account else "gone"}


def lets_in(session: Any, actor: Actor) -> bool:
    """Whether the session of a bound actor was approved and still is."""
    named = id_in(session)
    return named is not None and bool(letting_in({(named, actor.account_id)}))


def id_in(session: Mapping[str, Any] | Any) -> UUID | None:
    """The request a session's data name."""
    found = session.get(KEY)
    return None if found is None else UUID(found)


def letting_in(pairs: Iterable[tuple[UUID, UUID]]) -> set[tuple[UUID, UUID]]:
    """Those of these (request, account) whose approval was used and holds now. One query."""
    wanted = set(pairs)
    rows = ApprovalRequest.objects.filter(
        pk__in={request_id for request_id, _account in wanted},
        act=SIGN_IN,
        state=State.USED,
        valid_until__gt=clock.now(),
    )
    return wanted & set(rows.values_list("pk", "requester_id"))


def of_session(request: HttpRequest, account: Any) -> ApprovalRequest | None:
    """The request this session asked last, or None."""
    named = id_in(request.session)
    if named is None:
        return None
    found: ApprovalRequest | None = ApprovalRequest.objects.filter(
        pk=named, act=SIGN_IN, requester=account
    ).first()
    return found


def ask(request: HttpRequest, account: Any, *, session_id: UUID, reason: str = "") -> ApprovalRequest:
    """Ask for approval of this session; what it asked before is withdrawn. Raises TooManyWaiting."""
    before = of_session(request, account)
    if before is not None:
        requests.withdraw_own(request, before)
    wish = requests.Wish(kind(SIGN_IN), {"account": str(account.pk)}, session_id, reason)
    row = requests.ask(request, account, wish)
    request.session[KEY] = str(row.pk)
    return row


def approve_here(request: HttpRequest, approver: Any, row: ApprovalRequest) -> None:
    """The approval of somebody who typed e-mail address, password and code at the requester's screen just now: no session
    of theirs is begun. Raises ApproverWaits, and as `requests.approve`."""
    if requests.open_requests().filter(act=SIGN_IN, requester=approver).exists():
        raise ApproverWaits(
            _("%(name)s waits for approval too: whoever approves must have withdrawn that first")
            % {"name": str(approver)}
        )
    seen = bytes(row.digest).hex()
    requests.approve(request, approver.pk, row, seen=seen, fresh=lambda: True, how=acts.HERE)


def enter(request: HttpRequest, row: ApprovalRequest, *, session_id: UUID | None) -> bool:
    """Use the approval of this session, once: it lets the session in from now on. False, with the refusal noted and the
    approval void, when it does not hold any more: the approver lost the right, the requester's roles changed, time ran out."""
    if session_id != row.session_id:
        return False
    until = clock.now() + dt.timedelta(seconds=policy().sign_in_holds_s)
    used = requests.use(request, row, valid_until=until)
    if used is None:
        return False
    requester, approver = used
    record_act(acts.SIGNED_IN, who(requester), what(row), request=request, approver=approver.name)
    return True


def over(request: HttpRequest, account: Any) -> None:
    """The session ends: what it asked for waits no longer, what let it in lets nobody in."""
    row = of_session(request, account)
    if row is None:
        return
    requests.withdraw_own(request, row)
    lets_in_now = ApprovalRequest.objects.filter(pk=row.pk, state__in=(State.APPROVED, State.USED))
    lets_in_now.filter(valid_until__gt=clock.now()).update(valid_until=clock.now())


def note_refused_route(request: HttpRequest, error: VsaasError) -> None:
    """Write down that a waiting session asked for something; once a minute, since a page left open asks for ever."""
    if not isinstance(error, WaitingForApproval):
        return
    account = request.user
    row = getattr(request.session, "row", None)
    once = f"vsaas.approvals.noted.{row.id if row else account.pk}"
    if client().set(once, "1", ex=NOTED_EVERY_S, nx=True):
        record_refusal(
            acts.ROUTE_REFUSED,
            who(account),
            request=request,
            method=request.method or "",
            path=request.path_info,
        )
