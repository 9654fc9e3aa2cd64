"""A fragmented-MP4 writer of our own: one track, `ftyp moov (moof mdat)+`, as SPEC section 6 wants it.

Sources: ISO/IEC 14496-12 (boxes), 14496-14 (esds), 14496-15 (avcC, hvcC). Pure: values in, bytes out.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edge_agent import h26x, opus

VIDEO_TIMESCALE = 90_000
AudioCodec = Literal["aac", "alaw", "ulaw", "opus"]

_MATRIX = struct.pack(">9i", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
SYNC_FLAGS = 0x02000000
DEPENDENT_FLAGS = 0x01010000
_TRUN = struct.Struct(">IIIi")
_MDAT = struct.Struct(">I4s")


@dataclass(frozen=True, slots=True)
class VideoTrack:
    """Parameters of a video track: its parameter sets as NAL units without start codes."""

    codec: h26x.Codec
    sps: tuple[bytes, ...]
    pps: tuple[bytes, ...]
    vps: tuple[bytes, ...] = ()

    @property
    def timescale(self) -> int:
        return VIDEO_TIMESCALE

    @property
    def codec_string(self) -> str:
        if self.codec == "h264":
            return h26x.h264_codec_string(h26x.parse_h264_sps(self.sps[0]))
        return h26x.h265_codec_string(h26x.parse_h265_sps(self.sps[0]))

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels, cropping applied."""
        parse = h26x.parse_h264_sps if self.codec == "h264" else h26x.parse_h265_sps
        sps: h26x.SpsH264 | h26x.SpsH265 = parse(self.sps[0])
        return sps.width, sps.height

    @property
    def reorder_depth(self) -> int | None:
        """How many pictures may precede one in decoding order and follow it in output, or None if unstated."""
        if self.codec == "h264":
            return h26x.parse_h264_sps(self.sps[0]).reorder_depth
        return h26x.parse_h265_sps(self.sps[0]).reorder_depth


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """Parameters of an audio track; `config` is AAC's AudioSpecificConfig (empty for the others)."""

    codec: AudioCodec
    rate: int
    channels: int
    config: bytes = b""

    @property
    def timescale(self) -> int:
        return self.rate

    def duration(self, data: bytes | bytearray) -> int:
        """How long one unit sounds, in samples; 0 for what is none."""
        if self.codec == "aac":
            return 1024
        return opus.duration(data) if self.codec == "opus" else len(data) // self.channels

    @property
    def codec_string(self) -> str:
        return f"mp4a.40.{audio_object_type(self.config)}" if self.codec == "aac" else self.codec


Track = VideoTrack | AudioTrack


def audio_object_type(config: bytes) -> int:
    """Return the MPEG-4 audio object type of an AudioSpecificConfig (ISO/IEC 14496-3 1.6.2.1)."""
    if len(config) < 2:
        return 2
    kind = config[0] >> 3
    return 32 + ((config[0] & 7) << 3 | config[1] >> 5) if kind == 31 else kind


@dataclass(slots=True)
class Sample:
    """One coded frame. Times in the track's timescale; `offset` is presentation minus decoding, signed."""

    data: bytes | bytearray
    decode_time: int
    duration: int
    offset: int
    sync: bool


def box(kind: bytes, *contents: bytes) -> bytes:
    """Return a box: its size, its four-letter kind and its contents."""
    body = b"".join(contents)
    return struct.pack(">I4s", len(body) + 8, kind) + body


def _full(kind: bytes, version: int, flags: int, *contents: bytes) -> bytes:
    return box(kind, struct.pack(">I", version << 24 | flags), *contents)


def _descriptor(tag: int, *contents: bytes) -> bytes:
    body = b"".join(contents)
    if len(body) > 127:
        return bytes((tag, 0x80 | len(body) >> 7, len(body) & 127)) + body
    return bytes((tag, len(body))) + body


def _esds(config: bytes) -> bytes:
    decoder = _descriptor(4, struct.pack(">BBxHII", 0x40, 0x15, 0, 0, 0), _descriptor(5, config))
    return _full(b"esds", 0, 0, _descriptor(3, b"\x00\x00\x00", decoder, _descriptor(6, b"\x02")))


def _video_entry(track: VideoTrack) -> bytes:
    width, height = track.size
    if track.codec == "h264":
        kind, config = b"avc1", box(b"avcC", h26x.avcc(track.sps, track.pps))
    else:
        kind, config = b"hvc1", box(b"hvcC", h26x.hvcc(track.vps, track.sps, track.pps))
    head = struct.pack(">6xH16xHHIIIH32sHh", 1, width, height, 0x480000, 0x480000, 0, 1, b"", 0x18, -1)
    return box(kind, head, config)


def _audio_entry(track: AudioTrack) -> bytes:
    head = struct.pack(">6xH8xHHIHH", 1, track.channels, 16, 0, track.rate if track.rate < 65536 else 0, 0)
    if track.codec == "aac":
        return box(b"mp4a", head, _esds(track.config))
    if track.codec == "opus":
        return box(b"Opus", head, box(b"dOps", opus.head(track.channels)))
    return box(track.codec.encode(), head)


