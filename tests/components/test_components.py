"""Every shared part looks as it did: compared, state by state, with pictures kept beside this file, and read by axe.

After a change that is meant, look at the new pictures and keep them:

    RENEW_PICTURES=1 .venv/bin/python -m pytest tests/components -q

then say in the commit what changed in them. What differs is written to var/components/ as seen, kept, and difference.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.components.page import served

CHROMIUM = "/usr/bin/chromium"
# Grey anti-aliasing whatever the machine's font settings are.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-lcd-text",
    "--font-render-hinting=none",
]
PICTURES = Path(__file__).parent / "pictures"
SEEN = Path(__file__).resolve().parents[2] / "var" / "components"
RENEW = os.environ.get("RENEW_PICTURES") == "1"

SECTIONS = (
    "buttons",
    "states",
    "forms",
    "tables",
    "tabs",
    "empty",
    "dialogs",
    "toasts",
    "progress",
    "copy",
    "menus",
)
CHANNEL = 24  # of 255: what anti-aliasing may change
SHARE = 0.006  # of all pixels: more than that is another picture
TILE = 32  # pixels: a small thing that is missing shows here,
TILE_SHARE = 0.10  # as more than so much of one tile


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture(scope="module")
def address(pages: None) -> Iterator[str]:
    with served() as found:
        yield found


def opened(browser: Browser, address: str, theme: str, width: int = 1024) -> Page:
    page = browser.new_page(
        viewport={"width": width, "height": 800},
        color_scheme=theme,  # type: ignore[arg-type]
        reduced_motion="reduce",
        service_workers="block",
    )
    page.goto(address)
    page.evaluate("document.fonts.ready")
    # Shimmering bars stand still.
    page.evaluate("document.getAnimations().forEach((a) => { a.pause(); a.currentTime = 0; })")
    return page


@pytest.fixture(params=["light", "dark"])
def page(request: pytest.FixtureRequest, browser: Browser, address: str) -> Iterator[Page]:
    made = opened(browser, address, request.param)
    made.theme = request.param  # type: ignore[attr-defined]
    yield made
    made.close()


def same(name: str, data: bytes) -> None:
    """The picture is the kept one, but for a few pixels' edges."""
    kept = PICTURES / f"{name}.png"
    image = Image.open(io.BytesIO(data)).convert("RGB")
    if RENEW:
        PICTURES.mkdir(exist_ok=True)
        image.save(kept, optimize=True)
        return
    assert kept.exists(), f"no picture is kept of {name}: see the head of this file"
    before = Image.open(kept).convert("RGB")
    assert before.size == image.size, (
        f"{name} was {before.size} and is {image.size}; see {_keep(name, before, image)}"
    )
    distance = np.abs(np.asarray(before, dtype=int) - np.asarray(image, dtype=int)).max(axis=2)
    difference = distance > CHANNEL
    off, worst = float(difference.mean()), _worst_tile(difference)
    if off > SHARE or worst > TILE_SHARE:
        folder = _keep(name, before, image, difference)
        pytest.fail(f"{name} looks different: {off:.2%} of it, {worst:.0%} of one tile; see {folder}")


def _worst_tile(difference: np.ndarray) -> float:
    """The largest share of a tile that differs."""
    high, wide = difference.shape
    tiles = (
        difference[y : y + TILE, x : x + TILE].sum()
        for y in range(0, high, TILE)
        for x in range(0, wide, TILE)
    )
    return float(max(tiles)) / TILE**2


def _keep(name: str, before: Image.Image, image: Image.Image, difference: np.ndarray | None = None) -> Path:
    """Writes what was seen beside what was kept."""
    SEEN.mkdir(parents=True, exist_ok=True)
    image.save(SEEN / f"{name}-seen.png")
    before.save(SEEN / f"{name}-kept.png")
    if difference is not None:
        Image.fromarray((difference * 255).astype("uint8")).save(SEEN / f"{name}-difference.png")
    return SEEN


def shot(part: Page | Locator) -> bytes:
    return part.screenshot(animations="disabled", caret="hide")


