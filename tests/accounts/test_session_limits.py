"""Sessions: how long they live by role, their cookie, and what browsers may keep of a page."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from tenants.models import Membership, OrganisationRole
from tenants.permissions import OWNER
from tenants.scope import tenant_scope
from tests import mailbox
from tests.approvals.stage import approve
from tests.cast import Cast, later, make_account, make_fresh
from tests.reading import text
from vsaas.approvals.models import ApprovalPolicy, ApprovalRequest
from vsaas.audit.models import AuditInbox

pytestmark = pytest.mark.usefixtures("pages")


def at(cast: Cast, rest: str) -> str:
    return f"/t/{cast.tenant_a.slug}/{rest}"


def limit(client: Client, cast: Cast, role: str, **seconds: int | None) -> Any:
    headers = {"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    return client.patch(
        f"/api/v1/roles/{role}/sessions", json.dumps(seconds), "application/json", headers=headers
    )


def lives(client: Client, cast: Cast) -> bool:
    return client.get(at(cast, "account")).status_code == 200


def test_a_role_ends_sessions_sooner_for_lack_of_use_and_by_age(cast: Cast, client_for: Any) -> None:
    alice, bob = client_for(cast.alice), client_for(cast.bob)
    fields = {"idle_min": "15", "lifetime_h": "2"}
    assert alice.post(at(cast, "roles/viewer/sessions"), fields).status_code == 302
    for minutes in range(14, 2 * 60, 14):
        with later(minutes=minutes):
            assert lives(bob, cast), minutes
    with later(hours=2, seconds=1):
        assert not lives(bob, cast), "in use, but too old"
        assert lives(alice, cast), "another role"
    bob = client_for(cast.bob)
    with later(minutes=15, seconds=1):
        assert not lives(bob, cast)
    with tenant_scope(cast.tenant_a.id):
        (entry,) = AuditInbox.objects.filter(act="role.sessions")
    assert entry.details == {"idle": 15, "lifetime": "2", "idle_before": 480, "lifetime_before": "168"}


def test_a_limit_holds_at_once_for_sessions_that_are_open(cast: Cast, client_for: Any) -> None:
    alice, bob = client_for(cast.alice), client_for(cast.bob)
    with later(minutes=20):
        make_fresh(alice, cast.tenant_a.slug)
        assert limit(alice, cast, "viewer", idle_s=900).json()["idle_s"] == 900
        page = alice.get(at(cast, f"people/{cast.bob.id}")).content.decode()
        assert "Nowhere." in page, "what has ended is not listed as open"
        assert not lives(bob, cast)


def test_a_session_says_when_its_role_ends_it(cast: Cast, client_for: Any) -> None:
    alice, bob = client_for(cast.alice), client_for(cast.bob)
    assert limit(alice, cast, "viewer", lifetime_s=3600).status_code == 200
    headers = {"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    for client, path in ((bob, "sessions"), (alice, f"members/{cast.bob.id}/sessions")):
        (session,) = client.get(f"/api/v1/{path}", headers=headers).json()["items"]
        assert session["expires_us"] - session["created_us"] == 3600 * 1_000_000


def test_of_several_roles_the_strictest_counts_and_none_is_longer_than_the_products(
    cast: Cast, client_for: Any
) -> None:
    alice = client_for(cast.alice)
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.create(account=cast.olga, role="viewer", site=cast.site_a)
    assert limit(alice, cast, "viewer", idle_s=600).status_code == 200
    olga = client_for(cast.olga)
    with later(minutes=11):
        assert not lives(olga, cast)
    for wrong in (
        {"idle_s": 299},
        {"idle_s": 8 * 3600 + 1},
        {"lifetime_s": 60},
        {"lifetime_s": 8 * 24 * 3600},
    ):
        assert limit(alice, cast, "viewer", **wrong).status_code == 422, wrong


def test_longer_sessions_wait_for_a_second_person_where_changes_of_roles_do(
    cast: Cast, client_for: Any
) -> None:
    alice = client_for(cast.alice)
    assert limit(alice, cast, "viewer", idle_s=600).status_code == 200
    with tenant_scope(cast.tenant_a.id):
        ApprovalPolicy.objects.create(roles_need_second=True)
    assert limit(alice, cast, "viewer", idle_s=300).json() == {
        "idle_s": 300,
        "lifetime_s": None,
        "waiting": None,
    }
    told = limit(alice, cast, "viewer", idle_s=None).json()
    assert told["idle_s"] == 300, "nothing changed yet"
    with tenant_scope(cast.tenant_a.id):
        asked = ApprovalRequest.objects.get()
        assert str(asked.pk) == told["waiting"]
        assert OrganisationRole.objects.get(key="viewer").idle_s == 300
        anna = make_account("Anna", OWNER)
    annas = client_for(anna)
    assert "480 minutes" in text(annas.get(at(cast, "approvals")))
    assert approve(annas, anna, asked).status_code == 200
    with tenant_scope(cast.tenant_a.id):
        assert OrganisationRole.objects.get(key="viewer").idle_s is None


def test_cookies_are_for_this_site_and_no_script_reads_the_sessions(
    cast: Cast, client_for: Any, settings_of_https: None
) -> None:
    client = client_for(cast.alice)
    for name in (f"vsaas_s_{cast.tenant_a.slug}", f"vsaas_d_{cast.tenant_a.slug}"):
        cookie = client.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["secure"], cookie["domain"]) == (
            True,
            "Lax",
            True,
            "",
        )


@pytest.fixture
def settings_of_https(monkeypatch: pytest.MonkeyPatch) -> None:
    """As behind https, where cookies are sent over nothing else."""
    from django.conf import settings

    monkeypatch.setattr(settings, "SESSION_COOKIE_SECURE", True)


def test_nothing_signed_in_and_no_page_of_a_link_is_kept_by_browsers_or_proxies(
    cast: Cast, client_for: Any
) -> None:
    client = client_for(cast.alice)
    api = {"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    Client().post(at(cast, "forgot"), {"email": cast.alice.email})
    link = mailbox.link_to(cast.tenant_a.id, cast.alice.email, "password-reset")
    replies = [
        *(client.get(at(cast, page)) for page in ("", "account", "people", "mail", "roles")),
        client.get("/api/v1/account", headers=api),
        Client().get(at(cast, "sign-in")),
        (reader := Client()).get(link),
        reader.get(at(cast, "reset")),
        Client().get("/setup/" + "a" * 43),
    ]
    for reply in replies:
        assert "no-store" in reply["Cache-Control"], reply.request["PATH_INFO"]
        # Neither sends the path of a page to anybody else; the first sends nothing to anybody.
        expected = "no-referrer" if reply.request["PATH_INFO"] == link else "same-origin"
        assert reply["Referrer-Policy"] == expected
