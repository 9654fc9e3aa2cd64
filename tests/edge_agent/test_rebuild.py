"""A damaged or lost index is made anew from the sealed files themselves, and everything still arrives, once."""

from __future__ import annotations

import sqlite3
import uuid
from collections.abc import Iterator
from dataclasses import replace

import pytest

from edge_agent.errors import SpoolDamaged
from edge_agent.spool import INDEX
from protocol.states import SegmentState
from sealing.ids import GapReason
from sealing.record import Genesis
from tests.edge_agent.box import Box, wait_for
from tests.edge_agent.filled import fill, fill_box
from tests.edge_agent.portal import running_portal
from tests.edge_agent.process import AgentProcess, agent_process
from tests.edge_agent.test_upload import check_everything, files, spool_states
from vsaas.onebox.demo_camera import SUB, DemoCamera, DemoCameraConfig, demo_camera_thread


def garbage(folder) -> None:
    (folder / INDEX).write_bytes(b"not a database" * 1000)


def torn(folder) -> None:
    """The pages behind the first are gone, as a dying card leaves them."""
    for suffix in ("-wal", "-shm"):
        (folder / (INDEX + suffix)).unlink(missing_ok=True)
    size = (folder / INDEX).stat().st_size
    with (folder / INDEX).open("r+b") as file:
        file.seek(4096)
        file.write(b"\xa5" * (size - 4096))


def lost(folder) -> None:
    for path in folder.glob(INDEX + "*"):
        path.unlink()


@pytest.mark.parametrize("break_index", [garbage, torn, lost])
def test_a_broken_index_is_made_anew_with_every_record_key_and_time(break_index, tmp_path):
    box = Box(tmp_path)
    made = fill_box(box, 3)
    before = box.records()
    covered_us = box.spool.covered_until(box.camera, 1)
    used = box.spool.summary().bytes_used
    box.spool.close()
    break_index(tmp_path / "spool")
    again = Box(tmp_path)
    try:
        assert again.spool.rebuilt is not None
        assert (again.spool.rebuilt.segments, again.spool.rebuilt.lost) == (3, 0)
        assert again.records() == before
        assert [footage.record.segment for footage in again.footage()] == made
        assert again.spool.covered_until(box.camera, 1) == covered_us
        assert again.spool.summary().bytes_used == used
        assert again.spool.read("SELECT DISTINCT state FROM segments") == [(SegmentState.SEALED,)]
        # The chain goes on where it was: the next one names its tip.
        fill_box(again, 1)
        first, second = [record for record in again.records() if isinstance(record, Genesis)]
        assert second.follows is not None
        assert (second.follows.chain, second.follows.seq) == (first.chain, before[-1].seq)
    finally:
        again.spool.close()


def test_a_file_that_is_not_what_its_record_says_is_left_out_and_counted(tmp_path):
    box = Box(tmp_path)
    made = fill_box(box, 3)
    paths = [box.spool.object_path(box.camera, 1, segment) for segment in made]
    box.spool.close()
    lost(tmp_path / "spool")
    with paths[0].open("r+b") as file:  # cut off, as after a power cut
        file.truncate(paths[0].stat().st_size - 3)
    data = bytearray(paths[1].read_bytes())
    data[-40] ^= 1  # a flipped bit behind the object
    paths[1].write_bytes(data)
    again = Box(tmp_path)
    assert again.spool.rebuilt is not None
    assert (again.spool.rebuilt.segments, again.spool.rebuilt.lost) == (1, 2)
    rows = again.spool.read("SELECT segment FROM records WHERE segment IS NOT NULL")
    assert [row[0] for row in rows] == [made[2].bytes]
    assert [path.exists() for path in paths] == [False, False, True]
    again.spool.close()


