"""Managing sites, cameras and agents in a real browser: pages that keep themselves current, hold at every width, and are
read by everybody."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tenants.scope import tenant_scope
from tests.agent_sim import HOUR_US, AgentSim, recorded
from tests.boxes import Box, make_box, make_keys
from tests.cast import Cast, make_cast, sign_in
from tests.footage.test_retention import hours_ago
from tests.looks import AXE_AT
from vsaas.alarms import watching
from vsaas.alarms.models import Alarm
from vsaas.audit.services import system
from vsaas.cameras.models import Camera
from vsaas.cameras.services import CameraChange, NewCamera, camera_add, camera_delete, camera_update
from vsaas.common import clock

BY = system("tests")
WIDTHS = {1440: 900, 1024: 768, 390: 844}
SHOTS = os.environ.get("E2E_SHOTS")
LONG = "Ludwigshafen Nordtor مدخل الشمال " * 6
SOON_MS = 15_000


@dataclass
class Estate:
    """A portal with an agent, cameras in several states, footage, and Alice's browser."""

    address: str
    cast: Cast
    box: Box
    context: BrowserContext
    camera: Camera
    noise: list[str]

    def url(self, rest: str) -> str:
        return f"{self.address}/t/{self.cast.tenant_a.slug}/{rest}"

    def page(self, rest: str) -> Page:
        page = self.context.new_page()
        # Before the page is there, and without movement: colours on their way to another theme are no theme's.
        page.emulate_media(color_scheme="light", reduced_motion="reduce")
        page.on("pageerror", lambda error: self.noise.append(str(error)))
        page.on(
            "console",
            lambda message: self.noise.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.goto(self.url(rest))
        return page

    def stream(self, camera: Camera, state: str, **changes: object) -> dict[str, object]:
        return {
            "camera": str(camera.id),
            "stream": 1,
            "state": state,
            "since_us": hours_ago(1),
            "detail": "",
            "bits_per_s": 1_900_000 if state == "recording" else 0,
            "frames_per_s": 25 if state == "recording" else 0,
            "codec": "avc1.640028" if state == "recording" else "",
        } | changes


@pytest.fixture
def estate(portal: str, browser: Browser, monkeypatch: pytest.MonkeyPatch) -> Iterator[Estate]:
    # Playwright's own event loop runs in this thread, and nothing of ours on it: Django's guard is mistaken here.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
    cast = make_cast()
    make_keys(cast.tenant_a)
    box = make_box(cast.tenant_a, cast.site_a)
    with tenant_scope(cast.tenant_a.id):
        camera = camera_add(box.agent(), NewCamera("Door", "rtsp://u:p@10.0.0.7/main"), BY)
    cookies = [
        {"name": morsel.key, "value": morsel.value, "url": portal}
        for morsel in sign_in(cast.alice).cookies.values()
    ]
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(cookies)  # type: ignore[arg-type]
    made = Estate(portal, cast, box, context, camera, [])
    yield made
    context.close()
    assert made.noise == []


def test_the_camera_page_says_by_itself_what_the_agent_says(estate: Estate) -> None:
    page = estate.page(f"cameras/{estate.camera.id}/settings")
    doing = page.locator("#doing")
    detail = "the camera refused user or password"
    estate.box.beat(streams=[estate.stream(estate.camera, "refused", detail=detail)])
    expect(doing).to_contain_text("Refuses the password", timeout=SOON_MS)
    expect(doing).to_contain_text(detail)
    expect(doing).to_contain_text("Type address, user and password again")
    expect(page.get_by_label("Camera's password")).to_be_visible()
    expect(page.get_by_role("status").filter(has_text="refuses the user or the password")).to_have_count(1)
    page.get_by_label("Name").fill("Half typed")
    stalled = estate.stream(estate.camera, "stalled", detail="the camera sent nothing for 10 s")
    estate.box.beat(streams=[stalled])
    expect(doing).to_contain_text("Sends nothing", timeout=SOON_MS)
    expect(page.get_by_label("Name")).to_have_value("Half typed")
    expect(page.get_by_label("Name")).to_be_focused()


def test_a_camera_is_added_by_keyboard_and_a_mistake_costs_nothing(estate: Estate) -> None:
    page = estate.page("sites")
    page.get_by_role("link", name="Add a camera").press("Enter")
    page.get_by_label("Name").fill("Gate 2")
    page.get_by_label("Main stream").fill("http://admin:hunter2@10.0.0.8/main")
    page.get_by_label("Main stream").press("Enter")
    expect(page.get_by_text("must begin with rtsp://")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Gate 2")
    expect(page.get_by_label("Camera's user")).to_have_value("admin")
    expect(page.get_by_label("Camera's password")).to_have_value("")
    page.get_by_label("Main stream").fill("10.0.0.8/main")
    page.get_by_label("Camera's password").fill("hunter2")
    page.get_by_role("button", name="Add and try it").press("Enter")
    expect(page.get_by_role("heading", name="Gate 2")).to_be_visible()
    page.get_by_role("button", name="Switch recording off").press("Enter")
    page.get_by_role("button", name="Undo").press("Enter")
    expect(page.get_by_text("Recording was switched on.")).to_be_visible()
    estate.noise[:] = [line for line in estate.noise if "422" not in line]


def test_the_enrolment_page_notices_that_the_box_has_come(estate: Estate) -> None:
    page = estate.page("agents/enrol")
    page.get_by_role("button", name="Make a code").click()
    expect(page.get_by_text("This page notices by itself")).to_be_visible()
    expect(page.get_by_role("link", name="Add its first camera")).to_be_hidden()
    code = page.locator("#command").inner_text().split()[-1]
    box = Box()
    assert box.enrol(code).status_code == 200
    expect(page.get_by_text("is an agent of yours now")).to_be_visible(timeout=SOON_MS)
    page.get_by_role("link", name="Add its first camera").click()
    expect(page.get_by_label("Agent", exact=True)).to_have_value(str(box.agent_id))


def test_what_cannot_be_asked_is_said_to_be_old(estate: Estate) -> None:
    page = estate.page(f"cameras/{estate.camera.id}/settings")
    page.route("**/settings", lambda route: route.abort())
    expect(page.locator("#doing[data-stale]")).to_be_visible(timeout=SOON_MS)
    page.unroute("**/settings")
    expect(page.locator("#doing:not([data-stale])")).to_be_visible(timeout=SOON_MS)
    estate.noise[:] = [line for line in estate.noise if "ERR_FAILED" not in line]


@pytest.fixture
def full(estate: Estate) -> Estate:
    """Cameras of every state, with names that are hard on a layout, and footage of some days."""
    tenant = estate.cast.tenant_a.id
    sim = AgentSim.enrol(tenant, estate.cast.other_site_a, name="Cellar")
    for days in (9, 8, 5, 3, 1):
        stream, _ = recorded(sim, hours_ago(days * 24), days)
    recorded(sim, hours_ago(30), 2, camera=stream.camera)
    with tenant_scope(tenant, keys=True):
        agent = estate.box.agent()
        names = [LONG.strip()[:200], "👨\u200d👩\u200d👧 Eingang 🚪", "W" * 120, "Ramp", "Stairs"]
        made = [
            camera_add(agent, NewCamera(name, "rtsp://10.0.0.9/x", "rtsp://10.0.0.9/y"), BY) for name in names
        ]
        camera_update(
            made[4], CameraChange(enabled=False, retention_days=90, groups=["Night", LONG[:60]]), BY
        )
        camera_delete(Camera.objects.get(id=stream.camera), BY, erase_footage=False)
    states = ["recording", "refused", "unusable", "connecting"]
    details = ["", "the camera refused user or password", "the camera offers no H.264 or H.265", ""]
    estate.box.beat(
        streams=[
            *(
                estate.stream(camera, state, detail=detail, restarts=12, last_frame_us=hours_ago(1))
                for camera, state, detail in zip(made, states, details, strict=False)
            ),
            estate.stream(
                estate.camera,
                "recording",
                width=3840,
                height=2160,
                packets_lost=1204,
                restarts=3,
                clock_offset_us=-HOUR_US,
            ),
            estate.stream(estate.camera, "recording", stream=2, bits_per_s=300_000),
        ],
        box={
            "cpu_percent": 93.5,
            "memory_used_bytes": 3_600_000_000,
            "memory_total_bytes": 4_000_000_000,
            "disk_total_bytes": 512_000_000_000,
            "disk_wear_percent": 80,
            "temperature_c": 79.5,
            "link": "enp0s31f6",
            "link_up": False,
            "link_mbit_per_s": None,
        },
        oldest_unsent_us=hours_ago(2) + HOUR_US // 3,
        clock_synchronised=False,
        spool_bytes=3_000_000_000,
        spool_budget_bytes=20_000_000_000,
        alarms=[
            "the portal showed fewer statements than before: it was restored from a backup, or is not ours"
        ],
    )
    with tenant_scope(tenant):
        watching.look()
        Alarm.objects.filter(camera=made[1]).update(ended_at=clock.now())
    return estate


def look(page: Page, name: str) -> list[str]:
    """What is wrong with a page: too wide at some width, too small for a thumb, or hard on screen readers."""
    wrong: list[str] = []
    for (width, height), theme in product(WIDTHS.items(), ("dark", "light")):
        page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": height})
        wide = page.evaluate("document.documentElement.scrollWidth")
        if wide > width:
            wrong.append(f"{name} is {wide} px wide at {width}")
        if SHOTS:
            folder = Path("var/screenshots")
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{name}-{width}-{theme}.png", full_page=True)
        if (width, theme) in AXE_AT:
            found = Axe().run(page, options={"resultTypes": ["violations"]})
            if found.violations_count:
                wrong.append(f"{name} at {width}, {theme}: {found.generate_report()}")
        if width == 390:
            wrong += [f"{name}: small: {target}" for target in small_targets(page)]
    return wrong


_SMALL = """() => [...document.querySelectorAll("main a.button, main button, main select, main input:not([type=hidden])")]
  .filter((e) => e.checkVisibility() && !["checkbox", "radio"].includes(e.type) && e.getBoundingClientRect().height < 44)
  .map((e) => `${e.innerText || e.name}: ${e.getBoundingClientRect().height}`)"""


def small_targets(page: Page) -> list[str]:
    """Controls of a phone's page that a thumb may miss."""
    found: list[str] = page.evaluate(_SMALL)
    return found


Walk = Callable[[Page, Estate], None]


def _conflict(page: Page, estate: Estate) -> None:
    """Somebody else changes the camera while the page is open."""
    with tenant_scope(estate.cast.tenant_a.id):
        camera_update(estate.camera, CameraChange(name="North door", audio=False, retention_days=60), BY)
    page.get_by_label("Name").fill("South door, beside the ramp")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Somebody else changed this camera")).to_be_visible()


def _shorter(page: Page, estate: Estate) -> None:
    page.get_by_label("Keep recordings for (days)").fill("1")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert").first).to_be_visible()


def _wrong(page: Page, estate: Estate) -> None:
    page.get_by_label("Name").fill("Door")
    page.get_by_label("Main stream").fill("rtsp://10.0.0.8:99999/main")
    page.get_by_role("button", name="Add and try it").click()
    expect(page.get_by_role("alert").first).to_be_visible()


def _code(page: Page, estate: Estate) -> None:
    page.get_by_role("button", name="Make a code").click()
    expect(page.get_by_role("button", name="Copy")).to_be_visible()


PAGES: dict[str, tuple[Callable[[Estate], str], Walk | None]] = {
    "sites": (lambda e: "sites", None),
    "sites-nothing-found": (lambda e: "sites?q=zzz", None),
    "site": (lambda e: f"sites/{e.cast.site_a.id}", None),
    "site-add": (lambda e: "sites/add", None),
    "camera-add": (lambda e: "cameras/add", None),
    "camera-add-wrong": (lambda e: "cameras/add", _wrong),
    "camera-settings": (lambda e: f"cameras/{e.camera.id}/settings", None),
    "camera-conflict": (lambda e: f"cameras/{e.camera.id}/settings", _conflict),
    "camera-delete": (lambda e: f"cameras/{e.camera.id}/delete", None),
    "agents": (lambda e: "agents", None),
    "agent": (lambda e: f"agents/{e.box.agent_id}", None),
    "agent-revoke": (lambda e: f"agents/{e.box.agent_id}/revoke", None),
    "enrol": (lambda e: "agents/enrol", None),
    "enrol-code": (lambda e: "agents/enrol", _code),
    "alarms": (lambda e: "alarms", None),
    "usage": (lambda e: "usage", None),
    "usage-shorter": (lambda e: "usage", _shorter),
}


def test_every_page_holds_at_every_width_and_for_every_reader(full: Estate) -> None:
    wrong: list[str] = []
    for name, (path, walk) in PAGES.items():
        page = full.page(path(full))
        if walk is not None:
            walk(page, full)
        wrong += look(page, f"estate-{name}")
        page.close()
    assert wrong == [], "\n".join(wrong)
    full.noise[:] = [line for line in full.noise if "422" not in line and "409" not in line]
