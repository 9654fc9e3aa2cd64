"""Every way in, in a browser: who comes in, who does not, and what the browser is told to keep to itself."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Response, expect

from tests.e2e.conftest import Noise
from tests.e2e.people import Owner, give_factor, give_password, set_up
from tests.e2e.system import System
from tests.e2e.watching import Watching, iso

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("make-up")]

CAME_IN = re.compile("^Live ·")


@dataclass
class Newcomer:
    """The owner of an organisation of their own, and the link they came through."""

    owner: Owner
    link: str


@pytest.fixture(scope="module")
def newcomer(browser: Browser, system: System) -> Newcomer:
    """Who signs in and out here: their codes are theirs to use up."""
    slug = f"door-{secrets.token_hex(3)}"
    link = system.setup_link(slug)
    page = browser.new_page()
    owner = set_up(page, link, slug, "Dora Door", "dora@example.org")
    page.close()
    return Newcomer(owner, link)


@pytest.fixture
def visitor(browser: Browser, noise: Noise) -> Iterator[Page]:
    """A browser that is signed in nowhere, and what it complains about."""
    context = browser.new_context()
    context.on("page", noise.listen)
    yield context.new_page()
    context.close()


def expected(noise: Noise, status: int) -> None:
    """Takes off the list what the browser says of a page that was refused on purpose."""
    noise.heard = [
        line for line in noise.heard if f"the server responded with a status of {status}" not in line
    ]


def test_a_wrong_password_and_an_unknown_account_get_the_same_answer(
    visitor: Page, noise: Noise, system: System, newcomer: Newcomer
) -> None:
    address = system.page("sign-in", newcomer.owner.slug)
    answers = []
    for email in (newcomer.owner.email, "nobody@example.org"):
        visitor.goto(address)
        visitor.get_by_label("E-mail address").fill(email)
        visitor.get_by_label("Password").fill("not the one")
        visitor.get_by_role("button", name="Continue").click()
        alert = visitor.get_by_role("alert")
        expect(alert).to_contain_text("do not belong together here")
        expect(visitor.get_by_label("E-mail address")).to_have_value(email)
        expect(visitor.get_by_label("Password")).to_have_value("")
        answers.append(re.sub(re.escape(email), "EMAIL", visitor.locator("main").inner_text()))
    assert answers[0] == answers[1]
    expected(noise, 401)


def test_signing_in_with_the_app_brings_a_person_where_they_wanted_and_signing_out_ends_it(
    visitor: Page, noise: Noise, system: System, newcomer: Newcomer
) -> None:
    owner = newcomer.owner
    visitor.goto(system.page("agents", owner.slug))
    expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()
    give_password(visitor, visitor.url, owner)
    visitor.goto(system.page("agents", owner.slug))  # the password alone opens nothing
    expect(visitor.get_by_role("heading", name=re.compile("Sign in|Second factor"))).to_be_visible()
    give_password(visitor, system.page("sign-in?next=/t/" + owner.slug + "/agents", owner.slug), owner)
    give_factor(visitor, "000000")
    expect(visitor.get_by_role("alert")).to_contain_text("wrong or was used before")
    expected(noise, 401)
    visitor.wait_for_timeout(1100)  # a wrong code is followed by a second in which none is heard
    give_factor(visitor, owner.code(1))  # the code of set-up is used; the next one counts already
    expect(visitor.get_by_role("heading", name="Agents", exact=True)).to_be_visible()

    visitor.get_by_role("button", name="Account:").click()
    visitor.get_by_role("button", name="Sign out").click()
    expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.goto(system.page("", owner.slug))
    expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()
    visitor.go_back()
    expect(visitor.get_by_role("heading", name="Agents", exact=True)).not_to_be_visible()


def test_a_recovery_code_lets_in_once(
    browser: Browser, visitor: Page, noise: Noise, system: System, newcomer: Newcomer
) -> None:
    owner = newcomer.owner
    code = owner.recovery_codes[0]
    address = system.page("sign-in", owner.slug)
    give_password(visitor, address, owner)
    give_factor(visitor, code.lower())
    expect(visitor).to_have_title(CAME_IN)
    other = browser.new_page()
    give_password(other, address, owner)
    give_factor(other, code)
    expect(other.get_by_role("alert")).to_contain_text("wrong or was used before")
    other.close()


def test_the_set_up_link_works_once(visitor: Page, noise: Noise, newcomer: Newcomer) -> None:
    answer = visitor.goto(newcomer.link)
    assert answer is not None
    assert answer.status == 410
    expect(
        visitor.get_by_text("this set-up link was used; sign in with the account it made", exact=False)
    ).to_be_visible()
    expect(visitor.get_by_role("link").first).to_be_visible()  # a way on
    expected(noise, 410)


def test_a_false_set_up_link_says_what_to_do(visitor: Page, noise: Noise, system: System) -> None:
    answer = visitor.goto(f"{system.portal}/setup/{secrets.token_urlsafe(32)}")
    assert answer is not None
    assert answer.status == 404
    expect(visitor.get_by_text("look whether it was copied whole")).to_be_visible()
    expected(noise, 404)


def test_a_browser_without_a_session_gets_nothing(
    visitor: Page, noise: Noise, watching: Watching, system: System
) -> None:
    for path in ("", "agents", "agents/enrol", "recovery-codes", f"cameras/{system.camera}"):
        visitor.goto(system.page(path))
        expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()

    stored = seen_in_network(watching, system)
    visitor.goto(system.page("sign-in"))
    for method, path, body in (
        ("GET", "/api/v1/cameras", None),
        ("GET", "/api/v1/agents", None),
        ("GET", "/api/v1/statements", None),
        (
            "GET",
            f"/api/v1/timeline?cameras={system.camera}&from=2026-01-01T00:00:00Z&to=2026-01-01T01:00:00Z",
            None,
        ),
        ("POST", "/api/v1/playback", {}),
        ("POST", "/api/v1/live", {"camera": system.camera, "stream": "main", "hpke_public": "AA"}),
    ):
        assert fetch(visitor, system, method, path, body) == 401, path
    expected(noise, 401)

    hub = system.box.live_url + "/live"
    [end] = knock(visitor, hub, json.dumps({"ticket": "A" * 43}))
    assert end == "closed 1008"  # against the policy, without a word
    without_grant = re.sub(r"\?.*", "", stored)
    assert visitor.request.get(without_grant).status == 403
    assert visitor.request.get(re.sub(r"Signature=\w{8}", "Signature=00000000", stored)).status == 403
    listing = "/".join(without_grant.split("/")[:4])
    assert visitor.request.get(listing).status == 403


def seen_in_network(watching: Watching, system: System) -> str:
    """The address of a stored segment, with its grant, as the owner's browser fetches it."""
    addresses: list[str] = []

    def heard(response: Response) -> None:
        if response.url.startswith(system.box.s3.endpoint) and response.request.method == "GET":
            assert response.status == 206
            addresses.append(response.url)

    watching.page.context.on("response", heard)
    oldest = next(iter(system.objects()))
    watching.page.goto(system.camera_page(iso(oldest.about_us / 1000 + 1000)))
    return watching.until("a segment is fetched", lambda: addresses)[0]


