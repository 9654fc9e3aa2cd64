"""What the API's guide says works: every curl line, and the example client, against a running portal."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from uuid import uuid4

import pytest

from installer.release import make_key, make_release
from protocol.finding import Looked
from protocol.health import UpdateHealth
from sealing.ids import Stream
from tenants.access import actor_of
from tenants.models import Site
from tenants.scope import tenant_scope
from tests.boxes import make_box, make_keys
from tests.cast import make_cast, make_token
from tests.live_portal import running_portal
from vsaas.agents.models import EnrolmentCode
from vsaas.agents.presence import presence_key
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.audit.siem import destinations
from vsaas.cameras.checklist import BY_KEY
from vsaas.cameras.finding import Wanted, begin_look, begin_search, begin_setting
from vsaas.cameras.importing import keep, read_table
from vsaas.cameras.models import Camera, CameraCheck, PasswordChange, PasswordRun, PasswordState
from vsaas.cameras.offers import offers_of
from vsaas.cameras.password_schedules import Wish as PasswordWish
from vsaas.cameras.password_schedules import set_schedule
from vsaas.cameras.saved_views import view_add
from vsaas.cameras.services import NewCamera, camera_add
from vsaas.cameras.sign_offs import sign_off
from vsaas.cameras.testing import Wish
from vsaas.cameras.testing import begin as begin_test
from vsaas.common.clock import now as clock_now
from vsaas.common.redis import client
from vsaas.footage.findings import note
from vsaas.footage.models import Finding, FindingKind

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "api.md").read_text()
LINES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", GUIDE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("curl")
]


def method_of(line: str) -> str:
    said = re.search(r" -X (\w+)", line)
    return said[1] if said else ("POST" if " -d " in line else "GET")


def path_of(line: str) -> str:
    return re.search(r"/api/[^\s?\"]*", line)[0]


@pytest.fixture(scope="module")
def offered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a release of the agent."""
    folder = tmp_path_factory.mktemp("offered")
    make_key(folder / "key")
    package = folder / "vsaas-agent_9.0_amd64.deb"
    package.write_bytes(b"package")
    make_release(folder / "key", [package], updates_from="0", notes="")
    return folder


@pytest.fixture(scope="module")
def portal(database: None, object_store_server: None, offered: Path) -> Iterator[str]:
    with running_portal(AGENT_PACKAGES=str(offered)) as address:
        yield address


@pytest.fixture
def surroundings(portal: str) -> dict[str, str]:
    """The variables the guide speaks of, for an organisation with an agent and a camera."""
    cast = make_cast()
    make_keys(cast.tenant_a)
    box = make_box(cast.tenant_a, cast.site_a)
    assert box.beat(software="vsaas-agent 0.1.0", update=asdict(UpdateHealth("idle"))).status_code == 204
    with tenant_scope(cast.tenant_a.id):
        camera = camera_add(box.agent(), NewCamera("Gate", "rtsp://192.0.2.1/x"), system("tests"))
        note(FindingKind.OVERLAP, str(camera.id), "segments overlap", camera=camera.id)
        finding = Finding.objects.get()
        empty = Site.objects.create(name="Empty")
        view = view_add(actor_of(cast.alice), {"name": "Crossings", "cameras": [camera.id]})
        event = AuditInbox.objects.values_list("id", flat=True)[0]
        client().set(presence_key(box.agent_id), "tests", ex=60)
        wish = Wish(box.agent(), None, Stream.MAIN, True, bytes(32), "rtsp://192.0.2.7/main")
        test = begin_test(wish, actor_of(cast.alice))
        search = begin_search(box.agent(), actor_of(cast.alice), multicast=True, ranges=[])
        look = begin_look(box.agent(), actor_of(cast.alice), [Wanted("192.0.2.7")], factory=False)
        camera_id = next(iter(look.targets))
        clock = {"encoders": (), "ntp": "192.0.2.1", "time_zone": ""}
        setting = begin_setting(box.agent(), actor_of(cast.alice), look, camera_id, **clock)
        table = keep(
            actor_of(cast.alice), read_table(actor_of(cast.alice), "name,address\nA,10.0.0.1", box.agent())
        )
        wanted = destinations.Wanted("Watch", "syslog", "127.0.0.1:9")
        destination = destinations.add(wanted, system("tests"))
        run = PasswordRun.objects.create(about="Gate", started_at=clock_now(), ended_at=clock_now())
        PasswordChange.objects.create(run=run, camera=camera, state=PasswordState.FAILED, cause="timeout")
        schedule = set_schedule(PasswordWish(6, 3), system("tests"))
        code = EnrolmentCode.objects.get(used_by=box.agent_id)
        for point in BY_KEY:
            said = {"reason": "as agreed", "by_id": cast.alice.id, "by_name": "Alice", "at": clock_now()}
            CameraCheck.objects.create(camera=camera, point=point, **said)
        signed = sign_off(actor_of(cast.alice), cast.site_a, "")
        Camera.objects.filter(id=camera.id).update(offers=offers_of(Looked(camera.id, steers=("move",))))
    return {
        "PATH": os.environ["PATH"],
        "VSAAS_URL": portal,
        "VSAAS_TOKEN": make_token(cast.alice)[1],
        "CAMERA": str(camera.id),
        "AGENT": str(box.agent_id),
        "FINDING": str(finding.id),
        "SITE": str(empty.id),
        "SETTLED": str(cast.site_a.id),
        "SIGN_OFF": str(signed.id),
        "POINT": "link",
        "VIEW": str(view.id),
        "EVENT": str(event),
        "DESTINATION": str(destination.id),
        "TEST": str(test.id),
        "SEARCH": str(search.id),
        "LOOK": str(look.id),
        "IMPORT": str(table),
        "SETTING": str(setting.id),
        "FOUND": str(next(iter(look.targets))),
        "RUN": str(run.id),
        "SCHEDULE": str(schedule.id),
        "ORDER": str(uuid4()),
        "CODE": str(code.id),
        "ACCOUNT": str(cast.bob.id),
        "ROLE": "viewer",
        "HPKE_PUBLIC": "CQ" + "A" * 41,
    }


