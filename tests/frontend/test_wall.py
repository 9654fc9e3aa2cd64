"""The wall in Chromium, against the portal itself, a real store and footage that was sealed as agents seal it."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.conf import settings
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, expect

from tenants.scope import tenant_scope
from tests.agent_sim import AgentSim, Sealed
from tests.boxes import make_keys
from tests.cast import Cast, make_cast, sign_in
from tests.frontend.pictures import BITS, BLOCK, WIDTH, Coded, video
from tests.frontend.portal import Portal, record_video, running_portal
from tests.frontend.stand import DIST
from vsaas.accounts.models import Account
from vsaas.cameras.models import Camera

pytestmark = pytest.mark.e2e

US = 1_000_000
SECONDS = 8
LONG = "Loading ramp of the north-eastern warehouse, lower level, seen from the gatekeeper's"


@pytest.fixture(scope="module")
def portal(database: None, object_store_server: None, pages: None) -> Iterator[Portal]:
    with running_portal() as running:
        yield running


@pytest.fixture(scope="module")
def moving() -> Coded:
    """Eight seconds whose pictures show the millisecond since their beginning."""
    return video(0, SECONDS)


@dataclass
class Estate:
    """Tenant A with an agent; `footage` by camera name, its first second `start_us`."""

    portal: Portal
    cast: Cast
    agent: AgentSim
    start_us: int
    cameras: dict[str, UUID] = field(default_factory=dict)
    footage: dict[str, list[Sealed]] = field(default_factory=dict)

    def add(self, *names: str, recorded: Coded | None = None) -> None:
        def work() -> None:
            for name in names:
                camera = self.cameras[name] = self.agent.add_camera(name)
                if recorded is not None:
                    self.footage[name] = record_video(self.agent, camera, self.start_us, recorded)

        self.portal.apart(work)

    def beat(self, **states: str) -> None:
        """The agent says how its cameras are: recording, or what `states` says of one by its name."""
        now_us = time.time_ns() // 1000
        streams = [
            {
                "camera": str(camera),
                "stream": 1,
                "state": states.get(name, "recording"),
                "since_us": now_us - 300 * US,
                "detail": "",
                "bits_per_s": 1_000_000,
                "frames_per_s": 10,
                "codec": "avc1.640028",
            }
            for name, camera in self.cameras.items()
        ]
        body = {
            "instance": "0193d2f0-0000-7000-8000-000000000000",
            "software": "agent_sim",
            "utc_us": now_us,
            "started_us": now_us - 3600 * US,
            "clock_synchronised": True,
            "spool_bytes": 0,
            "spool_budget_bytes": 10**9,
            "disk_free_bytes": 10**9,
            "days_left": 12.5,
            "oldest_unsent_us": None,
            "streams": streams,
        }
        reply = self.portal.apart(
            self.agent.send,
            "POST",
            "/agent/v1/health",
            json.dumps(body).encode(),
            content_type="application/json",
        )
        assert reply.status_code in (200, 204), reply.content


@pytest.fixture
def estate(portal: Portal) -> Estate:
    def make() -> Estate:
        cast = make_cast()
        make_keys(cast.tenant_a)
        agent = AgentSim.enrol(cast.tenant_a.id, cast.site_a)
        start_us = (time.time_ns() // 1000 // US - 40) * US
        return Estate(portal, cast, agent, start_us)

    return portal.apart(make)


@dataclass
class Wall:
    """An open wall, and what it asked the portal for."""

    page: Page
    estate: Estate
    errors: list[str] = field(default_factory=list)
    wishes: list[list[str]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.estate.portal.url}/t/{self.estate.cast.tenant_a.slug}/"

    def tile(self, name: str) -> Locator:
        return self.page.locator(f'.tile[data-camera="{self.estate.cameras[name]}"]')

    def names(self) -> list[str]:
        """Names of the tiles that are shown, in order."""
        found: list[str] = self.page.locator(".tile:not([hidden]) h2").all_inner_texts()
        return found

    def said(self) -> str:
        return self.page.locator("[data-wall-says]").inner_text()

    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.page.url).query).items()}

    def picture_ms(self, name: str) -> int:
        """What the pixels of a tile's still say: milliseconds since the footage began."""
        canvas = self.tile(name).locator("canvas")
        expect(canvas).to_be_visible(timeout=20_000)
        ms: int = canvas.evaluate(
            f"""(canvas) => {{
              const paint = canvas.getContext("2d");
              const block = canvas.width * {BLOCK} / {WIDTH};
              let ms = 0;
              for (let bit = 0; bit < {BITS}; bit++) {{
                const [r, g, b] = paint.getImageData((bit + 0.5) * block, block / 2, 1, 1).data;
                if (r + g + b > 384) ms += 2 ** bit;
              }}
              return ms;
            }}"""
        )
        return ms

    def note(self, request: Request) -> None:
        if request.url.endswith("/api/v1/stills"):
            self.wishes.append([wish["camera"] for wish in json.loads(request.post_data or "{}")["stills"]])


