"""RTP payloads to access units: H.264 (RFC 6184), H.265 (RFC 7798), AAC (RFC 3640), G.711 (RFC 3551), Opus (RFC 7587).

Pictures are put together where they are stored: NAL units with 4-byte lengths in one growing buffer, each byte copied
once. A packet's marker ends a picture at once, without waiting for the next one.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Final

from edge_agent import h26x
from edge_agent.capture.parameters import ParameterSets
from edge_agent.capture.source import AccessUnit
from edge_agent.errors import SourceFailed
from edge_agent.mp4 import AudioTrack, VideoTrack
from sealing.ids import GapReason

UNIT_BYTES_MAX: Final = 16 * 1024 * 1024
_LENGTH: Final = struct.Struct(">I")
_ROOM: Final = bytes(4)
_MISORDER: Final = 3000
# An interleaved RTP packet without extensions: $ and channel, size, first byte, marker and type, number, time and source,
# and of the payload what tells a piece of a unit: its kind, and whether it is the first or the last one.
_LOOK_H264: Final = struct.Struct(">HHBBH8sBB")
_LOOK_H265: Final = struct.Struct(">HHBBH8sBxB")
_VIDEO: Final = 0x2400
_NO_PIECE: Final = -1


class Clockwork:
    """Unwraps 32-bit RTP times and counts missing 16-bit sequence numbers (RFC 3550 appendix A)."""

    __slots__ = ("_last_time", "next_sequence", "time")

    def __init__(self) -> None:
        self.time = 0
        self._last_time: int | None = None
        self.next_sequence: int | None = None

    def missing(self, sequence: int) -> int:
        """Return how many packets are missing before this one; -1 for one that comes late or twice."""
        expected = self.next_sequence
        if expected is None:
            self.next_sequence = (sequence + 1) & 0xFFFF
            return 0
        gap = (sequence - expected) & 0xFFFF
        if gap >= 0x10000 - _MISORDER:
            return -1
        self.next_sequence = (sequence + 1) & 0xFFFF
        return gap if gap < _MISORDER else 1

    def unwrap(self, stamp: int) -> int:
        """Return the time as a number that does not wrap, starting with the first stamp itself."""
        if self._last_time is None:
            self.time = stamp
        else:
            self.time += ((stamp - self._last_time + 0x80000000) & 0xFFFFFFFF) - 0x80000000
        self._last_time = stamp
        return self.time


class VideoAssembler:
    """Pictures of one track. `changed` holds the new track when parameter sets changed, until it is taken."""

    def __init__(self, codec: h26x.Codec, described: list[bytes]) -> None:
        """`described`: parameter sets from the camera's description, without start codes."""
        self._h264 = codec == "h264"
        self._unit = bytearray()
        self._nal_at = -1
        self._sync = self._picture = False
        self._time: int | None = None
        self._clock: Clockwork | None = None
        self._wanted = (0, b"")
        self._piece = _NO_PIECE
        self._push = self._push_h264 if self._h264 else self._push_h265
        self._sets = ParameterSets(codec)
        for nal in described:
            self._sets.take(nal)
        self.changed: VideoTrack | None = self._sets.changed()

    def push(self, time: int, marker: bool, payload: memoryview, arrival_ns: int) -> list[AccessUnit]:
        """Take one packet's payload; return the pictures that are complete now (usually none or one).

        Raises SourceFailed for payloads no camera of this kind sends.
        """
        done: list[AccessUnit] = []
        if time != self._time:
            if self._time is not None and self._unit:
                self._finish(done, arrival_ns)
            self._time = time
        if len(payload) > 1:
            self._push(payload)
        if marker:
            self._finish(done, arrival_ns)
        elif len(self._unit) > UNIT_BYTES_MAX:
            raise SourceFailed(
                GapReason.CAMERA_STREAM_UNUSABLE, "the camera's time stamps stand still: no picture ever ends"
            )
        return done

    def expect(self, packet: memoryview, clock: Clockwork) -> None:
        """After a packet of ordinary make: the next ones, if they are of the same picture, take the short way (`run`)."""
        self._clock = None
        if packet[0] == 0x80 and len(packet) >= 16:
            self._clock = clock
            self._wanted = (packet[1] & 0x7F, bytes(packet[4:12]))
            self._piece = (
                _NO_PIECE if self._nal_at < 0 else packet[12] << 8 | packet[13 if self._h264 else 14] & 0x3F
            )

    def run(
        self,
        buffer: bytearray,
        view: memoryview,
        begin: int,
        end: int,
        arrival_ns: int,
        done: list[AccessUnit],
    ) -> int:
        """Take interleaved packets from `begin` on as long as each is the very next one of the picture under way.

        Nine packets in ten are a middle piece of a unit: they cost one look and one copy. Returns where the first other one
        begins, or the first after the picture's end; the picture is in `done` then. Does what `push` does with each.
        """
        clock = self._clock
        if clock is None or clock.next_sequence is None:
            return begin
        unit, sequence, piece = self._unit, clock.next_sequence, self._piece
        kind_wanted, source_wanted = self._wanted
        kind_last = kind_wanted | 0x80
        look, body = (_LOOK_H264.unpack_from, 18) if self._h264 else (_LOOK_H265.unpack_from, 19)
        while end - begin >= 24:
            channel, size, first, kind, number, source, indicator, header = look(buffer, begin)
            stop = begin + 4 + size
            if (
                number != sequence
                or source != source_wanted
                or channel != _VIDEO
                or first != 0x80
                or stop > end
                or size < 16
                or (kind != kind_wanted and kind != kind_last)
            ):
                break
            sequence = (sequence + 1) & 0xFFFF
            if indicator << 8 | header == piece:
                unit += view[begin + body : stop]
            else:
                self._push(view[begin + 16 : stop])
                piece = _NO_PIECE if self._nal_at < 0 else indicator << 8 | header & 0x3F
            begin = stop
            if kind == kind_last:
                self._finish(done, arrival_ns)
                piece = _NO_PIECE  # what follows belongs to no unit, also where its last piece never came
                break
        clock.next_sequence, self._piece = sequence, piece
        if len(unit) > UNIT_BYTES_MAX:
            self._clock = None
        return begin

    def lost(self) -> None:
        """Packets are missing: what belongs to a unit whose beginning is gone cannot be stored."""
        self._close_nal()

    def _push_h264(self, payload: memoryview) -> None:
        kind = payload[0] & 31
        if kind == 28:  # FU-A
            header = payload[1]
            if header & 0x80:
                self._open_nal(bytes((payload[0] & 0xE0 | header & 31,)))
            if self._nal_at >= 0:
                self._unit += payload[2:]
                if header & 0x40:
                    self._close_nal()
        elif 1 <= kind <= 23:
            self._whole(payload)
        elif kind == 24:  # STAP-A
            self._aggregate(payload, 1)
        else:
            raise SourceFailed(
                GapReason.CAMERA_STREAM_UNUSABLE, f"the camera sends H.264 in packets of kind {kind}"
            )

    def _push_h265(self, payload: memoryview) -> None:
        kind = payload[0] >> 1 & 63
        if kind == 49:  # FU
            if len(payload) < 3:
                return
            header = payload[2]
            if header & 0x80:
                self._open_nal(bytes((payload[0] & 0x81 | (header & 63) << 1, payload[1])))
            if self._nal_at >= 0:
                self._unit += payload[3:]
                if header & 0x40:
                    self._close_nal()
        elif kind < 48:
            self._whole(payload)
        elif kind == 48:
            self._aggregate(payload, 2)
        else:
            raise SourceFailed(
                GapReason.CAMERA_STREAM_UNUSABLE, f"the camera sends H.265 in packets of kind {kind}"
            )

    def _aggregate(self, payload: memoryview, at: int) -> None:
        while at + 2 < len(payload):
            size = payload[at] << 8 | payload[at + 1]
            unit = payload[at + 2 : at + 2 + size]
            if len(unit):
                self._whole(unit)
            at += 2 + size

    def _whole(self, nal: memoryview) -> None:
        self._close_nal()
        self._nal_at = len(self._unit)
        self._unit += _ROOM
        self._unit += nal
        self._close_nal()

    def _open_nal(self, header: bytes) -> None:
        self._close_nal()
        self._nal_at = len(self._unit)
        self._unit += _ROOM
        self._unit += header

    def _close_nal(self) -> None:
        at = self._nal_at
        if at < 0:
            return
        self._nal_at = -1
        unit = self._unit
        _LENGTH.pack_into(unit, at, len(unit) - at - 4)
        first = unit[at + 4]
        if self._h264:
            kind = first & 31
            if 1 <= kind <= 5:
                self._picture = True
                self._sync |= kind == h26x.H264_IDR
            elif kind in (h26x.H264_SPS, h26x.H264_PPS):
                self._sets.take(bytes(unit[at + 4 :]))
            elif kind == 6:
                self._sync |= h26x.h264_recovery_point(unit[at + 4 : at + 68])
            return
        kind = first >> 1 & 63
        if kind < 32:
            self._picture = True
            self._sync |= h26x.H265_IRAP_FIRST <= kind <= h26x.H265_IRAP_LAST
        elif kind <= h26x.H265_PPS:
            self._sets.take(bytes(unit[at + 4 :]))

    def _finish(self, done: list[AccessUnit], arrival_ns: int) -> None:
        self._close_nal()
        if self._picture:
            assert self._time is not None
            done.append(AccessUnit("video", self._time, arrival_ns, self._sync, self._unit))
            self._unit = bytearray()
            self._sync = self._picture = False
            self.changed = self._sets.changed() or self.changed
        # Parameter sets alone, with the time of a picture or just before it, stay in front of that picture.


