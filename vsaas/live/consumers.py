"""The hub's WebSockets: control and media of agents, live view of people."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings

from protocol import control
from protocol.errors import ProtocolError
from protocol.viewer import status_frame
from sealing.errors import SealingError
from tenants.declare import AgentOnly, Requires
from tenants.errors import Denied, NotFound, OutsideHours
from tenants.permissions import CAMERA_LIVE
from vsaas.agents.auth import NONCE_HEADER, AgentIdentity, authenticate_scope, fresh_nonce
from vsaas.common.errors import BadRequest, VsaasError
from vsaas.live import tickets
from vsaas.live.errors import LiveMessageRefused
from vsaas.live.hub import AgentLink, hub
from vsaas.live.publish import Publish
from vsaas.live.viewer import Viewer, words_of

logger = logging.getLogger(__name__)

TICKET_WAIT_S = 10.0
TICKET_CHARS_MOST = 500
POLICY_VIOLATION = 1008  # RFC 6455 section 7.4.1
UNSUPPORTED = 1003


class HubSocket(AsyncWebsocketConsumer):
    """A WebSocket of the hub. No channel layer: video and orders pass within the process."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            # Not `disconnect`: that is never called when a handler fails, and the hub would keep a dead socket.
            await self.left()

    async def left(self) -> None:
        """The socket has ended, in whatever way."""

    async def deny(self, error: VsaasError) -> None:
        """Refuse the handshake with the error's status and a fresh challenge."""
        headers = [(NONCE_HEADER.lower().encode(), fresh_nonce().encode())]
        headers += [(name.lower().encode(), str(value).encode()) for name, value in error.headers.items()]
        body = json.dumps({"type": error.problem, "status": error.status, "detail": str(error)}).encode()
        headers.append((b"content-type", b"application/problem+json"))
        start = {"type": "websocket.http.response.start", "status": error.status, "headers": headers}
        await self.base_send(start)
        await self.base_send({"type": "websocket.http.response.body", "body": body})

    async def send_frame(self, frame: bytes) -> None:
        """One binary frame, without the detours of `send`."""
        await self.base_send({"type": "websocket.send", "bytes": frame})


class AgentSocket(HubSocket):
    """A socket an agent opens; its handshake is signed like every request of an agent."""

    access = AgentOnly()
    identity: AgentIdentity

    async def connect(self) -> None:
        try:
            self.identity = await database_sync_to_async(authenticate_scope)(self.scope)
            await self.opened()
        except VsaasError as error:
            await self.deny(error)

    async def opened(self) -> None:
        raise NotImplementedError

    async def refuse(self, why: str) -> None:
        """Close over a message that must not be."""
        logger.warning("agent %s: %s; its socket is closed", self.identity.agent_id, why)
        await self.close(POLICY_VIOLATION, reason=why[:120])


class AgentControlConsumer(AgentSocket):
    """/agent/v1/control: orders to an agent, keys and answers from it (`protocol.control`)."""

    link: AgentLink | None = None

    async def opened(self) -> None:
        await self.accept()
        self.link = AgentLink(self.identity.tenant_id, self.identity.agent_id, self.send_frame, self.shut)
        try:
            await hub().agent_connected(self.link)
        except VsaasError as error:
            await self.refuse(str(error))

    async def shut(self, code: int) -> None:
        await self.close(code)

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        assert self.link is not None
        if bytes_data is None or len(bytes_data) > control.CONTROL_MESSAGE_BYTES_MAX:
            await self.refuse("a control message is one binary frame of at most 1 MiB")
            return
        try:
            await hub().agent_said(self.link, bytes_data)
        except (ProtocolError, SealingError, VsaasError) as error:
            await self.refuse(str(error))

    async def left(self) -> None:
        if self.link is not None:
            await hub().agent_gone(self.link)


class AgentMediaConsumer(AgentSocket):
    """/agent/v1/media/<publish>: the sealed messages of one publish (SPEC 7)."""

    publish: Publish | None = None

    async def dispatch(self, message: dict[str, Any]) -> None:
        """Media messages go straight on: Channels would look for old database connections before each of them, on
        another thread, and passing media on asks no database."""
        if message["type"] == "websocket.receive":
            await self.websocket_receive(message)
        else:
            await super().dispatch(message)

    async def opened(self) -> None:
        publish_id: UUID = self.scope["url_route"]["kwargs"]["publish_id"]
        self.publish = hub().source_connected(self.identity.tenant_id, self.identity.agent_id, publish_id)
        await self.accept()

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        assert self.publish is not None
        if bytes_data is None:
            await self.refuse("media messages are binary")
            return
        try:
            await hub().source_said(self.publish, bytes_data)
        except (SealingError, LiveMessageRefused) as error:
            await self.refuse(str(error))

    async def left(self) -> None:
        if self.publish is not None:
            await hub().source_gone(self.publish)


class ViewerConsumer(HubSocket):
    """/live: a ticket in the first message, then what the agent sends, unchanged."""

    access = Requires(CAMERA_LIVE)
    viewer: Viewer | None = None
    task: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        if not _own_origin(self.scope):
            await self.deny(BadRequest("live view opens from the portal's own pages alone"))
            return
        await self.accept()
        self.task = asyncio.create_task(self.expect_ticket())

    async def expect_ticket(self) -> None:
        await asyncio.sleep(TICKET_WAIT_S)
        await self.close(POLICY_VIOLATION, reason="no ticket came")

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        if self.viewer is not None or text_data is None:
            await self.close(UNSUPPORTED, reason="a live view takes one message: the ticket")
            return
        if self.task is not None:
            self.task.cancel()
        try:
            ticket = await tickets.redeem(_token(text_data), hub().redis)
            self.viewer = await hub().watch(ticket)
        except OutsideHours as error:
            await self.send_frame(status_frame(*words_of(error)))
            await self.close(POLICY_VIOLATION)
        except (Denied, NotFound) as error:
            await self.send_frame(status_frame("refused", str(error)[:200]))
            await self.close(POLICY_VIOLATION)
        except VsaasError as error:
            await self.close(POLICY_VIOLATION, reason=str(error)[:120])
        else:
            self.task = asyncio.create_task(self.write(self.viewer))

    async def write(self, viewer: Viewer) -> None:
        """What is queued, as fast as the browser takes it; closes when the viewer has ended."""
        with contextlib.suppress(
            OSError, RuntimeError
        ):  # the browser went away, or was closed: `left` follows
            await viewer.drain(self.send_frame)
            await self.close(viewer.close_code)

    async def left(self) -> None:
        if self.task is not None:
            self.task.cancel()
        if self.viewer is not None:
            hub().leave(self.viewer)
            await hub().over(self.viewer)


def _token(text: str) -> str:
    if len(text) > TICKET_CHARS_MOST:
        raise BadRequest("the first message is a ticket and nothing else")
    try:
        message: Any = json.loads(text)
    except ValueError:
        raise BadRequest("the first message is JSON: the ticket") from None
    if not isinstance(message, dict) or not isinstance(message.get("ticket"), str):
        raise BadRequest("the first message names the ticket")
    return str(message["ticket"])


def _own_origin(scope: Any) -> bool:
    """Browsers always send Origin with a WebSocket; other sites' pages are refused, and so is what sends none."""
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    portal = urlsplit(settings.ENV.public_url)
    return origins == [f"{portal.scheme}://{portal.netloc}"]
