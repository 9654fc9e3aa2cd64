"""How long the main thread works for one frame while the timeline is panned, by Chromium's own trace.

`python -m tests.frontend.measure_timeline` prints a row for each case. Nothing of the product uses it.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from tests.frontend.stand import DIST

FRONTEND = DIST.parent
CATEGORIES = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline"]


@dataclass(frozen=True)
class Frames:
    """Main-thread milliseconds of each frame, all work between two frames included."""

    busy_ms: list[float]

    @property
    def median(self) -> float:
        return statistics.median(self.busy_ms)

    @property
    def p95(self) -> float:
        return statistics.quantiles(self.busy_ms, n=20)[-1]

    @property
    def most(self) -> float:
        return max(self.busy_ms)


@contextmanager
def measuring(browser: Browser, width: int = 1440) -> Iterator[Page]:
    """A page with the measured timeline's script; nothing is fetched."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            [
                *("node", "node_modules/vite/bin/vite.js", "build", "-c", "vite.measure.config.ts"),
                *("--outDir", folder, "--emptyOutDir", "--logLevel", "warn"),
            ],
            cwd=FRONTEND,
            check=True,
            env={**os.environ, "PATH": f"{FRONTEND.parent / '.venv' / 'bin'}:{os.environ['PATH']}"},
        )
        page = browser.new_page(viewport={"width": width, "height": 900})
        page.set_content("<!doctype html><html data-theme='dark'><body></body></html>")
        for sheet in Path(folder).glob("*.css"):
            page.add_style_tag(content=sheet.read_text())
        page.add_script_tag(content=(Path(folder) / "measure.js").read_text())
        yield page
        page.close()


def panned(browser: Browser, page: Page, rows: int, gaps: int, frames: int = 120) -> Frames:
    """Pans `rows` lanes of a day of `gaps` gaps each."""
    page.evaluate("([rows, gaps]) => void build(rows, gaps)", [rows, gaps])
    page.evaluate("pan(20)")
    browser.start_tracing(page=page, categories=CATEGORIES)
    page.evaluate("frames => pan(frames)", frames)
    trace = json.loads(browser.stop_tracing())
    return Frames(_frames(trace["traceEvents"]))


def _frames(events: list[dict[str, Any]]) -> list[float]:
    """Work of the renderer's main thread from one animation frame to the next, ms."""
    main = {(e["pid"], e["tid"]) for e in events if e["name"] == "FireAnimationFrame"}
    mine = [e for e in events if (e["pid"], e["tid"]) in main and e.get("ph") == "X"]
    starts = sorted(e["ts"] for e in mine if e["name"] == "FireAnimationFrame")
    tasks = [(e["ts"] + e["dur"], e["dur"]) for e in mine if e["name"] == "RunTask"]
    # The page's own callback and the hand's fall into one frame; a new frame begins after a pause.
    begins = [at for before, at in pairwise([0, *starts]) if at - before > 4000]
    return [
        sum(dur for ended, dur in tasks if begin <= ended < end) / 1000 for begin, end in pairwise(begins)
    ]


CASES = ((16, 60), (16, 5000), (4, 5000), (1, 5000))

if __name__ == "__main__":
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        with measuring(chromium) as measured:
            for lanes, holes in CASES:
                found = panned(chromium, measured, lanes, holes)
                print(
                    f"{lanes:2} cameras, {holes:4} gaps a day: main thread median {found.median:.1f} ms, "
                    f"p95 {found.p95:.1f} ms, most {found.most:.1f} ms a frame ({len(found.busy_ms)} frames)"
                )
        chromium.close()
