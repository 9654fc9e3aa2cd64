"""A new box brings what the old one's disk still holds, through the real portal and store."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.db import connections

from edge_agent.__main__ import main
from edge_agent.identity import Identity
from edge_agent.run import SPOOL
from edge_agent.spool import INDEX
from protocol.states import SegmentState
from sealing.ids import GenesisReason
from sealing.statement import verify_statements
from tenants.scope import tenant_scope
from tests.boxes import make_code, make_keys
from tests.cast import Cast
from tests.edge_agent.filled import fill
from tests.edge_agent.test_against_portal import SOURCE, Served, served
from tests.services import ROOT
from vsaas.agents.enrolment import issue_code
from vsaas.agents.models import Agent
from vsaas.audit.services import system
from vsaas.cameras.handing_over import sealed_elsewhere
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.common.object_store import object_store
from vsaas.footage.models import Chain, Record
from vsaas.footage.stored import Hour, confirm_hour
from vsaas.footage.times import hour_start_us
from vsaas.keys.services import statements_since

__all__ = ["served"]

pytestmark = pytest.mark.real_time


class Boxes:
    """An old box with a camera and footage nobody has, and how a new one takes its place."""

    def __init__(self, cast: Cast, served: Served, folder: Path) -> None:
        self.cast, self.served, self.folder = cast, served, folder
        self.tenant = cast.tenant_a.id
        make_keys(cast.tenant_a)
        self.old = self.enrol("old", make_code(cast.tenant_a, cast.site_a).text)
        with tenant_scope(self.tenant):
            agent = Agent.objects.get(id=self.old.agent)
            self.camera = camera_add(agent, NewCamera("Door", SOURCE, audio=False), system("tests")).id

    def enrol(self, name: str, code: str) -> Identity:
        state = self.folder / name
        assert main(["enrol", self.served.portal, code, "--state", str(state), "--name", name]) == 0
        return Identity.load(state)

    def replace(self) -> Identity:
        with tenant_scope(self.tenant, keys=True):
            agent = Agent.objects.select_related("site").get(id=self.old.agent)
            code = issue_code(self.tenant, agent.site, system("tests"), agent).text
        return self.enrol("new", code)

    def stored(self) -> list[uuid.UUID]:
        with tenant_scope(self.tenant):
            rows = Record.objects.filter(camera_id=self.camera, state=SegmentState.STORED)
            return sorted(rows.order_by("start_us").values_list("segment", flat=True))


@pytest.fixture
def boxes(cast: Cast, served: Served, object_store_server: None, tmp_path: Path) -> Boxes:
    return Boxes(cast, served, tmp_path)


@contextmanager
def confirming(boxes: Boxes) -> Iterator[None]:
    """What the worker does: look into the store for what was uploaded."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(0.3):
            with tenant_scope(boxes.tenant):
                rows = Record.objects.filter(camera_id=boxes.camera, state=SegmentState.DECLARED)
                starts = list(rows.values_list("stream", "start_us"))
            for stream, hour_us in sorted({(stream, hour_start_us(us)) for stream, us in starts}):
                confirm_hour(boxes.tenant, Hour(boxes.camera, stream, hour_us), object_store())
        connections.close_all()

    worker = threading.Thread(target=look)
    worker.start()
    try:
        yield
    finally:
        over.set()
        worker.join()


def adopt(folder: Path, new: Identity) -> int:
    return main(["adopt", str(folder), "--state", str(new.state)])


def test_all_of_the_old_disk_arrives_as_signed_and_is_trusted(
    boxes: Boxes, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = fill(boxes.old.state, boxes.camera, 3)
    refused = adopt(
        boxes.old.state, boxes.enrol("third", make_code(boxes.cast.tenant_a, boxes.cast.site_a).text)
    )
    assert (refused, boxes.stored()) == (8, [])
    assert "did not take the place" in capsys.readouterr().err
    new = boxes.replace()
    with confirming(boxes):
        assert adopt(boxes.old.state, new) == 0
    assert "3 segments, and the addresses of 1 streams" in capsys.readouterr().out
    assert boxes.stored() == sorted(kept)
    with tenant_scope(boxes.tenant):
        (chain,) = Chain.objects.filter(camera_id=boxes.camera)
        assert (chain.agent_id, bytes(chain.record_public)) == (boxes.old.agent, boxes.old.keys.record_public)
        assert chain.genesis_reason == GenesisReason.FIRST_START
        assert sealed_elsewhere(new.agent) == []
        trust = verify_statements(statements_since(boxes.tenant), new.fingerprint)
    trusted = trust.trusted_up_to(boxes.old.agent, chain.chain.bytes)
    assert trusted is not None
    assert trusted.seq == chain.head_seq
    assert not any((boxes.old.state / SPOOL / "objects").glob("*/*")), "the disk has given away what it held"
    assert adopt(boxes.old.state, new) == 0
    assert "0 segments" in capsys.readouterr().out


def test_killed_in_the_middle_and_with_a_damaged_index_it_goes_on(boxes: Boxes) -> None:
    kept = fill(boxes.old.state, boxes.camera, 12)
    new = boxes.replace()
    command = [sys.executable, "-m", "edge_agent", "adopt", str(boxes.old.state), "--state", str(new.state)]
    with confirming(boxes), subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as process:
        deadline_s = time.monotonic() + 60
        while not boxes.stored() and process.poll() is None and time.monotonic() < deadline_s:
            time.sleep(0.02)
        process.kill()
    index = boxes.old.state / SPOOL / INDEX
    for suffix in ("-wal", "-shm"):
        index.with_name(index.name + suffix).unlink(missing_ok=True)
    index.write_bytes(b"not an index at all " * 500)
    with confirming(boxes):
        assert adopt(boxes.old.state, new) == 0
    assert boxes.stored() == sorted(kept)


def test_another_organisations_disk_is_refused_and_so_is_ones_own(
    boxes: Boxes, capsys: pytest.CaptureFixture[str]
) -> None:
    make_keys(boxes.cast.tenant_b)
    stranger = boxes.enrol("stranger", make_code(boxes.cast.tenant_b, boxes.cast.site_b).text)
    assert adopt(boxes.old.state, stranger) == 2
    assert "never brought to another" in capsys.readouterr().err
    assert adopt(stranger.state, stranger) == 2
    assert "nothing to adopt" in capsys.readouterr().err
    shutil.rmtree(boxes.old.state / "identity")
    assert adopt(boxes.old.state, stranger) == 2
    assert "is no agent's folder" in capsys.readouterr().err
