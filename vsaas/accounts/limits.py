"""How long a session lives: the product's limits, or shorter ones of the roles its person has. The strictest counts.

Asked at every request of a session, and every two seconds of whoever watches live; so a rule holds at once for sessions
that are open.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from tenants.access import Grant, grants_of
from tenants.permissions import Role
from vsaas.accounts.models import Session
from vsaas.common import clock

IDLE_LEAST_S: Final = 5 * 60  # last_seen_at is written to the minute
LIFETIME_LEAST_S: Final = 15 * 60


@dataclass(frozen=True, slots=True)
class Limits:
    """A session ends after so long without a request, and so long after it began."""

    idle_s: int
    lifetime_s: int

    def living(self) -> Q:
        """The sessions that live under them."""
        now = clock.now()
        return Q(
            expires_at__gt=now,
            last_seen_at__gt=now - dt.timedelta(seconds=self.idle_s),
            created_at__gt=now - dt.timedelta(seconds=self.lifetime_s),
        )

    def end_of(self, session: Session) -> dt.datetime:
        """When a session ends, however much it is used."""
        return min(session.expires_at, session.created_at + dt.timedelta(seconds=self.lifetime_s))

    def allow(self, session: Session) -> bool:
        """Whether a session, as it was before this request, lives under them."""
        now = clock.now()
        idle = now - session.last_seen_at
        age = now - session.created_at
        return idle < dt.timedelta(seconds=self.idle_s) and age < dt.timedelta(seconds=self.lifetime_s)


def usual() -> Limits:
    """The product's own, which nothing makes longer."""
    return Limits(settings.SESSION_IDLE_S, settings.SESSION_COOKIE_AGE)


def limits_of(grants: Iterable[Grant]) -> Limits:
    """The strictest of the roles given by these grants, and the product's."""
    found = [usual(), *(limits_of_role(grant.role) for grant in grants if not grant.denies)]
    return Limits(min(one.idle_s for one in found), min(one.lifetime_s for one in found))


def limits_for(account_id: UUID) -> Limits:
    """Those of an account, from its memberships as they are now."""
    return limits_of(grants_of([account_id]).get(account_id, ()))


def limits_of_role(role: Role) -> Limits:
    """The rule of one role, the product's where it has none; never longer than the product's."""
    own = usual()
    idle_s = own.idle_s if role.idle_s is None else min(role.idle_s, own.idle_s)
    lifetime_s = own.lifetime_s if role.lifetime_s is None else min(role.lifetime_s, own.lifetime_s)
    return Limits(idle_s, lifetime_s)
