"""Live view: what the hub costs per viewer, beside the least a relay can do (`tests.bench.relay`).

One agent's 4 Mbit/s stream goes through the hub and through the relay at the same time, to as many viewers each; CPU
time is the kernel's own account of both processes over the same seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tests.bench.apart import databases, rows_of
from tests.bench.row import Row

if TYPE_CHECKING:
    from tests.live.studio import Broadcast, Browser, Place

ROOT = Path(__file__).resolve().parent.parent.parent
VIEWERS = 200
DEAF = 10
SETTLE_S = 3.0
ONE_S = 12.0
ALL_S = 20.0
FRAMES_PER_S = 25
GROUP_S = 2
FRAMES_PER_FRAGMENT = 3  # the agent's 0.12 s
BITS_PER_S = 4_000_000
KEY_FRAME_OF_GROUP = 0.14
MEGABIT = 1_000_000


def rows() -> list[Row]:
    """Measures in a process of its own, which starts the services it needs and ends them."""
    return rows_of("tests.bench.bench_live")


def fragment_sizes() -> list[tuple[bool, int]]:
    """(key frame, bytes) of the fragments of one group of pictures."""
    frames = FRAMES_PER_S * GROUP_S
    group_bytes = BITS_PER_S * GROUP_S // 8
    key_frame = int(group_bytes * KEY_FRAME_OF_GROUP)
    other = (group_bytes - key_frame) // (frames - 1)
    counts = [min(FRAMES_PER_FRAGMENT, frames - at) for at in range(0, frames, FRAMES_PER_FRAGMENT)]
    return [
        (at == 0, count * other + (key_frame - other if at == 0 else 0)) for at, count in enumerate(counts)
    ]


@dataclass(frozen=True)
class Account:
    """A process at one instant: nanoseconds on a core since its start, resident bytes."""

    cpu_ns: int
    resident: int

    @staticmethod
    def of(pid: int) -> Account:
        threads = Path(f"/proc/{pid}/task").glob("*/schedstat")
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
        cpu_ns = sum(int(path.read_text().split()[0]) for path in threads)
        return Account(cpu_ns, pages * os.sysconf("SC_PAGE_SIZE"))


class Crowd:
    """The process of all viewers (`tests.bench.readers`)."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.readers"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def ask(self, **command: Any) -> dict[str, list[float]]:
        """[open sockets, bytes received] of each kind and how late fragments came, after the command."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError("the process of the viewers ended; its error stands above")
        found: dict[str, list[float]] = json.loads(answer)
        return found

    def end(self) -> None:
        self.process.communicate()


@dataclass(frozen=True)
class Sample:
    """What one stretch of time cost. Bytes are those received by the viewers."""

    seconds: float
    hub_ns: int
    relay_ns: int
    hub_bytes: int
    relay_bytes: int
    hub_resident: int
    late_ms: list[float]


@dataclass
class Stage:
    """Everything that runs: hub and relay by process number, the viewers, who signs in for them."""

    hub: int
    relay: int
    relay_readers: int
    crowd: Crowd
    alice: Browser
    place: Place
    viewers: int = 0
    ahead: bytes = field(default_factory=lambda: os.urandom(1 << 20))

    async def admit(self, count: int, *, deaf: bool = False) -> None:
        """So many more viewers on both sides; of the hub alone, where they are `deaf`: such a one never reads."""
        from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

        from tests.live.studio import apart

        for _ in range(count):
            public = X25519PrivateKey.generate().public_key().public_bytes_raw()
            reply = await apart(self.alice.ask, self.place.camera.id, public)
            assert reply.status_code == 200, reply.content
            ticket, hub = reply.json()["ticket"], urlsplit(reply.json()["url"])
            await asyncio.to_thread(
                self.crowd.ask,
                host=hub.hostname,
                port=hub.port,
                origin=_origin(),
                **({"deaf": ticket} if deaf else {"live": ticket, "plain": self.relay_readers}),
            )
            self.viewers += not deaf

    async def watch(self, seconds: float) -> Sample:
        """What the next seconds cost, once things have settled."""
        await asyncio.sleep(SETTLE_S)
        began, before = time.monotonic(), (Account.of(self.hub), Account.of(self.relay))
        heard = await asyncio.to_thread(self.crowd.ask)
        await asyncio.sleep(seconds)
        after, heard_after = (
            (Account.of(self.hub), Account.of(self.relay)),
            await asyncio.to_thread(self.crowd.ask),
        )
        elapsed = time.monotonic() - began
        late_ms = heard_after.pop("late_ms")
        for kind, (opened, _) in heard_after.items():
            assert opened == self.viewers, f"{kind}: {opened} of {self.viewers} viewers are left"
        return Sample(
            elapsed,
            *(new.cpu_ns - old.cpu_ns for old, new in zip(before, after, strict=True)),
            *(int(heard_after[kind][1] - heard[kind][1]) for kind in ("live", "plain")),
            hub_resident=after[0].resident,
            late_ms=late_ms,
        )


def _origin() -> str:
    from tests.live.studio import portal_origin

    return portal_origin()


async def _feed(stage: Stage, broadcast: Broadcast, writer: asyncio.StreamWriter) -> None:
    """The stream, in real time, as an agent cuts it; the same messages to hub and relay, a proof each second."""
    from sealing.ids import Rendition

    async def send(message: bytes) -> None:
        writer.write(len(message).to_bytes(4, "big") + message)
        await broadcast.media.send(message)
        await writer.drain()

    due, proven = time.monotonic(), time.monotonic()
    while True:
        for key_frame, size in fragment_sizes():
            broadcast.capture_us = time.time_ns() // 1000
            await send(
                broadcast.sealer.fragment(Rendition.MAIN, broadcast.capture_us, key_frame, stage.ahead[:size])
            )
            if time.monotonic() - proven >= 1:
                proven += 1
                await send(broadcast.sealer.proof(broadcast.capture_us))
            due += GROUP_S / len(fragment_sizes())
            await asyncio.sleep(max(0.0, due - time.monotonic()))


async def _measure(hub: int, relay: int, ports: tuple[int, int]) -> tuple[Sample, Sample, Sample]:
    """The hub with one viewer, with all, and with some more that never read."""
    from tests import cast
    from tests.live.studio import apart, browser, make_place, recorder

    place = await apart(lambda: make_place(cast.make_cast()))
    crowd = Crowd()
    try:
        stage = Stage(hub, relay, ports[1], crowd, await browser(place.cast.alice), place)
        _, writer = await asyncio.open_connection("127.0.0.1", ports[0])
        async with recorder(place) as agent, asyncio.TaskGroup() as tasks:
            await stage.admit(1)
            feeding = tasks.create_task(_feed(stage, await agent.publish(), writer))
            one = await stage.watch(ONE_S)
            await stage.admit(VIEWERS - 1)
            everybody = await stage.watch(ALL_S)
            await stage.admit(DEAF, deaf=True)
            beside_deaf = await stage.watch(ONE_S)
            feeding.cancel()
        writer.close()
        return one, everybody, beside_deaf
    finally:
        crowd.end()


@contextmanager
def _relay() -> Iterator[tuple[int, tuple[int, int]]]:
    """The relay's process number and its ports: source, readers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.bench.relay"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        source, readers = process.stdout.readline().split()
        yield process.pid, (int(source), int(readers))
    finally:
        process.terminate()
        process.wait(10)


