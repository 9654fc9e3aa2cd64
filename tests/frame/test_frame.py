"""The frame around every page: rail and bar at the thumb, sites, account, theme, without a connection or JavaScript."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.frame.conftest import DESKTOP, EMOJI, LONG, PHONE, RIGHT_TO_LEFT, House, Opens
from tests.live_portal import Portal

Address = Callable[..., str]
AXE = {"resultTypes": ["violations"]}


def keep_picture(page: Page, name: str) -> None:
    """Keeps a picture in var/screenshots when E2E_SHOTS is set, to be looked at."""
    if os.environ.get("E2E_SHOTS"):
        page.screenshot(path=Path(__file__).resolve().parents[2] / "var" / "screenshots" / f"{name}.png")


def open_account(page: Page) -> None:
    page.get_by_role("button", name="Account:").click()


def cameras_shown(page: Page) -> list[str]:
    expect(page.locator(".wall-tools").first).to_be_visible()  # the wall has taken its place
    return page.locator(".tile:visible h2").all_inner_texts()


def test_the_site_switcher_shows_one_site_and_is_remembered(alice: Page, address: Address) -> None:
    alice.goto(address())
    assert set(cameras_shown(alice)) == {"Gate 1", "Gate 2", LONG, RIGHT_TO_LEFT, EMOJI}
    alice.get_by_role("button", name="Site: All sites").click()
    alice.get_by_role("navigation", name="Show the cameras of").get_by_role("link", name="Yard").click()
    expect(alice).to_have_url(re.compile(r"\?site="))
    assert set(cameras_shown(alice)) == {RIGHT_TO_LEFT, EMOJI}
    alice.goto(address())  # another day, another page
    expect(alice.get_by_role("button", name="Site: Yard")).to_be_visible()
    assert set(cameras_shown(alice)) == {RIGHT_TO_LEFT, EMOJI}
    alice.goto(address("?site=all"))
    assert len(cameras_shown(alice)) == 5


def test_a_site_that_is_not_there_shows_everything(alice: Page, address: Address) -> None:
    for wrong in ("0190d3f4-0000-7000-8000-000000000000", "nonsense"):
        alice.goto(address(f"?site={wrong}"))
        assert len(cameras_shown(alice)) == 5


def test_who_sees_one_site_has_no_switcher(context_of: Opens, house: House, address: Address) -> None:
    page = context_of(house.cast.bob).new_page()
    page.goto(address())
    expect(page.get_by_role("button", name="Account:")).to_be_visible()
    expect(page.get_by_role("button", name="Site:")).to_have_count(0)
    other = house.cast.other_site_a.id
    page.goto(address(f"?site={other}"))
    assert set(cameras_shown(page)) == {"Gate 1", "Gate 2", LONG}
    assert str(other) not in page.locator("main").inner_html()


def test_the_theme_is_chosen_at_once_and_stays_without_a_flash(alice: Page, address: Address) -> None:
    scheme = "getComputedStyle(document.documentElement).colorScheme"
    alice.goto(address("agents"))
    assert alice.evaluate(scheme) == "light dark"
    open_account(alice)
    alice.get_by_role("radio", name="Dark").check(force=True)
    assert alice.evaluate(scheme) == "dark"
    alice.reload()
    # The first byte has it: no script decides.
    assert 'data-chosen-theme="dark"' in alice.request.get(address("agents")).text()
    assert alice.evaluate(scheme) == "dark"
    open_account(alice)
    alice.get_by_role("radio", name="Light").check(force=True)
    alice.goto(address())  # dark unless something else was chosen
    assert alice.evaluate(scheme) == "light"
    open_account(alice)
    alice.get_by_role("radio", name="System").check(force=True)
    assert alice.evaluate(scheme) == "dark"


def test_the_account_menu_is_used_by_keyboard_and_gives_the_focus_back(alice: Page, address: Address) -> None:
    alice.goto(address())
    button = alice.get_by_role("button", name="Account:")
    button.focus()
    alice.keyboard.press("Enter")
    menu = alice.locator("#account-menu")
    expect(menu).to_be_visible()
    alice.keyboard.press("Tab")
    assert menu.evaluate("(menu) => menu.contains(document.activeElement)")
    alice.keyboard.press("Escape")
    expect(menu).to_be_hidden()
    expect(button).to_be_focused()


def test_other_organisations_of_this_browser_stand_side_by_side(
    context_of: Opens, house: House, address: Address
) -> None:
    alone = context_of(house.cast.alice).new_page()
    alone.goto(address())
    open_account(alone)
    expect(alone.get_by_text("Also in this browser")).to_have_count(0)
    both = context_of(house.cast.alice, house.cast.charlie).new_page()
    both.goto(address())
    open_account(both)
    both.get_by_role("link", name=house.cast.tenant_b.name, exact=True).click()
    expect(both).to_have_url(re.compile(f"/t/{house.cast.tenant_b.slug}/$"))
    assert cameras_shown(both) == ["Loading ramp"]


def test_a_made_up_session_cookie_shows_no_more_than_a_sign_in_page(
    context_of: Opens, house: House, portal: Portal, address: Address
) -> None:
    context = context_of(house.cast.alice)
    context.add_cookies(
        [
            {"name": f"vsaas_s_{slug}", "value": "x" * 43, "url": portal.address}
            for slug in (house.cast.tenant_b.slug, "no-such-organisation", "..bad..")
        ]
    )
    page = context.new_page()
    page.goto(address())
    open_account(page)
    expect(page.locator("#account-menu a", has_text=house.cast.tenant_b.name)).to_have_count(1)
    expect(page.locator("#account-menu")).not_to_contain_text("no-such")


def registered(page: Page) -> None:
    """Waits until the page has its service worker, and asks for nothing more by itself."""
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")


def test_a_device_without_a_connection_is_told_since_when(alice: Page, address: Address) -> None:
    alice.goto(address("people"))  # a page that asks for nothing by itself
    registered(alice)
    alice.context.set_offline(True)
    banner = alice.get_by_role("alert").filter(has_text="No connection since")
    expect(banner).to_contain_text(re.compile(r"since \d\d:\d\d:\d\d .+\. What you see may be old"))
    alice.context.set_offline(False)
    expect(banner).to_have_count(0)


def test_a_form_is_not_sent_into_the_void(alice: Page, address: Address) -> None:
    alice.goto(address("agents/enrol"))
    alice.get_by_label("Site").select_option(label="Yard")
    registered(alice)
    alice.context.set_offline(True)
    alice.get_by_role("button", name="Make a code").click()
    expect(alice.get_by_role("status").filter(has_text="this was not sent")).to_be_visible()
    expect(alice.get_by_label("Site").locator("option:checked")).to_have_text("Yard")
    alice.context.set_offline(False)
    alice.get_by_role("button", name="Make a code").click()  # the same form, once there is a connection again
    expect(alice.get_by_role("button", name="Copy")).to_be_visible()


def test_without_javascript_a_sentence_says_what_is_missing(
    context_of: Opens, house: House, address: Address
) -> None:
    page = context_of(house.cast.alice, java_script_enabled=False).new_page()
    page.goto(address())
    expect(page.get_by_text("JavaScript is switched off.")).to_be_visible()
    expect(page.get_by_role("button", name="Search", exact=True)).to_have_count(0)
    page.get_by_role("link", name="Sites").click()
    expect(page.get_by_role("heading", name="Sites")).to_be_visible()
    open_account(page)  # the browser itself opens it
    expect(page.get_by_role("button", name="Sign out")).to_be_visible()


def test_times_stand_relative_and_exact_in_the_sites_zone(alice: Page, address: Address) -> None:
    alice.goto(address("agents"))
    times = alice.locator("time[data-ago]").all_inner_texts()
    assert times
    for text in times:
        assert re.fullmatch(r".+ · (\d{4}-\d\d-\d\d )?\d\d:\d\d:\d\d (GMT\+[12]|CES?T)", text), text


@pytest.mark.parametrize(
    ("size", "scheme"), [(DESKTOP, "dark"), ({"width": 1024, "height": 768}, "light"), (PHONE, "light")]
)
def test_every_page_fits_and_reads_well(
    context_of: Opens, house: House, address: Address, size: dict[str, int], scheme: str
) -> None:
    page = context_of(house.cast.alice, viewport=size, color_scheme=scheme).new_page()
    for rest in ("", f"cameras/{house.cameras[LONG].id}", "agents", "agents/enrol"):
        page.goto(address(rest))
        page.wait_for_load_state("networkidle")
        keep_picture(page, f"frame-{rest.split('/')[-1][:8] or 'overview'}-{size['width']}-{scheme}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        assert wide <= size["width"], f"{rest} is {wide} px wide at {size['width']}"
        found = Axe().run(page, options=AXE)
        assert found.violations_count == 0, f"{rest} at {size['width']}, {scheme}: {found.generate_report()}"


def test_nothing_scrolls_sideways_at_200_per_cent(context_of: Opens, house: House, address: Address) -> None:
    # A desktop at 200 % has half as many CSS pixels.
    page = context_of(
        house.cast.alice, viewport={"width": 640, "height": 400}, device_scale_factor=2
    ).new_page()
    for rest in ("", f"cameras/{house.cameras[RIGHT_TO_LEFT].id}", "agents", "agents/enrol"):
        page.goto(address(rest))
        assert page.evaluate("document.documentElement.scrollWidth") <= 640, rest


def test_on_a_phone_everything_at_hand_is_44_px(context_of: Opens, house: House, address: Address) -> None:
    page = context_of(house.cast.alice, viewport=PHONE, has_touch=True, is_mobile=True).new_page()
    page.goto(address())
    small = page.evaluate(
        """() => [...document.querySelectorAll(".rail a.place, .topbar button")]
          .map((e) => [e.getAttribute("aria-label") || e.innerText, e.getBoundingClientRect()])
          .filter(([, box]) => box.width > 0 && (box.width < 44 || box.height < 44))
          .map(([name, box]) => `${name}: ${box.width} x ${box.height}`)"""
    )
    assert small == []
    rail = page.get_by_role("navigation", name="Main").bounding_box()
    assert rail is not None
    assert rail["y"] + rail["height"] == PHONE["height"]
