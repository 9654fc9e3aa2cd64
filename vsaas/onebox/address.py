"""Under which address people and agents reach this system, and over TLS or not.

Plain http serves this machine alone. `make up TLS=1 PUBLIC_URL=https://NAME-OR-ADDRESS:PORT` serves the local network: with
certificates of an authority of its own (`authority.py`). What was chosen is kept until it is chosen otherwise.
"""

import ipaddress
import json
import os
import socket
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

from vsaas.onebox.errors import OneboxError
from vsaas.onebox.layout import HOST, Layout
from vsaas.onebox.passwords import write_private

EVERYWHERE = {4: "0.0.0.0", 6: "::"}  # noqa: S104  with TLS the local network is meant to reach it


@dataclass(frozen=True)
class Address:
    """`host`: a name or IP address, without brackets."""

    host: str = HOST
    tls: bool = False

    @property
    def bind(self) -> str:
        """The address portal, hub and object store listen on."""
        if is_loopback(self.host):
            return HOST
        return EVERYWHERE[6 if ":" in self.host else 4]

    def url(self, port: int, scheme: str = "http") -> str:
        """`scheme` http or ws, with an s behind it where there is TLS."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{scheme}{'s' if self.tls else ''}://{host}:{port}"

    def here(self, port: int) -> str:
        """The same server as this machine itself asks it."""
        return f"http{'s' if self.tls else ''}://{HOST}:{port}"


def is_loopback(host: str) -> bool:
    """Whether a name or address means this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def kept_address(layout: Layout) -> Address:
    """The address of the last start."""
    if not layout.address_file.exists():
        return Address()
    return Address(**json.loads(layout.address_file.read_text()))


def wanted_address(layout: Layout) -> Address:
    """What TLS and PUBLIC_URL in the environment ask for, else what was chosen before; kept for the next start.

    Raises OneboxError for an address that cannot be served.
    """
    tls, url = os.environ.get("TLS", "").strip(), os.environ.get("PUBLIC_URL", "").strip()
    if tls not in ("", "0", "1"):
        raise OneboxError("TLS is 1 or 0")
    if tls == "0":
        chosen = Address()
        if url:
            raise OneboxError("PUBLIC_URL needs TLS=1: plain http serves this machine alone")
    elif tls == "1" or url:
        before = kept_address(layout)
        host = host_of(url) if url else (before.host if before.tls else own_address())
        chosen = Address(host, tls=True)
        check_found(host)
    else:
        chosen = kept_address(layout)
    if chosen != kept_address(layout):
        write_private(layout.address_file, asdict(chosen))
    return chosen


def host_of(url: str) -> str:
    """The host of PUBLIC_URL. Raises OneboxError when it is no https address of a server."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme != "https" or parts.path not in ("", "/") or parts.query or parts.username:
        raise OneboxError(
            "PUBLIC_URL is no usable address: write https://NAME-OR-ADDRESS:PORT, as the phone is to type it"
        )
    return host


def own_address() -> str:
    """This machine's address in its network: the one it would send from. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # documentation address (RFC 5737)
        except OSError:
            raise OneboxError(
                "this machine's address in the network is not known: name it with PUBLIC_URL=https://ADDRESS:PORT"
            ) from None
        return str(probe.getsockname()[0])


def check_found(host: str) -> None:
    """Raises OneboxError when this machine itself cannot find `host`: its agent uses the same address as everybody."""
    try:
        socket.getaddrinfo(host, None)
    except socket.gaierror:
        raise OneboxError(
            f"the name {host} cannot be found on this machine: add it to your name server or to /etc/hosts, "
            "or use the machine's IP address in PUBLIC_URL"
        ) from None
