"""German pages in Chromium: player, timeline, clip panel, cameras side by side, wall and palette, and what English pages load."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from sealing.ids import GapReason, Stream
from tests.frontend.live_stand import LiveStand, live
from tests.frontend.pictures import Coded, video
from tests.frontend.stand import DIST, US, Stand, now_us, served
from tests.frontend.test_clip import CHOOSE, FILES, Clip
from tests.frontend.test_timeline import Hand as EnglishHand
from tests.frontend.test_wall import Estate, Opened, estate, moving, opened, portal
from tests.frontend.watching import Watching

__all__ = ["estate", "moving", "opened", "portal"]
"""Fixtures of the wall's tests, which these share."""

pytestmark = pytest.mark.e2e

CATALOGUE: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "frontend" / "src" / "i18n" / "de.json").read_text()
)
WIDTHS = [(1440, 900), (390, 844)]
LONG = "Verladerampe des nordöstlichen Lagers, Untergeschoss, vom Pförtner aus gesehen"

_SHOWN = """(root) => {
  const out = [];
  for (const element of [root, ...root.querySelectorAll("*")]) {
    for (const name of ["aria-label", "title", "placeholder", "aria-valuetext"]) out.push(element.getAttribute(name) ?? "");
    for (const node of element.childNodes) if (node.nodeType === Node.TEXT_NODE) out.push(node.textContent);
  }
  return [...new Set(out.map((text) => text.replace(/\\s+/g, " ").trim()).filter(Boolean))];
}"""


def make_german(page: Page) -> None:
    """Every document says, before its modules run, that it is German: all that the browser's code goes by."""
    page.add_init_script(
        """document.addEventListener("readystatechange", () => {
          if (document.readyState === "interactive") document.documentElement.lang = "de";
        });"""
    )


def english_left(page: Page, selector: str) -> list[str]:
    """Texts of the front end that stand in the element in English though there is German for them."""
    keys = [key.split(" [")[0] for key in CATALOGUE]
    forms = [form if isinstance(form, str) else form["other"] for form in CATALOGUE.values()]
    german = set(forms)
    # A text with a placeholder is recognised by what stands around it.
    english = [
        re.compile(re.sub(r"\\\{\w+\\\}", r"\\S.*", re.escape(key)))
        for key, form in zip(keys, forms, strict=True)
        if key not in german and key != form and re.search(r"[a-z]{3}", re.sub(r"\{\w+\}", "", key))
    ]
    shown: list[str] = page.locator(selector).first.evaluate(_SHOWN)
    return [text for text in shown if any(pattern.fullmatch(text) for pattern in english)]


def sideways(page: Page) -> int:
    """By how many pixels the page is wider than its window."""
    found: int = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return found


def catalogues(stand: Stand) -> list[str]:
    return [asked for asked in stand.asked if "/assets/de-" in asked]


class Hand(EnglishHand):
    """Points at the timeline of a German page."""

    def said(self) -> str:
        return super().said().replace("Aufgenommen", "Recorded")


@pytest.fixture(params=WIDTHS, ids=["desktop", "phone"])
def german(request: pytest.FixtureRequest, browser: Browser, stand: Stand) -> Iterator[Watching]:
    width, height = request.param
    with Watching.opened(browser, stand, width=width, height=height) as page:
        make_german(page.page)
        yield page
        assert page.errors == []


def begin(page: Watching, second: float) -> None:
    """Opens the page; its words may come after everything else has been loaded."""
    page.go(second)
    page.page.locator(".vp-toast").wait_for(state="attached")


# ---- the player ----


