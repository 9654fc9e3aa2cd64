"""`manage.py bucket_init`: make the bucket of VSAAS_S3_BUCKET ready."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from vsaas.common.object_store import ObjectStoreError, object_store


class Command(BaseCommand):
    """Safe to repeat; does nothing to objects."""

    help = "Makes the bucket where it is absent, switches versioning on, and lets the portal's pages reach it (CORS)."
    requires_system_checks = ()

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            object_store().ensure_bucket(settings.ENV.public_url)
        except ObjectStoreError as error:
            raise CommandError(error.detail or error.title) from error
        self.stdout.write(f"the bucket {settings.ENV.s3_bucket} is ready")