def test_a_segment_without_anything_behind_its_object_gets_it_at_the_next_start(tmp_path):
    """A kill between the commit and the writing, or the release before this one."""
    box = Box(tmp_path)
    (segment,) = fill_box(box, 1)
    size = box.segments()[0].size
    path = box.spool.object_path(box.camera, 1, segment)
    box.spool.close()
    with path.open("r+b") as file:
        file.truncate(size)
    Box(tmp_path).spool.close()
    assert path.stat().st_size > size
    lost(tmp_path / "spool")
    again = Box(tmp_path)
    assert [footage.record.segment for footage in again.footage()] == [segment]
    again.spool.close()


def test_damage_found_at_work_is_told_as_what_it_is(tmp_path):
    box = Box(tmp_path)
    fill_box(box, 2)
    told: list[bool] = []
    box.spool.on_damage = lambda: told.append(True)

    def malformed(_: sqlite3.Connection) -> None:
        raise sqlite3.DatabaseError("database disk image is malformed")

    with pytest.raises(SpoolDamaged, match="made anew from the segments"):
        box.spool.write(malformed).result()
    assert told
    assert box.spool.damaged == "database disk image is malformed"
    box.spool.close()


@pytest.mark.real_time
def test_an_agent_whose_index_breaks_sends_everything_all_the_same(tmp_path):
    """Some records had been accepted and some objects released: the portal knows what it has, and nothing comes twice."""
    camera = uuid.uuid4()
    with running_portal() as portal:
        portal.order()
        state = tmp_path / "state"
        portal.enrol(state)
        portal.faults.store_status = 503
        made = fill(state, camera, 4)
        agent = AgentProcess(state, tmp_path / "log")
        agent.start()
        wait_for(lambda: len(portal.segments()) == 4, 40, what="the records")
        assert agent.stop() == 0
        made += fill(state, camera, 2, before_s=300)
        torn(state / "spool")
        portal.faults.store_status = None
        agent.start()
        wait_for(lambda: portal.stored() == set(made), 60, what="every object")
        wait_for(lambda: spool_states(state) == {SegmentState.RELEASED: 6}, 60, what="the release")
        wait_for(
            lambda: any("made anew" in text for text in portal.heartbeats[-1]["alarms"]), what="the alarm"
        )
        assert agent.stop() == 0
        assert not files(state)
        assert {segment.segment for segment in portal.segments()} == set(made)
        assert all(count == 1 for count in portal.put_counts.values())
        gaps = [r.record for r in portal.all_records() if hasattr(r.record, "reason")]
        assert GapReason.SEALED_DATA_DAMAGED not in {getattr(gap, "reason", None) for gap in gaps}


@pytest.fixture
def camera() -> Iterator[DemoCamera]:
    small = replace(SUB, fps=25, bitrate_bps=400_000, gop_seconds=1.0)
    with demo_camera_thread(DemoCameraConfig(main=small, audio=None)) as running:
        yield running


@pytest.mark.real_time
def test_an_index_that_breaks_under_a_working_agent_is_made_anew_and_recording_goes_on(camera, tmp_path):
    log = tmp_path / "log"
    with running_portal() as portal:
        portal.order((uuid.uuid4(), camera.url("main"), None))
        state = tmp_path / "state"
        portal.enrol(state)
        portal.faults.store_status = 503
        with agent_process(state, log) as agent:
            wait_for(lambda: len(portal.segments()) >= 2, 40, what="records")
            for suffix, begin in (("", 4096), ("-wal", 32)):
                path = state / "spool" / (INDEX + suffix)
                with path.open("r+b") as file:
                    file.seek(begin)
                    file.write(b"\xa5" * max(0, path.stat().st_size - begin))
            wait_for(lambda: "the spool's index was made anew" in log.read_text(), 60, what="a new index")
            portal.faults.store_status = None
            count = len(portal.segments())
            wait_for(lambda: len(portal.segments()) >= count + 2, 60, what="recording to go on")
            wait_for(
                lambda: {s.segment for s in portal.segments()[: count + 2]} <= portal.stored(),
                60,
                what="the objects",
            )
            assert agent.stop() == 0
        check_everything(portal)
        assert (state / "spool" / f"damaged-{INDEX}").exists()
