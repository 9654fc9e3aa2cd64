"""When this session's second factor was given."""

from __future__ import annotations

from django.http import HttpRequest

from vsaas.common import clock

GIVEN_AT = "factor_given_at_us"


def given(request: HttpRequest) -> None:
    """The session's person gave a second factor just now."""
    request.session[GIVEN_AT] = clock.now_us()
    request.factor_age_s = 0.0  # type: ignore[attr-defined]


def age_s(request: HttpRequest) -> float | None:
    """How long ago that was; None when this session has not seen one."""
    at = request.session.get(GIVEN_AT)
    return None if at is None else (clock.now_us() - at) / 1_000_000
