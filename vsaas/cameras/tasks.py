"""Background work on cameras. Each task is safe to run twice, and at the same time as itself."""

from __future__ import annotations

import uuid

from tenants.scope import tenant_scope
from vsaas.cameras import certificates, password_schedules, passwords
from vsaas.common.tasks import platform_task

PASSWORDS_EVERY_S = 30
CERTIFICATES_EVERY_S = 60


@platform_task(
    "goes on with a tenant's runs of camera passwords, begins those that are due and forgets old ones, in its scope"
)
def passwords_of_tenant(tenant_id: str) -> None:
    """One order at a time per agent; what the agent reports meanwhile brings the next."""
    with tenant_scope(uuid.UUID(tenant_id)):
        password_schedules.begin_due()
    # Of its own, so that what goes wrong with a schedule takes no run back.
    with tenant_scope(uuid.UUID(tenant_id)):
        passwords.advance()
        passwords.forget_old()


@platform_task("has every tenant's runs of camera passwords gone on with", every_s=PASSWORDS_EVERY_S)
def go_on_with_passwords() -> None:
    """Twice a minute."""
    passwords_of_tenant.for_each_tenant("camera passwords", PASSWORDS_EVERY_S)


@platform_task(
    "settles certificates of a tenant's cameras that were broken off, and renews those that run out, in its scope"
)
def certificates_of_tenant(tenant_id: str) -> None:
    """What is due now."""
    with tenant_scope(uuid.UUID(tenant_id)):
        certificates.look_after()


@platform_task("has the certificates of every tenant's cameras looked after", every_s=CERTIFICATES_EVERY_S)
def go_on_with_certificates() -> None:
    """Each minute."""
    certificates_of_tenant.for_each_tenant("certificates of cameras", CERTIFICATES_EVERY_S)
