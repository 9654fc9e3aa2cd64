"""How every page looks: at three widths, dark and light, for keyboard and screen reader, and how much script it takes."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import product

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from tests.e2e.conftest import Noise
from tests.e2e.people import Owner, app_code, give_password, shown_secret
from tests.e2e.system import System
from tests.e2e.watching import Watching, iso
from tests.looks import AXE_AT

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("make-up")]

WIDTHS = {1440: 900, 1024: 768, 390: 844}
AXE = {"resultTypes": ["violations"]}
FIRST_VIEW_KB, WITH_PLAYER_KB = 120, 220

Shot = Callable[[Page, str], None]


@dataclass
class Look:
    """Looks at one page after the other."""

    page: Page
    shot: Shot

    def at(self, name: str) -> None:
        """The page that is open holds at every width and in both themes; a picture of each is kept where that is wished."""
        for width, theme in product(WIDTHS, ("dark", "light")):
            # Without movement: colours on their way to another theme are no theme's.
            self.page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            self.page.set_viewport_size({"width": width, "height": WIDTHS[width]})
            wide = self.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} px wide at {width}"
            self.shot(self.page, f"{name}-{width}-{theme}")
            if (width, theme) in AXE_AT:
                found = Axe().run(self.page, options=AXE)
                assert found.violations_count == 0, f"{name} at {width}, {theme}: {found.generate_report()}"


@pytest.fixture
def inside(signed_in: BrowserContext, shot: Shot) -> Look:
    """The owner's browser."""
    return Look(signed_in.new_page(), shot)


@pytest.fixture
def outside(browser: Browser, noise: Noise, shot: Shot) -> Iterator[Look]:
    """Somebody before the door."""
    context = browser.new_context()
    context.on("page", noise.listen)
    yield Look(context.new_page(), shot)
    context.close()


def test_the_pages_before_the_door(outside: Look, noise: Noise, system: System, owner: Owner) -> None:
    page = outside.page
    page.goto(system.page("sign-in"))
    outside.at("sign-in")
    give_password(page, system.page("sign-in"), owner)
    outside.at("factor")
    page.goto(f"{system.portal}/setup/{secrets.token_urlsafe(32)}")
    outside.at("problem")
    noise.heard = [line for line in noise.heard if "404" not in line]


def test_the_pages_of_the_set_up(outside: Look, noise: Noise, system: System) -> None:
    page = outside.page
    slug = f"look-{secrets.token_hex(3)}"
    page.goto(system.setup_link(slug))
    outside.at("set-up-person")
    page.get_by_label("Your name").fill("Ludmilla Längstername von und zu Hohenlinden-Wartenberg")
    page.get_by_label("E-mail address").fill("l@example.org")
    page.get_by_label("Password").fill("password1234")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_be_visible()
    outside.at("set-up-person-weak")
    noise.heard = [line for line in noise.heard if "422" not in line]
    page.get_by_label("Password").fill("walnut ferry lantern meadow")
    page.get_by_role("button", name="Continue").click()
    secret = shown_secret(page)
    outside.at("set-up-factor")
    page.get_by_label("Code from your authenticator app").fill(app_code(secret))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    outside.at("set-up-recovery-codes")
    page.get_by_role("button", name="I saved them").click()
    expect(page.get_by_role("heading", name="No camera to show yet")).to_be_visible()
    outside.at("overview-empty")
    page.goto(system.page("agents", slug))
    outside.at("agents-empty")


def test_the_overview_and_the_agents(inside: Look, system: System) -> None:
    page = inside.page
    page.goto(system.page())
    expect(page.locator(".tile video")).to_be_visible(timeout=30_000)
    inside.at("overview")
    page.goto(system.page("agents"))
    inside.at("agents")
    page.goto(system.page("sites"))
    inside.at("sites")
    page.goto(system.page(f"cameras/{system.camera}/settings"))
    expect(page.locator(".estate-tile video")).to_be_visible(timeout=30_000)
    inside.at("camera-settings")
    page.goto(system.page("usage"))
    inside.at("usage")
    page.goto(system.page("agents/enrol"))
    inside.at("enrol")
    page.get_by_role("button", name="Make a code").click()
    expect(page.get_by_role("button", name="Copy")).to_be_visible()
    inside.at("enrol-code")


