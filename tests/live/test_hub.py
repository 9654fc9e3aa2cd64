"""The live hub through its sockets: who is shown what, and when it ends."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protocol import control
from tenants.models import Membership
from tenants.permissions import CAMERA_LIVE
from tenants.scope import tenant_scope
from tests.boxes import make_box
from tests.cast import Cast
from tests.live.studio import (
    CONTROL,
    PATIENCE_S,
    Place,
    Watcher,
    agent_socket,
    apart,
    browser,
    live_socket,
    program,
    recorder,
    watching,
)
from vsaas.accounts.models import AccessToken, Account, Session
from vsaas.agents.revocation import revoke
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.cameras.services import CameraChange, camera_update
from vsaas.common import clock

WITHDRAWN_WITHIN_S = 5.0


async def test_a_viewer_opens_and_verifies_what_the_agent_sends(place: Place) -> None:
    alice = await browser(place.cast.alice)
    async with recorder(place) as agent, watching(alice, place.camera.id) as viewer:
        broadcast = await agent.publish()
        await broadcast.group("one")
        await broadcast.group("two")
        seen = await viewer.until(lambda seen: seen.proofs == 2)
        assert seen.pictures == [b"one 0", b"one 1", b"one 2", b"two 0", b"two 1", b"two 2"]
        assert seen.sounds == [b"sound of one", b"sound of two"]
        assert viewer.player is not None
        assert viewer.player.proven_through == 7
        assert seen.statuses[0] == "starting"


async def test_nothing_is_asked_of_an_agent_while_nobody_watches(place: Place) -> None:
    async with recorder(place) as agent:
        alice = await browser(place.cast.alice)
        assert agent.orders.empty()
        async with watching(alice, place.camera.id):
            order = await agent.order(control.PublishStart)
        assert order.camera == place.camera.id
        stop = await agent.order(control.PublishStop)
        assert stop.publish == order.publish


async def test_who_joins_late_begins_at_a_key_frame_with_a_proof_to_stand_on(place: Place) -> None:
    alice, bob = await browser(place.cast.alice), await browser(place.cast.bob)
    async with recorder(place) as agent, watching(alice, place.camera.id) as first:
        broadcast = await agent.publish()
        await broadcast.group("one")
        await broadcast.group("two")
        await first.until(lambda seen: seen.proofs == 2)
        async with watching(bob, place.camera.id) as late:
            await late.until(lambda seen: len(seen.pictures) == 3)
            assert late.seen.pictures == [b"two 0", b"two 1", b"two 2"]
            await broadcast.group("three")
            await late.until(lambda seen: b"three 2" in seen.pictures and seen.proofs >= 3)
            assert late.player is not None
            assert late.player.proven_through == 11


async def test_who_may_not_listen_is_given_no_key_to_the_sound(place: Place) -> None:
    bob = await browser(place.cast.bob)
    async with recorder(place) as agent, watching(bob, place.camera.id) as viewer:
        broadcast = await agent.publish()
        await broadcast.group("one")
        seen = await viewer.until(lambda seen: seen.proofs == 1)
        assert seen.pictures == [b"one 0", b"one 1", b"one 2"]
        assert seen.sounds == [None]
        assert viewer.player is not None
        assert viewer.player.proven_through == 3


async def test_no_socket_negotiates_an_extension(place: Place) -> None:
    async with await live_socket(compression="deflate") as socket:
        assert socket.protocol.extensions == []
        assert "Sec-WebSocket-Extensions" not in socket.response.headers


async def test_a_ticket_is_good_once(place: Place) -> None:
    alice = await browser(place.cast.alice)
    async with recorder(place):
        reply = await apart(alice.ask, place.camera.id, b"\x09" + bytes(31))
        word = json.loads(reply.content)["ticket"]
        async with await live_socket() as socket:
            await socket.send(json.dumps({"ticket": word}))
            assert isinstance(await socket.recv(), bytes)
            async with await live_socket() as second:
                await second.send(json.dumps({"ticket": word}))
                assert await closed(second) == 1008


@pytest.mark.parametrize(
    "said",
    ["", "null", "[]", '{"ticket": 7}', '{"ticket": "made up"}', "x" * 600, json.dumps({"ticket": "A" * 43})],
)
async def test_what_is_no_ticket_ends_the_socket(place: Place, said: str) -> None:
    async with await live_socket() as socket:
        await socket.send(said)
        assert await closed(socket) == 1008


async def test_a_page_of_another_site_cannot_open_the_socket(place: Place) -> None:
    from django.conf import settings
    from websockets.asyncio.client import connect

    for origin in ("https://evil.example", None):
        with pytest.raises(InvalidStatus) as refused:
            await connect(settings.ENV.live_url + "/live", origin=origin, compression=None)
        assert refused.value.response.status_code == 400


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"camera": "gate"}, "camera"),
        ({"stream": "thumb"}, "stream"),
        ({"hpke_public": "AAAA"}, "hpke_public"),
    ],
)
async def test_a_wrong_question_names_the_field(place: Place, changes: dict[str, Any], field: str) -> None:
    alice = await browser(place.cast.alice)
    reply = await apart(alice.ask, place.camera.id, bytes(32), changes)
    assert reply.status_code == 422
    assert [error["field"] for error in json.loads(reply.content)["errors"]] == [field]


async def test_another_tenant_and_another_site_see_no_camera(place: Place) -> None:
    charlie = await browser(place.cast.charlie)
    reply = await apart(charlie.ask, place.camera.id, bytes(32))
    assert reply.status_code == 404
    charlie.slug = place.cast.tenant_a.slug
    assert (await apart(charlie.ask, place.camera.id, bytes(32))).status_code == 401


async def withdrawn(viewer: Watcher) -> float:
    """Seconds until the viewer was told that it may no longer watch, and its socket closed."""
    began = asyncio.get_running_loop().time()
    await viewer.until(lambda seen: "withdrawn" in seen.statuses)
    after_s = asyncio.get_running_loop().time() - began
    assert await closed(viewer.socket) == 4403
    return after_s


async def test_a_membership_taken_away_ends_the_view_and_changes_the_keys_for_the_others(
    place: Place,
) -> None:
    cast = place.cast
    alice, bob = await browser(cast.alice), await browser(cast.bob)
    async with (
        recorder(place) as agent,
        watching(alice, place.camera.id) as stays,
        watching(bob, place.camera.id) as goes,
    ):
        broadcast = await agent.publish()
        await broadcast.group("one")
        for viewer in (stays, goes):
            await viewer.until(lambda seen: seen.proofs == 1)

        def take_away() -> None:
            with tenant_scope(cast.tenant_a.id):
                Membership.objects.filter(account=cast.bob).delete()

        await apart(take_away)
        assert await withdrawn(goes) < WITHDRAWN_WITHIN_S
        assert (await agent.order(control.Rekey)).publish == broadcast.order.publish
        await broadcast.new_keys()
        await broadcast.inits()
        await broadcast.group("two")
        await stays.until(lambda seen: b"two 2" in seen.pictures)
        assert stays.seen.keys == 2

        def refused_by_name() -> bool:
            with tenant_scope(cast.tenant_a.id):
                return AuditInbox.objects.filter(act="live.withdrawn", actor_id=cast.bob.id).exists()

        await eventually(refused_by_name)

        def ended() -> bool:
            with tenant_scope(cast.tenant_a.id):
                return AuditInbox.objects.filter(act="live.ended", actor_id=cast.bob.id).exists()

        await eventually(ended)
        rows = await apart(live_entries, cast)
        assert [row.act for row in rows] == ["live.watched", "live.ended"]
        began, over = (row.details for row in rows)
        assert began["view"] == over["view"]
        assert over["from_time"] <= over["to_time"]


def live_entries(cast: Cast) -> list[AuditInbox]:
    with tenant_scope(cast.tenant_a.id):
        rows = AuditInbox.objects.filter(act__in=["live.watched", "live.ended"], actor_id=cast.bob.id)
        return list(rows.order_by("id"))


async def test_signing_out_ends_the_view(place: Place) -> None:
    alice = await browser(place.cast.alice)
    async with recorder(place) as agent, watching(alice, place.camera.id) as viewer:
        broadcast = await agent.publish()
        await broadcast.group("one")
        await viewer.until(lambda seen: seen.proofs == 1)
        await apart(alice.client.post, f"/t/{alice.slug}/sign-out")
        assert await withdrawn(viewer) < WITHDRAWN_WITHIN_S


def signed_in_since(account: Account, age: dt.timedelta) -> None:
    """As if an account's sessions had begun so long ago."""
    with tenant_scope(account.tenant_id):
        Session.objects.filter(account=account).update(created_at=clock.now() - age)


