"""The fsck: records and store held against each other; and what operators run by hand."""

from __future__ import annotations

import io
import json
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from protocol.states import SegmentState
from tenants.models import Tenant
from tenants.scope import tenant_scope
from tests.agent_sim import SECOND, AgentSim, recorded
from tests.cast import Cast, later
from vsaas.common.object_store import object_store
from vsaas.footage.check import check_tenant
from vsaas.footage.models import Finding, FindingKind, Record
from vsaas.footage.stored import Hour, confirm_hour
from vsaas.footage.times import iso
from vsaas.keys.services import root_fingerprint

NOON = 1_767_268_800_000_000


def kinds(agent: AgentSim) -> set[str]:
    with tenant_scope(agent.tenant):
        return {finding.kind for finding in Finding.objects.filter(closed_us=None)}


def slug(agent: AgentSim) -> str:
    with tenant_scope(agent.tenant):
        return Tenant.objects.get().slug


def test_a_whole_store_is_clean(agent: AgentSim):
    recorded(agent, NOON, 3)
    report = check_tenant(agent.tenant, object_store())
    assert report.clean
    assert report.segments == 3


def test_an_object_that_is_gone_is_missing_and_the_rest_is_not(agent: AgentSim):
    stream, segments = recorded(agent, NOON, 3)
    name = stream.name(segments[1])
    object_store().delete(name, object_store().head(name).version_id)
    report = check_tenant(agent.tenant, object_store())
    assert report.missing == [name]
    assert kinds(agent) == {FindingKind.OBJECT_MISSING}
    with tenant_scope(agent.tenant):
        states = Record.objects.filter(kind=2).order_by("start_us").values_list("state", flat=True)
        assert list(states) == [SegmentState.STORED, SegmentState.MISSING, SegmentState.STORED]


def test_what_was_stored_after_the_listing_began_is_not_gone(agent: AgentSim, monkeypatch):
    recorded(agent, NOON, 2)
    monkeypatch.setattr(type(object_store()), "list_versions", lambda _store, _prefix: iter(()))
    assert check_tenant(agent.tenant, object_store()).clean


def test_all_objects_of_an_hour_gone_is_seen_too(agent: AgentSim):
    stream, segments = recorded(agent, NOON, 2)
    for sealed in segments:
        name = stream.name(sealed)
        object_store().delete(name, object_store().head(name).version_id)
    assert len(check_tenant(agent.tenant, object_store()).missing) == 2


def test_an_object_whose_record_was_lost_is_named_once_it_is_not_fresh(agent: AgentSim):
    stream, _ = recorded(agent, NOON, 1)
    lost = stream.segment(NOON + 10 * SECOND)
    object_store().put(stream.name(lost), lost.object)
    assert check_tenant(agent.tenant, object_store()).clean
    with later(hours=1):
        report = check_tenant(agent.tenant, object_store())
    assert report.unknown == [stream.name(lost)]
    assert kinds(agent) == {FindingKind.OBJECT_UNKNOWN}


def test_an_upload_nobody_reported_is_confirmed(agent: AgentSim):
    stream, _ = recorded(agent, NOON, 1)
    segments = [stream.segment(NOON + 10 * SECOND)]
    agent.store(stream, segments, agent.record(stream, segments))
    report = check_tenant(agent.tenant, object_store())
    assert report.clean
    assert report.confirmed == 1


def test_an_object_that_is_another_than_declared_is_changed(agent: AgentSim):
    stream, _ = recorded(agent, NOON, 1)
    segment = stream.segment(NOON + 10 * SECOND)
    agent.record(stream, [segment])
    object_store().put(stream.name(segment), b"another object")
    assert check_tenant(agent.tenant, object_store()).changed == [stream.name(segment)]
    assert kinds(agent) == {FindingKind.OBJECT_CHANGED}


