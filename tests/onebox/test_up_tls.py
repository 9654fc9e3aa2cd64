"""`make up TLS=1`: portal, hub and object store over TLS, footage through all of them, and the way back."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect

from tests.onebox.running import Checkout
from vsaas.onebox.authority import Authority

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("drills")]


@pytest.fixture(scope="module")
def secure(running_checkout: Checkout) -> Iterator[Checkout]:
    """The shared copy of the checkout, started over TLS; what it recorded before stays. It is stopped in the end, this being
    the last file that uses it: a system that records keeps a core busy for as long as the run lasts."""
    running_checkout.make("down")
    running_checkout.up(TLS="1", PUBLIC_URL=f"https://localhost:{running_checkout.port}")
    yield running_checkout
    running_checkout.make("down")


def authority(checkout: Checkout) -> Authority:
    return Authority(checkout.root / "var" / "secrets" / "ca")


def browser(checkout: Checkout) -> httpx.Client:
    return httpx.Client(
        base_url=checkout.up_json()["portal_url"],
        verify=authority(checkout).client_context(),
        headers={"accept": "text/html"},
    )


def test_footage_goes_from_the_agent_to_the_store_and_back_over_tls(secure: Checkout) -> None:
    assert secure.said("footage is stored: verified")
    up = secure.up_json()
    assert up["portal_url"] == f"https://localhost:{secure.port}"
    assert up["s3_endpoint"] == f"https://localhost:{secure.port + 2}"
    orders = json.loads((secure.root / "var" / "agent" / "orders" / "portal.json").read_text())
    assert orders["live_url"] == f"wss://localhost:{secure.port + 1}"


def test_people_see_no_warning_and_their_cookies_stay_on_tls(secure: Checkout) -> None:
    with browser(secure) as client:
        page = client.get(f"/t/{secure.up_json()['tenant']}/sign-in")
        assert page.status_code == 200
        assert {cookie.secure for cookie in client.cookies.jar} == {True}
    assert "Not secure" not in page.text
    policy = page.headers["content-security-policy"]
    assert f"wss://localhost:{secure.port + 1} https://localhost:{secure.port + 2}" in policy
    assert "strict-transport-security" not in page.headers


def test_the_page_that_explains_it_shows_the_fingerprint_of_the_terminal(secure: Checkout) -> None:
    fingerprint = authority(secure).fingerprint
    assert secure.said(fingerprint)
    assert secure.said(f"https://localhost:{secure.port}/ca")
    with browser(secure) as client:
        shown = client.get("/ca").text
        certificate = client.get("/ca.crt").text
    assert all(f"<span>{pair}</span>" in shown for pair in fingerprint.split(":"))
    assert certificate == authority(secure).certificate_file.read_text()


async def test_the_hub_shows_a_certificate_of_the_authority(secure: Checkout) -> None:
    url = f"wss://127.0.0.1:{secure.port + 1}/live"
    context = authority(secure).client_context()
    async with connect(url, ssl=context, origin=secure.up_json()["portal_url"]) as socket:
        assert socket.response is not None
        assert socket.response.status_code == 101


def test_the_store_shows_it_too(secure: Checkout) -> None:
    context = authority(secure).client_context()
    assert httpx.get(f"https://127.0.0.1:{secure.port + 2}/-/healthy", verify=context).status_code == 200


@pytest.mark.parametrize("offset", [0, 1, 2])
def test_nothing_is_answered_in_the_clear(secure: Checkout, offset: int) -> None:
    try:
        reply = httpx.get(f"http://127.0.0.1:{secure.port + offset}/")
    except httpx.TransportError:
        return
    assert reply.status_code == 400


def test_whoever_does_not_trust_the_authority_gets_nowhere(secure: Checkout) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(secure.up_json()["portal_url"])


def test_its_private_keys_are_closed(secure: Checkout) -> None:
    folder: Path = authority(secure).folder
    assert [path.name for path in folder.rglob("*") if path.stat().st_mode & 0o077] == []


def test_it_stays_so_until_it_is_taken_back_and_recording_goes_on(secure: Checkout) -> None:
    secure.make("down")
    assert secure.up(TLS="0")["portal_url"] == f"http://127.0.0.1:{secure.port}"
    assert secure.said("footage is stored: verified")
