"""The process that looks: decodes pictures small and grey, tells of motion and tampering. It ends with its standard input.

    python -m edge_agent.seeing.eye

It holds no key, no address and no file, and reads nothing but pictures (`wire`); a camera that breaks a decoder ends this
process and no recording.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import BinaryIO, Final

import av
from av.video.reformatter import Interpolation

from edge_agent.seeing import motion, tamper
from edge_agent.seeing.confine import confine
from edge_agent.seeing.motion import MotionWatch
from edge_agent.seeing.tamper import TamperWatch
from edge_agent.seeing.wire import AT, DELTA, GONE, HEAD, KEY, LOOK, MOVED, TOLD, Look, Told, message

APART_S: Final = 0.4
_NICE: Final = 10


class Camera:
    """One camera's decoder and what is looked for in its pictures."""

    def __init__(self, look: Look) -> None:
        self.look = look
        self._decoder: av.VideoCodecContext | None = None
        self._motion = MotionWatch(look.order) if look.order.motion else None
        self._tamper = TamperWatch() if look.order.tamper else None
        self._looked_s = self._tamper_s = -1e9
        self.moved: bytes | None = None
        """Where something moved in the picture taken last; None where it was not looked at for motion."""

    def gone(self) -> None:
        """No pictures for a while: what is learned stays, what goes on has ended (whoever asks knows)."""
        self._decoder = None
        self._motion = MotionWatch(self.look.order) if self.look.order.motion else None
        if self._tamper is not None:
            self._tamper.gone()

    def take(self, data: bytes, at_s: float, *, key: bool) -> list[Told]:
        """The next picture. A decoder that fails is given up until the next key frame."""
        self.moved = None
        if self._decoder is None:
            if not key:
                return []
            self._decoder = _decoder(self.look)
        told: list[Told] = []
        try:
            for frame in self._decoder.decode(av.Packet(data)):
                told += self._seen(frame, at_s)
        except av.FFmpegError:
            self._decoder = None
        return told

    def _seen(self, frame: av.VideoFrame, at_s: float) -> list[Told]:
        told = []
        if self._motion is not None and at_s - self._looked_s >= APART_S:
            self._looked_s = at_s
            picture = _small(frame, motion.WIDTH, motion.HEIGHT)
            told += [Told("motion", zone, active) for zone, active in self._motion.take(picture, at_s)]
            self.moved = self._motion.moved
        if self._tamper is not None and at_s - self._tamper_s >= tamper.EVERY_S:
            self._tamper_s = at_s
            before = self._tamper.state
            if self._tamper.take(_small(frame, tamper.WIDTH, tamper.HEIGHT), at_s):
                told += [Told("tamper", before, False)] if before else []
                told += [Told("tamper", self._tamper.state, True)] if self._tamper.state else []
        return told


def _decoder(look: Look) -> av.VideoCodecContext:
    made = av.CodecContext.create("h264" if look.codec == "h264" else "hevc", "r")
    assert isinstance(made, av.VideoCodecContext)
    made.extradata = look.config
    made.thread_count = 1
    made.options = {"flags": "low_delay"}  # each picture at once: none waits for those after it
    return made


def _small(frame: av.VideoFrame, width: int, height: int) -> bytes:
    """The picture's grey values, row by row, each the mean of its place."""
    small = frame.reformat(width=width, height=height, format="gray", interpolation=Interpolation.AREA)
    plane = small.planes[0]
    data = bytes(plane)
    if plane.line_size == width:
        return data[: width * height]
    return b"".join(data[top * plane.line_size :][:width] for top in range(height))


def watch(source: BinaryIO, sink: BinaryIO) -> None:
    """Look until there is nothing more to read."""
    cameras: dict[int, Camera] = {}
    at = -1
    while len(head := source.read(HEAD.size)) == HEAD.size:
        kind, slot, at_ns, size = HEAD.unpack(head)
        data = source.read(size)
        if len(data) < size:
            return
        if kind == LOOK:
            cameras[slot] = Camera(Look.decode(data))
        elif kind == GONE and slot in cameras:
            cameras[slot].gone()
        elif kind in (KEY, DELTA) and slot in cameras:
            if slot != at:
                at = slot
                _say(sink, AT, slot, b"")
            camera = cameras[slot]
            for told in camera.take(data, at_ns / 1e9, key=kind == KEY):
                _say(sink, TOLD, slot, told.encode())
            if camera.moved is not None:
                _say(sink, MOVED, slot, camera.moved, at_ns)


def _say(sink: BinaryIO, kind: int, slot: int, data: bytes, at_ns: int = 0) -> None:
    for part in message(kind, slot, at_ns, data):
        sink.write(part)
    sink.flush()


def main() -> None:
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    with contextlib.suppress(OSError):
        os.nice(_NICE)
    av.CodecContext.create("h264", "r")
    av.CodecContext.create("hevc", "r")
    confine()
    with contextlib.suppress(BrokenPipeError):
        watch(source, sink)


if __name__ == "__main__":
    main()
