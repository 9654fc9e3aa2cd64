"""The platform's own log: pruned by the retention of the settings, and sent on to where they say."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connections
from django.test import override_settings

from tenants.ids import uuid7
from tenants.scope import platform_scope
from tests.audit.receivers import Rsyslog
from tests.audit.test_siem import params, rsyslog
from tests.cast import later, owner_connection
from vsaas.audit import retention, sequencer
from vsaas.audit.acts import REFUSED
from vsaas.audit.chain import PLATFORM
from vsaas.audit.models import PlatformDestination, PlatformEntry, PlatformPruning
from vsaas.audit.services import record_refusal, system
from vsaas.audit.siem.forward import forward_platform
from vsaas.installation import platform_log
from vsaas.installation.finding import Grade

__all__ = ["rsyslog"]


@pytest.fixture(autouse=True)
def alone(database: None) -> None:
    """The log is one for all tests of a process: what others left in it goes, and its memory beside the key with it."""
    with owner_connection() as owner:
        for table in ("entry", "inbox", "checkpoint", "pruning", "destination"):
            owner.execute(f"DELETE FROM audit_platform{table}")
    Path(f"{settings.ENV.audit_key}.tips", f"{PLATFORM}.json").unlink(missing_ok=True)


@contextmanager
def set_to(**values: Any) -> Iterator[None]:
    with override_settings(ENV=settings.ENV.model_copy(update=values)):
        yield


def happened(*words: str) -> None:
    for word in words:
        record_refusal(REFUSED, system("tests"), platform=True, method="GET", path=f"/{word}", reason="x")
    sequencer.sequence(PLATFORM)


def paths() -> list[str]:
    with platform_scope("audit"):
        return [one.details["path"] for one in PlatformEntry.objects.order_by("seq")]


def test_what_the_settings_no_longer_keep_goes_and_the_rest_still_holds(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with later(days=-3 * 366):
        happened("a", "b")
    with later(days=-400):
        happened("c")
    happened("d")
    with set_to(audit_platform_years=10):
        assert retention.prune(PLATFORM) == 0
    assert retention.prune(PLATFORM) == 2
    assert paths() == ["/c", "/d"]
    with platform_scope("audit"):
        assert (PlatformPruning.objects.get().first_seq, PlatformPruning.objects.get().count) == (2, 2)
    happened("e")
    with set_to(audit_platform_years=1):
        assert retention.prune(PLATFORM) == 1
    call_command("audit_verify")
    assert "platform: 2 entries" in capsys.readouterr().out


def test_the_maintenance_role_keeps_a_year_of_it_whatever_it_says(database: None) -> None:
    happened("a", "b")
    with platform_scope("audit"):
        first = PlatformEntry.objects.order_by("seq").first()
    with connections["maint"].cursor() as cursor, pytest.raises(DatabaseError, match="younger than"):
        cursor.execute(
            "SELECT prune_platform_log(0, %s, 1, %s, 1, 1, 1, 1, '', '')", [uuid7(), bytes(first.hash)]
        )


def test_it_is_sent_on_to_the_address_of_the_settings_in_order_and_after_an_outage(
    rsyslog: Rsyslog, tmp_path: Path
) -> None:
    words = [secrets.token_hex(8) for _ in range(4)]
    authority = tmp_path / "ca.pem"
    authority.write_text(rsyslog.ca_pem)
    happened(*words[:2])
    assert forward_platform() == 0  # nothing is set
    values = {"audit_platform_syslog": rsyslog.address, "audit_platform_ca_file": str(authority)}
    # A private address, which tenants' destinations may not be.
    with set_to(**values, audit_private_targets=False):
        assert forward_platform() == 2
        rsyslog.stop()
        happened(words[2])
        assert forward_platform() == 0
        with platform_scope("audit"):
            row = PlatformDestination.objects.get()
        assert (row.next_seq, "nothing listens" in row.error) == (2, True)
        found = platform_log.finding(settings.ENV)
        assert (found.grade, "nothing listens" in found.found) == (Grade.WEAK, True)
        rsyslog.start()
        happened(words[3])
        with later(seconds=10):
            assert forward_platform() == 2
            assert forward_platform() == 0
        assert platform_log.finding(settings.ENV).grade is Grade.GOOD
    found = [params(one["structured-data"]) for one in rsyslog.until(4)]
    assert [one["details@32473"]["path"] for one in found] == [f"/{word}" for word in words]
    assert {one["audit@32473"]["tenant"] for one in found} == {str(PLATFORM)}
    assert [int(one["audit@32473"]["seq"]) for one in found] == [0, 1, 2, 3]
