"""Closing what a kill or a power cut left open: the pictures that are on disk become a shorter segment.

A half-written file is a valid prefix of its sealed part. Its whole chunks are opened and checked, the pictures that are
complete in them sealed again under an id of their own, and signed in place of the one that was open, in one transaction:
a kill in the middle of this leaves the old one to the next start. Sound lies in a file of its own until its segment is closed;
as far as the pictures reach it is sealed again behind them. What cannot be read of it costs the pictures nothing.
"""

from __future__ import annotations

import logging
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final

from cryptography.cobblestone import Cobblestone256Decryptor
from cryptography.exceptions import InvalidTag

from edge_agent import spool as spool_index
from edge_agent.clock import Clock
from edge_agent.errors import AgentError, DiskFull
from edge_agent.keys import PeriodKeys
from edge_agent.mp4 import VIDEO_TIMESCALE, Sample, fragment_head, read_fragment_head
from edge_agent.seal import GrowingSegment, Identity, Opened, OpenedSound, StreamChain
from edge_agent.spool import OpenSegment, Spool
from sealing.errors import SealingError
from sealing.ids import GapReason, Rendition, Stream, uuid7
from sealing.keys import PeriodKey
from sealing.merkle import SEALED_CHUNK_BYTES
from sealing.segment import PartWriter, SegmentPlace

logger = logging.getLogger(__name__)

_JOINED_US: Final = 1_000_000
_UNUSABLE: Final = (OSError, SealingError, ValueError, TypeError, InvalidTag, AgentError)


@dataclass
class Salvaged:
    """What became of the open segments."""

    segments: int = 0
    lost: int = 0


def salvage(spool: Spool, clock: Clock, identity: Identity, keys: PeriodKeys) -> Salvaged:
    """Close every segment a kill left open, or drop it. Call before anything is recorded."""
    done = Salvaged()
    for item in spool.open_segments():
        chain = StreamChain(spool, clock, identity, item.camera, item.stream)
        try:
            closed = _Salvage(spool, identity, keys, chain, item).run()
        except _UNUSABLE as error:
            logger.warning("the segment that was open cannot be salvaged: %s", error or type(error).__name__)
            closed = False
        done.segments, done.lost = done.segments + closed, done.lost + (not closed)
        if not closed:
            _forget(spool, item.segment)
        _delete(spool, spool.object_path(item.camera, item.stream, item.segment))
    _forget_sounds(spool)
    if done.segments or done.lost:
        logger.info("open segments of the last run: %d closed, %d lost", done.segments, done.lost)
    return done


def _forget(spool: Spool, segment: uuid.UUID) -> None:
    try:
        spool.write(lambda c: spool_index.drop_open_segment(c, segment)).result()
    except DiskFull:
        return  # the next start finds it without a file


def _forget_sounds(spool: Spool) -> None:
    """No segment is open any more. What is left of them was not counted when the spool was opened."""
    for path in list(spool.sound.iterdir()):
        try:
            path.unlink()
        except OSError as error:  # one bad file must not keep the box from recording
            logger.warning("%s cannot be deleted: %s", path, error)


def _delete(spool: Spool, path: Path) -> None:
    try:
        size = path.stat().st_size
        path.unlink()
    except OSError:
        return  # gone already, or tried again at the next start, when no row speaks of it
    spool.room.give(size)


@dataclass(frozen=True)
class _Sound:
    """What is there of a segment's sound."""

    opened: OpenedSound
    key: PeriodKey
    init: bytes
    groups: list[list[Sample]]


