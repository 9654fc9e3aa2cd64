"""manage.py footage_policy: how long and how much a tenant keeps."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from tenants.scope import tenant_scope
from vsaas.audit.services import system
from vsaas.cameras.models import RETENTION_DAYS_MAX
from vsaas.common.commands import TenantCommand
from vsaas.footage.policy import Policy, policy, set_policy

GB = 1_000_000_000


class Command(TenantCommand):
    help = "Shows or sets a tenant's retention and quota. Cameras may have a retention of their own."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--days", type=int, help="keep footage this many days")
        parser.add_argument(
            "--quota-gb", type=float, help="delete the oldest hours beyond this size; 0: no quota"
        )

    def run(self, **options: Any) -> None:
        with tenant_scope(self.tenant_id(options)):
            if options["days"] is not None or options["quota_gb"] is not None:
                self._set(options["days"], options["quota_gb"])
            now = policy()
        quota = "no quota" if now.quota_bytes is None else f"a quota of {now.quota_bytes / GB:g} GB"
        self.stdout.write(f"footage is kept {now.retention_days} days, with {quota}")

    def _set(self, days: int | None, quota_gb: float | None) -> None:
        if days is not None and not 1 <= days <= RETENTION_DAYS_MAX:
            raise CommandError(f"--days: from 1 to {RETENTION_DAYS_MAX}")
        if quota_gb is not None and quota_gb < 0:
            raise CommandError("--quota-gb: 0 or more")
        before = policy()
        quota_bytes = before.quota_bytes if quota_gb is None else int(quota_gb * GB) or None
        set_policy(Policy(days or before.retention_days, quota_bytes), system("manage.py footage_policy"))
