"""Deletion by policy: keys first, then objects, then a signed tombstone; nothing that is to stay goes."""

from __future__ import annotations

import time

import pytest

from protocol.states import SegmentState
from sealing.statement import verify_statements
from sealing.tombstone import parse_tombstone, verify_tombstone
from tenants.scope import tenant_scope
from tests.agent_sim import HOUR_US, SECOND, AgentSim, recorded
from vsaas.cameras.models import Camera
from vsaas.common.errors import ObjectStoreError
from vsaas.common.object_store import ObjectNotFound, object_store
from vsaas.footage import retention, stored
from vsaas.footage.check import check_tenant
from vsaas.footage.models import Erasure, FootageHour, FootagePolicy, Record, Tombstone
from vsaas.keys.models import Envelope
from vsaas.keys.services import root_fingerprint, statements_since

DAY_US = 24 * HOUR_US


def hours_ago(hours: float) -> int:
    now = time.time_ns() // 1000
    return now - now % HOUR_US - int(hours * HOUR_US)


def states(agent: AgentSim, stream) -> list[int]:
    with tenant_scope(agent.tenant):
        return list(
            Record.objects.filter(camera_id=stream.camera, kind=2)
            .order_by("start_us")
            .values_list("state", flat=True)
        )


def living_envelopes(agent: AgentSim, camera) -> int:
    with tenant_scope(agent.tenant, keys=True):
        return Envelope.objects.filter(camera_id=camera, destroyed_at=None).count()


def exists(stream, sealed) -> bool:
    try:
        object_store().head(stream.name(sealed))
    except ObjectNotFound:
        return False
    return True


def test_what_is_older_than_the_retention_goes_and_a_tombstone_says_so(agent: AgentSim):
    stream, old = recorded(agent, hours_ago(31 * 24), 3)
    fresh = stream.segments(hours_ago(2), 2)
    agent.store(stream, fresh, agent.record(stream, fresh))
    stored.confirm_hour(agent.tenant, stored.Hour(stream.camera, 1, hours_ago(2)), object_store())
    assert retention.sweep(agent.tenant, object_store()) == 1
    assert states(agent, stream) == [SegmentState.DELETED] * 3 + [SegmentState.STORED] * 2
    assert not any(exists(stream, sealed) for sealed in old)
    assert all(exists(stream, sealed) for sealed in fresh)
    assert living_envelopes(agent, stream.camera) == 1
    with tenant_scope(agent.tenant):
        trust = verify_statements(statements_since(agent.tenant), root_fingerprint(agent.tenant))
        tombstone = verify_tombstone(bytes(Tombstone.objects.get().signed), trust)
    assert set(tombstone.segments) == {sealed.segment for sealed in old}
    assert [(item.chain, item.first, item.last) for item in tombstone.ranges] == [(stream.head.chain, 1, 3)]
    assert tombstone.policy == "retention 30 days"
    assert retention.sweep(agent.tenant, object_store()) == 0
    with tenant_scope(agent.tenant):
        assert Tombstone.objects.count() == 1


def test_a_camera_may_keep_longer_or_shorter(agent: AgentSim):
    short, _ = recorded(agent, hours_ago(3 * 24), 1)
    long, _ = recorded(agent, hours_ago(40 * 24), 1)
    with tenant_scope(agent.tenant):
        Camera.objects.filter(id=short.camera).update(retention_days=2)
        Camera.objects.filter(id=long.camera).update(retention_days=60)
    assert retention.sweep(agent.tenant, object_store()) == 1
    assert states(agent, short) == [SegmentState.DELETED]
    assert states(agent, long) == [SegmentState.STORED]


def test_beyond_the_quota_the_oldest_hours_go_and_the_hour_being_recorded_stays(agent: AgentSim):
    stream, _ = recorded(agent, hours_ago(10), 2)
    for hours in (9, 8, 0):
        later = stream.segments(hours_ago(hours), 2)
        agent.store(stream, later, agent.record(stream, later))
        stored.confirm_hour(agent.tenant, stored.Hour(stream.camera, 1, hours_ago(hours)), object_store())
    with tenant_scope(agent.tenant):
        size = FootageHour.objects.order_by("hour_us").first().declared_bytes
        FootagePolicy.objects.create(quota_bytes=2 * size + 10)
    assert retention.sweep(agent.tenant, object_store()) == 2
    with tenant_scope(agent.tenant):
        kept = FootageHour.objects.filter(erasure=Erasure.KEPT).order_by("hour_us")
        assert [row.hour_us for row in kept] == [hours_ago(8), hours_ago(0)]
        FootagePolicy.objects.update(quota_bytes=1)
    assert retention.sweep(agent.tenant, object_store()) == 1
    with tenant_scope(agent.tenant):
        assert FootageHour.objects.get(erasure=Erasure.KEPT).hour_us == hours_ago(0)


def test_bytes_that_never_came_cost_nothing_of_the_quota(agent: AgentSim):
    stream, _ = recorded(agent, hours_ago(10), 2)
    waiting = stream.segments(hours_ago(8), 20)
    agent.record(stream, waiting)
    with tenant_scope(agent.tenant):
        size = FootageHour.objects.order_by("hour_us").first().stored_bytes
        FootagePolicy.objects.create(quota_bytes=2 * size)
    assert retention.sweep(agent.tenant, object_store()) == 0
    assert states(agent, stream)[:2] == [SegmentState.STORED] * 2


