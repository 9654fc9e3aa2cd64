"""What an agent is told and tells: state, heartbeat, clones, revocation."""

import json
import uuid

import pytest
from django.conf import settings

from protocol.command import CommandDocument
from sealing.cose import parse1
from sealing.statement import TrustedUpTo, verify_statements
from tenants.scope import tenant_scope
from tests.boxes import make_box, problem
from tests.cast import later
from vsaas.agents import tips
from vsaas.agents.commands import channel_of, issue_command
from vsaas.agents.errors import AgentUnknown
from vsaas.agents.health import is_cloned, is_online
from vsaas.agents.models import AgentHealth
from vsaas.agents.models import CommandDocument as StoredCommand
from vsaas.agents.revocation import AlreadyRevoked, revoke
from vsaas.agents.tips import Tip
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.common.redis import client
from vsaas.footage.models import Chain
from vsaas.keys.services import root_fingerprint, statements_since


@pytest.fixture
def box(houses):
    return make_box(houses.tenant_a, houses.site_a)


def health_of(box) -> AgentHealth:
    with tenant_scope(box.tenant_id):
        return AgentHealth.objects.get(agent_id=box.agent_id)


def stream(camera: uuid.UUID, **changes: object) -> dict[str, object]:
    return {
        "camera": str(camera),
        "stream": 1,
        "state": "recording",
        "since_us": 5,
        "detail": "",
        "bits_per_s": 4_000_000,
        "frames_per_s": 25.0,
        "codec": "avc1.640028",
    } | changes


def test_the_state_holds_statements_command_and_the_portals_clock(box):
    state = box.state()
    assert verify_statements(state.statements, verify_fingerprint(box)).seen.number == 4
    document = CommandDocument.from_payload(parse1(state.command).payload)
    assert (document.agent, document.number) == (box.agent_id, 1)
    assert state.tips == ()
    assert state.live_url == settings.ENV.live_url
    assert abs(state.utc_us - box.heartbeat()["utc_us"]) < 60_000_000


def verify_fingerprint(box) -> bytes:
    from vsaas.keys.services import root_fingerprint

    with tenant_scope(box.tenant_id):
        return root_fingerprint(box.tenant_id)


def test_statements_are_given_from_the_number_asked_for(box):
    whole = box.state().statements
    assert box.state(3).statements == whole[3:]
    assert box.state(3).statements_from == 3
    assert box.state(99).statements == ()


@pytest.mark.parametrize("number", ["-1", "x", "1e3", "9" * 30, "%D9%A3", ""])
def test_a_number_that_is_none_is_refused(box, number):
    reply = box.send("GET", f"/agent/v1/state?statements={number}")
    assert (reply.status_code, problem(reply)) == (400, "malformed-message")


def test_a_new_command_replaces_the_one_before_and_is_announced(box):
    listener = client().pubsub(ignore_subscribe_messages=True)
    listener.subscribe(channel_of(box.agent_id))
    listener.get_message(timeout=5)
    with tenant_scope(box.tenant_id):
        issue_command(box.agent(), [])
    heard = listener.get_message(timeout=5)
    assert heard is not None
    assert heard["data"] == b"command"
    listener.close()
    assert CommandDocument.from_payload(parse1(box.state().command).payload).number == 2
    with tenant_scope(box.tenant_id):
        assert StoredCommand.objects.count() == 2


def test_a_heartbeat_is_kept_as_the_newest(box):
    camera = uuid.uuid4()
    reply = box.beat(spool_bytes=77, oldest_unsent_us=123, streams=[stream(camera)])
    assert (reply.status_code, reply.content) == (204, b"")
    health = health_of(box)
    assert (health.spool_bytes, health.oldest_unsent_us, health.days_left) == (77, 123, 12.5)
    (kept,) = health.streams
    assert kept | stream(camera) == kept
    assert {kept[name] for name in kept.keys() - stream(camera).keys()} == {"", 0, None}  # an older agent's
    assert abs(health.clock_offset_us) < 60_000_000
    assert is_online(health)
    with later(seconds=46):
        assert not is_online(health)


def test_what_a_person_must_look_at_is_kept_until_the_agent_no_longer_says_it(box):
    box.beat(alarms=["the portal showed older statements than before"])
    assert health_of(box).alarms == ["the portal showed older statements than before"]
    box.beat()
    assert health_of(box).alarms == []


def test_the_clocks_error_is_measured(box):
    import datetime as dt

    box.clock_error = dt.timedelta(hours=-1)
    box.beat()
    assert abs(health_of(box).clock_offset_us + 3600_000_000) < 60_000_000


@pytest.mark.parametrize(
    "change",
    [
        {"instance": "no uuid"},
        {"spool_bytes": -1},
        {"spool_bytes": 2**63},
        {"utc_us": "now"},
        {"days_left": "many"},
        {"software": "x" * 300},
        {"streams": {}},
        {"streams": [5]},
        {"streams": [{"camera": "x"}]},
        {"streams": [stream(uuid.uuid4(), state="dancing")]},
    ],
)
def test_a_malformed_heartbeat_is_refused_and_changes_nothing(box, change):
    box.beat(spool_bytes=42)
    reply = box.beat(**change)
    assert (reply.status_code, problem(reply)) == (400, "malformed-message")
    assert health_of(box).spool_bytes == 42


