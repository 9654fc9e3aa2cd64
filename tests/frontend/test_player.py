"""The player in Chromium, on footage sealed by `sealing`: what it shows is read from the pixels."""

from __future__ import annotations

import json

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser

from sealing.ids import Rendition, Stream
from tests.frontend.pictures import video
from tests.frontend.stand import US, Stand, now_us
from tests.frontend.watching import Watching

pytestmark = pytest.mark.e2e

# The stand's page is the player alone: headings and landmarks are the portal's templates' matter.
PAGE_RULES_OFF = {
    name: {"enabled": False} for name in ("page-has-heading-one", "region", "landmark-one-main")
}


def test_the_second_asked_for_is_shown_and_verified(watching: Watching) -> None:
    watching.go(7)
    watching.shows(7)
    assert watching.until("verified", lambda: watching.facts()["badge"] == "Verified")
    shown, said = watching.second(), watching.wall()
    assert shown is not None
    assert abs(shown - said) < 0.3


def test_it_plays_over_the_edge_of_segments_without_a_stop(watching: Watching) -> None:
    watching.go(6.5)
    watching.shows(6.5)
    began = watching.facts()["at"]
    watching.passes(9)
    watching.page.evaluate("document.querySelector('video').pause()")
    assert watching.facts()["at"] - began == pytest.approx((watching.second() or 0) - 6.5, abs=0.7)


def test_a_gap_is_jumped_and_its_reason_said(watching: Watching) -> None:
    watching.go(18.5)
    watching.shows(18.5)
    assert 32 <= watching.passes(20.5) < 34
    assert "could not be reached" in watching.facts()["toast"]
    assert "12 s" in watching.facts()["toast"]


def test_seeking_into_a_gap_shows_what_comes_after_it(watching: Watching) -> None:
    watching.go(25)
    watching.shows(32)
    assert "could not be reached" in watching.facts()["toast"]


def test_sound_that_ends_and_comes_back_in_another_codec_does_not_stop_the_picture(
    watching: Watching,
) -> None:
    watching.go(42.5)
    watching.shows(42.5)
    watching.passes(45.5)
    before = watching.facts()["soundBytes"]
    assert watching.until("A-law is heard", lambda: watching.facts()["soundBytes"] > before)


def test_a_seek_into_a_continuation_decodes_from_the_key_frame_before(watching: Watching) -> None:
    watching.go(50)
    watching.shows(50)
    assert watching.wall() == pytest.approx(50, abs=1)


def test_b_frames_show_in_order(watching: Watching) -> None:
    watching.go(65.2)
    first = watching.shows(65.2)
    seen = [first]
    while seen[-1] < 67:
        shown = watching.second()
        if shown is not None:
            seen.append(shown)
        watching.page.wait_for_timeout(40)
    assert seen == sorted(seen)


def test_what_is_not_uploaded_deleted_or_missing_is_passed_over_and_named(watching: Watching) -> None:
    watching.go(74.5)
    watching.shows(74.5)
    watching.passes(88)
    toast = watching.facts()["toast"]
    assert "not uploaded yet" in toast
    assert "Deleted" in toast
    assert "Missing from the store" in toast


def test_time_that_is_not_permitted_is_passed_over_like_a_gap_and_named(watching: Watching) -> None:
    first, second, third = watching.stand.segments[Stream.MAIN][:3]
    begin, end = ((us - watching.stand.start_us) / US for us in (second.start_us, second.end_us))
    watching.stand.hide(begin + 1, end)
    watching.go(begin - 1.5)
    watching.shows(begin - 1.5)
    assert watching.passes(begin + 0.5) >= (third.start_us - watching.stand.start_us) / US
    assert "Not permitted for you at this time" in watching.facts()["toast"]
    assert str(second.segment) not in {name for name, _, _ in watching.stand.ranges}
    watching.go((begin + end) / 2)  # into its midst
    watching.shows(end)
    assert "Not permitted" in watching.facts()["toast"]
    assert first.end_us == second.start_us


def test_one_altered_byte_stops_the_picture_at_that_second_and_says_so(watching: Watching) -> None:
    segment = next(s for s in watching.stand.segments[Stream.MAIN] if s.start_us == watching.stand.at(96))
    watching.stand.alter(segment, 101.5)
    watching.go(97)
    watching.shows(97)
    watching.until("altered", lambda: watching.facts()["trust"] == "altered")
    facts = watching.facts()
    assert "Altered at" in facts["message"]
    assert "leaf-tampered" in facts["message"]
    assert facts["paused"]
    shown = watching.second()
    assert shown is not None
    assert 98 <= shown < 101.5
    # Another time can be chosen, and plays.
    watching.page.keyboard.press("j")
    watching.shows(shown - 10, within=1.5)
    watching.until("verified", lambda: watching.facts()["badge"] == "Verified")


