"""What cameras and agents noticed (records of events, SPEC 4): merged for the timeline, listed one by one, and forgotten with
the footage around them.

The rows are those of the records. A record stays in its chain as long as the chain, or nothing after it could be proven; what
is forgotten (`SegmentState.DELETED`) is told by no reply.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connection

from protocol.states import SegmentState
from sealing.ids import EventType, RecordKind
from sealing.record import Event, parse_record
from tenants.hours import Span, intersect
from tenants.scope import current_tenant_id
from tenants.sight import DIFFER_US, Sight
from vsaas.footage.times import HOUR_US, LONGEST_SEGMENT_US, day_of

WORDS: Final = {
    EventType.MOTION: "motion",
    EventType.TAMPER: "tamper",
    EventType.DIGITAL_INPUT: "input",
    EventType.LINE_CROSSING: "line",
    EventType.SOUND: "sound",
    EventType.FROZEN_PICTURE: "frozen",
    EventType.OTHER_DEVICE: "swapped",
    EventType.CAMERA_CLOCK: "clock",
}
"""A type as the API and the agent's happenings call it; one of a later release is `other`."""
OTHER: Final = "other"
MARKS_MOST: Final = 4000
"""Marks of one camera and type on a timeline, about: what is closer than this share of the range is one."""
_NIL: Final = UUID(int=0)

_KEPT = f"kind = {int(RecordKind.EVENT)} AND state = 0"
_WITHIN = (
    f"{_KEPT} AND placed AND day BETWEEN %(first_day)s AND %(last_day)s"
    " AND start_us >= %(look_from)s AND start_us < %(to)s AND greatest(end_us, start_us + 1) > %(from)s"
)
_LATE = f"(received_us > end_us + {DIFFER_US} OR received_us < start_us)"

# Islands: a row begins one when it starts later than all before it have ended.
_MARKS = f"""
SELECT camera_id, min(start_us), max(end_us), type FROM (
    SELECT camera_id, start_us, end_us, type, count(*) FILTER (WHERE begins) OVER w AS island FROM (
        SELECT camera_id, start_us, end_us, reason AS type,
            start_us > max(end_us) OVER before + %(apart)s IS NOT FALSE AS begins
        FROM footage_record
        WHERE tenant_id = %(tenant)s AND camera_id = ANY(%(cameras)s) AND {_WITHIN} AND (%(seen)s::int8multirange IS NULL
          OR (NOT {_LATE} AND int8range(start_us, greatest(end_us, start_us + 1)) <@ %(seen)s::int8multirange))
        WINDOW before AS (
            PARTITION BY camera_id, reason ORDER BY start_us ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
    ) span WINDOW w AS (PARTITION BY camera_id, type ORDER BY start_us ROWS UNBOUNDED PRECEDING)
) marked GROUP BY camera_id, type, island ORDER BY 1, 2, 4
"""  # noqa: S608  constants alone

_CAME_LATE = f"""
SELECT camera_id, start_us, end_us, reason, received_us FROM footage_record
WHERE tenant_id = %(tenant)s AND camera_id = ANY(%(cameras)s) AND {_WITHIN} AND {_LATE}
ORDER BY start_us LIMIT {MARKS_MOST}
"""  # noqa: S608  constants alone

_CAME_BETWEEN = f"""
SELECT min(received_us), max(received_us) FROM footage_record
WHERE tenant_id = %(tenant)s AND camera_id = ANY(%(cameras)s) AND {_WITHIN} AND {_LATE}
"""  # noqa: S608  constants alone

# What may not be seen is left out here and not afterwards: a page is full or the last one, and costs one look at the range.
_PAGE = f"""
SELECT r.start_us, r.camera_id, r.chain, r.seq, b.signed
FROM (
    SELECT start_us, camera_id, chain, seq, day
    FROM footage_record
    JOIN unnest(%(cameras)s::uuid[], %(seen)s::int8multirange[], %(came)s::int8multirange[]) may(camera, seen, came)
      ON may.camera = camera_id
    WHERE tenant_id = %(tenant)s AND camera_id = ANY(%(cameras)s) AND {_WITHIN}
      AND (%(types)s::smallint[] IS NULL OR reason = ANY(%(types)s)
        OR (%(other)s AND NOT reason = ANY(%(known)s)))
      AND (may.seen IS NULL OR (int8range(start_us, greatest(end_us, start_us + 1)) <@ may.seen
        AND (NOT {_LATE} OR received_us <@ may.came)))
      AND (start_us, camera_id, chain, seq) > (%(after_us)s, %(after_camera)s, %(after_chain)s, %(after_seq)s)
    ORDER BY start_us, camera_id, chain, seq LIMIT %(most)s
) r
JOIN footage_record_body b ON b.tenant_id = %(tenant)s AND b.chain = r.chain AND b.seq = r.seq AND b.day = r.day
ORDER BY r.start_us, r.camera_id, r.chain, r.seq
"""  # noqa: S608  constants alone


def word_of(kind: int) -> str:
    """The word of a type's number."""
    return WORDS.get(EventType(kind), OTHER) if kind in WORDS else OTHER


@dataclass(frozen=True)
class Mark:
    """Events of one type that follow each other closer than can be told apart."""

    from_us: int
    to_us: int
    kind: str

    def row(self) -> list[int | str]:
        return [self.from_us, self.to_us, self.kind]


