"""The player as a person feels it: click to picture at a random second, pictures under the pointer, how late live is.

Measured in Chromium before the system that `make up` runs. What a picture shows is read from its time row, so nothing
the player says of itself counts.
"""

from __future__ import annotations

import base64
import random
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Page, sync_playwright

from tests.bench.row import Row
from tests.e2e.conftest import CHROMIUM, DESKTOP, FLAGS
from tests.e2e.people import set_up
from tests.e2e.system import System, until
from tests.e2e.watching import BOTTOM, HEIGHT, TOP, WIDTH, Watching, iso, ms_of, time_row
from tests.onebox.running import Checkout

LIVE_S = 25
SEEKS = 12
FOOTAGE_S = 60
SEEN_WITHIN_MS = 1500
FAR = {"offline": False, "latency": 50, "downloadThroughput": 20e6 / 8, "uploadThroughput": 20e6 / 8}
SCRUB_S = 5

# The pointer goes over [from, to] CSS pixels of the timeline there and back in two seconds, for `s` seconds. How many
# pictures were shown under it, each of the instant pointed at: pictures standing in for others do not count.
_SCRUB = """([from, to, s]) => new Promise((resolve) => {
  const canvas = document.querySelector("vsaas-player canvas.timeline-canvas");
  const box = canvas.getBoundingClientRect();
  const began = performance.now();
  let shown = "", count = 0;
  const step = (now) => {
    const still = document.querySelector(".timeline-still-box");
    if (still?.dataset.kind === "still" && still.dataset.us !== shown) { shown = still.dataset.us; count++; }
    const part = ((now - began) / 1000) % 2;
    const clientX = box.left + from + (to - from) * (part < 1 ? part : 2 - part);
    canvas.dispatchEvent(new PointerEvent("pointermove", { clientX, clientY: box.top + 40, bubbles: true }));
    if (now - began < s * 1000) requestAnimationFrame(step);
    else resolve(count / s);
  };
  requestAnimationFrame(step);
})"""

# Every picture that is presented: when, and the strip with its time row; and when the last click was let go.
_RECORD = f"""(every) => {{
  const video = document.querySelector("vsaas-player video");
  const canvas = new OffscreenCanvas({WIDTH}, {HEIGHT});
  const paint = canvas.getContext("2d", {{ willReadFrequently: true }});
  const bench = window.bench = {{ frames: [], clicked: null }};
  addEventListener("pointerup", (event) => {{
    bench.frames = [];
    bench.clicked = performance.timeOrigin + event.timeStamp;
  }}, {{ capture: true }});
  let number = 0;
  const take = (now, facts) => {{
    if (number++ % every === 0) {{
      paint.drawImage(video, 0, 0, {WIDTH}, {HEIGHT});
      const {{ data }} = paint.getImageData(0, {TOP}, {WIDTH}, {BOTTOM - TOP});
      let text = "";
      for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i + 1]);
      const [at, shown] = [now, facts.expectedDisplayTime].map((time) => performance.timeOrigin + time);
      bench.frames.push({{ at, shown, grey: btoa(text) }});
    }}
    video.requestVideoFrameCallback(take);
  }};
  video.requestVideoFrameCallback(take);
}}"""


def rows() -> Iterator[Row]:
    """Seek, near and far, pictures while scrubbing, and live delay."""
    with _watching() as (watching, system):
        live = _live(watching, system)
        until(
            f"{FOOTAGE_S} s of footage",
            lambda: _recorded_s(system) > FOOTAGE_S,
            FOOTAGE_S + 30,
        )
        seeks = [_seek(watching, system) for _ in range(SEEKS)]
        scrubbed = _scrub(watching, system)
        with _far_away(watching.page):
            far = [_seek(watching, system) for _ in range(SEEKS)]
    where = "Chromium on the machine that records, on loopback"
    yield Row("live: glass to glass, median", statistics.median(live) / 1000, "s", where, 1.0)
    yield Row("live: glass to glass, p95", _p95(live) / 1000, "s", where, 1.5)
    yield Row("seek: click to picture, median", statistics.median(seeks), "ms", where, 400)
    yield Row("seek: click to picture, p95", _p95(seeks), "ms", where, 800)
    slow = "the same at 50 ms round trip and 20 Mbit/s"
    yield Row("seek from far: click to picture, median", statistics.median(far), "ms", slow, 1000)
    yield Row("seek from far: click to picture, p95", _p95(far), "ms", slow)
    held = "the second time over the same minute"
    yield Row("scrubbing: pictures under the pointer", scrubbed, "a second", held, 10, better="higher")


