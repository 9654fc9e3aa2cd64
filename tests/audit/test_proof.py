"""The JSON export: whoever has the public key checks it without the portal, and finds what was done to it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command

from tenants.permissions import AUDIT_VIEW
from tests.api_calls import call, problem
from tests.audit.test_pages import say
from tests.cast import Cast, make_token
from vsaas.audit import export, proof, sequencer
from vsaas.audit.signer import signer

pytestmark = pytest.mark.usefixtures("pages")


def key() -> bytes:
    found = signer()
    assert found is not None
    return found.public_key


def add(cast: Cast, *words: str) -> None:
    for word in words:
        say(cast, word)
        sequencer.sequence(cast.tenant_a.id)


def exported(cast: Cast, query: str = "") -> list[str]:
    reply = call(make_token(cast.alice, AUDIT_VIEW)[1], "GET", f"/api/v1/audit.jsonl{query}")
    assert reply.status_code == 200
    assert reply["Content-Type"] == "application/x-ndjson; charset=utf-8"
    return reply.getvalue().decode().splitlines(keepends=True)


def outside(path: Path, public_key: bytes, *, cwd: Path) -> tuple[int, str]:
    """The check in a process that has neither settings nor database."""
    done = subprocess.run(
        [sys.executable, "-m", "vsaas.audit.proof", str(path), f"--key={proof.key_text(public_key)}"],
        cwd=cwd,
        env={"PYTHONPATH": str(settings.BASE_DIR)},
        capture_output=True,
        text=True,
    )
    assert not done.stderr, done.stderr
    return done.returncode, done.stdout.strip()


def test_an_export_is_checked_by_a_tool_outside_with_the_public_key_alone(
    cast, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(export, "PAGE_ROWS", 3)
    add(cast, *"abcdefgh")
    lines = exported(cast)
    path = tmp_path / "audit.jsonl"
    path.write_text("".join(lines))
    code, said = outside(path, key(), cwd=tmp_path)
    assert code == 0, said
    assert said.endswith("hold, signed")
    code, said = outside(path, bytes(31) + b"\x01", cwd=tmp_path)
    assert (code, said) == (1, "BROKEN: the checkpoint is not signed by this key")
    call_command("audit_verify", "--export", str(path))
    assert "hold, signed" in capsys.readouterr().out


def test_an_export_of_a_time_goes_on_to_the_entry_that_is_signed(cast):
    add(cast, "a")
    for word in "bcd":
        say(cast, word)
    sequencer.sequence(cast.tenant_a.id)
    first = next(json.loads(line) for line in exported(cast) if '"words": "b"' in line)
    lines = exported(cast, f"?from={iso(first['at_us'])}&to={iso(first['at_us'] + 1)}")
    report = proof.verify_export(lines, key())
    assert (report.wrong, report.covered) == ("", report.entries)
    assert first["seq"] == report.first_seq
    words = [json.loads(line)["details"].get("words") for line in lines[1:-1]]
    assert words == ["b", "c", "d"]


def iso(us: int) -> str:
    from vsaas.common import clock

    return clock.from_us(us).isoformat().replace("+00:00", "Z")


def flip(line: str, name: str, value: Any) -> str:
    return json.dumps(json.loads(line) | {name: value}) + "\n"


@pytest.mark.parametrize(
    ("what", "wrong"),
    [
        (lambda lines: [*lines[:3], flip(lines[3], "act", "x"), *lines[4:]], "content of entry"),
        (lambda lines: [*lines[:3], flip(lines[3], "details", {}), *lines[4:]], "content of entry"),
        (lambda lines: [*lines[:3], *lines[4:]], "is missing"),
        (lambda lines: [*lines[:3], lines[4], lines[3], *lines[5:]], "is missing"),
        (lambda lines: [*lines[:-2], lines[-1]], "entries are missing"),
        (lambda lines: lines[:-1], "cut off"),
        (lambda lines: [*lines, lines[2]], "follows the checkpoint"),
        (lambda lines: lines[1:], "first line"),
        (lambda lines: [*lines[:-1], flip(lines[-1], "size", 3)], "not signed"),
        (lambda lines: [*lines[:3], "{}\n", *lines[3:]], "line 4"),
        (lambda lines: [*lines[:3], "nonsense\n", *lines[3:]], "line 4"),
        (
            lambda lines: [flip(lines[0], "log", "019ac0f2-5a3e-7c11-9d8e-2f6b7a0c4d11"), *lines[1:]],
            "content",
        ),
    ],
)
def test_whatever_is_done_to_an_export_is_found(cast, what, wrong):
    add(cast, *"abcdef")
    lines = exported(cast)
    assert proof.verify_export(lines, key()).wrong == ""
    assert wrong in proof.verify_export(what(lines), key()).wrong


def test_what_no_checkpoint_covers_is_said_to_be_unsigned(cast):
    say(cast, "a")
    sequencer.sequence_tenant(cast.tenant_a.id)
    report = proof.verify_export(exported(cast), key())
    assert (report.wrong, report.covered) == ("", 0)
    assert report.entries > 0
    assert "not signed yet" in proof.verdict_of(report)


def test_the_page_offers_it_and_the_download_is_on_record(cast: Cast, client_for):
    add(cast, "a")
    alice, at = client_for(cast.alice), f"/t/{cast.tenant_a.slug}/audit/export"
    reply = alice.post(at, {"format": "json", "act": "test.said"})
    assert reply["Content-Disposition"].endswith('.jsonl"')
    acts = [json.loads(line).get("act") for line in reply.getvalue().decode().splitlines()]
    assert "people.invited" not in acts
    assert "test.said" in acts
    add(cast, "b")
    (row,) = [json.loads(line) for line in exported(cast) if '"audit.exported"' in line]
    assert row["details"]["format"] == "json"


def test_too_much_is_refused_whole(cast, monkeypatch):
    add(cast, *"abc")
    monkeypatch.setattr(export, "ROWS_MAX", 2)
    reply = call(make_token(cast.alice, AUDIT_VIEW)[1], "GET", "/api/v1/audit.jsonl")
    assert (reply.status_code, problem(reply)) == (422, "invalid-fields")


def test_an_export_without_entries_is_one_too(database, cast):
    lines = exported(cast, "?from=2001-01-01T00:00:00Z&to=2001-01-02T00:00:00Z")
    report = proof.verify_export(lines, key())
    assert (report.entries, report.wrong) == (0, "")
