"""`manage.py setup_link [--tenant SLUG]`: print a new set-up link while the tenant has no owner."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.lookups import TenantFound, sole_tenant, tenant_by_slug
from tenants.scope import tenant_scope
from vsaas.accounts.setup import issue_link
from vsaas.common.errors import Conflict


class Command(BaseCommand):
    """The link lives 24 hours, works once, and replaces earlier ones."""

    help = "Prints a one-time link by which the first owner of an organisation sets up an account."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="slug of the organisation; not needed when there is only one")

    def handle(self, *args: Any, **options: Any) -> None:
        tenant = self._tenant(options["tenant"])
        try:
            with tenant_scope(tenant.id):
                link = issue_link()
        except Conflict as error:
            raise CommandError(f"{tenant.slug}: {error.detail}") from None
        self.stdout.write(link)

    def _tenant(self, slug: str | None) -> TenantFound:
        if slug is None:
            only = sole_tenant()
            if only is None:
                raise CommandError(
                    "name the organisation with --tenant SLUG: there is none yet, or more than one"
                )
            return only
        found = tenant_by_slug(slug)
        if found is None:
            raise CommandError(f"no organisation is called {slug!r}; make one with: manage.py tenant_create")
        return found
