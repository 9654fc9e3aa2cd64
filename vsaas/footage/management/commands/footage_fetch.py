"""manage.py footage_fetch: sealed footage, with everything that proves it, as a folder."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from tenants.scope import tenant_scope
from vsaas.audit.services import record_act, system, what
from vsaas.common.commands import TenantCommand
from vsaas.common.object_store import object_store
from vsaas.footage import acts
from vsaas.footage.folder import write_folder
from vsaas.footage.management.commands._range import add_range, read_range
from vsaas.footage.times import iso


class Command(TenantCommand):
    help = (
        "Writes sealed footage as a folder for `python -m sealing verify`. It holds no keys: see key_release."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        add_range(parser)
        parser.add_argument(
            "-o",
            "--output",
            type=Path,
            required=True,
            metavar="FOLDER",
            help="a folder that is not there yet",
        )

    def run(self, **options: Any) -> None:
        wanted = read_range(self.tenant_id(options), options)
        try:
            done = write_folder(
                wanted.camera, wanted.streams, wanted.from_us, wanted.to_us, options["output"], object_store()
            )
        except FileExistsError:
            raise CommandError(f"{options['output']} is there already: choose another folder") from None
        with tenant_scope(wanted.camera.tenant_id):
            record_act(
                acts.FETCHED,
                system("manage.py footage_fetch"),
                what(wanted.camera),
                from_time=iso(wanted.from_us),
                to_time=iso(wanted.to_us),
            )
        self.stdout.write(
            f"{done.records} records, {done.objects} objects, {done.size_bytes} bytes in {options['output']}"
        )
        for stream, upto_us in done.upto_us.items():
            self.stdout.write(
                f"{stream.name.lower()} stream: fetched until {iso(upto_us)}; what follows is on the agent and not uploaded yet"
            )
        if done.pending:
            self.stderr.write(
                f"{done.pending} segments in this range are not uploaded yet, and verify will call them missing: "
                "fetch again once they are"
            )
        for name in done.missing:
            self.stderr.write(f"missing from the store: {name}")