def test_the_guide_has_lines_to_try() -> None:
    assert len(LINES) >= 12


@pytest.mark.parametrize("line", LINES, ids=lambda line: f"{method_of(line)} {path_of(line)}")
def test_every_curl_line_of_the_guide_works(line: str, surroundings: dict[str, str], tmp_path: Path) -> None:
    line = line.replace("curl ", "curl --silent --show-error --fail-with-body ", 1)
    if "/sign-offs" in line:  # a site with cameras; the others want one that can be deleted
        line = line.replace("$SITE/", "$SETTLED/")
    done = subprocess.run(
        ["bash", "-euc", line], env=surroundings, capture_output=True, text=True, timeout=60, cwd=tmp_path
    )
    assert done.returncode == 0, done.stdout + done.stderr
    if "/settlement" in line or method_of(line) == "DELETE":
        assert done.stdout == ""
    elif path_of(line).endswith(".pdf"):
        assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")
    elif path_of(line).endswith(".csv"):
        assert done.stdout.startswith("\ufefftime_utc,sentence,")
    elif path_of(line).endswith(".jsonl"):
        assert json.loads(done.stdout.splitlines()[0])["kind"] == "log"
    else:
        assert json.loads(done.stdout)


def test_every_operation_a_token_may_call_has_a_line() -> None:
    from vsaas.common.openapi import document

    lined = {(method_of(line), path_of(line)) for line in LINES if "/api/v1/" in line}
    wanted = {
        (method.upper(), re.sub(r"\{(\w+)_(?:id|key)\}", lambda match: "$" + match[1].upper(), path))
        for path, methods in document()["paths"].items()
        for method, operation in methods.items()
        if any("token" in row for row in operation["security"])
    }
    assert wanted <= lined, f"add curl lines to docs/api.md for: {sorted(wanted - lined)}"


def run_client(surroundings: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "docs" / "example_client.py")],
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_example_client_lists_what_was_recorded(surroundings: dict[str, str]) -> None:
    done = run_client(surroundings)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["Gate", "Gate", "waiting", "0.0", "min"]


def test_the_example_client_says_what_is_wrong(surroundings: dict[str, str]) -> None:
    done = run_client(surroundings | {"VSAAS_TOKEN": "vsaas_pat_" + "0" * 49})
    assert done.returncode == 1
    assert "This access token is not accepted" in done.stderr
    assert "urn:vsaas:problem:token-refused" in done.stderr
