"""Deny by default: what declares no access stops start-up with a sentence that names it."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.checks import Error, register
from django.core.exceptions import ImproperlyConfigured
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils.module_loading import autodiscover_modules

from tenants.declare import AgentOnly, Declaration, Platform, Public, Requires, declaration_of


@dataclass(frozen=True, slots=True)
class Entry:
    """One way in: a URL, a consumer's route or a task."""

    kind: str  # "url", "consumer" or "task"
    route: str
    name: str
    target: Any

    @property
    def declaration(self) -> Declaration | None:
        return declaration_of(self.target)


def urls() -> Iterator[Entry]:
    """Every URL pattern of the portal, prefixes joined."""
    yield from _patterns(get_resolver().url_patterns, "/")


def _patterns(patterns: Sequence[Any], prefix: str) -> Iterator[Entry]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _patterns(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield Entry("url", route, pattern.name or "", pattern.callback)


def consumers() -> Iterator[Entry]:
    """Every consumer's route (`websocket_urlpatterns` of the routing module, once it exists)."""
    module_name: str = settings.TENANTS_CONSUMER_ROUTING
    if importlib.util.find_spec(module_name) is None:
        return
    module = importlib.import_module(module_name)
    for pattern in module.websocket_urlpatterns:
        yield Entry("consumer", "/" + str(pattern.pattern), pattern.name or "", pattern.callback)


def tasks() -> Iterator[Entry]:
    """Every Celery task of ours (Celery's own `celery.…` helpers never leave the worker)."""
    module_name, attribute = settings.TENANTS_CELERY_APP.split(":")
    app = getattr(importlib.import_module(module_name), attribute)
    # Not the loader's own import: its Django fix-up runs the system checks, which would bring us here again.
    autodiscover_modules("tasks")
    for name, task in sorted(app.tasks.items()):
        if not name.startswith("celery."):
            yield Entry("task", name, name, task)


def entries() -> list[Entry]:
    """Every way in."""
    return [*urls(), *consumers(), *tasks()]


_ALLOWED = {
    "url": (Requires, Public, AgentOnly),
    "consumer": (Requires, Public, AgentOnly),
    "task": (Requires, Platform),
}


def complaints() -> list[str]:
    """A sentence for each way in that declares no access, or one that makes no sense there."""
    found = []
    for entry in entries():
        if not isinstance(entry.declaration, _ALLOWED[entry.kind]):
            what = (
                "no access"
                if entry.declaration is None
                else f"{type(entry.declaration).__name__}, wrong for its kind"
            )
            found.append(
                f"the {entry.kind} {entry.route} ({getattr(entry.target, '__qualname__', entry.name)}) declares {what}: "
                "add @requires(…), @public(reason) or @agent_route of tenants.declare"
                + (", or make it a tenant_task or platform_task" if entry.kind == "task" else "")
            )
    return found


@register("access")
def check_declarations(app_configs: Any = None, **kwargs: Any) -> list[Error]:
    """Django's system check (`manage.py check`, and every command that checks)."""
    return [Error(sentence, id="tenants.E001") for sentence in complaints()]


def assert_declared() -> None:
    """For the ASGI modules: raise ImproperlyConfigured where anything declares no access."""
    found = complaints()
    if found:
        raise ImproperlyConfigured("; ".join(found))
