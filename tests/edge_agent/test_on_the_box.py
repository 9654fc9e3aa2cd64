"""The agent on its box: through a proxy that asks who it is, with figures and a log for programs, and no open port."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge_agent.box import wait_for
from tests.edge_agent.portal import Portal, running_portal
from tests.edge_agent.process import ROOT, agent_process
from tests.edge_agent.proxy import Proxy, certificate_for, running_proxy
from vsaas.onebox.demo_camera import SUB, DemoCamera, DemoCameraConfig, demo_camera_thread

pytestmark = pytest.mark.real_time

CAMERA = uuid.uuid4()
NAME = "portal.test"
TCP_LISTENS = "0A"


@pytest.fixture
def camera() -> Iterator[DemoCamera]:
    with demo_camera_thread(DemoCameraConfig(main=SUB, audio=None)) as running:
        yield running


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    with running_proxy() as running:
        yield running


@pytest.fixture
def tls(tmp_path: Path) -> tuple[object, Path]:
    return certificate_for(NAME, tmp_path)


@pytest.fixture
def portal(camera: DemoCamera, tls) -> Iterator[Portal]:
    with running_portal(tls[0], NAME) as running:
        running.order((CAMERA, camera.url("main"), None))
        yield running


def agent(state: Path, trusted: Path, *words: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "edge_agent", *words, "--state", str(state)],
        input=stdin,
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "SSL_CERT_FILE": str(trusted)},
        check=False,
    )


def figures(path: Path, target: str = "/metrics") -> str:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        sock.sendall(f"GET {target} HTTP/1.1\r\nHost: agent\r\n\r\n".encode())
        return b"".join(iter(lambda: sock.recv(65536), b"")).decode()


def listening(pid: int) -> list[str]:
    """Ports of TCP and UDP on which a process could be spoken to, as the kernel names them."""
    inodes = set()
    for handle in Path(f"/proc/{pid}/fd").iterdir():
        found = re.fullmatch(r"socket:\[(\d+)\]", os.readlink(handle))
        if found:
            inodes.add(found[1])
    ports = []
    for kind in ("tcp", "tcp6", "udp", "udp6"):
        for line in Path(f"/proc/{pid}/net/{kind}").read_text().splitlines()[1:]:
            words = line.split()
            if words[9] in inodes and (words[3] == TCP_LISTENS or kind.startswith("udp")):
                ports.append(f"{kind} {words[1]}")
    return ports


def test_through_a_proxy_that_asks_who_it_is(
    portal: Portal, proxy: Proxy, camera: DemoCamera, tls, tmp_path: Path
) -> None:
    state, trusted, log, socket_path = tmp_path / "state", tls[1], tmp_path / "log", tmp_path / "figures.sock"
    refused = agent(
        state, trusted, "enrol", portal.url, "-", "--proxy", f"http://{proxy.address}", stdin=portal.code
    )
    assert refused.returncode == 7
    assert f"the proxy {proxy.address} wants a user name and password" in refused.stderr

    done = agent(
        state, trusted, "enrol", portal.url, "-", "--proxy", proxy.with_credentials, stdin=portal.code
    )
    assert done.returncode == 0, done.stderr
    assert (state / "network.json").stat().st_mode & 0o777 == 0o600

    environment = {
        "SSL_CERT_FILE": str(trusted),
        "VSAAS_AGENT_LOG_FORMAT": "json",
        "VSAAS_AGENT_LOG_LEVEL": "debug",
        "VSAAS_AGENT_METRICS_SOCKET": str(socket_path),
    }
    with agent_process(state, log, **environment) as running:
        wait_for(lambda: portal.stored(), 60, what="a segment through the proxy")
        wait_for(
            lambda: any("vsaas-agent" in software for _, software in proxy.tunnels),
            what="the control socket's way through the proxy",
        )
        assert {target for target, _ in proxy.tunnels} == {portal.url.removeprefix("https://")}
        assert listening(running.pid) == []

        wait_for(lambda: f'camera="{CAMERA}"' in figures(socket_path), what="figures of the camera")
        told = figures(socket_path)
        assert "404" in figures(socket_path, "/").splitlines()[0]
        assert f'vsaas_agent_stream_state{{camera="{CAMERA}",state="recording",stream="main"}} 1.0' in told
        assert re.search(r"^vsaas_agent_box_memory_total_bytes [1-9]", told, re.MULTILINE)
        assert socket_path.stat().st_mode & 0o777 == 0o660

        password, proxy.password = proxy.password, "changed"
        proxy.hang_up()
        wait_for(lambda: "407" in agent(state, trusted, "status").stdout, 60, what="the reason in `status`")
        status = agent(state, trusted, "status")
        assert (
            "refuses those it was given (407): set 'proxy' to http://user:password@host:port" in status.stdout
        )
        assert "recording" in status.stdout, "recording does not depend on the proxy"
        before = len(portal.stored())
        proxy.password = password
        wait_for(lambda: len(portal.stored()) > before, 90, what="uploads once the proxy lets it out again")
        running.stop()
    assert not socket_path.exists()
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert {"time", "level", "logger", "thread", "message"} <= lines[0].keys()
    for text in (log.read_text(), told, status.stdout, (state / "status.json").read_text()):
        assert password not in text
        assert camera.config.password not in text
        assert "token=" not in text
