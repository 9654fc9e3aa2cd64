"""The Debian package in a clean Debian: installed, enrolled, recording, watched over, taken off again."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from edge_agent import __version__
from edge_agent.clock import SystemClock
from installer.build import DEBIAN, LOCK, build_deb
from installer.release import make_key, read_public
from sealing.ids import ClockSource
from tests.edge_agent.box import wait_for
from tests.edge_agent.portal import Portal, running_portal
from tests.installer.machine import PYTHON, Machine, clean_machine
from tests.installer.updating import updated_and_rolled_back
from vsaas.onebox.demo_camera import SUB, DemoCamera, DemoCameraConfig, demo_camera_thread

ROOT = Path(__file__).parents[2]
CAMERA = uuid.UUID("00000000-0000-4000-8000-00000000c0de")
EXPOSURE_MOST = {"vsaas-agent.service": 2.0, "vsaas-agent-update.service": 5.0}
"""The second writes the system's files as root, which is what it is for."""


@pytest.mark.parametrize(("name", "most"), EXPOSURE_MOST.items())
def test_the_units_leave_little_open(tmp_path: Path, name: str, most: float) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: apt-get install systemd")
    unit = tmp_path / name
    shutil.copyfile(DEBIAN / unit.name, unit)
    said = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", str(unit)],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    found = re.search(r"Overall exposure level for .*: ([0-9.]+)", said)
    assert found is not None, said
    assert float(found[1]) <= most, said


def test_what_is_locked_is_what_is_required() -> None:
    """The lock pins a version, with hashes, for each requirement, and within what it allows."""
    from packaging.requirements import Requirement

    pinned = dict(re.findall(r"^([A-Za-z0-9_.-]+)==(\S+)", LOCK.read_text(), re.MULTILINE))
    for line in (ROOT / "edge_agent/requirements.txt").read_text().splitlines():
        text = line.partition("#")[0].strip()
        if text:
            wanted = Requirement(text)
            assert wanted.specifier.contains(pinned.get(wanted.name, "0")), (
                f"{text}, locked {pinned.get(wanted.name)}: make lock"
            )
    assert LOCK.read_text().count("--hash=sha256:") > len(pinned)


@pytest.fixture(scope="module")
def release_key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("key") / "release-key"
    make_key(path)
    return path


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory, release_key: Path) -> Path:
    if shutil.which("dpkg-deb") is None:
        pytest.skip("dpkg-deb is missing: build on Debian or Ubuntu")
    architecture = subprocess.run(
        ["dpkg", "--print-architecture"], capture_output=True, text=True, check=True
    )
    # For the clean machine's Python alone: the others would only add their libraries beside these.
    keys = [read_public(release_key.with_name("release-key.pub"))]
    return build_deb(
        architecture.stdout.strip(), tmp_path_factory.mktemp("dist"), (PYTHON,), release_keys=keys
    )


@pytest.fixture
def machine(package: Path, tmp_path: Path) -> Iterator[Machine]:
    with clean_machine(tmp_path) as machine:
        shutil.copyfile(package, machine.root / "agent.deb")
        yield machine


@pytest.fixture
def camera() -> Iterator[DemoCamera]:
    with demo_camera_thread(DemoCameraConfig(main=SUB, audio=None)) as running:
        yield running


@pytest.fixture
def portal(camera: DemoCamera) -> Iterator[Portal]:
    with running_portal() as running:
        running.order((CAMERA, camera.url("main"), None))
        yield running


def shown(machine: Machine, name: str) -> str:
    return machine.run("systemctl", "show", "--value", "--property", name, "vsaas-agent").stdout.strip()


@pytest.mark.real_time
def test_installed_enrolled_recording_updated_watched_over_and_taken_off(
    machine: Machine, portal: Portal, package: Path, release_key: Path
) -> None:
    machine.run("dpkg", "--install", "/agent.deb")
    assert shown(machine, "ActiveState") == "inactive", "nothing to do before the box is enrolled"
    assert machine.run("systemctl", "is-enabled", "vsaas-agent").stdout.strip() == "enabled"
    assert machine.run("vsaas-agent", "--version").stdout.strip() == f"vsaas-agent {__version__}"
    refused = machine.run("vsaas-agent", "status", check=False)
    assert refused.returncode == 3
    assert "vsaas-agent enrol PORTAL CODE" in refused.stderr

    told = machine.run("vsaas-agent", "enrol", portal.url, "-", stdin=portal.code + "\n").stdout
    assert "Recording has begun" in told
    assert shown(machine, "ActiveState") == "active", "systemctl start returned, so READY was told"
    wait_for(lambda: len(portal.stored()) >= 2, 60, what="two segments in the store")
    settled = lambda: machine.run("vsaas-agent", "status", check=False).returncode == 0  # noqa: E731
    wait_for(settled, 60, what="a status in which all is in order")
    said = json.loads(machine.run("vsaas-agent", "status", "--json").stdout)
    assert said["running"]
    assert [stream["state"] for stream in said["status"]["heartbeat"]["streams"]] == ["recording"]
    # Whether the clock is synchronised can be read from within the unit's limits.
    synchronised = SystemClock().source()[0] is ClockSource.SYSTEM_SYNCHRONISED
    assert said["status"]["heartbeat"]["clock_synchronised"] == synchronised
    assert said["status"]["heartbeat"]["box"]["memory_total_bytes"] > 0
    told = machine.run("systemctl", "show", "--value", "--property=StatusText", "vsaas-agent").stdout
    assert told.startswith("1 of 1 streams recorded")

    state = machine.root / "var/lib/vsaas-agent"
    assert state.stat().st_mode & 0o777 == 0o700
    owner = machine.run("stat", "--format=%U", "/var/lib/vsaas-agent/identity/agent.json").stdout.strip()
    assert owner == "vsaas-agent"
    assert machine.run("stat", "--format=%U:%G %a", "/etc/vsaas-agent/agent.toml").stdout.split() == [
        "root:vsaas-agent",
        "640",
    ]
    settings = machine.run("cat", f"/proc/{shown(machine, 'MainPID')}/status").stdout
    assert re.search(r"^NoNewPrivs:\s+1$", settings, re.MULTILINE)
    assert re.search(r"^CapEff:\s+0+$", settings, re.MULTILINE)

    updated_and_rolled_back(machine, portal, package, release_key)

    # An agent that stands still vouches for nothing: systemd ends it and starts another.
    drop_in = machine.root / "etc/systemd/system/vsaas-agent.service.d"
    drop_in.mkdir(parents=True)
    (drop_in / "soon.conf").write_text("[Service]\nWatchdogSec=6\nRestartSec=1\n")
    machine.run("systemctl", "daemon-reload")
    machine.run("systemctl", "restart", "vsaas-agent")
    before = shown(machine, "MainPID")
    machine.run("systemctl", "kill", "--signal=STOP", "vsaas-agent")
    wait_for(lambda: shown(machine, "NRestarts") == "1", 60, what="the restart by the watchdog")
    wait_for(lambda: shown(machine, "ActiveState") == "active", 60, what="the agent after its restart")
    assert shown(machine, "MainPID") != before

    machine.run("dpkg", "--remove", "vsaas-agent")
    assert (state / "identity/agent.json").exists(), "removing keeps who the box is and what it recorded"
    machine.run("dpkg", "--purge", "vsaas-agent")
    assert not state.exists()
    assert not (machine.root / "var/lib/vsaas-agent-update").exists()
    assert not (machine.root / "usr/lib/vsaas-agent").exists()
