"""`manage.py tenant_create --slug SLUG --name NAME [--site NAME --timezone ZONE]`: make an organisation."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError

from tenants.ids import uuid7
from tenants.lookups import tenant_by_slug
from tenants.models import Site, Tenant
from tenants.scope import tenant_scope
from vsaas.accounts import acts
from vsaas.audit.services import record_act, system, what


class Command(BaseCommand):
    """Prints the new tenant's id. The owner follows by `manage.py setup_link`."""

    help = "Makes an organisation (tenant), with one site to begin with."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--slug", required=True, help="short name in addresses: lower-case letters, digits, dashes"
        )
        parser.add_argument("--name", required=True, help="the name people read")
        parser.add_argument("--site", default="Main site", help="name of its first site")
        parser.add_argument(
            "--timezone", default="UTC", help="time zone of its first site, such as Europe/Berlin"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if tenant_by_slug(options["slug"]) is not None:
            raise CommandError(
                f"an organisation is called {options['slug']!r} already; choose another --slug"
            )
        tenant = Tenant(id=uuid7(), slug=options["slug"], name=options["name"])
        try:
            with tenant_scope(tenant.id):
                tenant.full_clean(validate_unique=False, validate_constraints=False)
                tenant.save(force_insert=True)
                site = Site(name=options["site"], timezone=options["timezone"])
                site.full_clean(exclude=["tenant"])
                site.save(force_insert=True)
                record_act(acts.TENANT_CREATED, system("tenant_create"), what(tenant))
        except ValidationError as error:
            wrong = "; ".join(f"--{name}: {' '.join(texts)}" for name, texts in error.message_dict.items())
            raise CommandError(f"cannot make the organisation: {wrong}") from None
        self.stdout.write(str(tenant.id))
