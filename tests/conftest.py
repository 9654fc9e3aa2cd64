"""Real PostgreSQL (as the app's role, never the owner's), real Valkey, a real S3 server; nothing is rolled back: each test
makes its own tenants, so on_commit and row-level security are what they are in production."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import environment, services
from tests.scheduling import WaitingApart

environment.prepare()

import django  # noqa: E402  settings come from the environment

django.setup()

from django.conf import settings  # noqa: E402
from django.test import Client  # noqa: E402

from tests.sweeps import pass_over_older_tenants  # noqa: E402

settings.PLAIN_HTTP_HOSTS.add("testserver")  # the name Django's test client asks for

REAL_TIME = {"frame", "components", "frontend", "e2e", "live"}

if TYPE_CHECKING:
    from xdist.remote import Producer

    from tests.cast import Cast
    from tests.onebox.running import Checkout
    from vsaas.accounts.models import Account


def pytest_configure(config: pytest.Config) -> None:
    if environment.began_here():
        services.hold_run()


def pytest_unconfigure(config: pytest.Config) -> None:
    if environment.began_here():
        services.end_run()
        environment.remove()


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> WaitingApart | None:
    return WaitingApart(config, log) if config.getoption("dist") == "loadgroup" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that watch a browser or processes in real time are tried once more: two cores may have been busy elsewhere.

    Every other test, property tests above all, must pass the first time. A second try stands in pytest's report.
    """
    for item in items:
        marked = item.get_closest_marker("e2e") or item.get_closest_marker("real_time")
        browses = "page" in getattr(item, "fixturenames", ())
        in_real_time = marked or browses or item.path.parent.name in REAL_TIME
        if in_real_time and not getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True, scope="module")
def _sweeps_of_this_module() -> Iterator[None]:
    """Sweeps over all tenants visit those that the tests of the same file made."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        pass_over_older_tenants(monkeypatch)
        yield


@pytest.fixture(scope="session")
def database() -> Iterator[None]:
    """This worker's own databases and its part of Valkey, with every migration applied."""
    from django.conf import settings
    from django.db import connections

    from vsaas.audit import signer
    from vsaas.keys.kms import create_key_file, key_file_of

    services.ensure("database")
    signer.create_key_file(Path(settings.ENV.audit_key))
    create_key_file(key_file_of(settings.ENV.kms))  # no process of the cloud starts without it
    server = environment.postgres()
    for name, template in zip(environment.databases(), services.TEMPLATES, strict=True):
        server.create_database(name, template)
    yield
    connections.close_all()
    for connection in connections.all():
        connection.close_pool()


@pytest.fixture(scope="session")
def object_store_server() -> None:
    """The S3 server of the settings, with the bucket made."""
    from vsaas.common.object_store import object_store

    services.ensure("s3")
    object_store().ensure_bucket(environment.PUBLIC_URL)


@pytest.fixture(scope="session")
def pages() -> None:
    """For tests that render pages: the front end is built."""
    from django.conf import settings

    from vsaas.onebox import nodebuild

    nodebuild.build(settings.BASE_DIR / "frontend")


@pytest.fixture(scope="session")
def running_checkout() -> Iterator[Checkout]:
    """A copy of this checkout in which `make up` runs: one a process, so its users are two xdist groups: "make-up" looks at it,
    "drills" stops, kills and restores it."""
    from tests.onebox.running import Checkout

    made = Checkout()
    try:
        made.up()
        yield made
    finally:
        made.remove()


@pytest.fixture
def cast(database: None) -> Cast:
    """The standing cast, made anew: see tests.cast."""
    from tests.cast import make_cast

    return make_cast()


@pytest.fixture
def client_for(database: None) -> Callable[[Account], Client]:
    """A browser in which an account signed in, second factor included."""
    from tests.cast import sign_in

    return sign_in


@pytest.fixture
def anonymous() -> Client:
    """A browser nobody signed in to."""
    return Client()
