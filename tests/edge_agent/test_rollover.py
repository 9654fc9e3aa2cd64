"""A box's keys are rolled over: killed at any step it has keys that work, streams go on, and nothing needs the former ones."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest
from django.db import connections

from edge_agent import files, rollover
from edge_agent.carry_over import declare_lost
from edge_agent.clock import SystemClock
from edge_agent.cloud import Cloud
from edge_agent.errors import StateUnusable
from edge_agent.health import Health
from edge_agent.identity import Identity
from edge_agent.keys import BoxKeys, PeriodKeys
from edge_agent.orders import Orders
from edge_agent.passwords.journal import PLANNED, Entry, Journal
from edge_agent.rollover import Rollover
from edge_agent.run import SPOOL
from edge_agent.seal import Identity as Sealing
from edge_agent.seal import StreamChain
from edge_agent.spool import RecordState, Spool, StoredSegment
from edge_agent.upload import Uploader
from protocol.adoption import SealedSource
from protocol.states import SegmentState
from sealing.chain import verify_chain
from sealing.cose import parse1
from sealing.ids import GapReason, GenesisReason, Stream, kid
from sealing.keys import parse_envelope
from sealing.record import Gap, Genesis, Segment, parse_record
from tenants.scope import tenant_scope
from tests.cast import Cast
from tests.edge_agent.box import Box
from tests.edge_agent.enrolled import enrolled_box
from tests.edge_agent.filled import fill, fill_box, record
from tests.edge_agent.hub import until
from tests.edge_agent.test_against_portal import box, in_portal, served
from tests.edge_agent.test_health import Facts
from vsaas.agents.models import Agent, AgentKey, AgentRollover, RolloverState
from vsaas.agents.rollover import ask
from vsaas.audit.services import system
from vsaas.cameras.handing_over import sealed_elsewhere
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.footage.models import Chain

__all__ = ["box", "served"]

SOURCE = "rtsp://viewer:s3cret@10.0.0.7:554/stream"


class Killed(BaseException):
    """The process ends here."""


def killed_after(monkeypatch: pytest.MonkeyPatch, steps: int) -> Callable[[], int]:
    """The process ends before its next rename or removal, once it has done so many. Returns how many it did."""
    done = 0

    def counted(act: Callable[..., None]) -> Callable[..., None]:
        def step(*arguments: object, **named: object) -> None:
            nonlocal done
            if done == steps:
                raise Killed
            done += 1
            act(*arguments, **named)

        return step

    monkeypatch.setattr(files.os, "replace", counted(os.replace))
    monkeypatch.setattr(Path, "unlink", counted(Path.unlink))
    return lambda: done


def whole_rollover(identity: Identity) -> None:
    identity.roll_over(identity.next_keys(), 1)
    identity.forget_former_signing()
    identity.forget_former()


def test_killed_at_any_step_the_box_has_keys_that_work_and_goes_on(tmp_path: Path) -> None:
    steps = 0
    while True:
        state = tmp_path / str(steps)
        before = enrolled_box(state, "https://portal.example", "wss://live.example").identity
        offered: BoxKeys | None = None
        with pytest.MonkeyPatch.context() as patch:
            done = killed_after(patch, steps)
            try:
                offered = before.next_keys()
                before.roll_over(offered, 1)
                before.forget_former()
                ended = True
            except Killed:
                ended = False
            assert done() <= steps
        after = Identity.load(state)
        if after.generation == 0:
            assert after.keys.transport == (state / "identity" / "transport.key").read_bytes()
            again = after.next_keys()
            if offered is not None:
                assert again.transport == offered.transport, "what was offered is offered again"
            after.roll_over(again, 1)
        assert after.generation == 1
        after.forget_former_signing()
        assert after.keys.at_rest(b"x") == before.keys.at_rest(b"x"), "what lies on the disk opens still"
        if after.has_former:
            after.forget_former()
        # A file that was being written when the power went stays beside, as private as the others.
        names = sorted(path.name for path in (state / "identity").iterdir() if path.name[0] != ".")
        assert names == ["agent.json", "box.1.key", "disk.key", "record.1.key", "transport.1.key"]
        if ended:
            break
        steps += 1
    assert steps >= 7, "each file is a step"


def test_a_full_disk_leaves_the_former_keys_in_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    state = tmp_path / "state"
    identity = enrolled_box(state, "https://portal.example", "wss://live.example").identity
    former, new = identity.keys, identity.next_keys()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(files.os, "replace", full)
        with pytest.raises(StateUnusable, match="No space left"):
            identity.roll_over(new, 1)
    assert identity.generation == 0
    assert identity.keys.transport == former.transport == Identity.load(state).keys.transport


def test_what_was_sealed_to_either_key_opens_until_the_former_is_forgotten(tmp_path: Path) -> None:
    state = tmp_path / "state"
    box = enrolled_box(state, "https://portal.example", "wss://live.example", cameras=1)
    (order,) = box.orders().command.cameras
    assert order.source_main is not None
    new = box.identity.next_keys()
    to_new = box.organisation.camera(new.box_public)
    assert to_new.source_main is not None
    orders = box.orders()
    for _ in range(2):
        orders.keys = Identity.load(state).keys
        for camera, sealed in ((order.camera, order.source_main), (to_new.camera, to_new.source_main)):
            assert orders.open_former(camera, sealed) == SOURCE
        if box.identity.generation == 0:
            box.identity.roll_over(new, 1)
    old_source = SealedSource(order.camera, 1, order.source_main)
    loaded = Identity.load(state)
    anew = rollover.sealed_anew(loaded.tenant, old_source, loaded.keys, loaded.keys.box_public)
    assert anew is not None
    loaded.forget_former()
    assert rollover.sealed_anew(loaded.tenant, old_source, loaded.keys, loaded.keys.box_public) is None
    orders.keys = Identity.load(state).keys
    assert orders.open_former(order.camera, anew.sealed) == SOURCE


def test_the_journal_of_passwords_and_period_keys_open_after_it(tmp_path: Path) -> None:
    state = tmp_path / "state"
    identity = enrolled_box(state, "https://portal.example", "wss://live.example").identity
    entry = Entry(uuid.uuid4(), uuid.uuid4(), "", "onvif", state=PLANNED, host="10.0.0.7", new="secret")
    Journal(state, identity.keys).put(entry)
    wrapping = identity.keys.wrapping_key()
    whole_rollover(identity)
    again = Identity.load(state)
    assert Journal(state, again.keys).find(entry.change) == entry
    assert again.keys.wrapping_key() == wrapping


def chains_of(spool: Spool) -> dict[bytes, list[bytes]]:
    chains: dict[bytes, list[bytes]] = {}
    for chain, encoded in spool.read("SELECT chain, record FROM records ORDER BY id"):
        chains.setdefault(chain, []).append(encoded)
    return chains


def test_a_stream_goes_on_in_a_chain_of_the_new_key(tmp_path: Path) -> None:
    box = Box(tmp_path)
    fill_box(box, 2)
    chain = StreamChain(box.spool, box.clock, box.identity, box.camera, Stream.MAIN)
    new = BoxKeys.new()
    box.identity.signer = new.record_signer
    chain.beat()
    chain.gap(1, 2, GapReason.AGENT_STOPPED, "")
    (first, second) = chains_of(box.spool).values()
    assert len(list(verify_chain(first, box.keys.record_public))) == 3
    records = [item.record for item in verify_chain(second, new.record_public)]
    genesis = records[0]
    assert isinstance(genesis, Genesis)
    last = parse_record(first[-1])
    assert genesis.reason == GenesisReason.ROLLOVER
    assert genesis.record_public == new.record_public
    assert genesis.follows is not None
    assert (genesis.follows.seq, genesis.follows.hash) == (last.record.seq, last.hash)
    assert [type(item).__name__ for item in records] == ["Genesis", "Beat", "Gap"]
    box.spool.close()


def test_what_is_lost_of_a_former_keys_chain_is_declared_under_the_new_one(tmp_path: Path) -> None:
    box = Box(tmp_path)
    segments = fill_box(box, 1)
    (encoded,) = (row for rows in chains_of(box.spool).values() for row in rows if _is_segment(row))
    lost = parse_record(encoded).record
    assert isinstance(lost, Segment)
    new = BoxKeys.new()
    box.identity.signer = new.record_signer
    item = StoredSegment(
        segments[0],
        box.camera,
        int(Stream.MAIN),
        SegmentState.SEALED,
        lost.start_us,
        lost.end_us,
        lost.size,
        0,
    )
    box.spool.write(
        lambda connection: declare_lost(
            connection, item, encoded, GapReason.SEALED_DATA_DAMAGED, "lost", box.identity, box.clock
        )
    ).result()
    newest = list(chains_of(box.spool).values())[-1]
    (_genesis, gap) = [found.record for found in verify_chain(newest, new.record_public)]
    assert isinstance(gap, Gap)
    assert (gap.start_us, gap.end_us) == (lost.start_us, lost.end_us)
    box.spool.close()


def _is_segment(encoded: bytes) -> bool:
    return isinstance(parse_record(encoded).record, Segment)


@pytest.mark.real_time
def test_through_the_real_portal_everything_of_before_and_after_counts(
    cast: Cast, box: Identity, object_store_server: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rollover, "FORMER_KEPT_S", 0.0)
    monkeypatch.setattr(rollover, "AGAIN_S", 0.3)
    monkeypatch.setattr("edge_agent.health.HEARTBEAT_SECONDS", 0.3)
    tenant = cast.tenant_a.id
    with tenant_scope(tenant):
        agent = Agent.objects.get(id=box.agent)
        camera = camera_add(agent, NewCamera("Door", SOURCE, audio=False), system("tests")).id
    connections.close_all()
    former = box.keys
    fill(box.state, camera, 2)

    async def through() -> None:
        orders = Orders.load(box)
        spool = Spool(box.state / SPOOL, budget_bytes=1_000_000_000, floor_bytes=0)
        clock, sealing = SystemClock(), Sealing(box.tenant, box.agent, box.record, "test")
        renewed: list[bool] = []
        async with Cloud(box) as cloud:
            uploader = Uploader(spool, cloud, clock, sealing, orders)
            spool.on_record = uploader.listen()
            rolling = Rollover(box, orders, cloud, clock, sealing, spool, lambda: renewed.append(True))
            health = Health(
                box, orders, cloud, clock, Facts(spool, []), lambda: False, roll_over=rolling.want
            )
            jobs = [asyncio.create_task(job) for job in (uploader.run(), rolling.run(), health.run())]
            try:
                await orders.refresh(cloud)
                assert [setup.source_main for setup in orders.cameras()] == [SOURCE]
                await in_portal(lambda: _ask(tenant, box.agent))
                await _offered(tenant, box.agent)
                await until(lambda: box.generation == 1)
                assert renewed == [True]
                periods = PeriodKeys(spool, box.tenant, box.keys.wrapping_key())
                periods.follow(orders.trust)
                await asyncio.to_thread(record, spool, sealing, periods, camera, 2, before_s=60.0)
                await until(lambda: not _unsent(spool))
                await until(lambda: not box.has_former)
                await until(lambda: _sealed_to(orders) == {box.keys.box_kid})
                assert [setup.source_main for setup in orders.cameras()] == [SOURCE]
                assert rolling.alarms == []
            finally:
                for job in jobs:
                    job.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.gather(*jobs)
                spool.close()

    asyncio.run(asyncio.wait_for(through(), 60))
    again = Identity.load(box.state)
    assert again.keys.others == ()
    assert [setup.source_main for setup in Orders.load(again).cameras()] == [SOURCE]
    with tenant_scope(tenant):
        signers = {bytes(row.record_public) for row in Chain.objects.filter(camera_id=camera)}
        assert signers == {former.record_public, again.keys.record_public}
        assert AgentRollover.objects.get(agent_id=box.agent).state == RolloverState.DONE
        assert AgentKey.objects.filter(agent_id=box.agent, ended_at=None).count() == 3
        assert sealed_elsewhere(box.agent) == []


def _ask(tenant: uuid.UUID, agent: uuid.UUID) -> None:
    with tenant_scope(tenant):
        ask(Agent.objects.get(id=agent), system("tests"))


async def _offered(tenant: uuid.UUID, agent: uuid.UUID) -> None:
    """Waits for the offer, and lets the two minutes be over that it is looked at."""

    def settle() -> int:
        with tenant_scope(tenant):
            rows = AgentRollover.objects.filter(agent_id=agent, state=RolloverState.OFFERED)
            return rows.update(offered_at=dt.datetime.now(dt.UTC) - dt.timedelta(minutes=3))

    offered = 0
    while not offered:
        offered = await in_portal(settle)


def _unsent(spool: Spool) -> int:
    count: int = spool.read("SELECT count(*) FROM records WHERE state = ?", (RecordState.UNSENT,))[0][0]
    return count


def _sealed_to(orders: Orders) -> set[bytes]:
    return {
        parse_envelope(camera.source_main)[0].recipient
        for camera in orders.command.cameras
        if camera.source_main is not None
    }


def test_signers_are_told_apart_by_the_newest_record_kept(tmp_path: Path) -> None:
    box = Box(tmp_path)
    fill_box(box, 1)
    ((chain, records),) = chains_of(box.spool).items()
    assert parse1(records[-1]).kid == kid(box.keys.record_public)
    box.spool.write(lambda connection: connection.execute("DELETE FROM records")).result()
    StreamChain(box.spool, box.clock, box.identity, box.camera, Stream.MAIN).beat()
    (after,) = chains_of(box.spool)
    assert after != chain, "where nothing tells who signed it, the stream begins a chain of its own"
    box.spool.close()