class _Salvage:
    """One open segment."""

    def __init__(
        self, spool: Spool, identity: Identity, keys: PeriodKeys, chain: StreamChain, item: OpenSegment
    ) -> None:
        self._spool, self._identity, self._keys = spool, identity, keys
        self._chain, self._item = chain, item
        self._rendition = Rendition(item.stream)

    def run(self) -> bool:
        """Close it; False where not one picture is there. Raises one of `_UNUSABLE`."""
        item = self._item
        opened = Opened.decode(item.opened)
        key = self._keys.kept(opened.key_id)
        if key is None:
            raise ValueError(f"the key of segment {item.segment} is not here any more")
        with self._spool.object_path(item.camera, item.stream, item.segment).open("rb") as file:
            init, groups = _samples(self._plaintext(file, key, self._rendition))
        if not groups:
            return False
        sound = self._sound(groups[-1][-1].decode_time + groups[-1][-1].duration)
        start_us = self._start_us()
        segment = uuid7(max(0, start_us) // 1000)
        place = SegmentPlace(self._identity.tenant, item.camera, item.stream, segment)
        path = self._spool.object_path(item.camera, item.stream, segment)
        growing = GrowingSegment(self._spool, path, place, opened.run, opened.continuation_of)
        try:
            part = growing.writer.open_part(
                self._rendition, key, growing.write, codec=opened.codec, init=init, timescale=VIDEO_TIMESCALE
            )
            _append(part, groups)
            if sound is not None:
                part = growing.writer.open_part(
                    Rendition.AUDIO,
                    sound.key,
                    growing.keep_sound,
                    codec=sound.opened.codec,
                    init=sound.init,
                    timescale=sound.opened.timescale,
                )
                _append(part, sound.groups)
            finished = growing.finish()
            first, last = groups[0][0], groups[-1][-1]
            length = last.decode_time + last.duration - first.decode_time
            end_us = start_us + max(1, length * 1_000_000 // VIDEO_TIMESCALE)
            trailer = self._chain.segment(
                finished,
                opened.run,
                opened.continuation_of,
                start_us,
                end_us,
                in_place_of=item.segment,
            )
        except BaseException:
            growing.drop()
            raise
        growing.carry(trailer)
        return True

    def _start_us(self) -> int:
        """Where it begins: where the one before ended if that is near, else with the time between declared."""
        covered_us = self._spool.covered_until(self._item.camera, Stream(self._item.stream))
        start_us = self._item.start_us
        if covered_us is None or abs(start_us - covered_us) < _JOINED_US:
            return start_us if covered_us is None else covered_us
        if start_us > covered_us:
            text = "why is not known: the reason was not signed before the agent ended"
            self._chain.gap(covered_us, start_us, GapReason.AGENT_CRASHED, text)
        return start_us

    def _sound(self, end: int) -> _Sound | None:
        """The sound that begins before the pictures end, in the video's timescale; None where there is none that can be read."""
        item = self._item
        try:
            with self._spool.sound_path(item.segment).open("rb") as file:
                opened = OpenedSound.read(file)
                key = self._keys.kept(opened.key_id)
                if key is None:
                    raise ValueError("its key is not here any more")
                init, groups = _samples(self._plaintext(file, key, Rendition.AUDIO))
        except FileNotFoundError:
            return None
        except _UNUSABLE as error:
            logger.warning(
                "the sound of the segment that was open cannot be salvaged: %s", error or type(error).__name__
            )
            return None
        last = end * opened.timescale
        within = [[one for one in group if one.decode_time * VIDEO_TIMESCALE < last] for group in groups]
        kept = [group for group in within if group]
        return _Sound(opened, key, init, kept) if kept else None

    def _plaintext(self, file: BinaryIO, key: PeriodKey, rendition: Rendition) -> bytes:
        """Open the whole chunks of a file from here on."""
        item = self._item
        place = SegmentPlace(self._identity.tenant, item.camera, item.stream, item.segment)
        decryptor = Cobblestone256Decryptor(
            key.segment_key(item.segment, rendition), place.context(rendition)
        )
        pieces: list[bytes] = []
        while piece := file.read(SEALED_CHUNK_BYTES):
            try:
                pieces.append(decryptor.update(piece))
            except InvalidTag:
                break  # a power cut left a hole here: what came before holds
        return b"".join(pieces)


def _append(part: PartWriter, groups: list[list[Sample]]) -> None:
    for number, samples in enumerate(groups, 1):
        data = fragment_head(number, samples) + b"".join(bytes(sample.data) for sample in samples)
        part.append(
            data,
            samples[0].decode_time,
            sum(sample.duration for sample in samples),
            sync=samples[0].sync,
            samples=len(samples),
        )


def _samples(plaintext: bytes) -> tuple[bytes, list[list[Sample]]]:
    """The init segment, and the samples that are complete, fragment by fragment. Raises ValueError for other footage."""
    view = memoryview(plaintext)
    at = 0
    for kind in (b"ftyp", b"moov"):
        size = int.from_bytes(view[at : at + 4], "big")
        if plaintext[at + 4 : at + 8] != kind or at + size > len(view):
            return b"", []
        at += size
    init = plaintext[:at]
    groups: list[list[Sample]] = []
    while (head := read_fragment_head(view[at:])) is not None:
        at += head.length
        samples: list[Sample] = []
        time = head.decode_time
        for duration, size, sync, offset in head.rows:
            if at + size > len(view):
                return init, [*groups, samples] if samples else groups
            samples.append(Sample(plaintext[at : at + size], time, duration, offset, sync))
            at, time = at + size, time + duration
        groups.append(samples)
    return init, groups
