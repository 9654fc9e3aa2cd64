"""Changes of roles that need two people: the first asks, the second's approval carries them out, or nothing happens."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tenants.models import Membership
from tenants.permissions import OWNER, VIEWER
from tenants.scope import tenant_scope
from tests.api_calls import problem
from tests.approvals.stage import api, approve, audited, decide, the_request
from tests.cast import Cast, later, make_account, make_cast, sign_in, slug_of
from tests.reading import text
from vsaas.accounts.models import Account, Invitation
from vsaas.approvals.models import ApprovalPolicy, ApprovalRequest

pytestmark = pytest.mark.usefixtures("database", "pages")
OPERATOR_EVERYWHERE = {"role": "operator", "all_sites": True}


def make_house() -> tuple[Cast, Account]:
    """An organisation of two owners, Alice and Anna, where changes of roles need both."""
    cast = make_cast()
    with tenant_scope(cast.tenant_a.id):
        anna = make_account("Anna", OWNER)
        ApprovalPolicy.objects.create(roles_need_second=True)
    return cast, anna


def send(client: Client, account: Account, method: str, path: str, body: Any) -> HttpResponse:
    headers = {"VSaaS-Tenant": slug_of(account), "accept": "application/json"}
    return client.generic(
        method, f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
    )


def roles_of(account: Account) -> set[str]:
    with tenant_scope(account.tenant_id):
        return set(Membership.objects.filter(account=account).values_list("role", flat=True))


def requests_of(account: Account) -> int:
    with tenant_scope(account.tenant_id):
        return ApprovalRequest.objects.filter(requester=account).count()


def test_a_members_new_role_waits_and_is_given_by_the_second_persons_approval() -> None:
    cast, anna = make_house()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    reply = send(alice, cast.alice, "PATCH", f"members/{cast.bob.pk}", OPERATOR_EVERYWHERE)
    assert (reply.status_code, problem(reply)) == (409, "awaits-second-person")
    row = the_request(cast.alice)
    assert reply.json()["approval"] == str(row.pk)
    assert roles_of(cast.bob) == {"viewer"}
    again = send(alice, cast.alice, "PATCH", f"members/{cast.bob.pk}", OPERATOR_EVERYWHERE)
    assert again.json()["approval"] == str(row.pk)
    assert requests_of(cast.alice) == 1
    shown = text(annas.get(f"/t/{slug_of(anna)}/approvals"))
    assert "Alice wants to change somebody's roles" in shown
    assert "Bob: Viewer of Gate → Operator of all sites" in shown
    told = approve(annas, anna, row)
    assert (told.status_code, told.json()["state"]) == (200, "used"), told.content
    assert roles_of(cast.bob) == {"operator"}
    (entry,) = audited(cast.alice, "people.access-changed")
    assert (entry.actor_name, entry.object_name) == ("Alice", "Bob")
    assert audited(cast.alice, "approval.approved")[0].actor_name == "Anna"


def test_the_page_says_that_it_waits_and_keeps_what_was_chosen() -> None:
    cast, _anna = make_house()
    alice = sign_in(cast.alice)
    at = f"/t/{slug_of(cast.alice)}/people/{cast.bob.pk}"
    reply = alice.post(at, {"role": "operator", "where": "all", "confirmed": "1"})
    assert reply.status_code == 409
    assert "This waits for a second person" in text(reply)
    assert roles_of(cast.bob) == {"viewer"}
    assert requests_of(cast.alice) == 1


def test_a_refused_change_is_not_made() -> None:
    cast, anna = make_house()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    send(alice, cast.alice, "PATCH", f"members/{cast.bob.pk}", OPERATOR_EVERYWHERE)
    row = the_request(cast.alice)
    assert decide(annas, anna, row.pk, "refusal").status_code == 200
    assert approve(annas, anna, row).status_code == 409
    assert roles_of(cast.bob) == {"viewer"}


def test_nobody_approves_a_change_of_their_own_role() -> None:
    cast, anna = make_house()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    send(alice, cast.alice, "PATCH", f"members/{anna.pk}", OPERATOR_EVERYWHERE)
    reply = approve(annas, anna, the_request(cast.alice))
    assert (reply.status_code, problem(reply)) == (403, "own-request")
    assert roles_of(anna) == {"owner"}


def test_what_would_be_refused_at_once_is_not_asked_for() -> None:
    cast, _anna = make_house()
    reply = send(sign_in(cast.alice), cast.alice, "PATCH", f"members/{cast.alice.pk}", OPERATOR_EVERYWHERE)
    assert (reply.status_code, problem(reply)) == (403, "own-role")
    assert requests_of(cast.alice) == 0


def test_a_requester_who_lost_the_right_gets_nothing_done() -> None:
    cast, anna = make_house()
    with tenant_scope(cast.tenant_a.id):
        make_account("Third", OWNER)
    alice, annas = sign_in(cast.alice), sign_in(anna)
    send(alice, cast.alice, "PATCH", f"members/{cast.bob.pk}", OPERATOR_EVERYWHERE)
    row = the_request(cast.alice)
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.filter(account=cast.alice).update(role=VIEWER.name)
    reply = approve(annas, anna, row)
    assert (reply.status_code, problem(reply)) == (403, "denied")
    assert roles_of(cast.bob) == {"viewer"}
    assert api(annas, anna, f"approvals/{row.pk}").json()["state"] == "waiting"


def test_a_member_who_changed_meanwhile_must_be_asked_for_again() -> None:
    cast, anna = make_house()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    send(alice, cast.alice, "PATCH", f"members/{cast.bob.pk}", OPERATOR_EVERYWHERE)
    with tenant_scope(cast.tenant_a.id):
        Membership.objects.create(account=cast.bob, role="installer")
    reply = approve(annas, anna, the_request(cast.alice))
    assert (reply.status_code, problem(reply)) == (409, "approval-altered")


def test_nobody_gets_round_it_by_inviting_themselves_a_second_account() -> None:
    cast, anna = make_house()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    body = {"name": "Alice again", "email": "again@example.org", "role": "owner", "all_sites": True}
    reply = send(alice, cast.alice, "POST", "invitations", body)
    assert (reply.status_code, problem(reply)) == (409, "awaits-second-person")
    assert api(alice, cast.alice, "invitations").json()["items"] == []
    row = the_request(cast.alice)
    assert "Alice again (again@example.org) as Owner of all sites" in text(
        annas.get(f"/t/{slug_of(anna)}/approvals")
    )
    assert approve(annas, anna, row).status_code == 200
    with tenant_scope(cast.tenant_a.id):
        assert Invitation.objects.get().invited_by_name == "Alice"


def test_what_a_role_may_do_and_when_takes_two_as_well() -> None:
    cast, anna = make_house()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    made = send(alice, cast.alice, "POST", "roles", {"title": "Desk", "permissions": ["camera:view"]})
    assert made.status_code == 201, made.content
    at = f"roles/{made.json()['key']}"
    reply = send(alice, cast.alice, "PATCH", at, {"permissions": ["camera:view", "camera:live"]})
    assert (reply.status_code, problem(reply)) == (409, "awaits-second-person")
    assert "may: watch a camera live" in text(annas.get(f"/t/{slug_of(anna)}/approvals"))
    assert approve(annas, anna, the_request(cast.alice)).status_code == 200
    now = api(alice, cast.alice, at).json()
    assert "camera:live" in now["permissions"]
    told = api(alice, cast.alice, f"{at}/hours").json()
    wanted = {name: told[name] for name in told if name != "sentences"} | {"playback_back_h": 12}
    reply = send(alice, cast.alice, "PUT", f"{at}/hours", wanted)
    assert (reply.status_code, problem(reply)) == (409, "awaits-second-person"), reply.content
    assert "Playback reaches back at most 12 hours" in text(annas.get(f"/t/{slug_of(anna)}/approvals"))
    with later(seconds=60):
        assert approve(annas, anna, the_request(cast.alice)).status_code == 200
    assert api(alice, cast.alice, f"{at}/hours").json()["playback_back_h"] == 12
    # So do the zone and the holidays in which hours are meant, and an owner decides about those of owners.
    reply = send(alice, cast.alice, "PATCH", "organisation", {"timezone": "Asia/Tokyo"})
    assert (reply.status_code, problem(reply)) == (409, "awaits-second-person"), reply.content
    assert "Asia/Tokyo" in text(annas.get(f"/t/{slug_of(anna)}/approvals"))
    with later(seconds=120):
        assert approve(annas, anna, the_request(cast.alice)).status_code == 200
    assert api(alice, cast.alice, "organisation").json()["timezone"] == "Asia/Tokyo"
    assert send(alice, cast.alice, "PUT", "roles/owner/hours", {"playback_back_h": 12}).status_code == 409
    with later(seconds=180):
        assert approve(annas, anna, the_request(cast.alice)).status_code == 200
    assert api(alice, cast.alice, "roles/owner/hours").json()["playback_back_h"] == 12


def test_longer_sessions_of_a_role_take_two_and_shorter_ones_do_not() -> None:
    cast, anna = make_house()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    at = "roles/viewer/sessions"
    short = send(alice, cast.alice, "PATCH", at, {"idle_s": 900, "lifetime_s": 43_200})
    assert (short.status_code, short.json()["waiting"]) == (200, None), short.content
    told = send(alice, cast.alice, "PATCH", at, {"idle_s": 1800, "lifetime_s": 43_200}).json()
    row = the_request(cast.alice)
    assert (told["idle_s"], told["waiting"]) == (900, str(row.pk))
    assert approve(annas, anna, row).status_code == 200
    assert api(alice, cast.alice, at).json()["idle_s"] == 1800
