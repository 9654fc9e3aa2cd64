"""The agent as a process, a portal and a store over HTTP: everything arrives, once, whatever goes wrong on the way."""

from __future__ import annotations

import sqlite3
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from protocol.states import SegmentState
from sealing.chain import verify_chain
from sealing.ids import GapReason, GenesisReason
from sealing.record import Gap, Genesis, Segment
from tests.edge_agent.box import wait_for
from tests.edge_agent.filled import fill
from tests.edge_agent.portal import Portal, running_portal
from tests.edge_agent.process import AgentProcess, agent_process
from vsaas.onebox.demo_camera import SUB, DemoCamera, DemoCameraConfig, demo_camera_thread

pytestmark = pytest.mark.real_time

CAMERA = uuid.uuid4()
BEFORE = uuid.uuid4()
"""A camera that was recorded before the agent started."""


@pytest.fixture
def camera() -> Iterator[DemoCamera]:
    small = replace(SUB, fps=25, bitrate_bps=400_000, gop_seconds=1.0)
    with demo_camera_thread(DemoCameraConfig(main=small, audio=None)) as running:
        yield running


@pytest.fixture
def portal(camera) -> Iterator[Portal]:
    with running_portal() as running:
        running.order((CAMERA, camera.url("main"), None))
        yield running


@pytest.fixture
def state(portal, tmp_path) -> Path:
    folder = tmp_path / "state"
    portal.enrol(folder)
    return folder


@pytest.fixture
def agent(state, tmp_path) -> Iterator[AgentProcess]:
    with agent_process(state, tmp_path / "log") as running:
        yield running


@pytest.fixture
def resting(portal, state, tmp_path) -> Iterator[AgentProcess]:
    """An agent that records no camera and was not started yet: its spool is filled first."""
    portal.order()
    process = AgentProcess(state, tmp_path / "log")
    yield process
    if process.running:
        process.kill()


def spool_states(state: Path) -> dict[SegmentState, int]:
    with sqlite3.connect(state / "spool" / "index.sqlite3", timeout=10) as connection:
        rows = connection.execute("SELECT state, count(*) FROM segments GROUP BY state").fetchall()
    return {SegmentState(row[0]): row[1] for row in rows}


def files(state: Path) -> list[Path]:
    return [path for path in (state / "spool" / "objects").rglob("*") if path.is_file()]


def check_everything(portal: Portal) -> None:
    """Chains hold, times are covered without a hole, each object was stored once and is what its record says."""
    assert portal.enrolled is not None
    chains: dict[bytes, list] = {}
    for record in portal.all_records():
        chains.setdefault(record.record.chain, []).append(record)
    for records in chains.values():
        ordered = sorted(records, key=lambda item: item.record.seq)
        assert [item.record.seq for item in ordered] == list(range(len(ordered)))
        list(verify_chain([item.encoded for item in ordered], portal.enrolled.record_public))
    covered = sorted(
        (record.record.start_us, record.record.end_us)
        for record in portal.all_records()
        if isinstance(record.record, Segment | Gap)
    )
    for before, after in pairwise(covered):
        assert after[0] <= before[1], f"nobody speaks of {(after[0] - before[1]) / 1e6} s"
    assert all(count == 1 for count in portal.put_counts.values())
    sizes = {segment.segment: segment.size for segment in portal.segments()}
    assert all(len(data) == sizes[segment] for segment, data in portal.objects.items())
    segments = sorted(portal.segments(), key=lambda item: item.start_us)
    assert all(after.start_us >= before.end_us - 1_000_000 for before, after in pairwise(segments))


def arrived(portal: Portal, count: int) -> bool:
    return len(portal.stored()) >= count


def test_footage_arrives_and_its_copies_here_are_deleted_when_it_is_stored(portal, agent, state):
    wait_for(lambda: arrived(portal, 4), what="four objects")
    wait_for(lambda: spool_states(state).get(SegmentState.RELEASED, 0) >= 3, 40, what="the release")
    wait_for(
        lambda: portal.heartbeats[-1]["streams"][0]["state"] == "recording", what="a heartbeat that says so"
    )
    assert agent.stop() == 0
    assert len(files(state)) <= 3
    assert {segment.segment for segment in portal.segments()} >= portal.stored()
    check_everything(portal)


