"""The connection to a camera: plain TCP, or TLS where its address says rtsps."""

from __future__ import annotations

import hashlib
import hmac
import socket
import ssl
from typing import Protocol

from edge_agent.errors import CertificateChanged
from edge_agent.networks import connect_camera


class Connection(Protocol):
    """What the reader needs of a socket. Every call may raise OSError, TimeoutError among them."""

    def settimeout(self, seconds: float) -> None: ...

    def recv_into(self, view: memoryview, /) -> int:
        """Wait for something, put what is there into `view`, and return how many bytes; 0 at the end."""

    def sendall(self, data: bytes, /) -> None: ...

    def getsockopt(self, level: int, option: int, /) -> int: ...

    def close(self) -> None: ...


class SecureConnection:
    """TLS gives at most one record (16 KiB) a call; this takes all that is there, as a plain socket does.

    The reader rests between reads, so with a record at a time a camera of a few Mbit/s would have to wait for it.
    """

    def __init__(self, plain: socket.socket, accepted: bytes | None) -> None:
        """Shakes hands. Raises OSError, of which ssl.SSLError and CertificateChanged are two.

        Cameras sign their own certificates: nobody vouches for them but the person who accepted one (`accepted`, its
        SHA-256). Until then what is said stays between the two, but with whom is not checked.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        self._timeout = plain.gettimeout()
        try:
            self._socket = context.wrap_socket(plain)
        except TimeoutError as error:
            raise ssl.SSLError("whatever listens there does not answer in TLS") from error
        shown = hashlib.sha256(self._socket.getpeercert(binary_form=True) or b"").digest()
        self.certificate = shown.hex()
        if accepted is not None and not hmac.compare_digest(shown, accepted):
            self._socket.close()
            raise CertificateChanged(self.certificate)

    def settimeout(self, seconds: float) -> None:
        self._timeout = seconds
        self._socket.settimeout(seconds)

    def recv_into(self, view: memoryview) -> int:
        count = self._socket.recv_into(view)
        if not count:
            return 0
        self._socket.setblocking(False)
        try:
            while count < len(view):
                more = self._socket.recv_into(view[count:])
                if not more:
                    break  # the end: the next call says so
                count += more
        except ssl.SSLWantReadError:
            pass  # that was all
        finally:
            self._socket.settimeout(self._timeout)
        return count

    def sendall(self, data: bytes) -> None:
        self._socket.sendall(data)

    def getsockopt(self, level: int, option: int) -> int:
        return self._socket.getsockopt(level, option)

    def close(self) -> None:
        self._socket.close()


def connect(
    host: str,
    port: int,
    timeout_s: float,
    *,
    secure: bool,
    accepted: bytes | None = None,
    interface: str = "",
) -> Connection:
    """Raises OSError. `accepted`: SHA-256 of the only certificate that will do; without TLS there is none to look at.

    `interface`: the only one to go out by; "" leaves it to the routes.
    """
    plain = connect_camera(host, port, timeout_s, interface)
    if not secure:
        return plain
    try:
        return SecureConnection(plain, accepted)
    except BaseException:
        plain.close()
        raise
