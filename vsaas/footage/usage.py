"""How much is stored, how fast it grows, and when the quota will be reached. From the camera-hours alone: no record is
touched, and the number of queries does not grow with cameras or days. Inside the tenant's scope."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import Max, Min, Sum

from sealing.ids import Stream
from tenants import access
from tenants.access import Actor
from tenants.hours import inside
from tenants.permissions import TENANT_EDIT, USAGE_VIEW
from tenants.scope import current_tenant_id
from tenants.sight import Sight, sight
from vsaas.cameras.kept import Kept
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.footage.forecast import Growth, forecast
from vsaas.footage.models import Erasure, FootageHour
from vsaas.footage.policy import policy
from vsaas.footage.times import DAY_US, HOUR_US, day_of

RATE_DAYS = 7
"""The rate of growth is the mean of so many days, or of all that is kept where that is less."""
CHART_DAYS = 30


@dataclass
class CameraUsage:
    """One camera's kept footage. `bytes_per_day` None: recorded for less than an hour, so nothing can be said."""

    camera: Camera
    main_bytes: int = 0
    sub_bytes: int = 0
    from_us: int | None = None
    to_us: int | None = None
    recent_bytes: int = 0

    @property
    def size_bytes(self) -> int:
        return self.main_bytes + self.sub_bytes

    def bytes_per_day(self, now_us: int) -> int | None:
        if not self.camera.enabled or self.from_us is None:
            return 0
        since_us = max(self.from_us, now_us - RATE_DAYS * DAY_US)
        if now_us - since_us < HOUR_US:
            return None
        return self.recent_bytes * DAY_US // (now_us - since_us)


def kept_of(camera_ids: Collection[UUID]) -> Mapping[UUID, Kept]:
    """What is kept of each of these cameras; those with nothing are left out. One query."""
    rows = (
        FootageHour.objects.filter(camera_id__in=camera_ids, erasure=Erasure.KEPT, declared_bytes__gt=0)
        .values_list("camera_id")
        .annotate(Sum("declared_bytes"), Min("hour_us"), Max("hour_us"), Sum("stored_bytes"))
        .order_by()
    )
    return {camera: Kept(size, first, last + HOUR_US, stored) for camera, size, first, last, stored in rows}


def usage(actor: Actor) -> dict[str, Any]:
    """What `GET /api/v1/usage` answers (docs/architecture.md): the cameras the actor may see the storage of, largest
    first; quota and forecast for whoever may see all of them."""
    now_us = clock.now_us()
    sees_all = actor.everywhere(USAGE_VIEW)
    shown = _shown(actor)
    rows = camera_usage(shown, now_us)
    now_policy = policy()
    cameras = [_camera_json(row, now_us, now_policy.retention_days) for row in rows]
    growths = [
        Growth(
            row.size_bytes,
            row.bytes_per_day(now_us) or 0,
            row.camera.retention_days or now_policy.retention_days,
        )
        for row in rows
    ]
    ahead = forecast(growths, now_policy.quota_bytes)
    return {
        "now_us": now_us,
        "total_bytes": sum(row.size_bytes for row in rows),
        "bytes_per_day": ahead.bytes_per_day,
        "rate_days": RATE_DAYS,
        "retention_days": now_policy.retention_days,
        "quota_bytes": now_policy.quota_bytes if sees_all else None,
        "forecast": {
            "levels_off_bytes": ahead.levels_off_bytes,
            "full_in_days": ahead.full_in_days,
            "kept_days": ahead.kept_days,
        }
        if sees_all
        else None,
        "days": by_day(shown, now_us),
        "cameras": cameras,
        "may": {"edit": actor.tenant_wide(TENANT_EDIT)},
    }


@dataclass(frozen=True)
class _Shown:
    """The cameras the actor may see the storage of; of those in `limited` only these hours count: (camera, stream, hour,
    bytes), which lie wholly inside the time the actor may know of."""

    cameras: Sequence[Camera]
    limited: frozenset[UUID]
    hours: Sequence[tuple[UUID, int, int, int]]

    @property
    def whole(self) -> list[UUID]:
        return [camera.id for camera in self.cameras if camera.id not in self.limited]


def _shown(actor: Actor) -> _Shown:
    rows = access.visible(actor, USAGE_VIEW, Camera.objects.select_related("site"))
    if actor.calendar is None:  # no hours had a say
        return _Shown(list(rows), frozenset(), [])
    cameras = list(rows.prefetch_related("groups"))
    sights = {camera.id: sight(actor, camera, USAGE_VIEW) for camera in cameras}
    limited = {camera: one for camera, one in sights.items() if one.limited}
    return _Shown(cameras, frozenset(limited), list(_seen_hours(limited)))


