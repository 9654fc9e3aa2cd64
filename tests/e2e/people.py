"""People at the door: the set-up link, the authenticator app, signing in."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from django_otp.oath import totp
from playwright.sync_api import Page, expect

PASSWORD = "walnut ferry lantern meadow"
STEP_S = 30


@dataclass
class Owner:
    """The first owner of an organisation, and what the set-up gave them to keep."""

    slug: str
    name: str
    email: str
    password: str
    secret: str
    recovery_codes: list[str]

    def code(self, steps: int = 0) -> str:
        """What the authenticator app shows now; `steps`: that many codes later (a code works once)."""
        return app_code(self.secret, steps)

    def keep(self, path: Path) -> None:
        """For a later run against the same system."""
        path.write_text(json.dumps(asdict(self)))

    @classmethod
    def kept(cls, path: Path) -> Owner:
        """See keep."""
        return cls(**json.loads(path.read_text()))


def app_code(secret: str, steps: int = 0) -> str:
    """Six digits of a secret as shown (base32 in groups of four), as an app on a phone computes them."""
    key = base64.b32decode(secret.replace(" ", ""))
    counter_time = int(time.time()) // STEP_S + steps
    return f"{totp(key, step=STEP_S, t0=int(time.time()) - counter_time * STEP_S):06d}"


def shown_secret(page: Page) -> str:
    """The authenticator secret, as a person who cannot scan reads it."""
    page.get_by_text("Cannot scan? Type this instead").click()
    return page.locator("[data-totp-secret]").inner_text()


def set_up(page: Page, link: str, slug: str, name: str, email: str) -> Owner:
    """Goes through the set-up sequence without a slip, up to the overview."""
    page.goto(link)
    page.get_by_label("Your name").fill(name)
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Continue").click()
    secret = shown_secret(page)
    page.get_by_label("Code from your authenticator app").fill(app_code(secret))
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Keep these recovery codes")).to_be_visible()
    codes = page.locator("[data-recovery-codes] li").all_inner_texts()
    page.get_by_role("button", name="I saved them").click()
    expect(page).to_have_title(f"Live · {organisation_name(page)}")
    return Owner(slug, name, email, PASSWORD, secret, codes)


def organisation_name(page: Page) -> str:
    """The organisation's name as the top bar shows it."""
    return page.locator(".topbar .tenant").inner_text()


def give_password(page: Page, address: str, owner: Owner) -> None:
    """The first step of signing in."""
    page.goto(address)
    page.get_by_label("E-mail address").fill(owner.email)
    page.get_by_label("Password").fill(owner.password)
    page.get_by_role("button", name="Continue").click()
    expect(page.get_by_role("heading", name="Second factor")).to_be_visible()


def give_factor(page: Page, code: str) -> None:
    """The second step: a code of the app, or a recovery code."""
    page.get_by_label("Code from your authenticator app").fill(code)
    page.get_by_role("button", name="Sign in").click()
