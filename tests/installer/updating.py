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
from installer.release import make_key, make_release
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

    # Power fails while files are unpacked: what was there before is there again, by the copy made before that.
    own = machine.root / "var/lib/vsaas-agent-update"
    result = own / "result.json"
    journal = json.loads(result.read_text()) | {"attempt": 7, "from": NEXT, "state": "installing"}
    lost = machine.root / "usr/lib/vsaas-agent/edge_agent/updater.py"
    lost.unlink()
    (own / "journal.json.new").write_text(json.dumps(journal | {"before": {"recording": [], "last_us": {}}}))
    (own / "journal.json.new").rename(own / "journal.json")
    wait_for(lambda: json.loads(result.read_text())["attempt"] == 7, 60, what="the recovery")
    assert json.loads(result.read_text())["state"] == "rolled-back"
    assert lost.exists()
    assert version() == NEXT

    # Whoever stands in the recorder's place may ask for what it likes: nothing of it is installed.
    asked = machine.root / "var/lib/vsaas-agent/update"
    newer = package.with_name(package.name.replace(__version__, BROKEN))
    stranger = package.parent / "stranger"
    if not stranger.exists():
        make_key(stranger)
    for number, (signer, named, sent, reason) in enumerate(
        (
            (key, package, package.read_bytes(), "is not newer than"),
            (stranger, newer, newer.read_bytes(), "which is not known here"),
            (key, newer, newer.read_bytes()[:-1], "it is cut off or altered"),
        ),
        start=11,
    ):
        document = make_release(signer, [named], updates_from="0", notes="").read_bytes()
        (asked / "release").write_bytes(document)
        (asked / "package.deb").write_bytes(sent)
        request = {"document": document_hash(document).hex(), "attempt": number}
        (asked / "request.new").write_text(json.dumps(request))
        (asked / "request.new").rename(asked / "request")
        wait_for(lambda n=number: json.loads(result.read_text())["attempt"] == n, 60, what="the refusal")
        told_now = json.loads(result.read_text())
        assert told_now["state"] == "refused"
        assert reason in told_now["reason"]
        assert version() == NEXT
