"""Who watched a camera: live from when to when, and which recordings keys were released for.

Answered from the log alone. What was released is told as it was released, not as it was asked for; a live view whose end
is not in the log is told as that.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import Q

from tenants import access
from tenants.access import Actor
from tenants.permissions import AUDIT_VIEW
from vsaas.audit import acts
from vsaas.audit.models import AuditEntry, AuditInbox
from vsaas.common import clock

ENTRIES_MAX = 20_000
LIVE_BEFORE = dt.timedelta(hours=24)
NIGHT_BEGINS_H, NIGHT_ENDS_H = 18, 6
LIVE_BEGAN, LIVE_ENDED, RELEASED = "live.watched", "live.ended", "keys.released"


@dataclass(frozen=True, slots=True)
class Span:
    """From, to; `to` None: the end is not in the log."""

    since: dt.datetime
    until: dt.datetime | None


@dataclass(slots=True)
class Watcher:
    """One person (agent, command) and what they saw. `footage`: what keys were released for, by the time of recording."""

    kind: str
    id: UUID | None
    name: str
    first: dt.datetime
    last: dt.datetime
    networks: set[str] = field(default_factory=set)
    live: list[Span] = field(default_factory=list)
    footage: list[Span] = field(default_factory=list)
    clips: int = 0
    stills: int = 0
    entries: int = 0


@dataclass(frozen=True, slots=True)
class Watched:
    """The answer; `whole` False: there was more than ENTRIES_MAX entries to look at, and later ones are missing."""

    watchers: list[Watcher]
    whole: bool


def last_night(zone: ZoneInfo) -> tuple[dt.datetime, dt.datetime]:
    """From 18:00 yesterday to 06:00 today by the clock on the wall there; to now while it is not 06:00 yet."""
    now = clock.now()
    today = now.astimezone(zone).date()
    begin = dt.datetime.combine(today - dt.timedelta(days=1), dt.time(NIGHT_BEGINS_H), zone)
    end = dt.datetime.combine(today, dt.time(NIGHT_ENDS_H), zone)
    return begin.astimezone(clock.UTC), min(end.astimezone(clock.UTC), now)


def watched(actor: Actor, camera_id: UUID, since: dt.datetime, until: dt.datetime) -> Watched:
    """Who watched the camera between the two, as far as the actor may read the log."""
    rows = _rows(actor, camera_id, since, until)
    people: dict[tuple[str, UUID | None, str], Watcher] = {}
    by_person: dict[tuple[str, UUID | None, str], list[Any]] = defaultdict(list)
    for row in rows[:ENTRIES_MAX]:
        by_person[(row.actor_kind, row.actor_id, row.actor_name)].append(row)
    for key, theirs in by_person.items():
        live = _live(theirs, since, until)
        seen = [row for row in theirs if since <= row.at < until and row.act not in (LIVE_BEGAN, LIVE_ENDED)]
        if not live and not seen:
            continue
        times = [row.at for row in seen] + [span.since for span in live]
        people[key] = Watcher(
            *key,
            first=min(times),
            last=max(times),
            networks={row.network for row in theirs if row.network},
            live=live,
            footage=_merged(_released(seen)),
            clips=sum(row.act == "footage.clip" for row in seen),
            stills=sum(row.act == "footage.stills-seen" for row in seen),
            entries=len(theirs),
        )
    ordered = sorted(people.values(), key=lambda one: one.first)
    return Watched(ordered, len(rows) <= ENTRIES_MAX)


def _rows(actor: Actor, camera_id: UUID, since: dt.datetime, until: dt.datetime) -> list[Any]:
    """Everything about watching the camera in that time; live views also from a day before, and their ends afterwards."""
    on = Q(object_kind="camera", object_id=str(camera_id), outcome="done")
    within = Q(at__gte=since, at__lt=until, act__in=acts.watching_names())
    began = Q(at__gte=since - LIVE_BEFORE, at__lt=since, act=LIVE_BEGAN)
    ended = Q(at__gte=since - LIVE_BEFORE, at__lt=until + LIVE_BEFORE, act=LIVE_ENDED)
    found: dict[UUID, Any] = {}
    for model in (AuditInbox, AuditEntry):  # the inbox first: what moves meanwhile is found twice, not never
        rows = access.visible(actor, AUDIT_VIEW, model.objects.filter(on & (within | began | ended)))
        for row in rows.order_by("at")[: ENTRIES_MAX + 1]:
            found[row.pk if isinstance(row, AuditInbox) else row.event_id] = row
    return sorted(found.values(), key=lambda row: row.at)


def _live(rows: Iterable[Any], since: dt.datetime, until: dt.datetime) -> list[Span]:
    """Live views that touch the time asked for. Beginning and end are matched by the view they name."""
    spans: dict[str, Span] = {}
    for row in rows:
        if row.act == LIVE_BEGAN:
            spans.setdefault(row.details.get("view", str(row.pk)), Span(row.at, None))
        elif row.act == LIVE_ENDED:
            begin, end = _instant(row.details["from_time"]), _instant(row.details["to_time"])
            spans[row.details["view"]] = Span(begin, end)
    touching = [
        span for span in spans.values() if span.since < until and (span.until is None or span.until > since)
    ]
    return sorted(touching, key=lambda span: span.since)


def _released(rows: Iterable[Any]) -> list[Span]:
    """The recorded time of each release; entries of before releases told their time are left out."""
    return [
        Span(_instant(row.details["from_time"]), _instant(row.details["to_time"]))
        for row in rows
        if row.act in (RELEASED, "footage.keys-handed-out") and row.details.get("to_time")
    ]


def _merged(spans: list[Span]) -> list[Span]:
    """Ranges that touch or overlap as one."""
    merged: list[Span] = []
    for span in sorted(spans, key=lambda one: one.since):
        last = merged[-1] if merged else None
        if (
            last is not None
            and last.until is not None
            and span.until is not None
            and span.since <= last.until
        ):
            merged[-1] = Span(last.since, max(last.until, span.until))
        else:
            merged.append(span)
    return merged


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(clock.UTC)
