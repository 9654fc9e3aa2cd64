"""One viewer's side of the hub: a bounded queue between what the agent sends and what the browser takes."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from uuid import UUID

from protocol.viewer import status_frame
from tenants.errors import Denied, OutsideHours
from vsaas.common import clock, metrics

QUEUE_BYTES_MOST = 1_500_000
"""What may wait for one viewer beside the burst it began with: about 3 s at 4 Mbit/s."""
KEPT_BYTES_MOST = 1_000_000
"""What is never dropped (keys, status, proofs) may wait beyond that; a viewer that does not take even those is ended."""

Send = Callable[[bytes], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Ticket:
    """What POST /api/v1/live decided, bound to one browser session; the socket adds nothing to it.

    `session_row` is the signed-in session, or `token_row` the access token; `release_session` the 16 bytes bound into
    released keys.
    """

    tenant: UUID
    account: UUID
    session_row: UUID | None
    camera: UUID
    stream: int
    audio: bool
    hpke_public: bytes
    release_session: bytes
    token_row: UUID | None = None


def words_of(refusal: Denied) -> tuple[str, str]:
    """Status and detail by which a viewer is told why nothing is shown."""
    if isinstance(refusal, OutsideHours):
        opens_us = refusal.extra["opens_us"]
        return "outside-hours", "" if opens_us is None else clock.from_us(opens_us).isoformat()
    return "withdrawn", str(refusal)


class Outlet:
    """Queues frames without waiting; `drain` writes them as fast as the browser takes them.

    When more than the bound waits, the fragments queued are dropped, those up to the next key frame are left out, and
    the viewer is told; init messages, proofs and keys are never dropped (SPEC 7). A viewer that does not even take
    those is ended, so memory per viewer is bounded whatever the browser does.
    """

    def __init__(self) -> None:
        self.skipping = False
        self.ended = False
        self.close_code = 1000
        self._queue: deque[tuple[bytes, bool]] = deque()
        self._queued_bytes = 0
        self._bound = QUEUE_BYTES_MOST
        self._wake = asyncio.Event()

    @property
    def queued_bytes(self) -> int:
        return self._queued_bytes

    def start(self, burst: Iterable[bytes]) -> None:
        """Begin with the current group of pictures, which may be larger than the queue's bound."""
        self.skipping = False
        frames = list(burst)
        self._bound = self._queued_bytes + sum(len(frame) for frame in frames) + QUEUE_BYTES_MOST
        for frame in frames:
            self._push(frame, droppable=False)

    def wait_for_group(self) -> None:
        """Nothing to begin with yet: leave out fragments until a key frame comes."""
        self.skipping = True

    def offer(self, frame: bytes, *, fragment: bool, opens: bool) -> None:
        """The publish's next message; `opens`: a key frame of the video, where a viewer can go on."""
        if fragment and self.skipping:
            if not opens:
                metrics.LIVE_DROPPED.inc()
                return
            self.skipping = False
        if fragment and self._queued_bytes + len(frame) > self._bound:
            self._skip()
            return
        self._push(frame, droppable=fragment)

    def tell(self, frame: bytes) -> None:
        """Keys and status: small, never dropped."""
        self._push(frame, droppable=False)

    def end(self, status: str, detail: str = "", *, code: int = 1000) -> None:
        """Say why, then stop; nothing queued before goes out any more."""
        if self.ended:
            return
        self._queue.clear()
        self._queued_bytes = 0
        self.close_code = code
        self._push(status_frame(status, detail), droppable=False)
        self.ended = True

    def _skip(self) -> None:
        kept = [entry for entry in self._queue if not entry[1]]
        metrics.LIVE_DROPPED.inc(len(self._queue) - len(kept) + 1)  # and the one that did not fit
        self._queue = deque(kept)
        self._queued_bytes = sum(len(frame) for frame, _ in kept)
        self.skipping = True
        if self._queued_bytes > self._bound:
            self._give_up()
        else:
            self.tell(status_frame("skipped", "this connection is slower than the camera"))

    def _give_up(self) -> None:
        self.end("ended", "this browser takes nothing any more", code=1008)

    def _push(self, frame: bytes, *, droppable: bool) -> None:
        if self.ended:
            return
        self._queue.append((frame, droppable))
        self._queued_bytes += len(frame)
        self._wake.set()
        if self._queued_bytes > self._bound + KEPT_BYTES_MOST:
            self._give_up()

    async def drain(self, send: Send) -> None:
        """Writes until the viewer has ended; `send` waits while the browser's socket is full."""
        while True:
            while self._queue:
                frame, _ = self._queue.popleft()
                self._queued_bytes -= len(frame)
                await send(frame)
            self._bound = QUEUE_BYTES_MOST
            if self.ended:
                return
            self._wake.clear()
            await self._wake.wait()


class Viewer(Outlet):
    """A browser with its ticket."""

    def __init__(self, ticket: Ticket) -> None:
        super().__init__()
        self.ticket = ticket
        self.since_us = clock.now_us()
