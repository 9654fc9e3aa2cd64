"""Storage: what is kept of each camera, where it leads, and the policy of what is kept."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from tenants.permissions import OPERATOR
from tenants.scope import tenant_scope
from tests.agent_sim import HOUR_US, AgentSim, recorded
from tests.boxes import problem
from tests.cast import Cast, make_account, sign_in
from tests.reading import text
from vsaas.audit.models import AuditInbox
from vsaas.cameras.models import Camera
from vsaas.footage.models import FootageHour, FootagePolicy
from vsaas.footage.policy import Policy, would_delete_bytes

DAY_US = 24 * HOUR_US


def hours_ago(hours: float) -> int:
    now = time.time_ns() // 1000
    return now - now % HOUR_US - int(hours * HOUR_US)


def call(client: Client, cast: Cast, method: str, path: str, body: Any = None) -> HttpResponse:
    return client.generic(
        method,
        f"/api/v1/{path}",
        b"" if body is None else json.dumps(body).encode(),
        content_type="application/json",
        headers={"VSaaS-Tenant": cast.tenant_a.slug, "Accept": "application/json"},
    )


def kept_bytes(cast: Cast) -> dict[str, int]:
    with tenant_scope(cast.tenant_a.id):
        rows = FootageHour.objects.filter(erasure=0).values_list("camera_id", "declared_bytes")
        total: dict[str, int] = {}
        for camera, size in rows:
            total[str(camera)] = total.get(str(camera), 0) + size
    return total


def test_storage_is_told_by_camera_and_day_with_its_rate(people: Cast, agent: AgentSim) -> None:
    big, _ = recorded(agent, hours_ago(4 * 24), 3)
    recorded(agent, hours_ago(24), 2, camera=big.camera)
    small, _ = recorded(agent, hours_ago(2 * 24), 1, size=1000)
    told = call(sign_in(people.alice), people, "GET", "usage").json()
    kept = kept_bytes(people)
    assert [(row["id"], row["bytes"]) for row in told["cameras"]] == [
        (str(big.camera), kept[str(big.camera)]),
        (str(small.camera), kept[str(small.camera)]),
    ]
    assert told["total_bytes"] == sum(kept.values())
    assert sum(day["bytes"] for day in told["days"]) == told["total_bytes"]
    assert len(told["days"]) == 30
    assert len([day for day in told["days"] if day["bytes"]]) == 3
    first = told["cameras"][0]
    assert (first["from_us"], first["main_bytes"], first["sub_bytes"]) == (
        hours_ago(4 * 24),
        first["bytes"],
        0,
    )
    assert first["bytes_per_day"] == pytest.approx(first["bytes"] / 4, rel=0.02)
    assert told["forecast"]["levels_off_bytes"] == told["bytes_per_day"] * 30
    assert told["forecast"]["full_in_days"] is None


def test_with_a_quota_the_day_it_is_reached_is_foretold(people: Cast, agent: AgentSim) -> None:
    recorded(agent, hours_ago(4 * 24), 3)
    total = sum(kept_bytes(people).values())
    alice = sign_in(people.alice)
    assert call(alice, people, "PATCH", "policy", {"quota_bytes": 2 * total}).status_code == 200
    told = call(alice, people, "GET", "usage").json()
    assert told["forecast"]["full_in_days"] == pytest.approx(4, rel=0.02)
    assert told["forecast"]["kept_days"] == pytest.approx(8, rel=0.02)
    shown = text(alice.get(f"/t/{people.tenant_a.slug}/usage"))
    assert "The limit is reached in about 4 days" in shown
    assert re.search(r"reach back about 8\.[01] days", shown)


def test_a_camera_that_is_switched_off_or_deleted_adds_nothing_more(people: Cast, agent: AgentSim) -> None:
    stream, _ = recorded(agent, hours_ago(4 * 24), 3)
    with tenant_scope(people.tenant_a.id):
        Camera.objects.filter(id=stream.camera).update(enabled=False)
    told = call(sign_in(people.alice), people, "GET", "usage").json()
    assert (told["bytes_per_day"], told["cameras"][0]["bytes_per_day"]) == (0, 0)
    assert told["total_bytes"] > 0


def test_who_sees_one_site_is_told_of_its_cameras_alone(people: Cast, agent: AgentSim) -> None:
    recorded(agent, hours_ago(30), 1)
    elsewhere = AgentSim.enrol(people.tenant_a.id, people.other_site_a)
    recorded(elsewhere, hours_ago(30), 2)
    with tenant_scope(people.tenant_a.id):
        sam = make_account("Sam", OPERATOR, people.other_site_a)
    browser = sign_in(sam)
    told = call(browser, people, "GET", "usage").json()
    assert {row["site"] for row in told["cameras"]} == {"Yard"}
    assert (told["quota_bytes"], told["forecast"], told["may"]) == (None, None, {"edit": False})
    assert told["total_bytes"] == told["cameras"][0]["bytes"]
    assert sum(day["bytes"] for day in told["days"]) == told["total_bytes"]
    assert call(browser, people, "GET", "policy").status_code == 403
    assert call(sign_in(people.bob), people, "GET", "usage").status_code == 403


def test_owners_change_the_policy_and_are_asked_before_it_deletes(people: Cast, agent: AgentSim) -> None:
    recorded(agent, hours_ago(20 * 24), 2)
    recorded(agent, hours_ago(30), 1)
    alice, address = sign_in(people.alice), f"/t/{people.tenant_a.slug}/usage"
    wrong = alice.post(address, {"retention_days": "0", "quota_gb": "no"})
    assert wrong.status_code == 422
    assert "greater than or equal to 1" in text(wrong)
    assert "Enter a number" in text(wrong)
    asked = alice.post(address, {"retention_days": "10", "quota_gb": ""})
    assert asked.status_code == 422
    assert "of recordings would be deleted within minutes, for good" in text(asked)
    with tenant_scope(people.tenant_a.id):
        assert not FootagePolicy.objects.exists()
    confirmed = {"retention_days": "10", "quota_gb": "500.5", "confirm_deletion": "on"}
    assert alice.post(address, confirmed).status_code == 302
    with tenant_scope(people.tenant_a.id):
        row = FootagePolicy.objects.get()
        act = AuditInbox.objects.get(act="footage.policy-changed")
    assert (row.retention_days, row.quota_bytes) == (10, 500_500_000_000)
    assert act.details == {
        "days": 10,
        "quota": "500500000000 bytes",
        "before": "retention_days: 30; quota_bytes: none",
        "after": "retention_days: 10; quota_bytes: 500500000000",
    }
    assert 'value="500.5"' in alice.get(address).content.decode()
    # Longer deletes nothing, so nothing is asked.
    assert alice.post(address, {"retention_days": "40", "quota_gb": "500.5"}).status_code == 302


def test_what_a_policy_would_delete_is_counted(people: Cast, agent: AgentSim) -> None:
    old, _ = recorded(agent, hours_ago(20 * 24), 2)
    own, _ = recorded(agent, hours_ago(19 * 24), 2)
    new, _ = recorded(agent, hours_ago(30), 1)
    kept = kept_bytes(people)
    with tenant_scope(people.tenant_a.id):
        Camera.objects.filter(id=own.camera).update(retention_days=60)
        assert would_delete_bytes(Policy(30, None)) == 0
        assert would_delete_bytes(Policy(10, None)) == kept[str(old.camera)]
        left = kept[str(own.camera)] + kept[str(new.camera)]
        assert would_delete_bytes(Policy(10, left)) == kept[str(old.camera)]
        assert would_delete_bytes(Policy(10, left - 5)) == kept[str(old.camera)] + 5


def test_programs_change_the_policy_by_the_same_rules(people: Cast) -> None:
    alice = sign_in(people.alice)
    assert call(alice, people, "GET", "policy").json() == {"retention_days": 30, "quota_bytes": None}
    changed = call(alice, people, "PATCH", "policy", {"retention_days": 90}).json()
    assert changed == {"retention_days": 90, "quota_bytes": None}
    wrong = call(alice, people, "PATCH", "policy", {"quota_bytes": 0})
    assert (wrong.status_code, problem(wrong)) == (422, "invalid-fields")
    assert call(sign_in(people.olga), people, "PATCH", "policy", {"retention_days": 1}).status_code == 403


def test_an_organisation_with_nothing_is_told_so(people: Cast) -> None:
    shown = text(sign_in(people.alice).get(f"/t/{people.tenant_a.slug}/usage"))
    assert "Nothing is stored yet" in shown
