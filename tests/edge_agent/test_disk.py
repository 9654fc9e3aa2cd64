"""A disk that is full, takes no more files, or fails: what is open is closed, the pause is declared, recording goes on."""

from __future__ import annotations

import errno
import os
import sqlite3
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import pytest

from edge_agent import room as room_of
from edge_agent import seal
from edge_agent.errors import DiskFailed, DiskFull
from edge_agent.room import Room, disk_trouble
from edge_agent.segmenter import Limits
from edge_agent.spool import Spool
from sealing.ids import GapReason
from tests.edge_agent.box import Box, wait_for
from vsaas.onebox.demo_camera import SUB, DemoCamera, DemoCameraConfig, demo_camera_thread

pytestmark = pytest.mark.real_time


@pytest.fixture
def camera() -> Iterator[DemoCamera]:
    small = replace(SUB, fps=25, bitrate_bps=600_000, gop_seconds=1.0)
    with demo_camera_thread(DemoCameraConfig(main=small, audio=None)) as running:
        yield running


@pytest.fixture
def small_disk(tmp_path, request) -> Iterator[Box]:
    """A file system of 6 MB of its own; needs root, as in CI."""
    folder = tmp_path / "disk"
    folder.mkdir()
    options = f"size=6m,mode=0700,{getattr(request, 'param', '')}".rstrip(",")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder],
        check=False,
        capture_output=True,
        text=True,
    )
    if mounted.returncode:
        pytest.skip("mounting a small tmpfs needs root: run the tests as root")
    try:
        box = Box(folder, floor_bytes=1_500_000)
        yield box
        box.spool.close()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def test_a_full_disk_pauses_is_declared_and_recording_goes_on_when_there_is_room(camera, small_disk):
    box = small_disk
    ballast = box.folder / "ballast"
    recorder = box.recorder(camera.url("main"))
    recorder.start()
    wait_for(lambda: box.segments(), what="a segment")
    ballast.write_bytes(bytes(3_500_000))
    wait_for(lambda: recorder.health().state == "disk-full", 40, what="the pause")
    assert camera.playing("main") == 0
    kept = box.segments()
    ballast.unlink()
    wait_for(lambda: len(box.segments()) > len(kept), 40, what="recording to go on")
    recorder.stop()
    gap = next(gap for gap in box.gaps() if gap.reason == GapReason.DISK_FULL)
    before = [segment for segment in box.segments() if segment.end_us <= gap.start_us]
    after = [segment for segment in box.segments() if segment.start_us >= gap.end_us]
    assert before[-1].end_us == gap.start_us
    assert after[0].start_us == gap.end_us
    box.footage()


def test_not_one_byte_left_stops_nothing_for_good(camera, small_disk):
    """Somebody else fills the disk to the brim: not even a record fits, until there is room again."""
    box = small_disk
    recorder = box.recorder(camera.url("main"))
    recorder.start()
    wait_for(lambda: box.segments(), what="a segment")
    fill(box.folder / "ballast")
    wait_for(lambda: recorder.health().state == "disk-full", 40, what="the pause")
    (box.folder / "ballast").unlink()
    count = len(box.segments())
    wait_for(lambda: len(box.segments()) > count, 40, what="recording to go on")
    recorder.stop()
    assert GapReason.DISK_FULL in [gap.reason for gap in box.gaps()]
    covered = sorted((r.start_us, r.end_us) for r in (*box.segments(), *box.gaps()))
    assert all(after[0] <= before[1] for before, after in pairwise(covered))
    box.footage()


def fill(path) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        while True:
            os.write(handle, bytes(4096))
    except OSError as error:
        assert error.errno == errno.ENOSPC
    finally:
        os.close(handle)


def test_what_is_open_when_the_disk_fills_is_closed_not_thrown_away(camera, small_disk):
    """Segments of a minute here: thrown away, all of it would be missing."""
    box = small_disk
    recorder = box.recorder(camera.url("main"), limits=Limits(60, 60))
    recorder.start()
    wait_for(lambda: recorder.health().frames_per_s > 0 and recorder._segmenter.frames > 75, what="pictures")
    frames = recorder._segmenter.frames
    (box.folder / "ballast").write_bytes(bytes(3_500_000))
    wait_for(lambda: recorder.health().state == "disk-full", 40, what="the pause")
    assert "free on the spool's disk" in recorder.health().detail
    (segment,) = box.segments()
    assert len(box.open(segment).pictures()) >= frames
    assert "recording pauses" in box.spool.room.alarm()
    recorder.stop()
    (gap,) = box.gaps()
    assert (gap.reason, gap.start_us) == (GapReason.DISK_FULL, segment.end_us)


