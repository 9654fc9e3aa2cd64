"""Background work on agents. Each task is safe to run twice, and at the same time as itself."""

from uuid import UUID

from tenants.scope import tenant_scope
from vsaas.agents import rollouts, rollover
from vsaas.common.tasks import platform_task

ROLLOUT_EVERY_S = 60
KEYS_EVERY_S = 3600


@platform_task("takes one organisation's rollout of a release on")
def roll_out_tenant(tenant_id: str) -> None:
    """What is due in it now; nothing where none is."""
    with tenant_scope(UUID(tenant_id), keys=True):
        rollouts.look_after()


@platform_task("has every organisation's rollout of a release taken on", every_s=ROLLOUT_EVERY_S)
def roll_out() -> None:
    """Each minute."""
    roll_out_tenant.for_each_tenant("rollout of releases", ROLLOUT_EVERY_S)


@platform_task(
    "gives up on agents of one organisation that make no new keys, and asks those whose keys are old"
)
def renew_keys_of_tenant(tenant_id: str) -> None:
    """What is due in it now."""
    with tenant_scope(UUID(tenant_id)):
        rollover.look_after()


@platform_task("has every organisation's agents asked for new keys once a year", every_s=KEYS_EVERY_S)
def renew_keys() -> None:
    """Each hour."""
    renew_keys_of_tenant.for_each_tenant("new keys of agents", KEYS_EVERY_S)
