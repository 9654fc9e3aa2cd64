"""What the agent sees in the picture itself: motion in zones, tampering, and a process that decodes apart from recording."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge_agent import h26x
from edge_agent.capture.source import AccessUnit
from edge_agent.chronicle import Chronicle
from edge_agent.happenings import Happenings
from edge_agent.mp4 import VideoTrack
from edge_agent.seeing import tamper, watching, wire
from edge_agent.seeing.eye import Camera, watch
from edge_agent.seeing.motion import MotionWatch
from edge_agent.seeing.tamper import TamperWatch
from edge_agent.seeing.watching import Eye, Seeing
from protocol.detection import COLUMNS, ROWS, Detection, Zone, cells_at, cells_of
from protocol.errors import ProtocolError
from sealing.ids import Stream
from tests.edge_agent.enrolled import enrolled_box
from tests.edge_agent.footage import StandClock, lengths, video_track

LEFT = cells_of({(x, y) for x in range(COLUMNS // 2) for y in range(ROWS)})
RIGHT = cells_of({(x, y) for x in range(COLUMNS // 2, COLUMNS) for y in range(ROWS)})
HALVES = (Zone("Left", LEFT), Zone("Right", RIGHT))


class Yard:
    """A quiet scene with a sensor's noise, watched twice a second; things are put into it."""

    def __init__(self, order: Detection) -> None:
        self.watch = MotionWatch(order)
        self.random = np.random.default_rng(7)
        self.scene = np.kron(self.random.integers(60, 180, (6, 8)), np.ones((6, 8)))
        self.now_s, self.light = 100.0, 0.0
        self.told: list[tuple[str, bool]] = []
        self.look(12)

    def look(
        self, pictures: int, walker: Callable[[int], tuple[int, int]] | None = None, size: int = 5
    ) -> None:
        """`walker`: where the left top corner of something dark is in each picture."""
        for number in range(pictures):
            picture = self.scene + self.light + self.random.normal(0, 1.5, self.scene.shape)
            if walker is not None:
                x, y = walker(number)
                picture[y : y + size, x : x + size] = 20
            self.now_s += 0.5
            self.told += self.watch.take(picture.clip(0, 255).astype(np.uint8).tobytes(), self.now_s)

    def walk(self, begin: int, end: int) -> None:
        self.look(abs(end - begin) // 2, lambda number: (begin + 2 * number * (1 if end > begin else -1), 15))


def test_somebody_who_walks_is_motion_until_three_seconds_after() -> None:
    yard = Yard(Detection())
    assert yard.told == []
    yard.walk(2, 50)
    assert yard.told == [("", True)]
    yard.look(5)
    assert yard.watch.active == [""]
    yard.look(4)
    assert yard.told == [("", True), ("", False)]


def test_noise_slow_light_and_a_lamp_are_none() -> None:
    yard = Yard(Detection(sensitivity=5, smallest=1))
    yard.look(200)
    for _ in range(100):  # dusk
        yard.light -= 0.3
        yard.look(2)
    yard.light += 60  # a lamp
    yard.look(20)
    yard.scene = yard.scene[:, ::-1]  # infrared light: everything looks different
    yard.look(20)
    assert yard.told == []
    yard.walk(2, 40)
    assert yard.told == [("", True)], "and it still sees"


def test_zones_tell_which_and_masked_cells_count_for_none() -> None:
    yard = Yard(Detection(zones=HALVES))
    yard.walk(2, 22)
    assert yard.told == [("Left", True)]
    yard.look(10)
    yard.walk(40, 58)
    yard.look(10)
    assert yard.told == [("Left", True), ("Left", False), ("Right", True), ("Right", False)]
    masked = Yard(Detection(mask=LEFT))
    masked.walk(2, 22)
    masked.look(10)
    assert masked.told == []
    masked.walk(40, 58)
    assert masked.told == [("", True)]


def test_what_is_smaller_than_the_smallest_is_none_and_a_small_zone_can_be_full() -> None:
    yard = Yard(Detection(smallest=20))
    yard.look(10, lambda number: (10 + number, 15), size=4)
    yard.look(10)
    assert yard.told == []
    cell = cells_of({(8, 8), (9, 8), (8, 9), (9, 9)})
    spot = Yard(Detection(smallest=100, zones=(Zone("Door", cell),)))
    spot.look(4, lambda number: (16, 16), size=4)
    assert spot.told == [("Door", True)]


def test_what_stays_becomes_part_of_the_scene() -> None:
    yard = Yard(Detection())
    yard.look(600, lambda number: (20, 15), size=6)  # a car is parked
    assert yard.told == [("", True), ("", False)]


def test_pictures_far_apart_tell_at_once() -> None:
    yard = Yard(Detection())
    yard.now_s += 1.5
    picture = yard.scene.copy()
    picture[10:16, 10:16] = 20
    assert yard.watch.take(picture.astype(np.uint8).tobytes(), yard.now_s) == [("", True)]


def looks(watched: TamperWatch, picture: np.ndarray, seconds: float, now_s: float) -> tuple[list[str], float]:
    """The states told while the picture stands so long."""
    told, ends_s = [], now_s + seconds
    random = np.random.default_rng(1)
    while now_s < ends_s:
        noisy = picture + random.normal(0, 1.0, picture.shape)
        if watched.take(noisy.clip(0, 255).astype(np.uint8).tobytes(), now_s):
            told.append(watched.state)
        now_s += tamper.EVERY_S
    return told, now_s


def scene(seed: int = 3) -> np.ndarray:
    random = np.random.default_rng(seed)
    blocks = np.kron(random.integers(40, 200, (9, 16)), np.ones((10, 10)))
    return blocks + 20 * (np.indices((tamper.HEIGHT, tamper.WIDTH)).sum(axis=0) % 2)


def blurred(picture: np.ndarray) -> np.ndarray:
    for _ in range(12):
        beside = [np.roll(picture, by, axis) for by in (-1, 1) for axis in (0, 1)]
        picture = (picture + sum(beside)) / 5
    return picture


def test_a_covered_a_blurred_and_a_turned_camera_are_told_and_what_lasts_is_accepted() -> None:
    for wrong, word in (
        (np.full((tamper.HEIGHT, tamper.WIDTH), 6.0), "covered"),
        (blurred(scene()), "blurred"),
        (scene(4), "turned"),
    ):
        watched = TamperWatch()
        told, now_s = looks(watched, scene(), 120, 1000.0)
        assert told == []
        told, now_s = looks(watched, wrong, 12, now_s)
        assert told == [], f"{word}: a moment is none"
        told, now_s = looks(watched, wrong, 60, now_s)
        assert told == [word]
        told, now_s = looks(watched, scene(), 60, now_s)
        assert told == [""]
        told, now_s = looks(watched, wrong, 1200, now_s)
        assert told == [word, ""], f"{word}: after a quarter of an hour it is how it looks now"


def test_dusk_and_less_light_are_no_tampering() -> None:
    watched = TamperWatch()
    told, now_s = looks(watched, scene(), 120, 0.0)
    for step in range(100):
        more, now_s = looks(watched, scene() * (1 - step / 100), 30, now_s)
        told += more
    assert told == []
    watched = TamperWatch()
    told, now_s = looks(watched, scene(), 120, 0.0)
    assert looks(watched, scene() * 0.4, 120, now_s)[0] == [], "half the lamps are off"


@given(st.sets(st.tuples(st.integers(0, COLUMNS - 1), st.integers(0, ROWS - 1))))
def test_cells_are_read_as_they_were_written(at: set[tuple[int, int]]) -> None:
    assert cells_at(cells_of(at)) == at


@given(st.binary(max_size=200))
def test_whatever_the_process_says_is_read_or_refused(data: bytes) -> None:
    try:
        told = wire.Told.decode(data)
    except (ProtocolError, watching.SealingError):
        return
    assert told.kind in ("motion", "tamper")


def test_an_order_is_read_as_it_was_written_and_nonsense_is_refused() -> None:
    order = Detection(True, 5, 20, HALVES, LEFT, True)
    assert Detection.from_map(order.to_map()) == order
    for key, value in (
        (1, 1),
        (2, 0),
        (2, 6),
        (3, 501),
        (4, [["", LEFT]]),
        (4, [["A", bytes(72)]]),
        (5, b"short"),
    ):
        with pytest.raises(ProtocolError):
            Detection.from_map(order.to_map() | {key: value})


# The process


def moving(
    pictures: int, fps: int = 10, gop: int = 20, *, still: int = 0, codec: str = "libx264"
) -> list[AccessUnit]:
    """A textured scene of 320 by 180 that stands still for `still` pictures, then something walks through it."""
    context = av.CodecContext.create(codec, "w")
    context.width, context.height, context.pix_fmt = 320, 180, "yuv420p"
    context.time_base, context.framerate, context.gop_size, context.max_b_frames = (
        Fraction(1, 90000),
        Fraction(fps),
        gop,
        0,
    )
    context.options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "x264-params": "log-level=none:scenecut=0",
    }
    ground = np.kron(np.random.default_rng(5).integers(60, 190, (9, 16)), np.ones((20, 20))).astype(np.uint8)
    units = []
    for number in range(pictures):
        luma = ground.copy()
        if number >= still:
            x = (number - still) * 8 % 280
            luma[70:120, x : x + 36] = 16
        array = np.full((270, 320), 128, dtype=np.uint8)
        array[:180] = luma
        frame = av.VideoFrame.from_ndarray(array, format="yuv420p")
        frame.pts, frame.time_base = number * 90000 // fps, context.time_base
        for packet in context.encode(frame):
            at_ns = number * 1_000_000_000 // fps
            units.append(
                AccessUnit("video", number * 9000, at_ns, packet.is_keyframe, lengths(bytes(packet)))
            )
    return units


