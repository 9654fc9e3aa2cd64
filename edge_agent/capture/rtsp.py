"""RTSP 1.0 (RFC 2326) as far as a recorder needs it: requests, Digest (RFC 7616), descriptions (RFC 8866). Pure but for randomness."""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from dataclasses import dataclass, field, replace
from typing import Final
from urllib.parse import unquote, urljoin, urlsplit, urlunsplit

from edge_agent import h26x, opus
from edge_agent.capture.rtp import AacHeaders
from edge_agent.errors import SourceFailed
from edge_agent.mp4 import AudioTrack
from sealing.ids import GapReason

REPLY_BYTES_MAX: Final = 65536
PORT: Final = 554
SECURE_PORT: Final = 322
"""RFC 7826 section 22.15, rtsps."""
RATE_MAX: Final = 192_000
"""Samples of sound a second, beyond which a description is nonsense."""
_HASHES: Final = {"MD5": "md5", "SHA-256": "sha256"}
_PARAMETER: Final = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


def unusable(text: str, cause: str = "") -> SourceFailed:
    """The camera's answers make no sense, or hold nothing we can use."""
    return SourceFailed(GapReason.CAMERA_STREAM_UNUSABLE, text, cause)


@dataclass(frozen=True)
class Address:
    """A camera's address apart from its credentials; `url` is what goes over the wire, in TLS where it is `secure`."""

    url: str
    host: str
    port: int
    secure: bool
    user: str = field(repr=False)
    password: str = field(repr=False)

    @classmethod
    def of(cls, url: str) -> Address:
        """Raises SourceFailed without quoting the address."""
        try:
            parts = urlsplit(url)
            secure = parts.scheme == "rtsps"
            host, port = parts.hostname or "", parts.port or (SECURE_PORT if secure else PORT)
        except ValueError:
            raise unusable("the camera's address cannot be read: type it again in the portal") from None
        shown = f"[{host}]" if ":" in host else host
        netloc = shown if parts.port is None else f"{shown}:{port}"
        return cls(
            urlunsplit((parts.scheme, netloc, parts.path, parts.query, "")),
            host,
            port,
            secure,
            unquote(parts.username or ""),
            unquote(parts.password or ""),
        )

    def moved(self, location: str) -> Address:
        """The address a camera sends us on to, with the credentials of this one. Raises SourceFailed.

        Only within the same host, and never out of TLS: a camera must not make this box speak to whom it likes, nor get
        the password said aloud.
        """
        there = Address.of(location)
        if there.host != self.host or urlsplit(location).scheme not in ("rtsp", "rtsps"):
            raise unusable(
                "the camera sends us on to another machine: type the address of the stream itself", "moved"
            )
        if self.secure and not there.secure:
            raise unusable(
                "the camera sends us on to an address without encryption: type it yourself", "moved"
            )
        return replace(there, user=self.user, password=self.password)


@dataclass(frozen=True)
class Reply:
    """One reply; header names in lower case, the values of one name in order."""

    status: int
    headers: dict[str, list[str]]
    body: bytes = b""

    def header(self, name: str) -> str:
        """The first value of a header, or an empty text."""
        return self.headers.get(name, [""])[0]


def whole(text: str) -> int | None:
    """A number of at most ten digits, as every real one is; None for anything else."""
    return int(text) if len(text) <= 10 and text.isdecimal() else None


def parse_head(head: bytes) -> Reply:
    """Read a reply up to its empty line. Raises SourceFailed."""
    lines = head.decode("latin-1").split("\r\n")
    match = re.fullmatch(r"RTSP/1\.\d (\d{3})(?: .*)?", lines[0])
    if match is None:
        raise unusable("the camera does not answer in RTSP", "not-rtsp")
    headers: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        if colon:
            headers.setdefault(name.strip().lower(), []).append(value.strip())
    return Reply(int(match[1]), headers)


