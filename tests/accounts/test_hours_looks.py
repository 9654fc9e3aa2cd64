"""The editor of hours in Chromium: by keyboard, on a phone, in both themes, and nothing axe would name."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Page, expect, sync_playwright

from tests.cast import Cast, make_cast, sign_in
from tests.frontend.conftest import CHROMIUM, FLAGS
from tests.live_portal import running_portal
from tests.looks import looks_right
from tests.rules import set_calendar, set_hours

OFFICE = {"days": ["mon", "tue", "wed", "thu", "fri"], "from": "08:00", "to": "18:00"}


@pytest.fixture(scope="module")
def made(database: None, pages: None) -> Iterator[tuple[str, Cast, dict[str, Client]]]:
    cast = make_cast()
    set_calendar(cast.tenant_a, "Europe/Berlin", "2026-12-25", "2026-12-26")
    set_hours(
        cast.tenant_a,
        "viewer",
        live=[OFFICE, {"days": ["sat"], "from": "09:00", "to": "13:00"}],
        playback_back_h=48,
        hidden=[OFFICE | {"from": "18:00", "to": "07:00"}],
        holidays="sunday",
    )
    clients = {"alice": sign_in(cast.alice), "olga": sign_in(cast.olga)}
    set_hours(cast.tenant_a, "operator", sign_in=[])
    with running_portal() as address:
        yield address, cast, clients


@pytest.fixture
def page(made: tuple[str, Cast, dict[str, Client]]) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser.new_context().new_page()
        browser.close()


def come_as(page: Page, address: str, client: Client) -> None:
    page.context.clear_cookies()
    page.context.add_cookies(
        [
            {"name": name, "value": morsel.value, "url": address}
            for name, morsel in client.cookies.items()
            if morsel.value
        ]
    )


def test_hours_are_edited_by_keyboard_and_look_right(
    made: tuple[str, Cast, dict[str, Client]], page: Page
) -> None:
    address, cast, clients = made
    base = f"{address}/t/{cast.tenant_a.slug}"
    come_as(page, address, clients["alice"])
    page.goto(f"{base}/roles/viewer/hours")
    looks_right(page, "hours of viewers")
    live = page.get_by_role("group", name="Live view", exact=True)
    live.get_by_role("button", name="More hours").press("Enter")
    third = page.get_by_role("group", name="Live view, hours 3")
    third.get_by_role("checkbox", name="Sunday").press("Space")
    third.get_by_label("From").fill("10:00")
    third.get_by_label("To").fill("12:00")
    third.get_by_label("To").press("Enter")  # saves, and removes no row
    expect(page.get_by_role("heading", name="Change the hours of Viewer?")).to_be_visible()
    expect(page.get_by_text("Bob can watch a camera live for ")).to_be_visible()
    looks_right(page, "preview of hours")
    page.get_by_role("button", name="Change it").press("Enter")
    expect(page.get_by_text("The hours are saved")).to_be_visible()
    expect(page.get_by_text("Saturday 09:00–13:00; Sunday 10:00–12:00.")).to_be_visible()
    page.goto(f"{base}/roles/viewer")
    looks_right(page, "role of viewers")
    page.goto(f"{base}/people/{cast.bob.id}/rights?place=site:{cast.site_a.id}")
    expect(page.get_by_role("heading", name="When these roles hold")).to_be_visible()
    looks_right(page, "rights with hours")
    page.goto(f"{base}/organisation")
    with page.expect_navigation():
        page.get_by_role("button", name="Add a holiday").press("Enter")
    looks_right(page, "calendar")
    come_as(page, address, clients["olga"])
    page.goto(f"{base}/")
    expect(page.get_by_role("heading", name="This is outside your hours")).to_be_visible()
    looks_right(page, "outside hours")
