"""All findings together: for whoever runs the installation, and for the owners of one organisation."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import DatabaseError
from psycopg_pool import PoolTimeout

from vsaas.installation import addresses, certificates, database, organisations, platform_log, portal
from vsaas.installation.finding import Finding, bad, worst


@dataclass(frozen=True)
class Chapter:
    """Findings about one thing: the installation, or the organisation of this slug."""

    title: str
    findings: list[Finding]


def of_installation() -> list[Chapter]:
    """Everything. Asks the databases and, over TLS, the addresses of the settings; takes seconds where one is silent."""
    env = settings.ENV
    whole = [
        *addresses.findings(env),
        *certificates.findings(env),
        *portal.findings(env, settings),
        *database.findings(),
    ]
    try:
        whole.append(organisations.backup())
        whole.append(platform_log.finding(env))
        each = organisations.of_all()
    except (DatabaseError, PoolTimeout) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        whole.append(
            bad(
                "organisations", "organisations", f"cannot be read: {reason}", "mend the database, or migrate"
            )
        )
        each = []
    return [Chapter("installation", whole), *(Chapter(f"organisation {slug}", rows) for slug, rows in each)]


def of_organisation() -> list[Finding]:
    """What owners of the current tenant read: the worst first. Asks the tenant's tables alone."""
    found = [finding for finding in addresses.findings(settings.ENV) if finding.to_owners]
    return sorted([*found, *organisations.findings()], key=lambda finding: -finding.grade)


__all__ = ["Chapter", "of_installation", "of_organisation", "worst"]
