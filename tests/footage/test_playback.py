"""Playback: what a browser gets, opens and verifies, and who gets nothing."""

from __future__ import annotations

import time
import uuid
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from protocol import b64
from protocol.batch import RecordsBatch, Uploaded
from protocol.states import SegmentState
from sealing.ids import EnvelopePurpose, Rendition, box_kid
from sealing.index import open_index
from sealing.keys import EnvelopeInfo, Release, SegmentScope, open_envelope
from sealing.record import verify_record
from sealing.segment import read_part
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, Sealed, recorded
from tests.agents.test_succession import successor_of
from tests.cast import Cast, slug_of
from vsaas.common.object_store import object_store
from vsaas.footage import stored

NOON = 1_767_268_800_000_000


class Player:
    """A browser's worker: an ephemeral key, and what it does with a reply."""

    def __init__(self, client: Any, account: Any) -> None:
        self.client = client
        self.account = account
        self.private = X25519PrivateKey.generate()

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes_raw()

    def ask(self, cameras: list[uuid.UUID], from_us: int, to_us: int, /, **more: Any):
        body = {
            "streams": [{"camera": str(camera), "stream": "main"} for camera in cameras],
            "from_us": from_us,
            "to_us": to_us,
            "audio": False,
            "hpke_public": b64.encode(self.public),
        } | more
        token = self.client.cookies.get("vsaas_csrf")
        return self.client.post(
            "/api/v1/playback",
            body,
            content_type="application/json",
            headers={
                "VSaaS-Tenant": slug_of(self.account),
                "Accept": "application/json",
                "X-CSRFToken": token.value if token else "",
            },
        )

    def key(self, reply: dict[str, Any], camera: str, segment: dict[str, Any], rendition: Rendition) -> bytes:
        row = next(row for row in segment["keys"] if row["rendition"] == rendition)
        record = verify_record(b64.decode(segment["record"]), self.signer(reply, segment)).record
        expected = EnvelopeInfo(
            EnvelopePurpose.RELEASE,
            uuid.UUID(reply["tenant"]),
            SegmentScope(uuid.UUID(camera), uuid.UUID(segment["id"]), rendition),
            record.part(rendition).key_id,
            box_kid(self.public),
            0,
            Release(b64.decode(reply["session"]), uuid.UUID(reply["account"]), reply["expires_us"]),
        )
        return open_envelope(b64.decode(row["envelope"]), expected, self.private.private_bytes_raw())

    def signer(self, reply: dict[str, Any], segment: dict[str, Any]) -> bytes:
        (stream,) = [row for row in reply["streams"] if segment in row["segments"]]
        return b64.decode(stream["agents"][segment["agent"]]["record_keys"][0])

    def open(
        self, reply: dict[str, Any], camera: str, segment: dict[str, Any], rendition: Rendition
    ) -> bytes:
        """Record → index → leaves → plaintext, all from the reply and the store."""
        record = verify_record(b64.decode(segment["record"]), self.signer(reply, segment)).record
        index = open_index(
            record, self.key(reply, camera, segment, Rendition.INDEX), b64.decode(segment["index"])
        )

        def read(offset: int, length: int) -> bytes:
            span = {"Range": f"bytes={offset}-{offset + length - 1}"}
            response = httpx.get(segment["url"], headers=span)
            assert response.status_code == 206, response.text
            return response.content

        part = read_part(record, index, rendition, self.key(reply, camera, segment, rendition), read)
        return part.read(0, part.plaintext_length)


@pytest.fixture
def alice(people: Cast, client_for) -> Player:
    return Player(client_for(people.alice), people.alice)


def segments_of(reply) -> list[dict[str, Any]]:
    assert reply.status_code == 200, reply.content
    return reply.json()["streams"][0]["segments"]


def test_footage_says_that_it_came_off_the_disk_of_a_box_that_was_replaced(agent: AgentSim, alice: Player):
    stream, sent = recorded(agent, NOON, 1)
    declared = stream.segments(NOON + 10 * SECOND, 1)
    agent.record(stream, declared)
    kept = stream.segments(NOON + 20 * SECOND, 1)
    new = successor_of(agent.id, agent.tenant)
    brought = tuple(Uploaded(item.segment, stream.camera, 1) for item in declared)
    batch = RecordsBatch(tuple(item.item for item in kept), tuple(stream.envelopes), brought, None)
    path = f"/agent/v1/records?of={agent.id}"
    reply = new.send("POST", path, batch.encode(), content_type="application/cbor")
    assert reply.status_code == 200, reply.content
    segments = segments_of(alice.ask([stream.camera], NOON, NOON + 30 * SECOND))
    assert [(row["id"], row["adopted"]) for row in segments] == [
        (str(sent[0].segment), False),
        (str(declared[0].segment), True),
        (str(kept[0].segment), True),
    ]
    assert {row["agent"] for row in segments} == {str(agent.id)}