FOOTAGE = moving(100, still=40)


def track() -> VideoTrack:
    data = FOOTAGE[0].data
    return video_track(
        "h264", b"".join(b"\0\0\0\1" + bytes(nal) for nal in h26x.split_length_prefixed(bytes(data)))
    )


def test_decoded_pictures_show_who_walks_and_a_damaged_one_is_passed_over() -> None:
    shown = track()
    look = wire.Look("h264", h26x.avcc(shown.sps, shown.pps), Detection())
    camera = Camera(wire.Look.decode(look.encode()))
    told = []
    for number, unit in enumerate(FOOTAGE):
        data = bytes(unit.data)
        if number == 10:
            data = data[:6] + b"\xff" * (len(data) - 6)
        told += camera.take(data, unit.arrival_ns / 1e9, key=unit.sync)
    assert told == [wire.Told("motion", "", True)]
    assert camera.take(b"", 1e6, key=False) == []


def test_the_process_gives_up_files_and_the_network_where_the_kernel_lets_it() -> None:
    program = (
        "import socket\nfrom edge_agent.seeing.confine import confine\n"
        "if not confine(): print('old kernel'); raise SystemExit\n"
        "try: open('/etc/hostname')\nexcept PermissionError: print('closed')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() in ("closed", "old kernel"), done.stdout


def test_messages_that_end_in_the_middle_end_it_quietly() -> None:
    read, write = os.pipe()
    os.write(write, wire.HEAD.pack(wire.KEY, 0, 0, 500) + b"half")
    os.close(write)
    with os.fdopen(read, "rb") as source, open(os.devnull, "wb") as sink:
        watch(source, sink)


class Box:
    """An enrolled box with one camera that has a sub stream, and the process that looks."""

    def __init__(self, folder: Path) -> None:
        self.orders = enrolled_box(folder, "http://127.0.0.1:9", "ws://127.0.0.1:9", cameras=1).orders()
        self.camera = self.orders.command.cameras[0].camera
        self.clock, self.happenings = StandClock(), Happenings()
        self.chronicle = Chronicle(self.happenings, self.clock, lambda camera: None)
        self.seeing = Seeing(self.orders)

    @property
    def eye(self) -> Eye:
        sub = self.orders.command.cameras[0].source_sub is not None
        return self.seeing.eye(self.camera, Stream.SUB if sub else Stream.MAIN)

    def order(self, detection: Detection | None) -> None:
        camera = replace(self.orders.command.cameras[0], detection=detection)
        self.orders.command = replace(self.orders.command, cameras=(camera,))
        self.orders._tell()

    async def show(self, units: list[AccessUnit]) -> None:
        """As a camera's stream comes in, a little faster."""
        self.eye.shows(track())
        for number, unit in enumerate(units):
            self.eye.take(unit)
            if number % 10 == 9:
                await asyncio.sleep(0.25)

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.seeing.run(self.chronicle))
        await asyncio.sleep(0.1)
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


