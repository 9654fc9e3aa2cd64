"""Lists in pages, each beginning where the one before ended: `{"items": […], "next": "<cursor>" or null}`.

A cursor says after which row to go on, not how many to skip: rows added or removed meanwhile neither repeat nor hide
others, and the thousandth page costs what the first does. It holds only what the caller was shown.

    page = page_of(request, access.visible(actor, AGENT_VIEW, Agent.objects.all()), order=("name", "id"))
    return Response(page.json([agent_state(actor, agent) for agent in page.rows]))
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from rest_framework.request import Request

from vsaas.common import cursors

M = TypeVar("M", bound=models.Model)

LIMIT_USUAL = 100
LIMIT_MOST = 500


@dataclass(frozen=True, slots=True)
class Page(Generic[M]):
    """Some rows of a list, and the cursor of what follows (None: nothing does)."""

    rows: list[M]
    next: str | None

    def json(self, items: Sequence[Any]) -> dict[str, Any]:
        """The reply, with the rows as they are told."""
        return {"items": list(items), "next": self.next}


def page_of(request: Request, rows: QuerySet[M], *, order: Sequence[str]) -> Page[M]:
    """The page a request asks for by `?limit=` and `?cursor=`.

    `order`: fields that are never null, a leading "-" for descending, the last of them unique. Raises InvalidFields.
    """
    limit = limit_of(request.query_params)
    cursor = request.query_params.get("cursor")
    rows = rows.order_by(*order)
    if cursor is not None:
        rows = rows.filter(_after(_read(cursor, rows.model, order), order))
    found = list(rows[: limit + 1])
    more = len(found) > limit
    found = found[:limit]
    return Page(found, _written(found[-1], order) if more else None)


def limit_of(query: Any) -> int:
    """How many rows the page asked for holds. Raises InvalidFields."""
    return cursors.limit_of(query, LIMIT_USUAL, LIMIT_MOST)


def _after(values: list[Any], order: Sequence[str]) -> Q:
    """Rows that come after these values: the first field beyond, or that one equal and the next beyond, and so on."""
    condition, equal = Q(), Q()
    for field, value in zip(order, values, strict=True):
        name = field.removeprefix("-")
        beyond = Q(**{f"{name}__{'lt' if field.startswith('-') else 'gt'}": value})
        condition |= equal & beyond
        equal &= Q(**{name: value})
    return condition


def _written(row: models.Model, order: Sequence[str]) -> str:
    names = [field.removeprefix("-") for field in order]
    return cursors.pack(",".join(order), *(row._meta.get_field(name).value_to_string(row) for name in names))


def _read(cursor: str, model: type[models.Model], order: Sequence[str]) -> list[Any]:
    made_for, *values = cursors.unpack(cursor, *[str] * (len(order) + 1))
    if made_for != ",".join(order):
        raise cursors.bad_cursor()
    fields = [model._meta.get_field(field.removeprefix("-")) for field in order]
    try:
        return [field.to_python(value) for field, value in zip(fields, values, strict=True)]
    except (ValueError, TypeError, ValidationError):
        raise cursors.bad_cursor() from None
