"""Sizes as people read them."""

from __future__ import annotations

from django.utils.formats import number_format
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

_UNITS = ("kB", "MB", "GB", "TB", "PB")


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
