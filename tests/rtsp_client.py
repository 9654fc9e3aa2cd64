"""A plain RTSP client for tests that look at single packets: what a player hides, this shows."""

import contextlib
import hashlib
import re
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True)
class Reply:
    """One RTSP reply; header names in lower case, several of one name in a list."""

    status: int
    headers: dict[str, list[str]]
    body: bytes


@dataclass(frozen=True)
class RtpPacket:
    channel: int
    marker: bool
    payload_type: int
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


@dataclass(frozen=True)
class SenderReport:
    channel: int
    ssrc: int
    utc_seconds: float
    timestamp: int
    packets: int
    octets: int


class RtspClient:
    """Speaks to one camera over one connection. `url` holds the credentials."""

    def __init__(self, url: str, *, timeout_seconds: float = 10.0) -> None:
        parts = urlsplit(url)
        self.username, self.password = unquote(parts.username or ""), unquote(parts.password or "")
        self.base = f"rtsp://{parts.hostname}:{parts.port}{parts.path}"
        self.session = ""
        self.goodbyes: set[int] = set()  # channels on which an RTCP BYE came
        self._challenge: dict[str, str] | None = None
        self._count = 0
        self._cseq = 0
        self._socket = socket.create_connection((parts.hostname, parts.port), timeout=timeout_seconds)
        self._file = self._socket.makefile("rb")
        self.sockname = self._socket.getsockname()

    def __enter__(self) -> "RtspClient":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()
        self._socket.close()

    def settimeout(self, seconds: float) -> None:
        self._socket.settimeout(seconds)

    def send_raw(self, data: bytes) -> None:
        self._socket.sendall(data)

    def request(self, method: str, uri: str | None = None, **headers: str) -> Reply:
        """Send a request with credentials, once a challenge is known, and return the reply to it."""
        uri = uri or self.base
        self._cseq += 1
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self._cseq}"]
        if self._challenge:
            lines.append(f"Authorization: {self.authorization(method, uri)}")
        if self.session and "session" not in headers:
            lines.append(f"Session: {self.session}")
        lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
        self.send_raw(("\r\n".join(lines) + "\r\n\r\n").encode())
        return self.read_reply()

    def authorization(self, method: str, uri: str) -> str:
        """Return a Digest header for the challenge chosen last; each call uses up one nonce count."""
        assert self._challenge is not None
        challenge = self._challenge
        self._count += 1
        digest = hashlib.sha256 if challenge.get("algorithm") == "SHA-256" else hashlib.md5
        secret = digest(f"{self.username}:{challenge['realm']}:{self.password}".encode()).hexdigest()
        act = digest(f"{method}:{uri}".encode()).hexdigest()
        middle = f"{challenge['nonce']}:{self._count:08x}:c0ffee:auth"
        response = digest(f"{secret}:{middle}:{act}".encode()).hexdigest()
        return (
            f'Digest username="{self.username}", realm="{challenge["realm"]}", nonce="{challenge["nonce"]}", '
            f'uri="{uri}", algorithm={challenge.get("algorithm", "MD5")}, qop=auth, '
            f'nc={self._count:08x}, cnonce="c0ffee", response="{response}"'
        )

    def learn_challenge(self, reply: Reply, algorithm: str) -> None:
        """Take the challenge of this algorithm from a 401 reply."""
        for header in reply.headers["www-authenticate"]:
            found = {
                name: quoted or bare
                for name, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|(\S+?)(?:,|$))', header)
            }
            if found.get("algorithm", "MD5") == algorithm:
                self._challenge = found
                self._count = 0
                return
        raise AssertionError(f"no {algorithm} challenge in {reply.headers}")

    def describe(self, algorithm: str = "SHA-256") -> Reply:
        """DESCRIBE, answering the challenge; return the second reply."""
        self.learn_challenge(self.request("DESCRIBE"), algorithm)
        return self.request("DESCRIBE", Accept="application/sdp")

    def set_up(self, track: int = 0) -> Reply:
        reply = self.request(
            "SETUP",
            f"{self.base}/trackID={track}",
            Transport=f"RTP/AVP/TCP;unicast;interleaved={2 * track}-{2 * track + 1}",
        )
        if reply.status == 200:
            self.session = reply.headers["session"][0].partition(";")[0]
        return reply

    def play(self, *tracks: int) -> None:
        """Describe, set up the tracks (video without any named) and start."""
        assert self.describe().status == 200
        for track in tracks or (0,):
            assert self.set_up(track).status == 200
        assert self.request("PLAY").status == 200

    def read_reply(self) -> Reply:
        """Read the next reply; media on the way is dropped."""
        first = self._exactly(1)
        while first == b"$":
            self._interleaved()
            first = self._exactly(1)
        lines = [first + self._file.readline()]
        while lines[-1] not in (b"\r\n", b""):
            lines.append(self._file.readline())
        headers: dict[str, list[str]] = {}
        for line in lines[1:-1]:
            name, _, value = line.decode().partition(":")
            headers.setdefault(name.lower(), []).append(value.strip())
        body = self._exactly(int(headers.get("content-length", ["0"])[0]))
        return Reply(int(lines[0].split()[1]), headers, body)

    def media(self) -> Iterator[RtpPacket | SenderReport]:
        """Yield what arrives until the camera hangs up; raises TimeoutError when it falls silent."""
        while True:
            first = self._file.read(1)
            if not first:
                return
            assert first == b"$", first
            channel, data = self._interleaved()
            if data[1] == 200:
                ssrc, high, low, stamp, packets, octets = struct.unpack("!IIIIII", data[4:28])
                utc = high - 2_208_988_800 + low / 2**32
                yield SenderReport(channel, ssrc, utc, stamp, packets, octets)
            elif data[1] == 203:
                self.goodbyes.add(channel)
            elif data[1] not in (201, 202):
                _, kind, sequence, stamp, ssrc = struct.unpack("!BBHII", data[:12])
                yield RtpPacket(channel, kind >= 128, kind & 127, sequence, stamp, ssrc, data[12:])

    def drain(self) -> None:
        """Read until the camera hangs up or cuts the connection; TimeoutError when it does neither."""
        with contextlib.suppress(ConnectionError):
            while self._file.read(1):
                pass

    def packets(self, channel: int = 0) -> Iterator[RtpPacket]:
        """Yield the RTP packets of one channel."""
        for item in self.media():
            if isinstance(item, RtpPacket) and item.channel == channel:
                yield item

    def pictures(self) -> Iterator[list[RtpPacket]]:
        """Yield the packets of one picture at a time, as the marker ends it."""
        held: list[RtpPacket] = []
        for packet in self.packets():
            held.append(packet)
            if packet.marker:
                yield held
                held = []

    def _interleaved(self) -> tuple[int, bytes]:
        channel, size = struct.unpack("!BH", self._exactly(3))
        return channel, self._exactly(size)

    def _exactly(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) != count:
            raise ConnectionError("the camera hung up")
        return data


def annex_b(pictures: list[list[RtpPacket]]) -> bytes:
    """Put the H.264 payloads of whole pictures together as a byte stream (RFC 6184)."""
    out = bytearray()
    for packets in pictures:
        for packet in packets:
            payload, kind = packet.payload, packet.payload[0] & 31
            if kind == 24:
                at = 1
                while at < len(payload):
                    size = int.from_bytes(payload[at : at + 2], "big")
                    out += b"\0\0\0\1" + payload[at + 2 : at + 2 + size]
                    at += 2 + size
            elif kind == 28:
                if payload[1] & 0x80:
                    out += b"\0\0\0\1" + bytes([payload[0] & 0xE0 | payload[1] & 31])
                out += payload[2:]
            else:
                out += b"\0\0\0\1" + payload
    return bytes(out)
