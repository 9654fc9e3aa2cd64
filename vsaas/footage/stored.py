"""Confirming uploads: time is shown as stored only once the portal itself saw the object in the store.

A camera-hour is listed in one call, outside any transaction, and compared with what was declared for it. The agent
is told with its next batch; until then it keeps its copy.
"""

import base64
import uuid
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from django.db import connection
from django.db.models import F

from protocol.batch import Unsent, Uploaded
from protocol.limits import LAST_US
from protocol.states import SegmentState
from sealing.ids import Stream
from sealing.names import hour, object_name, stream_prefix
from tenants.scope import current_tenant_id, tenant_scope
from vsaas.common import clock
from vsaas.common.object_store import ObjectNotFound, ObjectStore, Stored
from vsaas.footage import acts
from vsaas.footage.findings import object_wrong
from vsaas.footage.models import ADOPTED, FindingKind, FootageHour, StreamStatus
from vsaas.footage.times import DAY_US, HOUR_US, day_of, hour_start_us

UUID7_SLACK_US = HOUR_US
"""How far a segment's id may have been made from its start; beyond it, it is looked for everywhere."""
SEARCHED_EVERYWHERE_MOST = 50
"""Per stream and batch: looking through all of a camera's days is dear, and the minutely look finds the rest."""
HOURS_AT_ONCE = 200
RECHECK_US = 60 * 1_000_000


@dataclass(frozen=True, order=True, slots=True)
class Hour:
    """One camera-hour of one stream, as object names have it."""

    camera: uuid.UUID
    stream: int
    hour_us: int

    def prefix(self, tenant: uuid.UUID) -> str:
        """Common beginning of the names of the hour's objects."""
        return f"{stream_prefix(tenant, self.camera, Stream(self.stream))}{hour(self.hour_us)}/"


@dataclass(frozen=True, slots=True)
class Declared:
    """A segment as its record declares it, and where its row stands."""

    chain: uuid.UUID
    seq: int
    day: object
    segment: uuid.UUID
    state: int
    start_us: int
    size_bytes: int
    crc32c: bytes
    version_id: str | None

    def name(self, tenant: uuid.UUID, where: Hour) -> str:
        return object_name(tenant, where.camera, Stream(where.stream), self.segment, self.start_us)


@dataclass
class Comparison:
    """What the listing of one hour says about its segments."""

    present: list[tuple[Declared, str]] = field(default_factory=list)
    """Stored now, with the version that holds the declared bytes."""
    changed: list[Declared] = field(default_factory=list)
    """Something is stored under the name, and no version of it can be the declared object."""
    absent: list[Declared] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    """Names no record speaks of."""


def uploads_reported(
    cameras: Collection[uuid.UUID], uploaded: Sequence[Uploaded], *, adopted: bool = False
) -> set[uuid.UUID]:
    """Which of the segments an agent says it uploaded it need not keep (stored, or deleted by policy since); has the
    others looked for. `adopted`: another agent brought them, which took the place of this one and has its disk."""
    confirmed: set[uuid.UUID] = set()
    look_at: set[Hour] = set()
    for (camera, stream), segments in _by_stream(cameras, uploaded).items():
        known = _states(camera, stream, segments)
        if adopted and known:
            _mark_adopted(camera, stream, {segment: start_us for segment, _, start_us in known})
        for segment, state, start_us in known:
            if state in (SegmentState.STORED, SegmentState.DELETED):
                confirmed.add(segment)
            elif state == SegmentState.DECLARED:
                look_at.add(Hour(camera, stream, hour_start_us(start_us)))
    if look_at:
        from vsaas.footage.tasks import confirm_hours

        hours = [[str(each.camera), each.stream, each.hour_us] for each in sorted(look_at)]
        confirm_hours.enqueue(str(current_tenant_id()), hours)
    return confirmed


