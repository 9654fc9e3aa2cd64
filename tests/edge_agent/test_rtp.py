"""Packets to pictures: every way a camera may cut a picture gives the same bytes, and nothing crashes on nonsense."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_agent.capture.rtp import AacHeaders, AudioAssembler, Clockwork, VideoAssembler
from edge_agent.capture.rtsp import Address, Authorizer, parse_description, parse_head
from edge_agent.capture.source import without_credentials
from edge_agent.errors import SourceFailed
from edge_agent.mp4 import AudioTrack
from tests.edge_agent.footage import encode, lengths

H264 = encode(frames=3)[0][2]
H265 = encode("libx265", frames=3)[0][2]


def nals(annexb: bytes) -> list[bytes]:
    sample, found, at = lengths(annexb), [], 0
    while at < len(sample):
        size = int.from_bytes(sample[at : at + 4], "big")
        found.append(sample[at + 4 : at + 4 + size])
        at += 4 + size
    return found


def cut(codec: str, nal: bytes, most: int) -> list[bytes]:
    """One unit in packets of at most so many bytes."""
    head = 1 if codec == "h264" else 2
    if len(nal) <= most or len(nal) <= head + 2:
        return [nal]
    body, step = nal[head:], max(1, most - head - 1)
    pieces = [body[at : at + step] for at in range(0, len(body), step)]
    packets = []
    for number, piece in enumerate(pieces):
        flags = (0x80 if number == 0 else 0) | (0x40 if number == len(pieces) - 1 else 0)
        if codec == "h264":
            packets.append(bytes((nal[0] & 0xE0 | 28, flags | nal[0] & 31)) + piece)
        else:
            packets.append(bytes((nal[0] & 0x81 | 49 << 1, nal[1], flags | nal[0] >> 1 & 63)) + piece)
    return packets


def together(codec: str, units: list[bytes]) -> bytes:
    head = bytes((24,)) if codec == "h264" else bytes((48 << 1, 1))
    return head + b"".join(struct.pack(">H", len(unit)) + unit for unit in units)


@given(st.sampled_from(["h264", "h265"]), st.integers(8, 2000), st.booleans())
@settings(max_examples=40, deadline=None)
def test_however_a_picture_is_cut_its_units_keep_bytes_and_order(codec, most, aggregated):
    annexb = H264 if codec == "h264" else H265
    units = nals(annexb)
    sets, slices = units[:-1], units[-1:]
    packets = [together(codec, sets)] if aggregated else [p for unit in sets for p in cut(codec, unit, most)]
    packets += [packet for unit in slices for packet in cut(codec, unit, most)]
    assembler = VideoAssembler(codec, [])
    got = []
    for number, packet in enumerate(packets):
        got += assembler.push(7, number == len(packets) - 1, memoryview(packet), 5)
    (unit,) = got
    assert bytes(unit.data) == lengths(annexb)
    assert (unit.sync, unit.time, unit.arrival_ns) == (True, 7, 5)
    assert assembler.changed is not None


@given(st.sampled_from(["h264", "h265"]), st.integers(20, 300))
@settings(max_examples=30, deadline=None)
def test_the_short_way_through_a_unit_gives_the_same_bytes(codec, most):
    annexb = H264 if codec == "h264" else H265
    packets = [packet for unit in nals(annexb) for packet in cut(codec, unit, most)]
    assembler, clock = VideoAssembler(codec, []), Clockwork()
    got, short = [], 0
    for number, payload in enumerate(packets):
        marker = 0x80 if number == len(packets) - 1 else 0
        packet = struct.pack(">BBHII", 0x80, marker | 96, (65530 + number) & 0xFFFF, 9, 1) + payload
        buffer = bytearray(b"$\0" + struct.pack(">H", len(packet)) + packet)
        if assembler.run(buffer, memoryview(buffer), 0, len(buffer), 1, got) == len(buffer):
            short += 1
            continue
        assert clock.missing((65530 + number) & 0xFFFF) == 0
        got += assembler.push(9, marker != 0, memoryview(payload), 1)
        assembler.expect(memoryview(packet), clock)
    assert [bytes(unit.data) for unit in got] == [lengths(annexb)]
    assert short > 0 or len(packets) < 6


@given(
    st.sampled_from(["h264", "h265"]),
    st.lists(st.tuples(st.binary(max_size=40), st.integers(0, 3), st.booleans())),
)
@settings(max_examples=200, deadline=None)
def test_nonsense_in_packets_is_refused_or_left_out(codec, packets):
    assembler = VideoAssembler(codec, [])
    try:
        for payload, time, marker in packets:
            for unit in assembler.push(time, marker, memoryview(payload), 0):
                at = 0
                while at < len(unit.data):
                    at += 4 + int.from_bytes(unit.data[at : at + 4], "big")
                assert at == len(unit.data)
    except SourceFailed:
        return


@given(st.binary(max_size=64), st.integers(1, 16), st.integers(0, 8), st.integers(0, 8))
@settings(max_examples=200, deadline=None)
def test_nonsense_in_sound_is_left_out(payload, size_bits, index_bits, delta_bits):
    assembler = AudioAssembler(
        AudioTrack("aac", 8000, 1, b"\x12\x10"), AacHeaders(size_bits, index_bits, delta_bits)
    )
    for unit in assembler.push(0, memoryview(payload), 0):
        assert 0 < len(unit.data) <= len(payload)


def test_several_frames_of_sound_in_one_packet():
    frames = [b"a" * 5, b"b" * 7, b"c" * 3]
    headers = b"".join(struct.pack(">H", len(frame) << 3) for frame in frames)
    payload = struct.pack(">H", 8 * len(headers)) + headers + b"".join(frames)
    assembler = AudioAssembler(AudioTrack("aac", 8000, 1, b"\x12\x10"), AacHeaders(13, 3, 3))
    units = assembler.push(1000, memoryview(payload), 0)
    assert [(unit.time, unit.data) for unit in units] == [
        (1000, frames[0]),
        (2024, frames[1]),
        (3048, frames[2]),
    ]


@given(st.lists(st.integers(0, 5), max_size=300), st.integers(0, 65535))
def test_missing_packets_are_counted_over_the_wrap(gaps, first):
    clock = Clockwork()
    sequence = first
    assert clock.missing(sequence) == 0
    for gap in gaps:
        sequence = (sequence + 1 + gap) & 0xFFFF
        assert clock.missing(sequence) == gap
        assert clock.missing(sequence) == -1


@given(st.lists(st.integers(-90_000, 90_000_000), max_size=100), st.integers(0, 2**32 - 1))
def test_times_are_unwrapped(steps, first):
    clock = Clockwork()
    total = first
    assert clock.unwrap(first) == first
    for step in steps:
        total += step
        assert clock.unwrap(total & 0xFFFFFFFF) == total


@given(st.text(max_size=400))
@settings(max_examples=200, deadline=None)
def test_any_text_as_a_description_is_refused_or_read(text):
    try:
        parse_description("m=video 0 RTP/AVP 96\n" + text, "rtsp://camera/")
    except SourceFailed:
        return


@given(st.binary(max_size=200))
def test_any_bytes_as_a_reply_are_refused_or_read(head):
    try:
        parse_head(head)
    except SourceFailed:
        return


def test_digest_is_the_one_of_the_standard():
    """RFC 7616 section 3.9.1, with the nonce and the client's nonce of the example."""
    from unittest import mock

    authorizer = Authorizer(Address.of("rtsp://Mufasa:Circle%20of%20Life@camera/dir/index.html"))
    nonce = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
    for algorithm in ("MD5", "SHA-256"):
        challenge = f'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={algorithm}, nonce="{nonce}"'
        fresh = Authorizer(Address.of("rtsp://Mufasa:Circle%20of%20Life@camera/"))
        assert fresh.learn([challenge])
        with mock.patch(
            "edge_agent.capture.rtsp.secrets.token_hex",
            return_value="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        ):
            header = fresh.header("GET", "/dir/index.html")
        expected = {
            "MD5": "8ca523f5e9506fed4657c9700eebdbec",
            "SHA-256": "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1",
        }[algorithm]
        assert header is not None
        assert f'response="{expected}"' in header
    assert authorizer.learn([challenge])
    assert not authorizer.learn([challenge]), "the same answer is not given twice"


@pytest.mark.parametrize(
    "text", ["rtsp://user:pass@camera/x", "open rtsp://user:p@ss@camera/x failed", "RTSPS://a:pass@h"]
)
def test_passwords_are_left_out_of_texts(text):
    assert "pass" not in without_credentials(text)
    assert "p@ss" not in without_credentials(text)


def test_the_address_on_the_wire_holds_no_credentials():
    address = Address.of("rtsp://us%40er:p%2Fw@[::1]:8554/live?x=1#part")
    assert (address.url, address.host, address.port) == ("rtsp://[::1]:8554/live?x=1", "::1", 8554)
    assert (address.user, address.password) == ("us@er", "p/w")
    assert "p/w" not in repr(address)
