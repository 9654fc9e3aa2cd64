"""People, my account and the audit log in Chromium, on a portal of its own: they fit, they hold to axe, the keyboard
reaches everything, and an invited person gets in by what the page shows."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tenants.permissions import OPERATOR, VIEWER
from tenants.scope import tenant_scope
from tests.cast import Cast, make_account, make_cast, make_site, sign_in
from tests.e2e.people import PASSWORD, app_code, shown_secret
from tests.live_portal import aside
from tests.looks import looks_right
from vsaas.accounts.acts import RENAMED
from vsaas.accounts.models import Account
from vsaas.accounts.sessions import cookie_name
from vsaas.audit.sequencer import sequence_tenant
from vsaas.audit.services import record_act, system


@pytest.fixture(scope="module")
def people(database: None) -> Cast:
    """The cast, with names that are hard to draw, and some history."""

    def make() -> Cast:
        cast = make_cast()
        with tenant_scope(cast.tenant_a.id):
            make_site("Nordtor hinter der langen Lagerhalle am alten Güterbahnhof, Tor 17 links")
            make_account(
                "Ludmilla Längstername von und zu Hohenlinden-Wartenberg", OPERATOR, email="l@example.org"
            )
            make_account("محمد عبد الرحمن", VIEWER, cast.site_a, email="m@example.org", factor=False)
            make_account("👩‍🚒 Fire brigade", VIEWER, cast.other_site_a, email="fire@example.org")
            make_account("x" * 120, None, email="x" * 200 + "@example.org")
            record_act(RENAMED, system("tests"), before="Bob", after="Längstername " * 30)
        return cast

    return aside(make)


def signed_in(
    browser: Browser, portal: str, account: Account, slug: str, **options: object
) -> BrowserContext:
    """A browser with the session of somebody who signed in as people do."""
    cookie = aside(lambda: sign_in(account)).cookies[cookie_name(slug)]
    context = browser.new_context(**options)  # type: ignore[arg-type]
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=portal)
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": portal}])
    return context


@pytest.fixture(scope="module")
def owner(browser: Browser, portal: str, people: Cast) -> Iterator[BrowserContext]:
    context = signed_in(browser, portal, people.alice, people.tenant_a.slug)
    yield context
    context.close()


def looks(page: Page, name: str) -> None:
    looks_right(page, name, "PEOPLE_SHOTS")


PAGES = {
    "people": "people",
    "people-found-none": "people?q=nobody-like-that",
    "invite": "people/invite",
    "member": "people/{bob}",
    "member-oneself": "people/{alice}",
    "remove": "people/{bob}/remove",
    "grant-add": "people/{bob}/grants",
    "rights": "people/{bob}/rights",
    "roles": "roles",
    "role": "roles/viewer",
    "role-new": "roles/new?from=operator",
    "account": "account",
    "account-password": "account/password",
    "account-factor": "account/factor",
    "audit": "audit",
    "audit-filtered": "audit?person=Alice&act=session.",
    "audit-nothing": "audit?text=nothing-like-that",
}


@pytest.mark.parametrize("name", PAGES)
def test_every_page_fits_in_both_themes_and_holds_to_axe(
    owner: BrowserContext, portal: str, people: Cast, name: str
) -> None:
    rest = PAGES[name].format(bob=people.bob.id, alice=people.alice.id)
    page = owner.new_page()
    errors: list[str] = []
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    page.goto(f"{portal}/t/{people.tenant_a.slug}/{rest}")
    expect(page.locator("h1").first).to_be_visible()
    looks(page, name)
    assert errors == []
    page.close()


def test_an_invited_person_gets_in_by_the_link_the_page_shows_and_copies(
    owner: BrowserContext, browser: Browser, portal: str, people: Cast
) -> None:
    slug = people.tenant_a.slug
    page = owner.new_page()
    page.goto(f"{portal}/t/{slug}/people")
    page.get_by_role("link", name="Invite somebody").click()
    page.get_by_label("Name", exact=True).fill("Nadia")
    page.get_by_label("E-mail address").fill("bob@example.org")
    page.get_by_role("radio", name="Operator").check()
    page.get_by_role("radio", name="All sites, also").check()
    expect(page.get_by_role("checkbox", name="Gate")).to_be_hidden()
    page.get_by_role("radio", name="These sites").check()
    page.get_by_role("checkbox", name="Gate").check()
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("alert")).to_contain_text("has this address already")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Nadia")
    expect(page.get_by_role("checkbox", name="Gate")).to_be_checked()
    looks(page, "invite-refused")
    page.get_by_label("E-mail address").fill("nadia@example.org")
    page.get_by_role("button", name="Make the link").click()
    expect(page.get_by_role("heading", name="The link for Nadia")).to_be_visible()
    page.wait_for_load_state("load")  # the script that copies comes with the page, behind its text
    link = page.locator("[data-one-time-link]").inner_text()
    page.get_by_role("button", name="Copy").click()
    page.wait_for_function("link => navigator.clipboard.readText().then((text) => text === link)", arg=link)
    looks(page, "invite-link")
    guest = browser.new_context()
    theirs = guest.new_page()
    theirs.goto(link)
    expect(theirs.get_by_text("Alice invited you as")).to_be_visible()
    looks(theirs, "invited")
    theirs.get_by_label("Password").fill(PASSWORD)
    theirs.get_by_role("button", name="Continue").click()
    theirs.get_by_label("Code from your authenticator app").fill(app_code(shown_secret(theirs)))
    theirs.get_by_role("button", name="Continue").click()
    theirs.get_by_role("button", name="I saved them").click()
    expect(theirs).to_have_url(f"{portal}/t/{slug}/")
    theirs.goto(f"{portal}/t/{slug}/account")
    expect(theirs.get_by_text("joined as Operator of Gate, invited by Alice")).to_be_visible()
    page.goto(f"{portal}/t/{slug}/people")
    expect(page.get_by_role("link", name="Nadia")).to_be_visible()
    guest.close()
    page.close()


def test_the_download_arrives_in_pieces_as_a_file_and_the_button_can_be_used_again(
    owner: BrowserContext, portal: str, people: Cast
) -> None:
    page = owner.new_page()
    page.goto(f"{portal}/t/{people.tenant_a.slug}/audit")
    button = page.get_by_role("button", name="Download as CSV")
    for _ in range(2):
        with page.expect_download() as wait:
            button.click()
        download = wait.value
        assert re.fullmatch(
            rf"audit-{people.tenant_a.slug}-\d{{4}}-\d\d-\d\d\.csv", download.suggested_filename
        )
        text = Path(download.path()).read_text(encoding="utf-8-sig")
        assert text.startswith("time_utc,sentence,")
        assert "signed in with the authenticator app" in text
    page.close()


def test_an_entry_is_one_click_away_with_its_hash_and_that_the_chain_holds(
    owner: BrowserContext, portal: str, people: Cast
) -> None:
    aside(lambda: sequence_tenant(people.tenant_a.id))
    page = owner.new_page()
    page.goto(f"{portal}/t/{people.tenant_a.slug}/audit?act=session.signed-in")
    page.locator(".log a").first.click()
    expect(page.get_by_text("The chain holds here")).to_be_visible()
    expect(page.locator("#raw")).to_contain_text('"hash"')
    looks(page, "audit-entry")
    page.close()


_FOCUSABLE = """() => [...document.querySelectorAll(
    "main a[href], main button, main input:not([type=hidden]), main select, main summary, main [tabindex='0']")]
  .filter((e) => !e.disabled && e.checkVisibility({ visibilityProperty: true })
    && !(e.type === "radio" && !e.checked && document.querySelector(`input[name="${e.name}"]:checked`)))"""


@pytest.mark.parametrize("name", ["people", "invite", "member", "account", "audit-filtered"])
def test_the_keyboard_reaches_every_control_and_shows_where_it_is(
    owner: BrowserContext, portal: str, people: Cast, name: str
) -> None:
    page = owner.new_page()
    page.set_viewport_size({"width": 1440, "height": 900})
    rest = PAGES[name].format(bob=people.bob.id, alice=people.alice.id)
    page.goto(f"{portal}/t/{people.tenant_a.slug}/{rest}")
    count = page.evaluate(f"() => ({_FOCUSABLE})().length")
    assert count
    reached = set()
    for _ in range(count + 60):  # date fields take several stops each
        page.keyboard.press("Tab")
        stop = page.evaluate(
            f"""() => {{ const e = document.activeElement; const s = getComputedStyle(e);
            return {{ index: ({_FOCUSABLE})().indexOf(e), what: e.outerHTML.slice(0, 120),
              ring: s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 }}; }}"""
        )
        if stop["index"] >= 0:
            assert stop["ring"], stop["what"]
            reached.add(stop["index"])
    assert reached == set(range(count))
    page.close()


def test_on_a_phone_every_control_is_large_enough_for_a_thumb(
    owner: BrowserContext, portal: str, people: Cast
) -> None:
    page = owner.new_page()
    page.set_viewport_size({"width": 390, "height": 844})
    for rest in ("people", "people/invite", f"people/{people.bob.id}", "account", "audit"):
        page.goto(f"{portal}/t/{people.tenant_a.slug}/{rest}")
        small = page.evaluate(
            """() => [...document.querySelectorAll("main .button, main select, main input")]
            .filter((e) => !["hidden", "radio", "checkbox"].includes(e.type))
            .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 43.5)
            .map((e) => e.outerHTML.slice(0, 120))"""
        )
        assert small == [], rest
    page.close()
