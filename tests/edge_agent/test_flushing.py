"""What is being recorded reaches the disk while its segment is still open."""

from __future__ import annotations

import os
import threading

import pytest

from edge_agent.flushing import Flusher, sync_file_system
from edge_agent.room import Room
from tests.edge_agent.box import wait_for


class Disk:
    """Counts syncs; fails as long as `trouble` is set."""

    def __init__(self) -> None:
        self.syncs = 0
        self.trouble: OSError | None = None
        self.tried = threading.Event()

    def sync(self, handle: int) -> None:
        os.fstat(handle)
        self.tried.set()
        if self.trouble is not None:
            raise self.trouble
        self.syncs += 1


@pytest.fixture
def room(tmp_path) -> Room:
    room = Room(tmp_path, budget_bytes=10**9, floor_bytes=0)
    room.start(0)
    return room


def test_what_was_written_is_synced_once_and_what_is_written_later_again(tmp_path, room):
    disk = Disk()
    flusher = Flusher(tmp_path, room, every_s=0.005, sync=disk.sync)
    flusher.start()
    try:
        room.spend(1000)
        wait_for(lambda: disk.syncs == 1)
        room.give(1000)
        room.spend(1000)
        wait_for(lambda: disk.syncs == 2)
    finally:
        flusher.stop()
    assert disk.syncs == 2


def test_a_disk_in_trouble_is_told_of_once_and_synced_as_soon_as_it_can_be(tmp_path, room, caplog):
    disk = Disk()
    disk.trouble = OSError(5, "Input/output error")
    flusher = Flusher(tmp_path, room, every_s=0.005, sync=disk.sync)
    flusher.start()
    try:
        room.spend(1000)
        for _ in range(3):
            disk.tried.clear()
            assert disk.tried.wait(10)
        disk.trouble = None
        wait_for(lambda: disk.syncs == 1)
    finally:
        flusher.stop()
    told = [record.getMessage() for record in caplog.records]
    assert len(told) == 1
    assert "Input/output error" in told[0]


def test_the_systems_call_syncs_and_says_what_is_wrong(tmp_path):
    handle = os.open(tmp_path, os.O_RDONLY)
    sync_file_system(handle)
    os.close(handle)
    with pytest.raises(OSError, match="Bad file descriptor"):
        sync_file_system(handle)
