"""A small agent and small viewers at the hub's real sockets: what they send is sealed and signed as agents do it."""

from __future__ import annotations

import asyncio
import json
import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from django.conf import settings
from django.db import connections
from django.test import Client
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from protocol import b64, control
from protocol.signatures import NONCE_HEADER
from sealing.canonical import decode_canonical
from sealing.cose import Ed25519Signer
from sealing.ids import EnvelopePurpose, Rendition, Stream, box_kid
from sealing.keys import (
    EnvelopeInfo,
    LiveScope,
    PeriodKey,
    Release,
    open_envelope,
    parse_envelope,
    seal_envelope,
)
from sealing.live import Ended, LivePlayer, LivePublisher, OpenedFragment, OpenedInit, Proven, Publish
from tenants.permissions import Permission
from tenants.scope import tenant_scope
from tests.api_calls import call
from tests.boxes import Box, make_box, make_keys
from tests.cast import Cast, make_token, sign_in, slug_of
from vsaas.accounts.models import AccessToken, Account
from vsaas.agents.models import Agent
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.keys.services import tenant_recipient

PATIENCE_S = 20
CONTROL = "/agent/v1/control"
T = TypeVar("T")


async def apart(work: Callable[..., T], *arguments: Any) -> T:
    """Work on the portal's database, off the event loop and on connections that end with it."""

    def run() -> T:
        try:
            return work(*arguments)
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False)()


@dataclass
class Place:
    """A camera of tenant A on the Gate site, and the box that records it."""

    cast: Cast
    box: Box
    camera: Camera
    recipient_public: bytes
    recipient_kid: bytes
    recipient_epoch: int


def make_place(cast: Cast, site: Any = None) -> Place:
    """Enrols a box and gives it one camera."""
    make_keys(cast.tenant_a)
    box = make_box(cast.tenant_a, site or cast.site_a)
    with tenant_scope(cast.tenant_a.id):
        new = NewCamera(name="Gate 2", main_url="rtsp://viewer:s3cret@10.0.0.7:554/main")
        camera = camera_add(Agent.objects.get(id=box.agent_id), new, system("tests"))
        recipient = tenant_recipient(cast.tenant_a.id)
    return Place(cast, box, camera, recipient.public_key, recipient.kid, recipient.epoch)


async def agent_socket(box: Box, path: str, at: str = "", **options: Any) -> ClientConnection:
    """A signed socket of an agent, at the hub `at` where there are several. Raises InvalidStatus when it is refused."""
    url = settings.ENV.live_url + path
    for attempt in (1, 2):
        headers = box.signed_headers("GET", path, None, url="http" + url.removeprefix("ws"))
        try:
            return await connect(
                (at or settings.ENV.live_url) + path, additional_headers=headers, compression=None, **options
            )
        except InvalidStatus as refused:
            fresh = refused.response.headers.get(NONCE_HEADER)
            if attempt == 2 or refused.response.status_code != 401 or fresh is None:
                raise
            box.nonce = fresh
    raise AssertionError("unreachable")


@dataclass
class Recorder:
    """An agent at its control socket. It publishes only when a test tells it to."""

    place: Place
    control: ClientConnection
    orders: asyncio.Queue[control.HubMessage] = field(default_factory=asyncio.Queue)
    opened: list[ClientConnection] = field(default_factory=list)
    at: str = ""

    async def listen(self) -> None:
        async for frame in self.control:
            assert isinstance(frame, bytes)
            message = control.decode_from_hub(frame)
            if isinstance(message, control.Ping):
                await self.control.send(control.encode(control.Pong(message.n)))
            elif message is not None:
                self.orders.put_nowait(message)

    async def order(self, kind: type[T]) -> T:
        """The next order of this kind."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                message = await self.orders.get()
                if isinstance(message, kind):
                    return message

    async def publish(self, order: control.PublishStart | None = None) -> Broadcast:
        """Do as asked: keys first, then the media socket and the tracks' init messages."""
        order = order or await self.order(control.PublishStart)
        broadcast = Broadcast(self, order)
        await broadcast.new_keys()
        path = f"/agent/v1/media/{order.publish}"
        broadcast.media = await agent_socket(self.place.box, path, self.at)
        self.opened.append(broadcast.media)
        await broadcast.inits()
        return broadcast


