"""Deleting what retention and quota no longer keep, one camera-hour at a time.

The order is what makes it safe: first the keys of the hour are destroyed, which ends its footage whatever happens to
the bytes; then every object version goes by its id; then a tombstone signed by the deletion key says what was deleted
and why, in the same transaction that marks the records. Each step can be repeated, and a sweep that was interrupted
goes on where it stopped. A period key never serves more than an hour, so whole hours are the unit; a key that another
kept hour shares stays until that one goes too.
"""

import datetime
import uuid
from collections import defaultdict
from collections.abc import Sequence

from django.db import connection
from django.db.models import Q
from django.utils.translation import gettext_noop

from protocol.limits import GRANT_PUT_SECONDS
from protocol.states import SegmentState
from sealing.ids import Stream
from sealing.tombstone import SeqRange
from sealing.tombstone import Tombstone as Statement
from tenants.scope import current_tenant_id, tenant_scope
from vsaas.audit import services as audit
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.common.object_store import ObjectStore
from vsaas.common.tasks import for_each
from vsaas.footage import acts, events, stored
from vsaas.footage.models import Erasure, FootageHour, Tombstone
from vsaas.footage.policy import policy
from vsaas.footage.stored import Declared, Hour
from vsaas.footage.times import DAY_US, HOUR_US, LONGEST_SEGMENT_US, iso
from vsaas.keys import services as keys

CLAIM_US = 10 * 60 * 1_000_000
HOURS_AT_ONCE = 500
SEGMENTS_PER_TOMBSTONE = 10_000
SWEEPER = audit.system(gettext_noop("retention sweep"))


def sweep(tenant: uuid.UUID, store: ObjectStore) -> int:
    """Deletes what is due, at most HOURS_AT_ONCE hours; returns how many hours were finished. An hour that cannot be
    deleted keeps no others from it; its error is raised at the end."""
    with tenant_scope(tenant):
        _forget_events()
        due = [*_interrupted(), *_of_deleted_cameras(), *_too_old(), *_over_quota()]
    finished: list[uuid.UUID] = []

    def erase(hour: tuple[uuid.UUID, str]) -> None:
        if _erase(tenant, *hour, store):
            finished.append(hour[0])

    for_each(due[:HOURS_AT_ONCE], erase)
    return len(finished)


def _interrupted() -> list[tuple[uuid.UUID, str]]:
    begun = (Erasure.CLAIMED, Erasure.SHREDDED, Erasure.EMPTIED)
    rows = FootageHour.objects.filter(erasure__in=begun, erasure_until_us__lt=clock.now_us())
    return [(row.id, row.erasure_policy) for row in rows.order_by("hour_us")[:HOURS_AT_ONCE]]


def _of_deleted_cameras() -> list[tuple[uuid.UUID, str]]:
    """Hours of cameras that were deleted together with their recordings.

    An hour with uploads under way waits until their grants have run out: what came in afterwards would lie in the
    store with no record that asks for its deletion.
    """
    granted = clock.now() - datetime.timedelta(seconds=GRANT_PUT_SECONDS)
    rows = FootageHour.objects.filter(camera__erase_footage=True, erasure=Erasure.KEPT).filter(
        Q(pending=0) | Q(camera__deleted_at__lt=granted)
    )
    return [
        (hour, acts.CAMERA_DELETED)
        for hour in rows.order_by("hour_us").values_list("id", flat=True)[:HOURS_AT_ONCE]
    ]


def _by_days_kept() -> list[tuple[int, list[uuid.UUID]]]:
    """How many days footage is kept, and the cameras whose is."""
    default_days = policy().retention_days
    days = {row.id: row.retention_days or default_days for row in Camera.objects.all()}
    cameras: dict[int, list[uuid.UUID]] = defaultdict(list)
    for camera, kept_days in days.items():
        cameras[kept_days].append(camera)
    return sorted(cameras.items())


def _forget_events() -> None:
    """Events are told as long as footage of their time is kept, also where there is none."""
    for kept_days, ids in _by_days_kept():
        events.forget_before(ids, clock.now_us() - kept_days * DAY_US)
    erased = list(Camera.objects.filter(erase_footage=True).values_list("id", flat=True))
    events.forget_before(erased, clock.now_us())


def _too_old() -> list[tuple[uuid.UUID, str]]:
    due: list[tuple[uuid.UUID, str]] = []
    for kept_days, ids in _by_days_kept():
        limit = clock.now_us() - kept_days * DAY_US
        rows = FootageHour.objects.filter(camera_id__in=ids, erasure=Erasure.KEPT, keep_from_us__lt=limit)
        due += [
            (row.id, acts.BY_RETENTION % {"days": kept_days})
            for row in rows.order_by("hour_us")[:HOURS_AT_ONCE]
        ]
    return due


