"""What can go wrong with a camera, switched on by a test or on the command line, at any time."""

import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from vsaas.onebox.demo_camera.camera import DemoCamera

GarbageKind = Literal["answers", "sdp", "media"]
GARBAGE_KINDS: tuple[GarbageKind, ...] = ("answers", "sdp", "media")


class Faults:
    """The faults of one running camera. Every method may be called from any thread.

    Where a method takes `path`, None means main and sub alike.
    """

    def __init__(self, camera: "DemoCamera") -> None:
        self._camera = camera
        self.credentials_refused = False
        self.connections_refused = False
        self.stalled = False
        self.garbage_kind: GarbageKind | None = None
        self.lost_share = 0.0
        # Seeded: a test that loses packets loses the same ones every time.
        self.random = random.Random(2326)  # noqa: S311

    def wrong_password(self, on: bool = True) -> None:
        """Answer 401 whatever the client knows, as after somebody changed the camera's password."""
        self.credentials_refused = on

    def stall(self, on: bool = True) -> None:
        """Keep every connection open and send nothing: no media, no reports, no replies."""
        self.stalled = on

    def disconnect(self) -> None:
        """Cut every connection at once, without a goodbye. New ones are accepted."""
        self._camera.run_soon(self._camera.abort_connections)

    def unreachable(self, on: bool = True) -> None:
        """Cut every connection and every new one, until switched off."""
        self.connections_refused = on
        if on:
            self.disconnect()

    def b_frames(self, count: int = 2, path: str | None = None) -> None:
        """Encode with so many B-frames in a row (0 switches them off); pictures come in decoding order."""
        self._camera.change_video(path, b_frames=count)

    def resolution(self, width: int, height: int, path: str = "main") -> None:
        """Change the picture size, and with it the parameter sets, in mid-stream."""
        self._camera.change_video(path, width=width, height=height)

    def gop(self, seconds: float = 90.0, path: str | None = None) -> None:
        """Put key pictures so far apart."""
        self._camera.change_video(path, gop_seconds=seconds)

    def frame_rate(self, fps: int = 1, path: str | None = None) -> None:
        """Send so many pictures a second; the bit rate follows."""
        self._camera.change_frame_rate(path, fps)

    def variable_rate(self, on: bool = True, path: str | None = None) -> None:
        """Let the time between pictures vary from half to three times the usual."""
        self._camera.change_video(path, variable_frame_rate=on)

    def audio(self, on: bool, path: str | None = None) -> None:
        """Stop or resume the sound. While it is off new clients are not offered any."""
        for stream in self._camera.streams_of(path):
            stream.audio_on = on

    def jump_timestamps(self, seconds: float = 30.0, path: str | None = None) -> None:
        """Move the RTP time stamps of picture and sound, forward or back, in mid-stream."""
        for stream in self._camera.streams_of(path):
            self._camera.run_soon(stream.jump_timestamps, seconds)

    def lose_packets(self, share: float = 0.02) -> None:
        """Leave out this share (0 to 1) of the RTP packets; their numbers are missing."""
        if not 0 <= share <= 1:
            raise ValueError(f"cannot lose a share of {share}: choose 0 to 1")
        self.lost_share = share

    def garbage(self, kind: GarbageKind | None = "answers") -> None:
        """Send nonsense: instead of RTSP replies, as SDP, or inside the RTP packets. None ends it."""
        if kind is not None and kind not in GARBAGE_KINDS:
            raise ValueError(f"cannot send {kind!r}: choose one of {', '.join(GARBAGE_KINDS)}")
        self.garbage_kind = kind

    def loses(self) -> bool:
        """Say whether the next packet is lost."""
        return self.lost_share > 0 and self.random.random() < self.lost_share


def _size(text: str) -> tuple[int, int]:
    width, _, height = text.partition("x")
    return int(width), int(height)


def _garbage(faults: Faults, kind: str) -> None:
    for known in GARBAGE_KINDS:
        if kind == known:
            return faults.garbage(known)
    raise ValueError(f"cannot send {kind!r}: choose one of {', '.join(GARBAGE_KINDS)}")


# Name on the command line: default value and what it does.
NAMED: dict[str, tuple[str, Callable[[Faults, str], None]]] = {
    "wrong-password": ("", lambda faults, _: faults.wrong_password()),
    "stall": ("", lambda faults, _: faults.stall()),
    "disconnect": ("", lambda faults, _: faults.disconnect()),
    "unreachable": ("", lambda faults, _: faults.unreachable()),
    "b-frames": ("2", lambda faults, value: faults.b_frames(int(value))),
    "resolution": ("960x540", lambda faults, value: faults.resolution(*_size(value))),
    "gop": ("90", lambda faults, value: faults.gop(float(value))),
    "fps": ("1", lambda faults, value: faults.frame_rate(int(value))),
    "variable-rate": ("", lambda faults, _: faults.variable_rate()),
    "audio-off": ("", lambda faults, _: faults.audio(False)),
    "audio-on": ("", lambda faults, _: faults.audio(True)),
    "timestamp-jump": ("30", lambda faults, value: faults.jump_timestamps(float(value))),
    "lost-packets": ("0.02", lambda faults, value: faults.lose_packets(float(value))),
    "garbage": ("answers", _garbage),
}


class ScheduledFault:
    """One fault from the command line: `name`, `name=value`, `name@seconds` or `name=value@seconds`."""

    def __init__(self, text: str) -> None:
        rest, at, seconds = text.strip().partition("@")
        self.name, equals, value = rest.partition("=")
        if self.name not in NAMED:
            raise ValueError(f"there is no fault {self.name!r}; there are: {', '.join(sorted(NAMED))}")
        default, self._act = NAMED[self.name]
        self._value = value if equals else default
        self.after_seconds = float(seconds) if at else 0.0

    def apply(self, faults: Faults) -> None:
        """Switch the fault on. Raises ValueError where its value makes no sense."""
        self._act(faults, self._value)
