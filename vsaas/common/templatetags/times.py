"""Moments as people read them: how long ago, and when exactly in which zone."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.timesince import timesince
from django.utils.translation import gettext as _
from django.utils.translation import npgettext_lazy

from vsaas.common import clock

register = template.Library()

# "3 minutes", as it stands in "3 minutes ago": some languages have another form there than elsewhere.
_SPANS = {
    "year": npgettext_lazy("in: … ago", "%(num)d year", "%(num)d years", "num"),
    "month": npgettext_lazy("in: … ago", "%(num)d month", "%(num)d months", "num"),
    "week": npgettext_lazy("in: … ago", "%(num)d week", "%(num)d weeks", "num"),
    "day": npgettext_lazy("in: … ago", "%(num)d day", "%(num)d days", "num"),
    "hour": npgettext_lazy("in: … ago", "%(num)d hour", "%(num)d hours", "num"),
    "minute": npgettext_lazy("in: … ago", "%(num)d minute", "%(num)d minutes", "num"),
}


@register.simple_tag
def when(at: dt.datetime | None, zone: str = "UTC", never: Any = "") -> SafeString | str:
    """`<time>` of an aware moment in a zone: "3 min ago · 14:03:10 CET"; `never` where there is none.

    The page's script keeps the first half current; without it the words of the reply stand.
    """
    if at is None:
        return str(never)
    local = at.astimezone(_zone(zone))
    return format_html(
        '<time datetime="{}" data-ago data-zone="{}" title="{}">{}</time>',
        at.astimezone(dt.UTC).isoformat(),
        zone,
        f"{local:%Y-%m-%d %H:%M:%S} {local.tzname()}",
        words(at, zone),
    )


def words(at: dt.datetime, zone: str = "UTC") -> str:
    """Relative and absolute in one line; the date stands there unless it is today's."""
    local, now = at.astimezone(_zone(zone)), clock.now().astimezone(_zone(zone))
    exact = f"{local:%H:%M:%S} {local.tzname()}"
    if local.date() != now.date():
        exact = f"{local:%Y-%m-%d} {exact}"
    seconds = abs((now - at).total_seconds())
    if seconds < 60:
        ago = _("now") if seconds < 1 else _("%(n)d s ago") % {"n": seconds}
    else:
        ago = _("%(span)s ago") % {"span": timesince(at, now, depth=1, time_strings=_SPANS)}
    if at > now and seconds >= 1:
        return exact
    return f"{ago} · {exact}"


@register.filter
def span_since(at: dt.datetime) -> str:
    """How long ago a moment was, to stand in "… ago": "2 hours, 5 minutes"."""
    return timesince(at, clock.now(), time_strings=_SPANS)


def _zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return dt.UTC
