"""Requests that a page makes by itself, again and again, without anybody there: they keep no idle session alive."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from django.http import HttpRequest
from django.urls import resolve

F = TypeVar("F", bound=Callable[..., Any])
_ATTRIBUTE = "asked_by_itself"


def asked_by_itself(view: F) -> F:
    """Mark a view that pages ask by a timer."""
    setattr(view, _ATTRIBUTE, True)
    return view


def is_asked_by_itself(request: HttpRequest) -> bool:
    """Whether the request's view is one of these. Its route must exist."""
    return bool(getattr(resolve(request.path_info).func, _ATTRIBUTE, False))
