"""Clips: a right of its own, told to the log once, and nothing beyond what was told."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest

from protocol import b64
from tenants.permissions import OPERATOR
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, recorded
from tests.cast import Cast, make_account, slug_of
from tests.footage.test_playback import NOON, Player, segments_of
from vsaas.audit.models import AuditInbox
from vsaas.common import clock
from vsaas.footage.clips import Clip, write_ticket


def ask(player: Player, camera: uuid.UUID, from_us: int, to_us: int, /, **more: Any) -> Any:
    """POST clips."""
    token = player.client.cookies.get("vsaas_csrf")
    body = {
        "camera": str(camera),
        "stream": "main",
        "from_us": from_us,
        "to_us": to_us,
        "audio": False,
        "hpke_public": b64.encode(player.public),
    } | more
    return player.client.post(
        "/api/v1/clips",
        body,
        content_type="application/json",
        headers={
            "VSaaS-Tenant": slug_of(player.account),
            "Accept": "application/json",
            "X-CSRFToken": token.value if token else "",
        },
    )


@pytest.fixture
def oskar(people: Cast, client_for) -> Player:
    """An operator of the Gate: watches, listens, saves clips."""
    with tenant_scope(people.tenant_a.id):
        account = make_account("Oskar", OPERATOR, people.site_a)
    return Player(client_for(account), account)


def acts(people: Cast) -> list[tuple[str, dict[str, Any]]]:
    with tenant_scope(people.tenant_a.id):
        return list(AuditInbox.objects.order_by("id").values_list("act", "details"))


def test_a_clip_is_told_to_the_log_once_and_its_windows_show_the_ticket(
    agent: AgentSim, people: Cast, oskar: Player
):
    stream, sealed = recorded(agent, NOON, 20, size=500)
    end = NOON + 200 * SECOND
    first = ask(oskar, stream.camera, NOON, end)
    assert [row["id"] for row in segments_of(first)] == [str(one.segment) for one in sealed[:12]]
    assert all(row["keys"] for row in segments_of(first))
    on = first.json()["streams"][0]["more_from_us"]
    assert on == NOON + 120 * SECOND
    rest = ask(oskar, stream.camera, on, end, clip=first.json()["clip"])
    assert [row["id"] for row in segments_of(rest)] == [str(one.segment) for one in sealed[12:]]
    told = [details for act, details in acts(people) if act == "footage.clip"]
    assert [(row["from_time"], row["to_time"], row["audio"]) for row in told] == [
        ("2026-01-01T12:00:00Z", "2026-01-01T12:03:20Z", False)
    ]
    assert [act for act, _ in acts(people)].count("keys.released") == 2
    assert "footage.watched" not in [act for act, _ in acts(people)]


def test_who_may_watch_but_not_save_is_refused(agent: AgentSim, people: Cast, client_for):
    stream, _ = recorded(agent, NOON, 1)
    bob = Player(client_for(people.bob), people.bob)
    assert bob.ask([stream.camera], NOON, NOON + SECOND).status_code == 200
    refused = ask(bob, stream.camera, NOON, NOON + SECOND)
    assert refused.status_code == 403
    assert "save a clip" in refused.json()["detail"]
    assert "footage.clip" not in [act for act, _ in acts(people)]


def test_a_camera_elsewhere_does_not_exist(agent: AgentSim, people: Cast, client_for, oskar: Player):
    other = AgentSim.enrol(people.tenant_a.id, people.other_site_a, "Yard")
    yard, _ = recorded(other, NOON, 1)
    charlie = Player(client_for(people.charlie), people.charlie)
    assert ask(oskar, yard.camera, NOON, NOON + SECOND).status_code == 404
    assert ask(charlie, yard.camera, NOON, NOON + SECOND).status_code == 404


def test_a_ticket_opens_its_own_clip_alone(agent: AgentSim, people: Cast, client_for, oskar: Player):
    stream, _ = recorded(agent, NOON, 6, size=500)
    alice = Player(client_for(people.alice), people.alice)
    ticket = ask(oskar, stream.camera, NOON, NOON + 30 * SECOND).json()["clip"]
    before = ask(oskar, stream.camera, NOON - SECOND, NOON + 30 * SECOND, clip=ticket)
    beyond = ask(oskar, stream.camera, NOON, NOON + 31 * SECOND, clip=ticket)
    sub = ask(oskar, stream.camera, NOON, NOON + 30 * SECOND, clip=ticket, stream="sub")
    foreign = ask(alice, stream.camera, NOON, NOON + 30 * SECOND, clip=ticket)
    forged = ask(oskar, stream.camera, NOON, NOON + 30 * SECOND, clip=ticket[:-2] + "xx")
    for reply in (before, beyond, sub, foreign, forged):
        assert reply.status_code == 422, reply.content
        assert reply.json()["errors"][0]["field"] == "clip"


def test_a_ticket_is_over_after_half_a_day(agent: AgentSim, oskar: Player):
    stream, _ = recorded(agent, NOON, 1)
    end = NOON + 10 * SECOND
    with clock.shifted(-timedelta(hours=13)):
        ticket = write_ticket(Clip(oskar.account.pk, stream.camera, 1, NOON, end))
    late = ask(oskar, stream.camera, NOON, end, clip=ticket)
    assert (late.status_code, late.json()["errors"][0]["field"]) == (422, "clip")
    assert segments_of(ask(oskar, stream.camera, NOON, end))


def test_sound_comes_to_who_may_listen_and_only_when_asked_for(agent: AgentSim, people: Cast, oskar: Player):
    stream, _ = recorded(agent, NOON, 1, audio=True)
    (heard,) = segments_of(ask(oskar, stream.camera, NOON, NOON + 5 * SECOND, audio=True))
    (mute,) = segments_of(ask(oskar, stream.camera, NOON, NOON + 5 * SECOND))
    assert [key["rendition"] for key in heard["keys"]] == [1, 3, 7]
    assert [key["rendition"] for key in mute["keys"]] == [1, 7]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"camera": "x"}, "camera"),
        ({"stream": "thumb"}, "stream"),
        ({"to_us": NOON}, "to_us"),
        ({"to_us": NOON + 25 * 3600 * SECOND}, "to_us"),
        ({"hpke_public": "AAAA"}, "hpke_public"),
        ({"clip": 7}, "clip"),
    ],
)
def test_a_wrong_question_is_refused_by_its_field(agent: AgentSim, oskar: Player, change, field):
    reply = ask(oskar, agent.id, NOON, NOON + SECOND, **change)
    assert reply.status_code == 422, reply.content
    assert reply.json()["errors"][0]["field"] == field
