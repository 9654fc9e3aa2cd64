"""The pages of API tokens and the API reference in Chromium: keyboard, phone, both themes, axe, and nothing from elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

import httpx
import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tenants import bearer
from tests.cast import Cast, make_cast, make_token, sign_in
from tests.frontend.conftest import CHROMIUM, FLAGS
from tests.live_portal import running_portal
from tests.looks import looks_right

LONG = "Nightly report for the insurance of the warehouse behind the station, " + "x" * 10


@dataclass(frozen=True)
class Portal:
    """A running portal, with somebody signed in."""

    address: str
    cast: Cast
    alice: Client

    @property
    def tokens(self) -> str:
        return f"{self.address}/t/{self.cast.tenant_a.slug}/account/tokens"


@pytest.fixture(scope="module")
def portal(database: None, pages: None) -> Iterator[Portal]:
    cast = make_cast()
    make_token(cast.alice, name=LONG, site=cast.site_a)
    with running_portal() as address:
        yield Portal(address, cast, sign_in(cast.alice))


# As long as this module and no longer: Playwright's event loop must be gone before asynchronous tests run.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(portal: Portal, chromium: Browser) -> Iterator[Page]:
    """Alice's browser; a test in which it complains, or asks another origin for anything, fails. The portal comes first:
    beside a running Playwright the database is not to be used on this thread."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    context.add_cookies(
        [
            {"name": name, "value": morsel.value, "url": portal.address}
            for name, morsel in portal.alice.cookies.items()
        ]
    )
    noise: list[str] = []
    opened = context.new_page()
    # Without movement: colours on their way to another theme are no theme's.
    opened.emulate_media(reduced_motion="reduce")
    opened.on("console", lambda message: noise.append(message.text))
    opened.on("pageerror", lambda error: noise.append(str(error)))
    opened.on(
        "request",
        lambda asked: None if asked.url.startswith((portal.address, "data:")) else noise.append(asked.url),
    )
    yield opened
    context.close()
    assert noise == []


def test_pages_of_tokens_hold_at_every_width_in_both_themes(page: Page, portal: Portal) -> None:
    page.goto(portal.tokens)
    looks_right(page, "tokens")
    with page.expect_navigation():
        page.get_by_role("link", name="Make a token").click()
    looks_right(page, "new token")
    page.get_by_role("button", name="Make the token").click()
    expect(
        page.get_by_role("textbox", name="Name")
    ).to_be_focused()  # the browser's own check: the name is missing
    page.goto(portal.tokens)
    with page.expect_navigation():
        page.get_by_role("link", name=re.compile("Revoke Nightly")).click()
    looks_right(page, "revoke token")


def test_the_reference_holds_at_every_width_in_both_themes(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.address}/api/docs/")
    looks_right(page, "reference")
    page.get_by_text("Contents").click()  # on the phone, where the looks ended
    page.get_by_role("link", name="Register a camera on an agent").click()
    expect(page.get_by_role("heading", name="Register a camera on an agent")).to_be_in_viewport()


def test_with_the_keyboard_alone_a_token_is_made_that_works(page: Page, portal: Portal) -> None:
    page.goto(f"{portal.tokens}/new")
    page.get_by_role("textbox", name="Name").focus()
    page.keyboard.type("Display")
    reached = ""
    while reached != "camera:view":
        page.keyboard.press("Tab")
        reached = page.evaluate("document.activeElement.value ?? ''")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Display")).to_be_visible()
    looks_right(page, "token")
    token = page.locator("#token").inner_text()
    assert bearer.is_token(token)
    headers = {"Authorization": f"Bearer {token}"}
    assert httpx.get(f"{portal.address}/api/v1/cameras", headers=headers).status_code == 200
    page.get_by_role("link", name="I copied it").click()
    expect(page.get_by_role("heading", name="Display")).to_be_visible()
    assert token not in page.content()
