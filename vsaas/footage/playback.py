"""What a player needs for the next two minutes: records, sealed index parts, URLs and keys, in one answer.

Rights are decided by the caller; here the footage is found, its keys are released to the caller's browser and its
objects opened for 120 s. The number of queries does not grow with streams or segments.
"""

import uuid
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from protocol.limits import GRANT_GET_SECONDS
from protocol.states import SegmentState, TimelineState
from sealing.ids import RecordKind, Rendition, Stream
from sealing.names import object_name
from sealing.record import Segment, parse_record
from tenants.hours import Span, intersect, subtract, union
from tenants.scope import current_tenant_id
from tenants.sight import Sight
from vsaas.common import clock
from vsaas.common.object_store import ObjectStore
from vsaas.footage.models import ADOPTED, Chain
from vsaas.footage.times import LONGEST_SEGMENT_US, US, day_of, day_start_us
from vsaas.keys.services import Released, ReleaseTo, SegmentKeyRequest, release_segment_keys

AHEAD_US = 120 * US
STREAMS_MOST = 16
LONGEST_GROUP_US = 10 * 60 * US
"""How far back the key frame of a continuation is looked for; agents close groups long before."""

_STATES = {
    int(SegmentState.DECLARED): TimelineState.PENDING,
    int(SegmentState.STORED): "stored",
    int(SegmentState.MISSING): TimelineState.MISSING,
    int(SegmentState.DELETED): TimelineState.DELETED,
}


@dataclass(frozen=True, order=True)
class Asked:
    """One stream of one camera, which of its recorded time the caller may see, and hear (None: nothing, or nothing is to
    be heard)."""

    camera: uuid.UUID
    stream: int
    sight: Sight = field(compare=False)
    hears: Sight | None = field(default=None, compare=False)


@dataclass
class Found:
    """A segment with its signed record; `index_part` is there while the segment is stored. `adopted`: it came off the disk of
    a box that was replaced, brought by the box that took its place."""

    camera: uuid.UUID
    stream: int
    segment: uuid.UUID
    start_us: int
    end_us: int
    run: uuid.UUID
    continues: uuid.UUID | None
    state: int
    version_id: str | None
    chain: uuid.UUID
    received_us: int
    adopted: bool
    signed: bytes
    index_part: bytes | None
    url: str | None = None
    keys: list[Released] = field(default_factory=list)

    @property
    def state_word(self) -> str:
        return _STATES[self.state]


@dataclass(frozen=True)
class GapFound:
    """A declared absence."""

    from_us: int
    to_us: int
    reason: int


@dataclass
class StreamAnswer:
    """What one stream has in the window; `agents` maps agent to record public key. `not_permitted`: of which time nothing
    is told, whatever there may be."""

    asked: Asked
    segments: list[Found] = field(default_factory=list)
    gaps: list[GapFound] = field(default_factory=list)
    not_permitted: list[Span] = field(default_factory=list)
    agents: dict[uuid.UUID, set[bytes]] = field(default_factory=dict)
    agent_of: dict[uuid.UUID, uuid.UUID] = field(default_factory=dict)


def playback(
    asked: Sequence[Asked], from_us: int, to_us: int, to: ReleaseTo, store: ObjectStore
) -> list[StreamAnswer]:
    """Segments and gaps of [from_us, to_us) in the order of `asked`; inside the tenant's scope, key store included."""
    answers = {(item.camera, item.stream): StreamAnswer(item) for item in asked}
    for found in _segments(asked, from_us, to_us):
        answers[(found.camera, found.stream)].segments.append(found)
    for camera, stream, gap in _gaps(asked, from_us, to_us):
        answers[(camera, stream)].gaps.append(gap)
    for answer in answers.values():
        _withhold(answer, from_us, to_us, to.expires_us)
    _add_key_frames(answers, to.expires_us)
    name_agents(answers.values())
    open_objects(answers.values(), store, to.expires_us)
    release(answers.values(), to)
    return [answers[(item.camera, item.stream)] for item in asked]


def motion_maps(
    camera: uuid.UUID, sight: Sight, from_us: int, to_us: int, to: ReleaseTo
) -> list[StreamAnswer]:
    """Per stream of the camera that has any, the stored segments of [from_us, to_us) with a motion map that may be seen up to the
    end of `to`. Inside the tenant's scope; objects and keys are opened afterwards (`open_objects`, `release_maps`)."""
    answers = {
        stream: StreamAnswer(Asked(camera, int(stream), sight)) for stream in (Stream.SUB, Stream.MAIN)
    }
    for found in _segments([answer.asked for answer in answers.values()], from_us, to_us):
        if found.state == SegmentState.STORED and _has_map(found):
            answers[Stream(found.stream)].segments.append(found)
    for answer in answers.values():
        _withhold(answer, from_us, to_us, to.expires_us)
    kept = [answer for answer in answers.values() if answer.segments or answer.not_permitted]
    name_agents(kept)
    return kept


def _has_map(found: Found) -> bool:
    record = parse_record(found.signed).record
    return isinstance(record, Segment) and record.part(Rendition.MOTION) is not None