class Authorizer:
    """Answers a camera's challenge: Digest with the strongest hash it offers, else Basic."""

    def __init__(self, address: Address) -> None:
        self._address = address
        self._challenge: dict[str, str] | None = None
        self._basic = False
        self._count = 0

    def learn(self, challenges: list[str]) -> bool:
        """Take in the challenges of a 401; False when they cannot be answered, or were answered in vain."""
        if not self._address.user:
            return False
        before = (self._challenge or {}).get("nonce"), self._basic
        offered = [
            {key.lower(): quoted or plain for key, quoted, plain in _PARAMETER.findall(text[7:])}
            for text in challenges
            if text.lower().startswith("digest ")
        ]
        known = [item for item in offered if item.get("algorithm", "MD5").upper() in _HASHES]
        if known:
            best = max(known, key=lambda item: item.get("algorithm", "MD5").upper() == "SHA-256")
            renewed = best.get("stale", "").lower() == "true"
            if before[0] is not None and not renewed:
                return False
            self._challenge, self._count = best, 0
            return True
        self._basic = any(text.lower().startswith("basic") for text in challenges)
        return self._basic and not before[1]

    @property
    def realm(self) -> str:
        """Of the challenge that was answered by Digest; "" before."""
        return (self._challenge or {}).get("realm", "")

    def header(self, method: str, url: str) -> str | None:
        """The Authorization header of a request, if the camera asked for one."""
        user, password = self._address.user, self._address.password
        if self._basic:
            return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        challenge = self._challenge
        if challenge is None:
            return None
        algorithm = challenge.get("algorithm", "MD5").upper()

        def digest(text: str) -> str:
            return hashlib.new(_HASHES[algorithm], text.encode(), usedforsecurity=False).hexdigest()

        realm, nonce = challenge.get("realm", ""), challenge.get("nonce", "")
        first, second = digest(f"{user}:{realm}:{password}"), digest(f"{method}:{url}")
        fields = f'username="{user}", realm="{realm}", nonce="{nonce}", uri="{url}"'
        if "auth" in [item.strip() for item in challenge.get("qop", "").split(",")]:
            self._count += 1
            count, own = f"{self._count:08x}", secrets.token_hex(8)
            response = digest(f"{first}:{nonce}:{count}:{own}:auth:{second}")
            fields += f', qop=auth, nc={count}, cnonce="{own}"'
        else:
            response = digest(f"{first}:{nonce}:{second}")
        fields += f', response="{response}"'
        if "algorithm" in challenge:
            fields += f", algorithm={challenge['algorithm']}"
        if "opaque" in challenge:
            fields += f', opaque="{challenge["opaque"]}"'
        return "Digest " + fields


@dataclass(frozen=True)
class VideoOffer:
    """A video track as described; `sets` are its parameter sets, if the camera names them."""

    url: str
    payload_type: int
    codec: h26x.Codec
    sets: list[bytes]


@dataclass(frozen=True)
class AudioOffer:
    """An audio track as described."""

    url: str
    payload_type: int
    track: AudioTrack
    headers: AacHeaders | None


@dataclass(frozen=True)
class Description:
    """What a camera offers that can be recorded."""

    url: str
    video: VideoOffer
    audio: AudioOffer | None


@dataclass
class _Media:
    kind: str
    types: list[int]
    control: str = ""
    maps: dict[int, str] = field(default_factory=dict)
    formats: dict[int, dict[str, str]] = field(default_factory=dict)


def parse_description(text: str, base: str) -> Description:
    """Read an SDP description. `base`: URL that relative controls start from. Raises SourceFailed."""
    session, medias = _read_sdp(text)
    root = _control(base, session)
    video = next((offer for media in medias if (offer := _video(media, root))), None)
    if video is None:
        kinds = ", ".join(media.kind for media in medias) or "nothing"
        raise unusable(
            f"the camera offers no H.264 or H.265 video (it offers {kinds}): choose one in its settings",
            "codec" if any(media.kind == "video" for media in medias) else "no-video",
        )
    audio = next((found for media in medias if (found := _audio(media, root))), None)
    return Description(root, video, audio)


