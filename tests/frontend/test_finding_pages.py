"""Finding cameras in a real browser: the list fills while the agent searches, and cameras are added from it."""

from __future__ import annotations

import os
import uuid
from itertools import product

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from protocol.camera_source import seal_source
from protocol.finding import (
    CLOCK_WRONG,
    FACTORY_LOGIN,
    OPEN_RTSP,
    PLAIN_HTTP,
    Device,
    Looked,
    Profile,
    encode_devices,
    encode_looks,
)
from protocol.order import DONE, UNDER_WAY, Answer
from sealing.ids import Stream
from tests.frontend.test_estate import LONG, SHOTS, Estate, estate
from vsaas.agents.asking import answer_key
from vsaas.agents.presence import presence_key
from vsaas.common.redis import client

__all__ = ["estate"]
SOON_MS = 20_000


def say(estate: Estate, asking: str, answer: Answer) -> None:
    """What the agent answers, as the hub keeps it."""
    assert estate.box.agent_id is not None
    client().set(answer_key(estate.box.agent_id, uuid.UUID(asking)), answer.encode(), ex=120)


def looks_right(page: Page, name: str) -> None:
    for width, theme in product((1440, 390), ("light", "dark")):
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), (name, width)
        if SHOTS:
            page.screenshot(path=os.path.join(SHOTS, f"{name}-{width}-{theme}.png"), full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def profile(estate: Estate, scope: uuid.UUID, token: str, codec: str, size: tuple[int, int]) -> Profile:
    public = estate.box.box.public_key().public_bytes_raw()
    sealed = [
        seal_source(estate.cast.tenant_a.id, scope, stream, "rtsp://u:p@192.168.1.20/x", public)
        for stream in (Stream.MAIN, Stream.SUB)
    ]
    return Profile(token, token, codec, *size, 25_000, 4096, 50, False, *sealed)


def test_cameras_are_found_and_added_in_the_browser(estate: Estate) -> None:
    assert estate.box.agent_id is not None
    client().set(presence_key(estate.box.agent_id), "tests", ex=120)
    page = estate.page(f"cameras/find?agent={estate.box.agent_id}")
    looks_right(page, "find")
    page.get_by_label("Addresses to try").fill("192.168.1.0/24")
    page.get_by_role("button", name="Search the network").click()
    page.wait_for_url("**/cameras/find/*")
    search = page.url.rpartition("/")[2]
    first = Device("192.168.1.20", "http://192.168.1.20/onvif/device_service", 554, "ACME Dome 4", "Dome 4")
    say(estate, search, Answer(UNDER_WAY, 40, report=encode_devices([first])))
    expect(page.locator("#found")).to_contain_text("ACME Dome 4", timeout=SOON_MS)
    expect(page.locator("#found")).to_contain_text("40 %")
    looks_right(page, "searching")
    others = [
        Device("192.168.1.21", "", 8554, LONG[:200], findings=(OPEN_RTSP,)),
        Device("192.168.1.22", "http://192.168.1.22/x", 554, "Gate", "Bullet", estate.camera.id),
    ]
    say(estate, search, Answer(DONE, 100, report=encode_devices([first, *others])))
    page.get_by_label("ACME Dome 4").check(timeout=SOON_MS)
    expect(page.locator("#found")).to_contain_text("shown to everybody without a password")
    page.locator("[name=user]").fill("operator")
    page.locator("[name=password]").fill("correct horse")
    looks_right(page, "found")
    page.get_by_role("button", name="Look at them").click()
    page.wait_for_url("**/cameras/look/*")
    look = page.url.rpartition("/")[2]
    kept = client().get(f"vsaas:camera-look:{estate.cast.tenant_a.id}:{look}").decode()
    scope = uuid.UUID(kept.split('"targets": {"')[1][:36])
    seen = Looked(
        scope,
        make="Acme",
        model="Dome 4",
        firmware="5.51.7",
        serial="00408CABCDEF",
        findings=(CLOCK_WRONG, FACTORY_LOGIN, PLAIN_HTTP),
        profiles=(
            profile(estate, scope, "Quality", "h265", (3840, 2160)),
            profile(estate, scope, "Mobile", "h264", (640, 360)),
        ),
    )
    say(estate, look, Answer(DONE, 100, report=encode_looks([seen])))
    page.get_by_label("Name").fill("Lobby", timeout=SOON_MS)
    expect(page.get_by_label("Main stream")).to_have_value("Quality")
    expect(page.get_by_label("Sub stream")).to_have_value("Mobile")
    looks_right(page, "looked")
    page.get_by_role("link", name="Set its streams and clock").click()
    expect(page.get_by_label("Bitrate (kbit/s)").first).to_have_value("4096")
    looks_right(page, "set")
    page.go_back()
    page.get_by_label("Name").fill("Lobby")
    page.get_by_role("button", name="Add the ticked cameras").click()
    page.get_by_role("link", name="Lobby").click()
    page.wait_for_url(f"**/cameras/{scope}/settings")
    page.goto(estate.url("cameras/import"))
    page.get_by_label("Agent for lines that name none").select_option(str(estate.box.agent_id))
    page.get_by_label("Table").fill(f"name,address\nYard,10.0.0.7/x\n{LONG[:150]},http://10.0.0.8/y")
    looks_right(page, "import")
    page.get_by_role("button", name="Look through it").click()
    expect(page.get_by_role("button", name="Add 1 camera")).to_be_visible()
    looks_right(page, "imported")
    assert estate.noise == []
