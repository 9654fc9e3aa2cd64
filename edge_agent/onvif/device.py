"""What a camera is and offers, by ONVIF: device, media (Profile S), media2 (Profile T), imaging of its settings, users, events.

Services are led back to the camera that was asked (`Door.within`). Media2 is used where the camera has it: only it tells of
H.265. Every method raises OnvifFailed.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from html import escape
from typing import Final
from urllib.parse import urlsplit, urlunsplit

from defusedxml.ElementTree import tostring

from edge_agent.onvif import soap
from edge_agent.onvif.door import Door
from edge_agent.onvif.errors import OnvifFailed
from edge_agent.onvif.soap import Element, all_of, first, number, text
from protocol.finding import PROFILES_MAX, SCOPES

DEVICE: Final = "http://www.onvif.org/ver10/device/wsdl"
MEDIA: Final = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2: Final = "http://www.onvif.org/ver20/media/wsdl"
EVENTS: Final = "http://www.onvif.org/ver10/events/wsdl"
PTZ: Final = "http://www.onvif.org/ver20/ptz/wsdl"
IMAGING: Final = "http://www.onvif.org/ver20/imaging/wsdl"
ANALYTICS: Final = "http://www.onvif.org/ver20/analytics/wsdl"
DEVICE_IO: Final = "http://www.onvif.org/ver10/deviceIO/wsdl"
SECURITY: Final = "http://www.onvif.org/ver10/advancedsecurity/wsdl"
SCHEMA: Final = "http://www.onvif.org/ver10/schema"
NAMES: Final = {
    MEDIA: "media",
    MEDIA2: "media2",
    PTZ: "ptz",
    EVENTS: "events",
    IMAGING: "imaging",
    ANALYTICS: "analytics",
    DEVICE_IO: "deviceio",
    SECURITY: "security",
}
"""Services by the words of `protocol.finding.SERVICES`."""
_PROFILE: Final = "onvif://www.onvif.org/profile/"
_STREAMING: Final = "streaming"
"""What Profile S is called among a camera's scopes."""
CLOCK_OFF_MAX: Final = timedelta(seconds=60)
_CODECS: Final = {
    "H264": "h264",
    "H265": "h265",
    "HEVC": "h265",
    "JPEG": "jpeg",
    "MPEG4": "mpeg4",
    "MPV4-ES": "mpeg4",
}
_URL_MAX: Final = 1000


@dataclass(frozen=True)
class Information:
    make: str
    model: str
    firmware: str
    serial: str


@dataclass(frozen=True)
class Stream:
    """A profile: its encoder's settings, 0 or "" where the camera does not tell, and its address without credentials."""

    token: str
    name: str
    encoder: str
    codec: str
    width: int
    height: int
    rate: int
    kbit_s: int
    gop: int
    uri: str = ""


