"""Where a request comes from, as far as throttling and audit need it."""

from __future__ import annotations

import ipaddress

from django.http import HttpRequest


def address_of(request: HttpRequest) -> str:
    """The client's address. uvicorn puts it there, from a trusted front's X-Forwarded-For where it is told to."""
    return str(request.META.get("REMOTE_ADDR") or "")


def network_of(request: HttpRequest) -> str:
    """The client's network: its IPv4 address, or its IPv6 /64, which is one household's or office's."""
    try:
        address = ipaddress.ip_address(address_of(request))
    except ValueError:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def is_this_machine(request: HttpRequest) -> bool:
    """Whether the client is on this machine."""
    try:
        return ipaddress.ip_address(address_of(request)).is_loopback
    except ValueError:
        return False
