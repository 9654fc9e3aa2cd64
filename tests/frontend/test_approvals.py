"""Two people in two browsers: one waits, the other sees it and decides; and how their pages look."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from tests.approvals.stage import make_bound
from tests.cast import PASSWORD, Cast, code_of, sign_in
from tests.live_portal import aside
from tests.looks import looks_right
from vsaas.accounts.models import Account
from vsaas.accounts.sessions import cookie_name


@pytest.fixture
def people(database: None) -> Cast:
    return aside(lambda: make_bound()[0])


@pytest.fixture
def contexts(browser: Browser) -> Iterator[list[BrowserContext]]:
    made = [browser.new_context(), browser.new_context()]
    yield made
    for context in made:
        context.close()


def looks(page: Page, name: str) -> None:
    looks_right(page, name, "APPROVALS_SHOTS")


def signed_in(context: BrowserContext, portal: str, account: Account, slug: str) -> Page:
    cookie = aside(lambda: sign_in(account)).cookies[cookie_name(slug)]
    context.add_cookies([{"name": cookie.key, "value": cookie.value, "url": portal}])
    return context.new_page()


def at_the_door(context: BrowserContext, portal: str, account: Account, slug: str) -> Page:
    page = context.new_page()
    page.goto(f"{portal}/t/{slug}/sign-in?next=/t/{slug}/account")
    page.get_by_label("E-mail address").fill(account.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    page.get_by_label("Code from your authenticator app").fill(aside(lambda: code_of(account)))
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="A second person must approve")).to_be_visible()
    return page


def test_who_waits_is_let_in_by_who_sees_it_and_shut_out_when_it_is_withdrawn(
    contexts: list[BrowserContext], portal: str, people: Cast
) -> None:
    slug = people.tenant_a.slug
    alice = signed_in(contexts[0], portal, people.alice, slug)
    alice.goto(f"{portal}/t/{slug}/approvals")
    expect(alice.get_by_text("Nothing waits for you")).to_be_visible()
    olga = at_the_door(contexts[1], portal, people.olga, slug)
    # Nobody loads Alice's page again: the card comes by itself, and so does the number in the rail.
    card = alice.locator("article.request")
    expect(card).to_contain_text("Olga wants to sign in", timeout=30_000)
    expect(alice.locator(".rail [data-count=approvals]").first).to_contain_text("1")
    looks(olga, "waiting")
    looks(alice, "approvals")
    card.get_by_label("Code from your authenticator app").fill(aside(lambda: code_of(people.alice)))
    card.get_by_role("button", name="Approve").click()
    expect(alice.get_by_text("You approved what Olga asked for")).to_be_visible()
    expect(olga).to_have_url(f"{portal}/t/{slug}/recovery-codes", timeout=30_000)
    olga.get_by_role("button", name="I saved them").click()
    olga.goto(f"{portal}/t/{slug}/account")
    expect(olga.get_by_role("heading", name="My account")).to_be_visible()
    expect(alice.get_by_text("Approved by Alice")).to_be_visible(timeout=30_000)
    alice.get_by_role("button", name="Withdraw the approval").click()
    expect(alice.get_by_text("It is withdrawn.")).to_be_visible()
    olga.reload()
    expect(olga.get_by_role("heading", name="Not approved")).to_be_visible()


def test_the_rules_and_the_sealed_codes_look_right(
    contexts: list[BrowserContext], portal: str, people: Cast
) -> None:
    slug = people.tenant_a.slug
    alice = signed_in(contexts[0], portal, people.alice, slug)
    alice.goto(f"{portal}/t/{slug}/approvals/policy")
    expect(alice.get_by_role("checkbox", name="Operator")).to_be_checked()
    looks(alice, "policy")
    alice.goto(f"{portal}/t/{slug}/approvals/break-glass")
    alice.get_by_label("Your password").fill(PASSWORD)
    alice.get_by_label("Code from your authenticator app").fill(aside(lambda: code_of(people.alice)))
    alice.get_by_role("button", name="Make a code").click()
    sealed = alice.locator("#glass").inner_text()
    looks(alice, "break-glass")
    olga = at_the_door(contexts[1], portal, people.olga, slug)
    olga.get_by_text("Nobody can approve").click()
    olga.get_by_label("Break-glass code").fill(sealed)
    olga.get_by_role("button", name="Break the glass").click()
    expect(olga).to_have_url(f"{portal}/t/{slug}/recovery-codes")
    alice.goto(f"{portal}/t/{slug}/approvals")
    expect(alice.locator(".banner")).to_contain_text("Olga signed in without approval")
    looks(alice, "glass-broken")
