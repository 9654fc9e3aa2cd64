"""The agent fetches what its orders name, and leaves it for the box's installer only when it holds."""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from edge_agent import updater
from edge_agent.__main__ import main
from edge_agent.cloud import Cloud
from edge_agent.identity import Identity
from edge_agent.orders import Orders
from edge_agent.status import Status, write_status
from edge_agent.update import Box, Updates
from installer.build import DEBIAN
from protocol import b64
from protocol.command import UpdateOrder
from protocol.health import Heartbeat, UpdateHealth
from protocol.release import PIECE_BYTES, Release, ReleaseFile, document_hash, sign_release
from sealing.cose import Ed25519Signer
from tests.edge_agent.hub import until
from tests.edge_agent.portal import Portal, running_portal

KEY, OTHER = Ed25519Signer(b"\1" * 32), Ed25519Signer(b"\2" * 32)
PACKAGE = bytes(range(256)) * (PIECE_BYTES // 256) + b"the rest"
NAME = "vsaas-agent_2.0_any.deb"


@pytest.fixture
def portal() -> Iterator[Portal]:
    with running_portal() as running:
        yield running


@pytest.fixture
def box(tmp_path: Path) -> Box:
    """A box with version 1.0, a release key, and an installer's folder."""
    program, own = tmp_path / "program", tmp_path / "own"
    (program / "edge_agent").mkdir(parents=True)
    own.mkdir()
    (program / "edge_agent/release-keys").write_text(b64.encode(KEY.public_key) + "\n")
    return Box(program, own, "1.0")


@pytest.fixture
def architecture() -> str:
    try:
        said = subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True)
    except FileNotFoundError:
        pytest.skip("dpkg is missing: run on Debian or Ubuntu")
    return said.stdout.strip()


def offer(
    portal: Portal, architecture: str, signer: Ed25519Signer = KEY, package: bytes = PACKAGE, **changes: Any
) -> UpdateOrder:
    """Offer and order a release; `package` is what the portal really sends."""
    file = ReleaseFile(architecture, "deb", NAME, len(PACKAGE), hashlib.sha256(PACKAGE).digest())
    document = sign_release(replace(Release("2.0", 1, "1.0", "", (file,)), **changes), signer)
    digest = document_hash(document)
    portal.offered = {digest.hex(): document, f"{digest.hex()}/{NAME}": package}
    order = UpdateOrder(changes.get("version", "2.0"), digest)
    portal.settings = replace(portal.settings, update=order)
    portal.order()
    return order


def followed(portal: Portal, state: Path, box: Box, done: Callable[[Updates], bool]) -> Updates:
    """Enrol once, then follow the orders until `done`."""
    if not (state / "identity").exists():
        portal.enrol(state)
    identity = Identity.load(state)

    async def work() -> Updates:
        async with Cloud(identity) as cloud:
            orders = Orders.load(identity)
            await orders.refresh(cloud)
            updates = Updates(state, orders, cloud, box)
            task = asyncio.create_task(updates.run())
            await until(lambda: done(updates))
            task.cancel()
            return updates

    return asyncio.run(work())


def is_in(*states: str) -> Callable[[Updates], bool]:
    return lambda updates: updates.health().state in states


