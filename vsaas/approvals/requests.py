"""Asking for a second person, and their answer. Inside the tenant's scope, in the caller's transaction.

Every step is a conditional UPDATE whose count is checked, so that of two people who decide at once one is told that the
other was first. What an approval covers is computed anew from the objects as they are, and both people's rights are read
anew, when it is given and when it is used.
"""

from __future__ import annotations

import datetime as dt
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib.auth import get_user_model
from django.db import transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tenants import access
from tenants.access import Actor
from tenants.errors import VsaasError
from tenants.models import Tenant
from tenants.words import Text
from vsaas.approvals import acts, people
from vsaas.approvals.digest import digest
from vsaas.approvals.errors import (
    Altered,
    Decided,
    FreshFactorNeeded,
    OwnRequest,
    RequestExpired,
    TooManyWaiting,
)
from vsaas.approvals.models import ApprovalRequest, State
from vsaas.approvals.registry import MUST_USE_S, Kind, kind, kinds
from vsaas.audit.acts import Act
from vsaas.audit.services import record_act, record_refusal, what, who
from vsaas.common import clock
from vsaas.common.errors import Denied, NotFound
from vsaas.common.network import network_of

MOST_WAITING_EACH = 5
MOST_WAITING = 500
SHOWN_AFTERWARDS = dt.timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody asks a second person for."""

    kind: Kind
    parameters: Mapping[str, Any]
    session_id: UUID
    reason: str = ""


def ask(request: HttpRequest, requester: Any, wish: Wish) -> ApprovalRequest:
    """Have a wish of the account `requester` wait for a second person. Raises TooManyWaiting."""
    row = prepared(request, requester, wish)
    keep(request, row)
    return row


def prepared(request: HttpRequest, requester: Any, wish: Wish) -> ApprovalRequest:
    """The request that would wait, not yet kept. Raises TooManyWaiting."""
    # One at a time for each account, so that many at once cannot step over the number allowed.
    get_user_model().objects.select_for_update(no_key=True).get(pk=requester.pk)
    waiting = open_requests()
    each = waiting.filter(requester=requester).count()
    if each >= MOST_WAITING_EACH or waiting.count() >= MOST_WAITING:
        raise TooManyWaiting(
            _("too many requests wait for approval already: withdraw one, or wait until one is decided")
        )
    now = clock.now()
    row = ApprovalRequest(
        act=wish.kind.name,
        requester=requester,
        requester_name=str(requester),
        session_id=wish.session_id,
        parameters=dict(wish.parameters),
        reason=wish.reason,
        network=network_of(request),
        device=people.accounts().device_of(request)[:80],
        asked_at=now,
        expires_at=now + dt.timedelta(seconds=wish.kind.request_s),
    )
    row.digest = digest_now(row)
    return row


def keep(request: HttpRequest, row: ApprovalRequest) -> None:
    """Keep a prepared request: from now on it waits."""
    row.save(force_insert=True)
    record_act(acts.ASKED, who(row.requester), what(row), request=request, what=kind(row.act).noun)


def wish_as(act: Kind, parameters: Mapping[str, Any], *, session_id: UUID | None) -> Wish:
    """A wish of somebody who is signed in. Raises Denied for an access token, which has no session an approval could be
    for."""
    if session_id is None:
        raise Denied(_("this needs a second person's approval, which no access token can ask for"))
    return Wish(act, parameters, session_id)


def ask_as(
    request: HttpRequest,
    actor: Actor,
    act: Kind,
    parameters: Mapping[str, Any],
    *,
    session_id: UUID | None,
) -> ApprovalRequest:
    """Have an act of somebody who is signed in wait for a second person. Raises Denied, TooManyWaiting."""
    return ask(request, requester_of(actor), wish_as(act, parameters, session_id=session_id))


def requester_of(actor: Actor) -> Any:
    """The actor's account; Denied when it is gone."""
    account = people.account(actor.account_id)
    if account is None:
        raise Denied(_("this account is gone"))
    return account


def digest_now(row: ApprovalRequest) -> bytes:
    """What an approval of the request would cover, from the objects as they are now."""
    return digest(
        tenant_id=row.tenant_id,
        request_id=row.pk,
        act=row.act,
        parameters=row.parameters,
        versions=kind(row.act).versions(row.parameters),
        reason=row.reason,
        requester_id=row.requester_id,
        session_id=row.session_id,
        expires_us=clock.to_us(row.expires_at),
    )


def open_requests() -> QuerySet[ApprovalRequest]:
    """What waits now."""
    return ApprovalRequest.objects.filter(state=State.WAITING, expires_at__gt=clock.now())


