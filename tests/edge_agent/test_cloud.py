"""Signed requests: nonces, refusals, waits, broken connections; uploads without our signature."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from edge_agent import cloud as cloud_module
from edge_agent.cloud import BadProxy, Cloud, Patience, PutOutcome, StoreRefused, StoreUnreachable
from edge_agent.errors import PortalRefused, PortalUnreachable
from edge_agent.identity import Signing
from edge_agent.keys import BoxKeys
from tests.edge_agent.tiny_portal import Reply, TinyPortal, as_json, problem

PATH = "/agent/v1/state"


@pytest.fixture
def keys() -> BoxKeys:
    return BoxKeys.new()


@pytest.fixture
def portal(keys: BoxKeys) -> Iterator[TinyPortal]:
    with TinyPortal().serving() as portal:
        portal.accepts(keys.transport_public)
        portal.routes[f"GET {PATH}"] = lambda request: as_json({"well": True})
        portal.routes["POST /agent/v1/records"] = lambda request: Reply(200, request.body, "application/cbor")
        portal.routes["POST /agent/v1/health"] = lambda request: Reply(204)
        yield portal


@pytest.fixture
def signing(portal: TinyPortal, keys: BoxKeys) -> Signing:
    return Signing(portal.url, keys)


async def test_the_first_request_fetches_a_nonce_and_the_next_uses_the_one_it_brought(
    portal: TinyPortal, signing: Signing
) -> None:
    async with Cloud(signing) as cloud:
        assert await cloud.get_json(PATH) == {"well": True}
        assert len(portal.requests) == 2
        assert await cloud.post_cbor("/agent/v1/records", b"\x80") == b"\x80"
        assert await cloud.post_json("/agent/v1/health", {"a": 1}) is None
    assert len(portal.requests) == 4


async def test_requests_at_the_same_time_each_have_a_nonce_of_their_own(
    portal: TinyPortal, signing: Signing
) -> None:
    async with Cloud(signing) as cloud:
        answers = await asyncio.gather(*[cloud.get_json(PATH) for _ in range(8)])
    assert answers == [{"well": True}] * 8


async def test_nobody_takes_away_the_nonce_that_a_refused_request_is_tried_again_with(
    portal: TinyPortal, signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = cloud_module._limited

    async def while_others_ask(reply: httpx.Response, most: int) -> bytes:
        body = await read(reply, most)
        while cloud._take_nonce() is not None:  # requests under way beside this one take all that are kept
            pass
        return body

    monkeypatch.setattr(cloud_module, "_limited", while_others_ask)
    async with Cloud(signing) as cloud:
        assert await cloud.get_json(PATH) == {"well": True}


async def test_a_nonce_that_stays_stale_is_retried_once_only(portal: TinyPortal, signing: Signing) -> None:
    portal.fresh_nonces = False
    async with Cloud(signing) as cloud:
        with pytest.raises(PortalRefused) as refused:
            await cloud.get_json(PATH)
    assert (refused.value.name, refused.value.status) == ("stale-nonce", 401)
    assert len(portal.requests) == 2


@pytest.mark.parametrize(("status", "name"), [(429, "too-many"), (503, "unavailable")])
async def test_the_portal_says_how_long_to_wait(
    portal: TinyPortal, signing: Signing, status: int, name: str
) -> None:
    portal.scripted = [problem(status, name, Retry_After="17")]
    async with Cloud(signing) as cloud:
        with pytest.raises(PortalRefused) as refused:
            await cloud.get_json(PATH)
        assert refused.value.retry_after_s == 17
        assert 17 <= Patience(0.1, 1.0).after(refused.value) <= 17 * 1.5
        assert await cloud.get_json(PATH) == {"well": True}
        assert cloud.contact.trouble is None


def test_waits_grow_to_their_limit_and_start_again_after_a_success() -> None:
    patience = Patience(1.0, 8.0)
    waits = [patience.after(PortalUnreachable("gone")) for _ in range(6)]
    for wait, limit in zip(waits, (1, 2, 4, 8, 8, 8), strict=True):
        assert limit / 2 <= wait <= limit
    patience.reset()
    assert patience.after(PortalUnreachable("gone")) <= 1


async def test_a_refusal_says_what_the_portal_said_and_nothing_unprintable(
    portal: TinyPortal, signing: Signing
) -> None:
    portal.scripted = [problem(400, "malformed-message", "the name\x1b[2J is too long")]
    async with Cloud(signing) as cloud:
        with pytest.raises(PortalRefused, match=r"refused POST /agent/v1/health: the name \[2J is too long"):
            await cloud.post_json("/agent/v1/health", {})
        assert "too long" in (cloud.contact.trouble or "")


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Reply(404, b"<h1>It works</h1>", "text/html"), "there is no portal at"),
        (Reply(302, b"", headers={"Location": "https://elsewhere.example"}), "redirects elsewhere"),
        (Reply(200, b"<h1>It works</h1>", "text/html"), "is not the portal"),
        (Reply(200, b"[]"), "is not the portal"),
        (Reply(200, b"{}", headers={"Content-Encoding": "gzip"}), "compressed"),
        (Reply(502, b"bad gateway", "text/plain"), "status 502"),
    ],
)
async def test_what_is_no_portal_is_named(
    portal: TinyPortal, signing: Signing, reply: Reply, says: str
) -> None:
    portal.scripted = [reply]
    async with Cloud(signing) as cloud:
        with pytest.raises((PortalRefused, PortalUnreachable), match=says):
            await cloud.get_json(PATH)


async def test_a_network_that_wants_a_sign_in_first_is_no_contact_and_tells_no_time(
    portal: TinyPortal, signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A captive portal answers everything with its own page, and with its own clock."""
    portal.fresh_nonces = False
    monkeypatch.setattr(portal, "check", lambda *_: None)
    page = Reply(200, b"<h1>Welcome</h1>", "text/html", headers={"Date": "Tue, 22 Sep 2099 10:00:00 GMT"})
    async with Cloud(signing) as cloud:
        for ask in (cloud.get_json(PATH), cloud.post_cbor("/agent/v1/records", b"\xa0")):
            portal.scripted = [page]
            with pytest.raises(PortalUnreachable, match="whether this network wants a sign-in first"):
                await ask
            assert cloud.contact.last_us is None
            assert "sign-in" in (cloud.contact.trouble or "")
        assert not cloud.portal_time_known


