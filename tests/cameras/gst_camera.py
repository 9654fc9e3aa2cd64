"""The second, independent camera of the tests: Debian's GStreamer RTSP server playing real footage, Digest only.

The footage is vtest.avi of Debian's opencv-doc: pedestrians before a fixed camera, 768x576, 10 frames a
second, 79.5 s. It is encoded once per codec (main in full size, sub in half; H.265 the first 15 s only, its
encoder is slow) and kept under var/.
"""

import gzip
import hashlib
import os
import secrets
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Literal

import av

Codec = Literal["h264", "h265"]

FOOTAGE = Path("/usr/share/doc/opencv-doc/examples/data/vtest.avi")
SYSTEM_PYTHON = Path("/usr/bin/python3")
PACKAGES = (
    "gir1.2-gst-rtsp-server-1.0 gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad "
    "python3-gi opencv-doc"
)
SERVER = Path(__file__).with_name("gst_rtsp_server.py")
KEPT = Path(__file__).parents[2] / "var" / "test-footage"
FRAMES_PER_SECOND = 10
GOP_FRAMES = 20
FRAMES: dict[Codec, int] = {"h264": 795, "h265": 150}
SIZES = {"main": (768, 576), "sub": (384, 288)}


class GstCameraMissing(RuntimeError):
    """A Debian package this camera needs is not installed."""

    def __init__(self, what: str) -> None:
        super().__init__(f"cannot start the GStreamer camera: {what}. Install: apt-get install {PACKAGES}")


@dataclass(frozen=True)
class GstCamera:
    """A running camera. `url` holds the credentials; the streams are main and sub."""

    port: int
    process_id: int
    username: str = "operator"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(12), repr=False)

    def url(self, path: str = "main", *, password: str | None = None) -> str:
        """Return a stream's URL; `password` replaces the right one."""
        secret = self.password if password is None else password
        return f"rtsp://{self.username}:{secret}@127.0.0.1:{self.port}/{path}"


def _open_footage() -> av.container.InputContainer:
    packed = FOOTAGE.with_name(FOOTAGE.name + ".gz")
    if FOOTAGE.exists():
        return av.open(str(FOOTAGE))
    if packed.exists():
        return av.open(gzip.open(packed))
    raise GstCameraMissing(f"there is no {FOOTAGE}")


def _encoder(codec: Codec, size: tuple[int, int]) -> av.VideoCodecContext:
    encoder = av.VideoCodecContext.create("libx264" if codec == "h264" else "libx265", "w")
    encoder.width, encoder.height, encoder.pix_fmt = *size, "yuv420p"
    encoder.framerate, encoder.time_base = Fraction(FRAMES_PER_SECOND), Fraction(1, FRAMES_PER_SECOND)
    encoder.bit_rate = size[0] * size[1] * 3
    encoder.gop_size = GOP_FRAMES
    # One slice per picture: with several, GStreamer's parser spreads them over two access units.
    own = {"x264-params": "sliced-threads=0"} if codec == "h264" else {"x265-params": "log-level=none"}
    encoder.options = {"preset": "ultrafast", "tune": "zerolatency", **own}
    return encoder


def _encode(codec: Codec, size: tuple[int, int], target: Path) -> None:
    encoder = _encoder(codec, size)
    partial = target.with_name(f"{target.name}.{os.getpid()}")
    with _open_footage() as footage, partial.open("wb") as file:

        def write(frame: av.VideoFrame | None) -> None:
            for packet in encoder.encode(frame):
                file.write(struct.pack("!I", packet.size) + bytes(packet))

        for number, decoded in enumerate(islice(footage.decode(video=0), FRAMES[codec])):
            frame = decoded.reformat(*size, format="yuv420p")
            frame.pts, frame.time_base, frame.pict_type = number, encoder.time_base, 0
            write(frame)
        write(None)
    partial.replace(target)


def prepared_footage(codec: Codec = "h264") -> dict[str, Path]:
    """Return the file of access units of each stream; makes them the first time (some seconds)."""
    recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:12]
    KEPT.mkdir(parents=True, exist_ok=True)
    files = {path: KEPT / f"vtest-{path}-{recipe}.{codec}" for path in SIZES}
    for path, file in files.items():
        if not file.exists():
            _encode(codec, SIZES[path], file)
    return files


def _check_system() -> None:
    if not SYSTEM_PYTHON.exists():
        raise GstCameraMissing(f"there is no {SYSTEM_PYTHON}")
    result = subprocess.run(
        [SYSTEM_PYTHON, SERVER, "check"], capture_output=True, text=True, timeout=60, check=False
    )
    if result.returncode:
        last = (result.stderr.strip().splitlines() or ["the system's Python has no GStreamer"])[-1]
        raise GstCameraMissing(last)


@contextmanager
def gst_camera(codec: Codec = "h264") -> Iterator[GstCamera]:
    """Run the camera on a free loopback port with a random password.

    Raises GstCameraMissing, with the names of the packages, where something is not installed.
    """
    _check_system()
    files = prepared_footage(codec)
    password = secrets.token_urlsafe(12)
    command = [SYSTEM_PYTHON, SERVER, "operator", codec, str(FRAMES_PER_SECOND)]
    command += [f"{path}={file}" for path, file in files.items()]
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"GST_CAMERA_PASSWORD": password},
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            word, _, number = process.stdout.readline().partition(" ")
            if word != "port":
                raise RuntimeError("the GStreamer camera did not start; its reason stands above")
            yield GstCamera(int(number), process.pid, password=password)
        finally:
            process.stdin.close()
            try:
                process.wait(timeout=5)
            except subprocess.TimeoutExpired:
                process.kill()
