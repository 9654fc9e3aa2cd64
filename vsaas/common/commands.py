"""What commands of the operator share: the tenant they work on, and errors as one sentence."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError, CommandParser

from tenants import lookups
from tenants.errors import VsaasError


class TenantCommand(BaseCommand):
    """A command on one tenant: `--tenant SLUG`, which may be left out while there is only one.

    Subclasses write `run`; a VsaasError becomes the command's error message.
    """

    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--tenant", metavar="SLUG", help="the tenant; may be left out while there is only one"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self.run(**options)
        except VsaasError as error:
            raise CommandError(error.detail or error.title) from error

    def run(self, **options: Any) -> None:
        """The command's work."""
        raise NotImplementedError

    def tenant_id(self, options: dict[str, Any]) -> UUID:
        """The tenant named, or the only one. Raises CommandError."""
        slug = options["tenant"]
        if slug is not None:
            found = lookups.tenant_by_slug(slug)
            if found is None:
                raise CommandError(f"there is no tenant {slug!r}")
            return found.id
        ids = lookups.tenants_for_task("a command of the operator that names no tenant")
        if len(ids) != 1:
            raise CommandError(f"there are {len(ids)} tenants: name one with --tenant SLUG")
        return ids[0]
