"""A spool that holds sealed footage before the agent starts, as hours without a portal leave it."""

from __future__ import annotations

import uuid
from pathlib import Path

from edge_agent.capture.source import TrackChanged
from edge_agent.clock import SystemClock
from edge_agent.identity import Identity
from edge_agent.keys import PeriodKeys
from edge_agent.orders import Orders
from edge_agent.run import SPOOL
from edge_agent.seal import Identity as Sealing
from edge_agent.seal import SegmentSealer, StreamChain
from edge_agent.segmenter import Segmenter, main_limits
from edge_agent.spool import Spool
from sealing.ids import Stream
from tests.edge_agent.box import Box
from tests.edge_agent.footage import StandClock, h264_units

SEGMENT_S = 2


class Sink(SegmentSealer):
    """A sealer without live view."""

    def live(self, *_: object) -> None:
        return

    def live_tracks(self, *_: object, **__: object) -> None:
        return


def recent_clock(before_s: float) -> StandClock:
    """A clock that stands this many seconds before now."""
    clock = StandClock()
    clock.wall_offset_us = SystemClock().wall_us() - clock.ns // 1000 - int(before_s * 1e6)
    return clock


def record(
    spool: Spool,
    sealing: Sealing,
    periods: PeriodKeys,
    camera: uuid.UUID,
    segments: int,
    *,
    before_s: float = 600.0,
) -> StreamChain:
    """Record so many segments of two seconds into a chain of their own, ending well before now."""
    clock = recent_clock(before_s)
    chain = StreamChain(spool, clock, sealing, camera, Stream.MAIN)
    chain.open()
    segmenter = Segmenter(Sink(spool, clock, sealing, periods, chain), clock, main_limits(SEGMENT_S))
    change, units = h264_units(clock, frames=25 * SEGMENT_S * segments, gop=25)
    assert isinstance(change, TrackChanged)
    segmenter.handle(change)
    for unit in units:
        clock.ns = max(clock.ns, unit.arrival_ns)
        segmenter.handle(unit)
    segmenter.stop()
    return chain


def fill_box(box: Box, segments: int, *, before_s: float = 600.0) -> list[uuid.UUID]:
    """Record into a box's spool; the segments from the oldest on."""
    record(box.spool, box.identity, box.periods, box.camera, segments, before_s=before_s)
    return [segment.segment for segment in box.segments()][-segments:]


def fill(state: Path, camera: uuid.UUID, segments: int, *, before_s: float = 600.0) -> list[uuid.UUID]:
    """Record into the spool of an enrolled box that does not run; the segments from the oldest on."""
    identity = Identity.load(state)
    orders = Orders.load(identity)
    spool = Spool(state / SPOOL, budget_bytes=orders.settings.spool_budget_bytes, floor_bytes=0)
    try:
        periods = PeriodKeys(spool, identity.tenant, identity.keys.wrapping_key())
        periods.follow(orders.trust)
        sealing = Sealing(identity.tenant, identity.agent, identity.record, "test")
        chain = record(spool, sealing, periods, camera, segments, before_s=before_s)
        rows = spool.read(
            "SELECT segment FROM segments WHERE camera = ? ORDER BY start_us DESC LIMIT ?",
            (chain.camera.bytes, segments),
        )
        return [uuid.UUID(bytes=row[0]) for row in reversed(rows)]
    finally:
        spool.close()
