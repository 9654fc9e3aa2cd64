"""Updates of agents: releases offered, orders in command documents, what boxes answer, stages, the page and the API."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import override_settings

from installer.release import make_key, make_release, read_public
from protocol.command import CommandDocument, UpdateOrder
from protocol.release import PIECE_BYTES, document_hash, verify_release
from sealing.cose import parse1
from tenants.permissions import OPERATOR
from tenants.scope import tenant_scope
from tests.boxes import Box, make_box
from tests.cameras.place import Place, call
from tests.cast import later, make_account, sign_in
from vsaas.agents import rollouts
from vsaas.agents.models import AgentUpdate, UpdateRollout, UpdateState
from vsaas.agents.revocation import revoke
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system

PACKAGE = b"\x21" * (PIECE_BYTES + 7)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "release-key"
    make_key(path)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "offered"
    path.mkdir()
    with override_settings(ENV=settings.ENV.model_copy(update={"agent_packages": str(path)})):
        yield path


def add(folder: Path, key: Path, version: str) -> bytes:
    """Sign a release and offer it; returns its document."""
    made = folder.parent / f"vsaas-agent_{version}_amd64.deb"
    made.write_bytes(PACKAGE)
    document = make_release(key, [made], updates_from="1.0", notes="Sharper pictures.")
    command("add", str(document))
    return document.read_bytes()


def command(*arguments: str) -> str:
    out = StringIO()
    call_command("agent_release", *arguments, stdout=out)
    return out.getvalue()


def runs(box: Box, software: str, state: str = "idle", **said: Any) -> None:
    """A heartbeat of this version."""
    update = {"state": state, "version": "", "attempt": 0, "reason": "", "interruption_ms": None} | said
    assert box.beat(software=f"vsaas-agent {software}", update=update).status_code == 204


def ordered(box: Box) -> UpdateOrder | None:
    return CommandDocument.from_payload(parse1(box.state().command).payload).settings.update


def look(place: Place) -> None:
    with tenant_scope(place.cast.tenant_a.id, keys=True):
        rollouts.look_after()


def state_of(place: Place, box: Box) -> str:
    with tenant_scope(place.cast.tenant_a.id):
        return AgentUpdate.objects.get(agent_id=box.agent_id).state


def acts(place: Place) -> list[str]:
    with tenant_scope(place.cast.tenant_a.id):
        return list(AuditInbox.objects.order_by("at", "id").values_list("act", flat=True))


def test_a_release_is_added_whole_or_not_at_all(folder: Path, key: Path) -> None:
    document = add(folder, key, "1.1")
    assert verify_release(document, [read_public(key.with_name("release-key.pub"))]).version == "1.1"
    assert command("list") == f"1.1 {document_hash(document).hex()}\n"
    assert command("pause") == "paused: 1.1\n"
    assert "1.1 paused" in command("list")
    command("resume", "1.1")
    altered = folder.parent / "vsaas-agent_1.1_amd64.deb"
    altered.write_bytes(PACKAGE[:-1])
    with pytest.raises(CommandError, match="is not the file the release names"):
        command("add", str(folder.parent / "vsaas-agent_1.1.release"))
    with pytest.raises(CommandError, match="no release 9"):
        command("pause", "9")


def test_an_order_of_a_release_that_is_paused_is_taken_back_unless_the_box_has_begun(
    place: Place, folder: Path, key: Path
) -> None:
    add(folder, key, "1.1")
    box = place.box
    runs(box, "1.0")
    order = ("POST", f"agents/{box.agent_id}/update")
    assert call(place.alice, place, *order).status_code == 200
    look(place)
    assert ordered(box) is not None
    command("pause", "1.1")
    look(place)
    assert (ordered(box), state_of(place, box)) == (None, UpdateState.NONE)
    assert acts(place)[-1] == "agent.update-taken-back"
    command("resume", "1.1")
    look(place)
    assert ordered(box) is None, "a person orders it again"
    assert call(place.alice, place, *order).status_code == 200
    runs(box, "1.0", "handed-over", version="1.1", attempt=1)
    command("pause", "1.1")
    look(place)
    assert state_of(place, box) == UpdateState.ORDERED


def test_an_agent_is_updated_now_and_what_it_says_is_kept(place: Place, folder: Path, key: Path) -> None:
    document = add(folder, key, "1.1")
    box = place.box
    runs(box, "1.0")
    assert ordered(box) is None
    reply = call(place.alice, place, "POST", f"agents/{box.agent_id}/update")
    assert (reply.status_code, reply.json()["state"]) == (200, "ordered")
    assert ordered(box) == UpdateOrder("1.1", document_hash(document), 1)
    # The box fetches what the order names, part by part.
    path = f"/agent/v1/updates/{document_hash(document).hex()}"
    assert box.send("GET", path).content == document
    first = box.send("GET", f"{path}/vsaas-agent_1.1_amd64.deb?from=0").content
    rest = box.send("GET", f"{path}/vsaas-agent_1.1_amd64.deb?from={len(first)}").content
    assert first + rest == PACKAGE
    assert box.send("GET", f"{path}/../secret").status_code == 404

    runs(box, "1.0", "rolled-back", version="1.1", attempt=1, reason="it does not reach the portal")
    page = place.alice.get(place.url("agents/updates")).content.decode()
    assert "it does not reach the portal" in page
    assert "It records with the version it had." in page
    place.alice.post(place.url(f"agents/{box.agent_id}/update"), {"action": "now"})
    assert ordered(box) == UpdateOrder("1.1", document_hash(document), 2)
    runs(box, "1.1", "installed", version="1.1", attempt=1)
    assert state_of(place, box) == UpdateState.ORDERED, (
        "an answer to the first try says nothing of the second"
    )
    runs(box, "1.1", "installed", version="1.1", attempt=2, interruption_ms=4200)
    told = call(place.alice, place, "GET", "updates").json()["agents"][0]
    assert (told["state"], told["interruption_ms"], told["older"]) == ("installed", 4200, False)
    assert [act for act in acts(place) if "update" in act] == [
        "agent.update-ordered",
        "agent.not-updated",
        "agent.update-ordered",
        "agent.updated",
    ]
    again = call(place.alice, place, "POST", f"agents/{box.agent_id}/update")
    assert (again.status_code, again.json()["type"]) == (409, "urn:vsaas:problem:nothing-to-update")


def test_an_agent_that_is_held_or_cannot_is_left_alone(place: Place, folder: Path, key: Path) -> None:
    add(folder, key, "1.1")
    runs(place.box, "1.0", "off", reason="it was built without a release key")
    refused = call(place.alice, place, "POST", f"agents/{place.box.agent_id}/update")
    assert "built without a release key" in refused.json()["detail"]
    runs(place.box, "1.0")
    call(place.alice, place, "PATCH", f"agents/{place.box.agent_id}/update", {"held": True})
    refused = call(place.alice, place, "POST", f"agents/{place.box.agent_id}/update")
    assert "is held" in refused.json()["detail"]
    page = place.alice.post(place.url(f"agents/{place.box.agent_id}/update"), {"action": "now"})
    assert page.status_code == 409
    assert "is held" in page.content.decode()
    assert state_of(place, place.box) == UpdateState.NONE, "what is refused changes nothing"
    refused = call(place.alice, place, "POST", "updates/rollout", {"action": "start"})
    assert (refused.status_code, refused.json()["type"]) == (409, "urn:vsaas:problem:no-rollout")
    assert ordered(place.box) is None


@pytest.fixture
def boxes(place: Place) -> list[Box]:
    """Four, the place's own among them."""
    return [place.box, *(make_box(place.cast.tenant_a, place.cast.site_a) for _ in range(3))]


