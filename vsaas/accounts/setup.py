"""The set-up sequence behind a one-time link: a tenant's first owner, somebody invited, or a lost second factor."""

from __future__ import annotations

from django.contrib.auth import login
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django_otp import login as otp_login

from tenants import lookups
from tenants.lookups import TenantFound
from tenants.models import Membership, Tenant
from tenants.permissions import OWNER
from tenants.scope import tenant_scope
from vsaas.accounts import acts, devices, freshness, invitations, notices, owing, recovery, trust
from vsaas.accounts.invitations import new_link
from vsaas.accounts.models import Account, Passkey, SentFactor, SetupLink, TotpDevice, hash_setup_token
from vsaas.accounts.own import end_others, replace_devices
from vsaas.accounts.signin import BACKEND
from vsaas.audit.services import record_act, system, what, who
from vsaas.common import clock
from vsaas.common.errors import Conflict


def issue_link() -> str:
    """A new set-up link of the current tenant; earlier ones stop working. Raises Conflict once there is an owner."""
    if has_owner():
        raise Conflict(_("this organisation has an owner already; set-up links are for the first one only"))
    SetupLink.objects.filter(kind=SetupLink.Kind.OWNER, used_at__isnull=True).update(expires_at=clock.now())
    record_act(acts.SETUP_LINK_ISSUED, system("setup_link"))
    return new_link(kind=SetupLink.Kind.OWNER, expires_at=clock.now() + SetupLink.LIFETIME)


def has_owner() -> bool:
    """Whether an active account owns the current tenant."""
    return Membership.objects.filter(
        role=OWNER.name, site=None, group="", camera_id=None, denies=False, account__is_active=True
    ).exists()


def tenant_of_token(token: str) -> TenantFound | None:
    """The tenant a set-up link belongs to; the request then runs in its scope."""
    found = lookups.find("lookup_setup_link", hash_setup_token(token))
    if found is None:
        return None
    with tenant_scope(found.tenant_id):
        tenant = Tenant.objects.get()
    return TenantFound(tenant.id, tenant.slug, tenant.name)


def link_of_token(token: str) -> SetupLink:
    """The link, its row locked: two browsers cannot use it up at once."""
    link: SetupLink = SetupLink.objects.select_for_update(of=("self",)).get(
        token_hash=hash_setup_token(token)
    )
    return link


def keep_person(link: SetupLink, name: str, email: str, password: str) -> Account:
    """Step 1: the account being made, inactive until step 2. May be repeated; an empty password keeps the one chosen."""
    account = link.account or Account(is_active=False)
    account.name, account.email = name, email
    if password:
        account.set_password(password)
    account.save()
    if link.account is None:
        link.account = account
        link.save(update_fields=["account"])
    return account


def device_of(account: Account) -> TotpDevice:
    """The authenticator app being set up, the same one until it is confirmed."""
    return TotpDevice.objects.filter(user=account, confirmed=False).first() or TotpDevice.make(account)


def finish(request: HttpRequest, link: SetupLink, account: Account, device: TotpDevice) -> None:
    """Step 2 done: the link is used up, the account is what the link makes of it, the person is signed in, and gets new
    codes."""
    if SetupLink.objects.filter(pk=link.pk, used_at__isnull=True).update(used_at=clock.now()) != 1:
        raise Conflict(_("this link was used a moment ago; sign in"))
    match link.kind:
        case SetupLink.Kind.OWNER:
            _become_owner(request, account)
        case SetupLink.Kind.INVITATION:
            invitations.accept(request, link, account)
    account.is_active = True
    account.last_seen_at = clock.now()
    account.save(update_fields=["is_active", "last_seen_at"])
    replace_devices(account, device)
    login(request, account, backend=BACKEND)
    otp_login(request, device)
    freshness.given(request)
    owing.note(request, account)
    if link.kind == SetupLink.Kind.FACTOR:
        # Lost, like the app.
        Passkey.objects.filter(user=account).delete()
        SentFactor.objects.filter(user=account).delete()
        end_others(request, account)
        issuer = str(link.issued_by) if link.issued_by else acts.SOMEBODY_GONE
        record_act(acts.FACTOR_RESET, who(account), what(account), request=request, issuer=issuer)
        notices.factor_changed(request, account)
    devices.seen(request, account)
    trust.remember(request, account)
    recovery.make_codes(request, account)


def _become_owner(request: HttpRequest, account: Account) -> None:
    if has_owner():
        raise Conflict(_("this organisation was set up a moment ago; sign in"))
    Membership.objects.create(account=account, role=OWNER.name, site=None)
    record_act(acts.OWNER_SET_UP, who(account), request=request)


# ---- a lost second factor: the password first, in place of name and address

FACTOR_LINK = "factor_link"
PASSWORD_WITHIN_S = 600


def password_given(request: HttpRequest, link: SetupLink) -> None:
    """The account's password was given to this link in this browser; a fresh authenticator secret is made from here on."""
    TotpDevice.objects.filter(user=link.account, confirmed=False).delete()
    request.session[FACTOR_LINK] = [link.id.hex, clock.now_us()]


def owes_password(request: HttpRequest, link: SetupLink) -> bool:
    """Whether this browser has yet to give the password to this link (or did so too long ago)."""
    kept = request.session.get(FACTOR_LINK)
    if kept is None or kept[0] != link.id.hex:
        return True
    late: bool = clock.now_us() - kept[1] > PASSWORD_WITHIN_S * 1_000_000
    return late