def _shown(one: Sample, everybody: Sample, beside_deaf: Sample) -> list[dict[str, Any]]:
    """The rows."""
    hub, relay = (
        cpu_ns / (received * 8 / MEGABIT)
        for cpu_ns, received in (
            (everybody.hub_ns, everybody.hub_bytes),
            (everybody.relay_ns, everybody.relay_bytes),
        )
    )
    extra = (everybody.hub_ns / everybody.seconds - one.hub_ns / one.seconds) / (VIEWERS - 1)
    extra_relay = (everybody.relay_ns / everybody.seconds - one.relay_ns / one.seconds) / (VIEWERS - 1)
    against = f"raw epoll relay, {VIEWERS} viewers of the same 4 Mbit/s each, same time"
    grown = (everybody.hub_resident - one.hub_resident) / (VIEWERS - 1)
    others = "an MSE restreamer 0.15, an LL-HLS server 0.09, the leanest WebSocket one 0.05"
    return [
        {
            "name": "live: hub's CPU beside a raw relay",
            "value": hub / relay,
            "unit": "×",
            "against": against,
            "target": 3.5,
        },
        {"name": "live: hub's CPU per viewer-megabit", "value": hub / 1e6, "unit": "ms"},
        {"name": "live: relay's CPU per viewer-megabit", "value": relay / 1e6, "unit": "ms"},
        {
            "name": "live: hub, each further 4 Mbit/s viewer",
            "value": extra / 1e7,
            "unit": "% of a core",
            "against": f"{others}; the relay here {extra_relay / 1e7:.2g}",
        },
        {"name": "live: hub's memory per viewer", "value": grown / 1e6, "unit": "MB"},
        {
            "name": "live: hub's memory for one viewer that never reads",
            "value": (beside_deaf.hub_resident - everybody.hub_resident) / DEAF / 1e6,
            "unit": "MB",
            "against": f"{DEAF} of them beside {VIEWERS} that read, after {SETTLE_S + ONE_S:.0f} s",
            "target": 2,
        },
        {
            "name": "live: agent's send to viewer's last byte, p99",
            "value": everybody.late_ms[1],
            "unit": "ms",
            "against": f"{VIEWERS} viewers of one 4 Mbit/s stream and {VIEWERS} of the relay; median {everybody.late_ms[0]:.0f}",
            "target": 200,
        },
    ]


def main() -> None:
    """Prints the rows as JSON on the last line."""
    with databases():
        from tests.live_hub import running_hub

        with running_hub() as _, _relay() as (relay, ports):
            samples = asyncio.run(_measure(_hub_pid(), relay, ports))
        print(json.dumps(_shown(*samples)))


def _hub_pid() -> int:
    """The hub is the child of this process that runs the hub's application."""
    children = Path("/proc/self/task").glob("*/children")
    numbers = [int(number) for path in children for number in path.read_text().split()]
    hubs = [
        number for number in numbers if b"vsaas.live.asgi" in Path(f"/proc/{number}/cmdline").read_bytes()
    ]
    assert len(hubs) == 1, hubs
    return hubs[0]


if __name__ == "__main__":
    main()