ANY_TIME = {"days": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"], "starts": "00:00", "ends": "23:59"}


def set_policy(place: Place, **changes: Any) -> None:
    reply = call(place.alice, place, "PATCH", "updates", {**ANY_TIME, "wave_percent": 50, **changes})
    assert reply.status_code == 200, reply.content


def test_a_release_goes_to_chosen_agents_first_and_then_in_waves(
    place: Place, boxes: list[Box], folder: Path, key: Path
) -> None:
    add(folder, key, "1.1")
    for box in boxes:
        runs(box, "1.0")
    set_policy(
        place, automatic=True, first=[str(boxes[0].agent_id)], healthy_hours=2, ends="00:00", starts="00:01"
    )
    look(place)
    look(place)
    assert [ordered(box) is not None for box in boxes] == [True, False, False, False]
    runs(boxes[0], "1.1", "installed", version="1.1", attempt=1)
    look(place)
    assert [ordered(box) is not None for box in boxes[1:]] == [False] * 3, "it has not run for two hours yet"
    with later(hours=3):
        runs(boxes[0], "1.1")
        look(place)
        look(place)
        given = [box for box in boxes[1:] if ordered(box) is not None]
        assert len(given) == 2, "half of the four"
        runs(given[0], "1.0", "rolled-back", version="1.1", attempt=1, reason="it does not reach the portal")
        look(place)
        told = call(place.alice, place, "GET", "updates").json()["rollout"]
        assert (told["state"], told["stage"]) == ("stopped", 1)
        assert told["reason"] == "1 of 2 agents of a stage failed"
        look(place)
        assert [ordered(box) is not None for box in given] == [True, False], (
            "what had not begun is taken back"
        )
    assert "agent.rollout-failed" in acts(place)


def test_planned_first_and_while_a_release_is_held_back_nothing_begins(
    place: Place, folder: Path, key: Path
) -> None:
    add(folder, key, "1.1")
    runs(place.box, "1.0")
    set_policy(place, starts="00:00", ends="23:59")
    assert call(place.alice, place, "POST", "updates/rollout", {"action": "start"}).status_code == 200
    command("pause")
    look(place)
    assert state_of(place, place.box) == UpdateState.PLANNED
    command("resume")
    look(place)
    assert state_of(place, place.box) == UpdateState.ORDERED
    with later(hours=25):
        look(place)
        assert state_of(place, place.box) == UpdateState.NO_ANSWER
    with tenant_scope(place.cast.tenant_a.id):
        assert UpdateRollout.objects.get().state == "stopped"


def test_what_has_not_begun_is_taken_back_when_a_release_is_held_back_or_stopped(
    place: Place, boxes: list[Box], folder: Path, key: Path
) -> None:
    add(folder, key, "1.1")
    for box in boxes[:2]:
        runs(box, "1.0")
    set_policy(place, wave_percent=100)
    assert call(place.alice, place, "POST", "updates/rollout", {"action": "start"}).status_code == 200
    look(place)
    runs(boxes[0], "1.0", "handed-over", version="1.1", attempt=1)
    command("pause")
    look(place)
    assert [ordered(box) is not None for box in boxes[:2]] == [True, False]
    command("resume")
    look(place)
    assert [ordered(box) is not None for box in boxes[:2]] == [True, True]
    assert call(place.alice, place, "POST", "updates/rollout", {"action": "stop"}).status_code == 200
    assert [ordered(box) is not None for box in boxes[:2]] == [True, False]
    assert [state_of(place, box) for box in boxes[:2]] == [UpdateState.ORDERED, UpdateState.NONE]
    runs(boxes[0], "1.1", "installed", version="1.1", attempt=1)
    assert state_of(place, boxes[0]) == UpdateState.INSTALLED


def test_a_revoked_agent_holds_up_neither_its_stage_nor_the_policy(
    place: Place, boxes: list[Box], folder: Path, key: Path
) -> None:
    add(folder, key, "1.1")
    for box in boxes[:2]:
        runs(box, "1.0")
    set_policy(place, first=[str(boxes[0].agent_id)])
    assert call(place.alice, place, "POST", "updates/rollout", {"action": "start"}).status_code == 200
    look(place)
    with tenant_scope(place.cast.tenant_a.id, keys=True):
        revoke(boxes[0].agent(), system("tests"))
    look(place)
    look(place)
    assert ordered(boxes[1]) is not None
    set_policy(place, healthy_hours=3, first=[str(box.agent_id) for box in boxes[:2]])
    with tenant_scope(place.cast.tenant_a.id):
        oscar = make_account("Oscar", OPERATOR, place.cast.other_site_a)
    assert call(sign_in(oscar), place, "GET", "updates").json()["policy"]["first"] == []


def test_a_release_that_was_stopped_does_not_begin_again_by_itself(
    place: Place, folder: Path, key: Path
) -> None:
    add(folder, key, "1.1")
    runs(place.box, "1.0")
    for version in ("1.1", "1.2"):
        if version == "1.2":
            add(folder, key, version)
        for action in ("start", "stop"):
            reply = call(place.alice, place, "POST", "updates/rollout", {"action": action})
            assert reply.status_code == 200, reply.content
    command("pause", "1.2")
    set_policy(place, automatic=True)
    look(place)
    assert call(place.alice, place, "GET", "updates").json()["rollout"]["state"] == "stopped"


def test_the_policy_says_which_value_is_wrong(place: Place) -> None:
    for field, value in (
        ("starts", "25:00"),
        ("days", []),
        ("wave_percent", 0),
        ("first", [str(place.camera.id)]),
    ):
        reply = call(place.alice, place, "PATCH", "updates", {field: value})
        assert reply.status_code == 422, reply.content
        assert reply.json()["errors"][0]["field"] == field
    page = place.alice.post(place.url("agents/updates"), {"days": "mon", "starts": "25:00", "ends": "03:00"})
    assert page.status_code == 422
    sent = {"days": ["mon"], "starts": "01:00", "ends": "03:00"} | {
        "healthy_hours": 5,
        "wave_percent": 10,
        "stop_percent": 0,
    }
    assert place.alice.post(place.url("agents/updates"), sent).status_code == 302
    now = call(place.alice, place, "GET", "updates").json()["policy"]
    assert (now["days"], now["starts"], now["healthy_hours"], now["automatic"]) == (
        ["mon"],
        "01:00",
        5,
        False,
    )


@pytest.mark.parametrize(
    ("now", "open_"),
    [
        ("2026-12-01T23:30", True),
        ("2026-12-02T01:00", True),
        ("2026-12-02T02:30", False),
        ("2026-12-02T23:30", False),
    ],
)
def test_a_window_past_midnight_belongs_to_the_day_it_begins_on(
    monkeypatch: pytest.MonkeyPatch, now: str, open_: bool
) -> None:
    from datetime import datetime
    from zoneinfo import ZoneInfo

    moment = datetime.fromisoformat(now).replace(tzinfo=ZoneInfo("Europe/Berlin"))
    monkeypatch.setattr(rollouts.clock, "now", lambda: moment)
    rule = rollouts.Policy(days=("tue",), starts="23:00", ends="02:00")
    assert rollouts.in_window(rule, "Europe/Berlin") is open_


def test_releases_are_signed_on_the_command_line(tmp_path: Path) -> None:
    def run(*words: str) -> subprocess.CompletedProcess[str]:
        program = [sys.executable, "-m", "installer", *words]
        return subprocess.run(program, capture_output=True, text=True, check=False)

    old, new = tmp_path / "old", tmp_path / "new"
    for key in (old, new):
        assert run("release-key", str(key)).returncode == 0
        assert key.stat().st_mode & 0o777 == 0o600
    assert "lies in the source tree" in run("release-key", str(Path(__file__).parent / "key")).stderr
    assert "File exists" in run("release-key", str(old)).stderr
    introduction = tmp_path / "introduction"
    assert run("introduce", "--key", str(old), "--to", str(introduction), f"{new}.pub").returncode == 0
    package = tmp_path / "vsaas-agent_2.0_arm64.deb"
    package.write_bytes(b"package")
    said = run(
        "release", "--key", str(new), "--introduction", str(introduction), "--notes", "N", str(package)
    )
    document = Path(said.stdout.strip()).read_bytes()
    # Whoever knows the old key alone takes what the new one signed.
    release = verify_release(document, [read_public(Path(f"{old}.pub"))])
    assert (release.version, release.notes, release.files[0].name) == ("2.0", "N", package.name)
    assert json.dumps(release.files[0].size_bytes) == "7"