def _mark_adopted(camera: uuid.UUID, stream: int, starts_us: dict[uuid.UUID, int]) -> None:
    """What these segments hold came off an adopted disk, whoever told of them first."""
    bounds = min(starts_us.values()), max(starts_us.values())
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE footage_record SET flags = flags | %s
            WHERE tenant_id = %s AND camera_id = %s AND stream = %s AND kind IN (2, 3) AND placed
              AND segment = ANY(%s) AND start_us BETWEEN %s AND %s AND day BETWEEN %s AND %s AND flags & %s = 0
            """,
            [
                ADOPTED,
                current_tenant_id(),
                camera,
                stream,
                list(starts_us),
                *bounds,
                *(day_of(us) for us in bounds),
                ADOPTED,
            ],
        )


def _by_stream(
    cameras: Collection[uuid.UUID], uploaded: Sequence[Uploaded]
) -> dict[tuple[uuid.UUID, int], list[uuid.UUID]]:
    streams: dict[tuple[uuid.UUID, int], list[uuid.UUID]] = defaultdict(list)
    for item in uploaded:
        if item.camera in cameras and item.stream in (Stream.MAIN, Stream.SUB):
            streams[(item.camera, item.stream)].append(item.segment)
    return streams


def _states(camera: uuid.UUID, stream: int, segments: list[uuid.UUID]) -> list[tuple[uuid.UUID, int, int]]:
    """(segment, state, start) of known segments. A UUIDv7 tells about when to look."""
    made = [min((segment.int >> 80) * 1000, LAST_US) for segment in segments]
    near = (max(0, min(made) - UUID7_SLACK_US), min(max(made) + UUID7_SLACK_US, LAST_US))
    rows: list[tuple[uuid.UUID, int, int]] = []
    left = set(segments)
    for window in (near, None):
        if left:
            wanted = sorted(left) if window else sorted(left)[:SEARCHED_EVERYWHERE_MOST]
            found = _states_within(camera, stream, wanted, window)
            rows.extend(found)
            left -= {segment for segment, _, _ in found}
    return rows


def _states_within(
    camera: uuid.UUID, stream: int, segments: list[uuid.UUID], window: tuple[int, int] | None
) -> list[tuple[uuid.UUID, int, int]]:
    condition, bounds = "", []
    if window is not None and window[1] - window[0] < 400 * DAY_US:
        condition = "AND start_us BETWEEN %s AND %s AND day BETWEEN %s AND %s"
        bounds = [*window, day_of(window[0]), day_of(window[1])]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            SELECT segment, state, start_us FROM footage_record
            WHERE tenant_id = %s AND camera_id = %s AND stream = %s AND kind IN (2, 3) AND segment = ANY(%s)
            {condition}
            """,  # noqa: S608  one of two constants
            [current_tenant_id(), camera, stream, segments, *bounds],
        )
        rows: list[tuple[uuid.UUID, int, int]] = cursor.fetchall()
    return rows


def set_oldest_unsent(
    cameras: Iterable[uuid.UUID], oldest_unsent_us: int | None, unsent: Sequence[Unsent] | None
) -> None:
    """What the agent still holds back, for each stream of its cameras; one value for all from agents that tell no more."""
    told = None if unsent is None else {(item.camera, item.stream): item.oldest_us for item in unsent}
    changed = []
    for status in StreamStatus.objects.filter(camera_id__in=list(cameras)):
        oldest_us = oldest_unsent_us if told is None else told.get((status.camera_id, status.stream))
        if status.oldest_unsent_us != oldest_us:
            status.oldest_unsent_us = oldest_us
            changed.append(status)
    StreamStatus.objects.bulk_update(changed, ["oldest_unsent_us"])


def declared_in(where: Hour, states: Sequence[int]) -> list[Declared]:
    """The segments of an hour in these states; in the tenant's scope."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT chain, seq, day, segment, state, start_us, size_bytes, crc32c, version_id FROM footage_record
            WHERE tenant_id = %s AND camera_id = %s AND stream = %s AND kind IN (2, 3) AND kind = 2
              AND start_us >= %s AND start_us < %s AND state = ANY(%s)
            ORDER BY start_us
            """,
            [
                current_tenant_id(),
                where.camera,
                where.stream,
                where.hour_us,
                where.hour_us + HOUR_US,
                [int(state) for state in states],
            ],
        )
        return [Declared(*row[:7], bytes(row[7]), row[8]) for row in cursor.fetchall()]


def compare(
    tenant: uuid.UUID, where: Hour, declared: Sequence[Declared], listed: Iterable[Stored], store: ObjectStore
) -> Comparison:
    """Holds the store's listing of an hour against its records. Asks the store for a checksum only where a name has
    several versions: a grant binds size and checksum, so a single version of the right size is the declared object."""
    versions: dict[str, list[Stored]] = defaultdict(list)
    for item in listed:
        versions[item.name].append(item)
    result = Comparison()
    for segment in declared:
        found = versions.pop(segment.name(tenant, where), [])
        fitting = [item for item in found if item.size == segment.size_bytes]
        if len(found) > 1:
            fitting = [item for item in fitting if _has_checksum(store, item, segment.crc32c)]
        if segment.version_id is not None:
            fitting = [item for item in fitting if item.version_id == segment.version_id]
        if fitting and fitting[-1].version_id is not None:
            result.present.append((segment, fitting[-1].version_id))
        elif found and segment.version_id is None:
            result.changed.append(segment)
        else:
            result.absent.append(segment)
    result.unknown = sorted(versions)
    return result


