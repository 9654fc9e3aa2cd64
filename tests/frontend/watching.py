"""The player's page as a person sees it: what the pixels say, what the badges say."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from playwright.sync_api import Browser, Page

from tests.frontend.pictures import BITS, BLOCK
from tests.frontend.stand import US, Stand, served

T = TypeVar("T")

_PIXELS = f"""() => {{
  const video = document.querySelector("video");
  if (!video || video.readyState < 2 || video.seeking) return null;
  const canvas = new OffscreenCanvas(video.videoWidth, {BLOCK});
  const paint = canvas.getContext("2d", {{ willReadFrequently: true }});
  paint.drawImage(video, 0, 0);
  let ms = 0;
  for (let bit = 0; bit < {BITS}; bit++) {{
    const [r, g, b] = paint.getImageData(bit * {BLOCK} + {BLOCK // 2}, {BLOCK // 2}, 1, 1).data;
    if (r + g + b > 384) ms += 2 ** bit;
  }}
  return ms;
}}"""


@dataclass
class Watching:
    """One open page."""

    page: Page
    stand: Stand
    address: str
    errors: list[str]

    @classmethod
    @contextmanager
    def opened(
        cls, browser: Browser, stand: Stand, *, touch: bool = False, **viewport: int
    ) -> Iterator[Watching]:
        size = {"width": 1280, "height": 800} | viewport
        with served(stand) as address:
            page = browser.new_page(viewport=size, has_touch=touch)
            errors: list[str] = []
            page.on("pageerror", lambda error: errors.append(str(error)))
            page.on(
                "console",
                lambda message: (
                    errors.append(message.text)
                    if message.type == "error" and "Failed to load resource" not in message.text
                    else None
                ),
            )
            yield cls(page, stand, address, errors)
            page.close()

    def go(self, second: float) -> None:
        """Opens the page at a second of the footage."""
        self.page.goto(f"{self.address}?s={second}")

    def until(self, what: str, look: Callable[[], T | None], seconds: float = 20) -> T:
        """Waits until `look` gives something true."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := look():
                return found
            self.page.wait_for_timeout(50)
        raise AssertionError(f"not within {seconds} s: {what}; the page says {self.facts()}")

    def facts(self) -> dict[str, Any]:
        """The player's data attributes and words."""
        return dict(
            self.page.evaluate(
                """() => {
                  const player = document.querySelector("vsaas-player");
                  const message = player.querySelector(".vp-message");
                  const video = player.querySelector("video");
                  return {
                    ...player.dataset,
                    message: message.hidden ? "" : message.innerText,
                    toast: player.querySelector(".vp-toast").textContent,
                    badge: player.querySelector(".vp-badge").textContent,
                    paused: video.paused,
                    at: video.currentTime,
                    soundBytes: video.webkitAudioDecodedByteCount,
                  };
                }"""
            )
        )

    def second(self) -> float | None:
        """The second the pixels show."""
        ms = self.page.evaluate(_PIXELS)
        return None if ms is None else ms / 1000

    def wall(self) -> float:
        """The second the player says it shows."""
        return (int(self.facts()["wallUs"]) - self.stand.start_us) / US

    def settled(self) -> float | None:
        """The second the pixels show, once that is the one the player says; the last picture may still be on its way."""
        shown = self.second()
        return shown if shown is not None and -0.01 < self.wall() - shown < 0.1 else None

    def shows(self, second: float, within: float = 0.6) -> float:
        """Waits until the pixels show `second` or a little later."""

        def look() -> float | None:
            shown = self.second()
            return shown if shown is not None and second - 0.15 <= shown <= second + within else None

        return self.until(f"pixels show {second}", look)

    def passes(self, second: float, seconds: float = 20) -> float:
        """Waits until the pixels show `second` or any later one."""
        return self.until(
            f"plays past {second}", lambda: s if (s := self.second()) and s >= second else None, seconds
        )
