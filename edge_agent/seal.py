"""Sealing one stream's segments into the spool: what the segmenter cuts becomes sealed files and signed records.

Plaintext stays in memory. The video part goes to disk as its sealed chunks come, so a half-written file is a valid
prefix of the part; sound waits sealed in memory and follows, then the index.
"""

from __future__ import annotations

import logging
import os
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from edge_agent import spool as spool_index
from edge_agent.clock import Clock, offset_us, stamp
from edge_agent.errors import DiskFailed, DiskFull
from edge_agent.keys import PeriodKeys
from edge_agent.mp4 import AudioTrack, Sample, Track, VideoTrack, fragment_head, init_segment
from edge_agent.rebuild import append_trailer, trailer_of
from edge_agent.room import Room, disk_trouble
from edge_agent.seeing.maps import MotionMaps
from edge_agent.spool import Spool
from sealing.canonical import decode_canonical, encode_canonical
from sealing.chain import ChainHead
from sealing.cose import Signer
from sealing.ids import EventType, GapReason, GenesisReason, Rendition, Stream, kid, uuid7
from sealing.keys import PeriodKey
from sealing.motion import MotionMap
from sealing.record import Follows, SignedRecord
from sealing.segment import FinishedSegment, PartWriter, SegmentPlace, SegmentWriter

logger = logging.getLogger(__name__)

DETAIL_BYTES = 200


def fitting(detail: str) -> str:
    """As much of a detail as a record holds, without half a character at its end."""
    return detail.encode()[:DETAIL_BYTES].decode(errors="ignore")


@dataclass
class Identity:
    """Who seals: enters every record and context. `inherits`: by camera and stream, the last record known of the box whose
    place this one took.

    `signer` may be replaced while streams are recorded (the record key was rolled over): each goes on in a new chain with its
    next record.
    """

    tenant: uuid.UUID
    agent: uuid.UUID
    signer: Signer
    software: str
    inherits: Mapping[tuple[uuid.UUID, int], Follows] = field(default_factory=dict)


Make = Callable[[ChainHead, Signer], SignedRecord]


def head_for(
    connection: sqlite3.Connection,
    identity: Identity,
    signer: Signer,
    clock: Clock,
    camera: uuid.UUID,
    stream: Stream,
) -> ChainHead:
    """Where `signer` goes on in a stream: its newest chain, or a new one that follows it where another key signed that."""
    head = spool_index.load_head(connection, identity.tenant, camera, stream)
    assert head is not None, "open() comes first"
    if spool_index.signer_of(connection, head.chain) == kid(signer.public_key):
        return head
    return _begin(connection, identity, signer, clock, camera, stream, GenesisReason.ROLLOVER)


def _begin(
    connection: sqlite3.Connection,
    identity: Identity,
    signer: Signer,
    clock: Clock,
    camera: uuid.UUID,
    stream: Stream,
    reason: GenesisReason | None,
) -> ChainHead:
    before = spool_index.load_head(connection, identity.tenant, camera, stream)
    follows = identity.inherits.get((camera, int(stream)))
    first = GenesisReason.FIRST_START if follows is None else GenesisReason.ADOPTED
    why = reason or (first if before is None else GenesisReason.RESTART)
    if before is not None:
        follows = Follows(before.tip.chain, before.tip.seq, before.tip.hash)
    head = ChainHead(identity.tenant, camera, stream, secrets.token_bytes(16))
    genesis = head.genesis(
        signer,
        stamp(clock),
        agent=identity.agent,
        reason=why,
        software=identity.software,
        follows=follows,
    )
    return spool_index.open_chain(connection, head, genesis, clock.wall_us())


