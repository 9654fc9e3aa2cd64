"""`manage.py audit_verify`: check every audit log, entry by entry."""

from __future__ import annotations

import json
import sys
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from tenants.lookups import tenant_by_slug, tenants_for_task
from tenants.scope import platform_scope, tenant_scope
from vsaas.audit import chain, sequencer
from vsaas.audit.models import AuditEntry, PlatformEntry


class Command(BaseCommand):
    """Exit code 0 only when every chain holds."""

    help = "Checks that no entry of the audit logs was changed, removed or swapped."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", help="slug of one tenant (default: every tenant and the platform)")
        parser.add_argument("--json", action="store_true", help="one JSON object per log")

    def handle(self, *args: Any, **options: Any) -> None:
        sequencer.sequence_all()
        verdicts = dict(self._verdicts(options["tenant"]))
        for name, verdict in verdicts.items():
            self.stdout.write(self._json(name, verdict) if options["json"] else self._line(name, verdict))
        if any(verdict.broken_at is not None for verdict in verdicts.values()):
            sys.exit(1)

    def _verdicts(self, slug: str | None) -> Any:
        if slug:
            found = tenant_by_slug(slug)
            if found is None:
                raise CommandError(
                    f"no tenant is called {slug!r}; its slug is what stands behind /t/ in the address"
                )
            tenant_ids = [found.id]
        else:
            tenant_ids = tenants_for_task("audit_verify")
        for tenant_id in tenant_ids:
            with tenant_scope(tenant_id):
                yield (
                    str(tenant_id),
                    chain.verify(AuditEntry.objects.order_by("seq").iterator(2000), tenant_id),
                )
        if not slug:
            with platform_scope("audit"):
                entries = PlatformEntry.objects.order_by("seq").iterator(2000)
                yield "platform", chain.verify(entries, chain.PLATFORM)

    def _line(self, name: str, verdict: chain.Verdict) -> str:
        if verdict.broken_at is not None:
            return f"{name}: BROKEN at entry {verdict.broken_at}: {verdict.reason}"
        return f"{name}: {verdict.entries} entries hold, head {verdict.head.hex()[:16]}"

    def _json(self, name: str, verdict: chain.Verdict) -> str:
        return json.dumps(
            {
                "log": name,
                "holds": verdict.broken_at is None,
                "entries": verdict.entries,
                "head": verdict.head.hex(),
                "broken_at": verdict.broken_at,
                "reason": verdict.reason,
            }
        )
