"""Browsers in which the second factor need not be given again for some days, where the rules allow it.

The cookie holds a random token, the row its hash, the account it is for and the kind of browser it was given to. It ends with
a change of password or factor, and is of no use without the password.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponseBase
from django_otp import DEVICE_ID_SESSION_KEY

from vsaas.accounts import acts
from vsaas.accounts.models import Account, RememberedBrowser, Session
from vsaas.accounts.rules import Rules
from vsaas.accounts.sessions import SessionStore
from vsaas.accounts.user_agents import device_of
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.cookies import set_closed
from vsaas.common.network import network_of

COOKIE_PREFIX = "vsaas_r_"
TOKEN_BYTES = 32


def of(account: Account) -> QuerySet[RememberedBrowser]:
    """An account's, the newest first."""
    rows = RememberedBrowser.objects.filter(user=account, expires_at__gt=clock.now())
    return rows.order_by("-created_at", "-id")


def find(request: HttpRequest, account: Account, rules: Rules) -> RememberedBrowser | None:
    """This browser, where it is remembered for the account and the rules still let it be for that long."""
    token = request.COOKIES.get(_cookie(request), "")
    if not token or not rules.remember_days:
        return None
    since = clock.now() - dt.timedelta(days=rules.remember_days)
    row = of(account).filter(token_hash=_hash(token), created_at__gt=since).first()
    if row is None or row.device != _device(request):
        return None
    row.last_used_at = clock.now()
    row.save(update_fields=["last_used_at"])
    return row


def remember(request: HttpRequest, account: Account, rules: Rules, response: HttpResponseBase) -> None:
    """Remember this browser for the days the rules allow; the cookie goes on the response."""
    lifetime = dt.timedelta(days=rules.remember_days)
    token = secrets.token_urlsafe(TOKEN_BYTES)
    row = RememberedBrowser.objects.create(
        user=account,
        name=_device(request),
        device=_device(request),
        network=network_of(request),
        token_hash=_hash(token),
        expires_at=clock.now() + lifetime,
    )
    set_closed(response, _cookie(request), token, lifetime)
    record_act(acts.REMEMBERED, who(account), what(row), request=request, days=rules.remember_days)


def end(request: HttpRequest, account: Account, row: RememberedBrowser) -> None:
    """Remember a browser no more; sessions begun by its being remembered end."""
    begun = row.persistent_id
    for session in Session.objects.filter(account=account):
        if SessionStore().decode(session.data).get(DEVICE_ID_SESSION_KEY) == begun:
            session.delete()
    record_act(acts.REMEMBERED_ENDED, who(account), what(row), request=request)
    row.delete()


def _cookie(request: HttpRequest) -> str:
    return COOKIE_PREFIX + request.tenant.slug  # type: ignore[attr-defined,no-any-return]


def _device(request: HttpRequest) -> str:
    return device_of(request.headers.get("User-Agent", ""))[:60]


def _hash(token: str) -> bytes:
    return hashlib.sha256(b"vsaas-remembered-v1" + token.encode()).digest()