def test_the_camera_page(inside: Look, system: System) -> None:
    watching = Watching(inside.page)
    oldest = next(iter(system.objects()))
    inside.page.goto(system.camera_page(iso(oldest.about_us / 1000 + 1000)))
    watching.until("a verified picture", lambda: watching.look() and watching.badge() == "Verified")
    watching.pause()
    inside.at("camera-playback")
    inside.page.get_by_title("Go to a time").click()
    inside.at("camera-go-to")
    inside.page.keyboard.press("Escape")
    inside.page.get_by_role("button", name=re.compile("^Keys")).click()
    expect(inside.page.get_by_role("dialog", name="Keys")).to_be_visible()
    inside.at("camera-keys")
    inside.page.keyboard.press("Escape")
    inside.page.goto(system.camera_page())
    watching.live()
    inside.at("camera-live")


_FOCUSABLE = """() => [...document.querySelectorAll(
    "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']")]
  .filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true }))"""

_TAB_STOP = f"""() => {{
  const all = ({_FOCUSABLE})();
  const e = document.activeElement;
  const style = getComputedStyle(e);
  const box = e.getBoundingClientRect();
  return {{
    index: all.indexOf(e),
    name: e.getAttribute("aria-label") || e.innerText || e.id || e.tagName,
    ring: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2,
    seen: box.width > 0 && box.bottom > 0 && box.top < innerHeight && box.right > 0 && box.left < innerWidth,
  }};
}}"""


@pytest.mark.parametrize("width", [1440, 390])
def test_every_control_is_reached_by_tab_and_shows_that_it_has_the_focus(
    signed_in: BrowserContext, stranger: Page, system: System, width: int
) -> None:
    page = signed_in.new_page()
    oldest = next(iter(system.objects()))
    playback = system.camera_page(iso(oldest.about_us / 1000 + 1000))
    for opened, address in (
        (stranger, system.page("sign-in")),
        (page, system.page()),
        (page, playback),
        (page, system.page("sites")),
        (page, system.page(f"cameras/{system.camera}/settings")),
        (page, system.page("usage")),
        (page, system.page("agents")),
        (page, system.page("agents/enrol")),
    ):
        opened.set_viewport_size({"width": width, "height": WIDTHS[width]})
        opened.goto(address)
        if address == playback:  # some controls wait for a picture
            watching = Watching(opened)
            watching.until("a picture", watching.look)
        names = opened.evaluate(
            f"() => ({_FOCUSABLE})().map((e) => e.getAttribute('aria-label') || e.innerText || e.id)"
        )
        assert names, address
        reached = set()
        for _ in range(len(names) + 5):
            opened.keyboard.press("Tab")
            stop = opened.evaluate(_TAB_STOP)
            if stop["index"] < 0:
                break
            assert stop["ring"], f"{stop['name']!r} on {address} does not show its focus"
            assert stop["seen"], f"{stop['name']!r} on {address} has the focus out of sight"
            reached.add(stop["index"])
        missed = [name for index, name in enumerate(names) if index not in reached]
        assert missed == [], address


def test_little_script_comes_before_the_first_view(signed_in: BrowserContext, system: System) -> None:
    assert signed_in.browser is not None
    # As at the first visit: later the service worker has them.
    first_visit = signed_in.browser.new_context(
        storage_state=signed_in.storage_state(), service_workers="block"
    )

    def kilobytes(address: str, ready: Callable[[Page], object]) -> float:
        page = first_visit.new_page()
        scripts: list[Response] = []
        page.on("response", lambda r: scripts.append(r) if re.search(r"\.js(\?|$)", r.url) else None)
        page.goto(address)
        ready(page)
        assert scripts
        total = sum(script.request.sizes()["responseBodySize"] for script in scripts)
        page.close()
        return total / 1000

    first = kilobytes(system.page("agents"), lambda page: page.wait_for_load_state("networkidle"))
    assert first <= FIRST_VIEW_KB
    player = kilobytes(system.camera_page(), lambda page: Watching(page).live())
    assert first < player <= WITH_PLAYER_KB
    first_visit.close()
