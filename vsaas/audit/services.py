"""Recording what is done and what is refused.

    record_act(CAMERA_CHANGED, who(request.actor), what(camera), request=request, changed="name")

An act is recorded inside the tenant's scope, in the same transaction: it is done and audited, or neither. A refusal is
recorded in a transaction of its own once the scope, which a refusal rolls back, has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any
from uuid import UUID

from django.db import connection, models
from django.http import HttpRequest
from django.utils.functional import Promise
from psycopg import sql

from tenants.access import Actor
from tenants.scope import after_scope, current_tenant_id, in_tenant_scope, tenant_scope
from tenants.words import Text, in_english
from vsaas.audit.acts import REFUSED, Act, Data
from vsaas.audit.models import AuditInbox, Event, PlatformInbox
from vsaas.common import errors
from vsaas.common.network import network_of

DetailValue = Text | int | bool | None
MAX_DETAIL_CHARS = 500
MAX_DATA_CHARS = 4000  # of a detail that is kept as JSON, and cannot be cut off anywhere


@dataclass(frozen=True, slots=True)
class Who:
    """Who did it: an account, an agent, the system itself, or nobody we know."""

    kind: str
    id: UUID | None
    name: str


@dataclass(frozen=True, slots=True)
class What:
    """What it was done to."""

    kind: str = ""
    id: str = ""
    name: str = ""


NOBODY = Who("anonymous", None, "")


def who(actor: Any) -> Who:
    """A person: an Actor, or an Account."""
    if isinstance(actor, Actor):
        return Who("account", actor.account_id, actor.name)
    return Who("account", actor.pk, str(actor))


def agent(agent_id: UUID, name: str) -> Who:
    """An agent."""
    return Who("agent", agent_id, name)


def system(name: str) -> Who:
    """The system itself, by the name of what ran: English, marked with gettext_noop where it is a word."""
    return Who("system", None, name)


def what(obj: Any) -> What:
    """A model's object."""
    return What(obj._meta.model_name, str(obj.pk), str(obj))


def differences(before: Mapping[str, object], after: Mapping[str, object]) -> dict[str, str]:
    """The details `before` and `after` of a change: what differs, each as "name: value; …". Values are read by people; what
    is secret or sealed has no place here."""
    names = [name for name in after if before.get(name) != after[name]]
    return {
        "before": "; ".join(f"{name}: {_said(before.get(name))}" for name in names),
        "after": "; ".join(f"{name}: {_said(after[name])}" for name in names),
    }


def _said(value: object) -> str:
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple | set):
        return ", ".join(sorted(map(str, value)) if isinstance(value, set) else map(str, value)) or "none"
    return str(value)


def record_act(
    act: Act, by: Who, on: What | None = None, *, request: HttpRequest | None = None, **details: DetailValue
) -> None:
    """Record an act of the current tenant, in the current transaction. Raises LookupError when `details` lack what
    the act's sentence needs."""
    current_tenant_id()
    _put(AuditInbox(**_event(act, by, on, request, details)))


def record_many(
    act: Act,
    by: Who,
    rows: Sequence[tuple[What, Mapping[str, DetailValue]]],
    *,
    request: HttpRequest | None = None,
) -> None:
    """As record_act, for many objects at once."""
    AuditInbox.objects.bulk_create(
        [AuditInbox(**_event(act, by, on, request, details)) for on, details in rows]
    )


def record_platform_act(act: Act, by: Who, on: What | None = None, **details: DetailValue) -> None:
    """Record an act that belongs to no tenant, in a transaction of its own."""
    after_scope(partial(_insert_platform, _event(act, by, on, None, details)))


def record_refusal(
    act: Act,
    by: Who,
    on: What | None = None,
    *,
    request: HttpRequest | None = None,
    tenant_id: UUID | None = None,
    platform: bool = False,
    **details: DetailValue,
) -> None:
    """Record that somebody was refused: into the current tenant's log (or `tenant_id`'s), else the platform's.

    `platform`: into the platform's even inside a tenant's scope."""
    values = _event(act, by, on, request, details) | {"outcome": Event.Outcome.REFUSED}
    if platform:
        after_scope(partial(_insert_platform, values))
        return
    tenant = tenant_id or (current_tenant_id() if in_tenant_scope() else None)
    after_scope(partial(_insert, tenant, values) if tenant else partial(_insert_platform, values))


def _insert(tenant_id: UUID, values: dict[str, Any]) -> None:
    with tenant_scope(tenant_id):
        _put(AuditInbox(**values))


def _insert_platform(values: dict[str, Any]) -> None:
    _put(PlatformInbox(**values))


def _put(event: AuditInbox | PlatformInbox) -> None:
    """Insert a new event. Every request that does something waits for this one, and `save()` takes twice as long."""
    model = type(event)
    values = [
        field.get_db_prep_save(getattr(event, field.attname), connection)
        for field in model._meta.concrete_fields
    ]
    with connection.cursor() as cursor:
        cursor.execute(_inserting(model), values)


@lru_cache(maxsize=2)
def _inserting(model: type[models.Model]) -> str:
    """Takes the values of all columns."""
    columns = [sql.Identifier(field.column) for field in model._meta.concrete_fields]
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(model._meta.db_table),
        sql.SQL(", ").join(columns),
        sql.SQL(", ").join([sql.Placeholder()] * len(columns)),
    )
    return statement.as_string()


def _event(
    act: Act, by: Who, on: What | None, request: HttpRequest | None, details: Mapping[str, DetailValue]
) -> dict[str, Any]:
    missing = act.fields - details.keys()
    if missing:
        raise LookupError(f"the act {act.name!r} needs the details {', '.join(sorted(missing))}")
    on = on or What()
    return {
        "act": act.name,
        "actor_kind": by.kind,
        "actor_id": by.id,
        "actor_name": by.name[:200],
        "object_kind": on.kind,
        "object_id": on.id,
        "object_name": on.name[:200],
        "network": network_of(request) if request else "",
        "details": {name: _plain(name, value, _most(act, name)) for name, value in details.items()},
    }


def _most(act: Act, name: str) -> int:
    return MAX_DATA_CHARS if isinstance(act.spoken.get(name), Data) else MAX_DETAIL_CHARS


def _plain(name: str, value: Any, most: int) -> DetailValue:
    """Details enter the hash, so they are of few types."""
    if isinstance(value, Promise):
        value = in_english(value)  # what is kept is the same whoever asked
    if isinstance(value, str):
        return value[:most].replace("\x00", "")
    if value is None or isinstance(value, bool | int):
        return value
    raise TypeError(f"the audit detail {name!r} must be text or a whole number, not {type(value).__name__}")


def on_refused_request(request: HttpRequest, error: errors.VsaasError) -> None:
    """Refusals that end a request of somebody we know. Strangers' are counted by the throttles, not written down: else
    anybody could fill the log."""
    actor = getattr(request, "actor", None)
    if isinstance(actor, Actor):
        record_refusal(
            REFUSED,
            who(actor),
            request=request,
            method=request.method or "",
            path=request.path_info,
            reason=error.problem,
        )
