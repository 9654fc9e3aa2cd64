"""The operator's commands: codes, cameras, keys; no password in the process list."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tenants.scope import tenant_scope
from tests.boxes import Box, make_box
from vsaas.cameras.models import Camera


def run(*words: str, given: str = "", monkeypatch=None) -> str:
    out = io.StringIO()
    if monkeypatch is not None:
        monkeypatch.setattr("sys.stdin", io.StringIO(given))
    call_command(*words, stdout=out)
    return out.getvalue()


def test_a_code_of_the_command_line_enrols(houses):
    printed = run("agent_code", "--tenant", houses.tenant_a.slug, "--site", "Yard")
    code, fingerprint, _hint = printed.splitlines()
    assert fingerprint.startswith("root fingerprint: ")
    box = Box()
    assert box.enrol(code).status_code == 200
    assert box.agent().site.name == "Yard"
    answer = json.loads(run("agent_code", "--tenant", houses.tenant_b.slug, "--json"))
    assert Box().enrol(answer["code"]).status_code == 200


def test_what_is_missing_or_ambiguous_is_said(houses):
    with pytest.raises(CommandError, match="--site NAME"):
        run("agent_code", "--tenant", houses.tenant_a.slug)
    with pytest.raises(CommandError, match="no site 'Moon'"):
        run("agent_code", "--tenant", houses.tenant_a.slug, "--site", "Moon")
    with pytest.raises(CommandError, match="no tenant 'nobody'"):
        run("agent_code", "--tenant", "nobody")
    with pytest.raises(CommandError, match="name one with --tenant SLUG"):
        run("agent_code")


def test_a_camera_is_added_with_its_address_from_standard_input(houses, monkeypatch):
    box = make_box(houses.tenant_a, houses.site_a)
    printed = run(
        *("camera_add", "--tenant", houses.tenant_a.slug, "--agent", str(box.agent_id)),
        *("--name", "Gate", "--main", "-", "--sub", "-", "--json"),
        given="rtsp://u:pw@h/main\nrtsp://u:pw@h/sub\n",
        monkeypatch=monkeypatch,
    )
    with tenant_scope(houses.tenant_a.id):
        camera = Camera.objects.get()
        assert camera.sources.count() == 2
    assert json.loads(printed) == {"id": str(camera.id), "name": "Gate", "agent": str(box.agent_id)}


def test_a_camera_is_added_with_its_address_from_the_environment(houses, monkeypatch):
    make_box(houses.tenant_a, houses.site_a)
    monkeypatch.setenv("GATE_URL", "rtsp://u:pw@h/main")
    words = ("camera_add", "--tenant", houses.tenant_a.slug, "--agent", "Basement", "--name", "Gate")
    assert "pw" not in run(*words, "--main", "env:GATE_URL")
    with pytest.raises(CommandError, match="NOT_SET is not set"):
        run(*words, "--main", "env:NOT_SET")


def test_a_password_on_the_command_line_is_refused(houses):
    make_box(houses.tenant_a, houses.site_a)
    words = ("camera_add", "--tenant", houses.tenant_a.slug, "--agent", "Basement", "--name", "Gate")
    with pytest.raises(CommandError, match="process list") as caught:
        run(*words, "--main", "rtsp://u:hunter2@h/main")
    assert "hunter2" not in str(caught.value)
    assert "added the camera" in run(*words, "--main", "rtsp://h/main")
    with pytest.raises(CommandError, match="main address: the address must begin with rtsp"):
        run(*words[:-1], "Yard", "--main", "http://h/main")


def test_an_agent_that_is_not_there_or_twice_is_said(houses):
    words = (
        "camera_add",
        "--tenant",
        houses.tenant_a.slug,
        "--name",
        "Gate",
        "--main",
        "rtsp://h/x",
        "--agent",
    )
    with pytest.raises(CommandError, match="no agent 'Basement'"):
        run(*words, "Basement")
    make_box(houses.tenant_a, houses.site_a)
    make_box(houses.tenant_a, houses.site_a)
    with pytest.raises(CommandError, match="several agents are called 'Basement'"):
        run(*words, "Basement")


def test_keys_are_made_and_shown(houses):
    first = json.loads(run("tenant_keys", "--tenant", houses.tenant_a.slug, "--json"))
    assert len(first["root_fingerprint"]) == 64
    assert first == json.loads(run("tenant_keys", "--tenant", houses.tenant_a.slug, "--json"))
    assert run("kms_init").startswith("found the key file")


def test_an_agent_is_revoked_by_name(houses):
    box = make_box(houses.tenant_a, houses.site_a)
    assert "revoked the agent Basement" in run("agent_revoke", "--tenant", houses.tenant_a.slug, "Basement")
    assert box.send("GET", "/agent/v1/state").status_code == 401
    with pytest.raises(CommandError, match="no agent 'Basement'"):
        run("agent_revoke", "--tenant", houses.tenant_a.slug, "Basement")
