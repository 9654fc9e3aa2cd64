"""What moved where, from the pictures of a stream to the motion part of its segments."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from edge_agent.capture.source import Event, TrackChanged
from edge_agent.chronicle import Chronicle
from edge_agent.errors import SourceFailed
from edge_agent.happenings import Happenings
from edge_agent.recorder import StreamOrder, StreamRecorder
from edge_agent.seeing.maps import KEPT_S, PLACES_BYTES, MotionMaps
from edge_agent.seeing.motion import HEIGHT, WIDTH, MotionWatch
from edge_agent.seeing.watching import Eye, Seeing
from edge_agent.segmenter import main_limits
from protocol.detection import Detection, cells_of
from sealing.ids import GapReason, Rendition, Stream
from sealing.motion import MotionMap, parse_motion
from tests.edge_agent.box import Box
from tests.edge_agent.enrolled import enrolled_box
from tests.edge_agent.test_seeing import moving, track

FPS, STILL = 10, 50
WALKS_IN_ROWS = range(13, 26)
"""Of the picture's 36 places from top to bottom: what walks is as high as pictures 70 to 120 of 180."""
UNITS = moving(STILL + 60, FPS, still=STILL)


class Pictures:
    """A source that gives one stretch of pictures, as fast as a camera does, and then stays quiet until closed."""

    certificate = ""
    hurried = False

    def __init__(self) -> None:
        self._closed = False

    def events(self) -> Iterator[Event]:
        yield TrackChanged("video", track())
        began_ns = time.monotonic_ns()
        for unit in UNITS:
            while time.monotonic_ns() < began_ns + unit.arrival_ns:
                if self._closed:
                    return
                time.sleep(0.005)
            yield replace(unit, arrival_ns=time.monotonic_ns())
        raise SourceFailed(GapReason.CAMERA_STALLED, "there are no more pictures")

    def close(self) -> None:
        self._closed = True


