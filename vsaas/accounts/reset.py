"""A forgotten password: a link to the account's address, and a new password by it. The second factor stays.

Asking does the same work whether an account exists or not: one row in the outbox. Whether there is anybody to write to is
found out when the message is sent.
"""

from __future__ import annotations

from django.http import HttpRequest

from vsaas.accounts import acts, letters, links, notices, throttle, trust
from vsaas.accounts.models import Account, AccountLink, RememberedBrowser, Session, normalise_email
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock
from vsaas.common.errors import TooMany
from vsaas.common.network import network_of
from vsaas.mail import outbox


def ask(request: HttpRequest, email: str) -> None:
    """Have a link sent, if this address has an account here. Raises TooMany, by network alone; an address that was written
    to a few times within the hour is not written to again, and nobody is told."""
    tenant_id, email, network = str(request.tenant.id), normalise_email(email), network_of(request)  # type: ignore[attr-defined]
    throttle.RESET_NETWORK.attempt(tenant_id, network)
    try:
        throttle.RESET_ADDRESS.attempt(tenant_id, email)
    except TooMany:
        return
    outbox.post(letters.password_reset, email, {"network": network, "at_us": str(clock.now_us())})


def set_password(request: HttpRequest, link: AccountLink, password: str) -> None:
    """A new password, whose strength the caller has checked, by a link that is used up by it. Every session of the account
    ends; signing in asks for the second factor as ever."""
    account: Account = link.account
    links.use_up(request, link)
    account.set_password(password)
    account.password_by_mail = True
    account.save(update_fields=["password", "password_by_mail"])
    links.close(account, AccountLink.Kind.RESET, AccountLink.Kind.EMAIL)
    count = end_all_sessions(request, account)
    tenant_id = str(account.tenant_id)
    # Whoever reads the account's mail gets in even while others guess at it.
    throttle.PASSWORD.succeeded(tenant_id, account.email, network_of(request))
    trust.remember(request, account)
    throttle.RESET_ADDRESS.succeeded(tenant_id, account.email)
    record_act(
        acts.PASSWORD_RESET, who(account), what(account), request=request, email=account.email, count=count
    )
    notices.password_changed(request, account, by_link=True)


def end_all_sessions(request: HttpRequest, account: Account) -> int:
    """Sign an account out everywhere, here as well; how many sessions ended."""
    count, _by_model = Session.objects.filter(account=account).delete()
    RememberedBrowser.end_all(account)
    if request.user.is_authenticated and request.user.pk == account.pk:
        request.session.flush()
    return count
