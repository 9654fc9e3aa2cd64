"""`manage.py audit_tables`: brings the tables of docs/audit.md and docs/siem.md up to date."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from vsaas.audit.tables import write


class Command(BaseCommand):
    help = "Writes the tables of acts in docs/audit.md and docs/siem.md anew (for developers)."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        changed = write(settings.BASE_DIR / "docs")
        self.stdout.write(f"changed: {', '.join(changed)}" if changed else "nothing to change")