async def test_a_reply_without_end_is_not_read_to_its_end(
    portal: TinyPortal, signing: Signing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edge_agent.cloud.REPLY_BYTES_MAX", 1000)
    portal.scripted = [Reply(200, b"{" + b" " * 5000 + b"}")]
    async with Cloud(signing) as cloud:
        with pytest.raises(PortalUnreachable, match="more than 1000 bytes"):
            await cloud.get_json(PATH)


async def test_a_connection_that_breaks_is_tried_once_more(portal: TinyPortal, signing: Signing) -> None:
    async with Cloud(signing) as cloud:
        await cloud.get_json(PATH)
        portal.scripted = [Reply(hang_up=True)]
        assert await cloud.get_json(PATH) == {"well": True}
        portal.scripted = [Reply(hang_up=True)] * 2
        with pytest.raises(PortalUnreachable):
            await cloud.get_json(PATH)


async def test_nobody_listens(keys: BoxKeys) -> None:
    async with Cloud(Signing("http://127.0.0.1:9", keys)) as cloud:
        with pytest.raises(PortalUnreachable, match="takes no connection"):
            await cloud.get_json(PATH)
        assert cloud.contact.last_us is None
        assert "takes no connection" in (cloud.contact.trouble or "")


async def test_a_body_changed_on_the_way_is_refused(portal: TinyPortal, signing: Signing) -> None:
    """The digest is signed: what the portal checks is what was sent."""
    async with Cloud(signing) as cloud:
        await cloud.post_cbor("/agent/v1/records", b"\x81\x01")
    request = portal.requests[-1]
    changed = portal.check("POST", portal.url + request.path, request.headers, b"\x81\x02")
    assert changed is not None
    assert changed.status == 401


async def test_a_handshake_is_signed_over_the_http_form_of_its_address(
    portal: TinyPortal, signing: Signing
) -> None:
    async with Cloud(signing) as cloud:
        headers = await cloud.handshake("ws://hub.example:8401/agent/v1/control")
        assert portal.check("GET", "http://hub.example:8401/agent/v1/control", headers, b"") is None
        other = await cloud.handshake("ws://hub.example:8401/agent/v1/control")
        assert portal.check("GET", "http://hub.example:8401/agent/v1/media/1", other, b"") is not None


async def test_requests_go_through_the_proxy_of_the_environment(
    portal: TinyPortal, keys: BoxKeys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", portal.url)
    portal.scripted = []
    async with Cloud(Signing("http://portal.example", keys)) as cloud:
        with pytest.raises(PortalRefused):
            await cloud.get_json(PATH)
    assert portal.requests[0].path == f"http://portal.example{PATH}"


def test_a_proxy_of_another_kind_is_named(keys: BoxKeys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "socks5://127.0.0.1:1080")
    with pytest.raises(BadProxy, match="name an http:// proxy"):
        Cloud(Signing("https://portal.example", keys))


async def test_the_portals_clock_is_known_from_its_replies(portal: TinyPortal, signing: Signing) -> None:
    portal.routes[f"GET {PATH}"] = lambda request: Reply(
        200, b"{}", headers={"Date": "Tue, 22 Sep 2026 10:00:00 GMT"}
    )
    async with Cloud(signing) as cloud:
        await cloud.get_json(PATH)
        told = datetime.datetime(2026, 9, 22, 10, tzinfo=datetime.UTC).timestamp() * 1e6
        assert abs(cloud.portal_time_us() - told) < 60e6


# Certificates


def _certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "portal of the test")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "cert.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    return paths


async def test_an_unknown_certificate_is_refused_and_one_named_in_the_environment_is_taken(
    keys: BoxKeys, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    certificate, key = _certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    portal = TinyPortal()
    portal._server.socket = context.wrap_socket(portal._server.socket, server_side=True)
    portal.url = portal.url.replace("http:", "https:")
    portal.accepts(keys.transport_public)
    portal.routes[f"GET {PATH}"] = lambda request: as_json({"well": True})
    with portal.serving():
        async with Cloud(Signing(portal.url, keys)) as cloud:
            with pytest.raises(PortalUnreachable, match=r"not trusted here.*SSL_CERT_FILE"):
                await cloud.get_json(PATH)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        async with Cloud(Signing(portal.url, keys)) as cloud:
            assert await cloud.get_json(PATH) == {"well": True}


# Uploads


@pytest.fixture
def store() -> Iterator[TinyPortal]:
    class Store(TinyPortal):
        def check(self, *_: object) -> None:
            return None

    with Store().serving() as store:
        yield store


def _xml(status: int, code: str) -> Reply:
    return Reply(status, f"<Error><Code>{code}</Code></Error>".encode(), "application/xml")


async def test_an_upload_sends_the_grants_headers_its_size_and_no_signature_of_ours(
    signing: Signing, store: TinyPortal, tmp_path: Path
) -> None:
    data = bytes(range(256)) * 3000
    (tmp_path / "object").write_bytes(data)
    store.routes["PUT /b/object"] = lambda request: Reply(200)
    headers = {"If-None-Match": "*", "x-amz-checksum-crc32c": "AAAAAA=="}
    async with Cloud(signing) as cloud:
        outcome = await cloud.put(f"{store.url}/b/object?X=1", headers, tmp_path / "object", len(data))
        assert outcome is PutOutcome.STORED
        assert await cloud.put(f"{store.url}/b/object", headers, b"small", 5) is PutOutcome.STORED
    request = store.requests[0]
    assert request.body == data
    assert request.headers["content-length"] == str(len(data))
    assert request.headers["if-none-match"] == "*"
    assert "transfer-encoding" not in request.headers
    assert not [name for name in request.headers if name.startswith("signature")]


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (Reply(412), PutOutcome.ALREADY_THERE),
        (_xml(412, "PreconditionFailed"), PutOutcome.ALREADY_THERE),
        (_xml(403, "AccessDenied"), PutOutcome.EXPIRED),
        (Reply(403), PutOutcome.EXPIRED),
    ],
)
async def test_outcomes_of_an_upload(
    signing: Signing, store: TinyPortal, reply: Reply, outcome: PutOutcome
) -> None:
    store.scripted = [reply]
    async with Cloud(signing) as cloud:
        assert await cloud.put(f"{store.url}/b/o?X-Amz-Signature=abc", {}, b"x", 1) is outcome


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (_xml(403, "SignatureDoesNotMatch"), StoreRefused),
        (_xml(400, "BadDigest"), StoreRefused),
        (_xml(404, "NoSuchBucket"), StoreRefused),
        (_xml(503, "SlowDown"), StoreUnreachable),
        (Reply(500, b"oops", "text/plain"), StoreUnreachable),
        (Reply(hang_up=True), StoreUnreachable),
    ],
)
async def test_failures_of_an_upload_say_why_and_never_show_the_grant(
    signing: Signing, store: TinyPortal, reply: Reply, error: type[Exception]
) -> None:
    store.scripted = [reply]
    async with Cloud(signing) as cloud:
        with pytest.raises(error) as raised:
            await cloud.put(f"{store.url}/b/o?X-Amz-Signature=abc", {}, b"x", 1)
    assert "X-Amz" not in str(raised.value)
    assert "abc" not in str(raised.value)
