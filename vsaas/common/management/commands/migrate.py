"""`manage.py migrate`: both databases, as the owner."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.commands import migrate

from vsaas.common.owner import as_owner


class Command(migrate.Command):
    """With VSAAS_OWNER_DATABASE_URL set and no --database: migrates `default` and `keys` as the owner role."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.set_defaults(database=None)

    def get_check_kwargs(self, options: dict[str, Any]) -> dict[str, Any]:
        kwargs = super().get_check_kwargs(options)
        return {**kwargs, "databases": [options["database"]] if options["database"] else ["default", "keys"]}

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = options["database"]
        with as_owner():
            for alias in (chosen,) if chosen else ("default", "keys"):
                super().handle(*args, **(options | {"database": alias}))
