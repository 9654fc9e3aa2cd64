"""Publishing live view: one media socket per publish, started and stopped by the hub's orders over the control socket.

Nothing is sealed for live while nobody watches. Session keys go to the hub over the control socket, sealed to the
tenant's recipient, before the first message under them; they are new at the start, whenever the hub asks (access was
withdrawn) and before they are five minutes old. When that cannot be told to the hub, the publish ends: it fails closed.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from edge_agent.clock import Clock
from edge_agent.cloud import Cloud
from edge_agent.errors import AgentError, PortalRefused, PortalUnreachable, TrustBroken
from edge_agent.identity import Identity
from edge_agent.live import LiveFeed, Publisher, SessionKeys, Uplink, new_session_keys
from edge_agent.orders import Orders
from edge_agent.sockets import open_socket
from protocol.control import AgentMessage, LiveKey, LiveKeys, PublishEnded, PublishRefused, PublishStart
from protocol.limits import LIVE_KEY_SECONDS
from sealing.ids import Stream
from sealing.live import Publish

log = logging.getLogger(__name__)

PATH: Final = "/agent/v1/media/"
PUBLISHES_MAX: Final = 64
_CHECK_S: Final = 0.25
_OFFLINE_S: Final = 5.0
_REKEY_AGE_S: Final = LIVE_KEY_SECONDS - 20
_GOODBYE_S: Final = 2.0
_IN_BYTES_MAX: Final = 4096
_LIFE_MOST_S: Final = 3600.0


class ControlLost(AgentError):
    """The hub cannot be told anything just now."""


class LiveSource(Protocol):
    """One recorded stream, as far as live view needs it; `lock` guards `feed`."""

    @property
    def lock(self) -> threading.Lock: ...
    @property
    def feed(self) -> LiveFeed: ...


FindSource = Callable[[uuid.UUID, Stream], LiveSource | None]
Say = Callable[[AgentMessage], Awaitable[None]]


@dataclass
class _Running:
    """One publish under way. `expires_s`, `keyed_s` are times of the loop's clock."""

    order: PublishStart
    stream: Stream
    expires_s: float
    keys: SessionKeys
    publisher: Publisher | None = None
    attached: LiveSource | None = None
    keyed_s: float = 0.0
    rekey_wanted: bool = False
    stop_reason: str = ""
    wake: asyncio.Event = field(default_factory=asyncio.Event)


