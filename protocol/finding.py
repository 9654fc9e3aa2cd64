"""Finding cameras and looking at them: what an agent is asked (orders 3 to 5 of `protocol.order`) and what it reports.

Reports are canonical CBOR and travel in the `report` of an answer, over the agent's authenticated control socket. They
name addresses and models, never a password: the addresses of a camera that was looked at come with their credentials as
envelopes sealed to the agent's own box key, as `protocol.camera_source` seals them.
"""

from __future__ import annotations

import ipaddress
import re
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from protocol import fields
from protocol.errors import ProtocolError
from sealing.canonical import decode_canonical, encode_canonical

ADDRESSES_MAX: Final = 1024
"""Of one search, over all its ranges."""
RANGES_MAX: Final = 16
PORTS_MAX: Final = 4
DEVICES_MAX: Final = 512
TARGETS_MAX: Final = 16
PROFILES_MAX: Final = 8
REPORT_BYTES_MAX: Final = 900_000
KBIT_S_MAX: Final = 100_000
GOP_MAX: Final = 1000
_SERVER: Final = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?)?")
_ZONE: Final = re.compile(r"[A-Za-z0-9<>+\-:,./]*")
_TEXT_MAX: Final = 200
_URL_MAX: Final = 1000

PLAIN_HTTP: Final = "plain-http"
OLD_TLS: Final = "old-tls"
OPEN_RTSP: Final = "open-rtsp"
OPEN_ONVIF: Final = "open-onvif"
FACTORY_LOGIN: Final = "factory-password"
CLOCK_WRONG: Final = "clock-wrong"
FINDINGS: Final = frozenset({PLAIN_HTTP, OLD_TLS, OPEN_RTSP, OPEN_ONVIF, FACTORY_LOGIN, CLOCK_WRONG})
"""What is not safe about a camera: its services are reached without TLS, with TLS older than 1.2, its stream or its device
information is told without a password, it takes a password every copy left the factory with, its clock is wrong."""

SERVICES: Final = ("media", "media2", "ptz", "events", "imaging", "analytics", "deviceio", "security")
SCOPES: Final = ("S", "T", "G", "M", "D", "A", "C", "Q")
STEERS: Final = ("move", "step", "home", "presets")
"""How a camera lets itself be steered: while asked to, by a step, to its home position, to positions it keeps."""

TIME: Final = "/time"
"""Among the results of setting a camera, its clock: no token of a profile begins with a stroke and this word."""

LOOK_CAUSES: Final = frozenset(
    {"refused", "no-route", "unknown-name", "tls", "timeout", "closed", "credentials", "locked", "not-onvif"}
    | {"unsupported", "redirect", "too-large", "forbidden-address", "refused-setting", "no-video", "unusable"}
    | {"certificate"}
)
"""Why a camera could not be looked at or set."""

_METADATA: Final = frozenset({"169.254.169.254", "169.254.170.2", "fd00:ec2::254", "100.100.100.200"})
"""Where clouds tell machines their credentials: no camera lives there."""


def is_forbidden(address: str) -> bool:
    """Whether an IP address can be no camera's: metadata services, multicast, unspecified."""
    found = ipaddress.ip_address(address)
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(found) in _METADATA or found.is_multicast or found.is_unspecified


def addresses_of(ranges: Iterable[str]) -> list[str]:
    """Every address of the ranges, once, in order. A range is `192.168.1.0/24`, `192.168.1.20-192.168.1.60` or one address.

    Raises ProtocolError `bad-range`: not readable, not of a private network, or more than ADDRESSES_MAX in all.
    """
    found: dict[str, None] = {}
    for text in ranges:
        for address in _span(text.strip()):
            if not address.is_private or is_forbidden(str(address)):
                raise ProtocolError(
                    "bad-range",
                    f"{text}: only addresses of private networks are searched, such as 192.168.1.0/24",
                )
            found[str(address)] = None
        if len(found) > ADDRESSES_MAX:
            raise _too_many()
    return list(found)


def _too_many() -> ProtocolError:
    return ProtocolError("bad-range", f"at most {ADDRESSES_MAX} addresses are searched at once: name fewer")