@pytest.mark.parametrize(
    "how", ["removed", "signed out", "another site", "denied", "older than its role allows"]
)
async def test_what_an_owner_does_to_a_member_ends_their_view(place: Place, how: str) -> None:
    cast = place.cast
    alice, bob = await browser(cast.alice), await browser(cast.bob)
    at = f"/t/{alice.slug}/people/{cast.bob.id}"
    async with recorder(place) as agent, watching(bob, place.camera.id) as viewer:
        broadcast = await agent.publish()
        await broadcast.group("one")
        await viewer.until(lambda seen: seen.proofs == 1)
        elsewhere = {"role": "viewer", "where": "some", "sites": [str(cast.other_site_a.id)]} | {
            "confirmed": "1"
        }
        denial = {
            "act": "deny",
            "role": "",
            "where": "camera",
            "camera": str(place.camera.id),
            "confirmed": "1",
        }
        change = {
            "removed": (f"{at}/remove", {}),
            "signed out": (f"{at}/sessions", {}),
            "another site": (at, elsewhere),
            "denied": (f"{at}/grants", denial),
            "older than its role allows": (
                f"/t/{alice.slug}/roles/viewer/sessions",
                {"lifetime_h": "0.25"},
            ),
        }[how]
        await apart(lambda: signed_in_since(cast.bob, dt.timedelta(minutes=20)))
        reply = await apart(alice.client.post, *change)
        assert reply.status_code == 302
        assert await withdrawn(viewer) < WITHDRAWN_WITHIN_S