def test_a_clean_stop_is_told_apart_from_a_crash(portal, agent, state):
    wait_for(lambda: arrived(portal, 1), what="an object")
    assert agent.stop() == 0
    agent.start()
    count = len(portal.segments())
    wait_for(lambda: len(portal.segments()) > count, what="recording after the stop")
    agent.kill()
    agent.start()
    count = len(portal.segments())
    wait_for(lambda: len(portal.segments()) > count, what="recording after the kill")
    agent.stop()
    gaps = [r.record.reason for r in portal.all_records() if isinstance(r.record, Gap)]
    assert gaps == [GapReason.AGENT_STOPPED, GapReason.AGENT_CRASHED]
    check_everything(portal)


def test_killed_at_any_moment_it_loses_at_most_the_open_segment_and_says_so(portal, agent, state):
    """Twelve kills at moments that drift through the segment's two seconds."""
    kills_us: list[int] = []
    wait_for(lambda: arrived(portal, 1), what="an object")
    for number in range(12):
        count = len(portal.segments())
        wait_for(lambda count=count: len(portal.segments()) > count, what="a segment")
        moment = time.monotonic() + 0.17 * number
        wait_for(lambda moment=moment: time.monotonic() >= moment)
        kills_us.append(time.time_ns() // 1000)
        agent.kill()
        agent.start()
    count = len(portal.segments())
    wait_for(lambda: len(portal.segments()) > count + 2, what="recording after the kills")
    assert agent.stop() == 0
    agent.start()
    wait_for(
        lambda: {s.segment for s in portal.segments()} == portal.stored() and portal.stored(),
        40,
        what="everything to arrive",
    )
    agent.stop()
    check_everything(portal)
    crashes = [
        record.record
        for record in portal.all_records()
        if isinstance(record.record, Gap) and record.record.reason == GapReason.AGENT_CRASHED
    ]
    assert crashes
    # A segment is two seconds here; the rest is what a busy machine takes to close one.
    assert all(any(0 <= kill - gap.start_us < 8_000_000 for kill in kills_us) for gap in crashes)


def test_hours_without_a_portal_are_caught_up_by_itself(portal, agent, state):
    wait_for(lambda: arrived(portal, 1), what="an object")
    portal.faults.portal_status = 503
    before = len(portal.segments())
    wait_for(lambda: len(files(state)) >= 4, what="the spool to fill")
    assert len(portal.segments()) <= before + 1
    portal.faults.portal_status = None
    wait_for(lambda: len(portal.stored()) >= before + 4, 60, what="the backlog")
    agent.stop()
    check_everything(portal)


def test_a_store_that_is_away_keeps_nothing_from_being_declared(portal, agent, state):
    wait_for(lambda: arrived(portal, 1), what="an object")
    portal.faults.store_status = 503
    count = len(portal.segments())
    wait_for(lambda: len(portal.segments()) >= count + 3, what="records without objects")
    portal.faults.store_status = None
    wait_for(
        lambda: {s.segment for s in portal.segments()[: count + 3]} <= portal.stored(), 60, what="objects"
    )
    agent.stop()
    check_everything(portal)


def test_lost_replies_and_forgotten_grants_repeat_nothing(portal, agent):
    portal.faults.lose_replies = 2
    portal.faults.forget_grants = True
    wait_for(lambda: len(portal.segments()) >= 2, 40, what="records")
    portal.faults.forget_grants = False
    wait_for(lambda: arrived(portal, 3), 40, what="objects")
    agent.stop()
    check_everything(portal)


def test_expired_grants_are_asked_for_again(portal, agent):
    portal.faults.expire_grants = 3
    wait_for(lambda: arrived(portal, 4), 60, what="objects")
    agent.stop()
    check_everything(portal)


def test_a_store_that_refuses_every_grant_is_asked_more_and_more_rarely_and_a_person_is_told(portal, agent):
    portal.faults.expire_grants = 1_000_000_000
    refusing = "the object store refuses grants that were made just now"
    wait_for(
        lambda: portal.heartbeats and any(refusing in text for text in portal.heartbeats[-1]["alarms"]),
        60,
        what="the alarm",
    )
    wait_for(lambda: len(portal.segments()) >= 6, 60, what="records all the same")
    # Twelve seconds at least: without a pause each grant of each batch would have been tried.
    assert portal.puts_refused < 25
    portal.faults.expire_grants = 0
    wait_for(lambda: arrived(portal, 6), 90, what="everything, once the store takes it")
    wait_for(
        lambda: not any(refusing in text for text in portal.heartbeats[-1]["alarms"]),
        40,
        what="the alarm to go, since it holds no more",
    )
    agent.stop()
    check_everything(portal)


def test_keys_the_portal_does_not_take_are_not_offered_again_and_again(portal, agent, state):
    portal.faults.refuse_envelopes = True
    refused = "the portal does not take the keys of segment"
    wait_for(
        lambda: portal.heartbeats and any(refused in text for text in portal.heartbeats[-1]["alarms"]),
        60,
        what="the alarm",
    )
    batches = portal.batches
    wait_for(lambda: spool_states(state).get(SegmentState.SEALED, 0) >= 4, 40, what="segments that wait here")
    assert portal.batches - batches < 12
    assert portal.envelopes_offered < 30
    assert portal.segments() == []
    # Nothing is lost: at the next start everything is offered at once.
    portal.faults.refuse_envelopes = False
    agent.stop()
    agent.start()
    wait_for(lambda: arrived(portal, 4), 60, what="the segments that waited")
    agent.stop()
    check_everything(portal)


def test_an_object_that_is_there_already_is_a_success(portal, agent, state):
    """The reply to a PUT was lost: the store answers 412 to the next."""
    portal.faults.confirm = False
    wait_for(lambda: arrived(portal, 2), what="objects")
    wait_for(lambda: spool_states(state).get(SegmentState.UPLOADED, 0) >= 2, what="the uploads")
    agent.stop()
    with sqlite3.connect(state / "spool" / "index.sqlite3", timeout=10) as connection:
        connection.execute(
            "UPDATE segments SET state = ? WHERE state = ?", (SegmentState.DECLARED, SegmentState.UPLOADED)
        )
    portal.faults.confirm = True
    agent.start()
    wait_for(lambda: spool_states(state).get(SegmentState.RELEASED, 0) >= 2, 40, what="the release")
    agent.stop()
    check_everything(portal)


def test_a_store_that_closes_the_door_on_an_object_it_has_does_not_stop_the_agent(portal, agent, state):
    """The answer to a repeated upload is lost with the connection; the portal looks and confirms."""
    portal.faults.confirm = False
    wait_for(lambda: arrived(portal, 1), what="an object")
    wait_for(lambda: spool_states(state).get(SegmentState.UPLOADED, 0) >= 2, 40, what="the uploads")
    agent.stop()
    with sqlite3.connect(state / "spool" / "index.sqlite3", timeout=10) as connection:
        connection.execute(
            "UPDATE segments SET state = ? WHERE state = ?", (SegmentState.DECLARED, SegmentState.UPLOADED)
        )
    portal.faults.confirm = portal.faults.slow_to_know = portal.faults.slam_the_door = True
    agent.start()
    wait_for(lambda: spool_states(state).get(SegmentState.RELEASED, 0) >= 2, 40, what="the release")
    portal.faults.slow_to_know = portal.faults.slam_the_door = False
    count = len(portal.stored())
    wait_for(lambda: arrived(portal, count + 1), 60, what="the next objects")
    agent.stop()
    check_everything(portal)


@pytest.mark.parametrize("error", ["fork", "broken-chain", "bad-field"])
def test_a_refused_record_starts_a_new_chain_and_nothing_sealed_is_lost(portal, agent, state, error):
    wait_for(lambda: arrived(portal, 1), what="an object")
    refused: list[bytes] = []

    def refuse(record):
        if refused and record.hash in refused:
            return error
        if not refused and isinstance(record.record, Segment):
            refused.append(record.hash)
            return error
        return None

    portal.faults.refuse = refuse
    wait_for(
        lambda: any(
            isinstance(r.record, Genesis) and r.record.reason == GenesisReason.TIP_MISMATCH
            for r in portal.all_records()
        ),
        what="a new chain",
    )
    count = len(portal.stored())
    wait_for(lambda: len(portal.stored()) > count + 1, 40, what="recording to go on")
    agent.stop()
    genesis = next(
        r.record
        for r in portal.all_records()
        if isinstance(r.record, Genesis) and r.record.reason == GenesisReason.TIP_MISMATCH
    )
    # It goes on from what the portal has, so that nothing is ever found missing behind it.
    assert genesis.follows is not None
    followed = portal.records[genesis.follows.chain, genesis.follows.seq]
    assert followed.hash == genesis.follows.hash
    assert portal.tips[genesis.follows.chain].seq == genesis.follows.seq
    if error == "bad-field":  # that one record stays refused, and its time is a declared gap
        (gap,) = [r.record for r in portal.all_records() if isinstance(r.record, Gap)]
        assert gap.reason == GapReason.SEALED_DATA_DAMAGED
        assert gap.detail is not None
        assert "bad-field" in gap.detail
        assert spool_states(state)[SegmentState.REFUSED] == 1
        kept = {path.name for path in files(state)}
        assert any(uuid.UUID(name).hex in gap.detail.replace("-", "") for name in kept)
    check_everything(portal)


def test_a_portal_restored_from_a_backup_gets_its_records_again(portal, agent):
    wait_for(lambda: arrived(portal, 3), what="objects")
    with portal.lock:
        tip = max(portal.tips.values(), key=lambda item: item.seq)
        last = portal.records.pop((tip.chain, tip.seq))
        portal.tips[tip.chain] = replace(tip, seq=tip.seq - 1, hash=last.record.prev)
    count = len(portal.all_records())
    wait_for(lambda: len(portal.all_records()) >= count + 3, 40, what="the records")
    agent.stop()
    check_everything(portal)


def test_a_portal_that_lost_all_records_gets_them_again_in_their_chain(portal, agent):
    wait_for(lambda: arrived(portal, 2), what="objects")
    with portal.lock:
        chains = set(portal.tips)
        portal.tips.clear()
        portal.records.clear()
        portal.envelopes.clear()
    wait_for(lambda: len(portal.segments()) >= 4, 60, what="the records, old and new")
    agent.stop()
    assert set(portal.tips) == chains
    check_everything(portal)


@pytest.mark.parametrize("kept", [True, False], ids=["known up to a record", "unknown"])
def test_a_chain_that_had_ended_comes_back_after_a_restore(portal, agent, kept):
    """The portal goes back to a backup from before the agent's last start: nobody speaks in that chain any more."""
    wait_for(lambda: len(portal.segments()) >= 3, 40, what="records")
    agent.stop()
    before = {segment.segment for segment in portal.segments()}
    (ended,) = portal.tips
    agent.start()
    wait_for(
        lambda: len(portal.tips) == 2 and len(portal.segments()) > len(before), 40, what="the next chain"
    )
    portal.restore({ended: 1} if kept else {})
    wait_for(lambda: {segment.segment for segment in portal.segments()} >= before, 60, what="the records")
    wait_for(lambda: len(portal.tips) == 2, 40, what="both chains")
    agent.stop()
    assert not any(
        isinstance(r.record, Genesis) and r.record.reason == GenesisReason.TIP_MISMATCH
        for r in portal.all_records()
    )
    check_everything(portal)


@pytest.mark.parametrize("pruned", [0, 3], ids=["its beginning", "its middle"])
def test_a_chain_with_a_piece_gone_goes_on_in_a_new_one_after_a_restore(portal, state, resting, pruned):
    before = set(fill(state, BEFORE, 6))
    resting.start()
    wait_for(lambda: portal.stored() >= before, 40, what="the objects")
    wait_for(lambda: spool_states(state).get(SegmentState.RELEASED, 0) >= 6, 40, what="the release")
    resting.stop()
    chain = next(segment.chain for segment in portal.segments() if segment.camera == BEFORE)
    with sqlite3.connect(state / "spool" / "index.sqlite3", timeout=10) as connection:
        connection.execute("DELETE FROM records WHERE chain = ? AND seq = ?", (chain, pruned))
    gone = portal.records[chain, pruned].record
    left = before - ({gone.segment} if isinstance(gone, Segment) else set())
    portal.restore({} if pruned == 0 else {chain: pruned - 1})
    resting.start()
    wait_for(lambda: {segment.segment for segment in portal.segments()} >= left, 40, what="the records")
    resting.stop()
    genesis = next(
        r.record
        for r in portal.all_records()
        if isinstance(r.record, Genesis)
        and r.record.reason == GenesisReason.TIP_MISMATCH
        and r.record.camera == BEFORE
    )
    if pruned == 0:
        assert genesis.follows is None
    else:
        assert genesis.follows is not None
        assert (genesis.follows.chain, genesis.follows.seq) == (chain, pruned - 1)
        assert portal.records[chain, pruned - 1].hash == genesis.follows.hash
    with sqlite3.connect(state / "spool" / "index.sqlite3", timeout=10) as connection:
        assert connection.execute("SELECT count(*) FROM records WHERE state = 0").fetchone() == (0,)


def test_a_record_the_portal_forgot_while_its_object_waits_is_sent_whole(portal, state, resting):
    """It is sent alone when a grant is asked for; that the portal then lacks its index part does not make it bad."""
    made = fill(state, BEFORE, 3)
    portal.faults.expire_grants = 1_000_000_000
    resting.start()
    wait_for(lambda: {segment.segment for segment in portal.segments()} >= set(made), 40, what="records")
    chain = next(segment.chain for segment in portal.segments() if segment.camera == BEFORE)
    with portal.lock:
        envelopes = dict(portal.envelopes)
        portal.restore({other: tip.seq for other, tip in portal.tips.items()} | {chain: 2})
        portal.envelopes.update(envelopes)
        portal.faults.expire_grants = 0
    wait_for(lambda: portal.stored() >= set(made), 60, what="the objects")
    resting.stop()
    assert set(portal.tips) >= {chain}
    assert {segment.segment for segment in portal.segments() if segment.chain == chain} == set(made)
    assert not [r for r in portal.all_records() if isinstance(r.record, Gap) and r.record.camera == BEFORE]


def test_objects_the_portal_wants_no_more_keep_no_others_waiting(portal, state, resting):
    """More than are asked for at once, the newest, get neither a grant nor a confirmation."""
    made = fill(state, BEFORE, 60)
    unwanted = set(made[10:])
    portal.faults.withhold = unwanted
    portal.faults.store_status = 503
    resting.start()
    wait_for(lambda: spool_states(state).get(SegmentState.DECLARED, 0) >= 60, 40, what="the declaration")
    # Their first grants are of no use any more: from here on every one must be asked for.
    resting.stop()
    portal.faults.store_status = None
    portal.asked.clear()
    resting.start()
    wait_for(lambda: portal.stored() >= set(made[:10]), 40, what="the older ones")
    resting.stop()
    assert not portal.stored() & unwanted
    assert all(portal.asked[segment] <= 3 for segment in unwanted)


def geneses(portal: Portal) -> list[Genesis]:
    """The beginnings of chains in the order the portal took them."""
    return [item.record for item in portal.all_records() if isinstance(item.record, Genesis)]


def test_a_restored_portal_gets_what_earlier_starts_of_the_agent_had_sent(portal, agent):
    for chains in (1, 2, 3):
        wait_for(lambda chains=chains: len(geneses(portal)) == chains, what=f"{chains} chains")
        count = len(portal.segments())
        wait_for(lambda count=count: len(portal.segments()) >= count + 2, 40, what="segments in it")
        if chains < 3:
            agent.stop()
            agent.start()
    with portal.lock:  # as it was when the first chain had two records
        first = geneses(portal)[0].chain
        tips = dict(portal.tips)
        for chain, seq in list(portal.records):
            if chain != first or seq > 1:
                del portal.records[chain, seq]
        tip = portal.records[first, 1]
        portal.tips = {first: replace(tips[first], seq=1, hash=tip.hash)}
        portal.envelopes.clear()
    known = lambda: {chain: tip.seq for chain, tip in portal.tips.items()}  # noqa: E731
    wait_for(
        lambda: all(known().get(chain, -1) >= tip.seq for chain, tip in tips.items()), 60, what="all of them"
    )
    agent.stop()
    seen: set[bytes] = set()
    for genesis in geneses(portal):
        assert genesis.follows is None or genesis.follows.chain in seen, "sent before the chain it names"
        seen.add(genesis.chain)
    check_everything(portal)


def test_what_no_portal_can_take_any_more_stays_behind_and_recording_goes_on(portal, agent, state):
    wait_for(lambda: arrived(portal, 2), what="objects")
    agent.stop()
    with sqlite3.connect(state / "spool" / "index.sqlite3", timeout=10) as connection:
        connection.execute("DELETE FROM envelopes")
        connection.execute("DELETE FROM period_keys")
    before = portal.segments()
    with portal.lock:
        lost = set(portal.envelopes)
        portal.tips.clear()
        portal.records.clear()
        portal.envelopes.clear()
    agent.start()
    wait_for(lambda: len(portal.segments()) >= 2, 60, what="new records")
    agent.stop()
    assert not lost & {part.key_id for segment in portal.segments() for part in segment.parts}
    # What was lost with its keys is declared, so that no time is passed over in silence.
    gaps = [r.record for r in portal.all_records() if isinstance(r.record, Gap)]
    declared = [(gap.start_us, gap.end_us) for gap in gaps if gap.reason == GapReason.SEALED_DATA_DAMAGED]
    assert all(
        any(start_us <= segment.start_us and segment.end_us <= end_us for start_us, end_us in declared)
        for segment in before
    )
    with sqlite3.connect(state / "spool" / "index.sqlite3", timeout=10) as connection:
        (unsent,) = connection.execute("SELECT count(*) FROM records WHERE state = 0").fetchone()
    assert unsent == 0


def test_missing_envelopes_are_sent_again(portal, agent):
    wait_for(lambda: arrived(portal, 1), what="an object")
    with portal.lock:
        portal.envelopes.clear()
    count = len(portal.segments())
    wait_for(lambda: len(portal.segments()) > count + 1, 40, what="the records")
    assert portal.envelopes
    agent.stop()
    check_everything(portal)


def test_a_damaged_file_is_declared_and_stops_nothing(portal, agent, state):
    wait_for(lambda: arrived(portal, 1), what="an object")
    portal.faults.store_status = 503
    wait_for(lambda: spool_states(state).get(SegmentState.DECLARED, 0) >= 1, what="a waiting object")
    agent.stop()
    with sqlite3.connect(state / "spool" / "index.sqlite3", timeout=10) as connection:
        (segment,) = connection.execute(
            "SELECT segment FROM segments WHERE state = ? ORDER BY start_us LIMIT 1", (SegmentState.DECLARED,)
        ).fetchone()
    next(path for path in files(state) if path.name == segment.hex()).unlink()
    portal.faults.store_status = None
    agent.start()
    wait_for(
        lambda: any(
            isinstance(r.record, Gap) and r.record.reason == GapReason.SEALED_DATA_DAMAGED
            for r in portal.all_records()
        ),
        40,
        what="the declaration",
    )
    agent.stop()
    check_everything(portal)


def test_bytes_that_changed_on_the_disk_are_declared_and_free_their_room(portal, resting, state):
    """The store compares the checksum of the record and refuses: this file never becomes right again."""
    bad, good = fill(state, BEFORE, 2)
    path = next(path for path in files(state) if path.name == bad.hex)
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    resting.start()
    wait_for(
        lambda: any(
            isinstance(r.record, Gap) and r.record.reason == GapReason.SEALED_DATA_DAMAGED
            for r in portal.all_records()
        ),
        40,
        what="the declaration",
    )
    wait_for(lambda: good in portal.stored() and not path.exists(), 40, what="the other one, and the room")
    resting.stop()
    assert bad not in portal.stored()
    assert spool_states(state)[SegmentState.MISSING] == 1
    (gap,) = [
        r.record for r in portal.all_records() if isinstance(r.record, Gap) and r.record.camera == BEFORE
    ]
    segment = next(segment for segment in portal.segments() if segment.segment == bad)
    assert (gap.start_us, gap.end_us) == (segment.start_us, segment.end_us)


def test_the_log_holds_no_password_and_no_presigned_url(portal, agent, camera):
    wait_for(lambda: arrived(portal, 2), what="objects")
    camera.faults.disconnect()
    camera.faults.wrong_password()
    wait_for(lambda: "refused" in agent.text(), what="the refusal")
    agent.stop()
    assert camera.config.password not in agent.text()
    assert "token=" not in agent.text()


def test_a_camera_that_is_taken_away_and_added_is_a_declared_gap(portal, agent, camera):
    wait_for(lambda: arrived(portal, 1), what="an object")
    portal.order()
    wait_for(lambda: camera.playing("main") == 0, 40, what="the end of recording")
    portal.order((CAMERA, camera.url("main"), None))
    count = len(portal.segments())
    wait_for(lambda: len(portal.segments()) > count + 1, 40, what="recording to resume")
    agent.stop()
    gaps = [r.record.reason for r in portal.all_records() if isinstance(r.record, Gap)]
    assert gaps == [GapReason.RECORDING_DISABLED]
    check_everything(portal)