def _has_checksum(store: ObjectStore, item: Stored, crc32c: bytes) -> bool:
    try:
        seen = store.head(item.name, item.version_id)
    except ObjectNotFound:
        return False
    return seen.crc32c_b64 == base64.b64encode(crc32c).decode()


def confirm_hour(tenant: uuid.UUID, where: Hour, store: ObjectStore) -> int:
    """Marks what has arrived of one hour; returns how many segments were confirmed. Opens its own scopes: the store
    is asked between them."""
    with tenant_scope(tenant):
        waiting = declared_in(where, [SegmentState.DECLARED])
        FootageHour.objects.filter(camera_id=where.camera, stream=where.stream, hour_us=where.hour_us).update(
            checked_us=clock.now_us()
        )
    if not waiting:
        return 0
    comparison = compare(tenant, where, waiting, store.list_versions(where.prefix(tenant)), store)
    with tenant_scope(tenant):
        confirmed = mark_stored(where, comparison.present)
        for segment in comparison.changed:
            mark(where, [segment], SegmentState.MISSING)
            object_wrong(
                FindingKind.OBJECT_CHANGED,
                segment.name(tenant, where),
                acts.ANOTHER_OBJECT % {"size": segment.size_bytes},
                where.camera,
            )
    return confirmed


def mark_stored(where: Hour, present: Sequence[tuple[Declared, str]]) -> int:
    """Sets state and version id of segments that were seen; returns how many were not marked before."""
    if not present:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH seen AS (
                UPDATE footage_record r SET state = %s, version_id = v.version_id, stored_us = %s
                FROM unnest(%s::uuid[], %s::bigint[], %s::date[], %s::text[]) v(chain, seq, day, version_id)
                WHERE r.tenant_id = %s AND r.chain = v.chain AND r.seq = v.seq AND r.day = v.day
                  AND r.day = ANY(%s::date[]) AND r.state = ANY(%s)
                RETURNING r.size_bytes
            )
            SELECT count(*), coalesce(sum(size_bytes), 0) FROM seen
            """,
            [
                int(SegmentState.STORED),
                clock.now_us(),
                [segment.chain for segment, _ in present],
                [segment.seq for segment, _ in present],
                [segment.day for segment, _ in present],
                [version for _, version in present],
                current_tenant_id(),
                sorted({segment.day for segment, _ in present}),  # type: ignore[type-var]
                [int(SegmentState.DECLARED), int(SegmentState.MISSING)],
            ],
        )
        count, size = cursor.fetchone()
    pending = sum(1 for segment, _ in present if segment.state == SegmentState.DECLARED)
    FootageHour.objects.filter(camera_id=where.camera, stream=where.stream, hour_us=where.hour_us).update(
        pending=F("pending") - min(count, pending), stored_bytes=F("stored_bytes") + size
    )
    return int(count)


def mark(where: Hour, segments: Sequence[Declared], state: SegmentState) -> int:
    """Moves segments from the state they were read in to another one; returns how many still were in it."""
    if not segments:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH moved AS (
                UPDATE footage_record r SET state = %s
                FROM unnest(%s::uuid[], %s::bigint[], %s::date[], %s::smallint[]) v(chain, seq, day, state)
                WHERE r.tenant_id = %s AND r.chain = v.chain AND r.seq = v.seq AND r.day = v.day
                  AND r.day = ANY(%s::date[]) AND r.state = v.state
                RETURNING v.state AS was, r.size_bytes
            )
            SELECT count(*), count(*) FILTER (WHERE was = %s),
                   coalesce(sum(size_bytes) FILTER (WHERE was = %s), 0) FROM moved
            """,
            [
                int(state),
                [segment.chain for segment in segments],
                [segment.seq for segment in segments],
                [segment.day for segment in segments],
                [segment.state for segment in segments],
                current_tenant_id(),
                sorted({segment.day for segment in segments}),  # type: ignore[type-var]
                int(SegmentState.DECLARED),
                int(SegmentState.STORED),
            ],
        )
        count, were_pending, stored_bytes = cursor.fetchone()
    FootageHour.objects.filter(camera_id=where.camera, stream=where.stream, hour_us=where.hour_us).update(
        pending=F("pending") - were_pending, stored_bytes=F("stored_bytes") - stored_bytes
    )
    return int(count)


def hours_to_confirm() -> list[Hour]:
    """Hours with segments still to arrive that nobody looked at for a minute; in the tenant's scope, newest first."""
    rows = FootageHour.objects.filter(pending__gt=0, checked_us__lt=clock.now_us() - RECHECK_US).order_by(
        "-hour_us"
    )
    return [Hour(row.camera_id, row.stream, row.hour_us) for row in rows[:HOURS_AT_ONCE]]
