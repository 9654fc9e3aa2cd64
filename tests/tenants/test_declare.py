"""Declarations on views, consumers and tasks."""

from __future__ import annotations

import sys
import types

import pytest
from celery import Celery
from django.test import override_settings
from django.urls import path

from tenants import checks
from tenants.declare import Platform, Public, Requires, declaration_of, public, requires
from tenants.permissions import CAMERA_VIEW
from tenants.scope import current_tenant_id, in_tenant_scope
from tests.cast import make_tenant
from vsaas.celery import app
from vsaas.common.tasks import PlatformTask, TenantTask, platform_task, tenant_task


def test_declarations_want_the_real_thing():
    with pytest.raises(TypeError, match="Permission"):
        requires("camera:view")
    with pytest.raises(TypeError, match="reason"):
        public("")
    assert declaration_of(requires(CAMERA_VIEW)(lambda: None)) == Requires(CAMERA_VIEW)
    assert declaration_of(lambda: None) is None


class Consumer:
    """As Channels' `as_asgi` gives it: a function that knows its class."""

    @classmethod
    def as_asgi(cls):
        def application(scope, receive, send):
            return None

        application.consumer_class = cls
        return application


class DeclaredConsumer(Consumer):
    access = Public("a test")


def test_a_consumer_that_declares_nothing_stops_start_up(monkeypatch):
    routing = types.ModuleType("routing_for_tests")
    routing.__spec__ = types.SimpleNamespace(name="routing_for_tests")
    routing.websocket_urlpatterns = [
        path("live", DeclaredConsumer.as_asgi()),
        path("bare", Consumer.as_asgi()),
    ]
    monkeypatch.setitem(sys.modules, "routing_for_tests", routing)
    with override_settings(TENANTS_CONSUMER_ROUTING="routing_for_tests"):
        sentences = [sentence for sentence in checks.complaints() if sentence.startswith("the consumer ")]
    assert len(sentences) == 1
    assert "/bare" in sentences[0]


def test_a_task_that_declares_nothing_stops_start_up(monkeypatch):
    tasks = types.ModuleType("celery_for_tests")
    tasks.app = Celery("celery_for_tests", set_as_current=False)

    @tasks.app.task(name="bare.task")
    def bare() -> None:
        """Declares nothing."""

    monkeypatch.setitem(sys.modules, "celery_for_tests", tasks)
    with override_settings(TENANTS_CELERY_APP="celery_for_tests:app"):
        sentences = [sentence for sentence in checks.complaints() if sentence.startswith("the task ")]
    assert len(sentences) == 1
    assert "bare.task" in sentences[0]
    assert "tenant_task" in sentences[0]


@pytest.fixture
def _forget_tasks():
    before = set(app.tasks)
    yield
    for name in set(app.tasks) - before:
        app.tasks.pop(name)


@pytest.mark.usefixtures("_forget_tasks")
def test_a_tenants_task_runs_in_its_scope_and_a_platform_task_in_none(database):
    tenant = make_tenant()

    @tenant_task(CAMERA_VIEW, name="tests.whose")
    def whose(word: str) -> str:
        return f"{word} {current_tenant_id()}"

    @platform_task("a test", name="tests.nobodys", every_s=60)
    def nobodys() -> bool:
        return in_tenant_scope()

    assert isinstance(whose, TenantTask)
    assert isinstance(nobodys, PlatformTask)
    assert declaration_of(whose) == Requires(CAMERA_VIEW)
    assert isinstance(declaration_of(nobodys), Platform)
    assert whose(str(tenant.id), "of") == f"of {tenant.id}"
    assert nobodys() is False
    assert app.conf.beat_schedule.pop("tests.nobodys")["schedule"] == 60


@pytest.mark.usefixtures("_forget_tasks")
def test_a_task_is_sent_on_commit_and_not_after_a_rollback(database):
    from tenants.scope import roll_back_scope, tenant_scope
    from vsaas.common import redis

    tenant = make_tenant()

    @tenant_task(CAMERA_VIEW, name="tests.sent")
    def sent() -> None:
        """Never run: this looks at the queue."""

    before = redis.client().llen("vsaas.celery.celery")

    def waiting() -> int:
        return redis.client().llen("vsaas.celery.celery") - before

    with tenant_scope(tenant.id):
        sent.enqueue(tenant.id)
        assert waiting() == 0
    assert waiting() == 1
    with tenant_scope(tenant.id):
        sent.enqueue(tenant.id)
        roll_back_scope()
    assert waiting() == 1
