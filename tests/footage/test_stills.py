"""Still pictures: many cameras in one request, the newest or those of an instant; who gets them, and what is written down."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from protocol import b64
from sealing.ids import Rendition, Stream
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, SimStream, recorded
from tests.cast import Cast, slug_of
from tests.footage.test_playback import NOON, Player
from vsaas.audit.models import AuditInbox
from vsaas.common.object_store import object_store
from vsaas.footage import stored

HOUR = 3600 * SECOND


@pytest.fixture
def alice(people: Cast, client_for) -> Player:
    return Player(client_for(people.alice), people.alice)


def ask(player: Player, *wishes: dict[str, Any], **more: Any):
    """POST stills."""
    token = player.client.cookies.get("vsaas_csrf")
    return player.client.post(
        "/api/v1/stills",
        {"stills": list(wishes), "hpke_public": b64.encode(player.public)} | more,
        content_type="application/json",
        headers={
            "VSaaS-Tenant": slug_of(player.account),
            "Accept": "application/json",
            "X-CSRFToken": token.value if token else "",
        },
    )


def wish(camera: uuid.UUID, **more: Any) -> dict[str, Any]:
    return {"camera": str(camera)} | more


def rows_of(reply) -> list[dict[str, Any]]:
    assert reply.status_code == 200, reply.content
    found: list[dict[str, Any]] = reply.json()["stills"]
    return found


def ids_of(reply) -> list[list[str]]:
    return [[segment["id"] for segment in row["segments"]] for row in rows_of(reply)]


def acts(people: Cast) -> list[AuditInbox]:
    with tenant_scope(people.tenant_a.id):
        return list(
            AuditInbox.objects.filter(act__in=["footage.stills-seen", "keys.released"]).order_by("at")
        )


def test_the_newest_picture_of_each_camera_comes_in_one_answer(agent: AgentSim, alice: Player):
    gate, gate_segments = recorded(agent, NOON, 3)
    yard, yard_segments = recorded(agent, NOON - 5 * HOUR, 1)
    bare = agent.add_camera("Bare")
    reply = ask(alice, wish(gate.camera), wish(bare), wish(yard.camera))
    assert ids_of(reply) == [[str(gate_segments[-1].segment)], [], [str(yard_segments[0].segment)]]
    body = reply.json()
    row = body["stills"][0]
    assert (row["camera"], row["stream"]) == (str(gate.camera), "main")
    segment = row["segments"][0]
    assert [key["rendition"] for key in segment["keys"]] == [1, 7]
    # As a player opens it, from this answer alone.
    as_playback = body | {"streams": [row]}
    assert alice.open(as_playback, str(gate.camera), segment, Rendition.MAIN) == gate_segments[-1].video


def test_a_picture_of_an_instant_is_the_last_one_that_began_before_it(agent: AgentSim, alice: Player):
    stream, segments = recorded(agent, NOON, 6)
    moments = [NOON + 25 * SECOND, NOON + 30 * SECOND, NOON - SECOND, NOON + 300 * SECOND, NOON + HOUR]
    reply = ask(alice, *(wish(stream.camera, at_us=us) for us in moments))
    expected = [[segments[2]], [segments[3]], [], [segments[5]], []]
    assert ids_of(reply) == [[str(one.segment) for one in row] for row in expected]


def test_the_sub_stream_is_preferred_while_it_keeps_up(agent: AgentSim, alice: Player):
    camera = agent.add_camera("Both")
    recorded(agent, NOON, 12, camera, size=500)
    sub = agent.stream(camera, Stream.SUB)
    upload(agent, sub, [sub.genesis(NOON), sub.segment(NOON, 70.0)])
    (row,) = rows_of(ask(alice, wish(camera)))
    assert row["stream"] == "sub"
    recorded(agent, NOON + 120 * SECOND, 2, camera, size=500)
    (newest, early, wanted) = rows_of(
        ask(alice, wish(camera), wish(camera, at_us=NOON + 30 * SECOND), wish(camera, stream="sub"))
    )
    assert [row["stream"] for row in (newest, early, wanted)] == ["main", "sub", "sub"]


def upload(agent: AgentSim, stream: SimStream, items: list[Any]) -> None:
    reply = agent.record(stream, items)
    agent.store(stream, [item for item in items if hasattr(item, "object")], reply)
    stored.confirm_hour(agent.tenant, stored.Hour(stream.camera, int(stream.stream), NOON), object_store())


def test_only_what_is_stored_and_begins_with_a_key_frame_is_a_picture(agent: AgentSim, alice: Player):
    stream, (first,) = recorded(agent, NOON, 1)
    upload(agent, stream, [stream.segment(NOON + 10 * SECOND, continuation_of=first.segment)])
    agent.record(stream, [stream.segment(NOON + 20 * SECOND)])
    assert ids_of(ask(alice, wish(stream.camera))) == [[str(first.segment)]]


def test_two_instants_of_one_segment_share_its_keys(agent: AgentSim, alice: Player):
    stream, _ = recorded(agent, NOON, 1)
    one, other = rows_of(ask(alice, wish(stream.camera, at_us=NOON + 1), wish(stream.camera, at_us=NOON + 2)))
    assert one == other
    assert [key["rendition"] for key in one["segments"][0]["keys"]] == [1, 7]


def test_sound_never_comes_with_a_picture(agent: AgentSim, alice: Player):
    stream, _ = recorded(agent, NOON, 1, audio=True)
    (row,) = rows_of(ask(alice, wish(stream.camera)))
    assert [key["rendition"] for key in row["segments"][0]["keys"]] == [1, 7]


def test_who_may_not_play_gets_no_picture(agent: AgentSim, people: Cast, client_for, anonymous):
    stream, _ = recorded(agent, NOON, 1)
    other = AgentSim.enrol(people.tenant_a.id, people.other_site_a, "Yard")
    yard, _ = recorded(other, NOON, 1)
    bob = Player(client_for(people.bob), people.bob)
    charlie = Player(client_for(people.charlie), people.charlie)
    assert ask(bob, wish(stream.camera)).status_code == 200
    assert ask(bob, wish(stream.camera), wish(yard.camera)).status_code == 404
    assert ask(charlie, wish(stream.camera)).status_code == 404
    assert ask(Player(anonymous, people.alice), wish(stream.camera)).status_code == 401


def test_a_wall_that_refreshes_is_one_receipt_a_camera(agent: AgentSim, people: Cast, alice: Player):
    streams = [recorded(agent, NOON, 2, size=500)[0] for _ in range(2)]
    for _ in range(3):
        rows_of(ask(alice, *(wish(stream.camera) for stream in streams)))
    seen = [(row.act, row.object_id) for row in acts(people)]
    for stream in streams:
        assert seen.count(("footage.stills-seen", str(stream.camera))) == 1
        assert seen.count(("keys.released", str(stream.camera))) == 1


def test_each_hour_of_footage_looked_at_has_a_receipt_with_its_time(
    agent: AgentSim, people: Cast, alice: Player
):
    stream, _ = recorded(agent, NOON, 2, size=500)
    recorded(agent, NOON + HOUR, 2, stream.camera, size=500)
    for second in (1, 11, 2, 3601, 3602):
        rows_of(ask(alice, wish(stream.camera, at_us=NOON + second * SECOND)))
    entries = acts(people)
    seen = [row.details["from_time"] for row in entries if row.act == "footage.stills-seen"]
    assert seen == ["2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"]
    assert [row.act for row in entries].count("keys.released") == 2


def test_the_number_of_queries_does_not_grow_with_the_cameras(agent: AgentSim, alice: Player, queries_of):
    cameras = [recorded(agent, NOON, 2, size=300)[0].camera for _ in range(10)]
    bare = [agent.add_camera(f"Bare {number}") for number in range(54)]
    rows_of(ask(alice, wish(cameras[0])))
    few = queries_of(lambda: rows_of(ask(alice, *(wish(camera) for camera in cameras[1:3]))))
    many = queries_of(lambda: rows_of(ask(alice, *(wish(camera) for camera in [*cameras, *bare]))))
    assert many == few


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"stills": []}, "stills"),
        ({"stills": [{}] * 65}, "stills"),
        ({"stills": ["x"]}, "stills"),
        ({"stills": [{"camera": "x"}]}, "camera"),
        ({"stills": [{"camera": str(uuid.UUID(int=1)), "at_us": "now"}]}, "at_us"),
        ({"stills": [{"camera": str(uuid.UUID(int=1)), "stream": "thumb"}]}, "stream"),
        ({"hpke_public": "short"}, "hpke_public"),
    ],
)
def test_a_wrong_field_is_named(alice: Player, body: dict[str, Any], field: str):
    reply = ask(alice, wish(uuid.UUID(int=1)), **body)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, field)
