"""Two portals and two hubs on one database and one Redis: where people watch and where the agent is need not be one."""

from __future__ import annotations

import json
import os
import signal
import uuid
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from websockets.exceptions import ConnectionClosed

from protocol import b64, control
from tests import environment
from tests.live.studio import Browser, Place, Seen, browser, recorder, watching
from tests.live_hub import start_hub
from tests.live_portal import Portal
from vsaas.onebox.processes import Program


@pytest.fixture
def second_hub(hub: str) -> Iterator[tuple[Program, str]]:
    port = environment.free_port()
    program = start_hub(port)
    try:
        yield program, f"ws://127.0.0.1:{port}"
    finally:
        program.stop()


@pytest.fixture
def portals(hub: str) -> Iterator[tuple[Portal, Portal]]:
    two = Portal(), Portal()
    try:
        for portal in two:
            portal.start()
        yield two
    finally:
        for portal in two:
            portal.stop()


class Through(Browser):
    """A browser that asks one portal process for its tickets."""

    def __init__(self, of: Browser, portal: Portal) -> None:
        super().__init__(of.account, of.client, of.slug)
        self.portal = portal

    def ask(self, camera: uuid.UUID, hpke_public: bytes, changes: dict[str, Any] | None = None) -> Any:
        body = {"camera": str(camera), "stream": "main", "hpke_public": b64.encode(hpke_public)}
        cookies = {name: morsel.value for name, morsel in self.client.cookies.items()}
        headers = {
            "VSaaS-Tenant": self.slug,
            "Accept": "application/json",
            "Content-Type": "application/json",
            "X-CSRFToken": cookies["vsaas_csrf"],
        }
        address = f"{self.portal.address}/api/v1/live"
        return httpx.post(address, content=json.dumps(body), headers=headers, cookies=cookies)


async def test_a_camera_is_watched_at_either_hub_and_goes_on_at_the_other_when_one_is_killed(
    hub: str, second_hub: tuple[Program, str], portals: tuple[Portal, Portal], place: Place
) -> None:
    program, second = second_hub
    alice, bob = await browser(place.cast.alice), await browser(place.cast.bob)
    here, there = Through(alice, portals[0]), Through(bob, portals[1])

    def whole(name: str, proofs: int = 1) -> Any:
        def done(seen: Seen) -> bool:
            return f"{name} 2".encode() in seen.pictures and seen.proofs >= proofs

        return done

    async with watching(here, place.camera.id, at=hub) as far:
        async with recorder(place, second) as agent, watching(there, place.camera.id, at=second) as near:
            broadcast = await agent.publish()
            await broadcast.group("one")
            await broadcast.new_keys()
            await broadcast.inits()
            await broadcast.group("two")
            for viewer in (near, far):
                seen = await viewer.until(whole("two", proofs=2))
                assert seen.pictures[-3:] == [b"two 0", b"two 1", b"two 2"]
            assert far.seen.sounds[-1] == b"sound of two"  # Alice may listen, Bob may not
            assert near.seen.sounds[-1] is None
            assert agent.orders.empty(), "the agent publishes once, whoever watches where"
            async with watching(there, place.camera.id, at=hub) as late:
                await late.until(whole("two"))
                assert late.seen.pictures == [b"two 0", b"two 1", b"two 2"]
            os.kill(program.pid, signal.SIGKILL)
            with pytest.raises(ConnectionClosed):
                await near.until(lambda _: False)
        await far.until(lambda seen: seen.statuses[-1] == "agent-offline")
        async with recorder(place, hub) as agent, watching(there, place.camera.id, at=hub) as again:
            broadcast = await agent.publish(await agent.order(control.PublishStart))
            await broadcast.group("three")
            await again.until(whole("three"))
            await far.until(whole("three"))
