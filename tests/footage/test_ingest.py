"""Batches of records, as agents send them: what is taken, what is refused, and that nothing sticks."""

from __future__ import annotations

import time
import uuid

import pytest

from protocol.batch import BatchItem, RecordFlag, RecordsBatch, RecordStatus, Uploaded
from protocol.states import SegmentState
from sealing.chain import ChainHead
from sealing.ids import ClockSource, GapReason, GenesisReason, Stream
from sealing.keys import PeriodKey, RecScope
from sealing.record import Follows, parse_record
from tenants.scope import tenant_scope
from tests.agent_sim import HOUR_US, SECOND, AgentSim, put, recorded
from tests.cast import Cast, later
from vsaas.common.object_store import object_store
from vsaas.footage import stored
from vsaas.footage.models import Chain, Finding, FindingKind, FootageHour, Record

ACCEPTED, KNOWN, REFUSED = (int(status) for status in RecordStatus)


def now_us() -> int:
    return time.time_ns() // 1000


def statuses(reply):
    return [(int(result.status), result.error) for result in reply.results]


def findings_of(agent: AgentSim) -> dict[str, int]:
    with tenant_scope(agent.tenant):
        return {finding.kind: finding.count for finding in Finding.objects.filter(closed_us=None)}


def audited(agent: AgentSim) -> list[str]:
    from vsaas.audit.models import AuditInbox

    with tenant_scope(agent.tenant):
        return list(AuditInbox.objects.values_list("act", flat=True))


@pytest.fixture
def stream(agent: AgentSim):
    """A stream whose genesis and envelopes the portal knows."""
    stream = agent.stream(agent.add_camera())
    start = now_us() - 600 * SECOND
    assert statuses(agent.record(stream, [stream.genesis(start)])) == [(ACCEPTED, None)]
    return stream


def test_a_batch_is_taken_and_brings_grants_back(agent: AgentSim):
    stream = agent.stream(agent.add_camera())
    start = now_us() - 60 * SECOND
    genesis = stream.genesis(start)
    segments = stream.segments(start, 3)
    reply = agent.record(stream, [genesis, *segments, stream.beat(now_us())])
    assert statuses(reply) == [(ACCEPTED, None)] * 5
    assert set(reply.grants) == {sealed.segment for sealed in segments}
    assert reply.tips == {stream.head.chain: (stream.head.tip.seq, stream.head.tip.hash)}
    assert reply.stored == ()
    assert reply.statement_number >= 4
    assert reply.command_number >= 1
    agent.store(stream, segments, reply)


def test_a_lost_reply_is_answered_again_with_fresh_grants(agent: AgentSim, stream):
    segments = stream.segments(now_us() - 60 * SECOND, 3)
    first = agent.record(stream, segments)
    again = agent.post(segments)
    assert statuses(again) == [(KNOWN, None)] * 3
    assert set(again.grants) == set(first.grants)
    assert again.tips == first.tips
    with tenant_scope(agent.tenant):
        assert Record.objects.filter(kind=2).count() == 3
        assert FootageHour.objects.get().segments == 3


def test_a_segment_is_stored_once_the_portal_saw_the_object_and_the_next_batch_says_so(
    agent: AgentSim, stream
):
    segments = stream.segments(now_us() - 60 * SECOND, 2)
    reply = agent.record(stream, segments)
    uploaded = agent.store(stream, segments[:1], reply)
    assert agent.post([], uploaded=uploaded).stored == ()
    hour = stored.Hour(stream.camera, 1, segments[0].start_us - segments[0].start_us % HOUR_US)
    assert stored.confirm_hour(agent.tenant, hour, object_store()) == 1
    assert stored.confirm_hour(agent.tenant, hour, object_store()) == 0
    assert agent.post([], uploaded=uploaded).stored == (segments[0].segment,)
    again = agent.post(segments)
    assert again.stored == (segments[0].segment,)
    assert set(again.grants) == {segments[1].segment}
    with tenant_scope(agent.tenant):
        hour_row = FootageHour.objects.get()
        assert (hour_row.segments, hour_row.pending) == (2, 1)
        assert hour_row.stored_bytes == len(segments[0].object)


