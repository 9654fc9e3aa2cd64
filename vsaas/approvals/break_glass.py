"""When nobody can approve: a sealed code, made beforehand by an owner, lets one waiting session in for an hour.

It is meant to be seen: an act of its own in the audit log, and a banner on every page of everybody until somebody else who
may approve sign-ins acknowledges it.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import secrets
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _

from tenants import access
from tenants.access import Actor
from tenants.models import Tenant
from tenants.permissions import LOGIN_APPROVE, PEOPLE_EDIT
from vsaas.approvals import acts
from vsaas.approvals.models import ApprovalRequest, BreakGlassCode, State
from vsaas.audit.services import record_act, record_refusal, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict, Denied, Gone
from vsaas.common.pages import Banner

CODE_BYTES = 15  # 24 characters of base32, of which six by six are typed
LETS_IN = dt.timedelta(hours=1)
CODES_MOST = 5  # unused, per organisation


class TooManyCodes(Conflict):
    """As many sealed codes as an organisation may have."""

    problem = "too-many-codes"


def hash_of(code: str) -> bytes:
    """The stored form of a code as typed: dashes, spaces and case do not matter. 120 random bits need no slow hash."""
    plain = "".join(code.split()).replace("-", "").upper()
    return hashlib.sha256(b"vsaas-break-glass-v1" + plain.encode()).digest()


def usable_codes() -> QuerySet[BreakGlassCode]:
    """Those made and neither used nor revoked, the newest first."""
    return BreakGlassCode.objects.filter(used_at=None, revoked_at=None).order_by("-made_at", "-id")


def make(request: HttpRequest, actor: Actor) -> str:
    """A new code, which is kept nowhere. The caller has asked for password and factor. Raises Denied, TooManyCodes."""
    tenant = Tenant.objects.select_for_update(no_key=True).get()
    access.require(actor, PEOPLE_EDIT, tenant)
    if usable_codes().count() >= CODES_MOST:
        raise TooManyCodes(
            _("there are %(most)d sealed codes already; revoke one first") % {"most": CODES_MOST}
        )
    text = base64.b32encode(secrets.token_bytes(CODE_BYTES)).decode()
    row = BreakGlassCode.objects.create(
        code_hash=hash_of(text), made_by_id=actor.account_id, made_by_name=actor.name[:120]
    )
    record_act(acts.BREAK_GLASS_MADE, who(actor), what(row), request=request)
    return "-".join(text[i : i + 6] for i in range(0, len(text), 6))


def revoke(request: HttpRequest, actor: Actor, row: BreakGlassCode) -> None:
    """End a code that was not used. Raises Gone."""
    if (
        BreakGlassCode.objects.filter(pk=row.pk, used_at=None, revoked_at=None).update(revoked_at=clock.now())
        != 1
    ):
        raise Gone(_("this code was used or revoked already"))
    record_act(acts.BREAK_GLASS_REVOKED, who(actor), what(row), request=request, maker=row.made_by_name)


def use(request: HttpRequest, account: Any, row: ApprovalRequest, code: str) -> bool:
    """Let the session of a waiting sign-in in for LETS_IN. False, with the refusal noted, for a wrong or spent code. The
    caller counts attempts."""
    now = clock.now()
    found = usable_codes().filter(code_hash=hash_of(code))
    took = found.update(used_at=now, used_by=account, used_by_name=str(account)[:120])
    if took != 1:
        record_refusal(acts.BREAK_GLASS_REFUSED, who(account), what(row), request=request)
        return False
    glass = BreakGlassCode.objects.get(code_hash=hash_of(code))
    until = now + LETS_IN
    let_in = ApprovalRequest.objects.filter(pk=row.pk, state=State.WAITING, expires_at__gt=now).update(
        state=State.USED, used_at=now, valid_until=until, break_glass=glass, decided_at=now
    )
    if let_in != 1:
        raise Gone(_("this request ran out meanwhile: ask for approval again, then type the code"))
    record_act(
        acts.BREAK_GLASS_USED,
        who(account),
        what(glass),
        request=request,
        maker=glass.made_by_name,
        until=until.strftime("%Y-%m-%d %H:%M UTC"),
    )
    return True


def unacknowledged() -> QuerySet[BreakGlassCode]:
    """Uses nobody has acknowledged, the oldest first."""
    return BreakGlassCode.objects.filter(used_at__isnull=False, acknowledged_at=None).order_by("used_at")


def may_acknowledge(actor: Actor, row: BreakGlassCode) -> bool:
    """Whoever may approve sign-ins, but not who used the code."""
    return actor.tenant_wide(LOGIN_APPROVE) and actor.account_id != row.used_by_id


def acknowledge(request: HttpRequest, actor: Actor, row: BreakGlassCode) -> None:
    """Take the banner down. Raises Denied, Gone."""
    access.require(actor, LOGIN_APPROVE, Tenant.objects.get())
    if actor.account_id == row.used_by_id:
        raise Denied(_("you used this code yourself: somebody else must acknowledge it"))
    if unacknowledged().filter(pk=row.pk).update(acknowledged_at=clock.now()) != 1:
        raise Gone(_("somebody acknowledged this already"))
    record_act(acts.BREAK_GLASS_SEEN, who(actor), what(row), request=request, user=row.used_by_name)


def banner(request: HttpRequest) -> Banner | None:
    """What every page of everybody says while a use is not acknowledged."""
    row = unacknowledged().first()
    if row is None or row.used_at is None:
        return None
    text = _("%(name)s signed in without approval, by a break-glass code, on %(when)s.") % {
        "name": row.used_by_name,
        "when": row.used_at.strftime("%Y-%m-%d %H:%M UTC"),
    }
    return Banner("bad", text, "approvals" if may_acknowledge(request.actor, row) else "")  # type: ignore[attr-defined]
