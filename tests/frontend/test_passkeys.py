"""Passkeys in Chromium, with the authenticator its debugging protocol offers: one is added, signs in beside the password, and
without it; the sign-in rules are looked at."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tenants.scope import tenant_scope
from tests.cast import PASSWORD, Cast, code_of, make_cast
from tests.live_portal import Portal, aside
from vsaas.accounts.models import RecoverySet, TotpDevice

SHOTS = os.environ.get("PASSKEY_SHOTS")


@pytest.fixture(scope="module")
def portal(database: None, pages: None) -> Iterator[str]:
    """A portal that is reached by a name: browsers make no passkeys for an address of numbers."""
    made = Portal(ALLOWED_HOSTS="localhost,127.0.0.1")
    address = f"http://localhost:{made.port}"
    made.changes["PUBLIC_URL"] = address
    made.start()
    yield address
    made.stop()


@pytest.fixture
def people(database: None) -> Cast:
    """The cast; Alice has kept her recovery codes."""

    def make() -> Cast:
        cast = make_cast()
        with tenant_scope(cast.tenant_a.id):
            RecoverySet.objects.create(user=cast.alice, name="Recovery codes", saved_at=cast.alice.created_at)
        return cast

    return aside(make)


def code(cast: Cast) -> str:
    """A code of Alice's app that was not taken yet."""

    def make() -> str:
        with tenant_scope(cast.tenant_a.id):
            TotpDevice.objects.filter(user=cast.alice).update(last_step=-1)
        return code_of(cast.alice)

    return aside(make)


def with_authenticator(page: Page) -> None:
    """Gives the page's browser a device that holds passkeys and knows its person."""
    cdp = page.context.new_cdp_session(page)
    cdp.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def shot(page: Page, name: str) -> None:
    if not SHOTS:
        return
    for width in (1440, 390):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)
            page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})


def password(page: Page, door: str, cast: Cast) -> None:
    page.goto(f"{door}/sign-in")
    page.get_by_label("E-mail address").fill(cast.alice.email)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def leave(page: Page, door: str) -> None:
    page.context.clear_cookies()
    page.goto(f"{door}/sign-in")


def test_a_passkey_is_added_signs_in_and_does_so_alone(browser: Browser, portal: str, people: Cast) -> None:
    door = f"{portal}/t/{people.tenant_a.slug}"
    with browser.new_context() as context:
        page = context.new_page()
        with_authenticator(page)
        password(page, door, people)
        expect(page.get_by_role("button", name="Use a passkey instead")).to_have_count(0)
        page.get_by_label("Code from your authenticator app").fill(code(people))
        page.get_by_role("button", name="Sign in").click()
        add(page, door, people)
        leave(page, door)
        password(page, door, people)
        shot(page, "factor")
        page.get_by_role("button", name="Use a passkey instead").click()
        expect(page.locator("[data-frame]")).to_be_visible()
        allow_alone(page, door)
        leave(page, door)
        shot(page, "sign-in")
        page.get_by_role("button", name="Sign in with a passkey").click()
        expect(page.locator("[data-frame]")).to_be_visible()


def add(page: Page, door: str, cast: Cast) -> None:
    page.goto(f"{door}/account")
    page.get_by_role("link", name="Add a passkey").click()
    page.get_by_label("Your password").fill(PASSWORD)
    page.get_by_label("Code from your authenticator app").fill(code(cast))
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Name").fill("This laptop")
    shot(page, "new")
    page.get_by_role("button", name="Add it").click()
    expect(page.get_by_text("The passkey is added.")).to_be_visible()
    expect(page.get_by_text("This laptop")).to_be_visible()
    shot(page, "account")


def allow_alone(page: Page, door: str) -> None:
    page.goto(f"{door}/organisation/sign-in")
    page.get_by_label("A passkey is enough, without the password").check()
    shot(page, "rules")
    page.get_by_role("button", name="Save the rules").click()
    expect(page.get_by_text("The rules are saved.")).to_be_visible()
