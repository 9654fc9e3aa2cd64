"""The audit log as people and programs read it: inbox and chained log together, newest first, filtered, in pages.

An event has the same id and time in the inbox as in the log, and the order here is by those two: a page that was begun
before the sequencer moved some rows goes on after it without a row twice or missing.

A filter other than the time cannot use an index, so one page looks through `WINDOW` entries at most and says how far back
that was; the cursor goes on from there.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import F, Q, QuerySet, TextField
from django.db.models.functions import Cast
from django.utils.translation import gettext

from tenants import access
from tenants.access import Actor
from tenants.permissions import AUDIT_VIEW
from vsaas.audit import acts
from vsaas.audit.models import AuditEntry, AuditInbox
from vsaas.common import clock, cursors

WINDOW = 100_000
OWN_WINDOW = 20_000
WATCHING = "watching"
OWN_ACTS = ("session.", "account.", "people.", "recovery.", "setup.")
WORDS_MAX = 8


@dataclass(frozen=True, slots=True)
class Filters:
    """What to show; what is empty does not matter.

    `person`: an account's or agent's id, or part of a name. `act`: an act's name, the first part of several with its
    dot ("camera."), or WATCHING: every act by which somebody sees or takes a camera's pictures. `object`: an object's id,
    or part of its name. `camera`: a camera's id. `since`, `until`: from, and before. `text`: words that all stand in the
    sentence.
    """

    person: str = ""
    act: str = ""
    object: str = ""
    camera: str = ""
    outcome: str = ""
    text: str = ""
    since: dt.datetime | None = None
    until: dt.datetime | None = None

    @property
    def narrow(self) -> bool:
        """Whether more than the time is asked for."""
        return any((self.person, self.act, self.object, self.camera, self.outcome, self.text))


@dataclass(frozen=True, slots=True)
class Cursor:
    """Goes on with what is older than this event."""

    at: dt.datetime
    event_id: UUID

    def pack(self) -> str:
        return cursors.pack(clock.to_us(self.at), str(self.event_id))

    @classmethod
    def unpack(cls, text: str) -> Cursor | None:
        """The cursor of a request; None for "". Raises InvalidFields."""
        if not text:
            return None
        at_us, event_id = cursors.unpack(text, int, str)
        try:
            return cls(clock.from_us(at_us), UUID(event_id))
        except (ValueError, OverflowError):
            raise cursors.bad_cursor() from None


@dataclass(frozen=True, slots=True)
class Seen:
    """An event with its sentence. `seq` and `hash` are None while it waits to be chained."""

    event_id: UUID
    event: AuditEntry | AuditInbox
    sentence: str
    seq: int | None
    hash: bytes | None

    @property
    def at(self) -> dt.datetime:
        at: dt.datetime = self.event.at
        return at

    @property
    def refused(self) -> bool:
        return self.event.outcome == AuditEntry.Outcome.REFUSED


@dataclass(frozen=True, slots=True)
class Page:
    """Events, newest first. `next`: where the next page begins, None at the end. `looked_back_to`: set when the search
    stopped there because the window was full, so that what is older has not been looked at."""

    events: list[Seen]
    next: Cursor | None
    looked_back_to: dt.datetime | None = None


def page(actor: Actor, filters: Filters, after: Cursor | None = None, limit: int = 50) -> Page:
    """A page of the log, as far as the actor may read it (the log is the organisation's: all of it, or nothing)."""
    # The inbox first: what is moved between the two queries is found twice, and shown once; never not at all.
    waiting = _in_time(access.visible(actor, AUDIT_VIEW, AuditInbox.objects.all()), "id", filters, after)
    chained = _in_time(
        access.visible(actor, AUDIT_VIEW, AuditEntry.objects.all()), "event_id", filters, after
    )
    floor = _floor(chained, WINDOW) if filters.narrow else None
    if floor is not None:
        waiting, chained = waiting.filter(at__gte=floor), chained.filter(at__gte=floor)
    if filters.narrow:
        waiting, chained = _matching(waiting, filters), _matching(chained, filters)
    found = _merged(list(waiting[: limit + 1]), list(chained[: limit + 1]))
    return _page(found, limit, floor)


def _page(found: list[Seen], limit: int, floor: dt.datetime | None) -> Page:
    if len(found) > limit:
        last = found[limit - 1]
        return Page(found[:limit], Cursor(last.at, last.event_id))
    if floor is not None:
        return Page(found, Cursor(floor, UUID(int=0)), floor)
    return Page(found, None)


def count(actor: Actor, filters: Filters, at_most: int) -> int:
    """How many events match, counted up to `at_most`."""
    total = 0
    for model, id_field in ((AuditInbox, "id"), (AuditEntry, "event_id")):
        rows = _in_time(access.visible(actor, AUDIT_VIEW, model.objects.all()), id_field, filters, None)
        total += _matching(rows, filters)[: at_most - total].count() if total < at_most else 0
    return total


def event(actor: Actor, event_id: UUID) -> Seen | None:
    """One event, wherever it is."""
    waiting = access.visible(actor, AUDIT_VIEW, AuditInbox.objects.filter(pk=event_id)).first()
    chained = access.visible(actor, AUDIT_VIEW, AuditEntry.objects.filter(event_id=event_id)).first()
    found = chained or waiting
    return _seen(found) if found is not None else None


def about_person(account_id: UUID, limit: int) -> list[Seen]:
    """The newest events about an account and its own: for the person, who needs no right to the log for that. Looks
    through the newest `OWN_WINDOW` entries."""
    mine = Q(object_kind="account", object_id=str(account_id)) | Q(actor_id=account_id)
    kinds = Q()
    for prefix in OWN_ACTS:
        kinds |= Q(act__startswith=prefix)
    waiting = _ordered(AuditInbox.objects.all(), "id")
    chained = _ordered(AuditEntry.objects.all(), "event_id")
    floor = _floor(chained, OWN_WINDOW)
    if floor is not None:
        chained = chained.filter(at__gte=floor)
    rows = [list(part.filter(mine & kinds)[:limit]) for part in (waiting, chained)]
    return _merged(*rows)[:limit]


def own_page(account_id: UUID, after: Cursor | None = None, limit: int = 50) -> Page:
    """A page of what somebody did, and of what was done to their account: theirs to read without any right to the log."""
    mine = Q(object_kind="account", object_id=str(account_id)) | Q(actor_id=account_id)
    nothing = Filters()
    waiting = _in_time(AuditInbox.objects.all(), "id", nothing, after)
    chained = _in_time(AuditEntry.objects.all(), "event_id", nothing, after)
    floor = _floor(chained, OWN_WINDOW)
    if floor is not None:
        waiting, chained = waiting.filter(at__gte=floor), chained.filter(at__gte=floor)
    found = _merged(list(waiting.filter(mine)[: limit + 1]), list(chained.filter(mine)[: limit + 1]))
    return _page(found, limit, floor)


def _ordered(rows: QuerySet[Any], id_field: str) -> QuerySet[Any]:
    return rows.annotate(eid=F(id_field)).order_by("-at", "-eid")


def _in_time(rows: QuerySet[Any], id_field: str, filters: Filters, after: Cursor | None) -> QuerySet[Any]:
    rows = _ordered(rows, id_field)
    if filters.since is not None:
        rows = rows.filter(at__gte=filters.since)
    if filters.until is not None:
        rows = rows.filter(at__lt=filters.until)
    if after is not None:
        # The first condition says nothing new, but it is the one the index on time can use.
        rows = rows.filter(at__lte=after.at).filter(Q(at__lt=after.at) | Q(eid__lt=after.event_id))
    return rows


def _floor(rows: QuerySet[Any], window: int) -> dt.datetime | None:
    """The time of the last entry in the window, None when the log ends within it."""
    found = list(rows.values_list("at", flat=True)[window : window + 1])
    return found[0] if found else None


def _matching(rows: QuerySet[Any], filters: Filters) -> QuerySet[Any]:
    if filters.person:
        person = _uuid(filters.person)
        rows = rows.filter(Q(actor_id=person) if person else Q(actor_name__icontains=filters.person))
    if filters.act:
        rows = rows.filter(_of_act(filters.act))
    if filters.camera:
        rows = rows.filter(object_kind="camera", object_id=filters.camera)
    if filters.object:
        rows = rows.filter(Q(object_id=filters.object) | Q(object_name__icontains=filters.object))
    if filters.outcome:
        rows = rows.filter(outcome=filters.outcome)
    words = filters.text.split()[:WORDS_MAX]
    if words:
        rows = rows.annotate(details_text=Cast("details", TextField()))
    for word in words:
        rows = rows.filter(
            Q(actor_name__icontains=word)
            | Q(object_name__icontains=word)
            | Q(network__icontains=word)
            | Q(details_text__icontains=word)
            | Q(act__in=acts.names_saying(word))
        )
    return rows


def _of_act(asked: str) -> Q:
    if asked == WATCHING:
        return Q(act__in=acts.watching_names())
    return Q(act__startswith=asked) if asked.endswith(".") else Q(act=asked)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _merged(*parts: Sequence[AuditInbox | AuditEntry]) -> list[Seen]:
    """Both, newest first, each once: the chained row where there are two."""
    by_id = {seen.event_id: seen for rows in parts for seen in map(_seen, rows)}
    return sorted(by_id.values(), key=lambda seen: (seen.at, seen.event_id), reverse=True)


def event_json(row: AuditInbox | AuditEntry) -> dict[str, Any]:
    """An event as the API tells it: by whom, to what, from where."""
    return {
        "event_id": str(row.event_id if isinstance(row, AuditEntry) else row.pk),
        "at_us": clock.to_us(row.at),
        "act": row.act,
        "outcome": str(row.outcome),
        "actor": {
            "kind": row.actor_kind,
            "id": str(row.actor_id) if row.actor_id else None,
            "name": row.actor_name,
        },
        "object": {"kind": row.object_kind, "id": row.object_id, "name": row.object_name},
        "network": row.network,
    }


def actor_in_words(row: AuditInbox | AuditEntry) -> str:
    """Who acted: a name, or what of the system, which is a word."""
    name: str = row.actor_name
    return gettext(name) if name and row.actor_kind == "system" else name


def _seen(row: AuditInbox | AuditEntry) -> Seen:
    sentence = acts.sentence_of(row.act, actor_in_words(row), row.object_name, row.details)
    if isinstance(row, AuditEntry):
        return Seen(row.event_id, row, sentence, row.seq, bytes(row.hash))
    return Seen(row.pk, row, sentence, None, None)