def test_a_release_is_fetched_from_where_it_was_left_and_handed_over(
    portal: Portal, box: Box, architecture: str, tmp_path: Path
) -> None:
    order = offer(portal, architecture)
    state = tmp_path / "state"
    portal.enrol(state)
    folder = state / "update"
    folder.mkdir(mode=0o700)
    (folder / f"{hashlib.sha256(PACKAGE).hexdigest()[:16]}.part").write_bytes(PACKAGE[:1000])
    (folder / "of-another-release.part").write_bytes(b"x")
    followed(portal, state, box, is_in("handed-over"))
    assert sorted(path.name for path in folder.iterdir()) == ["package.deb", "release", "request"]
    assert (folder / "package.deb").read_bytes() == PACKAGE
    asked = json.loads((folder / "request").read_text())
    assert asked == {"document": order.document.hex(), "attempt": 1}

    # The installer at work is left alone; its answer is told, and nothing is asked twice.
    (folder / "request").unlink()
    assert box.own is not None
    (box.own / updater.JOURNAL).write_text("{}")
    followed(portal, state, box, is_in("handed-over"))
    assert not (folder / "request").exists()
    (box.own / updater.JOURNAL).unlink()
    answer = asked | {
        "state": "rolled-back",
        "reason": "it does not reach the portal",
        "interruption_ms": None,
    }
    (box.own / updater.RESULT).write_text(json.dumps(answer))
    told = followed(portal, state, box, is_in("rolled-back")).health()
    assert (told.version, told.attempt, told.reason) == ("2.0", 1, "it does not reach the portal")
    assert not (folder / "request").exists()


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"signer": OTHER}, "which is not known here"),
        ({"version": "0.9", "updates_from": "0.1"}, "is not newer than 1.0"),
        ({"updates_from": "1.5"}, "updates from 1.5 on"),
        ({"files": ()}, "has no deb file"),
        ({"package": PACKAGE[:-1] + b"!"}, "is not the file the release names"),
    ],
)
def test_what_does_not_hold_is_refused_and_not_handed_over(
    portal: Portal, box: Box, architecture: str, tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    offer(portal, architecture, **changes)
    told = followed(portal, tmp_path / "state", box, is_in("refused")).health()
    assert reason in told.reason
    assert not (tmp_path / "state/update/request").exists()


def test_a_package_that_is_cut_off_waits_for_its_rest(
    portal: Portal, box: Box, architecture: str, tmp_path: Path
) -> None:
    offer(portal, architecture, package=PACKAGE[:-1])
    told = followed(portal, tmp_path / "state", box, is_in("waiting")).health()
    assert "parts of a wrong size" in told.reason


def test_a_build_without_a_release_key_says_that_it_does_not_update_itself(
    portal: Portal, box: Box, tmp_path: Path
) -> None:
    portal.order()
    (box.program / "edge_agent/release-keys").unlink()
    updates = followed(portal, tmp_path / "state", box, is_in("off"))
    assert updates.health() == UpdateHealth("off", reason="it was built without a release key")


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (
            UpdateHealth("off", reason="it was built without a release key"),
            "off: it was built without a release key",
        ),
        (UpdateHealth("idle"), "none ordered"),
        (
            UpdateHealth("rolled-back", "2.0", 1, "it does not reach the portal"),
            "2.0 rolled-back: it does not reach",
        ),
    ],
)
def test_the_box_says_how_its_update_stands(
    portal: Portal, tmp_path: Path, capsys: pytest.CaptureFixture[str], told: UpdateHealth, line: str
) -> None:
    portal.order()
    state = tmp_path / "state"
    portal.enrol(state)
    beat = Heartbeat(uuid.uuid4(), "vsaas-agent 1.0", 1, 1, True, 0, 1, 1, None, None, (), update=told)
    write_status(state, Status(beat, None, None, False, None, {}, ()))
    main(["status", "--state", str(state)])
    assert f"update    {line}" in capsys.readouterr().out


def test_a_version_is_well_when_it_records_what_was_recorded_and_reaches_the_portal() -> None:
    now_us = time.time_ns() // 1000
    before = {"instance": "a", "recording": ["c/1", "c/2"], "last_us": {"c/1": 1_000_000, "c/2": 1_500_000}}

    def status(**changes: Any) -> dict[str, Any]:
        streams = [
            {"camera": "c", "stream": stream, "state": "recording", "since_us": 3_000_000}
            for stream in (1, 2)
        ]
        return {
            "heartbeat": {
                "instance": "b",
                "software": "vsaas-agent 2.0",
                "utc_us": now_us,
                "streams": streams,
            },
            "camera_names": {"c": "Gate"},
            "portal_seen_us": 5,
            "portal_trouble": None,
        } | changes

    assert updater.trouble(status(), "2.0", before) is None
    assert updater.interruption_ms(status(), before) == 2000
    assert updater.trouble(None, "2.0", before) == "the new version said nothing of itself"
    assert updater.trouble(status(), "2.1", before) == "another version runs: vsaas-agent 2.0"
    assert updater.trouble(status(portal_trouble="no"), "2.0", before) == "it does not reach the portal"
    lost = status()
    lost["heartbeat"]["streams"][1]["state"] = "offline"
    assert updater.trouble(lost, "2.0", before) == "1 of 2 streams are not recorded, Gate among them"
    lost["heartbeat"]["streams"] = []
    assert "2 of 2 streams" in str(updater.trouble(lost, "2.0", before))
    for said_us in (now_us - 40_000_000, now_us + 40_000_000, None):
        silent = status()
        silent["heartbeat"]["utc_us"] = said_us
        assert updater.trouble(silent, "2.0", before) == "the new version says nothing of itself any more"
    waiting = status()
    waiting["heartbeat"]["streams"][0]["state"] = "waiting-for-event"
    waiting["heartbeat"]["streams"][1]["state"] = "by-plan"
    assert updater.trouble(waiting, "2.0", before) is None


