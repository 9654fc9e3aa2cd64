"""Where an account was signed in to before, so that guessing from elsewhere cannot keep its person out.

Two things are remembered for DAYS after a sign-in with second factor: the browser, by a cookie that names the account in it
(signed, and of no use for signing in), and the network. Attempts in a known browser are counted by themselves; attempts from
a known network do not wait for those of the rest of the world. Both are found without looking the account up: the work is
the same for an address nobody has.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from dataclasses import dataclass
from typing import Any

import redis
from django.core import signing
from django.http import HttpRequest, HttpResponseBase
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext_lazy as _

from vsaas.accounts import acts
from vsaas.accounts.models import Account
from vsaas.common import clock
from vsaas.common import redis as common_redis
from vsaas.common.cookies import set_closed
from vsaas.common.errors import Unavailable
from vsaas.common.network import network_of

COOKIE_PREFIX = "vsaas_d_"
SALT = "vsaas.known-browser"
LIFETIME = dt.timedelta(days=90)
ACCOUNTS_MAX = 5  # of one browser


@dataclass(frozen=True, slots=True)
class Place:
    """Where an attempt comes from. `counted_by`: what its throttle goes by; `label`: as owners read it."""

    counted_by: str
    label: str
    is_known_browser: bool
    is_known: bool


def place_of(request: HttpRequest, email: str) -> Place:
    """The place of a request that gives a password for this address. Raises Unavailable without Redis."""
    kept = _kept(request)
    if kept is not None and _mark(request, email) in kept["a"]:
        return Place(f"browser {kept['d']}", acts.A_KNOWN_BROWSER, is_known_browser=True, is_known=True)
    network = network_of(request)
    return Place(network, network, is_known_browser=False, is_known=_is_known_network(request, email))


def remember(request: HttpRequest, account: Account) -> None:
    """The account was signed in to here. `keep` puts the cookie on the reply."""
    kept = _kept(request) or {"d": secrets.token_hex(8), "a": []}
    mark = _mark(request, account.email)
    kept["a"] = [mark, *(one for one in kept["a"] if one != mark)][:ACCOUNTS_MAX]
    kept["t"] = clock.now_us()
    request.known_browser = signing.dumps(kept, salt=SALT)  # type: ignore[attr-defined]
    try:
        common_redis.client().set(_network_key(request, account.email), b"1", ex=LIFETIME)
    except redis.RedisError as error:
        raise Unavailable(_("attempts cannot be counted just now; try again")) from error


def keep(request: HttpRequest, response: HttpResponseBase) -> None:
    """Put the cookie on the reply of a request in which `remember` was called."""
    value = getattr(request, "known_browser", None)
    if value is not None:
        set_closed(response, _cookie(request), value, LIFETIME)


def _cookie(request: HttpRequest) -> str:
    return COOKIE_PREFIX + request.tenant.slug  # type: ignore[attr-defined,no-any-return]


def _kept(request: HttpRequest) -> dict[str, Any] | None:
    """What the browser's cookie holds; None for none, or one that is not ours or too old."""
    try:
        kept: dict[str, Any] = signing.loads(request.COOKIES.get(_cookie(request), ""), salt=SALT)
    except signing.BadSignature:
        return None
    return kept if clock.now_us() - kept["t"] < LIFETIME // dt.timedelta(microseconds=1) else None


def _mark(request: HttpRequest, email: str) -> str:
    """Stands for an account in a cookie; tells nobody which address it is."""
    tenant = request.tenant.id.hex  # type: ignore[attr-defined]
    return salted_hmac(SALT, f"{tenant}\x00{email}", algorithm="sha256").hexdigest()[:32]


def _is_known_network(request: HttpRequest, email: str) -> bool:
    try:
        return bool(common_redis.client().exists(_network_key(request, email)))
    except redis.RedisError as error:
        raise Unavailable(
            _("attempts cannot be counted just now, so none is let through; try again")
        ) from error


def _network_key(request: HttpRequest, email: str) -> str:
    parts = f"{_mark(request, email)}\x00{network_of(request)}".encode()
    return f"vsaas.known-network.{hashlib.sha256(parts).hexdigest()}"
