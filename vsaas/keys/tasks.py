"""Work on customer-held keys that nobody waits for."""

from uuid import UUID

from tenants.scope import tenant_scope
from vsaas.common.tasks import platform_task
from vsaas.keys.held.custody import Mode, mode_of, vault_in_force
from vsaas.keys.held.rolls import end_unused
from vsaas.keys.held.switch import rewrap_some

LOOK_EVERY_S = 300


@platform_task(
    "goes on with switches to customer-held keys, organisation by organisation", every_s=LOOK_EVERY_S
)
def look_after_keys() -> None:
    """Every five minutes: a switch whose worker died goes on, and keys of cameras that are out of use end."""
    look_after_tenant.for_each_tenant("goes on with switches to customer-held keys", LOOK_EVERY_S)


@platform_task("re-wraps what an organisation recorded before it took over its keys")
def look_after_tenant(tenant_id: str) -> None:
    """Some key periods at a time, each time in a transaction of its own."""
    tenant = UUID(tenant_id)
    more = True
    while more:
        with tenant_scope(tenant, keys=True):
            more = rewrap_some(tenant)
    with tenant_scope(tenant, keys=True):
        if mode_of(vault_in_force()) is not Mode.MANAGED:
            end_unused()
