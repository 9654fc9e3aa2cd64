"""What Prometheus may read of every process: counts and times, without a word about who.

Labels are names of ours from short lists (a route's pattern, a task, an outcome), never a tenant, a camera or an id.
Counters live in the process; with `VSAAS_METRICS_DIR` in files that all processes of a machine share, so that one
scrape tells of all of them, workers included. What only the database knows is counted once a minute by a task
(`vsaas.footage.tasks.count_state`) and read from Redis here: a scrape visits no tenant.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import redis
from django.conf import settings
from django.db import connections
from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from vsaas.common import health
from vsaas.common.redis import client

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
STATE_KEY = "vsaas:metrics:state"
STATE_LIFETIME_S = 300
QUEUE_KEY = "vsaas.celery.celery"
KNOWN_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

REQUESTS = Counter("vsaas_http_requests", "Requests answered", ["method", "route", "status"])
REQUEST_SECONDS = Histogram("vsaas_http_request_seconds", "Time to answer", ["route"], buckets=_SECONDS)
RECORDS = Counter("vsaas_records", "Records of agents by what became of them", ["outcome"])
CONFIRMED = Counter("vsaas_segments_confirmed", "Uploads the portal has seen in the store")
ERASED_HOURS = Counter("vsaas_footage_hours_erased", "Camera-hours the retention sweep finished")
TASKS = Counter("vsaas_tasks", "Tasks run by workers", ["task", "outcome"])
TASK_SECONDS = Histogram("vsaas_task_seconds", "Time a task took", ["task"], buckets=(*_SECONDS, 30, 60, 300))
LIVE_VIEWERS = Gauge("vsaas_live_viewers", "People watching live", multiprocess_mode="livesum")
LIVE_PUBLISHES = Gauge("vsaas_live_publishes", "Streams published live", multiprocess_mode="livesum")
LIVE_AGENTS = Gauge("vsaas_live_agents", "Agents with an open control socket", multiprocess_mode="livesum")
LIVE_DROPPED = Counter("vsaas_live_fragments_dropped", "Live fragments a slow viewer did not get")
POOL = Gauge(
    "vsaas_database_pool", "Connections of a pool", ["database", "figure"], multiprocess_mode="livesum"
)
_POOL_FIGURES = ("pool_size", "pool_available", "requests_waiting")


def request_answered(method: str, route: str, status: int, took_s: float) -> None:
    """One request of the portal. An unknown method is counted as "other": strangers make no labels."""
    REQUESTS.labels(method if method in KNOWN_METHODS else "other", route, str(status)).inc()
    REQUEST_SECONDS.labels(route).observe(took_s)


def note_pools() -> None:
    """The connection pools of this process, as they are now."""
    for alias in connections:
        pool = getattr(connections[alias], "_connection_pools", {}).get(alias)
        if pool is not None:
            figures = pool.get_stats()
            for name in _POOL_FIGURES:
                POOL.labels(alias, name).set(figures.get(name, 0))


class StateCollector:
    """What is asked at the moment of a scrape: Redis and the parts this process stands on."""

    def collect(self) -> Iterable[Any]:
        troubles = health.readiness().troubles()
        ready = GaugeMetricFamily("vsaas_part_ready", "Whether a part answers", labels=["part"])
        for part in health.PARTS:
            ready.add_metric([part], 0 if part in troubles else 1)
        yield ready
        if health.REDIS in troubles:
            return
        try:
            yield from _from_redis()
        except redis.RedisError as error:
            health.logger.warning("no figures from Redis: %s", error)

    def describe(self) -> Iterable[Any]:
        return []


def _from_redis() -> Iterator[Any]:
    yield GaugeMetricFamily("vsaas_queue_length", "Tasks waiting", value=client().llen(QUEUE_KEY))
    silent = GaugeMetricFamily(
        "vsaas_silent_seconds",
        "Since the last sign of life; of the worker: through the queue",
        labels=["process"],
    )
    for name in (health.WORKER, health.BEAT):
        seconds = health.silent_s(name)
        if seconds is not None:
            silent.add_metric([name], seconds)
    yield silent
    kept = client().get(STATE_KEY)
    if kept is not None:
        yield from _state(json.loads(kept))


def _state(state: dict[str, Any]) -> Iterator[Any]:
    agents = GaugeMetricFamily("vsaas_agents", "Agents by state", labels=["state"])
    for name, count in sorted(state["agents"].items()):
        agents.add_metric([name], count)
    yield agents
    yield GaugeMetricFamily(
        "vsaas_segments_awaited", "Segments declared and not yet seen in the store", value=state["awaited"]
    )
    yield GaugeMetricFamily(
        "vsaas_oldest_unsent_seconds",
        "Age of the oldest footage an agent holds back",
        value=state["unsent_s"],
    )


def keep_state(agents: dict[str, int], awaited: int, unsent_s: float) -> None:
    """What the minutely count found, over all tenants."""
    state = {"agents": agents, "awaited": awaited, "unsent_s": unsent_s}
    client().set(STATE_KEY, json.dumps(state), ex=STATE_LIFETIME_S)


def exposition() -> bytes:
    """Everything, in Prometheus' text format."""
    note_pools()
    registry = CollectorRegistry()
    folder = settings.ENV.metrics_dir
    if folder is None:
        registry.register(_ThisProcess())
    else:
        _forget_dead(Path(folder))
        MultiProcessCollector(registry, path=folder)
    registry.register(StateCollector())
    return generate_latest(registry)


class _ThisProcess:
    """The figures of this process alone."""

    def collect(self) -> Iterable[Any]:
        return REGISTRY.collect()

    def describe(self) -> Iterable[Any]:
        return []


def _forget_dead(folder: Path) -> None:
    """The gauges of processes that ended count no more; their counters go on counting."""
    for file in folder.glob("gauge_live*_*.db"):
        pid = file.stem.rpartition("_")[2]
        if pid.isdecimal() and not Path("/proc", pid).exists():
            mark_process_dead(int(pid), path=os.fspath(folder))
