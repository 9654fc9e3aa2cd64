"""A small HTTP proxy that asks for a user and a password (RFC 9110 section 9.3.6, RFC 7617), and a portal behind it.

Names are known to the proxy alone, so what arrives came through it.
"""

from __future__ import annotations

import base64
import contextlib
import selectors
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


class Proxy:
    """`password` may be changed while it runs. `tunnels`: (target, user agent) of those it made; `bytes_up`: sent through."""

    def __init__(self) -> None:
        self.user, self.password = "box", "let-me-out"
        self.tunnels: list[tuple[str, str]] = []
        self.refused = 0
        self.bytes_up = 0
        self._open: set[socket.socket] = set()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.proxy = self

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    @property
    def with_credentials(self) -> str:
        return f"http://{self.user}:{self.password}@{self.address}"

    def knows(self, line: str) -> bool:
        wanted = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        return line == f"Basic {wanted}"

    def hang_up(self) -> None:
        """Break every tunnel there is."""
        for sock in list(self._open):
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)

    def relay(self, near: socket.socket, far: socket.socket) -> None:
        self._open.update((near, far))
        with selectors.DefaultSelector() as ready:
            ready.register(near, selectors.EVENT_READ, far)
            ready.register(far, selectors.EVENT_READ, near)
            try:
                while True:
                    for key, _ in ready.select():
                        data = key.fileobj.recv(65536)  # type: ignore[union-attr]
                        if not data:
                            return
                        key.data.sendall(data)
                        if key.data is far:
                            self.bytes_up += len(data)
            except OSError:
                return  # one side is gone: so is the tunnel
            finally:
                self._open.difference_update((near, far))


class _Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True
    proxy: Proxy


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        proxy = self.server.proxy
        words = self.rfile.readline().decode().split()
        headers = {}
        while (line := self.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        if not words or words[0] != "CONNECT":
            self.wfile.write(b"HTTP/1.1 405 Only CONNECT\r\nContent-Length: 0\r\n\r\n")
            return
        if not proxy.knows(headers.get("proxy-authorization", "")):
            proxy.refused += 1
            self.wfile.write(
                b"HTTP/1.1 407 Proxy Authentication Required\r\n"
                b'Proxy-Authenticate: Basic realm="way out"\r\nContent-Length: 0\r\n\r\n'
            )
            return
        port = int(words[1].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as far:
            proxy.tunnels.append((words[1], headers.get("user-agent", "")))
            self.wfile.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            proxy.relay(self.connection, far)


@contextmanager
def running_proxy() -> Iterator[Proxy]:
    proxy = Proxy()
    thread = threading.Thread(target=proxy._server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield proxy
    finally:
        proxy._server.shutdown()
        proxy.hang_up()
        thread.join()
        proxy._server.server_close()


def certificate_for(name: str, folder: Path) -> tuple[ssl.SSLContext, Path]:
    """TLS of a server of this name, and the file of the certificate that whoever calls it must trust."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    trusted, both = folder / "trusted.pem", folder / "server.pem"
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    trusted.write_bytes(pem)
    both.write_bytes(
        pem
        + key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(both)
    return context, trusted
