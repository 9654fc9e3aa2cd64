"""A segment with a motion part: written, read back, opened by nobody without its key, and no obstacle to who does not know it."""

from __future__ import annotations

import uuid
from dataclasses import replace

import pytest

from sealing.errors import BadField, BadParts, LeafTampered, WrongKey
from sealing.ids import Rendition, Stream, uuid7
from sealing.index import open_index
from sealing.keys import PeriodKey
from sealing.motion import MAX_MOTION_BYTES, MotionMap, Moved, encode_motion, fitting_motion
from sealing.record import Segment, Stamp, encode_payload, parse_payload
from sealing.segment import FinishedSegment, SegmentPlace, SegmentWriter, read_motion, read_part

KEY = PeriodKey.new()
PLACE = SegmentPlace(uuid.uuid4(), uuid.uuid4(), Stream.SUB, uuid7(1_700_000_000_000))
WALK = MotionMap(64, 36, (Moved(0, bytes(287) + b"\x01"), Moved(4000, b"\x80" + bytes(287))))


def _written(motion: MotionMap | None) -> tuple[bytes, FinishedSegment]:
    pieces: dict[Rendition, list[bytes]] = {Rendition.SUB: [], Rendition.MOTION: [], Rendition.INDEX: []}
    writer = SegmentWriter(PLACE)
    video = writer.open_part(
        Rendition.SUB,
        KEY,
        pieces[Rendition.SUB].append,
        codec="avc1.64001f",
        init=b"init" * 40,
        timescale=90000,
    )
    video.append(bytes(20_000), 900_000, 90_000, sync=True, samples=1)
    if motion is not None:
        writer.add_motion(motion, pieces[Rendition.MOTION].append)
    finished = writer.finish(pieces[Rendition.INDEX].append)
    return b"".join(b"".join(part) for part in pieces.values()), finished


def _record(finished: FinishedSegment) -> Segment:
    record = Segment(
        tenant=PLACE.tenant,
        camera=PLACE.camera,
        stream=PLACE.stream,
        chain=bytes(16),
        seq=1,
        prev=bytes(32),
        stamp=Stamp(1_700_000_060_000_000, bytes(16), 1, 1, 0),
        segment=PLACE.segment,
        start_us=1_700_000_000_000_000,
        end_us=1_700_000_001_000_000,
        run=bytes(16),
        size=finished.size,
        crc32c=finished.crc32c,
        parts=finished.parts,
    )
    parsed = parse_payload(encode_payload(record))
    assert isinstance(parsed, Segment)
    return parsed


def test_a_map_is_read_back_by_its_own_key_and_stands_between_video_and_index() -> None:
    data, finished = _written(WALK)
    segment = _record(finished)
    assert [part.rendition for part in segment.parts] == [Rendition.SUB, Rendition.MOTION, Rendition.INDEX]
    assert segment.parts[1].media is None
    assert len(data) == segment.size
    index_key, map_key = (KEY.segment_key(PLACE.segment, one) for one in (Rendition.INDEX, Rendition.MOTION))
    index = open_index(segment, index_key, data[segment.index.offset : segment.index.end])

    def read(offset: int, length: int) -> bytes:
        return data[offset : offset + length]

    assert read_motion(segment, index, map_key, read) == WALK
    video_key = KEY.segment_key(PLACE.segment, Rendition.SUB)
    assert read_part(segment, index, Rendition.SUB, video_key, read).read(0, 160) == b"init" * 40
    with pytest.raises(WrongKey):
        read_motion(segment, index, video_key, read)
    altered = bytearray(data)
    altered[segment.parts[1].offset + 80] ^= 1
    with pytest.raises(LeafTampered):
        read_motion(segment, index, map_key, lambda offset, length: bytes(altered[offset : offset + length]))


def test_a_segment_without_a_map_has_no_such_part() -> None:
    data, finished = _written(None)
    segment = _record(finished)
    index = open_index(segment, KEY.segment_key(PLACE.segment, Rendition.INDEX), data[segment.index.offset :])
    with pytest.raises(BadParts):
        read_motion(segment, index, bytes(32), lambda offset, length: data[offset : offset + length])


def test_what_no_reader_takes_is_not_written() -> None:
    with pytest.raises(BadField):
        encode_motion(MotionMap(64, 36, (Moved(0, bytes(287)),)))
    with pytest.raises(BadField):
        encode_motion(MotionMap(64, 36, (WALK.moved[1], WALK.moved[0])))
    second = bytes(288)
    with pytest.raises(BadField):
        encode_motion(MotionMap(64, 36, tuple(Moved(at, second) for at in range(300))))
    fits = fitting_motion(64, 36, (Moved(at * 1000, second) for at in range(3600)))
    assert len(fits.moved) > 180, "three minutes in which everything moved"
    assert len(encode_motion(fits)) < MAX_MOTION_BYTES
    late = fitting_motion(64, 36, (Moved(at, second) for at in (0, 3_600_000, 3_600_001)))
    assert [row.offset_ms for row in late.moved] == [0, 3_600_000]
    assert encode_motion(late)
    writer = SegmentWriter(PLACE)
    with pytest.raises(BadParts):
        writer.add_motion(replace(WALK, moved=()), lambda sealed: None)
