"""Periodic work of the audit log."""

from __future__ import annotations

from uuid import UUID

from tenants.lookups import tenants_with_destinations
from vsaas.audit import chain, retention, sequencer
from vsaas.audit.siem.forward import forward_platform as forward_platform_log
from vsaas.audit.siem.forward import forward_tenant as forward_to_destinations
from vsaas.common.tasks import platform_task

SIGN_EVERY_S = 600
PRUNE_EVERY_S = 24 * 3600
FORWARD_EVERY_S = 1.0


@platform_task("moves the audit events of every tenant into its chained log, and signs it", every_s=1.0)
def sequence_audit() -> None:
    """Each second."""
    sequencer.sequence_all()


@platform_task(
    "signs every tenant's audit log as it stands, where a worker ended before it did", every_s=SIGN_EVERY_S
)
def sign_audit() -> None:
    """Every ten minutes."""
    sequencer.sign_all()


@platform_task("deletes what a tenant's audit log no longer keeps, with the maintenance role")
def prune_tenant(tenant_id: str) -> None:
    """Safe to run twice: what is gone is not there to go again."""
    retention.prune(UUID(tenant_id))


@platform_task("has every tenant's audit log pruned", every_s=PRUNE_EVERY_S)
def prune_audit() -> None:
    """Once a day."""
    prune_tenant.for_each_tenant("audit retention", PRUNE_EVERY_S)


@platform_task("sends a tenant's audit log on to its destinations, between its scopes")
def forward_tenant(tenant_id: str) -> None:
    """Two at once serve different destinations; what one sent and could not write down is sent again."""
    forward_to_destinations(UUID(tenant_id))


@platform_task("has the audit logs sent on that something was added to", every_s=FORWARD_EVERY_S)
def forward_audit() -> None:
    """Each second."""
    for tenant_id in tenants_with_destinations():
        forward_tenant.enqueue(str(tenant_id), expires_s=30)


@platform_task("sends the platform's audit log on to where the settings say", every_s=FORWARD_EVERY_S)
def forward_platform() -> None:
    """Each second; of two at once one does it."""
    forward_platform_log()


@platform_task(
    "deletes what the platform's audit log no longer keeps, with the maintenance role", every_s=PRUNE_EVERY_S
)
def prune_platform() -> None:
    """Once a day."""
    retention.prune(chain.PLATFORM)
