"""Two networks: what goes to the cloud leaves by one interface, what goes to cameras by the other, never the other way."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.edge_agent.process import ROOT

LISTEN = """
import socket
with socket.create_server(("0.0.0.0", 554)) as server:
    print("ready", flush=True)
    while True:
        connection, peer = server.accept()
        connection.close()
"""
TRY = """
import json, sys, asyncio
from edge_agent.networks import Network, connect_camera, run_towards_cloud, towards_cameras
host, port = sys.argv[1], int(sys.argv[2])
def camera(interface):
    try:
        with connect_camera(host, port, 1.0, interface) as sock:
            return sock.getsockname()[0]
    except OSError as error:
        return type(error).__name__ + ": " + str(error.strerror or error)
async def connect():
    _, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 1.0)
    name = writer.get_extra_info("sockname")[0]
    writer.close()
    return name
def onvif(interface):
    async def inside():
        with towards_cameras():
            return await connect()
    try:
        return run_towards_cloud(inside(), Network(cloud_interface="lo", camera_interface=interface))
    except OSError as error:
        return type(error).__name__ + ": " + str(error.strerror or error)
def cloud(interface):
    try:
        return run_towards_cloud(connect(), Network(cloud_interface=interface))
    except OSError as error:
        return type(error).__name__ + ": " + str(error.strerror or error)
json.dump({kind.__name__ + " " + name: kind(name) for kind in (camera, onvif, cloud) for name in ("", "left", "right", "gone")}, sys.stdout)
"""


def ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"


@contextmanager
def namespace(name: str) -> Iterator[str]:
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "delete", name)


@contextmanager
def listener(name: str) -> Iterator[None]:
    process = subprocess.Popen(
        ["ip", "netns", "exec", name, sys.executable, "-c", LISTEN], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def join(box: str, interface: str, other: str, address: str) -> None:
    """A cable between the box's interface and a network; box .1, other side .2."""
    ip("-n", box, "link", "add", interface, "type", "veth", "peer", "name", "up0", "netns", other)
    ip("-n", box, "addr", "add", f"{address}.1/24", "dev", interface)
    ip("-n", box, "link", "set", interface, "up")
    ip("-n", other, "addr", "add", f"{address}.2/24", "dev", "up0")
    ip("-n", other, "link", "set", "up0", "up")


def tried(box: str, host: str) -> dict[str, str]:
    done = subprocess.run(
        ["ip", "netns", "exec", box, sys.executable, "-c", TRY, host, "554"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_each_side_is_reached_by_its_interface_alone() -> None:
    if os.geteuid() != 0 or shutil.which("ip") is None or not Path("/run").is_dir():
        pytest.skip("only root may make networks; apt-get install iproute2")
    mark = os.getpid()
    with ExitStack() as stack:
        box, left, right = (
            stack.enter_context(namespace(f"{name}-{mark}")) for name in ("box", "lft", "rgt")
        )
        join(box, "left", left, "10.91.1")
        join(box, "right", right, "10.91.2")
        for name in (left, right):
            stack.enter_context(listener(name))
        found = tried(box, "10.91.1.2")
    for kind in ("camera", "onvif", "cloud"):
        assert found[f"{kind} "] == "10.91.1.1", "the routes decide where nothing is set"
        assert found[f"{kind} left"] == "10.91.1.1"
        assert "." not in found[f"{kind} right"].partition(":")[0], (
            "not by the other interface, whatever the routes say"
        )
        assert found[f"{kind} gone"].endswith("this box has no interface gone")
