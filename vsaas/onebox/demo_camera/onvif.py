"""A camera that speaks ONVIF: real SOAP over HTTP, WS-UsernameToken and HTTP Digest, Profile S and Profile T services,
WS-Discovery, users with rules for passwords, event pull points. Bound to loopback, or to an address of a network namespace.

It is strict where cameras are: a token by a wrong clock, used twice, or with a wrong digest is refused.
"""

from __future__ import annotations

import base64
import hashlib
import re
import secrets
import socket
import ssl
import struct
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html import escape
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from xml.etree.ElementTree import Element as Element  # the type; what parses is defusedxml

from defusedxml.ElementTree import fromstring, tostring

from vsaas.onebox.demo_camera.keystore import Keystore, Wrong

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
SCHEMA = "http://www.onvif.org/ver10/schema"
DEVICE = "http://www.onvif.org/ver10/device/wsdl"
MEDIA = "http://www.onvif.org/ver10/media/wsdl"
MEDIA2 = "http://www.onvif.org/ver20/media/wsdl"
EVENTS = "http://www.onvif.org/ver10/events/wsdl"
PTZ = "http://www.onvif.org/ver20/ptz/wsdl"
IMAGING = "http://www.onvif.org/ver20/imaging/wsdl"
SECURITY = "http://www.onvif.org/ver10/advancedsecurity/wsdl"
OPEN_TO_ALL = frozenset({"GetSystemDateAndTime"})
TOKEN_LIFE = timedelta(seconds=10)
LOCKED_AFTER = 5
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


@dataclass
class Encoder:
    """One video encoder, shared by the profile of the same token."""

    token: str
    codec: str
    width: int
    height: int
    rate: int
    kbit_s: int
    gop: int
    path: str


@dataclass
class OnvifCamera:
    """How the camera is set, and what it was asked. `auth`: the ways of signing in it takes."""

    make: str = "Acme"
    model: str = "Dome 4"
    firmware: str = "5.51.7"
    serial: str = "00408CABCDEF"
    users: dict[str, tuple[str, str]] = field(
        default_factory=lambda: {"operator": ("correct horse", "Administrator")}
    )
    auth: frozenset[str] = frozenset({"ws", "http"})
    offset: timedelta = timedelta()
    time_zone: str = "CET-1CEST,M3.5.0,M10.5.0/3"
    time_source: str = "Manual"
    ntp: str = ""
    profile_t: bool = True
    encoders: list[Encoder] = field(
        default_factory=lambda: [
            Encoder("main", "H264", 2560, 1440, 25, 4096, 50, "/main"),
            Encoder("sub", "H264", 640, 360, 10, 512, 20, "/sub"),
        ]
    )
    rtsp: str = "rtsp://192.0.2.1:554"
    """Where its streams are, by its own word: a host that is not its own on purpose, as behind a router."""
    open_information: bool = False
    raw: dict[str, bytes] = field(default_factory=dict)
    """Action to the bytes of the whole body that answer it."""
    faults_after_setting: bool = False
    """It sets a user's password, and answers a fault all the same."""
    redirect: str = ""
    asked: list[str] = field(default_factory=list)
    wrong: dict[str, int] = field(default_factory=dict)
    host: str = "127.0.0.1"
    port: int = 0
    scheme: str = "http"
    renews: bool = True
    on_password: Callable[[str, str], None] | None = None
    """Told the user and the new password of a user that was set."""
    ptz: bool = True
    """It has motors; without them it has the service all the same, as some makers have it."""
    way: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """How it moves: pan, tilt, zoom."""
    at: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """Where it was sent by steps, home and presets."""
    keeps_timeout: bool = True
    moved: list[float] = field(default_factory=list)
    """When it was asked to move and to stop, by the monotonic clock."""
    presets: dict[str, tuple[str, tuple[float, float, float]]] = field(default_factory=dict)
    keystore: Keystore | None = None
    """Its keys and certificates, where it keeps such; else it has no such service."""
    _ends_s: float = 0.0
    subscription: str = ""
    """The subscription that is alive; another one, or none, is unknown."""
    _nonces: set[str] = field(default_factory=set)
    _challenge: str = field(default_factory=lambda: secrets.token_hex(8))
    _events: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/onvif/device_service"

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    @property
    def moves(self) -> bool:
        """Whether it moves now."""
        if self.keeps_timeout and time.monotonic() >= self._ends_s:
            self.way = (0.0, 0.0, 0.0)
        return any(self.way)

    def happen(self, topic: str, value: str | None = None, where: str = "V_1", name: str = "State") -> None:
        """An event for whoever pulls next. `value`: of its data; None: it has none."""
        data = "" if value is None else f'<t:SimpleItem Name="{name}" Value="{escape(value)}"/>'
        self._events.append(
            f"<r:NotificationMessage><r:Topic>{escape(topic)}</r:Topic><r:Message>"
            f'<t:Message UtcTime="2001-01-01T00:00:00Z" PropertyOperation="Changed"><t:Source>'
            f'<t:SimpleItem Name="Source" Value="{escape(where)}"/></t:Source><t:Data>{data}</t:Data></t:Message>'
            "</r:Message></r:NotificationMessage>"
        )


