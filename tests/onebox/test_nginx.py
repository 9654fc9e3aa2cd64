"""nginx in front of portal and hub, configured as docs/production.md says it: Debian's nginx, real sockets, TLS."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import sys
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.http11 import Response

from tenants.scope import tenant_scope
from tests import environment
from tests.boxes import make_code, make_keys
from tests.cast import PASSWORD, Cast, code_of
from tests.services import ROOT, _listens
from vsaas.accounts.models import Session
from vsaas.agents.models import AgentKey
from vsaas.onebox.authority import Authority
from vsaas.onebox.processes import Program, wait_until

BLOCK = re.compile(r"^## nginx in front$.*?^```nginx$(.*?)^```$", re.MULTILINE | re.DOTALL)
HUBS = re.compile(r"^## Several hubs$.*?^```nginx$(.*?)^```$", re.MULTILINE | re.DOTALL)
ONE_HUB = "upstream vsaas_hub    { server 127.0.0.1:8401; }"
CLIENT = "127.0.0.2"  # an address of loopback that is not the front's own


@dataclass(frozen=True)
class Front:
    """Addresses as browsers and agents see them, and the folder of the front."""

    portal: str
    live: str
    authority: Authority
    folder: Path

    @property
    def access_log(self) -> str:
        return (self.folder / "access.log").read_text()

    def hubs_of(self, key_id: str) -> list[str]:
        """The hub each handshake under this key was sent to."""
        lines = [line.split() for line in self.access_log.splitlines()]
        return [line[-2] for line in lines if line[-1] == key_id]

    def browser(self, **headers: str) -> httpx.Client:
        """A browser somewhere else, as far as loopback allows."""
        transport = httpx.HTTPTransport(verify=self.authority.client_context(), local_address=CLIENT)
        return httpx.Client(base_url=self.portal, transport=transport, headers=headers)


def documented(ports: dict[str, int], folder: Path, authority: Authority) -> str:
    """The configuration of the docs, with several hubs, with this machine's ports and files; nothing else is changed."""
    page = (ROOT / "docs" / "production.md").read_text()
    found, hubs = BLOCK.search(page), HUBS.search(page)
    assert found is not None
    assert hubs is not None
    assert found.group(1).count(ONE_HUB) == 1
    text = found.group(1).replace(ONE_HUB, hubs.group(1))
    for name, host in (("portal", "portal.example.com"), ("live", "live.example.com")):
        assert text.count(f"server_name {host};") == 1
        text = text.replace(f"server_name {host};", "server_name 127.0.0.1;")
        text = text.replace("listen 443 ssl;", f"listen 127.0.0.1:{ports[name]} ssl;", 1)
        text = text.replace(f"/etc/ssl/{name}.pem", str(authority.server_certificate))
        text = text.replace(f"/etc/ssl/{name}.key", str(authority.server_key))
    text = text.replace("127.0.0.1:8400", f"127.0.0.1:{ports['portal process']}")
    for address, name in (("10.0.0.11:8401", "hub process"), ("10.0.0.12:8401", "other hub")):
        assert text.count(address) == 1
        text = text.replace(address, f"127.0.0.1:{ports[name]}")
    if nginx_version() < (1, 25, 1):  # as the directive was written until then
        text = text.replace(" ssl;\n    http2 on;", " ssl http2;")
    temporary = "".join(
        f"    {kind}_temp_path {folder}/{kind};\n"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    return (
        f"{user}daemon off;\npid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\n"
        f"http {{\n    log_format with_hub '$remote_addr \"$request\" $status $upstream_addr $vsaas_agent';\n"
        f"    access_log {folder}/access.log with_hub;\n{temporary}{text}}}\n"
    )


def nginx_version() -> tuple[int, ...]:
    said = subprocess.run([nginx(), "-v"], capture_output=True, text=True).stderr
    return tuple(int(part) for part in re.search(r"nginx/([\d.]+)", said).group(1).split("."))


def nginx() -> str:
    found = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
    if found is None:
        pytest.skip("nginx is not installed here: apt-get install nginx-light")
    return found


@pytest.fixture(scope="module")
def front(
    database: None, object_store_server: None, pages: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Front]:
    folder = tmp_path_factory.mktemp("nginx")
    authority = Authority(folder / "ca")
    authority.prepare("127.0.0.1", dt.datetime.now(dt.UTC))
    ports = {
        name: environment.free_port()
        for name in ("portal", "live", "portal process", "hub process", "other hub")
    }
    made = Front(
        f"https://127.0.0.1:{ports['portal']}", f"wss://127.0.0.1:{ports['live']}", authority, folder
    )
    settings = os.environ | {
        "VSAAS_PUBLIC_URL": made.portal,
        "VSAAS_LIVE_URL": made.live,
        "VSAAS_S3_PUBLIC_ENDPOINT": "https://store.invalid",  # nothing here fetches from the store
        "VSAAS_ALLOWED_HOSTS": "127.0.0.1",
        "VSAAS_INSECURE_COOKIES": "0",
        "VSAAS_MAIL_OUTBOX_PAGE": "0",
        "VSAAS_LOG_LEVEL": "INFO",
        "VSAAS_LOG_FORMAT": "json",
    }
    (folder / "nginx.conf").write_text(documented(ports, folder, authority))
    uvicorn = [sys.executable, "-m", "uvicorn", "--proxy-headers", "--no-access-log", "--app-dir", str(ROOT)]
    portal = [*uvicorn, "vsaas.asgi:application", "--ws", "none", "--port", str(ports["portal process"])]
    hub = [*uvicorn, "vsaas.live.asgi:application", "--ws", "websockets-sansio", "--ws-per-message-deflate"]
    hub += ["false", "--port"]
    programs = {
        "portal process": Program("portal", portal, env=settings, log=folder / "portal.log"),
        "hub process": Program("hub", [*hub, str(ports["hub process"])], env=settings, log=folder / "hub.log"),
        "other hub": Program("hub", [*hub, str(ports["other hub"])], env=settings, log=folder / "hub2.log"),
        "portal": Program(
            "nginx", [nginx(), "-c", str(folder / "nginx.conf"), "-p", str(folder)],
            env={"PATH": "/usr/sbin:/usr/bin:/bin"}, log=folder / "nginx.log",
        ),
    }  # fmt: skip
    try:
        for name, program in programs.items():
            program.start()
            program.wait_ready(lambda name=name: _listens(f"127.0.0.1:{ports[name]}"), 60)
        yield made
    finally:
        for program in programs.values():
            program.stop()


def sign_in(browser: httpx.Client, front: Front, cast: Cast) -> None:
    """Alice signs in, both steps."""
    path = f"/t/{cast.tenant_a.slug}/sign-in"
    assert browser.get(path).status_code == 200
    same_site = {"referer": front.portal + path, "origin": front.portal}
    for step, fields in (
        (path, {"email": cast.alice.email, "password": PASSWORD}),
        (f"{path}/factor", {"code": code_of(cast.alice)}),
    ):
        form = fields | {"csrfmiddlewaretoken": browser.cookies["vsaas_csrf"]}
        reply = browser.post(step, data=form, headers=same_site)
        assert reply.status_code == 302, reply.text


def test_people_sign_in_over_tls_with_cookies_that_never_leave_it(front: Front, cast: Cast) -> None:
    with front.browser(accept="text/html") as browser:
        sign_in(browser, front, cast)
        assert browser.get(f"/t/{cast.tenant_a.slug}/").status_code == 200
        assert {cookie.secure for cookie in browser.cookies.jar} == {True}
        policy = browser.get("/healthz").headers
    assert policy["strict-transport-security"].startswith("max-age=31536000")
    assert front.live in policy["content-security-policy"]


def test_the_portal_sees_the_client_s_own_address_whatever_it_claims(front: Front, cast: Cast) -> None:
    claims = {"accept": "text/html", "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "http"}
    with front.browser(**claims) as browser:
        sign_in(browser, front, cast)
    with tenant_scope(cast.tenant_a.id):
        assert {session.network for session in Session.objects.filter(account=cast.alice)} == {CLIENT}


def test_the_front_s_request_id_is_the_portal_s(front: Front) -> None:
    with front.browser() as browser:
        given = browser.get("/nothing").headers["x-request-id"]
    lines = [
        json.loads(line) for line in (front.folder / "portal.log").read_text().splitlines() if "{" in line
    ]
    assert given in {line.get("request_id") for line in lines}


def test_a_batch_of_records_fits_and_more_is_refused_at_the_front(front: Front) -> None:
    with front.browser() as browser:
        fits = browser.post("/agent/v1/records", content=bytes(4 * 1024 * 1024))
        assert (fits.status_code, fits.headers["content-type"]) == (401, "application/problem+json")
        assert browser.post("/agent/v1/records", content=bytes(7 * 1024 * 1024)).status_code == 413


def test_pages_and_replies_are_not_compressed(front: Front) -> None:
    with front.browser(**{"accept-encoding": "gzip, br"}) as browser:
        assert "content-encoding" not in browser.get("/healthz").headers


def test_figures_are_not_for_the_internet_and_set_up_links_are_in_no_log(front: Front) -> None:
    token = "only-for-tests-" + "x" * 28
    with front.browser() as browser:
        assert browser.get("/metrics").status_code == 404
        browser.get(f"/setup/{token}")
        browser.get("/healthz?seen")
    assert wait_until(lambda: "/healthz?seen" in front.access_log, 10)  # it is written after the answer
    assert token not in front.access_log
    assert token not in (front.folder / "portal.log").read_text()


def test_an_agent_s_signatures_hold_behind_it(front: Front, cast: Cast, tmp_path: Path) -> None:
    """Host and target reach the portal as the agent signed them; its control socket opens the same way."""
    make_keys(cast.tenant_a)
    code = make_code(cast.tenant_a, cast.site_a)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("VSAAS_", "DJANGO"))}
    trusting = clean | {"SSL_CERT_FILE": str(front.authority.certificate_file), "PYTHONPATH": str(ROOT)}
    words = [
        "edge_agent",
        "enrol",
        front.portal,
        code.text,
        "--state",
        str(tmp_path / "box"),
        "--name",
        "Gate",
    ]
    enrolled = subprocess.run(
        [sys.executable, "-m", *words], env=trusting, capture_output=True, text=True, cwd=ROOT
    )
    assert enrolled.returncode == 0, enrolled.stderr
    run = [sys.executable, "-m", "edge_agent", "run", "--state", str(tmp_path / "box")]
    agent = Program("agent", run, env=trusting, log=tmp_path / "agent.log")
    agent.start()
    try:
        agent.wait_ready(lambda: "control socket open" in (tmp_path / "agent.log").read_text(), 60)
    finally:
        agent.stop()
    # The hub was chosen by the very key that signed.
    with tenant_scope(cast.tenant_a.id):
        keys = {bytes(key.kid).hex() for key in AgentKey.objects.filter(agent__name="Gate")}
    assert wait_until(lambda: any(front.hubs_of(key_id) for key_id in keys), 10)


