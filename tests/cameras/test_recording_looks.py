"""The page "When to record" in Chromium, once: by keyboard, on a phone, in both themes."""

from __future__ import annotations

from playwright.sync_api import expect, sync_playwright

from tests.cameras.place import Place, call
from tests.frontend.conftest import CHROMIUM, FLAGS
from tests.live_portal import running_portal
from tests.looks import looks_right


def test_when_to_record_is_edited_by_keyboard_and_looks_right(place: Place) -> None:
    plan = {
        "mode": "event",
        "windows": [
            {"days": ["mon", "tue"], "from": "22:00", "to": "06:00", "mode": "off", "quality": "full"}
        ],
    }
    call(place.alice, place, "PATCH", f"cameras/{place.camera.id}", {"recording": plan})
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
        page.get_by_role("link", name="Change when to record").press("Enter")
        page.get_by_role("button", name="More hours").press("Enter")
        second = page.get_by_role("group", name="Hours 2")
        second.get_by_role("checkbox", name="Sunday").press("Space")
        second.get_by_label("From").fill("10:00")
        second.get_by_label("To").fill("12:00")
        second.get_by_label("Keep").select_option("key-frames")
        looks_right(page, "when to record", "RECORDING_PICTURES")
        second.get_by_label("To").press("Enter")  # saves, and removes no row
        expect(page.get_by_text("Saved for 1 camera.")).to_be_visible()
        expect(
            page.get_by_text("Sunday 10:00–12:00: recorded when something happens, of the main")
        ).to_be_visible()
        browser.close()
