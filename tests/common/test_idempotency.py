"""A request sent again does its act once, and is answered as it was."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connections

from tenants.models import Membership
from tenants.scope import tenant_scope
from tests.api_calls import call, problem
from tests.boxes import make_box, make_keys
from tests.cast import Cast, later, make_token
from tests.keys.dumps import holding
from vsaas.agents.models import EnrolmentCode
from vsaas.common import idempotency
from vsaas.common.models import KeptAnswer

CODES = "/api/v1/enrolment-codes"
KEY = "6f1f0a5c-2f2e-4b50-9f0b-0b8f3f8f6d11"


@pytest.fixture
def house(cast: Cast) -> Cast:
    for tenant in (cast.tenant_a, cast.tenant_b):
        make_keys(tenant)
    return cast


def codes_made(cast: Cast) -> int:
    with tenant_scope(cast.tenant_a.id):
        return EnrolmentCode.objects.count()


def test_a_repeated_request_gets_the_first_answer_and_does_nothing(house: Cast) -> None:
    token, body = make_token(house.alice)[1], {"site": str(house.site_a.id)}
    first = call(token, "POST", CODES, body, idempotency_key=KEY)
    assert first.status_code == 201
    assert "Idempotency-Replayed" not in first
    again = call(token, "POST", CODES, body, idempotency_key=KEY)
    assert (again.status_code, again.content) == (201, first.content)
    assert again["Content-Type"] == first["Content-Type"]
    assert again["Idempotency-Replayed"] == "true"
    assert codes_made(house) == 1
    assert call(token, "POST", CODES, body, idempotency_key="another").content != first.content
    assert codes_made(house) == 2


def test_a_key_that_comes_with_another_request_is_refused(house: Cast) -> None:
    token = make_token(house.alice)[1]
    call(token, "POST", CODES, {"site": str(house.site_a.id)}, idempotency_key=KEY)
    other = call(token, "POST", CODES, {"site": str(house.other_site_a.id)}, idempotency_key=KEY)
    assert (other.status_code, problem(other)) == (422, "idempotency-key-reused")
    elsewhere = call(token, "POST", f"{CODES}?x=1", {"site": str(house.site_a.id)}, idempotency_key=KEY)
    assert elsewhere.status_code == 422
    assert codes_made(house) == 1


def test_what_was_refused_is_not_kept(house: Cast) -> None:
    token, box = make_token(house.alice)[1], make_box(house.tenant_a, house.site_a)
    path = f"/api/v1/agents/{box.agent_id}/cameras"
    bad = call(token, "POST", path, {"name": "", "main_url": "rtsp://192.0.2.1/x"}, idempotency_key=KEY)
    assert bad.status_code == 422
    good = call(token, "POST", path, {"name": "Gate", "main_url": "rtsp://192.0.2.1/x"}, idempotency_key=KEY)
    assert good.status_code == 201
    again = call(token, "POST", path, {"name": "Gate", "main_url": "rtsp://192.0.2.1/x"}, idempotency_key=KEY)
    assert (again.status_code, again.json()["id"]) == (201, good.json()["id"])


def test_a_key_belongs_to_one_token_of_one_person_in_one_tenant(house: Cast, client_for) -> None:
    first, second, charlies = (make_token(one)[1] for one in (house.alice, house.alice, house.charlie))
    body = {"site": str(house.site_a.id)}
    codes = {
        call(token, "POST", CODES, body, idempotency_key=KEY).json()["code"] for token in (first, second)
    }
    alice = client_for(house.alice)
    browser = call(
        None, "POST", CODES, body, client=alice, idempotency_key=KEY, vsaas_tenant=house.tenant_a.slug
    )
    codes.add(browser.json()["code"])
    assert len(codes) == 3
    own = call(charlies, "POST", CODES, {"site": str(house.site_b.id)}, idempotency_key=KEY)
    assert own.status_code == 201
    assert own.json()["code"] not in codes


def test_duplicates_at_the_same_time_do_the_act_once(house: Cast) -> None:
    token, body = make_token(house.alice)[1], {"site": str(house.site_a.id)}
    together = threading.Barrier(6)

    def send(_: int):
        try:
            together.wait()
            return call(token, "POST", CODES, body, idempotency_key=KEY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(6) as pool:
        replies = list(pool.map(send, range(6)))
    assert {reply.status_code for reply in replies} == {201}
    assert len({reply.content for reply in replies}) == 1
    assert sum("Idempotency-Replayed" in reply for reply in replies) == 5
    assert codes_made(house) == 1


def test_a_duplicate_does_not_wait_for_ever(house: Cast, monkeypatch) -> None:
    monkeypatch.setattr(idempotency, "WAIT_S", 0.2)
    token, body = make_token(house.alice)[1], {"site": str(house.site_a.id)}
    at_work, may_end = threading.Event(), threading.Event()
    kept = idempotency.keep

    def slowly(*args: object) -> None:
        kept(*args)
        at_work.set()
        assert may_end.wait(20)

    monkeypatch.setattr(idempotency, "keep", slowly)

    def send():
        try:
            return call(token, "POST", CODES, body, idempotency_key=KEY)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(send)
        assert at_work.wait(20)
        second = call(token, "POST", CODES, body, idempotency_key=KEY)
        may_end.set()
        assert first.result().status_code == 201
    assert (second.status_code, problem(second)) == (409, "still-at-work")
    assert call(token, "POST", CODES, body, idempotency_key=KEY).content == first.result().content


def test_who_lost_the_right_gets_no_kept_answer(house: Cast) -> None:
    token, body = make_token(house.alice)[1], {"site": str(house.site_a.id)}
    assert call(token, "POST", CODES, body, idempotency_key=KEY).status_code == 201
    with tenant_scope(house.tenant_a.id):
        Membership.objects.filter(account=house.alice).update(site=house.other_site_a)
    assert call(token, "POST", CODES, body, idempotency_key=KEY).status_code == 403


def test_answers_are_kept_for_a_day_and_unreadable_without_the_key(house: Cast) -> None:
    token, body = make_token(house.alice)[1], {"site": str(house.site_a.id)}
    first = call(token, "POST", CODES, body, idempotency_key=KEY)
    secret = first.json()["code"]
    assert holding(secret, "default") == holding(KEY, "default") == []
    with later(hours=23):
        assert call(token, "POST", CODES, body, idempotency_key=KEY).content == first.content
    with later(hours=25):
        assert call(token, "POST", CODES, body, idempotency_key=KEY).content != first.content
    with tenant_scope(house.tenant_a.id):
        assert KeptAnswer.objects.count() == 1


@pytest.mark.parametrize("key", ["", "x" * 256, "two words", "naïve"])
def test_a_key_is_visible_ascii(house: Cast, key: str) -> None:
    reply = call(make_token(house.alice)[1], "POST", CODES, {}, idempotency_key=key)
    assert (reply.status_code, problem(reply)) == (400, "bad-request")


def test_what_lives_for_seconds_is_made_anew(house: Cast) -> None:
    from vsaas.agents.api import AgentReplacement
    from vsaas.cameras.password_api import PasswordRevealing
    from vsaas.footage.api import Playback
    from vsaas.live.api import Live

    assert not Playback.keeps_answers
    assert not Live.keeps_answers
    assert not PasswordRevealing.keeps_answers
    assert not AgentReplacement.keeps_answers