def fetch(page: Page, system: System, method: str, path: str, body: object) -> int:
    """The status of a request from a page of the portal."""
    return int(
        page.evaluate(
            """async ([method, path, tenant, body]) => {
              const headers = { "VSaaS-Tenant": tenant, "Content-Type": "application/json" };
              return (await fetch(path, { method, headers, body: body && JSON.stringify(body) })).status;
            }""",
            [method, path, system.slug, body],
        )
    )


def knock(page: Page, address: str, first: str) -> list[str]:
    """Opens a socket with this first message; returns what was sent back, and how it ended."""
    told: list[str] = page.evaluate(
        """([address, first]) => new Promise((resolve) => {
          const socket = new WebSocket(address);
          const said = [];
          socket.binaryType = "arraybuffer";
          socket.onopen = () => socket.send(first);
          socket.onmessage = (event) => said.push(`message of ${event.data.byteLength ?? event.data.length}`);
          socket.onclose = (event) => resolve([...said, `closed ${event.code}`]);
        })""",
        [address, first],
    )
    return told


def test_cookies_are_closed_to_scripts_and_other_sites(signed_in: BrowserContext, system: System) -> None:
    page = signed_in.new_page()
    page.goto(system.page())
    cookies = {cookie["name"]: cookie for cookie in signed_in.cookies()}
    session = cookies[f"vsaas_s_{system.slug}"]
    assert session["httpOnly"]
    assert session["sameSite"] in ("Lax", "Strict")
    assert f"vsaas_s_{system.slug}" not in page.evaluate("document.cookie")
    assert all(cookie["sameSite"] in ("Lax", "Strict") for cookie in cookies.values())


