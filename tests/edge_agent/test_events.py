"""What cameras notice by ONVIF: heard, told within the agent, signed into the main chain; and what a hostile camera cannot do."""

from __future__ import annotations

import asyncio
import ssl
import time
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import listening
from edge_agent.capture.source import Source
from edge_agent.carry_over import carry_over
from edge_agent.chronicle import RECORDS_A_MINUTE, Chronicle
from edge_agent.errors import SourceFailed
from edge_agent.happenings import SOURCE_MAX, Happenings
from edge_agent.keys import PeriodKeys
from edge_agent.listening import Listeners
from edge_agent.oddities import Noting, Oddities
from edge_agent.onvif import events, soap
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.events import notices_of, service_of
from edge_agent.run import SPOOL, Recorders
from edge_agent.seal import Identity as Sealing
from edge_agent.seal import StreamChain
from edge_agent.spool import Spool
from protocol.camera_source import seal_source
from protocol.command import CameraOrder, EventsOrder
from sealing.ids import EventType, GapReason, Stream
from sealing.record import Event, parse_record
from tests.edge_agent.camera_front import fingerprint_of, self_signed
from tests.edge_agent.enrolled import EnrolledBox, enrolled_box
from tests.edge_agent.footage import StandClock
from vsaas.onebox.demo_camera.onvif import EVENTS, OnvifCamera, onvif_camera

MOTION = "tns1:RuleEngine/CellMotionDetector/Motion"
DARK = "tns1:VideoSource/ImageTooDark/ImagingService"
INPUT = "tns1:Device/Trigger/DigitalInput"
LINE = "tns1:RuleEngine/LineDetector/Crossed"


def no_camera(url: str, audio: bool, certificate: bytes | None) -> Source:
    raise SourceFailed(GapReason.CAMERA_UNREACHABLE, "nobody is there")


def body(inside: str) -> bytes:
    return f"<Envelope><Body>{inside}</Body></Envelope>".encode()


def subscribed(parameters: str = "") -> dict[str, bytes]:
    """The answer of a camera that makes a subscription."""
    inside = f"<Address>http://camera/x</Address><ReferenceParameters>{parameters}</ReferenceParameters>"
    reference = f"<R><SubscriptionReference>{inside}</SubscriptionReference></R>"
    return {"CreatePullPointSubscription": body(reference)}


LAST_SECOND = subscribed() | {
    "GetSystemDateAndTime": body(
        "<GetSystemDateAndTimeResponse><UTCDateTime><Time><Hour>23</Hour><Minute>59</Minute><Second>59</Second></Time>"
        "<Date><Year>9999</Year><Month>12</Month><Day>31</Day></Date></UTCDateTime></GetSystemDateAndTimeResponse>"
    ),
    "GetServices": body(
        f"<R><Service><Namespace>{EVENTS}</Namespace><XAddr>http://camera/events</XAddr></Service></R>"
    ),
    "PullMessages": body("<R/>"),
}


class Box:
    """A box whose one camera is the one of the tests."""

    def __init__(self, box: EnrolledBox, spool: Spool) -> None:
        self.box, self.spool, self.clock = box, spool, StandClock()
        self.orders = box.orders()
        self.camera = self.orders.command.cameras[0].camera
        identity = box.identity
        sealing = Sealing(identity.tenant, identity.agent, identity.record, "test")
        keys = PeriodKeys(spool, identity.tenant, identity.keys.wrapping_key())
        self.recorders = Recorders(spool, self.clock, sealing, keys, no_camera)
        self.happenings = Happenings()
        self.chronicle = Chronicle(self.happenings, self.clock, self._chain)
        self.listeners = Listeners(self.orders, self.chronicle)

    def _chain(self, camera: uuid.UUID) -> StreamChain | None:
        recorder = self.recorders.find(camera, Stream.MAIN)
        return None if recorder is None else recorder.chain

    def order(
        self,
        there: OnvifCamera,
        *,
        password: str = "correct horse",
        service: str | None = None,
        certificate: bytes | None = None,
    ) -> None:
        url = f"rtsp://operator:{quote(password)}@{there.host}:554/main"
        order: CameraOrder = self.orders.command.cameras[0]
        keys = self.box.identity.keys
        main = seal_source(self.box.identity.tenant, self.camera, Stream.MAIN, url, keys.box_public)
        events = EventsOrder(there.url if service is None else service)
        told = replace(order, source_main=main, events=events, certificate=certificate)
        self.orders.command = replace(self.orders.command, cameras=(told,))
        self.recorders.follow(self.orders)

    def told(self) -> list[tuple[int, str, bool, str | None]]:
        """The events signed so far: type, source, whether it goes on, detail."""
        self.chronicle.write()
        return [(one.type, one.source, one.goes_on, one.detail) for one in self.records()]

    def records(self) -> list[Event]:
        rows = self.spool.read("SELECT record FROM records ORDER BY id")
        found = [parse_record(row[0]).record for row in rows]
        return [item for item in found if isinstance(item, Event)]

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[asyncio.Task[None]]:
        task = asyncio.create_task(self.listeners.run())
        try:
            yield task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    enrolled = enrolled_box(tmp_path / "box", "http://127.0.0.1:9", "ws://127.0.0.1:9", cameras=1)
    spool = Spool(enrolled.state / SPOOL, budget_bytes=1_000_000_000, floor_bytes=0)
    made = Box(enrolled, spool)
    yield made
    made.recorders.stop()
    spool.close()


