"""Row-level security, written into migrations.

Roles (fixed names): `vsaas_owner` owns every table and migrates, `vsaas_maint` makes partitions, `vsaas_app` is what
the portal connects as and owns nothing. The owner is subject to FORCE row-level security too and has a policy of its
own; without it, a data migration would update 0 rows in silence.

Every helper returns operations for a migration's list:

    operations = [
        migrations.CreateModel("Camera", …),
        *rls.protect("cameras_camera"),
        *rls.composite_fk("cameras_camera", "site_id", "tenants_site"),
    ]

For tables of the key store pass `database="keys"`, so the operation runs there only.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from django.db.migrations.operations import RunSQL
from django.db.migrations.operations.base import Operation

OWNER_ROLE = "vsaas_owner"
MAINT_ROLE = "vsaas_maint"
APP_ROLE = "vsaas_app"

ALL_GRANTS = ("SELECT", "INSERT", "UPDATE", "DELETE")
CURRENT_TENANT = "current_setting('app.tenant')::uuid"

_NAME = re.compile(r"^[a-z_][a-z0-9_]{0,62}$")


def _name(value: str) -> str:
    if not _NAME.match(value):
        raise ValueError(f"{value!r} is not a plain lower-case SQL name")
    return value


def _sql(forward: str, backward: str, database: str) -> RunSQL:
    return RunSQL(forward, backward, hints={"database": database})


def protect(
    table: str,
    *,
    database: str = "default",
    column: str = "tenant_id",
    grants: Sequence[str] = ALL_GRANTS,
    unique: bool = True,
) -> list[Operation]:
    """FORCE row-level security on a tenant's table: the app sees and writes the current tenant's rows alone.

    The policy raises when `app.tenant` is unset (no `missing_ok`). Adds UNIQUE (tenant_id, id), which composite
    foreign keys point to (`unique=False` for partitioned tables, which nothing points into), and grants the app
    exactly `grants` (never TRUNCATE). For a partitioned table protect the parent only; never grant on partitions.
    """
    table, column = _name(table), _name(column)
    rule = f"{column} = {CURRENT_TENANT}"
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {table}_app ON {table} TO {APP_ROLE} USING ({rule}) WITH CHECK ({rule})",
        f"CREATE POLICY {table}_owner ON {table} TO {OWNER_ROLE} USING (true) WITH CHECK (true)",
        f"REVOKE ALL ON {table} FROM PUBLIC",
        f"GRANT {', '.join(grants)} ON {table} TO {APP_ROLE}",
    ]
    undo = [
        f"REVOKE ALL ON {table} FROM {APP_ROLE}",
        f"DROP POLICY {table}_owner ON {table}",
        f"DROP POLICY {table}_app ON {table}",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ]
    if unique and column == "tenant_id":
        statements.append(f"ALTER TABLE {table} ADD CONSTRAINT {table}_tenant_id_id UNIQUE ({column}, id)")
        undo.insert(0, f"ALTER TABLE {table} DROP CONSTRAINT {table}_tenant_id_id")
    return [_sql(";\n".join(statements), ";\n".join(undo), database)]


def protect_platform(
    table: str, purpose: str, *, database: str = "default", grants: Sequence[str] = ALL_GRANTS
) -> list[Operation]:
    """FORCE row-level security on a table of the platform (no tenant): the app reaches it only inside
    `platform_scope(purpose)`. INSERT is allowed without, so that any request can leave a note there."""
    table, purpose = _name(table), _name(purpose)
    rule = f"current_setting('app.platform', true) = '{purpose}'"
    statements = [
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY {table}_app ON {table} TO {APP_ROLE} USING ({rule}) WITH CHECK (true)",
        f"CREATE POLICY {table}_owner ON {table} TO {OWNER_ROLE} USING (true) WITH CHECK (true)",
        f"REVOKE ALL ON {table} FROM PUBLIC",
        f"GRANT {', '.join(grants)} ON {table} TO {APP_ROLE}",
    ]
    undo = [
        f"REVOKE ALL ON {table} FROM {APP_ROLE}",
        f"DROP POLICY {table}_owner ON {table}",
        f"DROP POLICY {table}_app ON {table}",
        f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY",
        f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY",
    ]
    return [_sql(";\n".join(statements), ";\n".join(undo), database)]


def composite_fk(
    table: str, column: str, ref_table: str, *, database: str = "default", ref_column: str = "id"
) -> list[Operation]:
    """A foreign key over (tenant_id, column): row-level security alone does not stop a row of one tenant from
    pointing at a row of another. `ref_table` must be protected (UNIQUE (tenant_id, id)) before."""
    table, column, ref_table, ref_column = _name(table), _name(column), _name(ref_table), _name(ref_column)
    constraint = _name(f"{table}_{column}_same_tenant"[:63])
    return [
        _sql(
            f"ALTER TABLE {table} ADD CONSTRAINT {constraint} FOREIGN KEY (tenant_id, {column}) "
            f"REFERENCES {ref_table} (tenant_id, {ref_column}) DEFERRABLE INITIALLY DEFERRED",
            f"ALTER TABLE {table} DROP CONSTRAINT {constraint}",
            database,
        )
    ]


def definer_function(
    name: str,
    arguments: str,
    returns: str,
    body: str,
    *,
    database: str = "default",
    execute: Sequence[str] = (APP_ROLE,),
    language: str = "sql",
) -> list[Operation]:
    """A narrow SECURITY DEFINER function for what must be known before a tenant is (owned by the owner role).

    `arguments` and `returns` are SQL ("p_slug text", "TABLE (id uuid)"). Its name must stand in
    `tenants.lookups.DEFINER_FUNCTIONS`, the closed list a catalogue test holds.
    """
    name = _name(name)
    stability = "STABLE" if language == "sql" else "VOLATILE"
    grants = "; ".join(f"GRANT EXECUTE ON FUNCTION {name} TO {_name(role)}" for role in execute)
    return [
        _sql(
            f"CREATE FUNCTION {name}({arguments}) RETURNS {returns} LANGUAGE {language} {stability} "
            f"SECURITY DEFINER SET search_path = public, pg_temp AS $definer$ {body} $definer$; "
            f"REVOKE ALL ON FUNCTION {name} FROM PUBLIC; {grants}",
            f"DROP FUNCTION {name}",
            database,
        )
    ]


def grant_read(table: str, *, database: str = "default") -> list[Operation]:
    """Let the app read a table that holds no tenant's data (Django's own, such as django_migrations)."""
    table = _name(table)
    give = f"GRANT SELECT ON {table} TO {APP_ROLE}"
    take = f"REVOKE SELECT ON {table} FROM {APP_ROLE}"  # noqa: S608  a checked name
    return [_sql(give, take, database)]
