"""manage.py tenant_keys: makes a tenant's root and other keys once, and shows the root's fingerprint."""

import json
from typing import Any

from django.core.management.base import CommandParser

from sealing.ids import show_fingerprint
from tenants.models import Tenant
from tenants.scope import tenant_scope
from vsaas.common.commands import TenantCommand
from vsaas.keys.models import TenantKey
from vsaas.keys.services import create_tenant_keys, root_fingerprint


class Command(TenantCommand):
    help = "Makes a tenant's keys and first statements, unless it has them, and shows the root's fingerprint."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--json", action="store_true", help="answer in JSON")

    def run(self, **options: Any) -> None:
        tenant_id = self.tenant_id(options)
        with tenant_scope(tenant_id):
            if not TenantKey.objects.exists():
                create_tenant_keys(Tenant.objects.get())
            fingerprint = root_fingerprint(tenant_id)
        if options["json"]:
            self.stdout.write(json.dumps({"tenant": str(tenant_id), "root_fingerprint": fingerprint.hex()}))
        else:
            self.stdout.write(f"root fingerprint: {show_fingerprint(fingerprint)}")