@asynccontextmanager
async def recorder(place: Place, at: str = "") -> AsyncIterator[Recorder]:
    """The agent connected, until the block ends."""
    socket = await agent_socket(place.box, CONTROL, at)
    one = Recorder(place, socket, at=at)
    listening = asyncio.create_task(one.listen())
    try:
        await one.order(control.CommandPush)
        yield one
    finally:
        listening.cancel()
        await asyncio.gather(listening, return_exceptions=True)
        for each in (*one.opened, socket):
            await each.close()


class Broadcast:
    """One publish, from the agent's side."""

    media: ClientConnection

    def __init__(self, recorder: Recorder, order: control.PublishStart) -> None:
        self.recorder, self.order = recorder, order
        place = recorder.place
        tenant = place.cast.tenant_a.id
        self.publish = Publish(tenant, order.camera, Stream(order.stream), order.publish.bytes)
        self.sealer = LivePublisher(self.publish, Ed25519Signer(place.box.record.private_bytes_raw()))
        self.keys: dict[Rendition, PeriodKey] = {}
        self.capture_us = 1_700_000_000_000_000

    async def new_keys(self) -> None:
        """Fresh session keys, told over the control socket."""
        self.keys = {rendition: PeriodKey.new() for rendition in (Rendition.MAIN, Rendition.AUDIO)}
        rows = tuple(
            control.LiveKey(int(rendition), key.key_id, key.commitment, self._envelope(rendition, key))
            for rendition, key in self.keys.items()
        )
        await self.recorder.control.send(control.encode(control.LiveKeys(self.order.publish, rows)))

    def _envelope(self, rendition: Rendition, key: PeriodKey) -> bytes:
        place = self.recorder.place
        info = EnvelopeInfo(
            EnvelopePurpose.LIVE,
            self.publish.tenant,
            LiveScope(self.publish.camera, self.publish.stream, rendition, self.publish.publish_id),
            key.key_id,
            place.recipient_kid,
            place.recipient_epoch,
        )
        return seal_envelope(info, key.key, place.recipient_public)

    async def inits(self) -> None:
        for rendition, codec in ((Rendition.MAIN, "avc1.64001f"), (Rendition.AUDIO, "mp4a.40.2")):
            init = b"init of " + rendition.name.encode()
            await self.media.send(self.sealer.init(rendition, self.keys[rendition], codec, init))

    async def picture(self, data: bytes, *, sync: bool) -> None:
        self.capture_us += 100_000
        await self.media.send(self.sealer.fragment(Rendition.MAIN, self.capture_us, sync, data))

    async def sound(self, data: bytes) -> None:
        await self.media.send(self.sealer.fragment(Rendition.AUDIO, self.capture_us, True, data))

    async def prove(self) -> None:
        await self.media.send(self.sealer.proof(self.capture_us))

    async def group(self, name: str, pictures: int = 3) -> None:
        """A key frame, what follows it, a sound and a proof."""
        for number in range(pictures):
            await self.picture(f"{name} {number}".encode(), sync=number == 0)
        await self.sound(f"sound of {name}".encode())
        await self.prove()


@dataclass
class Seen:
    """What one viewer was shown, in order."""

    pictures: list[bytes] = field(default_factory=list)
    sounds: list[bytes | None] = field(default_factory=list)
    statuses: list[str] = field(default_factory=list)
    details: list[str] = field(default_factory=list)
    proofs: int = 0
    keys: int = 0
    ended: str | None = None