def test_the_player_speaks_german_and_fits(german: Watching) -> None:
    begin(german, 7)
    german.shows(7)
    page = german.page
    expect(page.locator(".vp-badge")).to_have_text("Geprüft")
    expect(page.locator(".vp-late")).to_have_text("Aufnahme")
    expect(page.get_by_role("button", name="Anhalten (Leertaste)")).to_be_visible()
    expect(page.locator(".vp-select").first.locator("option").first).to_have_text("Volles Bild")
    expect(page.locator(".vp-how .vp-select").last.locator("option").first).to_have_text("0,5×")
    expect(page.locator(".vp-clock")).to_have_text(re.compile(r"^\d\d:\d\d:\d\d MES?Z$"))
    expect(page.locator(".vp-date")).to_have_text(re.compile(r"^(Mo|Di|Mi|Do|Fr|Sa|So)\., \d+\. \w+\.?$"))
    page.locator(".vp-badge").click()
    expect(page.get_by_role("region", name="Was über dieses Bild bekannt ist")).to_contain_text(
        "Jedes Byte wurde geprüft"
    )
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Tasten")).to_contain_text("Abspielen oder anhalten")
    assert sideways(page) == 0
    assert english_left(page, "vsaas-player") == []
    page.get_by_role("button", name="Schließen").click()
    page.get_by_role("button", name="Vergrößern (+)").first.click()
    expect(page.locator(".vp-zoom-text")).to_have_text("2,0×")
    page.locator(".vp-time").click()
    expect(page.locator(".vp-goto")).to_contain_text("Zeit (Europe/Berlin)")
    for part in (".vp-zoom", ".vp-goto button"):
        box = page.locator(part).bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= page.viewport_size["width"]  # type: ignore[index]
    assert sideways(page) == 0
    assert english_left(page, "vsaas-player") == []
    assert len(catalogues(german.stand)) == 1


def test_what_was_passed_over_and_what_was_altered_is_said_in_german(german: Watching) -> None:
    german.stand.alter(german.stand.segments[Stream.MAIN][2], 9)
    begin(german, 7)
    german.until("stops where it was altered", lambda: german.facts().get("trust") == "altered")
    message = german.page.locator(".vp-message")
    expect(message.locator("h2")).to_have_text(re.compile(r"^Verändert ab \w+\., \d+\. .+ MES?Z$"))
    expect(message).to_contain_text("Die Wiedergabe endet hier.")
    begin(german, 18)
    german.passes(32)
    expect(german.page.locator(".vp-toast")).to_have_text(
        re.compile(r"^Nicht aufgenommen: die Kamera war nicht erreichbar\. 12 s ab [\d:]+ übersprungen$")
    )
    assert english_left(german.page, "vsaas-player") == []


def test_the_timeline_says_what_is_under_the_pointer_in_german(german: Watching) -> None:
    hand = Hand(german)
    tip = german.page.locator(".timeline-tip")
    for second, words in [
        (10, r": Aufgenommen$"),
        (26, r": Nicht aufgenommen: die Kamera war nicht erreichbar \(12 s\)$"),
        (78, r": Auf dem Agenten, noch nicht hochgeladen \(4 s\)$"),
        (82, r": Nach den Regeln der Aufbewahrung gelöscht \(4 s\)$"),
    ]:
        german.page.mouse.move(hand.x(second), hand.y())
        expect(tip).to_have_text(re.compile(words))
        box = tip.bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= german.page.viewport_size["width"]  # type: ignore[index]
    german.page.locator(".timeline-list summary").click()
    expect(german.page.locator(".timeline-list li").first).to_have_text(
        re.compile(r" \d\d:\d\d:\d\d bis \d\d:\d\d:\d\d: Aufgenommen \(\d+ s\)$")
    )
    assert sideways(german.page) == 0
    assert english_left(german.page, "vsaas-player") == []


def test_the_clip_panel_is_german_and_fits(german: Watching) -> None:
    begin(german, 10)
    german.shows(10)
    german.page.keyboard.press("e")
    panel = german.page.get_by_role("region", name="Clip speichern")
    expect(panel.locator(".vp-clip-facts")).to_contain_text(
        "30 s, mit Ton, wo es welchen gibt. Er beginnt mit dem Schlüsselbild vor dem gewählten Beginn."
    )
    expect(panel).to_contain_text("Nicht aufgenommen: die Kamera war nicht erreichbar")
    expect(panel.get_by_role("button", name="Ab hier")).to_be_visible()
    expect(german.page.get_by_role("slider", name="Beginn des Clips")).to_be_visible()
    assert sideways(german.page) == 0
    assert english_left(german.page, "vsaas-player") == []


