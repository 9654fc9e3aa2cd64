"""The edge agent when things go wrong: how soon it records, notices, records again, and what a kill costs.

One real camera of 4 Mbit/s behind a port that can freeze and vanish; the agent is a process of its own, and what it does is
read from its log (looked at every 20 ms) and from the records the portal was sent.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from unittest.mock import patch
from urllib.parse import urlsplit

from edge_agent import seal
from edge_agent.flushing import Flusher, sync_file_system
from edge_agent.segmenter import main_limits
from tests.bench.bench_agent import PASSWORD, camera, pause
from tests.bench.misbehaving import Cameras, Mood, misbehaving
from tests.bench.row import Row
from tests.edge_agent.box import Box, wait_for
from tests.edge_agent.portal import Portal, running_portal
from tests.edge_agent.process import AgentProcess, agent_process

ROUNDS = 5
STEADY_S = 5.0
AWAY_S = (2.0, 12.0)
SEED = 20261201


def rows() -> Iterator[Row]:
    """Measure; about four minutes."""
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
        agent.kill()
        yield from _power_cut(url, folder, chance)


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


class _Disk:
    """What is on disk of each file of a spool: what had been written when a sync of it began that has ended since."""

    def __init__(self, objects: Path) -> None:
        self._objects = objects
        self.synced: dict[str, int] = {}

    def sync_file_system(self, handle: int) -> None:
        """As the agent's flusher does."""
        written = {path.name: path.stat().st_size for path in self._objects.rglob("*") if path.is_file()}
        sync_file_system(handle)
        self.synced.update(written)

    def sync_file(self, handle: int) -> None:
        """As the agent does with a segment's file when it closes it."""
        size = os.fstat(handle).st_size
        os.fsync(handle)
        self.synced[Path(os.readlink(f"/proc/self/fd/{handle}")).name] = size


def _power_cut(url: str, folder: Path, chance: random.Random) -> Iterator[Row]:
    lost = [_lost_at_cut(url, folder / f"cut{number}", chance) for number in range(ROUNDS)]
    against = f"{ROUNDS} cuts at any moment; what no sync had brought to disk is dropped"
    yield Row("agent: video lost at a power cut, longest", max(lost), "s", against, 2.0)


def _lost_at_cut(url: str, folder: Path, chance: random.Random) -> float:
    """Seconds. Nothing here can cut the power: a running box's folder is copied at any moment, of each file what no sync had
    brought to disk is dropped, and another box starts from what is left."""
    box, left = Box(folder / "box"), folder / "left"
    disk = _Disk(box.spool.objects)
    flusher = Flusher(box.spool.objects, box.spool.room, sync=disk.sync_file_system)
    recorder = box.recorder(url, audio=False, limits=main_limits(10))
    with patch.object(seal.os, "fdatasync", disk.sync_file):
        flusher.start()
        recorder.start()
        wait_for(lambda: recorder.health().state == "recording", 60, "recording")
        pause(STEADY_S + chance.uniform(0, 12))
        with recorder.lock:  # the copy takes a moment, in which nothing is written
            cut_us, synced = box.clock.wall_us(), dict(disk.synced)
            shutil.copytree(box.folder, left)
        recorder.stop()
        recorder.join(10)
        flusher.stop()
    box.spool.close()
    for path in (left / "spool" / "objects").rglob("*"):
        if path.is_file():
            os.truncate(path, min(path.stat().st_size, synced.get(path.name, 0)))
    after = Box(left)
    ended_us = max(item.end_us for item in after.segments())
    after.spool.close()
    return (cut_us - ended_us) / 1e6
