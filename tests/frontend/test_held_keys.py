"""Customer-held keys in Chromium, against the portal itself, a real store and sealed footage: an owner makes their key and the
recovery kit, takes the keys over and plays; a member learns what is missing, is handed it, and plays too."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID, uuid4

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from protocol.passwords import seal_password
from tenants.models import Membership
from tenants.scope import tenant_scope
from tests import environment
from tests.agent_sim import AgentSim
from tests.boxes import make_keys
from tests.cast import Cast, make_cast, sign_in
from tests.frontend.pictures import video
from tests.frontend.portal import record_video
from tests.live_portal import Portal, aside
from vsaas.accounts.models import Account
from vsaas.cameras.models import CameraPassword
from vsaas.common import clock
from vsaas.common.object_store import object_store
from vsaas.keys.models import Envelope, Vault
from vsaas.keys.tasks import look_after_tenant

pytestmark = pytest.mark.e2e

US = 1_000_000
SECONDS = 8
SHOTS = os.environ.get("HELD_SHOTS")
PASSPHRASE = "ferry walnut lantern meadow quartz"


@pytest.fixture(scope="module")
def portal(database: None, object_store_server: None, pages: None) -> Iterator[str]:
    """A portal that is reached by a name: browsers make no passkeys for an address of numbers."""
    made = Portal(ALLOWED_HOSTS="localhost,127.0.0.1")
    address = f"http://localhost:{made.port}"
    made.changes["PUBLIC_URL"] = address
    made.start()
    aside(lambda: object_store().ensure_bucket(address))
    yield address
    aside(lambda: object_store().ensure_bucket(environment.PUBLIC_URL))
    made.stop()


@dataclass
class House:
    """Tenant A with one camera and some seconds of it, recorded while the portal held the keys."""

    portal: str
    cast: Cast
    agent: AgentSim
    camera: UUID
    start_us: int

    @property
    def door(self) -> str:
        return f"{self.portal}/t/{self.cast.tenant_a.slug}"

    def at(self, second: float) -> str:
        """The camera's page at a second of the footage."""
        instant = datetime.fromtimestamp(self.start_us / US + second, UTC)
        return f"{self.door}/cameras/{self.camera}?t={instant:%Y-%m-%dT%H:%M:%SZ}"


@pytest.fixture
def house(portal: str) -> House:
    def make() -> House:
        cast = make_cast()
        make_keys(cast.tenant_a)
        agent = AgentSim.enrol(cast.tenant_a.id, cast.site_a)
        camera = agent.add_camera("Gate")
        start_us = (time.time_ns() // 1000 // US - 40) * US
        record_video(agent, camera, start_us, video(0, SECONDS))
        return House(portal, cast, agent, camera, start_us)

    return aside(make)


Seen = list[str]


@contextmanager
def browser_of(browser: Browser, house: House, account: Account, errors: Seen) -> Iterator[Page]:
    """A person's own browser, signed in, with a device that holds passkeys."""
    cookies = aside(lambda: {name: one.value for name, one in sign_in(account).cookies.items()})
    with browser.new_context(viewport={"width": 1440, "height": 900}) as context:
        context.add_cookies(
            [{"name": name, "value": value, "url": house.portal} for name, value in cookies.items()]
        )
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        cdp = context.new_cdp_session(page)
        cdp.send("WebAuthn.enable")
        options = {
            "protocol": "ctap2",
            "ctap2Version": "ctap2_1",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "hasPrf": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        }
        cdp.send("WebAuthn.addVirtualAuthenticator", {"options": options})
        yield page


def look(page: Page, name: str) -> None:
    """Without accessibility faults; with HELD_SHOTS set, pictures of it are kept."""
    found = Axe().run(page).response["violations"]
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found] == []
    if not SHOTS:
        return
    for width in (1440, 390):
        for scheme in ("light", "dark"):
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            page.screenshot(path=Path(SHOTS) / f"{name}-{width}-{scheme}.png", full_page=True)
    page.set_viewport_size({"width": 1440, "height": 900})


