"""Two releases made of one package: the next one, and one that never records. A booted machine takes the first and not the second."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

from edge_agent import __version__
from installer.release import make_release
from protocol.command import UpdateOrder
from protocol.release import document_hash
from sealing.ids import GapReason
from sealing.record import Gap
from tests.edge_agent.box import wait_for
from tests.edge_agent.portal import Portal
from tests.installer.machine import Machine

NEXT, BROKEN = "90.1.0", "90.2.0"


def rebuilt(package: Path, version: str, *, records: bool = True) -> Path:
    """The same package under another version; `records` false: its program ends as soon as it is to record."""
    root = package.parent / f"root-{version}"
    shutil.rmtree(root, ignore_errors=True)
    subprocess.run(["dpkg-deb", "--raw-extract", str(package), str(root)], check=True)
    control = root / "DEBIAN/control"
    control.write_text(re.sub(r"(?m)^Version: .*$", f"Version: {version}", control.read_text()))
    program = root / "usr/lib/vsaas-agent/edge_agent"
    start = program / "__init__.py"
    start.write_text(start.read_text().replace(__version__, version))
    if not records:
        run = program / "run.py"
        run.write_text(
            run.read_text() + "\n\ndef run(state, settings):\n    raise SystemExit('a broken release')\n"
        )
    made = package.with_name(package.name.replace(__version__, version))
    command = ["dpkg-deb", "--build", "--root-owner-group", "-Zgzip", "-z1", str(root), str(made)]
    subprocess.run(command, check=True, capture_output=True)
    return made


def offer(portal: Portal, package: Path, key: Path, version: str) -> UpdateOrder:
    """Offer a release of this one package, and order it."""
    document = make_release(key, [package], updates_from=__version__, notes="").read_bytes()
    digest = document_hash(document)
    portal.offered[digest.hex()] = document
    portal.offered[f"{digest.hex()}/{package.name}"] = package.read_bytes()
    order = UpdateOrder(version, digest)
    portal.settings = replace(portal.settings, update=order)
    portal.order(*portal.cameras)
    return order


def told(portal: Portal, order: UpdateOrder) -> dict[str, Any]:
    """What the newest heartbeat says of this order; {} while it speaks of another."""
    update = portal.heartbeats[-1]["update"] if portal.heartbeats else None
    return update if update and update["version"] == order.version else {}


def updated_and_rolled_back(machine: Machine, portal: Portal, package: Path, key: Path) -> None:
    def log() -> str:
        return machine.run("journalctl", "--no-pager", "-u", "vsaas-agent-update", check=False).stdout

    def version() -> str:
        return machine.run("dpkg-query", "--show", "--showformat=${Version}", "vsaas-agent").stdout

    drop_in = machine.root / "etc/systemd/system/vsaas-agent-update.service.d"
    drop_in.mkdir(parents=True)
    (drop_in / "soon.conf").write_text("[Service]\nEnvironment=VSAAS_UPDATE_HEALTH_S=60\n")
    machine.run("systemctl", "daemon-reload")

    order = offer(portal, rebuilt(package, NEXT), key, NEXT)
    try:
        wait_for(lambda: told(portal, order).get("state") == "installed", 240, what="the next version")
    except AssertionError as error:
        raise AssertionError(f"{error}: {told(portal, order)}\n{log()}") from error
    assert version() == NEXT
    assert portal.heartbeats[-1]["software"] == f"vsaas-agent {NEXT}"
    interruption_ms = told(portal, order)["interruption_ms"]
    gaps = [r.record for r in portal.all_records() if isinstance(r.record, Gap)]
    stops = [gap.end_us - gap.start_us for gap in gaps if gap.reason == GapReason.AGENT_STOPPED]
    assert stops, "the restart is a signed gap"
    assert 0 < interruption_ms < 60_000
    assert abs(stops[-1] // 1000 - interruption_ms) < 3_000, "as long as the gap says"

    order = offer(portal, rebuilt(package, BROKEN, records=False), key, BROKEN)
    try:
        wait_for(lambda: told(portal, order).get("state") == "rolled-back", 300, what="the way back")
    except AssertionError as error:
        raise AssertionError(f"{error}: {told(portal, order)}\n{log()}") from error
    assert told(portal, order)["reason"] == "the new version said nothing of itself"
    assert version() == NEXT
    assert machine.run("systemctl", "is-active", "vsaas-agent").stdout.strip() == "active"
    assert not (machine.root / "var/lib/vsaas-agent-update/journal.json").exists()

    # Whoever stands in the recorder's place may ask for what it likes: an older version is not installed.
    asked = machine.root / "var/lib/vsaas-agent/update"
    older = make_release(key, [package], updates_from="0", notes="").read_bytes()
    (asked / "release").write_bytes(older)
    (asked / "package.deb").write_bytes(package.read_bytes())
    (asked / "request").write_text(json.dumps({"document": document_hash(older).hex(), "attempt": 1}))
    result = machine.root / "var/lib/vsaas-agent-update/result.json"
    wait_for(lambda: json.loads(result.read_text())["state"] == "refused", 60, what="the refusal")
    assert "is not newer than" in json.loads(result.read_text())["reason"]
    assert version() == NEXT
