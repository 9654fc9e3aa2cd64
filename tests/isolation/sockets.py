"""How each of the cast tries to get into the hub's sockets: real WebSockets to a real hub."""

from __future__ import annotations

import asyncio
import json
from uuid import UUID

import cbor2
from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import connections
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from protocol.control import PublishStart, decode_from_hub
from protocol.signatures import NONCE_HEADER
from tests.boxes import Box
from tests.isolation.stage import Stage

PATIENCE_S = 20
LIVE = "/api/v1/live"
CONTROL = "/agent/v1/control"


def portal_origin() -> str:
    return str(settings.ENV.public_url)


async def opened(path: str, box: Box | None, cookie: str = "") -> ClientConnection | None:
    """The socket, once its handshake was accepted; None when it was refused. Signs again with a fresh nonce once."""
    url = settings.ENV.live_url + path
    for _ in range(2):
        headers = {"Cookie": cookie} if cookie else {}
        if box is not None:
            headers |= box.signed_headers("GET", path, None, url="http" + url.removeprefix("ws"))
        try:
            return await connect(
                url,
                additional_headers=headers,
                origin=portal_origin() if box is None else None,
                compression=None,
            )
        except InvalidStatus as refused:
            assert refused.response.status_code in (400, 401, 403, 404), refused.response
            if box is None or NONCE_HEADER not in refused.response.headers:
                return None
            box.nonce = refused.response.headers[NONCE_HEADER]
    return None


def box_of(stage: Stage, who: str) -> Box | None:
    return {"agent_a": stage.box_a, "agent_b": stage.box_b}.get(who)


async def control(stage: Stage, who: str) -> bool:
    """Into the control socket; an agent that gets in must be given its own command document, nobody else's."""
    socket = await opened(CONTROL, box_of(stage, who), cookie_of(stage, who))
    if socket is None:
        return False
    async with socket, asyncio.timeout(PATIENCE_S):
        first = await socket.recv()
        assert isinstance(first, bytes)
        assert (stage.camera.id.bytes in first) == (who == "agent_a")
    return True


async def live(stage: Stage, who: str) -> bool:
    """Watch A's camera on the Yard: a ticket from the portal, then the hub. A ticket works once."""
    ticket = await sync_to_async(ticket_for)(stage, who) or "invented-" + "x" * 40
    served = await watches(ticket)
    assert not await watches(ticket), "a ticket worked twice"
    return served


async def watches(ticket: str) -> bool:
    """Whether the hub answers this ticket with a view (status "starting", since no camera is there) and stays open."""
    async with connect(settings.ENV.live_url + "/live", origin=portal_origin(), compression=None) as socket:
        await socket.send(json.dumps({"ticket": ticket}))
        try:
            async with asyncio.timeout(PATIENCE_S):
                frame = await socket.recv()
        except ConnectionClosed:
            return False
        assert isinstance(frame, bytes)
        return cbor2.loads(frame)[:2] != [11, "refused"]


def ticket_for(stage: Stage, who: str) -> str | None:
    """What the portal gives this person for A's camera."""
    client = browser_of(stage, who)
    body = {"camera": str(stage.camera.id), "stream": "main", "hpke_public": "CQ" + "A" * 41}
    try:
        for slug in (stage.slug, stage.slug_b):
            headers = {"VSaaS-Tenant": slug, "accept": "application/json"}
            reply = client.post(LIVE, json.dumps(body), content_type="application/json", headers=headers)
            assert reply.status_code in (200, 401, 403, 404), reply.content
            if reply.status_code == 200:
                return str(json.loads(reply.content)["ticket"])
    finally:
        connections.close_all()  # this runs on a thread of its own
    return None


def browser_of(stage: Stage, who: str) -> Client:
    browsers = {
        "alice": stage.alice,
        "bob": stage.bob,
        "charlie": stage.charlie,
        "waiting": stage.wanda.browser,
        "hugo": stage.hugo.browser,
    }
    return browsers.get(who) or Client()


def cookie_of(stage: Stage, who: str) -> str:
    cookies = browser_of(stage, who).cookies
    return "; ".join(f"{name}={morsel.value}" for name, morsel in cookies.items())


async def media(stage: Stage, who: str) -> bool:
    """Publish for A's camera: Alice watches, so A's agent is asked to publish, and everybody tries to be the one."""
    box = box_of(stage, "agent_a")
    ticket = await sync_to_async(ticket_for)(stage, "alice")
    commands = await opened(CONTROL, box)
    assert commands is not None
    assert ticket is not None, "Alice got no ticket"
    async with (
        commands,
        connect(settings.ENV.live_url + "/live", origin=portal_origin(), compression=None) as viewer,
    ):
        await viewer.send(json.dumps({"ticket": ticket}))
        publish = await asked_to_publish(commands)
        socket = await opened(f"/agent/v1/media/{publish}", box_of(stage, who), cookie_of(stage, who))
        if socket is None:
            return False
        async with socket:
            return await keeps_open(socket)


async def asked_to_publish(commands: ClientConnection) -> UUID:
    """The publish id in the order the hub sends."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            frame = await commands.recv()
            assert isinstance(frame, bytes)
            message = decode_from_hub(frame)
            if isinstance(message, PublishStart):
                return message.publish


async def keeps_open(socket: ClientConnection) -> bool:
    """Whether the hub answers a ping on the socket, instead of closing it."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            await (await socket.ping())
    except ConnectionClosed:
        return False
    return True
