"""Commissioning in the browser, once through: a camera's points, its reason, the sign-off."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.cast import code_of
from tests.frontend.test_estate import Estate, estate
from tests.looks import looks_right

__all__ = ["estate"]
SOON_MS = 20_000
PICTURES = "COMMISSION_PICTURES"


def test_an_installer_goes_through_the_cameras_and_signs(estate: Estate) -> None:
    page = estate.page(f"commissioning/{estate.cast.site_a.id}")
    expect(page.get_by_role("button", name="Sign for")).to_be_disabled()
    looks_right(page, "commissioning-site", PICTURES)
    cameras = page.locator(".commission-rows a.name").evaluate_all("all => all.map(one => one.href)")
    for number, address in enumerate(cameras):
        page.goto(address)
        page.get_by_role("button", name="This is its name").click()
        if number == 0:
            expect(page.locator("#named .state")).to_contain_text("in order")
            looks_right(page, "commission-camera", PICTURES)
        for point in ("Aimed", "View checked"):
            page.get_by_role("button", name=f"Confirm: {point}").click()
            expect(page.get_by_role("button", name=f"Take back: {point}")).to_be_visible(timeout=SOON_MS)
        while page.get_by_text("It stays as it is").count():
            before = page.get_by_text("It stays as it is").count()
            page.get_by_text("It stays as it is").first.click()
            page.get_by_label("Why").first.fill("as agreed with the house")
            page.get_by_role("button", name="Accept as it is").first.click()
            expect(page.get_by_text("It stays as it is")).to_have_count(before - 1, timeout=SOON_MS)
    page.goto(estate.url(f"commissioning/{estate.cast.site_a.id}"))
    page.get_by_label("Remarks").fill("All well")
    page.get_by_role("button", name="Sign for").click()
    if page.get_by_label("Code").count():
        page.get_by_label("Code").fill(code_of(estate.cast.alice))
        page.keyboard.press("Enter")
    expect(page.get_by_text("Nothing changed since")).to_be_visible(timeout=SOON_MS)
    looks_right(page, "commissioning-signed", PICTURES)
