"""Background work on footage. Each task is safe to run twice, and at the same time as itself."""

import uuid

from tenants.scope import tenant_scope
from vsaas.common import metrics
from vsaas.common.object_store import ObjectStore, object_store
from vsaas.common.tasks import for_each, platform_task
from vsaas.footage import check, figures, partitions, retention, stored
from vsaas.footage.stored import Hour

CONFIRM_EVERY_S = 60
SWEEP_EVERY_S = 300
CHECK_EVERY_S = 24 * 3600


@platform_task("confirms the uploads an agent reported; asks the store between two scopes of its tenant")
def confirm_hours(tenant_id: str, hours: list[list[str | int]]) -> None:
    """`hours`: [camera, stream, hour µs], each listed and compared once."""
    tenant, store = uuid.UUID(tenant_id), object_store()
    wanted = [Hour(uuid.UUID(str(camera)), int(stream), int(hour_us)) for camera, stream, hour_us in hours]
    for_each(wanted, lambda where: _confirm(tenant, where, store))


def _confirm(tenant: uuid.UUID, where: Hour, store: ObjectStore) -> None:
    metrics.CONFIRMED.inc(stored.confirm_hour(tenant, where, store))


@platform_task("looks for a tenant's uploads nobody reported; asks the store between its scopes")
def confirm_tenant(tenant_id: str) -> None:
    """The hours in which something is still to arrive."""
    tenant, store = uuid.UUID(tenant_id), object_store()
    with tenant_scope(tenant):
        hours = stored.hours_to_confirm()
    for_each(hours, lambda where: _confirm(tenant, where, store))


@platform_task("has every tenant's unreported uploads looked for", every_s=CONFIRM_EVERY_S)
def confirm_pending() -> None:
    """Each minute."""
    confirm_tenant.for_each_tenant("confirm uploads", CONFIRM_EVERY_S)


@platform_task("deletes what a tenant's retention and quota no longer keep, between its scopes")
def sweep_tenant(tenant_id: str) -> None:
    """A sweep that was interrupted goes on where it stopped; two at once take different hours."""
    metrics.ERASED_HOURS.inc(retention.sweep(uuid.UUID(tenant_id), object_store()))


@platform_task("has every tenant's footage swept", every_s=SWEEP_EVERY_S)
def sweep_retention() -> None:
    """Every five minutes."""
    sweep_tenant.for_each_tenant("retention sweep", SWEEP_EVERY_S)


@platform_task(
    "counts agents by state and footage that is awaited, over all tenants, for the metrics", every_s=60
)
def count_state() -> None:
    """Each minute, so that a scrape visits no tenant."""
    figures.count_state()


@platform_task("makes the partitions of the days to come, with the maintenance role", every_s=6 * 3600)
def ensure_partitions() -> None:
    """Four times a day; two weeks ahead, so a worker may be away for days."""
    partitions.ensure_partitions()


@platform_task("compares a tenant's records and the store, between its scopes")
def check_tenant(tenant_id: str) -> None:
    """The hours of the last two days; `manage.py footage_check` looks at everything."""
    check.check_tenant(uuid.UUID(tenant_id), object_store(), recent_days=2)


@platform_task("has every tenant's records and the store compared", every_s=CHECK_EVERY_S)
def check_footage() -> None:
    """Once a day."""
    check_tenant.for_each_tenant("footage check", CHECK_EVERY_S)
