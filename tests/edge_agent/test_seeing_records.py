"""What the agent sees itself is recorded by: from before it began, and signed as seen by the agent, where the camera tells nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from edge_agent.attention import Attention, attend
from edge_agent.capture.source import AccessUnit, TrackChanged
from edge_agent.chronicle import Chronicle
from edge_agent.happenings import Happenings
from edge_agent.planned import Gate, PlannedSegmenter
from edge_agent.preroll import PreRollMemory
from edge_agent.seal import StreamChain
from edge_agent.seeing.watching import SOURCE, Seeing
from edge_agent.segmenter import main_limits
from protocol.detection import Detection
from protocol.plan import Mode, RecordingPlan, Rule
from sealing.ids import EventType, GapReason, Stream
from sealing.record import Event, parse_record
from tests.edge_agent.box import Box
from tests.edge_agent.enrolled import enrolled_box
from tests.edge_agent.footage import Memory, StandClock
from tests.edge_agent.test_seeing import moving, track

FPS, STILL, WALKS, PRE_ROLL_S = 10, 70, 40, 3
PLAN = RecordingPlan("UTC", Rule(Mode.EVENT), (), PRE_ROLL_S, 5, frozenset({"motion"}))
FASTER = 4
"""A second of the stream takes a quarter of one here."""


class Stand:
    """One stream that is recorded by event and looked at, and nobody but the agent who notices anything."""

    def __init__(self, folder: Path) -> None:
        self.orders = enrolled_box(
            folder / "box", "http://127.0.0.1:9", "ws://127.0.0.1:9", cameras=1
        ).orders()
        order = replace(self.orders.command.cameras[0], plan=PLAN, detection=Detection(), events=None)
        self.orders.command = replace(self.orders.command, cameras=(order,))
        self.clock, self.memory, self.attention = StandClock(), Memory(), Attention()
        self.box = Box(folder / "chain")
        chain = StreamChain(self.box.spool, self.clock, self.box.identity, order.camera, Stream.MAIN)
        chain.open()
        self.happenings = Happenings()
        self.chronicle = Chronicle(self.happenings, self.clock, lambda camera: chain)
        self.seeing = Seeing(self.orders)
        self.eye = self.seeing.eye(order.camera, Stream.SUB if order.source_sub else Stream.MAIN)
        gate = Gate(Stream.MAIN, True, self.clock, self.attention)
        gate.follow(PLAN, True)
        self.segmenter = PlannedSegmenter(self.memory, self.clock, main_limits(10), gate, PreRollMemory())
        self.segmenter.resume_after(self.clock.wall_us(), GapReason.AGENT_STOPPED)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        jobs: list[Coroutine[Any, Any, None]] = [
            self.seeing.run(self.chronicle),
            attend(self.happenings, self.orders, lambda camera: self.attention, self.clock),
        ]
        tasks = [asyncio.create_task(job) for job in jobs]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def show(self, units: list[AccessUnit]) -> None:
        for number, unit in enumerate(units, 1):
            self.clock.ns = unit.arrival_ns
            self.eye.take(unit)
            self.segmenter.handle(unit)
            if number % FPS == 0:
                self.segmenter.tick()
            await asyncio.sleep(1 / FPS / FASTER)

    def events(self) -> list[Event]:
        self.chronicle.write()
        rows = self.box.spool.read("SELECT record FROM records ORDER BY id")
        records = [parse_record(row[0]).record for row in rows]
        return [item for item in records if isinstance(item, Event)]


async def until(holds: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(30):
            while not holds():  # noqa: ASYNC110  what is waited for has no event of its own
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"never came: {what}")


async def test_motion_the_agent_sees_is_recorded_from_before_it_and_signed_as_its_own(tmp_path: Path) -> None:
    stand = Stand(tmp_path)
    begins_us, begins_ns = stand.clock.wall_us(), stand.clock.ns
    units = [
        replace(unit, arrival_ns=begins_ns + unit.arrival_ns)
        for unit in moving(STILL + WALKS + FPS, FPS, still=STILL)
    ]
    async with stand.running():
        await until(lambda: stand.eye.order is not None, "the order to look")
        stand.eye.shows(track())
        stand.segmenter.handle(TrackChanged("video", track()))
        await stand.show(units[:-FPS])
        # However late the process came up: what it was shown waits for it.
        await until(lambda: stand.attention.calls(PLAN.triggers, 0, stand.clock.ns), "motion")
        await stand.show(units[-FPS:])
    stand.segmenter.stop()
    walks_us = begins_us + STILL * 1_000_000 // FPS
    (event,) = stand.events()
    assert (event.type, event.source, event.goes_on) == (EventType.MOTION, SOURCE, False)
    assert event.start_us >= walks_us, "a still scene is no motion"
    first = stand.memory.segments[0]
    assert first.samples[0].sync
    assert first.start_us <= event.start_us - PRE_ROLL_S * 1_000_000, "the seconds before it are kept"
    assert first.start_us > begins_us, "and what was before those is not"
    stand.box.spool.close()
