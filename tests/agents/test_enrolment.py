"""Enrolment: one code, one agent, known from then on by its signature."""

import json
import threading

import pytest
from django.conf import settings

from protocol.command import CommandDocument
from protocol.enrolment import parse_code
from sealing.cose import Purpose, verify1
from sealing.statement import verify_statements
from tenants.scope import tenant_scope
from tests.boxes import Box, make_box, make_code, make_keys, problem
from tests.cast import later, owner_connection
from vsaas.agents.enrolment import WRONG_CODES_AT_MOST, _guess_key
from vsaas.agents.models import Agent, AgentKey
from vsaas.audit.models import AuditInbox
from vsaas.common.redis import client


@pytest.fixture(autouse=True)
def _nobody_guessed_yet(database):
    client().delete(_guess_key("127.0.0.1"))


def test_a_box_with_a_code_becomes_an_agent_it_can_verify(houses):
    code = make_code(houses.tenant_a, houses.site_a)
    box = Box()
    reply = box.enrol(code.text)
    assert reply.status_code == 200, reply.content
    trust = verify_statements(box.enrolled.statements, parse_code(code.text).fingerprint)
    assert trust.fingerprint.hex() == code.fingerprint
    assert trust.tenant == houses.tenant_a.id
    keys = trust.agent(box.agent_id)
    assert keys.record == box.record.public_key().public_bytes_raw()
    assert keys.transport == box.transport.public_key().public_bytes_raw()
    assert keys.box == box.box.public_key().public_bytes_raw()
    signed = verify1(box.enrolled.command, Purpose.COMMAND, trust.command_key)
    document = CommandDocument.from_payload(signed.payload)
    assert (document.tenant, document.agent, document.number) == (houses.tenant_a.id, box.agent_id, 1)
    assert document.cameras == ()
    assert document.statement_number == trust.seen.number
    assert (box.enrolled.tenant_slug, box.enrolled.live_url) == (houses.tenant_a.slug, settings.ENV.live_url)


def test_the_agent_and_its_site_are_those_of_the_code(houses):
    box = make_box(houses.tenant_a, houses.other_site_a)
    agent = box.agent()
    assert (agent.tenant_id, agent.site_id, agent.name) == (
        houses.tenant_a.id,
        houses.other_site_a.id,
        "Basement",
    )


def test_a_code_is_kept_as_a_hash_alone(houses):
    code = make_code(houses.tenant_a, houses.site_a)
    secret = parse_code(code.text).secret
    with owner_connection() as connection:
        rows = connection.execute("SELECT c::text FROM agents_enrolmentcode c").fetchall()
    assert rows
    assert not [row for row in rows if secret.hex() in row[0] or code.text[:19].replace("-", "") in row[0]]


def test_enrolment_is_audited(houses):
    box = make_box(houses.tenant_a, houses.site_a)
    with tenant_scope(houses.tenant_a.id):
        acts = {row.act: row for row in AuditInbox.objects.all()}
    assert acts["agent.code"].object_id == str(houses.site_a.id)
    assert acts["agent.enrolled"].actor_id == box.agent_id
    assert acts["agent.enrolled"].details == {"kid": box.key_id}


def test_a_lost_reply_is_given_again_to_the_same_keys(houses):
    code = make_code(houses.tenant_a, houses.site_a)
    box = Box()
    box.enrol(code.text)
    first = box.enrolled
    assert box.enrol(code.text).status_code == 200
    assert (box.enrolled.agent, box.enrolled.statements) == (first.agent, first.statements)
    with tenant_scope(houses.tenant_a.id):
        assert Agent.objects.count() == 1


def test_a_used_code_enrols_no_other_box(houses):
    code = make_code(houses.tenant_a, houses.site_a)
    Box().enrol(code.text)
    reply = Box().enrol(code.text)
    assert (reply.status_code, problem(reply)) == (403, "enrolment-refused")
    assert "used already" in json.loads(reply.content)["detail"]
    with tenant_scope(houses.tenant_a.id):
        assert AuditInbox.objects.filter(act="agent.enrolment_refused").count() == 1


def test_a_code_runs_out_after_half_an_hour(houses):
    code = make_code(houses.tenant_a, houses.site_a)
    with later(minutes=29, seconds=50):
        assert Box().enrol(make_code(houses.tenant_a, houses.site_a).text).status_code == 200
    with later(minutes=30, seconds=1):
        reply = Box().enrol(code.text)
    assert problem(reply) == "enrolment-refused"
    assert "run out" in json.loads(reply.content)["detail"]


