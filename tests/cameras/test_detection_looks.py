"""The page "Motion and tampering" in Chromium, once: painted by keyboard and pointer, without a picture, in both themes, on a phone."""

from __future__ import annotations

from playwright.sync_api import Locator, expect, sync_playwright

from protocol.detection import cells_of
from tests.cameras.place import Place
from tests.frontend.conftest import CHROMIUM, FLAGS
from tests.live_portal import running_portal
from tests.looks import looks_right


def drag(board: Locator, begin: tuple[int, int], end: tuple[int, int]) -> None:
    """From the middle of one cell to that of another."""
    box = board.bounding_box()
    assert box is not None
    (x1, y1), (x2, y2) = [
        (box["x"] + (column + 0.5) * box["width"] / 32, box["y"] + (row + 0.5) * box["height"] / 18)
        for column, row in (begin, end)
    ]
    mouse = board.page.mouse
    mouse.move(x1, y1)
    mouse.down()
    mouse.move(x2, y2, steps=3)
    mouse.up()


def test_zones_are_painted_by_keyboard_and_pointer_and_the_page_looks_right(place: Place) -> None:
    with running_portal() as address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        page = browser.new_context().new_page()
        page.context.add_cookies(
            [
                {"name": name, "value": morsel.value, "url": address}
                for name, morsel in place.alice.cookies.items()
                if morsel.value
            ]
        )
        page.goto(f"{address}{place.settings()}")
        page.get_by_role("link", name="Motion and tampering").press("Enter")
        page.get_by_label("Tell of motion in the picture").check()
        board = page.get_by_role("application")
        board.scroll_into_view_if_needed()
        drag(board, (0, 0), (3, 1))  # left out
        page.get_by_role("button", name="Another zone").press("Enter")
        page.get_by_label("Name of zone 1").fill("Door")
        board.focus()
        for key in ("ArrowRight", "Space", "ArrowDown", "Shift+ArrowRight"):
            board.press(key)
        expect(page.get_by_role("status").filter(has_text="Column 3, row 2: Door")).to_have_count(1)
        drag(board, (10, 10), (12, 11))
        board.press("Control+z")
        drag(board, (20, 10), (20, 11))
        # A rectangle begun by keyboard and left is none, however one comes back.
        page.keyboard.down("Shift")
        page.keyboard.press("ArrowDown")
        page.get_by_label("Name of zone 1").focus()
        page.keyboard.up("Shift")
        board.press("Shift")
        looks_right(page, "motion and tampering", "DETECTION_PICTURES")
        page.get_by_role("button", name="Save").last.click()
        expect(page.get_by_text("Saved. It holds as soon as")).to_be_visible()
        browser.close()
    kept = place.now().detection
    assert kept["mask"] == cells_of({(x, y) for x in range(4) for y in range(2)}).hex()
    (zone,) = kept["zones"]
    assert zone["name"] == "Door"
    assert zone["cells"] == cells_of({(1, 0), (1, 1), (2, 1), (20, 10), (20, 11)}).hex()