@dataclass(frozen=True, slots=True)
class AacHeaders:
    """How a camera lays out AAC in packets (RFC 3640 section 3.2.1), in bits."""

    size_bits: int
    index_bits: int
    delta_bits: int


class AudioAssembler:
    """Sound of one track; `headers` for AAC, None where a packet is one unit (G.711, Opus)."""

    def __init__(self, track: AudioTrack, headers: AacHeaders | None) -> None:
        self.track = track
        self._headers = headers
        self._pieces = bytearray()
        self._wanted = 0

    def push(self, time: int, payload: memoryview, arrival_ns: int) -> list[AccessUnit]:
        """Take one packet; return its frames. What cannot be read is left out: the hole shows in the times."""
        if self._headers is None:
            return [AccessUnit("audio", time, arrival_ns, True, bytes(payload))] if len(payload) else []
        return self._aac(self._headers, time, payload, arrival_ns)

    def _aac(self, headers: AacHeaders, time: int, payload: memoryview, arrival_ns: int) -> list[AccessUnit]:
        if len(payload) < 2:
            return []
        bits = payload[0] << 8 | payload[1]
        head = 2 + (bits + 7) // 8
        first_bits = headers.size_bits + headers.index_bits
        if bits < first_bits or head > len(payload):
            return []
        table = int.from_bytes(payload[2:head], "big") >> (-bits % 8)
        sizes = [table >> (bits - headers.size_bits) & ((1 << headers.size_bits) - 1)]
        left = bits - first_bits
        while left >= headers.size_bits + headers.delta_bits > 0:
            sizes.append(table >> (left - headers.size_bits) & ((1 << headers.size_bits) - 1))
            left -= headers.size_bits + headers.delta_bits
        if len(sizes) == 1 and sizes[0] > len(payload) - head:
            return self._fragment(time, payload[head:], sizes[0], arrival_ns)
        units = []
        at = head
        for number, size in enumerate(sizes):
            if size == 0 or at + size > len(payload):
                break
            units.append(
                AccessUnit("audio", time + 1024 * number, arrival_ns, True, bytes(payload[at : at + size]))
            )
            at += size
        return units

    def _fragment(self, time: int, piece: memoryview, whole: int, arrival_ns: int) -> list[AccessUnit]:
        """One frame over several packets, each naming the whole size."""
        if self._wanted != whole:
            self._pieces, self._wanted = bytearray(), whole
        self._pieces += piece
        if len(self._pieces) < whole:
            return []
        data, self._pieces, self._wanted = bytes(self._pieces), bytearray(), 0
        return [AccessUnit("audio", time, arrival_ns, True, data)] if len(data) == whole else []
