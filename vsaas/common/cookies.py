"""Cookies that no script reads."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.http import HttpResponseBase


def set_closed(response: HttpResponseBase, name: str, value: str, max_age: int | dt.timedelta) -> None:
    """A cookie with the flags of the session's own: for the portal alone, over TLS wherever that is demanded. `max_age`: in
    seconds, or as a span."""
    response.set_cookie(
        name,
        value,
        max_age=max_age,
        secure=settings.SESSION_COOKIE_SECURE,
        httponly=True,
        samesite=settings.SESSION_COOKIE_SAMESITE,
    )
