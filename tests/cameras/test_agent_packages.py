"""The agent's packages, offered by the portal: the newest of each architecture, in one command that checks it."""

from __future__ import annotations

import hashlib
import html
import re
import shlex
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client, override_settings

from tests.cameras.place import Place


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    for name, text in (
        ("vsaas-agent_0.9.0_amd64.deb", "older"),
        ("vsaas-agent_0.10.0_amd64.deb", "newer"),
        ("vsaas-agent_0.10.0_arm64.deb", "other"),
        ("something-else_1.0_amd64.deb", "no"),
    ):
        (tmp_path / name).write_text(text)
    with override_settings(ENV=settings.ENV.model_copy(update={"agent_packages": str(tmp_path)})):
        yield tmp_path


def command_on_page(place: Place) -> str:
    page = place.alice.post(place.url("agents/enrol"), {"site": str(place.cast.site_a.id)})
    found = re.search(r'<code id="command">([^<]+)<', page.content.decode())
    assert found is not None
    return html.unescape(found[1])


def test_the_newest_package_of_each_architecture_is_offered(folder: Path) -> None:
    reply = Client().get("/agent-packages/vsaas-agent_amd64.deb")
    assert b"".join(reply.streaming_content) == b"newer"
    assert (reply["Content-Length"], reply["Content-Type"]) == ("5", "application/vnd.debian.binary-package")
    assert Client().get("/agent-packages/vsaas-agent_riscv64.deb").status_code == 404


def test_no_package_is_offered_where_no_folder_is_set(place: Place) -> None:
    assert Client().get("/agent-packages/vsaas-agent_amd64.deb").status_code == 404
    assert command_on_page(place).startswith("python -m edge_agent enrol ")


def test_one_command_fetches_checks_installs_and_enrols(folder: Path, place: Place, tmp_path: Path) -> None:
    """The command as the page shows it, with programs that note what they are told in place of the real ones."""
    command = command_on_page(place)
    assert hashlib.sha256(b"newer").hexdigest() in command
    programs = tmp_path / "programs"
    programs.mkdir()
    fake = {
        "dpkg": "echo amd64",
        "curl": f'for word; do url=$word; done; cp {shlex.quote(str(folder))}/"$SERVED" "$(basename "$url")"',
        "sudo": 'echo "$@" >> "$NOTES"',
    }
    for name, text in fake.items():
        (programs / name).write_text(f"#!/bin/sh\n{text}\n")
        (programs / name).chmod(0o755)
    box, notes = tmp_path / "box", tmp_path / "notes"
    box.mkdir()

    def run(served: str) -> int:
        environment = {"PATH": f"{programs}:/usr/bin:/bin", "NOTES": str(notes), "SERVED": served}
        return subprocess.run(["sh", "-c", command], cwd=box, env=environment, capture_output=True).returncode

    assert run("vsaas-agent_0.9.0_amd64.deb") != 0, "another package than the one meant"
    assert not notes.exists(), "nothing of it was installed"
    assert run("vsaas-agent_0.10.0_amd64.deb") == 0
    installed, enrolled = notes.read_text().splitlines()
    assert installed == "apt-get install --yes ./vsaas-agent_amd64.deb"
    assert enrolled.startswith(f"vsaas-agent enrol {settings.ENV.public_url} ")


def test_portals_with_an_authority_of_their_own_show_the_plain_command(folder: Path, place: Place) -> None:
    with override_settings(ENV=settings.ENV.model_copy(update={"ca_file": "/etc/ssl/own.pem"})):
        assert command_on_page(place).startswith("python -m edge_agent enrol ")
