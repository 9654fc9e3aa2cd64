"""Time that is on the agent still: asked for from the page, watched until it is there, played from where one wanted to be."""

from __future__ import annotations

import os

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from sealing.ids import Stream
from tests.frontend.stand import US
from tests.frontend.watching import Watching

SHOTS = os.environ.get("E2E_SHOTS")
PENDING_S = 78


def test_striped_time_is_asked_for_and_played_once_it_is_there(watching: Watching) -> None:
    stand, page = watching.stand, watching.page
    waiting = [item for item in stand.segments[Stream.MAIN] if item.state == "pending"]
    assert waiting
    stand.agent_away = "the agent Gate is not connected now: look after it, then try again"
    watching.go(PENDING_S)
    bar = page.locator(".upload-now")
    expect(bar).to_contain_text("is on the agent and not uploaded yet")
    bar.get_by_role("button", name="Upload this now").click()
    expect(bar).to_contain_text("the agent Gate is not connected now")
    stand.agent_away = ""
    bar.get_by_role("button", name="Try again").focus()
    page.keyboard.press("Enter")
    expect(bar).to_contain_text("The agent uploads this first: 0 s of ")
    (span,) = stand.uploads
    assert span == (waiting[0].start_us, waiting[-1].end_us)
    assert span[0] <= stand.start_us + PENDING_S * US < span[1]
    assert Axe().run(page, context=".upload-now").violations_count == 0
    for width, height in ((1280, 800), (390, 844)):
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if SHOTS:
            page.screenshot(path=os.path.join(SHOTS, f"upload-{width}.png"))
    for item in waiting:
        item.state = "stored"

    def played() -> bool:
        shown = watching.second()
        return shown is not None and PENDING_S - 0.1 <= shown < PENDING_S + 2

    watching.until("the stretch plays", played)
    expect(bar).to_be_hidden()
