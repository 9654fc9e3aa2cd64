"""A deleted camera: its recordings stay until their time is over, or go at once, keys first, with a tombstone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.test import Client

from protocol.states import SegmentState
from sealing.statement import verify_statements
from sealing.tombstone import verify_tombstone
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, SimStream, recorded
from tests.cast import Cast, sign_in
from tests.footage.test_retention import exists, hours_ago, living_envelopes, states
from tests.footage.test_usage import call
from tests.reading import text
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import camera_delete
from vsaas.common import clock
from vsaas.common.object_store import object_store
from vsaas.footage import retention
from vsaas.footage.models import FootageHour, Tombstone
from vsaas.keys.services import root_fingerprint, statements_since


def delete(agent: AgentSim, stream: SimStream, *, erase: bool) -> None:
    with tenant_scope(agent.tenant, keys=True):
        camera_delete(Camera.objects.get(id=stream.camera), system("tests"), erase_footage=erase)


def plays(client: Client, people: Cast, stream: SimStream, at_us: int) -> Any:
    body = {
        "streams": [{"camera": str(stream.camera), "stream": "main"}],
        "from_us": at_us,
        "to_us": at_us + 30 * SECOND,
        "audio": False,
        "hpke_public": "CQ" + "A" * 41,
    }
    return call(client, people, "POST", "playback", body)


def test_recordings_of_a_deleted_camera_play_until_their_time_is_over(
    people: Cast, agent: AgentSim, pages: None
) -> None:
    stream, sealed = recorded(agent, hours_ago(26), 2)
    delete(agent, stream, erase=False)
    bob = sign_in(people.bob)
    assert call(bob, people, "GET", "cameras").json()["items"] == []
    (found,) = call(bob, people, "GET", "cameras?deleted=true").json()["items"]
    assert (found["id"], found["state"], found["since_us"] is None) == (str(stream.camera), "deleted", False)
    assert call(bob, people, "GET", "cameras?deleted=perhaps").status_code == 422
    reply = plays(bob, people, stream, hours_ago(26))
    assert reply.status_code == 200
    assert all(segment["keys"] for segment in reply.json()["streams"][0]["segments"])
    assert retention.sweep(agent.tenant, object_store()) == 0
    page = text(bob.get(f"/t/{people.tenant_a.slug}/cameras/{stream.camera}"))
    assert "Deleted" in page
    listed = text(bob.get(f"/t/{people.tenant_a.slug}/sites"))
    assert "Deleted cameras" in listed
    with clock.shifted(timedelta(days=31)):
        assert retention.sweep(agent.tenant, object_store()) == 1
        alice = sign_in(people.alice)
        assert "Deleted cameras" not in text(alice.get(f"/t/{people.tenant_a.slug}/sites"))
        assert call(alice, people, "GET", "cameras?deleted=true").json() == {"items": [], "next": None}
    assert not exists(stream, sealed[0])


def test_recordings_deleted_with_their_camera_play_no_more_and_go_keys_first(
    people: Cast, agent: AgentSim
) -> None:
    stream, sealed = recorded(agent, hours_ago(26), 2)
    kept, _ = recorded(agent, hours_ago(26), 1)
    delete(agent, stream, erase=True)
    alice = sign_in(people.alice)
    # At once, before any sweep.
    assert call(alice, people, "GET", "cameras?deleted=true").json()["items"] == []
    assert plays(alice, people, stream, hours_ago(26)).status_code == 404
    assert plays(alice, people, kept, hours_ago(26)).status_code == 200
    assert retention.sweep(agent.tenant, object_store()) == 1
    assert living_envelopes(agent, stream.camera) == 0
    assert living_envelopes(agent, kept.camera) > 0
    assert states(agent, stream) == [SegmentState.DELETED] * 2
    assert not any(exists(stream, item) for item in sealed)
    with tenant_scope(agent.tenant):
        trust = verify_statements(statements_since(agent.tenant), root_fingerprint(agent.tenant))
        tombstone = verify_tombstone(bytes(Tombstone.objects.get().signed), trust)
    assert tombstone.policy == "camera deleted"
    assert set(tombstone.segments) == {item.segment for item in sealed}


def test_uploads_under_way_end_before_their_hour_is_deleted(people: Cast, agent: AgentSim) -> None:
    stream = agent.stream(agent.add_camera())
    begin = stream.genesis(hours_ago(2))
    segments = stream.segments(hours_ago(2), 1)
    reply = agent.record(stream, [begin, *segments])
    delete(agent, stream, erase=True)
    assert retention.sweep(agent.tenant, object_store()) == 0
    agent.store(stream, segments, reply)  # the grant it had
    assert exists(stream, segments[0])
    with clock.shifted(timedelta(minutes=16)):
        assert retention.sweep(agent.tenant, object_store()) == 1
    assert not exists(stream, segments[0])


def test_the_last_seconds_an_agent_still_holds_are_taken_and_deleted_too(
    people: Cast, agent: AgentSim
) -> None:
    stream, _ = recorded(agent, hours_ago(3), 1)
    delete(agent, stream, erase=True)
    assert retention.sweep(agent.tenant, object_store()) == 1
    late = stream.segments(hours_ago(3) + 100 * SECOND, 1)
    reply = agent.record(stream, late)
    assert [result.status for result in reply.results] == [0]
    agent.store(stream, late, reply)
    with clock.shifted(timedelta(minutes=16)):
        assert retention.sweep(agent.tenant, object_store()) == 1
    assert not exists(stream, late[0])
    with tenant_scope(agent.tenant):
        assert not FootageHour.objects.filter(camera=stream.camera, erasure=0).exists()
