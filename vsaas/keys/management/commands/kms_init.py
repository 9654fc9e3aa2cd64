"""manage.py kms_init: makes the key file that wraps every tenant's keys."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from vsaas.keys.errors import KmsError
from vsaas.keys.kms import create_key_file, key_file_of


class Command(BaseCommand):
    help = "Makes the key file VSAAS_KMS names, unless it is there. Without it no tenant's key opens: keep a copy."
    requires_system_checks = ()

    def handle(self, **options: Any) -> None:
        try:
            path = key_file_of(settings.ENV.kms)
            made = create_key_file(path)
        except KmsError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{'made' if made else 'found'} the key file {path}")
