"""Sealing one stream's segments into the spool: what the segmenter cuts becomes sealed files and signed records.

Plaintext stays in memory. The video part goes to disk as its sealed chunks come, so a half-written file is a valid
prefix of the part; sound waits sealed in memory and follows, then the index.
"""

from __future__ import annotations

import errno
import os
import secrets
import sqlite3
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from edge_agent import spool as spool_index
from edge_agent.clock import Clock, stamp
from edge_agent.errors import DiskFull
from edge_agent.keys import PeriodKeys
from edge_agent.mp4 import AudioTrack, Sample, Track, VideoTrack, fragment_head, init_segment
from edge_agent.spool import Spool
from sealing.chain import ChainHead
from sealing.cose import Signer
from sealing.ids import GapReason, GenesisReason, Rendition, Stream, uuid7
from sealing.keys import PeriodKey
from sealing.record import Follows, SignedRecord
from sealing.segment import FinishedSegment, PartWriter, SegmentPlace, SegmentWriter

DETAIL_BYTES = 200


@dataclass(frozen=True)
class Identity:
    """Who seals: enters every record and context."""

    tenant: uuid.UUID
    agent: uuid.UUID
    signer: Signer
    software: str


class StreamChain:
    """The chain of one camera's stream since this start of the agent. Records are on disk when a method returns."""

    def __init__(
        self, spool: Spool, clock: Clock, identity: Identity, camera: uuid.UUID, stream: Stream
    ) -> None:
        self.camera, self.stream = camera, stream
        self._spool, self._clock, self._identity = spool, clock, identity
        self._last_ns = 0

    def open(self, reason: GenesisReason | None = None) -> None:
        """Begin a new chain that follows the last tip known here. `reason` defaults to first start or restart."""
        identity = self._identity

        def begin(connection: sqlite3.Connection) -> None:
            before = spool_index.load_head(connection, identity.tenant, self.camera, self.stream)
            why = reason or (GenesisReason.FIRST_START if before is None else GenesisReason.RESTART)
            follows = None
            if before is not None:
                follows = Follows(before.tip.chain, before.tip.seq, before.tip.hash)
            head = ChainHead(identity.tenant, self.camera, self.stream, secrets.token_bytes(16))
            genesis = head.genesis(
                identity.signer,
                stamp(self._clock),
                agent=identity.agent,
                reason=why,
                software=identity.software,
                follows=follows,
            )
            spool_index.open_chain(connection, head, genesis, self._clock.wall_us())

        self._spool.write(begin).result()
        self._signed()

    def segment(
        self,
        finished: FinishedSegment,
        run: bytes,
        continuation_of: uuid.UUID | None,
        start_us: int,
        end_us: int,
    ) -> None:
        """Sign a finished segment's record; the spool's state moves with it."""

        def make(head: ChainHead) -> SignedRecord:
            return head.segment(
                self._identity.signer,
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

        def put(connection: sqlite3.Connection) -> None:
            spool_index.put_sealed_segment(connection, finished.segment, start_us, end_us, finished.size)
            self._append(connection, make, end_us, finished.index, finished.segment)

        self._spool.write(put).result()
        self._signed()

    def gap(self, start_us: int, end_us: int, reason: GapReason, detail: str, *, covers: bool = True) -> None:
        """Declare that nothing was recorded. `covers`: the stream's records now reach to its end."""
        text = detail.encode()[:DETAIL_BYTES].decode(errors="ignore") or None
        self._plain(
            lambda head: head.gap(
                self._identity.signer,
                stamp(self._clock),
                start_us=start_us,
                end_us=end_us,
                reason=reason,
                detail=text,
            ),
            end_us if covers else None,
        )

    def beat(self) -> None:
        """Say that the chain goes on."""
        self._plain(lambda head: head.beat(self._identity.signer, stamp(self._clock)), None)

    def clock_step(self, step_us: int) -> None:
        """Say that somebody set the wall clock."""
        self._plain(lambda head: head.clock(self._identity.signer, stamp(self._clock), step_us=step_us), None)

    def beat_if_quiet(self, quiet_s: float = 50.0) -> None:
        """Sign a beat when nothing was signed for a while."""
        if (self._clock.mono_ns() - self._last_ns) / 1e9 >= quiet_s:
            self.beat()

    def _plain(self, make: Callable[[ChainHead], SignedRecord], covered_until_us: int | None) -> None:
        self._spool.write(lambda c: self._append(c, make, covered_until_us, None, None)).result()
        self._signed()

    def _signed(self) -> None:
        self._last_ns = self._clock.mono_ns()
        self._spool.announce()

    def _append(
        self,
        connection: sqlite3.Connection,
        make: Callable[[ChainHead], SignedRecord],
        covered_until_us: int | None,
        index_part: bytes | None,
        segment: uuid.UUID | None,
    ) -> None:
        head = spool_index.load_head(connection, self._identity.tenant, self.camera, self.stream)
        assert head is not None, "open() comes first"
        spool_index.append(
            connection,
            head,
            make(head),
            covered_until_us=covered_until_us,
            index_part=index_part,
            segment=segment,
        )


@contextmanager
def _no_room_is_disk_full() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise DiskFull("the spool's disk is full") from error
        raise


class _OpenSegment:
    """A segment that grows: its file, its parts."""

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
        with _no_room_is_disk_full():
            path.parent.mkdir(mode=0o700, exist_ok=True)
            self._handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)

    def write(self, sealed: bytes) -> None:
        """Append sealed bytes to the file. Raises DiskFull."""
        self._spool.take_room(len(sealed))
        self.written += len(sealed)
        view = memoryview(sealed)
        with _no_room_is_disk_full():
            while view:
                view = view[os.write(self._handle, view) :]

    def keep_sound(self, sealed: bytes) -> None:
        self._sound.append(sealed)

    def finish(self) -> FinishedSegment:
        """Complete the file and bring it to disk: the video's rest, sound, index."""
        index: list[bytes] = []
        finished = self.writer.finish(index.append)
        for sealed in (*self._sound, *index):
            self.write(sealed)
        with _no_room_is_disk_full():
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
        self.path.unlink(missing_ok=True)
        self._spool.give_room(self.written)


