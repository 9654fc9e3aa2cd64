"""The current tenant: an explicit scope around everything that touches tenant data.

A scope is one transaction in which PostgreSQL's `app.tenant` is set, for that transaction only, so row-level
security lets through that tenant's rows and nothing else. Outside a scope the scoped managers raise, and so does
the database itself.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Awaitable, Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import ParamSpec, TypeVar
from uuid import UUID

from asgiref.sync import sync_to_async
from django.db import close_old_connections, connections, transaction

from tenants.errors import TenantScopeError, TenantScopeMissing

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

TENANT_SETTING = "app.tenant"
PLATFORM_SETTING = "app.platform"


@dataclass(eq=False)
class Scope:
    """One tenant's scope, open on one thread's connections."""

    tenant_id: UUID
    rollback: bool = False
    connection_ids: dict[str, int] = field(default_factory=dict)
    afterwards: list[Callable[[], object]] = field(default_factory=list)


_current: ContextVar[Scope | None] = ContextVar("vsaas_tenant_scope", default=None)


def current_tenant_id() -> UUID:
    """The tenant of the scope we are in; raises TenantScopeMissing outside one."""
    scope = _current.get()
    if scope is None:
        raise TenantScopeMissing(
            "tenant data was asked for outside a tenant scope; wrap the work in tenant_scope(…)"
        )
    return scope.tenant_id


def tenant_default() -> UUID | None:
    """The default of a model's tenant: None outside a scope, where the manager refuses to save it anyway (Django itself
    makes an empty account in a check)."""
    scope = _current.get()
    return scope.tenant_id if scope is not None else None


def in_tenant_scope() -> bool:
    """Whether a tenant scope is open here."""
    return _current.get() is not None


@contextlib.contextmanager
def tenant_scope(tenant_id: UUID | str, *, keys: bool = False) -> Iterator[Scope]:
    """Work on one tenant's data, in one transaction on `default` (and on `keys` when asked).

    A scope of the same tenant inside joins the outer one; one of another tenant raises TenantScopeError. When the
    block raises, or `roll_back_scope()` was called, everything is rolled back. What was handed to
    `after_scope(…)` runs when the outermost scope has ended, whichever way it ended.
    """
    wanted = tenant_id if isinstance(tenant_id, UUID) else UUID(tenant_id)
    outer = _current.get()
    if outer is None:
        yield from _open(Scope(wanted), keys=keys)
    else:
        yield from _join(outer, wanted, keys=keys)


def _open(scope: Scope, *, keys: bool) -> Iterator[Scope]:
    try:
        with contextlib.ExitStack() as stack:
            for alias in ("default", "keys") if keys else ("default",):
                _begin(scope, alias, stack)
            token = _current.set(scope)
            try:
                yield scope
            finally:
                # Reset before the commit, so that on_commit callbacks start outside the ended scope.
                _current.reset(token)
            if scope.rollback:
                for alias in scope.connection_ids:
                    transaction.set_rollback(True, using=alias)
    finally:
        for function in scope.afterwards:
            function()


def _join(scope: Scope, wanted: UUID, *, keys: bool) -> Iterator[Scope]:
    if scope.tenant_id != wanted:
        raise TenantScopeError(
            f"the scope of tenant {scope.tenant_id} is open; it cannot be left for {wanted} inside it"
        )
    if scope.connection_ids["default"] != id(connections["default"]):
        raise TenantScopeError("this tenant scope was opened on another thread; open one of your own there")
    with contextlib.ExitStack() as stack:
        if keys and "keys" not in scope.connection_ids:
            _begin(scope, "keys", stack)
            stack.callback(scope.connection_ids.pop, "keys", None)
        yield scope
        if scope.rollback and "keys" in scope.connection_ids:
            transaction.set_rollback(True, using="keys")


def _begin(scope: Scope, alias: str, stack: contextlib.ExitStack) -> None:
    connection = connections[alias]
    if connection.in_atomic_block:
        raise TenantScopeError(
            f"a transaction is already open on {alias!r}; a tenant scope must be the outermost one"
        )
    stack.enter_context(transaction.atomic(using=alias))
    set_local(alias, TENANT_SETTING, str(scope.tenant_id))
    scope.connection_ids[alias] = id(connection)


def set_local(alias: str, setting: str, value: str) -> None:
    """Set a PostgreSQL setting for the current transaction only (session-level ones leak through pools)."""
    with connections[alias].cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [setting, value])


def roll_back_scope() -> None:
    """Let the scope we are in end with a rollback, though no exception leaves it. No effect outside a scope."""
    scope = _current.get()
    if scope is not None:
        scope.rollback = True


def scope_rolls_back() -> bool:
    """Whether the scope we are in will end with a rollback."""
    scope = _current.get()
    return scope is not None and scope.rollback


def after_scope(function: Callable[[], object]) -> None:
    """Run `function` when the outermost scope has ended, committed or not; at once when none is open."""
    scope = _current.get()
    if scope is None:
        function()
    else:
        scope.afterwards.append(function)


@contextlib.contextmanager
def platform_scope(purpose: str) -> Iterator[None]:
    """Work on the platform's own rows of one purpose (tables protected by `rls.protect_platform(table, purpose)`)."""
    if in_tenant_scope() or connections["default"].in_atomic_block:
        raise TenantScopeError("a platform scope cannot be opened inside a tenant scope or a transaction")
    with transaction.atomic():
        set_local("default", PLATFORM_SETTING, purpose)
        yield


async def in_scope(tenant_id: UUID | str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """From async code: run a sync function in a scope of its own, on the database thread.

    For the key store as well, let the function open `tenant_scope(current_tenant_id(), keys=True)` inside.
    """

    def run() -> T:
        close_old_connections()
        try:
            with tenant_scope(tenant_id):
                return function(*args, **kwargs)
        finally:
            close_old_connections()

    call: Callable[[], Awaitable[T]] = sync_to_async(run, thread_sensitive=True)
    return await call()
