"""The authority of one's own: browsers and agents trust what it signs, for local networks alone; and the address people choose."""

import datetime as dt
import http.server
import ssl
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cryptography import x509

from vsaas.onebox.address import Address, kept_address, wanted_address
from vsaas.onebox.authority import Authority, covered
from vsaas.onebox.box import Box
from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import Layout, Ports, wanted_port

NOW = dt.datetime.now(dt.UTC)


@pytest.fixture
def authority(folder: Path) -> Authority:
    return Authority(folder / "ca")


@contextmanager
def served(certificate: Path, key: Path) -> Iterator[int]:
    """A server on a free port with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), http.server.SimpleHTTPRequestHandler)
    server.handle_error = lambda request, address: None  # refused handshakes are what is tested
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_it_is_made_once_and_its_keys_are_closed(authority: Authority) -> None:
    assert authority.prepare("192.168.1.20", NOW) == ["authority", "certificate"]
    fingerprint = authority.fingerprint
    assert authority.prepare("192.168.1.20", NOW) == []
    assert authority.fingerprint == fingerprint
    assert {stat.S_IMODE(path.stat().st_mode) for path in authority.folder.iterdir()} == {0o600}


def test_what_it_signs_is_trusted_by_who_trusts_it_and_by_nobody_else(authority: Authority) -> None:
    authority.prepare("192.168.1.20", NOW)
    with served(authority.server_certificate, authority.server_key) as port:
        url = f"https://127.0.0.1:{port}/"
        assert httpx.head(url, verify=authority.client_context()).status_code == 200
        with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
            httpx.head(url)


def test_another_address_in_the_network_needs_only_another_certificate(authority: Authority) -> None:
    authority.prepare("192.168.1.20", NOW)
    assert authority.prepare("recorder.local", NOW) == ["certificate"]
    assert authority.prepare("10.1.2.3", NOW) == ["certificate"]


def test_it_ends_before_its_certificate_does_and_is_made_anew_in_time(authority: Authority) -> None:
    authority.prepare("10.0.0.5", NOW)
    assert authority.prepare("10.0.0.5", NOW + dt.timedelta(days=300)) == []
    assert authority.prepare("10.0.0.5", NOW + dt.timedelta(days=350)) == ["certificate"]
    assert authority.prepare("10.0.0.5", NOW + dt.timedelta(days=3500)) == ["authority", "certificate"]


def test_it_can_vouch_for_no_site_of_the_internet(authority: Authority, folder: Path) -> None:
    """Somebody with its key signs a certificate for another name: whoever trusts the authority refuses it."""
    authority.prepare("10.0.0.5", NOW)
    authority._make_certificate("bank.example.com", NOW)  # what a thief would do
    names = x509.load_pem_x509_certificate(authority.server_certificate.read_bytes())
    assert "bank.example.com" in str(names.extensions)
    with (
        served(authority.server_certificate, authority.server_key) as port,
        pytest.raises(httpx.ConnectError, match="permitted subtree violation"),
    ):
        httpx.head(f"https://127.0.0.1:{port}/", verify=authority.client_context())


def test_a_name_outside_local_networks_is_permitted_alone(authority: Authority) -> None:
    assert authority.prepare("video.example.com", NOW) == ["authority", "certificate"]
    certificate = x509.load_pem_x509_certificate(authority.certificate_file.read_bytes())
    permitted = certificate.extensions.get_extension_for_class(x509.NameConstraints).value.permitted_subtrees
    assert covered("video.example.com", permitted)
    assert not covered("example.com", permitted)
    assert not covered("8.8.8.8", permitted)
    assert authority.prepare("other.example.com", NOW) == ["authority", "certificate"]


# The address


@pytest.fixture
def layout(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    for name in ("TLS", "PUBLIC_URL", "PORT"):
        monkeypatch.delenv(name, raising=False)
    made = Layout(folder)
    made.var.mkdir()
    return made


def test_without_a_wish_it_is_this_machine_alone_over_plain_http(layout: Layout) -> None:
    address = wanted_address(layout)
    assert (address.url(8400), address.url(8401, "ws"), address.bind) == (
        "http://127.0.0.1:8400", "ws://127.0.0.1:8401", "127.0.0.1",
    )  # fmt: skip


def test_what_was_chosen_is_chosen_again_until_it_is_taken_back(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://192.168.1.20:9443")
    address = wanted_address(layout)
    assert address.url(8400, "ws") == "wss://192.168.1.20:8400"
    assert address.bind == "0.0.0.0"
    assert wanted_port(layout) == 9443
    monkeypatch.delenv("PUBLIC_URL")
    assert wanted_address(layout) == kept_address(layout) == address
    monkeypatch.setenv("TLS", "0")
    assert wanted_address(layout) == kept_address(layout) == Address()


@pytest.mark.parametrize(
    "url",
    [
        "192.168.1.20",
        "http://192.168.1.20:8400",
        "https://",
        "https://a:b@host",
        "https://host/path",
        "https://host:x",
    ],
)
def test_an_address_that_cannot_be_typed_into_a_phone_is_refused(
    layout: Layout, monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    monkeypatch.setenv("PUBLIC_URL", url)
    with pytest.raises(OneboxError, match="PUBLIC_URL is no usable address: write https://"):
        wanted_address(layout)


def test_a_name_nobody_finds_is_refused_with_what_to_do(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://recorder.invalid:8400")
    with pytest.raises(OneboxError, match=r"the name recorder\.invalid cannot be found on this machine"):
        wanted_address(layout)


def test_two_ports_that_differ_are_refused(layout: Layout, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://127.0.0.1:9443")
    monkeypatch.setenv("PORT", "8400")
    with pytest.raises(OneboxError, match="PORT=8400 and the port 9443 in PUBLIC_URL differ"):
        wanted_port(layout)


def test_the_network_reaches_portal_hub_and_store_over_tls_and_nothing_else(layout: Layout) -> None:
    box = Box(layout, Ports(9000), Address("192.168.1.20", tls=True))
    services = {service.name: service for service in box.services(demo_camera=True)}
    for name in ("portal", "hub"):
        command = list(services[name].command)
        assert command[command.index("--host") + 1] == "0.0.0.0"
        assert str(layout.authority / "server.key") in command
    assert services["s3"].env["VGW_PORT"] == "0.0.0.0:9002"
    assert services["s3"].env["VGW_KEY"] == str(layout.authority / "server.key")
    assert "0.0.0.0" not in " ".join([*services["camera"].command, *services["postgres"].command])
    told = services["portal"].env
    assert told["VSAAS_PUBLIC_URL"] == "https://192.168.1.20:9000"
    assert told["VSAAS_LIVE_URL"] == "wss://192.168.1.20:9001"
    assert told["VSAAS_S3_PUBLIC_ENDPOINT"] == "https://192.168.1.20:9002"
    assert told["VSAAS_S3_ENDPOINT"] == "https://127.0.0.1:9002"
    assert "VSAAS_INSECURE_COOKIES" not in told
    assert "VSAAS_MAIL_OUTBOX_PAGE" not in told, "the network would read links that open accounts"
    assert services["agent"].env["SSL_CERT_FILE"] == told["VSAAS_CA_FILE"]


def test_messages_are_read_on_this_machine_alone_and_only_without_a_mail_server(
    layout: Layout, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Box(layout, Ports(9000)).settings()["VSAAS_MAIL_OUTBOX_PAGE"] == "1"
    monkeypatch.setenv("VSAAS_SMTP_URL", "smtp://127.0.0.1")
    monkeypatch.setenv("VSAAS_MAIL_FROM", "video@example.com")
    told = Box(layout, Ports(9000)).settings()
    assert "VSAAS_MAIL_OUTBOX_PAGE" not in told
    assert (told["VSAAS_SMTP_URL"], told["VSAAS_MAIL_FROM"]) == ("smtp://127.0.0.1", "video@example.com")