def test_a_saved_clip_says_in_german_what_is_known_of_it(browser: Browser, stand: Stand) -> None:
    with Watching.opened(browser, stand) as german:
        make_german(german.page)
        german.page.add_init_script(CHOOSE)
        begin(german, 5)
        german.shows(5)
        german.page.keyboard.press("e")
        german.page.get_by_role("button", name="Clip speichern", exact=True).click()
        outcome = german.page.locator(".vp-clip-outcome")
        expect(outcome).to_contain_text("Dateien gespeichert. Jedes Byte wurde geprüft", timeout=30_000)
        expect(outcome).to_contain_text("Ausgelassen: Nicht aufgenommen: die Kamera war nicht erreichbar.")
        assert english_left(german.page, "vsaas-player") == []
        written = [Clip.read(base64.b64decode(text)) for text in german.page.evaluate(FILES).values()]
        assert len(written) == 2
        for clip in written:
            assert clip.metadata["comment"].startswith(f"Kamera Gate ({stand.camera}), Hauptstrom, ")
            assert "Beim Speichern geprüft: vom Agenten signiert" in clip.metadata["comment"]
        assert german.errors == []


def test_time_that_is_not_uploaded_yet_is_asked_for_in_german(german: Watching) -> None:
    begin(german, 78)
    bar = german.page.locator(".upload-now")
    expect(bar).to_have_text(
        re.compile(r"[\d:]+ bis [\d:]+ ist auf dem Agenten und noch nicht hochgeladen\.\s*Jetzt hochladen$")
    )
    bar.get_by_role("button", name="Jetzt hochladen").click()
    expect(bar).to_contain_text(re.compile(r"Der Agent lädt dies zuerst hoch: 0 s von \d+ s sind da\."))
    assert sideways(german.page) == 0


def test_a_live_picture_says_in_german_how_late_it_is(browser: Browser, stand: Stand) -> None:
    with live(LiveStand(stand)) as running, Watching.opened(browser, running.stand) as german:
        make_german(german.page)
        german.page.goto(german.address)
        late = german.page.locator(".vp-late")
        expect(late).to_have_text(re.compile(r"^Live, \d+,\d s verzögert$"), timeout=20_000)
        expect(german.page.get_by_role("button", name="Live", exact=True)).to_be_visible()
        assert english_left(german.page, "vsaas-player") == []


# ---- cameras side by side ----


