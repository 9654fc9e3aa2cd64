"""The portal as an installed app: what it keeps, what it never keeps, and what it says without a connection."""

from __future__ import annotations

import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from PIL import Image
from playwright.sync_api import BrowserContext, Page, expect

from tests.frame.conftest import House, Noise, Opens, session_of
from tests.live_portal import Portal
from vsaas.accounts.trust import COOKIE_PREFIX

Address = Callable[..., str]

CONTROLLED = "() => navigator.serviceWorker.ready.then(() => !!navigator.serviceWorker.controller)"
KEPT = """async () => {
  const kept = [];
  for (const name of await caches.keys()) {
    for (const request of await (await caches.open(name)).keys()) kept.push(new URL(request.url).pathname);
  }
  return kept;
}"""
KEPT_TEXT = """async () => {
  const texts = [];
  for (const name of await caches.keys()) {
    const cache = await caches.open(name);
    for (const request of await cache.keys()) {
      const reply = await cache.match(request);
      texts.push(await reply.text(), [...reply.headers].join("|"));
    }
  }
  return texts.join(" ");
}"""


def under_the_worker(page: Page, address: str) -> None:
    """Opens a page, and waits until the service worker has taken it over."""
    page.goto(address)
    page.wait_for_function(CONTROLLED)
    expect(page.get_by_role("button", name="Search", exact=True)).to_be_visible()


def test_the_manifest_begins_at_the_organisations_own_first_page(
    context_of: Opens, portal: Portal, house: House
) -> None:
    reply = context_of().request.get(f"{portal.address}/t/{house.slug}/manifest.webmanifest")
    told = reply.json()
    assert reply.headers["content-type"] == "application/manifest+json"
    assert (told["start_url"], told["scope"], told["id"]) == (f"/t/{house.slug}/",) * 3
    assert told["name"] == house.cast.tenant_a.name
    assert {icon["purpose"] for icon in told["icons"]} == {"any", "maskable"}
    for icon in told["icons"]:
        data = context_of().request.get(portal.address + icon["src"]).body()
        assert "{}x{}".format(*Image.open(io.BytesIO(data)).size) == icon["sizes"]


def test_chromium_finds_nothing_that_keeps_it_from_being_installed(alice: Page, address: Address) -> None:
    under_the_worker(alice, address())
    session = alice.context.new_cdp_session(alice)
    errors = session.send("Page.getInstallabilityErrors")["installabilityErrors"]
    # A test's browser is a private one, and that is all there is to say against it.
    assert [error["errorId"] for error in errors] == ["in-incognito"]
    manifest = session.send("Page.getAppManifest")
    assert manifest["errors"] == []


def test_without_a_connection_the_app_says_so_and_goes_on_by_itself(
    context_of: Opens, house: House, portal: Portal, address: Address, noise: Noise
) -> None:
    page = context_of(house.cast.alice).new_page()
    under_the_worker(page, address())
    portal.stop()
    try:
        page.goto(address("agents"))
        expect(page.get_by_role("heading", name="No connection")).to_be_visible()
        expect(page.get_by_text("This device is connected, but the portal does not answer.")).to_be_visible()
        since = page.locator("[data-offline-since]")
        expect(since).to_have_text(re.compile(r"Since \d\d:\d\d:\d\d .+ · .+\."))
        said = since.inner_text().split(" · ")[0]
        page.reload()
        expect(since).to_contain_text(said)  # since then, not since this look
        page.get_by_role("button", name="Try now").click()
        expect(page.locator("[data-offline-next]")).to_have_text(re.compile(r"Tries again in \d+ s\."))
    finally:
        portal.start()
    # Nobody touches anything.
    expect(page.get_by_role("heading", name="Agents")).to_be_visible(timeout=60_000)
    assert page.url == address("agents")
    noise.heard = [line for line in noise.heard if "ERR_CONNECTION_REFUSED" not in line]


def test_a_device_without_a_network_is_told_that(
    context_of: Opens, house: House, address: Address, noise: Noise
) -> None:
    page = context_of(house.cast.alice).new_page()
    under_the_worker(page, address())
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_text("This device has no connection.")).to_be_visible()
    page.context.set_offline(False)
    expect(page.locator(".tile").first).to_be_visible(timeout=30_000)
    noise.heard = [line for line in noise.heard if "ERR_INTERNET_DISCONNECTED" not in line]


def test_that_there_is_no_connection_is_said_in_the_language_chosen(
    context_of: Opens, house: House, portal: Portal, address: Address, noise: Noise
) -> None:
    page = context_of(house.cast.alice).new_page()
    under_the_worker(page, address())
    page.context.add_cookies([{"name": "vsaas_language", "value": "de", "url": portal.address}])
    page.context.set_offline(True)
    page.reload()
    expect(page.get_by_role("heading", name="Keine Verbindung")).to_be_visible()
    expect(page.get_by_text("Dieses Gerät hat keine Verbindung.")).to_be_visible()
    page.context.set_offline(False)
    noise.heard = [line for line in noise.heard if "ERR_INTERNET_DISCONNECTED" not in line]