class Publishing:
    """All publishes of this agent. Methods are called on the event loop; `close` ends everything."""

    def __init__(
        self, identity: Identity, orders: Orders, cloud: Cloud, clock: Clock, find: FindSource
    ) -> None:
        """`find` gives the recorder of a stream, or None when it is not recorded."""
        self._identity, self._orders, self._cloud, self._clock = identity, orders, cloud, clock
        self._find = find
        self._running: dict[uuid.UUID, _Running] = {}
        self._tasks: dict[uuid.UUID, asyncio.Task[None]] = {}
        self.say: Say = _nobody_listens

    @property
    def count(self) -> int:
        """Publishes under way."""
        return len(self._tasks)

    def start(self, order: PublishStart) -> None:
        """Begin a publish, or let it last longer when it is under way."""
        running = self._running.get(order.publish)
        if running is not None:
            running.expires_s = self._local_expiry(order)
            return
        if order.publish not in self._tasks:
            task = asyncio.create_task(self._publish(order), name=f"publish {order.publish}")
            self._tasks[order.publish] = task
            task.add_done_callback(lambda _: self._tasks.pop(order.publish, None))

    def stop(self, publish: uuid.UUID) -> None:
        """Nobody watches any more."""
        running = self._running.get(publish)
        if running is not None:
            running.stop_reason = "stopped"
            running.wake.set()

    def rekey(self, publish: uuid.UUID) -> None:
        """Access was withdrawn from somebody: new session keys."""
        running = self._running.get(publish)
        if running is not None:
            running.rekey_wanted = True
            running.wake.set()

    def renew(self) -> None:
        """This box's keys are others now: end every publish, so that the hub asks for it again under the new ones."""
        for running in self._running.values():
            running.stop_reason = "renewed"
            running.wake.set()

    async def announce_again(self) -> None:
        """The control socket is back: the hub may have missed keys. Raises ControlLost."""
        for running in list(self._running.values()):
            await self.say(_told(running.order, running.keys))

    async def close(self) -> None:
        """End every publish."""
        tasks = list(self._tasks.values())
        for running in self._running.values():
            running.stop_reason = "agent-stopped"
            running.wake.set()
        if tasks:
            await asyncio.wait(tasks, timeout=2 * _GOODBYE_S)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _local_expiry(self, order: PublishStart) -> float:
        """The order's end on the loop's clock. The portal's clock counts: this box's may be wrong."""
        left_s = (order.expires_us - self._cloud.portal_time_us()) / 1e6
        return asyncio.get_running_loop().time() + min(max(left_s, 0.0), _LIFE_MOST_S)

    async def _publish(self, order: PublishStart) -> None:
        """One publish from order to end. Nothing escapes but cancellation: the recorder must not suffer."""
        try:
            running = self._accept(order)
        except _Refused as refused:
            log.info("live view of camera %s refused: %s", order.camera, refused.reason)
            await self._tell(PublishRefused(order.publish, refused.reason))
            return
        self._running[order.publish] = running
        reason = "failed"
        try:
            await self._change_keys(running)
            reason = await self._over_socket(running)
        except (PortalUnreachable, PortalRefused, ControlLost) as error:
            reason = "uplink-lost"
            log.warning("live view of camera %s ended: %s", order.camera, error)
        except TrustBroken as error:
            reason = "no-recipient"
            log.error("live view of camera %s ended: %s", order.camera, error)
        except Exception:
            log.exception("live view of camera %s failed", order.camera)
        finally:
            del self._running[order.publish]
            await self._tell(PublishEnded(order.publish, reason))
        log.info("live view of camera %s (%s) ended: %s", order.camera, running.stream.name.lower(), reason)

    def _accept(self, order: PublishStart) -> _Running:
        """Raises _Refused."""
        camera = next((item for item in self._orders.command.cameras if item.camera == order.camera), None)
        if camera is None or self._orders.revoked:
            raise _Refused("unknown-camera")
        if not camera.enabled:
            raise _Refused("disabled")
        if order.stream not in (Stream.MAIN, Stream.SUB):
            raise _Refused("no-stream")
        stream = Stream(order.stream)
        source = self._find(order.camera, stream)
        if source is None:
            raise _Refused("no-stream")
        if source.feed.video is None:
            raise _Refused("camera-offline")
        if len(self._tasks) > PUBLISHES_MAX:
            raise _Refused("too-many")
        try:
            keys = self._new_keys(order, stream)
        except TrustBroken as error:
            raise _Refused("no-recipient") from error
        return _Running(order, stream, self._local_expiry(order), keys)

    def _new_keys(self, order: PublishStart, stream: Stream) -> SessionKeys:
        """Raises TrustBroken without a recipient."""
        return new_session_keys(
            self._identity.tenant, order.camera, stream, order.publish.bytes, self._orders.trust
        )

    async def _change_keys(self, running: _Running) -> None:
        """Tell the hub of the keys and use them. Raises ControlLost: what the hub does not know must not be used."""
        keys = running.keys
        if running.publisher is not None:
            keys = self._new_keys(running.order, running.stream)
        await self.say(_told(running.order, keys))
        running.keys = keys
        running.keyed_s = asyncio.get_running_loop().time()
        running.rekey_wanted = False
        if running.publisher is not None:
            running.publisher.rekey(running.keys)

    async def _over_socket(self, running: _Running) -> str:
        """Send until there is a reason to end; return it. Raises PortalUnreachable, PortalRefused, ControlLost."""
        url = f"{self._orders.live_url}{PATH}{running.order.publish}"
        async with open_socket(self._cloud, url, message_bytes_max=_IN_BYTES_MAX) as socket:
            loop = asyncio.get_running_loop()
            filled = asyncio.Event()
            uplink = Uplink(lambda: None if loop.is_closed() else _set_from_thread(loop, filled))
            order = running.order
            publish = Publish(self._identity.tenant, order.camera, running.stream, order.publish.bytes)
            publisher = Publisher(publish, self._identity.record, self._clock, running.keys, uplink)
            running.publisher = publisher
            ending = asyncio.Event()
            sending = asyncio.create_task(_send_all(socket, uplink, filled, ending))
            hearing = asyncio.create_task(_hear(socket))
            reason = "uplink-lost"
            try:
                reason = await self._watch(running, publisher, sending, hearing)
            finally:
                await self._leave(running, publisher, reason)
                ending.set()
                filled.set()
                await asyncio.wait({sending}, timeout=_GOODBYE_S)
                for task in (sending, hearing):
                    task.cancel()
                await asyncio.gather(sending, hearing, return_exceptions=True)
            return reason

    async def _watch(
        self,
        running: _Running,
        publisher: Publisher,
        sending: asyncio.Task[None],
        hearing: asyncio.Task[None],
    ) -> str:
        """Keep the publish attached to its stream until it must end; return why."""
        loop = asyncio.get_running_loop()
        online_s = loop.time()
        while True:
            await self._follow_source(running, publisher)
            if running.attached is not None and running.attached.feed.video is not None:
                online_s = loop.time()
            reason = "failed" if publisher.failed else self._reason_to_end(running, loop.time(), online_s)
            if sending.done() or hearing.done():
                return reason or "uplink-lost"
            if reason:
                return reason
            due = running.rekey_wanted or loop.time() - running.keyed_s > _REKEY_AGE_S
            if due and not await self._rekeyed(running):
                return "control-lost"
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_CHECK_S):
                    await running.wake.wait()
            running.wake.clear()

    def _reason_to_end(self, running: _Running, now_s: float, online_s: float) -> str:
        if running.stop_reason:
            return running.stop_reason
        if now_s >= running.expires_s:
            return "expired"
        if self._orders.revoked:
            return "revoked"
        if now_s - online_s > _OFFLINE_S:
            return "camera-offline"
        return ""

    async def _rekeyed(self, running: _Running) -> bool:
        """Change keys; False when they are due and the hub cannot be told of new ones."""
        due_s = asyncio.get_running_loop().time() - running.keyed_s
        try:
            await self._change_keys(running)
        except ControlLost:
            # A withdrawal came over a control socket that is gone since: the old keys must not be used any longer.
            return not running.rekey_wanted and due_s < LIVE_KEY_SECONDS
        return True

    async def _follow_source(self, running: _Running, publisher: Publisher) -> None:
        """Attach to the stream's recorder once its camera is there; move over when newer orders replaced it.

        In a thread: sealing a whole group takes a moment, and so may waiting for the stream's lock.
        """
        source = self._find(running.order.camera, running.stream)
        if source is running.attached:
            return
        before = running.attached

        def move() -> LiveSource | None:
            if before is not None:
                with before.lock:
                    before.feed.leave(publisher)
            if source is None:
                return None
            with source.lock:
                if source.feed.video is None:
                    return None
                source.feed.attach(publisher)
            return source

        running.attached = await asyncio.to_thread(move)

    async def _leave(self, running: _Running, publisher: Publisher, reason: str) -> None:
        """Take no more samples, and put what waits, the last proof and the end into the uplink."""
        source = running.attached

        def leave() -> None:
            if source is not None:
                with source.lock:
                    source.feed.leave(publisher)
            if not publisher.failed:
                publisher.end(reason)

        await asyncio.to_thread(leave)

    async def _tell(self, message: AgentMessage) -> None:
        try:
            await self.say(message)
        except ControlLost as error:
            log.debug("the hub could not be told: %s", error)