class StreamChain:
    """The chain of one camera's stream since this start of the agent. Records are on disk when a method returns."""

    def __init__(
        self, spool: Spool, clock: Clock, identity: Identity, camera: uuid.UUID, stream: Stream
    ) -> None:
        self.camera, self.stream = camera, stream
        self._spool, self._clock, self._identity = spool, clock, identity
        self._last_ns = 0

    def open(self, reason: GenesisReason | None = None) -> None:
        """Begin a new chain that follows the last tip known here, or that of the box before. `reason` defaults to what that makes it."""
        identity = self._identity

        def begin(connection: sqlite3.Connection) -> None:
            _begin(connection, identity, identity.signer, self._clock, self.camera, self.stream, reason)

        self._spool.write(begin).result()
        self._signed()

    def segment(
        self,
        finished: FinishedSegment,
        run: bytes,
        continuation_of: uuid.UUID | None,
        start_us: int,
        end_us: int,
        *,
        in_place_of: uuid.UUID | None = None,
    ) -> bytes:
        """Sign a finished segment's record; the spool's state moves with it. Returns what is to stand behind the object.

        `in_place_of`: the segment a kill left open, out of which this one was made. Raises DiskFull.
        """

        def make(head: ChainHead, signer: Signer) -> SignedRecord:
            return head.segment(
                signer,
                stamp(self._clock),
                segment=finished.segment,
                start_us=start_us,
                end_us=end_us,
                run=run,
                size=finished.size,
                crc32c=finished.crc32c,
                parts=finished.parts,
                continuation_of=continuation_of,
            )

        def put(connection: sqlite3.Connection) -> bytes:
            if in_place_of is not None:
                spool_index.drop_open_segment(connection, in_place_of)
                spool_index.put_open_segment(
                    connection, finished.segment, self.camera, self.stream, start_us, b""
                )
            spool_index.put_sealed_segment(connection, finished.segment, start_us, end_us, finished.size)
            self._append(connection, make, end_us, finished.index, finished.segment)
            return trailer_of(connection, finished.segment.bytes)

        try:
            trailer = self._spool.write(put).result()
        except DiskFull:
            if not self._spool.room.release_reserve():
                raise
            trailer = self._spool.write(put).result()
        self._signed()
        return trailer

    def gap(self, start_us: int, end_us: int, reason: GapReason, detail: str, *, covers: bool = True) -> None:
        """Declare that nothing was recorded. `covers`: the stream's records now reach to its end."""
        text = fitting(detail) or None
        self._plain(
            lambda head, signer: head.gap(
                signer,
                stamp(self._clock),
                start_us=start_us,
                end_us=end_us,
                reason=reason,
                detail=text,
            ),
            end_us if covers else None,
        )

    def event(
        self, start_us: int, end_us: int, kind: EventType, source: str, *, goes_on: bool, detail: str
    ) -> None:
        """Tell of what was noticed. Raises DiskFull."""
        text = fitting(detail) or None
        self._plain(
            lambda head, signer: head.event(
                signer,
                stamp(self._clock),
                start_us=start_us,
                end_us=end_us,
                type=kind,
                source=source,
                goes_on=goes_on,
                detail=text,
            ),
            None,
        )

    def beat(self) -> None:
        """Say that the chain goes on."""
        self._plain(lambda head, signer: head.beat(signer, stamp(self._clock)), None)

    def clock_step(self, step_us: int, detail: str | None = None) -> None:
        """Say that somebody set the wall clock."""
        self._plain(
            lambda head, signer: head.clock(signer, stamp(self._clock), step_us=step_us, detail=detail),
            None,
        )

    def beat_if_quiet(self, quiet_s: float = 50.0) -> None:
        """Sign a beat when nothing was signed for a while."""
        if (self._clock.mono_ns() - self._last_ns) / 1e9 >= quiet_s:
            self.beat()

    def _plain(self, make: Make, covered_until_us: int | None) -> None:
        self._spool.write(lambda c: self._append(c, make, covered_until_us, None, None)).result()
        self._signed()

    def _signed(self) -> None:
        self._last_ns = self._clock.mono_ns()
        self._spool.announce()

    def _append(
        self,
        connection: sqlite3.Connection,
        make: Make,
        covered_until_us: int | None,
        index_part: bytes | None,
        segment: uuid.UUID | None,
    ) -> None:
        signer = self._identity.signer
        head = head_for(connection, self._identity, signer, self._clock, self.camera, self.stream)
        spool_index.append(
            connection,
            head,
            make(head, signer),
            covered_until_us=covered_until_us,
            index_part=index_part,
            segment=segment,
        )


@contextmanager
def disk_is_told(room: Room) -> Iterator[None]:
    """Turn what the disk says into DiskFull or DiskFailed."""
    try:
        yield
    except OSError as error:
        trouble = disk_trouble(error)
        if trouble is None:
            raise
        if isinstance(trouble, DiskFailed) and trouble.lasting:
            room.failed(trouble)
        raise trouble from error


@dataclass(frozen=True)
class Opened:
    """What closes a segment after a kill: it stands in the index while the segment is open."""

    run: bytes
    continuation_of: uuid.UUID | None
    codec: str
    key_id: bytes

    def encode(self) -> bytes:
        before = None if self.continuation_of is None else self.continuation_of.bytes
        return encode_canonical([self.run, before, self.codec, self.key_id])

    @classmethod
    def decode(cls, data: bytes) -> Opened:
        """Raises SealingError, TypeError or ValueError for what an earlier release left (nothing)."""
        value: Any = decode_canonical(data)
        run, before, codec, key_id = value
        return cls(bytes(run), None if before is None else uuid.UUID(bytes=before), str(codec), bytes(key_id))


