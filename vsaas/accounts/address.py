"""Another e-mail address for one's account: asked for with password and code, confirmed by a link to the new address; the
old one is told, and can say for seven days that this was not them."""

from __future__ import annotations

from django.db import IntegrityError, transaction
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from vsaas.accounts import acts, letters, links, throttle
from vsaas.accounts.models import AccessToken, Account, AccountLink, Passkey, normalise_email
from vsaas.accounts.reset import end_all_sessions
from vsaas.audit.services import NOBODY, record_act, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict
from vsaas.common.network import network_of
from vsaas.mail import outbox

Kind = AccountLink.Kind


def ask(request: HttpRequest, account: Account, email: str) -> None:
    """Have the new address confirmed. Whether it belongs to another account here is told to that address alone. Raises
    TooMany: nobody writes to the whole world through this."""
    throttle.NEW_ADDRESS.attempt(str(account.tenant_id), str(account.pk))
    email = normalise_email(email)
    about = {"account": str(account.pk), "stamp": account.get_session_auth_hash()}
    outbox.post(letters.email_change, email, about, language=account.language)
    record_act(
        acts.EMAIL_CHANGE_ASKED,
        who(account),
        what(account),
        request=request,
        before=account.email,
        after=email,
    )


def confirm(request: HttpRequest, link: AccountLink) -> None:
    """Use the link: the account signs in with the new address from now on. Raises Conflict when somebody else here took it
    meanwhile."""
    account: Account = link.account
    links.use_up(request, link)
    before = account.email
    _write_address(account, link.email)
    links.close(account, Kind.RESET)
    record_act(
        acts.EMAIL_CHANGED, who(account), what(account), request=request, before=before, after=account.email
    )
    outbox.post(letters.email_changed, before, {"account": str(account.pk)}, language=account.language)


def undo(request: HttpRequest, link: AccountLink) -> None:
    """Whoever reads the old address did not change it: the old address comes back, nothing that was open stays open, and the
    password goes; a link for a new one is sent to the old address. Passkeys go as well, since one alone can open an account
    where the rules allow that, and whoever changed the address may have added one. The authenticator app stays: whoever has
    only the mailbox does not get in by this."""
    account: Account = link.account
    links.use_up(request, link)
    before = account.email
    _write_address(account, link.email)
    account.set_unusable_password()
    account.save(update_fields=["password"])
    links.close(account, Kind.RESET, Kind.EMAIL)
    later = AccountLink.objects.filter(account=account, kind=Kind.NOT_ME, created_at__gt=link.created_at)
    later.update(expires_at=clock.now())
    count = end_all_sessions(request, account)
    now = clock.now()
    tokens = AccessToken.objects.filter(account=account, revoked_at=None, expires_at__gt=now).update(
        revoked_at=now
    )
    passkeys, _by_model = Passkey.objects.filter(user=account).delete()
    record_act(
        acts.EMAIL_CHANGE_UNDONE,
        NOBODY,
        what(account),
        request=request,
        before=before,
        after=account.email,
        count=count,
        tokens=tokens,
        passkeys=passkeys,
    )
    about = {"network": network_of(request), "at_us": str(clock.now_us())}
    outbox.post(letters.password_reset, account.email, about, language=account.language)


def _write_address(account: Account, email: str) -> None:
    account.email = email
    try:
        with transaction.atomic():
            account.save(update_fields=["email"])
    except IntegrityError:
        raise Conflict(
            _("somebody else here has this address by now; ask an owner of your organisation")
        ) from None
