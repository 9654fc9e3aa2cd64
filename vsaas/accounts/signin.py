"""Signing in: password, then the second factor, then a session."""

from __future__ import annotations

from django.contrib.auth import authenticate, login
from django.http import HttpRequest
from django_otp import login as otp_login

from tenants.access import actor_of, in_force, require_in_force
from tenants.errors import OutsideHours
from vsaas.accounts import acts, throttle
from vsaas.accounts.models import Account, RecoverySet, TenantDevice, TotpDevice, normalise_email
from vsaas.audit.services import NOBODY, record_act, record_refusal, what, who
from vsaas.common import clock
from vsaas.common.errors import TooMany
from vsaas.common.network import network_of

BACKEND = "vsaas.accounts.backend.TenantBackend"
PASSWORD_AT = "given_at_us"  # noqa: S105  the key of a time, not a password
FACTOR_WITHIN_S = 600


def check_password(request: HttpRequest, email: str, password: str) -> Account | None:
    """The account, or None with the refusal noted. One answer and equal work whether the account exists or not.

    Raises TooMany, keyed on tenant, account and network, and on tenant and network.
    """
    tenant_id, email = str(request.tenant.id), normalise_email(email)  # type: ignore[attr-defined]
    network = network_of(request)
    _count(request, throttle.NETWORK, tenant_id, network)
    _count(request, throttle.PASSWORD, tenant_id, email, network)
    account = authenticate(request, email=email, password=password)
    if isinstance(account, Account):
        throttle.PASSWORD.succeeded(tenant_id, email, network)
        throttle.NETWORK.take_back(tenant_id, network)
        return account
    known = Account.objects.filter(email=email).first()
    if known is not None:
        record_refusal(acts.PASSWORD_REFUSED, NOBODY, what(known), request=request)
    else:
        # What was typed may be anything, a password included, so it is not written down.
        tenant = request.tenant.slug  # type: ignore[attr-defined]
        record_refusal(acts.UNKNOWN_REFUSED, NOBODY, request=request, platform=True, tenant=tenant)
    return None


def _count(request: HttpRequest, kind: throttle.Throttle, *parts: str) -> None:
    try:
        kind.attempt(*parts)
    except TooMany:
        slug = request.tenant.slug  # type: ignore[attr-defined]
        record_refusal(acts.THROTTLED, NOBODY, request=request, platform=True, tenant=slug)
        raise


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


def check_factor(request: HttpRequest, account: Account, code: str) -> TenantDevice | None:
    """The device that took the code (used up by that), or None with the refusal noted. Raises TooMany."""
    parts = (str(account.tenant_id), str(account.pk), network_of(request))
    _count(request, throttle.FACTOR, *parts)
    device = _device_for(account, code)
    if device is not None:
        allowed, why = device.verify_is_allowed()
        if not allowed:
            raise TooMany(retry_after_s=max(1, _seconds_until(why)))
        if device.verify_token(code.strip()):
            throttle.FACTOR.succeeded(*parts)
            return device
    record_refusal(acts.FACTOR_REFUSED, who(account), request=request)
    return None


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


def finish(request: HttpRequest, account: Account, device: TenantDevice) -> None:
    """A full session, under a new key."""
    request.session.pop(PASSWORD_AT, None)
    otp_login(request, device)
    request.session.cycle_key()
    Account.objects.filter(pk=account.pk).update(last_seen_at=clock.now())
    factor = acts.A_RECOVERY_CODE if isinstance(device, RecoverySet) else acts.THE_APP
    record_act(acts.SIGNED_IN, who(account), request=request, factor=factor)


def check_own_password(request: HttpRequest, account: Account, password: str) -> bool:
    """Whether the password of an account was given again: by its person, signed in, or by whoever holds a link to it.
    Counts with the attempts at the door, so that neither is a way to guess it; raises TooMany."""
    parts = (str(account.tenant_id), account.email, network_of(request))
    _count(request, throttle.PASSWORD, *parts)
    if account.check_password(password):
        throttle.PASSWORD.succeeded(*parts)
        return True
    actor = request.actor  # type: ignore[attr-defined]
    if actor is not None and actor.account_id == account.pk:
        record_refusal(acts.CONFIRMING_REFUSED, who(account), what(account), request=request)
    else:
        record_refusal(acts.PASSWORD_REFUSED, NOBODY, what(account), request=request)
    return False
