"""A live view and the hours of live view: the hub's clock reaches their end while somebody watches."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Iterator

import pytest

from protocol import control
from tenants.scope import tenant_scope
from tests.api_calls import problem
from tests.live.studio import Place, apart, browser, recorder, watching
from tests.live.test_hub import WITHDRAWN_WITHIN_S, closed, eventually
from tests.live_hub import running_hub
from tests.rules import MINUTE_US, every_day, set_hours
from vsaas.audit.models import AuditInbox
from vsaas.common import clock

US = 1_000_000
HOUR_US = 60 * MINUTE_US
STARTS_S = 12  # so long it takes about until somebody watches


@pytest.fixture(scope="module")
def ahead_us() -> int:
    """By how much the hub's clock is ahead of the portal's, so that a minute ends there soon."""
    return MINUTE_US - (clock.now_us() + STARTS_S * US) % MINUTE_US


@pytest.fixture(scope="module")
def hub(database: None, ahead_us: int) -> Iterator[str]:
    with running_hub(ahead_s=ahead_us / US) as url:
        yield url


async def test_a_view_ends_by_itself_with_its_hours_and_says_when_they_come_again(
    place: Place, ahead_us: int
) -> None:
    cast = place.cast
    alice, bob = await browser(cast.alice), await browser(cast.bob)
    edge_us = (clock.now_us() + ahead_us + 3 * US) // MINUTE_US * MINUTE_US + MINUTE_US
    hours = every_day(edge_us - HOUR_US, edge_us)
    await apart(lambda: set_hours(cast.tenant_a, "viewer", live=hours))
    opens = clock.from_us(edge_us - HOUR_US + 24 * HOUR_US).isoformat()
    async with (
        recorder(place) as agent,
        watching(alice, place.camera.id) as stays,
        watching(bob, place.camera.id) as goes,
    ):
        broadcast = await agent.publish()
        await broadcast.group("one")
        for viewer in (stays, goes):
            await viewer.until(lambda seen: seen.proofs == 1)
        await asyncio.sleep(max(0, edge_us - ahead_us - clock.now_us()) / US)
        began = asyncio.get_running_loop().time()
        await goes.until(lambda seen: "outside-hours" in seen.statuses)
        assert asyncio.get_running_loop().time() - began < WITHDRAWN_WITHIN_S
        assert goes.seen.details[-1] == opens
        assert await closed(goes.socket) == 4403
        assert (await agent.order(control.Rekey)).publish == broadcast.order.publish
        await broadcast.new_keys()
        await broadcast.inits()
        await broadcast.group("two")
        await stays.until(lambda seen: b"two 2" in seen.pictures)
        # The portal's clock is behind, so it still gives a ticket: the hub looks again.
        async with watching(bob, place.camera.id) as late:
            await late.until(lambda seen: "outside-hours" in seen.statuses)

    def noted() -> bool:
        with tenant_scope(cast.tenant_a.id):
            return AuditInbox.objects.filter(act="live.closed", actor_id=cast.bob.id).exists()

    await eventually(noted)


async def test_no_ticket_is_given_outside_the_hours(place: Place) -> None:
    bob, now_us = await browser(place.cast.bob), clock.now_us()

    def answers(ahead: dt.timedelta) -> tuple[int, str]:
        with clock.shifted(ahead):
            reply = bob.ask(place.camera.id, bytes(31) + b"\x09")
            return reply.status_code, "" if reply.status_code == 200 else problem(reply)

    await apart(
        lambda: set_hours(
            place.cast.tenant_a, "viewer", live=every_day(now_us - HOUR_US, now_us + 2 * HOUR_US)
        )
    )
    assert await apart(answers, dt.timedelta()) == (200, "")
    assert await apart(answers, dt.timedelta(hours=3)) == (403, "outside-hours")
    reply = await apart(bob.ask, place.camera.id, bytes(31) + b"\x09")
    assert json.loads(reply.content)["ticket"]