def _span(text: str) -> Iterable[ipaddress.IPv4Address | ipaddress.IPv6Address]:
    try:
        first, dash, last = text.partition("-")
        if not dash:
            network = ipaddress.ip_network(text, strict=False)
            if network.num_addresses > ADDRESSES_MAX:
                raise _too_many()
            return list(network.hosts()) or [network.network_address]
        start, end = ipaddress.IPv4Address(first.strip()), ipaddress.IPv4Address(last.strip())
    except ValueError:
        raise ProtocolError(
            "bad-range", f"{text[:60]}: write 192.168.1.0/24, 192.168.1.20-192.168.1.60 or one address"
        ) from None
    if int(end) < int(start):
        raise ProtocolError("bad-range", f"{text[:60]}: the second address is before the first")
    if int(end) - int(start) >= ADDRESSES_MAX:
        raise _too_many()
    return [ipaddress.IPv4Address(number) for number in range(int(start), int(end) + 1)]


def check_service(url: str) -> None:
    """Whether `url` can be a camera's device service. Raises ProtocolError `bad-service`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise ProtocolError("bad-service", "the host or port of the service cannot be read") from None
    if parts.scheme not in ("http", "https") or not host or port == 0 or len(url) > _URL_MAX:
        raise ProtocolError("bad-service", "the service must be http://host/path or https://host/path")
    if (
        parts.username is not None
        or not url.isascii()
        or not url.isprintable()
        or " " in url
        or parts.fragment
    ):
        raise ProtocolError(
            "bad-service", "the service holds a user, a space or another character it may not"
        )
    try:
        forbidden = is_forbidden(host)
    except ValueError:
        return  # a name: looked at again where it is resolved
    if forbidden:
        raise ProtocolError("bad-service", "this address can be no camera's")


# Orders


@dataclass(frozen=True)
class FindCameras:
    """`multicast`: ask by WS-Discovery. `ranges`: as `addresses_of` reads them; each address is tried at each of `ports`."""

    multicast: bool
    ranges: tuple[str, ...] = ()
    ports: tuple[int, ...] = (554,)

    def row(self) -> list[Any]:
        return [3, self.multicast, list(self.ranges), list(self.ports)]

    @classmethod
    def of(cls, multicast: object, ranges: object, ports: object) -> FindCameras:
        """Raises ProtocolError."""
        texts = tuple(
            fields.text(item, "range", most=100) for item in fields.array(ranges, "ranges", most=RANGES_MAX)
        )
        addresses_of(texts)
        numbers = tuple(
            fields.uint(item, "port", most=65535) for item in fields.array(ports, "ports", most=PORTS_MAX)
        )
        if 0 in numbers:
            raise ProtocolError("bad-field", "0 is no port")
        return cls(fields.boolean(multicast, "multicast"), texts, numbers)


@dataclass(frozen=True)
class Target:
    """One camera. `source`: envelope for `scope` and the main stream; of the address in it user, password and host count.
    `service`: its ONVIF device service. `said`: what it called itself when it was found."""

    scope: uuid.UUID
    source: bytes = field(repr=False)
    service: str
    said: str = ""

    def row(self) -> list[Any]:
        return [self.scope.bytes, self.source, self.service, self.said]

    @classmethod
    def of(cls, value: object) -> Target:
        """Raises ProtocolError."""
        scope, source, service, said = fields.array(value, "target", length=4)
        url = fields.text(service, "service", most=_URL_MAX)
        check_service(url)
        return cls(
            fields.uid(scope, "scope"),
            fields.data(source, "source", most=8192),
            url,
            fields.text(said, "name", most=2 * _TEXT_MAX + 1),
        )


@dataclass(frozen=True)
class LookAt:
    """`factory`: also try, once, a password cameras of this make left the factory with."""

    targets: tuple[Target, ...]
    factory: bool = False

    def row(self) -> list[Any]:
        return [4, [target.row() for target in self.targets], self.factory]

    @classmethod
    def of(cls, targets: object, factory: object) -> LookAt:
        """Raises ProtocolError."""
        rows = fields.array(targets, "targets", most=TARGETS_MAX)
        return cls(tuple(Target.of(row) for row in rows), fields.boolean(factory, "factory"))


@dataclass(frozen=True)
class EncoderSetting:
    """What the stream of a profile is to be set to; "" and 0 stay as they are."""

    profile: str
    codec: str = ""
    kbit_s: int = 0
    gop: int = 0

    def row(self) -> list[Any]:
        return [self.profile, self.codec, self.kbit_s, self.gop]

    @classmethod
    def of(cls, value: object) -> EncoderSetting:
        """Raises ProtocolError."""
        profile, codec, kbit_s, gop = fields.array(value, "encoder", length=4)
        word = fields.text(codec, "codec", most=10)
        if word not in ("", "h264", "h265"):
            raise ProtocolError("bad-field", "only H.264 and H.265 are recorded")
        return cls(
            fields.text(profile, "profile", most=_TEXT_MAX),
            word,
            fields.uint(kbit_s, "bitrate", most=KBIT_S_MAX),
            fields.uint(gop, "key frame interval", most=GOP_MAX),
        )


@dataclass(frozen=True)
class SetCamera:
    """`ntp`: the time server it is to follow, an address or a name; `time_zone`: POSIX, as `CET-1CEST,M3.5.0,M10.5.0/3`. Both
    "" stay as they are."""

    target: Target
    encoders: tuple[EncoderSetting, ...] = ()
    ntp: str = ""
    time_zone: str = ""

    def row(self) -> list[Any]:
        return [5, self.target.row(), [one.row() for one in self.encoders], self.ntp, self.time_zone]

    @classmethod
    def of(cls, target: object, encoders: object, ntp: object, time_zone: object) -> SetCamera:
        """Raises ProtocolError."""
        server, zone = fields.text(ntp, "time server"), fields.text(time_zone, "time zone", most=80)
        if not _SERVER.fullmatch(server):
            raise ProtocolError("bad-field", "the time server is no address and no name")
        if not _ZONE.fullmatch(zone):
            raise ProtocolError("bad-field", "the time zone is none")
        rows = fields.array(encoders, "encoders", most=PROFILES_MAX)
        return cls(Target.of(target), tuple(EncoderSetting.of(row) for row in rows), server, zone)


# Reports


@dataclass(frozen=True)
class Device:
    """Something that was found. `service`: its ONVIF device service, or ""; `rtsp_port`: 0 when none answered.
    `name`, `model`: its own words, untrusted. `camera`: the one of this agent's with this address."""

    address: str
    service: str = ""
    rtsp_port: int = 0
    name: str = ""
    model: str = ""
    camera: uuid.UUID | None = None
    findings: tuple[str, ...] = ()

    def row(self) -> list[Any]:
        known = None if self.camera is None else self.camera.bytes
        return [self.address, self.service, self.rtsp_port, self.name, self.model, known, list(self.findings)]

    @classmethod
    def of(cls, value: object) -> Device:
        """Raises ProtocolError."""
        address, service, port, name, model, camera, findings = fields.array(value, "device", length=7)
        host = fields.text(address, "address", most=60)
        try:
            ipaddress.ip_address(host)
        except ValueError:
            raise ProtocolError("bad-field", "the address of a device is none") from None
        url = fields.text(service, "service", most=_URL_MAX)
        if url:
            check_service(url)
        return cls(
            host,
            url,
            fields.uint(port, "port", most=65535),
            fields.text(name, "name", most=_TEXT_MAX),
            fields.text(model, "model", most=_TEXT_MAX),
            None if camera is None else fields.uid(camera, "camera"),
            _findings(findings),
        )


