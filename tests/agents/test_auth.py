"""Signed requests of agents: who signed, once, and nothing else opens these routes."""

import base64
import datetime as dt
import json

import pytest
from django.conf import settings
from django.test import Client

from protocol import b64
from tenants.scope import tenant_scope
from tests.boxes import Box, make_box, problem
from tests.cast import later, sign_in
from vsaas.agents.auth import authenticate_scope
from vsaas.agents.errors import AgentUnknown
from vsaas.agents.nonces import fresh_nonce, use_nonce
from vsaas.agents.revocation import revoke
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.common.errors import SignatureRefused, StaleNonce

STATE = "/agent/v1/state"


@pytest.fixture
def box(houses):
    return make_box(houses.tenant_a, houses.site_a)


def test_a_signed_request_is_let_in_and_given_the_next_challenge(box):
    before = box.nonce
    reply = box.send_once("GET", STATE)
    assert reply.status_code == 200
    assert box.nonce != before


def test_a_nonce_is_good_once(box):
    headers = box.signed_headers("GET", STATE, None)
    assert Client().get(STATE, headers=headers).status_code == 200
    reply = Client().get(STATE, headers=headers)
    assert (reply.status_code, problem(reply)) == (401, "stale-nonce")
    assert reply.headers["VSaaS-Nonce"]


def test_a_refused_request_brings_the_challenge_that_lets_the_next_one_in(box):
    box.nonce = "made-up"
    reply = box.send_once("GET", STATE)
    assert (reply.status_code, problem(reply)) == (401, "stale-nonce")
    assert box.send_once("GET", STATE).status_code == 200


def test_an_old_nonce_is_stale(box):
    with later(seconds=301):
        reply = box.send_once("GET", STATE)
    assert problem(reply) == "stale-nonce"


def test_a_nonce_of_another_portal_is_stale(database):
    raw = bytearray(b64.decode(fresh_nonce()))
    for place in (0, 8, 31):
        altered = bytearray(raw)
        altered[place] ^= 1
        with pytest.raises(StaleNonce):
            use_nonce(b64.encode(bytes(altered)))
    use_nonce(b64.encode(bytes(raw)))


@pytest.mark.parametrize("hours", [-1, 1, 24 * 400, -24 * 400])
def test_a_wrong_clock_on_the_box_does_no_harm(box, hours):
    box.clock_error = dt.timedelta(hours=hours)
    assert box.send_once("GET", STATE).status_code == 200
    assert box.beat().status_code == 204


def test_a_request_without_a_signature_is_refused(box):
    reply = Client().get(STATE)
    assert (reply.status_code, problem(reply)) == (401, "signature-refused")
    assert reply.headers["VSaaS-Nonce"]


def test_a_signature_of_another_key_is_refused(box):
    reply = box.send_once("GET", STATE, key=Box().transport)
    assert (reply.status_code, problem(reply)) == (401, "signature-refused")


def test_a_key_nobody_registered_is_unknown(box):
    reply = Box().send("GET", STATE)
    assert (reply.status_code, problem(reply)) == (401, "unknown-agent")


@pytest.mark.parametrize("key_id", ["", "zz" * 16, "00" * 16, "a" * 1000, "é"])
def test_a_key_id_that_cannot_be_is_refused(box, key_id):
    try:
        headers = box.signed_headers("GET", STATE, None, key_id=key_id)
    except Exception as error:  # noqa: BLE001  a key id that no header can carry never leaves a box
        assert key_id == "é", error
        return
    reply = Client().get(STATE, headers=headers)
    assert reply.status_code == 401


def test_the_record_key_is_not_an_identity_for_requests(box):
    from sealing.ids import kid

    record_id = kid(box.record.public_key().public_bytes_raw()).hex()
    reply = box.send_once("GET", STATE, key=box.record, key_id=record_id)
    assert (reply.status_code, problem(reply)) == (401, "unknown-agent")


def test_a_signature_for_another_method_path_query_or_host_is_refused(box):
    for method, url in (
        ("POST", "http://127.0.0.1:8400" + STATE),
        ("GET", "http://127.0.0.1:8400/agent/v1/health"),
        ("GET", "http://127.0.0.1:8400" + STATE + "?statements=7"),
        ("GET", "http://portal.example" + STATE),
        ("GET", "https://127.0.0.1:8400" + STATE),
    ):
        headers = box.signed_headers(method, STATE, None, url=url)
        reply = Client().get(STATE, headers=headers)
        assert (reply.status_code, problem(reply)) == (401, "signature-refused"), (method, url)


def test_a_host_header_changes_nothing_about_what_must_be_signed(box):
    headers = box.signed_headers("GET", STATE, None) | {"Host": "127.0.0.1"}
    assert Client().get(STATE, headers=headers).status_code == 200


