"""What may stand before a camera: TLS, and answers that send a client elsewhere. The media are the camera's own."""

from __future__ import annotations

import datetime as dt
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

Handler = Callable[[socket.socket], None]


def self_signed(folder: Path) -> Path:
    """Key and certificate in one file, as cameras make them for themselves."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "camera")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=9))
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
    path = folder / "camera.pem"
    path.write_bytes(private + certificate)
    return path


def fingerprint_of(path: Path) -> bytes:
    """SHA-256 of the certificate in a file of `self_signed`."""
    return x509.load_pem_x509_certificate(path.read_bytes()).fingerprint(hashes.SHA256())


@contextmanager
def listening(handle: Handler) -> Iterator[int]:
    """Hands every connection to `handle`, in a thread of its own; gives the port."""
    server = socket.create_server(("127.0.0.1", 0))

    def accept() -> None:
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return  # closed: the block has ended
            threading.Thread(target=_one, args=(handle, connection), daemon=True).start()

    thread = threading.Thread(target=accept, daemon=True)
    thread.start()
    try:
        yield server.getsockname()[1]
    finally:
        server.shutdown(socket.SHUT_RDWR)
        server.close()
        thread.join(5)


def _one(handle: Handler, connection: socket.socket) -> None:
    with connection:
        try:
            handle(connection)
        except OSError:
            return  # the client, or the camera behind, went away


def in_tls(certificate: Path, port: int) -> Handler:
    """Speaks TLS and passes on what it hears to the camera at `port` of this machine."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)

    def handle(connection: socket.socket) -> None:
        with (
            context.wrap_socket(connection, server_side=True) as secure,
            socket.create_connection(("127.0.0.1", port)) as camera,
        ):
            back = threading.Thread(target=_pump, args=(camera, secure), daemon=True)
            back.start()
            _pump(secure, camera)
            camera.shutdown(socket.SHUT_RDWR)
            back.join(5)

    return handle


def _pump(source: socket.socket, sink: socket.socket) -> None:
    try:
        while data := source.recv(65536):
            sink.sendall(data)
    except OSError:
        return  # either end went away, which ends the other as well


def answering(*replies: str) -> Handler:
    """Answers the requests of a connection one after the other with these status lines and headers, then says no more."""

    def handle(connection: socket.socket) -> None:
        heard = b""
        for number, reply in enumerate(replies, 1):
            while b"\r\n\r\n" not in heard:
                data = connection.recv(4096)
                if not data:
                    return
                heard += data
            heard = heard.partition(b"\r\n\r\n")[2]
            connection.sendall(f"RTSP/1.0 {reply}\r\nCSeq: {number}\r\n\r\n".encode())
        connection.recv(1)

    return handle
