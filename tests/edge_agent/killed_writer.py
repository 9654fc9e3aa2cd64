"""Run as a program: records made-up footage into a spool and kills itself with SIGKILL at a named point.

`python -m tests.edge_agent.killed_writer FOLDER POINT`. Armed once two
segments are complete.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

from edge_agent import seal
from edge_agent import spool as spool_index
from edge_agent.capture.source import TrackChanged
from edge_agent.seal import StreamChain
from edge_agent.segmenter import Segmenter, main_limits
from sealing.ids import Stream
from tests.edge_agent.box import Box
from tests.edge_agent.filled import Sink
from tests.edge_agent.footage import StandClock, h264_units

# Point: what is replaced, whether the kill comes after the real thing, and how many segments are complete then.
POINTS: dict[str, tuple[Any, str, bool, int]] = {
    "before the segment is noted": (spool_index, "put_open_segment", False, 3),
    "after the segment is noted, before it is committed": (spool_index, "put_open_segment", True, 3),
    "when the file is there": (seal.GrowingSegment, "__init__", True, 3),
    "while the file grows": (seal.GrowingSegment, "write", True, 2),
    "before the file is complete": (seal.GrowingSegment, "finish", False, 2),
    "when the file is complete": (seal.GrowingSegment, "finish", True, 2),
    "before the record is stored": (spool_index, "put_sealed_segment", True, 2),
    "when the record is stored, before it is committed": (spool_index, "append", True, 2),
    "when the record is committed": (seal.StreamChain, "segment", True, 3),
}


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def deadly(real: Callable[..., Any], after: bool, armed: list[bool]) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> Any:
        if armed[0] and not after:
            die()
        result = real(*arguments, **options)
        if armed[0]:
            die()
        return result

    return called


def write(folder: Path, point: str) -> None:
    """Record; killed on the way."""
    box = Box(folder)
    clock = StandClock()
    chain = StreamChain(box.spool, box.clock, box.identity, box.camera, Stream.MAIN)
    chain.open()
    sink = Sink(box.spool, box.clock, box.identity, box.periods, chain)
    segmenter = Segmenter(sink, clock, main_limits(2))
    change, units = h264_units(clock, frames=200, gop=25, size=128)
    assert isinstance(change, TrackChanged)
    armed = [False]
    where, name, after, _ = POINTS[point]
    with mock.patch.object(where, name, deadly(getattr(where, name), after, armed)):
        segmenter.handle(change)
        for unit in units:
            clock.ns = max(clock.ns, unit.arrival_ns)
            armed[0] = sink.segments >= 2
            segmenter.handle(unit)
    raise SystemExit("still alive")


if __name__ == "__main__":
    write(Path(sys.argv[1]), sys.argv[2])
