"""The portal itself for the browser: uvicorn on this worker's databases, the real store, and footage that can be looked at."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from sealing.ids import Rendition, Stream, uuid7
from sealing.segment import SegmentPlace, SegmentWriter
from tests import environment, live_portal
from tests.agent_sim import HOUR_US, AgentSim, Sealed, SimStream
from tests.frontend.pictures import Coded
from tests.live_portal import aside
from vsaas.common.object_store import object_store
from vsaas.footage import stored

T = TypeVar("T")


@dataclass(frozen=True)
class Portal:
    """`url` as the browser sees it."""

    url: str

    def apart(self, work: Callable[..., T], *arguments: Any, **more: Any) -> T:
        """Runs `work` where Django may use its database (`tests.live_portal.aside`)."""
        return aside(partial(work, *arguments, **more))


@contextmanager
def running_portal() -> Iterator[Portal]:
    """Runs the portal until the block ends; the bucket lets its pages fetch."""
    with live_portal.running_portal() as url:
        portal = Portal(url)
        portal.apart(object_store().ensure_bucket, url)
        try:
            yield portal
        finally:
            portal.apart(object_store().ensure_bucket, environment.PUBLIC_URL)


def record_video(
    agent: AgentSim,
    camera: UUID,
    start_us: int,
    picture: Coded,
    *,
    stream: Stream = Stream.MAIN,
    segment_s: float = 4,
) -> list[Sealed]:
    """Seals `picture` from `start_us` on as the agent's footage of a camera, uploaded and confirmed."""
    line = agent.stream(camera, stream)
    items: list[Any] = [line.genesis(start_us)]
    begin = picture.pieces[0].decode_time
    ticks = round(segment_s * picture.timescale)
    end = picture.pieces[-1].decode_time + picture.pieces[-1].duration
    sealed = []
    for at in range(begin, end, ticks):
        pieces = [piece for piece in picture.pieces if at <= piece.decode_time < at + ticks]
        sealed.append(_segment(line, start_us, begin, pieces, picture))
    reply = agent.record(line, [*items, *sealed])
    assert {result.status for result in reply.results} == {0}, reply.results
    agent.store(line, sealed, reply)
    for hour_us in sorted({one.start_us - one.start_us % HOUR_US for one in sealed}):
        stored.confirm_hour(agent.tenant, stored.Hour(camera, int(stream), hour_us), object_store())
    return sealed


def _segment(line: SimStream, start_us: int, begin: int, pieces: list[Any], picture: Coded) -> Sealed:
    scale = picture.timescale
    first, last = pieces[0].decode_time, pieces[-1].decode_time + pieces[-1].duration
    from_us, to_us = (start_us + round((t - begin) / scale * 1e6) for t in (first, last))
    place = SegmentPlace(line.agent.tenant, line.camera, line.stream, uuid7(from_us // 1000))
    writer = SegmentWriter(place)
    video, index = bytearray(), bytearray()
    rendition = Rendition(line.stream)
    part = writer.open_part(
        rendition,
        line._key(rendition, from_us),
        video.extend,
        codec=picture.codec,
        init=picture.init,
        timescale=scale,
    )
    for piece in pieces:
        part.append(piece.data, piece.decode_time, piece.duration, sync=piece.sync, samples=piece.samples)
    finished = writer.finish(index.extend)
    record = line.head.segment(
        line.agent.signer,
        line.stamp(to_us),
        segment=place.segment,
        start_us=from_us,
        end_us=to_us,
        run=line.run,
        size=finished.size,
        crc32c=finished.crc32c,
        parts=finished.parts,
    )
    line._took(record)
    return Sealed(place.segment, from_us, to_us, record, bytes(video + index), finished.index, b"")
