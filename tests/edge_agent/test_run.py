"""Recorders kept in step with the orders: every gap has the reason that holds, whatever goes wrong at a start."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from edge_agent.capture.source import Source
from edge_agent.errors import DiskFull, SourceFailed, SpoolDamaged
from edge_agent.identity import Identity
from edge_agent.keys import BoxKeys, PeriodKeys
from edge_agent.orders import Orders
from edge_agent.run import SPOOL, Agent, Recorders
from edge_agent.seal import Identity as Sealing
from edge_agent.seal import StreamChain
from edge_agent.settings import read_settings
from edge_agent.spool import Spool
from protocol.command import CameraOrder
from protocol.plan import Quality, RecordingPlan, Rule
from sealing.ids import GapReason, Stream
from sealing.record import Beat, Gap, Record, parse_record
from tests.edge_agent.enrolled import EnrolledBox, enrolled_box
from tests.edge_agent.footage import StandClock

LIVE = "ws://127.0.0.1:9"


def no_camera(url: str, audio: bool) -> Source:
    raise SourceFailed(GapReason.CAMERA_UNREACHABLE, "nobody is there")


@pytest.fixture
def box(tmp_path: Path) -> EnrolledBox:
    return enrolled_box(tmp_path / "box", "http://127.0.0.1:9", LIVE, cameras=1)


@pytest.fixture
def spool(box: EnrolledBox) -> Iterator[Spool]:
    made = Spool(box.state / SPOOL, budget_bytes=1_000_000_000, floor_bytes=0)
    yield made
    made.close()


@pytest.fixture
def clock() -> StandClock:
    return StandClock()


def sealing(identity: Identity) -> Sealing:
    return Sealing(identity.tenant, identity.agent, identity.record, "test")


@pytest.fixture
def start(box: EnrolledBox, spool: Spool, clock: StandClock) -> Iterator[Callable[[], Recorders]]:
    """Starts of the agent, as far as recording goes."""
    running: list[Recorders] = []

    def make() -> Recorders:
        keys = PeriodKeys(spool, box.identity.tenant, box.identity.keys.wrapping_key())
        running.append(Recorders(spool, clock, sealing(box.identity), keys, no_camera))
        return running[-1]

    yield make
    for recorders in running:
        recorders.stop()


def recorded_until(box: EnrolledBox, spool: Spool, clock: StandClock, camera: uuid.UUID) -> None:
    """The camera was recorded up to a minute ago, when the box lost its power."""
    chain = StreamChain(spool, clock, sealing(box.identity), camera, Stream.MAIN)
    chain.open()
    now_us = clock.wall_us()
    chain.gap(now_us - 1_000_000, now_us, GapReason.PACKETS_LOST, "before")
    clock.advance(60)


def records(spool: Spool, camera: uuid.UUID) -> list[Record]:
    found = [parse_record(row[0]).record for row in spool.read("SELECT record FROM records ORDER BY id")]
    return [item for item in found if item.camera == camera]


def reasons(spool: Spool, camera: uuid.UUID) -> list[int]:
    return [item.reason for item in records(spool, camera) if isinstance(item, Gap)][1:]


def first_camera(orders: Orders) -> uuid.UUID:
    return orders.command.cameras[0].camera


def test_a_start_that_a_full_disk_stopped_keeps_its_reason(
    box: EnrolledBox, spool: Spool, clock: StandClock, start: Callable[[], Recorders], monkeypatch
) -> None:
    orders = box.orders()
    camera = first_camera(orders)
    recorded_until(box, spool, clock, camera)
    recorders = start()
    with monkeypatch.context() as full:

        def no_room(self: StreamChain, reason: object = None) -> None:
            raise DiskFull("the spool's disk is full")

        full.setattr(StreamChain, "open", no_room)
        with pytest.raises(DiskFull):
            recorders.follow(orders)
        assert recorders.all() == []
    recorders.follow(orders)
    recorders.stop()
    assert reasons(spool, camera)[0] == GapReason.AGENT_CRASHED


def test_a_recorder_that_could_not_be_replaced_keeps_its_reason(
    box: EnrolledBox, spool: Spool, clock: StandClock, start: Callable[[], Recorders], monkeypatch
) -> None:
    orders = box.orders()
    camera = first_camera(orders)
    recorders = start()
    recorders.follow(orders)
    (recorder,) = recorders.all()
    recorder.stop()  # so that its camera, which is not there, declares nothing more by itself
    recorded_until(box, spool, clock, camera)
    again = replace(box.organisation.camera(box.identity.keys.box_public, camera=camera), audio=False)
    orders.offer_command(box.organisation.command(2, (again,)))
    with monkeypatch.context() as full:

        def no_room(self: StreamChain, reason: object = None) -> None:
            raise DiskFull("the spool's disk is full")

        full.setattr(StreamChain, "open", no_room)
        for _ in range(2):
            with pytest.raises(DiskFull):
                recorders.follow(orders)
    recorders.follow(orders)
    recorders.stop()
    assert GapReason.STREAM_PARAMETERS_CHANGED in reasons(spool, camera)
    assert GapReason.RECORDING_DISABLED not in reasons(spool, camera)


def test_an_index_that_breaks_under_the_last_events_leaves_no_recorder_behind(
    box: EnrolledBox, spool: Spool, clock: StandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders = box.orders()
    agent = Agent(box.identity, orders, spool, clock, read_settings(box.state, {}, {}))
    agent.recorders.follow(orders)
    agent._ticker.start()
    agent._flusher.start()
    agent.chronicle.begin(first_camera(orders), "motion", "own")
    agent.chronicle.close()

    def breaks(*_: object, **__: object) -> None:
        raise SpoolDamaged("the index is damaged")

    monkeypatch.setattr(StreamChain, "event", breaks)
    recorders = agent.recorders.all()
    agent._stop_recording()
    assert [recorder._stop.is_set() for recorder in recorders] == [True]
    assert not agent._flusher.is_alive()


def test_a_camera_whose_address_cannot_be_opened_has_gaps_and_beats(
    box: EnrolledBox, spool: Spool, clock: StandClock, start: Callable[[], Recorders]
) -> None:
    orders = box.orders()
    stranger: CameraOrder = box.organisation.camera(BoxKeys.new().box_public)
    recorded_until(box, spool, clock, stranger.camera)
    orders.offer_command(box.organisation.command(2, (stranger,)))
    recorders = start()
    recorders.follow(orders)
    (recorder,) = recorders.all()
    health = recorder.health()
    assert health.state == "unusable"
    assert "type it again" in health.detail
    assert reasons(spool, stranger.camera) == [GapReason.AGENT_CRASHED]
    clock.advance(61)
    recorder.tick()
    assert reasons(spool, stranger.camera)[1:] == [GapReason.CAMERA_STREAM_UNUSABLE]
    clock.advance(51)
    recorder.tick()
    assert isinstance(records(spool, stranger.camera)[-1], Beat)
    # Typed again: what was not recorded until then was for the same reason.
    clock.advance(5)
    again = box.organisation.camera(box.identity.keys.box_public, camera=stranger.camera)
    orders.offer_command(box.organisation.command(3, (again,)))
    recorders.follow(orders)
    recorders.stop()
    assert reasons(spool, stranger.camera)[2] == GapReason.CAMERA_STREAM_UNUSABLE
    assert GapReason.RECORDING_DISABLED not in reasons(spool, stranger.camera)


@pytest.mark.parametrize("opens", [True, False])
def test_main_is_kept_where_the_plan_keeps_sub_alone_and_its_address_does_not_open_here(
    box: EnrolledBox, spool: Spool, clock: StandClock, start: Callable[[], Recorders], opens: bool
) -> None:
    orders = box.orders()
    order = box.organisation.camera(box.identity.keys.box_public, sub=True)
    sub = order.source_sub if opens else box.organisation.camera(BoxKeys.new().box_public).source_main
    plan = RecordingPlan("UTC", Rule(quality=Quality.SUB))
    recorded_until(box, spool, clock, order.camera)
    orders.offer_command(box.organisation.command(2, (replace(order, source_sub=sub, plan=plan),)))
    recorders = start()
    recorders.follow(orders)
    main = recorders.find(order.camera, Stream.MAIN)
    assert main is not None
    clock.advance(61)
    main.tick()
    assert (GapReason.BY_PLAN in reasons(spool, order.camera)) == opens
