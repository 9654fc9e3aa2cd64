"""What must be known before a tenant is: a closed list of narrow SECURITY DEFINER functions.

Each is created by `tenants.rls.definer_function` in a migration of the app that owns the table it reads, with the
name and the answer written here. A catalogue test compares this list with the database.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.db import connections

# name → what it answers. Arguments and columns are part of the contract.
DEFINER_FUNCTIONS: Final[dict[str, str]] = {
    "lookup_tenant_by_slug": "(slug text) → id uuid, slug text, name text: the tenant a URL or header names",
    "lookup_sole_tenant": "() → id uuid, slug text, name text: the tenant where there is exactly one",
    "lookup_agent_key": "(kid bytea) → tenant_id uuid, id uuid: the agent a transport key belongs to",
    "lookup_enrolment_code": "(hash bytea) → tenant_id uuid, id uuid: the enrolment code an installer typed",
    "lookup_setup_link": "(hash bytea) → tenant_id uuid, id uuid: the set-up link somebody opened",
    "lookup_access_token": "(hash bytea) → id uuid, slug text, name text, token uuid: the tenant of an access token",
    "list_sign_ins": "(email text) → slug text, name text: where somebody has an account, for a message to that address",
    "list_tenants_for_task": "(reason text) → id uuid: every tenant, for a periodic task to visit one by one",
    "list_tenants_with_inbox": "() → id uuid: tenants whose audit inbox holds rows, for the sequencer",
    "list_tenants_with_mail": "() → id uuid: tenants whose outbox holds messages to be sent",
    "list_tenants_with_destinations": "() → id uuid: tenants whose audit log has something to send on now",
    "prune_audit_log": "audit: deletes what a tenant's retention no longer keeps; only the maintenance role may call it",
    "prune_platform_log": "audit: the same of the platform's own log, which is kept for a year at least",
    "make_partitions": "footage: makes day partitions ahead; only the maintenance role may call it",
}


@dataclass(frozen=True, slots=True)
class TenantFound:
    """A tenant as a look-up before any scope sees it."""

    id: UUID
    slug: str
    name: str


@dataclass(frozen=True, slots=True)
class Found:
    """An object found before its tenant was known: read it inside `tenant_scope(tenant_id)`."""

    tenant_id: UUID
    id: UUID


def _rows(function: str, *arguments: Any) -> list[tuple[Any, ...]]:
    if function not in DEFINER_FUNCTIONS:
        raise LookupError(f"{function!r} is not in the closed list of look-ups")
    marks = ", ".join(["%s"] * len(arguments))
    with connections["default"].cursor() as cursor:
        cursor.execute(f"SELECT * FROM {function}({marks})", arguments)  # noqa: S608  the name is from the list above
        return list(cursor.fetchall())


def tenant_by_slug(slug: str) -> TenantFound | None:
    """The tenant of this slug, or None."""
    rows = _rows("lookup_tenant_by_slug", slug)
    return TenantFound(*rows[0]) if rows else None


def sole_tenant() -> TenantFound | None:
    """The tenant of a portal that has exactly one; None when there is none or there are more."""
    rows = _rows("lookup_sole_tenant")
    return TenantFound(*rows[0]) if rows else None


def tenant_of_token(token_hash: bytes) -> tuple[TenantFound, UUID] | None:
    """The tenant an access token belongs to, with the id of the token's row; None for a token nobody issued. Whether it
    still holds is decided in the tenant's scope."""
    rows = _rows("lookup_access_token", token_hash)
    if not rows:
        return None
    tenant_id, slug, name, token_id = rows[0]
    return TenantFound(tenant_id, slug, name), token_id


def find(function: str, key: bytes) -> Found | None:
    """The object a `lookup_…(bytea)` function finds, or None."""
    rows = _rows(function, key)
    return Found(*rows[0]) if rows else None


def tenants_for_task(reason: str) -> list[UUID]:
    """Every tenant's id, for a periodic task that visits each in a scope of its own."""
    return [row[0] for row in _rows("list_tenants_for_task", reason)]


def tenants_with_inbox() -> list[UUID]:
    """Tenants whose audit inbox holds rows."""
    return [row[0] for row in _rows("list_tenants_with_inbox")]


def tenants_with_mail() -> list[UUID]:
    """Tenants whose outbox holds messages to be sent."""
    return [row[0] for row in _rows("list_tenants_with_mail")]


def sign_ins_of(email: str) -> list[tuple[str, str]]:
    """Slug and name of every tenant in which an address has an account: to be told to that address alone."""
    return [(slug, name) for slug, name in _rows("list_sign_ins", email)]


def tenants_with_destinations() -> list[UUID]:
    """Tenants with a destination of their audit log that is due and has something to get."""
    return [row[0] for row in _rows("list_tenants_with_destinations")]
