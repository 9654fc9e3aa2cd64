"""Commissioning: what the checklist sees by itself, what people say, the sign-off, and its report verified outside."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pypdf
import pytest

from tenants.permissions import INSTALLER
from tenants.scope import tenant_scope
from tests.cameras.place import Place, call
from tests.cast import make_account, make_fresh, sign_in
from tests.reading import text
from vsaas.audit.models import AuditInbox
from vsaas.cameras.checklist import POINTS
from vsaas.cameras.models import Camera
from vsaas.common import clock
from vsaas.footage.models import FootageHour, StreamStatus


def told(place: Place) -> dict[str, Any]:
    """The checklist of the place's site, as a program reads it."""
    reply = call(place.alice, place, "GET", f"sites/{place.cast.site_a.id}/commissioning")
    assert reply.status_code == 200, reply.content
    found: dict[str, Any] = reply.json()
    return found


def states(place: Place) -> dict[str, str]:
    (camera,) = told(place)["cameras"]
    return {check["point"]: check["state"] for check in camera["checks"]}


def check(place: Place, point: str, state: str, reason: str = "") -> Any:
    path = f"cameras/{place.camera.id}/checks/{point}"
    return call(place.alice, place, "PUT", path, {"state": state, "reason": reason})


def settle(place: Place) -> None:
    """Every point is confirmed, or accepted as it is."""
    for point in POINTS:
        if states(place)[point.key] == "to-do":
            said = ("ok", "") if point.by_person else ("accepted", "as agreed")
            assert check(place, point.key, *said).status_code == 200


def sign(place: Place, remarks: str = "") -> Any:
    path = f"sites/{place.cast.site_a.id}/sign-offs"
    return call(place.alice, place, "POST", path, {"remarks": remarks})


def records(place: Place, *, ago_us: int = 1_000_000, offset_us: int = 5_000) -> None:
    """The agent says that it records the camera."""
    now = clock.now_us()
    row = {
        "camera": str(place.camera.id),
        "stream": 1,
        "state": "recording",
        "since_us": now - 60_000_000,
        "detail": "",
        "bits_per_s": 4_000_000,
        "frames_per_s": 25.0,
        "codec": "avc1.640028",
        "width": 1920,
        "height": 1080,
        "packets_lost": 0,
        "restarts": 0,
        "last_frame_us": now - ago_us,
        "clock_offset_us": offset_us,
        "oldest_unsent_us": None,
    }
    reply = place.box.beat(streams=[row])
    assert reply.status_code == 204, reply.content


def footage(place: Place) -> None:
    """A record arrived, and the store holds its segment."""
    now = clock.now_us()
    with tenant_scope(place.cast.tenant_a.id):
        StreamStatus.objects.create(
            camera_id=place.camera.id, stream=1, newest_us=now, received_us=now, last_kind=1
        )
        FootageHour.objects.create(
            camera_id=place.camera.id,
            stream=1,
            hour_us=now - now % 3_600_000_000,
            segments=1,
            declared_bytes=1000,
            stored_bytes=1000,
            keep_from_us=now,
        )


def test_what_facts_show_needs_nobody_and_what_they_do_not_show_is_to_be_done(place: Place) -> None:
    before = states(place)
    assert before.pop("retention") == "ok"
    assert set(before.values()) == {"to-do"}
    records(place)
    footage(place)
    now = states(place)
    by_facts = {"picture", "time", "recording", "upload", "retention"}
    assert {point for point, state in now.items() if state == "ok"} == by_facts
    records(place, ago_us=180_000_000, offset_us=9_000_000)
    now = states(place)
    assert (now["picture"], now["time"]) == ("to-do", "to-do")


@pytest.mark.parametrize(
    ("point", "state", "reason", "field"),
    [
        ("picture", "ok", "", "state"),
        ("link", "accepted", "  ", "reason"),
        ("link", "accepted", "x" * 301, "reason"),
        ("height", "ok", "", "point"),
        ("aimed", "perhaps", "", "state"),
    ],
)
def test_what_cannot_be_said_of_a_point_is_refused(
    place: Place, point: str, state: str, reason: str, field: str
) -> None:
    refused = check(place, point, state, reason)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["field"] == field


def test_each_step_on_the_page_is_saved_at_once_and_can_be_taken_back(place: Place) -> None:
    page = place.url(f"cameras/{place.camera.id}/commission")
    shown = place.alice.get(page)
    assert b"<vsaas-player" in shown.content
    assert place.alice.post(page, {"name": "Back door"}).status_code == 302
    assert place.alice.post(page, {"point": "aimed", "state": "ok"}).status_code == 302
    refused = place.alice.post(page, {"point": "link", "state": "accepted", "reason": ""})
    assert refused.status_code == 422
    assert "say why it stays as it is" in text(refused)
    kept = {"point": "link", "state": "accepted", "reason": "A network of its own"}
    assert place.alice.post(page, kept).status_code == 302
    now = states(place)
    assert (now["named"], now["aimed"], now["link"]) == ("ok", "ok", "accepted")
    assert place.now().name == "Back door"
    assert "A network of its own" in text(place.alice.get(page))
    assert place.alice.post(page, {"point": "aimed", "state": "to-do"}).status_code == 302
    assert states(place)["aimed"] == "to-do"
    with tenant_scope(place.cast.tenant_a.id):
        acts = set(AuditInbox.objects.filter(act__startswith="camera.check").values_list("act", flat=True))
    assert acts == {"camera.checked", "camera.check-accepted", "camera.check-reopened"}