def _read_sdp(text: str) -> tuple[str, list[_Media]]:
    session = ""
    medias: list[_Media] = []
    for line in text.replace("\r", "").split("\n"):
        if line.startswith("m="):
            words = line[2:].split()
            medias.append(
                _Media(
                    words[0] if words else "",
                    [number for word in words[3:] if (number := whole(word)) is not None],
                )
            )
        elif line.startswith("a=control:"):
            if medias:
                medias[-1].control = line[10:].strip()
            else:
                session = line[10:].strip()
        elif medias and line.startswith("a=rtpmap:"):
            word, _, name = line[9:].partition(" ")
            if (number := whole(word)) is not None:
                medias[-1].maps[number] = name.strip()
        elif medias and line.startswith("a=fmtp:"):
            word, _, rest = line[7:].partition(" ")
            if (number := whole(word)) is not None:
                pairs = (item.partition("=") for item in rest.split(";"))
                medias[-1].formats[number] = {name.strip().lower(): value.strip() for name, _, value in pairs}
    return session, medias


def _control(base: str, control: str) -> str:
    if not control or control == "*":
        return base
    if "://" in control:
        return control
    return urljoin(base if base.endswith("/") else base + "/", control)


def _sets(texts: list[str]) -> list[bytes]:
    found = []
    for text in texts:
        for item in text.split(","):
            try:
                found.append(base64.b64decode(item.strip() + "=" * (-len(item.strip()) % 4)))
            except (binascii.Error, ValueError):
                continue  # parameter sets come in the stream as well
    return found


def _video(media: _Media, root: str) -> VideoOffer | None:
    if media.kind != "video":
        return None
    for number in media.types:
        name, _, rate = media.maps.get(number, "").upper().partition("/")
        options = media.formats.get(number, {})
        if rate != "90000":
            continue
        url = _control(root, media.control)
        if name == "H264":
            return VideoOffer(url, number, "h264", _sets([options.get("sprop-parameter-sets", "")]))
        if name in ("H265", "HEVC"):
            if options.get("sprop-max-don-diff", "0") != "0":
                raise unusable(
                    "the camera sends H.265 pictures out of order: switch that off in its settings"
                )
            names = ("sprop-vps", "sprop-sps", "sprop-pps")
            return VideoOffer(url, number, "h265", _sets([options.get(item, "") for item in names]))
    return None


def _audio(media: _Media, root: str) -> AudioOffer | None:
    if media.kind != "audio":
        return None
    url = _control(root, media.control)
    for number in media.types:
        fixed = {0: "PCMU/8000/1", 8: "PCMA/8000/1"}.get(number, "")
        words = media.maps.get(number, fixed).upper().split("/")
        name, rate = words[0], (whole(words[1]) or 0) if len(words) > 1 else 0
        channels = (whole(words[2]) or 0) if len(words) > 2 else 1
        if rate > RATE_MAX:
            continue
        if name in ("PCMA", "PCMU") and rate and 1 <= channels <= 2:
            codec = AudioTrack("alaw" if name == "PCMA" else "ulaw", rate, channels)
            return AudioOffer(url, number, codec, None)
        if name == "OPUS":
            return _opus(url, number, media.formats.get(number, {}))
        if name == "MPEG4-GENERIC" and rate:
            offer = _aac(url, number, rate, channels, media.formats.get(number, {}))
            if offer is not None:
                return offer
    return None


def _opus(url: str, number: int, options: dict[str, str]) -> AudioOffer:
    """RFC 7587 section 7: always said to be 48000/2, whatever is in it; `sprop-stereo` tells how much there is to hear."""
    channels = 2 if options.get("sprop-stereo") == "1" else 1
    return AudioOffer(url, number, AudioTrack("opus", opus.RATE, channels), None)


def _aac(url: str, number: int, rate: int, channels: int, options: dict[str, str]) -> AudioOffer | None:
    if not options.get("mode", "").lower().startswith("aac-"):
        return None
    try:
        config = bytes.fromhex(options.get("config", ""))
        sizes = [int(options.get(name, "0")) for name in ("sizelength", "indexlength", "indexdeltalength")]
    except ValueError:
        return None
    if len(config) < 2 or not 1 <= sizes[0] <= 16 or not all(0 <= size <= 8 for size in sizes[1:]):
        return None
    return AudioOffer(url, number, AudioTrack("aac", rate, channels, config), AacHeaders(*sizes))