@pytest.mark.parametrize("body", [b"", b"{", b"null", b"\x00", b"NaN"])
def test_a_heartbeat_that_is_no_json_object_is_refused(box, body):
    reply = box.send("POST", "/agent/v1/health", body)
    assert (reply.status_code, problem(reply)) == (400, "malformed-message")


def test_a_text_that_no_database_keeps_is_refused(box):
    reply = box.beat(software="a\u0000b")
    assert (reply.status_code, problem(reply)) == (400, "malformed-message")
    reply = box.beat(streams=[stream(uuid.uuid4(), detail="\ud800")])
    assert (reply.status_code, problem(reply)) == (400, "malformed-message")


def test_a_restart_is_no_clone(box):
    for _ in range(3):
        box.instance = uuid.uuid4()
        box.beat()
        box.beat()
    assert not is_cloned(health_of(box))


def test_two_boxes_with_one_identity_are_noticed(box):
    first, second = uuid.uuid4(), uuid.uuid4()
    for instance in (first, second, first, second):
        box.instance = instance
        assert box.beat().status_code == 204
    health = health_of(box)
    assert is_cloned(health)
    with tenant_scope(box.tenant_id):
        rows = list(AuditInbox.objects.filter(act="agent.cloned"))
    assert [row.details for row in rows] == [{"instance": str(first), "other": str(second)}]
    with later(hours=1, seconds=1):
        assert not is_cloned(health)


def test_an_agent_with_thousands_of_chains_is_revoked_all_the_same(box):
    """Each of its starts opened a chain per stream: more than one statement has room for."""
    tenant = box.agent().tenant_id
    with tenant_scope(tenant):
        camera = Camera.objects.create(
            agent=box.agent(), site_id=box.agent().site_id, name="Gate", created_at=clock.now()
        )
        Chain.objects.bulk_create(
            Chain(
                agent_id=box.agent_id,
                camera_id=camera.id,
                stream=1,
                chain=uuid.uuid4(),
                record_public=b"p" * 32,
                head_seq=number,
                head_hash=b"h" * 32,
                opened_us=number,
                genesis_reason=2,
            )
            for number in range(2500)
        )
    with tenant_scope(tenant, keys=True):
        number = revoke(box.agent(), system("tests"))
    with tenant_scope(tenant):
        statements = statements_since(tenant)
        trust = verify_statements(statements, root_fingerprint(tenant))
        chains = [(row.chain.bytes, row.head_seq) for row in Chain.objects.all()]
        assert box.agent().revoked_at is not None
    assert number == len(statements) - 1
    for chain, seq in chains:
        last = trust.trusted_up_to(box.agent_id, chain)
        assert last is not None
        assert last.seq == seq
    assert trust.trusted_up_to(box.agent_id, uuid.uuid4().bytes) is None


def test_revoking_states_what_is_still_trusted_and_tells_the_hub(box, monkeypatch):
    tip = Tip(b"c" * 16, uuid.uuid4(), 1, 9, b"h" * 32)
    monkeypatch.setattr(tips, "_source", lambda agent_id, most, until=None: [tip])
    listener = client().pubsub(ignore_subscribe_messages=True)
    listener.subscribe(channel_of(box.agent_id))
    listener.get_message(timeout=5)
    fingerprint = verify_fingerprint(box)
    with tenant_scope(box.tenant_id):
        number = revoke(box.agent(), system("tests"))
    assert listener.get_message(timeout=5)["data"] == b"revoked"
    listener.close()
    with tenant_scope(box.tenant_id):
        trust = verify_statements(statements_since(box.tenant_id), fingerprint)
        rows = list(AuditInbox.objects.filter(act="agent.revoked"))
    assert trust.seen.number == number
    assert trust.is_revoked(box.agent_id)
    assert trust.trusted_up_to(box.agent_id, tip.chain) == TrustedUpTo(tip.chain, tip.seq, tip.hash)
    assert len(rows) == 1


def test_an_agent_is_revoked_once(box):
    with tenant_scope(box.tenant_id):
        revoke(box.agent(), system("tests"))
        with pytest.raises(AlreadyRevoked):
            revoke(box.agent(), system("tests"))


def test_an_agent_without_a_command_is_told_to_enrol(houses):
    from vsaas.agents.commands import current_command

    with tenant_scope(houses.tenant_a.id), pytest.raises(AgentUnknown):
        current_command(uuid.uuid4())


def test_the_tips_the_portal_knows_come_along(box, monkeypatch):
    tip = Tip(b"c" * 16, uuid.uuid4(), 2, 9, b"h" * 32)
    monkeypatch.setattr(
        tips,
        "_source",
        lambda agent_id, most, until=None: [tip] if agent_id == box.agent_id else [],
    )
    (told,) = box.state().tips
    assert (told.chain, told.camera, told.stream, told.seq, told.hash) == (
        tip.chain,
        tip.camera,
        tip.stream,
        tip.seq,
        tip.hash,
    )
    assert json.dumps(box.state().to_json())
