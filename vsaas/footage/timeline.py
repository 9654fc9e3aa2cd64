"""What was recorded when: merged runs per camera and state, from the covering index alone.

PostgreSQL merges segments into runs (gaps and islands), so a reply and the work in Python stay small whatever the
range; `runs` then lays competing states over each other.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from uuid import UUID

from django.db import connection
from django.db.models import Max

from protocol.states import SegmentState, TimelineState
from tenants.scope import current_tenant_id
from vsaas.footage.models import StreamStatus
from vsaas.footage.runs import Run, coarsen, overlay
from vsaas.footage.times import DAY_US, LONGEST_SEGMENT_US, day_of, day_start_us

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


@dataclass(frozen=True)
class CameraTimeline:
    """`newest_us` is the end of the newest recorded second known, `oldest_unsent_us` what the agent still holds."""

    runs: list[Run]
    newest_us: int | None
    oldest_unsent_us: int | None


def timeline(
    cameras: Sequence[UUID], stream: int, from_us: int, to_us: int, resolution_us: int = 0
) -> dict[UUID, CameraTimeline]:
    """Runs of each camera in [from_us, to_us), inside the tenant's scope; access is the caller's decision.

    Two queries whatever the number of cameras.
    """
    spans, status = _look_up(cameras, stream, from_us, to_us)
    return {
        camera: CameraTimeline(
            coarsen(overlay(spans.get(camera, []), from_us, to_us), resolution_us),
            *status.get(camera, (None, None)),
        )
        for camera in cameras
    }


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