def test_records_out_of_order_are_told_where_the_chain_stands(agent: AgentSim, stream):
    a, b, c = stream.segments(now_us() - 60 * SECOND, 3)
    reply = agent.record(stream, [b, c, a])
    assert statuses(reply) == [(REFUSED, "out-of-order"), (REFUSED, "out-of-order"), (ACCEPTED, None)]
    assert statuses(agent.post([b, c])) == [(ACCEPTED, None)] * 2


def test_another_record_at_a_known_seq_is_a_fork_and_an_alarm_and_the_chain_goes_on(agent: AgentSim, stream):
    before = stream.head
    (kept,) = stream.segments(now_us() - 60 * SECOND, 1)
    assert statuses(agent.record(stream, [kept])) == [(ACCEPTED, None)]
    honest, stream.head = stream.head, before
    (other,) = stream.segments(now_us() - 30 * SECOND, 1)
    reply = agent.post([other])
    assert statuses(reply) == [(REFUSED, "fork")]
    assert reply.grants == {}
    assert findings_of(agent)[FindingKind.FORK] == 1
    assert "footage.fork" in audited(agent)
    with tenant_scope(agent.tenant):
        assert Chain.objects.get().forked
    stream.head = honest
    assert statuses(agent.record(stream, [stream.beat(now_us())])) == [(ACCEPTED, None)]


def test_a_fork_deep_in_the_chain_is_seen_too(agent: AgentSim, stream):
    before = stream.head
    segments = stream.segments(now_us() - 60 * SECOND, 4)
    agent.record(stream, segments)
    stream.head = before
    assert statuses(agent.post([stream.beat(now_us())])) == [(REFUSED, "fork")]


def test_a_fork_within_one_batch_is_seen_too_whether_its_records_are_known_or_new(agent: AgentSim, stream):
    before = stream.head
    first, second, *_ = segments = stream.segments(now_us() - 60 * SECOND, 3)
    honest, stream.head = stream.head, before
    other = stream.beat(now_us())
    expected = [(ACCEPTED, None)] * 3 + [(REFUSED, "fork")]
    assert statuses(agent.record(stream, [*segments, other])) == expected
    again = agent.post([first, other, second])
    assert statuses(again) == [(KNOWN, None), (REFUSED, "fork"), (KNOWN, None)]
    stream.head = honest
    assert statuses(agent.record(stream, [stream.beat(now_us())])) == [(ACCEPTED, None)]


@pytest.mark.parametrize(
    ("reason", "says"),
    [(GapReason.SEALED_DATA_DAMAGED, "segment "), (GapReason.DISK_FULL, "given up: segment ")],
)
def test_a_segment_damaged_or_given_up_on_the_agent_is_not_waited_for(agent: AgentSim, stream, reason, says):
    start = now_us() - 60 * SECOND
    segments = stream.segments(start, 2)
    agent.record(stream, segments)
    gap = stream.gap(start, start + 10 * SECOND, reason, f"{says}{segments[0].segment}")
    assert statuses(agent.post([gap])) == [(ACCEPTED, None)]
    with tenant_scope(agent.tenant):
        states = Record.objects.filter(kind=2).order_by("start_us").values_list("state", flat=True)
        assert list(states) == [SegmentState.MISSING, SegmentState.DECLARED]
        assert sum(FootageHour.objects.values_list("pending", flat=True)) == 1
    assert set(agent.post(segments).grants) == {segments[1].segment}


def test_a_record_that_names_another_predecessor_is_a_broken_chain(agent: AgentSim, stream):
    good = stream.head
    stream.head = ChainHead(good.tenant, good.camera, good.stream, good.chain, good.next_seq, b"\x01" * 32)
    assert statuses(agent.post([stream.beat(now_us())])) == [(REFUSED, "broken-chain")]


def test_a_chain_begins_with_its_genesis(agent: AgentSim):
    stream = agent.stream(agent.add_camera())
    stream.genesis(now_us())
    assert statuses(agent.post([stream.beat(now_us())])) == [(REFUSED, "no-genesis")]


def test_an_altered_record_is_refused_and_its_neighbours_are_taken(agent: AgentSim, stream):
    other = agent.stream(stream.camera, Stream.SUB)
    a, b, c = stream.beat(now_us()), stream.beat(now_us()), other.genesis(now_us())
    altered = BatchItem(b.record[:-1] + bytes([b.record[-1] ^ 1]))
    assert statuses(agent.post([a, altered, c])) == [
        (ACCEPTED, None),
        (REFUSED, "bad-signature"),
        (ACCEPTED, None),
    ]
    assert statuses(agent.post([b])) == [(ACCEPTED, None)]
    assert findings_of(agent)[FindingKind.RECORD_REFUSED] == 1


