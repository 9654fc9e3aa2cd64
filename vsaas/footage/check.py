"""The fsck of footage: holds records and store against each other, hour by hour.

Found here: an object that is gone though its record says stored, one that is another than its record describes, and
one no record speaks of (the record was lost on the way; the agent still has it and sends it again). Nothing is
deleted; each is a finding people see, and an hour that is whole again closes its findings.
"""

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby

from protocol.states import SegmentState
from sealing.errors import BadField
from sealing.names import ObjectName, hour, parse_object_name
from tenants.scope import tenant_scope
from vsaas.common import clock
from vsaas.common.object_store import ObjectNotFound, ObjectStore, Stored
from vsaas.footage import acts, findings, stored
from vsaas.footage.models import Erasure, FindingKind, FootageHour
from vsaas.footage.stored import Declared, Hour
from vsaas.footage.times import DAY_US, hour_start_us, hour_us_of

FRESH_US = 15 * 60 * 1_000_000
"""An object whose record is not here yet may be on its way."""


@dataclass
class Report:
    """What a check found; names of objects, sorted as found."""

    hours: int = 0
    segments: int = 0
    confirmed: int = 0
    missing: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.missing or self.changed or self.unknown)


def check_tenant(tenant: uuid.UUID, store: ObjectStore, *, recent_days: int | None = None) -> Report:
    """Compares all of a tenant's footage, or that of the last days, with the store."""
    report = Report()
    since_us = 0 if recent_days is None else hour_start_us(clock.now_us() - recent_days * DAY_US)
    seen: set[Hour] = set()
    for where, listed in _listed_hours(tenant, store, since_us, report):
        seen.add(where)
        _check_hour(tenant, where, listed, store, report)
    with tenant_scope(tenant):
        rows = FootageHour.objects.filter(hour_us__gte=since_us, erasure=Erasure.KEPT)
        known = [Hour(row.camera_id, row.stream, row.hour_us) for row in rows]
    for where in known:
        if where not in seen:
            _check_hour(tenant, where, [], store, report)
    return report


def _listed_hours(
    tenant: uuid.UUID, store: ObjectStore, since_us: int, report: Report
) -> Iterator[tuple[Hour, list[Stored]]]:
    """The store's own view, an hour at a time."""

    def place(item: Stored) -> Hour | None:
        try:
            name = parse_object_name(item.name)
        except BadField:
            return None
        return _hour_of(name) if name.tenant == tenant else None

    for where, items in groupby(_names(tenant, store, since_us), key=place):
        if where is None:
            for item in items:
                _unknown(tenant, item, None, report)
        else:
            yield where, list(items)


def _names(tenant: uuid.UUID, store: ObjectStore, since_us: int) -> Iterator[Stored]:
    if since_us == 0:
        yield from store.list_versions(f"t/{tenant.hex}/")
        return
    with tenant_scope(tenant):
        rows = FootageHour.objects.filter(hour_us__gte=since_us).values_list("camera_id", "stream").distinct()
        streams = sorted(rows)
    days = range(since_us - since_us % DAY_US, clock.now_us() + DAY_US, DAY_US)
    for camera, stream in streams:
        for day_us in days:
            prefix = Hour(camera, stream, day_us).prefix(tenant)[: -len("HH/")]
            for item in store.list_versions(prefix):
                if parse_object_name(item.name).hour >= hour(since_us):
                    yield item


def _hour_of(name: ObjectName) -> Hour:
    return Hour(name.camera, int(name.stream), hour_us_of(name.hour))


def _check_hour(
    tenant: uuid.UUID, where: Hour, listed: list[Stored], store: ObjectStore, report: Report
) -> None:
    states = (SegmentState.DECLARED, SegmentState.STORED, SegmentState.MISSING)
    with tenant_scope(tenant):
        declared = stored.declared_in(where, states)
        deleted = {item.name(tenant, where) for item in stored.declared_in(where, [SegmentState.DELETED])}
    comparison = stored.compare(tenant, where, declared, listed, store)
    report.hours += 1
    report.segments += len(declared)
    # What was stored after the listing began is not gone: each that seems so is looked up by itself.
    gone = [
        item
        for item in comparison.absent
        if item.state == SegmentState.STORED
        and not _is_there(store, item.name(tenant, where), item.version_id)
    ]
    newest = {item.name: item for item in listed}
    with tenant_scope(tenant):
        fresh = [(item, version) for item, version in comparison.present if item.state != SegmentState.STORED]
        report.confirmed += stored.mark_stored(where, fresh)
        for item, _ in comparison.present:
            if item.state == SegmentState.MISSING:
                for kind in (FindingKind.OBJECT_MISSING, FindingKind.OBJECT_CHANGED):
                    findings.close(kind, item.name(tenant, where))
        for item in gone:
            _missing(tenant, where, item, report)
        for item in comparison.changed:
            _changed(tenant, where, item, report)
    for name in comparison.unknown:
        if name not in deleted:
            _unknown(tenant, newest[name], where, report)


def _is_there(store: ObjectStore, name: str, version_id: str | None) -> bool:
    try:
        store.head(name, version_id)
    except ObjectNotFound:
        return False
    return True


def _missing(tenant: uuid.UUID, where: Hour, item: Declared, report: Report) -> None:
    name = item.name(tenant, where)
    report.missing.append(name)
    stored.mark(where, [item], SegmentState.MISSING)
    detail = acts.GONE_FROM_STORE % {"version": item.version_id}
    findings.object_wrong(FindingKind.OBJECT_MISSING, name, detail, where.camera)


def _changed(tenant: uuid.UUID, where: Hour, item: Declared, report: Report) -> None:
    name = item.name(tenant, where)
    report.changed.append(name)
    stored.mark(where, [item], SegmentState.MISSING)
    detail = acts.ANOTHER_OBJECT % {"size": item.size_bytes}
    findings.object_wrong(FindingKind.OBJECT_CHANGED, name, detail, where.camera)


def _unknown(tenant: uuid.UUID, item: Stored, where: Hour | None, report: Report) -> None:
    if clock.now_us() - clock.to_us(item.last_modified) < FRESH_US:
        return
    report.unknown.append(item.name)
    with tenant_scope(tenant):
        findings.object_wrong(
            FindingKind.OBJECT_UNKNOWN,
            item.name,
            acts.NO_RECORD % {"size": item.size},
            where.camera if where else None,
        )