class Watcher:
    """A browser that watches: opens what it is given a key for, and checks everything as players do."""

    def __init__(self, socket: ClientConnection, reply: dict[str, Any], private: X25519PrivateKey) -> None:
        self.socket, self._reply, self._private = socket, reply, private
        self.seen = Seen()
        self.player: LivePlayer | None = None

    async def until(self, done: Callable[[Seen], bool]) -> Seen:
        """Takes frames until `done` holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not done(self.seen):
                frame = await self.socket.recv()
                assert isinstance(frame, bytes)
                self.take(frame)
        return self.seen

    def take(self, frame: bytes) -> None:
        head: Any = decode_canonical(frame, max_bytes=8 << 20)
        if head[0] == 10:
            self._take_keys(head)
        elif head[0] == 11:
            self.seen.statuses.append(head[1])
            self.seen.details.append(head[2])
        else:
            assert self.player is not None, "a message came before its keys"
            self._take_message(frame)

    def _take_message(self, frame: bytes) -> None:
        assert self.player is not None
        match self.player.receive(frame):
            case OpenedFragment(rendition=Rendition.AUDIO, data=data):
                self.seen.sounds.append(data)
            case OpenedFragment(data=data):
                assert data is not None, "a picture came that this viewer has no key for"
                self.seen.pictures.append(data)
            case Proven():
                self.seen.proofs += 1
            case Ended(reason):
                self.seen.ended = reason
            case OpenedInit():
                pass

    def _take_keys(self, head: Any) -> None:
        _, publish, camera, stream, _agent, record_public, rows = head
        tenant = uuid.UUID(self._reply["tenant"])
        place = Publish(tenant, uuid.UUID(bytes=camera), Stream(stream), publish)
        if self.player is None or self.player.publish != place:
            self.player = LivePlayer(place, record_public)
        public = self._private.public_key().public_bytes_raw()
        for rendition, key_id, envelope in rows:
            info, _ = parse_envelope(envelope)
            assert info.release is not None
            expected = EnvelopeInfo(
                EnvelopePurpose.RELEASE,
                tenant,
                LiveScope(place.camera, place.stream, Rendition(rendition), publish),
                key_id,
                box_kid(public),
                0,
                Release(
                    b64.decode(self._reply["session"]),
                    uuid.UUID(self._reply["account"]),
                    info.release.expires_us,
                ),
            )
            secret = open_envelope(envelope, expected, self._private.private_bytes_raw())
            self.player.add_key(PeriodKey(key_id, secret))
        self.seen.keys += 1


@dataclass
class Browser:
    """A signed-in browser."""

    account: Account
    client: Client
    slug: str

    def ask(self, camera: uuid.UUID, hpke_public: bytes, changes: dict[str, Any] | None = None) -> Any:
        """POST /api/v1/live, with today's mistakes given as `changes`."""
        body = {"camera": str(camera), "stream": "main", "hpke_public": b64.encode(hpke_public)} | (
            changes or {}
        )
        headers = {"VSaaS-Tenant": self.slug, "accept": "application/json"}
        return self.client.post(
            "/api/v1/live", json.dumps(body), content_type="application/json", headers=headers
        )


@dataclass
class Program:
    """A program with an access token of an account."""

    account: Account
    row: AccessToken
    token: str

    def ask(self, camera: uuid.UUID, hpke_public: bytes) -> Any:
        """POST /api/v1/live."""
        body = {"camera": str(camera), "stream": "main", "hpke_public": b64.encode(hpke_public)}
        return call(self.token, "POST", "/api/v1/live", body)


async def program(account: Account, *scopes: Permission) -> Program:
    def make() -> Program:
        return Program(account, *make_token(account, *scopes))

    return await apart(make)


async def browser(account: Account) -> Browser:
    def make() -> Browser:
        return Browser(account, sign_in(account), slug_of(account))

    return await apart(make)


def portal_origin() -> str:
    return str(settings.ENV.public_url)


async def live_socket(at: str = "", **options: Any) -> ClientConnection:
    return await connect(
        (at or settings.ENV.live_url) + "/live", origin=portal_origin(), **({"compression": None} | options)
    )


@asynccontextmanager
async def watching(who: Browser | Program, camera: uuid.UUID, **options: Any) -> AsyncIterator[Watcher]:
    """A viewer with its ticket given in."""
    private = X25519PrivateKey.from_private_bytes(os.urandom(32))
    reply = await apart(who.ask, camera, private.public_key().public_bytes_raw())
    assert reply.status_code == 200, reply.content
    said = json.loads(reply.content)
    async with await live_socket(**options) as socket:
        await socket.send(json.dumps({"ticket": said["ticket"]}))
        yield Watcher(socket, said, private)
