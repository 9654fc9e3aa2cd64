"""Statements of the tenant root, numbered and chained, and what the other signing keys sign."""

import hashlib
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
from vsaas.keys.models import KeyPurpose, Statement, TenantKey
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
    """The tenant's root fingerprint (32 bytes). Raises NoTenantKeys."""
    return fingerprint(bytes(newest_key(tenant_id, KeyPurpose.ROOT).public_key))


def sign_statement(tenant_id: UUID, body: Body) -> int:
    """Signs and stores the tenant's next statement; returns its number. Others wait until this transaction ends."""
    root = newest_key(tenant_id, KeyPurpose.ROOT)
    _one_at_a_time(tenant_id)
    newest = Statement.objects.order_by("-number").first()
    number = 0 if newest is None else newest.number + 1
    prev = ZERO_HASH if newest is None else bytes(newest.digest)
    issued_us = clock.now_us()
    signed = seal_statement(StatementToSign(tenant_id, number, prev, issued_us, body), signer(root))
    Statement.objects.create(
        number=number,
        kind=int(body.kind),
        signed=signed,
        digest=hashlib.sha256(signed).digest(),
        issued_at=clock.from_us(issued_us),
    )
    return number


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


def sign_tombstone(tenant_id: UUID, tombstone: Tombstone) -> bytes:
    """The signed tombstone, by the deletion key; its statement number must be `deletion_statement_number`."""
    return seal_tombstone(tombstone, signer(newest_key(tenant_id, KeyPurpose.DELETION)))


def _one_at_a_time(tenant_id: UUID) -> None:
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