def test_nobody_signs_while_a_point_is_open_and_what_was_typed_stays(place: Place) -> None:
    make_fresh(place.alice, place.cast.tenant_a.slug)
    refused = sign(place)
    assert refused.status_code == 409
    assert "points to be done (Door)" in refused.json()["detail"]
    page = place.url(f"commissioning/{place.cast.site_a.id}/sign-off")
    again = place.alice.post(page, {"remarks": "typed already"})
    assert again.status_code == 409
    assert "typed already" in text(again)


def test_an_installer_signs_for_a_site_and_what_changes_afterwards_is_named(place: Place) -> None:
    settle(place)
    with tenant_scope(place.cast.tenant_a.id):
        ingo = sign_in(make_account("Ingo", INSTALLER, place.cast.site_a))
    make_fresh(ingo, place.cast.tenant_a.slug)
    site = place.url(f"commissioning/{place.cast.site_a.id}")
    signed = ingo.post(f"{site}/sign-off", {"remarks": "Hood for the door"})
    assert signed.status_code == 302, text(signed)
    shown = text(ingo.get(site))
    for words in ("by Ingo", "Hood for the door", "Nothing changed since"):
        assert words in shown
    assert told(place)["changed_since"] == []
    assert place.alice.post(place.settings(), place.form(name="Gate")).status_code == 302
    assert told(place)["changed_since"] == ["Gate"]
    assert "Changed since" in text(ingo.get(site))
    assert check(place, "aimed", "to-do").status_code == 200
    assert call(place.alice, place, "DELETE", f"cameras/{place.camera.id}").status_code in (200, 204)
    assert told(place)["changed_since"] == ["Door"]  # as it was called when it was signed for


def test_a_report_is_verified_outside_and_an_altered_one_refused(place: Place, tmp_path: Path) -> None:
    records(place)
    settle(place)
    make_fresh(place.alice, place.cast.tenant_a.slug)
    signed = sign(place, "Gerüst steht noch")
    assert signed.status_code == 201, signed.content
    number = UUID(signed.json()["id"])
    reply = place.alice.get(place.url(f"sign-offs/{number}/report"))
    assert reply["Content-Disposition"].startswith("attachment")
    file = json.loads(reply.content)
    assert file == call(place.alice, place, "GET", f"sign-offs/{number}/report").json()
    root = call(place.alice, place, "GET", "statements").json()["root_fingerprint"]
    verified = sealing(tmp_path, file, root)
    assert verified.returncode == 0, verified.stderr
    report = json.loads(verified.stdout)
    assert report["signed_off"]["remarks"] == "Gerüst steht noch"
    assert report["root_fingerprint"] == root
    (camera,) = report["cameras"]
    assert camera["streams"][0]["codec"] == "avc1.640028"
    assert {one["by"] for one in camera["checks"] if one["point"] == "aimed"} == {"Alice"}
    assert [one["software"] for one in report["agents"]] == ["vsaas-edge 0.1.0"]
    body = base64.urlsafe_b64decode(file["report"] + "==")
    altered = base64.urlsafe_b64encode(body.replace(b"Ger", b"ger")).rstrip(b"=").decode()
    assert sealing(tmp_path, file | {"report": altered}, root).returncode == 2
    assert sealing(tmp_path, file | {"statements": file["statements"][:1]}, root).returncode == 2
    assert sealing(tmp_path, file, "00" * 32).returncode == 2


def sealing(folder: Path, file: dict[str, Any], root: str) -> subprocess.CompletedProcess[str]:
    """What the command says of a file."""
    path = folder / "report.json"
    path.write_text(json.dumps(file))
    command = [sys.executable, "-m", "sealing", "commissioning", str(path), "--trust", root]
    return subprocess.run(command, capture_output=True, text=True, check=False)


ODD = "Tür ⟂ بوابة \u202e🚪 #set page(width: 1pt)"


@pytest.mark.parametrize("route", ["api", "page"])
def test_the_report_is_pages_too_that_hold_the_signed_file(place: Place, tmp_path: Path, route: str) -> None:
    """Names are shown as they are, whatever they hold; nothing of them is markup."""
    found = {"make": "Example", "model": "Dome 5", "firmware": "2.4.1", "serial": "A1B2"}
    with tenant_scope(place.cast.tenant_a.id):
        Camera.objects.filter(id=place.camera.id).update(name=ODD, hardware=found)
    records(place)
    settle(place)
    signed = sign(place, 'Pumpen-Raum: #read("/etc/passwd")').json()
    if route == "api":
        reply = call(place.alice, place, "GET", f"sign-offs/{signed['id']}/report.pdf")
    else:
        reply = place.alice.get(place.url(f"sign-offs/{signed['id']}/report.pdf"))
    assert (reply.status_code, reply["Content-Type"]) == (200, "application/pdf")
    pdf = pypdf.PdfReader(io.BytesIO(reply.content))
    words = "\n".join(page.extract_text() for page in pdf.pages)
    for word in ("Commissioning report", "Example Dome 5", "2.4.1", "A1B2", "Alice", "accepted as it is"):
        assert word in words, words
    assert "root:x:" not in words
    assert pdf.pages[0].mediabox.width > 500, "a name is no markup"
    (attached,) = pdf.attachments["commissioning.json"]
    path = f"sign-offs/{signed['id']}/report"
    assert json.loads(attached) == call(place.alice, place, "GET", path).json()
    assert hashlib.sha256(attached).hexdigest()[:16] in words.replace("\n", "").replace(" ", "")
