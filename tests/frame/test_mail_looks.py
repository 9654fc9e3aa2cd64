"""The pages of mail and links as people see them: no wider than the screen, readable by all, nothing complained about."""

from __future__ import annotations

from playwright.sync_api import Browser, Page, expect

from tenants.scope import tenant_scope
from tests import mailbox
from tests.frame.conftest import House, Noise, Opens
from tests.live_portal import Portal, aside
from tests.looks import looks_right
from vsaas.accounts import slowed
from vsaas.mail.models import Message


def look(page: Page, name: str) -> None:
    looks_right(page, name, "LOOKS")


def _things(house: House) -> None:
    """A message that failed, one to be read, and a sign-in of Olga's that is slowed down."""
    cast = house.cast
    with tenant_scope(cast.tenant_a.id):
        Message.objects.filter(kind="invitation").update(
            state="failed", error="the mail server said 550 5.1.1 <ingrid@example.org>: no such user here"
        )
        for place in ("203.0.113.7", slowed.EVERYWHERE):
            slowed.note(cast.tenant_a.id, cast.olga.email, "password", place, place, 600)


def test_a_password_is_set_anew_and_the_pages_look_right(
    browser: Browser,
    portal: Portal,
    house: House,
    noise: Noise,
    context_of: Opens,
) -> None:
    cast, base = house.cast, f"{portal.address}/t/{house.slug}/"
    context = browser.new_context()
    context.on("page", noise.listen)
    page = context.new_page()
    page.goto(base + "sign-in")
    look(page, "sign-in")
    page.get_by_role("link", name="Forgot your password?").click()
    look(page, "forgot")
    page.get_by_label("E-mail address").fill(cast.bob.email)
    page.get_by_role("button", name="Send the link").click()
    expect(page.locator("p[role=status]")).to_contain_text("a link is on its way")
    look(page, "forgot-asked")
    page.goto(
        portal.address + aside(lambda: mailbox.link_to(cast.tenant_a.id, cast.bob.email, "password-reset"))
    )
    assert page.url == base + "reset", "the token stands in the address no more"
    field = page.get_by_label("New password")
    field.fill("bob@example.org")
    said = page.locator("p[role=status]")
    expect(said).to_contain_text("made of your name")
    field.fill("walnut ferry lantern meadow")
    expect(said).to_contain_text("Very hard to guess")
    look(page, "reset")
    page.get_by_role("button", name="Set the password").click()
    expect(page.get_by_role("heading", name="Your new password is set")).to_be_visible()
    look(page, "reset-done")
    page.goto(portal.address + "/find-sign-in")
    look(page, "find-sign-in")
    context.close()
    aside(lambda: _things(house))
    page = context_of(cast.alice).new_page()
    for name in ("account", "account/email", "account/close", "mail", "people", f"people/{cast.olga.id}"):
        page.goto(base + name)
        look(page, name.replace("/", "-").split(str(cast.olga.id))[0])
    for name in ("roles/viewer", "roles/viewer/sessions"):
        page.goto(base + name)
        look(page, name.replace("/", "-"))
    page.goto(base + "mail")
    page.get_by_role("link", name=f"Read the message to {cast.bob.email}").first.click()
    look(page, "mail-message")
