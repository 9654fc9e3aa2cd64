"""The player as a person sees it: pixels, words on the screen."""

from __future__ import annotations

import base64
import io
import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NamedTuple, TypeVar

import av
import numpy as np
from playwright.sync_api import Locator, Page

from vsaas.onebox.demo_camera import barcode

T = TypeVar("T")
US = 1_000_000
WIDTH, HEIGHT = 640, 360
# The strip of the picture that holds the time row, with a margin.
TOP, BOTTOM = 312, 352

_STRIP = f"""() => {{
  const video = document.querySelector("vsaas-player video");
  if (!video || video.readyState < 2 || video.seeking || !video.videoWidth) return null;
  const canvas = window.stripCanvas ??= new OffscreenCanvas({WIDTH}, {HEIGHT});
  const paint = window.stripPaint ??= canvas.getContext("2d", {{ willReadFrequently: true }});
  paint.drawImage(video, 0, 0, {WIDTH}, {HEIGHT});
  const now = Date.now();
  const {{ data }} = paint.getImageData(0, {TOP}, {WIDTH}, {BOTTOM - TOP});
  let text = "";
  for (let i = 0; i < data.length; i += 4) text += String.fromCharCode(data[i + 1]);
  return {{ grey: btoa(text), now, media: video.currentTime, wall: Number(video.closest("vsaas-player").dataset.wallUs) }};
}}"""


class Seen(NamedTuple):
    """One look at the picture. All in milliseconds since 1970 UTC."""

    pixels: int
    now: int
    """The clock of this machine when the picture was taken."""
    said: float
    """What the player says it shows."""


class Watching:
    """One open camera page."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.player: Locator = page.locator("vsaas-player")

    def look(self) -> Seen | None:
        """The time in the picture; None while there is no picture to read."""
        found = self.page.evaluate(_STRIP)
        if found is None:
            return None
        pixels = time_row(base64.b64decode(found["grey"]))
        return None if pixels is None else Seen(pixels, found["now"], found["wall"] / 1000)

    def screenshot_clock(self) -> int:
        """The time in a screenshot of the video element, ms since 1970 UTC: exactly what is on the screen."""
        shown = self.player.locator("video")
        box = shown.bounding_box()
        size = shown.evaluate("video => [video.videoWidth, video.videoHeight]")
        assert box is not None
        picture = _grey(shown.screenshot())
        # Without the bars beside or above the picture.
        scale = min(picture.shape[1] / size[0], picture.shape[0] / size[1])
        width, height = round(size[0] * scale), round(size[1] * scale)
        left, top = (picture.shape[1] - width) // 2, (picture.shape[0] - height) // 2
        return barcode.read(picture[top : top + height, left : left + width])

    def until(self, what: str, look: Callable[[], T | None], seconds: float = 30) -> T:
        """Waits until `look` gives something true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := look():
                return found
            self.page.wait_for_timeout(60)
        raise AssertionError(
            f"not within {seconds:g} s: {what}; the screen says {self.words()!r}, {self.facts()}"
        )

    def shows(self, iso_or_ms: str | int, within_ms: int = 1000, seconds: float = 30) -> Seen:
        """Waits until the pixels show this instant, or one at most `within_ms` away."""
        wanted = ms_of(iso_or_ms) if isinstance(iso_or_ms, str) else iso_or_ms

        def look() -> Seen | None:
            seen = self.look()
            return seen if seen is not None and abs(seen.pixels - wanted) <= within_ms else None

        return self.until(f"pixels show {iso(wanted)}", look, seconds)

    def live(self, seconds: float = 45) -> Seen:
        """Waits for a live picture under 2 s old."""

        def look() -> Seen | None:
            seen = self.look()
            return seen if seen is not None and 0 <= seen.now - seen.pixels < 2000 else None

        return self.until("a live picture under 2 s old", look, seconds)

    def words(self) -> str:
        """Everything the player says, or else the page, as text on the screen."""
        shown = self.player if self.player.count() else self.page.locator("body")
        return " | ".join(shown.inner_text().split("\n"))

    def facts(self) -> dict[str, Any]:
        """The player's data attributes; nothing where there is no player."""
        return dict(self.page.evaluate("({ ...document.querySelector('vsaas-player')?.dataset })"))

    def message(self) -> str:
        """What stands over the picture."""
        return self.player.locator(".vp-message").inner_text() if self._has(".vp-message") else ""

    def toast(self) -> str:
        """The short notice at the picture's edge."""
        return self.player.locator(".vp-toast").inner_text()

    def badge(self) -> str:
        """Opened, Verified, Altered…"""
        return self.player.locator("[data-badge]").inner_text()

    def shown_time(self) -> str:
        """The date and time beside the controls."""
        return self.player.locator(".vp-time").inner_text()

    def runs(self) -> list[str]:
        """The timeline as the list beside it says it."""
        summary = self.player.get_by_text("Recordings as a list")
        details = self.player.locator("details")
        # Closed and opened again: the list is made when it opens.
        if details.get_attribute("open") is not None:
            summary.click()
        summary.click()
        return details.locator("li").all_inner_texts()

    def pause(self) -> None:
        """By the button."""
        self.player.get_by_role("button", name=re.compile("^Pause")).click()

    def _has(self, selector: str) -> bool:
        return self.player.locator(selector).is_visible()


def time_row(strip: bytes) -> int | None:
    """The time in rows TOP to BOTTOM of a picture of WIDTH x HEIGHT, grey: ms since 1970 UTC; None when it cannot be read."""
    picture = np.zeros((HEIGHT, WIDTH), dtype=np.uint8)
    picture[TOP:BOTTOM] = np.frombuffer(strip, dtype=np.uint8).reshape(BOTTOM - TOP, WIDTH)
    try:
        return barcode.read(picture)
    except barcode.BarcodeUnreadable:
        return None


def _grey(png: bytes) -> np.ndarray:
    with av.open(io.BytesIO(png)) as container:
        frame = next(container.decode(video=0))
        return frame.to_ndarray(format="gray")


def ms_of(iso_time: str) -> int:
    """Milliseconds since 1970 of an ISO time with zone."""
    return round(datetime.fromisoformat(iso_time).timestamp() * 1000)


def iso(ms: float) -> str:
    """`2026-11-22T14:03:10.250Z`."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
