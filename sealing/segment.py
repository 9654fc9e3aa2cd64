"""Writing a whole segment object, and opening its parts again (SPEC.md sections 2 and 9)."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass

from .crc import combine
from .errors import BadLength, BadParts, UnknownSuite
from .ids import KeyPurpose, Rendition, SealSuite, Stream
from .index import SYNC, Fragment, Index, IndexEntry, encode_index
from .keys import PeriodKey, part_context
from .motion import MAX_MOTION_BYTES, MotionMap, encode_motion, parse_motion
from .part import PartDigest, PartSealer, Sink, seal_part
from .reader import PartReader, Read
from .record import MAX_INDEX_BYTES, Media, Part, Segment, check_parts


@dataclass(frozen=True)
class SegmentPlace:
    """Where a segment belongs: enters the context of each of its parts."""

    tenant: uuid.UUID
    camera: uuid.UUID
    stream: Stream
    segment: uuid.UUID

    def context(self, rendition: Rendition) -> bytes:
        return part_context(self.tenant, self.camera, self.stream, self.segment, rendition, KeyPurpose.REC)


class PartWriter:
    """Seals one video or audio part as its fragments come. Made by `SegmentWriter.open_part`."""

    def __init__(
        self,
        place: SegmentPlace,
        rendition: Rendition,
        key: PeriodKey,
        sink: Sink,
        codec: str,
        init: bytes,
        timescale: int,
    ) -> None:
        self.rendition = rendition
        self._key = key
        self._codec = codec
        self._timescale = timescale
        self._init = init
        self._fragments: list[Fragment] = []
        self._sealer = PartSealer(key.segment_key(place.segment, rendition), place.context(rendition), sink)
        self._sealer.update(init)

    @property
    def sealed_length(self) -> int:
        """Sealed bytes that went to the sink so far."""
        return self._sealer.sealed_length

    @property
    def fragments(self) -> tuple[Fragment, ...]:
        return tuple(self._fragments)

    def append(
        self, data: bytes | memoryview, decode_time: int, duration: int, *, sync: bool, samples: int
    ) -> None:
        """Seal the next moof+mdat. Times in the track's timescale; `sync`: its first sample is a sync sample."""
        offset = self._sealer.plaintext_length
        self._sealer.update(data)
        self._fragments.append(
            Fragment(offset, len(data), decode_time, duration, SYNC if sync else 0, samples)
        )

    def finish(self) -> tuple[PartDigest, IndexEntry, Media | None]:
        """Close the part: what index and record state about it."""
        if not self._fragments:
            raise BadParts(f"part {self.rendition.name} has no fragment")
        digest = self._sealer.finish()
        entry = IndexEntry(self.rendition, digest.leaf_hashes, len(self._init), self.fragments, digest.header)
        first, last = self._fragments[0], self._fragments[-1]
        media = Media(
            codec=self._codec,
            init_hash=hashlib.sha256(self._init).digest(),
            init_length=len(self._init),
            timescale=self._timescale,
            decode_time=first.decode_time,
            duration=last.decode_time + last.duration - first.decode_time,
        )
        return digest, entry, media

    @property
    def key(self) -> PeriodKey:
        return self._key


@dataclass(frozen=True)
class _WholePart:
    """A part that was sealed at once and is no media: no init segment, no fragments."""

    rendition: Rendition
    key: PeriodKey
    digest: PartDigest

    def finish(self) -> tuple[PartDigest, IndexEntry, Media | None]:
        return (
            self.digest,
            IndexEntry(self.rendition, self.digest.leaf_hashes, 0, (), self.digest.header),
            None,
        )


@dataclass(frozen=True)
class FinishedSegment:
    """A sealed segment: what its record states, and the index part's bytes. The object is the parts in the order of `parts`."""

    segment: uuid.UUID
    parts: tuple[Part, ...]
    index: bytes
    size: int
    crc32c: int


