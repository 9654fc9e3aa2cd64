"""What was recorded when: merged runs per camera and state, from the covering index alone.

PostgreSQL merges segments into runs (gaps and islands), so a reply and the work in Python stay small whatever the
range; `runs` then lays competing states over each other.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from django.db import connection
from django.db.models import Max

from protocol.limits import GRANT_GET_SECONDS
from protocol.states import SegmentState, TimelineState
from tenants.hours import Span, intersect, subtract
from tenants.scope import current_tenant_id
from tenants.sight import DIFFER_US, Sight
from vsaas.footage.models import StreamStatus
from vsaas.footage.runs import Run, coarsen, overlay
from vsaas.footage.times import DAY_US, LONGEST_SEGMENT_US, US, day_of, day_start_us

JOIN_US = 100_000
"""Segments closer than this are one run: rounding of sample times, not a hole anyone could see."""

MAX_RANGE_US = 32 * DAY_US
MAX_CAMERAS = 64

_GAP_CLASS = 0
_STATES = {
    _GAP_CLASS: TimelineState.GAP,
    int(SegmentState.DECLARED): TimelineState.PENDING,
    int(SegmentState.STORED): TimelineState.RECORDED,
    int(SegmentState.MISSING): TimelineState.MISSING,
    int(SegmentState.DELETED): TimelineState.DELETED,
}

# Per camera: rows in the order of the index, of which only those come back that begin a run (they differ from the row
# before, or do not join it) and the last one; the end of a run is that of the row before the next beginning. The second
# branch finds gaps that began earlier in the day: ingest cuts a gap at each midnight, so none began before.
_RUNS = f"""
SELECT c.camera_id, run.*
FROM unnest(%(cameras)s::uuid[]) c(camera_id) CROSS JOIN LATERAL (
    SELECT start_us, end_us, class, reason, before_us, last FROM (
        SELECT start_us, end_us, class, reason, lag(end_us) OVER w AS before_us, lead(class) OVER w IS NULL AS last,
            class = lag(class) OVER w AND reason IS NOT DISTINCT FROM lag(reason) OVER w
                AND abs(start_us - lag(end_us) OVER w) <= {JOIN_US} AS joins
        FROM (
            SELECT start_us, end_us, CASE WHEN kind = 3 THEN {_GAP_CLASS} ELSE state END AS class, reason
            FROM footage_record
            WHERE tenant_id = %(tenant)s AND camera_id = c.camera_id AND stream = %(stream)s AND kind IN (2, 3)
              AND placed AND day BETWEEN %(first_day)s AND %(last_day)s
              AND start_us >= %(look_from)s AND start_us < %(to)s AND end_us > %(from)s
            UNION ALL
            SELECT start_us, end_us, {_GAP_CLASS}, reason
            FROM footage_record
            WHERE tenant_id = %(tenant)s AND camera_id = c.camera_id AND stream = %(stream)s AND kind IN (2, 3)
              AND kind = 3 AND placed AND day BETWEEN %(first_day)s AND %(last_day)s
              AND start_us >= %(day_from)s AND start_us < %(look_from)s AND end_us > %(from)s
        ) span
        WINDOW w AS (ORDER BY start_us)
    ) row WHERE joins IS NOT TRUE OR last
) run
ORDER BY c.camera_id, run.start_us
"""  # noqa: S608  constants alone

_STATUS = """
SELECT camera_id, newest_us, oldest_unsent_us FROM footage_streamstatus
WHERE tenant_id = %s AND stream = %s AND camera_id = ANY(%s)
"""


# Segments that came at another time than they state. A partial index holds these alone (migration 0003), so looking for
# them costs nothing where clocks are right and uplinks are up.
_LATE = f"""
FROM footage_record
WHERE tenant_id = %(tenant)s AND camera_id = c.camera_id AND stream = %(stream)s AND kind = 2 AND placed
  AND (received_us > end_us + {DIFFER_US} OR received_us < start_us)
  AND day BETWEEN %(first_day)s AND %(last_day)s
  AND start_us >= %(look_from)s AND start_us < %(to)s AND end_us > %(from)s
