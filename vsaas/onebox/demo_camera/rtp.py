"""RTP packets and RTCP sender reports (RFC 3550) for H.264 (RFC 6184), AAC (RFC 3640) and G.711 (RFC 3551)."""

import secrets
import struct
from collections.abc import Iterable
from dataclasses import dataclass, field

from vsaas.onebox.demo_camera.clock import Instant

MAX_PAYLOAD_BYTES = 1400
STAP_A, FU_A = 24, 28
SECONDS_FROM_1900_TO_1970 = 2_208_988_800


def aggregate(nals: Iterable[bytes]) -> bytes:
    """Return one STAP-A payload (RFC 6184 section 5.7.1) that holds small NAL units."""
    units = list(nals)
    importance = max(nal[0] & 0x60 for nal in units)
    return bytes([importance | STAP_A]) + b"".join(struct.pack("!H", len(nal)) + nal for nal in units)


def fragment(nal: bytes) -> list[bytes]:
    """Return a NAL unit as one payload where it fits, else as FU-A payloads (RFC 6184 section 5.8)."""
    if len(nal) <= MAX_PAYLOAD_BYTES:
        return [nal]
    indicator, kind = nal[0] & 0xE0 | FU_A, nal[0] & 0x1F
    size = MAX_PAYLOAD_BYTES - 2
    payloads = []
    for at in range(1, len(nal), size):
        start, end = 0x80 * (at == 1), 0x40 * (at + size >= len(nal))
        payloads.append(bytes([indicator, start | end | kind]) + nal[at : at + size])
    return payloads


def h264_payloads(nals: Iterable[bytes], parameter_sets: tuple[bytes, ...] = ()) -> list[bytes]:
    """Return the payloads of one access unit; parameter sets go first, in one STAP-A."""
    payloads = [aggregate(parameter_sets)] if parameter_sets else []
    for nal in nals:
        payloads.extend(fragment(nal))
    return payloads


def aac_payload(unit: bytes) -> bytes:
    """Return one AAC access unit with its header (RFC 3640 AAC-hbr: 13 bits of size, 3 of index)."""
    return struct.pack("!HH", 16, len(unit) << 3) + unit


@dataclass
class RtpTrack:
    """Numbers and stamps the packets of one track. Sequence, time stamp and source start at random."""

    payload_type: int
    clock_hz: int
    ssrc: int = field(default_factory=lambda: secrets.randbits(32))
    sequence: int = field(default_factory=lambda: secrets.randbits(16))
    offset: int = field(default_factory=lambda: secrets.randbits(32))
    packets_sent: int = 0
    octets_sent: int = 0

    def timestamp(self, media_ns: int) -> int:
        """Return the RTP time stamp of a monotonic time."""
        return (self.offset + media_ns * self.clock_hz // 1_000_000_000) & 0xFFFFFFFF

    def jump(self, seconds: float) -> None:
        """Move every later time stamp by so much, without a word: a fault of some cameras."""
        self.offset = (self.offset + round(seconds * self.clock_hz)) & 0xFFFFFFFF

    def pack(self, payloads: list[bytes], media_ns: int, *, mark_last: bool = True) -> list[bytes]:
        """Return the RTP packets of one access unit; the last one carries the marker."""
        stamp = self.timestamp(media_ns)
        packets = []
        for i, payload in enumerate(payloads):
            marker = 0x80 if mark_last and i == len(payloads) - 1 else 0
            header = struct.pack("!BBHII", 0x80, marker | self.payload_type, self.sequence, stamp, self.ssrc)
            packets.append(header + payload)
            self.sequence = (self.sequence + 1) & 0xFFFF
            self.packets_sent += 1
            self.octets_sent += len(payload)
        return packets

    def sender_report(self, instant: Instant, cname: str) -> bytes:
        """Return a compound RTCP packet that ties this track's clock to the wall clock (RFC 3550 6.4.1)."""
        seconds, nanoseconds = divmod(instant.utc_ns, 1_000_000_000)
        report = struct.pack(
            "!BBHIIIIII",
            0x80,
            200,
            6,
            self.ssrc,
            (seconds + SECONDS_FROM_1900_TO_1970) & 0xFFFFFFFF,
            (nanoseconds << 32) // 1_000_000_000,
            self.timestamp(instant.media_ns),
            self.packets_sent & 0xFFFFFFFF,
            self.octets_sent & 0xFFFFFFFF,
        )
        return report + self._description(cname)

    def _description(self, cname: str) -> bytes:
        name = cname.encode()
        chunk = struct.pack("!IBB", self.ssrc, 1, len(name)) + name + b"\x00"
        chunk += b"\x00" * (-len(chunk) % 4)
        return struct.pack("!BBH", 0x81, 202, len(chunk) // 4) + chunk

    def goodbye(self) -> bytes:
        """Return the RTCP BYE of this track (RFC 3550 6.6)."""
        return struct.pack("!BBHI", 0x81, 203, 1, self.ssrc)


def interleave(channel: int, packet: bytes) -> bytes:
    """Return a packet framed for the RTSP connection (RFC 2326 section 10.12)."""
    return struct.pack("!cBH", b"$", channel, len(packet)) + packet
