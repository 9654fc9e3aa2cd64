"""A tenant's keys and statements: one chain from the root, and no key in clear in any database."""

import threading
import uuid

import pytest
from django.db import connections
from django.db.utils import ProgrammingError

from sealing.cose import Purpose, verify1
from sealing.errors import RolledBack
from sealing.ids import RecipientKind, Stream
from sealing.statement import AgentKeys, Recipient, verify_statements
from sealing.tombstone import SeqRange, Tombstone, verify_tombstone
from tenants.scope import tenant_scope
from tests.boxes import make_keys
from tests.cast import make_tenant
from tests.keys.dumps import holding
from vsaas.audit.models import AuditInbox
from vsaas.keys.errors import HeldByCustomer, KeysExist, NoTenantKeys
from vsaas.keys.models import Statement, TenantKey
from vsaas.keys.services import (
    create_tenant_keys,
    deletion_statement_number,
    newest_statement_number,
    root_fingerprint,
    sign_command,
    sign_statement,
    sign_tombstone,
    statements_since,
    tenant_recipient,
)
from vsaas.keys.tenant_keys import open_private


@pytest.fixture
def tenant(database):
    tenant = make_tenant()
    make_keys(tenant)
    return tenant


def trust_of(tenant):
    with tenant_scope(tenant.id):
        return verify_statements(statements_since(tenant.id), root_fingerprint(tenant.id))


def an_agent() -> AgentKeys:
    return AgentKeys(uuid.uuid4(), uuid.uuid4().bytes * 2, uuid.uuid4().bytes * 2, uuid.uuid4().bytes * 2)


def test_the_first_statements_name_every_key(tenant):
    trust = trust_of(tenant)
    assert trust.tenant == tenant.id
    assert trust.seen.number == 3
    with tenant_scope(tenant.id):
        keys = {key.purpose: bytes(key.public_key) for key in TenantKey.objects.all()}
        recipient = tenant_recipient(tenant.id)
    assert trust.root_public == keys["root"]
    assert trust.command_key == keys["command"]
    assert trust.newest_deletion_key == (3, keys["deletion"])
    assert trust.recipients == (Recipient(RecipientKind.TENANT, keys["recipient"], 1),)
    assert (recipient.public_key, recipient.epoch) == (keys["recipient"], 1)
    assert recipient.kid == trust.recipients[0].kid


def test_keys_are_made_once(tenant):
    with tenant_scope(tenant.id), pytest.raises(KeysExist):
        create_tenant_keys(tenant)


def test_making_keys_is_audited_with_the_fingerprint(tenant):
    with tenant_scope(tenant.id):
        (row,) = AuditInbox.objects.filter(act="keys.made")
        assert row.details == {"fingerprint": root_fingerprint(tenant.id).hex()}


def test_without_keys_nothing_is_signed(database):
    tenant = make_tenant()
    with tenant_scope(tenant.id):
        for act in (root_fingerprint, newest_statement_number, deletion_statement_number, tenant_recipient):
            with pytest.raises(NoTenantKeys):
                act(tenant.id)
        with pytest.raises(NoTenantKeys):
            sign_command(tenant.id, b"\xa0")
        with pytest.raises(NoTenantKeys):
            sign_statement(tenant.id, an_agent())


def test_statements_signed_at_once_still_form_one_chain(tenant):
    start, errors = threading.Barrier(6), []

    def go():
        try:
            start.wait()
            with tenant_scope(tenant.id):
                sign_statement(tenant.id, an_agent())
        except Exception as error:  # noqa: BLE001  shown by the assertion below
            errors.append(error)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=go) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert trust_of(tenant).seen.number == 9


def test_a_verifier_notices_a_rolled_back_list(tenant):
    before = trust_of(tenant)
    with tenant_scope(tenant.id):
        sign_statement(tenant.id, an_agent())
    after = trust_of(tenant)
    with tenant_scope(tenant.id):
        statements = statements_since(tenant.id)
        fingerprint = root_fingerprint(tenant.id)
    verify_statements(statements, fingerprint, before.seen)
    with pytest.raises(RolledBack):
        verify_statements(statements[:-1], fingerprint, after.seen)


def test_commands_and_tombstones_hold_under_the_stated_keys(tenant):
    trust = trust_of(tenant)
    with tenant_scope(tenant.id):
        command = sign_command(tenant.id, b"\xa0")
        tombstone = Tombstone(
            tenant.id,
            uuid.uuid4(),
            Stream.MAIN,
            (SeqRange(b"c" * 16, 1, 2),),
            1,
            2,
            "retention 30 days",
            3,
            deletion_statement_number(tenant.id),
            (uuid.uuid4(),),
        )
        signed = sign_tombstone(tenant.id, tombstone)
    assert verify1(command, Purpose.COMMAND, trust.command_key).payload == b"\xa0"
    assert verify_tombstone(signed, trust) == tombstone


def test_the_app_can_neither_change_nor_delete_statements_or_keys(tenant):
    for act in (
        lambda: Statement.objects.filter(number=0).update(number=77),
        lambda: Statement.objects.filter(number=0).delete(),
        lambda: TenantKey.objects.all().delete(),
        lambda: TenantKey.objects.update(epoch=9),
    ):
        with pytest.raises(ProgrammingError, match="permission denied"), tenant_scope(tenant.id):
            act()


def test_of_a_key_the_app_can_only_erase_the_private_half(tenant):
    with pytest.raises(ProgrammingError, match="erased, never changed"), tenant_scope(tenant.id):
        TenantKey.objects.update(wrapped_private=b"another")
    with tenant_scope(tenant.id):
        TenantKey.objects.filter(purpose="root").update(wrapped_private=None)
        with pytest.raises(HeldByCustomer):
            sign_statement(tenant.id, an_agent())


def test_no_database_holds_a_key_in_clear(tenant):
    with tenant_scope(tenant.id):
        privates = [open_private(key) for key in TenantKey.objects.all()]
    assert len(privates) == 4
    assert holding(str(tenant.id), "default")
    for private in privates:
        assert holding(private, "default", "keys") == []