def plays(page: Page, house: House) -> None:
    """The player shows seconds of the footage, opened and vouched for."""
    player = page.locator("vsaas-player")
    expect(player).to_have_attribute("data-trust", "verified", timeout=30_000)
    shown = int(player.get_attribute("data-wall-us") or 0)
    assert house.start_us <= shown <= house.start_us + SECONDS * US


def make_own_key_with_two_ways(page: Page, house: House) -> None:
    page.goto(f"{house.door}/account/keys")
    page.get_by_role("button", name="With a passkey").click()
    page.get_by_role("button", name="Make the passkey").click()
    expect(page.get_by_text("Open on this device, until you sign out")).to_be_visible()
    expect(page.get_by_text("You have one way only.")).to_be_visible()
    page.get_by_role("button", name="Add a passphrase").click()
    page.get_by_role("button", name="Use a passkey").click()
    dialog = page.get_by_role("dialog", name="Add a way to your key")
    dialog.get_by_label("Passphrase", exact=True).fill("letmein letmein")
    dialog.get_by_label("The same once more").fill("letmein letmein")
    dialog.get_by_role("button", name="Keep this passphrase").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Easy to guess")
    for label in ("Passphrase", "The same once more"):
        dialog.get_by_label(label, exact=True).fill(PASSPHRASE)
    dialog.get_by_role("button", name="Keep this passphrase").click()
    expect(dialog).to_have_count(0, timeout=30_000)
    expect(page.get_by_text("You have one way only.")).to_have_count(0)


def make_kit(page: Page, house: House) -> None:
    page.goto(f"{house.door}/keys")
    expect(page.get_by_text("There is no way back")).to_be_visible()
    page.get_by_role("button", name="Make the recovery kit").click()
    sheets = page.locator("[data-sheet]")
    expect(sheets).to_have_count(3)
    look(page, "kit")
    page.emulate_media(media="print")
    expect(sheets.first).to_be_visible()
    expect(page.get_by_role("button", name="Print the three sheets")).to_be_hidden()
    expect(page.get_by_text("There is no way back")).to_be_hidden()
    page.emulate_media(media="screen")
    type_back(page, spoilt=True)


def type_back(page: Page, *, spoilt: bool = False) -> None:
    """Two of the sheets on the screen, by hand; `spoilt`: one with a slip first."""
    sheets = page.locator("[data-sheet]")
    expect(sheets).to_have_count(3)
    texts = sheets.all_inner_texts()
    page.get_by_label("A sheet, from the paper").fill(texts[2].lower())
    other = page.get_by_label("Another sheet, from the paper")
    if spoilt:
        other.fill(texts[0][:10] + ("A" if texts[0][10] != "A" else "B") + texts[0][11:])
        page.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("alert").filter(has_text="mistyped")).to_be_visible()
    other.fill(texts[0])
    page.get_by_role("button", name="Compare").click()
    expect(page.get_by_text("Printed, and two sheets typed back.")).to_be_visible()


def take_over(page: Page, house: House) -> None:
    page.get_by_label("I have printed the kit").check()
    page.get_by_role("button", name="Take the keys over").click()
    expect(page.get_by_role("heading", name="This organisation holds its own keys")).to_be_visible(
        timeout=30_000
    )
    look(page, "switching")
    aside(lambda: look_after_tenant(str(house.cast.tenant_a.id)))
    expect(page.get_by_role("heading", name="The portal gives its keys up")).to_have_count(0, timeout=30_000)