async def until(holds: Callable[[], bool], what: str) -> None:
    try:
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110  what is waited for has no event of its own
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"never came: {what}")


async def test_what_a_camera_notices_is_told_and_signed_by_the_time_it_arrived(box: Box) -> None:
    with onvif_camera(OnvifCamera(offset=timedelta(hours=-9))) as there:
        box.order(there)
        async with box.listening():
            with box.happenings.listen(box.camera) as listener:
                there.happen(MOTION, "true", name="IsMotion")
                await until(lambda: listener.active("motion"), "motion")
                begun_us = box.clock.wall_us()
                box.clock.advance(30)
                there.happen(DARK, "1")
                there.happen(LINE, name="ObjectId")
                there.happen(INPUT, "true", "In 1", "LogicalState")
                there.happen("tns1:Device/HardwareFailure/FanFailure", "true")
                await until(lambda: listener.active("input"), "the input")
                assert listener.active("tamper")
                assert listener.active("line")
                box.clock.advance(31)
                box.chronicle.tick()
                there.happen(MOTION, "false", name="IsMotion")
                await until(lambda: not listener.active("motion"), "the end of motion")
        assert not listener.active("tamper"), "nobody is heard any more, so nothing goes on"
        assert there.subscription == "", "the camera was told so"
    motion = (EventType.MOTION, "onvif:CellMotionDetector V_1")
    assert box.told() == [
        (EventType.LINE_CROSSING, "onvif:LineDetector V_1", False, "RuleEngine/LineDetector/Crossed"),
        (*motion, True, "RuleEngine/CellMotionDetector/Motion"),
        (*motion, False, "RuleEngine/CellMotionDetector/Motion"),
        (EventType.TAMPER, "onvif:ImageTooDark V_1", False, "VideoSource/ImageTooDark/ImagingService"),
        (EventType.DIGITAL_INPUT, "onvif:DigitalInput In 1", False, "Device/Trigger/DigitalInput"),
    ]
    first, last = [one for one in box.records() if one.type == EventType.MOTION]
    assert (first.start_us, first.end_us) == (begun_us, begun_us + 60_000_000)
    assert (last.start_us, last.end_us) == (first.end_us, begun_us + 61_000_000)
    assert box.listeners.alarms == []


async def test_a_subscription_that_is_lost_is_made_again(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "LIVES_S", 0)  # every pull renews, which this camera does not know
    with onvif_camera(OnvifCamera(renews=False)) as there:
        box.order(there)
        async with box.listening():
            await until(lambda: there.asked.count("PullMessages") > 1, "pulls")
            assert there.asked.count("Renew") == 1, "asked once, then no more"
            there.subscription = "forgotten"  # as after the camera started again
            await until(lambda: there.asked.count("CreatePullPointSubscription") == 2, "another subscription")
            there.happen(MOTION, "true")
            with box.happenings.listen(box.camera) as listener:
                await until(lambda: listener.active("motion"), "motion")


