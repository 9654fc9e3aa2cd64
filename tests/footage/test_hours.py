"""Recorded time that hours do not permit: no key, no URL, no picture, and not a word whether there is anything."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from protocol import b64
from tenants.models import Membership, OrganisationRole
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, recorded
from tests.cast import Cast, later, slug_of
from tests.footage.test_playback import Player
from tests.footage.test_timeline import ask
from tests.rules import every_day, set_hours
from vsaas.audit.models import AuditInbox
from vsaas.common import clock
from vsaas.footage.findings import note
from vsaas.footage.models import FindingKind

MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


@pytest.fixture
def base() -> Iterator[int]:
    """A full minute; it is ten seconds later, and no time passes."""
    minute = clock.now_us() // MINUTE * MINUTE
    with clock.stopped(), later(microseconds=minute + 10 * SECOND - clock.now_us()):
        yield minute


@pytest.fixture
def bob(people: Cast, client_for) -> Player:
    return Player(client_for(people.bob), people.bob)


@pytest.fixture
def alice(people: Cast, client_for) -> Player:
    return Player(client_for(people.alice), people.alice)


def send(who: Player, method: str, path: str, body: Any = None) -> Any:
    token = who.client.cookies.get("vsaas_csrf")
    headers = {
        "VSaaS-Tenant": slug_of(who.account),
        "Accept": "application/json",
        "X-CSRFToken": token.value if token else "",
    }
    data = "" if body is None else json.dumps(body)
    return who.client.generic(method, path, data, content_type="application/json", headers=headers)


def timeline(who: Player, camera: UUID, from_us: int, to_us: int) -> dict[str, Any]:
    reply = ask(who.client, who.account, [camera], from_us, to_us)
    assert reply.status_code == 200, reply.content
    return reply.json()["cameras"][str(camera)]


def stream_of(who: Player, camera: UUID, from_us: int, to_us: int) -> dict[str, Any]:
    reply = who.ask([camera], from_us, to_us)
    assert reply.status_code == 200, reply.content
    return reply.json()["streams"][0]


def test_hidden_hours_are_one_blank_stretch_with_footage_or_without(
    base: int, people: Cast, agent: AgentSim, alice: Player, bob: Player
) -> None:
    begin, end = base - 3 * HOUR, base - 2 * HOUR
    full, _ = recorded(agent, begin - 25 * SECOND, 8)  # the third segment reaches over the edge
    agent.record(full, [full.gap(begin + 5 * MINUTE, begin + 9 * MINUTE, reason=3)])
    empty = agent.add_camera("Empty")
    set_hours(people.tenant_a, "viewer", hidden=every_day(begin, end))
    hidden = [begin, end, "not-permitted", None]
    assert timeline(bob, full.camera, begin - MINUTE, end)["runs"] == [
        [begin - 25 * SECOND, begin, "recorded", None],
        hidden,
    ]
    assert timeline(bob, empty, begin - MINUTE, end)["runs"] == [hidden]
    line = timeline(bob, full.camera, begin - MINUTE, end)
    assert (line["newest_us"], line["oldest_unsent_us"]) == (None, None)
    seen = timeline(alice, full.camera, begin - MINUTE, end)
    assert [run[2] for run in seen["runs"]] == ["recorded", "gap"]
    assert seen["newest_us"] is not None


def test_only_segments_wholly_inside_are_given_keys_and_places(
    base: int, people: Cast, agent: AgentSim, alice: Player, bob: Player
) -> None:
    edge = base - 3 * HOUR
    stream, segments = recorded(agent, edge - 25 * SECOND, 8)
    set_hours(people.tenant_a, "viewer", hidden=every_day(edge, base - 2 * HOUR))
    got = stream_of(bob, stream.camera, edge - MINUTE, edge + MINUTE)
    assert [row["id"] for row in got["segments"]] == [str(one.segment) for one in segments[:2]]
    assert all(row["url"] and row["keys"] for row in got["segments"])
    assert got["not_permitted"] == [{"from_us": edge - 5 * SECOND, "to_us": edge + MINUTE}]
    assert got["gaps"] == []
    whole = stream_of(alice, stream.camera, edge - MINUTE, edge + MINUTE)
    assert len(whole["segments"]) == 8
    assert whole["not_permitted"] == []


def test_footage_that_came_in_hidden_hours_is_hidden_whatever_time_it_states(
    base: int, people: Cast, agent: AgentSim, alice: Player, bob: Player
) -> None:
    late, _ = recorded(agent, base - HOUR, 3)  # came now
    prompt, _ = recorded(agent, base - 30 * SECOND, 2)
    set_hours(people.tenant_a, "viewer", hidden=every_day(base + MINUTE, base + 2 * HOUR))
    assert len(stream_of(bob, late.camera, base - HOUR, base)["segments"]) == 3
    set_hours(people.tenant_a, "viewer", hidden=every_day(base, base + 2 * HOUR))
    got = stream_of(bob, late.camera, base - HOUR, base - HOUR + MINUTE)
    stated = [base - HOUR, base - HOUR + 30 * SECOND]
    assert (got["segments"], got["not_permitted"]) == (
        [],
        [dict(zip(("from_us", "to_us"), stated, strict=True))],
    )
    assert timeline(bob, late.camera, base - HOUR, base)["runs"] == [[*stated, "not-permitted", None]]
    assert timeline(alice, late.camera, base - HOUR, base)["runs"] == [[*stated, "recorded", None]]
    # What comes in its ordinary way has one time.
    assert len(stream_of(bob, prompt.camera, base - MINUTE, base)["segments"]) == 2


def test_hours_back_move_with_the_clock(base: int, people: Cast, agent: AgentSim, bob: Player) -> None:
    begin = base - HOUR
    stream, _ = recorded(agent, begin, 24)
    set_hours(people.tenant_a, "viewer", playback_back_h=1)
    # 10 s have passed, and what a grant of two minutes outlives is not granted.
    first = begin + 130 * SECOND
    got = stream_of(bob, stream.camera, begin, begin + 2 * MINUTE)
    assert (got["segments"], got["not_permitted"]) == ([], [{"from_us": begin, "to_us": begin + 2 * MINUTE}])
    got = stream_of(bob, stream.camera, begin + 2 * MINUTE, begin + 4 * MINUTE)
    assert got["segments"][0]["start_us"] == first
    assert timeline(bob, stream.camera, begin, begin + 4 * MINUTE)["runs"] == [
        [begin, first, "not-permitted", None],
        [first, begin + 4 * MINUTE, "recorded", None],
    ]
    with later(seconds=60):
        got = stream_of(bob, stream.camera, begin + 2 * MINUTE, begin + 4 * MINUTE)
        assert got["segments"][0]["start_us"] == first + 60 * SECOND


def test_outside_the_hours_of_playback_every_way_to_footage_is_shut(
    base: int, people: Cast, agent: AgentSim, bob: Player
) -> None:
    stream, _ = recorded(agent, base - MINUTE, 3)
    camera = str(stream.camera)
    set_hours(people.tenant_a, "operator", playback=every_day(base - HOUR, base + 3 * HOUR))
    with tenant_scope(people.tenant_a.id):
        Membership.objects.filter(account=people.bob).update(role="operator")
    span = {"from_us": base - MINUTE, "to_us": base}
    public = {"hpke_public": b64.encode(bob.public)}
    ways = [
        ("GET", f"/api/v1/timeline?cameras={camera}&from={base - MINUTE}&to={base}", None),
        ("POST", "/api/v1/playback", {"streams": [{"camera": camera, "stream": "main"}], **span, **public}),
        ("POST", "/api/v1/clips", {"camera": camera, "stream": "main", "audio": False, **span, **public}),
        ("POST", "/api/v1/stills", {"stills": [{"camera": camera}], **public}),
    ]

    def answers() -> list[tuple[int, str]]:
        replies = [send(bob, *way) for way in ways]
        return [(reply.status_code, json.loads(reply.content).get("type", "")) for reply in replies]

    assert answers() == [(200, "")] * 4
    with later(hours=4):
        assert answers() == [(403, "urn:vsaas:problem:outside-hours")] * 4
        reply = send(bob, *ways[0])
        assert json.loads(reply.content)["opens_us"] == base - HOUR + 24 * HOUR
    with tenant_scope(people.tenant_a.id):
        assert AuditInbox.objects.filter(actor_id=people.bob.id, outcome="refused").exists()


def test_a_grant_ends_with_the_hours_that_open_it(
    base: int, people: Cast, agent: AgentSim, alice: Player, bob: Player
) -> None:
    stream, _ = recorded(agent, base - MINUTE, 3)
    set_hours(people.tenant_a, "viewer", playback=every_day(base - HOUR, base + MINUTE))
    got = bob.ask([stream.camera], base - MINUTE, base).json()
    assert got["expires_us"] == base + MINUTE
    (url,) = {row["url"] for row in got["streams"][0]["segments"][:1]}
    assert "X-Amz-Expires=50" in url
    assert httpx.get(url).status_code == 200
    assert (
        alice.ask([stream.camera], base - MINUTE, base).json()["expires_us"] == clock.now_us() + 120 * SECOND
    )
    set_hours(people.tenant_a, "viewer", sign_in=every_day(base - HOUR, base + MINUTE))
    assert bob.ask([stream.camera], base - MINUTE, base).json()["expires_us"] == base + MINUTE
    with later(seconds=49.5):  # no time is left to fetch anything in
        reply = bob.ask([stream.camera], base - MINUTE, base)
        assert (reply.status_code, reply.json()["type"]) == (403, "urn:vsaas:problem:outside-hours")


def test_of_several_grants_one_that_permits_is_enough(
    base: int, people: Cast, agent: AgentSim, bob: Player
) -> None:
    begin = base - 3 * HOUR
    stream, _ = recorded(agent, begin, 12)
    set_hours(people.tenant_a, "viewer", hidden=every_day(begin - HOUR, begin + MINUTE))
    assert len(stream_of(bob, stream.camera, begin, begin + 2 * MINUTE)["segments"]) == 6
    with tenant_scope(people.tenant_a.id):
        Membership.objects.create(account=people.bob, role="operator", site=people.site_a)
    assert len(stream_of(bob, stream.camera, begin, begin + 2 * MINUTE)["segments"]) == 12
    set_hours(people.tenant_a, "operator", hidden=every_day(begin + MINUTE, base))
    got = stream_of(
        bob, stream.camera, begin, begin + 2 * MINUTE
    )  # one segment at most reaches over the edge
    assert (len(got["segments"]), got["not_permitted"]) == (12, [])


def test_stills_show_the_last_picture_that_is_permitted(
    base: int, people: Cast, agent: AgentSim, alice: Player, bob: Player
) -> None:
    begin = base - 2 * HOUR
    stream, segments = recorded(agent, begin - 20 * SECOND, 4)

    def still(who: Player, **wish: int) -> str | None:
        body = {"stills": [{"camera": str(stream.camera)} | wish], "hpke_public": b64.encode(who.public)}
        reply = send(who, "POST", "/api/v1/stills", body)
        assert reply.status_code == 200, reply.content
        rows = json.loads(reply.content)["stills"][0]["segments"]
        return rows[0]["id"] if rows else None

    set_hours(people.tenant_a, "viewer", hidden=every_day(begin, begin + HOUR))
    assert still(alice) == str(segments[3].segment)
    assert still(bob) == str(segments[1].segment)
    assert still(alice, at_us=begin + 5 * SECOND) == str(segments[2].segment)
    assert still(bob, at_us=begin + 5 * SECOND) is None
    assert still(bob, at_us=begin - 5 * SECOND) == str(segments[1].segment)


def test_an_upload_is_asked_for_only_of_time_that_is_permitted(
    base: int, people: Cast, agent: AgentSim, bob: Player
) -> None:
    camera = agent.add_camera()
    edge = base - HOUR
    set_hours(people.tenant_a, "viewer", hidden=every_day(edge, base))
    path = f"/api/v1/cameras/{camera}/uploads"

    def answer(from_us: int, to_us: int) -> tuple[int, str]:
        body = {"from_us": from_us, "to_us": to_us}
        reply = send(bob, "POST", path, body)
        return reply.status_code, json.loads(reply.content).get("type", "")

    assert answer(edge - MINUTE, edge + MINUTE) == (403, "urn:vsaas:problem:outside-hours")
    assert answer(edge - MINUTE, edge) == (
        409,
        "urn:vsaas:problem:agent-offline",
    )  # it is permitted, and nobody is there


def test_keys_handed_out_on_the_server_are_those_of_permitted_time(
    base: int, people: Cast, agent: AgentSim, tmp_path
) -> None:
    edge = base - 3 * HOUR
    stream, _ = recorded(agent, edge - 20 * SECOND, 4)
    set_hours(
        people.tenant_a, "owner", hidden=every_day(edge, base), playback=every_day(base - HOUR, base + HOUR)
    )
    begin, end = (clock.from_us(us).isoformat() for us in (edge - MINUTE, edge + MINUTE))

    def hand_out(file: str) -> int:
        call_command(
            "key_release", str(stream.camera), "--tenant", people.tenant_a.slug, "--from", begin, "--to", end,
            "--reason", "a test", "--by", people.alice.email, "-o", str(tmp_path / file), stdout=io.StringIO(),
        )  # fmt: skip
        return len(json.loads((tmp_path / file).read_text())["keys"])

    some = hand_out("some")
    with later(hours=2), pytest.raises(CommandError, match="again from"):
        hand_out("none")
    with tenant_scope(people.tenant_a.id):
        OrganisationRole.objects.all().delete()
    assert hand_out("all") == 2 * some


def test_hours_cost_the_same_queries_for_one_camera_and_for_twelve(
    base: int, people: Cast, agent: AgentSim, bob: Player, queries_of
) -> None:
    cameras = [recorded(agent, base - HOUR, 1)[0].camera]
    set_hours(people.tenant_a, "viewer", hidden=every_day(base - HOUR, base))

    def counts() -> list[int]:
        asks = [
            lambda: ask(bob.client, people.bob, cameras, base - HOUR, base),
            lambda: send(bob, "GET", "/api/v1/cameras"),
        ]
        return [queries_of(run) for run in asks]

    counts()  # the session is noted as seen
    one = counts()
    cameras += [agent.add_camera(f"Camera {n}") for n in range(11)]
    assert counts() == one


def test_sound_is_heard_in_the_hours_of_the_grant_that_gives_it(
    base: int, people: Cast, agent: AgentSim, bob: Player
) -> None:
    edge = base - 2 * HOUR
    stream, _ = recorded(agent, edge - 20 * SECOND, 4, audio=True)
    with tenant_scope(people.tenant_a.id):
        Membership.objects.create(account=people.bob, role="operator", site=people.site_a)
    set_hours(people.tenant_a, "operator", hidden=every_day(edge, base - HOUR))
    reply = bob.ask([stream.camera], edge - MINUTE, edge + MINUTE, audio=True)
    rows = reply.json()["streams"][0]["segments"]
    heard = [{key["rendition"] for key in row["keys"]} for row in rows]
    assert heard == [{1, 3, 7}] * 2 + [{1, 7}] * 2  # 3 is the sound


def test_storage_and_cameras_tell_nothing_of_hidden_hours(
    base: int, people: Cast, agent: AgentSim, alice: Player, bob: Player
) -> None:
    hour = base // HOUR * HOUR
    shown, _ = recorded(agent, hour - 5 * HOUR, 3)
    _late = recorded(agent, hour - 2 * HOUR, 3, camera=shown.camera)
    set_hours(people.tenant_a, "operator", hidden=every_day(hour - 3 * HOUR, hour + 2 * HOUR))
    with tenant_scope(people.tenant_a.id):
        Membership.objects.filter(account=people.bob).update(role="operator")

    def told(who: Player) -> tuple[int, int, int | None]:
        storage = send(who, "GET", "/api/v1/usage").json()
        camera = send(who, "GET", f"/api/v1/cameras/{shown.camera}").json()
        assert sum(day["bytes"] for day in storage["days"]) == storage["total_bytes"]
        return storage["total_bytes"], storage["cameras"][0]["to_us"], camera["newest_us"]

    whole, to_us, newest_us = told(alice)
    assert (to_us, newest_us) == (hour - HOUR, hour - 2 * HOUR + 30 * SECOND)
    part, to_us, newest_us = told(bob)
    assert (to_us, newest_us) == (hour - 4 * HOUR, None)
    assert 0 < part < whole


def test_findings_tell_nothing_of_hidden_hours(
    base: int, people: Cast, agent: AgentSim, alice: Player, bob: Player
) -> None:
    hour = base // HOUR * HOUR
    stream, (hidden,) = recorded(agent, hour - 2 * HOUR, 1)
    _, (seen,) = recorded(agent, hour - 5 * HOUR, 1, camera=stream.camera)
    names = [stream.name(one) for one in (hidden, seen)]
    with tenant_scope(people.tenant_a.id):
        Membership.objects.filter(account=people.bob).update(role="operator")
        for name in names:
            note(FindingKind.OBJECT_MISSING, name, "it is gone", camera=stream.camera)

    def subjects(who: Player) -> set[str]:
        found = {row["subject"] for row in send(who, "GET", "/api/v1/findings").json()["items"]}
        return found & set(names)  # that two chains record one camera is noticed as well

    assert subjects(bob) == subjects(alice) == set(names)
    set_hours(people.tenant_a, "operator", hidden=every_day(hour - 3 * HOUR, hour - HOUR))
    assert (subjects(bob), subjects(alice)) == ({names[1]}, set(names))
    set_hours(people.tenant_a, "operator", hidden=every_day(hour - HOUR, hour + 2 * HOUR))
    assert subjects(bob) == set()  # they were noticed now
