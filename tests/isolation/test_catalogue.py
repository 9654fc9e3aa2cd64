"""What PostgreSQL's own catalogue says of both databases: row-level security is everywhere, and nothing goes around it."""

from __future__ import annotations

from typing import Any

import pytest

from tenants.lookups import DEFINER_FUNCTIONS
from tenants.rls import APP_ROLE, MAINT_ROLE, OWNER_ROLE
from tests.cast import owner_connection

ALIASES = ["default", "keys"]
# Django's own tables: they hold no tenant's data; the app reads the first and has no business with the others.
DJANGO_READ = {"django_migrations"}
DJANGO = DJANGO_READ | {
    "django_content_type",
    "auth_permission",
    "auth_group",
    "auth_group_permissions",
}
# Tables without tenant_id, and the rule the app is under there.
PLATFORM = {
    "tenants_tenant": "(id = (current_setting('app.tenant'::text))::uuid)",
    "tenants_partner": None,
    "audit_platforminbox": "(current_setting('app.platform'::text, true) = 'audit'::text)",
    "audit_platformentry": "(current_setting('app.platform'::text, true) = 'audit'::text)",
    "mail_platformmessage": "(current_setting('app.platform'::text, true) = 'mail'::text)",
    "audit_platformpruning": "(current_setting('app.platform'::text, true) = 'audit'::text)",
    "audit_platformdestination": "(current_setting('app.platform'::text, true) = 'audit'::text)",
    "audit_platformcheckpoint": "(current_setting('app.platform'::text, true) = 'audit'::text)",
}
TENANT_RULE = "(tenant_id = (current_setting('app.tenant'::text))::uuid)"


@pytest.fixture(params=ALIASES)
def alias(request: pytest.FixtureRequest, database: None) -> str:
    return request.param


def rows(alias: str, sql: str, *arguments: Any) -> list[tuple[Any, ...]]:
    with owner_connection(alias) as connection:
        return connection.execute(sql, arguments or None).fetchall()


def tables(alias: str) -> dict[str, dict[str, Any]]:
    """Every table of ours: partition or not, its security switches."""
    found = rows(
        alias,
        "SELECT c.relname, c.relkind, c.relispartition, c.relrowsecurity, c.relforcerowsecurity FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace "
        "WHERE c.relkind IN ('r', 'p', 'f', 'm') AND n.nspname NOT IN ('pg_catalog', 'information_schema') "
        "AND n.nspname !~ '^pg_toast|^pg_temp'",
    )
    return {
        name: {"kind": kind, "partition": partition, "on": on, "forced": forced}
        for name, kind, partition, on, forced in found
    }


def parents(alias: str) -> list[str]:
    """Tables of tenants and platform that are no partitions."""
    return sorted(
        name for name, table in tables(alias).items() if not table["partition"] and name not in DJANGO
    )


def columns(alias: str, table: str) -> set[str]:
    return {
        name
        for (name,) in rows(
            alias, "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0", table
        )
    }


def grants(alias: str, table: str) -> set[tuple[str, str]]:
    return set(
        rows(
            alias,
            "SELECT coalesce(r.rolname, 'PUBLIC'), a.privilege_type FROM pg_class c "
            "CROSS JOIN LATERAL aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee "
            "WHERE c.oid = %s::regclass",
            table,
        )
    )


def test_there_are_tables_to_look_at(alias: str) -> None:
    assert len(parents(alias)) >= (15 if alias == "default" else 1)


def test_every_table_forces_row_level_security(alias: str) -> None:
    bare = [
        name for name in parents(alias) if not (tables(alias)[name]["on"] and tables(alias)[name]["forced"])
    ]
    assert bare == []


def test_every_table_has_the_apps_rule_and_the_owners_and_no_other(alias: str) -> None:
    for table in parents(alias):
        found = rows(
            alias,
            "SELECT roles::text[], permissive, qual, with_check FROM pg_policies WHERE tablename = %s ORDER BY roles",
            table,
        )
        by_role = {roles[0]: (permissive, qual, check) for roles, permissive, qual, check in found}
        assert set(by_role) == {APP_ROLE, OWNER_ROLE}, table
        assert all(len(roles) == 1 for roles, *_ in found), table
        assert by_role[OWNER_ROLE] == ("PERMISSIVE", "true", "true"), table
        _, qual, check = by_role[APP_ROLE]
        if table not in PLATFORM:
            assert (qual, check) == (TENANT_RULE, TENANT_RULE), table
        elif PLATFORM[table] is not None:
            assert qual == PLATFORM[table], table
    assert len({table for table in PLATFORM if table in parents(alias)}) == (
        len(PLATFORM) if alias == "default" else 0
    )


def test_every_table_names_its_tenant(alias: str) -> None:
    for table in parents(alias):
        assert "tenant_id" in columns(alias, table) or table in PLATFORM, table


def test_partitions_are_closed_to_everybody_but_their_parent(alias: str) -> None:
    for name, table in tables(alias).items():
        if table["partition"]:
            assert {role for role, _ in grants(alias, name)} <= {OWNER_ROLE}, name