def test_an_altered_body_is_refused(box):
    body = json.dumps(box.heartbeat()).encode()
    headers = box.signed_headers("POST", "/agent/v1/health", body)
    altered = body.replace(b"1000", b"2000")
    reply = Client().generic(
        "POST", "/agent/v1/health", altered, content_type="application/json", headers=headers
    )
    assert (reply.status_code, problem(reply)) == (401, "signature-refused")


def test_a_body_without_a_signed_digest_is_refused(box):
    headers = box.signed_headers("POST", "/agent/v1/health", None)
    reply = Client().generic(
        "POST", "/agent/v1/health", b"{}", content_type="application/json", headers=headers
    )
    assert (reply.status_code, problem(reply)) == (401, "signature-refused")


def test_a_digest_that_is_not_signed_is_refused(box):
    import hashlib

    body = json.dumps(box.heartbeat()).encode()
    headers = box.signed_headers("POST", "/agent/v1/health", None)
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    headers["Content-Digest"] = f"sha-256=:{digest}:"
    reply = Client().generic(
        "POST", "/agent/v1/health", body, content_type="application/json", headers=headers
    )
    assert (reply.status_code, problem(reply)) == (401, "signature-refused")


@pytest.mark.parametrize(
    "header",
    [
        {"Signature": "agent=:AAAA:"},
        {"Signature": "no structured field \x01"},
        {"Signature-Input": "agent=();created=1"},
        {"Signature-Input": "agent=(((("},
        {"Signature-Input": 'agent=("@method");keyid="x";nonce="y"'},
        {"Signature": ""},
    ],
)
def test_a_garbled_signature_is_refused(box, header):
    headers = box.signed_headers("GET", STATE, None) | header
    reply = Client().get(STATE, headers=headers)
    assert (reply.status_code, problem(reply)) == (401, "signature-refused")


def test_an_oversized_body_is_refused_before_its_signature_is_looked_at(box):
    reply = box.send_once("POST", "/agent/v1/health", b" " * 300_000)
    assert (reply.status_code, problem(reply)) == (413, "too-large")


def test_a_session_opens_no_agent_route(cast):
    reply = sign_in(cast.alice).get(STATE)
    assert (reply.status_code, problem(reply)) == (401, "signature-refused")


@pytest.mark.parametrize("path", ["/api/v1/cameras", "/api/v1/agents", "/api/v1/statements"])
def test_an_agents_signature_opens_nothing_but_agent_routes(box, houses, path):
    headers = box.signed_headers("GET", path, None) | {"VSaaS-Tenant": houses.tenant_a.slug}
    reply = Client().get(path, headers=headers)
    assert (reply.status_code, problem(reply)) == (401, "not-signed-in")


def test_a_revoked_agent_is_let_in_no_more(box, houses):
    with tenant_scope(houses.tenant_a.id):
        revoke(box.agent(), system("tests"))
    reply = box.send("GET", STATE)
    assert (reply.status_code, problem(reply)) == (401, "unknown-agent")
    assert "revoked" in json.loads(reply.content)["detail"]


def test_what_a_known_agent_is_refused_is_audited_once_an_hour(box, houses):
    for _ in range(3):
        box.send_once("GET", STATE, key=Box().transport)
    with tenant_scope(houses.tenant_a.id):
        rows = list(AuditInbox.objects.filter(act="agent.refused"))
    assert [(row.actor_id, row.outcome) for row in rows] == [(box.agent_id, "refused")]


def handshake(box, path, **changes):
    hub = "http" + settings.ENV.live_url.removeprefix("ws")
    headers = box.signed_headers("GET", path, None, url=hub + path, **changes)
    route, _, query = path.partition("?")
    return {
        "type": "websocket",
        "path": route,
        "raw_path": route.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
    }


@pytest.mark.parametrize("path", ["/agent/v1/control", "/agent/v1/media/7?x=1"])
def test_a_websocket_handshake_is_signed_the_same_way(box, path):
    identity = authenticate_scope(handshake(box, path))
    assert (identity.tenant_id, identity.agent_id) == (box.tenant_id, box.agent_id)
    assert identity.kid.hex() == box.key_id


def test_a_handshake_replayed_altered_or_by_a_stranger_is_refused(box):
    scope = handshake(box, "/agent/v1/control")
    authenticate_scope(scope)
    with pytest.raises(StaleNonce):
        authenticate_scope(scope)
    box.nonce = fresh_nonce()
    scope = handshake(box, "/agent/v1/control")
    with pytest.raises(SignatureRefused):
        authenticate_scope(scope | {"path": "/live", "raw_path": b"/live"})
    with pytest.raises(SignatureRefused):
        authenticate_scope(scope | {"headers": scope["headers"] * 2})
    with pytest.raises(AgentUnknown):
        authenticate_scope(handshake(Box(nonce=fresh_nonce()), "/agent/v1/control"))
