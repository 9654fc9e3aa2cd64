"""The edge agent: CPU and memory per camera beside `ffmpeg -c copy -f segment`, and what sealing costs.

The agent records a 4 Mbit/s camera 32 times, and eight FFmpegs record it at the same time; CPU time is the kernel's own account
(/proc/<pid>/task/*/schedstat, nanoseconds on a core), memory is the resident set.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from sealing.part import PartSealer
from sealing.record import Gap
from tests.bench.row import Row
from tests.edge_agent.box import wait_for
from tests.edge_agent.portal import Portal, running_portal
from tests.edge_agent.process import AgentProcess, agent_process

ROOT = Path(__file__).resolve().parents[2]
CAMERAS = 32
OTHERS = 8
SETTLE_S = 12.0
MEASURE_S = 40.0
PASSWORD = "bench-camera"


def rows() -> Iterator[Row]:
    """Measure; about three minutes."""
    yield from _capture()
    yield from _one_core()
    yield from _sealing()


@contextmanager
def camera(audio: str = "none", bits_per_s: int = 4_000_000) -> Iterator[str]:
    """The demo camera in a process of its own; yields the URL of its main stream."""
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "vsaas.onebox.demo_camera", "--port", "0"),
            *("--bitrate", str(bits_per_s), "--audio", audio, "--user", "bench"),
        ],
        cwd=ROOT,
        env={**os.environ, "VSAAS_CAMERA_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = process.stdout.readline()
        port = re.search(r":(\d+)/main", ready)
        assert port is not None, ready
        yield f"rtsp://bench:{PASSWORD}@127.0.0.1:{port[1]}/main"
    finally:
        process.terminate()
        process.wait(10)


def _cpu_ns(pid: int) -> int:
    """Nanoseconds on a core, all threads that live now."""
    total = 0
    for path in Path(f"/proc/{pid}/task").glob("*/schedstat"):
        try:
            total += int(path.read_text().split()[0])
        except (FileNotFoundError, ProcessLookupError):
            continue  # a thread that just ended
    return total


def resident_bytes(pid: int) -> int:
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE")


@contextmanager
def _ffmpeg(url: str, folder: Path, number: int) -> Iterator[int]:
    """`ffmpeg -c copy -f segment`, as people record with it; yields its process id."""
    process = subprocess.Popen(
        [
            *("ffmpeg", "-nostdin", "-v", "error", "-rtsp_transport", "tcp", "-i", url, "-an"),
            *("-c", "copy", "-f", "segment", "-segment_time", "10", "-segment_format", "mp4"),
            str(folder / f"{number}-%05d.mp4"),
        ]
    )
    try:
        yield process.pid
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def _agent(portal: Portal, folder: Path, url: str, cameras: int) -> Iterator[AgentProcess]:
    portal.settings = type(portal.settings)(10**10, 10, 30)
    portal.order(*[(uuid.uuid4(), url, None) for _ in range(cameras)])
    portal.enrol(folder / "state")
    with agent_process(folder / "state", folder / "log") as running:
        yield running


def pause(seconds: float) -> None:
    ends = time.monotonic() + seconds
    wait_for(lambda: time.monotonic() >= ends, seconds + 30)


def _capture() -> Iterator[Row]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(camera())
        portal = stack.enter_context(running_portal())
        agent = stack.enter_context(_agent(portal, folder, url, CAMERAS))
        others = [stack.enter_context(_ffmpeg(url, folder, number)) for number in range(OTHERS)]
        wait_for(lambda: len({item.camera for item in portal.segments()}) == CAMERAS, 60, "recording")
        pause(SETTLE_S)
        began = time.monotonic_ns()
        agent_before, others_before = _cpu_ns(agent.pid), [_cpu_ns(pid) for pid in others]
        pause(MEASURE_S)
        elapsed = time.monotonic_ns() - began
        agent_cpu = (_cpu_ns(agent.pid) - agent_before) / elapsed
        others_cpu = sum(_cpu_ns(pid) - old for pid, old in zip(others, others_before, strict=True))
        others_cpu = others_cpu / elapsed / OTHERS
        loaded = resident_bytes(agent.pid)
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        portal = stack.enter_context(running_portal())
        agent = stack.enter_context(_agent(portal, folder, "", 0))
        wait_for(lambda: portal.heartbeats, 60, "a heartbeat")
        pause(SETTLE_S)
        base = resident_bytes(agent.pid)
        base_before, began = _cpu_ns(agent.pid), time.monotonic_ns()
        pause(MEASURE_S / 2)
        base_cpu = (_cpu_ns(agent.pid) - base_before) / (time.monotonic_ns() - began)
    agent_cpu = (agent_cpu - base_cpu) / CAMERAS
    yield Row("agent: CPU without a camera", base_cpu * 100, "% of a core", "", None)
    yield Row("agent: CPU per 4 Mbit/s camera over that", agent_cpu * 100, "% of a core", "", None)
    yield Row("ffmpeg -c copy -f segment: CPU per camera", others_cpu * 100, "% of a core", "", None)
    yield Row(
        "agent: CPU beside ffmpeg, sealing and upload included",
        agent_cpu / others_cpu,
        "×",
        f"ffmpeg -c copy -f segment, same camera, same time; {CAMERAS} cameras and {OTHERS} ffmpegs",
        0.5,
    )
    yield Row(
        "agent: memory per camera over the base", (loaded - base) / CAMERAS / 1e6, "MB", "no camera", 4.0
    )
    yield Row("agent: memory without a camera", base / 1e6, "MB", "", None)


def _one_core() -> Iterator[Row]:
    """All cameras, their upload included, by an agent that may use one core alone: does a packet get lost, or a second?"""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(camera())
        portal = stack.enter_context(running_portal())
        agent = stack.enter_context(_agent(portal, folder, url, CAMERAS))
        os.sched_setaffinity(
            agent.pid, {min(os.sched_getaffinity(0))}
        )  # threads that start later take it over
        wait_for(lambda: len({item.camera for item in portal.segments()}) == CAMERAS, 120, "recording")
        pause(SETTLE_S)
        beats = len(portal.heartbeats)
        began, before = time.monotonic_ns(), _cpu_ns(agent.pid)
        pause(MEASURE_S)
        used = (_cpu_ns(agent.pid) - before) / (time.monotonic_ns() - began)
        wait_for(lambda: len(portal.heartbeats) > beats, 60, "a heartbeat")
        streams = portal.heartbeats[-1]["streams"]
        gaps = sum(isinstance(signed.record, Gap) for signed in portal.all_records())
        stored, sealed = len(portal.stored()), len(portal.segments())
    against = f"{CAMERAS} cameras of 4 Mbit/s and their upload, {MEASURE_S:.0f} s"
    lost = sum(item["packets_lost"] for item in streams)
    yield Row("agent on one core: packets lost", lost, "", against, 0)
    yield Row("agent on one core: interruptions", gaps, "", against, 0)
    yield Row("agent on one core: segments not uploaded yet", sealed - stored, "", f"of {sealed}")
    yield Row("agent on one core: share of it used", used * 100, "%", against)


def _sealing() -> Iterator[Row]:
    """Sealing, leaf hashes and CRC in one go, beside SHA-256 alone over the same bytes, turn by turn."""
    data = os.urandom(8_000_000)
    key, context = os.urandom(32), b"bench"
    sealed = hashed = float("inf")
    for _ in range(15):
        began = time.perf_counter()
        hashlib.sha256(data).digest()
        middle = time.perf_counter()
        sealer = PartSealer(key, context, lambda piece: None)
        for at in range(0, len(data), 500_000):
            sealer.update(data[at : at + 500_000])
        sealer.finish()
        ended = time.perf_counter()
        hashed, sealed = min(hashed, middle - began), min(sealed, ended - middle)
    yield Row("sealing: time per MB", sealed / 8 * 1000, "ms", "", None)
    yield Row(
        "sealing: passes of SHA-256",
        sealed / hashed,
        "×",
        "SHA-256 alone over the same bytes, turn by turn",
        1.3,
    )
