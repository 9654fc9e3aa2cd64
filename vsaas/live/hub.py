"""The hub: where agents that publish and people who watch meet, in the memory of one process.

A *view* is one camera and stream that somebody watches. It asks the camera's agent to publish when the first viewer
comes and to stop a few seconds after the last has gone. What the agent sends is passed on unchanged; the hub reads
the head of a message and holds no key. Session keys arrive sealed to the tenant and leave sealed to each viewer,
through `vsaas.keys`.

Everything here runs on the event loop; database work is handed to the database thread. Between processes only Redis
speaks: tickets, news, presence, and, where somebody watches at another hub than the agent's, the view (`relay`).
"""

import asyncio
import logging
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from dataclasses import dataclass, field
from typing import Any

import redis
import redis.asyncio

from protocol import control, limits
from protocol.viewer import keys_frame, status_frame
from sealing.live import EndMessage, FragmentMessage, InitMessage, Message, parse_message
from tenants.scope import in_scope
from vsaas.agents.asking import KEPT_S, answer_key
from vsaas.agents.commands import NEWS_COMMAND, NEWS_MOVED, NEWS_ORDER, NEWS_REVOKED, channel_of
from vsaas.agents.presence import presence_key
from vsaas.common import clock, metrics
from vsaas.common.errors import Unavailable, VsaasError
from vsaas.common.redis import async_client
from vsaas.live import work
from vsaas.live.errors import LiveMessageRefused
from vsaas.live.news import ACCESS_PREFIX
from vsaas.live.publish import Publish
from vsaas.live.relay import (
    RELAY_S,
    SILENT_S,
    WANT_EVERY_S,
    Frame,
    Kind,
    Mirror,
    Relay,
    channel_of_hub,
)
from vsaas.live.rights import refusals
from vsaas.live.viewer import Ticket, Viewer, words_of

logger = logging.getLogger(__name__)

CHECK_S = 2.0
"""How often rights are looked at; with the time of one look, access ends well within 5 s of its withdrawal."""
CHECK_FAILED_S = 5.0
"""Without an answer for this long, nobody is shown anything any more."""
SEND_S = 2.0
"""An agent that takes no message for this long is let go: what others are shown never waits for it."""
PUBLISH_S = 60
RENEW_S = 25.0
LINGER_S = 5.0
START_S = 10.0
RETRY_S = 5.0
KEY_WAIT_S = 5.0
PING_S = 10.0
ANSWER_S = 3.0
PRESENCE_S = 45
ACCESS_CHANNELS = ACCESS_PREFIX + "*"

WITHDRAWN_CODE = 4403
REPLACED_CODE = 4409
REVOKED_CODE = 4401
SILENT_CODE = 1011

_DELETE_IF = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"

RENEWED = "renewed"
"""Why a publish ended whose agent has new keys: it begins anew under them at once."""
_REFUSALS = {
    RENEWED: "starting",
    "camera-offline": "camera-offline",
    "disabled": "refused",
    "no-stream": "refused",
    "unknown-camera": "refused",
}


@dataclass(eq=False)
class AgentLink:
    """An agent's control socket: `send` and `close` act on it."""

    tenant: uuid.UUID
    agent: uuid.UUID
    send: Callable[[bytes], Awaitable[None]]
    close: Callable[[int], Awaitable[None]]
    pinged: int = 0
    answered: int = 0
    answered_at: float = field(default_factory=time.monotonic)
    ponged: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class View:
    """One camera and stream somebody watches, its viewers and what is published for them."""

    tenant: uuid.UUID
    camera: uuid.UUID
    stream: int
    agent: uuid.UUID
    record_public: bytes
    viewers: set[Viewer] = field(default_factory=set)
    publish: Publish | None = None
    renewed_at: float = 0.0
    empty_since: float | None = None
    retry_at: float | None = None
    relays: dict[uuid.UUID, Relay] = field(default_factory=dict)
    """Other hubs at which somebody watches it."""
    mirror: Mirror | None = None
    """Where it comes from, when the agent is connected to another hub."""
    joining: int = 0
    """Viewers whose keys are being released: they count as viewers before they are among them."""

    @property
    def key(self) -> tuple[uuid.UUID, uuid.UUID, int]:
        return self.tenant, self.camera, self.stream

    def tell(self, status: str, detail: str = "") -> None:
        frame = status_frame(status, detail)
        self.tell_frame(frame)
        for relay in self.relays.values():
            relay.tell(Kind.STATUS, frame)

    def tell_frame(self, frame: bytes) -> None:
        for viewer in self.viewers:
            viewer.tell(frame)


