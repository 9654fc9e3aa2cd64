"""Signs of life and figures of worker and beat, by Celery's signals. Connected where Celery starts (vsaas.celery)."""

from __future__ import annotations

import logging
import time
from typing import Any

import redis
from celery import signals

logger = logging.getLogger(__name__)

BEAT_S = 5.0
_begun: dict[str, float] = {}
_beat_at_s = -BEAT_S


def connect() -> None:
    """Each process connects all of them; which of them come depends on what it is."""
    signals.worker_ready.connect(_worker_ready)
    signals.beat_init.connect(_beat_begins)
    signals.task_prerun.connect(_task_begins)
    signals.task_postrun.connect(_task_ended)


def _worker_ready(**_: Any) -> None:
    from vsaas.common import health

    _sign(health.WORKER)


def _beat_begins(**_: Any) -> None:
    signals.after_task_publish.connect(_beat_sent)


def _beat_sent(**_: Any) -> None:
    """Beat sends something every second: that it does is its sign of life."""
    from vsaas.common import health

    global _beat_at_s
    if time.monotonic() - _beat_at_s >= BEAT_S:
        _beat_at_s = time.monotonic()
        _sign(health.BEAT)


def _sign(name: str) -> None:
    from vsaas.common import health

    try:
        health.pulse(name)
    except redis.RedisError as error:
        logger.warning("no sign of life of the %s could be left: %s", name, error)


def _task_begins(task_id: str, **_: Any) -> None:
    _begun[task_id] = time.perf_counter()


def _task_ended(task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
    from vsaas.common import metrics

    began_s = _begun.pop(task_id, None)
    metrics.TASKS.labels(task.name, (state or "unknown").lower()).inc()
    if began_s is not None:
        metrics.TASK_SECONDS.labels(task.name).observe(time.perf_counter() - began_s)
