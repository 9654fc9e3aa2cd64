"""Codes that are sent and a lost factor in Chromium: two people at two browsers, and how their pages look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from playwright.sync_api import Browser, Page, expect, sync_playwright

from tenants.scope import tenant_scope
from tests.accounts.test_hours_looks import come_as
from tests.accounts.test_lost_factor import first_code
from tests.cast import PASSWORD, Cast, code_of, make_cast, sign_in
from tests.frontend.conftest import CHROMIUM, FLAGS
from tests.live_portal import aside, running_portal
from tests.looks import looks_right
from vsaas.accounts.models import Account, SignInPolicy, TotpDevice

PICTURES = "FACTOR_PICTURES"


@pytest.fixture(scope="module")
def made(database: None, pages: None) -> tuple[Cast, Client]:
    """An organisation that accepts codes by e-mail, and Alice, signed in."""
    cast = make_cast()
    with tenant_scope(cast.tenant_a.id):
        SignInPolicy.objects.create(kinds=["app", "email-code"])
    return cast, sign_in(cast.alice)


@pytest.fixture
def browser(made: tuple[Cast, Client]) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield running
        running.close()


def new_app_of(account: Account) -> TotpDevice:
    with tenant_scope(account.tenant_id):
        return TotpDevice.objects.get(user=account, confirmed=False)


def at_the_door(page: Page, base: str, email: str) -> None:
    page.goto(f"{base}/sign-in")
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()


def test_one_asks_for_a_new_factor_and_the_other_approves_it(
    made: tuple[Cast, Client], browser: Browser
) -> None:
    cast, alices = made
    with running_portal() as address:
        base = f"{address}/t/{cast.tenant_a.slug}"
        olga, alice = browser.new_context().new_page(), browser.new_context().new_page()
        come_as(alice, address, alices)
        at_the_door(olga, base, cast.olga.email)
        olga.get_by_role("button", name="Code by e-mail").click()
        expect(olga.get_by_text("A code is on its way")).to_be_visible()
        looks_right(olga, "factor", PICTURES)
        with olga.expect_navigation():
            olga.get_by_role("link", name="I have lost my second factor").click()
        looks_right(olga, "lost", PICTURES)
        alice.goto(f"{base}/approvals")
        olga.get_by_label("What happened").fill("My phone fell into the harbour. Call me: extension 14.")
        olga.get_by_role("button", name="Ask for a new second factor").click()
        expect(olga.get_by_role("heading", name="Somebody else must approve")).to_be_visible()
        looks_right(olga, "lost waiting", PICTURES)
        expect(alice.get_by_text("has lost the second factor")).to_be_visible()  # by itself
        looks_right(alice, "lost approvals", PICTURES)
        alice.get_by_label("Code from your authenticator app").fill(aside(lambda: code_of(cast.alice)))
        alice.get_by_role("button", name="Approve").click()
        expect(olga.get_by_role("heading", name="Set up a new second factor")).to_be_visible()  # by itself
        looks_right(olga, "lost approved", PICTURES)
        olga.get_by_role("link", name="Set up an authenticator app").click()
        new = aside(lambda: new_app_of(cast.olga))
        olga.get_by_label("Code from your authenticator app").fill(first_code(new))
        olga.get_by_role("button", name="Continue").click()
        expect(olga.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
        alice.goto(f"{base}/organisation/sign-in")
        looks_right(alice, "sign-in rules", PICTURES)
