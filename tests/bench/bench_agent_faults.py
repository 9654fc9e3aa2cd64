"""The edge agent when things go wrong: how soon it records, notices, records again, and what a kill costs.

One real camera of 4 Mbit/s behind a port that can freeze and vanish; the agent is a process of its own, and what it does is
read from its log (looked at every 20 ms) and from the records the portal was sent.
"""

from __future__ import annotations

import random
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

from tests.bench.bench_agent import PASSWORD, camera, pause
from tests.bench.misbehaving import Cameras, Mood, misbehaving
from tests.bench.row import Row
from tests.edge_agent.box import wait_for
from tests.edge_agent.portal import Portal, running_portal
from tests.edge_agent.process import AgentProcess, agent_process

ROUNDS = 5
STEADY_S = 5.0
AWAY_S = (2.0, 12.0)
SEED = 20261201


def rows() -> Iterator[Row]:
    """Measure; about three minutes."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(camera())
        cameras = stack.enter_context(misbehaving(urlsplit(url).port or 0, 1))
        portal = stack.enter_context(running_portal())
        address = f"rtsp://bench:{PASSWORD}@127.0.0.1:{cameras.ports[0]}/main"
        portal.settings = type(portal.settings)(10**10, 10, 30)
        identity = uuid.uuid4()
        portal.order((identity, address, None))
        portal.enrol(folder / "state")
        agent = stack.enter_context(agent_process(folder / "state", folder / "log"))
        until(agent, 0, "recording", 60)
        chance = random.Random(SEED)
        yield from _frozen(agent, cameras)
        yield from _returned(agent, cameras, chance)
        yield from _killed(agent, portal, chance)


def until(agent: AgentProcess, since: int, word: str, seconds: float) -> float:
    """When the log, from character `since` on, first said that a camera's state is `word`; seconds of the monotonic clock."""
    wait_for(lambda: f"main): {word}" in agent.text()[since:], seconds, word)
    return time.monotonic()


def _frozen(agent: AgentProcess, cameras: Cameras) -> Iterator[Row]:
    noticed = []
    for _ in range(ROUNDS):
        pause(STEADY_S)
        since, began = len(agent.text()), time.monotonic()
        cameras.become(0, Mood.FROZEN)
        noticed.append(until(agent, since, "stalled", 30) - began)
        cameras.become(0, Mood.WELL)
        until(agent, since, "recording", 60)
    yield Row("agent: a frozen camera noticed, longest", max(noticed), "s", f"{ROUNDS} times", 5.0)


def _returned(agent: AgentProcess, cameras: Cameras, chance: random.Random) -> Iterator[Row]:
    took = []
    for _ in range(ROUNDS):
        pause(STEADY_S)
        cameras.become(0, Mood.AWAY)
        since = len(agent.text())
        until(agent, since, "offline", 30)
        pause(chance.uniform(*AWAY_S))
        since, began = len(agent.text()), time.monotonic()
        cameras.become(0, Mood.WELL)
        took.append(until(agent, since, "recording", 60) - began)
    against = f"{ROUNDS} times away for {AWAY_S[0]:.0f} to {AWAY_S[1]:.0f} s; a key frame a second"
    yield Row(
        "agent: camera back to first recorded frame, median", statistics.median(took), "s", against, 3.0
    )


def _killed(agent: AgentProcess, portal: Portal, chance: random.Random) -> Iterator[Row]:
    """kill -9 at any moment; what the portal is told of after the next start ends how long before the kill?"""
    kills, took = [], []
    for _ in range(ROUNDS):
        pause(STEADY_S + chance.uniform(0, 12))
        agent.kill()
        kills.append(time.time())
        since, began = len(agent.text()), time.monotonic()
        agent.start()
        took.append(until(agent, since, "recording", 60) - began)
    wait_for(
        lambda: any(item.start_us > kills[-1] * 1e6 for item in portal.segments()),
        60,
        "records after the kill",
    )
    lost = [
        killed - max(item.end_us for item in portal.segments() if item.start_us < killed * 1e6) / 1e6
        for killed in kills
    ]
    yield Row(
        "agent: start to first recorded frame, median", statistics.median(took), "s", f"{ROUNDS} times", 2.0
    )
    yield Row("agent: video lost at kill -9, longest", max(lost), "s", f"{ROUNDS} kills at any moment", 1.0)