async def test_a_refused_password_is_not_tried_again_soon_and_people_are_told(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_ALARM_AFTER", 1)
    with onvif_camera() as there:
        box.order(there, password="wrong")
        async with box.listening():
            await until(lambda: box.listeners.alarms != [], "an alarm")
            await asyncio.sleep(0.3)
        assert box.listeners.alarms == [
            "gate: its events are not heard: the camera refuses the user name or the password"
        ]
        assert there.wrong == {"operator": 1}, "one try, or the camera would lock the account"


@pytest.mark.parametrize("hostile", ["clock", "depth", "unforeseen"])
async def test_whatever_a_camera_answers_ends_no_listening_to_others(
    box: Box, monkeypatch: pytest.MonkeyPatch, hostile: str
) -> None:
    answers = {"clock": LAST_SECOND, "depth": subscribed("<a>" * 2000 + "</a>" * 2000)}
    if hostile == "unforeseen":
        monkeypatch.setattr(events, "_parameters", _fails)
    monkeypatch.setattr(listening, "_ALARM_AFTER", 1)
    with onvif_camera(OnvifCamera(raw=dict(answers.get(hostile, {})))) as there:
        box.order(there)
        async with box.listening() as task:
            await until(lambda: box.listeners.alarms != [] or task.done(), "an alarm")
            assert not task.done()
    assert box.listeners.alarms == ["gate: its events are not heard: what the camera answers cannot be used"]


def _fails(reference: object) -> str:
    raise RecursionError


async def test_a_camera_that_holds_no_answer_back_is_not_asked_without_a_pause(box: Box) -> None:
    with onvif_camera(OnvifCamera(raw={"PullMessages": body("<R/>")})) as there:
        box.order(there)
        async with box.listening():
            await until(lambda: "PullMessages" in there.asked, "a pull")
            await asyncio.sleep(1.2)
        assert 2 <= there.asked.count("PullMessages") <= 3


def test_messages_within_messages_are_not_read_again_for_each_other() -> None:
    topic = "<Topic>tns1:RuleEngine/Motion</Topic>"
    nested = f"<NotificationMessage>{topic}" * 30 + "</NotificationMessage>" * 30
    assert len(notices_of(soap.parse_xml(f"<R>{nested}</R>".encode()))) == 1
    many = f"<NotificationMessage>{topic}</NotificationMessage>" * 300
    assert len(notices_of(soap.parse_xml(f"<R>{many}</R>".encode()))) == events.AT_ONCE


async def test_only_the_accepted_certificate_is_listened_to_and_another_one_accepted_begins_anew(
    box: Box, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listening, "_ALARM_AFTER", 1)
    certificate = self_signed(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    with onvif_camera(tls=context) as there:
        box.order(there, certificate=bytes(32))
        async with box.listening():
            await until(lambda: box.listeners.alarms != [] or there.asked != [], "an alarm")
            assert there.asked == []
            assert box.listeners.alarms == [
                "gate: its events are not heard: the camera shows another certificate than the accepted one"
            ]
            box.order(there, certificate=fingerprint_of(certificate))
            box.orders.changed()
            await until(lambda: "PullMessages" in there.asked, "a pull")


async def test_what_chatters_does_not_fill_the_chain(box: Box) -> None:
    with onvif_camera() as there:
        box.order(there)
        for number in range(3 * RECORDS_A_MINUTE):
            box.chronicle.pulse(box.camera, "line", f"onvif:{number}")
        assert len(box.told()) == RECORDS_A_MINUTE
        assert box.listeners.alarms == [
            "gate: it tells more events than are written down; set its detectors less sensitive"
        ]
        box.clock.advance(600)
        box.chronicle.pulse(box.camera, "line", "onvif:later")
        assert len(box.told()) == RECORDS_A_MINUTE + 1
        assert box.listeners.alarms == []


async def test_a_clock_that_is_set_makes_no_hours_of_motion(box: Box) -> None:
    with onvif_camera() as there:
        box.order(there)
        for hours in (5, -9):
            box.chronicle.begin(box.camera, "motion", "own")
            box.clock.wall_offset_us += hours * 3_600_000_000
            box.chronicle.tick()
            box.clock.advance(2)
            box.chronicle.end(box.camera, "motion", "own")
        box.told()
        assert [one.end_us - one.start_us for one in box.records()] == [2_000_000, 2_000_000]


async def test_what_goes_on_is_signed_before_the_agent_ends(box: Box) -> None:
    with onvif_camera() as there:
        box.order(there)
        box.chronicle.begin(box.camera, "motion", "own")
        box.clock.advance(5)
        box.chronicle.close()
        box.chronicle.begin(box.camera, "motion", "late")
        assert [source for _, source, _, _ in box.told()] == ["own"]


async def test_events_are_signed_by_one_thread_at_a_time(box: Box) -> None:
    inside, most = 0, 0

    def chain_of(camera: uuid.UUID) -> None:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        time.sleep(0.1)
        inside -= 1

    chronicle = Chronicle(box.happenings, box.clock, chain_of)
    for source in ("one", "two"):
        chronicle.pulse(box.camera, "line", source)
    await asyncio.gather(*(asyncio.to_thread(chronicle.write) for _ in range(2)))
    assert most == 1


async def test_what_was_not_sent_yet_comes_along_into_a_chain_in_place_of_a_stuck_one(box: Box) -> None:
    with onvif_camera() as there:
        box.order(there)
        box.chronicle.pulse(box.camera, "line", "onvif:gate")
        told = box.told()
        chain = box._chain(box.camera)
        assert chain is not None
        old = box.records()[0].chain
        box.spool.write(
            lambda c: carry_over(
                c, old, chain._identity, box.clock, refused=[], lost_keys=(), portal_tip=None
            )
        ).result()
        assert box.told() == told * 2
        assert box.records()[1].chain != old


def test_credentials_go_to_the_cameras_own_host_alone() -> None:
    assert service_of("192.0.2.7", "http://192.0.2.7:8080/onvif") == "http://192.0.2.7:8080/onvif"
    assert service_of("192.0.2.7", "http://192.0.2.8/onvif") == "http://192.0.2.7/onvif/device_service"
    assert service_of("2001:db8::7", "") == "http://[2001:db8::7]/onvif/device_service"


@given(topic=st.text(max_size=300), value=st.text(max_size=100), token=st.text(max_size=300))
def test_whatever_a_camera_calls_things_is_passed_over_or_cut(topic: str, value: str, token: str) -> None:
    camera = OnvifCamera()
    for said in (topic, f"tns1:RuleEngine/Motion/{topic}"):
        camera.happen(said, value, token)
    body = "".join(camera._events).encode("utf-8", "replace")
    spaces = b'xmlns:r="http://www.onvif.org/answer" xmlns:t="http://www.onvif.org/ver10/schema"'
    try:
        answer = soap.parse_xml(b"<r:PullMessagesResponse %s>%s</r:PullMessagesResponse>" % (spaces, body))
    except OnvifFailed:
        return  # no XML: refused whole
    for notice in notices_of(answer):
        assert 0 < len(notice.source) <= SOURCE_MAX
        assert notice.source.isprintable()
        assert notice.kind in ("motion", "tamper", "input", "line", "sound")


def test_the_order_to_listen_survives_the_command_document(box: Box) -> None:
    with onvif_camera() as there:
        box.order(there)
        order = box.orders.command.cameras[0]
        assert CameraOrder.from_map(order.to_map()) == order
        silent = replace(order, events=None)
        assert 9 not in silent.to_map()
        assert CameraOrder.from_map(silent.to_map()).events is None


@dataclass
class Watched:
    """A main stream, and what is wrong with its camera."""

    camera: uuid.UUID
    wrong: Oddities = field(default_factory=Oddities)

    def oddities(self) -> Oddities:
        return self.wrong


async def test_what_is_wrong_with_a_camera_itself_is_signed_and_starts_no_recording(box: Box) -> None:
    with onvif_camera() as there:
        box.order(there)
    noting, one = Noting(box.chronicle, box.clock), Watched(box.camera)
    noting.look([one])
    assert box.told() == []
    one.wrong = Oddities(stands_s=61, other_device=True, clock_off_us=-3_600_000_000)
    begun_us = box.clock.wall_us()
    with box.happenings.listen(box.camera) as listener:
        noting.look([one])
        noting.look([one])
        assert listener.kinds() == (frozenset(), frozenset())
    box.clock.advance(30)
    one.wrong = Oddities(clock_off_us=-3_600_000_000)
    noting.look([one])
    box.chronicle.tick()
    instants = [
        (EventType.OTHER_DEVICE, "own", False, None),
        (EventType.CAMERA_CLOCK, "own", False, "3600 s behind"),
    ]
    frozen = EventType.FROZEN_PICTURE
    assert box.told() == [*instants, (frozen, "own", True, None), (frozen, "own", False, None)]
    first, last = box.records()[2:]
    assert (first.start_us, last.start_us) == (begun_us - 61_000_000, begun_us - 1_000_000)
    assert last.end_us == box.clock.wall_us()
    box.clock.advance(3600)
    noting.look([one])
    assert box.told()[4:] == instants[1:], "once an hour"