def test_pictures_without_sound_before_a_damaged_record_are_shown(watching: Watching) -> None:
    stand = watching.stand
    stand.segments[Stream.MAIN] = [s for s in stand.segments[Stream.MAIN] if s.end_us <= stand.at(44)]
    last = stand.segments[Stream.MAIN][-1]
    assert last.start_us == stand.at(40)
    last.record = last.record[:-1] + bytes([last.record[-1] ^ 1])
    watching.go(36)
    watching.shows(36)
    watching.until("altered", lambda: watching.facts()["trust"] == "altered")
    shown = watching.second()
    assert shown is not None
    assert 39 <= shown < 40


def test_what_lies_before_an_altered_byte_is_shown_even_when_its_sound_comes_late(watching: Watching) -> None:
    stand = watching.stand
    segment = next(s for s in stand.segments[Stream.MAIN] if s.start_us == stand.at(96))
    stand.alter(segment, 101.5)
    bad = segment.parts[0].offset + int(segment.parts[0].sealed_length * 5.5 / 8)
    stand.sound.clear()
    watching.go(97)
    watching.until("the altered bytes were read", lambda: any(a <= bad < b for _, a, b in stand.ranges))
    watching.page.wait_for_timeout(1000)  # time enough to refuse them, were that all there is to say
    assert watching.facts()["trust"] == "none"
    stand.sound.set()
    watching.shows(97)
    watching.until("altered", lambda: watching.facts()["trust"] == "altered")
    shown = watching.second()
    assert shown is not None
    assert 98 <= shown < 101.5


def test_another_validly_sealed_object_in_its_place_is_noticed(watching: Watching) -> None:
    main = watching.stand.segments[Stream.MAIN]
    watching.stand.objects[str(main[1].segment)] = watching.stand.objects[str(main[2].segment)]
    watching.go(5)
    watching.until("altered", lambda: watching.facts()["trust"] == "altered")
    assert watching.second() is None


def test_a_record_nobody_vouches_for_is_not_played(watching: Watching) -> None:
    stand = watching.stand
    stand.agent = type(stand.agent)(stand.agent.id, stand.tenant.deletion)
    watching.go(5)
    watching.until("refused", lambda: watching.facts()["trust"] == "altered")
    assert "bad-signature" in watching.facts()["message"]


def test_a_seek_fetches_only_what_it_needs_first(watching: Watching) -> None:
    watching.go(109)
    watching.shows(109)
    segment = next(s for s in watching.stand.segments[Stream.MAIN] if s.start_us == watching.stand.at(104))
    video_length = segment.parts[0].sealed_length
    asked = [r[1:] for r in watching.stand.ranges if r[0] == str(segment.segment)]
    begin, end = next(r for r in asked if r[0] < video_length)  # what lies behind the video is its sound
    wanted = video_length * (109 - 104) / 8
    assert begin <= wanted <= end
    assert end - begin < video_length / 2


def test_grants_that_end_are_renewed_and_the_picture_goes_on(watching: Watching) -> None:
    watching.go(1)
    watching.shows(1)
    watching.stand.grants.clear()
    posts = watching.stand.asked.count("POST /api/v1/playback")
    watching.page.keyboard.press("l")
    watching.page.keyboard.press("l")
    watching.page.evaluate("us => document.querySelector('vsaas-player').goTo(us)", watching.stand.at(90))
    watching.shows(90)
    assert watching.stand.asked.count("POST /api/v1/playback") > posts


def test_a_changed_root_raises_the_alarm_and_plays_nothing_until_it_is_trusted(watching: Watching) -> None:
    watching.go(3)
    watching.shows(3)
    _repin(watching, fingerprint="00" * 32)
    watching.page.reload()
    watching.until("alarm", lambda: watching.facts()["trust"] == "alarm")
    assert "root key of this organisation has changed" in watching.facts()["message"]
    assert watching.second() is None
    watching.page.get_by_label("I compared it").check()
    watching.page.get_by_role("button", name="Trust the new root key").click()
    watching.shows(3)


def test_statements_rolled_back_raise_the_alarm(watching: Watching) -> None:
    watching.go(3)
    watching.shows(3)
    _repin(watching, number=99)
    watching.page.reload()
    watching.until("alarm", lambda: watching.facts()["trust"] == "alarm")
    assert "older state" in watching.facts()["message"]
    assert watching.second() is None