@pytest.mark.parametrize(
    ("record", "error"),
    [(b"", "not-canonical"), (b"\xd2\x84", "not-canonical"), (b"not cbor at all", "not-canonical")],
)
def test_garbage_is_refused_by_name(agent: AgentSim, stream, record: bytes, error: str):
    assert statuses(agent.post([BatchItem(record), stream.beat(now_us())])) == [
        (REFUSED, error),
        (ACCEPTED, None),
    ]


def test_another_agents_camera_is_refused(agent: AgentSim, people: Cast):
    neighbour = AgentSim.enrol(people.tenant_a.id, people.site_a, "Neighbour")
    stream = agent.stream(neighbour.add_camera("Theirs"))
    assert statuses(agent.post([stream.genesis(now_us())])) == [(REFUSED, "wrong-scope")]


def test_another_tenants_camera_and_chain_are_refused(agent: AgentSim, foreign_agent: AgentSim, stream):
    foreign = foreign_agent.stream(foreign_agent.add_camera())
    genesis = foreign.genesis(now_us())
    assert statuses(foreign_agent.post([genesis])) == [(ACCEPTED, None)]
    assert statuses(agent.post([genesis])) == [(REFUSED, "bad-signature")]
    forged = agent.stream(foreign.camera)
    assert statuses(agent.post([forged.genesis(now_us())])) == [(REFUSED, "wrong-scope")]
    same_chain = agent.stream(stream.camera, Stream.SUB)
    same_chain.head = ChainHead(agent.tenant, stream.camera, Stream.SUB, foreign.head.chain)
    assert statuses(agent.post([same_chain.genesis(now_us())])) == [(ACCEPTED, None)]
    with tenant_scope(foreign_agent.tenant):
        assert Chain.objects.get().head_seq == 0


def test_a_chain_of_one_stream_takes_no_records_of_another(agent: AgentSim, stream):
    head = stream.head
    stream.head = ChainHead(head.tenant, head.camera, Stream.SUB, head.chain, head.next_seq, head.prev)
    assert statuses(agent.post([stream.beat(now_us())])) == [(REFUSED, "wrong-scope")]


def test_a_segment_without_the_envelope_of_its_key_waits_for_it(agent: AgentSim, stream):
    (segment,) = stream.segments(now_us() - 60 * SECOND, 1)
    reply = agent.post([segment])
    assert statuses(reply) == [(REFUSED, "missing-envelope")]
    assert reply.grants == {}
    assert statuses(agent.record(stream, [segment])) == [(ACCEPTED, None)]


def test_a_bad_envelope_costs_only_the_records_that_need_it(agent: AgentSim, stream):
    own = stream.segments(now_us() - 60 * SECOND, 1)
    theirs = RecScope(uuid.uuid4(), 1, 0)
    envelopes = [b"junk", agent.envelope(PeriodKey.new(), theirs), *stream.envelopes]
    assert statuses(agent.post(own, envelopes=envelopes)) == [(ACCEPTED, None)]
    assert findings_of(agent)[FindingKind.RECORD_REFUSED] >= 1


def test_a_segment_without_its_index_part_or_with_another_is_refused(agent: AgentSim, stream):
    a, b = stream.segments(now_us() - 60 * SECOND, 2)
    agent.post([], envelopes=stream.envelopes)
    assert statuses(agent.post([BatchItem(a.record.encoded)])) == [(REFUSED, "bad-index")]
    assert statuses(agent.post([BatchItem(a.record.encoded, b.index_part)])) == [(REFUSED, "wrong-root")]
    assert statuses(agent.post([BatchItem(a.record.encoded, a.index_part[:-1])])) == [(REFUSED, "bad-index")]
    assert statuses(agent.post([a, b])) == [(ACCEPTED, None)] * 2


