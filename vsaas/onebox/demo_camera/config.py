"""What a demo camera is made of: its streams, its account, its manners."""

import secrets
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

AudioCodec = Literal["aac", "pcma", "pcmu"]
DigestAlgorithm = Literal["SHA-256", "MD5"]


@dataclass(frozen=True)
class VideoSettings:
    """How one stream is encoded. `fps` is frames per second, whole; `b_frames` is how many in a row."""

    width: int
    height: int
    fps: int
    bitrate_bps: int
    gop_seconds: float = 2.0
    b_frames: int = 0
    variable_frame_rate: bool = False

    def __post_init__(self) -> None:
        if self.width % 2 or self.height % 2 or self.width < 64 or self.height < 36:
            raise ValueError(
                f"cannot encode {self.width}x{self.height}: both must be even, at least 64 and 36"
            )
        if not 1 <= self.fps <= 60:
            raise ValueError(f"cannot encode {self.fps} frames a second: choose 1 to 60")
        if not 32_000 <= self.bitrate_bps <= 50_000_000:
            raise ValueError(f"cannot encode {self.bitrate_bps} bit/s: choose 32000 to 50000000")
        if self.gop_seconds <= 0 or not 0 <= self.b_frames <= 8:
            raise ValueError("cannot encode: gop_seconds must be over 0 and b_frames 0 to 8")

    @property
    def gop_frames(self) -> int:
        return max(1, round(self.gop_seconds * self.fps))

    def at_frame_rate(self, fps: int) -> "VideoSettings":
        """Return the same picture quality at another frame rate: the bit rate follows."""
        return replace(self, fps=fps, bitrate_bps=max(32_000, self.bitrate_bps * fps // self.fps))


MAIN = VideoSettings(width=1280, height=720, fps=25, bitrate_bps=3_000_000)
SUB = VideoSettings(width=640, height=360, fps=10, bitrate_bps=300_000)


@dataclass(frozen=True)
class DemoCameraConfig:
    """Everything a demo camera needs. The default listens on a free loopback port with a random password.

    `clock_error_seconds` shifts what the RTCP sender reports claim, as a camera with a wrong clock does;
    the clock in the picture stays right. With `key_frame_on_join` off a client starts in the middle of a
    GOP, as some cameras do.
    """

    host: str = "127.0.0.1"
    port: int = 0
    username: str = "demo"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)
    main: VideoSettings = MAIN
    sub: VideoSettings = SUB
    audio: AudioCodec | None = "aac"
    digest_algorithms: tuple[DigestAlgorithm, ...] = ("SHA-256", "MD5")
    session_timeout_seconds: int = 60
    report_interval_seconds: float = 5.0
    key_frame_on_join: bool = True
    clock_error_seconds: float = 0.0
    certificate: Path | None = None
    """Key and certificate (PEM): it speaks RTSPS then, and nothing else."""

    def __post_init__(self) -> None:
        if not self.username or not self.password or ":" in self.username or '"' in self.username:
            raise ValueError(
                'cannot start the demo camera: it needs a user name without : or " and a password'
            )
        if not self.digest_algorithms:
            raise ValueError("cannot start the demo camera: it needs at least one digest algorithm")
