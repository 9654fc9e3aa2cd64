"""A second factor given a moment ago: asked for before what is dangerous, with what was typed kept."""

from __future__ import annotations

import html
import json
import re
from typing import Any

import pytest
from django.test import Client

from tenants.models import OrganisationRole, Site
from tenants.permissions import SITE_EDIT
from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.cast import PASSWORD, Cast, code_of, later, make_fresh, make_site, make_token, sign_in, slug_of
from vsaas.accounts.models import Account

pytestmark = pytest.mark.usefixtures("pages")
NEW_ROLE = {"title": "Gate watch", "permissions": ["camera:view", "camera:live"]}


def stale(client: Client, account: Account) -> None:
    """As if the factor had been given six minutes ago."""
    with later(minutes=-6):
        make_fresh(client, slug_of(account))


def hidden(reply: Any) -> dict[str, list[str]]:
    """What the page keeps in its form."""
    kept: dict[str, list[str]] = {}
    for name, value in re.findall(
        r'<input type="hidden" name="([^"]+)" value="([^"]*)">', reply.content.decode()
    ):
        if name != "csrfmiddlewaretoken":
            kept.setdefault(name, []).append(html.unescape(value))
    return kept


def roles(cast: Cast) -> list[str]:
    with tenant_scope(cast.tenant_a.id):
        return list(OrganisationRole.objects.values_list("title", flat=True))


def test_what_was_typed_is_kept_and_done_with_the_code(cast: Cast) -> None:
    alice, path = sign_in(cast.alice), f"/t/{cast.tenant_a.slug}/roles/new"
    stale(alice, cast.alice)
    assert alice.get(path).status_code == 200  # looking takes none
    sent = {"title": 'Gate "watch"', "permissions": ["camera:view", "camera:live"]}
    asked = alice.post(path, sent)
    assert asked.status_code == 403
    assert f'action="{path}"' in asked.content.decode()
    kept = hidden(asked)
    assert kept == {"title": ['Gate "watch"'], "permissions": ["camera:view", "camera:live"]}
    assert roles(cast) == []
    wrong = alice.post(path, kept | {"fresh-code": "000000"})
    assert wrong.status_code == 401
    assert hidden(wrong) == kept
    with later(seconds=40):
        done = alice.post(path, kept | {"fresh-code": code_of(cast.alice)})
    assert done.status_code == 302, done.content.decode()
    assert roles(cast) == ['Gate "watch"']


def test_programs_are_told_how_to_refresh(cast: Cast) -> None:
    alice, slug = sign_in(cast.alice), cast.tenant_a.slug
    stale(alice, cast.alice)
    reply = call(None, "POST", "/api/v1/roles", NEW_ROLE, client=alice, vsaas_tenant=slug)
    assert (reply.status_code, problem(reply)) == (403, "stale-factor")
    refresh = json.loads(reply.content)["refresh"]
    assert refresh == "/api/v1/account/freshness"
    refused = call(None, "POST", refresh, {"code": "000000"}, client=alice, vsaas_tenant=slug)
    assert (refused.status_code, problem(refused)) == (422, "fresh-factor")
    with later(seconds=40):
        told = call(None, "POST", refresh, {"code": code_of(cast.alice)}, client=alice, vsaas_tenant=slug)
        assert told.status_code == 200, told.content
        reply = call(None, "POST", "/api/v1/roles", NEW_ROLE, client=alice, vsaas_tenant=slug)
    assert reply.status_code == 201, reply.content


def test_a_token_is_held_to_its_scopes_instead(cast: Cast) -> None:
    with tenant_scope(cast.tenant_a.id):
        site = make_site("Empty")
    _row, token = make_token(cast.alice, SITE_EDIT)
    refused = call(token, "POST", "/api/v1/account/freshness", {"code": "123456"})
    assert refused.status_code == 403  # no token acts for its person's account
    reply = call(token, "DELETE", f"/api/v1/sites/{site.id}")
    assert reply.status_code == 204, reply.content
    with tenant_scope(cast.tenant_a.id):
        assert not Site.objects.filter(pk=site.id).exists()


def test_a_code_opens_nothing_to_who_has_no_right(cast: Cast) -> None:
    """Bob's factor is looked at, and the right is still missing."""
    bob = sign_in(cast.bob)
    stale(bob, cast.bob)
    path = f"/t/{slug_of(cast.bob)}/roles/new"
    assert bob.post(path, {"title": "Mine"}).status_code == 403
    with later(seconds=40):
        reply = bob.post(path, {"title": "Mine", "fresh-code": code_of(cast.bob)})
    assert reply.status_code == 403
    assert roles(cast) == []


def test_half_a_sign_in_is_never_fresh(cast: Cast) -> None:
    half = Client(headers={"accept": "text/html"})
    slug = cast.tenant_a.slug
    half.post(f"/t/{slug}/sign-in", {"email": cast.alice.email, "password": PASSWORD})
    reply = half.post(f"/t/{slug}/roles/new", {"title": "x", "fresh-code": code_of(cast.alice)})
    assert reply.status_code == 302
    assert "/sign-in" in reply["Location"]
