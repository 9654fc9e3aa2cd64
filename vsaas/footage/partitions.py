"""Day partitions of the records, made ahead by the maintenance role (see `schema`)."""

import datetime

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, transaction

from vsaas.common import clock

DAYS_AHEAD = 14
DAYS_BACK = 2
RESCUE_DAYS = 400
"""Rows of late uploads are moved out of the default partition for days this far back."""


def ensure_partitions(today: datetime.date | None = None) -> int:
    """Makes what is missing and returns how many partitions that were. Idempotent.

    Raises ImproperlyConfigured where VSAAS_MAINT_DATABASE_URL is not set.
    """
    if "maint" not in settings.DATABASES:
        raise ImproperlyConfigured(
            "cannot make partitions: set VSAAS_MAINT_DATABASE_URL to the maintenance role's address in the worker"
        )
    today = today or clock.now().date()
    day = datetime.timedelta(days=1)
    with transaction.atomic(using="maint"), connections["maint"].cursor() as cursor:
        cursor.execute(
            "SELECT make_partitions(%s, %s, %s)",
            [today - DAYS_BACK * day, today + DAYS_AHEAD * day, today - RESCUE_DAYS * day],
        )
        made: int = cursor.fetchone()[0]
    return made
