"""manage.py camera_add: registers a camera; addresses with a password come by standard input or environment."""

import json
import os
import sys
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import CommandError, CommandParser

from tenants.scope import tenant_scope
from vsaas.agents.choose import agent_named
from vsaas.audit.services import system
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.common.commands import TenantCommand

ADDRESS_HELP = "'-' reads a line of standard input, 'env:NAME' an environment variable; an address without a password may stand here itself"


class Command(TenantCommand):
    help = "Registers a camera on an agent. The address is sealed to the agent at once and never stored in clear."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--agent", required=True, help="the agent's id or name")
        parser.add_argument("--name", required=True, help="the camera's name")
        parser.add_argument("--main", metavar="URL", default="-", help=f"main stream: {ADDRESS_HELP}")
        parser.add_argument("--sub", metavar="URL", help=f"sub stream: {ADDRESS_HELP}")
        parser.add_argument("--no-audio", action="store_true", help="do not record sound")
        parser.add_argument(
            "--retention-days", type=int, help="keep recordings this long (default: the tenant's)"
        )
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def run(self, **options: Any) -> None:
        new = NewCamera(
            name=options["name"],
            main_url=_address(options["main"], "--main"),
            sub_url=None if options["sub"] is None else _address(options["sub"], "--sub"),
            audio=not options["no_audio"],
            retention_days=options["retention_days"],
        )
        with tenant_scope(self.tenant_id(options)):
            agent = agent_named(options["agent"])
            camera = camera_add(agent, new, system("manage.py camera_add"))
        if options["json"]:
            self.stdout.write(json.dumps({"id": str(camera.id), "name": camera.name, "agent": str(agent.id)}))
        else:
            self.stdout.write(f"added the camera {camera.name} ({camera.id}) to the agent {agent.name}")


def _address(given: str, option: str) -> str:
    if given == "-":
        line = sys.stdin.readline().strip()
        if not line:
            raise CommandError(f"{option}: standard input holds no address")
        return line
    if given.startswith("env:"):
        value = os.environ.get(given[4:], "").strip()
        if not value:
            raise CommandError(f"{option}: the environment variable {given[4:]} is not set")
        return value
    if _has_password(given):
        raise CommandError(
            f"{option}: an address with a password would stand in the process list and the shell's history; "
            "write - and give it by standard input, or env:NAME"
        )
    return given


def _has_password(address: str) -> bool:
    try:
        return urlsplit(address).password is not None
    except ValueError:
        return "@" in address