def test_nothing_is_kept_but_built_files_and_the_offline_page(
    alice: Page, house: House, address: Address
) -> None:
    camera = house.cameras["Gate 1"]
    under_the_worker(alice, address())
    for rest in ("", f"cameras/{camera.id}", "agents", "agents/enrol"):
        alice.goto(address(rest))
        alice.wait_for_load_state("networkidle")
    expect(alice.get_by_role("button", name="Search", exact=True)).to_be_visible()
    alice.keyboard.press("Control+k")
    expect(alice.locator(".palette-option").first).to_be_visible()
    kept = alice.evaluate(KEPT)
    assert "/t/offline" in kept
    wrong = [
        path
        for path in kept
        if path != "/t/offline" and not re.fullmatch(r"/static/assets/.+-[\w-]{8,}\.\w+", path)
    ]
    assert wrong == []
    assert any("palette" in path for path in kept)  # what was loaded later is kept too
    # Workers are not: the policy that says where they may connect comes with their file.
    assert not any("/worker-" in path for path in kept)
    text = alice.evaluate(KEPT_TEXT)
    tokens = session_of(house, house.cast.alice).values()
    tenant = house.cast.tenant_a.name
    for secret in (camera.name, str(camera.id), house.slug, tenant, house.cast.alice.email, *tokens):
        assert secret not in text, secret


def storage(context: BrowserContext, address: str) -> str:
    """Everything a browser holds of the portal's origin that scripts can reach, as one text, but for the pinned root of an
    organisation: that says nothing of an account, and stays to protect whoever signs in next."""
    page = context.new_page()
    page.goto(address)
    text = page.evaluate(KEPT_TEXT)
    text += page.evaluate(
        """JSON.stringify([
          Object.entries(localStorage).filter(([name]) => !name.startsWith("vsaas-root/")),
          Object.entries(sessionStorage),
          document.cookie,
        ])"""
    )
    text += page.evaluate("indexedDB.databases().then((all) => JSON.stringify(all))")
    page.close()
    return str(text)


def test_two_accounts_leave_nothing_of_each_other(
    context_of: Opens, house: House, portal: Portal, address: Address
) -> None:
    """Olga signs out of a shared device; Charlie of another organisation, who signed in beside her, finds nothing."""
    context = context_of(house.cast.olga, house.cast.charlie)
    page = context.new_page()
    under_the_worker(page, address())
    page.keyboard.press("Control+k")
    page.locator(".palette").get_by_role("combobox").fill("gate 1")
    expect(page.locator(".palette-option").first).to_contain_text("Gate 1")
    page.keyboard.press("Enter")
    page.wait_for_url("**/cameras/*")
    page.goto(address())
    page.get_by_role("button", name="Site: All sites").click()
    page.get_by_role("link", name="Yard Europe").click()
    expect(page.get_by_role("button", name="Site: Yard")).to_be_visible()
    page.get_by_role("button", name="Account:").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
    house.sessions.pop(str(house.cast.olga.pk))

    other = f"{portal.address}/t/{house.cast.tenant_b.slug}/"
    # One cookie stays, whose name is the organisation's: a browser that was signed in from is not slowed down by guesses
    # made elsewhere. It says who signed in by a keyed hash alone.
    cookies = context.cookies(f"{portal.address}/t/{house.slug}/")
    known = [cookie for cookie in cookies if cookie["name"] == COOKIE_PREFIX + house.slug]
    left = [cookie for cookie in cookies if cookie not in known]
    found = storage(context, other).replace(known[0]["name"], "") + str(left)
    sites = (house.cast.site_a.id, house.cast.other_site_a.id)
    for trace in (
        str(house.cast.olga.pk),
        house.slug,
        *(str(camera.id) for camera in house.cameras.values()),
        *map(str, sites),
    ):
        assert trace not in found, trace
    page.go_back()
    expect(page.locator(".tile")).to_have_count(0)


@contextmanager
def newer_build(portal: Portal) -> Iterator[tuple[str, threading.Event]]:
    """A front before the portal, as nginx is one. Once the event is set, the service worker it passes on is a newer one."""
    newer = threading.Event()

    class Front(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            headers = {name: value for name, value in self.headers.items() if name != "Accept-Encoding"}
            reply = httpx.get(portal.address + self.path, headers=headers, follow_redirects=False)
            body = reply.content
            if self.path == "/t/sw.js" and newer.is_set():
                body = re.sub(rb'"version": "\w+"', b'"version": "0123456789abcdef"', body)
            self.send_response(reply.status_code)
            for name, value in reply.headers.items():
                if name not in ("content-length", "transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing of each request."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Front)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", newer
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def test_a_new_version_is_offered_and_loaded_when_the_person_says_so(
    alice: Page, portal: Portal, house: House
) -> None:
    with newer_build(portal) as (front, newer):
        under_the_worker(alice, f"{front}/t/{house.slug}/agents")
        old = alice.evaluate("caches.keys()")
        newer.set()
        alice.evaluate("navigator.serviceWorker.getRegistration('/t/').then((r) => r.update()).then(() => 0)")
        offer = alice.locator(".toast", has_text="A new version is ready.")
        expect(offer).to_be_visible()
        assert set(alice.evaluate("caches.keys()")) > set(old)  # the old one serves until then
        alice.evaluate("window.before = true")
        offer.get_by_role("button", name="Load it").click()
        alice.wait_for_function("() => window.before === undefined")
        alice.wait_for_function(
            "() => caches.keys().then((names) => names.join() === 'vsaas-0123456789abcdef')"
        )
        alice.goto("about:blank")


def test_the_workers_code_and_the_offline_page_are_the_same_for_everybody(
    context_of: Opens, house: House, portal: Portal
) -> None:
    owner, nobody = context_of(house.cast.alice), context_of()
    for path in ("/t/sw.js", "/t/offline"):
        told = owner.request.get(portal.address + path)
        assert told.text() == nobody.request.get(portal.address + path).text()
        assert "set-cookie" not in told.headers


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_they_are_only_read(context_of: Opens, house: House, portal: Portal, method: str) -> None:
    for path in ("/t/sw.js", "/t/offline", f"/t/{house.slug}/manifest.webmanifest"):
        assert getattr(context_of().request, method)(portal.address + path).status in (403, 405)
