"""Steering a camera, and what it says it offers: by the agent, against a camera that speaks ONVIF."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent.onvif.asked import AskedOfCameras
from edge_agent.orders import CameraSetup
from edge_agent.steering import Steering
from protocol.errors import ProtocolError
from protocol.finding import Looked, decode_looks
from protocol.order import Order
from protocol.steering import (
    GO,
    HOME,
    KEEP,
    MOVE,
    OLD,
    PRESETS,
    REMOVE,
    STEP,
    STOP,
    LookAgain,
    Preset,
    Steer,
    Steered,
)
from sealing.canonical import encode_canonical
from sealing.errors import SealingError
from vsaas.onebox.demo_camera.onvif import OnvifCamera, onvif_camera

CAMERA = uuid.uuid4()


@dataclass
class OneCamera:
    """What an agent knows of its orders: one camera."""

    camera: OnvifCamera
    password: str = "correct horse"
    service: str = field(init=False)

    def __post_init__(self) -> None:
        self.service = self.camera.url

    def cameras(self) -> tuple[CameraSetup, ...]:
        source = f"rtsp://operator:{quote(self.password)}@{self.camera.host}/main"
        return (CameraSetup(CAMERA, "Gate", True, False, source, None),)

    def accepted(self, url: str) -> frozenset[bytes]:
        return frozenset()


class Desk:
    """Somebody who steers: each act is asked after the one before."""

    def __init__(self, orders: OneCamera) -> None:
        self._orders, self._steering, self._at = orders, Steering(orders), 0  # type: ignore[arg-type]

    async def steer(self, act: str, at: int = 0, **how: Any) -> Steered:
        self._at += 1
        task = Steer(how.pop("camera", CAMERA), act, self._orders.service, **how)
        return Steered.decode((await self._steering.steer(task, at or self._at)).report)


async def still(camera: OnvifCamera) -> None:
    """Waits until it does not move."""
    async with asyncio.timeout(5):
        while camera.moves:  # noqa: ASYNC110 the camera is another thread's and tells nobody
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("profile_t", [True, False])
async def test_a_camera_moves_until_it_is_stopped(profile_t: bool) -> None:
    with onvif_camera(OnvifCamera(profile_t=profile_t)) as camera:
        desk = Desk(OneCamera(camera))
        assert (await desk.steer(MOVE, pan=500, tilt=-1000, ms=1000)).cause == ""
        assert camera.way == (0.5, -1.0, 0.0)
        assert (await desk.steer(STOP)).cause == ""
        assert not camera.moves


async def test_a_camera_whose_stop_is_lost_stops_by_itself_though_it_does_not_keep_to_its_time() -> None:
    with onvif_camera(OnvifCamera(keeps_timeout=False)) as camera:
        desk = Desk(OneCamera(camera))
        await desk.steer(MOVE, zoom=1000, ms=300)
        await desk.steer(MOVE, zoom=1000, ms=300)
        assert camera.way == (0.0, 0.0, 1.0)
        await still(camera)
        assert camera.asked.count("Stop") == 1
        assert 0.05 < camera.moved[-1] - camera.moved[-2] < 2.0


async def test_what_was_asked_earlier_does_not_undo_what_was_asked_later() -> None:
    with onvif_camera() as camera:
        desk = Desk(OneCamera(camera))
        await desk.steer(STOP, at=20)
        assert (await desk.steer(MOVE, at=19, pan=1000, ms=1000)).cause == OLD
        assert not camera.moves


async def test_positions_are_kept_gone_to_and_removed() -> None:
    with onvif_camera() as camera:
        desk = Desk(OneCamera(camera))
        assert (await desk.steer(STEP, pan=100)).cause == ""
        kept = await desk.steer(KEEP, name="Gate & yard")
        assert kept.presets == (Preset("1", "Gate & yard"),)
        await desk.steer(HOME)
        assert camera.at == (0.0, 0.0, 0.0)
        await desk.steer(GO, preset="1")
        assert camera.at == (0.1, 0.0, 0.0)
        assert (await desk.steer(GO, preset="9")).cause == "refused-setting"
        assert (await desk.steer(PRESETS)).presets == kept.presets, "a refusal does not end the session"
        assert camera.asked.count("GetServices") == 1
        assert (await desk.steer(REMOVE, preset="1")).presets == ()


async def test_a_wrong_password_is_shown_once_however_long_a_button_is_held() -> None:
    with onvif_camera() as camera:
        desk = Desk(OneCamera(camera, password="wrong"))
        for _ in range(6):
            assert (await desk.steer(MOVE, pan=100, ms=500)).cause == "credentials"
        assert camera.wrong == {"operator": 1}


async def test_a_camera_without_motors_and_one_that_is_not_ours() -> None:
    with onvif_camera(OnvifCamera(ptz=False)) as camera:
        desk = Desk(OneCamera(camera))
        assert (await desk.steer(MOVE, pan=100, ms=500)).cause == "unsupported"
        assert (await desk.steer(MOVE, camera=uuid.uuid4(), pan=100, ms=500)).cause == "unusable"


async def _looked(camera: OnvifCamera) -> Looked:
    asked = AskedOfCameras(OneCamera(camera))  # type: ignore[arg-type]
    answer = await asked.look_again(LookAgain(CAMERA, camera.url))
    (looked,) = decode_looks(answer.report)
    return looked


@pytest.mark.parametrize("profile_t", [True, False])
async def test_a_camera_is_looked_at_again_with_what_it_is_recorded_with(profile_t: bool) -> None:
    with onvif_camera(OnvifCamera(profile_t=profile_t)) as camera:
        looked = await _looked(camera)
    media = ("media", "media2") if profile_t else ("media",)
    assert looked.services == (*media, "ptz", "events", "imaging")
    assert looked.scopes == (("S", "T") if profile_t else ("S",))
    assert looked.steers == ("move", "step", "home", "presets")
    assert (looked.scope, looked.firmware, looked.ptz) == (CAMERA, "5.51.7", True)
    assert [(one.width, one.codec, one.main) for one in looked.profiles] == [
        (2560, "h264", b""),
        (640, "h264", b""),
    ], "addresses that are known are not told"


async def test_the_service_alone_does_not_make_motors() -> None:
    with onvif_camera(OnvifCamera(ptz=False)) as camera:
        looked = await _looked(camera)
    assert (looked.ptz, looked.steers) == (False, ())
    assert "ptz" in looked.services


def test_a_look_of_an_older_agent_is_read() -> None:
    row = Looked(CAMERA, make="Acme").row()[:12]
    (looked,) = decode_looks(encode_canonical([row]))
    assert (looked.make, looked.services, looked.scopes) == ("Acme", (), ())


@given(
    st.integers(-1000, 1000), st.integers(-1000, 1000), st.integers(1, 1000), st.text(max_size=60, min_size=1)
)
def test_orders_to_steer_come_back_as_they_were(pan: int, tilt: int, ms: int, name: str) -> None:
    for task in (
        Steer(CAMERA, MOVE, pan=pan, tilt=tilt, ms=ms),
        Steer(CAMERA, KEEP, "http://192.0.2.7/onvif", name=name),
        LookAgain(CAMERA),
    ):
        try:
            payload = Order(CAMERA, CAMERA, CAMERA, 7, task).payload()
        except SealingError:
            continue  # a text the format does not have
        assert Order.from_payload(payload).task == task


@pytest.mark.parametrize(
    "row",
    [
        [15, CAMERA.bytes, "", "fly", [0, 0, 0, 0], "", ""],
        [15, CAMERA.bytes, "", MOVE, [1001, 0, 0, 500], "", ""],
        [15, CAMERA.bytes, "", MOVE, [1, 0, 0, 0], "", ""],
        [15, CAMERA.bytes, "", MOVE, [1, 0, 0, 1001], "", ""],
        [15, CAMERA.bytes, "", GO, [0, 0, 0, 0], "", ""],
        [15, CAMERA.bytes, "", KEEP, [0, 0, 0, 0], "", ""],
        [15, CAMERA.bytes, "http://169.254.169.254/", STOP, [0, 0, 0, 0], "", ""],
    ],
)
def test_orders_that_make_no_sense_are_refused(row: list[Any]) -> None:
    whole = {1: 1, 2: CAMERA.bytes, 3: CAMERA.bytes, 4: CAMERA.bytes, 5: 7, 6: row}
    with pytest.raises(ProtocolError):
        Order.from_payload(encode_canonical(whole))
