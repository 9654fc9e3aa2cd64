"""manage.py agent_revoke: lets an agent in no more."""

from typing import Any

from django.core.management.base import CommandParser

from tenants.scope import tenant_scope
from vsaas.agents.choose import agent_named
from vsaas.agents.revocation import revoke
from vsaas.audit.services import system
from vsaas.common.commands import TenantCommand


class Command(TenantCommand):
    help = (
        "Revokes an agent: it is let in no more, and a statement says which of its records are still trusted."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("agent", help="the agent's id or name")

    def run(self, **options: Any) -> None:
        with tenant_scope(self.tenant_id(options)):
            agent = agent_named(options["agent"])
            number = revoke(agent, system("manage.py agent_revoke"))
        if number is None:
            self.stdout.write(
                f"revoked the agent {agent.name}; a holder of the organisation's keys has to sign which of its records are "
                "still trusted, on the page Keys"
            )
        else:
            self.stdout.write(f"revoked the agent {agent.name}, by statement {number}")
