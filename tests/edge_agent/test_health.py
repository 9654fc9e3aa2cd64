"""Heartbeats and `status`: what the portal and a person at the box are told, running or not."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import sys
import termios
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from edge_agent.__main__ import main
from edge_agent.clock import SystemClock
from edge_agent.cloud import Cloud
from edge_agent.health import Health, days_left
from edge_agent.identity import hold_state
from edge_agent.keys import BoxKeys
from edge_agent.orders import Orders
from edge_agent.spool import Spool, SpoolSummary
from protocol.health import Heartbeat, StreamHealth, UpdateHealth
from protocol.state import AgentState
from tests.edge_agent.enrolled import EnrolledBox, enrolled_box
from tests.edge_agent.hub import until
from tests.edge_agent.tiny_portal import NOW_US, Reply, TinyPortal, problem

LIVE = "ws://127.0.0.1:9"


@dataclass
class Facts:
    """A real spool, and streams in states as recorders report them."""

    spool: Spool
    states: list[StreamHealth] = field(default_factory=list)

    def spool_summary(self) -> SpoolSummary:
        return self.spool.summary()

    def streams(self) -> list[StreamHealth]:
        return self.states

    def alarms(self) -> list[str]:
        return ["segment 7 is\ndamaged"]

    def update(self) -> UpdateHealth:
        return UpdateHealth("idle")


@pytest.fixture
def portal() -> Iterator[TinyPortal]:
    with TinyPortal(LIVE).serving() as portal:
        portal.routes["POST /agent/v1/health"] = lambda request: Reply(204)
        yield portal


@pytest.fixture
def box(portal: TinyPortal, tmp_path: Path) -> EnrolledBox:
    box = enrolled_box(tmp_path / "box", portal.url, LIVE, cameras=1)
    portal.accepts(box.identity.keys.transport_public)
    return box


@pytest.fixture
def facts(box: EnrolledBox) -> Iterator[Facts]:
    spool = Spool(box.state / "spool", budget_bytes=1_000_000_000, floor_bytes=0)
    camera = box.orders().command.cameras[0].camera
    stream = StreamHealth(camera, 1, "recording", 5, "", 4_000_000, 25.0, "avc1.64001F")
    yield Facts(spool, [stream])
    spool.close()


def beats(portal: TinyPortal) -> list[Heartbeat]:
    return [
        Heartbeat.from_json(json.loads(request.body))
        for request in portal.requests
        if request.path == "/agent/v1/health"
    ]


async def report(
    box: EnrolledBox, orders: Orders, facts: Facts, condition: Callable[[Cloud], object] | None = None
) -> None:
    """Let the agent report until the condition holds: the portal took a heartbeat, unless said otherwise."""
    wanted = condition or (lambda cloud: cloud.contact.last_us)
    async with Cloud(box.identity) as cloud:
        health = Health(box.identity, orders, cloud, SystemClock(), facts, lambda: True)
        work = asyncio.create_task(health.run())
        try:
            await until(lambda: wanted(cloud))
        finally:
            work.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await work


async def test_a_heartbeat_tells_streams_spool_and_alarms(
    box: EnrolledBox, portal: TinyPortal, facts: Facts
) -> None:
    orders = box.orders()
    with contextlib.suppress(Exception):
        orders.offer_state(AgentState(99, (), b"", (), NOW_US, LIVE), box.identity.portal)
    facts.states[0] = replace(facts.states[0], detail="what a camera\x1b[2J says" + "x" * 300)
    await report(box, orders, facts)
    beat = beats(portal)[-1]
    assert beat.instance == box.identity.instance
    assert beat.software.startswith("vsaas-agent ")
    assert beat.spool_budget_bytes == 1_000_000_000
    assert beat.streams[0].detail.startswith("what a camera [2J says")
    assert "has lost statements" in beat.alarms[0]
    assert beat.alarms[1] == "segment 7 is damaged"
    assert beat.days_left == pytest.approx(1e9 * 8 / 4e6 / 86_400, rel=0.01)


async def test_a_camera_whose_address_cannot_be_opened_is_reported_unusable(
    box: EnrolledBox, portal: TinyPortal, facts: Facts
) -> None:
    orders = box.orders()
    stranger = box.organisation.camera(BoxKeys.new().box_public)
    orders.offer_command(box.organisation.command(2, (stranger,)))
    facts.states.clear()
    await report(box, orders, facts)
    stream = beats(portal)[-1].streams[0]
    assert (stream.camera, stream.state) == (stranger.camera, "unusable")
    assert "type it again" in stream.detail


def test_no_rate_means_no_forecast() -> None:
    summary = SpoolSummary(0, 10, 10, 0, 0, None)
    assert days_left(summary, ()) is None
    idle = StreamHealth(uuid.uuid4(), 1, "offline", 0)
    assert days_left(summary, (idle,)) is None
    assert days_left(SpoolSummary(20, 10, 10, 0, 0, None), (replace(idle, bits_per_s=8),)) == 0


async def test_status_of_a_running_agent(
    box: EnrolledBox, portal: TinyPortal, facts: Facts, capsys: pytest.CaptureFixture[str]
) -> None:
    with hold_state(box.state):
        await report(box, box.orders(), facts)
        assert main(["status", "--state", str(box.state), "--json"]) == 1
        told = json.loads(capsys.readouterr().out)
        assert main(["status", "--state", str(box.state)]) == 1
        text = capsys.readouterr().out
    assert told["running"] is True
    assert told["root_fingerprint"] == box.identity.fingerprint.hex()
    assert told["waiting"] == {"segments": 0, "records": 0, "oldest_unsent_us": None}
    assert told["troubles"] == ["segment 7 is damaged"]
    assert told["status"]["heartbeat"]["streams"][0]["state"] == "recording"
    assert "gate (main): recording for" in text
    assert "last answer 0 s ago, control socket open" in text
    assert "4.0 Mbit/s" in text
    assert "nothing: all is with the portal" in text
    for secret in (box.identity.keys.transport, box.identity.keys.box, b"s3cret"):
        assert secret.hex() not in text
        assert "s3cret" not in text


async def test_status_says_why_the_portal_was_not_reached(
    box: EnrolledBox, portal: TinyPortal, facts: Facts, capsys: pytest.CaptureFixture[str]
) -> None:
    portal.routes["POST /agent/v1/health"] = lambda request: problem(503, "unavailable", "we are away")
    with hold_state(box.state):
        await report(box, box.orders(), facts, lambda cloud: cloud.contact.trouble != "no contact yet")
        assert main(["status", "--state", str(box.state)]) == 1
    assert "refused POST /agent/v1/health: we are away" in capsys.readouterr().out


async def test_status_of_an_agent_that_stopped(
    box: EnrolledBox, portal: TinyPortal, facts: Facts, capsys: pytest.CaptureFixture[str]
) -> None:
    await report(box, box.orders(), facts)
    facts.spool.close()
    assert main(["status", "--state", str(box.state)]) == 1
    text = capsys.readouterr().out
    assert "not running" in text
    assert "start 'python -m edge_agent run'" in text
    assert "recording for" in text
    assert "(as of" in text


def test_status_before_the_first_start_and_before_enrolment(
    box: EnrolledBox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["status", "--state", str(box.state)]) == 1
    assert "not running" in capsys.readouterr().out
    assert main(["status", "--state", str(tmp_path / "absent")]) == 3
    assert "not enrolled" in capsys.readouterr().err
    assert main(["run", "--state", str(tmp_path / "absent")]) == 3
    assert "enrol PORTAL CODE" in capsys.readouterr().err


def test_watch_keeps_showing_and_gives_the_screen_back(box: EnrolledBox) -> None:
    near, far = pty.openpty()
    fcntl.ioctl(far, termios.TIOCSWINSZ, struct.pack("HHHH", 12, 40, 0, 0))
    command = [sys.executable, "-m", "edge_agent", "watch", "--every", "0.2", "--state", str(box.state)]
    # A run of the tests in the background ignores SIGINT, and its children with it: a person at a terminal does not.
    process = subprocess.Popen(
        command,
        stdout=far,
        stderr=subprocess.PIPE,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    os.close(far)
    seen = b""
    while seen.count(b"\x1b[H") < 3:
        seen += os.read(near, 65536)
    process.send_signal(signal.SIGINT)
    with contextlib.suppress(OSError):  # how a terminal says that nobody writes to it any more
        while piece := os.read(near, 65536):  # read on: what writes to a full terminal waits
            seen += piece
    assert process.wait(20) == 0
    os.close(near)
    assert process.stderr is not None
    process.stderr.close()
    assert b"not running" in seen
    for page in seen.decode().split("\x1b[H")[1:]:
        lines = re.sub(r"\x1b\[[?0-9]*[A-Za-z]", "", page).split("\r\n")
        assert len(lines) <= 12
        assert max(map(len, lines)) <= 40
    assert seen.endswith(b"\x1b[?25h\x1b[?1049l")


@pytest.mark.parametrize("data", [b"", b"[]", b"{}", b'{"heartbeat": {}}'])
def test_a_status_file_of_another_release_is_passed_over(
    box: EnrolledBox, capsys: pytest.CaptureFixture[str], data: bytes
) -> None:
    (box.state / "status.json").write_bytes(data)
    (box.state / "status.json").chmod(0o600)
    assert main(["status", "--state", str(box.state), "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["status"] is None


def test_wrong_use_is_explained(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["dance"])
    assert left.value.code == 2
    assert "enrol" in capsys.readouterr().err