async def test_a_program_watches_with_a_token_until_it_is_revoked(place: Place) -> None:
    script = await program(place.cast.alice, CAMERA_LIVE)
    async with recorder(place) as agent, watching(script, place.camera.id) as viewer:
        broadcast = await agent.publish()
        await broadcast.group("one")
        seen = await viewer.until(lambda seen: seen.proofs == 1)
        assert seen.pictures == [b"one 0", b"one 1", b"one 2"]
        assert seen.sounds == [None], "a token that does not lend sound got its key"

        def end_it() -> None:
            with tenant_scope(place.cast.tenant_a.id):
                AccessToken.objects.filter(id=script.row.id).update(revoked_at=clock.now())

        await apart(end_it)
        assert await withdrawn(viewer) < WITHDRAWN_WITHIN_S
    assert (await apart(script.ask, place.camera.id, bytes(32))).status_code == 401


async def test_a_tokens_view_ends_with_its_owners_right(place: Place) -> None:
    script = await program(place.cast.bob, CAMERA_LIVE)
    async with recorder(place) as agent, watching(script, place.camera.id) as viewer:
        await (await agent.publish()).group("one")
        await viewer.until(lambda seen: seen.proofs == 1)

        def take_away() -> None:
            with tenant_scope(place.cast.tenant_a.id):
                Membership.objects.filter(account=place.cast.bob).delete()

        await apart(take_away)
        assert await withdrawn(viewer) < WITHDRAWN_WITHIN_S


