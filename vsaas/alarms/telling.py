"""Who is written to about alarms, and when: soon, and never in a storm.

Everybody gets one message for all that happened since the last one. A first message waits a few seconds, so that the cameras of
a switch that lost power stand in one; the next waits a minute; what falls silent again and again waits half an hour.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.db.models import Max, Q, QuerySet

from tenants import access
from tenants.access import Actor, actor_of
from tenants.permissions import AGENT_VIEW, CAMERA_EDIT
from vsaas.accounts.models import Account
from vsaas.agents.models import Agent
from vsaas.alarms import letters
from vsaas.alarms.models import Alarm, AlarmSubscription, AlarmSubscriptionSite
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.mail import outbox

GATHER_S: Final = 5
NEXT_S: Final = 60
RESTLESS_NEXT_S: Final = 1800
RESTLESS_TIMES: Final = 3
RESTLESS_WITHIN: Final = dt.timedelta(hours=1)


def open_to(actor: Actor) -> QuerySet[Alarm]:
    """Alarms about agents and cameras the actor may look after."""
    cameras = access.visible(actor, AGENT_VIEW, Camera.objects.all())
    agents = access.visible(actor, AGENT_VIEW, Agent.objects.all())
    return Alarm.objects.filter(Q(camera__in=cameras) | Q(camera=None, agent__in=agents))


@dataclass(frozen=True, slots=True)
class Wish:
    """Whether, and of which sites (None: all they may see), somebody is told by mail."""

    by_mail: bool
    sites: frozenset[str] | None


def wish_of(actor: Actor) -> Wish:
    """What the actor chose; who chose nothing is told where they may change cameras."""
    row = AlarmSubscription.objects.filter(account=actor.account_id).prefetch_related("sites").first()
    if row is None or row.by_mail is None:
        return Wish(actor.holds(CAMERA_EDIT) and actor.holds(AGENT_VIEW), None)
    return Wish(
        row.by_mail, None if row.all_sites else frozenset(str(one.site_id) for one in row.sites.all())
    )


def choose(actor: Actor, wish: Wish) -> None:
    """Keeps what the actor chose, who is told of what happens from now on. The caller has seen to it that the sites are theirs
    to see."""
    kept = {"by_mail": wish.by_mail, "all_sites": wish.sites is None, "told_until": clock.now()}
    row, _made = AlarmSubscription.objects.update_or_create(account_id=actor.account_id, defaults=kept)
    AlarmSubscriptionSite.objects.filter(subscription=row).delete()
    AlarmSubscriptionSite.objects.bulk_create(
        AlarmSubscriptionSite(subscription=row, site_id=site) for site in sorted(wish.sites or ())
    )


def told_of(actor: Actor, wish: Wish) -> QuerySet[Alarm]:
    """The alarms the actor may see, on the sites they chose."""
    rows = open_to(actor)
    if wish.sites is None:
        return rows
    return rows.filter(Q(camera__site__in=wish.sites) | Q(camera=None, agent__site__in=wish.sites))


def news(rows: QuerySet[Alarm], told_until: dt.datetime, until: dt.datetime) -> QuerySet[Alarm]:
    """Those that were noticed or ended since somebody was last told."""
    began = Q(noticed_at__gt=told_until, noticed_at__lte=until)
    return rows.filter(began | Q(ended_at__gt=told_until, ended_at__lte=until))


def tell() -> float | None:
    """Writes to everybody for whom it is time; in how many seconds somebody else is to be told (None: nobody waits). In the
    tenant's scope."""
    if not outbox.is_there():
        return None
    now = clock.now()
    lately = Alarm.objects.aggregate(noticed=Max("noticed_at"), ended=Max("ended_at"))
    newest = max((moment for moment in lately.values() if moment is not None), default=None)
    if newest is None or newest < now - dt.timedelta(days=1):
        return None
    restless = _restless(now)
    waiting = [_tell_one(account, newest, restless, now) for account in _people()]
    return min((seconds for seconds in waiting if seconds is not None), default=None)


def _people() -> list[Account]:
    """Who may have to be told, without asking each of them what they may see: who wishes it, and who chose nothing and may
    change cameras."""
    wishes = dict(AlarmSubscription.objects.exclude(by_mail=None).values_list("account_id", "by_mail"))
    accounts = list(Account.objects.filter(is_active=True))
    grants = access.grants_of([account.pk for account in accounts if account.pk not in wishes])
    minders = {pk for pk, held in grants.items() if any(CAMERA_EDIT in one.role.permissions for one in held)}
    return [account for account in accounts if wishes.get(account.pk, account.pk in minders)]


def _tell_one(
    account: Account, newest: dt.datetime, restless: frozenset[str], now: dt.datetime
) -> float | None:
    """In how many seconds this person is to be told; None when they know everything."""
    actor = actor_of(account)
    wish = wish_of(actor)
    if not wish.by_mail:
        return None
    row = _subscription(account, newest)
    found = list(news(told_of(actor, wish), row.told_until, now))
    if not found:
        return None
    calm = any(subject_of(one) not in restless for one in found)
    due = min(_when(one, row.told_until) for one in found) + dt.timedelta(seconds=GATHER_S)
    if row.mailed_at is not None:
        due = max(due, row.mailed_at + dt.timedelta(seconds=NEXT_S if calm else RESTLESS_NEXT_S))
    if due > now:
        return (due - now).total_seconds()
    # Whoever else does the same at this moment finds the row moved on.
    moved = AlarmSubscription.objects.filter(id=row.id, told_until=row.told_until)
    if moved.update(told_until=now, mailed_at=now):
        letters.post(account, row.told_until, now)
    return None


def _subscription(account: Account, newest: dt.datetime) -> AlarmSubscription:
    """The person's row. Who has none yet is told of the news at hand, not of older ones."""
    before = newest - dt.timedelta(seconds=NEXT_S)
    row, _made = AlarmSubscription.objects.get_or_create(account=account, defaults={"told_until": before})
    return row


def _when(alarm: Alarm, told_until: dt.datetime) -> dt.datetime:
    return alarm.noticed_at if alarm.noticed_at > told_until else alarm.ended_at or alarm.noticed_at


def subject_of(alarm: Alarm) -> str:
    """The camera, or the agent itself."""
    return str(alarm.camera_id or alarm.agent_id)


def _restless(now: dt.datetime) -> frozenset[str]:
    lately: Iterable[Alarm] = Alarm.objects.filter(noticed_at__gt=now - RESTLESS_WITHIN)
    times = Counter(subject_of(one) for one in lately)
    return frozenset(subject for subject, count in times.items() if count >= RESTLESS_TIMES)
