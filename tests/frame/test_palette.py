"""The palette: from anywhere to a camera, a page or a second, by keyboard alone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.db import connections
from django.test.utils import CaptureQueriesContext
from playwright.sync_api import Locator, Page, expect

from tenants.scope import tenant_scope
from tests.boxes import make_box
from tests.cast import make_cast, sign_in
from tests.frame.conftest import EMOJI, LONG, PHONE, RIGHT_TO_LEFT, House, Noise, Opens, _camera
from tests.frame.test_frame import keep_picture
from tests.live_portal import aside
from vsaas.cameras.models import Camera

Address = Callable[..., str]


def call(page: Page) -> None:
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_visible()  # the page's script runs
    page.keyboard.press("Control+k")
    expect(page.get_by_role("dialog", name="Search")).to_be_visible()
    expect(found(page).first).to_be_visible()


def field(page: Page) -> Locator:
    """Where one types."""
    return page.locator(".palette").get_by_role("combobox")


def found(page: Page) -> Locator:
    """The rows of the palette."""
    return page.locator(".palette").get_by_role("option")


def options(page: Page) -> list[str]:
    return page.locator(".palette-option .palette-title").all_inner_texts()


def test_a_camera_is_a_few_keys_away(alice: Page, house: House, address: Address) -> None:
    alice.goto(address("agents"))
    call(alice)
    typed = field(alice)
    expect(typed).to_be_focused()
    alice.keyboard.type("gate")
    expect(found(alice).first).to_contain_text("Gate 1")
    assert options(alice)[:2] == ["Gate 1", "Gate 2"]  # by their own name before those at the site Gate
    chosen = alice.locator("[role=option][aria-selected=true]")
    expect(chosen).to_contain_text("Gate 1")
    alice.keyboard.press("ArrowDown")
    expect(chosen).to_contain_text("Gate 2")
    assert typed.get_attribute("aria-activedescendant") == chosen.get_attribute("id")
    alice.keyboard.press("ArrowUp")
    alice.keyboard.press("ArrowUp")  # round and round
    assert chosen.get_attribute("id") == found(alice).last.get_attribute("id")
    alice.keyboard.press("ArrowDown")
    alice.keyboard.press("ArrowDown")
    alice.keyboard.press("Enter")
    expect(alice).to_have_url(address(f"cameras/{house.cameras['Gate 2'].id}"))


def test_a_camera_and_a_time_open_that_second(alice: Page, house: House, address: Address) -> None:
    alice.goto(address())
    call(alice)
    alice.keyboard.type("gate 2 2026-01-15 14:03")
    first = found(alice).first
    expect(first).to_contain_text("Gate 2")
    expect(first).to_contain_text("14:03:00")
    alice.keyboard.press("Enter")
    # Berlin is an hour ahead of UTC in January.
    page = re.escape(address(f"cameras/{house.cameras['Gate 2'].id}"))
    expect(alice).to_have_url(re.compile(page + r"\?t=2026-01-15T13(:|%3A)03(:|%3A)00"))
    player = alice.locator("vsaas-player")
    expect(player).to_have_attribute("data-time-us", "1768482180000000")
    # On the camera's own page the player goes there without the page being left.
    alice.evaluate("window.stayed = true")
    call(alice)
    alice.keyboard.type("2026-01-15 14:05")
    expect(found(alice).first).to_contain_text("14:05:00")
    alice.keyboard.press("Enter")
    expect(alice).to_have_url(re.compile(r"\?t=2026-01-15T13(:|%3A)05"))
    assert alice.evaluate("window.stayed") is True


def test_names_in_any_script_are_found(alice: Page, address: Address) -> None:
    alice.goto(address("agents"))
    call(alice)
    for typed, name in (("הכניסה", RIGHT_TO_LEFT), ("door", EMOJI), ("bakery", LONG)):
        field(alice).fill(typed)
        expect(found(alice).first).to_contain_text(name)
    field(alice).fill("qqqq")
    expect(found(alice)).to_have_count(0)
    expect(alice.get_by_text("Nothing here is called that").first).to_be_visible()


def test_where_one_was_last_comes_first_and_sign_out_forgets_it(
    context_of: Opens, house: House, address: Address
) -> None:
    page = context_of(house.cast.olga).new_page()
    page.goto(address())
    for name, lands in (("Gate 1", "**/cameras/*"), ("Yard", "**/?site=*")):
        call(page)
        field(page).fill(name)
        expect(found(page).first).to_contain_text(name)
        page.keyboard.press("Enter")
        page.wait_for_url(lands)
    call(page)
    expect(page.get_by_role("group", name="Recent").get_by_role("option")).to_have_text(
        [re.compile("Yard"), re.compile("Gate 1")]
    )
    field(page).fill("sign out")
    expect(found(page)).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    left = page.evaluate("Object.keys(localStorage).concat(Object.keys(sessionStorage))")
    # The organisation's pinned root stays: it protects whoever signs in next.
    assert [name for name in left if name != f"vsaas-root/{house.slug}"] == []
    house.sessions.pop(str(house.cast.olga.pk))


def test_escape_gives_the_focus_back_and_the_page_keeps_its_own_keys(alice: Page, address: Address) -> None:
    alice.goto(address())
    button = alice.get_by_role("button", name="Search", exact=True)
    button.focus()
    alice.keyboard.press("Enter")
    expect(found(alice).first).to_be_visible()
    alice.keyboard.press("Escape")
    expect(alice.get_by_role("dialog")).to_have_count(0)
    expect(button).to_be_focused()
    call(alice)
    alice.keyboard.press("Control+k")
    expect(alice.get_by_role("dialog")).to_have_count(0)


@pytest.mark.parametrize(("size", "scheme"), [(None, "dark"), (PHONE, "light")])
def test_the_palette_reads_well(
    context_of: Opens, house: House, address: Address, size: dict[str, int] | None, scheme: str
) -> None:
    options = {"viewport": size} if size else {}
    page = context_of(house.cast.alice, color_scheme=scheme, **options).new_page()
    page.goto(address("agents"))
    page.get_by_role("button", name="Search", exact=True).click()
    for typed in ("", "gate yesterday 14:03", LONG[:30]):
        field(page).fill(typed)
        expect(found(page).first).to_be_visible()
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        keep_picture(page, f"palette-{typed[:5] or 'empty'}-{scheme}")
        wrong = Axe().run(page, options={"resultTypes": ["violations"]})
        assert wrong.violations_count == 0, wrong.generate_report()


def test_a_portal_that_does_not_answer_is_said_and_tried_again(
    alice: Page, address: Address, noise: Noise
) -> None:
    alice.goto(address("agents"))
    alice.route("**/palette.json", lambda route: route.abort())
    expect(alice.get_by_role("button", name="Search", exact=True)).to_be_visible()
    alice.keyboard.press("Control+k")
    expect(alice.get_by_text("The list of what can be found did not load")).to_be_visible()
    alice.unroute("**/palette.json")
    alice.get_by_role("button", name="Try again").click()
    expect(found(alice).first).to_be_visible()
    noise.heard = [line for line in noise.heard if "ERR_FAILED" not in line]


def test_it_lists_what_the_person_may_see_in_as_many_queries_for_many_as_for_one() -> None:
    def look() -> None:
        cast = make_cast()
        gate = make_box(cast.tenant_a, cast.site_a)
        yard = make_box(cast.tenant_a, cast.other_site_a)
        _camera(cast.tenant_a, gate, "Gate 1")
        hidden = _camera(cast.tenant_a, yard, "Yard 1")
        bob, alice = sign_in(cast.bob), sign_in(cast.alice)
        path = f"/t/{cast.tenant_a.slug}/palette.json"

        def asked() -> tuple[dict, int]:
            with CaptureQueriesContext(connections["default"]) as captured:
                reply = alice.get(path)
            return reply.json(), len(captured)

        before, few = asked()
        assert [camera["name"] for camera in before["cameras"]] == ["Gate 1", "Yard 1"]
        assert [site["time_zone"] for site in before["sites"]] == ["Europe/Berlin"] * 2
        assert [act["name"] for act in before["acts"]] == ["agents-enrol", "sync", "keys"]
        seen = bob.get(path)
        assert [camera["name"] for camera in seen.json()["cameras"]] == ["Gate 1"]
        assert seen.json()["people"] == []
        assert [act["name"] for act in seen.json()["acts"]] == ["sync"]
        assert str(hidden.id) not in seen.content.decode()
        assert seen["Cache-Control"] == "no-store"
        with tenant_scope(cast.tenant_a.id):
            first = Camera.objects.get(name="Gate 1")
            Camera.objects.bulk_create(
                Camera(
                    agent_id=first.agent_id,
                    site_id=first.site_id,
                    name=f"Hall {n}",
                    created_at=first.created_at,
                )
                for n in range(99)
            )
        after, many = asked()
        assert len(after["cameras"]) == 101
        assert many == few

    aside(look)
