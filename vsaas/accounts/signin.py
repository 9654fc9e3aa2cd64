"""Signing in: password, then the second factor, then a session."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import authenticate, login
from django.http import HttpRequest
from django_otp import login as otp_login

from tenants.access import actor_of, in_force, require_in_force
from tenants.errors import OutsideHours
from vsaas.accounts import (
    acts,
    crowd,
    devices,
    freshness,
    owing,
    passkeys,
    rules,
    sent_codes,
    slowed,
    throttle,
    trust,
)
from vsaas.accounts.models import (
    Account,
    Passkey,
    RecoverySet,
    RememberedBrowser,
    SentFactor,
    TenantDevice,
    TotpDevice,
    normalise_email,
)
from vsaas.approvals.people import bound
from vsaas.audit.services import NOBODY, record_act, record_refusal, what, who
from vsaas.common import clock
from vsaas.common.errors import TooMany
from vsaas.common.network import network_of

BACKEND = "vsaas.accounts.backend.TenantBackend"
PASSWORD_AT = "given_at_us"  # noqa: S105  the key of a time, not a password
FACTOR_WITHIN_S = 600


def check_password(request: HttpRequest, email: str, password: str) -> Account | None:
    """The account, or None with the refusal noted. One answer and equal work whether the account exists or not.

    Raises TooMany. A browser the account was signed in to before is counted by itself alone; other attempts per account and
    network, per network, and (but from networks it was signed in from) all together.
    """
    tenant_id, email = str(request.tenant.id), normalise_email(email)  # type: ignore[attr-defined]
    place = trust.place_of(request, email)
    if not place.is_known:
        _count_for(request, throttle.ACCOUNT, email, slowed.EVERYWHERE, (tenant_id, email))
    if not place.is_known_browser:
        _count_network(request)
    _count_for(request, throttle.PASSWORD, email, place.label, (tenant_id, email, place.counted_by))
    try:
        with crowd.in_turn(known=place.is_known):
            account = authenticate(request, email=email, password=password)
    except TooMany:
        throttle.PASSWORD.take_back(tenant_id, email, place.counted_by)  # nothing was tried
        _take_back(request, email, place)
        raise
    if isinstance(account, Account):
        throttle.PASSWORD.succeeded(tenant_id, email, place.counted_by)
        _take_back(request, email, place)
        return account
    known = Account.objects.filter(email=email).first()
    if known is not None:
        record_refusal(acts.PASSWORD_REFUSED, NOBODY, what(known), request=request)
    else:
        # What was typed may be anything, a password included, so it is not written down.
        tenant = request.tenant.slug  # type: ignore[attr-defined]
        record_refusal(acts.UNKNOWN_REFUSED, NOBODY, request=request, platform=True, tenant=tenant)
    return None


def _take_back(request: HttpRequest, email: str, place: trust.Place) -> None:
    """Uncount one attempt where those at the account from everywhere, and those of the network, were counted."""
    tenant_id = str(request.tenant.id)  # type: ignore[attr-defined]
    if not place.is_known:
        throttle.ACCOUNT.take_back(tenant_id, email)
    if not place.is_known_browser:
        throttle.NETWORK.take_back(tenant_id, network_of(request))


def _count_network(request: HttpRequest) -> None:
    tenant, network = request.tenant, network_of(request)  # type: ignore[attr-defined]
    try:
        throttle.NETWORK.attempt(str(tenant.id), network)
    except TooMany as error:
        if slowed.note(tenant.id, "", throttle.NETWORK.name, network, network, error.extra["retry_after_s"]):
            record_refusal(
                acts.NETWORK_SLOWED, NOBODY, request=request, place=network or acts.UNKNOWN_NETWORK
            )
        raise


def _count_for(
    request: HttpRequest, kind: throttle.Throttle, email: str, place: str, parts: tuple[str, ...]
) -> None:
    """Count an attempt at an account; one that comes too soon is noted for its owners, and audited once an hour."""
    try:
        kind.attempt(*parts)
    except TooMany as error:
        _note_slowdown(request, kind, email, place, parts[-1], error.extra["retry_after_s"])
        raise


def _note_slowdown(
    request: HttpRequest, kind: throttle.Throttle, email: str, place: str, counted_by: str, wait_s: int
) -> None:
    tenant = request.tenant  # type: ignore[attr-defined]
    if slowed.note(tenant.id, email, kind.name, place, counted_by, wait_s):
        _tell_of_slowdown(request, email, place)


def _tell_of_slowdown(request: HttpRequest, email: str, place: str) -> None:
    """In the organisation's log for an account it has, else in the platform's."""
    account = Account.objects.filter(email=email).first()
    if account is None:
        slug = request.tenant.slug  # type: ignore[attr-defined]
        record_refusal(acts.THROTTLED, NOBODY, request=request, platform=True, tenant=slug)
        return
    where = acts.ELSEWHERE if place == slowed.EVERYWHERE else place or acts.UNKNOWN_NETWORK
    record_refusal(acts.SIGN_IN_SLOWED, NOBODY, what(account), request=request, place=where)


def check_passkey_alone(request: HttpRequest, answer: str) -> Passkey | None:
    """The passkey that stands for both factors, or None with the refusal noted: where the rules of its account allow that.
    Raises TooMany."""
    _count_network(request)
    passkey = passkeys.check(request, None, answer)
    if passkey is None:
        return None
    under = rules.rules_of(passkey.user)
    if not (under.passwordless and rules.accepts(under, passkey)):
        record_refusal(
            acts.FACTOR_NOT_ACCEPTED, who(passkey.user), request=request, factor=acts.A_PASSKEY_ALONE
        )
        return None
    throttle.NETWORK.take_back(str(passkey.tenant_id), network_of(request))
    return passkey


def begin(request: HttpRequest, account: Account) -> None:
    """A session that owes the second factor, under a new key. It has no rights."""
    login(request, account, backend=BACKEND)
    request.session[PASSWORD_AT] = clock.now_us()


def owing_account(request: HttpRequest) -> Account | None:
    """The account whose password was given in this session within FACTOR_WITHIN_S, and whose factor is owed."""
    given = request.session.get(PASSWORD_AT)
    if given is None or not request.user.is_authenticated:
        return None
    if clock.now_us() - given > FACTOR_WITHIN_S * 1_000_000:
        request.session.flush()
        return None
    return request.user  # type: ignore[return-value]


def check_factor(
    request: HttpRequest,
    account: Account,
    code: str,
    *,
    covers: bytes = b"",
    asked_anybody: bool = False,
    sent: bool = False,
) -> TenantDevice | None:
    """The device that took the code, or the passkey whose answer it is (used up by that), or None with the refusal noted.
    `covers`: what a passkey's answer must have been given to; `asked_anybody`: it was asked for before its person was known.
    `sent`: a code that was sent to the person will do too, where their rules accept it; never where somebody approves what
    another asked for. Raises TooMany."""
    network = network_of(request)
    parts = (str(account.tenant_id), str(account.pk), network)
    _count_for(request, throttle.FACTOR, account.email, network, parts)
    if passkeys.is_answer(code):
        device: TenantDevice | None = passkeys.check(
            request, account, code, covers, asked_anybody=asked_anybody
        )
    else:
        device = _device_that_took(request, account, code, sent)
        if device is None:
            record_refusal(acts.FACTOR_REFUSED, who(account), request=request)
    if device is None:
        return None
    throttle.FACTOR.succeeded(*parts)
    # Who approves at another's screen makes nothing of that session's fresh.
    if request.user.pk == account.pk:
        freshness.given(request)
    return device


def _device_that_took(request: HttpRequest, account: Account, code: str, sent: bool) -> TenantDevice | None:
    # First, so that the app does not count a code that was sent as a wrong one of its own.
    came = sent_codes.take(request, account, code) if sent else None
    return came or _own_device_that_took(request, account, code)


def _own_device_that_took(request: HttpRequest, account: Account, code: str) -> TenantDevice | None:
    device = _device_for(account, code)
    if device is None:
        return None
    allowed, why = device.verify_is_allowed()
    if not allowed:  # the device's own limit, from wherever codes are given
        wait_s = max(1, _seconds_until(why))
        _note_slowdown(request, throttle.FACTOR, account.email, acts.ANYWHERE, "", wait_s)
        raise TooMany(retry_after_s=wait_s)
    return device if device.verify_token(code.strip()) else None


def _device_for(account: Account, code: str) -> TenantDevice | None:
    """Six digits are the app's, anything else a recovery code. The row is locked: a code works once."""
    model = TotpDevice if code.strip().isdigit() else RecoverySet
    found: TenantDevice | None = (
        model.objects.filter(user=account, confirmed=True).select_for_update().order_by("-created_at").first()
    )
    return found


