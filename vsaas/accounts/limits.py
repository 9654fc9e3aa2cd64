"""How long a session lives: the product's limits, or shorter ones of the roles its person has. The strictest counts.

Asked at every request of a session, and every two seconds of whoever watches live; so a rule holds at once for sessions
that are open.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from django.conf import settings
from django.db.models import Q

from tenants.access import Grant
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
    given = [grant.role for grant in grants if not grant.denies]
    own = usual()
    return Limits(
        min([own.idle_s, *(role.idle_s for role in given if role.idle_s is not None)]),
        min([own.lifetime_s, *(role.lifetime_s for role in given if role.lifetime_s is not None)]),
    )
