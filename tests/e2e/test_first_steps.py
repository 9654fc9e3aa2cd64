"""The written first-user path: its steps lead where it says, and every word it quotes is on the screen on the way."""

from __future__ import annotations

import re
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.e2e.people import PASSWORD, app_code, shown_secret
from tests.e2e.system import System, until
from tests.e2e.test_journey import recorded
from tests.frontend.test_clip import CHOOSE

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("make-up")]

GUIDE = Path(__file__).parents[2] / "docs" / "first-steps.md"
# "bold" itself is said to be what quotes.
QUOTED = set(re.findall(r"\*\*([^*]+)\*\*", GUIDE.read_text())) - {"bold"}
NAMES = """() => [...document.querySelectorAll("[aria-label], [title]")]
  .flatMap((e) => [e.getAttribute("aria-label"), e.getAttribute("title")]).filter(Boolean).join("\\n")"""


class Read:
    """What a person had before their eyes so far, tooltips included."""

    def __init__(self) -> None:
        self.words = ""

    def look(self, page: Page) -> None:
        self.words += f"\n{page.title()}\n{page.locator('body').inner_text()}\n{page.evaluate(NAMES)}"


def join(page: Page, link: str, read: Read, *, invited: bool = False) -> None:
    """Steps 2 to 4, up to the page the path calls the overview."""
    page.goto(link)
    read.look(page)
    if not invited:
        page.get_by_label("Your name").fill("Sam Shopkeeper")
        page.get_by_label("E-mail address").fill(f"{secrets.token_hex(4)}@example.org")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Add an authenticator app")).to_be_visible()
    read.look(page)
    page.get_by_label("Code from your authenticator app").fill(app_code(shown_secret(page)))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    assert page.locator("[data-recovery-codes] li").count() == 10
    read.look(page)
    page.get_by_role("button", name="I saved them").click()
    expect(page).to_have_title(re.compile("^Live ·"))


def watch(page: Page, read: Read) -> None:
    """Steps 5 and 6."""
    expect(page.locator("li.tile").first).to_contain_text("Recording")
    read.look(page)
    page.locator("li.tile a.tile-open").first.click()
    player = page.locator("vsaas-player")
    expect(player).to_contain_text(re.compile(r"Live, \d+\.\d s behind"), timeout=45_000)
    expect(player.locator("[data-badge]")).to_have_text("Verified", timeout=30_000)
    page.get_by_label("How long a time is shown").select_option(label="1 min")
    timeline = page.get_by_label("Timeline")
    until("a minute wide", lambda: timeline.evaluate("e => e.dataset.to - e.dataset.from < 61e6"))
    width = timeline.evaluate("e => e.clientWidth")
    timeline.click(position={"x": width * 0.3, "y": 40})
    expect(player).not_to_contain_text("Live, ", timeout=30_000)
    expect(player.locator("[data-badge]")).to_have_text("Verified", timeout=30_000)
    read.look(page)


def save_clip(page: Page, read: Read) -> None:
    """Step 7."""
    page.get_by_role("button", name="Save a clip (E)").click()
    expect(page.locator(".vp-clip-facts")).not_to_contain_text("Looking", timeout=20_000)
    read.look(page)
    page.get_by_role("button", name="Save clip").click()
    expect(page.locator(".vp-clip-outcome")).to_contain_text("Saved.", timeout=60_000)
    expect(page.locator(".vp-clip-outcome")).to_contain_text(".mp4")
    read.look(page)


def invite(page: Page, read: Read) -> str:
    """Step 8; the link."""
    page.get_by_role("link", name="People").first.click()
    page.get_by_role("link", name="Invite somebody").click()
    read.look(page)
    page.get_by_label("Name", exact=True).fill("Bob Helper")
    page.get_by_label("E-mail address").fill(f"{secrets.token_hex(4)}@example.org")
    expect(page.get_by_label("Viewer")).to_be_checked()
    expect(page.get_by_label("Main site")).to_be_checked()
    page.get_by_role("button", name="Make the link").click()
    link = page.locator("[data-one-time-link]").inner_text()
    read.look(page)
    return link


def test_the_written_first_steps_lead_where_they_say_and_quote_what_is_shown(
    browser: Browser, signed_in: BrowserContext, system: System
) -> None:
    read = Read()
    # The printed link is used up by the owner of the other tests; this one is of the same kind, for an organisation without
    # a camera, so steps 5 to 8 are theirs.
    fresh = browser.new_context()
    join(fresh.new_page(), system.setup_link(f"shop-{secrets.token_hex(3)}"), read)
    recorded(system, 7)
    signed_in.add_init_script(CHOOSE)
    page = signed_in.new_page()
    page.goto(system.page())
    watch(page, read)
    save_clip(page, read)
    link = invite(page, read)
    page.goto(system.page("sites"))
    read.look(page)
    guest = fresh.new_page()
    join(guest, link, read, invited=True)
    expect(guest.locator("li.tile").first).to_contain_text("Recording")
    fresh.close()
    missing = sorted(words for words in QUOTED if words not in read.words)
    assert missing == [], f"docs/first-steps.md quotes what no screen shows: {missing}"