def test_pages_carry_a_policy_that_lets_in_nothing_of_others(stranger: Page, system: System) -> None:
    answer = stranger.goto(system.page("sign-in"))
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    # The policy is kept by the browser, not only sent.
    stranger.evaluate(
        "document.body.append(Object.assign(document.createElement('script'), { text: 'window.broken = 1' }))"
    )
    assert stranger.evaluate("window.broken") is None
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"


def test_the_portal_asks_for_the_organisation_where_there_are_several(
    visitor: Page, system: System, newcomer: Newcomer, shot: Callable[[Page, str], None]
) -> None:
    visitor.goto(system.portal)
    expect(visitor.get_by_role("heading", name="Choose your organisation")).to_be_visible()
    visitor.get_by_label("Organisation").fill("no-such-place")
    visitor.get_by_role("button", name="Continue").click()
    expect(visitor.get_by_role("alert")).to_contain_text("No organisation of this name is known here")
    shot(visitor, "choose")
    visitor.get_by_label("Organisation").fill(system.slug)
    visitor.get_by_role("button", name="Continue").click()
    expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()


def test_the_owner_of_one_organisation_sees_nothing_of_another(
    visitor: Page, noise: Noise, system: System, newcomer: Newcomer
) -> None:
    owner = newcomer.owner
    give_password(visitor, system.page("sign-in", owner.slug), owner)
    give_factor(visitor, owner.recovery_codes[1])
    expect(visitor).to_have_title(CAME_IN)
    answer = visitor.goto(system.page(f"cameras/{system.camera}", owner.slug))
    assert answer is not None
    assert answer.status == 404
    expected(noise, 404)
    visitor.goto(system.camera_page())
    expect(visitor.get_by_role("heading", name="Sign in")).to_be_visible()
    assert fetch(visitor, system, "GET", "/api/v1/cameras", None) == 401
    expected(noise, 401)


def test_nothing_of_a_session_lies_in_the_browser_but_its_cookie(watching: Watching, system: System) -> None:
    oldest = next(iter(system.objects()))
    watching.page.goto(system.camera_page(iso(oldest.about_us / 1000 + 1000)))
    watching.until("a picture", watching.look)
    stored = watching.page.evaluate("JSON.stringify([{ ...localStorage }, { ...sessionStorage }])")
    # The pinned root and nothing else; keys stay in the worker's memory.
    assert re.findall(r"vsaas-root/\w+", stored) == [f"vsaas-root/{system.slug}"]
    assert watching.page.evaluate("indexedDB.databases().then((all) => all.length)") == 0
    # The app's own files and the page that says there is no connection: the same for everybody.
    kept = watching.page.evaluate(
        """async () => {
          const found = [];
          for (const name of await caches.keys())
            for (const request of await (await caches.open(name)).keys()) found.push(new URL(request.url).pathname);
          return found;
        }"""
    )
    assert [path for path in kept if not re.fullmatch(r"/t/offline|/static/.+", path)] == []