def test_an_unknown_code_is_refused_and_guessing_is_slowed_down(houses):
    make_keys(houses.tenant_a)
    unknown = make_code(houses.tenant_a, houses.site_a).text
    wrong = ("A" if unknown[0] != "A" else "B") + unknown[1:]
    reply = Box().enrol(wrong)
    assert (reply.status_code, problem(reply)) == (403, "enrolment-refused")
    client().set(_guess_key("127.0.0.1"), WRONG_CODES_AT_MOST)
    reply = Box().enrol(unknown)
    assert (reply.status_code, problem(reply)) == (429, "too-many")
    assert int(reply.headers["Retry-After"]) > 0


def test_a_code_is_tried_five_times_at_most(houses):
    code = make_code(houses.tenant_a, houses.site_a)
    other = make_box(houses.tenant_a, houses.site_a)
    for _ in range(5):
        thief = Box(record=other.record)
        reply = thief.enrol(code.text)
        assert "belong to an agent already" in json.loads(reply.content)["detail"]
    reply = Box().enrol(code.text)
    assert (reply.status_code, problem(reply)) == (403, "enrolment-refused")
    assert "too often" in json.loads(reply.content)["detail"]
    with tenant_scope(houses.tenant_a.id):
        assert Agent.objects.count() == 1


def test_keys_of_an_agent_of_another_tenant_are_refused(houses):
    other = make_box(houses.tenant_b, houses.site_b)
    reply = Box(transport=other.transport).enrol(make_code(houses.tenant_a, houses.site_a).text)
    assert (reply.status_code, problem(reply)) == (403, "enrolment-refused")
    assert other.state().command


def test_two_boxes_with_one_code_at_once_give_one_agent(houses):
    code = make_code(houses.tenant_a, houses.site_a)
    boxes = [Box() for _ in range(4)]
    for box in boxes:
        box.send_once("POST", "/agent/v1/enrol", b"{}")
    start, statuses = threading.Barrier(4), []

    def go(box):
        from django.db import connections

        start.wait()
        statuses.append(box.enrol(code.text).status_code)
        connections.close_all()

    threads = [threading.Thread(target=go, args=[box]) for box in boxes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(statuses) == [200, 403, 403, 403]
    with tenant_scope(houses.tenant_a.id):
        assert Agent.objects.count() == 1
        assert AgentKey.objects.count() == 3


def test_an_enrolment_signed_by_another_key_is_refused(houses):
    code = make_code(houses.tenant_a, houses.site_a)
    reply = Box().enrol(code.text, transport_public=Box().enrol_request(code.text)["transport_public"])
    assert (reply.status_code, problem(reply)) == (401, "signature-refused")


@pytest.mark.parametrize(
    "change",
    [
        {"code_secret": "AAAA"},
        {"code_secret": 5},
        {"name": ""},
        {"name": "x" * 81},
        {"name": "line\nbreak"},
        {"record_public": "AAAA"},
        {"transport_public": None},
        {"box_public": "!" * 43},
        {"software": None},
    ],
)
def test_a_malformed_enrolment_is_refused_by_its_field(houses, change):
    code = make_code(houses.tenant_a, houses.site_a)
    reply = Box().enrol(code.text, **change)
    assert (reply.status_code, problem(reply)) == (400, "malformed-message")
    assert next(iter(change)) in json.loads(reply.content)["detail"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff\xfe", b'"text"', b"[" * 5000])
def test_an_enrolment_that_is_no_json_object_is_refused(houses, body):
    reply = Box().send("POST", "/agent/v1/enrol", body)
    assert (reply.status_code, problem(reply)) == (400, "malformed-message")


def test_an_oversized_enrolment_is_refused_before_it_is_parsed(houses):
    reply = Box().send("POST", "/agent/v1/enrol", b" " * 9000)
    assert (reply.status_code, problem(reply)) == (413, "too-large")


def test_enrolment_takes_post_alone(houses):
    reply = Box().send("GET", "/agent/v1/enrol")
    assert (reply.status_code, problem(reply)) == (405, "method-not-allowed")
    assert reply.headers["Allow"] == "POST"
