"""The scope of a tenant: one transaction, one tenant, nothing left behind."""

from __future__ import annotations

import asyncio
import threading

import pytest
from django.db import IntegrityError, connection, connections, transaction

from tenants import scope
from tenants.errors import TenantScopeError, TenantScopeMissing
from tenants.models import Site, Tenant
from tenants.scope import (
    after_scope,
    current_tenant_id,
    in_scope,
    in_tenant_scope,
    platform_scope,
    roll_back_scope,
    tenant_scope,
)
from tests.cast import make_site, make_tenant


@pytest.fixture
def tenant(database) -> Tenant:
    return make_tenant("a")


@pytest.fixture
def other(database) -> Tenant:
    return make_tenant("b")


def sites(tenant: Tenant) -> list[str]:
    with tenant_scope(tenant.id):
        return [site.name for site in Site.objects.all()]


def make_site_and_fail(afterwards=None) -> None:
    make_site("Gate")
    if afterwards is not None:
        with tenant_scope(current_tenant_id()):
            after_scope(afterwards)
    raise RuntimeError


def test_outside_a_scope_the_current_tenant_raises(database):
    assert not in_tenant_scope()
    with pytest.raises(TenantScopeMissing, match="tenant_scope"):
        current_tenant_id()


def test_a_scope_sees_its_own_rows_and_commits(tenant, other):
    with tenant_scope(tenant.id):
        make_site("Gate")
    with tenant_scope(other.id):
        make_site("Depot")
    assert (sites(tenant), sites(other)) == (["Gate"], ["Depot"])


def test_what_raises_inside_rolls_back(tenant):
    with pytest.raises(RuntimeError), tenant_scope(tenant.id):
        make_site_and_fail()
    assert sites(tenant) == []
    assert not in_tenant_scope()


def test_a_scope_can_be_told_to_roll_back_without_an_exception(tenant):
    with tenant_scope(tenant.id):
        make_site("Gate")
        roll_back_scope()
        assert Site.objects.count() == 1
    assert sites(tenant) == []


def test_the_same_tenant_joins_another_raises(tenant, other):
    with tenant_scope(tenant.id) as outer:
        with tenant_scope(str(tenant.id)) as inner:
            assert inner is outer
        with pytest.raises(TenantScopeError, match=str(other.id)), tenant_scope(other.id):
            pass
        assert current_tenant_id() == tenant.id


def test_a_scope_must_be_the_outermost_transaction(tenant):
    with transaction.atomic(), pytest.raises(TenantScopeError, match="outermost"), tenant_scope(tenant.id):
        pass


def test_the_setting_ends_with_the_transaction(tenant):
    with tenant_scope(tenant.id):
        pass
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('app.tenant', true)")
        assert cursor.fetchone()[0] in (None, "")


def test_the_key_store_is_opened_on_demand_also_inside_an_outer_scope(tenant):
    with tenant_scope(tenant.id):
        with tenant_scope(tenant.id, keys=True), connections["keys"].cursor() as cursor:
            cursor.execute("SELECT current_setting('app.tenant')")
            assert cursor.fetchone()[0] == str(tenant.id)
        assert not connections["keys"].in_atomic_block
        with tenant_scope(tenant.id, keys=True):
            assert connections["keys"].in_atomic_block


def test_a_rollback_inside_takes_the_key_store_along(tenant):
    with tenant_scope(tenant.id, keys=True):
        roll_back_scope()
    with tenant_scope(tenant.id), tenant_scope(tenant.id, keys=True):
        roll_back_scope()
        assert connections["keys"].in_atomic_block


def test_another_thread_begins_outside_and_cannot_borrow_the_scope(tenant):
    found = []

    def look() -> None:
        found.append(in_tenant_scope())
        scope._current.set(borrowed)
        try:
            with tenant_scope(tenant.id):
                pass
        except TenantScopeError as error:
            found.append(str(error))
        finally:
            connections.close_all()

    with tenant_scope(tenant.id) as borrowed:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()
    assert found[0] is False
    assert "another thread" in found[1]


def test_on_commit_runs_outside_the_ended_scope(tenant):
    seen = []
    with tenant_scope(tenant.id):
        transaction.on_commit(lambda: seen.append(in_tenant_scope()))
    assert seen == [False]


def test_what_is_to_run_afterwards_runs_after_a_rollback_too_in_a_transaction_of_its_own(tenant):
    def note() -> None:
        with tenant_scope(tenant.id):
            make_site("Note")

    with pytest.raises(RuntimeError), tenant_scope(tenant.id):
        make_site_and_fail(note)
    assert sites(tenant) == ["Note"]


def test_a_failed_query_ends_the_scope_cleanly(tenant):
    with tenant_scope(tenant.id):
        make_site("Gate")
    with pytest.raises(IntegrityError), tenant_scope(tenant.id):
        make_site("Gate")
    assert sites(tenant) == ["Gate"]


def test_a_platform_scope_cannot_stand_inside_a_tenants(tenant):
    with tenant_scope(tenant.id), pytest.raises(TenantScopeError), platform_scope("audit"):
        pass


async def test_async_code_runs_each_piece_in_a_scope_of_its_own(tenant, other):
    await in_scope(tenant.id, make_site, "Gate")
    await in_scope(other.id, make_site, "Depot")
    assert not in_tenant_scope()

    def names() -> list[str]:
        return [site.name for site in Site.objects.all()]

    found = await asyncio.gather(*(in_scope(t.id, names) for t in (tenant, other) * 5))
    assert found == [["Gate"], ["Depot"]] * 5


def test_unscoped_wants_a_reason(tenant):
    with pytest.raises(TenantScopeError, match="reason"):
        Site.objects.unscoped(" ")


def test_ids_are_uuid7_in_order(tenant):
    with tenant_scope(tenant.id):
        ids = [make_site(f"S{n}").id for n in range(3)]
    assert all(value.version == 7 and value.variant == "specified in RFC 4122" for value in ids)
