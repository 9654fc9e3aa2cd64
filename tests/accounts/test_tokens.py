"""Access tokens: what they look like, how long and how far they reach, and what is written down about them."""

from __future__ import annotations

import importlib
import re

import pytest
from django.test import Client

from tenants import bearer
from tenants.models import Membership
from tenants.permissions import CAMERA_VIEW, PEOPLE_EDIT, SITE_VIEW
from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.cast import Cast, later, make_token, owner_connection
from tests.keys.dumps import holding
from vsaas.accounts.models import AccessToken, Account
from vsaas.audit.models import AuditInbox
from vsaas.common import clock

CAMERAS = "/api/v1/cameras"
TOKENS = "/api/v1/tokens"
DAY_US = 86_400 * 1_000_000


def acts(cast: Cast) -> list[tuple[str, str]]:
    with tenant_scope(cast.tenant_a.id):
        rows = AuditInbox.objects.filter(act__startswith="token.").order_by("at", "id")
        return list(rows.values_list("act", "actor_name"))


def as_person(client: Client, cast: Cast, method: str, path: str, body: object = None):
    return call(None, method, path, body, client=client, vsaas_tenant=cast.tenant_a.slug)


def asked(**changes: object) -> dict[str, object]:
    return {
        "name": "Nightly",
        "scopes": ["camera:view"],
        "expires_us": clock.now_us() + 30 * DAY_US,
    } | changes


def test_tokens_are_long_alike_in_form_and_never_the_same() -> None:
    made = {bearer.new_token() for _ in range(200)}
    assert len(made) == 200
    for token in made:
        assert re.fullmatch(bearer.PATTERN, token)
        assert bearer.is_token(token)
        assert len(bearer.token_hash(token)) == 32


@pytest.mark.parametrize("place", [10, 30, 52, 53, 58])
def test_a_mistyped_token_is_noticed_without_looking_it_up(place: int) -> None:
    token = bearer.new_token()
    other = "A" if token[place] != "A" else "B"
    assert not bearer.is_token(token[:place] + other + token[place + 1 :])
    assert not bearer.is_token(token[:-1])
    assert not bearer.is_token(token + "0")


def test_a_token_needs_no_cookie_no_csrf_token_and_no_tenant_header(cast: Cast) -> None:
    token = make_token(cast.alice)[1]
    reply = call(token, "GET", CAMERAS)
    assert reply.status_code == 200
    assert reply.json() == {"items": [], "next": None}
    assert not reply.cookies
    assert call(token, "GET", CAMERAS, vsaas_tenant=cast.tenant_a.slug).status_code == 200
    code = call(token, "POST", "/api/v1/enrolment-codes", {"site": "no id"})
    assert (code.status_code, problem(code)) == (422, "invalid-fields")


def test_naming_another_organisation_is_refused_whether_it_exists_or_not(cast: Cast) -> None:
    token = make_token(cast.alice)[1]
    for slug in (cast.tenant_b.slug, "nobody-here", "%%%"):
        reply = call(token, "GET", CAMERAS, vsaas_tenant=slug)
        assert (reply.status_code, problem(reply)) == (403, "wrong-organisation")


def test_what_is_no_token_is_refused_even_beside_a_good_session(cast: Cast, client_for) -> None:
    alice = client_for(cast.alice)
    unknown = bearer.new_token()
    for header in (f"Bearer {unknown}", "Bearer x", "Bearer", "Basic YTpi", f"Bearer {unknown}x", ""):
        reply = alice.get(
            CAMERAS,
            headers={
                "authorization": header,
                "vsaas-tenant": cast.tenant_a.slug,
                "accept": "application/json",
            },
        )
        assert (reply.status_code, problem(reply)) == (401, "token-refused"), header
        assert "Bearer" in reply["WWW-Authenticate"]
        assert unknown not in reply.content.decode()


def test_with_a_token_the_session_beside_it_gives_nothing(cast: Cast, client_for) -> None:
    alice = client_for(cast.alice)
    weak = make_token(cast.alice, SITE_VIEW)[1]
    assert call(weak, "GET", CAMERAS, client=alice).status_code == 403
    assert call(weak, "GET", TOKENS, client=alice).status_code == 403


