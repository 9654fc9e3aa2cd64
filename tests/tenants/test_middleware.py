"""Requests in their tenant's scope, views behind what they declare, refusals noted after the rollback."""

from __future__ import annotations

import json

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, override_settings

from tenants import checks
from tenants.models import Site
from tenants.scope import in_tenant_scope, tenant_scope
from vsaas.audit.models import AuditInbox

pytestmark = pytest.mark.usefixtures("database", "doors")


@pytest.fixture
def doors():
    with override_settings(ROOT_URLCONF="tests.tenants.doors"):
        yield


def site_names(cast) -> set[str]:
    with tenant_scope(cast.tenant_a.id):
        return {site.name for site in Site.objects.all()}


def refusals(cast) -> list[tuple[str, str, dict]]:
    with tenant_scope(cast.tenant_a.id):
        rows = AuditInbox.objects.filter(outcome="refused").order_by("id")
        return [(row.act, row.actor_name, row.details) for row in rows]


def test_the_template_renders_inside_the_scope(cast, anonymous):
    reply = anonymous.get(f"/t/{cast.tenant_a.slug}/doors/lazy")
    assert reply.content.decode() == "[Gate][Yard]"
    assert not in_tenant_scope()


def test_the_api_takes_the_tenant_from_its_header(cast, anonymous):
    reply = anonymous.get("/api/v1/doors/lazy", headers={"VSaaS-Tenant": cast.tenant_b.slug})
    assert reply.content.decode() == "[Depot]"


@pytest.mark.parametrize("slug", ["", "nobody-here", "UPPER", "a b", "../x", "é", "x" * 300])
def test_a_tenant_nobody_knows_has_no_pages_and_answers_programs_as_any_other(cast, anonymous, slug):
    reply = anonymous.get("/api/v1/doors/editing", headers={"VSaaS-Tenant": slug})
    assert (reply.status_code, reply["Content-Type"]) == (401, "application/problem+json")
    known = anonymous.get("/api/v1/doors/editing", headers={"VSaaS-Tenant": cast.tenant_a.slug})
    assert (reply.status_code, reply.content) == (known.status_code, known.content)
    assert anonymous.get("/api/v1/doors/lazy", headers={"VSaaS-Tenant": slug}).status_code == 401
    assert anonymous.get(f"/t/{slug}/doors/lazy").status_code == 404


def test_a_view_that_declares_nothing_is_refused_at_run_time(cast, client_for, pages):
    client = client_for(cast.alice)
    for path in (f"/t/{cast.tenant_a.slug}/doors/undeclared", "/bare"):
        assert client.get(path).status_code == 500
    assert b"open" not in Client().get("/bare").content


def test_without_a_session_pages_send_to_sign_in_and_the_api_says_401(cast, anonymous):
    slug = cast.tenant_a.slug
    page = anonymous.get(f"/t/{slug}/doors/editing?x=1", headers={"accept": "text/html"})
    assert (page.status_code, page["Location"]) == (
        302,
        f"/t/{slug}/sign-in?next=%2Ft%2F{slug}%2Fdoors%2Fediting%3Fx%3D1",
    )
    api = anonymous.get("/api/v1/doors/editing", headers={"VSaaS-Tenant": slug})
    assert (api.status_code, json.loads(api.content)["type"]) == (401, "urn:vsaas:problem:not-signed-in")


def test_without_the_permission_403_and_the_refusal_is_audited(cast, client_for):
    reply = client_for(cast.bob).get(
        "/api/v1/doors/editing", headers={"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    )
    assert reply.status_code == 403
    assert "add and change cameras" in json.loads(reply.content)["detail"]
    assert refusals(cast) == [
        (
            "access.refused",
            "Bob",
            {"method": "GET", "path": "/api/v1/doors/editing", "reason": "denied"},
        )
    ]


def test_a_refusal_rolls_back_what_was_done_and_is_audited_all_the_same(cast, client_for, pages):
    reply = client_for(cast.alice).get(f"/t/{cast.tenant_a.slug}/doors/refused")
    assert reply.status_code == 403
    assert "Made" not in site_names(cast)
    assert [act for act, _, _ in refusals(cast)] == ["access.refused"]


def test_a_conflict_in_the_database_is_told_and_leaves_nothing(cast, client_for):
    reply = client_for(cast.alice).post(
        "/api/v1/doors/conflict", headers={"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    )
    assert reply.status_code == 409
    assert "Made" not in site_names(cast)


def test_a_fault_of_ours_rolls_back_and_tells_no_details(cast, client_for):
    client = client_for(cast.alice)
    client.raise_request_exception = False
    reply = client.get(
        "/api/v1/doors/broken", headers={"VSaaS-Tenant": cast.tenant_a.slug, "accept": "application/json"}
    )
    assert reply.status_code == 500
    assert json.loads(reply.content)["detail"] == ""
    assert b"ZeroDivision" not in reply.content
    assert "Made" not in site_names(cast)
    page = client.get(f"/t/{cast.tenant_a.slug}/doors/broken")
    assert page.status_code == 500
    assert b"<h1>" in page.content


def test_success_commits(cast, client_for):
    reply = client_for(cast.alice).post(f"/t/{cast.tenant_a.slug}/doors/made")
    assert reply.content.decode() == "made in Tenant A"
    assert "Made" in site_names(cast)


def test_start_up_stops_for_a_view_that_declares_nothing():
    sentences = checks.complaints()
    assert len(sentences) == 3
    assert "the url /bare (undeclared) declares no access" in " ".join(sentences)
    with pytest.raises(ImproperlyConfigured, match="/bare"):
        checks.assert_declared()


def test_every_reply_carries_the_policy(cast, anonymous, pages):
    for path in ("/", f"/t/{cast.tenant_a.slug}/sign-in", "/nowhere", "/static/mark.svg"):
        reply = anonymous.get(path)
        reply.close()  # a static file's is a stream
        headers = reply.headers
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
        assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    policy = anonymous.get("/nowhere").headers["Content-Security-Policy"]
    (connect,) = (rule for rule in policy.split("; ") if rule.startswith("connect-src"))
    from django.conf import settings

    assert connect.split() == [
        "connect-src",
        "'self'",
        settings.ENV.live_url,
        settings.ENV.s3_public_endpoint,
    ]


def test_pages_are_not_kept_by_anybody(cast, client_for, pages):
    reply = client_for(cast.alice).get(f"/t/{cast.tenant_a.slug}/recovery-codes")
    assert reply["Cache-Control"] == "no-store"
