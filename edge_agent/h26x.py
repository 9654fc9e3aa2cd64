"""H.264 and H.265 bitstreams, as far as a recorder must read them: NAL units, parameter sets, codec strings.

Sources: ITU-T H.264 (sections 7.3.1, 7.3.2.1, E.1), ITU-T H.265 (7.3.1.2, 7.3.2.2, 7.3.3), ISO/IEC 14496-15
(5.3.3.1 avcC, 8.3.3.1 hvcC, annex E codec strings). Everything here is pure: bytes in, values out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Codec = Literal["h264", "h265"]

H264_NON_IDR, H264_IDR, H264_SPS, H264_PPS = 1, 5, 7, 8
H265_VPS, H265_SPS, H265_PPS = 32, 33, 34
H265_IRAP_FIRST, H265_IRAP_LAST = 16, 21

# Profiles whose sequence parameter set carries chroma format and bit depths (H.264 7.3.2.1.1).
_H264_HIGH_PROFILES = frozenset({100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135})


class BitstreamError(ValueError):
    """A parameter set that cannot be read: the stream is unusable until a readable one arrives."""


class BitReader:
    """Reads a raw byte sequence payload, most significant bit first (H.264 7.2, 9.1)."""

    __slots__ = ("_left", "_value")

    def __init__(self, payload: bytes) -> None:
        self._value = int.from_bytes(payload, "big")
        self._left = len(payload) * 8

    def u(self, bits: int) -> int:
        """Read an unsigned integer of `bits` bits. Raises BitstreamError at the end of the payload."""
        if bits > self._left:
            raise BitstreamError("parameter set ends too early")
        self._left -= bits
        return (self._value >> self._left) & ((1 << bits) - 1)

    def ue(self) -> int:
        """Read an unsigned Exp-Golomb number."""
        zeros = 0
        while not self.u(1):
            zeros += 1
            if zeros > 32:
                raise BitstreamError("parameter set holds an impossible number")
        return (1 << zeros) - 1 + self.u(zeros)

    def se(self) -> int:
        """Read a signed Exp-Golomb number."""
        number = self.ue()
        return (number + 1) // 2 if number & 1 else -(number // 2)


def unescape(nal: bytes) -> bytes:
    """Remove the emulation prevention bytes of a NAL unit (00 00 03 becomes 00 00)."""
    return nal.replace(b"\x00\x00\x03", b"\x00\x00") if b"\x00\x00\x03" in nal else nal


def split_annexb(data: bytes) -> list[tuple[int, int]]:
    """Return (start, end) of every NAL unit in a byte stream with start codes (H.264 annex B).

    Zeros before a start code belong to it, never to the unit: a NAL unit does not end in 00.
    Bytes before the first start code are not returned.
    """
    units: list[tuple[int, int]] = []
    at = data.find(b"\x00\x00\x01")
    while at >= 0:
        start = at + 3
        at = data.find(b"\x00\x00\x01", start)
        end = at if at >= 0 else len(data)
        while end > start and data[end - 1] == 0:
            end -= 1
        if end > start:
            units.append((start, end))
    return units


def split_length_prefixed(sample: bytes | memoryview) -> Iterator[memoryview]:
    """Yield the NAL units of a stored sample (4-byte big-endian lengths)."""
    view = memoryview(sample)
    at = 0
    while at < len(view):
        size = int.from_bytes(view[at : at + 4], "big")
        yield view[at + 4 : at + 4 + size]
        at += 4 + size


@dataclass(frozen=True, slots=True)
class SpsH264:
    """What a recorder needs of an H.264 sequence parameter set. Sizes in pixels."""

    profile: int
    constraints: int
    level: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    frame_num_bits: int
    frame_num_gaps_allowed: bool
    separate_planes: bool
    reorder_depth: int | None
    width: int
    height: int
    has_chroma_info: bool


def _skip_scaling_lists(bits: BitReader, count: int) -> None:
    for index in range(count):
        if not bits.u(1):
            continue
        last = following = 8
        for _ in range(16 if index < 6 else 64):
            if following:
                following = (last + bits.se()) % 256
            last = following or last


def _skip_hrd(bits: BitReader) -> None:
    count = bits.ue() + 1
    if count > 32:
        raise BitstreamError("parameter set holds an impossible number of coded picture buffers")
    bits.u(8)
    for _ in range(count):
        bits.ue()
        bits.ue()
        bits.u(1)
    bits.u(20)


def _vui_reorder_depth(bits: BitReader) -> int | None:
    """Read video usability information (H.264 E.1.1) up to max_num_reorder_frames."""
    if bits.u(1) and bits.u(8) == 255:  # aspect ratio, extended
        bits.u(32)
    if bits.u(1):  # overscan
        bits.u(1)
    if bits.u(1):  # video signal type
        bits.u(4)
        if bits.u(1):
            bits.u(24)
    if bits.u(1):  # chroma location
        bits.ue()
        bits.ue()
    if bits.u(1):  # timing
        bits.u(65)
    nal_hrd = bits.u(1)
    if nal_hrd:
        _skip_hrd(bits)
    vcl_hrd = bits.u(1)
    if vcl_hrd:
        _skip_hrd(bits)
    if nal_hrd or vcl_hrd:
        bits.u(1)
    bits.u(1)
    if not bits.u(1):
        return None
    bits.u(1)
    for _ in range(4):
        bits.ue()
    return min(bits.ue(), 16)


def parse_h264_sps(nal: bytes) -> SpsH264:
    """Read an H.264 sequence parameter set, NAL header included. Raises BitstreamError."""
    if len(nal) < 4 or nal[0] & 31 != H264_SPS:
        raise BitstreamError("not an H.264 sequence parameter set")
    bits = BitReader(unescape(nal)[1:])
    profile, constraints, level = bits.u(8), bits.u(8), bits.u(8)
    bits.ue()
    chroma, luma_depth, chroma_depth, separate = 1, 8, 8, 0
    if profile in _H264_HIGH_PROFILES:
        chroma = bits.ue()
        if chroma == 3:
            separate = bits.u(1)
        luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
        bits.u(1)
        if bits.u(1):
            _skip_scaling_lists(bits, 12 if chroma == 3 else 8)
    frame_num_bits = bits.ue() + 4
    order_type = bits.ue()
    if order_type == 0:
        bits.ue()
    elif order_type == 1:
        bits.u(1)
        bits.se()
        bits.se()
        for _ in range(min(bits.ue(), 255)):
            bits.se()
    bits.ue()
    gaps_allowed = bool(bits.u(1))
    width_mbs, height_units = bits.ue() + 1, bits.ue() + 1
    frames_only = bits.u(1)
    if not frames_only:
        bits.u(1)
    bits.u(1)
    crop = (bits.ue(), bits.ue(), bits.ue(), bits.ue()) if bits.u(1) else (0, 0, 0, 0)
    # Order type 2 means output order is decoding order; the baseline profile has no B pictures.
    reorder: int | None = 0 if order_type == 2 or profile == 66 else None
    if bits.u(1):
        stated = _vui_reorder_depth(bits)
        reorder = stated if stated is not None else reorder
    step_x = 1 if chroma in (0, 3) else 2
    step_y = (2 if chroma == 1 else 1) * (2 - frames_only)
    return SpsH264(
        profile=profile,
        constraints=constraints,
        level=level,
        chroma_format=chroma,
        bit_depth_luma=luma_depth,
        bit_depth_chroma=chroma_depth,
        frame_num_bits=frame_num_bits,
        frame_num_gaps_allowed=gaps_allowed,
        separate_planes=bool(separate),
        reorder_depth=reorder,
        width=width_mbs * 16 - step_x * (crop[0] + crop[1]),
        height=height_units * 16 * (2 - frames_only) - step_y * (crop[2] + crop[3]),
        has_chroma_info=profile in _H264_HIGH_PROFILES,
    )


def h264_slice_frame_num(nal: memoryview | bytes, sps: SpsH264) -> int | None:
    """Return frame_num of a slice that begins a picture (H.264 7.3.3), or None for other slices."""
    bits = BitReader(unescape(bytes(nal[1:24])))
    if bits.ue() != 0:
        return None
    bits.ue()
    bits.ue()
    if sps.separate_planes:
        bits.u(2)
    return bits.u(sps.frame_num_bits)


@dataclass(frozen=True, slots=True)
class SpsH265:
    """What a recorder needs of an H.265 sequence parameter set. Sizes in pixels."""

    profile_space: int
    tier: int
    profile: int
    compatibility: int
    constraints: bytes
    level: int
    chroma_format: int
    bit_depth_luma: int
    bit_depth_chroma: int
    temporal_layers: int
    temporal_nesting: bool
    reorder_depth: int
    width: int
    height: int


def parse_h265_sps(nal: bytes) -> SpsH265:
    """Read an H.265 sequence parameter set, NAL header included. Raises BitstreamError."""
    if len(nal) < 16 or (nal[0] >> 1) & 63 != H265_SPS:
        raise BitstreamError("not an H.265 sequence parameter set")
    bits = BitReader(unescape(nal)[2:])
    bits.u(4)
    layers = bits.u(3) + 1
    nesting = bool(bits.u(1))
    space, tier, profile = bits.u(2), bits.u(1), bits.u(5)
    compatibility = bits.u(32)
    constraints = bits.u(48).to_bytes(6, "big")
    level = bits.u(8)
    present = [(bits.u(1), bits.u(1)) for _ in range(layers - 1)]
    if layers > 1:
        bits.u(2 * (9 - layers))
    for has_profile, has_level in present:
        bits.u(88 * has_profile + 8 * has_level)
    bits.ue()
    chroma = bits.ue()
    if chroma == 3:
        bits.u(1)
    width, height = bits.ue(), bits.ue()
    crop = (bits.ue(), bits.ue(), bits.ue(), bits.ue()) if bits.u(1) else (0, 0, 0, 0)
    luma_depth, chroma_depth = 8 + bits.ue(), 8 + bits.ue()
    bits.ue()
    reorder = 0
    for _ in range(layers if bits.u(1) else 1):
        bits.ue()
        reorder = min(bits.ue(), 16)
        bits.ue()
    step_x = 2 if chroma in (1, 2) else 1
    step_y = 2 if chroma == 1 else 1
    return SpsH265(
        profile_space=space,
        tier=tier,
        profile=profile,
        compatibility=compatibility,
        constraints=constraints,
        level=level,
        chroma_format=chroma,
        bit_depth_luma=luma_depth,
        bit_depth_chroma=chroma_depth,
        temporal_layers=layers,
        temporal_nesting=nesting,
        reorder_depth=reorder,
        width=width - step_x * (crop[0] + crop[1]),
        height=height - step_y * (crop[2] + crop[3]),
    )


def h264_codec_string(sps: SpsH264) -> str:
    """Return the RFC 6381 codec string, e.g. avc1.64001F."""
    return f"avc1.{sps.profile:02X}{sps.constraints:02X}{sps.level:02X}"


def h265_codec_string(sps: SpsH265) -> str:
    """Return the codec string of ISO/IEC 14496-15 annex E, e.g. hvc1.1.6.L93.B0."""
    reversed_bits = int(f"{sps.compatibility:032b}"[::-1], 2)
    text = f"hvc1.{['', 'A', 'B', 'C'][sps.profile_space]}{sps.profile}.{reversed_bits:X}"
    text += f".{'H' if sps.tier else 'L'}{sps.level}"
    for byte in sps.constraints.rstrip(b"\x00"):
        text += f".{byte:X}"
    return text


def avcc(sps_list: tuple[bytes, ...], pps_list: tuple[bytes, ...]) -> bytes:
    """Build an AVCDecoderConfigurationRecord with 4-byte NAL lengths."""
    sps = parse_h264_sps(sps_list[0])
    out = bytearray((1, sps.profile, sps.constraints, sps.level, 0xFF, 0xE0 | len(sps_list)))
    for unit in sps_list:
        out += len(unit).to_bytes(2, "big") + unit
    out.append(len(pps_list))
    for unit in pps_list:
        out += len(unit).to_bytes(2, "big") + unit
    if sps.has_chroma_info:
        out += bytes((0xFC | sps.chroma_format, 0xF8 | sps.bit_depth_luma - 8))
        out += bytes((0xF8 | sps.bit_depth_chroma - 8, 0))
    return bytes(out)


def hvcc(vps: tuple[bytes, ...], sps_list: tuple[bytes, ...], pps: tuple[bytes, ...]) -> bytes:
    """Build an HEVCDecoderConfigurationRecord with 4-byte NAL lengths."""
    sps = parse_h265_sps(sps_list[0])
    out = bytearray((1, sps.profile_space << 6 | sps.tier << 5 | sps.profile))
    out += sps.compatibility.to_bytes(4, "big") + sps.constraints + bytes((sps.level,))
    out += bytes((0xF0, 0x00, 0xFC, 0xFC | sps.chroma_format))
    out += bytes((0xF8 | sps.bit_depth_luma - 8, 0xF8 | sps.bit_depth_chroma - 8, 0, 0))
    out.append(min(sps.temporal_layers, 7) << 3 | sps.temporal_nesting << 2 | 3)
    arrays = ((H265_VPS, vps), (H265_SPS, sps_list), (H265_PPS, pps))
    out.append(len(arrays))
    for kind, units in arrays:
        out.append(0x80 | kind)
        out += len(units).to_bytes(2, "big")
        for unit in units:
            out += len(unit).to_bytes(2, "big") + unit
    return bytes(out)


def h264_recovery_point(nal: bytes | bytearray) -> bool:
    """Say whether an SEI unit holds a recovery point that is exact at once (H.264 D.1.8, recovery_frame_cnt 0).

    Cameras with an open GOP send it instead of IDR pictures; decoding can start there.
    """
    payload = unescape(bytes(nal))
    at = 1
    while at + 2 <= len(payload):
        kind = size = 0
        while at < len(payload) and payload[at] == 0xFF:
            kind, at = kind + 255, at + 1
        if at >= len(payload):
            return False
        kind, at = kind + payload[at], at + 1
        while at < len(payload) and payload[at] == 0xFF:
            size, at = size + 255, at + 1
        if at >= len(payload):
            return False
        size, at = size + payload[at], at + 1
        if kind == 6:
            return at < len(payload) and payload[at] & 0x80 != 0
        at += size
    return False
