"""H.264 of the test card, encoded live: settings in, access units out."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import av
from av.codec.context import Flags
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType

from vsaas.onebox.demo_camera.clock import Instant
from vsaas.onebox.demo_camera.config import VideoSettings
from vsaas.onebox.demo_camera.picture import Canvas, TestCard

SPS, PPS, IDR = 7, 8, 5


@dataclass(frozen=True)
class ParameterSets:
    """The sequence and picture parameter set of an encoder, without start codes."""

    sps: bytes
    pps: bytes

    @property
    def profile_level_id(self) -> str:
        """Profile, constraints and level, as an SDP writes them (RFC 6184 section 8.1)."""
        return self.sps[1:4].hex()


@dataclass(frozen=True)
class AccessUnit:
    """One encoded picture: its NAL units without start codes, in order, and the instant it shows.

    A key picture carries the parameter sets it needs beside its NAL units.
    """

    nals: tuple[bytes, ...]
    instant: Instant
    parameter_sets: ParameterSets | None

    @property
    def is_key(self) -> bool:
        return self.parameter_sets is not None


def nal_type(nal: bytes) -> int:
    return nal[0] & 0x1F


def split_annex_b(data: bytes) -> Iterator[bytes]:
    """Yield the NAL units of a byte stream (H.264 Annex B) without start codes and trailing zeros."""
    for part in data.split(b"\x00\x00\x01")[1:]:
        nal = part.rstrip(b"\x00")
        if nal:
            yield nal


def _options(settings: VideoSettings) -> dict[str, str]:
    kilobits = settings.bitrate_bps // 1000
    x264 = {
        "keyint": settings.gop_frames,
        "min-keyint": 1,
        "scenecut": 0,
        "bframes": settings.b_frames,
        "b-adapt": 0,
        "rc-lookahead": 0,
        "sync-lookahead": 0,
        "mbtree": 0,
        "vbv-maxrate": kilobits,
        "vbv-bufsize": kilobits,
        "nal-hrd": "cbr",
        "sliced-threads": 0,
        "threads": 1,
        "colorprim": "bt709",
        "transfer": "bt709",
        "colormatrix": "bt709",
        "fullrange": "off",
        # Half of what the picture costs on this preset; better than this nobody sees.
        "cabac": 1,
        "qpmin": 18,
    }
    options = {
        "preset": "ultrafast",
        "forced-idr": "1",
        "x264-params": ":".join(f"{name}={value}" for name, value in x264.items()),
    }
    if not settings.b_frames:
        options["tune"] = "zerolatency"
    return options


class VideoEncoder:
    """Draws and encodes one stream. Not safe for use from two threads at once.

    The bit rate is constant, filled up with filler data where the picture needs less, as many cameras
    do: so what is recorded weighs what the settings say.
    """

    def __init__(self, settings: VideoSettings, name: str) -> None:
        self.settings = settings
        self._frame = av.VideoFrame(settings.width, settings.height, "yuv420p")
        detail = f"{name.title()}  ·  {settings.width} x {settings.height}  ·  {settings.fps} fps"
        self._card = TestCard(Canvas.of(self._frame), detail)
        self.restart()

    def restart(self) -> None:
        """Begin a new stream with a key picture; pictures not yet finished are forgotten."""
        self._codec = self._open(self.settings)
        units = list(split_annex_b(self._codec.extradata or b""))
        self.parameter_sets = ParameterSets(
            next(nal for nal in units if nal_type(nal) == SPS),
            next(nal for nal in units if nal_type(nal) == PPS),
        )
        self._count = 0
        self._pending: dict[int, Instant] = {}

    @staticmethod
    def _open(settings: VideoSettings) -> VideoCodecContext:
        codec = VideoCodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = settings.width, settings.height, "yuv420p"
        codec.framerate = Fraction(settings.fps)
        codec.time_base = Fraction(1, settings.fps)
        codec.bit_rate = settings.bitrate_bps
        codec.thread_count = 1
        codec.flags |= Flags.global_header
        codec.options = _options(settings)
        codec.open()
        return codec

    def encode(self, instant: Instant, *, force_key: bool = False) -> list[AccessUnit]:
        """Encode the picture of `instant`; return what is finished, in decoding order.

        With B-frames the first pictures come out some frames later.
        """
        self._card.draw(instant.utc_ms)
        self._frame.pts = self._count
        self._frame.pict_type = PictureType.I if force_key else PictureType.NONE
        self._pending[self._count] = instant
        self._count += 1
        return [self._unit(packet) for packet in self._codec.encode(self._frame)]

    def drain(self) -> list[AccessUnit]:
        """End the encoder and return what it still held."""
        return [self._unit(packet) for packet in self._codec.encode(None)]

    def _unit(self, packet: av.Packet) -> AccessUnit:
        nals = tuple(split_annex_b(bytes(packet)))
        if packet.pts is None:
            raise RuntimeError("the H.264 encoder gave a picture without its number")
        is_key = any(nal_type(nal) == IDR for nal in nals)
        return AccessUnit(nals, self._pending.pop(packet.pts), self.parameter_sets if is_key else None)
