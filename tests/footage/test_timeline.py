"""The timeline as browsers ask for it."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from protocol.batch import Unsent
from protocol.states import SegmentState
from sealing.ids import Stream
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, recorded
from tests.cast import Cast, slug_of
from vsaas.footage import stored

MINUTE = 60 * SECOND
NOON = 1_767_268_800_000_000  # 2026-01-01T12:00:00Z


def ask(client, account, cameras, from_us: int, to_us: int, **more):
    query = {"cameras": ",".join(map(str, cameras)), "from": from_us, "to": to_us} | more
    return client.get(
        "/api/v1/timeline", query, headers={"VSaaS-Tenant": slug_of(account), "Accept": "application/json"}
    )


def runs_of(reply, camera):
    assert reply.status_code == 200, reply.content
    return reply.json()["cameras"][str(camera)]["runs"]


def test_recorded_pending_and_gap_are_told_apart(agent: AgentSim, people: Cast, client_for):
    stream, _ = recorded(agent, NOON, 6)
    agent.record(stream, [stream.gap(NOON + MINUTE, NOON + 2 * MINUTE, reason=3)])
    agent.record(stream, stream.segments(NOON + 2 * MINUTE, 3))
    agent.post([], oldest_unsent_us=NOON + 2 * MINUTE)
    alice = client_for(people.alice)
    reply = ask(alice, people.alice, [stream.camera], NOON - MINUTE, NOON + 5 * MINUTE)
    assert runs_of(reply, stream.camera) == [
        [NOON, NOON + MINUTE, "recorded", None],
        [NOON + MINUTE, NOON + 2 * MINUTE, "gap", 3],
        [NOON + 2 * MINUTE, NOON + 2 * MINUTE + 30 * SECOND, "pending", None],
    ]
    line = reply.json()["cameras"][str(stream.camera)]
    assert line["newest_us"] == NOON + 2 * MINUTE + 30 * SECOND
    assert line["oldest_unsent_us"] == NOON + 2 * MINUTE
    # Since the second release each stream is told for itself, and one without anything waiting not at all.
    for unsent, shown in (((Unsent(stream.camera, 1, NOON + MINUTE),), NOON + MINUTE), ((), None)):
        agent.post([], oldest_unsent_us=NOON, unsent=unsent)
        reply = ask(alice, people.alice, [stream.camera], NOON, NOON + MINUTE)
        assert reply.json()["cameras"][str(stream.camera)]["oldest_unsent_us"] == shown


def test_times_may_be_written_for_people(agent: AgentSim, people: Cast, client_for):
    stream, _ = recorded(agent, NOON, 1)
    begin = datetime.fromtimestamp(NOON / SECOND, UTC).isoformat()
    end = datetime.fromtimestamp(NOON / SECOND + 5, UTC).isoformat()
    client = client_for(people.alice)
    reply = ask(client, people.alice, [stream.camera], begin, end)
    assert runs_of(reply, stream.camera) == [[NOON, NOON + 5 * SECOND, "recorded", None]]


def test_a_gap_across_midnights_shows_on_every_day(agent: AgentSim, people: Cast, client_for):
    stream = agent.stream(agent.add_camera())
    day = 24 * 60 * MINUTE
    end = NOON + 3 * day
    agent.record(stream, [stream.genesis(NOON), stream.gap(NOON, end, reason=6)])
    client = client_for(people.alice)
    whole = ask(client, people.alice, [stream.camera], NOON - day, NOON + 4 * day)
    assert runs_of(whole, stream.camera) == [[NOON, end, "gap", 6]]
    hour = ask(
        client, people.alice, [stream.camera], NOON + day + 9 * 60 * MINUTE, NOON + day + 10 * 60 * MINUTE
    )
    assert runs_of(hour, stream.camera) == [
        [NOON + day + 9 * 60 * MINUTE, NOON + day + 10 * 60 * MINUTE, "gap", 6]
    ]


def test_main_and_sub_are_asked_for_apart_and_unplaced_footage_is_not_shown(
    agent: AgentSim, people: Cast, client_for
):
    camera = agent.add_camera()
    main, sub = agent.stream(camera), agent.stream(camera, Stream.SUB)
    future = time.time_ns() // 1000 + 3600 * SECOND
    agent.record(main, [main.genesis(NOON), main.segment(NOON), main.segment(future)])
    agent.record(sub, [sub.genesis(NOON), sub.segment(NOON, 30.0)])
    client = client_for(people.alice)
    assert runs_of(ask(client, people.alice, [camera], NOON, NOON + MINUTE), camera) == [
        [NOON, NOON + 10 * SECOND, "pending", None]
    ]
    assert runs_of(ask(client, people.alice, [camera], NOON, NOON + MINUTE, stream="sub"), camera) == [
        [NOON, NOON + 30 * SECOND, "pending", None]
    ]
    assert runs_of(ask(client, people.alice, [camera], future - MINUTE, future + MINUTE), camera) == []


def test_missing_and_deleted_footage_says_so(agent: AgentSim, people: Cast, client_for):
    stream, _ = recorded(agent, NOON, 3)
    where = stored.Hour(stream.camera, 1, NOON)
    with tenant_scope(agent.tenant):
        a, b, _ = stored.declared_in(where, [SegmentState.STORED])
        stored.mark(where, [a], SegmentState.MISSING)
        stored.mark(where, [b], SegmentState.DELETED)
    reply = ask(client_for(people.alice), people.alice, [stream.camera], NOON, NOON + MINUTE)
    assert [run[2] for run in runs_of(reply, stream.camera)] == ["missing", "deleted", "recorded"]


def test_the_number_of_queries_does_not_grow_with_cameras(
    agent: AgentSim, people: Cast, client_for, queries_of
):
    cameras = [agent.add_camera(f"Camera {n}") for n in range(12)]
    client = client_for(people.alice)
    ask(client, people.alice, cameras[:1], NOON, NOON + MINUTE)
    one = queries_of(lambda: ask(client, people.alice, cameras[:1], NOON, NOON + MINUTE))
    twelve = queries_of(lambda: ask(client, people.alice, cameras, NOON, NOON + MINUTE))
    assert one == twelve


def test_who_may_not_play_a_camera_gets_no_timeline(agent: AgentSim, people: Cast, client_for, anonymous):
    gate = agent.add_camera("Gate")
    yard = AgentSim.enrol(people.tenant_a.id, people.other_site_a, "Yard").add_camera("Yard")
    bob, charlie = client_for(people.bob), client_for(people.charlie)
    assert ask(bob, people.bob, [gate], NOON, NOON + MINUTE).status_code == 200
    assert ask(bob, people.bob, [yard], NOON, NOON + MINUTE).status_code == 404
    assert ask(bob, people.bob, [gate, yard], NOON, NOON + MINUTE).status_code == 404
    assert ask(charlie, people.charlie, [gate], NOON, NOON + MINUTE).status_code == 404
    assert ask(charlie, people.alice, [gate], NOON, NOON + MINUTE).status_code == 401
    assert ask(anonymous, people.alice, [gate], NOON, NOON + MINUTE).status_code == 401


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"from": "yesterday"}, "from"),
        ({"from": "2026-01-01T00:00:00"}, "from"),
        ({"to": NOON - 1}, "to"),
        ({"to": NOON + 400 * 24 * 3600 * SECOND}, "to"),
        ({"stream": "thumb"}, "stream"),
        ({"resolution": "-1"}, "resolution"),
        ({"resolution": "nan"}, "resolution"),
        ({"cameras": "door"}, "cameras"),
        ({"cameras": ""}, "cameras"),
        ({"from": "-1"}, "from"),
        ({"to": "9" * 30}, "to"),
    ],
)
def test_a_wrong_question_is_refused_by_its_field(people: Cast, client_for, agent, change, field):
    query = {"cameras": str(agent.id), "from": NOON, "to": NOON + MINUTE} | change
    client = client_for(people.alice)
    reply = client.get(
        "/api/v1/timeline",
        query,
        headers={"VSaaS-Tenant": slug_of(people.alice), "Accept": "application/json"},
    )
    assert reply.status_code == 422, reply.content
    assert reply.json()["errors"][0]["field"] == field