# ---- who may


def decides(actor: Actor) -> list[str]:
    """The names of the acts the actor may approve for others."""
    return [one.name for one in kinds() if actor.tenant_wide(one.permission)]


def visible(actor: Actor) -> QuerySet[ApprovalRequest]:
    """What the actor may decide or has asked for: what waits, what holds, and what ended lately; the newest first."""
    rows = ApprovalRequest.objects.filter(Q(act__in=decides(actor)) | Q(requester_id=actor.account_id))
    since = clock.now() - SHOWN_AFTERWARDS
    return rows.filter(asked_at__gt=since).select_related("requester").order_by("-asked_at", "-id")


def waiting_for(actor: Actor) -> QuerySet[ApprovalRequest]:
    """What waits for the actor's decision, the oldest first: never what they asked for themselves."""
    rows = open_requests().filter(act__in=decides(actor)).exclude(requester_id=actor.account_id)
    return rows.order_by("asked_at", "id")


def waiting_list(actor: Actor) -> list[ApprovalRequest]:
    """The same without what this actor is hindered to decide."""
    return [row for row in waiting_for(actor) if hindered(actor, row) is None]


def waiting_count(actor: Actor) -> int:
    """How much that is."""
    return len(waiting_list(actor)) if decides(actor) else 0


def hindered(actor: Actor, row: ApprovalRequest) -> Text | None:
    """Why somebody who may approve such acts may not approve this one; None: they may."""
    return kind(row.act).hinders(row.parameters, actor)


def one(actor: Actor, request_id: UUID) -> ApprovalRequest:
    """A request the actor may see; NotFound for any other."""
    row: ApprovalRequest | None = (
        ApprovalRequest.objects.filter(Q(act__in=decides(actor)) | Q(requester_id=actor.account_id))
        .filter(pk=request_id)
        .first()
    )
    if row is None:
        raise NotFound(_("there is no such request here"))
    return row


def require_may_decide(approver: Actor | None, row: ApprovalRequest) -> Actor:
    """The approver's actor, when they may decide the request, and at this time; raises Denied (of which OutsideHours is
    one) or OwnRequest. Pass one read just now."""
    if approver is None:
        raise Denied(_("this account is gone"))
    if approver.account_id == row.requester_id:
        raise OwnRequest(_("you asked for this yourself: somebody else must decide it"))
    in_force = access.in_force(approver, clock.now_us())
    access.require(in_force, kind(row.act).permission, Tenant.objects.get())
    if kind(row.act).is_about(row.parameters, approver):
        raise OwnRequest(_("this would change what you may do yourself: somebody else must decide it"))
    why = hindered(approver, row)
    if why is not None:
        raise Denied(why)
    return approver


# ---- decisions


def approve(
    request: HttpRequest,
    approver_id: UUID,
    row: ApprovalRequest,
    *,
    seen: str,
    fresh: Callable[[], bool],
    how: str = acts.REMOTELY,
) -> None:
    """A second person's yes to what they saw (`seen`, the digest in hexadecimal). What has something to carry out is
    carried out here, in this transaction; else its session has MUST_USE_S to use it.

    `fresh()`: whether the approver gave a factor now. It is asked after everything that can be known beforehand, so that
    no code is used up for nothing. Raises OwnRequest, Denied, Altered, RequestExpired, Decided, FreshFactorNeeded, and what
    carrying out raises.
    """
    approver = require_may_decide(people.actor_now(approver_id), row)
    _require_open(row)
    if not (hmac.compare_digest(bytes(row.digest).hex().encode(), seen.encode()) and _unaltered(row)):
        raise Altered(_("what was asked for has changed since it was shown: look at the request again"))
    if not fresh():
        raise FreshFactorNeeded()
    with transaction.atomic():  # whoever shows the reason to people goes on with what was before
        _decide(row, State.APPROVED, approver, valid_until=clock.now() + dt.timedelta(seconds=MUST_USE_S))
        _note(acts.APPROVED, request, approver, row, how=how)
        if kind(row.act).carry_out is not None:
            _carry_out(request, row)


def refuse(request: HttpRequest, approver_id: UUID, row: ApprovalRequest) -> None:
    """A second person's no. Raises as `approve`; it takes no code."""
    approver = require_may_decide(people.actor_now(approver_id), row)
    _require_open(row)
    _decide(row, State.REFUSED, approver)
    _note(acts.REFUSED, request, approver, row)