Opened = Callable[..., Wall]


@pytest.fixture
def opened(browser: Browser, estate: Estate) -> Iterator[Opened]:
    """Opens the wall for Alice (or `who`) at a query and size."""
    contexts: list[BrowserContext] = []
    walls: list[Wall] = []

    def open_wall(query: str = "", *, who: Account | None = None, **options: Any) -> Wall:
        client = estate.portal.apart(sign_in, who or estate.cast.alice)
        context = browser.new_context(**({"viewport": {"width": 1440, "height": 900}} | options))
        contexts.append(context)
        context.add_cookies(
            [{"name": n, "value": m.value, "url": estate.portal.url} for n, m in client.cookies.items()]
        )
        wall = Wall(context.new_page(), estate)
        walls.append(wall)
        wall.page.on("pageerror", lambda error: wall.errors.append(str(error)))
        wall.page.on("request", wall.note)
        wall.page.goto(wall.address + query)
        return wall

    yield open_wall
    for context in contexts:
        context.close()
    assert [error for wall in walls for error in wall.errors] == []


# ---- pictures ----


def test_a_tile_shows_the_newest_sealed_picture_and_its_age(
    estate: Estate, opened: Opened, moving: Coded
) -> None:
    estate.add("Gate", "Yard", recorded=moving)
    wall = opened()
    for name in ("Gate", "Yard"):
        # The last key frame of the newest segment: pictures come each 100 ms, key frames each second.
        assert wall.picture_ms(name) == (SECONDS - 1) * 1000
    when = wall.tile("Gate").locator("[data-when]")
    expect(when).to_have_text(re.compile(r"^\d\d:\d\d:\d\d( \S+)? · \d+ (s|min) ago$"))
    assert sorted(wall.wishes[0]) == sorted(str(camera) for camera in estate.cameras.values())


def test_a_silent_camera_shows_its_last_picture_since_when_and_why(
    estate: Estate, opened: Opened, moving: Coded
) -> None:
    estate.add("Gate", "Yard", recorded=moving)
    estate.beat(Gate="refused")
    wall = opened()
    assert wall.picture_ms("Gate") == (SECONDS - 1) * 1000
    tile = wall.tile("Gate")
    expect(tile).to_have_attribute("data-picture", "last")
    expect(tile.locator("[data-why-text]")).to_have_text("The camera refuses the password")
    expect(tile.locator(".since")).to_have_text(re.compile(r"^since \d\d:\d\d:\d\d( \S+)? · 5 min ago$"))
    expect(tile.locator("[data-state-text]")).to_have_text("Offline")
    assert float(tile.locator("canvas").evaluate("(canvas) => getComputedStyle(canvas).opacity")) < 0.5
    expect(wall.tile("Yard")).not_to_have_attribute("data-picture", "last")