COLUMNS = f"""r.camera_id, r.stream, r.segment, r.start_us, r.end_us, r.run, r.continues, r.state, r.version_id, r.chain,
    r.received_us, r.flags & {ADOPTED} <> 0, b.signed, b.index_part"""
BODY = """JOIN footage_record_body b
    ON b.tenant_id = r.tenant_id AND b.chain = r.chain AND b.seq = r.seq AND b.day = r.day"""
PLACED = "r.placed AND r.kind IN (2, 3)"


def _segments(asked: Sequence[Asked], from_us: int, to_us: int) -> list[Found]:
    look_from = from_us - LONGEST_SEGMENT_US
    sql = f"""
        SELECT {COLUMNS}
        FROM unnest(%s::uuid[], %s::smallint[]) s(camera_id, stream)
        JOIN footage_record r ON r.camera_id = s.camera_id AND r.stream = s.stream {BODY}
        WHERE r.tenant_id = %s AND {PLACED} AND r.kind = {int(RecordKind.SEGMENT)}
          AND r.start_us >= %s AND r.start_us < %s AND r.end_us > %s
          AND r.day BETWEEN %s AND %s AND b.day BETWEEN %s AND %s
        ORDER BY r.camera_id, r.stream, r.start_us
        """  # noqa: S608  constants alone
    days = [day_of(look_from), day_of(to_us)]
    return _found(sql, [*_streams(asked), current_tenant_id(), look_from, to_us, from_us, *days, *days])


def _streams(asked: Iterable[Asked]) -> list[list[object]]:
    rows = list(asked)
    return [[item.camera for item in rows], [item.stream for item in rows]]


def _found(sql: str, parameters: list[object]) -> list[Found]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return [found_of(row) for row in cursor.fetchall()]


def found_of(row: Sequence[Any]) -> Found:
    """The segment of a row that begins with COLUMNS."""
    return Found(*row[:12], signed=bytes(row[12]), index_part=None if row[13] is None else bytes(row[13]))


def may_see(found: Found, sight: Sight, until_us: int) -> bool:
    """Whether a segment may be seen up to `until_us`."""
    return sight.permits(found.start_us, found.end_us, found.received_us, until_us)


def _withhold(answer: StreamAnswer, from_us: int, to_us: int, until_us: int) -> None:
    """Leaves in the answer what may be seen up to `until_us`, and says of which time it does not speak."""
    sight = answer.asked.sight
    if not sight.limited:
        return
    seen = sight.spans(from_us, to_us, until_us)
    kept = [found for found in answer.segments if may_see(found, sight, until_us)]
    # A segment that reaches over an edge is withheld whole, so that part of it which lies on this side is told as well.
    edges = [(found.start_us, found.end_us) for found in answer.segments if found not in kept]
    answer.segments = kept
    answer.gaps = [
        GapFound(begin, end, gap.reason)
        for gap in answer.gaps
        for begin, end in intersect([(gap.from_us, gap.to_us)], seen)
    ]
    whole = [(from_us, to_us)]
    answer.not_permitted = union(subtract(whole, seen), intersect(whole, union(edges)))


