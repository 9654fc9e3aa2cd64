"""Signing in with a second person's yes: in their own session, and at the same screen."""

from __future__ import annotations

import json

import pytest
from django.test import Client

from tenants.models import Membership
from tenants.permissions import VIEWER
from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.approvals.stage import (
    api,
    approve,
    at_the_door,
    audited,
    decide,
    door,
    is_in,
    let_in,
    make_bound,
    state,
    the_request,
)
from tests.cast import PASSWORD, code_of, later, make_token, sign_in, slug_of
from tests.reading import text
from vsaas.accounts.tasks import remove_ended
from vsaas.approvals.models import ApprovalRequest, State
from vsaas.common import clock

pytestmark = pytest.mark.usefixtures("database", "pages")


def test_a_second_person_lets_somebody_in_from_their_own_session() -> None:
    cast, _anna = make_bound()
    olga, approvers = at_the_door(cast.olga), sign_in(cast.alice)
    assert not is_in(olga, cast.olga)
    assert problem(api(olga, cast.olga, "cameras")) == "waiting-for-approval"
    olga.post(door(cast.olga), {"reason": "night shift"})
    row = the_request(cast.olga)
    card = text(approvers.get(f"/t/{slug_of(cast.alice)}/approvals"))
    assert "Olga wants to sign in" in card
    assert "night shift" in card
    assert "Signs in as: Operator" in card
    reply = approve(approvers, cast.alice, row)
    assert reply.status_code == 200, reply.content
    assert reply.json()["decided_by"] == "Alice"
    assert state(olga, cast.olga) == "approved"
    assert not is_in(olga, cast.olga)
    assert olga.post(door(cast.olga, "/enter")).status_code == 302
    assert is_in(olga, cast.olga)
    (entry,) = audited(cast.olga, "approval.signed-in")
    assert (entry.actor_name, entry.details["approver"]) == ("Olga", "Alice")
    (entry,) = audited(cast.olga, "approval.approved")
    assert (entry.actor_name, entry.details["requester"]) == ("Alice", "Olga")


def test_who_owns_the_organisation_is_bound_too() -> None:
    cast, anna = make_bound("owner")
    alice = at_the_door(cast.alice)
    assert not is_in(alice, cast.alice)
    here = {"email": anna.email, "password": PASSWORD, "code": code_of(anna)}
    assert alice.post(door(cast.alice, "/here"), here).status_code == 302
    assert is_in(alice, cast.alice)


def test_at_the_same_screen_the_approver_gets_no_session_and_the_requester_keeps_theirs() -> None:
    cast, _anna = make_bound()
    olga = at_the_door(cast.olga)
    reply = olga.post(
        door(cast.olga, "/here"),
        {"email": cast.alice.email, "password": PASSWORD, "code": code_of(cast.alice)},
    )
    assert reply.status_code == 302
    assert is_in(olga, cast.olga)
    me = api(olga, cast.olga, "account").json()
    assert me["name"] == "Olga"
    with tenant_scope(cast.alice.tenant_id):
        assert not cast.alice.sessions.exists()
    (entry,) = audited(cast.olga, "approval.approved")
    assert (entry.actor_name, entry.details["how"]) == ("Alice", "at the same screen")


@pytest.mark.parametrize("wrong", ["email", "password", "code"])
def test_at_the_same_screen_one_answer_tells_nothing(wrong: str) -> None:
    cast, _anna = make_bound()
    olga = at_the_door(cast.olga)
    typed = {"email": cast.alice.email, "password": PASSWORD, "code": code_of(cast.alice)}
    typed[wrong] = {"email": "nobody@example.org", "password": "wrong", "code": "000000"}[wrong]
    reply = olga.post(door(cast.olga, "/here"), typed)
    assert reply.status_code == 401
    assert "do not belong together here" in text(reply)
    assert state(olga, cast.olga) == "waiting"


def test_passwords_tried_at_the_same_screen_count_as_at_the_door() -> None:
    cast, _anna = make_bound()
    olga = at_the_door(cast.olga)
    typed = {"email": cast.alice.email, "password": "wrong", "code": "000000"}
    with clock.stopped():
        tries = [olga.post(door(cast.olga, "/here"), typed).status_code for _ in range(7)]
    assert tries[0] == 401
    assert tries[-1] == 429