"""
_LATE_CAME = f"""
SELECT min(came.first_us), max(came.last_us) FROM unnest(%(cameras)s::uuid[]) c(camera_id)
CROSS JOIN LATERAL (SELECT min(received_us) AS first_us, max(received_us) AS last_us {_LATE}) came
"""  # noqa: S608  constants alone
_WITHHELD = f"""
SELECT c.camera_id, lower(span), upper(span)
FROM unnest(%(cameras)s::uuid[]) c(camera_id) CROSS JOIN LATERAL (
    SELECT unnest(range_agg(int8range(start_us, greatest(end_us, start_us + 1)))) AS span
    {_LATE} AND NOT received_us <@ %(seen)s::int8multirange
) late
ORDER BY c.camera_id, 2
"""  # noqa: S608  constants alone


@dataclass(frozen=True)
class CameraTimeline:
    """`newest_us` is the end of the newest recorded second known, `oldest_unsent_us` what the agent still holds; None also
    where the caller may not see that time."""

    runs: list[Run]
    newest_us: int | None
    oldest_unsent_us: int | None


def timeline(
    sights: Mapping[UUID, Sight], stream: int, from_us: int, to_us: int, resolution_us: int = 0
) -> dict[UUID, CameraTimeline]:
    """Runs of each camera in [from_us, to_us), inside the tenant's scope; which of its recorded time the caller may see
    is the caller's decision. What lies outside is one run `not-permitted`, and nothing else is told of it.

    Two queries whatever the number of cameras, and at most two for each set of hours that limits some of them.
    """
    spans, status = _look_up(list(sights), stream, from_us, to_us)
    withheld = _withheld(sights, stream, from_us, to_us)
    return {
        camera: _seen_of(
            sight,
            spans.get(camera, []),
            withheld.get(camera, []),
            status.get(camera, (None, None)),
            (from_us, to_us),
            resolution_us,
        )
        for camera, sight in sights.items()
    }


def _seen_of(
    sight: Sight,
    spans: list[Run],
    withheld: list[Span],
    status: tuple[int | None, int | None],
    asked: Span,
    resolution_us: int,
) -> CameraTimeline:
    if not sight.limited:
        return CameraTimeline(coarsen(overlay(spans, *asked), resolution_us), *status)
    seen = subtract(sight.spans(*asked, _until_us(sight)), withheld)
    runs = [Run(begin, end, TimelineState.NOT_PERMITTED) for begin, end in subtract([asked], seen)]
    for begin, end in seen:
        runs += coarsen(overlay(spans, begin, end), resolution_us)
    newest_us, unsent_us = status
    return CameraTimeline(
        sorted(runs, key=lambda run: run.from_us),
        newest_us if _sees(sight, newest_us, -1) else None,
        unsent_us if _sees(sight, unsent_us, 0) else None,
    )


def _sees(sight: Sight, instant_us: int | None, shift_us: int) -> bool:
    """Whether an instant may be told; one that ends something belongs to the microsecond before."""
    return instant_us is not None and bool(sight.spans(instant_us + shift_us, instant_us + shift_us + 1))


def _until_us(sight: Sight) -> int:
    """What is shown can be asked for: it stays permitted for as long as a grant lives."""
    return sight.until_us(sight.at_us + GRANT_GET_SECONDS * US)


def _withheld(sights: Mapping[UUID, Sight], stream: int, from_us: int, to_us: int) -> dict[UUID, list[Span]]:
    """By camera, footage that states a permitted time and did not come at one. The clip of a segment over the edges of
    what is asked is the caller's."""
    alike: dict[Sight, list[UUID]] = {}
    for camera, sight in sights.items():
        if sight.limited:
            alike.setdefault(sight, []).append(camera)
    found: dict[UUID, list[Span]] = {}
    look_from = from_us - LONGEST_SEGMENT_US
    wanted: dict[str, object] = {
        "tenant": current_tenant_id(),
        "stream": stream,
        "from": from_us,
        "to": to_us,
        "look_from": look_from,
        "first_day": day_of(look_from),
        "last_day": day_of(to_us - 1),
    }
    for sight, cameras in alike.items():
        with connection.cursor() as cursor:
            cursor.execute(_LATE_CAME, wanted | {"cameras": cameras})
            first_us, last_us = cursor.fetchone()
            if first_us is None:
                continue
            seen = sight.spans(first_us, last_us + 1, _until_us(sight))
            ranges = ",".join(f"[{begin},{end})" for begin, end in seen)
            cursor.execute(_WITHHELD, wanted | {"cameras": cameras, "seen": f"{{{ranges}}}"})
            for camera, begin, end in cursor.fetchall():
                found.setdefault(camera, []).append((begin, end))
    return {camera: intersect(spans, [(from_us, to_us)]) for camera, spans in found.items()}


def newest_recorded_us(cameras: Collection[UUID]) -> dict[UUID, int]:
    """The end of each camera's newest recorded segment, for the cameras' states."""
    rows = StreamStatus.objects.filter(camera_id__in=cameras, newest_us__isnull=False)
    found = rows.values("camera_id").annotate(reached_us=Max("newest_us"))
    return {row["camera_id"]: row["reached_us"] for row in found}


def _look_up(
    cameras: Sequence[UUID], stream: int, from_us: int, to_us: int
) -> tuple[dict[UUID, list[Run]], dict[UUID, tuple[int | None, int | None]]]:
    """Runs by camera as the database merges them, and (newest, oldest unsent) by camera."""
    look_from = from_us - LONGEST_SEGMENT_US
    day_from = min(look_from, day_start_us(from_us))
    with connection.cursor() as cursor:
        cursor.execute(
            _RUNS,
            {
                "tenant": current_tenant_id(),
                "cameras": list(cameras),
                "stream": stream,
                "from": from_us,
                "to": to_us,
                "look_from": look_from,
                "day_from": day_from,
                "first_day": day_of(day_from),
                "last_day": day_of(to_us - 1),
            },
        )
        rows = cursor.fetchall()
        cursor.execute(_STATUS, [current_tenant_id(), stream, list(cameras)])
        status = {camera: (newest, unsent) for camera, newest, unsent in cursor.fetchall()}
    spans = {camera: list(_runs(list(in_order))) for camera, in_order in groupby(rows, key=itemgetter(0))}
    return spans, status


def _runs(rows: list[tuple[UUID, int, int, int, int | None, int | None, bool]]) -> Iterator[Run]:
    """Runs of one camera from the rows that begin one, and the last row of all."""
    begun: tuple[int, int, int | None] | None = None
    for _, start, end, state, reason, before, last in rows:
        joins = (
            begun is not None and last and before is not None and _joins(begun, start, before, state, reason)
        )
        if begun is not None and not joins:
            yield Run(begun[0], before or begun[0], _STATES[begun[1]], begun[2])
        if not joins:
            begun = (start, state, reason)
        if last and begun is not None:
            yield Run(begun[0], end, _STATES[begun[1]], begun[2])


def _joins(
    begun: tuple[int, int, int | None], start: int, before: int, state: int, reason: int | None
) -> bool:
    """Whether the last row goes on with the run before it, as the query decides it for the others."""
    return (state, reason) == begun[1:] and abs(start - before) <= JOIN_US