@dataclass(frozen=True)
class OpenedSound:
    """What closes the sound of a segment after a kill: it stands before the sealed bytes in the sound's file, its length
    (2 bytes, big endian) first."""

    codec: str
    timescale: int
    key_id: bytes

    def encode(self) -> bytes:
        body = encode_canonical([self.codec, self.timescale, self.key_id])
        return len(body).to_bytes(2, "big") + body

    @classmethod
    def read(cls, file: BinaryIO) -> OpenedSound:
        """Raises OSError, SealingError, TypeError or ValueError."""
        value: Any = decode_canonical(file.read(int.from_bytes(file.read(2), "big")))
        codec, timescale, key_id = value
        return cls(str(codec), int(timescale), bytes(key_id))


class GrowingSegment:
    """A segment that grows: its file, its parts. Sound waits in memory until the video is whole, and in a file of its own for
    whoever closes the segment after a kill."""

    def __init__(
        self, spool: Spool, path: Path, place: SegmentPlace, run: bytes, continuation_of: uuid.UUID | None
    ) -> None:
        self.place, self.run, self.continuation_of = place, run, continuation_of
        self.path = path
        self.writer = SegmentWriter(place)
        self.video: PartWriter | None = None
        self.audio: PartWriter | None = None
        self.sequence = 0
        self.written = 0
        self._spool = spool
        self._sound: list[bytes] = []
        self._motion: list[bytes] = []
        self._sound_path: Path | None = None
        self._sound_handle = -1
        self._sound_written = 0
        with disk_is_told(spool.room):
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, sealed: bytes) -> None:
        """Append sealed bytes to the file. Raises DiskFull, when what is held back is used up as well."""
        self._spool.room.spend(len(sealed))
        self.written += len(sealed)
        self._append(self._handle, sealed)

    def _append(self, handle: int, data: bytes) -> None:
        room, view = self._spool.room, memoryview(data)
        with disk_is_told(room):
            while view:
                try:
                    view = view[os.write(handle, view) :]
                except OSError as error:
                    if type(disk_trouble(error)) is not DiskFull or not room.release_reserve():
                        raise
                    view = view[os.write(handle, view) :]

    def open_sound(self, path: Path, opened: OpenedSound) -> None:
        """Have the sound kept in a file too. Raises DiskFull."""
        with disk_is_told(self._spool.room):
            self._sound_handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._sound_path = path
        self._write_sound(opened.encode())

    def keep_sound(self, sealed: bytes) -> None:
        """Raises DiskFull."""
        self._sound.append(sealed)
        if self._sound_handle >= 0:
            self._write_sound(sealed)

    def _write_sound(self, data: bytes) -> None:
        self._spool.room.spend(len(data))
        self._sound_written += len(data)
        self._append(self._sound_handle, data)

    def forget_sound(self) -> None:
        """Delete the sound's file: the segment is signed, or will not be."""
        if self._sound_handle >= 0:
            os.close(self._sound_handle)
            self._sound_handle = -1
        path, self._sound_path = self._sound_path, None
        if path is None:
            return
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s cannot be deleted now: it is at the next start: %s", path, error)
            return
        self._spool.room.give(self._sound_written)

    def add_motion(self, motion: MotionMap) -> None:
        """Have a motion map stand behind the sound."""
        self.writer.add_motion(motion, self._motion.append)

    def finish(self) -> FinishedSegment:
        """Complete the file and bring it to disk: the video's rest, sound, motion map, index."""
        index: list[bytes] = []
        finished = self.writer.finish(index.append)
        for sealed in (*self._sound, *self._motion, *index):
            self.write(sealed)
        with disk_is_told(self._spool.room):
            os.fdatasync(self._handle)
            folder = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        self.close()
        return finished

    def close(self) -> None:
        if self._handle >= 0:
            os.close(self._handle)
            self._handle = -1

    def drop(self) -> None:
        """Delete the file: the segment could not be completed."""
        self.close()
        self.forget_sound()
        try:
            self.path.unlink(missing_ok=True)
        except OSError as error:
            logger.warning("%s cannot be deleted now: it is at the next start: %s", self.path, error)
            return
        self._spool.room.give(self.written)

    def carry(self, trailer: bytes) -> None:
        """Write what an index can be made from behind the object. Where that fails it is written at the next start."""
        room = self._spool.room
        try:
            room.spend(len(trailer))
        except DiskFull as error:
            logger.info("nothing is written behind %s: %s", self.path, error)
            return
        written = 0
        try:
            written = append_trailer(self.path, trailer)
        except OSError as error:
            logger.info("nothing could be written behind %s: %s", self.path, error)
        finally:
            room.give(len(trailer) - written)