class Refused(Exception):
    """A fault: subcodes, reason, HTTP status."""

    def __init__(self, *codes: str, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.codes, self.reason, self.status = codes, reason, status


def _name(element: Element) -> str:
    return element.tag.rpartition("}")[2]


def _find(element: Element, name: str) -> Element | None:
    return next((item for item in element.iter() if _name(item) == name), None)


def _text(element: Element, name: str) -> str:
    found = _find(element, name)
    return "" if found is None else (found.text or "")


def _check_token(camera: OnvifCamera, token: Element) -> str:
    """The user of a WS-UsernameToken that holds. Raises Refused."""
    denied = Refused("ter:NotAuthorized", reason="sender not authorized")
    user, digest, nonce = (_text(token, name) for name in ("Username", "Password", "Nonce"))
    created = _text(token, "Created")
    at = datetime.strptime(created, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)
    if abs(camera.now() - at) > TOKEN_LIFE or nonce in camera._nonces:
        raise denied
    camera._nonces.add(nonce)
    password = camera.users.get(user, ("\0", ""))[0]
    mixed = hashlib.sha1(
        base64.b64decode(nonce) + created.encode() + password.encode(), usedforsecurity=False
    ).digest()
    _count(camera, user, base64.b64encode(mixed).decode() == digest)
    return user


def _count(camera: OnvifCamera, user: str, right: bool) -> None:
    if camera.wrong.get(user, 0) >= LOCKED_AFTER:
        raise Refused("ter:AccountLocked", reason="the account is locked")
    if not right:
        camera.wrong[user] = camera.wrong.get(user, 0) + 1
        raise Refused("ter:NotAuthorized", reason="sender not authorized")
    camera.wrong.pop(user, None)


def _check_http(camera: OnvifCamera, header: str, method: str) -> str:
    said = {
        key: quoted or plain for key, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', header)
    }
    user, password = said["username"], camera.users.get(said["username"], ("\0", ""))[0]

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    first, second = md5(f"{user}:{said['realm']}:{password}"), md5(f"{method}:{said['uri']}")
    rest = f"{said['nonce']}:{said['nc']}:{said['cnonce']}:auth:{second}"
    _count(camera, user, said["nonce"] == camera._challenge and md5(f"{first}:{rest}") == said["response"])
    return user


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    camera: OnvifCamera

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        camera = self.camera
        header = self.headers.get("Authorization", "")
        try:
            if not header.startswith("Digest ") or not _check_http(camera, header, "GET"):
                return self._challenge()
        except Refused:
            return self._challenge()
        self._send(200, JPEG, "image/jpeg")

    def do_POST(self) -> None:
        camera = self.camera
        if camera.redirect:
            self.send_response(307)
            self.send_header("Location", camera.redirect)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        root = fromstring(self.rfile.read(int(self.headers["Content-Length"])))
        body = _find(root, "Body")
        assert body is not None
        assert len(body) == 1, "one element in the body"
        action = _name(body[0])
        camera.asked.append(action)
        if action in camera.raw:
            return self._send(200, camera.raw[action])
        try:
            level = self._level(root, action)
            if level is None:
                return self._challenge()
            if self.path.startswith("/onvif/pull/") and _text(root, "Id") != (camera.subscription or None):
                raise Refused("ter:InvalidArgVal", reason="no such subscription")
            answer = _answer(camera, action, body[0], level, self.path)
        except Refused as fault:
            return self._fault(fault)
        self._send(200, _wrap(f"<r:{action}Response {_spaces()}>{answer}</r:{action}Response>".encode()))

    def _level(self, root: Element, action: str) -> str | None:
        """What the sender may do; None: a challenge is answered."""
        camera = self.camera
        token = _find(root, "UsernameToken")
        header = self.headers.get("Authorization", "")
        if action in OPEN_TO_ALL or (action == "GetDeviceInformation" and camera.open_information):
            return "Anonymous"
        if token is not None and "ws" in camera.auth:
            return camera.users[_check_token(camera, token)][1]
        if header.startswith("Digest ") and "http" in camera.auth:
            return camera.users[_check_http(camera, header, "POST")][1]
        if "http" in camera.auth:
            return None
        raise Refused("ter:NotAuthorized", reason="sender not authorized")

    def _challenge(self) -> None:
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="camera"')
        self.send_header(
            "WWW-Authenticate", f'Digest realm="camera", qop="auth", nonce="{self.camera._challenge}"'
        )
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _fault(self, fault: Refused) -> None:
        codes = "".join(f"<s:Subcode><s:Value>{code}</s:Value></s:Subcode>" for code in fault.codes)
        text = (
            f"<s:Fault><s:Code><s:Value>s:Sender</s:Value>{codes}</s:Code>"
            f'<s:Reason><s:Text xml:lang="en">{escape(fault.reason)}</s:Text></s:Reason></s:Fault>'
        )
        self._send(fault.status, _wrap(text.encode()))

    def _send(self, status: int, body: bytes, kind: str = "application/soap+xml; charset=utf-8") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def _spaces() -> str:
    return f'xmlns:r="http://www.onvif.org/answer" xmlns:t="{SCHEMA}"'


def _wrap(inside: bytes) -> bytes:
    return b'<s:Envelope xmlns:s="%s"><s:Body>%s</s:Body></s:Envelope>' % (ENVELOPE.encode(), inside)


def _answer(camera: OnvifCamera, action: str, asked: Element, level: str, path: str) -> str:
    """What stands inside the answer. Raises Refused."""
    if action.startswith("Set") and level != "Administrator":
        raise Refused("ter:NotAuthorized", reason="only administrators may")
    answers: dict[str, Any] = {
        "GetSystemDateAndTime": _time,
        "GetDeviceInformation": _information,
        "GetServices": _services,
        "GetCapabilities": _capabilities,
        "GetProfiles": _profiles,
        "GetStreamUri": _stream_uri,
        "GetSnapshotUri": _snapshot_uri,
        "GetVideoEncoderConfigurations": _encoders,
        "SetVideoEncoderConfiguration": _set_encoder,
        "SetNTP": _set_ntp,
        "SetSystemDateAndTime": _set_time,
        "GetUsers": _users,
        "SetUser": _set_user,
        "CreatePullPointSubscription": _subscribe,
        "PullMessages": _pull,
        "Renew": _renew,
        "Unsubscribe": _unsubscribe,
        "GetScopes": _scopes,
        "GetNodes": _nodes,
        "GetNetworkProtocols": _protocols,
        "SetNetworkProtocols": _set_protocols,
        **({} if camera.keystore is None else camera.keystore.answers()),
        "ContinuousMove": _move,
        "Stop": _stop,
        "RelativeMove": _step,
        "GotoHomePosition": _home,
        "GetPresets": _presets,
        "GotoPreset": _go,
        "SetPreset": _keep,
        "RemovePreset": _remove,
    }
    if action not in answers or (action == "GetServices" and not camera.profile_t):
        raise Refused("ter:ActionNotSupported", reason=f"{action} is not supported", status=500)
    if path == "/onvif/media2" and not camera.profile_t:
        raise Refused("ter:ActionNotSupported", reason="no such service", status=500)
    try:
        found: str = answers[action](camera, asked)
    except Wrong as wrong:
        raise Refused("ter:InvalidArgVal", wrong.code, reason=str(wrong)) from wrong
    return found


def _time(camera: OnvifCamera, asked: Element) -> str:
    now = camera.now()
    return (
        f"<r:SystemDateAndTime><t:DateTimeType>{camera.time_source}</t:DateTimeType>"
        f"<t:DaylightSavings>true</t:DaylightSavings><t:TimeZone><t:TZ>{camera.time_zone}</t:TZ></t:TimeZone>"
        f"<t:UTCDateTime><t:Time><t:Hour>{now.hour}</t:Hour><t:Minute>{now.minute}</t:Minute>"
        f"<t:Second>{now.second}</t:Second></t:Time><t:Date><t:Year>{now.year}</t:Year><t:Month>{now.month}</t:Month>"
        f"<t:Day>{now.day}</t:Day></t:Date></t:UTCDateTime></r:SystemDateAndTime>"
    )


def _information(camera: OnvifCamera, asked: Element) -> str:
    fields = {
        "Manufacturer": camera.make,
        "Model": camera.model,
        "FirmwareVersion": camera.firmware,
        "SerialNumber": camera.serial,
        "HardwareId": "1",
    }
    return "".join(f"<r:{name}>{escape(value)}</r:{name}>" for name, value in fields.items())


def _places(camera: OnvifCamera) -> dict[str, str]:
    base = f"{camera.scheme}://{camera.host}:{camera.port}/onvif"
    places = {
        MEDIA: f"{base}/media",
        EVENTS: f"{base}/events",
        PTZ: f"{base}/ptz",
        IMAGING: f"{base}/imaging",
    }
    if camera.keystore is not None:
        places[SECURITY] = f"{base}/security"
    return places | ({MEDIA2: f"{base}/media2"} if camera.profile_t else {})


def _services(camera: OnvifCamera, asked: Element) -> str:
    return "".join(
        f"<r:Service><r:Namespace>{space}</r:Namespace><r:XAddr>{place}</r:XAddr></r:Service>"
        for space, place in _places(camera).items()
    )


def _capabilities(camera: OnvifCamera, asked: Element) -> str:
    names = {MEDIA: "Media", EVENTS: "Events", PTZ: "PTZ", IMAGING: "Imaging"}
    inside = "".join(
        f"<t:{names[space]}><t:XAddr>{place}</t:XAddr></t:{names[space]}>"
        for space, place in _places(camera).items()
        if space in names
    )
    return f"<r:Capabilities>{inside}</r:Capabilities>"


def _config(camera: OnvifCamera, encoder: Encoder, tag: str) -> str:
    gop = "" if camera.profile_t else f"<t:H264><t:GovLength>{encoder.gop}</t:GovLength></t:H264>"
    attribute = f' GovLength="{encoder.gop}"' if camera.profile_t else ""
    return (
        f'<{tag} token="{encoder.token}"{attribute}><t:Name>{encoder.token}</t:Name><t:UseCount>1</t:UseCount>'
        f"<t:Encoding>{encoder.codec}</t:Encoding><t:Resolution><t:Width>{encoder.width}</t:Width>"
        f"<t:Height>{encoder.height}</t:Height></t:Resolution><t:Quality>4</t:Quality>"
        f"<t:RateControl><t:FrameRateLimit>{encoder.rate}</t:FrameRateLimit>"
        f"<t:BitrateLimit>{encoder.kbit_s}</t:BitrateLimit></t:RateControl>{gop}</{tag}>"
    )


def _profiles(camera: OnvifCamera, asked: Element) -> str:
    rows = []
    for encoder in camera.encoders:
        steered = camera.ptz and encoder is camera.encoders[0]
        if camera.profile_t:
            motors = '<r:PTZ token="ptz"/>' if steered else ""
            inside = (
                f"<r:Configurations>{_config(camera, encoder, 'r:VideoEncoder')}{motors}</r:Configurations>"
            )
        else:
            motors = '<t:PTZConfiguration token="ptz"/>' if steered else ""
            inside = _config(camera, encoder, "t:VideoEncoderConfiguration") + motors
        name = "r:Name" if camera.profile_t else "t:Name"
        rows.append(
            f'<r:Profiles token="profile_{encoder.token}"><{name}>{encoder.token}</{name}>{inside}</r:Profiles>'
        )
    return "".join(rows)


def _encoder_of(camera: OnvifCamera, token: str) -> Encoder:
    for encoder in camera.encoders:
        if token in (encoder.token, f"profile_{encoder.token}"):
            return encoder
    raise Refused("ter:InvalidArgVal", "ter:NoProfile", reason="no such profile")


def _stream_uri(camera: OnvifCamera, asked: Element) -> str:
    uri = camera.rtsp + _encoder_of(camera, _text(asked, "ProfileToken")).path
    return (
        f"<r:Uri>{escape(uri)}</r:Uri>"
        if camera.profile_t
        else f"<r:MediaUri><t:Uri>{escape(uri)}</t:Uri></r:MediaUri>"
    )


def _snapshot_uri(camera: OnvifCamera, asked: Element) -> str:
    _encoder_of(camera, _text(asked, "ProfileToken"))
    uri = f"{camera.scheme}://{camera.host}:{camera.port}/snapshot.jpg"
    return f"<r:Uri>{uri}</r:Uri>" if camera.profile_t else f"<r:MediaUri><t:Uri>{uri}</t:Uri></r:MediaUri>"


def _encoders(camera: OnvifCamera, asked: Element) -> str:
    return "".join(_config(camera, encoder, "r:Configurations") for encoder in camera.encoders)


def _set_encoder(camera: OnvifCamera, asked: Element) -> str:
    config = _find(asked, "Configuration")
    assert config is not None, "a configuration"
    encoder = _encoder_of(camera, config.get("token", ""))
    codec, kbit_s = _text(config, "Encoding"), int(_text(config, "BitrateLimit"))
    gop = int(config.get("GovLength") or _text(config, "GovLength"))
    if codec not in ("H264", "H265") or (codec == "H265" and not camera.profile_t):
        raise Refused("ter:InvalidArgVal", "ter:ConfigModify", reason="this encoding is not possible")
    if (
        not 64 <= kbit_s <= 16384
        or not 1 <= gop <= 250
        or "Quality" not in tostring(config, encoding="unicode")
    ):
        raise Refused("ter:InvalidArgVal", "ter:ConfigModify", reason="the parameters are not possible")
    encoder.codec, encoder.kbit_s, encoder.gop = codec, kbit_s, gop
    encoder.rate = int(_text(config, "FrameRateLimit"))
    return ""


def _protocols(camera: OnvifCamera, asked: Element) -> str:
    told = camera.keystore is not None and camera.keystore.https
    at = camera.port if camera.keystore is None else camera.keystore.port or camera.port
    return (
        "<r:NetworkProtocols><t:Name>HTTP</t:Name><t:Enabled>true</t:Enabled><t:Port>80</t:Port></r:NetworkProtocols>"
        f"<r:NetworkProtocols><t:Name>HTTPS</t:Name><t:Enabled>{str(told).lower()}</t:Enabled>"
        f"<t:Port>{at}</t:Port></r:NetworkProtocols>"
    )


def _set_protocols(camera: OnvifCamera, asked: Element) -> str:
    if camera.keystore is None or _text(asked, "Name") != "HTTPS":
        raise Refused("ter:InvalidArgVal", "ter:ServiceNotSupported", reason="no such protocol")
    camera.keystore.https = _text(asked, "Enabled") == "true"
    return ""


def _set_ntp(camera: OnvifCamera, asked: Element) -> str:
    if _text(asked, "FromDHCP") != "false":
        raise Refused("ter:InvalidArgVal", reason="FromDHCP is expected to be false")
    camera.ntp = _text(asked, "IPv4Address") or _text(asked, "DNSname")
    return ""


def _set_time(camera: OnvifCamera, asked: Element) -> str:
    camera.time_source = _text(asked, "DateTimeType")
    zone = _text(asked, "TZ")
    if camera.time_source == "Manual" and not _text(asked, "Year"):
        raise Refused("ter:InvalidArgVal", "ter:InvalidDateTime", reason="a time is needed")
    if zone and not re.fullmatch(r"<?[A-Za-z+\-0-9]{3,}>?[-+]?\d.*", zone):
        raise Refused("ter:InvalidArgVal", "ter:InvalidTimeZone", reason="the time zone is none")
    camera.time_zone = zone or camera.time_zone
    return ""


def _users(camera: OnvifCamera, asked: Element) -> str:
    return "".join(
        f"<r:User><t:Username>{escape(name)}</t:Username><t:UserLevel>{level}</t:UserLevel></r:User>"
        for name, (_password, level) in camera.users.items()
    )


def _set_user(camera: OnvifCamera, asked: Element) -> str:
    name, password = _text(asked, "Username"), _text(asked, "Password")
    if name not in camera.users:
        raise Refused("ter:InvalidArgVal", "ter:UsernameMissing", reason="no such user")
    strong = 8 <= len(password) <= 32 and re.search(r"[a-z]", password) and re.search(r"\d", password)
    if not strong or name in password:
        raise Refused("ter:OperationProhibited", "ter:PasswordTooWeak", reason="the password is too weak")
    camera.users[name] = (password, _text(asked, "UserLevel"))
    if camera.on_password is not None:
        camera.on_password(name, password)
    if camera.faults_after_setting:
        raise Refused("ter:Action", reason="the configuration could not be stored")
    return ""


def _subscribe(camera: OnvifCamera, asked: Element) -> str:
    camera.subscription = secrets.token_hex(4)
    place = f"{camera.scheme}://{camera.host}:{camera.port}/onvif/pull/1"
    now = camera.now()
    # Only who shows these in the header is answered, as some makers have it.
    parameters = f'<r:ReferenceParameters><p:Id xmlns:p="urn:acme">{camera.subscription}</p:Id></r:ReferenceParameters>'
    times = f"<r:CurrentTime>{now:%Y-%m-%dT%H:%M:%SZ}</r:CurrentTime>"
    return f"<r:SubscriptionReference><r:Address>{place}</r:Address>{parameters}</r:SubscriptionReference>{times}"


def _pull(camera: OnvifCamera, asked: Element) -> str:
    patience_s = 0.2  # a camera waits for the time it was asked to; nobody here has that much
    for _ in range(10):
        if camera._events:
            break
        time.sleep(patience_s / 10)
    told, camera._events = camera._events, []
    return "".join(told)


def _renew(camera: OnvifCamera, asked: Element) -> str:
    if not camera.renews:
        raise Refused("ter:ActionNotSupported", reason="renewing is not supported", status=500)
    return ""


def _unsubscribe(camera: OnvifCamera, asked: Element) -> str:
    camera.subscription = ""
    return ""


def _scopes(camera: OnvifCamera, asked: Element) -> str:
    said = ["Profile/Streaming", "location/hall", *(["Profile/T"] if camera.profile_t else [])]
    return "".join(
        f"<r:Scopes><t:ScopeItem>onvif://www.onvif.org/{item}</t:ScopeItem></r:Scopes>" for item in said
    )


def _nodes(camera: OnvifCamera, asked: Element) -> str:
    if not camera.ptz:
        return ""
    spaces = "<t:RelativePanTiltTranslationSpace><t:URI>urn:x</t:URI></t:RelativePanTiltTranslationSpace>"
    return (
        f'<r:PTZNode token="node"><t:SupportedPTZSpaces>{spaces}</t:SupportedPTZSpaces>'
        "<t:MaximumNumberOfPresets>3</t:MaximumNumberOfPresets><t:HomeSupported>true</t:HomeSupported></r:PTZNode>"
    )


def _ways(camera: OnvifCamera, asked: Element) -> tuple[float, float, float]:
    if _text(asked, "ProfileToken") != f"profile_{camera.encoders[0].token}" or not camera.ptz:
        raise Refused("ter:InvalidArgVal", "ter:NoPTZProfile", reason="the profile has no PTZ")
    turn, zoom = _find(asked, "PanTilt"), _find(asked, "Zoom")
    pan, tilt = (0.0, 0.0) if turn is None else (float(turn.get("x", "")), float(turn.get("y", "")))
    ways = pan, tilt, 0.0 if zoom is None else float(zoom.get("x", ""))
    if any(abs(one) > 1 for one in ways):
        raise Refused("ter:InvalidArgVal", "ter:InvalidVelocity", reason="faster than it can")
    return ways


def _move(camera: OnvifCamera, asked: Element) -> str:
    ways = _ways(camera, asked)
    lasts = re.fullmatch(r"PT([0-9.]+)S", _text(asked, "Timeout"))
    assert lasts is not None, "a time"
    camera.way, camera._ends_s = ways, time.monotonic() + float(lasts[1])
    camera.moved.append(time.monotonic())
    return ""


def _stop(camera: OnvifCamera, asked: Element) -> str:
    camera.way = (0.0, 0.0, 0.0)
    camera.moved.append(time.monotonic())
    return ""


def _step(camera: OnvifCamera, asked: Element) -> str:
    pan, tilt, zoom = _ways(camera, asked)
    camera.at = camera.at[0] + pan, camera.at[1] + tilt, camera.at[2] + zoom
    return ""


def _home(camera: OnvifCamera, asked: Element) -> str:
    camera.at = (0.0, 0.0, 0.0)
    return ""


def _presets(camera: OnvifCamera, asked: Element) -> str:
    return "".join(
        f'<r:Preset token="{token}"><t:Name>{escape(name)}</t:Name></r:Preset>'
        for token, (name, _at) in camera.presets.items()
    )


def _preset_of(camera: OnvifCamera, asked: Element) -> str:
    token = _text(asked, "PresetToken")
    if token not in camera.presets:
        raise Refused("ter:InvalidArgVal", "ter:NoToken", reason="no such preset")
    return token


def _go(camera: OnvifCamera, asked: Element) -> str:
    camera.at = camera.presets[_preset_of(camera, asked)][1]
    return ""


def _keep(camera: OnvifCamera, asked: Element) -> str:
    token = _preset_of(camera, asked) if _text(asked, "PresetToken") else str(len(camera.presets) + 1)
    if len(camera.presets | {token: None}) > 3:
        raise Refused("ter:Action", "ter:TooManyPresets", reason="it keeps three")
    camera.presets[token] = _text(asked, "PresetName"), camera.at
    return f"<r:PresetToken>{token}</r:PresetToken>"


def _remove(camera: OnvifCamera, asked: Element) -> str:
    del camera.presets[_preset_of(camera, asked)]
    return ""


class _Server(ThreadingHTTPServer):
    """Answers in TLS by the context of the moment, which the camera may change."""

    tls: ssl.SSLContext | None = None

    def get_request(self) -> tuple[socket.socket, Any]:
        plain, address = super().get_request()
        if self.tls is None:
            return plain, address
        plain.settimeout(5.0)
        return self.tls.wrap_socket(plain, server_side=True), address


@contextmanager
def onvif_camera(
    camera: OnvifCamera | None = None, *, tls: ssl.SSLContext | None = None
) -> Iterator[OnvifCamera]:
    """The camera at its services until the block ends. One that keeps keys and answers without TLS answers in TLS at another
    port as well, once it has a certificate to show."""
    camera = camera or OnvifCamera()
    with _serving(camera, camera.port, tls) as server, ExitStack() as also:
        camera.port = server.server_address[1]
        if tls is not None:
            camera.scheme = "https"
        if camera.keystore is not None:
            secure = server if tls is not None else also.enter_context(_serving(camera, 0, None))
            camera.keystore.https = tls is not None
            camera.keystore.server, camera.keystore.port = secure, secure.server_address[1]
        yield camera


@contextmanager
def _serving(camera: OnvifCamera, port: int, tls: ssl.SSLContext | None) -> Iterator[_Server]:
    handler = type("Handler", (_Handler,), {"camera": camera})
    server = _Server((camera.host, port), handler)
    server.tls = tls
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


GROUP = "239.255.255.250"


@contextmanager
def answering_probes(camera: OnvifCamera, name: str = "ACME Dome", *, port: int = 3702) -> Iterator[None]:
    """WS-Discovery on the camera's interface: answers probes for network video transmitters until the block ends."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind((GROUP, port))
    joined = struct.pack("4s4s", socket.inet_aton(GROUP), socket.inet_aton(camera.host))
    listening.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, joined)
    listening.settimeout(0.1)
    answering = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    answering.bind((camera.host, 0))
    done = threading.Event()

    def answer() -> None:
        while not done.is_set():
            try:
                data, sender = listening.recvfrom(65535)
            except TimeoutError:
                continue
            root = fromstring(data)
            if "NetworkVideoTransmitter" in _text(root, "Types"):
                answering.sendto(probe_match(camera, _text(root, "MessageID"), name), sender)

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join(10)
        listening.close()
        answering.close()


def probe_match(camera: OnvifCamera, relates_to: str, name: str) -> bytes:
    """The answer to a probe."""
    scopes = (
        f"onvif://www.onvif.org/name/{name.replace(' ', '%20')} "
        f"onvif://www.onvif.org/hardware/{camera.model.replace(' ', '%20')} onvif://www.onvif.org/Profile/T"
    )
    addresses = f"http://[fe80::1]/onvif/device_service {camera.url}"
    return (
        f'<s:Envelope xmlns:s="{ENVELOPE}" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" '
        'xmlns:d="http://schemas.xmlsoap.org/ws/2005/04/discovery"><s:Header>'
        f"<a:MessageID>urn:uuid:{uuid.uuid4()}</a:MessageID><a:RelatesTo>{relates_to}</a:RelatesTo></s:Header>"
        "<s:Body><d:ProbeMatches><d:ProbeMatch><d:Types>dn:NetworkVideoTransmitter</d:Types>"
        f"<d:Scopes>{scopes}</d:Scopes><d:XAddrs>{addresses}</d:XAddrs></d:ProbeMatch></d:ProbeMatches></s:Body>"
        "</s:Envelope>"
    ).encode()
