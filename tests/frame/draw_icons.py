"""`python -m tests.frame.draw_icons`: draws the app's icons in vsaas/static from the mark, when that has changed."""

from __future__ import annotations

import io
import re
from pathlib import Path

from PIL import Image
from playwright.sync_api import sync_playwright

STATIC = Path(__file__).resolve().parents[2] / "vsaas" / "static"
BACKGROUND = "#0d1014"
# File, edge in pixels, the mark's share of it (a maskable icon may lose everything outside 80 %), corner radius in %.
ICONS = (
    ("icon-180.png", 180, 0.64, 0),
    ("icon-192.png", 192, 0.68, 22),
    ("icon-512.png", 512, 0.68, 22),
    ("icon-maskable-512.png", 512, 0.52, 0),
)


def main() -> None:
    mark = re.sub(r"<\?xml.*?\?>", "", (STATIC / "mark.svg").read_text())
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = chromium.new_page()
        for name, edge, share, radius in ICONS:
            page.set_viewport_size({"width": edge, "height": edge})
            page.set_content(
                f"<style>body{{margin:0}}div{{display:grid;place-items:center;height:{edge}px;border-radius:{radius}%;"
                f"background:{BACKGROUND}}}svg{{width:{edge * share}px}}</style><div>{mark}</div>"
            )
            picture = Image.open(io.BytesIO(page.screenshot(omit_background=True)))
            picture.quantize(64).save(STATIC / name, optimize=True)
        chromium.close()


if __name__ == "__main__":
    main()
