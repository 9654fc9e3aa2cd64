"""The control socket: opened outbound, kept open, reopened with growing waits. It carries orders and keys, never video."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from edge_agent.asked import Asked
from edge_agent.cloud import Cloud, Patience
from edge_agent.errors import AgentError, PortalRefused, PortalUnreachable, TrustBroken
from edge_agent.orders import Orders
from edge_agent.publishing import ControlLost, Publishing
from edge_agent.sockets import open_socket
from protocol.control import (
    CONTROL_MESSAGE_BYTES_MAX,
    AgentMessage,
    CommandPush,
    HubMessage,
    OrderPush,
    Ping,
    Pong,
    PostNow,
    PublishStart,
    PublishStop,
    Rekey,
    decode_from_hub,
    encode,
)
from protocol.errors import ProtocolError
from sealing.errors import SealingError

log = logging.getLogger(__name__)

PATH: Final = "/agent/v1/control"
_STEADY_S: Final = 20.0
_PUSHES_WAITING: Final = 8


class Control:
    """`run` keeps one control socket open until it is cancelled; everything it is told reaches the other parts."""

    def __init__(
        self,
        cloud: Cloud,
        orders: Orders,
        publishing: Publishing,
        post_now: Callable[[], None],
        asked: Asked | None = None,
    ) -> None:
        """`post_now`: the portal has news; the next batch of records brings its numbers. `asked`: obeys single orders."""
        self._cloud, self._orders, self._publishing = cloud, orders, publishing
        self._post_now = post_now
        self._asked = asked
        self._socket: ClientConnection | None = None
        self._pushed: asyncio.Queue[bytes] = asyncio.Queue(_PUSHES_WAITING)
        publishing.say = self.say

    @property
    def connected(self) -> bool:
        return self._socket is not None

    async def say(self, message: AgentMessage) -> None:
        """Send one message; returns when it is on its way. Raises ControlLost."""
        socket = self._socket
        if socket is None:
            raise ControlLost("the control socket is not open")
        try:
            await socket.send(encode(message))
        except ConnectionClosed as error:
            raise ControlLost("the control socket was closed") from error

    async def run(self) -> None:
        """Stay connected. Ends only by cancellation."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._stay_connected())
            group.create_task(self._take_pushed())

    async def _stay_connected(self) -> None:
        patience = Patience(1.0, 60.0)
        loop = asyncio.get_running_loop()
        while True:
            began_s = loop.time()
            try:
                await self._session()
                wait_s = patience.after(PortalUnreachable(""))
                log.info("the control socket was closed; opening it again in %.0f s", wait_s)
            except (PortalUnreachable, PortalRefused) as error:
                wait_s = patience.after(error)
                log.warning("no control socket: %s; trying again in %.0f s", error, wait_s)
            if loop.time() - began_s > _STEADY_S:
                patience.reset()
            await asyncio.sleep(wait_s)

    async def _session(self) -> None:
        """One connection, until it is closed or the hub's address changes. Raises PortalUnreachable, PortalRefused."""
        address = self._orders.live_url
        async with open_socket(
            self._cloud, address + PATH, message_bytes_max=CONTROL_MESSAGE_BYTES_MAX
        ) as socket:
            self._socket = socket
            log.info("control socket open")
            moved = asyncio.create_task(self._moved_from(address))
            listening = asyncio.create_task(self._listen(socket))
            try:
                await self._publishing.announce_again()
                await asyncio.wait({moved, listening}, return_when=asyncio.FIRST_COMPLETED)
            except ControlLost:
                log.info("the control socket was lost as soon as it was open")
            finally:
                self._socket = None
                moved.cancel()
                listening.cancel()
                await asyncio.gather(moved, listening, return_exceptions=True)

    async def _moved_from(self, address: str) -> None:
        version = self._orders.version
        while self._orders.live_url == address:
            version = await self._orders.wait_change(version)

    async def _listen(self, socket: ClientConnection) -> None:
        try:
            async for frame in socket:
                await self._take(frame)
        except (ConnectionClosed, ControlLost) as error:
            log.info("the control socket was closed: %s", error)

    async def _take(self, frame: bytes | str) -> None:
        try:
            if isinstance(frame, str):
                raise ProtocolError("bad-field", "a text frame on the control socket")
            message = decode_from_hub(frame)
        except (ProtocolError, SealingError) as error:
            log.warning("a message of the hub was ignored: %s", error)
            return
        if message is not None:
            await self._obey(message)

    async def _obey(self, message: HubMessage) -> None:
        match message:
            case Ping(n):
                await self.say(Pong(n))
            case PublishStart():
                self._publishing.start(message)
            case PublishStop(publish):
                self._publishing.stop(publish)
            case Rekey(publish):
                self._publishing.rekey(publish)
            case PostNow():
                self._post_now()
            case OrderPush(signed):
                if self._asked is not None:
                    self._asked.take(signed, self.say)
            case CommandPush(signed):
                if self._pushed.full():
                    self._pushed.get_nowait()  # each document replaces the ones before
                self._pushed.put_nowait(signed)

    async def _take_pushed(self) -> None:
        """Follow pushed command documents apart from the socket: they may need newer statements first."""
        while True:
            signed = await self._pushed.get()
            try:
                await self._orders.pushed(self._cloud, signed)
            except TrustBroken as error:
                log.error("%s", error)
            except (PortalUnreachable, PortalRefused) as error:
                log.warning("a pushed command document waits for newer statements: %s", error)
                self._post_now()
            except AgentError:
                log.exception("a pushed command document could not be kept")
