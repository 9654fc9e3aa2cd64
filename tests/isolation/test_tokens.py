"""Everybody's access tokens try every way into the API: a token opens what its owner may, cut down to what it was given."""

from __future__ import annotations

import functools

import pytest
from django.http import HttpResponse
from django.test import Client

from tenants.declare import Requires
from tenants.middleware import TENANT_HEADER
from tenants.models import Site
from tenants.permissions import NEVER_BY_TOKEN, VIEWER, Permission, token_scopes
from tests.cast import make_token
from tests.isolation.headers import assert_baseline
from tests.isolation.stage import Stage, assert_holds_nothing_of_a, make_stage
from tests.isolation.table import API, URLS, Url
from vsaas.accounts.models import Account

ROWS = [row for row in URLS if row.route.startswith(API) and isinstance(row.declares, Requires)]
PAGE_ROWS = [row for row in URLS if not row.route.startswith(API) and isinstance(row.declares, Requires)]


def by_id(row: Url) -> str:
    return row.id


def permission_of(row: Url) -> Permission:
    assert isinstance(row.declares, Requires)
    return row.declares.of(row.method)


@pytest.fixture(scope="module")
def shared(database: None, object_store_server: None, pages: None) -> Stage:
    return make_stage().whole()


@pytest.fixture
def stage(request: pytest.FixtureRequest, shared: Stage) -> Stage:
    return make_stage() if request.node.callspec.params["row"].fresh else shared


@pytest.fixture
def untouched(request: pytest.FixtureRequest, shared: Stage) -> Stage:
    """For strangers to A's things: a request that names one of them changes nothing, whatever it would change for others."""
    row = request.node.callspec.params["row"]
    return make_stage() if row.fresh and not row.names_object else shared


@functools.cache
def token_of(account: Account, *scopes: Permission, site: Site | None = None) -> str:
    """One token for each purpose: an account may not have any number of them."""
    return make_token(account, *scopes, site=site)[1]


def ask(stage: Stage, row: Url, token: str, slug: str | None = None) -> HttpResponse:
    """The row's request as a program sends it: the token, no cookie, no CSRF token."""
    headers = {"Authorization": f"Bearer {token}", "accept": "application/json"}
    if slug is not None:
        headers[TENANT_HEADER] = slug
    body, content_type = row.payload(stage)
    client = Client(enforce_csrf_checks=True)
    reply = client.generic(row.method, row.path(stage), body, content_type=content_type, headers=headers)
    assert not reply.cookies
    assert_baseline(reply, signed_in=True, program=True)
    return reply


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_a_token_opens_what_its_owner_may_and_it_was_given(row: Url, stage: Stage) -> None:
    needed = permission_of(row)
    cast = stage.cast
    everything = token_of(cast.alice)
    if needed in NEVER_BY_TOKEN:
        assert ask(stage, row, everything).status_code == 403
        return
    others = [one for one in token_scopes() if one != needed]
    refused = ask(stage, row, token_of(cast.alice, *others))
    assert refused.status_code == 403, refused.content[:300]
    if row.reach != "account":
        elsewhere = ask(stage, row, token_of(cast.alice, site=cast.site_a))
        if row.reach == "tenant":
            assert elsewhere.status_code == 403, elsewhere.content[:300]
        elif row.names_object:
            assert elsewhere.status_code in row.not_found, elsewhere.content[:300]
        assert_holds_nothing_of_a(stage, elsewhere, row.path(stage))
    site = None if row.reach == "tenant" else stage.site
    reply = ask(stage, row, token_of(cast.alice, needed, *row.also, site=site))
    assert reply.status_code in row.succeeds, reply.content[:600]


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_other_peoples_tokens_open_nothing_of_it(row: Url, untouched: Stage) -> None:
    stage, cast = untouched, untouched.cast
    charlies = token_of(cast.charlie)
    at_a = ask(stage, row, charlies, stage.slug)
    assert at_a.status_code == 403, at_a.content[:300]
    assert_holds_nothing_of_a(stage, at_a, row.path(stage))
    at_home = ask(stage, row, charlies)
    if permission_of(row) in NEVER_BY_TOKEN:
        assert at_home.status_code == 403, at_home.content[:300]
    else:
        expected = row.not_found if row.names_object else row.succeeds
        assert at_home.status_code in expected, at_home.content[:300]
    assert_holds_nothing_of_a(stage, at_home, row.path(stage))
    bobs = ask(stage, row, token_of(cast.bob))
    if permission_of(row) in NEVER_BY_TOKEN or permission_of(row) not in VIEWER.permissions:
        assert bobs.status_code == 403, bobs.content[:300]
    elif row.names_object:
        assert bobs.status_code in row.not_found, bobs.content[:300]
    else:
        assert bobs.status_code in row.succeeds, bobs.content[:300]
    assert_holds_nothing_of_a(stage, bobs, row.path(stage))


@pytest.mark.parametrize("row", ROWS, ids=by_id)
def test_a_token_holds_no_longer_than_its_owners_role_does(row: Url, shared: Stage) -> None:
    """Outside the hours, and where signing in takes a second person's yes."""
    outside = ask(shared, row, shared.hugo.token)
    assert (outside.status_code, outside.json()["type"]) == (403, "urn:vsaas:problem:outside-hours")
    bound = ask(shared, row, shared.wanda.token)
    assert bound.status_code in (401, 403), bound.content[:300]
    for reply in (outside, bound):
        assert_holds_nothing_of_a(shared, reply, row.path(shared))


@pytest.mark.parametrize("row", PAGE_ROWS, ids=by_id)
def test_a_token_opens_no_page(row: Url, shared: Stage) -> None:
    """Not opened, a page changes nothing: no row needs a stage of its own."""
    token = token_of(shared.cast.alice)
    body, content_type = row.payload(shared)
    headers = {"Authorization": f"Bearer {token}", "accept": "text/html"}
    reply = Client().generic(row.method, row.path(shared), body, content_type=content_type, headers=headers)
    assert reply.status_code == 302
    assert "/sign-in" in reply["Location"]
