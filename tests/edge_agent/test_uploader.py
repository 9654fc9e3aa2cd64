"""The uploader on a real spool, where no portal is needed to tell what it does."""

from __future__ import annotations

import errno
import uuid
from collections.abc import Iterator
from typing import Any, cast

import pytest

from edge_agent import alarms, upload
from edge_agent.alarms import Alarms
from edge_agent.cloud import Cloud
from edge_agent.spool import RecordState
from edge_agent.upload import Uploader
from protocol.batch import PutGrant
from protocol.state import TIPS_AT_ONCE, ChainTip
from protocol.states import SegmentState
from sealing.ids import GapReason
from tests.edge_agent.box import Box
from tests.edge_agent.filled import fill_box


@pytest.fixture
def box(tmp_path) -> Iterator[Box]:
    made = Box(tmp_path)
    yield made
    made.spool.close()


class UnreadableDisk:
    """A store whose client reads the file it is to send."""

    async def put(self, url: str, headers: dict[str, str], path: Any, size: int) -> None:
        path.read_bytes()


def uploader(box: Box, cloud: object = None) -> Uploader:
    return Uploader(box.spool, cast("Cloud", cloud), box.clock, box.identity, cast("Any", None))


def accept_all(box: Box) -> None:
    """As after a reply that took every record."""

    def accepted(connection: Any) -> None:
        connection.execute("UPDATE records SET state = ?", (RecordState.ACKNOWLEDGED,))
        connection.execute("UPDATE segments SET state = ?", (SegmentState.DECLARED,))
        connection.execute("UPDATE envelopes SET sent_us = 1")

    box.spool.write(accepted).result()


def unsent(box: Box) -> int:
    return int(box.spool.read("SELECT count(*) FROM records WHERE state = 0")[0][0])


def strangers(count: int) -> list[ChainTip]:
    return [ChainTip(uuid.uuid4().bytes, uuid.uuid4(), 1, 5, bytes(32)) for _ in range(count)]


async def test_a_chain_that_is_absent_from_a_full_list_is_not_sent_again(box) -> None:
    fill_box(box, 2)
    accept_all(box)
    sender = uploader(box)
    await sender.compare_tips(strangers(TIPS_AT_ONCE))
    assert unsent(box) == 0
    await sender.compare_tips(strangers(TIPS_AT_ONCE - 1))
    assert unsent(box) == 3
    assert box.spool.read("SELECT count(*) FROM envelopes WHERE sent_us IS NULL")[0][0] > 0


async def test_what_the_portal_has_is_not_sent_again(box) -> None:
    fill_box(box, 2)
    accept_all(box)
    ((chain, seq, tip),) = box.spool.read("SELECT chain, next_seq - 1, tip FROM chains")
    sender = uploader(box)
    await sender.compare_tips([ChainTip(chain, box.camera, 1, seq, tip)])
    assert unsent(box) == 0
    await sender.compare_tips([ChainTip(chain, box.camera, 1, seq - 1, bytes(32))])
    assert unsent(box) == 1


async def test_a_file_the_disk_cannot_read_is_declared_and_stands_in_nobodys_way(box) -> None:
    (segment,) = fill_box(box, 1)
    accept_all(box)
    path = box.spool.object_path(box.camera, 1, segment)
    path.unlink()
    path.symlink_to(
        "/proc/self/mem"
    )  # its first bytes are nobody's: reading them fails as a broken disk does
    with pytest.raises(OSError) as failed:
        path.read_bytes()
    assert failed.value.errno == errno.EIO
    box.spool.write(lambda c: c.execute("UPDATE segments SET size = 0").rowcount).result()
    sender = uploader(box, UnreadableDisk())
    (item,) = sender._waiting_objects()
    sender._grants[segment] = upload._Grant(PutGrant("http://127.0.0.1:9/", {}), 1e18)
    await sender._put(item)
    (gap,) = box.gaps()
    assert gap.reason == GapReason.SEALED_DATA_DAMAGED
    assert not path.is_symlink()
    assert sender._waiting_objects() == []
    assert any("is damaged on this disk" in text for text in sender.alarms)


def test_an_alarm_goes_when_it_holds_no_more_and_after_a_day(monkeypatch) -> None:
    now_s = 1000.0
    monkeypatch.setattr(alarms.time, "monotonic", lambda: now_s)
    kept = Alarms()
    kept.put("store", "the store refuses")
    kept.put("upload 7", "segment 7 waits")
    kept.put("store", "the store refuses everything")
    assert kept.texts() == ["segment 7 waits", "the store refuses everything"]
    kept.clear("upload 7")
    kept.clear("never raised")
    assert kept.texts() == ["the store refuses everything"]
    now_s += alarms.KEPT_S + 1
    assert kept.texts() == []
    for number in range(alarms.MOST + 5):
        kept.put(str(number), str(number))
    assert kept.texts()[0] == "5"


async def test_files_of_refused_segments_are_kept_a_month_or_until_recording_needs_their_room(box) -> None:
    made = fill_box(box, 2)
    now_us = box.clock.wall_us()

    def refused(connection: Any) -> None:
        connection.execute("UPDATE segments SET state = ?", (SegmentState.REFUSED,))
        connection.execute(
            "UPDATE segments SET changed_us = ? WHERE segment = ?",
            (now_us - 31 * 86_400_000_000, made[0].bytes),
        )

    box.spool.write(refused).result()
    sender = uploader(box)
    paths = [box.spool.object_path(box.camera, 1, segment) for segment in made]
    before = box.spool.summary()
    assert before.oldest_unsent_us is None
    await sender._drop_refused(now_us)
    assert [path.exists() for path in paths] == [False, True]
    assert box.spool.summary().bytes_used < before.bytes_used
    box.spool.room.budget_bytes = 1  # the spool is full
    await sender._drop_refused(now_us)
    assert [path.exists() for path in paths] == [False, False]
    assert box.spool.summary().bytes_used == 0


async def test_a_stretch_somebody_asked_for_goes_before_newer_footage_and_asking_again_changes_nothing(
    box,
) -> None:
    fill_box(box, 60)
    accept_all(box)
    sender = uploader(box)
    rows = box.spool.read("SELECT segment, start_us, end_us FROM segments ORDER BY start_us LIMIT 2")
    wanted = [uuid.UUID(bytes=row[0]) for row in rows]
    for _ in range(2):
        assert await sender.urge(box.camera, rows[0][1] + 1, rows[1][2] - 1) == 2
        batch = sender._compose()
        assert batch is not None
        assert batch.asked[:2] == wanted
        assert len(batch.asked) > 2, "newer footage follows behind"
    assert await sender.urge(uuid.uuid4(), 0, 2**52) == 0


async def test_more_may_be_asked_for_than_one_statement_of_the_index_names(box) -> None:
    fill_box(box, 60)
    accept_all(box)
    sender = uploader(box)
    assert await sender.urge(box.camera, 0, 2**52) == 60
    sender._urged |= dict.fromkeys((uuid.uuid4() for _ in range(260_000)), max(sender._urged.values()))
    times = [item.start_us for item in sender._waiting_objects()]
    assert len(times) == 60
    assert times == sorted(times)
