"""Footage through real doors: the portal's HTTP routes, PostgreSQL, Valkey and an S3 server."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from tests.agent_sim import AgentSim
from tests.boxes import make_keys
from tests.cast import Cast


@pytest.fixture
def people(cast: Cast, object_store_server: None) -> Cast:
    """The standing cast, whose tenants have their keys."""
    for tenant in (cast.tenant_a, cast.tenant_b):
        make_keys(tenant)
    return cast


@pytest.fixture
def agent(people: Cast) -> AgentSim:
    """An agent of tenant A, on the site Bob may see."""
    return AgentSim.enrol(people.tenant_a.id, people.site_a)


@pytest.fixture
def foreign_agent(people: Cast) -> AgentSim:
    """An agent of tenant B."""
    return AgentSim.enrol(people.tenant_b.id, people.site_b)


@pytest.fixture
def queries_of() -> Callable[[Callable[[], object]], int]:
    """Counts the queries of both databases while something runs."""

    def count(run: Callable[[], object]) -> int:
        with (
            CaptureQueriesContext(connections["default"]) as main,
            CaptureQueriesContext(connections["keys"]) as keys,
        ):
            run()
        return len(main) + len(keys)

    return count