async def test_switching_a_camera_off_ends_its_view(place: Place) -> None:
    alice = await browser(place.cast.alice)
    async with recorder(place) as agent, watching(alice, place.camera.id) as viewer:
        await (await agent.publish()).group("one")
        await viewer.until(lambda seen: seen.proofs == 1)

        def switch_off() -> None:
            with tenant_scope(place.cast.tenant_a.id):
                camera_update(place.camera, CameraChange(enabled=False), system("tests"))

        await apart(switch_off)
        assert await withdrawn(viewer) < WITHDRAWN_WITHIN_S
        await agent.order(control.CommandPush)


async def test_a_revoked_agent_is_shut_out(place: Place) -> None:
    async with recorder(place) as agent:

        def shut_out() -> None:
            with tenant_scope(place.cast.tenant_a.id, keys=True):
                revoke(place.box.agent(), system("tests"))

        await apart(shut_out)
        assert await closed(agent.control) == 4401
    with pytest.raises(InvalidStatus) as refused:
        await agent_socket(place.box, CONTROL)
    assert refused.value.response.status_code == 401


async def test_an_agent_that_is_away_is_told_and_its_return_starts_the_view(place: Place) -> None:
    alice = await browser(place.cast.alice)
    async with watching(alice, place.camera.id) as viewer:
        await viewer.until(lambda seen: "agent-offline" in seen.statuses)
        async with recorder(place) as agent:
            broadcast = await agent.publish()
            await broadcast.group("one")
            await viewer.until(lambda seen: seen.proofs == 1)
            await broadcast.media.close()
            again = await agent.publish()
            assert again.order.publish != broadcast.order.publish
            await again.group("two")
            await viewer.until(lambda seen: b"two 2" in seen.pictures)


async def test_a_camera_that_is_away_is_told_with_its_reason(place: Place) -> None:
    alice = await browser(place.cast.alice)
    async with recorder(place) as agent, watching(alice, place.camera.id) as viewer:
        order = await agent.order(control.PublishStart)
        await agent.control.send(control.encode(control.PublishRefused(order.publish, "camera-offline")))
        await viewer.until(lambda seen: "camera-offline" in seen.statuses)


async def test_the_newer_connection_of_an_agent_wins(place: Place) -> None:
    async with recorder(place) as older, recorder(place) as newer:
        assert await closed(older.control) == 4409
        alice = await browser(place.cast.alice)
        async with watching(alice, place.camera.id):
            await newer.order(control.PublishStart)


async def test_a_viewer_that_does_not_read_skips_to_a_key_frame_and_holds_nobody_up(place: Place) -> None:
    alice, bob = await browser(place.cast.alice), await browser(place.cast.bob)
    slow_options = {"max_queue": 1}
    async with (
        recorder(place) as agent,
        watching(alice, place.camera.id) as quick,
        watching(bob, place.camera.id, **slow_options) as slow,
    ):
        broadcast = await agent.publish()
        await broadcast.group("one")
        for viewer in (quick, slow):
            await viewer.until(lambda seen: seen.proofs == 1)
        # Far more than kernel and queue hold: the slow one reads nothing meanwhile.
        picture = bytes(800_000)
        for number in range(40):
            await broadcast.picture(picture, sync=number % 10 == 0)
            await quick.until(lambda seen, number=number: len(seen.pictures) == 4 + number)
        await broadcast.group("after")
        await quick.until(lambda seen: b"after 2" in seen.pictures)
        seen = await slow.until(lambda seen: b"after 2" in seen.pictures)
        assert "skipped" in seen.statuses
        assert len(seen.pictures) < 40
        await broadcast.group("proven again")
        await slow.until(lambda seen: b"proven again 2" in seen.pictures and seen.proofs >= 3)


