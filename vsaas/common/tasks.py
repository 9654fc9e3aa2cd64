"""Background work: tasks take ids, enter their tenant's scope and are enqueued on commit.

    @tenant_task(FOOTAGE_VERIFY)
    def check_camera(camera_id: str) -> None: …        runs inside tenant_scope(tenant_id)

    check_camera.enqueue(tenant_id, str(camera.id))    sent when the current transaction commits

    @platform_task("sweeps every tenant")
    def sweep() -> None: …

Tasks must be idempotent and claim work by a conditional UPDATE whose count they check: Redis delivers again after a
worker dies. Work that must not be lost goes through a table of its own, which a periodic task looks through.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

from celery import Task
from django.db import transaction

from tenants.declare import Platform, Requires
from tenants.lookups import tenants_for_task
from tenants.permissions import Permission
from tenants.scope import tenant_scope
from vsaas.celery import app
from vsaas.common import health

logger = logging.getLogger(__name__)

T = TypeVar("T")


def for_each(items: Iterable[T], work: Callable[[T], object]) -> None:
    """Does `work` for every item: a tenant or an hour that fails does not keep those behind it waiting for ever.

    Raises the first failure once all had their turn; further ones are in the log.
    """
    first: Exception | None = None
    for item in items:
        try:
            work(item)
        except Exception as error:
            if first is None:
                first = error
            else:
                logger.exception("%s failed for %s as well", getattr(work, "__name__", work), item)
    if first is not None:
        raise first


class TenantTask(Task):
    """A task on one tenant's data: its first argument is the tenant's id, which its function does not get."""

    abstract = True
    with_keys = False
    typing = False  # Celery would compare the arguments, tenant included, with those of the function

    def __call__(self, tenant_id: str, *args: Any, **kwargs: Any) -> Any:
        with tenant_scope(UUID(tenant_id), keys=self.with_keys):
            return self.run(*args, **kwargs)

    def enqueue(self, tenant_id: UUID | str, *args: Any, **kwargs: Any) -> None:
        """Send the task once the transaction we are in commits (at once outside one)."""
        transaction.on_commit(partial(self.delay, str(tenant_id), *args, **kwargs))


class PlatformTask(Task):
    """A task of the platform, outside any tenant's scope until it opens one."""

    abstract = True

    def enqueue(self, *args: Any, expires_s: float | None = None) -> None:
        """Send the task once the transaction we are in commits (at once outside one); `expires_s`: dropped when it
        waited that long in the queue."""
        transaction.on_commit(partial(self.apply_async, args, expires=expires_s))

    def for_each_tenant(self, reason: str, expires_s: float) -> None:
        """Send the task once for every tenant, with its id: so that a large one keeps no other waiting."""
        for tenant in tenants_for_task(reason):
            self.enqueue(str(tenant), expires_s=expires_s)


def tenant_task(
    permission: Permission, *, keys: bool = False, **options: Any
) -> Callable[[Callable[..., Any]], TenantTask]:
    """Declare a task on one tenant's data. `permission` names what asking for it takes: whoever enqueues it checks it.
    `keys`: the scope covers the key store as well. `options` are Celery's."""

    def make(function: Callable[..., Any]) -> TenantTask:
        task: TenantTask = app.task(
            base=TenantTask, with_keys=keys, access=Requires(permission), shared=False, **options
        )(function)
        return task

    return make


def platform_task(
    reason: str, *, every_s: float | None = None, **options: Any
) -> Callable[[Callable[..., Any]], PlatformTask]:
    """Declare a task of the platform itself, with the reason it looks over tenants' walls.

    `every_s`: beat sends it at this interval; one that waited that long in the queue is dropped, the next one does it.
    """

    def make(function: Callable[..., Any]) -> PlatformTask:
        task: PlatformTask = app.task(base=PlatformTask, access=Platform(reason), shared=False, **options)(
            function
        )
        if every_s is not None:
            entry = {"task": task.name, "schedule": every_s, "options": {"expires": max(every_s, 5.0)}}
            app.conf.beat_schedule[task.name] = entry
        return task

    return make


@platform_task("a sign of life of queue and worker; touches no tenant", every_s=health.PULSE_S)
def pulse() -> None:
    """Every ten seconds: that it is done proves that beat sends, the queue carries and a worker takes."""
    health.pulse(health.WORKER)