def init_segment(track: Track) -> bytes:
    """Return `ftyp moov` of a track. Equal parameters give equal bytes, so its hash names the format.

    Raises BitstreamError when a parameter set cannot be read.
    """
    video = isinstance(track, VideoTrack)
    width, height = track.size if isinstance(track, VideoTrack) else (0, 0)
    entry = _video_entry(track) if isinstance(track, VideoTrack) else _audio_entry(track)
    media_header = _full(b"vmhd", 0, 1, bytes(8)) if video else _full(b"smhd", 0, 0, bytes(4))
    volume = 0 if video else 0x0100
    tables = b"".join(_full(kind, 0, 0, bytes(4)) for kind in (b"stts", b"stsc")) + _full(
        b"stsz", 0, 0, bytes(8)
    )
    stbl = box(
        b"stbl", _full(b"stsd", 0, 0, struct.pack(">I", 1), entry), tables, _full(b"stco", 0, 0, bytes(4))
    )
    minf = box(
        b"minf",
        media_header,
        box(b"dinf", _full(b"dref", 0, 0, struct.pack(">I", 1), _full(b"url ", 0, 1))),
        stbl,
    )
    handler = (b"vide", b"video\x00") if video else (b"soun", b"audio\x00")
    mdia = box(
        b"mdia",
        _full(b"mdhd", 0, 0, struct.pack(">IIIIHH", 0, 0, track.timescale, 0, 0x55C4, 0)),
        _full(b"hdlr", 0, 0, bytes(4), handler[0], bytes(12), handler[1]),
        minf,
    )
    tkhd = _full(
        b"tkhd",
        0,
        3,
        struct.pack(">IIIII8xHHHxx", 0, 0, 1, 0, 0, 0, 0, volume),
        _MATRIX,
        struct.pack(">II", width << 16, height << 16),
    )
    mvhd = _full(
        b"mvhd",
        0,
        0,
        struct.pack(">IIIIIH10x", 0, 0, 1000, 0, 0x10000, 0x0100),
        _MATRIX,
        bytes(24),
        struct.pack(">I", 2),
    )
    trex = _full(b"trex", 0, 0, struct.pack(">IIIII", 1, 1, 0, 0, 0))
    brands = b"iso6" + b"iso5" + b"mp41"
    ftyp = box(b"ftyp", b"iso6", struct.pack(">I", 1), brands)
    return ftyp + box(b"moov", mvhd, box(b"trak", tkhd, mdia), box(b"mvex", trex))


_HEAD = struct.Struct(">I4s I4sII I4s I4sII I4sIQ I4sIIi")
_TFHD_DEFAULT_BASE_IS_MOOF = 0x020000
_TRUN_FIELDS = 0x01000F01  # version 1; data offset, and per sample: duration, size, flags, composition offset


def fragment_head(sequence: int, samples: Sequence[Sample]) -> bytes:
    """Return `moof` and the header of `mdat` for samples in decoding order (at least one).

    The samples' bytes follow it, one after the other. `tfdt` and `trun` are version 1, offsets signed,
    data offsets count from the moof (default-base-is-moof).
    """
    pack = _TRUN.pack
    rows = b"".join(
        [pack(s.duration, len(s.data), SYNC_FLAGS if s.sync else DEPENDENT_FLAGS, s.offset) for s in samples]
    )
    size = _HEAD.size + len(rows)
    head = _HEAD.pack(
        *(size, b"moof"),
        *(16, b"mfhd", 0, sequence),
        *(size - 24, b"traf"),
        *(16, b"tfhd", _TFHD_DEFAULT_BASE_IS_MOOF, 1),
        *(20, b"tfdt", 1 << 24, samples[0].decode_time),
        *(20 + len(rows), b"trun", _TRUN_FIELDS, len(samples), size + 8),
    )
    return b"%b%b%b" % (head, rows, _MDAT.pack(8 + sum([len(s.data) for s in samples]), b"mdat"))


@dataclass(frozen=True, slots=True)
class FragmentHead:
    """A fragment's head as `fragment_head` wrote it. `rows`: duration, size in bytes, whether sync, offset of each sample;
    `length`: bytes before the samples' own."""

    decode_time: int
    rows: tuple[tuple[int, int, bool, int], ...]
    length: int


def read_fragment_head(data: bytes | memoryview) -> FragmentHead | None:
    """Read the head of a fragment of ours back; None where the data end before it does. Raises ValueError for other boxes."""
    if len(data) < _HEAD.size:
        return None
    fields = _HEAD.unpack_from(data)
    size, count = fields[0], fields[19]
    if fields[1] != b"moof" or fields[17] != b"trun" or size != _HEAD.size + count * _TRUN.size:
        raise ValueError("no fragment of this writer")
    length = size + _MDAT.size
    if len(data) < length:
        return None
    rows = tuple(
        (duration, sample, flags == SYNC_FLAGS, offset)
        for duration, sample, flags, offset in _TRUN.iter_unpack(data[_HEAD.size : size])
    )
    return FragmentHead(fields[15], rows, length)
