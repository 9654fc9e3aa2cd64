"""A camera out of a script: it converses as told, then sends packets as told. For what no real camera can be asked to do."""

from __future__ import annotations

import base64
import socket
import struct
from collections.abc import Callable, Iterable

from tests.edge_agent.camera_front import Handler

RTP_BYTES_MAX = 1200
SSRC = 0x5EED


class Sending:
    """The side of the camera once it plays. Times in 1/90000 s; they and the sequence number wrap as on the wire."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.sequence = [65_500, 65_500]

    def raw(self, data: bytes) -> None:
        self._connection.sendall(data)

    def packet(self, channel: int, packet: bytes) -> None:
        self.raw(b"$" + struct.pack(">BH", channel, len(packet)) + packet)

    def rtp(self, track: int, time: int, marker: bool, payload: bytes) -> None:
        head = struct.pack(
            ">BBHII", 0x80, marker << 7 | 96 + track, self.sequence[track], time & 0xFFFFFFFF, SSRC + track
        )
        self.sequence[track] = (self.sequence[track] + 1) & 0xFFFF
        self.packet(2 * track, head + payload)

    def picture(self, time: int, units: Iterable[bytes], *, lost: int = 0) -> None:
        """One H.264 picture; the first `lost` packets of it never leave."""
        packets = [piece for unit in units for piece in _cut(unit)]
        for number, payload in enumerate(packets):
            if number < lost:
                self.sequence[0] = (self.sequence[0] + 1) & 0xFFFF
            else:
                self.rtp(0, time, number == len(packets) - 1, payload)

    def report(self, utc_us: int, time: int) -> None:
        """A sender report (RFC 3550 section 6.4.1): at that moment by the camera's clock the time stamp was this one."""
        seconds, left_us = divmod(utc_us, 1_000_000)
        ntp = (seconds + 2_208_988_800, (left_us << 32) // 1_000_000)
        self.packet(1, struct.pack(">BBHIIIIII", 0x80, 200, 6, SSRC, *ntp, time & 0xFFFFFFFF, 0, 0))

    def wait(self) -> None:
        """Until the other side hangs up."""
        while self._connection.recv(4096):
            pass


def _cut(unit: bytes) -> list[bytes]:
    if len(unit) <= RTP_BYTES_MAX:
        return [unit]
    pieces = [unit[at : at + RTP_BYTES_MAX] for at in range(1, len(unit), RTP_BYTES_MAX)]
    last = len(pieces) - 1
    return [
        bytes((unit[0] & 0xE0 | 28, (n == 0) << 7 | (n == last) << 6 | unit[0] & 31)) + piece
        for n, piece in enumerate(pieces)
    ]


def description(sets: Iterable[bytes] = (), audio: str = "") -> str:
    """An SDP of an H.264 camera; `audio`: the map of its sound, as `opus/48000/2`."""
    named = ",".join(base64.b64encode(nal).decode() for nal in sets)
    lines = ["v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=odd", "t=0 0", "m=video 0 RTP/AVP 96"]
    lines += ["a=rtpmap:96 H264/90000", f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={named}"]
    lines.append("a=control:track0")
    if audio:
        lines += ["m=audio 0 RTP/AVP 97", f"a=rtpmap:97 {audio}", "a=control:track1"]
    return "\r\n".join(lines) + "\r\n"


def converse(connection: socket.socket, sdp: str) -> None:
    """Answer until PLAY has been answered. Raises OSError when the other side goes away."""
    heard = b""
    while True:
        while b"\r\n\r\n" not in heard:
            data = connection.recv(4096)
            if not data:
                raise ConnectionError("the reader hung up")
            heard += data
        request, _, heard = heard.partition(b"\r\n\r\n")
        lines = request.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines[1:])
        extra, body = "", b""
        if lines[0].startswith("DESCRIBE"):
            body = sdp.encode()
            extra = f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n"
        elif lines[0].startswith("SETUP"):
            extra = f"Transport: {headers['transport']}\r\nSession: 7;timeout=60\r\n"
        connection.sendall(f"RTSP/1.0 200 OK\r\nCSeq: {headers['cseq']}\r\n{extra}\r\n".encode() + body)
        if lines[0].startswith("PLAY"):
            return


def playing(sdp: str, script: Callable[[Sending], None]) -> Handler:
    """Converses, plays the script once for each connection, and hangs up."""

    def handle(connection: socket.socket) -> None:
        converse(connection, sdp)
        script(Sending(connection))

    return handle


def saying(*pieces: bytes, again: int = 0) -> Handler:
    """Answers the first request with these bytes, the last piece `again` more times, and then waits."""

    def handle(connection: socket.socket) -> None:
        connection.recv(4096)
        for piece in (*pieces, *pieces[-1:] * again):
            connection.sendall(piece)
        connection.recv(4096)

    return handle
