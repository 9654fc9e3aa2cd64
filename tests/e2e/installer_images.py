"""`python -m tests.e2e.installer_images SETUP-LINK`: the pictures of docs/installers.md, anew.

Before it, in the same checkout without data: `make up CAMERAS=4`, which prints the link. It goes an installer's way
as the guide tells it (find, look, add, accept a certificate, change a password, the checklist) and keeps each page.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.e2e.conftest import CHROMIUM, FLAGS
from tests.e2e.people import set_up

ROOT = Path(__file__).resolve().parents[2]
IMAGES = ROOT / "docs" / "images"
DESK = {"width": 1100, "height": 688}
PHONE = {"width": 390, "height": 844}
# The agent answers a search in some seconds; a camera that was added shows its state after its first segments.
PATIENCE_MS = 60_000


class Way:
    """One page going through the portal of a running checkout."""

    def __init__(self, page: Page) -> None:
        self.page = page
        up = json.loads((ROOT / "var" / "up.json").read_text())
        self.base = f"{up['portal_url']}/t/{up['tenant']}/"
        self.port = int(up["portal_url"].rsplit(":", 1)[1])
        self.slug = up["tenant"]

    def go(self, where: str) -> None:
        self.page.goto(self.base + where)

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()

    def keep(self, name: str) -> None:
        """The page as it is seen, in the few colours the other pictures of the documents have."""
        shown = Image.open(io.BytesIO(self.page.screenshot(animations="disabled", caret="hide"))).convert(
            "RGB"
        )
        shown.quantize(256).save(IMAGES / f"{name}.png", optimize=True)

    def find_and_add(self) -> None:
        self.go("cameras/find")
        self.press("Search the network")
        self.page.locator("#found [name=pick]").first.check(timeout=PATIENCE_MS)
        self.keep("find-cameras")
        self.page.locator("[name=user]").fill("demo")
        self.page.locator("[name=password]").fill(password("camera-dome"))
        self.press("Look at them")
        name = self.page.get_by_label("Name", exact=True).first
        name.wait_for(timeout=PATIENCE_MS)
        name.fill("Dome")
        self.keep("look-at-cameras")
        self.press("Add the ticked cameras")
        expect(self.page.get_by_text("Added:")).to_be_visible(timeout=PATIENCE_MS)

    def add(self, name: str, url: str, secret: str) -> None:
        self.go("cameras/add")
        self.page.get_by_label("Name", exact=True).fill(name)
        self.page.locator("[name=main_url]").fill(url)
        self.page.locator("[name=user]").fill("demo")
        self.page.locator("[name=password]").fill(secret)
        self.press("Add and try it")
        self.page.wait_for_url(lambda url: "/cameras/add" not in url)

    def accept_certificate(self) -> None:
        """Of the camera whose page is shown: it is met first, then shown."""
        button = self.page.get_by_role("button", name="Accept this certificate")
        for _ in range(30):
            if button.count():
                break
            self.page.wait_for_timeout(2000)
            self.page.reload()
        button.click()

    def change_passwords(self) -> None:
        self.go("cameras/passwords")
        self.page.locator("[name=of]").select_option(index=1)
        self.press("Show what will happen")
        self.keep("change-passwords")
        self.page.locator("form.stack button.primary").click()
        self.page.wait_for_url("**/cameras/passwords/*-*")

    def checklist(self) -> None:
        self.page.set_viewport_size(PHONE)
        self.go("commissioning")
        self.page.locator("main a[href*='/commissioning/']").first.click()
        dome = self.page.get_by_role("link", name="Dome", exact=True)
        dome.wait_for()
        self.keep("commissioning")
        dome.click()
        self.page.wait_for_timeout(8000)  # the live picture comes
        self.keep("checklist")


def password(name: str) -> str:
    """What `make up` made for a camera."""
    return (ROOT / "var" / "secrets" / f"{name}.password").read_text().strip()


def main() -> None:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        session = ROOT / "var" / "session.json"  # of a run before this one: the link works once
        page = browser.new_page(viewport=DESK, storage_state=session if session.exists() else None)
        way = Way(page)
        if not session.exists():
            set_up(page, sys.argv[1], way.slug, "Alice Owner", "alice@example.org")
            page.context.storage_state(path=session)
        way.find_and_add()
        way.add("Yard", f"rtsp://127.0.0.2:{way.port + 4}/main", password("camera-yard"))
        way.add("Gate", f"rtsps://127.0.0.3:{way.port + 5}/main", password("camera-gate"))
        way.accept_certificate()
        way.change_passwords()
        way.checklist()
        browser.close()


if __name__ == "__main__":
    main()