def test_a_future_dated_record_is_kept_flagged_and_sticks_nothing(agent: AgentSim, stream):
    ahead = now_us() + 2 * HOUR_US
    (future,) = stream.segments(ahead, 1)
    (present,) = stream.segments(now_us() - 20 * SECOND, 1)
    reply = agent.record(stream, [future, present])
    assert [int(result.flags) for result in reply.results] == [RecordFlag.UNPLACED, 0]
    assert statuses(reply) == [(ACCEPTED, None)] * 2
    assert set(reply.grants) == {future.segment, present.segment}
    assert findings_of(agent)[FindingKind.UNPLACED] == 1
    assert statuses(agent.post([future])) == [(KNOWN, None)]


def test_a_clock_that_was_never_set_is_kept_apart_and_not_deleted_as_it_comes(agent: AgentSim):
    from vsaas.footage import retention

    stream = agent.stream(agent.add_camera())
    begin = stream.genesis(SECOND)
    segment = stream.segment(2 * SECOND)
    reply = agent.record(stream, [begin, segment])
    assert [int(result.flags) for result in reply.results] == [RecordFlag.UNPLACED] * 2
    agent.store(stream, [segment], reply)
    assert retention.sweep(agent.tenant, object_store()) == 0


def test_footage_of_a_slow_unsynchronised_clock_is_kept_from_the_day_it_came(agent: AgentSim):
    from vsaas.footage import retention

    stream = agent.stream(agent.add_camera())
    stream.clock_source = ClockSource.SYSTEM_NOT_SYNCHRONISED
    start = now_us() - 60 * 24 * HOUR_US
    reply = agent.record(stream, [stream.genesis(start), stream.segment(start)])
    assert [int(result.flags) for result in reply.results] == [0, 0]
    assert retention.sweep(agent.tenant, object_store()) == 0
    with later(days=31):
        assert retention.sweep(agent.tenant, object_store()) == 1


def test_overlapping_segments_are_kept_and_flagged(agent: AgentSim, stream):
    start = now_us() - 120 * SECOND
    first = stream.segment(start, 10)
    touching = stream.segment(start + 10 * SECOND, 10)
    over = stream.segment(start + 12 * SECOND, 10)
    reply = agent.record(stream, [first, touching])
    assert [int(result.flags) for result in reply.results] == [0, 0]
    assert [int(result.flags) for result in agent.post([over]).results] == [RecordFlag.OVERLAP]


def test_a_segment_id_used_twice_gets_no_second_grant(agent: AgentSim, stream):
    start = now_us() - 120 * SECOND
    first = stream.segment(start, 10)
    second = stream.segment(start + 10 * SECOND, 10, segment=first.segment)
    agent.record(stream, [first])
    reply = agent.post([second])
    assert [int(result.flags) for result in reply.results] == [RecordFlag.SEGMENT_REPEATED]
    assert reply.grants == {}


def test_a_restored_disk_begins_a_new_chain_and_raises_an_alarm(agent: AgentSim, stream):
    old = stream.head
    agent.record(stream, stream.segments(now_us() - 60 * SECOND, 3))
    restored = agent.stream(stream.camera)
    tip = old.tip
    genesis = restored.genesis(
        now_us(), reason=GenesisReason.TIP_MISMATCH, follows=Follows(tip.chain, tip.seq, tip.hash)
    )
    assert statuses(agent.record(restored, [genesis])) == [(ACCEPTED, None)]
    assert findings_of(agent)[FindingKind.TIP_MISMATCH] == 1
    assert "footage.tip-mismatch" in audited(agent)


def test_an_ordinary_restart_raises_no_alarm(agent: AgentSim, stream):
    agent.record(stream, stream.segments(now_us() - 60 * SECOND, 3))
    restarted = agent.stream(stream.camera)
    tip = stream.head.tip
    genesis = restarted.genesis(
        now_us(), reason=GenesisReason.RESTART, follows=Follows(tip.chain, tip.seq, tip.hash)
    )
    assert statuses(agent.record(restarted, [genesis])) == [(ACCEPTED, None)]
    assert findings_of(agent) == {}


def test_a_cloned_box_forks_or_is_told_where_the_chain_stands(agent: AgentSim, stream):
    clone = agent.stream(stream.camera)
    clone.head, clone.keys = stream.head, dict(stream.keys)
    assert statuses(agent.record(stream, [stream.beat(now_us())])) == [(ACCEPTED, None)]
    reply = agent.record(clone, [clone.segment(now_us() - 20 * SECOND)])
    assert statuses(reply) == [(REFUSED, "fork")]
    assert reply.tips[stream.head.chain] == (stream.head.tip.seq, stream.head.tip.hash)