async def test_nobody_but_the_agent_that_was_asked_opens_a_publish(place: Place) -> None:
    alice = await browser(place.cast.alice)
    other = await apart(make_box, place.cast.tenant_b, place.cast.site_b)
    async with recorder(place) as agent, watching(alice, place.camera.id):
        order = await agent.order(control.PublishStart)
        for box, publish in ((other, order.publish), (place.box, uuid.uuid4())):
            with pytest.raises(InvalidStatus) as refused:
                await agent_socket(box, f"/agent/v1/media/{publish}")
            assert refused.value.response.status_code == 400


@pytest.mark.parametrize("path", [CONTROL, f"/agent/v1/media/{uuid.UUID(int=7)}"])
async def test_an_unsigned_handshake_is_refused_and_challenged(place: Place, path: str) -> None:
    from django.conf import settings
    from websockets.asyncio.client import connect

    with pytest.raises(InvalidStatus) as refused:
        await connect(settings.ENV.live_url + path, compression=None)
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["VSaaS-Nonce"]


@pytest.mark.parametrize("frame", [b"", b"\xff", b"\x81\x05", b"\x9f\xff", "text", bytes(5 << 20)])
async def test_a_media_message_that_is_none_ends_the_publish_and_nothing_else(
    place: Place, frame: bytes | str
) -> None:
    alice = await browser(place.cast.alice)
    async with recorder(place) as agent, watching(alice, place.camera.id) as viewer:
        broadcast = await agent.publish()
        await broadcast.group("one")
        await viewer.until(lambda seen: seen.proofs == 1)
        await broadcast.media.send(frame)
        assert await closed(broadcast.media) in (1008, 1009)
        again = await agent.publish()
        await again.group("two")
        await viewer.until(lambda seen: b"two 2" in seen.pictures)


async def test_a_counter_that_goes_back_is_refused(place: Place) -> None:
    alice = await browser(place.cast.alice)
    async with recorder(place) as agent, watching(alice, place.camera.id) as viewer:
        broadcast = await agent.publish()
        first = broadcast.sealer.fragment(next(iter(broadcast.keys)), 1, True, b"first")
        await broadcast.media.send(first)
        await viewer.until(lambda seen: seen.pictures == [b"first"])
        await broadcast.media.send(first)
        assert await closed(broadcast.media) == 1008


async def test_an_agent_cannot_hand_in_keys_of_anothers_publish(place: Place) -> None:
    alice = await browser(place.cast.alice)
    other = Place(
        place.cast, await apart(make_box, place.cast.tenant_a, place.cast.site_a), place.camera, b"", b"", 0
    )
    async with recorder(place) as agent, recorder(other) as thief, watching(alice, place.camera.id):
        order = await agent.order(control.PublishStart)
        key = control.LiveKey(1, bytes(16), bytes(32), b"envelope")
        await thief.control.send(control.encode(control.LiveKeys(order.publish, (key,))))
        assert await closed(thief.control) == 1008
        await agent.publish(order)


async def test_the_hub_answers_plain_http_with_nothing(hub: str) -> None:
    import httpx

    async with httpx.AsyncClient() as client:
        reply = await client.get("http" + hub.removeprefix("ws") + "/live")
    assert reply.status_code == 404


async def closed(socket: Any) -> int:
    """The code a socket is closed with, whatever still comes before."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                await socket.recv()
            except ConnectionClosed as end:
                assert end.rcvd is not None, "the socket broke off"
                return int(end.rcvd.code)
            except Exception as error:
                if "recv" not in str(error):  # the listener of a recorder reads this socket already
                    raise
                await socket.wait_closed()
                return int(socket.close_code)


async def eventually(question: Any) -> None:
    """Waits until `question()` in the portal's database is true."""
    async with asyncio.timeout(PATIENCE_S):
        while not await apart(question):  # noqa: ASYNC110  the database has no event to wait for
            await asyncio.sleep(0.05)
