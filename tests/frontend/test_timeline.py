"""The timeline in Chromium: pictures under the pointer, fingers, every state with its reason, and days that are not like others."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from sealing.ids import GapReason, Stream
from tests.frontend.measure_timeline import measuring, panned
from tests.frontend.stand import US, Stand
from tests.frontend.watching import Watching

pytestmark = pytest.mark.e2e


class Hand:
    """Points at seconds of the footage on the timeline of an open page."""

    def __init__(self, watching: Watching, second: float = 10) -> None:
        self.watching, self.page = watching, watching.page
        watching.go(second)
        watching.shows(second)
        self.canvas = self.page.locator(".timeline-canvas")
        self.canvas.focus()
        for _ in range(4):
            self.page.keyboard.press("+")
        watching.until("the minutes around", lambda: self.span() < 5 * 60)
        watching.until("what was recorded", lambda: "Recorded" in self.said())

    def shown(self) -> tuple[float, float]:
        """Begin and end of the range shown, seconds of the footage."""
        names = ("data-from", "data-to")
        first, last = (
            (int(self.canvas.get_attribute(n) or 0) - self.watching.stand.start_us) / US for n in names
        )
        return first, last

    def span(self) -> float:
        first, last = self.shown()
        return last - first

    def said(self) -> str:
        return self.canvas.get_attribute("aria-valuetext") or ""

    def x(self, second: float) -> float:
        box = self.canvas.bounding_box()
        assert box is not None
        first, last = self.shown()
        return box["x"] + (second - first) / (last - first) * box["width"]

    def y(self) -> float:
        box = self.canvas.bounding_box()
        assert box is not None
        return box["y"] + 40

    def over(self, second: float) -> None:
        self.page.mouse.move(self.x(second), self.y())

    def still(self) -> float | None:
        """The second of the very picture for where the pointer is; None: another stands in, or none."""
        box = self.page.locator(".timeline-still-box")
        if box.get_attribute("data-kind") != "still":
            return None
        return (int(box.get_attribute("data-us") or 0) - self.watching.stand.start_us) / US

    def words(self) -> str:
        return self.page.locator(".timeline-tip").inner_text()


def _asked(stand: Stand) -> int:
    return stand.asked.count("POST /api/v1/stills")


def test_the_sealed_picture_of_the_instant_stands_under_the_pointer_and_is_kept(watching: Watching) -> None:
    hand = Hand(watching)
    watching.page.locator("video").evaluate("video => video.pause()")
    for second in (4.6, 8.6, 12.6):
        hand.over(second)
        found = watching.until(f"a picture of {second}", hand.still)
        assert -1.1 <= found - second <= 0.01, "a key frame each second"
    assert "Recorded" in hand.words()
    asked = _asked(watching.stand)
    seen = set()
    for second in (12.6, 8.6, 4.6, 8.6, 12.6):
        hand.over(second)
        # Held pictures stand at once, without a request or a wait.
        seen.add(hand.still())
    assert None not in seen
    assert len(seen) == 3
    assert _asked(watching.stand) == asked


def test_where_nothing_is_recorded_no_picture_is_asked_for_and_the_reason_said(watching: Watching) -> None:
    hand = Hand(watching)
    asked = _asked(watching.stand)
    said = []
    for second, words in (
        (26, "Not recorded: the camera could not be reached (12 s)"),
        (62, "Nothing recorded"),
        (78, "On the agent, not uploaded yet (4 s)"),
        (82, "Deleted by the retention rules (4 s)"),
    ):
        hand.over(second)
        expect(hand.page.locator(".timeline-tip")).to_have_text(re.compile(re.escape(words) + "$"))
        said.append(hand.page.locator(".timeline-still-box").get_attribute("data-kind"))
    assert said == ["gap", "off", "pending", "deleted"]
    assert _asked(watching.stand) == asked
    watching.stand.more_runs.append((watching.stand.at(-30), watching.stand.at(-20), "missing", None))
    watching.page.reload()
    Hand(watching).over(-25)
    expect(hand.page.locator(".timeline-tip")).to_contain_text("Missing from the store")


def test_events_are_marked_named_gone_through_and_left_out_by_type(
    watching: Watching, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = watching.stand.at
    told = [(at(4), at(9), "motion"), (at(12), at(12), "tamper"), (at(15), at(18), "motion")]
    monkeypatch.setattr(watching.stand, "events", told)
    watching.page.reload()
    hand = Hand(watching, 2)
    for second, words in ((6, "Recorded, Motion"), (12, "Recorded, Tampering"), (10.5, "Recorded")):
        hand.over(second)
        expect(hand.page.locator(".timeline-tip")).to_have_text(re.compile(re.escape(words) + "$"))
    hand.page.mouse.move(5, 5)
    watching.page.locator("video").evaluate("video => video.pause()")
    for key, second in (("n", 4), ("n", 12), ("n", 15), ("b", 12)):
        hand.page.locator("body").press(key)
        watching.shows(second)
        # As people do: the player itself plays on where its video alone was stopped while it sought.
        hand.page.locator("body").press("k")
        watching.until("it stands", lambda: watching.facts()["paused"])
    chip = hand.page.get_by_role("button", name="Tampering", exact=True)
    chip.click()
    expect(chip).to_have_attribute("aria-pressed", "false")
    hand.over(12)
    expect(hand.page.locator(".timeline-tip")).to_have_text(re.compile(r"Recorded$"))
    hand.page.get_by_text("Recordings as a list").click()
    rows = hand.page.locator(".timeline-list li", has_text="Motion")
    expect(rows).to_have_count(2)
    expect(hand.page.locator(".timeline-list li", has_text="Tampering")).to_have_count(0)
    rows.last.get_by_role("button").click()
    watching.shows(15)


def test_requests_for_pictures_are_few_and_end_when_the_pointer_leaves(watching: Watching) -> None:
    held: list[Route] = []
    ended: list[str] = []
    watching.page.route("**/api/v1/stills", lambda route: held.append(route))
    watching.page.on("requestfailed", lambda request: ended.append(request.url))
    hand = Hand(watching)
    for step in range(120):
        hand.page.mouse.move(hand.x(1 + step * 0.15), hand.y())
    watching.until("no more than four at a time", lambda: held and len(held) - len(ended) <= 4)
    assert len(held) < 60
    hand.page.mouse.move(5, 5)
    watching.until("all of them ended", lambda: len(ended) == len(held))
    expect(watching.page.locator(".timeline-peek")).to_be_hidden()


def test_altered_footage_gives_no_picture_is_marked_and_says_so(watching: Watching) -> None:
    sub = watching.stand.segments[Stream.SUB][0]
    part = sub.parts[0]
    data = watching.stand.objects[str(sub.segment)]
    for at in range(part.offset + 4000, part.offset + part.sealed_length, 8000):
        data[at] ^= 1
    hand = Hand(watching)
    hand.over(15)
    expect(hand.page.locator(".timeline-still-none")).to_contain_text("not what was recorded and signed")
    main = watching.stand.segments[Stream.MAIN]
    watching.stand.objects[str(main[9].segment)] = watching.stand.objects[str(main[8].segment)]
    hand.page.mouse.click(hand.x(40), hand.y())
    watching.until("stopped", lambda: watching.facts()["trust"] == "altered")
    wrong = (main[9].start_us - watching.stand.start_us) / US
    watching.until("the mark", lambda: hand.over(wrong) or "Altered: what is stored" in hand.words())


def _touch(watching: Watching) -> Any:
    session = watching.page.context.new_cdp_session(watching.page)

    def send(kind: str, *points: tuple[float, float]) -> None:
        at = [{"x": x, "y": y, "id": i} for i, (x, y) in enumerate(points)]
        session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})

    return send


def test_a_finger_drags_pinches_and_shows_pictures_once_it_is_held(browser: Browser, stand: Stand) -> None:
    with Watching.opened(browser, stand, touch=True, width=390, height=844) as watching:
        watching.page.emulate_media(reduced_motion="reduce")
        hand = Hand(watching)
        watching.page.keyboard.press("Space")
        send, y = _touch(watching), hand.y()
        peek = watching.page.locator(".timeline-peek")
        first, last = hand.shown()
        send("touchStart", (200, y))
        for x in (190, 180, 160, 140):
            send("touchMove", (x, y))
        expect(peek).to_be_hidden()
        send("touchEnd")
        moved = watching.until("dragged", lambda: now if (now := hand.shown())[0] > first + 1 else None)
        assert moved[1] - moved[0] == pytest.approx(last - first)
        assert hand.shown() == moved, "with reduced motion nothing glides on"
        under = [moved[0] + (x - 16) / 358 * (moved[1] - moved[0]) for x in (150, 240)]
        send("touchStart", (150, y), (240, y))
        for apart in (10, 20, 30, 40):
            send("touchMove", (150 - apart, y), (240 + apart, y))
        send("touchEnd")
        span = watching.until(
            "closer", lambda: s if (s := hand.span()) < (moved[1] - moved[0]) * 0.6 else None
        )
        assert span == pytest.approx((moved[1] - moved[0]) * 90 / 170, rel=0.05)
        assert hand.x(under[0]) == pytest.approx(110, abs=8)
        expect(peek).to_be_hidden()
        x = min(max(hand.x(8), 30), 360)
        send("touchStart", (x, y))
        expect(peek).to_be_visible()
        send("touchMove", (x + 12, y))
        assert hand.span() == pytest.approx(span), "a held finger looks, it does not move the time"
        send("touchEnd")
        expect(peek).to_be_hidden()
        sideways = "document.documentElement.scrollWidth <= document.documentElement.clientWidth"
        assert watching.page.evaluate(sideways)


def test_wheel_and_flick_keep_what_is_under_the_pointer_and_glide(watching: Watching) -> None:
    hand = Hand(watching)
    hand.over(12)
    at = hand.x(12)
    span = hand.span()
    watching.page.mouse.wheel(0, 277)
    watching.until("wider", lambda: hand.span() == pytest.approx(span * 2, rel=0.02))
    assert hand.x(12) == pytest.approx(at, abs=2)
    y = hand.y()
    watching.page.mouse.move(700, y)
    watching.page.mouse.down()
    for x in range(700, 500, -20):
        watching.page.mouse.move(x, y)
    first = hand.shown()[0]
    watching.page.mouse.up()
    watching.until("glides on", lambda: hand.shown()[0] > first + 0.5)


def test_the_day_the_clocks_change_is_drawn_in_the_sites_zone(watching: Watching) -> None:
    change = int(datetime(2026, 10, 25, 1, tzinfo=UTC).timestamp() * US)
    minute = 60 * US
    watching.stand.more_runs += [
        (change - 30 * minute, change, "recorded", None),
        (change, change + 30 * minute, "gap", int(GapReason.CAMERA_UNREACHABLE)),
    ]
    watching.page.goto(watching.address + "?s=10")
    watching.shows(10)
    canvas, tip = watching.page.locator(".timeline-canvas"), watching.page.locator(".timeline-tip")

    def span() -> int:
        first, last = (int(canvas.get_attribute(name) or 0) for name in ("data-from", "data-to"))
        return last - first

    def over(us: int) -> None:
        first = int(canvas.get_attribute("data-from") or 0)
        box = canvas.bounding_box()
        assert box is not None
        watching.page.mouse.move(box["x"] + (us - first) / span() * box["width"], box["y"] + 40)

    month = 31 * 1440 * minute
    canvas.focus()
    for _ in range(10):
        watching.page.keyboard.press("-")
    watching.until("a month", lambda: span() == month)
    box = canvas.bounding_box()
    assert box is not None
    back = (int(canvas.get_attribute("data-from") or 0) - change) / month * box["width"] + box["width"] / 2
    watching.page.mouse.move(box["x"] + 100, box["y"] + 40)
    watching.page.mouse.wheel(-back, 0)
    watching.until(
        "at that night",
        lambda: abs(int(canvas.get_attribute("data-from") or 0) + month / 2 - change) < month / 20,
    )
    for _ in range(6):
        over(change)
        wide = span()
        watching.page.mouse.wheel(0, -400)
        watching.until("closer", lambda wide=wide: span() < wide / 2)

    def says(us: int, *words: str) -> bool:
        over(us)
        return all(word in tip.inner_text() for word in words)

    # The hour from two to three comes twice: recorded the first time, not the second.
    watching.until("summer time", lambda: says(change - 15 * minute, "02:4", "GMT+2", "Recorded"))
    watching.until("winter time", lambda: says(change + 15 * minute, "02:1", "GMT+1", "Not recorded"))


def test_a_day_of_five_thousand_gaps_is_drawn_in_few_bars_for_sixteen_cameras(browser: Browser) -> None:
    with measuring(browser) as page:
        frames = panned(browser, page, rows=16, gaps=5000, frames=30)
        assert len(frames.busy_ms) >= 20
        assert page.locator("canvas.timeline-canvas").bounding_box() is not None
        pixels = """() => new Promise((resolve) => requestAnimationFrame(() => setTimeout(() => {
              const canvas = document.querySelector("canvas.timeline-canvas");
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              let [some, sum] = [0, 0];
              for (let i = 0; i < data.length; i++) {
                some += i % 4 === 3 && data[i] > 0;
                sum = (Math.imul(sum, 31) + data[i]) | 0;
              }
              resolve({ share: some / (data.length / 4), sum });
            })))"""
        moved = page.evaluate(pixels)
        assert moved["share"] > 0.5
        # What was laid together while it moved is what is drawn when everything is painted anew.
        page.evaluate("repaint()")
        assert page.evaluate(pixels) == moved
        page.evaluate("repaint(0)")
        assert page.evaluate(pixels) != moved