def _seconds_until(why: dict[str, object]) -> int:
    until = why["locked_until"]
    return int((until - clock.now()).total_seconds()) + 1  # type: ignore[operator]


def outside_hours(request: HttpRequest, account: Account) -> OutsideHours | None:
    """Why the account may not sign in now, with the refusal noted; None when it may. Asked once both factors were right:
    whoever lacks one learns nothing of the hours."""
    try:
        require_in_force(in_force(actor_of(account), clock.now_us()))
    except OutsideHours as refused:
        record_refusal(acts.SIGN_IN_OUTSIDE_HOURS, who(account), request=request)
        return refused
    return None


_FACTORS: dict[type[TenantDevice], str] = {
    TotpDevice: acts.THE_APP,
    Passkey: acts.A_PASSKEY,
    RecoverySet: acts.A_RECOVERY_CODE,
    RememberedBrowser: acts.A_REMEMBERED_BROWSER,
}


def _named(device: TenantDevice) -> str:
    """What the log calls a factor, in English."""
    return sent_codes.noun_of(device.kind) if isinstance(device, SentFactor) else _FACTORS[type(device)]


def refused_kind(request: HttpRequest, account: Account, device: TenantDevice) -> bool:
    """Whether the rules do not accept the factor that was given, with the refusal noted."""
    if rules.accepts(rules.rules_of(account), device):
        return False
    record_refusal(acts.FACTOR_NOT_ACCEPTED, who(account), request=request, factor=_named(device))
    return True