def test_the_command_says_what_is_wrong_and_fails(agent: AgentSim):
    stream, segments = recorded(agent, NOON, 1)
    out = io.StringIO()
    call_command("footage_check", "--tenant", slug(agent), stdout=out)
    assert "0 missing" in out.getvalue()
    name = stream.name(segments[0])
    object_store().delete(name, object_store().head(name).version_id)
    with pytest.raises(SystemExit) as ended:
        call_command("footage_check", "--tenant", slug(agent), "--json", stdout=(out := io.StringIO()))
    assert ended.value.code == 1
    assert json.loads(out.getvalue())[str(agent.tenant)]["missing"] == [name]


def test_fetched_footage_verifies_and_opens_with_its_keys(agent: AgentSim, people: Cast, tmp_path):
    stream, segments = recorded(agent, NOON, 3)
    folder, keys = tmp_path / "footage", tmp_path / "keys.json"
    camera = str(stream.camera)
    span = ["--from", iso(NOON), "--to", iso(NOON + 30 * SECOND), "--tenant", slug(agent)]
    call_command("footage_fetch", camera, *span, "-o", str(folder), stdout=io.StringIO())
    by = ["--by", people.alice.email, "--reason", "a test"]
    call_command("key_release", camera, *span, *by, "-o", str(keys), stdout=io.StringIO())
    assert stat.S_IMODE(keys.stat().st_mode) == 0o600
    assert len(json.loads(keys.read_text())["keys"]) == 6
    with tenant_scope(agent.tenant):
        fingerprint = root_fingerprint(agent.tenant).hex()
    verify = [sys.executable, "-m", "sealing", "verify", str(folder), "--trust", fingerprint, "--json"]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["state"] == "verified, agent-trusted"
    name = stream.name(segments[1])
    path = folder / "objects" / name
    data = bytearray(path.read_bytes())
    data[500] ^= 1
    path.write_bytes(data)
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert json.loads(done.stdout)["state"] == "tampered"


def test_what_is_not_uploaded_yet_is_left_out_of_a_fetch_and_said(agent: AgentSim, people: Cast, tmp_path):
    stream, _ = recorded(agent, NOON, 2)
    later_ones = stream.segments(NOON + 20 * SECOND, 2)
    reply = agent.record(stream, later_ones)
    span = ["--from", iso(NOON), "--to", iso(NOON + 60 * SECOND), "--tenant", slug(agent)]
    folder = tmp_path / "footage"
    call_command("footage_fetch", str(stream.camera), *span, "-o", str(folder), stdout=(out := io.StringIO()))
    assert f"main stream: fetched until {iso(NOON + 20 * SECOND)}" in out.getvalue()
    assert verified_state(agent, folder) == "verified, agent-trusted"
    # An older segment that waits while newer ones are stored is another matter.
    agent.store(stream, later_ones[1:], reply)
    confirm_hour(agent.tenant, Hour(stream.camera, int(stream.stream), NOON), object_store())
    folder = tmp_path / "second"
    call_command("footage_fetch", str(stream.camera), *span, "-o", str(folder), stderr=(err := io.StringIO()))
    assert "1 segments in this range are not uploaded yet" in err.getvalue()
    assert verified_state(agent, folder) == "missing"


def verified_state(agent: AgentSim, folder: Path) -> str:
    with tenant_scope(agent.tenant):
        fingerprint = root_fingerprint(agent.tenant).hex()
    verify = [sys.executable, "-m", "sealing", "verify", str(folder), "--trust", fingerprint, "--json"]
    done = subprocess.run(verify, capture_output=True, text=True, check=False)
    return str(json.loads(done.stdout)["state"])


def test_keys_are_not_taken_out_without_an_account_and_a_reason(agent: AgentSim, people: Cast, tmp_path):
    stream, _ = recorded(agent, NOON, 1)
    span = [str(stream.camera), "--from", iso(NOON), "--to", iso(NOON + SECOND), "--tenant", slug(agent)]
    for by, reason in (
        (people.charlie.email, "none"),
        ("nobody@example.org", "none"),
        (people.alice.email, " "),
    ):
        target = tmp_path / f"{time.time_ns()}.json"
        with pytest.raises(CommandError):
            call_command("key_release", *span, "--by", by, "--reason", reason, "-o", str(target))
        assert not target.exists()
