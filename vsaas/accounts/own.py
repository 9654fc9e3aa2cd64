"""One's own account: name, password, second factor, sessions.

What could be used to keep a stolen session for good (password, second factor, recovery codes) asks again for what a thief
of the session does not have.
"""

from __future__ import annotations

from django.contrib.auth import update_session_auth_hash
from django.db.models import QuerySet
from django.http import HttpRequest
from django_otp import DEVICE_ID_SESSION_KEY
from django_otp import login as otp_login

from vsaas.accounts import acts, links, notices, people, recovery
from vsaas.accounts.models import Account, AccountLink, RememberedBrowser, Session, TotpDevice
from vsaas.accounts.sessions import SessionStore, hash_key
from vsaas.accounts.user_agents import device_of
from vsaas.audit.services import record_act, what, who
from vsaas.common import clock

CONFIRMED_AT = "confirmed_at_us"
CONFIRMED_WITHIN_S = 600


def rename(request: HttpRequest, account: Account, name: str) -> bool:
    """Change one's own name; False when it is that already."""
    if name == account.name:
        return False
    before, account.name = account.name, name
    account.save(update_fields=["name"])
    record_act(acts.RENAMED, who(account), what(account), request=request, before=before, after=name)
    return True


def change_password(request: HttpRequest, account: Account, password: str) -> int:
    """A new password, whose strength the caller has checked. This session goes on under a new key, all others end; how
    many those were."""
    account.set_password(password)
    account.password_by_mail = False
    account.save(update_fields=["password", "password_by_mail"])
    update_session_auth_hash(request, account)
    links.close(account, AccountLink.Kind.RESET, AccountLink.Kind.EMAIL)
    count = end_others(request, account)
    record_act(acts.PASSWORD_CHANGED, who(account), what(account), request=request, count=count)
    notices.password_changed(request, account)
    return count


# ---- second factor


def confirm(request: HttpRequest) -> None:
    """Password and a current code were given a moment ago: the second factor may be changed in this session."""
    request.session[CONFIRMED_AT] = clock.now_us()
    TotpDevice.objects.filter(user=request.user, confirmed=False).delete()


def confirmed(request: HttpRequest) -> bool:
    """Whether that was within the last ten minutes."""
    at = request.session.get(CONFIRMED_AT)
    return at is not None and clock.now_us() - at <= CONFIRMED_WITHIN_S * 1_000_000


def change_factor(request: HttpRequest, account: Account, device: TotpDevice) -> None:
    """A new authenticator app, whose code was right, takes the place of the old; recovery codes are made anew, all other
    sessions end."""
    replace_devices(account, device)
    otp_login(request, device)
    request.session.pop(CONFIRMED_AT, None)
    request.session.cycle_key()
    count = end_others(request, account)
    record_act(acts.FACTOR_CHANGED, who(account), what(account), request=request, count=count)
    notices.factor_changed(request, account)
    recovery.make_codes(request, account)


def replace_devices(account: Account, device: TotpDevice) -> None:
    """The authenticator app confirmed just now takes the place of all others."""
    TotpDevice.objects.filter(user=account).exclude(pk=device.pk).delete()
    TotpDevice.objects.filter(pk=device.pk).update(confirmed=True)
    device.confirmed = True


# ---- sessions


def sessions(account: Account) -> QuerySet[Session]:
    """One's own sessions that have not ended."""
    return people.open_sessions(account.pk)


def is_this(request: HttpRequest, session: Session) -> bool:
    """Whether the session is the one the request came with."""
    key = request.session.session_key
    return key is not None and session.key_hash == hash_key(key)


def is_complete(session: Session) -> bool:
    """Whether the second factor was given in it."""
    return DEVICE_ID_SESSION_KEY in SessionStore().decode(session.data)


def end(request: HttpRequest, account: Account, session: Session) -> None:
    """Sign out one of one's own sessions."""
    record_act(
        acts.OWN_SESSION_ENDED,
        who(account),
        what(account),
        request=request,
        device=device_of(session.user_agent),
        network=session.network or acts.UNKNOWN_NETWORK,
    )
    session.delete()


def end_all_others(request: HttpRequest, account: Account) -> int:
    """Sign out everywhere but here; how many sessions ended."""
    count = end_others(request, account)
    record_act(acts.OTHER_SESSIONS_ENDED, who(account), what(account), request=request, count=count)
    return count


def end_others(request: HttpRequest, account: Account) -> int:
    """Delete every session of the account but the request's, and remember no browser any more; how many sessions had not
    ended by themselves."""
    here = hash_key(request.session.session_key or "")
    count = sessions(account).exclude(key_hash=here).count()
    Session.objects.filter(account=account).exclude(key_hash=here).delete()
    RememberedBrowser.end_all(account)
    return count
