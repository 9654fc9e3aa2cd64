"""From the printed link to any second of the footage: what a person sees on the way, read from screen and pixels."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from sealing.ids import Stream
from sealing.names import ObjectName
from tests.e2e.people import PASSWORD, app_code, shown_secret
from tests.e2e.system import System, altered, until
from tests.e2e.watching import US, Seen, Watching, iso, ms_of

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("make-up")]

SEGMENT_MS = 10_000


def main_segments(system: System) -> list[tuple[ObjectName, Path]]:
    """Stored segments of the main stream, oldest first."""
    return [(name, path) for name, path in system.objects().items() if name.stream is Stream.MAIN]


def recorded(system: System, segments: int) -> list[tuple[ObjectName, Path]]:
    """The newest `segments` stored ones, once there are that many, and none of them the newest of all."""
    return until(
        f"{segments} stored segments",
        lambda: found[-segments - 1 : -1] if len(found := main_segments(system)) > segments else None,
        SEGMENT_MS / 1000 * (segments + 3),
    )


# ---- the door ----


def test_the_set_up_link_leads_a_person_to_their_cameras_and_forgives_slips(
    browser: Browser, system: System, shot: Callable[[Page, str], None]
) -> None:
    slug = f"new-{secrets.token_hex(3)}"
    link = system.setup_link(slug)
    context = browser.new_context()
    page = context.new_page()
    page.goto(link)
    shot(page, "set-up-person")

    page.get_by_label("Your name").fill("Nora Nova")
    page.get_by_label("E-mail address").fill("nora@example.org")
    page.get_by_label("Password").fill("novanora12345")
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("easy to guess")
    expect(page.get_by_label("Password")).to_have_attribute("aria-invalid", "true")
    expect(page.get_by_label("Your name")).to_have_value("Nora Nova")
    expect(page.get_by_label("E-mail address")).to_have_value("nora@example.org")
    shot(page, "set-up-person-weak")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()

    expect(page.get_by_role("heading", name="Add an authenticator app")).to_be_visible()
    secret = shown_secret(page)
    shot(page, "set-up-factor")
    right = app_code(secret)
    wrong = f"{(int(right) + 1) % 1_000_000:06d}"
    page.get_by_label("Code from your authenticator app").fill(wrong)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("alert")).to_contain_text("does not fit")
    assert shown_secret(page) == secret  # the app need not be set up again

    def accepted() -> bool:
        # After a wrong code the next is heard a second later.
        page.get_by_label("Code from your authenticator app").fill(app_code(secret))
        page.get_by_role("button", name="Continue").click()
        return page.get_by_role("heading", name="Keep these recovery codes").is_visible()

    until("the code is accepted", accepted, 20)
    codes = page.locator("[data-recovery-codes] li").all_inner_texts()
    assert len(set(codes)) == 10
    shot(page, "set-up-recovery-codes")
    page.get_by_role("button", name="I saved them").click()
    expect(page.get_by_role("heading", name="No camera to show yet")).to_be_visible()
    expect(page.get_by_role("link", name="Enrol an agent")).to_be_visible()
    shot(page, "overview-empty")
    context.close()


def test_the_overview_shows_the_camera_recording_and_leads_to_it(
    signed_in: BrowserContext, system: System
) -> None:
    page = signed_in.new_page()
    page.goto(system.page())
    tile = page.get_by_role("link", name=re.compile(system.camera_name))
    expect(tile).to_contain_text("Recording")
    tile.hover()
    expect(tile.locator("video")).to_be_visible(timeout=30_000)  # a live picture while the pointer is there
    tile.click()
    expect(page).to_have_title(re.compile(system.camera_name))
    Watching(page).live()


# ---- live ----


def test_the_live_picture_is_under_two_seconds_old(watching: Watching, system: System) -> None:
    watching.page.goto(system.camera_page())
    watching.live()
    # The picture first and then the time: what the screenshot itself takes makes the age larger, never smaller.
    age_ms = [-watching.screenshot_clock() + time.time() * 1000 for _ in range(5)]
    assert 0 <= min(age_ms) < 2000, age_ms
    watching.until("verified", lambda: watching.badge() == "Verified")
    said = watching.until("its delay", lambda: re.search(r"Live, (\d+\.\d) s behind", watching.words()))
    assert float(said[1]) < 2


# ---- any second ----


def agrees(seen: Seen) -> bool:
    """Whether the player says the time the pixels show. At an instant the last picture before it stands, and on a busy machine
    the camera makes three of them a second."""
    return -200 < seen.said - seen.pixels < 600


def test_a_deep_link_opens_at_its_second(watching: Watching, system: System) -> None:
    (name, _), *_ = recorded(system, 2)
    wanted = name.about_us // 1000 + 3400
    watching.page.goto(system.camera_page(iso(wanted)))
    watching.shows(wanted)
    watching.pause()
    watching.until("the paused picture and its time agree", lambda: (s := watching.look()) and agrees(s))
    pixels = watching.screenshot_clock()
    assert abs(pixels - wanted) < 5000  # it played on until the pause
    clock = datetime.fromtimestamp(pixels / 1000, UTC)
    assert re.search(rf"{clock:%H:%M}:\d\d UTC", watching.shown_time())
    watching.until("verified", lambda: watching.badge() == "Verified")


def test_a_typed_time_is_shown(watching: Watching, system: System) -> None:
    (name, _), *_ = recorded(system, 2)
    wanted = (name.about_us // US + 5) * 1000
    watching.page.goto(system.camera_page())
    watching.live()
    watching.page.get_by_title("Go to a time").click()
    field = watching.page.get_by_label(re.compile(r"^Time \(UTC\)"))
    field.fill(datetime.fromtimestamp(wanted / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S"))
    field.press("Enter")
    assert agrees(watching.shows(wanted))
    assert f"t={datetime.fromtimestamp(wanted / 1000, UTC):%Y-%m-%dT%H}" in watching.page.url


def test_a_click_on_the_timeline_shows_that_second_and_home_goes_live_again(
    watching: Watching, system: System
) -> None:
    (name, _), *_ = recorded(system, 2)
    wanted = name.about_us // 1000 + 4000
    watching.page.goto(system.camera_page(iso(wanted - 2000)))
    watching.shows(wanted - 2000)
    watching.pause()
    click_timeline(watching, wanted)
    assert agrees(watching.shows(wanted))
    watching.page.keyboard.press("Home")
    watching.live()


def click_timeline(watching: Watching, wanted_ms: int) -> None:
    """Clicks where the instant lies, after zooming in so far that a pixel is a few tens of milliseconds."""
    canvas = watching.page.get_by_label("Timeline")
    for _ in range(6):
        canvas.press("+")

    def width_ms() -> tuple[float, float, float] | None:
        begin, end, width = canvas.evaluate("e => [+e.dataset.from, +e.dataset.to, e.clientWidth]")
        return (begin / 1000, end / 1000, width) if end - begin < 130 * US else None

    begin, end, width = watching.until("a zoomed timeline", width_ms)
    canvas.click(position={"x": (wanted_ms - begin) / (end - begin) * width, "y": 40})


def test_it_plays_across_segments_as_fast_as_the_clock(watching: Watching, system: System) -> None:
    (first, _), _, _ = recorded(system, 3)
    begin = first.about_us // 1000 + SEGMENT_MS - 4000
    watching.page.goto(system.camera_page(iso(begin)))
    start = watching.shows(begin)
    late: list[float] = []
    end = time.monotonic() + 14
    while time.monotonic() < end:
        seen = watching.look()
        if seen is not None:
            late.append((seen.now - start.now) - (seen.pixels - start.pixels))
        watching.page.wait_for_timeout(100)
    assert seen is not None
    assert seen.pixels - start.pixels > 12_000
    # A stop at an edge would stay; a single late look says only that the machine was busy.
    assert abs(median(late[-15:])) < 300, late
    assert sorted(map(abs, late))[len(late) * 9 // 10] < 700, late
    assert watching.toast() == ""


# ---- what is not there ----


def test_a_gap_stands_on_the_timeline_with_its_reason_and_playback_passes_over_it(
    watching: Watching, system: System
) -> None:
    recorded(system, 1)
    killed_ms = time.time() * 1000
    system.kill("camera")
    after = until(
        "footage after the gap",
        lambda: [n for n, _ in main_segments(system) if n.about_us > (killed_ms + 1000) * 1000],
        90,
    )
    watching.page.goto(system.camera_page(iso(killed_ms - 6000)))
    watching.shows(round(killed_ms - 6000), 1500)

    before = watching.until("the picture before the gap", watching.look)

    def jumped() -> Seen | None:
        nonlocal before
        seen = watching.look()
        if seen is None or seen.pixels - before.pixels > (seen.now - before.now) + 800:
            return seen
        before = seen
        return None

    there = watching.until("the jump over the gap", jumped)
    assert there.pixels >= after[0].about_us // 1000 - 500
    assert before.pixels < killed_ms + 500
    assert re.search(r"Not recorded: the camera .+\. Passed over \d+ s from ", watching.toast())
    listed = watching.until(
        "the gap in the list", lambda: [row for row in watching.runs() if "Not recorded: the camera" in row]
    )
    at = datetime.fromtimestamp(before.pixels / 1000, UTC)
    assert f"{at:%H:%M}" in listed[-1]


def test_a_time_before_the_first_recording_leads_to_the_first(watching: Watching, system: System) -> None:
    (oldest, _), *_ = until("a stored segment", lambda: main_segments(system), 60)
    watching.page.goto(system.camera_page("2026-01-01T12:00:00Z"))
    watching.shows(oldest.about_us // 1000, 3000)
    assert re.search(r"Nothing recorded. Passed over \d+ days from 12:00:00", watching.toast())


def test_one_altered_byte_is_noticed_by_player_and_verifier_and_no_more_once_it_is_right_again(
    watching: Watching, system: System, tmp_path: Path
) -> None:
    (name, path), _ = recorded(system, 2)
    start_ms = name.about_us // 1000
    at = iso(start_ms + 500)
    with altered(path, path.stat().st_size // 2):
        watching.page.goto(system.camera_page(at))
        watching.shows(at)
        watching.until("the alteration is said", lambda: "Altered at" in watching.message())
        pixels = watching.screenshot_clock()
        said = re.search(r"Altered at .* (\d\d:\d\d:\d\d) UTC", watching.message())
        assert said is not None, watching.message()
        assert start_ms + 1500 < pixels < start_ms + SEGMENT_MS * 0.7
        # The second that is named is the one at which the picture stopped.
        stopped = datetime.fromtimestamp(pixels / 1000, UTC)
        assert abs(seconds_of_day(said[1]) - seconds_of_day(f"{stopped:%H:%M:%S}")) <= 1
        assert "Altered" in watching.badge()
        told = fetched(system, tmp_path / "altered", start_ms)
        assert told.startswith("State: tampered"), told
        when = re.search(r"tampered at (\S+Z), ", told)
        assert when is not None, told
        assert 0 <= pixels - ms_of(when[1]) < SEGMENT_MS + 1000  # it names the segment's beginning
    told = fetched(system, tmp_path / "right", start_ms)
    assert told.startswith("State: verified"), told
    watching.page.goto(system.camera_page(iso(start_ms + 4000)))
    watching.shows(start_ms + 7000, 500)
    watching.until("verified", lambda: watching.badge() == "Verified")


def seconds_of_day(text: str) -> int:
    hours, minutes, seconds = map(int, text.split(":"))
    return hours * 3600 + minutes * 60 + seconds


def fetched(system: System, folder: Path, start_ms: int) -> str:
    """Fetches the main segment that begins about then, and verifies the folder."""
    span = [
        "--tenant",
        system.slug,
        "--from",
        iso(start_ms + 1000),
        "--to",
        iso(start_ms + 9000),
        "--stream",
        "main",
    ]
    system.manage("footage_fetch", system.camera, *span, "-o", str(folder))
    return system.verify(folder)


def test_who_comes_back_finds_the_second_again_by_its_address(watching: Watching, system: System) -> None:
    (name, _), *_ = recorded(system, 2)
    wanted = name.about_us // 1000 + 2000
    watching.page.goto(system.camera_page(iso(wanted)))
    watching.shows(wanted)
    watching.page.goto(system.page())
    watching.page.go_back()
    watching.shows(wanted)