def test_nobody_approves_themselves() -> None:
    cast, _anna = make_bound("owner")
    alice = at_the_door(cast.alice)
    here = {"email": cast.alice.email, "password": PASSWORD, "code": code_of(cast.alice)}
    assert alice.post(door(cast.alice, "/here"), here).status_code == 403
    assert state(alice, cast.alice) == "waiting"
    assert audited(cast.alice, "approval.decision-refused")


def test_who_waits_approves_nobody() -> None:
    cast, anna = make_bound("owner")
    alice, annas = at_the_door(cast.alice), at_the_door(anna)
    row = the_request(cast.alice)
    assert approve(annas, anna, row).status_code == 401
    here = {"email": anna.email, "password": PASSWORD, "code": code_of(anna)}
    reply = alice.post(door(cast.alice, "/here"), here)
    assert reply.status_code == 403
    assert "waits for approval too" in text(reply)
    annas.post(door(anna, "/withdraw"))
    with later(seconds=60):
        here["code"] = code_of(anna)
        assert alice.post(door(cast.alice, "/here"), here).status_code == 302


def test_somebody_without_the_right_cannot_approve_at_either_place() -> None:
    cast, _anna = make_bound()
    olga, bobs = at_the_door(cast.olga), sign_in(cast.bob)
    row = the_request(cast.olga)
    assert approve(bobs, cast.bob, row).status_code == 404
    here = {"email": cast.bob.email, "password": PASSWORD, "code": code_of(cast.bob)}
    assert olga.post(door(cast.olga, "/here"), here).status_code == 403
    assert state(olga, cast.olga) == "waiting"


def test_another_organisation_sees_nothing_of_it() -> None:
    cast, _anna = make_bound()
    at_the_door(cast.olga)
    row, charlies = the_request(cast.olga), sign_in(cast.charlie)
    assert approve(charlies, cast.charlie, row).status_code == 404
    assert api(charlies, cast.charlie, "approvals").json()["items"] == []


def test_a_refusal_ends_the_request() -> None:
    cast, _anna = make_bound()
    olga, approvers = at_the_door(cast.olga), sign_in(cast.alice)
    row = the_request(cast.olga)
    assert decide(approvers, cast.alice, row.pk, "refusal").json()["state"] == "refused"
    assert state(olga, cast.olga) == "refused"
    assert "Alice refused your sign-in" in text(olga.get(door(cast.olga)))
    reply = approve(approvers, cast.alice, row)
    assert (reply.status_code, problem(reply)) == (409, "decided-already")
    olga.post(door(cast.olga, "/enter"))
    assert not is_in(olga, cast.olga)


def test_requests_run_out_and_so_do_approvals_nobody_used() -> None:
    cast, _anna = make_bound()
    olga, approvers = at_the_door(cast.olga), sign_in(cast.alice)
    with later(minutes=11):
        assert state(olga, cast.olga) == "expired"
        reply = approve(approvers, cast.alice, the_request(cast.olga))
        assert (reply.status_code, problem(reply)) == (410, "approval-expired")
        olga.post(door(cast.olga), {"reason": ""})
        assert approve(approvers, cast.alice, the_request(cast.olga)).status_code == 200
    with later(minutes=22):
        assert state(olga, cast.olga) == "expired"
        olga.post(door(cast.olga, "/enter"))
        assert not is_in(olga, cast.olga)


def test_an_approval_lasts_its_time_and_no_longer() -> None:
    cast, _anna = make_bound()
    approvers = sign_in(cast.alice)
    olga = let_in(cast.olga, cast.alice, approvers)
    with later(hours=7, minutes=55):
        assert is_in(olga, cast.olga)
    with later(hours=8, minutes=5):
        assert not is_in(olga, cast.olga)
        assert "Your approval is over" in text(olga.get(door(cast.olga)))
        olga.post(door(cast.olga), {"reason": "again"})
        assert state(olga, cast.olga) == "waiting"


def test_an_approval_ends_with_its_session() -> None:
    cast, _anna = make_bound()
    approvers = sign_in(cast.alice)
    olga = let_in(cast.olga, cast.alice, approvers)
    olga.post(f"/t/{slug_of(cast.olga)}/sign-out")
    assert the_request(cast.olga).holds is False
    with later(minutes=2):
        other = at_the_door(cast.olga)
        assert not is_in(other, cast.olga)