def play_after_locking(page: Page, house: House) -> None:
    page.goto(f"{house.door}/account/keys")
    expect(page.get_by_text("The recordings of 1 camera, one hour at a time.")).to_be_visible()
    look(page, "own")
    page.get_by_role("button", name="Lock now").click()
    expect(page.get_by_text("Locked on this device")).to_be_visible()
    page.goto(house.at(2))
    dialog = page.get_by_role("dialog", name="Unlock your keys").first
    look(page, "unlock")
    dialog.get_by_role("button", name="Cancel").click()
    bar = page.get_by_text("Your keys are locked: pictures stay closed.").first
    expect(bar).to_be_visible()
    look(page, "locked")
    page.get_by_role("button", name="Unlock", exact=True).first.click()
    dialog.get_by_label("Passphrase").fill("something else entirely")
    dialog.get_by_role("button", name="Unlock", exact=True).click()
    expect(dialog.get_by_role("alert")).to_contain_text("does not open your key", timeout=30_000)
    dialog.get_by_label("Passphrase").fill(PASSPHRASE)
    dialog.get_by_role("button", name="Unlock", exact=True).click()
    expect(dialog).to_have_count(0, timeout=30_000)
    plays(page, house)


def see_a_password(page: Page, house: House) -> None:
    """A password that the agent sealed to the organisation's own key opens in the holder's browser."""

    def kept() -> None:
        with tenant_scope(house.cast.tenant_a.id):
            vault = Vault.objects.get(retired_at=None)
            change, public = uuid4(), bytes(vault.recipient_public)
            CameraPassword.objects.create(
                camera_id=house.camera,
                changed_at=clock.now(),
                change=change,
                sealed=seal_password(vault.tenant_id, house.camera, change, "aB3-for-holders", public),
                recipient=bytes(vault.recipient_kid),
            )

    aside(kept)
    page.goto(f"{house.door}/cameras/{house.camera}/password")
    page.get_by_role("button", name="Show it for a minute, with your keys").click()
    expect(page.locator("#opened-password")).to_have_text("aB3-for-holders", timeout=30_000)
    look(page, "password")


def hand_over(holder: Page, member: Page, house: House) -> None:
    """The member's fingerprint is compared, and what they may open handed to them."""
    member.goto(f"{house.door}/account/keys")
    told = member.locator(".key-print").inner_text()
    holder.goto(f"{house.door}/keys")
    row = holder.get_by_role("listitem").filter(has_text="Bob")
    expect(row).to_contain_text(told)
    look(holder, "holder")
    row.get_by_role("button", name="Compare and hand over").click()
    holder.get_by_role("button", name="It is the same: hand over").click()
    expect(row).to_contain_text("Has what they may open", timeout=30_000)


def roll_after_leaving(holder: Page, member: Page, house: House) -> None:
    """The member's rights go, and so do the keys they know: the holder's page re-wraps what was recorded."""

    def leave() -> None:
        with tenant_scope(house.cast.tenant_a.id):
            Membership.objects.filter(account=house.cast.bob).update(site=house.cast.other_site_a)

    aside(leave)
    holder.goto(f"{house.door}/keys")
    holder.get_by_role("button", name="Roll their keys").click()
    expect(holder.get_by_role("heading", name="Keys to be rolled")).to_have_count(0, timeout=30_000)
    assert aside(lambda: epochs(house)) == {2}
    holder.goto(house.at(1))
    plays(holder, house)
    member.goto(f"{house.door}/account/keys")
    expect(member.get_by_text("Nothing yet: who holds the organisation's keys")).to_be_visible()


def renew(holder: Page, house: House) -> None:
    """Somebody knows the secret who holds it no more: another takes its place, and everything recorded goes over to it."""

    def wanted() -> None:
        with tenant_scope(house.cast.tenant_a.id):
            Vault.objects.filter(retired_at=None).update(renew_wanted_at=clock.now())

    aside(wanted)
    holder.goto(f"{house.door}/keys")
    holder.get_by_role("button", name="Make the recovery kit").click()
    look(holder, "renew")
    type_back(holder)
    holder.get_by_role("button", name="Renew the keys").click()
    expect(holder.get_by_role("heading", name="Keys to be renewed")).to_have_count(0, timeout=60_000)
    expect(holder.get_by_role("heading", name="Keys to be rolled")).to_have_count(0)
    assert aside(lambda: epochs(house)) == {3}
    holder.goto(house.at(1))
    plays(holder, house)


