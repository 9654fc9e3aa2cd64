"""schemathesis tries the API against its own document: what it says must hold for anything a caller may send."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tenants.access import actor_of
from tenants.scope import tenant_scope
from tests.boxes import make_box, make_keys
from tests.cast import Cast, make_cast, make_token, sign_in
from tests.live_portal import running_portal
from vsaas.audit.models import AuditInbox
from vsaas.audit.services import system
from vsaas.audit.siem import destinations
from vsaas.cameras.saved_views import view_add
from vsaas.cameras.services import NewCamera, camera_add

EXAMPLES_EACH = 8
SECONDS_MOST = 240
ENDING = ("revokeAgent", "deleteCamera", "removeSavedView", "stopSendingAuditLogToDestination")
PERSONAL = ("Access tokens", "Your account", "People")


@dataclass(frozen=True)
class Target:
    """A running portal, with somebody's things in it."""

    address: str
    cast: Cast
    camera: str
    agent: str
    view: str
    event: str
    destination: str


@pytest.fixture(scope="module")
def target(database: None, object_store_server: None) -> Iterator[Target]:
    cast = make_cast()
    make_keys(cast.tenant_a)
    box = make_box(cast.tenant_a, cast.site_a)
    with tenant_scope(cast.tenant_a.id):
        camera = camera_add(box.agent(), NewCamera("Gate", "rtsp://192.0.2.1/x"), system("tests"))
        view = view_add(actor_of(cast.alice), {"name": "Crossings", "cameras": [camera.id]})
        event = AuditInbox.objects.values_list("id", flat=True)[0]
        wanted = destinations.Wanted("Watch", "syslog", "127.0.0.1:9")
        destination = destinations.add(wanted, system("tests"))
    with running_portal(API_REQUESTS_PER_MINUTE="1000000") as address:
        yield Target(
            address, cast, str(camera.id), str(box.agent_id), str(view.id), str(event), str(destination.id)
        )


def tried(target: Target, folder: Path, headers: dict[str, str], *arguments: str) -> None:
    """Runs schemathesis with these headers; fails with its report when it finds anything."""
    quoted = {name: json.dumps(value) for name, value in headers.items()}
    (folder / "schemathesis.toml").write_text(
        f"""
[parameters]
"path.camera_id" = "{target.camera}"
"path.agent_id" = "{target.agent}"
"path.site_id" = "{target.cast.site_a.id}"
"path.view_id" = "{target.view}"
"path.event_id" = "{target.event}"
"path.destination_id" = "{target.destination}"
"path.account_id" = "{target.cast.bob.id}"
"query.cameras" = "{target.camera}"

[headers]
{chr(10).join(f"{name} = {value}" for name, value in quoted.items())}

# What JSON Schema cannot say (`to` after `from`, a name in printable characters, an address that is one) is refused with 422.
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "304", "400", "401", "403", "404", "409", "412", "422", "429"]

# A body is refused for its size (413) or for its If-Match (412) before what it says is looked at.
[checks.negative_data_rejection]
expected-statuses = ["400", "401", "403", "404", "405", "406", "409", "412", "413", "415", "422", "428", "429"]
"""
    )
    command = [
        sys.executable,
        "-m",
        "schemathesis.cli",
        f"--config-file={folder / 'schemathesis.toml'}",
        "run",
        f"{target.address}/api/schema/",
        "--no-color",
        f"--max-examples={EXAMPLES_EACH}",
        "--seed=1",
        "--generation-database=none",
        "--checks=all",
        *arguments,
    ]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=SECONDS_MOST)
    assert done.returncode == 0, done.stdout[-12_000:] + done.stderr[-2000:]
    assert "operations" in done.stdout.lower()


def test_nothing_is_found_with_a_token(target: Target, tmp_path: Path) -> None:
    token = make_token(target.cast.alice)[1]
    # These would take away what the operations after them are about; they are tried by themselves below.
    tried(
        target,
        tmp_path,
        {"Authorization": f"Bearer {token}"},
        *(f"--exclude-operation-id={name}" for name in ENDING),
        *(f"--exclude-tag={tag}" for tag in PERSONAL),
    )


def test_nothing_is_found_with_a_session(target: Target, tmp_path: Path) -> None:
    browser = sign_in(target.cast.alice)
    page = browser.get(f"/t/{target.cast.tenant_a.slug}/account/tokens/new")
    cookies = "; ".join(f"{name}={morsel.value}" for name, morsel in browser.cookies.items())
    assert page.status_code == 200
    headers = {
        "Cookie": cookies,
        "X-CSRFToken": browser.cookies["vsaas_csrf"].value,
        "VSaaS-Tenant": target.cast.tenant_a.slug,
    }
    # It cannot take away a cookie whose name depends on the organisation; tests/isolation does.
    without = ("--exclude-checks=ignored_auth", "--generation-with-security-parameters=false")
    tried(target, tmp_path, headers, *(f"--include-tag={tag}" for tag in PERSONAL), *without)
    token = make_token(target.cast.alice, name="Last")[1]
    headers = {"Authorization": f"Bearer {token}"}
    tried(target, tmp_path, headers, *(f"--include-operation-id={name}" for name in ENDING))