def test_what_was_missing_before_its_day_stays_missing_and_no_tombstone_excuses_it(agent: AgentSim):
    stream, old = recorded(agent, hours_ago(31 * 24), 3)
    name = stream.name(old[1])
    object_store().delete(name, object_store().head(name).version_id)
    assert check_tenant(agent.tenant, object_store()).missing == [name]
    assert retention.sweep(agent.tenant, object_store()) == 1
    assert states(agent, stream) == [SegmentState.DELETED, SegmentState.MISSING, SegmentState.DELETED]
    with tenant_scope(agent.tenant):
        tombstone = parse_tombstone(bytes(Tombstone.objects.get().signed))[0]
    assert old[1].segment not in tombstone.segments
    assert [(item.first, item.last) for item in tombstone.ranges] == [(1, 1), (3, 3)]


def test_a_sweep_that_was_interrupted_goes_on_and_keys_were_gone_first(agent: AgentSim, monkeypatch):
    stream, old = recorded(agent, hours_ago(40 * 24), 2)

    def away(*_args, **_kwargs):
        raise ObjectStoreError("the store is away")

    with monkeypatch.context() as patch:
        patch.setattr(type(object_store()), "delete", away)
        with pytest.raises(ObjectStoreError):
            retention.sweep(agent.tenant, object_store())
    assert living_envelopes(agent, stream.camera) == 0
    assert exists(stream, old[0])
    with tenant_scope(agent.tenant):
        assert FootageHour.objects.get().erasure == Erasure.SHREDDED
        assert retention._interrupted() == []
        FootageHour.objects.update(erasure_until_us=0)
    assert retention.sweep(agent.tenant, object_store()) == 1
    assert not exists(stream, old[0])
    assert states(agent, stream) == [SegmentState.DELETED] * 2


def test_an_hour_that_cannot_be_deleted_keeps_no_others_from_it(agent: AgentSim, monkeypatch):
    first, stuck = recorded(agent, hours_ago(41 * 24), 1)
    second, old = recorded(agent, hours_ago(40 * 24), 1)
    real = type(object_store()).delete

    def held(store, name, version_id):
        if name == first.name(stuck[0]):
            raise ObjectStoreError("the store holds this object")
        real(store, name, version_id)

    monkeypatch.setattr(type(object_store()), "delete", held)
    with pytest.raises(ObjectStoreError, match="holds this object"):
        retention.sweep(agent.tenant, object_store())
    assert not exists(second, old[0])
    assert states(agent, second) == [SegmentState.DELETED]
    assert states(agent, first) == [SegmentState.STORED]


def test_a_record_that_names_another_cameras_key_does_not_have_it_destroyed(agent: AgentSim):
    kept, _ = recorded(agent, hours_ago(3 * 24), 1)
    short, _ = recorded(agent, hours_ago(3 * 24), 1)
    with tenant_scope(agent.tenant):
        foreign = FootageHour.objects.get(camera_id=kept.camera).key_ids
        own = FootageHour.objects.get(camera_id=short.camera)
        FootageHour.objects.filter(id=own.id).update(key_ids=[*own.key_ids, *foreign])
        Camera.objects.filter(id=short.camera).update(retention_days=2)
    assert retention.sweep(agent.tenant, object_store()) == 1
    assert living_envelopes(agent, short.camera) == 0
    assert living_envelopes(agent, kept.camera) == len(foreign)


def test_a_key_that_a_kept_hour_shares_is_not_destroyed(agent: AgentSim):
    edge = hours_ago(31 * 24)
    stream = agent.stream(agent.add_camera())
    begin = stream.genesis(edge)
    first = stream.segments(edge, 1)
    stream.keys[(1, hours_ago(2))] = stream.keys[(1, edge)]
    shared = stream.segments(hours_ago(2), 1)
    agent.store(stream, [*first, *shared], agent.record(stream, [begin, *first, *shared]))
    assert retention.sweep(agent.tenant, object_store()) == 1
    assert living_envelopes(agent, stream.camera) == 1


def test_late_footage_of_a_deleted_hour_is_deleted_again(agent: AgentSim):
    stream, _ = recorded(agent, hours_ago(40 * 24), 1)
    assert retention.sweep(agent.tenant, object_store()) == 1
    late = stream.segments(hours_ago(40 * 24) + 100 * SECOND, 1)
    agent.store(stream, late, agent.record(stream, late))
    assert retention.sweep(agent.tenant, object_store()) == 1
    assert not exists(stream, late[0])
    assert states(agent, stream) == [SegmentState.DELETED] * 2
    with tenant_scope(agent.tenant):
        assert Tombstone.objects.count() == 2


def test_an_agent_need_not_keep_what_was_deleted(agent: AgentSim):
    _, old = recorded(agent, hours_ago(40 * 24), 1)
    retention.sweep(agent.tenant, object_store())
    reply = agent.post(old)
    assert reply.stored == (old[0].segment,)
    assert reply.grants == {}
