"""What a person does with the picture: steps, speeds, zoom, a still, and asking what is known of it."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import av
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from sealing.ids import Stream
from tests.frontend.pictures import png_texts, second_of
from tests.frontend.stand import US, Stand
from tests.frontend.test_player import PAGE_RULES_OFF
from tests.frontend.watching import Watching

pytestmark = pytest.mark.e2e


def _paused(watching: Watching, second: float) -> float:
    watching.go(second)
    watching.shows(second)
    watching.page.keyboard.press("Space")
    watching.until("paused", lambda: watching.facts()["paused"])
    return watching.until("the picture stands still", watching.settled)


def _steps(watching: Watching, key: str, times: int, each: float, at: float) -> float:
    for _ in range(times):
        watching.page.keyboard.press(key)
        wanted = round(at + each, 3)
        at = watching.until(
            f"the picture of {wanted}",
            lambda wanted=wanted: s if (s := watching.second()) == pytest.approx(wanted, abs=0.001) else None,
        )
    return at


def test_steps_show_every_picture_once_over_the_edge_of_a_segment_and_back(watching: Watching) -> None:
    at = _paused(watching, 3.5)
    assert at < 4
    beyond = _steps(watching, ".", 8, 0.1, at)
    assert beyond > 4
    assert _steps(watching, ",", 8, -0.1, beyond) == pytest.approx(at)


def test_a_step_back_reaches_before_what_was_fetched(watching: Watching) -> None:
    at = _paused(watching, 32)
    assert _steps(watching, ",", round((at - 32) / 0.1), -0.1, at) == pytest.approx(32)
    watching.page.keyboard.press(",")
    watching.until(
        "the last picture before the gap", lambda: watching.second() == pytest.approx(19.9, abs=0.001)
    )


def test_a_step_back_passes_over_what_is_missing(watching: Watching) -> None:
    at = _paused(watching, 88)
    assert _steps(watching, ",", round((at - 88) / 0.1), -0.1, at) == pytest.approx(88)
    watching.page.keyboard.press(",")
    # 84-88 is missing, 76-84 not stored. A decoder that reorders pictures keeps the last of a run to itself.
    watching.until("a picture before", lambda: 75.4 < (watching.second() or 0) < 76)


def test_steps_through_b_frames_follow_what_is_shown(watching: Watching) -> None:
    at = _paused(watching, 66)
    beyond = _steps(watching, ".", 12, 0.1, at)
    assert _steps(watching, ",", 12, -0.1, beyond) == pytest.approx(at)


def test_a_step_over_a_gap_shows_what_comes_after_and_says_so(watching: Watching) -> None:
    at = _paused(watching, 19)
    at = _steps(watching, ".", round((19.9 - at) / 0.1), 0.1, at)
    watching.page.keyboard.press(".")
    watching.until("the first picture after", lambda: watching.second() == pytest.approx(32, abs=0.001))
    watching.until("told", lambda: "could not be reached" in watching.facts()["toast"])


def test_at_eight_times_key_frames_alone_are_fetched_and_the_time_shown_is_theirs(watching: Watching) -> None:
    segments = {
        str(s.segment): s for s in watching.stand.segments[Stream.MAIN] if s.start_us >= watching.stand.at(88)
    }
    watching.go(88)
    watching.shows(88)
    watching.page.get_by_label("Speed").select_option("8")
    watching.until("key frames", lambda: "key frames" in watching.page.locator(".vp-late").inner_text())
    watching.stand.ranges.clear()
    began = watching.until("it runs", lambda: s if (s := watching.second()) and s > 92 else None)
    watching.until("8 s on", lambda: (watching.second() or 0) >= began + 8)
    for _ in range(5):
        shown, said = watching.second(), watching.wall()
        if shown is not None:
            assert shown == int(shown), "no key frame"
            assert abs(said - shown) <= 2
    fetched = sum(end - begin for name, begin, end in watching.stand.ranges if name in segments)
    stored = sum(len(watching.stand.objects[name]) for name in segments)
    assert 0 < fetched < stored
    watching.page.get_by_label("Speed").select_option("1")
    watching.until(
        "every picture", lambda: "key frames" not in watching.page.locator(".vp-late").inner_text()
    )
    watching.until("pictures between key frames", lambda: (s := watching.second()) and s != int(s))


def test_at_four_times_gaps_are_passed_and_continuations_stand(watching: Watching) -> None:
    watching.go(40)
    watching.shows(40)
    watching.page.get_by_label("Speed").select_option("4")
    seen: set[float] = set()

    def past() -> bool:
        shown = watching.second()
        if shown is not None:
            seen.add(shown)
        return shown is not None and shown >= 66

    watching.until("over the holes to the next run", past)
    # Groups of 8 s from 44.15 on: nothing but their key frames.
    between = {s for s in seen if 44.15 <= s < 60}
    assert between <= {44.15, 52.15}
    assert between
    watching.page.keyboard.press(".")
    watching.until("a step is of every picture", lambda: watching.facts()["paused"])
    assert watching.page.get_by_label("Speed").input_value() == "1"


def test_a_still_has_the_pictures_own_size_camera_and_time(watching: Watching) -> None:
    at = _paused(watching, 7)
    watching.until("verified", lambda: watching.facts()["badge"] == "Verified")
    with watching.page.expect_download() as download:
        watching.page.keyboard.press("s")
    data = download.value.path().read_bytes()
    with av.open(io.BytesIO(data)) as container:
        frame = next(container.decode(video=0))
    assert (frame.width, frame.height) == (384, 224)
    assert second_of(frame) == pytest.approx(at)
    texts = png_texts(data)
    assert texts["Title"] == "Gate"
    taken = datetime.fromisoformat(texts["Creation Time"])
    assert taken.timestamp() == pytest.approx(watching.stand.at(at) / US, abs=0.11)
    assert "Europe/Berlin" in texts["Local Time"]
    assert str(watching.stand.camera) in texts["Source"]
    assert texts["Comment"].startswith("Verified when it was saved")
    assert download.value.suggested_filename.startswith("Gate 2")
    assert taken.astimezone(UTC).strftime("%M.%S") in download.value.suggested_filename


def test_wheel_keys_and_buttons_zoom_and_a_double_click_resets(watching: Watching) -> None:
    _paused(watching, 4)
    picture = watching.page.locator(".vp-picture")
    box = picture.bounding_box()
    assert box is not None
    zoom = watching.page.locator(".vp-zoom-text")
    watching.page.mouse.move(box["x"] + box["width"] / 4, box["y"] + box["height"] / 4)
    watching.page.mouse.wheel(0, 100)
    expect(watching.page.locator(".vp-zoom")).to_be_hidden()
    watching.page.mouse.wheel(0, -277)
    expect(zoom).to_have_text("2.0×")
    at = watching.facts()["at"]
    assert _left(watching) == pytest.approx(-box["width"] / 4, abs=3)
    watching.page.mouse.down()
    watching.page.mouse.move(box["x"] + box["width"] / 4 + 50, box["y"] + box["height"] / 4, steps=5)
    watching.page.mouse.up()
    assert _left(watching) == pytest.approx(-box["width"] / 4 + 50, abs=4)
    assert watching.facts()["paused"]
    assert watching.facts()["at"] == at, "a drag is no click"
    picture.focus()
    watching.page.keyboard.press("+")
    expect(zoom).to_have_text("2.5×")
    watching.page.keyboard.press("Shift+ArrowLeft")
    watching.page.mouse.dblclick(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    expect(watching.page.locator(".vp-zoom")).to_be_hidden()
    watching.page.get_by_role("button", name="Zoom in (+)").first.click()
    expect(zoom).to_have_text("2.0×")
    watching.page.get_by_role("button", name="Show the whole picture").click()
    expect(watching.page.locator(".vp-zoom")).to_be_hidden()


def _left(watching: Watching) -> float:
    """How far left of the box the picture begins, CSS pixels."""
    return float(
        watching.page.evaluate(
            """() => document.querySelector("video").getBoundingClientRect().left
                - document.querySelector(".vp-picture").getBoundingClientRect().left"""
        )
    )


def test_fingers_jump_by_two_taps_and_pinch(browser: Browser, stand: Stand) -> None:
    with Watching.opened(browser, stand, touch=True, width=390, height=844) as watching:
        watching.go(15)
        watching.shows(15)
        box = watching.page.locator(".vp-picture").bounding_box()
        assert box is not None
        middle = box["y"] + box["height"] / 2
        for _ in range(2):
            watching.page.touchscreen.tap(box["x"] + 40, middle)
        watching.until("ten seconds back", lambda: (s := watching.second()) and s < 9)
        assert not watching.facts()["paused"]
        watching.page.touchscreen.tap(box["x"] + 200, middle)
        watching.until("one tap pauses", lambda: watching.facts()["paused"])
        touch = watching.page.context.new_cdp_session(watching.page)
        x = box["x"] + box["width"] / 2

        def fingers(kind: str, apart: float) -> None:
            points = [{"x": x - apart, "y": middle, "id": 1}, {"x": x + apart, "y": middle, "id": 2}]
            ends = {"type": kind, "touchPoints": [] if kind == "touchEnd" else points}
            touch.send("Input.dispatchTouchEvent", ends)

        fingers("touchStart", 40)
        for apart in (50, 60, 70, 80):
            fingers("touchMove", apart)
        fingers("touchEnd", 80)
        expect(watching.page.locator(".vp-zoom-text")).to_have_text("2.0×")
        assert watching.facts()["paused"], "a pinch is no tap"


def test_the_picture_goes_into_a_window_of_its_own_and_back(watching: Watching) -> None:
    watching.go(4)
    watching.shows(4)
    watching.page.get_by_role("button", name="Picture in picture (P)").click()
    inside = "document.pictureInPictureElement === document.querySelector('video')"
    watching.until("a window of its own", lambda: watching.page.evaluate(inside))
    watching.page.keyboard.press("p")
    watching.until("back", lambda: watching.page.evaluate("document.pictureInPictureElement === null"))


def test_the_badge_explains_itself_and_closes_again(watching: Watching) -> None:
    watching.go(4)
    watching.shows(4)
    watching.until("verified", lambda: watching.facts()["badge"] == "Verified")
    badge = watching.page.get_by_role("button", name="Verified")
    badge.press("Enter")
    panel = watching.page.get_by_role("region", name="What is known of this picture")
    expect(panel).to_contain_text("root key")
    expect(panel).to_contain_text(watching.stand.tenant.fingerprint.hex()[:4])
    found = Axe().run(watching.page, options={"rules": PAGE_RULES_OFF})
    assert found.violations_count == 0, found.generate_report()
    watching.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    badge.click()
    expect(panel).to_be_visible()
    watching.page.get_by_label("Speed").focus()
    expect(panel).to_be_hidden()


def test_altered_footage_explains_itself_too(watching: Watching) -> None:
    main = watching.stand.segments[Stream.MAIN]
    watching.stand.objects[str(main[1].segment)] = watching.stand.objects[str(main[2].segment)]
    watching.go(5)
    watching.until("altered", lambda: watching.facts()["trust"] == "altered")
    watching.page.get_by_role("button", name="Altered").click()
    expect(watching.page.get_by_role("region", name="What is known of this picture")).to_contain_text(
        "not what the agent recorded and signed"
    )