def _seen_hours(sights: Mapping[UUID, Sight]) -> Iterator[tuple[UUID, int, int, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT camera_id, stream, hour_us, declared_bytes FROM footage_footagehour
            WHERE tenant_id = %s AND erasure = %s AND declared_bytes > 0 AND camera_id = ANY(%s)
            """,
            [current_tenant_id(), int(Erasure.KEPT), list(sights)],
        )
        rows: list[tuple[UUID, int, int, int]] = cursor.fetchall()
    known: dict[tuple[Sight, int], bool] = {}
    for camera, stream, hour_us, size in rows:
        asked = (sights[camera], hour_us)
        if asked not in known:
            known[asked] = inside(asked[0].spans(hour_us, hour_us + HOUR_US), hour_us, hour_us + HOUR_US)
        if known[asked]:
            yield camera, stream, hour_us, size


def _sums_seen(shown: _Shown, since_us: int) -> Iterator[tuple[UUID, int, int, int, int, int]]:
    """As `_sums`, of the hours that are told of limited cameras."""
    by_stream: dict[tuple[UUID, int], list[tuple[int, int]]] = defaultdict(list)
    for camera, stream, hour_us, size in shown.hours:
        by_stream[(camera, stream)].append((hour_us, size))
    for (camera, stream), hours in by_stream.items():
        recent = sum(size for hour_us, size in hours if hour_us >= since_us)
        yield camera, stream, sum(size for _, size in hours), min(hours)[0], max(hours)[0], recent


def camera_usage(shown: _Shown, now_us: int) -> list[CameraUsage]:
    """Largest first. Deleted cameras are among them while something of theirs is kept. One query."""
    rows = {camera.id: CameraUsage(camera) for camera in shown.cameras}
    since_us = now_us - RATE_DAYS * DAY_US
    whole = [row for row in _sums(since_us) if row[0] not in shown.limited]
    for camera_id, stream, size, first, last, recent in [*whole, *_sums_seen(shown, since_us)]:
        row = rows.get(camera_id)
        if row is None:
            continue
        if stream == Stream.MAIN:
            row.main_bytes = size
        else:
            row.sub_bytes = size
        row.recent_bytes += recent
        row.from_us = first if row.from_us is None else min(row.from_us, first)
        row.to_us = last + HOUR_US if row.to_us is None else max(row.to_us, last + HOUR_US)
    shown = [row for row in rows.values() if row.size_bytes or row.camera.deleted_at is None]
    return sorted(shown, key=lambda row: (-row.size_bytes, row.camera.name))


def _sums(since_us: int) -> list[tuple[UUID, int, int, int, int, int]]:
    """(camera, stream, bytes, first hour, last hour, bytes since `since_us`) of what is kept."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT camera_id, stream, sum(declared_bytes)::bigint, min(hour_us), max(hour_us),
                coalesce(sum(declared_bytes) FILTER (WHERE hour_us >= %s), 0)::bigint
            FROM footage_footagehour
            WHERE tenant_id = %s AND erasure = %s AND declared_bytes > 0
            GROUP BY camera_id, stream
            """,
            [since_us, current_tenant_id(), int(Erasure.KEPT)],
        )
        rows: list[tuple[UUID, int, int, int, int, int]] = cursor.fetchall()
    return rows


def by_day(shown: _Shown, now_us: int) -> list[dict[str, Any]]:
    """Kept bytes by UTC day of recording, oldest first, for CHART_DAYS days up to today; days with nothing are there."""
    today = now_us // DAY_US
    first = today - CHART_DAYS + 1
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT hour_us / %s AS day, sum(declared_bytes)::bigint FROM footage_footagehour
            WHERE tenant_id = %s AND erasure = %s AND hour_us >= %s AND camera_id = ANY(%s) GROUP BY 1
            """,
            [DAY_US, current_tenant_id(), int(Erasure.KEPT), first * DAY_US, shown.whole],
        )
        found: dict[int, int] = dict(cursor.fetchall())
    for _camera, _stream, hour_us, size in shown.hours:
        found[hour_us // DAY_US] = found.get(hour_us // DAY_US, 0) + size
    return [
        {"day": day_of(day * DAY_US).isoformat(), "bytes": found.get(day, 0)}
        for day in range(first, today + 1)
    ]


def _camera_json(row: CameraUsage, now_us: int, default_days: int) -> dict[str, Any]:
    camera = row.camera
    return {
        "id": str(camera.id),
        "name": camera.name,
        "site": camera.site.name,
        "site_id": str(camera.site_id),
        "deleted": camera.deleted_at is not None,
        "bytes": row.size_bytes,
        "main_bytes": row.main_bytes,
        "sub_bytes": row.sub_bytes,
        "bytes_per_day": row.bytes_per_day(now_us),
        "from_us": row.from_us,
        "to_us": row.to_us,
        "retention_days": camera.retention_days or default_days,
        "own_retention": camera.retention_days is not None,
    }
