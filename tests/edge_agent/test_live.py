"""Live view from order to opened picture: keys first, sealed, signed, skipped when the uplink is slow, ended when told."""

from __future__ import annotations

import asyncio
import contextlib
import http
import io
import threading
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from itertools import pairwise
from pathlib import Path

import av
import pytest

from edge_agent.capture.source import TrackKind
from edge_agent.clock import SystemClock
from edge_agent.cloud import Cloud
from edge_agent.control import Control
from edge_agent.live import QUEUE_BYTES_MAX, LiveFeed
from edge_agent.mp4 import AudioTrack, Sample, VideoTrack
from edge_agent.orders import Orders
from edge_agent.publishing import Publishing
from protocol.control import (
    CommandPush,
    LiveKeys,
    Ping,
    Pong,
    PostNow,
    PublishEnded,
    PublishRefused,
    PublishStart,
    PublishStop,
    Rekey,
)
from sealing.ids import EnvelopePurpose, Rendition, Stream
from sealing.keys import EnvelopeInfo, LiveScope, PeriodKey, open_envelope
from sealing.live import Ended, LivePlayer, OpenedFragment, OpenedInit, Proven, Publish, parse_message
from tests.edge_agent.enrolled import EnrolledBox, enrolled_box
from tests.edge_agent.footage import encode, lengths, video_track
from tests.edge_agent.hub import Hub, a_moment, until
from tests.edge_agent.tiny_portal import Reply, TinyPortal

GOP = 12
FRAME = 3600
CAPTURE_US = 1_790_000_000_000_000


class Camera:
    """A recorded stream without a recorder: pictures encoded once, fed as the recording thread feeds them."""

    pictures = encode(frames=60, gop=GOP)
    track = video_track("h264", pictures[0][2])

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.feed = LiveFeed()
        self.number = 0

    def begin(self, audio: AudioTrack | None = None, track: VideoTrack | None = None) -> None:
        with self.lock:
            self.feed.tracks(track or self.track, audio, new_run=True)
        self.number = 0

    def show(self, count: int, *, padding: int = 0) -> None:
        """Feed the next pictures; `padding` bytes of filler data make each of them large."""
        for _ in range(count):
            time, sync, data = self.pictures[self.number % len(self.pictures)]
            rounds = self.number // len(self.pictures)
            decode_time = 10 * 90_000 + self.number * FRAME
            body = lengths(data)
            if padding:
                body += (padding + 1).to_bytes(4, "big") + b"\x0c" + b"\xff" * padding
            offset = time + rounds * len(self.pictures) * FRAME - self.number * FRAME
            self._feed("video", Sample(body, decode_time, FRAME, offset, sync))
            self.number += 1

    def sound(self, count: int) -> None:
        for number in range(count):
            self._feed("audio", Sample(b"\xd5" * 160, 80_000 + number * 160, 160, 0, True))

    def _feed(self, kind: TrackKind, sample: Sample) -> None:
        with self.lock:
            self.feed.sample(kind, sample, CAPTURE_US + self.number * 40_000)

    def lost(self) -> None:
        with self.lock:
            self.feed.offline()


class Viewer:
    """Somebody with the tenant's key who watches one publish."""

    def __init__(self, box: EnrolledBox, order: PublishStart) -> None:
        self.box, self.order = box, order
        self.publish = Publish(box.identity.tenant, order.camera, Stream(order.stream), order.publish.bytes)
        self.player = LivePlayer(self.publish, box.identity.keys.record_public)
        self.tracks: dict[Rendition, bytes] = {}
        self.inits: list[OpenedInit] = []
        self.fragments: list[OpenedFragment] = []
        self.key_ids: list[bytes] = []

    def take_keys(self, keys: LiveKeys) -> None:
        organisation = self.box.organisation
        assert keys.publish == self.order.publish
        for key in keys.keys:
            expected = EnvelopeInfo(
                EnvelopePurpose.LIVE,
                organisation.tenant,
                LiveScope(
                    self.order.camera, self.publish.stream, Rendition(key.rendition), self.publish.publish_id
                ),
                key.key_id,
                organisation.recipient.kid,
                organisation.recipient.epoch,
            )
            secret = open_envelope(key.envelope, expected, organisation.recipient_private.private_bytes_raw())
            opened = PeriodKey(key.key_id, secret)
            opened.check(key.commitment)
            self.player.add_key(opened)
            self.key_ids.append(key.key_id)

    def take(self, message: bytes) -> OpenedInit | OpenedFragment | Proven | Ended:
        took = self.player.receive(message)
        if isinstance(took, OpenedInit):
            assert took.data is not None
            self.tracks[took.rendition] = took.data
            self.inits.append(took)
        elif isinstance(took, OpenedFragment):
            assert took.data is not None
            assert took.chained
            self.fragments.append(took)
            self.tracks[took.rendition] += took.data
        return took

    def decoded(self, rendition: Rendition = Rendition.MAIN) -> int:
        """How many pictures of the track decode."""
        with av.open(io.BytesIO(self.tracks[rendition])) as file:
            return len(list(file.decode(video=0)))


