"""By which network the agent goes out: a proxy, an interface towards the cloud, another towards the cameras.

Every connection is outbound, and none leads from one network to the other: sockets are bound to their interface
(SO_BINDTODEVICE), so a camera that has the portal's address, or the other way round, is not found on the wrong side.
An interface and not an address is named, because an address binds no route and changes with DHCP.
"""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from edge_agent.errors import AgentError
from edge_agent.identity import is_loopback

T = TypeVar("T")

NO_PROXY: Final = "none"
_INTERFACE_CHARS_MAX: Final = 15  # IFNAMSIZ without its closing zero


class BadNetwork(AgentError):
    """A setting of proxy or interface cannot be used."""

    exit_code = 2


@dataclass(frozen=True, repr=False)
class Network:
    """`proxy`: an http:// address, with user and password where it asks for them; "none" uses none; "" leaves it to
    HTTPS_PROXY and NO_PROXY. `cloud_interface`, `camera_interface`: names of interfaces; "" leaves it to the routes.

    Raises BadNetwork for what can never be right.
    """

    proxy: str = ""
    cloud_interface: str = ""
    camera_interface: str = ""

    def __post_init__(self) -> None:
        if self.proxy not in ("", NO_PROXY):
            _check_proxy(self.proxy)
        for name in (self.cloud_interface, self.camera_interface):
            if len(name) > _INTERFACE_CHARS_MAX or not name.isprintable() or "/" in name or " " in name:
                raise BadNetwork(f"{name!r} is no name of an interface: 'ip link' lists them")

    def proxy_to(self, host: str) -> str | None:
        """The proxy on the way to a host, as text without user and password; None where there is none."""
        if self.proxy == NO_PROXY or is_loopback(host):
            return None
        address = self.proxy
        if not address and not proxy_bypass(host):
            found = getproxies()
            address = found.get("https") or found.get("all") or ""
        return shown_proxy(address) if address else None


def _check_proxy(address: str) -> None:
    try:
        parts = urlsplit(address)
        usable = parts.scheme == "http" and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    # The address may hold a password, so it is not repeated.
    if not usable or parts.path not in ("", "/") or parts.query or parts.fragment:
        raise BadNetwork(
            "the setting 'proxy' cannot be used: write it like http://user:password@proxy.example:3128"
        )
    if (parts.username is None) != (parts.password is None):
        raise BadNetwork(
            "the setting 'proxy' names a user without a password: write http://user:password@host:port"
        )


def shown_proxy(address: str) -> str:
    """Host and port of a proxy's address, for messages."""
    return urlsplit(address).netloc.rpartition("@")[2]


_towards_cameras: ContextVar[bool] = ContextVar("towards_cameras", default=False)


@contextmanager
def towards_cameras() -> Iterator[None]:
    """Connections made from here on the event loop, and by tasks begun here, go to cameras and not to the cloud."""
    before = _towards_cameras.set(True)
    try:
        yield
    finally:
        _towards_cameras.reset(before)


class _BoundLoop(asyncio.SelectorEventLoop):
    """An event loop whose connections leave by the interface of their side: the cloud's but for `towards_cameras`.

    Every way asyncio has of opening a connection comes through `sock_connect`, libraries' and proxies' included.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    async def sock_connect(self, sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            if _towards_cameras.get():
                interface = self.network.camera_interface
            else:
                interface = "" if is_loopback(address[0]) else self.network.cloud_interface
            if interface:
                bind_to(sock, interface)
        await super().sock_connect(sock, address)


def run_towards_cloud(main: Coroutine[Any, Any, T], network: Network) -> T:
    """asyncio.run, with every connection by the interface of its side."""
    bound = network.cloud_interface or network.camera_interface
    with asyncio.Runner(loop_factory=(lambda: _BoundLoop(network)) if bound else None) as runner:
        return runner.run(main)


def loops_camera_interface() -> str:
    """The interface towards cameras that the running event loop keeps to; "" where none is set."""
    loop = asyncio.get_running_loop()
    return loop.network.camera_interface if isinstance(loop, _BoundLoop) else ""


def connect_camera(host: str, port: int, timeout_s: float, interface: str) -> socket.socket:
    """A TCP connection to a camera, by the cameras' interface where one is named. Raises OSError."""
    if not interface:
        return socket.create_connection((host, port), timeout=timeout_s)
    failed: OSError = OSError(errno.EADDRNOTAVAIL, os.strerror(errno.EADDRNOTAVAIL))
    for family, kind, protocol, _, address in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        sock = socket.socket(family, kind, protocol)
        try:
            sock.settimeout(timeout_s)
            bind_to(sock, interface)
            sock.connect(address)
        except OSError as error:
            sock.close()
            failed = error
        else:
            return sock
    raise failed


def bind_to(sock: socket.socket, interface: str) -> None:
    """Let a socket use this interface alone. Raises OSError (an interface that is not there says so)."""
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    except OSError as error:
        if error.errno == errno.ENODEV:
            raise OSError(errno.ENODEV, f"this box has no interface {interface}") from None
        raise
