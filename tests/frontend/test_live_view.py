"""The live view in Chromium: fragments sealed by `sealing`, the delay read from the pixels."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterator
from datetime import datetime

import av
import pytest
from playwright.sync_api import Browser

from sealing.cose import Ed25519Signer
from tests.frontend.live_stand import LiveStand, live
from tests.frontend.pictures import png_texts, second_of
from tests.frontend.stand import US, Stand, now_us
from tests.frontend.watching import Watching

pytestmark = pytest.mark.e2e


@pytest.fixture
def running(stand: Stand) -> Iterator[LiveStand]:
    with live(LiveStand(stand)) as live_stand:
        yield live_stand


@pytest.fixture
def page(browser: Browser, running: LiveStand) -> Iterator[Watching]:
    with Watching.opened(browser, running.stand) as watching:
        yield watching


def _playing(watching: Watching) -> None:
    watching.page.goto(watching.address)
    watching.until("plays", lambda: watching.facts().get("phase") == "playing" and watching.second())


def _late(watching: Watching) -> float:
    """Seconds between the picture's own clock and now."""
    shown = watching.second()
    assert shown is not None
    return (now_us() - watching.stand.start_us) / US - shown


def test_the_live_picture_is_under_two_seconds_old_and_becomes_verified(page: Watching) -> None:
    _playing(page)
    page.until("verified", lambda: page.facts()["badge"] == "Verified")
    page.until("under 2 s old", lambda: _late(page) < 2)
    said = int(page.facts()["delayMs"]) / 1000
    assert said == pytest.approx(_late(page), abs=0.6)


def test_a_still_of_the_live_picture_carries_its_own_time(page: Watching) -> None:
    _playing(page)
    page.until("verified", lambda: page.facts()["badge"] == "Verified")
    with page.page.expect_download() as download:
        page.page.keyboard.press("s")
    data = download.value.path().read_bytes()
    texts = png_texts(data)
    with av.open(io.BytesIO(data)) as container:
        shown = second_of(next(container.decode(video=0)))
    said = datetime.fromisoformat(texts["Creation Time"]).timestamp()
    # A live fragment holds two pictures and says when the first was taken.
    assert said == pytest.approx(page.stand.at(shown) / US, abs=0.25)
    assert "live view" in texts["Source"]


def test_a_stall_is_said_within_seconds_and_the_picture_comes_back(
    page: Watching, running: LiveStand
) -> None:
    _playing(page)
    running.stalled = True
    page.until("stall said", lambda: page.facts()["phase"] == "stalled", seconds=6)
    assert "No new picture" in page.facts()["message"]
    running.stalled = False
    page.until("plays again", lambda: page.facts()["phase"] == "playing")
    page.until("at the edge", lambda: _late(page) < 2)


def test_a_lost_connection_comes_back_by_itself(page: Watching, running: LiveStand) -> None:
    _playing(page)
    running.drop_viewers()
    page.until("a second viewer", lambda: running.viewers >= 2)
    page.until("plays again", lambda: page.facts()["phase"] == "playing" and _late(page) < 2)


def test_an_altered_fragment_ends_the_view(page: Watching, running: LiveStand) -> None:
    _playing(page)
    running.spoil = True
    page.until("altered", lambda: page.facts()["trust"] == "altered")
    assert "not the one the agent signed" in page.facts()["message"]
    assert page.facts()["phase"] == "stopped"


def test_an_agent_nobody_states_is_never_called_verified(browser: Browser, stand: Stand) -> None:
    with (
        live(LiveStand(stand, signer=Ed25519Signer(secrets.token_bytes(32)))) as running,
        Watching.opened(browser, running.stand) as watching,
    ):
        watching.page.goto(watching.address)
        watching.until("refused", lambda: watching.facts().get("trust") == "altered")
        assert "unknown-signer" in watching.facts()["message"]


def test_an_offline_agent_is_said_in_words(browser: Browser, stand: Stand) -> None:
    with (
        live(LiveStand(stand, status="agent-offline")) as running,
        Watching.opened(browser, running.stand) as watching,
    ):
        watching.page.goto(watching.address)
        watching.until("said", lambda: "agent is not connected" in watching.facts()["message"])


def test_sound_comes_along(browser: Browser, stand: Stand) -> None:
    with live(LiveStand(stand, sound=True)) as running, Watching.opened(browser, running.stand) as watching:
        _playing(watching)
        watching.until("sound", lambda: watching.facts()["soundBytes"] > 0)
        watching.until("under 2 s old", lambda: _late(watching) < 2)


def test_from_live_back_to_the_recording_and_to_live_again(page: Watching) -> None:
    _playing(page)
    page.page.evaluate("us => document.querySelector('vsaas-player').goTo(us)", page.stand.at(10))
    page.shows(10)
    assert page.facts()["mode"] == "playback"
    page.page.keyboard.press("Home")
    page.until("live", lambda: page.facts()["mode"] == "live" and page.facts()["phase"] == "playing")
    page.until("under 2 s old", lambda: _late(page) < 2)


def test_a_view_whose_hours_end_takes_its_last_picture_along_and_says_when_they_come_again(
    page: Watching, running: LiveStand
) -> None:
    _playing(page)
    running.end_viewers("outside-hours", "2031-03-03T07:00:00+00:00")
    page.until("said", lambda: "not let you watch live at this time" in page.facts()["message"])
    assert "It opens again on" in page.facts()["message"]
    assert "Mar 3" in page.facts()["message"]
    assert page.second() is None
    viewers = running.viewers
    page.page.wait_for_timeout(2500)  # it does not come back by itself
    assert running.viewers == viewers
