"""When nobody can approve: such rules are refused, and a sealed code lets in with loud traces."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tenants.permissions import MANAGER, OPERATOR, OWNER, VIEWER
from tenants.scope import tenant_scope
from tests.api_calls import problem
from tests.approvals.stage import (
    api,
    approve,
    at_the_door,
    audited,
    door,
    is_in,
    make_bound,
    the_request,
)
from tests.cast import PASSWORD, code_of, later, make_account, make_cast, sign_in, slug_of
from tests.reading import text
from vsaas.accounts.models import Account
from vsaas.common import clock

pytestmark = pytest.mark.usefixtures("database", "pages")


def send(client: Client, account: Account, method: str, path: str, body: dict[str, Any]) -> HttpResponse:
    headers = {"VSaaS-Tenant": slug_of(account), "accept": "application/json"}
    return client.generic(
        method, f"/api/v1/{path}", json.dumps(body), content_type="application/json", headers=headers
    )


def set_policy(client: Client, account: Account, **body: Any) -> HttpResponse:
    return send(client, account, "PATCH", "approvals/policy", body)


def test_a_sole_owner_cannot_lock_themselves_out() -> None:
    cast = make_cast()
    alice = sign_in(cast.alice)
    reply = set_policy(alice, cast.alice, roles=["owner"])
    assert (reply.status_code, problem(reply)) == (409, "nobody-to-approve")
    assert "Alice needs approval" in reply.json()["detail"]
    page = alice.post(f"/t/{slug_of(cast.alice)}/approvals/policy", {"roles": "owner", "holds_h": "8"})
    assert page.status_code == 409
    assert "nobody else could give it" in text(page)
    assert api(alice, cast.alice, "approvals/policy").json()["roles"] == []
    assert set_policy(alice, cast.alice, roles=["operator"]).status_code == 200


def test_with_two_who_approve_each_other_it_is_allowed_and_holds_at_once() -> None:
    cast = make_cast()
    with tenant_scope(cast.tenant_a.id):
        mona = make_account("Mona", MANAGER)
    alice = sign_in(cast.alice)
    assert set_policy(alice, cast.alice, roles=["owner"]).status_code == 200
    assert not is_in(alice, cast.alice)
    assert "Nobody has been asked yet" in text(alice.get(door(cast.alice)))
    alice.post(door(cast.alice), {"reason": "after the rule"})
    assert approve(sign_in(mona), mona, the_request(cast.alice)).status_code == 200
    alice.post(door(cast.alice, "/enter"))
    assert is_in(alice, cast.alice)


def test_the_last_who_could_approve_is_neither_removed_nor_demoted() -> None:
    cast = make_cast()
    with tenant_scope(cast.tenant_a.id):
        mona = make_account("Mona", MANAGER)
        anna = make_account("Anna", OWNER)
    alice = sign_in(cast.alice)
    assert set_policy(alice, cast.alice, roles=["owner"]).status_code == 200
    alice.post(door(cast.alice), {"reason": ""})
    assert approve(sign_in(mona), mona, the_request(cast.alice)).status_code == 200
    alice.post(door(cast.alice, "/enter"))
    assert send(alice, cast.alice, "DELETE", f"members/{mona.pk}", {}).status_code == 204
    for method, body in (("DELETE", {}), ("PATCH", {"role": "viewer", "all_sites": True})):
        reply = send(alice, cast.alice, method, f"members/{anna.pk}", body)
        assert (reply.status_code, problem(reply)) == (409, "nobody-to-approve"), reply.content
    with tenant_scope(cast.tenant_a.id):
        assert Account.objects.filter(pk=anna.pk).exists()


def test_who_has_no_second_factor_counts_for_nobody() -> None:
    cast = make_cast()
    with tenant_scope(cast.tenant_a.id):
        make_account("Mona", MANAGER, factor=False)
    reply = set_policy(sign_in(cast.alice), cast.alice, roles=["owner"])
    assert (reply.status_code, problem(reply)) == (409, "nobody-to-approve")


def test_somebody_bound_by_a_new_role_needs_an_approver_too() -> None:
    cast = make_cast()
    alice = sign_in(cast.alice)
    assert set_policy(alice, cast.alice, roles=["viewer"]).status_code == 200
    body = {"role": "viewer", "all_sites": True}
    assert send(alice, cast.alice, "PATCH", f"members/{cast.olga.pk}", body).status_code == 200


# ---- break glass


def make_code(client: Client, account: Account, **typed: str) -> HttpResponse:
    body = {"password": PASSWORD, "code": code_of(account)} | typed
    return client.post(f"/t/{slug_of(account)}/approvals/break-glass", body)


def code_in(reply: HttpResponse) -> str:
    found = re.search(r'<code id="glass">([A-Z2-7-]+)</code>', reply.content.decode())
    assert found, reply.content
    return found[1]


def test_a_sealed_code_lets_in_once_for_an_hour_and_everybody_is_told() -> None:
    cast, _anna = make_bound()
    alice, bob = sign_in(cast.alice), sign_in(cast.bob)
    sealed = code_in(make_code(alice, cast.alice))
    assert sealed not in text(alice.get(f"/t/{slug_of(cast.alice)}/approvals/break-glass"))
    olga = at_the_door(cast.olga)
    assert olga.post(door(cast.olga, "/break-glass"), {"sealed": "AAAAAA-BBBBBB"}).status_code == 401
    assert not is_in(olga, cast.olga)
    assert olga.post(door(cast.olga, "/break-glass"), {"sealed": sealed.lower()}).status_code == 302
    assert is_in(olga, cast.olga)
    said = "Olga signed in without approval, by a break-glass code"
    for client, account in ((olga, cast.olga), (bob, cast.bob), (alice, cast.alice)):
        assert said in text(client.get(f"/t/{slug_of(account)}/account")) or said in text(
            client.get(f"/t/{slug_of(account)}/")
        )
    (entry,) = audited(cast.olga, "break-glass.used")
    assert (entry.actor_name, entry.details["maker"]) == ("Olga", "Alice")
    assert audited(cast.olga, "break-glass.refused")
    with later(minutes=59):
        assert is_in(olga, cast.olga)
    with later(minutes=61):
        assert not is_in(olga, cast.olga)
        other = at_the_door(cast.olga)
        assert other.post(door(cast.olga, "/break-glass"), {"sealed": sealed}).status_code == 401


def test_the_banner_goes_when_somebody_else_acknowledges_it() -> None:
    cast, anna = make_bound("owner")
    annas = at_the_door(anna)
    here = {"email": cast.alice.email, "password": PASSWORD, "code": code_of(cast.alice)}
    annas.post(door(anna, "/here"), here)
    sealed = code_in(make_code(annas, anna))
    alice = at_the_door(cast.alice)
    alice.post(door(cast.alice, "/break-glass"), {"sealed": sealed})
    assert is_in(alice, cast.alice)
    overview, approvals = f"/t/{slug_of(anna)}/", f"/t/{slug_of(anna)}/approvals"
    assert "Somebody else who may approve" in text(alice.get(approvals))
    (address,) = re.findall(r'action="([^"]+/acknowledge)"', annas.get(approvals).content.decode())
    assert alice.post(address).status_code == 403
    assert "without approval" in text(annas.get(overview))
    assert annas.post(address).status_code == 302
    assert "without approval" not in text(annas.get(overview))
    (entry,) = audited(anna, "break-glass.acknowledged")
    assert (entry.actor_name, entry.details["user"]) == ("Anna", "Alice")


@pytest.mark.parametrize("wrong", [{"password": "wrong"}, {"code": "000000"}])
def test_a_code_is_made_with_password_and_factor(wrong: dict[str, str]) -> None:
    cast, _anna = make_bound()
    reply = make_code(sign_in(cast.alice), cast.alice, **wrong)
    assert reply.status_code == 401
    assert b'id="glass"' not in reply.content


def test_a_revoked_code_opens_nothing() -> None:
    cast, _anna = make_bound()
    alice = sign_in(cast.alice)
    reply = make_code(alice, cast.alice)
    (address,) = re.findall(r'action="([^"]+/revoke)"', reply.content.decode())
    assert alice.post(address).status_code == 302
    olga = at_the_door(cast.olga)
    assert olga.post(door(cast.olga, "/break-glass"), {"sealed": code_in(reply)}).status_code == 401
    assert not is_in(olga, cast.olga)


def test_break_glass_codes_cannot_be_guessed_at_speed() -> None:
    cast, _anna = make_bound()
    olga = at_the_door(cast.olga)
    with clock.stopped():
        tries = [
            olga.post(door(cast.olga, "/break-glass"), {"sealed": f"A{n}"}).status_code for n in range(7)
        ]
    assert tries[0] == 401
    assert tries[-1] == 429


# ---- weakening


def test_where_changes_of_roles_need_a_second_person_so_does_a_weaker_rule() -> None:
    cast, anna = make_bound()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    assert set_policy(alice, cast.alice, roles_need_second=True).json()["waiting"] is None
    told = set_policy(alice, cast.alice, roles=[]).json()
    assert (told["roles"], told["waiting"] is not None) == ([OPERATOR.name], True)
    row = the_request(cast.alice, act="approvals.policy")
    assert told["waiting"] == str(row.pk)
    card = text(annas.get(f"/t/{slug_of(anna)}/approvals"))
    assert "Operator would sign in without approval" in card
    assert approve(alice, cast.alice, row).status_code == 403
    reply = approve(annas, anna, row)
    assert (reply.status_code, reply.json()["state"]) == (200, "used"), reply.content
    assert api(alice, cast.alice, "approvals/policy").json()["roles"] == []
    (entry,) = audited(cast.alice, "approval.role-rule")
    assert (entry.actor_name, entry.details["needed"]) == ("Alice", "no")
    assert audited(cast.alice, "approval.approved")[0].actor_name == "Anna"


def test_making_rules_stronger_needs_nobody() -> None:
    cast, _anna = make_bound()
    alice = sign_in(cast.alice)
    set_policy(alice, cast.alice, roles_need_second=True)
    told = set_policy(alice, cast.alice, roles=["operator", "viewer"], sign_in_holds_s=3600).json()
    assert (told["roles"], told["sign_in_holds_s"], told["waiting"]) == (["operator", "viewer"], 3600, None)


def test_a_weaker_rule_is_not_made_when_the_rules_changed_meanwhile() -> None:
    cast, anna = make_bound()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    set_policy(alice, cast.alice, roles_need_second=True)
    set_policy(alice, cast.alice, roles=[])
    row = the_request(cast.alice, act="approvals.policy")
    set_policy(annas, anna, roles=["operator", "viewer"])
    reply = approve(annas, anna, row)
    assert (reply.status_code, problem(reply)) == (409, "approval-altered")
    assert api(alice, cast.alice, "approvals/policy").json()["roles"] == ["operator", "viewer"]


def test_a_weaker_rule_is_not_made_for_somebody_who_lost_the_right() -> None:
    cast, anna = make_bound()
    alice, annas = sign_in(cast.alice), sign_in(anna)
    set_policy(alice, cast.alice, roles_need_second=True)
    set_policy(alice, cast.alice, sign_in_holds_s=86_400)
    row = the_request(cast.alice, act="approvals.policy")
    with tenant_scope(cast.alice.tenant_id):
        cast.alice.memberships.update(role=VIEWER.name)
    reply = approve(annas, anna, row)
    assert (reply.status_code, problem(reply)) == (403, "denied")
    with tenant_scope(cast.alice.tenant_id):
        row.refresh_from_db()
    assert row.state == "waiting"
    assert api(annas, anna, "approvals/policy").json()["sign_in_holds_s"] == 28_800


def test_changes_of_roles_cannot_need_a_second_person_where_there_is_none() -> None:
    cast = make_cast()
    reply = set_policy(sign_in(cast.alice), cast.alice, roles_need_second=True)
    assert (reply.status_code, problem(reply)) == (409, "nobody-to-approve")
