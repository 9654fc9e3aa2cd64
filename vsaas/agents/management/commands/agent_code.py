"""manage.py agent_code: a one-time code an installer enrols an agent with."""

import json
from typing import Any

from django.core.management.base import CommandError, CommandParser

from protocol.limits import ENROLMENT_CODE_SECONDS
from sealing.ids import read_fingerprint, show_fingerprint
from tenants.models import Site
from tenants.scope import tenant_scope
from vsaas.agents.enrolment import issue_code
from vsaas.audit.services import system
from vsaas.common import clock
from vsaas.common.commands import TenantCommand


class Command(TenantCommand):
    help = (
        "Makes a one-time code for one agent, valid for 30 minutes, and shows it with the root's fingerprint."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--site", metavar="NAME", help="the agent's site; may be left out while there is only one"
        )
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def run(self, **options: Any) -> None:
        tenant_id = self.tenant_id(options)
        with tenant_scope(tenant_id):
            code = issue_code(tenant_id, _site(options["site"]), system("manage.py agent_code"))
        if options["json"]:
            answer = {
                "code": code.text,
                "root_fingerprint": code.fingerprint,
                "expires_us": clock.to_us(code.expires_at),
            }
            self.stdout.write(json.dumps(answer))
            return
        self.stdout.write(code.text)
        self.stdout.write(f"root fingerprint: {show_fingerprint(read_fingerprint(code.fingerprint))}")
        self.stdout.write(
            f"enrols one agent within {ENROLMENT_CODE_SECONDS // 60} minutes; it is not shown again"
        )


def _site(name: str | None) -> Site:
    sites = Site.objects.all() if name is None else Site.objects.filter(name=name)
    found = list(sites[:2])
    if len(found) == 1:
        return found[0]
    if name is not None:
        raise CommandError(f"there is no site {name!r}")
    raise CommandError("name the agent's site with --site NAME" if found else "this tenant has no site yet")
