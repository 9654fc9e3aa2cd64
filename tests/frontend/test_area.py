"""Searching for motion in an area of the picture, in Chromium: from the rectangle to the second that plays."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, expect

from sealing.ids import Rendition, Stream
from tests.frontend.pictures import video
from tests.frontend.stand import US, Stand, now_us
from tests.frontend.test_player import PAGE_RULES_OFF
from tests.frontend.watching import Watching

pytestmark = pytest.mark.e2e


def places(left: int, top: int, right: int, bottom: int) -> bytes:
    """The places of a rectangle, its right and lower ends not among them."""
    bits = bytearray(288)
    for row in range(top, bottom):
        for column in range(left, right):
            at = row * 64 + column
            bits[at >> 3] |= 0x80 >> (at & 7)
    return bytes(bits)


DOOR, TREE = places(4, 8, 12, 30), places(50, 4, 60, 12)
MOVED = {5.0: DOOR, 6.0: DOOR, 21.0: TREE, 30.0: DOOR, 31.0: places(30, 20, 34, 24)}
"""Somebody at the door twice; the tree in between."""


@pytest.fixture(scope="module")
def walked() -> Stand:
    stand = Stand(now_us() - 1800 * US)
    stand.record(0, video(0, 40))
    stand.record(0, video(0, 40), stream=Stream.SUB, segment_s=8, moved=MOVED)
    return stand


@pytest.fixture
def page(browser: Browser, walked: Stand) -> Iterator[Watching]:
    walked.ranges, walked.asked = [], []
    with Watching.opened(browser, walked) as opened:
        yield opened
        assert opened.errors == []


def begin(watching: Watching) -> None:
    watching.go(2)
    watching.shows(2)
    watching.page.keyboard.press("Space")
    watching.until("paused", lambda: watching.facts()["paused"])
    watching.page.get_by_role("button", name="Search in an area (A)").click()
    expect(area_of(watching)).to_be_focused()


def area_of(watching: Watching) -> Locator:
    return watching.page.locator(".area-over")


def draw(watching: Watching, left: float, top: float, right: float, bottom: float) -> None:
    """Draws a rectangle, in shares of the picture."""
    area_of(watching).scroll_into_view_if_needed()
    box = area_of(watching).bounding_box()
    assert box is not None
    mouse = watching.page.mouse
    mouse.move(box["x"] + left * box["width"], box["y"] + top * box["height"])
    mouse.down()
    mouse.move(box["x"] + right * box["width"], box["y"] + bottom * box["height"], steps=4)
    mouse.up()


def search(watching: Watching) -> str:
    """Searches, and gives what the panel says at the end."""
    watching.page.get_by_role("button", name="Search", exact=True).click()
    outcome = watching.page.locator(".vp-area .vp-clip-outcome")
    expect(outcome).not_to_be_empty(timeout=20_000)
    return outcome.inner_text()


def found(watching: Watching) -> Locator:
    return watching.page.locator(".area-list button")


def test_what_moved_at_the_door_is_found_and_played_and_the_tree_is_not(
    page: Watching, walked: Stand
) -> None:
    begin(page)
    draw(page, 0.03, 0.2, 0.22, 0.9)
    assert "2 times" in search(page)
    expect(found(page)).to_have_count(2)
    assert page.page.locator(".area-mark").count() >= 1
    assert page.facts()["paused"], "drawing on the picture does not start it"
    expect(found(page).nth(1)).to_contain_text("for 2 s")
    found(page).nth(0).click()
    page.shows(28, within=2)

    draw(page, 0.75, 0.05, 0.97, 0.4)
    expect(found(page)).to_have_count(1)
    expect(page.page.locator(".vp-area .vp-clip-outcome")).to_contain_text("once")
    assert walked.asked.count("POST /api/v1/motion-maps") <= 2, "another area asks for nothing anew"
    draw(page, 0.4, 0.05, 0.45, 0.1)
    expect(page.page.locator(".vp-area .vp-clip-outcome")).to_contain_text("Nothing was seen to move")
    expect(found(page)).to_have_count(0)


def test_only_the_maps_are_fetched_and_each_once(page: Watching, walked: Stand) -> None:
    begin(page)
    page.until("quiet", lambda: page.facts()["paused"])
    page.page.wait_for_timeout(500)
    walked.ranges.clear()
    search(page)
    maps = {
        (str(stored.segment), part.offset, part.end)
        for stored in walked.segments[Stream.SUB]
        for part in stored.parts
        if part.rendition is Rendition.MOTION
    }
    fetched = [one for one in walked.ranges if one[0] in {name for name, _, _ in maps}]
    assert set(fetched) == maps
    assert len(fetched) == len(maps)


def test_arrows_move_the_area_and_shift_sizes_it_while_the_picture_stays(page: Watching) -> None:
    begin(page)
    at = page.wall()
    area = area_of(page)
    expect(area).to_have_attribute("aria-label", "Area to search: from 25% to 75% across, from 25% to 75% down. "
                                   "Arrows move it, Shift and arrows change its size.")  # fmt: skip
    for _ in range(8):
        page.page.keyboard.press("ArrowLeft")
    for _ in range(17):
        page.page.keyboard.press("Shift+ArrowLeft")
    expect(area).to_have_attribute("aria-label", "Area to search: from 0% to 3% across, from 25% to 75% down. "
                                   "Arrows move it, Shift and arrows change its size.")  # fmt: skip
    for _ in range(4):
        page.page.keyboard.press("Shift+ArrowRight")
    assert abs(page.wall() - at) < 0.1, "arrows in the area are no jumps"
    page.page.get_by_role("button", name="Search", exact=True).focus()
    page.page.keyboard.press("Enter")
    expect(found(page)).to_have_count(2)
    area.focus()
    page.page.keyboard.press("+")
    expect(page.page.locator(".vp-zoom")).to_be_hidden()
    page.page.keyboard.press("Escape")
    expect(page.page.locator(".vp-area")).to_have_count(0)
    expect(area).to_have_count(0)
    expect(page.page.get_by_role("button", name="Search in an area (A)")).to_be_focused()


def test_a_camera_without_maps_says_why(watching: Watching) -> None:
    begin(watching)
    assert "no motion maps in this time" in search(watching)
    expect(found(watching)).to_have_count(0)


def test_an_altered_map_is_said_and_tells_nothing(page: Watching, walked: Stand) -> None:
    stored = walked.segments[Stream.SUB][0]
    (part,) = (part for part in stored.parts if part.rendition is Rendition.MOTION)
    walked.objects[str(stored.segment)][part.offset + 100] ^= 1
    try:
        begin(page)
        draw(page, 0.03, 0.2, 0.22, 0.9)
        said = search(page)
    finally:
        walked.objects[str(stored.segment)][part.offset + 100] ^= 1
    assert "One map could not be read" in said
    expect(found(page)).to_have_count(1)


def test_a_search_is_cancelled(page: Watching, walked: Stand) -> None:
    begin(page)
    page.page.wait_for_timeout(500)
    walked.reachable.clear()
    try:
        page.page.get_by_role("button", name="Search", exact=True).click()
        page.page.get_by_role("button", name="Cancel").click()
        expect(page.page.locator(".vp-area .vp-clip-outcome")).to_contain_text("Cancelled")
        expect(page.page.get_by_role("button", name="Search", exact=True)).to_be_enabled()
    finally:
        walked.reachable.set()


@pytest.mark.parametrize("width", [1280, 390])
def test_the_search_fits_and_is_accessible(browser: Browser, walked: Stand, width: int) -> None:
    with Watching.opened(browser, walked, width=width, height=844) as opened:
        begin(opened)
        draw(opened, 0.03, 0.2, 0.22, 0.9)
        assert "2 times" in search(opened)
        overflow = opened.page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0
        results = Axe().run(opened.page, options={"rules": PAGE_RULES_OFF})
        assert results.violations_count == 0, results.generate_report()
        assert opened.errors == []