def test_the_app_may_read_and_write_and_nothing_else(alias: str) -> None:
    for name, table in tables(alias).items():
        given = grants(alias, name)
        assert "PUBLIC" not in {role for role, _ in given}, name
        assert MAINT_ROLE not in {role for role, _ in given}, name
        app = {privilege for role, privilege in given if role == APP_ROLE}
        if name in DJANGO or table["partition"]:
            assert app <= ({"SELECT"} if name in DJANGO_READ else set()), name
        else:
            assert app <= {"SELECT", "INSERT", "UPDATE", "DELETE"}, name
            assert "SELECT" in app, name


def test_chained_audit_entries_cannot_be_changed_by_the_app(database: None) -> None:
    for table in (
        "audit_auditentry",
        "audit_platformentry",
        "audit_auditcheckpoint",
        "audit_platformcheckpoint",
    ):
        app = {privilege for role, privilege in grants("default", table) if role == APP_ROLE}
        assert app == {"SELECT", "INSERT"}, table
    for table in ("audit_auditpruning", "audit_platformpruning"):
        app = {privilege for role, privilege in grants("default", table) if role == APP_ROLE}
        assert app == {"SELECT"}, table


def test_ids_are_unique_within_their_tenant_so_that_foreign_keys_can_name_both(alias: str) -> None:
    for table in parents(alias):
        if table in PLATFORM or tables(alias)[table]["kind"] == "p" or "id" not in columns(alias, table):
            continue
        found = rows(
            alias,
            "SELECT array_agg(a.attname::text ORDER BY k.n) FROM pg_constraint c "
            "CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY k(attnum, n) "
            "JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.attnum "
            "WHERE c.contype IN ('u', 'p') AND c.conrelid = %s::regclass GROUP BY c.oid",
            table,
        )
        assert (["tenant_id", "id"],) in found, table


def test_every_foreign_key_between_tenants_tables_names_the_tenant_too(alias: str) -> None:
    found = rows(
        alias,
        "SELECT c.conrelid::regclass::text, c.confrelid::regclass::text, "
        "(SELECT array_agg(a.attname::text) FROM pg_attribute a WHERE a.attrelid = c.conrelid AND a.attnum = ANY(c.conkey)) "
        "FROM pg_constraint c WHERE c.contype = 'f'",
    )
    keys = [(table, target, set(names)) for table, target, names in found]
    ours = [key for key in keys if key[0] not in DJANGO and key[1] not in PLATFORM]
    assert ours or alias == "keys"
    for table, target, names in ours:
        if "tenant_id" in names:
            continue
        assert (table, target, names | {"tenant_id"}) in keys, (
            f"{table} {names} → {target} does not name the tenant"
        )


def test_views_look_through_the_eyes_of_who_asks(alias: str) -> None:
    views = rows(
        alias,
        "SELECT c.relname, coalesce(c.reloptions::text, '') FROM pg_class c "
        "JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND n.nspname = 'public'",
    )
    for name, options in views:
        assert "security_invoker=true" in options, name
    assert not [name for name, table in tables(alias).items() if table["kind"] in ("m", "f")]


def test_the_app_is_nobody_special(alias: str) -> None:
    for role in (APP_ROLE, MAINT_ROLE):
        (attributes,) = rows(
            alias,
            "SELECT rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolreplication FROM pg_roles WHERE rolname = %s",
            role,
        )
        assert attributes == (False,) * 5, role
        assert rows(alias, "SELECT 1 FROM pg_auth_members WHERE member = %s::regrole", role) == []
        for catalogue, owner in (
            ("pg_class", "relowner"),
            ("pg_proc", "proowner"),
            ("pg_namespace", "nspowner"),
            ("pg_database", "datdba"),
            ("pg_type", "typowner"),
        ):
            assert rows(alias, f"SELECT 1 FROM {catalogue} WHERE {owner} = %s::regrole", role) == [], (
                catalogue
            )
        may_create = rows(
            alias,
            "SELECT has_schema_privilege(%s, 'public', 'CREATE'), "
            "has_database_privilege(%s, current_database(), 'CREATE')",
            role,
            role,
        )
        assert may_create == [(False, False)], role


def test_definer_functions_are_the_closed_list(alias: str) -> None:
    found = rows(
        alias,
        "SELECT p.proname, r.rolname, coalesce(p.proconfig::text, ''), coalesce(p.proacl::text, '') FROM pg_proc p "
        "JOIN pg_roles r ON r.oid = p.proowner JOIN pg_namespace n ON n.oid = p.pronamespace "
        "WHERE p.prosecdef AND n.nspname NOT IN ('pg_catalog', 'information_schema')",
    )
    assert {name for name, *_ in found} == (set(DEFINER_FUNCTIONS) if alias == "default" else set())
    for name, owner, configuration, acl in found:
        assert owner == OWNER_ROLE, name
        assert "search_path=public, pg_temp" in configuration, name
        assert acl, f"{name}: PUBLIC may call it"
        assert "{=X" not in acl, name
        assert ",=X" not in acl, name


def test_the_portal_connects_as_the_app(database: None) -> None:
    from django.db import connections

    for alias in ALIASES:
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT current_user, session_user")
            assert cursor.fetchone() == (APP_ROLE, APP_ROLE)
