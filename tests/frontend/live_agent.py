"""An agent that publishes decodable pictures to the real hub, in real time, to whoever watches."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from websockets.exceptions import ConnectionClosed

from protocol import control
from sealing.ids import Rendition
from sealing.keys import PeriodKey
from tests.frontend.pictures import Coded
from tests.frontend.stand import now_us
from tests.live.studio import Broadcast, Place, Recorder, agent_socket, apart, recorder

BEAT_S = 5


class Moving(Broadcast):
    """A broadcast of one track of coded pictures."""

    async def new_keys(self) -> None:
        rendition = Rendition(self.order.stream)
        key = PeriodKey.new()
        self.keys = {rendition: key}
        row = control.LiveKey(int(rendition), key.key_id, key.commitment, self._envelope(rendition, key))
        await self.recorder.control.send(control.encode(control.LiveKeys(self.order.publish, (row,))))

    async def play(self, picture: Coded) -> None:
        """The track's init, then piece after piece as time passes, with a proof after each."""
        (rendition,) = self.keys
        await self.media.send(self.sealer.init(rendition, self.keys[rendition], picture.codec, picture.init))
        for piece in picture.pieces:
            self.capture_us = now_us()
            await self.media.send(self.sealer.fragment(rendition, self.capture_us, piece.sync, piece.data))
            await self.prove()
            await asyncio.sleep(piece.duration / picture.timescale)


@dataclass
class LiveAgent:
    """`asked`: the streams the hub wanted published, in order (1 main, 2 sub)."""

    place: Place
    picture: Coded
    asked: list[int] = field(default_factory=list)

    async def serve(self, ready: threading.Event) -> None:
        publishing: dict[UUID, asyncio.Task[None]] = {}
        await apart(self._beat)
        beating = asyncio.create_task(self._keep_beating())
        async with recorder(self.place) as one:
            ready.set()
            try:
                while True:
                    order = await one.orders.get()
                    if isinstance(order, control.PublishStart) and order.publish not in publishing:
                        self.asked.append(order.stream)
                        publishing[order.publish] = asyncio.create_task(self._publish(one, order))
                    elif isinstance(order, control.PublishStop) and order.publish in publishing:
                        publishing.pop(order.publish).cancel()
            finally:
                tasks = [beating, *publishing.values()]
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)

    async def _keep_beating(self) -> None:
        """An agent that says nothing for a while counts as offline, and its cameras with it."""
        while True:
            await asyncio.sleep(BEAT_S)
            await apart(self._beat)

    def _beat(self) -> None:
        row: dict[str, object] = {
            "camera": str(self.place.camera.id),
            "stream": 1,
            "state": "recording",
            "codec": "",
        }
        row |= {"since_us": now_us(), "detail": "", "bits_per_s": 0, "frames_per_s": 0}
        assert self.place.box.beat(streams=[row]).status_code in (200, 204)

    async def _publish(self, one: Recorder, order: control.PublishStart) -> None:
        broadcast = Moving(one, order)
        await broadcast.new_keys()
        async with await agent_socket(self.place.box, f"/agent/v1/media/{order.publish}") as media:
            broadcast.media = media
            try:
                await broadcast.play(self.picture)
            except ConnectionClosed:
                return  # nobody watches any more


@contextmanager
def publishing(place: Place, picture: Coded) -> Iterator[LiveAgent]:
    """The agent connected to the hub, in a thread of its own, until the block ends."""
    agent, ready = LiveAgent(place, picture), threading.Event()
    loop = asyncio.new_event_loop()
    task = loop.create_task(agent.serve(ready))

    def run() -> None:
        try:
            loop.run_until_complete(asyncio.gather(task, return_exceptions=True))
        finally:
            loop.close()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert ready.wait(30)
    try:
        yield agent
    finally:
        loop.call_soon_threadsafe(task.cancel)
        thread.join(20)
        assert not thread.is_alive()
