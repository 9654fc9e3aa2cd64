"""Worker and beat as processes: `celery -A vsaas.worker worker`. Neither starts before what portal and hub make sure of holds."""

from __future__ import annotations

from typing import Any

from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

from vsaas.celery import app

__all__ = ["app"]


@worker_init.connect(weak=False)
@beat_init.connect(weak=False)
def _make_sure(**kwargs: Any) -> None:
    from vsaas.startup import make_sure  # needs the apps loaded

    make_sure()


@worker_init.connect(weak=False)
def _audit_key(**kwargs: Any) -> None:
    """The worker signs the audit logs: without its key it does not start."""
    from vsaas.audit.signer import AuditKeyError, signer

    try:
        found = signer()
    except AuditKeyError as error:
        raise ImproperlyConfigured(f"cannot start: {error}") from error
    if found is None:
        raise ImproperlyConfigured(
            "cannot start: the worker signs the audit logs; set VSAAS_AUDIT_KEY to a path and make the key with "
            "manage.py audit_init (docs/production.md)"
        )
