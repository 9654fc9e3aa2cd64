"""Sizes and lengths of time as people read them."""

from __future__ import annotations

import datetime as dt

from django.utils.formats import number_format
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def length_text(seconds: float) -> str:
    """ "3 days", "2 hours", "40 seconds": one unit, rounded down. Nothing longer than days, so that "30 days" is not "4 weeks"."""
    if seconds < 60:
        return ngettext("%(count)d second", "%(count)d seconds", int(seconds)) % {"count": int(seconds)}
    if seconds >= 2 * 86400:
        days = int(seconds // 86400)
        return ngettext("%(count)d day", "%(count)d days", days) % {"count": days}
    began = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
    return timesince(began, began + dt.timedelta(seconds=seconds), depth=1)


def size_text(size_bytes: int | float) -> str:
    """ "25.3 MB": in powers of 1000, as disks and quotas are sold, with the locale's decimal sign."""
    amount = float(size_bytes)
    if abs(amount) < 1000:
        return ngettext("%(count)d byte", "%(count)d bytes", int(amount)) % {"count": int(amount)}
    for unit in _UNITS:
        amount /= 1000
        if abs(amount) < 999.95 or unit == _UNITS[-1]:
            break
    return _("%(amount)s %(unit)s") % {"amount": number_format(round(amount, 1), 1), "unit": unit}