class Device:
    """One camera. `prepare` first: it learns the camera's clock, by which requests are signed."""

    def __init__(self, door: Door) -> None:
        self.door = door
        self.offset = timedelta()
        self.time_zone = ""
        self._services: dict[str, str] = {DEVICE: door.url}
        self.services: tuple[str, ...] = ()
        """What it offers, in the words of NAMES, once `find_services` asked."""

    async def call(
        self, service: str, body: str, action: str, *, signed: bool = True, at: str = "", header: str = ""
    ) -> Element:
        """One request: `body` is the element inside the SOAP body, `action` its name. Returns what the answer's body holds.
        `at`: another place than the service's, spoken to by WS-Addressing; `header`: what it wants to see beside that."""
        url = at or self._services.get(service)
        if url is None:
            raise OnvifFailed("unsupported", f"the camera does not offer {service}")
        if signed and self.door.user:
            header += soap.username_token(
                self.door.user, self.door.password, self._now(), secrets.token_bytes(16)
            )
        name = f"{service}/{action}"
        data = soap.envelope(body, header, action=name if at else "", to=at)
        return soap.answer_of(await self.door.post(url, data, name, signed=signed))

    def _now(self) -> datetime:
        """The camera's clock now."""
        try:
            return datetime.now(UTC) + self.offset
        except OverflowError:
            raise OnvifFailed("unusable", "the camera's clock stands at the end of all dates") from None

    async def _device(self, action: str, inside: str = "", *, signed: bool = True) -> Element:
        return await self.call(DEVICE, _element(DEVICE, action, inside), action, signed=signed)

    async def prepare(self) -> None:
        """The camera's clock, which it tells without a password (ONVIF Core, pre-authentication)."""
        answer = await self._device("GetSystemDateAndTime", signed=False)
        if soap.name_of(answer) != "GetSystemDateAndTimeResponse":
            raise OnvifFailed("not-onvif", "what answers is no ONVIF device service")
        self.time_zone = text(answer, "TimeZone", "TZ")
        there = _instant(first(answer, "UTCDateTime"))
        self.offset = timedelta() if there is None else there - datetime.now(UTC)

    @property
    def clock_is_wrong(self) -> bool:
        return abs(self.offset) > CLOCK_OFF_MAX

    async def information(self, *, signed: bool = True) -> Information:
        """Make, model, firmware, serial number."""
        answer = await self._device("GetDeviceInformation", signed=signed)
        if soap.name_of(answer) != "GetDeviceInformationResponse":
            raise OnvifFailed("not-onvif", "the camera does not tell what it is")
        names = ("Manufacturer", "Model", "FirmwareVersion", "SerialNumber")
        return Information(*(text(answer, name) for name in names))

    async def find_services(self) -> None:
        """Where its services are: GetServices, or GetCapabilities of older cameras."""
        try:
            answer = await self._device("GetServices", "<IncludeCapability>false</IncludeCapability>")
            pairs = [
                (text(one, "Namespace"), text(one, "XAddr", most=_URL_MAX))
                for one in all_of(answer, "Service")
            ]
        except OnvifFailed as failure:
            if failure.cause not in ("unsupported", "refused-setting"):
                raise
            answer = await self._device("GetCapabilities", "<Category>All</Category>")
            known = {"Media": MEDIA, "PTZ": PTZ, "Events": EVENTS, "Imaging": IMAGING, "Analytics": ANALYTICS}
            known["DeviceIO"] = DEVICE_IO
            pairs = [(known[name], text(answer, name, "XAddr", most=_URL_MAX)) for name in known]
        for namespace, url in pairs:
            if url and namespace in (MEDIA, MEDIA2, EVENTS, PTZ, SECURITY):
                self._services[namespace] = self.door.within(url)
        told = {namespace for namespace, url in pairs if url}
        self.services = tuple(word for namespace, word in NAMES.items() if namespace in told)

    async def scopes(self) -> tuple[str, ...]:
        """Letters of the ONVIF profiles it says it keeps to; none where it does not tell."""
        try:
            answer = await self._device("GetScopes")
        except OnvifFailed as failure:
            if failure.cause not in ("unsupported", "refused-setting"):
                raise
            return ()
        said = {item.lower() for item in soap.texts(answer, "ScopeItem")}
        ends = {item.removeprefix(_PROFILE) for item in said if item.startswith(_PROFILE)}
        return tuple(one for one in SCOPES if one.lower() in ends or (one == "S" and _STREAMING in ends))

    def place_of(self, service: str) -> str:
        """Where a service is. Raises OnvifFailed where the camera does not offer it."""
        try:
            return self._services[service]
        except KeyError:
            raise OnvifFailed("unsupported", f"the camera does not offer {service}") from None

    def offers(self, service: str) -> bool:
        return service in self._services

    @property
    def _media(self) -> str:
        return MEDIA2 if MEDIA2 in self._services else MEDIA

    async def streams(self) -> list[Stream]:
        """Its profiles that have a video encoder, PROFILES_MAX at most, with their addresses."""
        media = self._media
        inside = "<Type>VideoEncoder</Type>" if media == MEDIA2 else ""
        answer = await self.call(media, _element(media, "GetProfiles", inside), "GetProfiles")
        found = [stream for item in all_of(answer, "Profiles") if (stream := _stream(item)) is not None]
        return [replace(stream, uri=await self._uri(stream.token)) for stream in found[:PROFILES_MAX]]

    async def _uri(self, token: str) -> str:
        if self._media == MEDIA2:
            inside = f"<Protocol>RTSP</Protocol><ProfileToken>{escape(token)}</ProfileToken>"
        else:
            inside = (
                f'<StreamSetup><Stream xmlns="{SCHEMA}">RTP-Unicast</Stream>'
                f'<Transport xmlns="{SCHEMA}"><Protocol>RTSP</Protocol></Transport></StreamSetup>'
                f"<ProfileToken>{escape(token)}</ProfileToken>"
            )
        answer = await self.call(self._media, _element(self._media, "GetStreamUri", inside), "GetStreamUri")
        return self._own_rtsp(text(answer, "Uri", most=_URL_MAX))

    def _own_rtsp(self, uri: str) -> str:
        """The address of a stream at this camera, without credentials. Raises OnvifFailed."""
        try:
            parts = urlsplit(uri)
            port = parts.port
        except ValueError:
            raise OnvifFailed("unusable", "the address of a stream cannot be read") from None
        if parts.scheme not in ("rtsp", "rtsps"):
            raise OnvifFailed("unusable", "the camera offers a stream by another way than RTSP")
        host = f"[{self.door.host}]" if ":" in self.door.host else self.door.host
        return urlunsplit(
            (parts.scheme, host if port is None else f"{host}:{port}", parts.path, parts.query, "")
        )

    async def snapshot_uri(self, token: str) -> str:
        """Where a picture of a profile is fetched, at this camera."""
        inside = f"<ProfileToken>{escape(token)}</ProfileToken>"
        answer = await self.call(
            self._media, _element(self._media, "GetSnapshotUri", inside), "GetSnapshotUri"
        )
        return self.door.within(text(answer, "Uri", most=_URL_MAX))

    # What is set

    async def set_encoder(
        self, encoder: str, *, codec: str = "", kbit_s: int = 0, gop: int = 0, rate: int = 0
    ) -> None:
        """Changes a video encoder; what is empty or 0 stays. The camera's own document is sent back with these changes, so
        that nothing it holds beside them is lost."""
        media = self._media
        if media == MEDIA2:
            inside = f"<ConfigurationToken>{escape(encoder)}</ConfigurationToken>"
            body = _element(media, "GetVideoEncoderConfigurations", inside)
            answer = await self.call(media, body, "GetVideoEncoderConfigurations")
        else:
            answer = await self.call(
                media, _element(media, "GetVideoEncoderConfigurations"), "GetVideoEncoderConfigurations"
            )
        ours = [item for item in all_of(answer, "Configurations") if item.get("token") == encoder]
        if not ours:
            raise OnvifFailed("unsupported", "the camera has no such encoder")
        config = ours[0]
        _change(config, "Encoding", codec.upper())
        _change(config, "BitrateLimit", kbit_s)
        _change(config, "FrameRateLimit", rate)
        _change_gop(config, gop)
        config.tag = f"{{{media}}}Configuration"
        inside = tostring(config, encoding="unicode")
        if media == MEDIA:
            inside += "<ForcePersistence>true</ForcePersistence>"
        await self.call(
            media, _element(media, "SetVideoEncoderConfiguration", inside), "SetVideoEncoderConfiguration"
        )

    async def follow(self, ntp: str) -> None:
        """The time server it takes its time from: an address or a name."""
        kind, field = ("IPv4", "IPv4Address") if _is_ipv4(ntp) else ("DNS", "DNSname")
        await self._device(
            "SetNTP",
            "<FromDHCP>false</FromDHCP><NTPManual>"
            f'<Type xmlns="{SCHEMA}">{kind}</Type><{field} xmlns="{SCHEMA}">{escape(ntp)}</{field}></NTPManual>',
        )
        await self._set_clock("NTP", "")

    async def set_time_zone(self, time_zone: str) -> None:
        """POSIX, as `CET-1CEST,M3.5.0,M10.5.0/3`; "" leaves it as it is. Where its time comes from stays too."""
        if time_zone:
            answer = await self._device("GetSystemDateAndTime", signed=False)
            source = text(answer, "DateTimeType")
            if source != "NTP":
                # By hand a time must come along: the right one.
                await self._set_clock("Manual", time_zone, datetime.now(UTC))
            else:
                await self._set_clock("NTP", time_zone)

    async def _set_clock(self, source: str, time_zone: str, now: datetime | None = None) -> None:
        zone = f'<TimeZone><TZ xmlns="{SCHEMA}">{escape(time_zone)}</TZ></TimeZone>' if time_zone else ""
        summer = "true" if "," in time_zone or not time_zone else "false"
        told = "" if now is None else _told(now)
        inside = (
            f"<DateTimeType>{source}</DateTimeType><DaylightSavings>{summer}</DaylightSavings>{zone}{told}"
        )
        await self._device("SetSystemDateAndTime", inside)
        if now is not None:
            self.offset = timedelta()

    async def enable_https(self) -> int:
        """Have it answer by HTTPS, where it does not yet; the port it does so at."""
        answer = await self._device("GetNetworkProtocols")
        for one in all_of(answer, "NetworkProtocols"):
            if text(one, "Name").upper() == "HTTPS":
                port = number(one, "Port", most=65535) or 443
                if text(one, "Enabled") != "true":
                    inside = "".join(
                        f'<{name} xmlns="{SCHEMA}">{value}</{name}>'
                        for name, value in (("Name", "HTTPS"), ("Enabled", "true"), ("Port", port))
                    )
                    await self._device(
                        "SetNetworkProtocols", f"<NetworkProtocols>{inside}</NetworkProtocols>"
                    )
                return port
        raise OnvifFailed("unsupported", "the camera does not offer HTTPS")

    # Users, which the change of passwords builds on

    async def users(self) -> list[tuple[str, str]]:
        """(name, level) of each user."""
        answer = await self._device("GetUsers")
        return [(text(item, "Username"), text(item, "UserLevel")) for item in all_of(answer, "User")]

    async def password_lengths(self) -> tuple[int, int]:
        """Shortest and longest password the camera says it takes; 0 where it does not say. Older ones know neither request."""
        shortest = longest = 0
        try:
            told = first(await self._device("GetServiceCapabilities"), "Security")
            longest = 0 if told is None else _attribute(told, "MaxPasswordLength")
            answer = await self._device("GetPasswordComplexityConfiguration")
            shortest = number(answer, "MinLen", most=1000)
        except OnvifFailed as failure:
            if failure.cause not in ("unsupported", "refused-setting", "not-onvif"):
                raise
        return shortest, longest

    async def set_password(self, user: str, password: str, level: str) -> None:
        """Raises OnvifFailed `refused-setting` where the camera's rules for passwords forbid it."""
        tags = {"Username": user, "Password": password, "UserLevel": level}
        inside = "".join(f'<{tag} xmlns="{SCHEMA}">{escape(value)}</{tag}>' for tag, value in tags.items())
        await self._device("SetUser", f"<User>{inside}</User>")


