"""Oddities between segments of one stream: overlaps, and a segment id used twice."""

from __future__ import annotations

import uuid
from collections import defaultdict
from typing import TYPE_CHECKING

from django.db import connection

from protocol.batch import RecordFlag
from protocol.states import SegmentState
from sealing.chain import OVERLAP_LIMIT_US
from tenants.scope import current_tenant_id
from vsaas.footage.times import HOUR_US, LONGEST_SEGMENT_US, day_of, hour_start_us

if TYPE_CHECKING:
    from vsaas.footage.ingest import Examined

Span = tuple[int, int, uuid.UUID]


def mark_overlaps(items: list[Examined]) -> None:
    """Flags accepted segments that overlap another of their stream by more than a second, or whose id is taken.

    A taken id means a taken object name: the record is kept and shown as missing, and gets no grant.
    """
    placed = [item for item in items if item.segment and not item.unplaced]
    here = _known_spans(placed)
    streams: dict[tuple[uuid.UUID, int], list[Examined]] = defaultdict(list)
    for item in items:
        if item.segment:
            streams[(item.segment.camera, int(item.segment.stream))].append(item)
    for stream, members in streams.items():
        known = here.get(stream, [])
        _mark_repeated(members, known)
        _mark_overlapping([item for item in members if not item.unplaced], known)


def _mark_repeated(items: list[Examined], known: list[Span]) -> None:
    taken = {(segment, hour_start_us(start)) for start, _, segment in known}
    for item in items:
        assert item.segment is not None
        name = (item.segment.segment, hour_start_us(item.segment.start_us))
        if name in taken:
            item.flags |= RecordFlag.SEGMENT_REPEATED
            item.state = SegmentState.MISSING
        taken.add(name)


def _mark_overlapping(items: list[Examined], known: list[Span]) -> None:
    spans: list[tuple[int, int, Examined | None]] = [(start, end, None) for start, end, _ in known]
    for item in items:
        assert item.segment is not None
        spans.append((item.segment.start_us, item.segment.end_us, item))
    spans.sort(key=lambda span: span[:2])
    reached = 0
    for at, (start, end, item) in enumerate(spans):
        following = spans[at + 1][0] if at + 1 < len(spans) else end
        crowded = min(end, reached) - start > OVERLAP_LIMIT_US or end - following > OVERLAP_LIMIT_US
        if item is not None and crowded:
            item.flags |= RecordFlag.OVERLAP
        reached = max(reached, end)


def _known_spans(items: list[Examined]) -> dict[tuple[uuid.UUID, int], list[Span]]:
    """Segments already here around the new ones: whole hours, since object names repeat within an hour."""
    hours = {
        (item.segment.camera, int(item.segment.stream), hour_start_us(item.segment.start_us))
        for item in items
        if item.segment
    }
    spans: dict[tuple[uuid.UUID, int], list[Span]] = defaultdict(list)
    if not hours:
        return spans
    earliest = min(hour for _, _, hour in hours) - LONGEST_SEGMENT_US
    latest = max(hour for _, _, hour in hours) + HOUR_US + LONGEST_SEGMENT_US
    cameras, streams, starts = zip(*sorted(hours), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT DISTINCT r.camera_id, r.stream, r.start_us, r.end_us, r.segment
            FROM unnest(%s::uuid[], %s::smallint[], %s::bigint[]) h(camera_id, stream, hour_us)
            JOIN footage_record r ON r.camera_id = h.camera_id AND r.stream = h.stream
                AND r.start_us >= h.hour_us - %s AND r.start_us < h.hour_us + %s
            WHERE r.tenant_id = %s AND r.kind IN (2, 3) AND r.kind = 2 AND r.day BETWEEN %s AND %s
            """,
            [
                list(cameras),
                list(streams),
                list(starts),
                LONGEST_SEGMENT_US,
                HOUR_US + LONGEST_SEGMENT_US,
                current_tenant_id(),
                day_of(earliest),
                day_of(latest),
            ],
        )
        for camera, stream, start, end, segment in cursor.fetchall():
            spans[(camera, stream)].append((start, end, segment))
    return spans
