"""The audit log: in the act's own transaction, in order, chained, and nothing changed unnoticed."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.core.management import call_command
from django.db import DatabaseError, connections

from tenants.models import Site, Tenant
from tenants.scope import platform_scope, roll_back_scope, tenant_scope
from tests.audit.altered import altered
from tests.cast import make_site, make_tenant, owner_connection
from vsaas.audit import acts, chain, sequencer
from vsaas.audit.models import AuditEntry, AuditInbox, PlatformEntry
from vsaas.audit.services import (
    NOBODY,
    record_act,
    record_platform_act,
    record_refusal,
    system,
    what,
)

PAINTED = acts.declare("test.painted", "{actor} painted {object} {colour}")


@pytest.fixture
def tenant(database) -> Tenant:
    return make_tenant("a")


def paint(tenant: Tenant, count: int = 1, colour: str = "blue") -> None:
    with tenant_scope(tenant.id):
        site = Site.objects.first() or make_site("Gate")
        for _ in range(count):
            record_act(PAINTED, system("tests"), what(site), colour=colour)


def entries(tenant: Tenant) -> list[AuditEntry]:
    with tenant_scope(tenant.id):
        return list(AuditEntry.objects.order_by("seq"))


def verdict(tenant: Tenant) -> chain.Verdict:
    return chain.verify(entries(tenant), tenant.id)


def test_an_act_is_recorded_with_what_it_did_or_not_at_all(tenant):
    paint(tenant)
    with tenant_scope(tenant.id):
        record_act(PAINTED, system("tests"), colour="red")
        roll_back_scope()
    with tenant_scope(tenant.id):
        (event,) = AuditInbox.objects.all()
        assert (event.act, event.object_name, event.details) == ("test.painted", "Gate", {"colour": "blue"})


def test_an_act_that_lacks_what_its_sentence_needs_is_refused_when_recorded(tenant):
    with tenant_scope(tenant.id), pytest.raises(LookupError, match="colour"):
        record_act(PAINTED, system("tests"))
    with tenant_scope(tenant.id), pytest.raises(TypeError, match="float"):
        record_act(PAINTED, system("tests"), colour=1.5)


def test_entries_read_as_sentences(tenant):
    assert acts.sentence_of("test.painted", "Bob", "Gate", {"colour": "blue"}) == "Bob painted Gate blue"
    assert acts.sentence_of("an.old-act", "Bob", "Gate", {}) == "Bob: an.old-act Gate"


def test_the_sequencer_moves_events_in_order_into_an_unbroken_chain(tenant):
    for colour in ("red", "green", "blue"):
        paint(tenant, 2, colour)
    assert sequencer.sequence_tenant(tenant.id) == 6
    assert sequencer.sequence_tenant(tenant.id) == 0
    paint(tenant, 1, "white")
    sequencer.sequence_all()
    found = entries(tenant)
    assert [entry.seq for entry in found] == list(range(7))
    assert [entry.details["colour"] for entry in found] == [
        *("red",) * 2,
        *("green",) * 2,
        *("blue",) * 2,
        "white",
    ]
    assert verdict(tenant) == chain.Verdict(7, bytes(found[-1].hash))
    with tenant_scope(tenant.id):
        assert not AuditInbox.objects.exists()


def test_more_than_a_batch_is_moved_in_one_go(tenant, monkeypatch):
    monkeypatch.setattr(sequencer, "BATCH", 10)
    paint(tenant, 25)
    assert sequencer.sequence_tenant(tenant.id) == 25
    assert verdict(tenant).broken_at is None


def test_many_sequencers_and_writers_at_once_make_one_chain(tenant):
    def work(number: int) -> None:
        try:
            paint(tenant, 5, f"c{number}")
            sequencer.sequence_tenant(tenant.id)
        finally:
            connections.close_all()

    paint(tenant)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(work, range(12)))
    sequencer.sequence_tenant(tenant.id)
    assert verdict(tenant).entries == 61
    assert verdict(tenant).broken_at is None


@pytest.mark.parametrize(
    ("sql", "reason"),
    [
        (
            'UPDATE audit_auditentry SET details = \'{"colour": "pink"}\' WHERE seq = 2 AND tenant_id = %s',
            "changed",
        ),
        (
            "UPDATE audit_auditentry SET actor_name = 'somebody else' WHERE seq = 2 AND tenant_id = %s",
            "changed",
        ),
        ("UPDATE audit_auditentry SET at = at - interval '1 s' WHERE seq = 2 AND tenant_id = %s", "changed"),
        ("DELETE FROM audit_auditentry WHERE seq = 2 AND tenant_id = %s", "missing"),
        ("UPDATE audit_auditentry SET seq = 5 - seq WHERE seq IN (2, 3) AND tenant_id = %s", "continue"),
    ],
)
def test_what_the_owner_of_the_database_changes_is_found_with_its_place(tenant, sql, reason, capsys):
    paint(tenant, 5)
    sequencer.sequence_tenant(tenant.id)
    with owner_connection() as owner, altered(tenant.id):
        if "5 - seq" in sql:
            owner.execute("ALTER TABLE audit_auditentry DROP CONSTRAINT audit_entry_seq_once")
        try:
            owner.execute(sql, [tenant.id])
            found = verdict(tenant)
            assert found.broken_at == 2
            assert reason in found.reason
            with pytest.raises(SystemExit):
                call_command("audit_verify", "--tenant", tenant.slug)
            assert "BROKEN at entry 2" in capsys.readouterr().out
        finally:
            if "5 - seq" in sql:
                owner.execute(
                    "ALTER TABLE audit_auditentry ADD CONSTRAINT audit_entry_seq_once UNIQUE (tenant_id, seq)"
                )


def test_the_app_cannot_change_what_is_chained(tenant):
    paint(tenant)
    sequencer.sequence_tenant(tenant.id)
    for sql in (
        "UPDATE audit_auditentry SET act = 'x'",
        "DELETE FROM audit_auditentry",
        "UPDATE audit_auditinbox SET act = 'x'",
    ):
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            tenant_scope(tenant.id),
            connections["default"].cursor() as cursor,
        ):
            cursor.execute(sql)


def test_a_refusal_outlives_the_rollback(tenant):
    with tenant_scope(tenant.id):
        make_site("Gate")
        record_refusal(PAINTED, NOBODY, colour="blue")
        roll_back_scope()
    with tenant_scope(tenant.id):
        assert not Site.objects.exists()
        assert AuditInbox.objects.get().outcome == "refused"


def test_events_without_a_tenant_go_to_the_platforms_own_chain(tenant, capsys):
    record_platform_act(PAINTED, system("tests"), colour="grey")
    with tenant_scope(tenant.id):
        record_refusal(PAINTED, NOBODY, platform=True, colour="black")
        roll_back_scope()
    sequencer.sequence_platform()
    with platform_scope("audit"):
        found = list(PlatformEntry.objects.order_by("seq"))
        assert {"grey", "black"} <= {entry.details.get("colour") for entry in found}
        assert chain.verify(found, chain.PLATFORM).broken_at is None
    with tenant_scope(tenant.id):
        assert not PlatformEntry.objects.exists()
    call_command("audit_verify", "--json")
    logs = {row["log"]: row for row in map(json.loads, capsys.readouterr().out.splitlines())}
    assert logs["platform"]["holds"]
    assert str(tenant.id) in logs


def test_audit_verify_says_that_all_holds(tenant, capsys):
    paint(tenant, 3)
    call_command("audit_verify", "--tenant", tenant.slug)
    assert "3 entries hold" in capsys.readouterr().out