def _gaps(asked: Sequence[Asked], from_us: int, to_us: int) -> list[tuple[uuid.UUID, int, GapFound]]:
    """Gaps are cut at midnight when they are stored, so none begins before its day."""
    day_from = day_start_us(from_us)
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT r.camera_id, r.stream, r.start_us, r.end_us, r.reason
            FROM unnest(%s::uuid[], %s::smallint[]) s(camera_id, stream)
            JOIN footage_record r ON r.camera_id = s.camera_id AND r.stream = s.stream
            WHERE r.tenant_id = %s AND {PLACED} AND r.kind = {int(RecordKind.GAP)}
              AND r.start_us >= %s AND r.start_us < %s AND r.end_us > %s AND r.day BETWEEN %s AND %s
            ORDER BY r.start_us
            """,  # noqa: S608  constants alone
            [
                *_streams(asked),
                current_tenant_id(),
                day_from,
                to_us,
                from_us,
                day_of(day_from),
                day_of(to_us),
            ],
        )
        return [(row[0], row[1], GapFound(row[2], row[3], row[4])) for row in cursor.fetchall()]


def _add_key_frames(answers: dict[tuple[uuid.UUID, int], StreamAnswer], until_us: int) -> None:
    """Brings along, for streams that begin in the middle of a group of pictures, everything from its key frame on that may
    be seen."""
    wanted = []
    for answer in answers.values():
        first = answer.segments[0] if answer.segments else None
        if first is not None and first.continues is not None:
            wanted.append((first.camera, first.stream, first.continues, first.start_us))
    if not wanted:
        return
    earliest = min(start for _, _, _, start in wanted) - LONGEST_GROUP_US
    days = [day_of(earliest), day_of(max(start for _, _, _, start in wanted))]
    cameras, streams, keyed, starts = zip(*wanted, strict=True)
    sql = f"""
        SELECT {COLUMNS}
        FROM unnest(%s::uuid[], %s::smallint[], %s::uuid[], %s::bigint[]) s(camera_id, stream, keyed, start_us)
        JOIN footage_record k ON k.camera_id = s.camera_id AND k.stream = s.stream AND k.segment = s.keyed
            AND k.start_us >= s.start_us - {LONGEST_GROUP_US} AND k.start_us < s.start_us
        JOIN footage_record r ON r.camera_id = s.camera_id AND r.stream = s.stream
            AND r.start_us >= k.start_us AND r.start_us < s.start_us {BODY}
        WHERE r.tenant_id = %s AND {PLACED} AND r.kind = {int(RecordKind.SEGMENT)} AND r.run = k.run
          AND k.tenant_id = r.tenant_id AND k.kind IN (2, 3) AND k.day BETWEEN %s AND %s
          AND r.day BETWEEN %s AND %s AND b.day BETWEEN %s AND %s
        ORDER BY r.camera_id, r.stream, r.start_us
        """  # noqa: S608  constants alone
    before: dict[tuple[uuid.UUID, int], list[Found]] = defaultdict(list)
    arrays = [list(cameras), list(streams), list(keyed), list(starts)]
    for found in _found(sql, [*arrays, current_tenant_id(), *days, *days, *days]):
        before[(found.camera, found.stream)].append(found)
    for key, segments in before.items():
        sight = answers[key].asked.sight
        answers[key].segments[:0] = [found for found in segments if may_see(found, sight, until_us)]


def name_agents(answers: Iterable[StreamAnswer]) -> None:
    """Names the agent of each segment, and the keys that signed its records. One query."""
    chains = {found.chain for answer in answers for found in answer.segments}
    rows = {row.chain: row for row in Chain.objects.filter(chain__in=chains)} if chains else {}
    for answer in answers:
        for found in answer.segments:
            row = rows[found.chain]
            answer.agents.setdefault(row.agent_id, set()).add(bytes(row.record_public))
            answer.agent_of[found.segment] = row.agent_id


def open_objects(answers: Iterable[StreamAnswer], store: ObjectStore, expires_us: int) -> None:
    """Gives each stored segment that may be seen up to `expires_us` the URL of its object's version, for
    GRANT_GET_SECONDS or, where hours limit it, no longer than that; the others lose their index."""
    tenant = current_tenant_id()
    left_s = max(1, (expires_us - clock.now_us()) // US)
    for answer in answers:
        lives_s = min(GRANT_GET_SECONDS, left_s) if answer.asked.sight.limited else GRANT_GET_SECONDS
        for found in answer.segments:
            if found.state == SegmentState.STORED and may_see(found, answer.asked.sight, expires_us):
                name = object_name(tenant, found.camera, Stream(found.stream), found.segment, found.start_us)
                found.url = store.presign_get(name, found.version_id, lives_s).url
            else:
                found.index_part = None


def release(answers: Iterable[StreamAnswer], to: ReleaseTo, *, merged: Collection[uuid.UUID] = ()) -> None:
    """Gives each stored segment the keys the caller may have, sealed to the caller. `merged`: cameras whose receipt of
    a moment ago covers this release (`release_segment_keys`)."""
    _release(answers, to, merged, _picture_and_sound)


def release_maps(
    answers: Iterable[StreamAnswer], to: ReleaseTo, *, merged: Collection[uuid.UUID] = ()
) -> None:
    """As `release`, the keys of motion map and index alone: who looks through maps is given no picture by it."""
    _release(answers, to, merged, _map_alone)


def _picture_and_sound(asked: Asked) -> dict[Rendition, Sight]:
    sights = {Rendition(asked.stream): asked.sight, Rendition.INDEX: asked.sight}
    if asked.hears is not None:
        sights[Rendition.AUDIO] = asked.hears
    return sights


def _map_alone(asked: Asked) -> dict[Rendition, Sight]:
    return {Rendition.MOTION: asked.sight, Rendition.INDEX: asked.sight}


def _release(
    answers: Iterable[StreamAnswer],
    to: ReleaseTo,
    merged: Collection[uuid.UUID],
    of: Callable[[Asked], dict[Rendition, Sight]],
) -> None:
    requests: list[SegmentKeyRequest] = []
    owners: list[Found] = []
    for answer in answers:
        for found in answer.segments:
            if found.state != SegmentState.STORED:
                continue
            for request in _key_requests(found, of(answer.asked)):
                requests.append(request)
                owners.append(found)
    if not requests:
        return
    released = release_segment_keys(current_tenant_id(), requests, to, merged=merged)
    for found, key in zip(owners, released, strict=True):
        found.keys.append(key)


def _key_requests(found: Found, sights: dict[Rendition, Sight]) -> list[SegmentKeyRequest]:
    """One per part the caller may open, each within its sight. The record was verified when it was taken in, and the player
    does it again."""
    record = parse_record(found.signed).record
    assert isinstance(record, Segment)
    return [
        SegmentKeyRequest(
            camera=found.camera,
            stream=found.stream,
            segment=found.segment,
            rendition=int(part.rendition),
            key_id=part.key_id,
            commitment=part.commitment,
            start_us=record.start_us,
            end_us=record.end_us,
            received_us=found.received_us,
            sight=sights[part.rendition],
        )
        for part in record.parts
        if part.rendition in sights
    ]