def sign_and_give(holder: Page, house: House) -> None:
    """A new camera gets keys, and an agent is revoked once the holder signs it."""

    def meanwhile() -> None:
        house.agent.add_camera("Yard")
        client = sign_in(house.cast.alice)
        headers = {"VSaaS-Tenant": house.cast.tenant_a.slug, "Accept": "application/json"}
        reply = client.post(f"/api/v1/agents/{house.agent.id}/revocation", headers=headers)
        assert reply.status_code in (200, 202, 204), reply.content

    aside(meanwhile)
    holder.goto(f"{house.door}/keys")
    look(holder, "duties")
    expect(holder.get_by_text(f"Statement: agent {house.agent.id} is trusted no more")).to_be_visible()
    holder.get_by_role("button", name="Give them keys").click()
    expect(holder.get_by_role("heading", name="Cameras without keys of their own")).to_have_count(
        0, timeout=30_000
    )
    holder.get_by_role("button", name="Sign this one").click()
    expect(holder.get_by_role("heading", name="To be signed")).to_have_count(0, timeout=30_000)
    holder.get_by_role("button", name="Make the recovery kit").click()
    type_back(holder)


def epochs(house: House) -> set[int]:
    """Epochs of the camera keys that the envelopes in the key store are sealed to."""
    with tenant_scope(house.cast.tenant_a.id, keys=True):
        live = Envelope.objects.filter(camera_id=house.camera, destroyed_at=None)
        return set(live.values_list("recipient_epoch", flat=True))


def kept_keys(page: Page) -> int:
    """How many opened keys the browser keeps."""
    count: int = page.evaluate(
        """() => new Promise((resolve) => {
          const open = indexedDB.open("vsaas-own-keys", 1);
          open.onupgradeneeded = () => open.result.createObjectStore("keys");
          open.onsuccess = () => {
            const all = open.result.transaction("keys").objectStore("keys").count();
            all.onsuccess = () => { open.result.close(); resolve(all.result); };
          };
        })"""
    )
    return count


def test_an_owner_takes_the_keys_over_and_hands_them_to_a_member(browser: Browser, house: House) -> None:
    errors: Seen = []
    cast = house.cast
    with (
        browser_of(browser, house, cast.alice, errors) as alice,
        browser_of(browser, house, cast.bob, errors) as bob,
    ):
        make_own_key_with_two_ways(alice, house)
        make_kit(alice, house)
        take_over(alice, house)
        alice.goto(house.at(1))
        plays(alice, house)
        play_after_locking(alice, house)
        see_a_password(alice, house)

        bob.goto(house.at(1))
        expect(bob.locator("vsaas-player")).to_contain_text("You have no key of your own yet", timeout=30_000)
        bob.goto(f"{house.door}/account/keys")
        bob.get_by_role("button", name="With a passphrase").click()
        for label in ("Passphrase", "The same once more"):
            bob.get_by_label(label, exact=True).fill(PASSPHRASE)
        bob.get_by_role("button", name="Keep this passphrase").click()
        expect(bob.get_by_text("Not confirmed yet")).to_be_visible(timeout=30_000)
        bob.goto(house.at(1))
        expect(bob.locator("vsaas-player")).to_contain_text(
            "its key was not handed to you yet", timeout=30_000
        )
        look(bob, "unshared")
        hand_over(alice, bob, house)
        bob.goto(house.at(1))
        plays(bob, house)

        roll_after_leaving(alice, bob, house)
        renew(alice, house)
        sign_and_give(alice, house)

        assert kept_keys(bob) == 1
        bob.get_by_role("button", name="Account").click()
        bob.get_by_role("button", name="Sign out").click()
        expect(bob).to_have_url(re.compile("sign-in"))
        assert kept_keys(bob) == 0
    assert errors == []