@contextmanager
def _watching() -> Iterator[tuple[Watching, System]]:
    checkout = Checkout()
    try:
        checkout.up()
        system = System(checkout)
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
            page = browser.new_page(viewport=DESKTOP)  # type: ignore[arg-type]
            assert system.setup_url is not None
            set_up(page, system.setup_url, system.slug, "Bench", "bench@example.org")
            yield Watching(page), system
            browser.close()
    finally:
        checkout.remove()


def _live(watching: Watching, system: System) -> list[float]:
    """How old pictures are at the moment they are shown, ms; a few a second."""
    watching.page.goto(system.camera_page())
    watching.live()
    watching.page.evaluate(_RECORD, 5)
    watching.page.wait_for_timeout(LIVE_S * 1000)
    late = [
        frame["shown"] - pixels for frame in _frames(watching.page) if (pixels := _pixels(frame)) is not None
    ]
    assert len(late) > LIVE_S, f"only {len(late)} pictures in {LIVE_S} s"
    return late


@contextmanager
def _far_away(page: Page) -> Iterator[None]:
    """Network conditions of Chromium's own for page and workers (DevTools protocol, Network.emulateNetworkConditions)."""
    devtools = page.context.new_cdp_session(page)
    devtools.send("Network.enable")
    devtools.send("Network.emulateNetworkConditions", FAR)
    try:
        yield
    finally:
        devtools.detach()


def _scrub(watching: Watching, system: System) -> float:
    """Pictures a second under a pointer that goes to and fro over a minute whose pictures were fetched before."""
    page = watching.page
    names = list(system.objects())
    begin_ms, end_ms = names[0].about_us / 1000, names[-1].about_us / 1000 - 5_000
    page.goto(system.camera_page(iso((begin_ms + end_ms) / 2)))
    watching.shows(round((begin_ms + end_ms) / 2), 5000)
    for _ in range(8):
        page.get_by_label("Timeline").press("+")
    view = watching.until("a view that holds a minute", lambda: _view(watching, begin_ms))
    from_px, to_px = ((ms - view[0]) / (view[1] - view[0]) * view[2] for ms in (begin_ms + 1000, end_ms))
    page.evaluate(_SCRUB, [from_px, to_px, 3 * SCRUB_S])
    return float(page.evaluate(_SCRUB, [from_px, to_px, SCRUB_S]))


def _seek(watching: Watching, system: System) -> float:
    """Milliseconds from a click on the timeline to the first picture of that second, far from what was fetched."""
    page = watching.page
    names = list(system.objects())
    first, last = names[0].about_us / 1000, names[-1].about_us / 1000
    page.goto(system.camera_page(iso(last - 10_000)))
    watching.shows(round(last - 10_000), 5000)
    canvas = page.get_by_label("Timeline")
    for _ in range(5):
        canvas.press("+")
    wanted = random.uniform(first + 1000, last - 25_000)
    begin, end, width = watching.until("a view that holds it", lambda: _view(watching, wanted))
    page.evaluate(_RECORD, 1)
    canvas.click(position={"x": (wanted - begin) / (end - begin) * width, "y": 40})

    def arrived() -> float | None:
        bench = page.evaluate("window.bench")
        at = ms_of(page.evaluate("new URL(location.href).searchParams.get('t')"))
        for frame in bench["frames"]:
            pixels = _pixels(frame)
            if pixels is not None and abs(pixels - at) < SEEN_WITHIN_MS:
                return float(frame["at"] - bench["clicked"])
        return None

    return watching.until("the picture of that second", arrived)


def _view(watching: Watching, wanted: float) -> tuple[float, float, float] | None:
    begin, end, width = watching.page.get_by_label("Timeline").evaluate(
        "e => [e.dataset.from / 1000, e.dataset.to / 1000, e.clientWidth]"
    )
    if begin < wanted < end:
        return begin, end, width
    watching.page.get_by_label("Timeline").press("-")
    return None


def _recorded_s(system: System) -> float:
    names = list(system.objects())
    return (names[-1].about_us - names[0].about_us) / 1e6 if names else 0


def _frames(page: Page) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = page.evaluate("window.bench.frames")
    return frames


def _pixels(frame: dict[str, Any]) -> int | None:
    return time_row(base64.b64decode(frame["grey"]))


def _p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]