def test_the_installer_follows_no_link_out_of_the_recorders_folder(tmp_path: Path) -> None:
    places = updater.Places(tmp_path / "state", tmp_path / "own", tmp_path / "program")
    places.own.mkdir()
    (places.state / "update").mkdir(parents=True)
    secret = tmp_path / "secret"
    secret.write_text(json.dumps({"document": "00", "attempt": 1}))
    (places.state / "update/request").symlink_to(secret)
    updater.take_request(places)
    told = json.loads((places.own / updater.RESULT).read_text())
    assert (told["state"], told["document"]) == ("refused", None)


def test_settings_that_people_edited_outlive_the_way_back_and_the_next_update(
    architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By dpkg itself, with a database of its own, from a release that works and from one that dpkg cannot set up."""
    places = updater.Places(tmp_path / "state", tmp_path / "own", tmp_path / "program")
    places.own.mkdir()
    admin = tmp_path / "dpkg"
    for folder in ("info", "updates", "triggers"):
        (admin / folder).mkdir(parents=True)
    (admin / "status").touch()
    monkeypatch.setenv("DPKG_ADMINDIR", str(admin))
    monkeypatch.setenv("DPKG_FORCE", "not-root,bad-path")
    settings, program = tmp_path / "etc/agent.toml", tmp_path / "usr/program"

    def release(version: str, postinst: str = "exit 0") -> Path:
        root = tmp_path / f"root-{version}"
        for path in (settings, program):
            inside = root / path.relative_to("/")
            inside.parent.mkdir(parents=True, exist_ok=True)
            inside.write_text(f"default of {version}")
        control = root / "DEBIAN"
        control.mkdir()
        fields = {"Package": updater.PACKAGE, "Version": version, "Architecture": architecture}
        fields |= {"Maintainer": "Nobody <nobody@example.com>", "Description": "a release"}
        (control / "control").write_text("".join(f"{name}: {value}\n" for name, value in fields.items()))
        (control / "conffiles").write_text(f"{settings}\n")
        (control / "postinst").write_text(f"#!/bin/sh\n{postinst}\n")
        (control / "postinst").chmod(0o755)
        made = tmp_path / f"{version}.deb"
        command = ["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", str(root), str(made)]
        subprocess.run(command, check=True, capture_output=True)
        return made

    def install(package: Path) -> str | None:
        return updater._install(package, lambda: None)

    assert install(release("1.0")) is None
    settings.write_text("mine")
    for well in (True, False):
        updater._keep_previous(places, "1.0")
        assert (places.own / updater.PREVIOUS).stat().st_mode & 0o777 == 0o600
        assert (install(release(f"2.{well:d}", "exit 0" if well else "exit 1")) is None) == well
        assert install(places.own / updater.PREVIOUS) is None
        assert (updater.installed_version(), program.read_text()) == ("1.0", "default of 1.0")
        assert settings.read_text() == "mine"
    assert install(release("3.0")) is None
    assert (program.read_text(), settings.read_text()) == ("default of 3.0", "mine")


def test_what_fails_at_once_pauses_so_that_systemd_goes_on_starting_it(
    architecture: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unit = (DEBIAN / "vsaas-agent-update.service").read_text()
    limit = {name: int(value) for name, value in re.findall(r"(?m)^StartLimit(\w+)=(\d+)$", unit)}
    assert limit["Burst"] * updater.AGAIN_S > limit["IntervalSec"]

    monkeypatch.setenv("VSAAS_UPDATE_AGAIN_S", "0.4")
    monkeypatch.setenv("DPKG_ADMINDIR", str(tmp_path))
    state, own = tmp_path / "state", tmp_path / "own"
    monkeypatch.setattr(updater, "Places", partial(updater.Places, state, own, tmp_path / "program"))
    own.mkdir()
    (state / "update/request").mkdir(parents=True)
    for journal in ({}, {"state": "returning", "from": "1.0"}):
        if journal:
            (own / updater.JOURNAL).write_text(json.dumps(journal))
        begun_s = time.monotonic()
        assert updater.main() == 1
        assert time.monotonic() - begun_s >= 0.4
    assert json.loads((own / updater.JOURNAL).read_text())["state"] == "returning"