def test_an_expired_a_revoked_and_an_orphaned_token_say_so(cast: Cast) -> None:
    row, token = make_token(cast.alice, days=1)
    with later(days=1, seconds=1):
        reply = call(token, "GET", CAMERAS)
        assert (reply.status_code, problem(reply)) == (401, "token-refused")
        assert "expired" in reply.json()["detail"]
    assert call(token, "GET", CAMERAS).status_code == 200
    with tenant_scope(cast.tenant_a.id):
        Account.objects.filter(id=cast.alice.id).update(is_active=False)
    assert call(token, "GET", CAMERAS).status_code == 401
    with tenant_scope(cast.tenant_a.id):
        Account.objects.filter(id=cast.alice.id).update(is_active=True)
        AccessToken.objects.filter(id=row.id).update(revoked_at=clock.now())
    assert "revoked" in call(token, "GET", CAMERAS).json()["detail"]


def test_a_demoted_owners_token_loses_the_right_with_the_next_request(cast: Cast) -> None:
    token = make_token(cast.alice)[1]
    code = {"site": str(cast.site_a.id)}
    assert call(token, "GET", "/api/v1/agents").status_code == 200
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.filter(account=cast.alice).update(role="viewer", site=cast.site_a)
    assert call(token, "GET", "/api/v1/agents").status_code == 403
    assert call(token, "POST", "/api/v1/enrolment-codes", code).status_code == 403
    assert call(token, "GET", CAMERAS).status_code == 200
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.filter(account=cast.alice).delete()
    assert call(token, "GET", CAMERAS).status_code == 403


def test_a_promoted_owners_token_gains_nothing(cast: Cast) -> None:
    token = make_token(cast.bob)[1]
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.create(account=cast.bob, role="owner", site=None)
    assert call(token, "GET", "/api/v1/agents").status_code == 403


def test_a_person_makes_lists_and_revokes_a_token(cast: Cast, client_for) -> None:
    alice = client_for(cast.alice)
    made = as_person(alice, cast, "POST", TOKENS, asked(site=str(cast.site_a.id)))
    assert made.status_code == 201, made.content
    token = made.json()["token"]
    assert made.json()["hint"] == token[:14]
    assert made.json()["scopes"] == ["camera:view"]
    assert call(token, "GET", CAMERAS).status_code == 200
    (row,) = as_person(alice, cast, "GET", TOKENS).json()["items"]
    assert (row["name"], row["state"], row["site"]) == ("Nightly", "holds", str(cast.site_a.id))
    assert token not in str(row)
    assert row["last_used_us"] is not None
    revoked = as_person(alice, cast, "POST", f"{TOKENS}/{row['id']}/revocation")
    assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    assert call(token, "GET", CAMERAS).status_code == 401
    assert as_person(alice, cast, "POST", f"{TOKENS}/{row['id']}/revocation").status_code == 200
    assert acts(cast) == [("token.created", "Alice"), ("token.used", "Alice"), ("token.revoked", "Alice")]


def test_no_database_holds_a_token(cast: Cast) -> None:
    token = make_token(cast.alice)[1]
    call(token, "GET", CAMERAS)
    assert holding(token[:14], "default")
    assert holding(token[14:40], "default") == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": 7}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["people:edit"]}, "scopes.0"),
        ({"scopes": ["account:self"]}, "scopes.0"),
        ({"scopes": ["no:such"]}, "scopes.0"),
        ({"expires_us": 0}, "expires_us"),
        ({"expires_us": None}, "expires_us"),
        ({"site": "00000000-0000-7000-8000-000000000000"}, "site"),
    ],
)
def test_a_wrong_field_is_named_and_no_token_is_made(cast: Cast, client_for, changes, field) -> None:
    alice = client_for(cast.alice)
    reply = as_person(alice, cast, "POST", TOKENS, asked(**changes))
    assert reply.status_code == 422, reply.content
    assert field in [row["field"] for row in reply.json()["errors"]], reply.content
    far = asked(expires_us=clock.now_us() + 366 * DAY_US)
    assert as_person(alice, cast, "POST", TOKENS, far).status_code == 422
    assert as_person(alice, cast, "GET", TOKENS).json()["items"] == []


def test_nobody_lends_more_than_they_have(cast: Cast, client_for) -> None:
    bob = client_for(cast.bob)
    reply = as_person(bob, cast, "POST", TOKENS, asked(scopes=["camera:view", "agent:edit"]))
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "scopes")
    assert "agent:edit" in reply.json()["errors"][0]["message"]
    other_site = as_person(bob, cast, "POST", TOKENS, asked(site=str(cast.other_site_a.id)))
    assert (other_site.status_code, other_site.json()["errors"][0]["field"]) == (422, "site")