def _element(namespace: str, name: str, inside: str = "") -> str:
    return f'<{name} xmlns="{namespace}">{inside}</{name}>'


def _stream(profile: Element) -> Stream | None:
    config = first(profile, "VideoEncoderConfiguration")
    if config is None:
        config = first(profile, "VideoEncoder")
    token = profile.get("token", "")
    if config is None or not token or len(token) > soap.TEXT_MAX:
        return None
    said = text(config, "Encoding").upper()
    try:
        rate = float(text(config, "FrameRateLimit") or 0)
    except ValueError:
        rate = 0
    return Stream(
        token,
        text(profile, "Name"),
        config.get("token", "")[: soap.TEXT_MAX],
        _CODECS.get(said, said.lower()[:20]),
        number(config, "Resolution", "Width", most=65535),
        number(config, "Resolution", "Height", most=65535),
        round(rate * 1000) if 0 <= rate <= 1000 else 0,
        number(config, "BitrateLimit"),
        number(config, "GovLength") or _attribute(config, "GovLength"),
    )


def _attribute(element: Element, name: str) -> int:
    said = element.get(name, "")
    return int(said) if said.isascii() and said.isdigit() and len(said) < 10 else 0


def _change(config: Element, name: str, value: str | int) -> None:
    if not value:
        return
    found = first(config, name)
    if found is None:
        raise OnvifFailed("unsupported", f"the camera does not let {name} be set")
    found.text = str(value)