@pytest.mark.parametrize("section", SECTIONS)
def test_each_part_looks_as_it_did(page: Page, section: str) -> None:
    same(f"{section}-{page.theme}", shot(page.locator(f"#{section}")))  # type: ignore[attr-defined]


def test_the_frame_looks_as_it_did(page: Page, browser: Browser, address: str) -> None:
    theme = page.theme  # type: ignore[attr-defined]
    clip = {"x": 0, "y": 0, "width": 1024, "height": 440}
    same(f"frame-{theme}", page.screenshot(clip=clip, animations="disabled"))  # type: ignore[arg-type]
    page.get_by_role("button", name="Account:").click()
    same(f"account-{theme}", shot(page.locator("#account-menu")))
    page.keyboard.press("Escape")
    phone = opened(browser, address, theme, width=390)
    phone.get_by_role("button", name="More").click()
    expect(phone.get_by_role("navigation", name="More places")).to_be_visible()
    same(f"phone-{theme}", shot(phone))
    phone.close()


def test_buttons_answer_to_pointer_and_focus(page: Page) -> None:
    theme = page.theme  # type: ignore[attr-defined]
    section = page.locator("#buttons")
    section.get_by_role("button", name="Edit").first.hover()
    same(f"buttons-hover-{theme}", shot(section))
    page.mouse.move(0, 0)
    section.get_by_role("button", name="Save").first.focus()
    page.keyboard.press("Tab")
    same(f"buttons-focus-{theme}", shot(section))


def test_axe_finds_nothing(page: Page) -> None:
    options = {"resultTypes": ["violations"]}
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="Delete Gate 2").click()
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, found.generate_report()


def test_a_dialog_names_its_object_waits_for_the_typed_name_and_gives_the_focus_back(page: Page) -> None:
    opener = page.get_by_role("button", name="Delete Gate 2")
    opener.click()
    dialog = page.get_by_role("dialog", name="Delete Gate 2?")
    same(f"dialog-open-{page.theme}", shot(dialog))  # type: ignore[attr-defined]
    delete = dialog.get_by_role("button", name="Delete Gate 2")
    expect(delete).to_have_attribute("aria-disabled", "true")
    field = dialog.get_by_label("Type Gate 2 to go on")
    field.fill("gate")
    page.keyboard.press("Enter")
    expect(dialog).to_be_visible()  # Enter does no more than the button
    field.fill("Gate 2")
    expect(delete).not_to_have_attribute("aria-disabled", "true")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(opener).to_be_focused()


def test_a_sorted_table_is_remembered(page: Page) -> None:
    table = page.locator("table[data-sortable]")

    def order() -> list[str]:
        return table.locator("tbody td:first-child").all_inner_texts()

    table.get_by_role("button", name="Camera").click()
    assert order()[:2] == ["Gate 2", "Gate 10"]  # numbers as numbers
    stored = table.get_by_role("button", name="Stored")
    stored.click()
    stored.click()
    assert order()[0] == "Gate 10"
    expect(table.get_by_role("columnheader", name="Stored")).to_have_attribute("aria-sort", "descending")
    page.reload()
    assert order()[0] == "Gate 10"


def test_copying_says_so(page: Page) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    button = page.locator("#copy .button")
    button.click()
    expect(button).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "edge_agent enrol KJ4V-WQ"
    expect(button).to_have_text("Copy")


def test_a_served_toast_is_announced_and_takes_back_what_was_done(browser: Browser, address: str) -> None:
    page = browser.new_page(service_workers="block")
    page.route(
        address,
        lambda route: route.fulfill(
            body=route.fetch()
            .text()
            .replace("<h2>Toast</h2>", '<div data-toast="Gate 2 is disabled." data-undo="#undo"></div>'),
            content_type="text/html",
        ),
    )
    page.goto(address)
    toast = page.get_by_role("status").locator(".toast")
    expect(toast).to_contain_text("Gate 2 is disabled.")
    toast.get_by_role("button", name="Undo").click()
    expect(page).to_have_url(re.compile("#undone$"))
    page.close()


def test_nothing_on_the_page_is_wider_than_a_phone(browser: Browser, address: str) -> None:
    page = opened(browser, address, "light", width=390)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.close()