def test_a_token_manages_neither_tokens_nor_people(cast: Cast) -> None:
    row, token = make_token(cast.alice)
    assert PEOPLE_EDIT.name not in row.scopes
    for method, path in (
        ("GET", TOKENS),
        ("POST", TOKENS),
        ("GET", f"{TOKENS}/{row.id}"),
        ("POST", f"{TOKENS}/{row.id}/revocation"),
    ):
        assert call(token, method, path, asked()).status_code == 403, path
    assert call(token, "GET", CAMERAS).status_code == 200


def test_scopes_that_no_token_may_have_give_nothing_even_when_a_row_holds_them(cast: Cast) -> None:
    row, token = make_token(cast.alice, CAMERA_VIEW)
    with tenant_scope(cast.tenant_a.id):
        AccessToken.objects.filter(id=row.id).update(scopes=["account:self", "people:edit", "camera:view"])
    assert call(token, "GET", TOKENS).status_code == 403
    assert call(token, "GET", CAMERAS).status_code == 200


def test_tokens_of_others_are_as_if_they_did_not_exist(cast: Cast, client_for) -> None:
    row, _ = make_token(cast.alice)
    olga = client_for(cast.olga)
    assert as_person(olga, cast, "GET", TOKENS).json()["items"] == []
    for method, path in (("GET", f"{TOKENS}/{row.id}"), ("POST", f"{TOKENS}/{row.id}/revocation")):
        assert as_person(olga, cast, method, path).status_code == 404


def test_use_is_noted_to_the_minute_and_audited_once_an_hour(cast: Cast) -> None:
    row, token = make_token(cast.alice)
    for _ in range(3):
        call(token, "GET", CAMERAS)
    with tenant_scope(cast.tenant_a.id):
        first = AccessToken.objects.get(id=row.id).last_used_at
    with later(minutes=2):
        call(token, "GET", "/api/v1/tokens")  # refused, and a use all the same
        with tenant_scope(cast.tenant_a.id):
            assert AccessToken.objects.get(id=row.id).last_used_at > first
    assert [act for act, _ in acts(cast)].count("token.used") == 1
    with later(minutes=61):
        call(token, "GET", CAMERAS)
    assert [act for act, _ in acts(cast)].count("token.used") == 2


def test_the_audit_log_tells_who_acted_by_which_token(cast: Cast) -> None:
    token = make_token(cast.alice, name="Nightly")[1]
    call(token, "GET", TOKENS)
    with tenant_scope(cast.tenant_a.id):
        (refused,) = AuditInbox.objects.filter(act="access.refused")
    assert (refused.actor_name, refused.actor_id) == ("Alice (Nightly)", cast.alice.id)


def test_a_caller_is_told_who_they_are_and_what_they_may_now(cast: Cast, client_for) -> None:
    row, token = make_token(cast.alice, CAMERA_VIEW, SITE_VIEW, site=cast.site_a)
    me = call(token, "GET", "/api/v1/me").json()
    assert me["organisation"]["slug"] == cast.tenant_a.slug
    assert me["account"] == {"id": str(cast.alice.id), "name": "Alice"}
    assert me["token"]["id"] == str(row.id)
    assert me["rights"] == [
        {
            "site": str(cast.site_a.id),
            "group": None,
            "camera": None,
            "denies": False,
            "permissions": ["camera:view", "site:view"],
        }
    ]
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.filter(account=cast.alice).delete()
    assert call(token, "GET", "/api/v1/me").json()["rights"] == []
    bob = as_person(client_for(cast.bob), cast, "GET", "/api/v1/me").json()
    assert (bob["account"]["name"], bob["token"]) == ("Bob", None)
    assert call(None, "GET", "/api/v1/me").status_code == 401
    assert as_person(Client(), cast, "GET", "/api/v1/me").status_code == 401


def test_an_account_has_a_bounded_number_of_tokens(cast: Cast, client_for) -> None:
    with tenant_scope(cast.tenant_a.id):
        AccessToken.objects.bulk_create(
            AccessToken(
                account=cast.alice,
                name=f"Old {number}",
                token_hash=bearer.token_hash(bearer.new_token()),
                hint="vsaas_pat_0000",
                scopes=["camera:view"],
                expires_at=clock.from_us(clock.now_us() + DAY_US),
            )
            for number in range(50)
        )
    alice = client_for(cast.alice)
    reply = as_person(alice, cast, "POST", TOKENS, asked())
    assert (reply.status_code, problem(reply)) == (409, "too-many-tokens")


