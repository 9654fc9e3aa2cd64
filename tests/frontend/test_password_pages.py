"""Passwords of cameras in the browser: preview, run, report, one camera's page, and the password for a minute."""

from __future__ import annotations

from playwright.sync_api import expect

from protocol.passwords import PasswordReport, seal_password
from tenants.scope import tenant_scope
from tests.cast import code_of
from tests.frontend.test_estate import Estate, estate
from tests.looks import looks_right
from vsaas.agents.presence import presence_key
from vsaas.cameras.models import CameraPassword, PasswordChange
from vsaas.cameras.passwords import take_report
from vsaas.common import clock
from vsaas.common.redis import client
from vsaas.keys.models import KeyPurpose
from vsaas.keys.tenant_keys import newest_key

__all__ = ["estate"]
SOON_MS = 20_000
PICTURES = "PASSWORD_PICTURES"


def test_passwords_are_changed_and_one_is_shown_in_the_browser(estate: Estate) -> None:
    tenant, agent = estate.cast.tenant_a.id, estate.box.agent_id
    assert agent is not None
    client().set(presence_key(agent), "tests", ex=120)
    page = estate.page("cameras/passwords")
    page.get_by_label("Change the passwords of").select_option("all")
    page.get_by_role("button", name="Show what will happen").click()
    expect(page.get_by_text("gets a new password").first).to_be_visible()
    looks_right(page, "passwords", PICTURES)
    page.get_by_role("button", name="Change the password").click()
    page.wait_for_url("**/cameras/passwords/*-*")
    while True:
        with tenant_scope(tenant, keys=True):
            asked = PasswordChange.objects.filter(state="asked").first()
            if asked is None:
                break
            take_report(agent, PasswordReport(asked.id, "separate-users"))
    expect(page.locator("#run")).to_contain_text(
        "users for ONVIF beside those of its streams", timeout=SOON_MS
    )
    looks_right(page, "password-run", PICTURES)
    with tenant_scope(tenant):
        key = newest_key(tenant, KeyPurpose.RECIPIENT)
        change = PasswordChange.objects.filter(camera=estate.camera).latest("id").id
        sealed = seal_password(
            tenant, estate.camera.id, change, "aB3-shown-for-a-minute", bytes(key.public_key)
        )
        known = {"changed_at": clock.now(), "change": change, "sealed": sealed, "recipient": key.kid}
        CameraPassword.objects.update_or_create(camera=estate.camera, defaults=known)
    page.goto(estate.url(f"cameras/{estate.camera.id}/password"))
    looks_right(page, "camera-password", PICTURES)
    page.get_by_role("button", name="Show it for a minute").click()
    if page.get_by_label("Code").count():
        page.get_by_label("Code").fill(code_of(estate.cast.alice))
        page.keyboard.press("Enter")
    expect(page.locator("#password")).to_have_text("aB3-shown-for-a-minute", timeout=SOON_MS)
    looks_right(page, "password-shown", PICTURES)
    assert estate.noise == []
