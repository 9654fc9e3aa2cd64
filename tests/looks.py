"""How an open page looks: it fits desktop and phone in both themes, and axe finds nothing to complain about."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

WIDTHS: Final = {1440: 900, 390: 844}
AXE_AT: Final = {(1440, "dark"), (390, "light")}
"""Layout differs by width, colours by theme: each of them once is enough for axe, which takes seconds of work each time."""


def looks_right(page: Page, name: str, pictures: str = "") -> None:
    """Fails unless the page holds at every width and in both themes, the last a phone in light colours. Pictures go to the
    folder that the environment variable `pictures` names, when it is set."""
    for width, height in WIDTHS.items():
        for theme in ("dark", "light"):
            # Without movement: colours on their way to another theme are no theme's.
            page.emulate_media(color_scheme=theme, reduced_motion="reduce")  # type: ignore[arg-type]
            page.set_viewport_size({"width": width, "height": height})
            wide = page.evaluate("document.documentElement.scrollWidth")
            if folder := os.environ.get(pictures):
                Path(folder).mkdir(parents=True, exist_ok=True)
                page.screenshot(path=Path(folder) / f"{name}-{width}-{theme}.png", full_page=True)
            assert wide <= width, f"{name} is {wide} px wide at {width}"
            if (width, theme) in AXE_AT:
                found = Axe().run(page, options={"resultTypes": ["violations"]})
                assert found.violations_count == 0, f"{name} at {width}, {theme}: {found.generate_report()}"
