"""Which camera `make up` records: `CAMERA`, else what was recorded before, else the demo camera."""

import shutil
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from vsaas.onebox.box import MORE_CAMERAS, Box
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout, Ports
from vsaas.onebox.recorder import DEMO_CAMERA, wanted_camera
from vsaas.onebox.up import wants_more_cameras

OWN = "rtsp://admin:hunter2@10.0.0.9:8554/Streaming/Channels/101?transport=tcp"


@pytest.fixture
def box(folder: Path) -> Iterator[Box]:
    layout = Layout(folder)
    layout.make()
    yield Box(layout, Ports(8400))
    shutil.rmtree(layout.run)


@pytest.fixture(autouse=True)
def no_camera(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CAMERA", raising=False)


def test_without_a_wish_it_is_the_demo_camera_with_a_random_password(box: Box) -> None:
    wish = wanted_camera(box)
    assert wish.name == DEMO_CAMERA
    assert wish.is_demo
    assert wish.main == f"rtsp://demo:{box.passwords.get('demo_camera')}@127.0.0.1:8403/main"
    assert wish.sub is not None
    assert wish.sub.endswith("/sub")


def test_a_camera_of_one_s_own_is_remembered_until_another_is_named(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CAMERA", OWN)
    wish = wanted_camera(box)
    assert (wish.main, wish.sub, wish.is_demo) == (OWN, None, False)
    monkeypatch.delenv("CAMERA")
    assert wanted_camera(box) == wish
    monkeypatch.setenv("CAMERA", "demo")
    assert wanted_camera(box).is_demo


def test_its_name_says_where_it_is_and_holds_no_password(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA", OWN)
    assert wanted_camera(box).name == "Camera 10.0.0.9:8554 Streaming/Channels/101"


def test_its_address_is_kept_in_a_closed_file(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMERA", OWN)
    wanted_camera(box)
    holding = [path for path in box.layout.var.rglob("*") if path.is_file() and "hunter2" in path.read_text()]
    assert [stat.S_IMODE(path.stat().st_mode) for path in holding] == [0o600]


@pytest.mark.parametrize(
    "address",
    [
        "http://admin:hunter2@10.0.0.9/",
        "rtsp://:hunter2@/x",
        "admin:hunter2@10.0.0.9",
        "rtsp://a:hunter2@h:99999/",
    ],
)
def test_anything_else_is_refused_without_repeating_it(
    box: Box, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("CAMERA", address)
    with pytest.raises(OneboxError, match="CAMERA is no camera's address: write rtsp://") as caught:
        wanted_camera(box)
    assert "hunter2" not in str(caught.value)


def test_more_cameras_are_four_in_all_and_beside_the_demo_camera(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert not wants_more_cameras(wanted_camera(box))
    monkeypatch.setenv("CAMERAS", "4")
    assert wants_more_cameras(wanted_camera(box))
    monkeypatch.setenv("CAMERAS", "9")
    with pytest.raises(OneboxError, match="write CAMERAS=4"):
        wants_more_cameras(wanted_camera(box))
    monkeypatch.setenv("CAMERAS", "4")
    monkeypatch.setenv("CAMERA", OWN)
    with pytest.raises(OneboxError, match="CAMERA=demo"):
        wants_more_cameras(wanted_camera(box))


def test_each_of_them_has_an_address_of_its_own_and_the_agent_sees_this_machine_alone(box: Box) -> None:
    assert not [one for one in box.services(demo_camera=True) if one.name in MORE_CAMERAS]
    box.more_cameras = True
    more = [one for one in box.services(demo_camera=True) if one.name in MORE_CAMERAS]
    hosts = {one.command[one.command.index("--host") + 1] for one in more}
    assert hosts == {"127.0.0.2", "127.0.0.3", "127.0.0.4"}
    assert box.agent_environment()["VSAAS_AGENT_CAMERA_INTERFACE"] == "lo"
