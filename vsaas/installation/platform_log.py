"""Whether the platform's own audit log arrives where the settings send it."""

from __future__ import annotations

from vsaas.audit import chain
from vsaas.audit.checkpoints import scope_of
from vsaas.audit.models import PlatformDestination
from vsaas.installation.finding import Finding, good, weak
from vsaas.settings.env import Environment

NAME, WHAT = "audit-platform", "the platform's own audit log"


def finding(env: Environment) -> Finding:
    """One query where it is sent anywhere. Raises DatabaseError."""
    address = env.audit_platform_syslog
    if address is None:
        return good(NAME, WHAT, "kept here, and sent nowhere (VSAAS_AUDIT_PLATFORM_SYSLOG is not set)")
    with scope_of(chain.PLATFORM):
        row = PlatformDestination.objects.filter(address=address).first()
    if row is not None and row.error:
        return weak(
            NAME, WHAT, f"does not arrive at {address}: {row.error}", "mend what is named; it is tried again"
        )
    return good(NAME, WHAT, f"sent on to {address}")
