"""A small hub on real WebSockets: checks signed handshakes, keeps what agents send, and can be slow on purpose."""

from __future__ import annotations

import asyncio
import contextlib
import http
import socket
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from protocol.control import AgentMessage, HubMessage, decode_from_agent, encode
from protocol.signatures import NONCE_HEADER
from tests.edge_agent.tiny_portal import TinyPortal

SMALL_BUFFER_BYTES = 64 * 1024


class Hub:
    """`told`: what came over the control socket; `media[publish]`: messages of a media socket in order, None at its end."""

    def __init__(self, portal: TinyPortal) -> None:
        self.portal = portal
        self.told: asyncio.Queue[AgentMessage] = asyncio.Queue()
        self.media: dict[uuid.UUID, asyncio.Queue[bytes | None]] = {}
        self.reading = asyncio.Event()
        self.reading.set()
        self.control: ServerConnection | None = None
        self.opened = 0
        self.extensions: list[object] = []
        self.refuse_next: http.HTTPStatus | None = None
        self.url = ""

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[Hub]:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SMALL_BUFFER_BYTES)
        listener.bind(("127.0.0.1", port))
        async with serve(
            self._serve, sock=listener, process_request=self._check, max_queue=1, max_size=8 << 20
        ) as server:
            self.url = _address(server)
            try:
                yield self
            finally:
                self.reading.set()

    def _check(self, connection: ServerConnection, request: Request) -> Response | None:
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        if self.refuse_next is not None:
            status, self.refuse_next = self.refuse_next, None
            return connection.respond(status, "as the test wants")
        url = "http" + self.url.removeprefix("ws") + request.path
        if self.portal.check("GET", url, headers, b"") is not None:
            reply = connection.respond(http.HTTPStatus.UNAUTHORIZED, "sign again")
            reply.headers[NONCE_HEADER] = self.portal.nonce()
            return reply
        return None

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        self.extensions += connection.protocol.extensions
        path = connection.request.path
        if path == "/agent/v1/control":
            await self._serve_control(connection)
        else:
            await self._serve_media(connection, uuid.UUID(path.removeprefix("/agent/v1/media/")))

    async def _serve_control(self, connection: ServerConnection) -> None:
        self.control = connection
        self.opened += 1
        try:
            async for frame in connection:
                assert isinstance(frame, bytes)
                message = decode_from_agent(frame)
                assert message is not None
                self.told.put_nowait(message)
        except ConnectionClosed:
            pass
        finally:
            if self.control is connection:
                self.control = None

    async def _serve_media(self, connection: ServerConnection, publish: uuid.UUID) -> None:
        queue = self.media.setdefault(publish, asyncio.Queue())
        try:
            while True:
                await self.reading.wait()
                frame = await connection.recv()
                assert isinstance(frame, bytes)
                queue.put_nowait(frame)
        except ConnectionClosed:
            queue.put_nowait(None)

    async def say(self, message: HubMessage) -> None:
        await until(lambda: self.control is not None)
        assert self.control is not None
        await self.control.send(encode(message))

    async def hears(self) -> AgentMessage:
        async with asyncio.timeout(10):
            return await self.told.get()

    async def receives(self, publish: uuid.UUID) -> bytes | None:
        async with asyncio.timeout(10):
            return await self.media.setdefault(publish, asyncio.Queue()).get()


def _address(server: Server) -> str:
    return f"ws://127.0.0.1:{next(iter(server.sockets)).getsockname()[1]}"


async def until(condition: Callable[[], object], seconds: float = 30.0) -> None:
    """Wait until a condition holds that another task brings about."""
    async with asyncio.timeout(seconds):
        while not condition():
            await a_moment()


async def a_moment() -> None:
    """Let the other tasks and threads get on."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.01):
            await asyncio.Event().wait()
