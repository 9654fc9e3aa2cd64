"""Real Chromium before the system that `make up` runs, and the owner who set it up."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.e2e.people import Owner, set_up
from tests.e2e.system import System
from tests.e2e.watching import Watching
from tests.onebox.running import Checkout

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--autoplay-policy=no-user-gesture-required",
]
DESKTOP = {"width": 1440, "height": 900}


@pytest.fixture(scope="package")
def system(running_checkout: Checkout) -> Iterator[System]:
    """The whole product, running; stopped when this package is over, for it takes a third of a core with nobody before it."""
    yield System(running_checkout)
    running_checkout.make("down")


# The browser lives as long as this package and no longer: its event loop must be gone before asynchronous tests run.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def owner(system: System, browser: Browser) -> Owner:
    """The demo organisation's first owner, through the link that `make up` printed."""
    kept = _beside(system, "owner.json")
    if kept.exists():  # a system that an earlier run set up
        return Owner.kept(kept)
    assert system.setup_url is not None, "somebody set this system up already"
    page = browser.new_page(viewport=DESKTOP)
    made = set_up(page, system.setup_url, system.slug, "Alice Owner", "alice@example.org")
    made.keep(kept)
    page.context.storage_state(path=_beside(system, "session.json"))
    page.close()
    return made


def _beside(system: System, name: str) -> Path:
    """A file that lives as long as the system's copy, outside of what the system keeps."""
    return system.checkout.root.parent / name


class Noise:
    """What the browser complains about: script errors, refused resources, the policy."""

    def __init__(self) -> None:
        self.heard: list[str] = []

    def listen(self, page: Page) -> None:
        page.on("pageerror", lambda error: self.heard.append(f"{page.url}: {error}"))
        page.on(
            "console",
            lambda message: (
                self.heard.append(f"{page.url}: {message.type}: {message.text}")
                if message.type in ("error", "warning")
                else None
            ),
        )


@pytest.fixture
def noise() -> Iterator[Noise]:
    """Listens; a test that ends with something heard fails. Expected noise is taken off the list by the test."""
    made = Noise()
    yield made
    assert made.heard == []


@pytest.fixture
def signed_in(browser: Browser, owner: Owner, system: System, noise: Noise) -> Iterator[BrowserContext]:
    """The owner's browser, signed in, 1440 px wide."""
    context = browser.new_context(viewport=DESKTOP, storage_state=_beside(system, "session.json"))
    context.on("page", noise.listen)
    yield context
    context.close()


@pytest.fixture
def stranger(browser: Browser) -> Iterator[Page]:
    """A browser nobody signed in to."""
    context = browser.new_context(viewport=DESKTOP)
    yield context.new_page()
    context.close()


@pytest.fixture
def watching(signed_in: BrowserContext, system: System) -> Watching:
    """The owner's browser; go to a camera page with it."""
    return Watching(signed_in.new_page())


SHOTS = os.environ.get("E2E_SHOTS")


@pytest.fixture
def shot(pytestconfig: pytest.Config) -> object:
    """Keeps a picture of a page in var/screenshots when E2E_SHOTS is set."""

    def keep(page: Page, name: str) -> None:
        if SHOTS:
            folder = pytestconfig.rootpath / "var" / "screenshots"
            folder.mkdir(parents=True, exist_ok=True)
            page.screenshot(path=folder / f"{name}.png")

    return keep