def test_a_browser_opens_what_the_agent_sealed(agent: AgentSim, alice: Player):
    stream, sealed = recorded(agent, NOON, 3, audio=True)
    reply = alice.ask([stream.camera], NOON + 5 * SECOND, NOON + 25 * SECOND, audio=True)
    rows = segments_of(reply)
    assert [row["id"] for row in rows] == [str(one.segment) for one in sealed]
    assert [(row["start_us"], row["end_us"], row["state"]) for row in rows] == [
        (one.start_us, one.end_us, "stored") for one in sealed
    ]
    body = reply.json()
    for row, one in zip(rows, sealed, strict=True):
        assert alice.open(body, str(stream.camera), row, Rendition.MAIN) == one.video
        assert [key["rendition"] for key in row["keys"]] == [1, 3, 7]
    assert 0 < body["expires_us"] - time.time_ns() // 1000 <= 120 * SECOND
    assert len(bytes.fromhex(body["root_fingerprint"])) == 32


def test_at_most_two_minutes_come_at_once_and_where_to_go_on(agent: AgentSim, alice: Player):
    stream, _ = recorded(agent, NOON, 20, size=2000)
    reply = alice.ask([stream.camera], NOON, NOON + 600 * SECOND)
    assert len(segments_of(reply)) == 12
    assert reply.json()["streams"][0]["more_from_us"] == NOON + 120 * SECOND
    rest = alice.ask([stream.camera], NOON + 120 * SECOND, NOON + 200 * SECOND)
    assert len(segments_of(rest)) == 8
    assert rest.json()["streams"][0]["more_from_us"] is None


def test_pending_and_deleted_segments_come_without_url_and_keys(agent: AgentSim, alice: Player):
    stream, _ = recorded(agent, NOON, 2)
    agent.record(
        stream, [stream.segment(NOON + 20 * SECOND), stream.gap(NOON + 30 * SECOND, NOON + 40 * SECOND, 3)]
    )
    where = stored.Hour(stream.camera, 1, NOON)
    with tenant_scope(agent.tenant):
        stored.mark(where, stored.declared_in(where, [SegmentState.STORED])[:1], SegmentState.DELETED)
    reply = alice.ask([stream.camera], NOON, NOON + 60 * SECOND)
    rows = segments_of(reply)
    assert [row["state"] for row in rows] == ["deleted", "stored", "pending"]
    assert [(row["url"] is None, row["keys"] is None, row["index"] is None) for row in rows] == [
        (True,) * 3,
        (False,) * 3,
        (True,) * 3,
    ]
    assert reply.json()["streams"][0]["gaps"] == [
        {"from_us": NOON + 30 * SECOND, "to_us": NOON + 40 * SECOND, "reason": 3}
    ]


def test_a_continuation_brings_everything_since_its_key_frame(agent: AgentSim, alice: Player):
    stream = agent.stream(agent.add_camera())
    key_frame = stream.segment
    begin = stream.genesis(NOON)
    first = key_frame(NOON)
    rest = [stream.segment(NOON + n * 10 * SECOND, continuation_of=first.segment) for n in range(1, 6)]
    everything: list[Sealed] = [first, *rest]
    reply = agent.record(stream, [begin, *everything])
    agent.store(stream, everything, reply)
    stored.confirm_hour(agent.tenant, stored.Hour(stream.camera, 1, NOON), object_store())
    rows = segments_of(alice.ask([stream.camera], NOON + 42 * SECOND, NOON + 48 * SECOND))
    assert [row["id"] for row in rows] == [str(one.segment) for one in everything[:5]]
    assert all(row["keys"] for row in rows)


def test_audio_is_a_right_of_its_own(agent: AgentSim, people: Cast, client_for, alice: Player):
    stream, _ = recorded(agent, NOON, 1, audio=True)
    bob = Player(client_for(people.bob), people.bob)
    (row,) = segments_of(bob.ask([stream.camera], NOON, NOON + 5 * SECOND, audio=True))
    assert [key["rendition"] for key in row["keys"]] == [1, 7]
    (row,) = segments_of(alice.ask([stream.camera], NOON, NOON + 5 * SECOND, audio=False))
    assert [key["rendition"] for key in row["keys"]] == [1, 7]


