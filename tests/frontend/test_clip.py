"""Clips in Chromium: what is written is opened again with PyAV, and its pixels say which second they show."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import av
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from sealing.ids import Rendition, Stream
from tests.frontend.pictures import second_of, tone, video
from tests.frontend.stand import US, Stand, now_us
from tests.frontend.test_player import PAGE_RULES_OFF
from tests.frontend.watching import Watching

pytestmark = pytest.mark.e2e

# A person cannot be asked here, so the browser's own private folder stands for the one they would choose.
CHOOSE = """
  window.chosen = [];
  const folder = () => navigator.storage.getDirectory();
  window.showSaveFilePicker = async ({ suggestedName }) => {
    window.chosen.push("file");
    return (await folder()).getFileHandle(suggestedName, { create: true });
  };
  window.showDirectoryPicker = async () => {
    window.chosen.push("folder");
    return folder();
  };
"""
NO_CHOICE = "delete window.showSaveFilePicker; delete window.showDirectoryPicker;"
FILES = """async () => {
  const out = {};
  for await (const [name, handle] of (await navigator.storage.getDirectory()).entries()) {
    const bytes = new Uint8Array(await (await handle.getFile()).arrayBuffer());
    let text = "";
    for (let at = 0; at < bytes.length; at += 32768) text += String.fromCharCode(...bytes.subarray(at, at + 32768));
    out[name] = btoa(text);
  }
  return out;
}"""


@dataclass(frozen=True)
class Clip:
    """A file as an implementation that knows nothing of ours reads it: when each picture stands, and what it shows."""

    shown: list[tuple[float, float]]
    heard_s: float
    audio: str | None
    metadata: dict[str, str]

    @classmethod
    def read(cls, data: bytes) -> Clip:
        with av.open(io.BytesIO(data)) as container:
            shown = [(float(frame.time or 0), second_of(frame)) for frame in container.decode(video=0)]
            metadata = dict(container.metadata)
            audio = container.streams.audio[0].codec_context.name if container.streams.audio else None
        heard_s = 0.0
        if audio:
            with av.open(io.BytesIO(data)) as container:
                heard_s = sum(frame.samples / frame.sample_rate for frame in container.decode(audio=0))
        return cls(shown, heard_s, audio, metadata)


def _begin(browser_page: Watching, second: float, *, choose: str = CHOOSE) -> None:
    browser_page.page.add_init_script(choose)
    browser_page.go(second)
    browser_page.shows(second)
    browser_page.page.keyboard.press("Space")
    browser_page.until("paused", lambda: browser_page.facts()["paused"])
    browser_page.page.get_by_role("button", name="Save a clip (E)").click()


def _local(watching: Watching, second: float) -> str:
    instant = datetime.fromtimestamp(watching.stand.at(second) / US, ZoneInfo("Europe/Berlin"))
    return instant.strftime("%Y-%m-%dT%H:%M:%S")


def _choose(watching: Watching, begin: float, end: float) -> None:
    """Types begin and end, and waits until the panel knows what is there."""
    for label, second in (("From", begin), ("To", end)):
        field = watching.page.get_by_label(label, exact=False).and_(
            watching.page.locator("input[type=datetime-local]")
        )
        field.last.fill(_local(watching, second))
        field.last.blur()
    expect(watching.page.locator(".vp-clip-facts")).not_to_contain_text("Looking", timeout=20_000)


def _save(watching: Watching) -> str:
    """Saves, and gives what the panel says at the end."""
    outcome = watching.page.locator(".vp-clip-outcome")
    watching.page.get_by_role("button", name="Save clip").click()
    expect(watching.page.locator(".vp-clip-work")).to_be_hidden(timeout=30_000)
    expect(outcome).not_to_be_empty()
    return outcome.inner_text()


def _files(watching: Watching) -> dict[str, bytes]:
    found: dict[str, str] = watching.page.evaluate(FILES)
    return {name: base64.b64decode(text) for name, text in sorted(found.items())}


@pytest.fixture
def whole(stand: Stand) -> float:
    """The first second of the footage whose wall clock is a whole second."""
    return (US - stand.start_us % US) % US / US


def test_a_clip_shows_the_right_second_at_every_instant_and_says_when_and_where_it_was(
    watching: Watching, whole: float
) -> None:
    _begin(watching, 5)
    _choose(watching, 5 + whole, 10 + whole)
    said = _save(watching)
    assert "Every byte was verified" in said
    ((name, data),) = _files(watching).items()
    clip = Clip.read(data)
    first = clip.shown[0][1]
    # From the key frame at or before the begin, up to the end, over the edge of a segment.
    assert first == int(5 + whole)
    assert clip.shown[-1][1] == pytest.approx(10 + whole, abs=0.11)
    assert [shown - first for _, shown in clip.shown] == pytest.approx(
        [time for time, _ in clip.shown], abs=0.001
    )
    assert clip.audio == "aac"
    assert clip.heard_s == pytest.approx(clip.shown[-1][0] + 0.1, abs=0.2)
    began = datetime.fromtimestamp(watching.stand.at(first) / US, UTC)
    assert clip.metadata["creation_time"].startswith(began.strftime("%Y-%m-%dT%H:%M:%S"))
    assert clip.metadata["title"].startswith("Gate, ")
    assert str(watching.stand.camera) in clip.metadata["comment"]
    assert began.strftime("%Y-%m-%dT%H:%M:%S.") in clip.metadata["comment"]
    assert "Verified when it was saved" in clip.metadata["comment"]
    assert name == f"Gate {_local(watching, 5 + whole).replace('T', ' ').replace(':', '.')}.mp4"
    assert watching.page.evaluate("window.chosen") == ["file"]


def test_the_portal_hears_of_a_clip_once_with_its_whole_time(watching: Watching, whole: float) -> None:
    _begin(watching, 5)
    _choose(watching, 5 + whole, 9 + whole)
    _save(watching)
    first = watching.stand.clips[0]
    assert "clip" not in first
    assert (first["from_us"], first["to_us"]) == tuple(watching.stand.at(s + whole) for s in (5, 9))
    assert all(asked.get("clip") for asked in watching.stand.clips[1:])


def test_a_gap_inside_makes_two_files_and_both_are_told_before_and_after(
    watching: Watching, whole: float
) -> None:
    _begin(watching, 18)
    _choose(watching, 18 + whole, 34 + whole)
    facts = watching.page.locator(".vp-clip-facts").inner_text()
    assert "2 files" in facts
    assert "could not be reached" in facts
    assert "2 files saved" in _save(watching)
    assert watching.page.evaluate("window.chosen") == ["folder"]
    clips = [Clip.read(data) for data in _files(watching).values()]
    assert [(clip.shown[0][1], clip.shown[-1][1]) for clip in clips] == [
        (int(18 + whole), pytest.approx(19.9)),
        (32, pytest.approx(34 + whole, abs=0.11)),
    ]
    assert [clip.audio for clip in clips] == ["aac", None]


def test_nothing_is_written_past_an_altered_byte(watching: Watching, whole: float) -> None:
    main = watching.stand.segments[Stream.MAIN]
    segment = next(s for s in main if s.start_us == watching.stand.at(96))
    watching.stand.alter(segment, 101.5)
    _begin(watching, 97)
    _choose(watching, 97 + whole, 110 + whole)
    said = _save(watching)
    assert "Altered at" in said
    assert "leaf-tampered" in said
    ((_, data),) = _files(watching).items()
    clip = Clip.read(data)
    assert clip.shown[0][1] == int(97 + whole)
    assert 98 <= clip.shown[-1][1] < 101.5


def test_g711_is_saved_as_flac_and_a_continuation_from_its_key_frame(
    watching: Watching, whole: float
) -> None:
    _begin(watching, 50)
    _choose(watching, 50 + whole, 54 + whole)
    _save(watching)
    ((_, data),) = _files(watching).items()
    clip = Clip.read(data)
    assert clip.audio == "flac"
    assert clip.shown[0][1] == pytest.approx(44.15, abs=0.01)
    assert clip.shown[-1][1] == pytest.approx(54 + whole, abs=0.11)
    # FLAC blocks of G.711 last up to half a second.
    assert clip.heard_s == pytest.approx(clip.shown[-1][0], abs=0.55)


def test_opus_is_heard_and_saved_as_it_is(browser: Browser) -> None:
    stand = Stand(now_us() - 3600 * US)
    stand.record(0, video(0, 14), sound=tone(14, "opus"))
    whole = (US - stand.start_us % US) % US / US
    with Watching.opened(browser, stand) as watching:
        _begin(watching, 3)
        assert watching.until("Opus is heard", lambda: watching.facts()["soundBytes"] > 0)
        _choose(watching, 3 + whole, 7 + whole)
        assert "Every byte was verified" in _save(watching)
        ((_, data),) = _files(watching).items()
    clip = Clip.read(data)
    assert clip.audio == "opus"
    assert clip.heard_s == pytest.approx(clip.shown[-1][0] + 0.1, abs=0.2)


def test_b_frames_keep_their_times(watching: Watching, whole: float) -> None:
    _begin(watching, 66)
    _choose(watching, 66 + whole, 69 + whole)
    _save(watching)
    ((_, data),) = _files(watching).items()
    clip = Clip.read(data)
    first = clip.shown[0][1]
    assert [shown - first for _, shown in clip.shown] == pytest.approx(
        [time for time, _ in clip.shown], abs=0.001
    )


def test_without_a_place_to_choose_it_goes_to_the_downloads(watching: Watching, whole: float) -> None:
    _begin(watching, 3, choose=NO_CHOICE)
    _choose(watching, 3 + whole, 6 + whole)
    assert "250 MB" in watching.page.locator(".vp-clip-facts").inner_text()
    with watching.page.expect_download() as download:
        _save(watching)
    clip = Clip.read(download.value.path().read_bytes())
    assert clip.shown[0][1] == int(3 + whole)
    assert clip.metadata["creation_time"]
    assert download.value.suggested_filename.endswith(".mp4")


def test_a_cancelled_clip_leaves_nothing_and_can_be_saved_after_all(watching: Watching, whole: float) -> None:
    _begin(watching, 90)
    _choose(watching, 90 + whole, 118 + whole)
    watching.page.route("**/api/v1/clips", lambda route: None)
    watching.page.get_by_role("button", name="Save clip").click()
    # A slip does not end it.
    watching.page.get_by_role("button", name="Save a clip (E)").click()
    assert "Cancel it first" in watching.facts()["toast"]
    watching.page.get_by_role("button", name="Cancel").click()
    expect(watching.page.locator(".vp-clip-outcome")).to_contain_text("Cancelled")
    assert _files(watching) == {}
    watching.page.unroute("**/api/v1/clips")
    assert "Saved" in _save(watching)
    assert len(_files(watching)) == 1


def test_grants_that_end_meanwhile_are_renewed_under_the_same_ticket(
    watching: Watching, whole: float
) -> None:
    watching.stand.grant_seconds = 20
    _begin(watching, 3)
    _choose(watching, 3 + whole, 12 + whole)
    assert "Saved." in _save(watching)
    ((_, data),) = _files(watching).items()
    assert Clip.read(data).shown[-1][1] == pytest.approx(12 + whole, abs=0.11)
    tickets = [asked.get("clip") for asked in watching.stand.clips]
    assert len(tickets) > 2
    assert tickets[0] is None
    assert len(set(tickets[1:])) == 1


def test_where_nothing_is_stored_there_is_nothing_to_save(watching: Watching, whole: float) -> None:
    _begin(watching, 18)
    _choose(watching, 22 + whole, 26 + whole)
    assert "nothing to save" in watching.page.locator(".vp-clip-facts").inner_text()
    assert watching.page.get_by_role("button", name="Save clip").is_disabled()


def test_without_the_right_the_button_says_so_and_nothing_opens(browser: Browser, stand: Stand) -> None:
    stand.may_clip = False
    with Watching.opened(browser, stand) as watching:
        watching.go(3)
        watching.shows(3)
        button = watching.page.get_by_role("button", name="Your role does not let you save clips")
        assert button.get_attribute("aria-disabled") == "true"
        watching.page.keyboard.press("e")
        watching.until("told", lambda: "does not let you" in watching.facts()["toast"])
        assert watching.page.locator(".vp-clip").count() == 0


def test_a_right_withdrawn_meanwhile_is_told_in_the_portals_words(watching: Watching, whole: float) -> None:
    _begin(watching, 3)
    _choose(watching, 3 + whole, 6 + whole)
    problem = {"type": "urn:vsaas:problem:denied", "detail": "your role does not let you save a clip"}
    watching.page.route("**/api/v1/clips", lambda route: route.fulfill(status=403, json=problem))
    assert "your role does not let you save a clip" in _save(watching)
    assert _files(watching) == {}


def test_handles_on_the_timeline_choose_and_keys_mark(watching: Watching) -> None:
    _begin(watching, 5)
    field = watching.page.locator(".vp-clip input").first
    before = field.input_value()
    handle = watching.page.get_by_role("slider", name="Begin of the clip")
    handle.press("ArrowRight")
    assert field.input_value() > before
    box = watching.page.get_by_role("slider", name="End of the clip").bounding_box()
    assert box is not None
    end = watching.page.locator(".vp-clip input").nth(1)
    was = end.input_value()
    watching.page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    watching.page.mouse.down()
    watching.page.mouse.move(box["x"] - 60, box["y"] + box["height"] / 2, steps=4)
    watching.page.mouse.up()
    assert end.input_value() < was
    watching.page.locator(".vp-picture").focus()
    watching.page.keyboard.press("]")
    assert watching.until("the end is here", lambda: end.input_value() != was)
    watching.page.locator(".vp-clip input").first.press("Escape")
    assert watching.page.locator(".vp-clip").count() == 0


def test_without_the_right_to_hear_the_clip_is_mute(browser: Browser, stand: Stand, whole: float) -> None:
    for stored in stand.segments[Stream.MAIN]:
        stored.keys.pop(Rendition.AUDIO, None)
    with Watching.opened(browser, stand) as watching:
        _begin(watching, 3)
        _choose(watching, 3 + whole, 6 + whole)
        _save(watching)
        ((_, data),) = _files(watching).items()
        assert Clip.read(data).audio is None


def test_the_panel_fits_a_phone_and_axe_finds_nothing(browser: Browser, stand: Stand, whole: float) -> None:
    with Watching.opened(browser, stand, width=390, height=844) as watching:
        _begin(watching, 18)
        _choose(watching, 18 + whole, 34 + whole)
        assert watching.page.evaluate("document.documentElement.scrollWidth") <= 390
        found = Axe().run(watching.page, options={"rules": PAGE_RULES_OFF})
        assert found.violations_count == 0, found.generate_report()