def places(motion: MotionMap) -> set[tuple[int, int]]:
    """Every place that moved in any second, as (column, row)."""
    return {
        (at % motion.columns, at // motion.columns)
        for row in motion.moved
        for at in range(motion.columns * motion.rows)
        if row.places[at // 8] & (0x80 >> at % 8)
    }


def recorder_of(box: Box, eye: Eye) -> StreamRecorder:
    order = StreamOrder(box.camera, Stream.SUB, "gate", "rtsp://gate", False, main_limits(2))
    return StreamRecorder(
        order,
        spool=box.spool,
        clock=box.clock,
        identity=box.identity,
        keys=box.periods,
        open_source=lambda url, audio, accepted: Pictures(),
        resume_reason=GapReason.AGENT_STOPPED,
        eye=eye,
    )


async def recorded(folder: Path, detection: Detection | None) -> list[tuple[int, MotionMap | None]]:
    """Records the stretch with this order to look; each segment's start in ms of the stretch, and its map."""
    box = Box(folder / "recording")
    orders = enrolled_box(folder / "box", "http://127.0.0.1:9", "ws://127.0.0.1:9", cameras=1).orders()
    camera = replace(orders.command.cameras[0], detection=detection)
    orders.command = replace(orders.command, cameras=(camera,))
    seeing = Seeing(orders)
    eye = seeing.eye(camera.camera, Stream.SUB if camera.source_sub else Stream.MAIN)
    looking = asyncio.create_task(seeing.run(Chronicle(Happenings(), box.clock, lambda camera: None)))
    if detection is not None:
        async with asyncio.timeout(20):
            while eye.order is None:  # noqa: ASYNC110  what is waited for has no event of its own
                await asyncio.sleep(0.02)
    recorder = recorder_of(box, eye)
    recorder.start()
    try:
        async with asyncio.timeout(40):
            while len(box.segments()) < 5:  # noqa: ASYNC110  the same
                await asyncio.sleep(0.1)
    finally:
        recorder.stop()
        recorder.join(5)
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
    found = []
    footage = box.footage()[:5]
    for item in footage:
        part = item.parts.get(Rendition.MOTION)
        start_ms = (item.record.start_us - footage[0].record.start_us) // 1000
        found.append((start_ms, None if part is None else parse_motion(part)))
        assert item.pictures(), "the pictures are read as ever"
    box.spool.close()
    return found


async def test_what_walks_stands_in_the_map_of_its_segment_where_it_walked(tmp_path: Path) -> None:
    found = await recorded(tmp_path, Detection())
    maps = [(start_ms, motion) for start_ms, motion in found if motion is not None]
    assert len(maps) >= 4, "a segment of which pictures were looked at has a map"
    assert all((motion.columns, motion.rows) == (WIDTH, HEIGHT) for _, motion in maps)
    moments = [start_ms + row.offset_ms for start_ms, motion in maps for row in motion.moved]
    walks_ms = STILL * 1000 // FPS
    assert moments, "something moved"
    assert min(moments) >= walks_ms - 200, "nothing moves in a still scene"
    assert moments == sorted(moments)
    moved = set().union(*(places(motion) for _, motion in maps))
    assert moved
    assert {row for _, row in moved} <= set(WALKS_IN_ROWS)
    assert len({column for column, _ in moved}) > 8, "it walks through the picture"


async def test_where_nobody_looks_for_motion_there_is_no_map(tmp_path: Path) -> None:
    assert {motion for _, motion in await recorded(tmp_path, None)} == {None}


def test_masked_places_move_in_no_map() -> None:
    left = cells_of({(column, row) for column in range(16) for row in range(18)})
    watch, open_watch = MotionWatch(Detection(mask=left)), MotionWatch(Detection())
    still = bytes([100]) * (WIDTH * HEIGHT)
    for second in range(12):
        watch.take(still, second / 2)
        open_watch.take(still, second / 2)
        assert watch.moved == b""
    changed = bytearray(still)
    for row in range(10, 20):
        changed[row * WIDTH + 28 : row * WIDTH + 38] = bytes([200]) * 10
    watch.take(bytes(changed), 6.0)
    open_watch.take(bytes(changed), 6.0)
    shown = [
        {at % WIDTH for at in range(WIDTH * HEIGHT) if one.moved[at // 8] & (0x80 >> at % 8)}
        for one in (watch, open_watch)
    ]
    assert shown == [set(range(32, 38)), set(range(28, 38))]


NOTHING = b""
ONE, OTHER = b"\x80" + bytes(PLACES_BYTES - 1), bytes(PLACES_BYTES - 1) + b"\x01"


def looked(maps: MotionMaps, *seen: tuple[float, bytes]) -> None:
    for at_s, what in seen:
        maps.looked(round(at_s * 1e9), what)


def test_a_second_is_one_row_and_each_segment_gets_its_own() -> None:
    maps = MotionMaps()
    looked(maps, (10.0, NOTHING), (10.4, ONE), (10.8, OTHER), (11.5, NOTHING), (12.1, ONE), (13.0, OTHER))
    first = maps.take(9_900_000, 12_000_000, 0)
    assert first is not None
    either = bytes(a | b for a, b in zip(ONE, OTHER, strict=True))
    assert [(row.offset_ms, row.places) for row in first.moved] == [(500, either)]
    second = maps.take(12_500_000, 14_000_000, 0)
    assert second is not None
    assert [row.offset_ms for row in second.moved] == [500], (
        "what lies before it came too late and is dropped"
    )
    assert maps.take(14_000_000, 15_000_000, 0) is None


def test_the_wall_clock_places_them_and_a_segment_nobody_looked_at_has_none() -> None:
    maps = MotionMaps()
    looked(maps, (5.0, NOTHING))
    assert maps.take(0, 10_000_000, 1_000_000_000_000_000) is None, "it lies after that segment"
    found = maps.take(1_000_000_000_000_000, 1_000_000_010_000_000, 1_000_000_000_000_000)
    assert found is not None
    assert found.moved == ()


def test_memory_is_bounded_while_no_segment_closes() -> None:
    maps = MotionMaps()
    looked(maps, *((float(second), ONE) for second in range(2 * KEPT_S)))
    found = maps.take(0, 2 * KEPT_S * 1_000_000, 0)
    assert found is not None
    assert found.moved[0].offset_ms >= KEPT_S * 1000
    assert len(found.moved) < KEPT_S