class _Refused(Exception):
    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


async def _nobody_listens(message: AgentMessage) -> None:
    raise ControlLost("the control socket is not open")


def _told(order: PublishStart, keys: SessionKeys) -> LiveKeys:
    return LiveKeys(
        order.publish,
        tuple(
            LiveKey(int(rendition), key.key_id, key.commitment, keys.envelopes[rendition])
            for rendition, key in keys.keys.items()
        ),
    )


def _set_from_thread(loop: asyncio.AbstractEventLoop, event: asyncio.Event) -> None:
    loop.call_soon_threadsafe(event.set)


async def _send_all(
    socket: ClientConnection, uplink: Uplink, filled: asyncio.Event, ending: asyncio.Event
) -> None:
    """Send what the uplink holds, as fast as the hub takes it, until it is empty at the end or the socket is gone."""
    try:
        while True:
            filled.clear()
            while (message := uplink.take()) is not None:
                await socket.send(message)
            if ending.is_set():
                return
            await filled.wait()
    except ConnectionClosed as error:
        log.info("a media socket was closed: %s", error)


async def _hear(socket: ClientConnection) -> None:
    """The hub says nothing on a media socket; this notices when it is closed."""
    try:
        async for _ in socket:
            continue
    except ConnectionClosed as error:
        log.debug("a media socket was closed: %s", error)