class SegmentSealer:
    """The segmenter's sink for one stream: seals, stores and signs. One thread at a time."""

    def __init__(
        self, spool: Spool, clock: Clock, identity: Identity, keys: PeriodKeys, chain: StreamChain
    ) -> None:
        self._spool, self._clock, self._identity = spool, clock, identity
        self._keys, self.chain = keys, chain
        self._open: _OpenSegment | None = None
        self._inits: dict[Track, bytes] = {}
        self.segments = 0
        self.last_bytes = 0

    def open_segment(
        self, start_us: int, run: bytes, continuation_of: uuid.UUID | None, track: VideoTrack
    ) -> uuid.UUID:
        """Begin a segment. Raises DiskFull, StateUnusable."""
        self._spool.take_room(0)
        camera, stream = self.chain.camera, self.chain.stream
        segment = uuid7(max(0, start_us) // 1000)
        key = self._keys.key_for(camera, stream, Rendition(stream), start_us)
        place = SegmentPlace(self._identity.tenant, camera, stream, segment)
        self._spool.write(
            lambda c: spool_index.put_open_segment(c, segment, camera, stream, start_us)
        ).result()
        opened = _OpenSegment(
            self._spool, self._spool.object_path(camera, stream, segment), place, run, continuation_of
        )
        self._open = opened
        self._start_us = start_us
        opened.video = self._part(opened, Rendition(stream), key, opened.write, track)
        return segment

    def open_audio(self, track: AudioTrack) -> None:
        """The open segment gets a sound part."""
        opened = self._open
        assert opened is not None
        key = self._keys.key_for(self.chain.camera, self.chain.stream, Rendition.AUDIO, self._start_us)
        opened.audio = self._part(opened, Rendition.AUDIO, key, opened.keep_sound, track)

    def _part(
        self,
        opened: _OpenSegment,
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
        finished = opened.finish()
        self.chain.segment(finished, opened.run, opened.continuation_of, start_us, end_us)
        self._open = None
        self.segments += 1
        self.last_bytes = finished.size

    def gap(self, start_us: int, end_us: int, reason: GapReason, detail: str) -> None:
        """Sign a gap. Lost packets lie inside footage, so they do not move what is covered."""
        self.chain.gap(start_us, end_us, reason, detail, covers=reason is not GapReason.PACKETS_LOST)

    def drop_open(self) -> None:
        """Forget the open segment: it could not be written. What it held is part of the gap that follows."""
        opened, self._open = self._open, None
        if opened is None:
            return
        opened.drop()
        segment = opened.place.segment
        try:
            self._spool.write(lambda c: spool_index.drop_open_segment(c, segment)).result()
        except DiskFull:
            return  # the row stays OPEN and is dropped at the next start
