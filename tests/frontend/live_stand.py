"""A live stand: an agent's sealed fragments made in real time, handed to one viewer after the other as the hub does."""

from __future__ import annotations

import asyncio
import json
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction

import av
from websockets.asyncio.server import ServerConnection, serve

from edge_agent.mp4 import Sample, fragment_head, init_segment
from protocol.viewer import keys_frame, status_frame
from sealing.cose import Ed25519Signer
from sealing.ids import EnvelopePurpose, Rendition, Stream, box_kid
from sealing.keys import EnvelopeInfo, LiveScope, PeriodKey, Release, seal_envelope
from sealing.live import LivePublisher, Publish
from tests.edge_agent.footage import lengths, video_track
from tests.frontend.pictures import FPS, HEIGHT, TICK, WIDTH, picture, tone
from tests.frontend.stand import Stand, now_us

GOP = 2 * FPS


@dataclass
class LiveStand:
    """Faults: `stalled` sends nothing more, `spoil` changes a fragment's bytes, `status` is told instead of pictures."""

    stand: Stand
    sound: bool = False
    stalled: bool = False
    spoil: bool = False
    status: str | None = None
    signer: Ed25519Signer | None = None
    viewers: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)
    _sockets: set[ServerConnection] = field(default_factory=set)
    _joining: dict[ServerConnection, list[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self.publish = Publish(self.stand.tenant.id, self.stand.camera, Stream.MAIN, uuid.uuid4().bytes)
        self.publisher = LivePublisher(self.publish, self.signer or self.stand.agent.signer)
        self.keys = {Rendition.MAIN: PeriodKey.new(), Rendition.AUDIO: PeriodKey.new()}
        self.inits: dict[Rendition, bytes] = {}
        self.burst: list[bytes] = []
        self.since_proof: list[bytes] = []

    def frame_of_keys(self, ticket: str) -> bytes:
        public, session, account = self.stand.tickets.pop(ticket)
        rows = []
        for rendition, key in self.keys.items():
            info = EnvelopeInfo(
                EnvelopePurpose.RELEASE,
                self.stand.tenant.id,
                LiveScope(self.stand.camera, Stream.MAIN, rendition, self.publish.publish_id),
                key.key_id,
                box_kid(public),
                0,
                Release(session, account, now_us() + 60_000_000),
            )
            rows.append((int(rendition), key.key_id, seal_envelope(info, key.key, public)))
        signer = self.signer or self.stand.agent.signer
        publish = uuid.UUID(bytes=self.publish.publish_id)
        return keys_frame(publish, self.stand.camera, 1, self.stand.agent.id, signer.public_key, rows)

    def send(self, message: bytes) -> None:
        if self.stalled:
            return
        for waiting in self._joining.values():
            waiting.append(message)
        for socket in self._sockets:
            asyncio.get_running_loop().create_task(_quietly(socket, message))

    def fragment(self, rendition: Rendition, capture_us: int, sync: bool, data: bytes) -> None:
        message = self.publisher.fragment(rendition, capture_us, sync, data)
        if sync and rendition is Rendition.MAIN:
            self.burst = list(self.since_proof)
        self.burst.append(message)
        self.since_proof.append(message)
        self.begun.set()
        if self.spoil and rendition is Rendition.MAIN:
            message = message[:-40] + bytes([message[-40] ^ 1]) + message[-39:]
        self.send(message)

    async def pictures(self) -> None:
        """Codes and sends in real time, two pictures to a fragment."""
        context = av.CodecContext.create("libx264", "w")
        context.width, context.height, context.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        context.time_base, context.framerate, context.gop_size = Fraction(1, 90_000), Fraction(FPS, 1), GOP
        context.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "x264-params": "log-level=none:scenecut=0",
        }
        sound = tone(600, "alaw") if self.sound else None
        group: list[Sample] = []
        first_us, number, heard, began = 0, 0, 0, time.monotonic()
        while True:
            await asyncio.sleep(max(0, began + number / FPS - time.monotonic()))
            capture_us = now_us()
            ms = round((capture_us - self.stand.start_us) / 1000)
            frame = av.VideoFrame.from_ndarray(picture(ms, number % 200), format="rgb24")
            frame.pts, frame.time_base = number * TICK, context.time_base
            for packet in context.encode(frame):
                if number == 0:
                    track = video_track("h264", bytes(packet))
                    self.codec, self.init = track.codec_string, init_segment(track)
                    self._announce(Rendition.MAIN, self.codec, self.init)
                    if sound:
                        self._announce(Rendition.AUDIO, sound.codec, sound.init)
                if not group:
                    first_us = capture_us
                group.append(
                    Sample(lengths(bytes(packet)), 90_000 + number * TICK, TICK, 0, packet.is_keyframe)
                )
            number += 1
            if len(group) == 2:
                data = fragment_head(number, group) + b"".join(bytes(sample.data) for sample in group)
                self.fragment(Rendition.MAIN, first_us, group[0].sync, data)
                while sound and sound.pieces[heard].decode_time / 8000 < group[-1].decode_time / 90_000 + 0.1:
                    self.fragment(Rendition.AUDIO, first_us, True, sound.pieces[heard].data)
                    heard += 1
                group = []
            if number % FPS == 0:
                proof = self.publisher.proof(now_us())
                self.burst.append(proof)
                self.since_proof = [proof]
                self.send(proof)

    def _announce(self, rendition: Rendition, codec: str, init: bytes) -> None:
        message = self.publisher.init(rendition, self.keys[rendition], codec, init)
        self.inits[rendition] = message
        self.since_proof.append(message)
        self.send(message)

    async def watch(self, socket: ServerConnection) -> None:
        ticket = json.loads(await socket.recv())["ticket"]
        self.viewers += 1
        if self.status:
            await socket.send(status_frame(self.status))
        else:
            await socket.send(self.frame_of_keys(ticket))
            # The burst itself begins with the inits while they are younger than the last proof.
            late = not self.burst or self.burst[0][:2] == b"\x84\x03"
            for message in [*(self.inits.values() if late else ()), *self.burst]:
                await socket.send(message)
            self._sockets.add(socket)
        try:
            await socket.wait_closed()
        finally:
            self._sockets.discard(socket)

    async def _join(self, socket: ServerConnection) -> None:
        """The burst, and then everything from there on: nothing twice, nothing left out."""
        late = self.burst[0][:2] == b"\x84\x03"
        waiting = self._joining[socket] = [*(self.inits.values() if late else ()), *self.burst]
        try:
            while waiting:
                await socket.send(waiting.pop(0))
        finally:
            del self._joining[socket]
        self._sockets.add(socket)

    def drop_viewers(self) -> None:
        """Closes every viewer's socket, as a hub that goes away does."""
        for socket in list(self._sockets):
            asyncio.run_coroutine_threadsafe(socket.close(), self.loop)

    def end_viewers(self, status: str, detail: str) -> None:
        """Tells every viewer why nothing more is shown, and closes, as the hub does when rights or hours end."""

        async def end(socket: ServerConnection) -> None:
            await socket.send(status_frame(status, detail))
            await socket.close(4403)

        for socket in list(self._sockets):
            self._sockets.discard(socket)
            asyncio.run_coroutine_threadsafe(end(socket), self.loop)

    async def _serve(self, started: threading.Event) -> None:
        self.loop = asyncio.get_running_loop()
        async with serve(self.watch, "127.0.0.1", 0, compression=None) as server:
            port = next(iter(server.sockets)).getsockname()[1]
            self.stand.live_url = f"ws://127.0.0.1:{port}/live"
            self.work = asyncio.create_task(self.pictures())
            started.set()
            try:
                await self.work
            except asyncio.CancelledError:
                return


async def _quietly(socket: ServerConnection, message: bytes) -> None:
    from websockets.exceptions import ConnectionClosed

    try:
        await socket.send(message)
    except ConnectionClosed:
        return


@contextmanager
def live(stand: LiveStand) -> Iterator[LiveStand]:
    """Runs the live stand in a thread of its own."""
    started = threading.Event()
    thread = threading.Thread(target=lambda: asyncio.run(stand._serve(started)), daemon=True)
    thread.start()
    assert started.wait(20)
    try:
        yield stand
    finally:
        stand.loop.call_soon_threadsafe(stand.work.cancel)
        thread.join(10)