def test_a_withdrawn_approval_ends_the_sessions_rights_at_once() -> None:
    cast, _anna = make_bound()
    approvers = sign_in(cast.alice)
    olga = let_in(cast.olga, cast.alice, approvers)
    row = the_request(cast.olga)
    assert decide(approvers, cast.alice, row.pk, "withdrawal").json()["state"] == "withdrawn"
    assert not is_in(olga, cast.olga)
    assert audited(cast.olga, "approval.ended")[0].actor_name == "Alice"


def test_an_approver_demoted_between_look_and_click_is_refused() -> None:
    cast, anna = make_bound()
    olga, annas = at_the_door(cast.olga), sign_in(anna)
    row = the_request(cast.olga)
    assert "Olga wants to sign in" in text(annas.get(f"/t/{slug_of(anna)}/approvals"))
    with tenant_scope(anna.tenant_id):
        Membership.objects.filter(account=anna).update(role=VIEWER.name)
    assert approve(annas, anna, row).status_code == 404
    assert state(olga, cast.olga) == "waiting"


def test_an_approver_demoted_before_the_approval_is_used_opens_nothing() -> None:
    cast, anna = make_bound()
    olga, annas = at_the_door(cast.olga), sign_in(anna)
    assert approve(annas, anna, the_request(cast.olga)).status_code == 200
    with tenant_scope(anna.tenant_id):
        Membership.objects.filter(account=anna).update(role=VIEWER.name)
    olga.post(door(cast.olga, "/enter"))
    assert not is_in(olga, cast.olga)
    (entry,) = audited(cast.olga, "approval.not-used")
    assert (entry.outcome, entry.details["approver"]) == ("refused", "Anna")


def test_what_was_approved_covers_the_roles_it_was_shown_with() -> None:
    cast, _anna = make_bound()
    olga, approvers = at_the_door(cast.olga), sign_in(cast.alice)
    assert approve(approvers, cast.alice, the_request(cast.olga)).status_code == 200
    with tenant_scope(cast.olga.tenant_id):
        Membership.objects.create(account=cast.olga, role="installer")
    olga.post(door(cast.olga, "/enter"))
    assert not is_in(olga, cast.olga)
    assert audited(cast.olga, "approval.not-used")[0].details["reason"] == "approval-altered"


@pytest.mark.parametrize(
    "altered",
    [
        {"parameters": {"account": "00000000-0000-0000-0000-000000000000"}},
        {"reason": "something harmless"},
        {"session_id": "00000000-0000-0000-0000-000000000000"},
    ],
)
def test_an_altered_request_is_refused(altered: dict[str, object]) -> None:
    cast, _anna = make_bound()
    olga, approvers = at_the_door(cast.olga), sign_in(cast.alice)
    row = the_request(cast.olga)
    with tenant_scope(cast.olga.tenant_id):
        ApprovalRequest.objects.filter(pk=row.pk).update(**altered)
    reply = approve(approvers, cast.alice, row)
    assert (reply.status_code, problem(reply)) == (409, "approval-altered")
    assert not is_in(olga, cast.olga)


def test_an_answer_to_what_was_shown_before_it_changed_is_refused() -> None:
    cast, _anna = make_bound()
    olga, approvers = at_the_door(cast.olga), sign_in(cast.alice)
    seen = the_request(cast.olga)
    olga.post(door(cast.olga), {"reason": "another thing"})
    now = the_request(cast.olga)
    assert now.pk != seen.pk
    assert approve(approvers, cast.alice, seen).status_code == 409
    reply = decide(approvers, cast.alice, now.pk, code=code_of(cast.alice), digest=bytes(seen.digest).hex())
    assert (reply.status_code, problem(reply)) == (409, "approval-altered")


def test_the_page_says_beside_the_request_why_an_approval_came_to_nothing() -> None:
    cast, anna = make_bound()
    at_the_door(cast.olga)
    row, alices, annas = the_request(cast.olga), sign_in(cast.alice), sign_in(anna)
    address = f"/t/{slug_of(cast.alice)}/approvals/{row.pk}"
    typed = {"digest": bytes(row.digest).hex(), "code": "000000"}
    reply = alices.post(f"{address}/approve", typed)
    assert reply.status_code == 422
    assert "This code is wrong or was used before" in text(reply)
    assert annas.post(f"{address}/approve", typed | {"code": code_of(anna)}).status_code == 302
    reply = alices.post(f"{address}/refuse")
    assert reply.status_code == 409
    assert "Anna decided this first" in text(reply)


