"""The choice of a language in a real browser: without a script, by keyboard, on a phone."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tenants.scope import tenant_scope
from tests.frame.conftest import PHONE, House, Noise, Opens
from tests.frame.test_frame import AXE, keep_picture
from tests.live_portal import aside
from vsaas.accounts.models import Account

Address = Callable[[str], str]


def spoken(page: Page) -> str | None:
    return page.get_attribute("html", "lang")


def assert_fits(page: Page, width: int) -> None:
    assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url


def test_the_door_is_read_in_another_language_by_keyboard_without_a_script(
    context_of: Opens, address: Address
) -> None:
    page = context_of(viewport=PHONE, java_script_enabled=False, locale="de-DE").new_page()
    page.goto(address("sign-in"))
    assert spoken(page) == "de"
    assert page.locator("h1").inner_text() == "Anmelden"
    page.get_by_role("button", name="English").focus()
    with page.expect_navigation():
        page.keyboard.press("Enter")
    assert (page.url, spoken(page)) == (address("sign-in"), "en")
    assert page.locator("h1").inner_text() == "Sign in"
    page.reload()
    assert spoken(page) == "en"


def test_the_choice_below_the_door_fits_a_phone_and_reads_well(context_of: Opens, address: Address) -> None:
    page = context_of(viewport=PHONE, locale="de-DE").new_page()
    page.goto(address("sign-in"))
    assert_fits(page, PHONE["width"])
    assert page.get_by_role("button", name="English").bounding_box()["height"] >= 24
    found = Axe().run(page, options=AXE)
    assert found.violations_count == 0, found.generate_report()
    keep_picture(page, "door-de")


def test_the_language_of_an_account_is_chosen_without_a_script(
    context_of: Opens, house: House, address: Address
) -> None:
    page = context_of(house.cast.olga, viewport=PHONE, java_script_enabled=False).new_page()
    page.goto(address("account"))
    page.get_by_label("Language").select_option("de")
    with page.expect_navigation():
        page.get_by_role("button", name="Save the language").press("Enter")
    assert spoken(page) == "de"
    assert page.get_by_label("Sprache").input_value() == "de"

    def stored() -> str | None:
        with tenant_scope(house.cast.tenant_a.id):
            return Account.objects.get(pk=house.cast.olga.pk).language

    assert aside(stored) == "de"
    page.get_by_label("Sprache").select_option("")
    with page.expect_navigation():
        page.get_by_role("button", name="Sprache speichern").press("Enter")
    assert (spoken(page), aside(stored)) == ("en", None)


LOOKED_AT = (
    "",
    "sites",
    "people",
    "audit",
    "health",
    "usage",
    "account",
    "agents",
    "roles/viewer/hours",
    "approvals/policy",
    "audit/settings",
)


@pytest.mark.parametrize("rest", LOOKED_AT)
def test_german_pages_fit_a_phone_and_read_well(
    context_of: Opens, house: House, address: Address, noise: Noise, rest: str
) -> None:
    page = context_of(house.cast.alice, viewport=PHONE, locale="de-DE").new_page()
    page.goto(address(rest))
    assert spoken(page) == "de"
    page.wait_for_load_state("networkidle")
    assert_fits(page, PHONE["width"])
    found = Axe().run(page, options=AXE)
    assert found.violations_count == 0, found.generate_report()
    keep_picture(page, f"de-{rest.replace('/', '-') or 'overview'}")