class Hub:
    """All of one process. Make one per event loop; `run` keeps it going."""

    def __init__(self) -> None:
        self.redis: redis.asyncio.Redis = async_client()
        self.id = uuid.uuid4()
        self._links: dict[uuid.UUID, AgentLink] = {}
        self._views: dict[tuple[uuid.UUID, uuid.UUID, int], View] = {}
        self._publishes: dict[uuid.UUID, View] = {}
        self._checked_at: dict[uuid.UUID, float] = {}
        self._check_now = asyncio.Event()
        self._hears_hubs = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    # Viewers

    async def watch(self, ticket: Ticket) -> Viewer:
        """Lets a viewer in whose rights hold now. Raises Denied, NotFound (the view then says `withdrawn`)."""
        source = await in_scope(ticket.tenant, work.begin_watching, ticket)
        viewer = Viewer(ticket)
        key = (ticket.tenant, ticket.camera, ticket.stream)
        view = self._views.get(key)
        if view is not None and view.agent != source.agent:
            for other in list(view.viewers):
                self.refuse(other, "ended", "another agent records this camera now; open the view again")
            await self._stop(view)
            view = self._views.get(key)
        if view is None:
            view = self._views[key] = View(*key, agent=source.agent, record_public=source.record_public)
        view.joining += 1
        try:
            await self._join(view, viewer)
        except VsaasError:
            await self.over(viewer)
            raise
        finally:
            view.joining -= 1
        return viewer

    async def over(self, viewer: Viewer) -> None:
        """What `watch` let in has ended: written down, from when to when."""
        try:
            await in_scope(viewer.ticket.tenant, work.end_watching, viewer.ticket, viewer.since_us)
        except Exception:
            logger.exception("the end of a view of camera %s could not be audited", viewer.ticket.camera)

    async def _join(self, view: View, viewer: Viewer) -> None:
        """Keys first, then the burst and the place among the viewers in one step, so that nothing is missed."""
        publish = view.publish
        while publish is not None and publish.all_keys():
            version = publish.keys_version
            frames = await self._keys_for(view, publish, [viewer])
            if view.publish is publish and publish.keys_version == version:
                viewer.tell(frames[viewer])
                if publish.has_group:
                    viewer.start(publish.burst())
                else:
                    viewer.start(publish.inits())
                    viewer.wait_for_group()
                break
            publish = view.publish
        if self._views.get(view.key) is not view:
            raise Unavailable("the view of this camera ended meanwhile: open it again")
        if view.tenant not in self._viewers_by_tenant():
            self._checked_at[view.tenant] = time.monotonic()
        view.viewers.add(viewer)
        self._check_now.set()  # keys took their time: what was allowed at the beginning may not be so any more
        view.empty_since = None
        if view.publish is None or not view.publish.connected:
            viewer.tell(status_frame("starting"))
        waits = view.retry_at is not None and view.agent in self._links
        if view.publish is None and view.mirror is None and not waits:
            await self._start(view)

    def leave(self, viewer: Viewer) -> None:
        """The viewer's socket is gone. The publish goes on for a few seconds, in case somebody comes back."""
        key = (viewer.ticket.tenant, viewer.ticket.camera, viewer.ticket.stream)
        view = self._views.get(key)
        if view is None:
            return
        view.viewers.discard(viewer)

    def refuse(self, viewer: Viewer, status: str, detail: str) -> None:
        """Shows a viewer nothing more."""
        viewer.end(status, detail, code=WITHDRAWN_CODE)
        self.leave(viewer)

    # Agents

    async def agent_connected(self, link: AgentLink) -> None:
        """The newer connection of an agent wins; when the older one still answers, two boxes share one identity."""
        older = self._links.get(link.agent)
        self._links[link.agent] = link
        if older is not None:
            await self._replace(older, link)
        await self._announce_presence(link)
        moved = NEWS_MOVED + str(self.id).encode()
        await self._quietly(self.redis.publish(channel_of(link.agent), moved))
        command = await in_scope(link.tenant, work.command_of, link.agent)
        await self._send(link, control.encode(control.CommandPush(command)))
        for view in [view for view in self._views.values() if view.agent == link.agent]:
            if view.viewers or view.relays:
                await self._drop_mirror(view, tell_origin=True)
                await self._start(view)

    async def _replace(self, older: AgentLink, newer: AgentLink) -> None:
        if await self._answers(older):
            await in_scope(newer.tenant, work.note_clone, newer.agent)
        await self._close(older, REPLACED_CODE)

    async def _answers(self, link: AgentLink) -> bool:
        """Whether somebody is still at the other end of a connection."""
        link.ponged.clear()
        wanted = link.pinged + 1
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._ping(link)
                while link.answered < wanted:
                    await link.ponged.wait()
                    link.ponged.clear()
        except TimeoutError:
            return False
        return True

    async def agent_gone(self, link: AgentLink) -> None:
        """A control socket ended; its agent's viewers are told at once."""
        if self._links.get(link.agent) is not link:
            return
        del self._links[link.agent]
        for view in self._views.values():
            if view.agent == link.agent and not (view.publish and view.publish.connected):
                self._forget_publish(view)
                view.tell("agent-offline")
        # Only if it is still ours: the agent may be connected to another hub by now.
        forget = self.redis.eval(_DELETE_IF, 1, presence_key(link.agent), str(self.id))
        await self._quietly(forget)

    async def agent_said(self, link: AgentLink, frame: bytes) -> None:
        """A message of a control socket. Raises ProtocolError or SealingError for what is none."""
        message = control.decode_from_agent(frame)
        match message:
            case control.Pong(n):
                link.answered, link.answered_at = max(link.answered, n), time.monotonic()
                link.ponged.set()
                await self._announce_presence(link)
            case control.LiveKeys(publish_id, keys):
                view = self._own_view(link, publish_id)
                if view is not None and view.publish is not None:
                    await self._new_keys(view, view.publish, keys)
            case control.OrderAnswer(order, answer):
                kept = self.redis.set(answer_key(link.agent, order), answer, ex=KEPT_S)
                await self._quietly(kept)
            case control.PublishRefused(publish_id, reason) | control.PublishEnded(publish_id, reason):
                view = self._own_view(link, publish_id)
                if view is not None:
                    self._forget_publish(view)
                    view.retry_at = time.monotonic() + (0 if reason == RENEWED else RETRY_S)
                    view.tell(_REFUSALS.get(reason, "camera-offline"), reason)
                    if reason == RENEWED:
                        await self._name_signer(view)

    @staticmethod
    async def _name_signer(view: View) -> None:
        """The agent's record key may be another one since the view began."""
        source = await in_scope(view.tenant, work.source_of, view.camera)
        if source.agent == view.agent:
            view.record_public = source.record_public

    def _own_view(self, link: AgentLink, publish_id: uuid.UUID) -> View | None:
        """The view of a publish, when it is this agent's; late words about an ended one are ignored."""
        view = self._publishes.get(publish_id)
        if view is not None and (view.tenant, view.agent) != (link.tenant, link.agent):
            raise LiveMessageRefused("this publish is another agent's")
        return view

    # Media

    def source_connected(self, tenant: uuid.UUID, agent: uuid.UUID, publish_id: uuid.UUID) -> Publish:
        """An agent opens the media socket of a publish it was asked for. Raises LiveMessageRefused."""
        view = self._publishes.get(publish_id)
        if view is None or view.publish is None or (view.tenant, view.agent) != (tenant, agent):
            raise LiveMessageRefused("nobody asked this agent for this publish")
        if view.publish.connected:
            raise LiveMessageRefused("this publish has its media socket already")
        view.publish.connected = True
        return view.publish

    async def source_said(self, publish: Publish, encoded: bytes) -> None:
        """One message of the media socket, on to everybody who watches. Raises LiveMessageRefused, SealingError."""
        message = parse_message(encoded)
        view = self._publishes.get(publish.id)
        if view is None:
            raise LiveMessageRefused("this publish has ended")
        if isinstance(message, InitMessage) and not publish.knows_key(message.key_id):
            try:
                await publish.key_known(message.key_id, KEY_WAIT_S)
            except TimeoutError:
                raise LiveMessageRefused(
                    "the key of a new init did not come over the control socket"
                ) from None
            if self._publishes.get(publish.id) is not view:
                raise LiveMessageRefused("this publish has ended")
        self._pass_on(view, publish, message, encoded)
        if isinstance(message, EndMessage):
            view.tell("ended", message.reason)

    @staticmethod
    def _pass_on(view: View, publish: Publish, message: Message, encoded: bytes) -> None:
        publish.accept(message, encoded)
        fragment, opens = isinstance(message, FragmentMessage), publish.opens_group(message)
        for viewer in view.viewers:
            viewer.offer(encoded, fragment=fragment, opens=opens)
        if view.relays:
            framed = bytes([Kind.MESSAGE]) + encoded
            for relay in view.relays.values():
                if relay.publish == publish.id:
                    relay.outlet.offer(framed, fragment=fragment, opens=opens)

    async def source_gone(self, publish: Publish) -> None:
        """The media socket ended. Whoever still watches gets a new publish: counters never begin again in an old one."""
        publish.connected = False
        view = self._publishes.get(publish.id)
        if view is None or view.publish is not publish:
            return
        self._forget_publish(view)
        if not view.viewers and not view.relays:
            return
        if view.agent in self._links:
            view.tell("starting")
            view.retry_at = time.monotonic() + 1.0
        else:
            view.tell("agent-offline")

    # Publishes

    async def _start(self, view: View, *, quietly: bool = False) -> None:
        """Asks the agent to publish, or the hub it is connected to, or tells the viewers that it is not there."""
        link = self._links.get(view.agent)
        view.retry_at = None
        if link is None:
            await self._look_elsewhere(view, quietly=quietly)
            return
        if view.publish is None:
            view.publish = Publish(uuid.uuid4(), view.tenant, view.agent, view.camera, view.stream)
            self._publishes[view.publish.id] = view
        view.renewed_at = time.monotonic()
        expires_us = clock.now_us() + PUBLISH_S * 1_000_000
        order = control.PublishStart(view.publish.id, view.camera, view.stream, expires_us)
        await self._send(link, control.encode(order))

    async def _stop(self, view: View) -> None:
        publish = view.publish
        self._forget_publish(view)
        await self._drop_mirror(view, tell_origin=True)
        for hub in list(view.relays):
            self._drop_relay(view, hub)
        if self._views.get(view.key) is view:
            del self._views[view.key]
        link = self._links.get(view.agent)
        if publish is not None and link is not None:
            await self._send(link, control.encode(control.PublishStop(publish.id)))

    def _forget_publish(self, view: View) -> None:
        if view.publish is not None:
            self._publishes.pop(view.publish.id, None)
            view.publish = None
            for relay in view.relays.values():
                relay.publish = None
                relay.tell(Kind.GONE)

    async def _new_keys(self, view: View, publish: Publish, keys: tuple[control.LiveKey, ...]) -> None:
        """Hands fresh session keys on before the messages under them: those wait in `source_said` until then."""
        coming = Publish(publish.id, publish.tenant, publish.agent, publish.camera, publish.stream)
        coming.add_keys((*publish.all_keys(), *keys))
        served: set[Viewer] = set()
        # Somebody may join while keys are released: until nobody is left, then the keys count in the same step.
        while waiting := [viewer for viewer in view.viewers if not viewer.ended and viewer not in served]:
            for viewer, frame in (await self._keys_for(view, coming, waiting)).items():
                viewer.tell(frame)
            served.update(waiting)
        publish.add_keys(keys)
        for relay in view.relays.values():
            if relay.publish == publish.id:
                relay.tell(Kind.KEYS, control.encode(control.LiveKeys(publish.id, keys)))
            else:
                self._prime(relay, publish)

    async def _keys_for(self, view: View, publish: Publish, viewers: Iterable[Viewer]) -> dict[Viewer, bytes]:
        """A keys frame for each viewer, released to that viewer's session alone."""
        wanted = list(viewers)
        keys = publish.all_keys()
        if not wanted or not keys:
            rows: list[list[tuple[int, bytes, bytes]]] = [[] for _ in wanted]
        else:
            tickets = [viewer.ticket for viewer in wanted]
            rows = await in_scope(view.tenant, work.release, publish.id, keys, tickets)
        return {
            viewer: keys_frame(publish.id, view.camera, view.stream, view.agent, view.record_public, row)
            for viewer, row in zip(wanted, rows, strict=True)
        }

    # Keeping going

    async def run(self) -> None:
        """Looks after publishes and rights until cancelled. Should it end otherwise, nobody is shown anything any more."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._tend())
                tasks.create_task(self._watch_checks())
                tasks.create_task(self._check_rights())
                tasks.create_task(self._hear_news())
                tasks.create_task(self._hear_hubs())
                tasks.create_task(self._ping_agents())
        finally:
            for viewers in self._viewers_by_tenant().values():
                for viewer in viewers:
                    self.refuse(viewer, "ended", "the live view was ended; try again")

    async def _tend(self) -> None:
        while True:
            now = time.monotonic()
            self._count()
            for view in list(self._views.values()):
                try:
                    await self._tend_view(view, now)
                except Exception:
                    logger.exception("the view of camera %s could not be tended", view.camera)
            await asyncio.sleep(0.5)

    def _count(self) -> None:
        metrics.LIVE_VIEWERS.set(sum(len(view.viewers) for view in self._views.values()))
        metrics.LIVE_PUBLISHES.set(len(self._publishes))
        metrics.LIVE_AGENTS.set(len(self._links))

    async def _tend_view(self, view: View, now: float) -> None:
        for hub in [hub for hub, relay in view.relays.items() if now - relay.renewed_at > RELAY_S]:
            self._drop_relay(view, hub)
        if not view.viewers and not view.relays:
            if view.joining:
                view.empty_since = None
            elif view.empty_since is None:
                view.empty_since = now
            elif now - view.empty_since >= LINGER_S:
                await self._stop(view)
            return
        view.empty_since = None
        publish = view.publish
        if view.mirror is not None:
            await self._tend_mirror(view, view.mirror, now)
        elif publish is None:
            if view.retry_at is None or now >= view.retry_at:
                await self._start(view, quietly=True)
        elif not publish.connected and now - publish.asked_at > START_S:
            self._forget_publish(view)
            view.tell("camera-offline", "the agent did not begin to send")
            view.retry_at = now + RETRY_S
        elif now - view.renewed_at > RENEW_S and view.agent in self._links:
            await self._start(view)

    async def _check_rights(self) -> None:
        """Every two seconds, and at once when somebody's rights changed."""
        while True:
            try:
                async with asyncio.timeout(CHECK_S):
                    await self._check_now.wait()
            except TimeoutError:
                pass  # time for the regular look
            self._check_now.clear()
            for tenant, viewers in self._viewers_by_tenant().items():
                await self._check_tenant(tenant, viewers)

    async def _watch_checks(self) -> None:
        """No answer means no: viewers of a tenant whose rights nobody could look at for five seconds are let go, be it
        that looking fails or that it does not come back."""
        while True:
            await asyncio.sleep(0.5)
            self._drop_unchecked(time.monotonic())

    def _drop_unchecked(self, now: float) -> None:
        for tenant, viewers in self._viewers_by_tenant().items():
            if now - self._checked_at.get(tenant, 0.0) <= CHECK_FAILED_S:
                continue
            logger.error("rights of tenant %s could not be checked for %s s", tenant, CHECK_FAILED_S)
            for viewer in viewers:
                self.refuse(viewer, "ended", "rights cannot be checked now; try again")

    def _viewers_by_tenant(self) -> dict[uuid.UUID, list[Viewer]]:
        found: dict[uuid.UUID, list[Viewer]] = defaultdict(list)
        for view in self._views.values():
            found[view.tenant].extend(view.viewers)
        return {tenant: viewers for tenant, viewers in found.items() if viewers}

    async def _check_tenant(self, tenant: uuid.UUID, viewers: list[Viewer]) -> None:
        began_at = time.monotonic()
        try:
            refused = await in_scope(tenant, refusals, [viewer.ticket for viewer in viewers])
        except Exception:
            logger.exception("rights of tenant %s could not be checked", tenant)
            return
        self._checked_at[tenant] = began_at
        gone = [viewer for viewer in viewers if viewer.ticket in refused and not viewer.ended]
        for viewer in gone:
            self.refuse(viewer, *words_of(refused[viewer.ticket]))
        if not gone:
            return
        await self._rekey(
            {(viewer.ticket.tenant, viewer.ticket.camera, viewer.ticket.stream) for viewer in gone}
        )
        try:
            await in_scope(
                tenant, work.note_withdrawn, {viewer.ticket: refused[viewer.ticket] for viewer in gone}
            )
        except Exception:
            logger.exception("ended views of tenant %s could not be audited", tenant)

    async def _rekey(self, keys: set[tuple[uuid.UUID, uuid.UUID, int]]) -> None:
        """New session keys for whatever somebody may no longer see."""
        for key in keys:
            view = self._views.get(key)
            link = self._links.get(view.agent) if view else None
            if view is not None and link is not None and view.publish is not None:
                await self._send(link, control.encode(control.Rekey(view.publish.id)))
            elif view is not None and view.mirror is not None:
                await self._say(view.mirror.origin, Frame(Kind.REKEY, key, data=self.id.bytes))

    async def _hear_news(self) -> None:
        """Redis pub/sub: news for agents and changes of rights. A lost connection is made again; the regular looks
        cover what was missed."""
        while True:
            try:
                async with self.redis.pubsub(ignore_subscribe_messages=True) as news:
                    await news.psubscribe(channel_of_all_agents(), ACCESS_CHANNELS)
                    async for message in news.listen():
                        await self._heard(message["channel"], message["data"])
            except (redis.RedisError, OSError) as error:
                logger.warning("no news from Redis: %s; trying again", error)
                await asyncio.sleep(1.0)

    async def _heard(self, channel: bytes, data: bytes) -> None:
        """One piece of news that cannot be acted on now does not end the hub: agents ask for the same by themselves."""
        try:
            await self._news(channel, data)
        except Exception:
            logger.exception("news on %s could not be acted on", channel.decode(errors="replace"))

    async def _news(self, channel: bytes, data: bytes) -> None:
        name = channel.decode()
        if name.startswith(ACCESS_PREFIX):
            self._check_now.set()
            return
        for agent, link in list(self._links.items()):
            if name == channel_of(agent):
                await self._agent_news(link, data)
        if data.startswith(NEWS_MOVED) and data != NEWS_MOVED + str(self.id).encode():
            for view in [view for view in self._views.values() if name == channel_of(view.agent)]:
                if view.viewers and view.publish is None and view.agent not in self._links:
                    await self._drop_mirror(view, tell_origin=False)
                    await self._start(view, quietly=True)

    async def _agent_news(self, link: AgentLink, data: bytes) -> None:
        if data == NEWS_COMMAND:
            command = await in_scope(link.tenant, work.command_of, link.agent)
            await self._send(link, control.encode(control.CommandPush(command)))
        elif data == NEWS_REVOKED:
            await self._drop_link(link, REVOKED_CODE)
        elif data.startswith(NEWS_MOVED) and data != NEWS_MOVED + str(self.id).encode():
            self._apart(self._moved_away(link))
        elif data.startswith(NEWS_ORDER):
            await self._send(link, control.encode(control.OrderPush(data.removeprefix(NEWS_ORDER))))

    async def _moved_away(self, link: AgentLink) -> None:
        """The agent is connected to another hub now; when the socket here still answers, two boxes share one identity."""
        if await self._answers(link):
            await in_scope(link.tenant, work.note_clone, link.agent)
        await self._drop_link(link, REPLACED_CODE)

    def _apart(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Something that must not keep others waiting."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Other hubs

    async def _say(self, hub: uuid.UUID, frame: Frame) -> bool:
        """Whether the other hub heard it; False also where Redis does not answer."""
        try:
            return bool(await self.redis.publish(channel_of_hub(hub), frame.encode()))
        except redis.RedisError as error:
            logger.warning("hub %s is not reached: %s", hub, error)
            return False

    async def _look_elsewhere(self, view: View, *, quietly: bool) -> None:
        """Asks the hub the agent is connected to for the view; where there is none, viewers hear that it is offline."""
        origin = await self._hub_of(view.agent)
        if origin is not None and view.mirror is None:
            mirror = view.mirror = Mirror(origin)
            mirror.task = self._apart(self._take_from(view, mirror))
            if await self._want(view, mirror):
                if not quietly:
                    view.tell("starting")
                return
            await self._drop_mirror(view, tell_origin=False)
        view.retry_at = time.monotonic() + RETRY_S
        if not quietly:
            view.tell("agent-offline")

    async def _hub_of(self, agent: uuid.UUID) -> uuid.UUID | None:
        """Another hub, at which the agent's control socket is open."""
        try:
            async with asyncio.timeout(START_S):
                await self._hears_hubs.wait()
            found = await self.redis.get(presence_key(agent))
            hub = uuid.UUID(bytes(found).decode()) if found is not None else self.id
        except (redis.RedisError, TimeoutError, ValueError) as error:
            logger.warning("where agent %s is connected is not known: %s", agent, error)
            return None
        return None if hub == self.id else hub

    async def _want(self, view: View, mirror: Mirror) -> bool:
        mirror.asked_at = time.monotonic()
        return await self._say(mirror.origin, Frame(Kind.WANT, view.key, mirror.epoch, data=self.id.bytes))

    async def _tend_mirror(self, view: View, mirror: Mirror, now: float) -> None:
        if now - mirror.asked_at <= WANT_EVERY_S:
            return
        if now - mirror.heard_at <= SILENT_S and await self._want(view, mirror):
            return
        await self._drop_mirror(view, tell_origin=False)
        view.tell("agent-offline")
        view.retry_at = now + 1.0

    async def _drop_mirror(self, view: View, *, tell_origin: bool) -> None:
        mirror, view.mirror = view.mirror, None
        if mirror is None:
            return
        if mirror.task is not None and mirror.task is not asyncio.current_task():
            mirror.task.cancel()
        self._forget_publish(view)
        if tell_origin:
            await self._say(mirror.origin, Frame(Kind.UNWANT, view.key, data=self.id.bytes))

    async def _take_from(self, view: View, mirror: Mirror) -> None:
        """What the origin sends, to the viewers here. Ends with the mirror."""
        while view.mirror is mirror:
            try:
                await self._take_frame(view, await mirror.take())
            except Exception:
                logger.exception("the view of camera %s from another hub begins afresh", view.camera)
                await self._drop_mirror(view, tell_origin=True)
                view.retry_at = time.monotonic() + 1.0

    async def _take_frame(self, view: View, frame: Frame) -> None:
        match frame.kind:
            case Kind.BEGIN:
                publish_id = uuid.UUID(bytes=frame.data)
                view.publish = Publish(publish_id, view.tenant, view.agent, view.camera, view.stream)
                view.publish.connected = True
                await self._name_signer(view)
            case Kind.KEYS:
                message = control.decode_from_agent(frame.data)
                if view.publish is not None and isinstance(message, control.LiveKeys):
                    await self._new_keys(view, view.publish, message.keys)
            case Kind.MESSAGE:
                if view.publish is not None:
                    self._pass_on(view, view.publish, parse_message(frame.data), frame.data)
            case Kind.STATUS:
                view.tell_frame(frame.data)
            case Kind.GONE:
                view.publish = None

    async def _hear_hubs(self) -> None:
        """This hub's own channel. What a lost connection swallowed is seen by the numbers of the frames."""
        while True:
            try:
                async with self.redis.pubsub(ignore_subscribe_messages=True) as others:
                    await others.subscribe(channel_of_hub(self.id))
                    await others.parse_response(block=True, timeout=5)
                    self._hears_hubs.set()
                    async for message in others.listen():
                        await self._hub_said(message["data"])
            except (redis.RedisError, OSError) as error:
                logger.warning("other hubs are not heard: %s; trying again", error)
                await asyncio.sleep(1.0)

    async def _hub_said(self, encoded: bytes) -> None:
        """Nothing one hub says ends another."""
        try:
            frame = Frame.decode(encoded)
            view = self._views.get(frame.view)
            if frame.kind < Kind.HERE:
                self._apart(self._asked_by(frame, uuid.UUID(bytes=frame.data)))
            elif view is not None and view.mirror is not None and not view.mirror.put(frame):
                logger.warning("frames of camera %s were lost between hubs: it begins afresh", view.camera)
                await self._drop_mirror(view, tell_origin=True)
                await self._start(view, quietly=True)
        except Exception:
            logger.exception("what another hub said could not be acted on")

    async def _asked_by(self, frame: Frame, hub: uuid.UUID) -> None:
        view = self._views.get(frame.view)
        match frame.kind:
            case Kind.REKEY:
                await self._rekey({frame.view})
            case Kind.UNWANT:
                if view is not None:
                    self._drop_relay(view, hub)
            case Kind.WANT:
                await self._relay(frame, hub)

    async def _relay(self, frame: Frame, hub: uuid.UUID) -> None:
        """Another hub watches a view of an agent that is connected here."""
        tenant, camera, _ = frame.view
        view = self._views.get(frame.view)
        if view is None:
            source = await in_scope(tenant, work.source_of, camera)
            view = self._views.setdefault(frame.view, View(*frame.view, source.agent, source.record_public))
        if view.agent not in self._links:
            return  # it hears nothing, and looks for the agent anew
        relay = view.relays.get(hub)
        if relay is not None and relay.epoch != frame.epoch:
            self._drop_relay(view, hub)
            relay = None
        if relay is None:
            relay = view.relays[hub] = Relay(hub, frame.epoch)
            relay.task = self._apart(self._drain(view, relay))
            if view.publish is not None and view.publish.all_keys():
                self._prime(relay, view.publish)
            if view.publish is None and view.retry_at is None:
                await self._start(view)
        relay.renewed_at = time.monotonic()
        await self._say(hub, Frame(Kind.HERE, view.key, relay.epoch))

    def _prime(self, relay: Relay, publish: Publish) -> None:
        """As a viewer begins: keys first, then the burst, in one step, so that nothing is missed."""
        relay.publish = publish.id
        relay.tell(Kind.BEGIN, publish.id.bytes)
        relay.tell(Kind.KEYS, control.encode(control.LiveKeys(publish.id, publish.all_keys())))
        frames = publish.burst() if publish.has_group else publish.inits()
        relay.outlet.start(bytes([Kind.MESSAGE]) + frame for frame in frames)
        if not publish.has_group:
            relay.outlet.wait_for_group()

    async def _drain(self, view: View, relay: Relay) -> None:
        async def send(framed: bytes) -> None:
            frame = Frame(Kind(framed[0]), view.key, relay.epoch, relay.number, framed[1:])
            relay.number += 1
            if not await self._say(relay.hub, frame):
                raise ConnectionError("nobody is there")

        try:
            await relay.outlet.drain(send)
        except ConnectionError:
            logger.info("hub %s watches camera %s no more", relay.hub, view.camera)
        if view.relays.get(relay.hub) is relay:
            del view.relays[relay.hub]

    def _drop_relay(self, view: View, hub: uuid.UUID) -> None:
        relay = view.relays.pop(hub, None)
        if relay is not None and relay.task is not None:
            relay.task.cancel()

    async def _ping_agents(self) -> None:
        while True:
            await asyncio.sleep(PING_S)
            await self._ping_all(time.monotonic() - limits.AGENT_OFFLINE_SECONDS)

    async def _ping_all(self, silent_since: float) -> None:
        for link in list(self._links.values()):
            if link.answered_at < silent_since:
                await self._drop_link(link, SILENT_CODE)
            else:
                await self._ping(link)

    async def _ping(self, link: AgentLink) -> None:
        link.pinged += 1
        await self._send(link, control.encode(control.Ping(link.pinged)))

    async def _send(self, link: AgentLink, frame: bytes) -> None:
        """A socket that ended meanwhile is no error: its consumer tells the hub."""
        try:
            async with asyncio.timeout(SEND_S):
                await link.send(frame)
        except TimeoutError:
            logger.warning("agent %s takes no message: it is let go", link.agent)
            await self._drop_link(link, SILENT_CODE)
        except (OSError, RuntimeError) as error:
            logger.info("agent %s took no message: %s", link.agent, error)

    async def _drop_link(self, link: AgentLink, code: int) -> None:
        """Forgets an agent's connection, whether or not its socket can still be closed in order."""
        await self.agent_gone(link)
        await self._close(link, code)

    async def _close(self, link: AgentLink, code: int) -> None:
        try:
            async with asyncio.timeout(SEND_S):
                await link.close(code)
        except (
            OSError,
            RuntimeError,
        ) as error:  # TimeoutError among them: the server's own pings end the socket
            logger.info("the socket of agent %s could not be closed: %s", link.agent, error)

    async def _announce_presence(self, link: AgentLink) -> None:
        await self._quietly(self.redis.set(presence_key(link.agent), str(self.id), ex=PRESENCE_S))

    async def _quietly(self, call: Awaitable[object]) -> None:
        """Presence is for display: without Redis the hub goes on."""
        try:
            await call
        except redis.RedisError as error:
            logger.warning("presence not written: %s", error)


def channel_of_all_agents() -> str:
    """The pattern of every agent's news channel."""
    return channel_of(uuid.UUID(int=0)).removesuffix(str(uuid.UUID(int=0))) + "*"


_hubs: dict[asyncio.AbstractEventLoop, tuple[Hub, asyncio.Task[None]]] = {}


def hub() -> Hub:
    """The hub of the running event loop; begun by the first socket."""
    loop = asyncio.get_running_loop()
    known = _hubs.get(loop)
    if known is not None and not known[1].done():
        return known[0]
    for old in [old for old in _hubs if old.is_closed()]:
        del _hubs[old]
    made = Hub()
    _hubs[loop] = (made, loop.create_task(made.run()))
    return made