@pytest.mark.parametrize("body", [b"\x00", b"\xa0", b"\xff" * 20, b"\x01"])
def test_a_body_that_is_no_batch_is_refused(agent: AgentSim, body: bytes):
    reply = agent.send("POST", "/agent/v1/records", body)
    assert reply.status_code == 400, reply.content
    assert reply["Content-Type"] == "application/problem+json"


def test_too_many_and_too_large_are_refused_before_anything_is_read(agent: AgentSim):
    many = RecordsBatch(tuple(BatchItem(b"x") for _ in range(501))).encode()
    assert agent.send("POST", "/agent/v1/records", many).status_code == 413
    large = agent.send("POST", "/agent/v1/records", b"\x00" * (4 * 1024 * 1024 + 1))
    assert large.status_code == 413
    assert agent.send("POST", "/agent/v1/records", b"{}", content_type="application/json").status_code == 415


def test_a_grant_opens_only_what_the_record_declares(agent: AgentSim, stream):
    (segment,) = stream.segments(now_us() - 60 * SECOND, 1)
    grant = agent.record(stream, [segment]).grants[segment.segment]
    altered = bytearray(segment.object)
    altered[100] ^= 1
    assert put(grant, bytes(altered)).status_code == 400
    longer = segment.object + b"more"
    length = {"Content-Length": str(len(longer))}
    assert put(grant, longer, **length).status_code in (400, 403)
    assert put(grant, segment.object).status_code == 200
    assert put(grant, segment.object).status_code == 412


def test_an_expired_grant_is_replaced_by_sending_the_record_again(agent: AgentSim, stream):
    (segment,) = stream.segments(now_us() - 60 * SECOND, 1)
    agent.record(stream, [segment])
    with later(hours=-2):
        stale = object_store().presign_put(stream.name(segment), len(segment.object), "AAAAAA==", 1)
    assert put(
        type(agent.post([segment]).grants[segment.segment])(stale.url, stale.headers), segment.object
    ).status_code in (400, 403)
    assert put(agent.post([segment]).grants[segment.segment], segment.object).status_code == 200


def test_two_agents_batches_at_once_never_lose_a_record(agent: AgentSim, stream):
    """The same chain from two threads: one wins, the other decides again and finds its records known."""
    import threading

    segments = stream.segments(now_us() - 300 * SECOND, 20)
    agent.post([], envelopes=stream.envelopes)
    replies = []
    clones = [AgentSim(agent.tenant, agent.transport, agent.signer) for _ in range(3)]

    def send(clone: AgentSim) -> None:
        from django.db import connections

        try:
            replies.append(clone.post(segments))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=send, args=(clone,)) for clone in clones]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(replies) == 3
    assert all(error is None for reply in replies for _, error in statuses(reply))
    assert sum(status == ACCEPTED for reply in replies for status, _ in statuses(reply)) == 20
    with tenant_scope(agent.tenant):
        assert Record.objects.filter(kind=2).count() == 20


def test_the_signed_bytes_are_kept_as_they_came(agent: AgentSim):
    from vsaas.footage.models import RecordBody

    stream, segments = recorded(agent, now_us() - 60 * SECOND, 2)
    with tenant_scope(agent.tenant):
        rows = list(RecordBody.objects.filter(chain=uuid.UUID(bytes=stream.head.chain)).order_by("seq"))
    assert [bytes(row.signed) for row in rows[1:]] == [sealed.record.encoded for sealed in segments]
    assert [bytes(row.index_part) for row in rows[1:]] == [sealed.index_part for sealed in segments]
    assert parse_record(bytes(rows[0].signed)).record.seq == 0


@pytest.mark.parametrize("number", [0, 1 << 127, 2**128 - 1], ids=["1970", "6429", "after-9999"])
def test_an_unknown_uploaded_segment_is_ignored(agent: AgentSim, stream, number: int):
    """A segment's id holds a time, and an agent may say any id."""
    strange = Uploaded(uuid.UUID(int=number), stream.camera, 1)
    assert agent.post([], uploaded=[strange], oldest_unsent_us=5).stored == ()
