"""Checkpoints: what was signed cannot be altered, cut off or replaced unnoticed, not even by who owns the database."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.test import override_settings

from tenants.ids import uuid7
from tenants.models import Tenant
from tenants.scope import platform_scope, tenant_scope
from tests.audit.altered import altered
from tests.audit.test_audit import PAINTED, paint
from tests.cast import later, make_tenant, owner_connection
from vsaas.audit import chain, proof, retention, sequencer, signer
from vsaas.audit.checkpoints import HistoryChanged, log_of, sign_log, verify_log
from vsaas.audit.models import AuditCheckpoint, AuditEntry, AuditPruning, PlatformCheckpoint
from vsaas.audit.services import record_platform_act, system
from vsaas.audit.signer import AuditKeyError, Signer


@pytest.fixture
def tenant(database) -> Iterator[Tenant]:
    made = make_tenant("a")
    with altered(made.id):
        yield made


def add(tenant: Tenant, *colours: str) -> None:
    """One pass of the sequencer for each colour."""
    for colour in colours:
        paint(tenant, 1, colour)
        sequencer.sequence(tenant.id)


def checkpoints(tenant: Tenant) -> list[AuditCheckpoint]:
    with tenant_scope(tenant.id):
        return list(AuditCheckpoint.objects.order_by("size"))


def verify(tenant: Tenant, capsys) -> str:
    """What audit_verify says of the log; "" when it holds."""
    capsys.readouterr()
    try:
        call_command("audit_verify", "--tenant", tenant.slug)
    except SystemExit:
        return capsys.readouterr().out
    return ""


def rechain(owner: psycopg.Connection, tenant: Tenant, from_seq: int) -> None:
    """What a thorough forger does: every hash from here on is computed anew."""
    with tenant_scope(tenant.id):
        rows = list(AuditEntry.objects.order_by("seq"))
    prev = rows[from_seq - 1].hash if from_seq else chain.ZERO
    for row in rows[from_seq:]:
        row.prev_hash = prev
        row.hash = prev = chain.hash_of(row, tenant.id)
        owner.execute(
            "UPDATE audit_auditentry SET prev_hash = %s, hash = %s WHERE id = %s",
            [row.prev_hash, row.hash, row.id],
        )


def test_each_pass_that_added_something_is_signed_and_a_pass_that_did_not_is_not(tenant, capsys):
    add(tenant, "red", "green")
    sequencer.sequence(tenant.id)
    sequencer.sign_all()
    found = checkpoints(tenant)
    assert [one.size for one in found] == [1, 2]
    with tenant_scope(tenant.id):
        heads = list(AuditEntry.objects.order_by("seq").values_list("hash", flat=True))
    assert [bytes(one.head) for one in found] == [bytes(head) for head in heads]
    call_command("audit_verify", "--tenant", tenant.slug)
    assert "the first 2 signed in 2 checkpoints" in capsys.readouterr().out


def test_the_platforms_log_is_signed_too(tenant):
    record_platform_act(PAINTED, system("tests"), colour="grey")
    sequencer.sequence(chain.PLATFORM)
    key = signer.signer()
    with platform_scope("audit"):
        assert PlatformCheckpoint.objects.exists()
        found = verify_log(log_of(chain.PLATFORM), [key.public_key], key.tip(chain.PLATFORM))
    assert found.verdict.broken_at is None
    assert found.signed == found.verdict.entries


def test_what_was_chained_before_a_worker_died_is_signed_later(tenant):
    paint(tenant)
    sequencer.sequence_tenant(tenant.id)
    assert checkpoints(tenant) == []
    sequencer.sign_all()
    assert [one.size for one in checkpoints(tenant)] == [1]


@pytest.mark.parametrize(
    ("sql", "forged_from", "broken_at", "reason"),
    [
        ("UPDATE audit_auditentry SET actor_name = 'x' WHERE seq = 2 AND tenant_id = %s", None, 2, "changed"),
        ("UPDATE audit_auditentry SET actor_name = 'x' WHERE seq = 2 AND tenant_id = %s", 2, 2, "signed"),
        ("UPDATE audit_auditentry SET actor_name = 'x' WHERE seq = 4 AND tenant_id = %s", 4, 4, "signed"),
        ("DELETE FROM audit_auditentry WHERE seq = 4 AND tenant_id = %s", None, 4, "removed"),
        ("DELETE FROM audit_auditentry WHERE seq = 0 AND tenant_id = %s", None, 0, "missing"),
    ],
)
def test_a_forger_who_owns_the_database_is_found_out_at_the_first_entry(
    tenant, capsys, sql, forged_from, broken_at, reason
):
    add(tenant, *"abcde")
    with owner_connection() as owner:
        owner.execute(sql, [tenant.id])
        if forged_from is not None:
            rechain(owner, tenant, forged_from)
        said = verify(tenant, capsys)
    assert f"BROKEN at entry {broken_at}" in said
    assert reason in said


def test_a_log_cut_off_together_with_its_checkpoints_is_found_out_by_the_workers_own_memory(tenant, capsys):
    add(tenant, *"abcde")
    with owner_connection() as owner:
        owner.execute("DELETE FROM audit_auditentry WHERE seq >= 3 AND tenant_id = %s", [tenant.id])
        owner.execute("DELETE FROM audit_auditcheckpoint WHERE size > 3 AND tenant_id = %s", [tenant.id])
    assert "BROKEN at entry 3" in verify(tenant, capsys)
    # Entries that fill the hole do not help: nothing is signed over what was signed before.
    paint(tenant, 1, "x")
    with pytest.raises(HistoryChanged, match="5 entries were signed"):
        sequencer.sequence(tenant.id)
    paint(tenant, 3, "y")
    with pytest.raises(HistoryChanged, match="not the one that was signed"):
        sequencer.sequence(tenant.id)
    assert [one.size for one in checkpoints(tenant)] == [1, 2, 3]
    with tenant_scope(tenant.id):
        assert AuditEntry.objects.count() == 7, "acts go on being chained"
    assert "BROKEN at entry 3" in verify(tenant, capsys)


def test_an_altered_log_is_not_signed_again(tenant):
    add(tenant, *"abc")
    with owner_connection() as owner:
        owner.execute(
            "UPDATE audit_auditentry SET act = 'nothing' WHERE seq = 2 AND tenant_id = %s", [tenant.id]
        )
        rechain(owner, tenant, 2)
    paint(tenant)
    with pytest.raises(HistoryChanged, match="entry 2"):
        sequencer.sequence(tenant.id)


def test_an_entry_altered_between_chaining_and_signing_is_not_signed(tenant):
    paint(tenant, 3)
    sequencer.sequence_tenant(tenant.id)
    with owner_connection() as owner:
        owner.execute(
            "UPDATE audit_auditentry SET act = 'nothing' WHERE seq = 1 AND tenant_id = %s", [tenant.id]
        )
    with pytest.raises(HistoryChanged, match="broken at entry 1"):
        sign_log(tenant.id)


def test_the_app_can_neither_change_checkpoints_nor_keep_the_worker_from_signing(tenant, capsys):
    add(tenant, "a")
    for sql in (
        "UPDATE audit_auditcheckpoint SET size = 9",
        "DELETE FROM audit_auditcheckpoint",
        "INSERT INTO audit_auditpruning (id) VALUES (gen_random_uuid())",
        "SELECT prune_audit_log(NULL, NULL, 1, NULL, 1, 1, 1, 1, NULL, NULL)",
    ):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            tenant_scope(tenant.id),
            connections["default"].cursor() as cursor,
        ):
            cursor.execute(sql)
    with tenant_scope(tenant.id):  # one nobody signed, far beyond the end
        AuditCheckpoint.objects.create(
            size=1000, head=bytes(32), at_us=1, signature=bytes(64), public_key=b""
        )
    add(tenant, "b")
    assert [one.size for one in checkpoints(tenant)] == [1, 2, 1000]
    assert "checkpoint of 1000 entries is not signed" in verify(tenant, capsys)


def test_a_key_that_others_may_read_or_that_is_another_is_refused(tenant, tmp_path):
    path = tmp_path / "audit.key"
    with pytest.raises(AuditKeyError, match="audit_init"):
        Signer(path)
    assert signer.create_key_file(path)
    assert not signer.create_key_file(path)
    path.chmod(0o640)
    with pytest.raises(AuditKeyError, match="chmod 600"):
        Signer(path)
    add(tenant, "a")
    own = Signer(Path(settings.ENV.audit_key))
    path.unlink()
    signer.create_key_file(path)
    other = Signer(path)
    other.tips.mkdir()
    other.tips.joinpath(f"{tenant.id}.json").write_text((own.tips / f"{tenant.id}.json").read_text())
    with pytest.raises(AuditKeyError, match="another key"):
        other.tip(tenant.id)


def test_without_the_key_nothing_is_signed_and_the_check_says_what_it_did_not_see(tenant, capsys):
    without = settings.ENV.model_copy(update={"audit_key": None})
    with override_settings(ENV=without):
        add(tenant, "a")
        assert checkpoints(tenant) == []
        call_command("audit_verify", "--tenant", tenant.slug)
    assert "signatures were not checked" in capsys.readouterr().err


def test_a_log_signed_under_two_keys_is_checked_with_both(tenant, tmp_path, capsys):
    add(tenant, "a")
    path = tmp_path / "audit.key"
    signer.create_key_file(path)
    before = signer.signer()
    with override_settings(ENV=settings.ENV.model_copy(update={"audit_key": str(path)})):
        add(tenant, "b")
        assert "checkpoint of 1 entries is not signed" in verify(tenant, capsys)
        call_command("audit_verify", "--tenant", tenant.slug, f"--key={proof.key_text(before.public_key)}")
    assert "the first 2 signed in 2 checkpoints" in capsys.readouterr().out
    assert [(one.stat().st_mode & 0o777) for one in Signer(path).tips.iterdir()] == [0o600, 0o600]


# ---- retention


def grown_old(tenant: Tenant, *colours: str) -> None:
    """Entries of three years ago."""
    with later(days=-3 * 366):
        add(tenant, *colours)


def test_pruning_moves_the_beginning_and_states_what_went(tenant, capsys):
    grown_old(tenant, *"abcd")
    add(tenant, "new", "newer")
    with tenant_scope(tenant.id):
        old = list(AuditEntry.objects.order_by("seq"))
    assert retention.prune(tenant.id) == 4
    assert retention.prune(tenant.id) == 0
    with tenant_scope(tenant.id):
        assert [one.seq for one in AuditEntry.objects.order_by("seq")] == [4, 5]
        stated = AuditPruning.objects.get()
    assert (stated.first_seq, stated.count, bytes(stated.prev_hash)) == (4, 4, bytes(old[3].hash))
    add(tenant, "newest")
    call_command("audit_verify", "--tenant", tenant.slug, "--json")
    told = json.loads(capsys.readouterr().out)
    assert (told["holds"], told["first_seq"], told["entries"]) == (True, 4, 3)
    with owner_connection() as owner:
        owner.execute("DELETE FROM audit_auditpruning WHERE tenant_id = %s", [tenant.id])
    assert "BROKEN at entry 0" in verify(tenant, capsys)


def test_a_statement_of_pruning_that_was_altered_is_found(tenant, capsys):
    grown_old(tenant, *"ab")
    add(tenant, "new")
    retention.prune(tenant.id)
    with owner_connection() as owner:
        owner.execute(
            "UPDATE audit_auditpruning SET newest_us = newest_us + 1 WHERE tenant_id = %s", [tenant.id]
        )
    assert "pruned before it is not signed" in verify(tenant, capsys)


def test_what_is_kept_longer_stays_and_the_last_entry_always_does(tenant):
    grown_old(tenant, *"abc")
    with tenant_scope(tenant.id):
        retention.set_retention(10, system("tests"))
    assert retention.prune(tenant.id) == 0
    with tenant_scope(tenant.id):
        retention.set_retention(1, system("tests"))
    assert retention.prune(tenant.id) == 2
    with tenant_scope(tenant.id):
        assert [one.details["colour"] for one in AuditEntry.objects.all()] == ["c"]


def test_an_altered_log_is_not_tidied_away(tenant):
    grown_old(tenant, *"abc")
    add(tenant, "new")
    with owner_connection() as owner:
        owner.execute("UPDATE audit_auditentry SET act = 'x' WHERE seq = 1 AND tenant_id = %s", [tenant.id])
    with pytest.raises(HistoryChanged):
        retention.prune(tenant.id)


def test_the_maintenance_role_deletes_nothing_young_and_nothing_a_statement_does_not_name(tenant):
    grown_old(tenant, *"ab")
    add(tenant, "new", "newer")
    with tenant_scope(tenant.id):
        rows = list(AuditEntry.objects.order_by("seq"))
    for first, prev, count, says in (
        (3, rows[2].hash, 3, "younger than the retention"),
        (2, rows[0].hash, 2, "does not name"),
        (2, rows[1].hash, 1, "does not name"),
        (0, b"", 0, "does not name"),
    ):
        with pytest.raises(DatabaseError, match=says), connections["maint"].cursor() as cursor:
            cursor.execute(
                "SELECT prune_audit_log(%s, %s, %s, %s, %s, 1, 1, 1, '', '')",
                [tenant.id, uuid7(), first, bytes(prev), count],
            )
    with connections["maint"].cursor() as cursor, pytest.raises(DatabaseError, match="permission denied"):
        cursor.execute("DELETE FROM audit_auditentry")