@pytest.mark.parametrize("small_disk", ["nr_inodes=400"], indirect=True)
def test_a_disk_that_takes_no_more_files_pauses_recording_and_says_so(camera, small_disk):
    box = small_disk
    recorder = box.recorder(camera.url("main"))
    recorder.start()
    wait_for(lambda: box.segments(), what="a segment")
    many = box.folder / "many"
    many.mkdir()
    touch_until_full(many)
    wait_for(lambda: recorder.health().state == "disk-full", 40, what="the pause")
    wait_for(lambda: "inodes are used up" in recorder.health().detail, what="the reason")
    for path in many.iterdir():
        path.unlink()
    count = len(box.segments())
    wait_for(lambda: len(box.segments()) > count, 40, what="recording to go on")
    recorder.stop()
    assert GapReason.DISK_FULL in [gap.reason for gap in box.gaps()]
    box.footage()


def touch_until_full(folder: Path) -> None:
    try:
        for number in range(500):
            (folder / str(number)).touch()
    except OSError as error:
        assert error.errno == errno.ENOSPC
        return
    raise AssertionError("the disk takes any number of files")


def test_a_disk_that_fails_pauses_recording_with_its_own_reason_and_goes_on(camera, tmp_path, monkeypatch):
    monkeypatch.setattr(room_of, "_FAILED_PAUSE_S", 1.0)
    box = Box(tmp_path)
    recorder = box.recorder(camera.url("main"))
    recorder.start()
    wait_for(lambda: box.segments(), what="a segment")

    def fails(*_: object) -> int:
        raise OSError(errno.EROFS, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(seal, "os", SimpleNamespace(**{**vars(os), "write": fails}))
        wait_for(lambda: recorder.health().state == "disk-full", 40, what="the pause")
        assert recorder.health().detail == "the spool's disk is read-only"
        assert box.spool.room.alarm() == "recording pauses: the spool's disk is read-only"
    count = len(box.segments())
    wait_for(lambda: len(box.segments()) > count, 40, what="recording to go on")
    recorder.stop()
    covered = sorted((r.start_us, r.end_us) for r in (*box.segments(), *box.gaps()))
    assert all(after[0] <= before[1] for before, after in pairwise(covered))
    box.spool.close()


def test_an_index_that_cannot_be_written_is_the_disks_failure(tmp_path):
    spool = Spool(tmp_path, budget_bytes=10**9, floor_bytes=0)

    def read_only(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA query_only=1")
        connection.execute("INSERT INTO meta VALUES ('a', 'b')")

    with pytest.raises(DiskFailed, match="the spool's disk fails: attempt to write a readonly database"):
        spool.write(read_only).result(timeout=20)
    assert not spool.room.may_record()
    spool.close()


def test_errors_of_the_disk_are_told_from_all_others():
    assert type(disk_trouble(OSError(errno.ENOSPC, ""))) is DiskFull
    assert type(disk_trouble(OSError(errno.EDQUOT, ""))) is DiskFull
    assert isinstance(disk_trouble(OSError(errno.EIO, "")), DiskFailed)
    assert isinstance(disk_trouble(sqlite3.OperationalError("disk I/O error")), DiskFailed)
    assert disk_trouble(OSError(errno.ENOENT, "")) is None
    assert disk_trouble(sqlite3.OperationalError("no such table: x")) is None
    assert disk_trouble(ValueError("full")) is None


def test_thirty_two_cameras_at_the_edge_pause_and_resume_rarely(tmp_path, monkeypatch):
    """They write 16 MB a second, uploads free one: a second of recording after each second of pause would be no use."""
    now_s = [1000.0]
    monkeypatch.setattr(room_of.time, "monotonic", lambda: now_s[0])
    room = Room(tmp_path, budget_bytes=4_000_000_000, floor_bytes=0)
    room.start(3_200_000_000)
    recording, changes, recorded_s = True, 0, 0
    for _ in range(1800):
        now_s[0] += 1
        room.give(1_000_000)
        if recording:
            recorded_s += 1
            for _ in range(32):
                room.spend(500_000)
        if (not room.why_full if recording else room.may_record()) != recording:
            recording, changes = not recording, changes + 1
    assert recorded_s > 100
    assert changes <= 4
