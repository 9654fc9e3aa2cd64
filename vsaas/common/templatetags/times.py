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

from vsaas.common import clock

register = template.Library()


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
        ago = _("%(span)s ago") % {"span": timesince(at, now, depth=1)}
    if at > now and seconds >= 1:
        return exact
    return f"{ago} · {exact}"


def _zone(name: str) -> dt.tzinfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError):
        return dt.UTC