def test_what_was_altered_in_the_store_is_never_drawn(estate: Estate, opened: Opened, moving: Coded) -> None:
    estate.add("Gate", "Yard", recorded=moving)
    sealed = estate.footage["Gate"][-1]

    def swap(route: Any) -> None:
        first, last = (int(part) for part in route.request.headers["range"].removeprefix("bytes=").split("-"))
        body = bytearray(sealed.object[first : last + 1])
        body[len(body) // 2] ^= 1
        headers = {"Access-Control-Allow-Origin": "*"}
        route.fulfill(status=206, body=bytes(body), headers=headers)

    wall = opened("agents")
    wall.page.context.route(re.compile(sealed.segment.hex + "|" + str(sealed.segment)), swap)
    wall.page.goto(wall.address)
    expect(wall.tile("Gate").locator("[data-why-text]")).to_have_text(re.compile("^Altered"), timeout=20_000)
    expect(wall.tile("Gate").locator("canvas")).to_have_count(0)
    assert wall.picture_ms("Yard") == (SECONDS - 1) * 1000


def test_a_camera_without_footage_says_so(estate: Estate, opened: Opened) -> None:
    estate.add("Gate")
    estate.beat(Gate="connecting")
    wall = opened()
    expect(wall.tile("Gate").locator("[data-why-text]")).to_have_text(
        "The agent is connecting to this camera"
    )
    estate.beat(Gate="offline")
    expect(wall.tile("Gate").locator("[data-state-text]")).to_have_text("Offline", timeout=15_000)


def test_only_what_is_seen_is_asked_for_and_once(estate: Estate, opened: Opened) -> None:
    estate.add(*(f"Camera {number:02}" for number in range(60)))
    wall = opened()
    expect(wall.tile("Camera 00")).to_be_visible()
    wall.page.wait_for_function("() => document.querySelectorAll('.tile [data-why-text]').length === 60")
    wall.page.wait_for_timeout(1500)
    asked = [camera for wishes in wall.wishes for camera in wishes]
    assert len(asked) == len(set(asked))
    assert 0 < len(asked) < 60
    wall.page.keyboard.press("End")
    wall.page.mouse.wheel(0, 100_000)
    last = str(estate.cameras["Camera 59"])
    wall.page.wait_for_timeout(1500)
    assert last in [camera for wishes in wall.wishes for camera in wishes]


# ---- layouts, pages, order ----


def test_a_chosen_grid_fills_the_screen_and_has_pages(estate: Estate, opened: Opened) -> None:
    estate.add(*(f"Camera {number}" for number in range(6)))
    wall = opened()
    page = wall.page
    page.get_by_role("button", name="2 × 2").click()
    assert wall.names() == [f"Camera {number}" for number in range(4)]
    expect(page.get_by_text("Page 1 of 2")).to_be_visible()
    box = page.locator(".wall").bounding_box()
    assert box is not None
    assert 780 < box["height"] + box["y"] <= 900
    assert page.evaluate("document.documentElement.scrollHeight") <= 900
    page.keyboard.press("PageDown")
    assert wall.names() == ["Camera 4", "Camera 5"]
    assert wall.query() == {"page": "2"}
    page.reload()
    assert wall.names() == ["Camera 4", "Camera 5"]
    page.get_by_role("button", name="1 + 5").click()
    sizes = [tile.bounding_box() for tile in page.locator(".tile:not([hidden])").all()]
    assert sizes[0]["width"] > 1.9 * sizes[1]["width"]  # type: ignore[index]


def test_a_tile_dragged_onto_another_changes_places_with_it_for_good(estate: Estate, opened: Opened) -> None:
    estate.add("A", "B", "C", "D")
    wall = opened()
    page = wall.page
    start, end = (wall.tile(name).bounding_box() for name in "AD")
    assert start is not None
    assert end is not None
    page.mouse.move(start["x"] + 60, start["y"] + 60)
    page.mouse.down()
    page.mouse.move(end["x"] + 80, end["y"] + 80, steps=5)
    expect(wall.tile("D")).to_have_attribute("data-target", "")
    page.mouse.up()
    assert wall.names() == ["D", "B", "C", "A"]
    assert wall.query() == {}  # the click that ends a drag opens nothing
    assert wall.said() == "A dropped at place 4 of 4"
    page.reload()
    assert wall.names() == ["D", "B", "C", "A"]


def test_a_drag_that_was_a_slip_is_undone(estate: Estate, opened: Opened) -> None:
    estate.add("A", "B")
    wall = opened()
    start, end = (wall.tile(name).bounding_box() for name in "AB")
    assert start is not None
    assert end is not None
    wall.page.mouse.move(start["x"] + 60, start["y"] + 60)
    wall.page.mouse.down()
    wall.page.mouse.move(end["x"] + 80, end["y"] + 80, steps=5)
    wall.page.mouse.up()
    assert wall.names() == ["B", "A"]
    wall.page.get_by_role("button", name="Undo").click()
    assert wall.names() == ["A", "B"]


def test_a_tile_is_moved_with_the_keyboard_alone_and_every_step_is_said(
    estate: Estate, opened: Opened
) -> None:
    estate.add("A", "B", "C", "D")
    wall = opened()
    page = wall.page
    page.get_by_role("button", name="Move A").focus()
    page.keyboard.press("Space")
    assert "picked up, place 1 of 4" in wall.said()
    page.keyboard.press("ArrowRight")
    assert wall.said() == "A at place 2 of 4"
    page.keyboard.press("ArrowDown")
    assert wall.said() == "A at place 4 of 4"
    expect(page.get_by_role("button", name="Move A")).to_be_focused()
    page.keyboard.press("Space")
    assert wall.said() == "A dropped at place 4 of 4"
    assert wall.names() == ["B", "D", "C", "A"]
    page.keyboard.press("Enter")
    page.keyboard.press("ArrowUp")
    assert wall.names() == ["B", "A", "C", "D"]
    page.keyboard.press("Escape")
    assert wall.names() == ["B", "D", "C", "A"]
    assert wall.said() == "A stays where it was"


# ---- looking closer ----


def test_a_tile_is_enlarged_and_back_without_a_reload(estate: Estate, opened: Opened, moving: Coded) -> None:
    estate.add("A", "B", "C", recorded=moving)
    wall = opened()
    page = wall.page
    page.evaluate("window.sameDocument = true")
    wall.tile("B").locator(".picture").click(position={"x": 100, "y": 60})
    assert wall.names() == ["B"]
    assert wall.query() == {"camera": str(estate.cameras["B"])}
    box, list_box = wall.tile("B").bounding_box(), page.locator(".wall").bounding_box()
    assert box == list_box
    expect(page.get_by_role("heading", name="B").first).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert wall.names() == ["C"]
    page.keyboard.press("Escape")
    page.wait_for_function("() => !location.search")
    assert wall.names() == ["A", "B", "C"]
    wall.tile("A").get_by_role("button", name="Enlarge A").click()
    assert wall.names() == ["A"]
    page.go_back()
    assert wall.names() == ["A", "B", "C"]
    page.go_forward()
    assert wall.names() == ["A"]
    page.get_by_role("button", name="Back to all").click()
    page.wait_for_function("() => !location.search")
    expect(wall.tile("A").locator("a.tile-open")).to_be_focused()
    assert page.evaluate("window.sameDocument") is True


def test_a_double_click_enlarges_and_another_goes_back(estate: Estate, opened: Opened) -> None:
    estate.add("A", "B")
    wall = opened()
    middle = {"x": 200, "y": 150}
    wall.tile("A").dblclick(position=middle)
    assert wall.names() == ["A"]
    wall.page.wait_for_timeout(600)
    wall.tile("A").dblclick(position=middle)
    wall.page.wait_for_function("() => !location.search")
    assert wall.names() == ["A", "B"]


def test_an_enlarged_camera_survives_a_reload_and_leads_to_its_recordings(
    estate: Estate, opened: Opened
) -> None:
    estate.add("A", "B")
    wall = opened(f"?camera={estate.cameras['B']}")
    assert wall.names() == ["B"]
    wall.page.get_by_role("button", name="Back to all").click()
    assert wall.names() == ["A", "B"]
    wall.tile("B").get_by_role("link", name="Recordings").click()
    expect(wall.page).to_have_title(re.compile("^B ·"))


# ---- finding ----


def test_cameras_are_found_by_text_and_site_and_an_empty_wall_says_what_to_do(
    estate: Estate, opened: Opened
) -> None:
    estate.add("Gate", "Gate hall", "بوابة")
    wall = opened()
    find = wall.page.get_by_role("searchbox", name="Find a camera")
    wall.page.keyboard.press("/")
    expect(find).to_be_focused()
    find.fill("hall")
    assert wall.names() == ["Gate hall"]
    find.fill("بواب")
    assert wall.names() == ["بوابة"]
    find.fill("nothing of this kind")
    expect(wall.page.get_by_role("heading", name="No camera fits this search")).to_be_visible()
    wall.page.get_by_role("button", name="All cameras").last.click()
    assert len(wall.names()) == 3


def test_a_camera_that_comes_or_goes_is_told_without_a_reload(estate: Estate, opened: Opened) -> None:
    estate.add("A", "B")
    wall = opened(who=estate.cast.bob)
    assert wall.names() == ["A", "B"]
    estate.add("C")
    estate.portal.apart(move_away, estate, "A")
    wall.page.wait_for_function(
        "() => document.querySelectorAll('.tile:not([hidden])').length === 1", timeout=20_000
    )
    assert wall.names() == ["B"]
    expect(wall.page.get_by_text("1 new camera")).to_be_visible(timeout=15_000)
    wall.page.get_by_role("button", name="Show").click()
    wall.page.wait_for_function("() => document.querySelectorAll('.tile').length === 2")
    assert wall.names() == ["B", "C"]


def move_away(estate: Estate, name: str) -> None:
    """Puts a camera on the site that Bob has no part in."""
    with tenant_scope(estate.cast.tenant_a.id):
        Camera.objects.filter(id=estate.cameras[name]).update(site=estate.cast.other_site_a)


def test_full_screen_shows_the_pictures_and_the_bar_while_somebody_moves(
    estate: Estate, opened: Opened
) -> None:
    estate.add("A", "B")
    wall = opened()
    page = wall.page
    page.keyboard.press("f")
    page.wait_for_function("() => document.fullscreenElement?.matches('[data-wall]')")
    bar = page.locator("[data-wall-bar]")
    box, room = page.locator(".wall").bounding_box(), page.locator("[data-wall]").bounding_box()
    assert box is not None
    assert room is not None
    assert box["height"] > room["height"] - 12
    page.mouse.move(400, 500)
    page.mouse.move(420, 520)
    expect(bar).to_have_css("opacity", "1")
    page.get_by_role("button", name="End full screen").click()
    page.wait_for_function("() => document.fullscreenElement === null")


# ---- views ----


def keep_view(wall: Wall, name: str, *, seconds: str = "", shared: bool = False) -> None:
    page = wall.page
    page.locator(".wall-views > button").click()
    page.get_by_role("button", name="Save as a view").click()
    page.get_by_label("Name").fill(name)
    page.get_by_label("Seconds on each page").fill(seconds)
    if shared:
        page.get_by_label("Show it to everybody").check()
    page.get_by_role("button", name="Save", exact=True).click()


def test_a_view_is_kept_opened_removed_and_brought_back(estate: Estate, opened: Opened) -> None:
    estate.add("A", "B", "C")
    wall = opened()
    page = wall.page
    page.get_by_role("searchbox").fill("b")
    page.get_by_role("button", name="2 × 2").click()
    keep_view(wall, "Only B")
    expect(page.get_by_text("View Only B saved")).to_be_visible()
    assert wall.names() == ["B"]
    page.reload()
    expect(page.locator(".wall-views > button")).to_have_text("Only B")
    assert wall.names() == ["B"]
    page.locator(".wall-views > button").click()
    page.get_by_role("button", name="Change view: Only B").click()
    page.get_by_role("checkbox", name=re.compile("^A")).check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.wait_for_function("() => document.querySelectorAll('.tile:not([hidden])').length === 2")
    assert wall.names() == ["B", "A"]
    page.locator(".wall-views > button").click()
    page.get_by_role("button", name="Remove: Only B").click()
    expect(page.get_by_text("View Only B removed")).to_be_visible()
    page.wait_for_function("() => document.querySelectorAll('.tile:not([hidden])').length === 3")
    page.get_by_role("button", name="Undo").click()
    page.wait_for_function("() => document.querySelectorAll('.tile:not([hidden])').length === 2")
    assert wall.names() == ["B", "A"]


def test_a_name_already_used_is_said_in_the_form_and_nothing_typed_is_lost(
    estate: Estate, opened: Opened
) -> None:
    estate.add("A", "B")
    wall = opened()
    keep_view(wall, "Night")
    expect(wall.page.get_by_text("View Night saved")).to_be_visible()
    keep_view(wall, "Night", seconds="30")
    expect(wall.page.get_by_role("alert")).to_contain_text("you keep a view called Night already")
    assert wall.page.get_by_label("Seconds on each page").input_value() == "30"


def test_a_shared_view_is_there_for_others_who_may_not_change_it(estate: Estate, opened: Opened) -> None:
    estate.add("A", "B")
    wall = opened(who=estate.cast.olga)
    keep_view(wall, "For all", shared=True)
    expect(wall.page.get_by_text("View For all saved")).to_be_visible()
    bobs = opened(who=estate.cast.bob)
    bobs.page.locator(".wall-views > button").click()
    expect(bobs.page.get_by_role("button", name=re.compile("^For all"))).to_be_visible()
    expect(bobs.page.get_by_role("button", name="Remove: For all")).to_have_count(0)


def test_the_carousel_turns_pages_and_stops_when_told(estate: Estate, opened: Opened) -> None:
    estate.add(*(f"Camera {number}" for number in range(3)))
    wall = opened("agents")
    page = wall.page
    page.clock.install()
    page.goto(wall.address + "?layout=1")
    page.get_by_role("button", name="Turn pages by itself").click()
    page.mouse.move(0, 0)
    assert wall.names() == ["Camera 0"]
    page.clock.run_for(15_500)
    assert wall.names() == ["Camera 1"]
    page.clock.run_for(30_500)
    assert wall.names() == ["Camera 0"]
    page.get_by_role("button", name="Stop turning pages").click()
    page.clock.run_for(60_000)
    assert wall.names() == ["Camera 0"]


# ---- how it looks and whom it serves ----


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844)])
def test_long_and_foreign_names_break_no_tile(
    estate: Estate, opened: Opened, moving: Coded, width: int, height: int
) -> None:
    estate.add(LONG[:80], "بوابة الشمال مع موقف السيارات", "🚪👀 Door", "W" * 80, "Dock", recorded=moving)
    estate.beat(Dock="disk-full")
    wall = opened(viewport={"width": width, "height": height})
    wall.tile("🚪👀 Door").scroll_into_view_if_needed()
    wall.picture_ms("🚪👀 Door")
    for query in ("", "?layout=5x5", "?layout=1%2B5"):
        wall.page.goto(wall.address + query)
        expect(wall.tile("🚪👀 Door")).to_be_visible()
        assert wall.page.evaluate("document.documentElement.scrollWidth") <= width
        for name in estate.cameras:
            inside, caption = wall.tile(name).bounding_box(), wall.tile(name).locator("h2").bounding_box()
            assert inside is not None
            assert caption is not None
            assert caption["x"] + caption["width"] <= inside["x"] + inside["width"] + 0.5
        found = Axe().run(wall.page, options={"resultTypes": ["violations"]})
        assert found.violations_count == 0, found.generate_report()