def marks(
    sights: Mapping[UUID, Sight], from_us: int, to_us: int, resolution_us: int = 0
) -> dict[UUID, list[Mark]]:
    """Events of each camera that touch [from_us, to_us), in order of time, as whole as they are told; inside the tenant's
    scope. Of what a caller may not see, nothing: an event is shown where a segment of its time would be (`Sight.permits`).

    One query whatever the number of cameras, and two for each set of hours that limits some of them.
    """
    alike: dict[Sight | None, list[UUID]] = {}
    for camera, sight in sights.items():
        alike.setdefault(sight if sight.limited else None, []).append(camera)
    found: dict[UUID, list[Mark]] = {camera: [] for camera in sights}
    apart_us = max(resolution_us, (to_us - from_us) // MARKS_MOST)
    for sight, cameras in alike.items():
        seen: list[Span] = []
        wanted = _range(from_us, to_us) | {"cameras": cameras, "apart": apart_us, "seen": None}
        if sight is not None:
            seen = sight.spans(from_us - LONGEST_SEGMENT_US, to_us + LONGEST_SEGMENT_US)
            wanted["seen"] = _multirange(seen)
        with connection.cursor() as cursor:
            cursor.execute(_MARKS, wanted)
            rows = cursor.fetchall()
            if sight is not None:
                cursor.execute(_CAME_LATE, wanted)
                rows += [row[:4] for row in cursor.fetchall() if sight.permits(row[1], row[2], row[4])]
        for camera, begin, end, kind in rows:
            told = [(begin, max(begin, end))]
            if sight is not None and end > begin:
                told = intersect(told, seen)  # two that were joined do not speak of hidden time between them
            found[camera] += [Mark(*span, word_of(kind)) for span in told]
    return {
        camera: sorted(told, key=lambda mark: (mark.from_us, mark.kind)) for camera, told in found.items()
    }


def _range(from_us: int, to_us: int) -> dict[str, Any]:
    look_from = from_us - LONGEST_SEGMENT_US
    return {
        "tenant": current_tenant_id(),
        "from": from_us,
        "to": to_us,
        "look_from": look_from,
        "first_day": day_of(max(0, look_from)),
        "last_day": day_of(to_us - 1),
    }


def _multirange(spans: Sequence[Span]) -> str:
    return "{" + ",".join(f"[{begin},{end})" for begin, end in spans) + "}"


@dataclass(frozen=True)
class Place:
    """Where an event stands in a list: after the one before, by time."""

    start_us: int = -1
    camera: UUID = _NIL
    chain: UUID = _NIL
    seq: int = -1


@dataclass(frozen=True)
class Listed:
    """One record of an event."""

    place: Place
    event: Event

    def json(self) -> dict[str, Any]:
        event = self.event
        return {
            "camera": str(event.camera),
            "type": word_of(event.type),
            "from_us": event.start_us,
            "to_us": event.end_us,
            "goes_on": event.goes_on,
            "source": event.source,
            "detail": event.detail,
        }


def listed(
    sights: Mapping[UUID, Sight],
    kinds: Collection[str] | None,
    from_us: int,
    to_us: int,
    after: Place,
    most: int,
) -> list[Listed]:
    """At most `most` records of events that touch [from_us, to_us), by time, after a place; what the caller may see of them."""
    wanted = _range(from_us, to_us) | {
        "types": None
        if kinds is None
        else [int(kind) for kind, word in WORDS.items() if kinds and word in kinds],
        "other": kinds is not None and OTHER in kinds,
        "known": [int(kind) for kind in WORDS],
        "after_us": after.start_us,
        "after_camera": after.camera,
        "after_chain": after.chain,
        "after_seq": after.seq,
        "most": most,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAGE, wanted | _permitted(sights, from_us, to_us))
        rows = cursor.fetchall()
    found: list[Listed] = []
    for start_us, camera, chain, seq, signed in rows:
        event = parse_record(bytes(signed)).record
        assert isinstance(event, Event)  # the row says so
        found.append(Listed(Place(start_us, camera, chain, seq), event))
    return found


def _permitted(sights: Mapping[UUID, Sight], from_us: int, to_us: int) -> dict[str, list[Any]]:
    """What `Sight.permits` asks, for the database: of each camera the time its events may lie in, and that at which late ones
    may have come; None where nothing limits it."""
    limited = [camera for camera, sight in sights.items() if sight.limited]
    came: tuple[int, int] | None = None
    if limited:
        with connection.cursor() as cursor:
            cursor.execute(_CAME_BETWEEN, _range(from_us, to_us) | {"cameras": limited})
            first_us, last_us = cursor.fetchone()
        came = None if first_us is None else (first_us, last_us + 1)
    ranges: dict[Sight, tuple[str, str]] = {}
    for sight in {sights[camera] for camera in limited}:
        seen = sight.spans(from_us - LONGEST_SEGMENT_US, to_us + LONGEST_SEGMENT_US)
        ranges[sight] = _multirange(seen), _multirange(sight.spans(*came) if came else [])
    both = [ranges.get(sight, (None, None)) for sight in sights.values()]
    return {"cameras": list(sights), "seen": [one for one, _ in both], "came": [one for _, one in both]}


def forget_before(cameras: Collection[UUID], before_us: int) -> None:
    """Events that began before an instant are told no more. (What could not be placed in time is told by nothing anyway.)"""
    _forget("placed AND camera_id = ANY(%s) AND start_us < %s", cameras, before_us)


def forget_hour(camera: UUID, hour_us: int) -> None:
    """Events of one hour are told no more."""
    bounds = (hour_us, hour_us + HOUR_US)
    _forget("placed AND camera_id = ANY(%s) AND start_us >= %s AND start_us < %s", [camera], *bounds)


def _forget(condition: str, cameras: Collection[UUID], *bounds: int) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE footage_record SET state = %s WHERE tenant_id = %s AND {_KEPT} AND {condition}",  # noqa: S608  constants
            [int(SegmentState.DELETED), current_tenant_id(), list(cameras), *bounds],
        )
