"""`manage.py audit_init`: makes the key that signs the audit logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from vsaas.audit.proof import key_text
from vsaas.audit.signer import AuditKeyError, Signer, create_key_file


class Command(BaseCommand):
    help = "Makes the key file VSAAS_AUDIT_KEY names, unless it is there, and prints its public key."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        if settings.ENV.audit_key is None:
            raise CommandError(
                "set VSAAS_AUDIT_KEY to the path of the key file, in the worker's settings only"
            )
        path = Path(settings.ENV.audit_key)
        try:
            made = create_key_file(path)
            public_key = Signer(path).public_key
        except AuditKeyError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(
            f"{'made' if made else 'found'} the audit key {path}, public key {key_text(public_key)}"
        )