class Site:
    """A box with its control socket open to a hub."""

    def __init__(self, box: EnrolledBox, hub: Hub, cloud: Cloud, camera: Camera) -> None:
        self.box, self.hub, self.cloud, self.camera = box, hub, cloud, camera
        self.orders: Orders = box.orders()
        self.id = self.orders.command.cameras[0].camera
        self.sources: dict[tuple[uuid.UUID, Stream], Camera] = {(self.id, Stream.MAIN): camera}
        self.posted = asyncio.Event()
        self.publishing = Publishing(
            box.identity, self.orders, cloud, SystemClock(), lambda *key: self.sources.get(key)
        )
        self.control = Control(cloud, self.orders, self.publishing, self.posted.set)

    def order(self, seconds: float = 60, **changes: object) -> PublishStart:
        expires_us = self.cloud.portal_time_us() + int(seconds * 1e6)
        fields = {"publish": uuid.uuid4(), "camera": self.id, "stream": 1, "expires_us": expires_us}
        return PublishStart(**{**fields, **changes})  # type: ignore[arg-type]

    async def watch(self, order: PublishStart) -> Viewer:
        """Order a publish; give the viewer that holds its keys."""
        viewer = Viewer(self.box, order)
        await self.hub.say(order)
        keys = await self.hub.hears()
        assert isinstance(keys, LiveKeys)
        viewer.take_keys(keys)
        return viewer

    async def receive(self, viewer: Viewer, fragments: int) -> None:
        """Take messages until the viewer has so many fragments."""
        while len(viewer.fragments) < fragments:
            message = await self.hub.receives(viewer.order.publish)
            assert message is not None
            viewer.take(message)

    async def flow(self, viewer: Viewer, condition: Callable[[], object], *, padding: int = 0) -> None:
        """Show picture after picture, and let the viewer take what comes, until the condition holds."""
        queue = self.hub.media.setdefault(viewer.order.publish, asyncio.Queue())
        async with asyncio.timeout(20):
            while not condition():
                self.camera.show(1, padding=padding)
                await a_moment()
                while not queue.empty():
                    message = queue.get_nowait()
                    assert message is not None
                    viewer.take(message)

    async def receive_rest(self, viewer: Viewer) -> Ended | None:
        """Take messages until the media socket is closed; give the end as the agent told it."""
        ended = None
        while (message := await self.hub.receives(viewer.order.publish)) is not None:
            took = viewer.take(message)
            ended = took if isinstance(took, Ended) else ended
        return ended


@pytest.fixture
def portal() -> Iterator[TinyPortal]:
    with TinyPortal().serving() as portal:
        yield portal


@asynccontextmanager
async def running_site(portal: TinyPortal, folder: Path) -> AsyncIterator[Site]:
    async with Hub(portal).serving() as hub:
        box = enrolled_box(folder / "box", portal.url, hub.url, cameras=1)
        portal.accepts(box.identity.keys.transport_public)
        camera = Camera()
        async with Cloud(box.identity) as cloud:
            site = Site(box, hub, cloud, camera)
            work = asyncio.create_task(site.control.run())
            try:
                await until(lambda: site.control.connected)
                yield site
            finally:
                await site.publishing.close()
                work.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await work


