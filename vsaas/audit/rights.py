"""Who may read the log, and who may change how it is kept."""

from __future__ import annotations

from collections.abc import Callable

from tenants import access
from tenants.access import Actor
from tenants.errors import Denied, NotFound
from tenants.models import Tenant
from tenants.permissions import AUDIT_VIEW, TENANT_EDIT


def require_log(actor: Actor) -> None:
    """The log is the organisation's: the right to it on one site alone opens nothing. Raises Denied."""
    access.require(actor, AUDIT_VIEW, Tenant.objects.get())


def require_change(actor: Actor) -> None:
    """Reads the log, and may change the organisation's settings. Raises Denied."""
    require_log(actor)
    access.require(actor, TENANT_EDIT, Tenant.objects.get())


def reads_log(actor: Actor) -> bool:
    """Whether the log may be offered to them."""
    return _may(require_log, actor)


def changes_log(actor: Actor) -> bool:
    """Whether its settings may be."""
    return _may(require_change, actor)


def _may(required: Callable[[Actor], None], actor: Actor) -> bool:
    try:
        required(actor)
    except (Denied, NotFound):
        return False
    return True