class SegmentWriter:
    """Seals one segment. Each part's sealed bytes go to a sink of its own as they come; the object is their concatenation.

    Usage: `open_part` the video and, where there is any, the audio; `append` fragments to either as they come; `add_motion` where
    there is a map; `finish`.
    """

    def __init__(self, place: SegmentPlace) -> None:
        self.place = place
        self._parts: dict[Rendition, PartWriter | _WholePart] = {}

    def open_part(
        self, rendition: Rendition, key: PeriodKey, sink: Sink, *, codec: str, init: bytes, timescale: int
    ) -> PartWriter:
        """Begin a part. `codec`: RFC 6381; `init`: ftyp+moov; `key`: the period key of this rendition's class."""
        allowed = (Rendition(self.place.stream), Rendition.AUDIO)
        if rendition not in allowed or rendition in self._parts:
            raise BadParts(
                f"a segment of stream {self.place.stream.name} takes no such part: {rendition.name}"
            )
        part = PartWriter(self.place, rendition, key, sink, codec, init, timescale)
        self._parts[rendition] = part
        return part

    def add_motion(self, motion: MotionMap, sink: Sink) -> None:
        """Seal the motion map, under the video's period key. Raises BadParts without video or a second time, BadField for a map
        that no reader would accept."""
        video = self._parts.get(Rendition(self.place.stream))
        if video is None or Rendition.MOTION in self._parts:
            raise BadParts("a segment takes one motion part, beside its video")
        segment_key = video.key.segment_key(self.place.segment, Rendition.MOTION)
        context = self.place.context(Rendition.MOTION)
        sealed, digest = seal_part(segment_key, context, encode_motion(motion))
        sink(sealed)
        self._parts[Rendition.MOTION] = _WholePart(Rendition.MOTION, video.key, digest)

    def finish(self, index_sink: Sink) -> FinishedSegment:
        """Close all parts, seal the index and lay the parts out. Raises BadParts without video, BadLength for a huge index."""
        video = self._parts.get(Rendition(self.place.stream))
        if video is None:
            raise BadParts("a segment needs its video part")
        parts: list[Part] = []
        entries: list[IndexEntry] = []
        crc = 0
        for rendition in sorted(self._parts):
            writer = self._parts[rendition]
            digest, entry, media = writer.finish()
            entries.append(entry)
            parts.append(_laid(parts, rendition, digest, writer.key, media))
            crc = combine(crc, digest.crc32c, digest.sealed_length)
        sealed, digest = seal_index(self.place, video.key, entries)
        parts.append(_laid(parts, Rendition.INDEX, digest, video.key, None))
        index_sink(sealed)
        size = parts[-1].end
        check_parts(tuple(parts), self.place.stream, size)
        crc = combine(crc, digest.crc32c, digest.sealed_length)
        return FinishedSegment(self.place.segment, tuple(parts), sealed, size, crc)


def seal_index(place: SegmentPlace, key: PeriodKey, entries: list[IndexEntry]) -> tuple[bytes, PartDigest]:
    """Seal an index part under the video's period key. Raises BadLength when it would be longer than a reader takes."""
    segment_key = key.segment_key(place.segment, Rendition.INDEX)
    sealed, digest = seal_part(segment_key, place.context(Rendition.INDEX), encode_index(entries))
    if len(sealed) > MAX_INDEX_BYTES:
        raise BadLength(f"an index part is at most {MAX_INDEX_BYTES} bytes: close the segment sooner")
    return sealed, digest


def _laid(
    before: list[Part], rendition: Rendition, digest: PartDigest, key: PeriodKey, media: Media | None
) -> Part:
    return Part(
        rendition=rendition,
        suite=SealSuite.COBBLESTONE_256,
        offset=before[-1].end if before else 0,
        sealed_length=digest.sealed_length,
        root=digest.root,
        key_id=key.key_id,
        commitment=key.commitment,
        media=media,
    )


def read_part(
    segment: Segment, index: Index, rendition: Rendition, key: bytes, read_object: Read
) -> PartReader:
    """A reader over one part of a stored object, every leaf checked.

    `segment`: verified record; `index`: from `open_index`; `key`: segment key of this rendition; `read_object(offset, length)`
    reads from the object. Raises BadParts when the segment has no such part, UnknownSuite, WrongKey, WrongRoot.
    """
    part, entry = segment.part(rendition), index.entry(rendition)
    if part is None or entry is None:
        raise BadParts(f"this segment has no part {rendition.name}")
    if part.suite != SealSuite.COBBLESTONE_256:
        raise UnknownSuite(f"sealing suite {part.suite} is not known")
    place = SegmentPlace(segment.tenant, segment.camera, segment.stream, segment.segment)
    begin = part.offset
    return PartReader(
        key,
        place.context(rendition),
        lambda offset, length: read_object(begin + offset, length),
        part.sealed_length,
        leaf_hashes=entry.leaf_hashes,
        root=part.root,
        header=entry.header,
    )


def read_motion(segment: Segment, index: Index, key: bytes, read_object: Read) -> MotionMap:
    """The motion map of a stored object, every leaf checked. `key`: segment key of rendition 5.

    Raises what `read_part` and `parse_motion` raise, BadLength for a part longer than a map may be.
    """
    reader = read_part(segment, index, Rendition.MOTION, key, read_object)
    part = segment.part(Rendition.MOTION)
    if part is None or part.sealed_length > MAX_MOTION_BYTES:
        raise BadLength(f"a motion part is at most {MAX_MOTION_BYTES} sealed bytes")
    return parse_motion(reader.read(0, reader.plaintext_length))
