"""Telling people by mail what happened to their account."""

from __future__ import annotations

from django.http import HttpRequest

from vsaas.accounts import letters
from vsaas.accounts.models import Account
from vsaas.common import clock
from vsaas.common.network import network_of
from vsaas.mail import outbox
from vsaas.mail.letters import Kind


def password_changed(request: HttpRequest, account: Account, *, by_link: bool = False) -> None:
    """The password is another one now."""
    _notice(letters.password_changed, request, account, by_link="yes" if by_link else "")


def factor_changed(request: HttpRequest, account: Account) -> None:
    """The second factor is another one now."""
    _notice(letters.factor_changed, request, account)


def new_device(request: HttpRequest, account: Account, device: str) -> None:
    """Somebody signed in on a device not used before."""
    _notice(letters.new_device, request, account, device=device)


def _notice(kind: Kind, request: HttpRequest, account: Account, **more: str) -> None:
    about = {"account": str(account.pk), "network": network_of(request), "at_us": str(clock.now_us())}
    outbox.post(kind, account.email, about | more, language=account.language)
