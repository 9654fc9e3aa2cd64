"""Live views of people who need a second person's approval: they end with it, on a socket that is open too."""

from __future__ import annotations

import asyncio
import time
import uuid

from django.test import Client
from websockets.exceptions import ConnectionClosed

from tenants.models import OrganisationRole
from tenants.permissions import CAMERA_LIVE, OPERATOR
from tenants.scope import tenant_scope
from tests.approvals.stage import at_the_door, decide, let_in, the_request
from tests.cast import sign_in, slug_of
from tests.live.studio import PATIENCE_S, Browser, Place, Watcher, apart, program, recorder, watching
from vsaas.accounts.models import Account

WITHDRAWN_WITHIN_S = 5.0


def bind_operators(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id):
        OrganisationRole.objects.create(key=OPERATOR.name, needs_approval=True)


async def ended(viewer: Watcher) -> float:
    """Seconds until the hub closed the socket."""
    since = time.monotonic()
    async with asyncio.timeout(PATIENCE_S):
        try:
            while True:
                await viewer.socket.recv()
        except ConnectionClosed:
            return time.monotonic() - since


async def test_a_withdrawn_approval_ends_an_open_view_within_five_seconds(place: Place) -> None:
    cast = place.cast

    def approved() -> tuple[Client, Browser]:
        bind_operators(place)
        alices = sign_in(cast.alice)
        return alices, Browser(cast.olga, let_in(cast.olga, cast.alice, alices), slug_of(cast.olga))

    alices, olga = await apart(approved)
    async with recorder(place) as agent, watching(olga, place.camera.id) as viewer:
        await (await agent.publish()).group("one")
        await viewer.until(lambda seen: seen.proofs == 1)

        def withdraw() -> None:
            row = the_request(cast.olga)
            assert decide(alices, cast.alice, row.pk, "withdrawal").status_code == 200

        await apart(withdraw)
        assert await ended(viewer) < WITHDRAWN_WITHIN_S


async def test_a_rule_made_now_ends_views_of_sessions_and_of_tokens_and_gives_no_new_ones(
    place: Place,
) -> None:
    cast = place.cast

    def signed_in() -> Browser:
        return Browser(cast.olga, sign_in(cast.olga), slug_of(cast.olga))

    olga, script = await apart(signed_in), await program(cast.olga, CAMERA_LIVE)
    async with (
        recorder(place) as agent,
        watching(olga, place.camera.id) as viewer,
        watching(script, place.camera.id) as other,
    ):
        await (await agent.publish()).group("one")
        await viewer.until(lambda seen: seen.proofs == 1)
        await other.until(lambda seen: seen.proofs == 1)
        await apart(bind_operators, place)
        assert await ended(viewer) < WITHDRAWN_WITHIN_S
        assert await ended(other) < WITHDRAWN_WITHIN_S
    assert await apart(ticket_status, cast.olga, place.camera.id) == 401


def ticket_status(account: Account, camera: uuid.UUID) -> int:
    """What somebody who waits is answered when they ask for a view."""
    waits = Browser(account, at_the_door(account), slug_of(account))
    return int(waits.ask(camera, bytes(32)).status_code)
