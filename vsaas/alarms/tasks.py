"""Looking after alarms in the background. Each task is safe to run twice, and at the same time as itself."""

from __future__ import annotations

from uuid import UUID

from tenants.scope import tenant_scope
from vsaas.agents import heard
from vsaas.alarms import telling, watching
from vsaas.common import clock
from vsaas.common.tasks import platform_task

EVERYWHERE_S = 300


@platform_task("opens and ends a tenant's alarms and writes to its people, in its scope")
def look_at_tenant(tenant_id: str) -> None:
    """One tenant in which something may have changed."""
    tenant = UUID(tenant_id)
    with tenant_scope(tenant):
        unripe = watching.look()
        waits_s = telling.tell()
    again_s = watching.EVERY_S if unripe else waits_s
    if again_s is not None:
        heard.look_at(tenant, clock.now_us() / 1e6 + again_s)


@platform_task("finds out in which tenants agents or cameras fell silent", every_s=watching.EVERY_S)
def look() -> None:
    """Every five seconds; visits only tenants where something is to be looked at."""
    for tenant in watching.tenants_to_look_at(clock.now_us() / 1e6):
        look_at_tenant.enqueue(str(tenant), expires_s=60.0)


@platform_task("has every tenant looked at, whatever Redis forgot", every_s=EVERYWHERE_S)
def look_everywhere() -> None:
    """Every five minutes."""
    look_at_tenant.for_each_tenant("alarms", EVERYWHERE_S)


@platform_task("deletes a tenant's alarms of long ago, in its scope")
def forget_in_tenant(tenant_id: str) -> None:
    """Those that ended more than 90 days ago."""
    with tenant_scope(UUID(tenant_id)):
        watching.forget_old()


@platform_task("has every tenant's old alarms deleted", every_s=24 * 3600)
def forget_old() -> None:
    """Once a day."""
    forget_in_tenant.for_each_tenant("old alarms", 24 * 3600)
