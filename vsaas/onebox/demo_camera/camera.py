"""The camera: listens, keeps its streams and connections, and carries its faults."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any
from urllib.parse import quote

from vsaas.onebox.demo_camera import messages
from vsaas.onebox.demo_camera.certificate import server_context
from vsaas.onebox.demo_camera.config import DemoCameraConfig
from vsaas.onebox.demo_camera.connection import Connection
from vsaas.onebox.demo_camera.faults import Faults
from vsaas.onebox.demo_camera.stream import Stream

log = logging.getLogger(__name__)

MAX_CONNECTIONS = 64
GOODBYE_SECONDS = 1.0


class DemoCamera:
    """An RTSP camera in this process: `async with DemoCamera(config) as camera: camera.url("main")`.

    `faults`, `url`, `playing`, `refused_logins` and `requests` (a count per RTSP method) may be used from
    any thread; the rest belongs to the event loop.
    """

    def __init__(self, config: DemoCameraConfig | None = None) -> None:
        self.config = config or DemoCameraConfig()
        self.password = self.config.password  # of who connects from now on
        self.faults = Faults(self)
        self.streams = {
            "main": Stream("main", self.config.main, self.config, self.faults),
            "sub": Stream("sub", self.config.sub, self.config, self.faults),
        }
        self.refused_logins = 0
        self.requests: Counter[str] = Counter()
        self._connections: dict[Connection, asyncio.Task[None]] = {}
        self._server: asyncio.Server | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.port = 0

    async def __aenter__(self) -> "DemoCamera":
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Begin to listen. Raises OSError where the address is taken."""
        self._loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(
            self._accept,
            self.config.host,
            self.config.port,
            limit=messages.MAX_HEAD_BYTES,
            ssl=None if self.config.certificate is None else server_context(self.config.certificate),
        )
        self.port = self._server.sockets[0].getsockname()[1]
        log.info("listening on %s port %s", self.config.host, self.port)

    async def stop(self) -> None:
        """Say goodbye to the clients, close everything and wait until it is closed."""
        if self._server is not None:
            self._server.close()
        for connection in list(self._connections):
            connection.say_goodbye()
        if tasks := list(self._connections.values()):
            await asyncio.wait(tasks, timeout=GOODBYE_SECONDS)
        self.abort_connections()
        for stream in self.streams.values():
            await stream.close()
        if self._server is not None:
            await self._server.wait_closed()
            self._server = None

    def url(self, path: str = "main", *, password: str | None = None) -> str:
        """Return the URL of a stream with the credentials in it; `password` replaces the right one."""
        if path not in self.streams:
            raise ValueError(f"there is no stream {path!r}; there are main and sub")
        secret = self.password if password is None else password
        host = f"[{self.config.host}]" if ":" in self.config.host else self.config.host
        account = f"{quote(self.config.username, safe='')}:{quote(secret, safe='')}"
        scheme = "rtsp" if self.config.certificate is None else "rtsps"
        return f"{scheme}://{account}@{host}:{self.port}/{path}"

    def playing(self, path: str = "main") -> int:
        """Return how many clients play a stream."""
        return self.streams[path].playing

    def run_soon(self, action: Callable[..., None], *arguments: Any) -> None:
        """Have the camera's event loop call something, from any thread."""
        if self._loop is None:
            raise RuntimeError("the demo camera is not running: start it first")
        self._loop.call_soon_threadsafe(action, *arguments)

    def streams_of(self, path: str | None) -> list[Stream]:
        """Return the stream of a path, or all of them for None."""
        return list(self.streams.values()) if path is None else [self.streams[path]]

    def change_video(self, path: str | None, **changes: Any) -> None:
        """Encode with other settings from the next picture on."""
        for stream in self.streams_of(path):
            stream.change_video(**changes)

    def change_frame_rate(self, path: str | None, fps: int) -> None:
        """Encode so many pictures a second from the next one on; the bit rate follows."""
        for stream in self.streams_of(path):
            stream.settings = stream.settings.at_frame_rate(fps)

    def abort_connections(self) -> None:
        """Cut every connection at once."""
        for connection in list(self._connections):
            connection.abort()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.faults.connections_refused or len(self._connections) >= MAX_CONNECTIONS:
            writer.transport.abort()
            return
        connection = Connection(self, reader, writer)
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._connections[connection] = task
        task.add_done_callback(lambda task: self._ended(connection, task))

    def _ended(self, connection: Connection, task: asyncio.Task[None]) -> None:
        del self._connections[connection]
        if not task.cancelled() and task.exception() is not None:
            log.error("a connection failed and is cut", exc_info=task.exception())


async def _run_until(stop: asyncio.Event, camera: DemoCamera, ready: Callable[[], None]) -> None:
    async with camera:
        ready()
        await stop.wait()


@contextmanager
def demo_camera_thread(config: DemoCameraConfig | None = None) -> Iterator[DemoCamera]:
    """Run a camera in a thread of its own, for code without an event loop."""
    camera = DemoCamera(config)
    ready = threading.Event()
    failure: list[BaseException] = []
    stop = asyncio.Event()

    def run() -> None:
        try:
            asyncio.run(_run_until(stop, camera, ready.set))
        except OSError as error:
            failure.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="demo-camera", daemon=True)
    thread.start()
    ready.wait()
    if failure:
        thread.join()
        raise failure[0]
    try:
        yield camera
    finally:
        camera.run_soon(stop.set)
        thread.join()
