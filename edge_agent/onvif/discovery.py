"""WS-Discovery (OASIS 1.1, ad hoc mode; ONVIF Core 7): a probe by multicast on the side of the cameras, answers to our
own short-lived port. No port stays open.

The probe goes out by the interface of the setting `camera_interface`; where that is not set, by all but loopback, or those
of the older name VSAAS_AGENT_CAMERA_INTERFACES (with commas between), which says nothing of how cameras are then reached.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import struct
import uuid
from dataclasses import dataclass
from typing import Final
from urllib.parse import unquote, urlsplit

from edge_agent.networks import loops_camera_interface
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.soap import TEXT_MAX, Element, all_of, parse_xml, text
from edge_agent.settings import OLD_CAMERA_INTERFACES
from protocol.errors import ProtocolError
from protocol.finding import DEVICES_MAX, check_service

log = logging.getLogger(__name__)

GROUP: Final = ("239.255.255.250", 3702)
LISTENS_S: Final = 4.0
_AGAIN_S: Final = 0.7
_DATAGRAM_MAX: Final = 32_768
_PROBE: Final = (
    '<?xml version="1.0" encoding="utf-8"?><e:Envelope xmlns:e="http://www.w3.org/2003/05/soap-envelope" '
    'xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery" '
    'xmlns:n="http://www.onvif.org/ver10/network/wsdl" xmlns:t="http://www.onvif.org/ver10/device/wsdl"><e:Header>'
    "<a:MessageID>urn:uuid:{id}</a:MessageID><a:To>urn:schemas-xmlsoap-org:ws:2005:04:discovery</a:To>"
    "<a:Action>http://schemas.xmlsoap.org/ws/2005/04/discovery/Probe</a:Action></e:Header>"
    "<e:Body><d:Probe><d:Types>{types}</d:Types></d:Probe></e:Body></e:Envelope>"
)
_TYPES: Final = ("n:NetworkVideoTransmitter", "t:Device")


@dataclass(frozen=True)
class Answered:
    """A camera that answered the probe, by the address its answer came from."""

    address: str
    service: str
    name: str
    model: str


def interfaces() -> list[str]:
    """Names of the interfaces probes go out by. Used from the event loop."""
    kept_to = loops_camera_interface()
    if kept_to:
        return [kept_to]
    named = [name.strip() for name in os.environ.get(OLD_CAMERA_INTERFACES, "").split(",") if name.strip()]
    return named or [name for _index, name in socket.if_nameindex() if name != "lo"]


async def discover(names: list[str], listens_s: float = LISTENS_S) -> list[Answered]:
    """Ask on the named interfaces, and listen. One that cannot be used is logged and left."""
    asked = await asyncio.gather(*(_ask(name, listens_s) for name in names))
    found: dict[str, Answered] = {}
    for answered in asked:
        for one in answered:
            found.setdefault(one.address, one)
    return list(found.values())[:DEVICES_MAX]


async def _ask(interface: str, listens_s: float) -> list[Answered]:
    loop = asyncio.get_running_loop()
    plain = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening = _Listening([str(uuid.uuid4()) for _type in _TYPES])
    try:
        plain.setblocking(False)
        chosen = struct.pack("@4s4si", bytes(4), bytes(4), socket.if_nametoindex(interface))
        plain.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, chosen)
        plain.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL, 1)
        plain.bind(("", 0))
        transport, _protocol = await loop.create_datagram_endpoint(lambda: listening, sock=plain)
    except OSError as error:
        plain.close()
        log.warning("cameras are not looked for on the interface %s: %s", interface, error)
        return []
    try:
        for pause_s in (_AGAIN_S, listens_s - _AGAIN_S):
            for probe, types in zip(listening.probes, _TYPES, strict=True):
                transport.sendto(_PROBE.format(id=probe, types=types).encode(), GROUP)
            await asyncio.sleep(pause_s)
    finally:
        transport.close()
    return list(listening.found.values())


class _Listening(asyncio.DatagramProtocol):
    def __init__(self, probes: list[str]) -> None:
        self.probes = probes
        self.found: dict[str, Answered] = {}

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if len(data) > _DATAGRAM_MAX or len(self.found) >= DEVICES_MAX or addr[0] in self.found:
            return
        try:
            answered = read_match(data, addr[0], self.probes)
        except OnvifFailed as failure:
            log.info("an answer to the search from %s is not taken: %s", addr[0], failure)
            return
        if answered is not None:
            self.found[addr[0]] = answered

    def error_received(self, exc: Exception) -> None:
        log.warning("the search for cameras met an error: %s", exc)


def read_match(data: bytes, sender: str, probes: list[str]) -> Answered | None:
    """An answer to one of `probes`, None for one to somebody else's. Raises OnvifFailed.

    Of the addresses it names those at the sender's own count; whoever answers cannot send us to another machine.
    """
    root = parse_xml(data)
    if not any(probe in text(root, "RelatesTo") for probe in probes):
        return None
    match = next(all_of(root, "ProbeMatch"), None)
    if match is None:
        return None
    scopes = _scopes(match)
    return Answered(sender, _service(match, sender), scopes.get("name", ""), scopes.get("hardware", ""))


def _service(match: Element, sender: str) -> str:
    named = text(match, "XAddrs", most=2000).split()
    for url in named:
        try:
            check_service(url)
        except ProtocolError:
            continue  # one of several addresses; the next may do
        if urlsplit(url).hostname == sender:
            return url
    return f"http://{sender}/onvif/device_service"


def _scopes(match: Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for scope in text(match, "Scopes", most=4000).split():
        head, _, value = scope.removeprefix("onvif://www.onvif.org/").partition("/")
        if scope.startswith("onvif://www.onvif.org/") and value:
            said = "".join(char for char in unquote(value) if char.isprintable())
            found.setdefault(head.lower(), said.strip()[:TEXT_MAX])
    return found