def _change_gop(config: Element, gop: int) -> None:
    if not gop:
        return
    if first(config, "GovLength") is not None:
        _change(config, "GovLength", gop)
    else:
        config.set("GovLength", str(gop))


def _instant(element: Element | None) -> datetime | None:
    """A camera that never had its clock set may tell a day that is none: None."""
    names = (("Date", "Year"), ("Date", "Month"), ("Date", "Day"))
    times = (("Time", "Hour"), ("Time", "Minute"), ("Time", "Second"))
    if element is None:
        return None
    parts = [number(element, *path) for path in names + times]
    try:
        return datetime(parts[0], parts[1], parts[2], parts[3], parts[4], min(59, parts[5]), tzinfo=UTC)
    except ValueError:
        return None


def _told(now: datetime) -> str:
    """An instant as UTCDateTime."""
    return (
        f'<UTCDateTime><Time xmlns="{SCHEMA}"><Hour>{now.hour}</Hour><Minute>{now.minute}</Minute>'
        f'<Second>{now.second}</Second></Time><Date xmlns="{SCHEMA}"><Year>{now.year}</Year>'
        f"<Month>{now.month}</Month><Day>{now.day}</Day></Date></UTCDateTime>"
    )


def _is_ipv4(text: str) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(part.isdigit() and int(part) < 256 for part in parts)
