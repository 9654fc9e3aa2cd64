"""Live pictures on the wall, through the portal and the hub themselves: the sub stream in a tile, the main one when large."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tenants.scope import tenant_scope
from tests.boxes import make_box, make_keys
from tests.cast import make_cast, sign_in
from tests.frontend.live_agent import LiveAgent, publishing
from tests.frontend.pictures import Coded, video
from tests.frontend.portal import Portal, running_portal
from tests.live.studio import Place
from tests.live_hub import running_hub
from vsaas.agents.models import Agent
from vsaas.audit.services import system
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.keys.services import tenant_recipient

pytestmark = pytest.mark.e2e

MAIN, SUB = 1, 2


@pytest.fixture(scope="module")
def portal(database: None, object_store_server: None, pages: None) -> Iterator[Portal]:
    with running_portal() as running, running_hub(running.url):
        yield running


@pytest.fixture(scope="module")
def moving() -> Coded:
    return video(0, 90)


def make_place() -> Place:
    """Six cameras on one box; the first, "Gate", is the one that publishes."""
    cast = make_cast()
    make_keys(cast.tenant_a)
    box = make_box(cast.tenant_a, cast.site_a)
    with tenant_scope(cast.tenant_a.id):
        agent = Agent.objects.get(id=box.agent_id)
        gate, *_ = [
            camera_add(agent, NewCamera(name, "rtsp://10.0.0.7/main", "rtsp://10.0.0.7/sub"), system("tests"))
            for name in ("Gate", "Hall", "Yard", "Dock", "Roof", "Shop")
        ]
        recipient = tenant_recipient(cast.tenant_a.id)
    return Place(cast, box, gate, recipient.public_key, recipient.kid, recipient.epoch)


@pytest.fixture
def agent(portal: Portal, moving: Coded) -> Iterator[LiveAgent]:
    place = portal.apart(make_place)
    with publishing(place, moving) as running:
        yield running


@pytest.fixture
def page(browser: Browser, portal: Portal, agent: LiveAgent) -> Iterator[Page]:
    client = portal.apart(sign_in, agent.place.cast.alice)
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies([{"name": n, "value": m.value, "url": portal.url} for n, m in client.cookies.items()])
    errors: list[str] = []
    opened = context.new_page()
    opened.on("pageerror", lambda error: errors.append(str(error)))
    yield opened
    context.close()
    assert errors == []


def test_a_tile_is_live_while_pointed_at_and_says_how_late_it_is(
    page: Page, portal: Portal, agent: LiveAgent
) -> None:
    page.goto(f"{portal.url}/t/{agent.place.cast.tenant_a.slug}/")
    tile = page.locator(f'.tile[data-camera="{agent.place.camera.id}"]')
    expect(tile).to_have_attribute("data-state", "recording")
    tile.hover()
    expect(tile).to_have_attribute("data-picture", "live", timeout=30_000)
    expect(tile.locator("[data-when]")).to_have_text(re.compile(r"· Live · \d+\.\d s behind$"))
    assert agent.asked == [SUB]
    page.mouse.move(5, 5)
    expect(tile.locator("video")).to_have_count(0)
    # What was seen last stays, and no longer says that it is live.
    expect(tile).to_have_attribute("data-picture", "still")
    expect(tile.locator("canvas")).to_be_visible()
    expect(tile.locator("[data-when]")).to_have_text(re.compile(r"· (just now|\d+ s ago)$"))


def test_the_large_picture_is_the_main_stream_and_the_tile_the_sub_stream(
    page: Page, portal: Portal, agent: LiveAgent
) -> None:
    page.goto(f"{portal.url}/t/{agent.place.cast.tenant_a.slug}/?layout=3x3")
    tile = page.locator(f'.tile[data-camera="{agent.place.camera.id}"]')
    expect(tile).to_have_attribute("data-picture", "live", timeout=30_000)
    tile.get_by_role("button", name="Enlarge Gate").click()
    expect(tile).to_have_attribute("data-watching", "main")
    expect(tile).to_have_attribute("data-picture", "live", timeout=30_000)
    page.keyboard.press("Escape")
    expect(tile).to_have_attribute("data-watching", "sub")
    expect(tile).to_have_attribute("data-picture", "live", timeout=30_000)
    assert agent.asked[:2] == [SUB, MAIN]