def test_who_may_not_play_gets_nothing(agent: AgentSim, people: Cast, client_for, anonymous):
    stream, _ = recorded(agent, NOON, 1)
    other = AgentSim.enrol(people.tenant_a.id, people.other_site_a, "Yard")
    yard, _ = recorded(other, NOON, 1)
    bob = Player(client_for(people.bob), people.bob)
    charlie = Player(client_for(people.charlie), people.charlie)
    stranger = Player(anonymous, people.alice)
    window = (NOON, NOON + 5 * SECOND)
    assert bob.ask([stream.camera], *window).status_code == 200
    assert bob.ask([yard.camera], *window).status_code == 404
    assert bob.ask([stream.camera, yard.camera], *window).status_code == 404
    assert charlie.ask([stream.camera], *window).status_code == 404
    assert stranger.ask([stream.camera], *window).status_code in (401, 403)
    as_alice = Player(charlie.client, people.alice)
    assert as_alice.ask([stream.camera], *window).status_code == 401


def test_a_release_opens_for_nobody_else(agent: AgentSim, people: Cast, client_for, alice: Player):
    from sealing.errors import WrongEnvelope

    stream, _ = recorded(agent, NOON, 1)
    reply = alice.ask([stream.camera], NOON, NOON + 5 * SECOND).json()
    thief = Player(alice.client, people.alice)
    segment = reply["streams"][0]["segments"][0]
    with pytest.raises(WrongEnvelope):
        thief.key(reply, str(stream.camera), segment, Rendition.MAIN)


def test_a_url_names_one_version_and_ends(agent: AgentSim, alice: Player):
    stream, (sealed,) = recorded(agent, NOON, 1)
    (row,) = segments_of(alice.ask([stream.camera], NOON, NOON + 5 * SECOND))
    object_store().put(stream.name(sealed), b"swapped", replace=True)
    assert httpx.get(row["url"]).content == sealed.object
    (again,) = segments_of(alice.ask([stream.camera], NOON, NOON + 5 * SECOND))
    assert httpx.get(again["url"]).content == sealed.object
    assert "X-Amz-Expires=120" in row["url"]
    assert httpx.get(row["url"].replace("versionId=", "versionId=0")).status_code in (400, 403, 404)


def test_the_number_of_queries_grows_with_nothing(agent: AgentSim, alice: Player, queries_of):
    streams = [recorded(agent, NOON, 6, size=500)[0] for _ in range(6)]
    cameras = [stream.camera for stream in streams]
    alice.ask(cameras, NOON, NOON + 60 * SECOND)
    one = queries_of(lambda: segments_of(alice.ask(cameras[:1], NOON, NOON + 10 * SECOND)))
    all_of_it = queries_of(lambda: segments_of(alice.ask(cameras, NOON, NOON + 60 * SECOND)))
    assert one == all_of_it


def test_watching_on_is_one_act_and_every_release_stands_in_the_log(
    agent: AgentSim, people: Cast, alice: Player
):
    from vsaas.audit.models import AuditInbox

    stream, _ = recorded(agent, NOON, 30, size=500)
    for n in range(3):
        segments_of(alice.ask([stream.camera], NOON + n * 60 * SECOND, NOON + (n + 1) * 60 * SECOND))
    segments_of(alice.ask([stream.camera], NOON + 290 * SECOND, NOON + 300 * SECOND))
    with tenant_scope(people.tenant_a.id):
        acts = list(AuditInbox.objects.values_list("act", flat=True))
    assert acts.count("footage.watched") == 2
    assert acts.count("keys.released") == 4


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"streams": []}, "streams"),
        ({"streams": "door"}, "streams"),
        ({"streams": [{"camera": "x", "stream": "main"}]}, "camera"),
        ({"to_us": 0}, "to_us"),
        ({"from_us": "noon"}, "from_us"),
        ({"hpke_public": "AAAA"}, "hpke_public"),
        ({"hpke_public": None}, "hpke_public"),
        ({"audio": "yes"}, "audio"),
    ],
)
def test_a_wrong_question_is_refused_by_its_field(agent: AgentSim, alice: Player, change, field):
    reply = alice.ask([agent.id], NOON, NOON + SECOND, **change)
    assert reply.status_code == 422, reply.content
    assert reply.json()["errors"][0]["field"] == field


def test_a_key_that_is_no_point_of_the_curve_gets_a_clear_refusal(agent: AgentSim, alice: Player):
    stream, _ = recorded(agent, NOON, 1)
    reply = alice.ask([stream.camera], NOON, NOON + 5 * SECOND, hpke_public=b64.encode(bytes(32)))
    assert reply.status_code == 400, reply.content
