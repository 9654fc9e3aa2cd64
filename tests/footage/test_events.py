"""What cameras and agents noticed: on the timeline, in the list, within the hours of whoever asks, and for as long as the footage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from sealing.ids import EventType
from tests.agent_sim import SECOND, AgentSim, SimStream, recorded
from tests.cast import Cast, later, slug_of
from tests.footage.test_retention import hours_ago
from tests.footage.test_timeline import MINUTE, NOON, ask
from tests.rules import every_day, set_hours
from vsaas.common import clock
from vsaas.common.object_store import object_store
from vsaas.footage import retention

HOUR = 60 * MINUTE


def marks(client: Any, account: Any, camera: UUID, from_us: int, to_us: int, **more: Any) -> list[list[Any]]:
    reply = ask(client, account, [camera], from_us, to_us, **more)
    assert reply.status_code == 200, reply.content
    told: list[list[Any]] = reply.json()["cameras"][str(camera)]["events"]
    return told


def listed(client: Any, account: Any, cameras: list[UUID], from_us: int, to_us: int, **more: Any) -> Any:
    query = {"cameras": ",".join(map(str, cameras)), "from": from_us, "to": to_us} | more
    headers = {"VSaaS-Tenant": slug_of(account), "Accept": "application/json"}
    return client.get("/api/v1/events", query, headers=headers)


@pytest.fixture
def stream(agent: AgentSim) -> SimStream:
    stream = agent.stream(agent.add_camera())
    agent.record(stream, [stream.genesis(NOON)])
    return stream


def test_pieces_of_one_event_are_one_mark_and_types_stand_apart(
    agent: AgentSim, stream: SimStream, people: Cast, client_for: Any
) -> None:
    end = NOON + MINUTE + 20 * SECOND
    reply = agent.record(
        stream,
        [
            stream.event(NOON, NOON + MINUTE, EventType.MOTION, goes_on=True),
            stream.event(NOON + 10 * SECOND, NOON + 11 * SECOND, EventType.DIGITAL_INPUT, "onvif:Door"),
            stream.event(NOON + MINUTE, end, EventType.MOTION),
            stream.event(NOON + 5 * MINUTE, NOON + 5 * MINUTE, 200),
            stream.event(NOON + 6 * MINUTE, NOON + 6 * MINUTE, EventType.CAMERA_CLOCK, detail="60 s ahead"),
            stream.event(NOON - 20 * MINUTE, NOON - 19 * MINUTE, EventType.SOUND),
        ],
    )
    assert {item.error for item in reply.results} == {None}
    alice = client_for(people.alice)
    whole = [
        [NOON, end, "motion"],
        [NOON + 10 * SECOND, NOON + 11 * SECOND, "input"],
        [NOON + 5 * MINUTE, NOON + 5 * MINUTE, "other"],
        [NOON + 6 * MINUTE, NOON + 6 * MINUTE, "clock"],
    ]
    assert marks(alice, people.alice, stream.camera, NOON, NOON + HOUR) == whole
    assert marks(alice, people.alice, stream.camera, NOON + MINUTE, NOON + 2 * MINUTE) == [
        [NOON + MINUTE, end, "motion"]
    ], "a piece is whole, but what ended before is not looked for"
    line = ask(alice, people.alice, [stream.camera], NOON, NOON + HOUR).json()["cameras"][str(stream.camera)]
    assert line["runs"] == [], "an event is no footage"
    assert line["newest_us"] is None


def test_the_list_has_pages_types_and_says_whose_word_it_is(
    agent: AgentSim, stream: SimStream, people: Cast, client_for: Any
) -> None:
    other = agent.stream(agent.add_camera("Yard"))
    agent.record(
        other, [other.genesis(NOON), other.event(NOON, NOON + SECOND, EventType.TAMPER, detail="dark")]
    )
    agent.record(
        stream,
        [
            stream.event(NOON + n * SECOND, NOON + n * SECOND, EventType.MOTION, f"onvif:{n}")
            for n in range(5)
        ],
    )
    alice = client_for(people.alice)
    both = [stream.camera, other.camera]
    seen, cursor = [], None
    while True:
        more = {"limit": 2} | ({} if cursor is None else {"cursor": cursor})
        page = listed(alice, people.alice, both, NOON, NOON + MINUTE, **more).json()
        seen += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
        assert len(page["items"]) == 2
    assert sorted(item["source"] for item in seen) == [*(f"onvif:{n}" for n in range(5)), "own"]
    assert [item["from_us"] for item in seen] == sorted(item["from_us"] for item in seen)
    only = listed(alice, people.alice, both, NOON, NOON + MINUTE, type="tamper,sound").json()
    assert only["items"] == [
        {
            "camera": str(other.camera),
            "type": "tamper",
            "from_us": NOON,
            "to_us": NOON + SECOND,
            "goes_on": False,
            "source": "own",
            "detail": "dark",
        }
    ]
    assert listed(alice, people.alice, both, NOON, NOON + MINUTE, type="other").json()["items"] == []
    for wrong in ({"type": "barking"}, {"cursor": "WyJhIl0"}, {"limit": "0"}):
        assert listed(alice, people.alice, both, NOON, NOON + MINUTE, **wrong).status_code == 422


@pytest.fixture
def base() -> Iterator[int]:
    minute = clock.now_us() // MINUTE * MINUTE
    with clock.stopped(), later(microseconds=minute + 10 * SECOND - clock.now_us()):
        yield minute


def test_of_hidden_time_no_event_is_told(base: int, agent: AgentSim, people: Cast, client_for: Any) -> None:
    """Neither one inside, nor one over the edge, nor one that states permitted time and came at another."""
    begin, end = base - 3 * HOUR, base - 2 * HOUR
    stream, _ = recorded(agent, begin - HOUR, 1)
    told = {
        "before": (begin - 30 * MINUTE, begin - 29 * MINUTE),
        "over the edge": (begin - 10 * SECOND, begin + 10 * SECOND),
        "inside": (begin + MINUTE, begin + 2 * MINUTE),
        "after": (end + MINUTE, end + 2 * MINUTE),
    }
    with later(microseconds=begin + 30 * MINUTE - clock.now_us()):
        agent.record(stream, [stream.event(begin - 50 * MINUTE, begin - 49 * MINUTE, EventType.TAMPER)])
    for name, span in told.items():
        came = base if name == "inside" else span[1] + SECOND  # each but one at once
        with later(microseconds=came - clock.now_us()):
            agent.record(stream, [stream.event(*span, EventType.MOTION)])
    set_hours(people.tenant_a, "viewer", hidden=every_day(begin, end))
    alice, bob = client_for(people.alice), client_for(people.bob)
    around = (begin - HOUR, end + HOUR)
    seen = [[*told["before"], "motion"], [*told["after"], "motion"]]
    assert marks(bob, people.bob, stream.camera, *around) == seen
    assert marks(bob, people.bob, stream.camera, *around, resolution=7200) == [
        [told["before"][0], begin, "motion"],
        [end, told["after"][1], "motion"],
    ], "what is joined says nothing of the time between"
    page = listed(bob, people.bob, [stream.camera], *around, limit=1).json()
    assert [item["from_us"] for item in page["items"]] == [told["before"][0]]
    page = listed(bob, people.bob, [stream.camera], *around, limit=1, cursor=page["next"]).json()
    assert ([item["from_us"] for item in page["items"]], page["next"]) == ([told["after"][0]], None)
    assert len(marks(alice, people.alice, stream.camera, *around)) == 5


def test_a_page_costs_one_look_however_much_of_the_time_is_hidden(
    base: int, agent: AgentSim, people: Cast, client_for: Any
) -> None:
    begin, end = base - 3 * HOUR, base - 2 * HOUR
    stream, _ = recorded(agent, begin - HOUR, 1)
    hidden = [begin + n * SECOND for n in range(501)]
    for part in (hidden[:400], hidden[400:]):
        agent.record(stream, [stream.event(at, at, EventType.MOTION) for at in part])
    late, last = begin - 10 * MINUTE, end + MINUTE
    agent.record(stream, [stream.event(at, at, EventType.SOUND) for at in (late, last)])
    set_hours(people.tenant_a, "viewer", hidden=every_day(begin, end))
    bob = client_for(people.bob)
    around = (begin - HOUR, end + HOUR)
    with CaptureQueriesContext(connection) as asked:
        page = listed(bob, people.bob, [stream.camera], *around).json()
    assert ([item["from_us"] for item in page["items"]], page["next"]) == ([late, last], None)
    assert sum("JOIN footage_record_body" in query["sql"] for query in asked) == 1


def test_events_are_told_as_long_as_the_footage_is_kept(
    agent: AgentSim, people: Cast, client_for: Any
) -> None:
    old, fresh = hours_ago(31 * 24), hours_ago(2)
    stream, _ = recorded(agent, old, 1)
    agent.record(stream, [stream.event(at, at + SECOND, EventType.MOTION) for at in (old, old - HOUR, fresh)])
    alice = client_for(people.alice)

    def told() -> list[int]:
        reply = listed(alice, people.alice, [stream.camera], old - 2 * HOUR, clock.now_us())
        return [item["from_us"] for item in reply.json()["items"]]

    assert told() == [old - HOUR, old, fresh]
    retention.sweep(agent.tenant, object_store())
    assert told() == [fresh]
    assert len(marks(alice, people.alice, stream.camera, old - HOUR, clock.now_us())) == 1
