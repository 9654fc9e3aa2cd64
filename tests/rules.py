"""Hours of roles, as tests set them: in UTC unless they say otherwise, every day."""

from __future__ import annotations

from typing import Any

from tenants.hours import DAYS, minute_text
from tenants.models import OrganisationRole, Tenant
from tenants.scope import tenant_scope

MINUTE_US = 60_000_000
DAY_MINUTES = 1440


def every_day(from_us: int, to_us: int) -> list[dict[str, Any]]:
    """The window of every day from one UTC minute to another, both as instants on a minute."""
    begin, end = (us // MINUTE_US % DAY_MINUTES for us in (from_us, to_us))
    return [{"days": list(DAYS), "from": minute_text(begin), "to": minute_text(end)}]


def set_hours(tenant: Tenant, role: str, **hours: Any) -> None:
    """Gives the organisation's role these hours in place of those it had."""
    with tenant_scope(tenant.id):
        OrganisationRole.objects.update_or_create(key=role, defaults={"hours": hours})


def set_calendar(tenant: Tenant, zone: str, *holidays: str) -> None:
    """The organisation's zone and holidays (days as YYYY-MM-DD)."""
    with tenant_scope(tenant.id):
        days = [{"date": day, "name": "a holiday"} for day in holidays]
        Tenant.objects.update(timezone=zone, holidays=days)
