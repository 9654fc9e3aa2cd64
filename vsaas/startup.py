"""What a process of the cloud makes sure of before it serves anybody: a mistake in the settings stops it here."""

from __future__ import annotations

import psycopg
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from tenants.checks import assert_declared
from vsaas.audit.signer import AuditKeyError, signer
from vsaas.common.loaded import settle
from vsaas.keys.errors import KmsError
from vsaas.keys.kms import kms

CONNECT_S = 10


def make_sure() -> None:
    """Raises ImproperlyConfigured where a way in declares no access, a database role could pass row-level security by,
    or the tenants' keys cannot be opened."""
    assert_declared()
    for alias in ("default", "keys"):
        check_role(alias)
    try:
        kms()
    except KmsError as error:
        raise ImproperlyConfigured(f"cannot start: {error}") from error
    settle()


def make_sure_of_audit_key() -> None:
    """Raises ImproperlyConfigured where the audit logs cannot be signed: the worker's to make sure of."""
    try:
        found = signer()
    except AuditKeyError as error:
        raise ImproperlyConfigured(f"cannot start: {error}") from error
    if found is None:
        raise ImproperlyConfigured(
            "cannot start: the worker signs the audit logs; set VSAAS_AUDIT_KEY to a path and make the key with "
            "manage.py audit_init (docs/production.md)"
        )


def check_role(alias: str) -> None:
    """Raises ImproperlyConfigured unless the role is bound by row-level security: no superuser, no BYPASSRLS, owner of no
    table. Asked over a connection
    of its own: Django's may not be used while an event loop runs, and this is also called where one does."""
    database = settings.DATABASES[alias]
    where = {"dbname": database["NAME"], "user": database["USER"], "password": database["PASSWORD"]}
    where |= {"host": database["HOST"], "port": database["PORT"], "connect_timeout": CONNECT_S}
    where |= {name: value for name, value in database["OPTIONS"].items() if name != "pool"}
    try:
        with psycopg.connect(**{name: value for name, value in where.items() if value}) as connection:
            found = connection.execute(
                """
                SELECT r.rolsuper, r.rolbypassrls, EXISTS (
                    SELECT 1 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                    WHERE n.nspname = 'public' AND c.relkind IN ('r', 'p') AND pg_has_role(r.oid, c.relowner, 'USAGE'))
                FROM pg_roles r WHERE r.rolname = current_user
                """
            ).fetchone()
    except psycopg.OperationalError as error:
        reason = str(error).strip().splitlines()[0]
        raise ImproperlyConfigured(f"cannot start: database {alias} cannot be asked ({reason})") from None
    if found is None or any(found):
        raise ImproperlyConfigured(
            f"cannot start: the role {database['USER']} of database {alias} is a superuser, passes row-level security by or "
            "owns tables, so tenants would not be kept apart; use the app's role (docs/production.md)"
        )
