"""A day of 64 cameras in half an hour: they join, leave, freeze, vanish and send broken streams; does the agent grow?

The plan is drawn from one seed: something befalls a camera every three seconds, about ten times a camera, and what happened
is over after a few seconds. Cameras send little (their number and their trouble is what counts). Memory is the resident set,
looked at every five seconds; the second quarter of the time is compared with the last.

Measured only when asked for: `make bench BENCH=soak`. The environment variable SOAK_MINUTES makes it shorter or longer.
"""

from __future__ import annotations

import heapq
import os
import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.bench_agent import PASSWORD, camera, pause, resident_bytes
from tests.bench.misbehaving import Cameras, Mood, misbehaving
from tests.bench.row import Row
from tests.edge_agent.box import wait_for
from tests.edge_agent.portal import Portal, running_portal
from tests.edge_agent.process import AgentProcess, agent_process

CAMERAS = 64
BITS_PER_S = 120_000
MINUTES = 30.0
BEFALLS_S = 3.0
LOOK_S = 5.0
SEED = 20261201
TROUBLES = (Mood.FROZEN, Mood.AWAY, Mood.BROKEN)


@dataclass
class Watched:
    """What was seen of the agent: memory in bytes and open files at each look."""

    memory: list[int] = field(default_factory=list)
    handles: list[int] = field(default_factory=list)
    events: int = 0

    def drift_percent(self, values: list[int]) -> float:
        """By how much the median of the last quarter is above (or below) that of the second."""
        quarter = max(1, len(values) // 4)
        early = statistics.median(values[quarter : 2 * quarter] or values)
        return (statistics.median(values[-quarter:]) / early - 1) * 100


class Plan:
    """What befalls which camera, and what ends it; one at a time and never two at one camera."""

    def __init__(self, cameras: Cameras, portal: Portal, minutes: float) -> None:
        self._cameras, self._portal = cameras, portal
        self._ends_s = time.monotonic() + minutes * 60
        self._chance = random.Random(SEED)
        self._ids = [uuid.uuid4() for _ in cameras.ports]
        self._here = set(range(len(self._ids)))
        self._free = set(self._here)
        self._over: list[tuple[float, int]] = []
        self.order()

    def order(self) -> None:
        """Tell the portal which cameras are to be recorded."""
        self._portal.order(
            *[(self._ids[number], self._address(number), None) for number in sorted(self._here)]
        )

    def _address(self, number: int) -> str:
        return f"rtsp://bench:{PASSWORD}@127.0.0.1:{self._cameras.ports[number]}/main"

    @property
    def done(self) -> bool:
        return time.monotonic() > self._ends_s

    def befall(self) -> None:
        """Something happens to a camera that is well."""
        number = self._chance.choice(sorted(self._free))
        self._free.discard(number)
        lasts_s = self._chance.uniform(2, 25)
        if self._chance.random() < 0.25:
            self._here.discard(number)
            self.order()
        else:
            self._cameras.become(number, self._chance.choice(TROUBLES))
        heapq.heappush(self._over, (time.monotonic() + lasts_s, number))

    def recover(self) -> None:
        """What has lasted long enough is over."""
        while self._over and self._over[0][0] <= time.monotonic():
            _, number = heapq.heappop(self._over)
            self._free.add(number)
            if number in self._here:
                self._cameras.become(number, Mood.WELL)
            else:
                self._here.add(number)
                self.order()


def rows() -> Iterator[Row]:
    """Measure, for half an hour or so many minutes as SOAK_MINUTES says."""
    minutes = float(os.environ.get("SOAK_MINUTES", MINUTES))
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(camera(bits_per_s=BITS_PER_S))
        cameras = stack.enter_context(misbehaving(urlsplit(url).port or 0, CAMERAS))
        portal = stack.enter_context(running_portal())
        portal.settings = type(portal.settings)(10**10, 10, 30)
        plan = Plan(cameras, portal, minutes)
        portal.enrol(folder / "state")
        agent = stack.enter_context(agent_process(folder / "state", folder / "log"))
        wait_for(lambda: len({item.camera for item in portal.segments()}) == CAMERAS, 120, "recording")
        watched = _through(plan, portal, agent)
        segments, text, alive = len(portal.segments()), agent.text(), agent.running
    against = (
        f"{CAMERAS} cameras, {watched.events} events in {minutes:.0f} min; last quarter beside the second"
    )
    yield Row("soak: memory grown", abs(watched.drift_percent(watched.memory)), "%", against, 5.0)
    yield Row("soak: memory at the end", watched.memory[-1] / 1e6, "MB", "resident set")
    yield Row("soak: open files grown", watched.drift_percent(watched.handles), "%", against, 5.0)
    yield Row("soak: exceptions in the agent's log", text.count("Traceback") + (not alive), "", against, 0.0)
    yield Row("soak: segments recorded and told", segments, "", against)


def _through(plan: Plan, portal: Portal, agent: AgentProcess) -> Watched:
    """Let the plan run to its end, and watch."""
    watched = Watched()
    next_event_s = next_look_s = time.monotonic()
    while not plan.done and agent.running:
        pause(min(next_event_s, next_look_s) - time.monotonic())
        plan.recover()
        now_s = time.monotonic()
        if now_s >= next_event_s:
            plan.befall()
            watched.events += 1
            next_event_s = now_s + BEFALLS_S
        if now_s >= next_look_s:
            watched.memory.append(resident_bytes(agent.pid))
            watched.handles.append(len(os.listdir(f"/proc/{agent.pid}/fd")))
            next_look_s = now_s + LOOK_S
            with portal.lock:
                # The store of the bench must not keep a day of video; what is there already stays known.
                for segment in portal.objects:
                    portal.objects[segment] = b""
    return watched
