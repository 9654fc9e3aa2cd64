"""The acts that may demand a second person, each declared once, in one line:

    EXPORT = declare(
        "footage.export", _("wants to export footage"), gettext_noop("an export"), EXPORT_APPROVE, words=…, carry_out=…
    )

An act with `carry_out` is done by the approver's own transaction. Without one, the requester's session uses the approval
(`vsaas.approvals.signing_in`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext

from tenants.access import Actor
from tenants.permissions import Permission
from tenants.words import Text

Parameters = Mapping[str, Any]
"""Names with text, whole numbers, booleans, None, or lists of those: what a request is about."""

REQUEST_S = 600
CHANGE_S = 24 * 3600
"""A change that two people make may wait for the next day's shift."""
MUST_USE_S = 600  # an approval that its session does not use by then counts for nothing

_KINDS: dict[str, Kind] = {}


@dataclass(frozen=True, slots=True)
class Kind:
    """An act that may demand a second person. `noun`: it as the audit log keeps it, in English.

    `words`: what it is about, in the reader's language, a line for each thing that would change.
    `versions`: the versions its objects have now; an approval covers those it was asked with.
    `is_about(parameters, approver)`: whether it would change what the approver may do; they do not approve it then.
    `hinders(parameters, approver)`: why this approver, who holds `permission`, may not approve it all the same; None: they may.
    `carry_out(request, requester, parameters)`: does it, with the requester's rights as they are now.
    """

    name: str
    sentence: Text = field(compare=False)
    noun: str
    permission: Permission
    request_s: int
    words: Callable[[Parameters], list[str]]
    versions: Callable[[Parameters], Mapping[str, str]]
    is_about: Callable[[Parameters, Actor], bool]
    hinders: Callable[[Parameters, Actor], Text | None]
    carry_out: Callable[[HttpRequest, Actor, Parameters], None] | None


def declare(
    name: str,
    sentence: Text,
    noun: str,
    permission: Permission,
    *,
    request_s: int = REQUEST_S,
    words: Callable[[Parameters], list[str]] = lambda parameters: [],
    versions: Callable[[Parameters], Mapping[str, str]] = lambda parameters: {},
    is_about: Callable[[Parameters, Actor], bool] = lambda parameters, approver: False,
    hinders: Callable[[Parameters, Actor], Text | None] = lambda parameters, approver: None,
    carry_out: Callable[[HttpRequest, Actor, Parameters], None] | None = None,
) -> Kind:
    """Declare an act that may demand a second person who holds `permission`. `sentence` goes on after the requester's
    name. A second declaration of the name raises LookupError."""
    if name in _KINDS:
        raise LookupError(f"the act {name!r} is declared twice")
    _KINDS[name] = Kind(
        name, sentence, noun, permission, request_s, words, versions, is_about, hinders, carry_out
    )
    return _KINDS[name]


def kind(name: str) -> Kind:
    """The declared act of this name; LookupError for any other."""
    try:
        return _KINDS[name]
    except KeyError:
        raise LookupError(f"no act that needs approval is called {name!r}") from None


def noun_spoken(stored: str) -> str:
    """The noun of an act in the reader's language; for the audit log."""
    return gettext(stored) if any(one.noun == stored for one in _KINDS.values()) else stored


def kinds() -> tuple[Kind, ...]:
    """Every declared act."""
    return tuple(_KINDS.values())
