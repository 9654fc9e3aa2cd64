"""manage.py agent_release: releases of the agent that organisations are offered."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from tenants.scope import tenant_scope
from vsaas.agents import releases, rollouts
from vsaas.agents.releases import Offered
from vsaas.audit.services import system
from vsaas.common.commands import TenantCommand

BY = "manage.py agent_release"


class Command(TenantCommand):
    help = "Offers releases of the agent: add, list, pause, resume; rollout begins one at an organisation."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("act", choices=("add", "list", "pause", "resume", "rollout"))
        parser.add_argument(
            "what",
            nargs="?",
            help="add: the release document, its files beside it; pause, resume, rollout: the version (default: newest)",
        )

    def run(self, **options: Any) -> None:
        folder = settings.ENV.agent_packages
        if folder is None:
            raise CommandError(
                "VSAAS_AGENT_PACKAGES names no folder: set it to the one packages are offered from"
            )
        act, named = options["act"], options["what"]
        if act == "add":
            if named is None:
                raise CommandError("name the release document: manage.py agent_release add FILE.release")
            one = releases.add(Path(named), Path(folder))
            self.stdout.write(f"offered: {one.version}, {len(one.release.files)} files")
        elif act == "list":
            for one in releases.offered():
                self.stdout.write(f"{one.version}{' paused' if one.paused else ''} {one.digest.hex()}")
        elif act == "rollout":
            with tenant_scope(self.tenant_id(options), keys=True):
                rollout = rollouts.start(_named(named), system(BY))
            self.stdout.write(f"being rolled out: {rollout.version}")
        else:
            one = _named(named)
            releases.hold_back(one, act == "pause")
            self.stdout.write(f"{'paused' if act == 'pause' else 'offered'}: {one.version}")


def _named(version: str | None) -> Offered:
    for one in releases.offered():
        if version in (None, one.version):
            return one
    raise CommandError(f"no release {version} is offered" if version else "no release is offered")
