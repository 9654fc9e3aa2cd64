"""A power cut: what was not synced is gone, half there, or zeros. What the index says is there, is."""

from __future__ import annotations

import os
import random
import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from edge_agent import seal
from edge_agent.capture.source import AccessUnit, TrackChanged
from edge_agent.mp4 import AudioTrack
from edge_agent.seal import StreamChain
from edge_agent.segmenter import Segmenter, main_limits
from sealing.ids import Rendition, Stream
from tests.edge_agent.box import Box
from tests.edge_agent.filled import SEGMENT_S, Sink, recent_clock
from tests.edge_agent.footage import h264_units

FPS = 10
COMPLETE = 3


@pytest.fixture(scope="module")
def cut(tmp_path_factory) -> tuple[Path, dict[str, int]]:
    """A box in the middle of its fourth segment, copied as it lies there; and how many bytes of each file were synced."""
    folder = tmp_path_factory.mktemp("cut")
    box = Box(folder / "box")
    synced: dict[str, int] = {}
    real = os.fdatasync

    def sync(handle: int) -> None:
        real(handle)
        synced[Path(os.readlink(f"/proc/self/fd/{handle}")).name] = os.fstat(handle).st_size

    clock = recent_clock(600)
    chain = StreamChain(box.spool, clock, box.identity, box.camera, Stream.MAIN)
    chain.open()
    segmenter = Segmenter(
        Sink(box.spool, clock, box.identity, box.periods, chain), clock, main_limits(SEGMENT_S)
    )
    frames = FPS * SEGMENT_S * COMPLETE + FPS * 2 - 2
    change, units = h264_units(clock, frames=frames, fps=FPS, gop=FPS, size=96, noise=True)
    assert isinstance(change, TrackChanged)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(seal.os, "fdatasync", sync)
        segmenter.handle(change)
        for unit in units:
            clock.ns = max(clock.ns, unit.arrival_ns)
            segmenter.handle(unit)
    shutil.copytree(folder / "box", folder / "left")  # the index as its last commit left it: each is synced
    box.spool.close()
    return folder / "left", synced


@pytest.mark.parametrize("seed", range(12))
def test_after_a_power_cut_what_was_closed_is_whole_and_what_was_open_is_closed_as_far_as_it_holds(
    cut, seed, tmp_path
):
    left, synced = cut
    chance = random.Random(seed)
    shutil.copytree(left, tmp_path / "box")
    for path in (tmp_path / "box" / "spool" / "objects").rglob("*"):
        if path.is_file():
            lose(path, synced.get(path.name, 0), chance)
    box = Box(tmp_path / "box")
    try:
        footage = box.footage()
        pictures = [len(item.pictures()) for item in footage]
        assert pictures[:COMPLETE] == [FPS * SEGMENT_S] * COMPLETE
        assert len(footage) == COMPLETE + box.salvaged.segments
        assert box.salvaged.segments + box.salvaged.lost == 1
        segments = box.segments()
        assert all(after.start_us == before.end_us for before, after in pairwise(segments))
        assert box.spool.covered_until(box.camera, Stream.MAIN) == segments[-1].end_us
        names = {path.name for path in box.spool.objects.rglob("*") if path.is_file()}
        assert names == {segment.segment.hex for segment in segments}
    finally:
        box.spool.close()


def lose(path: Path, synced: int, chance: random.Random) -> None:
    """Keep what was synced; of the rest a part, and in place of some of that zeros, as file systems leave it."""
    data = bytearray(path.read_bytes())
    kept = chance.randint(synced, len(data))
    begin = chance.randint(synced, kept)
    if chance.random() < 0.5:
        data[begin:kept] = bytes(kept - begin)
    path.write_bytes(data[:kept])


def test_untouched_by_the_cut_nearly_all_of_the_open_segment_is_there(cut, tmp_path):
    shutil.copytree(cut[0], tmp_path / "box")
    box = Box(tmp_path / "box")
    assert box.salvaged.segments == 1
    pictures = len(box.open(box.segments()[-1]).pictures())
    assert pictures >= FPS - 4, "the second that was written, but for its last 16 KiB"
    box.spool.close()


@pytest.fixture(scope="module")
def cut_with_sound(tmp_path_factory) -> Path:
    """A box in the middle of its second segment, seven seconds long so far, with sound."""
    folder = tmp_path_factory.mktemp("sound")
    box = Box(folder / "box")
    clock = recent_clock(600)
    chain = StreamChain(box.spool, clock, box.identity, box.camera, Stream.MAIN)
    chain.open()
    segmenter = Segmenter(Sink(box.spool, clock, box.identity, box.periods, chain), clock, main_limits(10))
    change, units = h264_units(clock, frames=FPS * 17, fps=FPS, gop=FPS, size=96, noise=True)
    sounds = [
        AccessUnit("audio", n * 160, clock.ns + n * 20_000_000, True, bytes([n % 256]) * 160)
        for n in range(17 * 50)
    ]
    segmenter.handle(change)
    segmenter.handle(TrackChanged("audio", AudioTrack("alaw", 8000, 1)))
    for unit in sorted([*units, *sounds], key=lambda unit: unit.arrival_ns):
        clock.ns = max(clock.ns, unit.arrival_ns)
        segmenter.handle(unit)
    assert len(list(box.spool.sound.iterdir())) == 1, "the closed segment's is gone"
    shutil.copytree(folder / "box", folder / "left")
    box.spool.close()
    return folder / "left"


@pytest.mark.parametrize("damage", ["none", "a hole", "the head", "gone"])
def test_sound_is_salvaged_with_its_pictures_and_costs_them_nothing(cut_with_sound, damage, tmp_path):
    shutil.copytree(cut_with_sound, tmp_path / "box")
    (path,) = (tmp_path / "box" / "spool" / "sound").iterdir()
    data = bytearray(path.read_bytes())
    if damage == "a hole":
        data[-200:] = bytes(200)
    elif damage == "the head":
        data[:4] = bytes(4)
    path.write_bytes(data)
    if damage == "gone":
        path.unlink()
    box = Box(tmp_path / "box")
    try:
        whole, salvaged = box.segments()
        assert [part.rendition for part in whole.parts][:2] == [Rendition.MAIN, Rendition.AUDIO]
        footage = box.open(salvaged)
        assert len(footage.pictures()) >= FPS * 5
        assert list(box.spool.sound.iterdir()) == []
        if damage in ("the head", "gone"):
            assert Rendition.AUDIO not in footage.parts
            return
        media = salvaged.part(Rendition.AUDIO).media
        picture_s = salvaged.video.media.duration / 90_000
        least_s = 4 if damage == "none" else 2
        assert least_s <= media.duration / 8000 <= picture_s + 0.1
        heard = footage.parts[Rendition.AUDIO]
        assert heard.count(bytes([7]) * 160) + heard.count(bytes([77]) * 160) >= 1
    finally:
        box.spool.close()
