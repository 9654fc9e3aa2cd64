"""manage.py footage_check: holds records and store against each other (fsck). Exit 1 when they disagree."""

import json
import sys
from dataclasses import asdict
from typing import Any

from django.core.management.base import CommandParser

from tenants.lookups import tenants_for_task
from vsaas.common.commands import TenantCommand
from vsaas.common.object_store import object_store
from vsaas.footage.check import Report, check_tenant


class Command(TenantCommand):
    help = "Compares every record with the store. What disagrees is marked, listed here and shown as a finding; nothing is deleted."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--days", type=int, help="only the last days (default: everything)")
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def run(self, **options: Any) -> None:
        tenants = (
            tenants_for_task("footage check") if options["tenant"] is None else [self.tenant_id(options)]
        )
        reports = {
            str(tenant): check_tenant(tenant, object_store(), recent_days=options["days"])
            for tenant in tenants
        }
        if options["json"]:
            self.stdout.write(json.dumps({tenant: asdict(report) for tenant, report in reports.items()}))
        else:
            for tenant, report in reports.items():
                self._tell(tenant, report)
        if not all(report.clean for report in reports.values()):
            sys.exit(1)

    def _tell(self, tenant: str, report: Report) -> None:
        self.stdout.write(
            f"tenant {tenant}: {report.segments} segments in {report.hours} camera-hours, "
            f"{report.confirmed} newly confirmed, {len(report.missing)} missing, {len(report.changed)} changed, "
            f"{len(report.unknown)} unknown"
        )
        for what, names in (
            ("missing", report.missing),
            ("changed", report.changed),
            ("unknown", report.unknown),
        ):
            for name in names:
                self.stdout.write(f"{what}: {name}")