def test_a_store_that_is_away_is_no_error_and_the_picture_comes_once_it_is_back(
    estate: Estate, opened: Opened, moving: Coded
) -> None:
    estate.add("Gate", recorded=moving)
    wall = opened("agents")
    store = re.compile(re.escape(store_address()))
    wall.page.context.route(store, lambda route: route.fulfill(status=503, body="busy"))
    wall.page.goto(wall.address)
    words = wall.tile("Gate").locator("[data-why-text]")
    expect(words).to_have_text("The agent of this camera has not been heard from", timeout=20_000)
    wall.page.context.unroute(store)
    wall.page.clock.install()
    wall.page.reload()
    assert wall.picture_ms("Gate") == (SECONDS - 1) * 1000


def store_address() -> str:
    """The object store as the browser reaches it."""
    address: str = settings.ENV.s3_public_endpoint
    return address


# ---- stills of an instant, as a timeline asks for them ----

_STILLS = """async ({ entry, tenant, camera, moments }) => {
  const { Stills } = await import(entry);
  const call = async (method, path, body) => {
    const token = document.cookie.match(/vsaas_csrf=([^;]+)/)[1];
    const headers = { "Content-Type": "application/json", "VSaaS-Tenant": tenant, "X-CSRFToken": token };
    const reply = await fetch("/api/v1/" + path, { method, headers, body: body && JSON.stringify(body) });
    return reply.json();
  };
  const api = {
    tenant,
    clock: { nowUs: () => Date.now() * 1000 },
    stills: (request) => call("POST", "stills", request),
    statements: () => call("GET", "statements"),
  };
  const stills = new Stills(api);
  const found = [];
  for (const us of moments) {
    const still = await stills.at(camera, us);
    found.push(still && { us: still.us, width: still.bitmap.width, verified: still.verified });
  }
  stills.close();
  return found;
}"""


