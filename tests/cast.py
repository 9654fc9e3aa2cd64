"""The standing cast, from plain factory functions. Every call makes fresh tenants, committed.

Alice owns tenant A; Bob is a viewer of one of A's two sites; Olga operates all of A; Charlie owns tenant B. Rita works for
the reseller that provisioned A and B: her account is in the reseller's own tenant, and gives her nothing in theirs.
"""

from __future__ import annotations

import datetime as dt
import functools
import secrets
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import psycopg
from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest
from django.test import Client
from django_otp.oath import TOTP

from tenants import lookups
from tenants.access import actor_of
from tenants.ids import uuid7
from tenants.models import Membership, Site, Tenant
from tenants.permissions import OPERATOR, OWNER, VIEWER, Permission, Role
from tenants.scope import tenant_scope
from vsaas.accounts import freshness, tokens
from vsaas.accounts.models import TOTP_STEP_S, AccessToken, Account, TotpDevice
from vsaas.accounts.sessions import SessionStore
from vsaas.common import clock

PASSWORD = "correct horse battery 7 staple"


@dataclass(frozen=True)
class Cast:
    """Who is who. Objects were read in their tenant's scope; ids may be used anywhere."""

    tenant_a: Tenant
    tenant_b: Tenant
    partner_id: UUID
    site_a: Site
    other_site_a: Site
    site_b: Site
    alice: Account
    olga: Account
    bob: Account
    charlie: Account
    rita: Account


def make_cast() -> Cast:
    """Two tenants of one reseller, with people."""
    partner_id = make_partner()
    tenant_a, tenant_b, tenant_p = (make_tenant(letter, partner_id) for letter in "abp")
    with tenant_scope(tenant_a.id):
        site_a, other_site_a = make_site("Gate"), make_site("Yard")
        alice, olga = make_account("Alice", OWNER), make_account("Olga", OPERATOR)
        bob = make_account("Bob", VIEWER, site_a)
    with tenant_scope(tenant_b.id):
        site_b, charlie = make_site("Depot"), make_account("Charlie", OWNER)
    with tenant_scope(tenant_p.id):
        rita = make_account("Rita", OWNER)
    return Cast(tenant_a, tenant_b, partner_id, site_a, other_site_a, site_b, alice, olga, bob, charlie, rita)


def owner_connection(alias: str = "default") -> psycopg.Connection[tuple[Any, ...]]:
    """A connection as the owner of the tables, for what the app may not do (and to look behind row-level security)."""
    url = settings.ENV.owner_database_url if alias == "default" else settings.ENV.owner_keys_database_url
    return psycopg.connect(url.get_secret_value(), autocommit=True)


def make_partner() -> UUID:
    """A reseller. The app may not make one."""
    partner_id = uuid7()
    with owner_connection() as connection:
        connection.execute(
            "INSERT INTO tenants_partner (id, name, created_at) VALUES (%s, %s, now())",
            [partner_id, f"Reseller {partner_id.hex[-8:]}"],
        )
    return partner_id


def make_tenant(letter: str = "t", partner_id: UUID | None = None) -> Tenant:
    """A fresh tenant with a slug of its own."""
    tenant_id = uuid7()
    with tenant_scope(tenant_id):
        return Tenant.objects.create(
            id=tenant_id,
            slug=f"{letter}-{secrets.token_hex(6)}",
            name=f"Tenant {letter.upper()}",
            partner_id=partner_id,
        )


def make_site(name: str = "Site", timezone: str = "Europe/Berlin") -> Site:
    """A site of the current tenant."""
    return Site.objects.create(name=name, timezone=timezone)


def make_account(
    name: str, role: Role | None = None, site: Site | None = None, *, email: str = "", factor: bool = True
) -> Account:
    """An account of the current tenant with `PASSWORD`, a role (on one site, or all) and a confirmed second factor."""
    account = Account(email=email or f"{name.lower()}@example.org", name=name)
    account.password = _hashed(PASSWORD)
    account.save(force_insert=True)
    if role is not None:
        Membership.objects.create(account=account, role=role.name, site=site)
    if factor:
        device = TotpDevice.make(account)
        TotpDevice.objects.filter(pk=device.pk).update(confirmed=True)
    return account


@functools.cache
def _hashed(password: str) -> str:
    """Argon2id is slow by design; one hash serves a whole run."""
    return make_password(password)


def code_of(account: Account) -> str:
    """A code the account's authenticator app shows now and the portal has not taken yet (up to three in 30 s)."""
    with tenant_scope(account.tenant_id):
        device = TotpDevice.objects.get(user=account)
    now, into_step_s = divmod(clock.now().timestamp(), TOTP_STEP_S)
    now = int(now)
    # The step before is still taken while this one lasts: not when it is about to end, on a busy machine.
    step = max(now - 1 if into_step_s < TOTP_STEP_S / 2 else now, device.last_step + 1)
    assert step <= now + 1, "four sign-ins of one account within 30 s: shift the clock"
    totp = TOTP(device.secret, TOTP_STEP_S)
    totp.time = step * TOTP_STEP_S
    return f"{totp.token():06d}"


def slug_of(account: Account) -> str:
    """The slug of an account's tenant."""
    with tenant_scope(account.tenant_id):
        return Tenant.objects.get().slug


def sign_in(account: Account) -> Client:
    """A browser in which the account signed in, as people do: password, then the code of the authenticator app."""
    client = Client(headers={"accept": "text/html"})
    slug = slug_of(account)
    reply = client.post(f"/t/{slug}/sign-in", {"email": account.email, "password": PASSWORD})
    assert (reply.status_code, reply.headers.get("Location")) == (302, f"/t/{slug}/sign-in/factor"), (
        reply.content
    )
    reply = client.post(f"/t/{slug}/sign-in/factor", {"code": code_of(account)})
    assert reply.status_code == 302, reply.content
    return client


def make_fresh(client: Client, slug: str) -> None:
    """As if the person of the browser's session, where it is a full one, had given the second factor just now."""
    cookie = client.cookies.get(f"vsaas_s_{slug}")
    if cookie is None or not cookie.value:
        return
    tenant = lookups.tenant_by_slug(slug)
    assert tenant is not None
    with tenant_scope(tenant.id):
        session = SessionStore(cookie.value)
        if freshness.GIVEN_AT in session:
            session[freshness.GIVEN_AT] = clock.now_us()
            session.save()


def make_token(
    account: Account, *scopes: Permission, site: Site | None = None, days: float = 30, name: str = "Script"
) -> tuple[AccessToken, str]:
    """An access token of the account, with these scopes or with everything it may have; its row and the token itself."""
    request = HttpRequest()
    request.META["REMOTE_ADDR"] = "192.0.2.9"
    with tenant_scope(account.tenant_id):
        actor = actor_of(account)
        wanted = frozenset(scopes or tokens.offered_scopes(actor))
        expires_at = clock.now() + dt.timedelta(days=days)
        new = tokens.NewToken(name, wanted, expires_at, site.id if site else None)
        return tokens.issue(actor, new, request=request)


def later(**duration: float) -> Any:
    """`with later(minutes=5): …`"""
    return clock.shifted(dt.timedelta(**duration))
