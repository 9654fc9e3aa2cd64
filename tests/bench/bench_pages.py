"""Pages: what the portal needs for them with a hundred cameras, and what a browser needs to draw a day of sixteen."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.bench.apart import databases, rows_of
from tests.bench.row import Row

ROOT = Path(__file__).resolve().parent.parent.parent
CAMERAS = 100
TIMES = 15
PAGES = ("", "sites", "agents", "health", "usage", "palette.json")
ROWS = 16
GAPS = 5000


def rows() -> Iterator[Row]:
    """Server time of each page, in a process of its own with the services it needs; then the timeline in Chromium."""
    yield from rows_of("tests.bench.bench_pages")
    yield from _panning()


def _panning() -> Iterator[Row]:
    from tests.e2e.conftest import CHROMIUM, FLAGS
    from tests.frontend.measure_timeline import measuring, panned

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        with measuring(browser) as page:
            found = panned(browser, page, ROWS, GAPS)
        browser.close()
    where = f"{ROWS} cameras × 1 day of {GAPS:,} gaps each; Chromium's trace, drawn without a graphics card"
    yield Row("timeline: main thread a frame while panned, median", found.median, "ms", where, 8)
    yield Row("timeline: main thread a frame while panned, p95", found.p95, "ms", where, 8)


def _measure() -> Iterator[dict[str, Any]]:
    from tenants.scope import tenant_scope
    from tests import cast
    from tests.boxes import make_box, make_keys
    from vsaas.audit.services import system
    from vsaas.cameras.services import NewCamera, camera_add

    people = cast.make_cast()
    make_keys(people.tenant_a)
    agent = make_box(people.tenant_a, people.site_a)
    with tenant_scope(people.tenant_a.id):
        for number in range(CAMERAS):
            camera_add(
                agent.agent(), NewCamera(f"Gate {number}", f"rtsp://192.0.2.1/{number}"), system("bench")
            )
    person = cast.sign_in(people.alice)
    for page in PAGES:
        path = f"/t/{people.tenant_a.slug}/{page}"
        taken = []
        for _ in range(TIMES):
            began = time.perf_counter()
            reply = person.get(path)
            taken.append((time.perf_counter() - began) * 1000)
            assert reply.status_code == 200, (path, reply.status_code)
        name = page or "overview"
        against = f"{CAMERAS} cameras; inside the portal, database included"
        yield {
            "name": f"page {name}: server time, median",
            "value": statistics.median(taken),
            "unit": "ms",
            "against": against,
            "target": 100,
        }


def main() -> None:
    """Prints the rows as JSON on the last line."""
    with databases():
        print(json.dumps(list(_measure())))


if __name__ == "__main__":
    main()