def _repin(watching: Watching, **changes: object) -> None:
    pin = json.loads(watching.page.evaluate("localStorage.getItem('vsaas-root/stand')"))
    watching.page.evaluate("pin => localStorage.setItem('vsaas-root/stand', pin)", json.dumps(pin | changes))


def test_a_codec_the_browser_lacks_is_named_and_the_small_picture_shown(
    browser: Browser, stand: Stand
) -> None:
    other = Stand(now_us() - 3600 * US)
    other.record(0, video(0, 8), codec="hvc1.1.6.L93.B0")
    other.record(0, video(0, 8), stream=Stream.SUB)
    with Watching.opened(browser, other) as watching:
        watching.go(2)
        watching.shows(2)
        assert "H.265" in watching.facts()["toast"]
        watching.until("verified", lambda: watching.facts()["badge"] == "Verified")


def test_without_the_key_of_the_sound_the_picture_plays(browser: Browser, stand: Stand) -> None:
    for stored in stand.segments[Stream.MAIN]:
        stored.keys.pop(Rendition.AUDIO, None)
    with Watching.opened(browser, stand) as watching:
        watching.go(2)
        watching.shows(2)


def test_keys_pause_jump_and_change_speed(watching: Watching) -> None:
    watching.go(8)
    watching.shows(8)
    watching.page.keyboard.press("Space")
    watching.until("paused", lambda: watching.facts()["paused"])
    at = watching.until("a picture", watching.second)
    watching.page.keyboard.press(".")
    # The browser may have stopped with the picture before the one its clock stood at.
    on = watching.until(
        "one picture on", lambda: s if (s := watching.second()) and at + 0.05 < s < at + 0.25 else None
    )
    watching.page.keyboard.press("ArrowLeft")
    watching.shows(on - 5, within=1)
    watching.page.keyboard.press("Shift+>")
    assert watching.page.get_by_label("Speed").input_value() == "1.5"
    watching.page.keyboard.press("?")
    assert watching.page.get_by_role("dialog", name="Keys").is_visible()


def test_a_click_on_the_timeline_and_a_line_of_its_list_seek(watching: Watching) -> None:
    watching.go(2)
    watching.shows(2)
    canvas = watching.page.get_by_label("Timeline")
    for _ in range(3):
        canvas.press("+")
    where = canvas.evaluate("e => [Number(e.dataset.from), Number(e.dataset.to), e.clientWidth]")
    x = (watching.stand.at(95) - where[0]) / (where[1] - where[0]) * where[2]
    canvas.click(position={"x": x, "y": 40})
    watching.shows(95, within=1.5)
    watching.page.get_by_text("Recordings as a list").click()
    watching.page.get_by_role("button", name="Recorded").first.click()
    watching.shows(0, within=1.5)


def test_a_typed_time_is_shown(watching: Watching) -> None:
    watching.go(2)
    watching.shows(2)
    watching.page.get_by_title("Go to a time").click()
    field = watching.page.locator("input[type=datetime-local]")
    assert field.input_value()
    field.press("Enter")
    watching.until("the form is closed", lambda: not field.is_visible())
    watching.page.get_by_title("Go to a time").click()
    field.press("Enter")
    watching.until("it works again and again", lambda: not field.is_visible())


def test_axe_finds_nothing(browser: Browser, stand: Stand) -> None:
    with Watching.opened(browser, stand) as watching:
        watching.go(4)
        watching.shows(4)
        watching.page.get_by_text("Recordings as a list").click()
        watching.page.get_by_title("Go to a time").click()
        found = Axe().run(watching.page, options={"rules": PAGE_RULES_OFF})
        assert found.violations_count == 0, found.generate_report()


def test_it_fits_a_phone(browser: Browser, stand: Stand) -> None:
    with Watching.opened(browser, stand, width=390, height=844) as watching:
        watching.go(4)
        watching.shows(4)
        assert watching.page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_seek_without_a_connection_goes_on_by_itself_once_there_is_one(watching: Watching) -> None:
    watching.go(34)
    watching.shows(34)
    watching.page.context.set_offline(True)
    wanted_us = watching.stand.start_us + 3 * US
    watching.page.evaluate("us => void document.querySelector('vsaas-player').goTo(us)", wanted_us)
    watching.until("what is waited for", lambda: "Trying again by itself" in watching.facts()["message"])
    assert watching.facts()["phase"] == "stopped"
    watching.page.context.set_offline(False)
    watching.shows(3)
    assert watching.facts()["message"] == ""
