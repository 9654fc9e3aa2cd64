"""Motion maps: which segments have one, who gets it, what else they get by it (nothing), and what is written down."""

from __future__ import annotations

from typing import Any

import pytest

from protocol import b64
from sealing.ids import Rendition, Stream
from sealing.motion import MotionMap, Moved, parse_motion
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, recorded
from tests.cast import Cast, slug_of
from tests.footage.test_playback import NOON, Player
from tests.footage.test_stills import upload
from vsaas.audit.models import AuditInbox

HOUR = 3600 * SECOND
WALK = MotionMap(64, 36, (Moved(2000, b"\x80" + bytes(287)), Moved(3000, bytes(287) + b"\x01")))


@pytest.fixture
def alice(people: Cast, client_for) -> Player:
    return Player(client_for(people.alice), people.alice)


def ask(player: Player, camera: Any, from_us: int = NOON, to_us: int = NOON + HOUR):
    """POST motion-maps."""
    asked = {"camera": str(camera), "from_us": from_us, "to_us": to_us}
    return post(player, asked | {"hpke_public": b64.encode(player.public)})


def post(player: Player, body: dict[str, Any]):
    token = player.client.cookies.get("vsaas_csrf")
    return player.client.post(
        "/api/v1/motion-maps",
        body,
        content_type="application/json",
        headers={
            "VSaaS-Tenant": slug_of(player.account),
            "Accept": "application/json",
            "X-CSRFToken": token.value if token else "",
        },
    )


def segments_of(reply) -> list[dict[str, Any]]:
    assert reply.status_code == 200, reply.content
    return [segment for row in reply.json()["streams"] for segment in row["segments"]]


def acts(people: Cast) -> list[tuple[str, str | None]]:
    with tenant_scope(people.tenant_a.id):
        rows = AuditInbox.objects.filter(act__in=["footage.maps-seen", "keys.released"]).order_by("at")
        return [(row.act, row.details.get("from_time")) for row in rows]


def test_a_map_comes_with_its_own_key_and_that_opens_no_picture(agent: AgentSim, alice: Player):
    stream, segments = recorded(agent, NOON, 2, motion=WALK, audio=True)
    reply = ask(alice, stream.camera)
    found = segments_of(reply)
    assert [row["id"] for row in found] == [str(one.segment) for one in segments]
    for segment in found:
        assert [key["rendition"] for key in segment["keys"]] == [5, 7]
        opened = alice.open(reply.json(), str(stream.camera), segment, Rendition.MOTION)
        assert parse_motion(opened) == WALK


def test_segments_without_a_map_are_left_out_and_the_sub_streams_are_found(agent: AgentSim, alice: Player):
    stream, _ = recorded(agent, NOON, 2)
    assert ask(alice, stream.camera).json()["streams"] == []
    sub = agent.stream(stream.camera, Stream.SUB)
    begin = sub.genesis(NOON)
    looked = sub.segment(NOON + 60 * SECOND, 60.0, motion=MotionMap(64, 36, ()))
    plain = sub.segment(NOON + 120 * SECOND, 60.0)
    upload(agent, sub, [begin, looked, plain])
    (row,) = ask(alice, stream.camera).json()["streams"]
    assert (row["stream"], [segment["id"] for segment in row["segments"]]) == ("sub", [str(looked.segment)])


def test_playback_gives_no_key_of_a_map(agent: AgentSim, alice: Player):
    stream, _ = recorded(agent, NOON, 1, motion=WALK)
    (segment,) = segments_of(alice.ask([stream.camera], NOON, NOON + 10 * SECOND))
    assert [key["rendition"] for key in segment["keys"]] == [1, 7]


def test_who_may_not_play_gets_no_map(agent: AgentSim, people: Cast, client_for, anonymous):
    stream, _ = recorded(agent, NOON, 1, motion=WALK)
    other = AgentSim.enrol(people.tenant_a.id, people.other_site_a, "Yard")
    yard, _ = recorded(other, NOON, 1, motion=WALK)
    bob = Player(client_for(people.bob), people.bob)
    assert len(segments_of(ask(bob, stream.camera))) == 1
    assert ask(bob, yard.camera).status_code == 404
    assert ask(Player(client_for(people.charlie), people.charlie), stream.camera).status_code == 404
    assert ask(Player(anonymous, people.alice), stream.camera).status_code == 401


def test_an_hour_looked_through_again_is_one_receipt_and_another_hour_one_more(
    agent: AgentSim, people: Cast, alice: Player
):
    stream, _ = recorded(agent, NOON, 2, motion=WALK)
    recorded(agent, NOON + HOUR, 1, stream.camera, motion=WALK)
    for _ in range(3):
        assert len(segments_of(ask(alice, stream.camera))) == 2
    noon, one = "2026-01-01T12:00:00Z", "2026-01-01T13:00:00Z"
    assert [act for act, _ in acts(people)].count("keys.released") == 1
    assert [at for act, at in acts(people) if act == "footage.maps-seen"] == [noon]
    assert len(segments_of(ask(alice, stream.camera, NOON + HOUR, NOON + 2 * HOUR))) == 1
    assert [at for act, at in acts(people) if act == "footage.maps-seen"] == [noon, one]
    assert [act for act, _ in acts(people)].count("keys.released") == 2


def test_an_hour_without_maps_is_no_act(agent: AgentSim, people: Cast, alice: Player):
    stream, _ = recorded(agent, NOON, 1)
    assert segments_of(ask(alice, stream.camera)) == []
    assert acts(people) == []


def test_the_number_of_queries_does_not_grow_with_the_segments(agent: AgentSim, alice: Player, queries_of):
    few_of, _ = recorded(agent, NOON, 2, motion=WALK, size=300)
    many_of, _ = recorded(agent, NOON, 30, motion=WALK, size=300)
    segments_of(ask(alice, few_of.camera))
    segments_of(ask(alice, many_of.camera))
    few = queries_of(lambda: segments_of(ask(alice, few_of.camera)))
    many = queries_of(lambda: segments_of(ask(alice, many_of.camera)))
    assert many == few


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"camera": "no id"}, "camera"),
        ({"to_us": NOON}, "to_us"),
        ({"to_us": NOON + HOUR + 1}, "to_us"),
        ({"from_us": "noon"}, "from_us"),
        ({"hpke_public": "short"}, "hpke_public"),
    ],
)
def test_what_cannot_be_asked_is_refused_by_its_field(
    changed: dict[str, Any], field: str, agent: AgentSim, alice: Player
):
    asked = {"camera": str(agent.add_camera("Bare")), "from_us": NOON, "to_us": NOON + HOUR}
    reply = post(alice, asked | {"hpke_public": b64.encode(alice.public)} | changed)
    assert reply.status_code == 422, reply.content
    assert [error["field"] for error in reply.json()["errors"]] == [field]