# websockets' synchronous client reads and writes one TLS connection in two threads, which Python 3.11 cannot: a request was
# lost now and then, so these tests use the asynchronous one.


async def refused(front: Front, path: str, **headers: str) -> Response:
    """What a handshake is refused with."""
    with pytest.raises(InvalidStatus) as found:
        await connect(
            f"{front.live}/{path}", ssl=front.authority.client_context(), additional_headers=headers
        )
    return found.value.response


async def test_the_sockets_of_an_agent_reach_one_hub_and_agents_spread_over_all(front: Front) -> None:
    keys = [hashlib.sha256(bytes([number])).hexdigest()[:32] for number in range(16)]
    for key_id in keys:
        signed = f'sig1=("@method" "@authority");created=1;keyid="{key_id}";alg="ed25519"'
        for path in ("control", f"media/{uuid.uuid4()}"):
            reply = await refused(front, f"agent/v1/{path}", **{"Signature-Input": signed})
            assert reply.status_code == 401
    assert wait_until(lambda: len(front.hubs_of(keys[-1])) == 2, 10)
    reached = [set(front.hubs_of(key_id)) for key_id in keys]
    assert {len(hubs) for hubs in reached} == {1}
    assert len(set.union(*reached)) == 2


async def test_websockets_pass_with_their_extensions_refused(front: Front) -> None:
    """The client offers compression; the hub takes none, and what it says comes through unchanged."""
    context: ssl.SSLContext = front.authority.client_context()
    async with connect(
        f"{front.live}/live", ssl=context, compression="deflate", origin=front.portal
    ) as socket:
        assert socket.response is not None
        assert "Sec-WebSocket-Extensions" not in socket.response.headers
        await socket.send(json.dumps({"ticket": "no such ticket"}))
        with pytest.raises(ConnectionClosed, match="this is not a live ticket"):
            await socket.recv()
    reply = await refused(front, "agent/v1/control")
    assert reply.status_code == 401
    assert "VSaaS-Nonce" in reply.headers


async def test_a_guessed_address_of_the_hub_is_not_found_and_no_error_in_its_log(front: Front) -> None:
    reply = await refused(front, "live/../agent")
    assert reply.status_code == 404
    assert "Traceback" not in (front.folder / "hub.log").read_text() + (front.folder / "hub2.log").read_text()
