"""Worker and beat as processes: `celery -A vsaas.worker worker`. Neither starts before what portal and hub make sure of holds,
and the worker not without the key that signs the audit logs.

Celery logs what a receiver of its signals raises and goes on; only SystemExit ends the process."""

from __future__ import annotations

from typing import Any

from celery.signals import beat_init, worker_init
from django.core.exceptions import ImproperlyConfigured

from vsaas.celery import app

__all__ = ["app"]


@beat_init.connect(weak=False)
def _before_beat(**kwargs: Any) -> None:
    from vsaas.startup import make_sure  # needs the apps loaded

    try:
        make_sure()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error


@worker_init.connect(weak=False)
def _before_worker(**kwargs: Any) -> None:
    from vsaas.startup import make_sure, make_sure_of_audit_key  # needs the apps loaded

    try:
        make_sure()
        make_sure_of_audit_key()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error
