"""A real Chromium, and a fresh copy of the stand's footage for each test."""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from dataclasses import replace

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.frontend.stand import DIST, US, Stand, footage, now_us
from tests.frontend.watching import Watching
from tests.live_portal import running_portal

CHROMIUM = "/usr/bin/chromium"
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]


# No longer than this package: Playwright's event loop must be gone before asynchronous tests run in the same process.
@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    assert (DIST / "manifest.json").exists(), (
        "build the front end first: cd frontend && npm ci && npm run build"
    )
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="package")
def portal(database: None, object_store_server: None, pages: None) -> Iterator[str]:
    """The portal as a process of its own, on this worker's databases: its address. One for all files of this folder whose
    tests make tenants of their own in it."""
    with running_portal() as address:
        yield address


@pytest.fixture(scope="session")
def recorded() -> Stand:
    return footage(now_us() - 3600 * US)


@pytest.fixture
def stand(recorded: Stand) -> Stand:
    """The footage, to be spoilt at will."""
    fresh = copy.copy(recorded)
    fresh.segments = {
        stream: [replace(item, keys=dict(item.keys)) for item in items]
        for stream, items in recorded.segments.items()
    }
    fresh.objects = {name: bytearray(data) for name, data in recorded.objects.items()}
    fresh.gaps, fresh.asked, fresh.ranges, fresh.grants = list(recorded.gaps), [], [], {}
    fresh.clips, fresh.uploads, fresh.more_runs = [], [], list(recorded.more_runs)
    fresh.hidden = []
    fresh.sound = threading.Event()
    fresh.sound.set()
    return fresh


@pytest.fixture
def watching(browser: Browser, stand: Stand) -> Iterator[Watching]:
    with Watching.opened(browser, stand) as page:
        yield page
        assert page.errors == []
