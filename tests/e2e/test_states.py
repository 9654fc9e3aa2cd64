"""A camera or an agent that falls silent: people are told within a minute, wherever they look, and when it is over."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from tests.e2e.system import System
from tests.e2e.watching import Watching

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("make-up")]

MINUTE_MS = 60_000


@pytest.mark.parametrize(
    ("silent", "on_tile", "over_picture"),
    [
        (
            "camera",
            re.compile("Offline|Camera offline"),
            re.compile("cannot reach this camera|No new picture for"),
        ),
        ("agent", re.compile("Agent offline"), re.compile("agent is not connected|No new picture for")),
    ],
    ids=["camera", "agent"],
)
def test_silence_is_told_in_live_and_overview_and_so_is_its_end(
    signed_in: BrowserContext,
    system: System,
    shot: Callable[[Page, str], None],
    silent: str,
    on_tile: re.Pattern[str],
    over_picture: re.Pattern[str],
) -> None:
    overview = signed_in.new_page()
    overview.goto(system.page())
    tile = overview.get_by_role("link", name=re.compile(system.camera_name))
    expect(tile).to_contain_text("Recording")
    watching = Watching(signed_in.new_page())
    watching.page.goto(system.camera_page())
    watching.live()
    with system.frozen(silent):
        watching.until("a word over the picture", lambda: over_picture.search(watching.message()), 10)
        shot(watching.page, f"live-{silent}-silent")
        overview.bring_to_front()
        expect(tile).to_contain_text(on_tile, timeout=MINUTE_MS)
        expect(tile.locator("canvas")).to_be_visible()  # the last picture, dimmed
        shot(overview, f"overview-{silent}-silent")
        agents = signed_in.new_page()
        agents.goto(system.page("agents"))
        if silent == "agent":
            expect(agents.get_by_text("Offline", exact=True)).to_be_visible()
        else:
            streams = agents.get_by_role("list", name="Cameras of this agent").get_by_role("listitem")
            expect(streams.filter(has_text=system.camera_name).first).not_to_contain_text("Recording")
        shot(agents, f"agents-{silent}-silent")
        agents.close()
    overview.bring_to_front()
    expect(tile).to_contain_text("Recording", timeout=MINUTE_MS)
    watching.page.bring_to_front()
    watching.live()
    assert watching.message() == ""