def test_a_picture_of_an_instant_is_its_last_key_frame_and_is_fetched_once(
    estate: Estate, opened: Opened, moving: Coded
) -> None:
    estate.add("Gate", recorded=moving)
    wall = opened("agents")
    manifest = json.loads((DIST / "manifest.json").read_text())
    stored: list[str] = []
    wall.page.on("request", lambda r: stored.append(r.url) if r.url.startswith(store_address()) else None)
    seconds = (2.5, 2.9, 3.2, 2.1, 6.0, -5.0, -4.7)
    found = wall.page.evaluate(
        _STILLS,
        {
            "entry": f"/static/{manifest['src/stills/stills.ts']['file']}",
            "tenant": estate.cast.tenant_a.slug,
            "camera": str(estate.cameras["Gate"]),
            "moments": [estate.start_us + round(second * US) for second in seconds],
        },
    )
    keys = [(still["us"] - estate.start_us) / US if still else None for still in found]
    assert keys == [2, 2, 3, 2, 6, None, None]
    assert all(still["verified"] and still["width"] == 320 for still in found if still)
    # Segments have four seconds: 2.1 to 3.2 come out of one grant and one range, 6.0 out of another; before the footage is nothing.
    assert len(wall.wishes) == 3
    assert len(stored) == 2


