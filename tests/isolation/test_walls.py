"""The walls themselves: every model, both databases, with the app's own connection."""

from __future__ import annotations

from typing import Any

import pytest
from django.apps import apps
from django.db import DatabaseError, IntegrityError, connections, models, router, transaction

from tenants.errors import TenantScopeMissing
from tenants.models import Membership, ScopedModel, Tenant
from tenants.scope import roll_back_scope, tenant_scope
from tests.cast import Cast, owner_connection
from tests.isolation.stage import Stage, make_stage
from vsaas.accounts.models import Account

MODELS = [model for model in apps.get_models() if issubclass(model, ScopedModel | Tenant)]


def name_of(model: type[models.Model]) -> str:
    return model._meta.label


@pytest.fixture(scope="module")
def stage(database: None, object_store_server: None) -> Stage:
    return make_stage().whole()


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_without_a_tenant_the_orm_raises(model: Any, database: None) -> None:
    for query in (
        lambda: list(model.objects.all()),
        lambda: model.objects.count(),
        lambda: model.objects.filter(pk=None).exists(),
        lambda: model.objects.update(),
        lambda: model._base_manager.first(),
        lambda: model().save(),
    ):
        with pytest.raises(TenantScopeMissing):
            query()


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_without_a_tenant_the_database_raises(model: Any, stage: Stage) -> None:
    """Also on a connection that was in a tenant's scope a moment ago."""
    alias = router.db_for_read(model)
    with tenant_scope(stage.cast.tenant_a.id, keys=True):
        list(model.objects.all()[:1])
    with (
        pytest.raises(DatabaseError, match=r"app\.tenant|invalid input syntax for type uuid"),
        connections[alias].cursor() as cursor,
    ):
        cursor.execute(f"SELECT * FROM {model._meta.db_table}")
    with pytest.raises(DatabaseError):
        list(model.objects.unscoped("tests what the database says by itself"))


@pytest.mark.parametrize("model", MODELS, ids=name_of)
def test_no_row_of_a_is_seen_or_touched_from_b(model: Any, stage: Stage) -> None:
    a, b = stage.cast.tenant_a.id, stage.cast.tenant_b.id
    column = "id" if model is Tenant else "tenant_id"
    table, alias = model._meta.db_table, router.db_for_read(model)
    with owner_connection(alias) as owner:
        theirs = owner.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", [a]).fetchone()[0]
    with tenant_scope(b, keys=True), connections[alias].cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", [a])
        assert cursor.fetchone()[0] == 0
        assert not model.objects.unscoped("tests the second lock alone").filter(**{column: a}).exists()
    for sql in (
        f"UPDATE {table} SET {column} = {column} WHERE {column} = %s",
        f"DELETE FROM {table} WHERE {column} = %s",
    ):
        try:
            with tenant_scope(b, keys=True), connections[alias].cursor() as cursor:
                cursor.execute(sql, [a])
                assert cursor.rowcount == 0
        except DatabaseError as error:
            assert "permission denied" in str(error)  # no grant for this at all
    with owner_connection(alias) as owner:
        assert owner.execute(f"SELECT count(*) FROM {table} WHERE {column} = %s", [a]).fetchone()[0] == theirs


def test_the_stage_holds_rows_in_most_tables(stage: Stage) -> None:
    """Else the test above would look at nothing."""
    filled = 0
    with tenant_scope(stage.cast.tenant_a.id, keys=True):
        for model in MODELS:
            filled += model.objects.exists()
    assert filled >= 12


def test_a_row_cannot_be_made_for_another_tenant(cast: Cast) -> None:
    with pytest.raises(DatabaseError, match="row-level security"), tenant_scope(cast.tenant_b.id):
        Account.objects.create(tenant_id=cast.tenant_a.id, email="x@example.org", name="X")


def test_a_row_cannot_be_moved_to_another_tenant(cast: Cast) -> None:
    with pytest.raises(DatabaseError, match="row-level security"), tenant_scope(cast.tenant_b.id):
        Account.objects.filter(pk=cast.charlie.pk).update(tenant_id=cast.tenant_a.id)


def test_a_row_cannot_point_into_another_tenant(cast: Cast) -> None:
    """Row-level security does not look at foreign keys; the composite ones do."""
    with pytest.raises(IntegrityError, match="same_tenant"), tenant_scope(cast.tenant_b.id):
        Membership.objects.create(account_id=cast.alice.id, role="owner", site=None)
    with pytest.raises(IntegrityError, match="same_tenant"), tenant_scope(cast.tenant_b.id):
        Membership.objects.create(account=cast.charlie, role="viewer", site_id=cast.site_a.id)


def test_the_app_cannot_leave_its_role_or_switch_the_lock_off(database: None) -> None:
    for sql in (
        "SET ROLE vsaas_owner",
        "SET SESSION AUTHORIZATION vsaas_owner",
        "ALTER TABLE accounts_account NO FORCE ROW LEVEL SECURITY",
        "DROP POLICY accounts_account_app ON accounts_account",
        "TRUNCATE accounts_account CASCADE",
        "CREATE TABLE mine (x int)",
    ):
        with pytest.raises(DatabaseError), transaction.atomic(), connections["default"].cursor() as cursor:
            cursor.execute(sql)


def test_switching_row_security_off_makes_queries_fail_not_open(cast: Cast) -> None:
    with tenant_scope(cast.tenant_a.id), connections["default"].cursor() as cursor:
        cursor.execute("SET LOCAL row_security = off")
        with pytest.raises(DatabaseError, match="row-level security"):
            cursor.execute("SELECT * FROM accounts_account")
        roll_back_scope()


def test_the_app_sees_the_reseller_of_its_tenant_and_cannot_change_it(cast: Cast) -> None:
    with tenant_scope(cast.tenant_a.id), connections["default"].cursor() as cursor:
        cursor.execute("SELECT id FROM tenants_partner")
        assert cursor.fetchall() == [(cast.partner_id,)]
    with pytest.raises(DatabaseError, match="permission denied"), tenant_scope(cast.tenant_a.id):
        change_reseller()


def change_reseller() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("UPDATE tenants_partner SET name = 'x'")
