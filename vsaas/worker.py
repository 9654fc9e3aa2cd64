"""Worker and beat as processes: `celery -A vsaas.worker worker`. Neither starts before what portal and hub make sure of holds."""

from __future__ import annotations

from typing import Any

from celery.signals import beat_init, worker_init

from vsaas.celery import app

__all__ = ["app"]


@worker_init.connect(weak=False)
@beat_init.connect(weak=False)
def _make_sure(**kwargs: Any) -> None:
    from vsaas.startup import make_sure  # needs the apps loaded

    make_sure()