@pytest.fixture
def box(tmp_path: Path) -> Iterator[Box]:
    return Box(tmp_path / "box")


async def until(holds: Callable[[], bool], what: str) -> None:
    ends_s = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < ends_s, f"never came: {what}"
        await asyncio.sleep(0.02)


def process_of(name: str = "edge_agent.seeing.eye") -> int:
    """The child of this process that looks."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (
                name in (folder / "cmdline").read_text()
                and f"\nPPid:\t{os.getpid()}\n" in (folder / "status").read_text()
            ):
                return int(folder.name)
        except (FileNotFoundError, ProcessLookupError):
            continue
    return 0


async def test_motion_is_told_and_over_when_the_camera_is_gone_or_nobody_looks(box: Box) -> None:
    box.order(Detection())
    async with box.looking():
        with box.happenings.listen(box.camera) as listener:
            await box.show(FOOTAGE)
            await until(lambda: listener.active("motion"), "motion")
            box.eye.gone()
            await until(lambda: not listener.active("motion"), "its end: the camera is gone")
            await box.show([replace(unit, arrival_ns=unit.arrival_ns + 60_000_000_000) for unit in FOOTAGE])
            await until(lambda: listener.active("motion"), "motion again")
            box.order(None)
            await until(lambda: not listener.active("motion"), "its end: nobody looks")
            await until(lambda: not process_of(), "the process's end: there is nothing to look for")
    assert box.seeing.alarms == []


async def test_a_process_that_is_killed_is_started_again_and_a_camera_that_kills_it_is_let_be(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watching.Backoff, "next_s", lambda self: 0.05)
    box.order(Detection())
    async with box.looking():
        for number in range(3):
            await until(lambda: process_of() > 0, "the process")
            await box.show(FOOTAGE[:20])
            await asyncio.sleep(0.6)
            assert box.eye.order is not None, number
            os.kill(process_of(), signal.SIGKILL)
            await until(lambda: not process_of() or box.eye.order is None, "its end")
        await until(lambda: any("cannot be decoded" in text for text in box.seeing.alarms), "the alarm")
        await until(lambda: box.eye.order is None and not process_of(), "nobody looks")


def test_a_stream_nobody_looks_at_holds_nothing_and_one_too_fast_is_passed_over_until_a_key_frame(
    box: Box,
) -> None:
    eye = box.eye
    eye.shows(track())
    eye.take(FOOTAGE[0])
    assert eye.messages() == []
    eye.order = Detection()
    kinds = [wire.HEAD.unpack(head)[0] for head, _ in eye.messages()]
    assert kinds == [wire.LOOK]
    eye.take(FOOTAGE[1])
    assert eye.messages() == [], "nothing before a key frame"
    for _ in range(10):
        for unit in FOOTAGE[:20]:
            eye.take(unit)
    assert eye.passed_over_s is not None
    kept = [wire.HEAD.unpack(head)[0] for head, _ in eye.messages()]
    assert kept[0] == wire.KEY
    assert len(kept) <= watching._WAITING_UNITS


def test_of_a_large_picture_key_frames_alone_are_looked_at(box: Box, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "_PIXELS_MOST", 1000)
    eye = box.eye
    eye.order = Detection()
    eye.shows(track())
    for unit in FOOTAGE[:41]:
        eye.take(unit)
    kinds = [wire.HEAD.unpack(head)[0] for head, _ in eye.messages()]
    assert kinds == [wire.LOOK, wire.KEY, wire.KEY, wire.KEY]
