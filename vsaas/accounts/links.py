"""One-time links sent by mail to the person of an account.

A link is made when its message goes out (`vsaas.accounts.letters`); only its hash is kept, and of one account and kind the
newest alone opens (but "this was not me": a thief who changes the address twice must not take the first owner's link away).
Opening it uses nothing up, since mail scanners open links too: what is sent from the page behind it does. The page has an
address without the token, so the link stands in no header and in no history of the pages after it.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from tenants.models import Tenant
from vsaas.accounts.models import Account, AccountLink
from vsaas.common import clock
from vsaas.common.errors import Conflict, Gone

Kind = AccountLink.Kind

LIFETIMES = {
    Kind.RESET: dt.timedelta(hours=1),
    Kind.EMAIL: dt.timedelta(hours=24),
    Kind.NOT_ME: dt.timedelta(days=7),
}
OPENED = "link"
OPENED_FOR_S = 3600


def hash_token(token: str) -> bytes:
    """The stored form of a link's token."""
    return hashlib.sha256(b"vsaas-account-link-v1" + token.encode()).digest()


def issue(account: Account, kind: AccountLink.Kind, email: str = "") -> str:
    """A new link as one opens it; earlier ones of the account and kind stop working, `NOT_ME` excepted."""
    if kind is not Kind.NOT_ME:
        close(account, kind)
    token = secrets.token_urlsafe(32)
    expires_at = clock.now() + LIFETIMES[kind]
    AccountLink.objects.create(
        kind=kind, token_hash=hash_token(token), account=account, email=email, expires_at=expires_at
    )
    slug = Tenant.objects.get().slug
    return settings.ENV.public_url + reverse("account-link", kwargs={"slug": slug, "token": token})


def close(account: Account, *kinds: AccountLink.Kind) -> None:
    """The account's open links of these kinds open nothing any more."""
    now = clock.now()
    AccountLink.objects.filter(account=account, kind__in=kinds, used_at=None, expires_at__gt=now).update(
        expires_at=now
    )


def find(token: str) -> AccountLink | None:
    """The link of a token, usable or not; None for one nobody was sent."""
    return AccountLink.objects.filter(token_hash=hash_token(token)).select_related("account").first()


def require_usable(link: AccountLink) -> None:
    """Raises Gone, with what to do."""
    if link.used_at is not None:
        raise Gone(_("this link was used already; if that was not you, ask for a new one and tell an owner"))
    if not link.usable:
        raise Gone(_("this link has run out, or a newer one took its place; ask for a new one"))


def keep_opened(request: HttpRequest, link: AccountLink) -> None:
    """This browser holds the link: the page behind it needs no token."""
    request.session[OPENED] = [link.id.hex, clock.now_us()]


def opened(request: HttpRequest, kind: AccountLink.Kind) -> AccountLink:
    """The link of this kind that this browser opened within the hour, its row locked. Raises Gone."""
    kept = request.session.get(OPENED)
    if kept is None or clock.now_us() - kept[1] > OPENED_FOR_S * 1_000_000:
        raise Gone(_("open the link in the message again"))
    rows = AccountLink.objects.filter(pk=kept[0], kind=kind).select_related("account")
    link = rows.select_for_update(of=("self",)).first()
    if link is None:
        raise Gone(_("open the link in the message again"))
    require_usable(link)
    return link


def use_up(request: HttpRequest, link: AccountLink) -> None:
    """Once: Conflict for the second of two who come at the same time."""
    request.session.pop(OPENED, None)
    if AccountLink.objects.filter(pk=link.pk, used_at=None).update(used_at=clock.now()) != 1:
        raise Conflict(_("this link was used a moment ago"))
