"""Connections out to a destination: TLS with the certificate checked, to public addresses alone.

What a tenant types here is connected to from inside the installation. So a name is resolved once, every address it has
must be a public one (unless VSAAS_AUDIT_PRIVATE_TARGETS allows others), and that very address is connected to; redirects
are not followed.
"""

from __future__ import annotations

import http.client
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.conf import settings
from django.utils.translation import gettext as _

CONNECT_S = 5.0
ANSWER_S = 15.0
ANSWER_BYTES = 16_384
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")  # RFC 6052
SYSLOG_PORT = 6514  # RFC 5425 section 4.1


class WireError(Exception):
    """Nothing is known to have arrived: why, in words for people, without secrets."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Where to connect. `ca_pem`: the only authority trusted there; empty: those of the system. `anywhere`: private addresses
    too, as an address of the settings may be."""

    host: str
    port: int
    ca_pem: str = ""
    anywhere: bool = False

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def connect(peer: Peer) -> ssl.SSLSocket:
    """A TLS connection with the peer's certificate checked for its name. Raises WireError."""
    context = context_of(peer.ca_pem)
    plain = _dial(peer, _addresses(peer))
    try:
        plain.settimeout(CONNECT_S)
        secured = context.wrap_socket(plain, server_hostname=peer.host)
        secured.settimeout(ANSWER_S)
    except ssl.SSLCertVerificationError as error:
        plain.close()
        raise WireError(
            _("the certificate of %(peer)s is not accepted: %(reason)s")
            % {"peer": peer, "reason": error.verify_message}
        ) from error
    except OSError as error:  # ssl.SSLError is one
        plain.close()
        raise WireError(
            _("%(peer)s does not speak TLS as expected: %(reason)s")
            % {"peer": peer, "reason": _reason(error)}
        ) from error
    return secured


def context_of(ca_pem: str) -> ssl.SSLContext:
    """Checks certificate and name; TLS 1.2 at least. Raises WireError for a PEM that is none."""
    try:
        context = ssl.create_default_context(cadata=ca_pem.encode("ascii").decode() or None)
    except (ssl.SSLError, ValueError) as error:  # UnicodeEncodeError is one
        raise WireError(_("the certificate authority is not a certificate in PEM")) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _addresses(peer: Peer) -> list[tuple[int, str]]:
    try:
        found = socket.getaddrinfo(peer.host, peer.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WireError(_("the name %(host)s is not known") % {"host": peer.host}) from error
    addresses = [(family, str(address[0])) for family, _kind, _proto, _name, address in found]
    if not (peer.anywhere or settings.ENV.audit_private_targets):
        for _family, address in addresses:
            if not is_public(address):
                raise WireError(
                    _(
                        "%(host)s is the address %(address)s, which is not a public one: this installation sends "
                        "to public addresses alone"
                    )
                    % {"host": peer.host, "address": address}
                )
    return addresses


def is_public(text: str) -> bool:
    """Whether an address is one of the internet's: not private, loopback, link-local, shared, multicast or reserved."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inside = address.ipv4_mapped or address.sixtofour or (address.teredo or (None, None))[1]
        if address in NAT64:
            inside = ipaddress.IPv4Address(address.packed[-4:])
        if inside is not None:
            address = inside
    return address.is_global and not address.is_multicast


def _dial(peer: Peer, addresses: Iterable[tuple[int, str]]) -> socket.socket:
    failure: OSError | None = None
    for _family, address in addresses:
        try:
            return socket.create_connection((address, peer.port), timeout=CONNECT_S)
        except OSError as error:
            failure = error
    raise WireError(
        _("%(peer)s cannot be reached: %(reason)s") % {"peer": peer, "reason": _reason(failure)}
    ) from failure


def send_frames(peer: Peer, frames: Iterable[bytes]) -> None:
    """Send syslog messages, framed by their length (RFC 5425 section 4.3), and make sure that they were read: the
    connection is ended in order, and the peer must end it too. What it has not read by then, its system would answer with
    a reset. Raises WireError: then all of them are sent again."""
    connection = connect(peer)
    try:
        connection.sendall(b"".join(b"%d %s" % (len(frame), frame) for frame in frames))
        _end_in_order(connection)
    except OSError as error:
        raise WireError(
            _("%(peer)s ended the connection before it had read everything: %(reason)s")
            % {"peer": peer, "reason": _reason(error)}
        ) from error
    finally:
        connection.close()


def _end_in_order(connection: ssl.SSLSocket) -> None:
    try:
        connection.unwrap()
    except ssl.SSLEOFError:
        return  # it ended the connection without TLS's own goodbye, in order nevertheless
    except OSError as error:
        if isinstance(error, ssl.SSLError) or error.errno:
            raise


@dataclass(frozen=True, slots=True)
class Target:
    """Where JSON is posted: peer and path. `headers`: sent along, one of them may hold a secret."""

    peer: Peer
    path: str
    headers: Mapping[str, str]


def post(target: Target, body: bytes) -> None:
    """POST JSON; any 2xx means it has arrived. Raises WireError."""
    connection = http.client.HTTPSConnection(target.peer.host, target.peer.port)
    connection.sock = connect(target.peer)
    try:
        headers = {"Content-Type": "application/json", "User-Agent": "vsaas-audit", "Connection": "close"}
        connection.request("POST", target.path, body, {**headers, **target.headers})
        reply = connection.getresponse()
        reply.read(ANSWER_BYTES)
        status, reason = reply.status, reply.reason
    except (OSError, http.client.HTTPException) as error:
        raise WireError(
            _("%(peer)s gave no answer: %(reason)s") % {"peer": target.peer, "reason": _reason(error)}
        ) from error
    finally:
        connection.close()
    if not 200 <= status < 300:
        words = f"{status} {reason[:60]}".strip()
        raise WireError(_("%(peer)s answered %(status)s") % {"peer": target.peer, "status": words})


def syslog_peer(address: str, ca_pem: str) -> Peer:
    """`host`, `host:port` or `[v6]:port`. Raises ValueError."""
    _one_word(address)
    parts = urlsplit(f"//{address}")
    if not parts.hostname or parts.path or parts.query or parts.fragment or parts.username is not None:
        raise ValueError("no host")
    return Peer(parts.hostname, parts.port or SYSLOG_PORT, ca_pem)


def https_target(address: str, ca_pem: str, headers: Mapping[str, str]) -> Target:
    """An https address. Raises ValueError."""
    _one_word(address)
    parts = urlsplit(address)
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("no https address")
    path = parts.path or "/"
    return Target(
        Peer(parts.hostname, parts.port or 443, ca_pem),
        f"{path}?{parts.query}" if parts.query else path,
        headers,
    )


def _one_word(address: str) -> None:
    if not (address.isascii() and address.isprintable()) or " " in address:
        raise ValueError("an address is printable ASCII without spaces")


def _reason(error: BaseException | None) -> str:
    if isinstance(error, TimeoutError):
        return _("no answer in time")
    if isinstance(error, ConnectionRefusedError):
        return _("nothing listens there")
    if isinstance(error, ssl.SSLError):
        return (error.reason or "TLS").replace("_", " ").lower()
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return type(error).__name__