# ---- beside each other ----


def test_the_cameras_of_the_wall_are_played_together_and_more_are_added(
    estate: Estate, opened: Opened, moving: Coded
) -> None:
    estate.add("Gate", "Yard", LONG, recorded=moving)
    estate.beat()
    wall = opened("?q=a")
    together = wall.page.get_by_role("link", name="Play the recordings of these cameras side by side")
    expect(together).to_have_attribute("href", re.compile(str(estate.cameras["Gate"])))
    wall.page.goto(wall.address + f"cameras/{estate.cameras['Gate']}")
    wall.page.get_by_role("button", name="Add a camera to compare").click()
    tiles = wall.page.locator(".sync-tile")
    expect(tiles).to_have_count(1)
    wall.page.get_by_role("button", name="Add a camera to compare").click()
    chooser = wall.page.get_by_role("dialog", name="Add a camera to compare")
    expect(chooser.get_by_role("listitem")).to_have_count(2)
    chooser.get_by_role("searchbox").fill("yard")
    chooser.get_by_role("button", name="Yard").click()
    expect(tiles).to_have_count(2)
    expect(wall.page.locator(".sync-head > h2")).to_have_text(["Gate", "Yard"])
    ids = ",".join(str(estate.cameras[name]) for name in ("Gate", "Yard"))
    at = f"{(estate.start_us + US) / US:.3f}"
    moment = wall.page.evaluate("seconds => new Date(seconds * 1000).toISOString()", float(at))
    wall.page.goto(f"{wall.address}sync?cameras={ids}&at={moment}")
    for tile in (0, 1):
        expect(tiles.nth(tile).locator(".vp-badge")).to_have_text("Verified", timeout=20_000)
    wall.page.get_by_role("button", name="Take Yard out of the comparison").press("Enter")
    expect(tiles).to_have_count(1)
    assert wall.query()["cameras"] == str(estate.cameras["Gate"])
    wall.page.goto(f"{wall.address}sync")
    expect(wall.page.get_by_role("heading", name="Choose cameras to play side by side")).to_be_visible()
    found = Axe().run(wall.page, options={"resultTypes": ["violations"]})
    assert found.violations_count == 0, found.generate_report()