def withdraw(request: HttpRequest, actor: Actor, row: ApprovalRequest) -> None:
    """End a request that waits (its requester), or an approval that still lets a session in (whoever may give it, and its
    requester). Raises Denied or Decided."""
    oneself = actor.account_id == row.requester_id
    if row.state == State.WAITING:
        if not oneself:
            raise Denied(_("only who asked withdraws a request; refuse it instead"))
        withdraw_own(request, row)
        return
    if not oneself:
        require_may_decide(people.actor_now(actor.account_id), row)
    rows = ApprovalRequest.objects.filter(pk=row.pk, valid_until__gt=clock.now())
    usable = Q(state=State.APPROVED) | Q(state=State.USED)
    if kind(row.act).carry_out is not None or rows.filter(usable).update(state=State.WITHDRAWN) != 1:
        raise Decided(_("there is nothing to withdraw any more"))
    _note(acts.ENDED, request, actor, row)


def withdraw_own(request: HttpRequest, row: ApprovalRequest) -> None:
    """The requester takes back what still waits; nothing when it does not any more."""
    if ApprovalRequest.objects.filter(pk=row.pk, state=State.WAITING).update(state=State.WITHDRAWN):
        _note(acts.WITHDRAWN, request, row.requester, row)


def _note(act: Act, request: HttpRequest, by: Any, row: ApprovalRequest, **details: str) -> None:
    record_act(
        act,
        who(by),
        what(row),
        request=request,
        what=kind(row.act).noun,
        requester=row.requester_name,
        **details,
    )


def _require_open(row: ApprovalRequest) -> None:
    if row.state != State.WAITING:
        raise _decided_by(row)
    if row.expired:
        raise RequestExpired(_("this request ran out before it was decided; it must be asked for again"))


def _decided_by(row: ApprovalRequest) -> VsaasError:
    if row.state == State.WITHDRAWN:
        return Decided(_("this was withdrawn meanwhile"))
    return Decided(_("%(name)s decided this first") % {"name": row.decided_by_name or _("somebody else")})


def _decide(row: ApprovalRequest, state: State, approver: Actor, **values: Any) -> None:
    now = clock.now()
    took = ApprovalRequest.objects.filter(pk=row.pk, state=State.WAITING, expires_at__gt=now).update(
        state=state,
        decided_by_id=approver.account_id,
        decided_by_name=approver.name[:120],
        decided_at=now,
        **values,
    )
    row.refresh_from_db()
    if took != 1:
        raise _decided_by(row)


def _unaltered(row: ApprovalRequest) -> bool:
    return hmac.compare_digest(bytes(row.digest), digest_now(row))


# ---- consumption


def consume(row: ApprovalRequest, **values: Any) -> tuple[Actor, Actor]:
    """Use an approval up, once: requester and approver as they are now. Raises Denied, Altered or Decided, and then
    nothing was used.

    The caller is the act's own transaction; when that fails, the approval was not used either.
    """
    requester = people.actor_now(row.requester_id)
    if requester is None:
        raise Denied(_("the account of who asked is gone"))
    approver = require_may_decide(people.actor_now(row.decided_by_id), row)
    if not _unaltered(row):
        raise Altered(_("what was approved has changed since: it must be asked for again"))
    now = clock.now()
    took = ApprovalRequest.objects.filter(
        pk=row.pk, state=State.APPROVED, valid_until__gt=now, digest=bytes(row.digest)
    ).update(state=State.USED, used_at=now, **values)
    if took != 1:
        raise Decided(_("this approval was used, withdrawn, or ran out"))
    return requester, approver


def use(request: HttpRequest, row: ApprovalRequest, **values: Any) -> tuple[Actor, Actor] | None:
    """The same for the session that asked; None, with the refusal noted and the approval void, when it does not hold any
    more."""
    try:
        return consume(row, **values)
    except VsaasError as error:
        if not error.refusal:
            raise
        ApprovalRequest.objects.filter(pk=row.pk, state=State.APPROVED).update(state=State.WITHDRAWN)
        record_refusal(
            acts.NOT_USED,
            who(row.requester),
            what(row),
            request=request,
            what=kind(row.act).noun,
            approver=row.decided_by_name,
            reason=error.problem,
        )
        return None


def _carry_out(request: HttpRequest, row: ApprovalRequest) -> None:
    requester, _approver = consume(row)
    carry_out = kind(row.act).carry_out
    assert carry_out is not None
    carry_out(request, requester, row.parameters)


def note_refused(request: HttpRequest, actor: Any, row: ApprovalRequest, error: VsaasError) -> None:
    """Write down that a decision came to nothing, for pages that show the reason themselves."""
    record_refusal(
        acts.DECISION_REFUSED,
        who(actor),
        what(row),
        request=request,
        what=kind(row.act).noun,
        requester=row.requester_name,
        reason=error.problem,
    )
