"""Still pictures of many cameras at once: for each wish the newest stored segment that begins with a key frame.

A still is recorded footage: the right to it is the right to play (the caller's decision), and what is found, opened and
released is as in playback, one segment a wish. The number of queries does not grow with the wishes.
"""

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db import connection

from protocol.limits import LAST_US
from protocol.states import SegmentState
from sealing.ids import RecordKind, Stream
from tenants.scope import current_tenant_id
from tenants.sight import Sight
from vsaas.footage.models import StreamStatus
from vsaas.footage.playback import (
    BODY,
    COLUMNS,
    LONGEST_GROUP_US,
    PLACED,
    Asked,
    Found,
    StreamAnswer,
    found_of,
    may_see,
    name_agents,
)
from vsaas.footage.times import DAY_US, LONGEST_SEGMENT_US, US, day_of

STILLS_MOST = 64
SUB_BEHIND_US = 60 * US
"""The sub stream, whose pictures cost less, is shown while it is at most this far behind the main one."""


@dataclass(frozen=True)
class Wish:
    """A picture of a camera: its newest one, or the last one before `at_us`. `stream` None: whichever suits."""

    camera: uuid.UUID
    at_us: int | None = None
    stream: Stream | None = None


@dataclass(frozen=True)
class _Search:
    """Where the picture of one wish is looked for: segments of one stream that begin in [from_us, until_us] and end by
    `ends_by_us`."""

    number: int
    camera: uuid.UUID
    stream: int
    from_us: int
    until_us: int
    ends_by_us: int


def stills(wishes: Sequence[Wish], sights: Mapping[uuid.UUID, Sight], expires_us: int) -> list[StreamAnswer]:
    """For each wish, in order, its stream with one segment, or with none where no picture is stored that may be seen up to
    `expires_us` by the camera's `sights`.

    Wishes that the same segment answers share one answer. Inside the tenant's scope; objects and keys are opened
    afterwards (`playback.open_objects`, `playback.release`).
    """
    found = [
        (search, row)
        for search, row in _look_up(_searches(wishes, sights, expires_us))
        if may_see(row, sights[row.camera], expires_us)
    ]
    shared: dict[uuid.UUID, StreamAnswer] = {}
    answers = []
    for number, wish in enumerate(wishes):
        best = _best(wish, [row for search, row in found if search.number == number])
        if best is None:
            answers.append(
                StreamAnswer(Asked(wish.camera, int(wish.stream or Stream.SUB), sights[wish.camera]))
            )
            continue
        asked = Asked(best.camera, best.stream, sights[best.camera])
        answer = shared.setdefault(best.segment, StreamAnswer(asked, [best]))
        answers.append(answer)
    name_agents(shared.values())
    return answers


def _searches(wishes: Sequence[Wish], sights: Mapping[uuid.UUID, Sight], expires_us: int) -> list[_Search]:
    newest = _newest([wish.camera for wish in wishes if wish.at_us is None])
    out = []
    for number, wish in enumerate(wishes):
        for stream in (Stream.MAIN, Stream.SUB) if wish.stream is None else (wish.stream,):
            if wish.at_us is not None:
                reach = (wish.at_us - LONGEST_GROUP_US, wish.at_us)
            elif (wish.camera, int(stream)) in newest:
                reach = newest[(wish.camera, int(stream))]
            else:
                continue
            seen = _seen(sights[wish.camera], *reach, expires_us, at_end=wish.at_us is not None)
            if seen is not None:
                out.append(_Search(number, wish.camera, int(stream), *seen))
    return out


def _seen(
    sight: Sight, from_us: int, until_us: int, expires_us: int, *, at_end: bool
) -> tuple[int, int, int] | None:
    """Where in [from_us, until_us] a picture may begin, and by when its segment must end: in the last span the person may
    see, and only if it holds `until_us` where `at_end`. None: nowhere."""
    if not sight.limited:
        return from_us, until_us, LAST_US
    ends = until_us + LONGEST_SEGMENT_US
    spans = [span for span in sight.spans(from_us, ends, expires_us) if span[0] <= until_us]
    if not spans or (at_end and spans[-1][1] <= until_us):
        return None
    begin, end = spans[-1]
    return begin, min(until_us, end - 1), LAST_US if end == ends else end


def _newest(cameras: Sequence[uuid.UUID]) -> dict[tuple[uuid.UUID, int], tuple[int, int]]:
    """Per camera and stream, where its newest stored segment must begin: a day back from what the agent still holds."""
    rows = StreamStatus.objects.filter(camera_id__in=cameras, newest_us__isnull=False)
    return {
        (camera, stream): (min(newest, unsent or newest) - DAY_US, newest)
        for camera, stream, newest, unsent in rows.values_list(
            "camera_id", "stream", "newest_us", "oldest_unsent_us"
        )
    }


def _look_up(searches: Sequence[_Search]) -> list[tuple[_Search, Found]]:
    """The newest fitting segment of each search. One query: the index is walked back from `until_us`, in the days that
    can hold it."""
    if not searches:
        return []
    sql = f"""
        SELECT {COLUMNS}, s.at
        FROM unnest(%s::uuid[], %s::smallint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::date[], %s::date[])
            WITH ORDINALITY s(camera_id, stream, from_us, until_us, ends_by_us, first_day, last_day, at)
        CROSS JOIN LATERAL (
            SELECT * FROM footage_record r
            WHERE r.tenant_id = %s AND r.camera_id = s.camera_id AND r.stream = s.stream AND {PLACED}
              AND r.kind = {int(RecordKind.SEGMENT)} AND r.state = {int(SegmentState.STORED)} AND r.continues IS NULL
              AND r.start_us >= s.from_us AND r.start_us <= s.until_us AND r.end_us <= s.ends_by_us
              AND r.day BETWEEN s.first_day AND s.last_day
            ORDER BY r.start_us DESC LIMIT 1
        ) r {BODY}
        """  # noqa: S608  constants alone
    columns = [
        [search.camera for search in searches],
        [search.stream for search in searches],
        [search.from_us for search in searches],
        [search.until_us for search in searches],
        [search.ends_by_us for search in searches],
        [day_of(search.from_us) for search in searches],
        [day_of(search.until_us) for search in searches],
    ]
    with connection.cursor() as cursor:
        cursor.execute(sql, [*columns, current_tenant_id()])
        return [(searches[row[-1] - 1], found_of(row)) for row in cursor.fetchall()]


def _best(wish: Wish, candidates: Sequence[Found]) -> Found | None:
    """The sub stream's segment where it is nearly as near to what was wished as the main one's."""
    if len(candidates) < 2:
        return candidates[0] if candidates else None
    sub, main = sorted(candidates, key=lambda found: found.stream, reverse=True)
    until = wish.at_us if wish.at_us is not None else max(main.end_us, sub.end_us)
    behind = min(main.end_us, until) - min(sub.end_us, until)
    return sub if behind <= (SUB_BEHIND_US if wish.at_us is None else US) else main