def _over_quota() -> list[tuple[uuid.UUID, str]]:
    """The oldest hours beyond the quota, by what lies in the store; hours still being recorded stay, whatever it says."""
    quota = policy().quota_bytes
    if quota is None:
        return []
    closed_us = clock.now_us() - HOUR_US - LONGEST_SEGMENT_US
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM (
                SELECT id, hour_us, sum(stored_bytes) OVER (ORDER BY hour_us DESC, id) AS newer_bytes
                FROM footage_footagehour WHERE tenant_id = %s AND erasure = %s
            ) h WHERE newer_bytes > %s AND hour_us < %s ORDER BY hour_us LIMIT %s
            """,
            [current_tenant_id(), int(Erasure.KEPT), quota, closed_us, HOURS_AT_ONCE],
        )
        return [(row[0], acts.BY_QUOTA % {"size": quota}) for row in cursor.fetchall()]


def _erase(tenant: uuid.UUID, hour_id: uuid.UUID, why: str, store: ObjectStore) -> bool:
    """All steps for one hour; False when another sweep has it or new records came in between."""
    claimed = _claim(tenant, hour_id, why)
    if claimed is None:
        return False
    where = Hour(claimed.camera_id, claimed.stream, claimed.hour_us)
    _shred(tenant, claimed)
    for version in store.list_versions(where.prefix(tenant)):
        if version.version_id is not None:
            store.delete(version.name, version.version_id)
    with tenant_scope(tenant):
        FootageHour.objects.filter(id=hour_id, erasure=Erasure.SHREDDED).update(erasure=Erasure.EMPTIED)
    return _bury(tenant, claimed, where)


def _claim(tenant: uuid.UUID, hour_id: uuid.UUID, why: str) -> FootageHour | None:
    now = clock.now_us()
    with tenant_scope(tenant):
        rows = FootageHour.objects.filter(id=hour_id, erasure__lt=Erasure.DONE, erasure_until_us__lt=now)
        if rows.update(erasure_until_us=now + CLAIM_US) != 1:
            return None
        FootageHour.objects.filter(id=hour_id, erasure=Erasure.KEPT).update(
            erasure=Erasure.CLAIMED, erasure_policy=why
        )
        claimed: FootageHour = FootageHour.objects.get(id=hour_id)
    return claimed


def _shred(tenant: uuid.UUID, claimed: FootageHour) -> None:
    """Destroys the hour's period keys, except those a kept hour of the camera still needs."""
    with tenant_scope(tenant, keys=True):
        others = FootageHour.objects.filter(camera_id=claimed.camera_id, erasure=Erasure.KEPT).filter(
            key_ids__overlap=claimed.key_ids
        )
        needed = {bytes(key_id) for row in others for key_id in row.key_ids}
        gone = {bytes(key_id) for key_id in claimed.key_ids} - needed
        keys.destroy_envelopes(tenant, gone, camera=claimed.camera_id)
        FootageHour.objects.filter(id=claimed.id, erasure=Erasure.CLAIMED).update(erasure=Erasure.SHREDDED)


def _bury(tenant: uuid.UUID, claimed: FootageHour, where: Hour) -> bool:
    """Tombstone, marked records, audit entry and the end of the hour: together or not at all."""
    with tenant_scope(tenant):
        # What was missing before the policy's day stays missing: a tombstone would excuse it.
        segments = stored.declared_in(where, (SegmentState.DECLARED, SegmentState.STORED))
        for at in range(0, len(segments), SEGMENTS_PER_TOMBSTONE):
            _write_tombstone(tenant, claimed, where, segments[at : at + SEGMENTS_PER_TOMBSTONE])
        stored.mark(where, segments, SegmentState.DELETED)
        # Records that came in meanwhile keep the hour open: its next sweep begins at the keys again.
        same = FootageHour.objects.filter(id=claimed.id, erasure=Erasure.EMPTIED, segments=claimed.segments)
        kept = FootageHour.objects.filter(camera_id=where.camera, hour_us=where.hour_us, erasure=Erasure.KEPT)
        if not kept.exists():
            events.forget_hour(where.camera, where.hour_us)
        done = (
            same.update(erasure=Erasure.DONE, pending=0, stored_bytes=0, declared_bytes=0, erasure_until_us=0)
            == 1
        )
        if not done:
            FootageHour.objects.filter(id=claimed.id).update(erasure=Erasure.KEPT, erasure_until_us=0)
        if segments:
            camera = Camera.objects.get(id=where.camera)
            audit.record_act(
                acts.DELETED,
                SWEEPER,
                audit.what(camera),
                segments=len(segments),
                from_time=iso(segments[0].start_us),
                to_time=iso(where.hour_us + HOUR_US),
                policy=claimed.erasure_policy,
            )
    return done


def _write_tombstone(
    tenant: uuid.UUID, claimed: FootageHour, where: Hour, segments: Sequence[Declared]
) -> None:
    now = clock.now_us()
    statement = Statement(
        tenant=tenant,
        camera=where.camera,
        stream=Stream(where.stream),
        ranges=_ranges(segments),
        from_us=where.hour_us,
        to_us=where.hour_us + HOUR_US,
        policy=claimed.erasure_policy,
        deleted_us=now,
        statement_number=keys.deletion_statement_number(tenant),
        segments=tuple(segment.segment for segment in segments),
    )
    Tombstone.objects.create(
        camera_id=where.camera,
        stream=where.stream,
        from_us=statement.from_us,
        to_us=statement.to_us,
        deleted_us=now,
        policy=claimed.erasure_policy,
        segments=len(segments),
        signed=keys.sign_tombstone(tenant, statement),
    )


def _ranges(segments: Sequence[Declared]) -> tuple[SeqRange, ...]:
    """The seqs of these segments as ranges without holes, so a tombstone never covers a record it does not delete."""
    ranges: list[SeqRange] = []
    for chain, seq in sorted((segment.chain.bytes, segment.seq) for segment in segments):
        last = ranges[-1] if ranges else None
        if last is not None and last.chain == chain and last.last + 1 == seq:
            ranges[-1] = SeqRange(chain, last.first, seq)
        else:
            ranges.append(SeqRange(chain, seq, seq))
    return tuple(ranges)