class SegmentSealer:
    """The segmenter's sink for one stream: seals, stores and signs. One thread at a time."""

    def __init__(
        self,
        spool: Spool,
        clock: Clock,
        identity: Identity,
        keys: PeriodKeys,
        chain: StreamChain,
        maps: MotionMaps | None = None,
    ) -> None:
        """`maps`: where what moved in the stream's pictures is gathered, if anybody looks."""
        self._spool, self._clock, self._identity = spool, clock, identity
        self._keys, self.chain, self._maps = keys, chain, maps
        self._open: GrowingSegment | None = None
        self._inits: dict[Track, bytes] = {}
        self.segments = 0
        self.last_bytes = 0

    def open_segment(
        self, start_us: int, run: bytes, continuation_of: uuid.UUID | None, track: VideoTrack
    ) -> uuid.UUID:
        """Begin a segment. Raises DiskFull, StateUnusable."""
        if not self._spool.room.may_record():
            raise DiskFull(self._spool.room.why_full)
        camera, stream = self.chain.camera, self.chain.stream
        segment = uuid7(max(0, start_us) // 1000)
        key = self._keys.key_for(camera, stream, Rendition(stream), start_us)
        place = SegmentPlace(self._identity.tenant, camera, stream, segment)
        kept = Opened(run, continuation_of, track.codec_string, key.key_id).encode()
        self._spool.write(
            lambda c: spool_index.put_open_segment(c, segment, camera, stream, start_us, kept)
        ).result()
        path = self._spool.object_path(camera, stream, segment)
        try:
            opened = GrowingSegment(self._spool, path, place, run, continuation_of)
        except DiskFull:
            self._forget(segment)
            raise
        self._open = opened
        self._start_us = start_us
        opened.video = self._part(opened, Rendition(stream), key, opened.write, track)
        return segment

    def open_audio(self, track: AudioTrack) -> None:
        """The open segment gets a sound part. Raises DiskFull, StateUnusable."""
        opened = self._open
        assert opened is not None
        key = self._keys.key_for(self.chain.camera, self.chain.stream, Rendition.AUDIO, self._start_us)
        told = OpenedSound(track.codec_string, track.timescale, key.key_id)
        opened.open_sound(self._spool.sound_path(opened.place.segment), told)
        opened.audio = self._part(opened, Rendition.AUDIO, key, opened.keep_sound, track)

    def _part(
        self,
        opened: GrowingSegment,
        rendition: Rendition,
        key: PeriodKey,
        sink: Callable[[bytes], None],
        track: Track,
    ) -> PartWriter:
        init = self._inits.get(track)
        if init is None:
            init = self._inits[track] = init_segment(track)
        return opened.writer.open_part(
            rendition, key, sink, codec=track.codec_string, init=init, timescale=track.timescale
        )

    def fragment(self, kind: str, samples: list[Sample], duration: int) -> None:
        """Seal a fragment of the open segment. Raises DiskFull."""
        opened = self._open
        assert opened is not None
        part = opened.video if kind == "video" else opened.audio
        assert part is not None
        opened.sequence += 1
        data = b"".join((fragment_head(opened.sequence, samples), *[sample.data for sample in samples]))
        part.append(data, samples[0].decode_time, duration, sync=samples[0].sync, samples=len(samples))

    def close_segment(self, start_us: int, end_us: int) -> None:
        """Complete the open segment and sign its record. Raises DiskFull."""
        opened = self._open
        assert opened is not None
        self._add_motion(opened, start_us, end_us)
        finished = opened.finish()
        trailer = self.chain.segment(finished, opened.run, opened.continuation_of, start_us, end_us)
        self._open = None
        opened.forget_sound()
        opened.carry(trailer)
        self.segments += 1
        self.last_bytes = finished.size

    def _add_motion(self, opened: GrowingSegment, start_us: int, end_us: int) -> None:
        """What is known by now of where something moved; where the disk is filling, room is for what is to be closed."""
        motion = None if self._maps is None else self._maps.take(start_us, end_us, offset_us(self._clock))
        if motion is None or self._spool.room.why_full:
            return
        opened.add_motion(motion)

    def gap(self, start_us: int, end_us: int, reason: GapReason, detail: str) -> None:
        """Sign a gap. Lost packets lie inside footage, so they do not move what is covered."""
        self.chain.gap(start_us, end_us, reason, detail, covers=reason is not GapReason.PACKETS_LOST)

    def drop_open(self) -> None:
        """Forget the open segment: it could not be written. What it held is part of the gap that follows."""
        opened, self._open = self._open, None
        if opened is None:
            return
        opened.drop()
        self._forget(opened.place.segment)

    def _forget(self, segment: uuid.UUID) -> None:
        try:
            self._spool.write(lambda c: spool_index.drop_open_segment(c, segment)).result()
        except DiskFull:
            return  # the row stays OPEN and is dropped at the next start
