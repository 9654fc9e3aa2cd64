"""Cameras that misbehave on demand: each a port of its own that passes a real camera's stream on, holds it back, breaks it, or is gone."""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final

_PIECE_BYTES: Final = 64 * 1024
_ANSWER_S: Final = 10.0


class Mood(StrEnum):
    """What a camera does."""

    WELL = "well"
    FROZEN = "frozen"
    """Connections stay, nothing comes."""
    AWAY = "away"
    """Nobody listens, connections are cut."""
    BROKEN = "broken"
    """Now and then a piece of the stream is missing in its middle."""


class Relayed:
    """One such camera. Its methods run in the loop that carries all of them."""

    def __init__(self, behind: int, seed: int) -> None:
        """`behind`: port of the real camera on this machine."""
        self.port = 0
        self.mood = Mood.WELL
        self._behind = behind
        self._chance = random.Random(seed)
        self._server: asyncio.Server | None = None
        self._flows = asyncio.Event()
        self._flows.set()
        self._ends: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()

    async def listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, reuse_address=True)
        self.port = self._server.sockets[0].getsockname()[1]

    async def become(self, mood: Mood) -> None:
        """From now on it does that."""
        self.mood = mood
        if mood is Mood.FROZEN:
            self._flows.clear()
        else:
            self._flows.set()
        if mood is Mood.AWAY:
            await self.leave()
        elif self._server is None:
            await self.listen()

    async def leave(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.close()
        for end in list(self._ends):
            end.transport.abort()
        for task in list(self._tasks):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._ends.add(writer)
        inner: asyncio.StreamWriter | None = None
        try:
            answers, inner = await asyncio.open_connection("127.0.0.1", self._behind)
            self._ends.add(inner)
            async with asyncio.TaskGroup() as group:
                group.create_task(self._pass(reader, inner, media=False))
                group.create_task(self._pass(answers, writer, media=True))
        except (ExceptionGroup, OSError, asyncio.CancelledError):
            return  # one side is gone, or the camera goes away: so does the other side
        finally:
            self._tasks.discard(task)
            for end in (writer, inner):
                if end is not None:
                    self._ends.discard(end)
                    end.transport.abort()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, media: bool) -> None:
        while piece := await source.read(_PIECE_BYTES):
            if media:
                await self._flows.wait()
                if self.mood is Mood.BROKEN and len(piece) > 4000 and self._chance.random() < 0.05:
                    at = self._chance.randrange(len(piece) - 100)
                    piece = piece[:at] + piece[at + 100 :]
            sink.write(piece)
            await sink.drain()
        raise ConnectionResetError("one side has closed")


class Cameras:
    """Some such cameras, all behind one loop in a thread. `ports` are theirs."""

    def __init__(self, behind: int, count: int) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cameras", daemon=True)
        self._thread.start()
        self._all = self._run(self._make(behind, count))

    async def _make(self, behind: int, count: int) -> list[Relayed]:
        cameras = [Relayed(behind, number) for number in range(count)]
        for camera in cameras:
            await camera.listen()
        return cameras

    @property
    def ports(self) -> list[int]:
        return [camera.port for camera in self._all]

    def mood(self, number: int) -> Mood:
        return self._all[number].mood

    def become(self, number: int, mood: Mood) -> None:
        """From now on that camera does so."""
        self._run(self._all[number].become(mood))

    def close(self) -> None:
        for camera in self._all:
            self._run(camera.leave())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_ANSWER_S)

    def _run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(_ANSWER_S)


@contextmanager
def misbehaving(behind: int, count: int) -> Iterator[Cameras]:
    """So many cameras in front of the real one that listens at port `behind`."""
    cameras = Cameras(behind, count)
    try:
        yield cameras
    finally:
        cameras.close()
