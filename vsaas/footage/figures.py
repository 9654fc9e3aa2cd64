"""Figures over all tenants for the metrics: sums alone, in which no tenant can be told from another."""

from __future__ import annotations

import uuid
from collections import Counter

from django.db.models import Min, Sum

from tenants.lookups import tenants_for_task
from tenants.scope import tenant_scope
from vsaas.agents.models import Agent
from vsaas.agents.states import state_of
from vsaas.common import clock, metrics
from vsaas.common.tasks import for_each
from vsaas.footage.models import FootageHour, StreamStatus


def count_state() -> None:
    """Counts and keeps the figures where a scrape finds them."""
    agents: Counter[str] = Counter()
    awaited, oldest_us = [0], [clock.now_us()]

    def count(tenant: uuid.UUID) -> None:
        with tenant_scope(tenant):
            agents.update(
                state_of(agent, getattr(agent, "health", None))
                for agent in Agent.objects.select_related("health")
            )
            awaited[0] += FootageHour.objects.filter(pending__gt=0).aggregate(n=Sum("pending"))["n"] or 0
            unsent_us = StreamStatus.objects.aggregate(oldest=Min("oldest_unsent_us"))["oldest"]
            oldest_us.append(clock.now_us() if unsent_us is None else unsent_us)

    for_each(tenants_for_task("figures for the metrics"), count)
    metrics.keep_state(dict(agents), awaited[0], max(0.0, (clock.now_us() - min(oldest_us)) / 1e6))