@pytest.fixture
async def site(portal: TinyPortal, tmp_path: Path) -> AsyncIterator[Site]:
    async with running_site(portal, tmp_path) as site:
        yield site


# The control socket


async def test_the_control_socket_answers_pings_and_passes_news_on(site: Site) -> None:
    await site.hub.say(Ping(7))
    assert await site.hub.hears() == Pong(7)
    await site.hub.say(PostNow())
    async with asyncio.timeout(5):
        await site.posted.wait()
    command = site.box.organisation.command(2)
    await site.hub.say(CommandPush(command))
    await until(lambda: site.orders.command_number == 2)
    assert site.hub.extensions == []


async def test_nonsense_on_the_control_socket_is_ignored(site: Site) -> None:
    assert site.hub.control is not None
    await site.hub.control.send(b"\xff\xff")
    await site.hub.control.send(b"\x81\x18\x63")
    await site.hub.control.send("text")
    await site.hub.say(CommandPush(b"\xa0"))
    await site.hub.say(Ping(1))
    assert await site.hub.hears() == Pong(1)
    assert site.orders.command_number == 1


async def test_the_control_socket_is_opened_again_and_the_keys_in_use_are_told_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.control.Patience.after", lambda *_: 0.05)
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    assert site.hub.control is not None
    site.hub.refuse_next = http.HTTPStatus.SERVICE_UNAVAILABLE
    await site.hub.control.close()
    again = await site.hub.hears()
    assert isinstance(again, LiveKeys)
    assert [key.key_id for key in again.keys] == viewer.key_ids
    assert site.hub.opened == 2


async def test_a_used_nonce_costs_one_more_handshake_and_nothing_else(site: Site) -> None:
    site.cloud.keep_nonce({"VSaaS-Nonce": "used-long-ago"})
    site.camera.begin()
    site.camera.show(13)
    await site.watch(site.order())
    await until(lambda: site.hub.media)


# Publishing


async def test_a_viewer_opens_verified_pictures_from_the_key_frame_on(site: Site) -> None:
    site.camera.begin()
    site.camera.show(GOP + 5)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    site.camera.show(10)
    await site.receive(viewer, 4)
    assert viewer.fragments[0].sync
    assert viewer.player.proven_through is not None
    await site.hub.say(PublishStop(viewer.order.publish))
    ended = await site.receive_rest(viewer)
    assert ended == Ended("stopped")
    assert await site.hub.hears() == PublishEnded(viewer.order.publish, "stopped")
    assert viewer.decoded() == 5 + 10
    assert viewer.player.proven_through == viewer.fragments[-1].counter
    first = viewer.fragments[0]
    assert first.capture_us == CAPTURE_US + GOP * 40_000


async def test_live_fragments_are_short(site: Site) -> None:
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    site.camera.show(30)
    await site.receive(viewer, 11)
    times = [fragment.capture_us for fragment in viewer.fragments[1:]]
    steps = {after - before for before, after in pairwise(times)}
    assert steps <= {40_000, 80_000, 120_000}