def test_the_number_of_queries_of_a_list_does_not_grow_with_the_tokens(cast: Cast, client_for) -> None:
    from django.db import connections
    from django.test.utils import CaptureQueriesContext

    alice = client_for(cast.alice)

    def queries() -> int:
        with CaptureQueriesContext(connections["default"]) as captured:
            assert as_person(alice, cast, "GET", TOKENS).status_code == 200
        return len(captured)

    make_token(cast.alice)
    before = queries()
    for _ in range(5):
        make_token(cast.alice)
    assert queries() == before


def test_ended_tokens_are_removed_after_a_month(cast: Cast) -> None:
    from vsaas.accounts.tasks import remove_ended

    kept, _ = make_token(cast.alice, days=60)
    make_token(cast.alice, days=1)
    with later(days=32):
        remove_ended()
        with tenant_scope(cast.tenant_a.id):
            assert list(AccessToken.objects.values_list("id", flat=True)) == [kept.id]


# pages


def test_the_page_shows_a_new_token_once(cast: Cast, client_for, pages) -> None:
    alice = client_for(cast.alice)
    path = f"/t/{cast.tenant_a.slug}/account/tokens"
    assert b"No token yet" in alice.get(path).content
    form = alice.get(f"{path}/new")
    assert b"camera:playback" in form.content
    assert b"people:edit" not in form.content
    made = alice.post(
        f"{path}/new", {"name": "Display", "scopes": ["camera:view", "camera:live"], "site": "", "days": "7"}
    )
    assert made.status_code == 200
    assert made["Cache-Control"] == "no-store"
    (token,) = set(re.findall(bearer.PATTERN, made.content.decode()))
    assert call(token, "GET", CAMERAS).status_code == 200
    listed = alice.get(path).content.decode()
    assert "Display" in listed
    assert token not in listed


def test_a_wrong_form_keeps_what_was_typed_and_says_what_is_wrong(cast: Cast, client_for, pages) -> None:
    alice = client_for(cast.alice)
    path = f"/t/{cast.tenant_a.slug}/account/tokens/new"
    reply = alice.post(path, {"name": "Kept name", "days": "30", "site": ""})
    assert reply.status_code == 422
    page = reply.content.decode()
    assert 'value="Kept name"' in page
    assert "Choose at least one." in page
    reply = alice.post(path, {"name": "", "days": "30", "site": "", "scopes": ["camera:live"]})
    assert re.search(r'value="camera:live" checked', reply.content.decode())
    assert alice.post(path, {"name": "x", "days": "400", "scopes": ["camera:live"]}).status_code == 422
    assert alice.post(path, {"name": "x", "days": "30", "scopes": ["people:edit"]}).status_code == 422


def test_revoking_asks_first_and_names_the_token(cast: Cast, client_for, pages) -> None:
    row, token = make_token(cast.alice, name="Display")
    alice = client_for(cast.alice)
    path = f"/t/{cast.tenant_a.slug}/account/tokens/{row.id}/revoke"
    assert b"Revoke Display" in alice.get(path).content
    assert call(token, "GET", CAMERAS).status_code == 200
    assert alice.post(path).status_code == 302
    assert call(token, "GET", CAMERAS).status_code == 401
    assert b"Revoked" in alice.get(f"/t/{cast.tenant_a.slug}/account/tokens").content


def test_tokens_made_before_views_had_a_right_of_their_own_still_keep_views(cast):
    """Migration 0004, tried on tokens as the release before made them."""
    lend = importlib.import_module("vsaas.accounts.migrations.0004_view_edit_scope")
    seeing, blind = make_token(cast.alice, CAMERA_VIEW)[0], make_token(cast.alice, SITE_VIEW)[0]
    with owner_connection() as owner:
        for _again in range(2):
            owner.execute(lend.LEND)
    with tenant_scope(cast.tenant_a.id):
        assert AccessToken.objects.get(id=seeing.id).scopes == ["camera:view", "view:edit"]
        assert AccessToken.objects.get(id=blind.id).scopes == ["site:view"]
    with owner_connection() as owner:
        owner.execute(lend.TAKE_BACK)
    with tenant_scope(cast.tenant_a.id):
        assert AccessToken.objects.get(id=seeing.id).scopes == ["camera:view"]
