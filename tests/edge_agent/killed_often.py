"""Run as a program: an enrolled box that records and uploads, killed with SIGKILL at random instants, again and again.

`python -m tests.edge_agent.killed_often STATE CAMERA KILLS SEED`. Each life is a fork of this process that takes up the
spool as it is, records a segment and a half, sends what it can to its portal, and dies at the N-th call of a function of the
agent or of sealing, in whatever thread that is. N is drawn anew for every life. Prints how many lives ended by a kill.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sys
import threading
import uuid
from pathlib import Path
from types import FrameType
from typing import Any

from edge_agent import upload
from edge_agent.capture.source import AccessUnit, TrackChanged
from edge_agent.cloud import Cloud
from edge_agent.identity import Identity
from edge_agent.keys import PeriodKeys
from edge_agent.orders import Orders
from edge_agent.run import SPOOL
from edge_agent.salvage import salvage
from edge_agent.seal import Identity as Sealing
from edge_agent.seal import StreamChain
from edge_agent.segmenter import Segmenter, main_limits
from edge_agent.spool import Spool
from edge_agent.upload import Uploader
from sealing.ids import GapReason, Stream
from tests.edge_agent.filled import SEGMENT_S, Sink, recent_clock
from tests.edge_agent.footage import h264_units

FPS = 5
SEGMENTS = 1.5
CALLS = 6000
"""About as many as a life has that is not cut short."""
_COUNTED = (f"{os.sep}edge_agent{os.sep}", f"{os.sep}sealing{os.sep}")


class Fuse:
    """Kills this process at the N-th counted call."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def light(self) -> None:
        threading.setprofile(self._seen)
        sys.setprofile(self._seen)

    def _seen(self, frame: FrameType, event: str, _: Any) -> None:
        name = frame.f_code.co_filename
        if event != "call" or "tests" in name or not any(part in name for part in _COUNTED):
            return
        self._left -= 1
        if self._left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


def live(state: Path, camera: uuid.UUID, footage: tuple[TrackChanged, list[AccessUnit]], calls: int) -> None:
    """One life: take up the spool, record, upload."""
    Fuse(calls).light()
    identity = Identity.load(state)
    orders = Orders.load(identity)
    spool = Spool(state / SPOOL, budget_bytes=10**9, floor_bytes=0)
    sealing = Sealing(identity.tenant, identity.agent, identity.record, "test")
    periods = PeriodKeys(spool, identity.tenant, identity.keys.wrapping_key())
    periods.follow(orders.trust)
    clock = recent_clock(0)
    salvage(spool, clock, sealing, periods)
    covered_us = spool.covered_until(camera, Stream.MAIN)
    if covered_us is not None:
        clock.wall_offset_us = covered_us + 1_000_000 - clock.ns // 1000
    chain = StreamChain(spool, clock, sealing, camera, Stream.MAIN)
    chain.open()
    segmenter = Segmenter(Sink(spool, clock, sealing, periods, chain), clock, main_limits(SEGMENT_S))
    segmenter.resume_after(covered_us, GapReason.AGENT_CRASHED)
    change, units = footage
    segmenter.handle(change)
    for unit in units:
        clock.ns = max(clock.ns, unit.arrival_ns)
        segmenter.handle(unit)
    segmenter.stop()
    asyncio.run(send(identity, orders, spool, clock, sealing))
    spool.close()


async def send(identity: Identity, orders: Orders, spool: Spool, clock: Any, sealing: Sealing) -> None:
    """Post and upload until nothing is left to say."""
    async with Cloud(identity) as cloud:
        uploader = Uploader(spool, cloud, clock, sealing, orders)
        for _ in range(4):
            await uploader._post_once()
            while (item := uploader._take_object()) is not None:
                await uploader._put(item)
                uploader._in_flight.discard(item.segment)
            uploader._uploaded_s = -upload._REPORT_AFTER_S


def main(state: Path, camera: uuid.UUID, kills: int, seed: int) -> int:
    chance = random.Random(seed)
    footage = h264_units(
        recent_clock(0), frames=int(FPS * SEGMENT_S * SEGMENTS), fps=FPS, gop=FPS, noise=True
    )
    os.environ["SSL_CERT_FILE"] = os.devnull  # no certificates to read anew in each life
    killed = 0
    while killed < kills:
        calls = chance.randrange(1, CALLS)  # here, not in the child: each of those has the same chance
        child = os.fork()
        if child == 0:
            failed = 1
            try:
                live(state, camera, footage, calls)
                failed = 0
            finally:
                if failed:
                    sys.excepthook(*sys.exc_info())
                os._exit(failed)
        _, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            killed += 1
        elif os.waitstatus_to_exitcode(status) != 0:
            return 1
    print(killed)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(Path(sys.argv[1]), uuid.UUID(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])))