async def test_nothing_is_sealed_while_nobody_watches(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def sealed(*_: object) -> None:
        raise AssertionError("sealed although nobody watches")

    with monkeypatch.context() as patched:
        patched.setattr("sealing.live.seal_part", sealed)
        site.camera.begin()
        site.camera.show(40)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    await site.hub.say(PublishStop(viewer.order.publish))
    await site.receive_rest(viewer)
    monkeypatch.setattr("sealing.live.seal_part", sealed)
    site.camera.show(40)


async def test_sound_has_a_key_and_a_track_of_its_own(site: Site) -> None:
    site.camera.begin(AudioTrack("alaw", 8000, 1))
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    site.camera.sound(12)
    site.camera.show(12)
    while Rendition.AUDIO not in {fragment.rendition for fragment in viewer.fragments}:
        await site.receive(viewer, len(viewer.fragments) + 1)
    assert len(set(viewer.key_ids)) == 2
    assert b"alaw" in viewer.tracks[Rendition.AUDIO]


async def test_a_rekey_changes_keys_which_are_told_first(site: Site) -> None:
    site.camera.begin()
    site.camera.show(5)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    first_keys = set(viewer.key_ids)
    await site.hub.say(Rekey(viewer.order.publish))
    keys = await site.hub.hears()
    assert isinstance(keys, LiveKeys)
    assert first_keys.isdisjoint(key.key_id for key in keys.keys)
    viewer.take_keys(keys)
    before = len(viewer.inits)
    await site.flow(viewer, lambda: len(viewer.inits) > before)
    await site.flow(viewer, lambda: viewer.player.proven_through == viewer.fragments[-1].counter)


async def test_who_has_only_the_old_keys_opens_nothing_after_a_rekey(site: Site) -> None:
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    withdrawn = viewer.player
    await site.hub.say(Rekey(viewer.order.publish))
    keys = await site.hub.hears()
    assert isinstance(keys, LiveKeys)
    opened: list[bytes | None] = []
    async with asyncio.timeout(20):
        while not opened:
            site.camera.show(1)
            await a_moment()
            queue = site.hub.media[viewer.order.publish]
            while not queue.empty():
                took = withdrawn.receive(queue.get_nowait() or b"")
                if isinstance(took, OpenedInit) and took.rendition is Rendition.MAIN:
                    opened.append(took.data)
    assert opened == [None]


async def test_keys_are_renewed_before_they_are_five_minutes_old(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.publishing._REKEY_AGE_S", 0.3)
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    keys = await site.hub.hears()
    assert isinstance(keys, LiveKeys)
    assert set(viewer.key_ids).isdisjoint(key.key_id for key in keys.keys)


async def test_without_a_control_socket_a_withdrawal_ends_the_publish(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys that cannot be told must not be used, and the old ones no longer either."""
    monkeypatch.setattr("edge_agent.control.Patience.after", lambda *_: 60.0)
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    assert site.hub.control is not None
    await site.hub.control.close()
    await until(lambda: not site.control.connected)
    site.publishing.rekey(viewer.order.publish)
    assert await site.receive_rest(viewer) == Ended("control-lost")


async def test_a_group_larger_than_the_queue_is_sent_whole(site: Site) -> None:
    site.camera.begin()
    site.camera.show(GOP - 2, padding=400_000)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    await site.flow(viewer, lambda: len(viewer.fragments) > 3)
    assert sum(len(fragment.data or b"") for fragment in viewer.fragments) > 2 * QUEUE_BYTES_MAX
    assert viewer.fragments[0].capture_us == CAPTURE_US
    running = site.publishing._running[viewer.order.publish]
    assert running.publisher is not None
    assert running.publisher.skipped_groups == 0


async def test_a_slow_uplink_skips_to_a_key_frame_and_the_chain_stays_whole(site: Site) -> None:
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    site.hub.reading.clear()
    running = site.publishing._running[viewer.order.publish]
    for _ in range(200):
        site.camera.show(GOP, padding=60_000)
        await asyncio.sleep(0)
        if running.publisher is not None and running.publisher.skipped_groups:
            break
    assert running.publisher is not None
    assert running.publisher.skipped_groups == 1
    site.camera.show(2 * GOP, padding=60_000)
    site.hub.reading.set()
    before = len(viewer.fragments)
    shown_us = CAPTURE_US + site.camera.number * 40_000
    await site.flow(viewer, lambda: viewer.fragments[-1].capture_us > shown_us)
    steps = [
        (earlier, later)
        for earlier, later in pairwise(viewer.fragments[before - 1 :])
        if later.capture_us - earlier.capture_us > 200_000
    ]
    assert steps
    assert all(later.sync for _, later in steps)
    assert all(later.counter == earlier.counter + 1 for earlier, later in steps)


async def test_a_publish_ends_by_itself_though_this_boxs_clock_is_an_hour_wrong(
    site: Site, portal: TinyPortal
) -> None:
    portal.routes["GET /agent/v1/state"] = lambda request: Reply(
        200, b"{}", headers={"Date": "Mon, 02 Nov 2026 10:00:00 GMT"}
    )
    await site.cloud.get_json("/agent/v1/state")
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order(seconds=1.0))
    assert await site.receive_rest(viewer) == Ended("expired")
    assert await site.hub.hears() == PublishEnded(viewer.order.publish, "expired")


async def test_an_order_given_again_lets_a_publish_last_longer(site: Site) -> None:
    site.camera.begin()
    site.camera.show(1)
    order = site.order(seconds=1.0)
    viewer = await site.watch(order)
    longer = PublishStart(order.publish, order.camera, order.stream, order.expires_us + 60_000_000)
    await site.hub.say(longer)
    await site.hub.say(Ping(1))
    assert await site.hub.hears() == Pong(1)
    running = site.publishing._running[order.publish]
    assert running.expires_s - asyncio.get_running_loop().time() > 55
    await site.receive(viewer, 1)


async def test_a_camera_that_is_gone_ends_the_publish(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge_agent.publishing._OFFLINE_S", 0.2)
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    site.camera.lost()
    assert await site.receive_rest(viewer) == Ended("camera-offline")
    assert await site.hub.hears() == PublishEnded(viewer.order.publish, "camera-offline")


async def test_a_camera_that_comes_back_goes_on_in_the_same_publish(site: Site) -> None:
    site.camera.begin()
    site.camera.show(3)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    site.camera.lost()
    site.camera.begin()
    site.camera.show(8)
    await site.receive(viewer, 3)
    assert viewer.fragments[1].sync


async def test_a_publish_moves_to_the_recorder_that_newer_orders_started(site: Site) -> None:
    site.camera.begin()
    site.camera.show(3)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    successor = Camera()
    site.sources[site.id, Stream.MAIN] = successor
    successor.begin()
    successor.show(8)
    await site.receive(viewer, 2)
    assert viewer.fragments[1].sync
    assert site.camera.feed._publishers == []
    await site.hub.say(PublishStop(viewer.order.publish))
    assert await site.receive_rest(viewer) == Ended("stopped")
    assert successor.feed._publishers == []


async def test_what_cannot_be_published_is_refused_with_its_reason(site: Site) -> None:
    async def asks(**changes: object) -> str:
        order = site.order(**changes)  # type: ignore[arg-type]
        await site.hub.say(order)
        answer = await site.hub.hears()
        assert isinstance(answer, PublishRefused)
        assert answer.publish == order.publish
        return answer.reason

    assert await asks(camera=uuid.uuid4()) == "unknown-camera"
    assert await asks(stream=2) == "no-stream"
    assert await asks(stream=9) == "no-stream"
    assert await asks() == "camera-offline"
    organisation, keys = site.box.organisation, site.box.identity.keys
    disabled = organisation.camera(keys.box_public, camera=site.id, enabled=False)
    site.orders.offer_command(organisation.command(2, (disabled,)))
    assert await asks() == "disabled"


async def test_a_lost_media_socket_ends_the_publish_and_recording_goes_on(site: Site) -> None:
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)
    site.hub.refuse_next = http.HTTPStatus.FORBIDDEN
    other = await site.watch(site.order())
    assert await site.hub.hears() == PublishEnded(other.order.publish, "uplink-lost")
    await site.hub.say(PublishStop(viewer.order.publish))
    await site.receive_rest(viewer)
    site.camera.show(40)


async def test_a_publish_that_fails_ends_alone(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    site.camera.begin()
    site.camera.show(1)
    viewer = await site.watch(site.order())
    await site.receive(viewer, 1)

    def fail(*_: object) -> None:
        raise ValueError("as the test wants")

    running = site.publishing._running[viewer.order.publish]
    assert running.publisher is not None
    monkeypatch.setattr(running.publisher, "sample", fail)
    site.camera.show(3)
    assert await site.hub.hears() == PublishEnded(viewer.order.publish, "failed")
    site.camera.show(3)


async def test_the_hub_reads_the_messages_as_the_format_lays_down(site: Site) -> None:
    site.camera.begin()
    site.camera.show(GOP)
    viewer = await site.watch(site.order())
    kinds = []
    while "ProofMessage" not in kinds:
        message = await site.hub.receives(viewer.order.publish)
        assert message is not None
        kinds.append(type(parse_message(message)).__name__)
    assert kinds[0] == "InitMessage"
