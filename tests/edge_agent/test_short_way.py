"""The short way most packets take through the reader gives what the long way gives, however packets and reads are cut."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.capture import native_source
from edge_agent.capture.rtp import VideoAssembler
from edge_agent.capture.source import AccessUnit, PacketsLost, TrackChanged
from edge_agent.errors import SourceFailed
from tests.edge_agent.footage import encode
from tests.edge_agent.test_rtp import cut, nals, together

PICTURES = {
    codec: [nals(picture[2]) for picture in encode(encoder, frames=4)]
    for codec, encoder in (("h264", "libx264"), ("h265", "libx265"))
}
NAMES = {"h264": "H264", "h265": "H265"}


class Camera:
    """A camera's side of the connection, all of it known beforehand: replies, then media in reads of the sizes given."""

    def __init__(self, codec: str, media: bytes, reads: list[int]) -> None:
        self._media, self._reads, self._at = media, reads, 0
        body = f"v=0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 {NAMES[codec]}/90000\r\na=control:1\r\n"
        self._replies = [
            f"Content-Type: application/sdp\r\nContent-Length: {len(body)}\r\n\r\n{body}",
            "Session: 7\r\nTransport: RTP/AVP/TCP;interleaved=0-1\r\n\r\n",
            "Session: 7\r\n\r\n",
        ]

    def settimeout(self, seconds: float) -> None: ...

    def sendall(self, data: bytes) -> None: ...

    def close(self) -> None: ...

    def getsockopt(self, level: int, option: int) -> int:
        return 131_072

    def recv_into(self, view: memoryview) -> int:
        if self._replies:
            piece = b"RTSP/1.0 200 OK\r\nCSeq: 1\r\n" + self._replies.pop(0).encode()
        else:
            size = self._reads[self._at % len(self._reads)]
            self._at += 1
            piece, self._media = self._media[:size], self._media[size:]
        view[: len(piece)] = piece
        return len(piece)


Told = tuple[object, ...]


def told(codec: str, media: bytes, reads: list[int], *, short: bool) -> list[Told]:
    """What the reader says of a stream, times of arrival left out; then why it ended."""
    found: list[Told] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_source, "connect", lambda *_, **__: Camera(codec, media, reads))
        if not short:
            patch.setattr(VideoAssembler, "run", lambda _self, _buffer, _view, begin, *_: begin)
        try:
            source = native_source.NativeSource("rtsp://camera/1", audio=False)
            source.hurried = True
            for event in source.events():
                if isinstance(event, AccessUnit):
                    found.append((event.time, event.sync, bytes(event.data)))
                elif isinstance(event, TrackChanged):
                    found.append((event.kind, event.track))
                elif isinstance(event, PacketsLost):
                    found.append(("lost", event.count))
        except SourceFailed as error:
            found.append((error.reason, str(error)))
    return found


def interleaved(channel: int, packet: bytes) -> bytes:
    return struct.pack(">BBH", 0x24, channel, len(packet)) + packet


ODD = st.sampled_from(
    [
        "",
        "",
        "",
        "",
        "",
        "",
        "",
        "drop",
        "twice",
        "padding",
        "extension",
        "other channel",
        "other type",
        "no marker",
        "early marker",
    ]
)


@st.composite
def streams(draw: st.DrawFn) -> tuple[str, bytes]:
    """A camera's packets: units cut or put together in any size, some lost, repeated, or of unusual make."""
    codec = draw(st.sampled_from(["h264", "h265"]))
    sequence, stamp, media = draw(st.integers(65_500, 65_535)), draw(st.integers(0, 2**32 - 1)), b""
    for units in PICTURES[codec]:
        most = draw(st.integers(20, 400))
        at_once = draw(st.integers(0, len(units) - 1))
        payloads = [together(codec, units[:at_once])] if at_once > 1 else []
        rest = units[at_once:] if at_once > 1 else units
        payloads += [packet for unit in rest for packet in cut(codec, unit, most)]
        for number, payload in enumerate(payloads):
            odd = draw(ODD)
            last = odd == "early marker" or (number == len(payloads) - 1 and odd != "no marker")
            first, kind, body = 0x80, (0x80 if last else 0) | 96, payload
            if odd == "padding":
                first, body = 0xA0, payload + b"\0\0\3"
            elif odd == "extension":
                first, body = 0x90, b"\xbe\xde\0\1abcd" + payload
            packet = struct.pack(">BBHII", first, kind, sequence & 0xFFFF, stamp, 5) + body
            sequence += 1
            if odd == "drop":
                continue
            if odd == "other channel":
                media += interleaved(1, b"\x80\xc9\0\1abcd")
            elif odd == "other type":
                media += interleaved(0, struct.pack(">BBHII", 0x80, 97, 3, 4, 5) + payload)
            media += interleaved(0, packet) * (2 if odd == "twice" else 1)
        stamp = (stamp + 3600) & 0xFFFFFFFF
    return codec, media


@given(streams(), st.lists(st.integers(1, 5000), min_size=1, max_size=5))
@settings(max_examples=120, deadline=None)
def test_the_short_way_says_what_the_long_way_says(stream, reads):
    codec, media = stream
    said = told(codec, media, reads, short=True)
    assert said == told(codec, media, [len(media)], short=False)


@pytest.mark.parametrize("codec", ["h264", "h265"])
def test_an_undisturbed_stream_takes_the_short_way_and_arrives_whole(codec, monkeypatch):
    """All but the first packet of each picture: else the short way would be none."""
    media, sequence, count = b"", 0, 0
    for number, units in enumerate(PICTURES[codec]):
        payloads = [packet for unit in units for packet in cut(codec, unit, 100)]
        for at, payload in enumerate(payloads):
            marker = 0x80 if at == len(payloads) - 1 else 0
            media += interleaved(
                0, struct.pack(">BBHII", 0x80, marker | 96, sequence, number * 3600, 5) + payload
            )
            sequence, count = sequence + 1, count + 1
    long_way = []
    real = native_source.NativeSource._video_packet

    def counted(self, packet, *rest):
        long_way.append(len(packet))
        return real(self, packet, *rest)

    monkeypatch.setattr(native_source.NativeSource, "_video_packet", counted)
    said = told(codec, media, [10_000], short=True)
    pictures = [item[2] for item in said if len(item) == 3]
    expected = [b"".join(struct.pack(">I", len(unit)) + unit for unit in units) for units in PICTURES[codec]]
    assert pictures == expected
    assert len(long_way) == len(PICTURES[codec]) < count / 3
