"""Background work on agents. Each task is safe to run twice, and at the same time as itself."""

from uuid import UUID

from tenants.scope import tenant_scope
from vsaas.agents import rollouts
from vsaas.common.tasks import platform_task

ROLLOUT_EVERY_S = 60


@platform_task("takes one organisation's rollout of a release on")
def roll_out_tenant(tenant_id: str) -> None:
    """What is due in it now; nothing where none is."""
    with tenant_scope(UUID(tenant_id), keys=True):
        rollouts.look_after()


@platform_task("has every organisation's rollout of a release taken on", every_s=ROLLOUT_EVERY_S)
def roll_out() -> None:
    """Each minute."""
    roll_out_tenant.for_each_tenant("rollout of releases", ROLLOUT_EVERY_S)
