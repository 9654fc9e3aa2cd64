"""Declarations: every view, consumer and task says what it needs, or why it needs nothing.

    @requires(CAMERA_VIEW)                      a signed-in person who holds the permission somewhere
    @requires(ROLE_EDIT, fresh=True)            … who gave a second factor within FRESH_S, before anything is changed
    @public("sign-in: nobody has a session")    anybody, with the reason
    vsaas.agents.auth.agent_route("POST x")     an agent, by its request signature (marks with `agent_only`)
    @platform("moves audit rows of every tenant")  a task or command of the platform itself

Classes (views, consumers) may instead carry `access = Requires(CAMERA_VIEW)`, or `Requires(CAMERA_VIEW, CAMERA_EDIT)`
where reading and changing take different rights. `tenants.middleware` enforces the
declarations of views, whoever wrote the view; consumers and tasks enforce theirs in their base classes. What declares
nothing stops start-up (`tenants.checks`) and is refused at run time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tenants.permissions import Permission

F = TypeVar("F", bound=Callable[..., Any])

ATTRIBUTE = "access"
FRESH_S = 300
READING = ("GET", "HEAD")


@dataclass(frozen=True, slots=True)
class Requires:
    """A signed-in person holding the permission. `writing`: what methods other than GET and HEAD take instead. `fresh`: for
    those, or for the ones named, the person's second factor must have been given within FRESH_S; an access token, which has
    none and was made with one, is held to its scopes."""

    permission: Permission
    writing: Permission | None = None
    fresh: bool | tuple[str, ...] = False

    def of(self, method: str) -> Permission:
        """What a request of this HTTP method takes."""
        return self.permission if self.writing is None or method in READING else self.writing

    def wants_fresh(self, method: str) -> bool:
        """Whether a request of this method takes a factor given a moment ago."""
        if isinstance(self.fresh, tuple):
            return method in self.fresh
        return self.fresh and method not in READING


@dataclass(frozen=True, slots=True)
class Public:
    """Anybody; the reason says why that is right."""

    reason: str


@dataclass(frozen=True, slots=True)
class AgentOnly:
    """A registered agent, identified by its request signature."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform itself (tasks and commands), with the reason it looks over tenants' walls."""

    reason: str


Declaration = Requires | Public | AgentOnly | Platform


def _mark(thing: F, declaration: Declaration) -> F:
    setattr(thing, ATTRIBUTE, declaration)
    return thing


def requires(
    permission: Permission, writing: Permission | None = None, *, fresh: bool = False
) -> Callable[[F], F]:
    """Declare that a view, consumer or task needs this permission; `writing`: what a view's other methods than GET need;
    `fresh`: those take a second factor given a moment ago too (`Requires`)."""
    for given in (permission, permission if writing is None else writing):
        if not isinstance(given, Permission):
            raise TypeError(f"requires() takes a Permission of tenants.permissions, not {given!r}")
    return lambda thing: _mark(thing, Requires(permission, writing, fresh))


def public(reason: str) -> Callable[[F], F]:
    """Declare that anybody may, and why."""
    if not isinstance(reason, str) or not reason.strip():
        raise TypeError("public() takes the reason in words")
    return lambda thing: _mark(thing, Public(reason))


def agent_only(thing: F) -> F:
    """Declare that only a registered agent may. For the one decorator that verifies the signature, and nowhere else:
    the middleware opens neither session nor scope for such a view. It is CSRF-exempt, since no cookie counts on it."""
    thing.csrf_exempt = True  # type: ignore[attr-defined]
    return _mark(thing, AgentOnly())


def platform(reason: str) -> Callable[[F], F]:
    """Declare a task of the platform, and why it may look over tenants' walls."""
    if not isinstance(reason, str) or not reason.strip():
        raise TypeError("platform() takes the reason in words")
    return lambda thing: _mark(thing, Platform(reason))


def declaration_of(thing: Any) -> Declaration | None:
    """What a view function, class-based view, consumer (or its as_asgi()) or task declares, or None."""
    for holder in (
        thing,
        *(getattr(thing, name, None) for name in ("view_class", "cls", "consumer_class", "run")),
    ):
        found = getattr(holder, ATTRIBUTE, None)
        if isinstance(found, Requires | Public | AgentOnly | Platform):
            return found
    return None
