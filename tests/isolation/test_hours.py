"""Every way in that takes a right is shut outside the hours of who holds it, and open again when they have come."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from sealing.ids import EventType
from sealing.motion import MotionMap
from tenants.access import IN_LIVE_HOURS, IN_PLAYBACK_HOURS
from tenants.declare import Requires
from tenants.permissions import Permission
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, recorded
from tests.isolation.footage import GIVES_NONE, WAYS, Asked, Way
from tests.isolation.stage import Stage, make_stage
from tests.isolation.table import API, Url
from tests.isolation.test_isolation import SESSION_ROWS, ask
from tests.rules import set_hours
from vsaas.audit.models import AuditInbox
from vsaas.common import clock


@pytest.fixture(scope="module")
def stage(database: None, object_store_server: None, pages: None) -> Stage:
    return make_stage().whole()


def needed(row: Url) -> frozenset[Permission]:
    assert isinstance(row.declares, Requires)
    return frozenset({row.declares.of(row.method), *row.also})


def outside(stage: Stage, row: Url) -> bool:
    """Whether the row's request is refused for the time alone, in the form its callers understand."""
    reply = ask(stage, stage.alice, row, stage.slug)
    words = "urn:vsaas:problem:outside-hours" if row.route.startswith(API) else "outside your hours"
    return reply.status_code == 403 and (row.method == "HEAD" or words in reply.content.decode())


def refusals(stage: Stage) -> int:
    with tenant_scope(stage.cast.tenant_a.id):
        return AuditInbox.objects.filter(actor_id=stage.cast.alice.id, outcome="refused").count()


def test_nothing_that_takes_a_right_opens_outside_the_hours_of_signing_in(stage: Stage) -> None:
    set_hours(stage.cast.tenant_a, "owner", sign_in=[])
    before = refusals(stage)
    assert [row.id for row in SESSION_ROWS if not outside(stage, row)] == []
    assert refusals(stage) == before + len(SESSION_ROWS)


@pytest.mark.parametrize(
    ("hours", "rights"),
    [({"live": []}, IN_LIVE_HOURS), ({"playback": []}, IN_PLAYBACK_HOURS)],
    ids=["live", "playback"],
)
def test_live_view_and_playback_have_hours_of_their_own(
    stage: Stage, hours: dict[str, list[object]], rights: frozenset[Permission]
) -> None:
    rows = [row for row in SESSION_ROWS if needed(row) & rights]
    assert rows
    set_hours(stage.cast.tenant_a, "owner", **hours)
    assert [row.id for row in rows if not outside(stage, row)] == []
    set_hours(stage.cast.tenant_a, "owner")
    assert [
        row.id for row in rows if ask(stage, stage.alice, row, stage.slug).status_code not in row.succeeds
    ] == []


# ---- too far back

HOUR_US = 3600 * SECOND
LENGTH_US = 20 * SECOND


@dataclass(frozen=True)
class Recorded:
    """A camera with two short stretches of recordings, three hours ago and just now."""

    camera: UUID
    agent: UUID
    old_us: int
    new_us: int


STILL = MotionMap(64, 36, ())


@pytest.fixture(scope="module")
def footage(stage: Stage) -> Recorded:
    agent = AgentSim.enrol(stage.cast.tenant_a.id, stage.site)
    new_us = (clock.now_us() // (60 * SECOND) - 3) * 60 * SECOND
    stream, _ = recorded(agent, new_us - 3 * HOUR_US, 2, motion=STILL)
    agent.record(
        stream, [stream.event(new_us - 3 * HOUR_US, new_us - 3 * HOUR_US + SECOND, EventType.MOTION)]
    )
    newer, _ = recorded(agent, new_us, 2, camera=stream.camera, motion=STILL)
    agent.record(newer, [newer.event(new_us, new_us + SECOND, EventType.MOTION)])
    return Recorded(stream.camera, agent.id, new_us - 3 * HOUR_US, new_us)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.id)
def test_no_way_to_footage_gives_what_lies_too_far_back(
    way: Way, stage: Stage, footage: Recorded, tmp_path: Path
) -> None:
    def gives(from_us: int) -> bool:
        asked = Asked(stage, footage.camera, footage.agent, from_us, from_us + LENGTH_US, tmp_path)
        return way.gives(asked)

    set_hours(stage.cast.tenant_a, "owner", playback_back_h=1)
    before = refusals(stage)
    assert not gives(footage.old_us)
    assert refusals(stage) - before == (1 if way.refuses else 0)
    assert gives(footage.new_us)
    set_hours(stage.cast.tenant_a, "owner")
    assert gives(footage.old_us)


def test_every_row_that_takes_a_right_of_playback_is_a_way_to_footage_or_gives_none() -> None:
    takes = {row.id for row in SESSION_ROWS if needed(row) & IN_PLAYBACK_HOURS}
    ways = {way.id for way in WAYS if way.method}
    assert takes == ways | GIVES_NONE.keys()
    assert not ways & GIVES_NONE.keys()