@dataclass(frozen=True)
class Profile:
    """A stream a camera offers. `rate`: thousandths of pictures a second; `kbit_s`, `gop`: as set, 0 where not told.
    `main`, `sub`: its address with credentials, sealed to the agent for the scope of the look and that stream; empty when it
    has none. `encrypted`: by rtsps."""

    token: str
    name: str
    codec: str
    width: int
    height: int
    rate: int
    kbit_s: int
    gop: int
    encrypted: bool
    main: bytes = field(repr=False)
    sub: bytes = field(repr=False)

    def row(self) -> list[Any]:
        numbers = [self.width, self.height, self.rate, self.kbit_s, self.gop]
        return [self.token, self.name, self.codec, *numbers, self.encrypted, self.main, self.sub]

    @classmethod
    def of(cls, value: object) -> Profile:
        """Raises ProtocolError."""
        row = fields.array(value, "profile", length=11)
        width, height, rate, kbit_s, gop = (fields.uint(item, "number", most=2**31) for item in row[3:8])
        return cls(
            fields.text(row[0], "token", most=_TEXT_MAX),
            fields.text(row[1], "profile name", most=_TEXT_MAX),
            fields.text(row[2], "codec", most=20),
            width,
            height,
            rate,
            kbit_s,
            gop,
            fields.boolean(row[8], "encrypted"),
            fields.data(row[9], "address", most=8192),
            fields.data(row[10], "address", most=8192),
        )


