"""Statements of the tenant root, numbered and chained, and what the other signing keys sign."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.db import connections
from django.utils.translation import gettext_noop

from sealing.cose import Purpose, sign1
from sealing.ids import RecipientKind, StatementKind, fingerprint
from sealing.record import ZERO_HASH
from sealing.statement import (
    Body,
    CommandKey,
    DeletionKey,
    Recipient,
    Recipients,
    RootBody,
    Trust,
    parse_statement,
    verify_statements,
)
from sealing.statement import Statement as StatementToSign
from sealing.statement import (
    sign_statement as seal_statement,
)
from sealing.tombstone import Tombstone
from sealing.tombstone import sign_tombstone as seal_tombstone
from tenants.models import Tenant
from vsaas.audit.services import record_act, system, what
from vsaas.common import clock
from vsaas.keys.acts import KEYS_MADE
from vsaas.keys.errors import KeysExist, NoTenantKeys
from vsaas.keys.models import KeyPurpose, Statement, TenantKey, Vault
from vsaas.keys.tenant_keys import make_key, newest_key, signer


def create_tenant_keys(tenant: Tenant) -> str:
    """Makes root, command, deletion and recipient keys and the first statements (root, recipients, command-key,
    deletion-key). Returns the root fingerprint (64 hex digits). Raises KeysExist when the tenant has keys."""
    if TenantKey.objects.exists():
        raise KeysExist(f"tenant {tenant.slug} has its keys already; they are made once")
    keys = {purpose: bytes(make_key(tenant.id, purpose).public_key) for purpose in KeyPurpose}
    recipient = Recipient(RecipientKind.TENANT, keys[KeyPurpose.RECIPIENT], 1)
    sign_statement(tenant.id, RootBody(keys[KeyPurpose.ROOT]))
    sign_statement(tenant.id, Recipients((recipient,)))
    sign_statement(tenant.id, CommandKey(keys[KeyPurpose.COMMAND]))
    sign_statement(tenant.id, DeletionKey(keys[KeyPurpose.DELETION]))
    shown = fingerprint(keys[KeyPurpose.ROOT]).hex()
    record_act(KEYS_MADE, system(gettext_noop("key maker")), what(tenant), fingerprint=shown)
    return shown


def root_fingerprint(tenant_id: UUID) -> bytes:
    """The fingerprint (32 bytes) of the tenant's root in force: the customer's, where they hold it. Raises NoTenantKeys."""
    vault = Vault.objects.filter(retired_at=None).first()
    if vault is not None:
        return fingerprint(bytes(vault.root_public))
    return fingerprint(bytes(newest_key(tenant_id, KeyPurpose.ROOT).public_key))


def sign_statement(tenant_id: UUID, body: Body) -> int:
    """Signs and stores the tenant's next statement; returns its number. Others wait until this transaction ends.

    Raises HeldByCustomer where the portal has no root any more (`vsaas.keys.held.requests.state` asks for it then).
    """
    one_at_a_time(tenant_id)
    signed = sign_next(tenant_id, body, next_place(), clock.now_us())
    (statement,) = store_signed([signed])
    return statement.number


@dataclass(frozen=True, slots=True)
class StatementPlace:
    """Where the next statement stands: its number, and the hash of the one before."""

    number: int
    prev: bytes


def next_place() -> StatementPlace:
    """As of now; who signs calls `one_at_a_time` first."""
    newest = Statement.objects.order_by("-number").first()
    if newest is None:
        return StatementPlace(0, ZERO_HASH)
    return StatementPlace(newest.number + 1, bytes(newest.digest))


def sign_next(tenant_id: UUID, body: Body, place: StatementPlace, issued_us: int) -> bytes:
    """The statement signed by the portal's root, stored nowhere. Raises HeldByCustomer."""
    root = newest_key(tenant_id, KeyPurpose.ROOT)
    statement = StatementToSign(tenant_id, place.number, place.prev, issued_us, body)
    return seal_statement(statement, signer(root))


def store_signed(signed: Sequence[bytes]) -> list[StatementToSign]:
    """Stores statements the caller made or has verified against the chain, and returns them parsed."""
    parsed = [parse_statement(one)[0] for one in signed]
    Statement.objects.bulk_create(
        Statement(
            number=statement.number,
            kind=int(statement.body.kind),
            signed=one,
            digest=hashlib.sha256(one).digest(),
            issued_at=clock.from_us(statement.issued_us),
        )
        for one, statement in zip(signed, parsed, strict=True)
    )
    return parsed


def verified_trust(tenant_id: UUID) -> Trust:
    """What follows from the tenant's statements, verified from number 0 on. Raises NoTenantKeys."""
    return verify_statements(statements_since(tenant_id), root_fingerprint(tenant_id))


def statements_since(tenant_id: UUID, number: int = 0) -> list[bytes]:
    """Signed statements from `number` on, in order."""
    rows = Statement.objects.filter(tenant_id=tenant_id, number__gte=number).order_by("number")
    return [bytes(signed) for signed in rows.values_list("signed", flat=True)]


def newest_statement_number(tenant_id: UUID) -> int:
    """The number of the newest statement. Raises NoTenantKeys."""
    return _newest(tenant_id, None)


def deletion_statement_number(tenant_id: UUID) -> int:
    """Number of the statement that names the deletion key (field 10 of a tombstone). Raises NoTenantKeys."""
    return _newest(tenant_id, StatementKind.DELETION_KEY)


def sign_command(tenant_id: UUID, payload: bytes) -> bytes:
    """COSE_Sign1 of canonical CBOR `payload` by the command key, purpose `vsaas-command-v1`."""
    return sign1(payload, Purpose.COMMAND, signer(newest_key(tenant_id, KeyPurpose.COMMAND)))


def sign_order(tenant_id: UUID, payload: bytes) -> bytes:
    """COSE_Sign1 of canonical CBOR `payload` by the command key, purpose `vsaas-order-v1`."""
    return sign1(payload, Purpose.ORDER, signer(newest_key(tenant_id, KeyPurpose.COMMAND)))


def sign_commissioning(tenant_id: UUID, payload: bytes) -> bytes:
    """COSE_Sign1 of a commissioning report by the command key, purpose `vsaas-commissioning-v1`. Raises BadLength."""
    return sign1(payload, Purpose.COMMISSIONING, signer(newest_key(tenant_id, KeyPurpose.COMMAND)))


def sign_tombstone(tenant_id: UUID, tombstone: Tombstone) -> bytes:
    """The signed tombstone, by the deletion key; its statement number must be `deletion_statement_number`."""
    return seal_tombstone(tombstone, signer(newest_key(tenant_id, KeyPurpose.DELETION)))


def one_at_a_time(tenant_id: UUID) -> None:
    """Has whoever else would add a statement wait until this transaction ends."""
    # An advisory lock, because a row lock would need the right to change what must never change.
    with connections["default"].cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"vsaas-statements:{tenant_id}"]
        )


def _newest(tenant_id: UUID, kind: StatementKind | None) -> int:
    rows = Statement.objects.filter(tenant_id=tenant_id)
    if kind is not None:
        rows = rows.filter(kind=int(kind))
    number: int | None = rows.order_by("-number").values_list("number", flat=True).first()
    if number is None:
        raise NoTenantKeys(f"tenant {tenant_id} has no statements: make its keys first")
    return number