@pytest.fixture(scope="module")
def pair() -> Stand:
    """Two cameras with long names; the second has a gap at 10–15."""
    first = Stand(now_us() - 3600 * US, name=LONG)
    first.record(0, video(0, 30))
    second = Stand(first.start_us, tenant=first.tenant, name="Ladebucht")
    second.record(0, video(0, 10))
    second.gap(10, 15, GapReason.DISK_FULL)
    second.record(15, video(15_000, 15))
    first.beside.append(second)
    return first


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_cameras_side_by_side_are_german_and_fit(
    browser: Browser, pair: Stand, width: int, height: int
) -> None:
    with served(pair) as address:
        page = browser.new_page(viewport={"width": width, "height": height})
        make_german(page)
        cameras = f"{pair.camera},{pair.beside[0].camera}"
        at = datetime.fromtimestamp(pair.at(12) / US, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        page.goto(f"{address}sync?cameras={cameras}&at={at}")
        away = page.locator(".sync-tile").nth(1)
        expect(away.locator(".sync-why-title")).to_have_text(
            "Nicht aufgenommen: die Festplatte des Agenten war voll", timeout=20_000
        )
        expect(page.get_by_role("button", name="Alle anhalten (Leertaste)")).to_be_visible()
        expect(page.locator(".sync-add")).to_have_text("Kamera zum Vergleich hinzufügen")
        assert sideways(page) == 0
        assert english_left(page, "vsaas-sync") == []
        page.close()


# ---- the wall and the palette ----


@pytest.mark.parametrize(("width", "height"), WIDTHS)
def test_the_wall_is_german_and_fits(
    estate: Estate, opened: Opened, moving: Coded, width: int, height: int
) -> None:
    estate.add("Tor", recorded=moving)
    estate.add(LONG, "Hof", "Dach", "Halle")
    estate.beat(**{"Tor": "recording", LONG: "refused"})
    wall = opened("agents", viewport={"width": width, "height": height})
    page = wall.page
    make_german(page)
    page.goto(wall.address)
    expect(wall.tile("Tor").locator("[data-when]")).to_have_text(
        re.compile(r"^\d\d:\d\d:\d\d( \S+)? · vor \d+ (s|min)$"), timeout=20_000
    )
    expect(wall.tile(LONG).locator("[data-why-text]")).to_have_text("Die Kamera lehnt das Passwort ab")
    expect(wall.tile(LONG).locator(".since")).to_have_text(
        re.compile(r"^seit \d\d:\d\d:\d\d( \S+)? · vor 5 min$")
    )
    expect(page.get_by_text("5 Kameras", exact=True)).to_be_attached()  # a phone has no room for it
    assert sideways(page) == 0
    page.get_by_role("button", name="Ansichten").click()
    expect(page.get_by_text("Noch keine Ansichten.")).to_be_visible()
    assert sideways(page) == 0
    page.get_by_role("button", name="Als Ansicht speichern").click()
    expect(page.get_by_role("dialog")).to_contain_text("Allen in der Organisation zeigen")
    assert sideways(page) == 0
    page.get_by_role("dialog").get_by_role("button", name="Abbrechen").click()
    # What the portal itself wrote (names of states, links of the frame) is its own catalogue's business.
    assert english_left(page, "[data-wall-bar]") == []
    wall.tile("Tor").get_by_role("button", name="Tor vergrößern").press("Enter")
    expect(page.get_by_role("button", name="Zurück zu allen")).to_be_visible()
    assert wall.said() == "Tor vergrößert. Escape führt zurück."
    assert sideways(page) == 0


def test_the_palette_understands_german_times(estate: Estate, opened: Opened) -> None:
    estate.add("Tor 2")
    wall = opened("agents")
    page = wall.page
    make_german(page)
    page.goto(wall.address)
    page.keyboard.press("Control+k")
    field = page.get_by_role("combobox", name="Kamera, Seite, Person oder Zeit")
    expect(field).to_be_focused()
    expect(page.locator(".palette-note")).to_have_text(
        "Kamera und Zeit führen zu dieser Sekunde: Tor 2 gestern 14:03"
    )
    field.fill("tor gestern um 14 Uhr 30")
    first = page.get_by_role("option").first
    expect(page.locator(".palette-group").first).to_have_text("Zu dieser Zeit")
    expect(first).to_contain_text("Tor 2")
    expect(first).to_contain_text("14:30:00")
    assert english_left(page, ".palette-keys") == []


# ---- what it costs ----


def test_english_pages_fetch_no_catalogue_and_german_ones_fetch_one(browser: Browser, stand: Stand) -> None:
    with Watching.opened(browser, stand) as english:
        english.go(7)
        english.shows(7)
        assert catalogues(stand) == []
        expect(english.page.locator(".vp-badge")).to_have_text("Verified")
        make_german(english.page)
        english.go(7)
        english.shows(7)
        assert len(catalogues(stand)) == 1
        assert english.errors == []


def test_without_its_catalogue_a_german_page_works_in_english(browser: Browser, stand: Stand) -> None:
    with Watching.opened(browser, stand) as page:
        make_german(page.page)
        page.page.route(re.compile(r"/assets/de-"), lambda route: route.abort())
        page.go(7)
        page.shows(7)
        expect(page.page.locator(".vp-badge")).to_have_text("Verified")


def test_the_catalogue_is_a_small_file_of_its_own() -> None:
    manifest = json.loads((DIST / "manifest.json").read_text())
    assert manifest["src/i18n/de.json"]["isDynamicEntry"]
    imported = [name for entry in manifest.values() for name in entry.get("imports", ())]
    assert "src/i18n/de.json" not in imported