@dataclass(frozen=True)
class Looked:
    """How one target is. `cause`: "" or one of LOOK_CAUSES. `ptz`, `events`, `snapshot`: whether it offers them. `services`: those of
    SERVICES it has; `scopes`: letters of the ONVIF profiles it says it keeps to, as S and T; `steers`: those of STEERS it takes."""

    scope: uuid.UUID
    cause: str = ""
    make: str = ""
    model: str = ""
    firmware: str = ""
    serial: str = ""
    time_zone: str = ""
    ptz: bool = False
    events: bool = False
    snapshot: bool = False
    findings: tuple[str, ...] = ()
    profiles: tuple[Profile, ...] = ()
    services: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    steers: tuple[str, ...] = ()

    def row(self) -> list[Any]:
        texts = [self.cause, self.make, self.model, self.firmware, self.serial, self.time_zone]
        marks = [self.ptz, self.events, self.snapshot]
        told = [list(self.findings), [item.row() for item in self.profiles]]
        offered = [list(self.services), list(self.scopes), list(self.steers)]
        return [self.scope.bytes, *texts, *marks, *told, offered]

    @classmethod
    def of(cls, value: object) -> Looked:
        """Raises ProtocolError."""
        row = fields.array(value, "look", most=13)
        if len(row) == 12:  # from an agent that does not tell of services
            row = [*row, [[], [], []]]
        if len(row) != 13:
            raise ProtocolError("bad-field", "a look with fields missing")
        cause = fields.text(row[1], "cause")
        if cause and cause not in LOOK_CAUSES:
            raise ProtocolError("bad-field", "a look with a cause that does not exist")
        make, model, firmware, serial, zone = (
            fields.text(text, "device information", most=_TEXT_MAX) for text in row[2:7]
        )
        ptz, events, snapshot = (fields.boolean(mark, "service") for mark in row[7:10])
        profiles = tuple(Profile.of(item) for item in fields.array(row[11], "profiles", most=PROFILES_MAX))
        return cls(
            fields.uid(row[0], "scope"),
            cause,
            make,
            model,
            firmware,
            serial,
            zone,
            ptz,
            events,
            snapshot,
            _findings(row[10]),
            profiles,
            *_offered(row[12]),
        )


def _findings(value: object) -> tuple[str, ...]:
    """Words of a later release are left out: the portal has no sentence for them."""
    words = [fields.text(word, "finding", most=40) for word in fields.array(value, "findings", most=20)]
    return tuple(word for word in words if word in FINDINGS)


def _offered(value: object) -> Iterable[tuple[str, ...]]:
    """Services, profiles and ways to steer; words of a later release are left out."""
    known = (SERVICES, SCOPES, STEERS)
    for said, ours in zip(fields.array(value, "what it offers", length=3), known, strict=True):
        words = [fields.text(word, "service", most=40) for word in fields.array(said, "services", most=30)]
        yield tuple(one for one in ours if one in words)


def encode_devices(devices: Iterable[Device]) -> bytes:
    return encode_canonical([device.row() for device in devices])


def decode_devices(report: bytes) -> tuple[Device, ...]:
    """Raises ProtocolError or SealingError."""
    rows = fields.array(decode_canonical(report, max_bytes=REPORT_BYTES_MAX), "devices", most=DEVICES_MAX)
    return tuple(Device.of(row) for row in rows)


def encode_set(results: Iterable[tuple[str, str]]) -> bytes:
    """What became of each thing that was to be set: the token of a profile or TIME, and "" or one of LOOK_CAUSES."""
    return encode_canonical([[what, cause] for what, cause in results])


def decode_set(report: bytes) -> tuple[tuple[str, str], ...]:
    """Raises ProtocolError or SealingError."""
    rows = fields.array(
        decode_canonical(report, max_bytes=REPORT_BYTES_MAX), "results", most=PROFILES_MAX + 2
    )
    found = []
    for row in rows:
        what, cause = fields.array(row, "result", length=2)
        word = fields.text(cause, "cause")
        if word and word not in LOOK_CAUSES:
            raise ProtocolError("bad-field", "a result with a cause that does not exist")
        found.append((fields.text(what, "what", most=_TEXT_MAX), word))
    return tuple(found)


def encode_looks(looks: Iterable[Looked]) -> bytes:
    return encode_canonical([look.row() for look in looks])


def decode_looks(report: bytes) -> tuple[Looked, ...]:
    """Raises ProtocolError or SealingError."""
    rows = fields.array(decode_canonical(report, max_bytes=REPORT_BYTES_MAX), "looks", most=TARGETS_MAX)
    return tuple(Looked.of(row) for row in rows)
