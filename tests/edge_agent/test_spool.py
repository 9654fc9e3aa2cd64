"""The spool: whatever is killed or full, what it says is on disk is there, and nothing else is."""

from __future__ import annotations

import signal
import sqlite3
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from itertools import pairwise

import pytest

from edge_agent.errors import DiskFull, StateUnusable
from edge_agent.spool import RecordState, Spool, prune, unsent_records
from protocol.states import SegmentState
from sealing.ids import GapReason, Stream
from tests.edge_agent.box import Box, wait_for
from tests.edge_agent.filled import fill_box
from tests.edge_agent.killed_writer import POINTS
from tests.edge_agent.process import ROOT
from vsaas.onebox.demo_camera import SUB, DemoCamera, DemoCameraConfig, demo_camera_thread


@pytest.fixture
def camera() -> Iterator[DemoCamera]:
    small = replace(SUB, fps=25, bitrate_bps=600_000, gop_seconds=1.0)
    with demo_camera_thread(DemoCameraConfig(main=small, audio=None)) as running:
        yield running


@pytest.mark.parametrize("point", POINTS)
def test_killed_at_every_step_what_was_closed_is_there_and_what_was_open_is_closed(point, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.edge_agent.killed_writer", tmp_path, point],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    box = Box(tmp_path)
    try:
        segments = box.segments()
        complete = POINTS[point][3]
        assert len(segments) == complete + box.salvaged.segments
        pictures = [len(box.open(segment).pictures()) for segment in segments]
        assert pictures[:complete] == [50] * complete
        assert all(0 < count <= 50 for count in pictures[complete:])
        assert all(after.start_us == before.end_us for before, after in pairwise(segments))
        states = box.spool.read("SELECT DISTINCT state FROM segments")
        assert states == [(SegmentState.SEALED,)]
        names = {path.name for path in box.spool.objects.rglob("*") if path.is_file()}
        assert names == {segment.segment.hex for segment in segments}
        assert box.spool.covered_until(box.camera, Stream.MAIN) == segments[-1].end_us
        lying = [path.stat().st_size for path in box.spool.objects.rglob("*") if path.is_file()]
        assert box.spool.summary().bytes_used == sum(lying)
    finally:
        box.spool.close()


def test_the_budget_bounds_the_spool_and_room_comes_back_when_objects_go(camera, tmp_path):
    box = Box(tmp_path, budget_bytes=400_000)
    recorder = box.recorder(camera.url("main"))
    recorder.start()
    wait_for(lambda: recorder.health().state == "disk-full", 40, what="the pause")
    assert sum(path.stat().st_size for path in box.spool.objects.rglob("*") if path.is_file()) <= 400_000
    oldest = box.segments()
    for segment in oldest:
        path = box.spool.object_path(segment.camera, segment.stream, segment.segment)
        path.unlink()
        box.spool.room.give(segment.size)
    wait_for(lambda: len(box.segments()) > len(oldest), 40, what="recording to go on")
    recorder.stop()
    assert GapReason.DISK_FULL in [gap.reason for gap in box.gaps()]
    box.spool.close()


def test_many_writers_share_one_commit_and_one_failure_stays_alone(tmp_path):
    spool = Spool(tmp_path, budget_bytes=10**9, floor_bytes=0)
    gate = threading.Event()

    def wait(_: sqlite3.Connection) -> None:
        gate.wait()

    def fail(connection: sqlite3.Connection) -> None:
        connection.execute("INSERT INTO meta VALUES ('half', 'done')")
        raise ValueError("no")

    def put(name: str):
        return lambda connection: connection.execute("INSERT INTO meta VALUES (?, 'x')", (name,))

    first = spool.write(wait)
    good, bad, other = spool.write(put("a")), spool.write(fail), spool.write(put("b"))
    gate.set()
    first.result()
    good.result()
    other.result()
    with pytest.raises(ValueError, match="no"):
        bad.result()
    assert {row[0] for row in spool.read("SELECT name FROM meta")} == {"a", "b"}
    spool.close()


def test_a_spool_of_another_release_is_left_alone(tmp_path):
    Spool(tmp_path, budget_bytes=1, floor_bytes=0).close()
    with sqlite3.connect(tmp_path / "index.sqlite3") as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(StateUnusable, match="another release"):
        Spool(tmp_path, budget_bytes=1, floor_bytes=0)


def test_the_budget_is_said_in_the_error(tmp_path):
    spool = Spool(tmp_path, budget_bytes=5_000_000, floor_bytes=0)
    with pytest.raises(DiskFull, match="budget of 5 MB"):
        spool.room.spend(6_000_000)
    spool.close()


def test_objects_lie_where_camera_stream_and_segment_say(tmp_path):
    spool = Spool(tmp_path, budget_bytes=1, floor_bytes=0)
    camera, segment = uuid.uuid4(), uuid.uuid4()
    assert spool.object_path(camera, 1, segment).relative_to(tmp_path).parts == (
        "objects",
        f"{camera.hex}-1",
        segment.hex,
    )
    spool.close()


def test_a_write_whose_waiter_was_cancelled_leaves_the_spool_working(tmp_path):
    spool = Spool(tmp_path, budget_bytes=10**9, floor_bytes=0)
    gate = threading.Event()
    first = spool.write(lambda _: gate.wait())
    cancelled = spool.note("cancelled", "x")
    assert cancelled.cancel()
    gate.set()
    first.result()
    spool.note("after", "x").result(timeout=20)
    assert {row[0] for row in spool.read("SELECT name FROM meta")} == {"after"}
    spool.close()


def test_when_everything_is_rolled_back_at_once_all_hear_that_the_disk_is_full(tmp_path):
    spool = Spool(tmp_path, budget_bytes=10**9, floor_bytes=0)
    gate = threading.Event()

    def fill_up(connection: sqlite3.Connection) -> None:
        connection.execute("ROLLBACK")  # as SQLite does by itself when it can write no more
        raise sqlite3.OperationalError("database or disk is full")

    first = spool.write(lambda _: gate.wait())
    results = [spool.note("before", "x"), spool.write(fill_up), spool.note("behind", "x")]
    gate.set()
    for result in (first, *results):
        with pytest.raises(DiskFull):
            result.result(timeout=20)
    spool.note("later", "x").result(timeout=20)
    assert {row[0] for row in spool.read("SELECT name FROM meta")} == {"later"}
    spool.close()


def test_records_of_a_chain_nobody_takes_do_not_keep_the_others_waiting(tmp_path):
    spool = Spool(tmp_path, budget_bytes=10**9, floor_bytes=0)
    older, newer = b"o" * 16, b"n" * 16

    def put(connection: sqlite3.Connection) -> None:
        for chain, opened_us, count in ((older, 1, 2), (newer, 2, 5)):
            connection.execute(
                "INSERT INTO chains VALUES (?, ?, 1, ?, x'', ?)",
                (chain, uuid.uuid4().bytes, count, opened_us),
            )
            connection.executemany(
                "INSERT INTO records (chain, seq, hash, kind, record, signed_us) VALUES (?, ?, x'', 2, x'', 0)",
                [(chain, seq) for seq in range(count)],
            )

    spool.write(put).result()
    first = [(item.chain, item.seq) for item in unsent_records(spool, 4)]
    assert first == [(older, 0), (newer, 0), (newer, 1), (newer, 2)]
    assert [(item.chain, item.seq) for item in unsent_records(spool, 3, {newer})] == [(older, 0), (older, 1)]
    spool.close()


def test_a_record_whose_object_still_waits_is_never_forgotten(tmp_path):
    """Its record and index part bring the next grant, however long the store was away."""
    box = Box(tmp_path)
    waiting, gone = fill_box(box, 2)

    def age(connection: sqlite3.Connection) -> None:
        connection.execute("UPDATE records SET state = ?", (RecordState.ACKNOWLEDGED,))
        connection.execute("UPDATE segments SET state = ?", (SegmentState.DECLARED,))
        connection.execute(
            "UPDATE segments SET state = ? WHERE segment = ?", (SegmentState.RELEASED, gone.bytes)
        )

    box.spool.write(age).result()
    now_us = box.clock.wall_us()

    def left(days: float) -> list[tuple[bytes, bool]]:
        box.spool.write(lambda c: prune(c, now_us + int(days * 86_400_000_000))).result()
        rows = box.spool.read(
            "SELECT segment, index_part IS NOT NULL FROM records WHERE segment IS NOT NULL ORDER BY seq"
        )
        return [(row[0], bool(row[1])) for row in rows]

    assert left(4) == [(waiting.bytes, True), (gone.bytes, False)]
    assert left(40) == [(waiting.bytes, True)]
    assert box.spool.read("SELECT segment FROM segments") == [(waiting.bytes,)]
    box.spool.write(
        lambda c: c.execute("UPDATE segments SET state = ?", (SegmentState.RELEASED,)).rowcount
    ).result()
    assert left(40) == []
    box.spool.close()


def test_what_waits_of_each_stream_is_found_without_looking_at_all_of_it(tmp_path):
    box = Box(tmp_path)
    fill_box(box, 3)
    start_us = box.segments()[0].start_us
    assert box.spool.unsent() == [(box.camera, 1, start_us)]
    plan = box.spool.read(
        "EXPLAIN QUERY PLAN SELECT min(start_us) FROM segments g"
        " WHERE g.camera = x'' AND g.stream = 1 AND g.state IN (1, 2)"
    )
    assert "USING INDEX segments_unsent (camera=? AND stream=?)" in plan[0][3]
    done = "UPDATE segments SET state = ?"
    box.spool.write(lambda c: c.execute(done, (SegmentState.UPLOADED,)).rowcount).result()
    assert box.spool.unsent() == []
    box.spool.close()


def test_a_spool_of_the_first_release_is_taken_over(tmp_path):
    box = Box(tmp_path)
    fill_box(box, 1)
    box.spool.close()
    with closing(sqlite3.connect(tmp_path / "spool" / "index.sqlite3")) as connection:
        connection.executescript(
            "DROP INDEX segments_unsent; ALTER TABLE segments DROP COLUMN opened; PRAGMA user_version=1;"
        )
    again = Box(tmp_path)
    fill_box(again, 1)
    assert len(again.footage()) == 2
    again.spool.close()


def test_a_damaged_file_that_could_not_be_deleted_goes_at_the_next_start(tmp_path):
    box = Box(tmp_path)
    lost, kept = fill_box(box, 2)
    box.spool.write(
        lambda c: (
            c.execute(
                "UPDATE segments SET state = ? WHERE segment = ?", (SegmentState.MISSING, lost.bytes)
            ).rowcount
        )
    ).result()
    box.spool.close()
    again = Box(tmp_path)
    assert {path.name for path in again.spool.objects.rglob("*") if path.is_file()} == {kept.hex}
    path = again.spool.object_path(box.camera, 1, kept)
    assert again.spool.summary().bytes_used == path.stat().st_size > again.segments()[1].size
    again.spool.close()