def finish(
    request: HttpRequest, account: Account, device: TenantDevice, *, passkey_alone: bool = False
) -> None:
    """A session in which both factors were given, or stood in for by a remembered browser, under a new key: a full one,
    unless a role of the account's needs a second person's approval, which it then waits for."""
    request.session.pop(PASSWORD_AT, None)
    otp_login(request, device)
    if not isinstance(device, RememberedBrowser):
        freshness.given(request)
    owing.note(request, account)
    request.session.cycle_key()
    seen: dict[str, Any] = {"last_seen_at": clock.now()}
    if not isinstance(device, SentFactor | RememberedBrowser):
        seen["password_by_mail"] = False
    Account.objects.filter(pk=account.pk).update(**seen)
    factor = acts.A_PASSKEY_ALONE if passkey_alone else _named(device)
    act = acts.WAITS if bound(actor_of(account)) else acts.SIGNED_IN
    record_act(act, who(account), request=request, factor=factor)
    devices.seen(request, account)
    trust.remember(request, account)


def check_own_password(request: HttpRequest, account: Account, password: str) -> bool:
    """Whether the password of an account was given again: by its person, signed in, or by whoever holds a link to it.
    Counts with the attempts at the door, so that neither is a way to guess it; raises TooMany."""
    place = trust.place_of(request, account.email)
    parts = (str(account.tenant_id), account.email, place.counted_by)
    _count_for(request, throttle.PASSWORD, account.email, place.label, parts)
    if account.check_password(password):
        throttle.PASSWORD.succeeded(*parts)
        return True
    actor = request.actor  # type: ignore[attr-defined]
    if actor is not None and actor.account_id == account.pk:
        record_refusal(acts.CONFIRMING_REFUSED, who(account), what(account), request=request)
    else:
        record_refusal(acts.PASSWORD_REFUSED, NOBODY, what(account), request=request)
    return False