def test_an_approval_is_used_once_by_its_own_session_alone() -> None:
    cast, _anna = make_bound()
    approvers = sign_in(cast.alice)
    olga = at_the_door(cast.olga)
    first = the_request(cast.olga)
    assert approve(approvers, cast.alice, first).status_code == 200
    with later(seconds=60):
        other = at_the_door(cast.olga)
        other.post(door(cast.olga, "/enter"))
        assert not is_in(other, cast.olga)
    olga.post(door(cast.olga, "/enter"))
    assert is_in(olga, cast.olga)
    with later(seconds=90):
        assert approve(approvers, cast.alice, first).status_code == 409
    with tenant_scope(cast.olga.tenant_id):
        assert ApprovalRequest.objects.get(pk=first.pk).state == State.USED


def test_a_code_is_good_for_one_approval() -> None:
    cast, _anna = make_bound()
    approvers = sign_in(cast.alice)
    first = at_the_door(cast.olga)
    code, row = code_of(cast.alice), the_request(cast.olga)
    assert decide(approvers, cast.alice, row.pk, code=code, digest=bytes(row.digest).hex()).status_code == 200
    first.post(door(cast.olga, "/enter"))
    with later(seconds=1):
        first.post(f"/t/{slug_of(cast.olga)}/sign-out")
        at_the_door(cast.olga)
        again = the_request(cast.olga)
        reply = decide(approvers, cast.alice, again.pk, code=code, digest=bytes(again.digest).hex())
    assert (reply.status_code, problem(reply)) == (422, "fresh-factor")
    assert audited(cast.olga, "session.factor-refused")


def test_tokens_of_people_who_need_approval_are_refused_made_and_used() -> None:
    cast, _anna = make_bound("viewer")
    _row, token = make_token(cast.olga)
    assert call(token, "GET", "/api/v1/cameras").status_code == 200
    with tenant_scope(cast.olga.tenant_id):
        Membership.objects.create(account=cast.olga, role=VIEWER.name)
    reply = call(token, "GET", "/api/v1/cameras")
    assert (reply.status_code, problem(reply)) == (401, "token-refused")
    assert "second person" in json.loads(reply.content)["detail"]
    assert audited(cast.olga, "token.needs-approval")
    bob = let_in(cast.bob, cast.alice, sign_in(cast.alice))
    page = bob.post(
        f"/t/{slug_of(cast.bob)}/account/tokens/new", {"name": "x", "scopes": "camera:view", "days": "30"}
    )
    assert page.status_code == 403


def test_what_a_waiting_session_asks_for_is_in_the_log() -> None:
    cast, _anna = make_bound()
    olga = at_the_door(cast.olga)
    api(olga, cast.olga, "cameras")
    (entry,) = audited(cast.olga, "approval.route-refused")
    assert (entry.actor_name, entry.details["path"]) == ("Olga", "/api/v1/cameras")


def test_a_page_left_open_keeps_no_idle_session_alive() -> None:
    cast, _anna = make_bound()
    alice, at = sign_in(cast.alice), f"/t/{slug_of(cast.alice)}/approvals/waiting.json"
    assert alice.get(at).json()["waiting"] == 0
    with later(hours=7, minutes=55):
        assert alice.get(at).status_code == 200
    with later(hours=8, minutes=5):
        assert alice.get(at).status_code in (302, 401)
        assert not is_in(alice, cast.alice)


def test_requests_go_once_they_are_long_over() -> None:
    cast, _anna = make_bound()
    at_the_door(cast.olga)
    with later(days=31):
        remove_ended()
    with tenant_scope(cast.olga.tenant_id):
        assert not ApprovalRequest.objects.exists()


def test_only_so_much_waits_at_once() -> None:
    cast, _anna = make_bound()
    for minutes in range(5):
        with later(minutes=minutes):
            at_the_door(cast.olga)
    with later(minutes=6):
        more = at_the_door(cast.olga)
        assert state(more, cast.olga) == "none"
        assert more.post(door(cast.olga), {"reason": ""}).status_code == 409


def test_who_does_not_wait_has_nothing_to_do_on_the_page_that_waits() -> None:
    cast, _anna = make_bound()
    stranger, alice = Client(headers={"accept": "text/html"}), sign_in(cast.alice)
    for client, place in ((stranger, "sign-in"), (alice, "")):
        for rest in ("", "/enter", "/withdraw", "/here", "/break-glass"):
            reply = client.post(door(cast.alice, rest))
            assert (reply.status_code, reply["Location"]) == (302, f"/t/{slug_of(cast.alice)}/{place}")
